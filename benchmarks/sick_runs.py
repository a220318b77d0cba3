"""One healthy run and three sick ones, and what their curves show: `python benchmarks/sick_runs.py`.

Each trains `small_cnn` on 3,000 of the built-in images for six passes, some twenty seconds. Draws docs/watching.png and
prints the table of docs/watching.md: the last pass's loss beside what guessing gives, the length of the gradient, the
features' effective rank and deviation, and k-NN. With --log DIR all are written for TensorBoard, too.
"""

import argparse
import contextlib
import math
from pathlib import Path

import matplotlib.pyplot as plt

from ssl_course import load, plots, pretrain
from ssl_course.data import ImageSet
from ssl_course.logbook import Logbook
from ssl_course.recipes import build

PICTURE = Path(__file__).parent.parent / "docs" / "watching.png"
BATCH, PASSES, RATE = 128, 6, 3e-3
GUESS = math.log(2 * BATCH - 1)  # of SimCLR's loss
RUNS = {  # method, learning rate, what guessing or an untrained network costs
    "healthy: SimCLR": ("simclr", RATE, GUESS),
    "exploding: the same, rate x 300": ("simclr", 300 * RATE, GUESS),
    "vanishing: the same, rate / 10,000": ("simclr", RATE / 10_000, GUESS),
    "collapsed: SimSiam without stop-gradient": ("simsiam", RATE / 3, 0.0),
}
DRAWN = {
    "loss": "loss, less guessing",
    "gradient_norm": "length of the gradient",
    "effective_rank": "effective rank of h",
    "feature_deviation": "deviation of h",
    "knn": "k-NN (%)",
}


def main() -> None:
    """Train the four, draw and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--log", type=Path, help="a folder for TensorBoard")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    images, labelled = load("shapes", size=3000), load("shapes", size=4000)
    told = {name: record(name, images, labelled, options.seed, options.log) for name in RUNS}
    draw(told)
    print(f"seed {options.seed}; the last of {PASSES} passes")
    print("| run | loss, less guessing | gradient | rank | deviation | k-NN |\n|---|---|---|---|---|---|")
    for name, passes in told.items():
        last = passes[-1]
        print(
            f"| {name} | {last['loss']:.2f} | {last['gradient_norm']:.2g} | {last['effective_rank']:.1f} | "
            f"{last['feature_deviation']:.2f} | {last['knn']:.0f} % |"
        )


def record(name: str, images: ImageSet, labelled: ImageSet, seed: int, log: Path | None) -> list[dict]:
    """Train one; what each of its passes was like."""
    kind, rate, guess = RUNS[name]
    method = build(kind, "shapes", seed=seed)
    if kind == "simsiam":
        method.stop_gradient = False
    book = Logbook(log / name.split(":")[0], method, labelled=labelled, about={"rate": rate}) if log else None
    voting = Logbook("", method, labelled=labelled)
    passes = []

    def on_epoch(told: dict) -> None:
        passes.append(told | {"loss": told["loss"] - guess, "knn": 100 * voting.neighbours()})
        if book is not None:
            book.on_epoch(told)

    with book or contextlib.nullcontext():
        on_step = book.on_step if book is not None else None
        plain = {"seed": seed, "threads": 1, "progress": False, "on_step": on_step, "on_epoch": on_epoch}
        pretrain(method, images, epochs=PASSES, batch_size=BATCH, lr=rate, **plain)
    return passes


def draw(told: dict[str, list[dict]]) -> None:
    """A panel for each quantity, a line for each run."""
    figure, axes = plt.subplots(1, len(DRAWN), figsize=(14, 3.4), layout="constrained")
    for axis, (key, title) in zip(axes, DRAWN.items(), strict=True):
        for place, (name, passes) in enumerate(told.items()):
            style = ("-", "--", ":", "-.")[place]
            numbers = [passed["epoch"] for passed in passes]
            axis.plot(numbers, [passed[key] for passed in passes], style, color=plots.COLOURS[2 * place], label=name)
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("pass")
        axis.spines[["top", "right"]].set_visible(False)
    axes[1].set_yscale("log")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    figure.savefig(PICTURE, dpi=100)


if __name__ == "__main__":
    main()
