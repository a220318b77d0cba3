"""Lesson 05: the model with one weight and a predictor of one weight, and the way that gradient descent takes in it."""

import numpy as np
from matplotlib.figure import Figure

from ssl_course.live.core import Demo, slider, switch
from ssl_course.plots import COLOURS

STEPS, RATE = 150, 0.05
HIGHEST = 1.6  # of both weights in the picture


def loss(w: np.ndarray | float, p: np.ndarray | float, s: float) -> np.ndarray | float:
    """The loss of lesson 05's model, whose target is t = w; s is the variance of the views' noise."""
    return w**2 * ((1 + s) * (1 + p**2) - 2 * p)


def path(w: float, p: float, s: float, *, predictor: bool, stop: bool) -> np.ndarray:
    """Gradient descent from (w, p), the weights before each step and after the last: (151, 2).

    Args:
        predictor: whether p is trained; without, it is 1 and stays so.
        stop: whether the target w counts as a constant.
    """
    p = p if predictor else 1.0
    way = [(w, p)]
    for _ in range(STEPS):
        slope_w = 2 * w * p * ((1 + s) * p - 1)  # through the prediction p w
        slope_w += 0.0 if stop else 2 * w * (1 + s - p)  # and through the target
        slope_p = 2 * w**2 * ((1 + s) * p - 1) if predictor else 0.0
        w, p = w - RATE * slope_w, p - RATE * slope_p
        way.append((w, p))
    return np.array(way)


class OneWeight(Demo):
    """The way over the loss's contours on the left; the weight and the loss over the steps on the right."""

    title = "One weight: downhill, or alive?"
    hint = "Before you switch a part off: will w end at 0? Which way goes uphill, and who lets it?"
    size = (8.8, 3.2)
    typical = (
        {"predictor": True, "stop": True},
        {"predictor": False, "stop": True},
        {"predictor": True, "stop": False},
    )

    def __init__(self):
        super().__init__(
            predictor=switch("predictor", True),
            stop=switch("stop-gradient", True),
            steps=slider("steps", 0, STEPS, STEPS),
            w=slider("start of w", 0.1, 1.5, 0.5, 0.1),
            p=slider("start of p", 0.0, 1.5, 0.5, 0.1),
            s=slider("noise of the views s", 0.0, 1.0, 0.2, 0.1),
        )

    def start(self, figure: Figure) -> None:
        self.plane, curves = figure.subplots(1, 2, width_ratios=(1, 1.1))
        line = np.linspace(0, HIGHEST, 61)
        self.grid = np.meshgrid(line, line)
        self.contours = None
        self.rest = self.plane.axhline(1, ls="--", lw=1, color="black")
        self.dead = self.plane.axvline(0.0, lw=4, color=COLOURS[4], alpha=0.6, solid_capstyle="butt")
        self.way = self.plane.plot([], [], "-", lw=2.5, color=COLOURS[0])[0]
        self.first = self.plane.plot([], [], "o", ms=8, mfc="white", mec=COLOURS[0], mew=2)[0]
        self.now = self.plane.plot([], [], "*", ms=15, color=COLOURS[0])[0]
        self.plane.set(
            xlim=(-0.03, HIGHEST), ylim=(0, HIGHEST), xlabel="encoder's weight w", ylabel="predictor's weight p"
        )
        self.plane.set_title("loss (lighter: lower), from o to ★\nleft edge, w = 0: collapse", fontsize=10)
        self.weight = curves.plot([], [], "-", color=COLOURS[0], label="weight w")[0]
        self.loss = curves.plot([], [], "--", color=COLOURS[4], label="loss")[0]
        self.curves = curves
        curves.set(xlim=(0, STEPS), xlabel="step")
        curves.legend(frameon=False, fontsize=9, loc="upper right")
        curves.spines[["top", "right"]].set_visible(False)

    def draw(self, *, predictor: bool, stop: bool, steps: int, w: float, p: float, s: float) -> str:
        way = path(w, p, s, predictor=predictor, stop=stop)[: steps + 1]
        losses = loss(way[:, 0], way[:, 1], s)
        if self.contours is not None:
            self.contours.remove()
        levels = np.linspace(0, 4, 17) ** 2 / 4
        self.contours = self.plane.contourf(
            *self.grid, loss(*self.grid, s), levels, cmap="Greys", vmax=4, zorder=0, extend="max"
        )
        self.rest.set(ydata=[1 / (1 + s)] * 2, visible=predictor)
        self.way.set_data(*way.T)
        self.first.set_data(*way[:1].T)
        self.now.set_data(*way[-1:].T)
        self.weight.set_data(range(len(way)), way[:, 0])
        self.loss.set_data(range(len(way)), losses)
        self.curves.set_ylim(0, 1.15 * max(1, way[:, 0].max(), losses.max()))
        told = f"After {steps} steps w is {way[-1, 0]:.2f}, the loss went from {losses[0]:.2f} to {losses[-1]:.2f}"
        if way[-1, 0] < 0.1:
            return f"{told}: a fine loss, and a collapse."
        return f"{told}; p is {way[-1, 1]:.2f}, and the best predictor (dashed) 1 / (1 + s) = {1 / (1 + s):.2f}."
