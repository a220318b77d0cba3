"""The full recipes: goals on a GPU, and on any machine a short run in which each of them takes its steps.

    python benchmarks/full.py cifar10 --seeds 0 1 2    # the goals, each with seconds of training; hours for all
    python benchmarks/full.py DIR --short              # every full recipe in fp32, bf16 and fp16 for some steps

For a goal the speed is measured first, without being counted, and then as many passes are made as fill its seconds
with training and views; compiling (`--compile`) and judging are told apart. `--short` takes some steps with a few
pictures made small, since processors emulate fp16 slowly, and keeps no accuracy: the loss of the first step shows that
the three formats compute the same. What is in the file already isn't made again.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch.nn.functional as F
from torch import nn

from ssl_course.augment import Augment
from ssl_course.cost import training_flops
from ssl_course.data import ImageSet, load
from ssl_course.evaluate import fine_tune, judge
from ssl_course.precision import choose_device, choose_precision
from ssl_course.recipes import FULL_OWN, Recipe, make, recipe
from ssl_course.results import FOLDER
from ssl_course.runs import Machine, hardware, today
from ssl_course.tables import as_json
from ssl_course.train import History, pretrain

PRECISIONS = ("fp32", "bf16", "fp16")
PEAKS = {"H100": 989e12, "H200": 989e12, "A100": 312e12, "T4": 65e12}  # of dense half precision, as advertised
TRIED = 40  # steps by which the speed is measured
SHORT = {"images": 32, "side": 8, "batch_size": 8, "passes": 4}
# Of fine-tuning: He et al. 2022, A.2
TUNING = {"optimizer": "adamw", "epochs": 100, "batch_size": 512, "lr": 1e-3, "weight_decay": 0.05, "warmup": 0.05}


@dataclass(frozen=True)
class Goal:
    """What is to be reached: `at_least` in the column `judged`, after `seconds` of training; `usual`: on a fast GPU."""

    method: str
    seconds: float
    judged: str
    at_least: float
    precision: str = "auto"
    usual: bool = True


GOALS = {
    "SimCLR in a minute": Goal("simclr", 60, "linear_probe", 0.85),
    "SimCLR in five minutes": Goal("simclr", 300, "knn", 0.90),
    "BYOL in four minutes": Goal("byol", 240, "knn", 0.87),
    "MAE in ten minutes": Goal("mae", 600, "fine_tuned", 0.898),
    "SimCLR in half an hour of a T4": Goal("simclr", 1800, "linear_probe", 0.85, "fp16", usual=False),
}


def settings_of(made: Recipe, machine: Machine) -> dict:
    """Of `pretrain`, but for the passes."""
    names = ("batch_size", "lr", "warmup", "weight_decay", "optimizer", "seed")
    how = {"device": machine.device, "precision": machine.precision, "threads": machine.threads}
    return {name: getattr(made, name) for name in names} | how | {"watch": False, "progress": False}


def images_per_second(made: Recipe, train: ImageSet, machine: Machine, compile: str) -> float:
    """How fast this recipe trains here; the first of two passes over some batches isn't counted."""
    some = train[: min(len(train), TRIED * made.batch_size)]
    return trained(make(made), some, epochs=2, compile=compile, **settings_of(made, machine))[-1]["images_per_second"]


def trained(method: nn.Module, images: ImageSet, **how) -> History:
    """As `pretrain`; KeyboardInterrupt if it was stopped by hand, since half a training is no row."""
    history = pretrain(method, images, **how)
    if history.interrupted:
        raise KeyboardInterrupt("training was stopped by hand")
    return history


def used(machine: Machine) -> dict[str, str]:
    """What a row was made on, and in which precision."""
    return {name: hardware(machine)[name] for name in ("device", "precision")}


def reach(goal: Goal, train: ImageSet, test: ImageSet, seed: int, *, machine: Machine, compile: str, data: str) -> dict:
    """One row: what a goal's seconds of training give."""
    made = recipe(goal.method, data, full=True, passes=1, seed=seed)
    speed = images_per_second(made, train, machine, compile)
    steps = len(train) // made.batch_size
    passes = max(1, int(goal.seconds * speed / (steps * made.batch_size)))
    method, start = make(made), time.perf_counter()
    history = trained(method, train, epochs=passes, compile=compile, **settings_of(made, machine))
    whole, seconds = time.perf_counter() - start, sum(record["seconds"] for record in history)
    row = {"passes": passes, "steps": passes * steps, "seconds": seconds, "seconds_beside": whole - seconds}
    row["images_per_second"] = passes * steps * made.batch_size / seconds
    row["flops_per_second"] = row["images_per_second"] * training_flops(method, tuple(train.images.shape[2:]))
    start = time.perf_counter()
    row |= judge(method.encoder, train, test)
    if goal.judged == "fine_tuned":
        how = settings_of(made, machine) | TUNING | {"augment": Augment(**made.tuning_views)}
        row["fine_tuned"] = fine_tune(method.encoder, train, test, **how)
    return row | {"judging_seconds": time.perf_counter() - start, "loss": history[-1]["loss"]} | used(machine)


def start_of(made: Recipe, train: ImageSet, machine: Machine) -> dict:
    """One row of `--short`: the loss of the first step, and the means of the first and the last pass."""
    steps: list[float] = []

    def first(told: dict) -> None:
        if told["step"] == 1:
            steps.append(float(told["loss"]))

    history = trained(make(made), train, epochs=made.passes, on_step=first, **settings_of(made, machine))
    row = {"first_step": steps[0], "first_pass": history[0]["loss"], "last_pass": history[-1]["loss"]}
    return row | {"seconds": sum(record["seconds"] for record in history)} | used(machine)


def short_recipe(method: str, data: str) -> Recipe:
    """A full recipe with few passes and small batches; the rate in proportion."""
    whole, size = recipe(method, data, full=True), SHORT["batch_size"]
    rate = whole.lr * size / whole.batch_size
    return recipe(method, data, full=True, passes=SHORT["passes"], batch_size=size, lr=rate)


def few_and_small(data: str) -> ImageSet:
    """Some training images, each pixel the mean of several."""
    some = load(data, size=SHORT["images"])
    pixels = F.adaptive_avg_pool2d(some.images.float(), SHORT["side"]).round().byte()
    return ImageSet(pixels, some.labels, some.classes)


def make_rows(part: str, wanted: dict[str, list[tuple[str, Callable[[], dict]]]], file: Path) -> dict[str, dict]:
    """Add the rows that the file doesn't have to a part of it, and keep each when it is made."""
    result = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    kept = result.setdefault(part, {})
    for name, rows in wanted.items():
        for key, row in rows:
            if key in kept.setdefault(name, {}):
                continue
            kept[name][key] = row() | {"torch": version("torch"), "date": today()}
            file.write_text(as_json(result), encoding="utf-8")
            print(f"{name}, {key}: {kept[name][key]}", flush=True)
    return kept


def show_goals(kept: dict[str, dict[str, dict]]) -> None:
    """As a Markdown table: every seed's value, and the share of the card's peak where that is known."""
    print("| goal | aim | reached | passes | seconds | images a second | TFLOP/s |\n|---|---|---|---|---|---|---|")
    for goal, rows in kept.items():
        aim, row = GOALS[goal], next(iter(rows.values()))
        reached = ", ".join(f"{100 * each[aim.judged]:.1f}" for each in rows.values())
        speed = f"{row['flops_per_second'] / 1e12:.1f}"
        peak = next((value for card, value in PEAKS.items() if card in row["device"]), None)
        if peak and row["precision"] != "fp32":
            speed += f" ({row['flops_per_second'] / peak:.0%} of peak)"
        what = f"{aim.judged.replace('_', ' ')} {100 * aim.at_least:.1f}"
        cells = [goal, what, reached, str(row["passes"]), f"{row['seconds']:.0f}", f"{row['images_per_second']:,.0f}"]
        print(f"| {' | '.join(cells)} | {speed} |")


def show_short(kept: dict[str, dict[str, dict]]) -> None:
    """As a Markdown table."""
    print(f"| full recipe, loss | {' | '.join(f'{name}: first step | first and last pass' for name in PRECISIONS)} |")
    print("|---" * (1 + 2 * len(PRECISIONS)) + "|")
    for method, rows in kept.items():
        cells = [f"{row['first_step']:.4g} | {row['first_pass']:.4g} → {row['last_pass']:.4g}" for row in rows.values()]
        print(f"| `{method}` | {' | '.join(cells)} |")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="cifar10, or a folder DIR/train/CLASS/*.jpg, DIR/test/CLASS/*.jpg of 32x32 pixels")
    parser.add_argument("--short", action="store_true", help="every full recipe for some steps, on any machine")
    parser.add_argument("--only", nargs="+", default=None, metavar="NAME", help="goals, with --short methods")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--compile", action="store_true", help="by torch.compile, for speed and training alike")
    parser.add_argument("--results", type=Path, default=FOLDER / "full.json")
    options = parser.parse_args(arguments)
    names = FULL_OWN if options.short else [name for name, goal in GOALS.items() if goal.usual]
    if unknown := set(options.only or ()) - set(FULL_OWN if options.short else GOALS):
        parser.error(f"no {', '.join(sorted(unknown))}: there is {', '.join(FULL_OWN if options.short else GOALS)}")
    device = choose_device(options.device)
    machine = Machine(str(device), choose_precision("auto", device))
    if options.short:
        train, wanted = few_and_small(options.data), {}
        for method in options.only or names:
            made = short_recipe(method, options.data)
            ways = [(name, Machine(machine.device, name)) for name in PRECISIONS]
            wanted[method] = [(name, lambda way=way, made=made: start_of(made, train, way)) for name, way in ways]
        show_short(make_rows("short", wanted, options.results))
        return
    if device.type == "cpu":
        sys.exit("the goals are those of a GPU, and there is none here: --short lets each recipe take some steps")
    train, test, wanted = load(options.data), load(options.data, "test"), {}
    for name in options.only or names:
        goal = GOALS[name]
        there = Machine(machine.device, goal.precision if goal.precision != "auto" else machine.precision)
        how = {"machine": there, "compile": "always" if options.compile else "no", "data": options.data}
        wanted[name] = [
            (str(seed), lambda goal=goal, seed=seed, how=how: reach(goal, train, test, seed, **how))
            for seed in options.seeds
        ]
    show_goals(make_rows("goals", wanted, options.results))


if __name__ == "__main__":
    main()
