"""Lesson 00: the best of many encoders that differ by nothing but luck."""

import math

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy.stats import binom

from ssl_course.live.core import Demo, slider, steps
from ssl_course.plots import COLOURS

SEEDS = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500)
IMAGES = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)


def standard_error(chance: float, images: int) -> float:
    """The deviation of an accuracy that is measured on so many images, each answered rightly with this chance."""
    return math.sqrt(chance * (1 - chance) / images)


def expected_best(chance: float, images: int, seeds: int) -> float:
    """The mean of the best of so many measured accuracies, exactly: the sum over k of P(the best has more than k)."""
    below = binom.cdf(np.arange(images), images, chance) ** seeds  # all seeds have at most k right answers
    return float((1 - below).sum() / images)


class Luck(Demo):
    """Scores of equally good encoders: the histogram, the best beside the mean, and what the best promises too much."""

    title = "The best of twenty, when nothing differs but luck"
    hint = "All are equally good. How many test images does it take until the best is no longer far above the mean?"
    size = (8.8, 3.4)
    typical = (
        {"seeds": 20, "images": 100},
        {"seeds": 500, "images": 100},
        {"seeds": 20, "images": 5000},
    )

    def __init__(self):
        super().__init__(
            seeds=steps("seeds tried", SEEDS, 20),
            images=steps("test images", IMAGES, 100),
            chance=slider("true accuracy (%)", 5, 95, 10, 5),
            again=slider("another throw of the dice", 0, 20, 0),
        )

    def start(self, figure: Figure) -> None:
        self.left, self.right = figure.subplots(1, 2, width_ratios=(1.4, 1))
        self.band = self.left.axvspan(0, 1, color=COLOURS[1], alpha=0.5, lw=0, label="truth ± standard error")
        self.counts = self.left.stairs([0], [0, 1], fill=True, color=COLOURS[0], label="seeds")
        self.mean = self.left.axvline(0, color="black", ls="--", lw=1.5, label="their mean")
        self.best = self.left.plot([], [], "D", ms=9, color=COLOURS[4], mec="white", label="the best")[0]
        self.left.set(xlabel="measured accuracy (%)")
        self.left.set_title("how many seeds got which accuracy", fontsize=10)
        self.left.yaxis.set_major_locator(MaxNLocator(6, integer=True))
        figure.legend(
            *self.left.get_legend_handles_labels(), fontsize=9, frameon=False, loc="outside lower left", ncols=4
        )
        self.curve = self.right.plot([], [], "-", color=COLOURS[4])[0]
        self.here = self.right.plot([], [], "D", ms=9, color=COLOURS[4], mec="white")[0]
        self.right.set(xscale="log", xlabel="test images", ylabel="points", xlim=(15, 14_000))
        self.right.set_title("by how much the best is too good", fontsize=10)
        self.left.set_ylabel("seeds")
        for axis in (self.left, self.right):
            axis.yaxis.set_label_coords(-0.12, 0.5)  # room for three digits
            axis.spines[["top", "right"]].set_visible(False)

    def draw(self, *, seeds: int, images: int, chance: int, again: int) -> str:
        p = chance / 100
        scores = 100 * np.random.default_rng(again).binomial(images, p, seeds) / images
        error, width = 100 * standard_error(p, images), max(1.0, 100 / images)
        edges = np.arange(-width / 2, 100 + width, width)  # a possible score in the middle of each bar
        counts = np.histogram(scores, edges)[0]
        self.counts.set_data(counts, edges)
        self.best.set_data([scores.max()], [0.04 * max(4, counts.max())])
        self.mean.set_xdata([scores.mean()] * 2)
        self.band.set(x=chance - error, width=2 * error)
        low = min(max(chance - 25, -2), 52)  # 50 points wide at every accuracy
        self.left.set(ylim=(0, 1.15 * max(4, counts.max())), xlim=(low, low + 50))
        too_much = [100 * (expected_best(p, count, seeds) - p) for count in IMAGES]
        self.curve.set_data(IMAGES, too_much)
        gain = too_much[IMAGES.index(images)]
        self.here.set_data([images], [gain])
        self.right.set_ylim(0, 1.1 * max(1, *too_much))
        told = f"True accuracy of all {chance} %. Mean of {seeds} seeds {scores.mean():.1f} %, "
        told += f"the best {scores.max():.1f} %. "
        return told + f"Standard error {error:.1f} points; the best is too good by {gain:.1f} points on average."
