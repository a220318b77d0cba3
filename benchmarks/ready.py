"""Keep the encoders of the longest runs with the package: half precision, with a card each.

    python benchmarks/ready.py --runs runs/long/runs
    python benchmarks/ready.py --part-ii

The first reads results/budgets_shapes.json, which `ssl-course compare --budgets … --out runs/long` wrote, and the runs
that it names. The second trains what lessons 13 and 14 tell of (in runs/, where it goes on if it is stopped). The
accuracies on a card are those of the file, after rounding.
"""

import argparse
import json
from pathlib import Path

import torch
from prediction import SLOWER, SLOWLY
from self_distillation import SPREAD, planned, spread
from study import RUNS

from ssl_course.evaluate import judge
from ssl_course.methods import METHODS
from ssl_course.ready import FOLDER, WHOLE, cards, ready, write_weights
from ssl_course.recipes import Recipe, make, recipe
from ssl_course.results import read
from ssl_course.runs import Build, Images, judge_briefly, load_images, run

LEFT_OUT = ("rotation", "jigsaw")  # no answer, as these shapes are turned by any angle; the files would pass 16 MB
ABOUT = ("passes", "steps", "cost", "seconds", "hash", "date", "hardware")
BRIEF = 500  # test images of the check that a unit test repeats, with twice as many labelled ones
LIMIT = 16 * 2**20  # bytes in all


def part_ii() -> dict[str, tuple[Recipe, Build, str]]:
    """The long runs of lessons 13 and 14: recipe, what makes the method, and what the recipe doesn't say."""
    koleo = planned(f"{SPREAD}, longest", 0)
    usual = recipe("ijepa", passes=1)
    slower = recipe("ijepa", passes=106, size=2000, lr=usual.lr / 2, options=SLOWLY)
    return {
        "dino": (koleo, spread, "KoLeo of weight 1, half of the views inverted"),
        "ijepa": (slower, make, SLOWER),
        "lejepa": (recipe("lejepa", scale=10.0), make, ""),
    }


def keep(name: str, row: dict, made: Recipe, place: Path) -> dict:
    """Write one file, and return its card without accuracies."""
    saved = torch.load(place / "checkpoint.pt", map_location="cpu", weights_only=True)["method"]
    prefix = "" if name in WHOLE else "encoder."
    weights = {key.removeprefix(prefix): part for key, part in saved.items() if key.startswith(prefix)}
    about = {key: row[key] for key in ABOUT} | {"seed": made.seed, "recipe": made.as_dict()}
    return about | {"sha256": write_weights(FOLDER / f"{name}.npz", weights)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--runs", type=Path, help="the folder `runs` of the comparison")
    which.add_argument("--part-ii", action="store_true", help="train the methods of lessons 13 and 14 and keep them")
    parser.add_argument("--methods", nargs="+", help="default all, in Part I but rotation and jigsaw")
    options = parser.parse_args()
    images = load_images(recipe("simclr"))
    if options.part_ii:
        plans = part_ii()
        for name in options.methods or plans:
            made, build, note = plans[name]
            row = run(made, RUNS, build=build, judge=judge_briefly)
            add(name, row, keep(name, row, made, RUNS / row["hash"]) | ({"note": note} if note else {}), images)
    else:
        budgets = read("budgets_shapes")["budgets"]
        largest = max(budgets, key=float)
        rows = budgets[largest]["seeds"]["0"]
        for name in options.methods or [name for name in METHODS if name not in LEFT_OUT]:
            made, row = recipe(name, scale=float(largest)), rows[name]
            add(name, row, keep(name, row, made, options.runs / row["hash"]), images)
    size = sum(path.stat().st_size for path in FOLDER.glob("*.npz"))
    print(f"{size / 2**20:.1f} MiB in all")
    if size > LIMIT:
        raise SystemExit(f"that is more than {LIMIT / 2**20:.0f} MiB")


def add(name: str, row: dict, about: dict, images: Images) -> None:
    """Put a card among the cards, with the accuracies of its file."""
    file = FOLDER / "cards.json"
    table = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    table[name] = about
    file.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    cards.cache_clear()
    about |= judge(ready(name), images.labelled, images.test)
    brief = judge(ready(name), images.labelled[: 2 * BRIEF], images.test[:BRIEF])
    about["brief"] = {"images": BRIEF} | brief
    file.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    print(
        f"{name:<13} linear probe {100 * about['linear_probe']:.1f} % (the run: {100 * row['linear_probe']:.1f} %)",
        flush=True,
    )


if __name__ == "__main__":
    main()
