"""Lesson 02: what the squared error pays for one factor of a picture."""

import functools

import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from ssl_course import shapes
from ssl_course.live.core import Demo, slider, steps
from ssl_course.plots import COLOURS
from ssl_course.plots.painting import paint
from ssl_course.shapes import CLASSES

GROUPS = {  # the factors that change together, as in the lesson's price list
    "ground hue": ("ground_hue",),
    "brightness": ("ground", "contrast"),
    "class": ("class",),
    "place": ("x", "y"),
    "angle": ("angle",),
    "hue": ("hue",),
    "size": ("size",),
}
LOW = {
    "ground": 0.15,
    "contrast": 0.4,
    "ground_hue": 0.6,
    "hue": 0.05,
    "x": 12.5,
    "y": 12.5,
    "size": 12.0,
    "angle": 10.0,
}
RANGE = {
    "ground": 0.7,
    "contrast": 0.0,
    "ground_hue": 0.5,
    "hue": 0.5,
    "x": 6.0,
    "y": 6.0,
    "size": -4.0,
    "angle": 180.0,
}
LARGEST = 0.15  # squared error that the price list has room for


def picture(label: int, factor: str = "class", amount: float = 0.0) -> np.ndarray:
    """One picture (32, 32, 3) in [0, 1] in which one group of factors is moved by a share of its range, 0 to 1."""
    factors = {"class": label, **LOW}
    if factor == "class":
        factors["class"] = (label + round(amount * (len(CLASSES) - 1))) % len(CLASSES)
    else:
        factors |= {name: LOW[name] + amount * RANGE[name] for name in GROUPS[factor]}
    if factors["ground"] >= 0.5:  # on a light ground shapes are darker
        factors["contrast"] = -factors["contrast"]
    return paint({name: np.array([value]) for name, value in factors.items()})[0].permute(1, 2, 0).numpy()


@functools.cache
def typical_costs(count: int = 300) -> dict[str, float]:
    """The mean squared error when one group of factors is taken from another picture, dearest first."""
    factors, others = (shapes.draw(count, seed=seed)[1] for seed in (0, 1))
    painted, costs = paint(factors), {}
    for group, names in GROUPS.items():
        wrong = paint(factors | {name: others[name] for name in names})
        costs[group] = float((wrong - painted).square().mean())
    return dict(sorted(costs.items(), key=lambda item: -item[1]))


class Price(Demo):
    """Two pictures that differ in one factor, the map of the squared error, and the price list of all factors."""

    title = "What one wrong factor costs"
    hint = (
        "Make it another class. How little must the ground change to cost the same? What does a disc pay for its angle?"
    )
    size = (9.0, 2.6)
    typical = (
        {"factor": "class", "amount": 40},
        {"factor": "brightness", "amount": 30},
        {"factor": "angle", "amount": 100, "shape": "disc"},
    )

    def __init__(self):
        super().__init__(
            factor=steps("factor that is wrong", list(GROUPS), "class"),
            amount=slider("wrong by (% of its range)", 0, 100, 40, 5),
            shape=steps("class at the start", CLASSES, "star"),
        )

    def start(self, figure: Figure) -> None:
        figure.get_layout_engine().set(h_pad=0.08)
        *pictures, bars = figure.subplots(1, 4, width_ratios=(1, 1, 1.25, 1.4))
        empty = np.zeros((shapes.SIZE, shapes.SIZE, 3))
        self.right, self.wrong = (axis.imshow(empty) for axis in pictures[:2])
        self.map = pictures[2].imshow(empty[..., 0], norm=PowerNorm(0.5, 0, 0.25), cmap="magma")
        figure.colorbar(self.map, ax=pictures[2], shrink=0.7, ticks=(0, 0.05, 0.25))
        for axis, title in zip(pictures, ("picture", "one factor wrong", "squared error"), strict=True):
            axis.set_title(title, fontsize=10)
            axis.set(xticks=[], yticks=[])
        costs = typical_costs()
        self.bars = dict(zip(costs, bars.barh(list(costs), list(costs.values())), strict=True))
        self.mark = bars.plot([0], ["class"], "D", color="black", ms=7, clip_on=False, zorder=3)[0]
        bars.set(
            xlim=(0, LARGEST),
            xticks=(0, 0.05, 0.1, 0.15),
            xlabel="squared error; bar: on average,\ndiamond: of this pair",
        )
        bars.invert_yaxis()
        bars.spines[["top", "right"]].set_visible(False)

    def draw(self, *, factor: str, amount: int, shape: str) -> str:
        label = CLASSES.index(shape)
        right, wrong = picture(label), picture(label, factor, amount / 100)
        squares = np.square(wrong - right)
        error = float(squares.mean())
        self.right.set_data(right)
        self.wrong.set_data(wrong)
        self.map.set_data(squares.mean(axis=2))
        for name, bar in self.bars.items():
            bar.set_color(COLOURS[4] if name == factor else COLOURS[1])
        self.mark.set_data([min(error, LARGEST)], [list(self.bars).index(factor)])
        touched = float((squares.mean(axis=2) > 1e-4).mean())
        told = f"Only the {factor} of the {shape} changes, by {amount} %: squared error {error:.4f}, in {touched:.0%} "
        return told + f"of the pixels. A whole picture lighter by {np.sqrt(error):.2f} would cost the same."
