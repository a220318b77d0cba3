"""What the settings of longer runs were chosen from: as many trials for every method, on images held back from the
training split.

    python benchmarks/tuning.py --jobs 12

First every batch size with every learning rate; then, at the best of these, other views, other weight decay and other
values of the method's own options, one at a time. A trial of the second kind is taken if it is better by more than
MARGIN; less than that is a tie, in which the largest batch is taken, since it is the fastest in seconds. BYOL and
SimSiam, which are slowest to learn and change their order when they learn longer, have trials of ten times the usual
cost with two seeds, too, and these decide. Nothing here sees the test
split. Trials that are in the file aren't made again.
"""

import argparse
import functools
import json
import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ssl_course.methods import METHODS
from ssl_course.recipes import LONG_RUN, Recipe, recipe
from ssl_course.results import FOLDER
from ssl_course.runs import Images, Machine, Task, hardware, judge_briefly, load_images, run_side_by_side, today
from ssl_course.tables import as_json

RUNS = Path(__file__).parent.parent / "runs"
SEED = 100  # of the trials alone
HELD_BACK = 2000  # images of the training split that trials are judged on
MARGIN = 0.01  # of the linear probe; a smaller difference is a tie
BATCHES = (32, 64, 128)
RATES = (1e-3, 2e-3, 4e-3)
EVERYONE = ({"views": {"crop": 0.4}}, {"views": {"crop": 0.8}}, {"weight_decay": 0.005}, {"weight_decay": 0.2})
OWN = {
    "rotation": ({"options": {"every": True}}, {"views": {"grayscale": 0.2}}),
    "jigsaw": ({"options": {"count": 100}}, {"options": {"gap": 1}}),
    "inpainting": ({"options": {"share": 0.15}}, {"options": {"share": 0.4}}),
    "autoencoder": ({"options": {"noise": 0.2}}, {"options": {"bottleneck": 64}}),
    "vae": ({"options": {"deviation": 0.1}}, {"options": {"beta": 0.5}}),
    "triplet": ({"options": {"margin": 0.2}}, {"options": {"margin": 1.0}}),
    "simclr": ({"options": {"temperature": 0.1}}, {"options": {"temperature": 0.3}}),
    "moco": ({"options": {"temperature": 0.15}}, {"options": {"decay": 0.97}}),
    "byol": ({"options": {"decay": 0.8}}, {"options": {"decay": 0.97}}),
    "simsiam": ({"views": {"grayscale": 0.5}}, {"views": {"grayscale": 1.0}}),
    "barlow_twins": ({"options": {"weight": 0.02}}, {"options": {"weight": 0.001}}),
    "vicreg": ({"options": {"covariance": 4.0}}, {"options": {"variance": 10.0}}),
    "mae": ({"options": {"ratio": 0.6}}, {"options": {"normalised": True}}),
    "supervised": ({"views": {"grayscale": 0.5}}, {"views": {"grayscale": 1.0}}),
}


GENTLER = {"batch_size": 64, "lr": 1e-3, "views": {"crop": 0.8}}
PLAIN = {"batch_size": 64, "lr": 1e-3}
LONGER = {
    "byol": (
        {"batch_size": 64, "lr": 1.5e-3},
        GENTLER | {"lr": 1.5e-3},
        GENTLER,
        GENTLER | {"lr": 1.5e-3, "options": {"decay": 0.97}},
        GENTLER | {"lr": 7e-4},
        GENTLER | {"batch_size": 32},
        GENTLER | {"batch_size": 32, "lr": 5e-4},
        GENTLER | {"options": {"decay": 0.8}},
        GENTLER | {"options": {"decay": 0.95}},
        GENTLER | {"weight_decay": 0.005},
        GENTLER | {"weight_decay": 0.2},
        GENTLER | {"views": {"crop": 0.8, "grayscale": 0.5}},
        GENTLER | {"views": {"crop": 0.8, "grayscale": 1.0}},
    ),
    "simsiam": (
        {"batch_size": 128, "lr": 2e-3},
        {"batch_size": 128, "lr": 2e-3, "views": {"crop": 0.8}},
        PLAIN,
        {"batch_size": 128, "lr": 2e-3, "views": {"grayscale": 1.0}},
        GENTLER,
        PLAIN | {"lr": 7e-4},
        PLAIN | {"batch_size": 32},
        PLAIN | {"batch_size": 32, "lr": 5e-4},
        PLAIN | {"weight_decay": 0.005},
        PLAIN | {"weight_decay": 0.2},
        PLAIN | {"views": {"crop": 0.4}},
        PLAIN | {"views": {"grayscale": 0.5}},
        PLAIN | {"views": {"grayscale": 1.0}},
    ),
}
STAGES = ("first", "second", "longer")
LONGEST = 10  # times the usual cost, of those
LONGER_SEEDS = (SEED, SEED + 1)  # of those


def held_back(made: Recipe) -> Images:
    """Training images in two parts, one to train on and the other in place of the test split."""
    whole = load_images(replace(made, size=made.size + HELD_BACK)).train
    train, rest = whole[: made.size], whole[made.size :]
    return Images(train, train.sample(min(made.probe, len(train)), seed=made.seed), rest)


def trial(method: str, changes: dict, scale: float, seed: int = SEED) -> Task:
    """A run of a method with something changed, at the cost of `scale` usual ones."""
    return Task(recipe(method, "shapes", scale=scale, tuned=False, seed=seed, **changes), judge_briefly, held_back)


def first_changes() -> list[dict]:
    return [{"batch_size": batch, "lr": rate} for batch in BATCHES for rate in RATES]


def second_changes(method: str, best: dict) -> list[dict]:
    return [best | change for change in (*EVERYONE, *OWN[method])]


def best_of(trials: list[dict]) -> dict:
    """The best of the first trials, or what is as good at a larger batch."""
    top = max(row["linear_probe"] for row in trials)
    tied = [row for row in trials if row["linear_probe"] >= top - MARGIN]
    return max(tied, key=lambda row: (row["changes"]["batch_size"], row["linear_probe"]))


def choose(first: list[dict], second: list[dict], longer: Sequence[dict] = ()) -> dict:
    """The changes that are taken: the best of the longer trials by the mean of their seeds if there are any, else the
    best of the first, or of the second if it is better by MARGIN."""
    if longer:
        return max((row["changes"] for row in longer), key=functools.partial(mean_of, longer))
    before = best_of(first)
    after = max(second, key=lambda row: row["linear_probe"], default=before)
    return (after if after["linear_probe"] > before["linear_probe"] + MARGIN else before)["changes"]


def mean_of(trials: Sequence[dict], changes: dict) -> float:
    """The mean linear probe of the trials with these changes."""
    return statistics.mean(row["linear_probe"] for row in trials if row["changes"] == changes)


def choices(trials: dict[str, dict]) -> dict[str, dict]:
    """What is taken of every method's trials, as far as there are any."""
    return {method: choose(**part) for method, part in trials.items() if part["first"]}


def planned(stage: str, method: str, trials: dict[str, list[dict]]) -> list[tuple[dict, int]]:
    """The changes of a stage that haven't been tried, each with its seed."""
    if stage == "longer":
        wanted = list(LONGER.get(method, ()))
    else:
        wanted = first_changes() if stage == "first" else second_changes(method, best_of(trials["first"])["changes"])
    tried = [(row["changes"], row.get("seed", SEED)) for row in trials.get(stage, [])]
    seeds = LONGER_SEEDS if stage == "longer" else (SEED,)
    return [(changes, seed) for seed in seeds for changes in wanted if (changes, seed) not in tried]


def tune(methods: list[str], scale: float, jobs: int, file: Path, stages: Sequence[str] = STAGES) -> None:
    """Make all trials that aren't in the file, longest first, and keep them there as they finish."""
    machine = Machine().resolved()
    earlier = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {"trials": {}}
    result = {"caption": "built-in images, held back", "command": f"python benchmarks/tuning.py --scale {scale:g}"}
    result |= {"hardware": hardware(machine), "date": today()}
    result |= {name: earlier[name] for name in ("hardware", "date") if name in earlier}  # of the first trials
    result |= {"scale": scale, "seed": SEED, "margin": MARGIN}
    result |= {"chosen": {}, "trials": {method: {"first": [], "second": []} for method in methods}}
    result["trials"] |= earlier["trials"]
    made = {"device": hardware(machine)["device"], "date": today()}
    for stage in stages:
        changed = {}
        for method in methods:
            for changes, seed in planned(stage, method, result["trials"][method]):
                changed[trial(method, changes, LONGEST if stage == "longer" else scale, seed)] = changes
        tasks = sorted(changed, key=lambda task: -task.recipe.passes / task.recipe.batch_size)
        for task, row in run_side_by_side(tasks, RUNS, machine, jobs):
            kept = {name: row[name] for name in ("linear_probe", "knn", "steps", "seconds", "hash") if name in row}
            kept |= {"failed": row["failed"], "linear_probe": 0.0, "knn": 0.0} if "failed" in row else {}
            result["trials"][task.recipe.method].setdefault(stage, []).append(
                {"changes": changed[task], "seed": task.recipe.seed} | kept | made
            )
            result["chosen"] = choices(result["trials"])
            print(f"{stage:<7}{task.recipe.method:<13}{changed[task]}  {kept}", flush=True)
            file.write_text(as_json(result), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", nargs="+", choices=OWN, default=[*METHODS, "supervised"])
    parser.add_argument("--scale", type=float, default=LONG_RUN, help="times the cost of the usual run")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES)
    parser.add_argument("--out", type=Path, default=FOLDER / "tuning_shapes.json")
    options = parser.parse_args()
    tune(options.methods, options.scale, options.jobs, options.out, options.stages)


if __name__ == "__main__":
    main()
