"""Results of longer runs, kept with the package so that a lesson can show them: which command made each says `read`."""

import json
import statistics
from pathlib import Path

FOLDER = Path(__file__).parent
TITLES = {"pixels": "raw pixels", "untrained": "untrained encoder", "supervised": "trained with labels"}
BASELINES = {"shapes": "compare_shapes", "cifar10": "compare_cifar10"}  # which result, by the data set's name in `load`


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
        data: "shapes" or "cifar10" (its JPEG copy), both from `ssl-course compare`.

    Returns:
        By the row's title: `linear_probe` and `knn`, accuracies in [0, 1].

    Raises:
        ValueError: if there is no result for these images.
    """
    if data not in BASELINES:
        raise ValueError(f"there are baselines for {' and '.join(BASELINES)}, not for {data!r}: train them (lesson 00)")
    seeds = read(BASELINES[data])["seeds"].values()
    return {
        title: {column: statistics.mean(rows[name][column] for rows in seeds) for column in ("linear_probe", "knn")}
        for name, title in TITLES.items()
    }
