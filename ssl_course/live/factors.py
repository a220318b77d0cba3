"""Lesson 00: a picture from its factors."""

import numpy as np
import torch
from matplotlib.figure import Figure

from ssl_course.live.core import Demo, slider, steps, switch
from ssl_course.plots import COLOURS, paint
from ssl_course.shapes import CLASSES, SIZE


def stripes(length: float = 4.0, angle: float = 0.7) -> np.ndarray:
    """A wave across the picture, (32, 32) in -1 to 1, such as `load("shapes", distractors=True)` puts on its shapes."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    return np.sin(2 * np.pi / length * (np.cos(angle) * columns + np.sin(angle) * rows))


def picture(shape: str, striped: bool, ground: float, contrast: float, **factors: float) -> np.ndarray:
    """One built-in picture (32, 32, 3) in [0, 1]; on a light ground the shape is darker by the contrast."""
    light = contrast if ground < 0.5 else -contrast
    every = factors | {"class": CLASSES.index(shape), "ground": ground, "contrast": light}
    plain = paint({name: np.array([value]) for name, value in every.items()})
    if striped:
        empty = paint(
            {name: np.array([value]) for name, value in (every | {"contrast": 0, "hue": every["ground_hue"]}).items()}
        )
        inside = (plain - empty).abs().amax(dim=1, keepdim=True) > 0.05
        plain = (plain + 0.25 * inside * torch.from_numpy(stripes())).clamp(0, 1)
    return plain[0].permute(1, 2, 0).numpy()


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """The mean squared difference of two pictures, over all their numbers."""
    return float(np.square(one - other).mean())


class Factors(Demo):
    """A slider for each factor of a built-in picture; beside it where it began, and how much the pixels changed."""

    title = "A picture from its factors"
    hint = "Without touching the class: which factor alone changes the pixels more than another class would?"
    size = (8.4, 2.7)
    typical = (
        {"shape": "star"},
        {"angle": 20, "x": 18.5},
        {"hue": 0.35},
    )

    def __init__(self):
        super().__init__(
            shape=steps("class", CLASSES, "heart"),
            hue=slider("hue (turns)", 0.0, 1.0, 0.95, 0.01),
            ground_hue=slider("hue of the ground (turns)", 0.0, 1.0, 0.5, 0.01),
            x=slider("x (pixels)", 12.5, 18.5, 15.5, 0.5),
            y=slider("y (pixels)", 12.5, 18.5, 15.5, 0.5),
            size=slider("size (pixels)", 8.0, 12.0, 10.0, 0.25),
            angle=slider("angle (degrees)", 0, 359, 270),
            ground=slider("light of the ground", 0.15, 0.85, 0.3, 0.01),
            contrast=slider("contrast", 0.3, 0.5, 0.4, 0.01),
            striped=switch("stripes", False),
        )

    def start(self, figure: Figure) -> None:
        shown, before, bars = figure.subplots(1, 3, width_ratios=(1, 1, 1.3))
        self.shown, self.before = (axis.imshow(np.zeros((SIZE, SIZE, 3))) for axis in (shown, before))
        shown.set_title("these factors", fontsize=10)
        before.set_title("as it was at the start", fontsize=10)
        for axis in (shown, before):
            axis.set(xticks=[], yticks=[])
        first = self.values
        self.before.set_data(picture(**first))
        others = [picture(**first | {"shape": name}) for name in CLASSES if name != first["shape"]]
        self.price = float(np.mean([difference(other, self.before.get_array()) for other in others]))
        heights = [0.0, self.price]
        self.bar = bars.bar(["your changes", "another class,\nall else the same"], heights, color=COLOURS[1])[0]
        self.bar.set_color(COLOURS[0])
        bars.set_title("difference of the pixels", fontsize=10)
        bars.set(ylabel="mean squared", ylim=(0, 0.1))
        bars.spines[["top", "right"]].set_visible(False)

    def draw(self, **values: object) -> str:
        now = picture(**values)
        self.shown.set_data(now)
        changed = difference(now, self.before.get_array())
        self.bar.set_height(changed)
        self.bar.axes.set_ylim(0, 1.1 * max(changed, 0.06))
        sort = "the same class as" if values["shape"] == "heart" else "another class than"
        told = f"{values['shape'].capitalize()}: {sort} at the start. The pixels differ by {changed:.3f}; "
        return told + f"with another class and all else the same, by {self.price:.3f} (mean over nine classes)."
