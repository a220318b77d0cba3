"""Results of longer runs, kept with the package so that a lesson can show them: which command made each says `read`."""

import json
import statistics
from pathlib import Path

FOLDER = Path(__file__).parent
TITLES = {"pixels": "raw pixels", "untrained": "untrained encoder", "supervised": "trained with labels"}
BASELINES = {  # by the name of the data set in `load`: which result, and which of its rows under which title
    "shapes": ("compare_shapes", TITLES),
    "cifar10": ("cifar10-jpeg", {title: title for title in TITLES.values()}),
}


def read(name: str) -> dict:
    """A committed result: `command`, `recipe`, `hardware`, `date` and `seeds`, a dict of rows for each seed.

    Raises:
        ValueError: if there is no such result.
    """
    file = FOLDER / f"{name}.json"
    if not file.is_file():
        known = ", ".join(sorted(path.stem for path in FOLDER.glob("*.json")))
        raise ValueError(f"there is no result {name!r}, only {known}")
    return json.loads(file.read_text())


def baselines(data: str) -> dict[str, dict[str, float]]:
    """Raw pixels, the untrained encoder and the one trained with labels: the rows that every lesson's are beside.

    Read from a committed result, the mean over its seeds.

    Args:
        data: "shapes" (from `ssl-course compare`) or "cifar10" (from benchmarks/accuracy.py, on its JPEG copy).

    Returns:
        By the row's title: `linear_probe` and `knn`, accuracies in [0, 1].

    Raises:
        ValueError: if there is no result for these images.
    """
    if data not in BASELINES:
        raise ValueError(f"there are baselines for {' and '.join(BASELINES)}, not for {data!r}: train them (lesson 00)")
    result, titles = BASELINES[data]
    seeds = read(result)["seeds"].values()
    return {
        title: {column: statistics.mean(rows[name][column] for rows in seeds) for column in ("linear_probe", "knn")}
        for name, title in titles.items()
    }
