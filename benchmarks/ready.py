"""Keep the encoders of the longest runs with the package: half precision, with a card each.

    python benchmarks/ready.py --runs runs/long/runs

Reads results/budgets_shapes.json, which `ssl-course compare --budgets … --out runs/long` wrote, and the runs that it
names. The accuracies on a card are those of the file, after rounding.
"""

import argparse
import json
from pathlib import Path

import torch

from ssl_course.evaluate import judge
from ssl_course.methods import METHODS
from ssl_course.ready import FOLDER, WHOLE, cards, ready, write_weights
from ssl_course.recipes import Recipe, recipe
from ssl_course.results import read
from ssl_course.runs import load_images

LEFT_OUT = ("rotation", "jigsaw")  # no answer, as these shapes are turned by any angle; the files would pass 16 MB
ABOUT = ("passes", "steps", "cost", "seconds", "hash", "date", "hardware")
BRIEF = 500  # test images of the check that a unit test repeats, with twice as many labelled ones
LIMIT = 16 * 2**20  # bytes in all


def keep(name: str, row: dict, made: Recipe, place: Path) -> dict:
    """Write one file, and return its card without accuracies."""
    saved = torch.load(place / "checkpoint.pt", map_location="cpu", weights_only=True)["method"]
    prefix = "" if name in WHOLE else "encoder."
    weights = {key.removeprefix(prefix): part for key, part in saved.items() if key.startswith(prefix)}
    about = {key: row[key] for key in ABOUT} | {"seed": made.seed, "recipe": made.as_dict()}
    return about | {"sha256": write_weights(FOLDER / f"{name}.npz", weights)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, required=True, help="the folder `runs` of the comparison")
    parser.add_argument("--methods", nargs="+", default=[name for name in METHODS if name not in LEFT_OUT])
    options = parser.parse_args()
    budgets = read("budgets_shapes")["budgets"]
    largest = max(budgets, key=float)
    rows = budgets[largest]["seeds"]["0"]
    file = FOLDER / "cards.json"
    table = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    images = load_images(recipe("simclr"))
    for name in options.methods:
        made = recipe(name, scale=float(largest))
        table[name] = keep(name, rows[name], made, options.runs / rows[name]["hash"])
        file.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
        cards.cache_clear()
        table[name] |= judge(ready(name), images.labelled, images.test)
        brief = judge(ready(name), images.labelled[: 2 * BRIEF], images.test[:BRIEF])
        table[name]["brief"] = {"images": BRIEF} | brief
        file.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
        print(
            f"{name:<13} linear probe {100 * table[name]['linear_probe']:.1f} % "
            f"(the run: {100 * rows[name]['linear_probe']:.1f} %)",
            flush=True,
        )
    size = sum(path.stat().st_size for path in FOLDER.glob("*.npz"))
    print(f"{size / 2**20:.1f} MiB in all")
    if size > LIMIT:
        raise SystemExit(f"that is more than {LIMIT / 2**20:.0f} MiB")


if __name__ == "__main__":
    main()
