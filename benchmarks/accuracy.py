"""The README's results: SimCLR beside its floor and its ceiling, several seeds, on the built-in images or a folder.

python benchmarks/accuracy.py shapes --caption "built-in images" --seeds 0 1 2
python benchmarks/accuracy.py DIR --caption "CIFAR-10 (JPEG copy)" --name cifar10-jpeg --seeds 0 1
"""

import argparse
from pathlib import Path

from study import Row, show, table

from ssl_course.recipes import Recipe, recipe

LONGER = {"size": 8000, "passes": 6, "batch_size": 128}  # than the quick profile, on the built-in images
TITLES = {"pixels": "raw pixels", "untrained": "untrained encoder", "simclr": "SimCLR"}
TITLES |= {"supervised": "trained with labels"}


def resolved(method: str, data: str) -> Recipe:
    """SimCLR's recipe for these images, with all of its passes for the ceiling too."""
    usual = LONGER if data == "shapes" else {"passes": recipe("simclr", data).passes}
    return recipe(method, data, **usual)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="shapes, or a folder or name that load() knows")
    parser.add_argument("--caption", help="what to call the images")
    parser.add_argument("--name", help="of the file under ssl_course/results")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    rows = {title: Row(resolved(method, options.data)) for method, title in TITLES.items()}
    name = options.name or Path(options.data).name
    show(table(name, options.caption or options.data, rows, options.seeds))


if __name__ == "__main__":
    main()
