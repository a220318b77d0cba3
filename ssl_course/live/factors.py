"""Lesson 00: a picture from its factors."""

import numpy as np
import torch
from matplotlib.figure import Figure

from ssl_course.live.core import Demo, choice, slider, switch
from ssl_course.plots.painting import paint
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


class Factors(Demo):
    """A slider for each factor of a built-in picture; beside it the same class with other factors."""

    title = "A picture from its factors"
    hint = "Move one at a time. Which could change without your giving the picture another name?"
    size = (5.6, 2.7)
    typical = (
        {"shape": "heart", "hue": 0.95, "angle": 270},
        {"shape": "heart", "hue": 0.35, "angle": 20, "size": 8.0, "ground": 0.8},
        {"shape": "star", "hue": 0.35, "angle": 20, "size": 8.0, "ground": 0.8, "striped": True},
    )

    def __init__(self):
        super().__init__(
            shape=choice("class", CLASSES, "heart"),
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
        axes = figure.subplots(1, 2)
        empty = np.zeros((SIZE, SIZE, 3))
        self.shown, self.before = (axis.imshow(empty) for axis in axes)
        axes[0].set_title("these factors", fontsize=10)
        axes[1].set_title("as it was at the start", fontsize=10)
        for axis in axes:
            axis.set(xticks=[], yticks=[])
        self.before.set_data(picture(**self.values))

    def draw(self, **values: object) -> str:
        now = picture(**values)
        self.shown.set_data(now)
        error = float(np.square(now - self.before.get_array()).mean())
        sort = "the same class" if values["shape"] == "heart" else "another class"
        return f"A {values['shape']}, {sort} as at the start; mean squared error against that picture {error:.3f}."
