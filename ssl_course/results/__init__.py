"""Results of longer runs, kept with the package so that a lesson can show them: which command made each says `read`."""

import json
import statistics
from pathlib import Path

FOLDER = Path(__file__).parent
COMPARED = {"shapes": "compare_shapes", "cifar10": "compare_cifar10"}  # by the name of the data set in `load`
BASELINES = {"pixels": "raw pixels", "untrained": "untrained encoder", "supervised": "trained with labels"}


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

    Read from the committed result of `ssl-course compare`, the mean over its seeds.

    Args:
        data: "shapes" or "cifar10" (made on its JPEG copy).

    Returns:
        By the row's name: `linear_probe` and `knn`, accuracies in [0, 1].

    Raises:
        ValueError: if there is no result for these images.
    """
    if data not in COMPARED:
        raise ValueError(f"there are baselines for {' and '.join(COMPARED)}, not for {data!r}: train them (lesson 00)")
    seeds = read(COMPARED[data])["seeds"].values()
    return {
        title: {column: statistics.mean(rows[name][column] for rows in seeds) for column in ("linear_probe", "knn")}
        for name, title in BASELINES.items()
    }
