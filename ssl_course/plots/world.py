"""Figures of lesson 14's world model."""

from collections.abc import Mapping

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Circle
from torch import Tensor

from ssl_course.plots.general import COLOURS, new_axes

GOAL = "#CC3311"


def trip(
    picture: Tensor, x: np.ndarray, y: np.ndarray, goal: tuple[float, float], *, near: float, ax: Axes | None = None
) -> Axes:
    """The way (T,) of one shape over the picture of its start, (3, H, W), and a ring of radius `near` round the goal.

    All in pixels; rows count downwards. The start is a square, every later frame a dot.
    """
    ax = ax or new_axes(2.6, 2.6)
    shown = picture.float() / 255 if picture.dtype == torch.uint8 else picture
    ax.imshow(0.6 + 0.4 * shown.permute(1, 2, 0).numpy(), interpolation="nearest")  # pale, so that lines are seen
    ax.plot(x, y, "o-", ms=3, lw=1, color=COLOURS[0])
    ax.plot(x[:1], y[:1], "s", ms=7, color=COLOURS[0])
    ax.add_patch(Circle(goal, near, fill=False, lw=1.5, ec=GOAL))
    ax.plot(*goal, "x", ms=6, color=GOAL)
    ax.set(xlabel="column (pixels)", ylabel="row (pixels)", xticks=[0, 10, 20, 30], yticks=[0, 10, 20, 30])
    return ax


def distances(curves: Mapping[str, np.ndarray], *, near: float, ax: Axes | None = None) -> Axes:
    """The median distance to the goal over time by traveller, each (N, T) in pixels, with half of the shapes as a band.

    Args:
        near: how near counts as there; a dotted line.
    """
    ax = ax or new_axes(4.2, 2.8)
    for number, (name, values) in enumerate(curves.items()):
        low, middle, high = np.quantile(values, (0.25, 0.5, 0.75), axis=0)
        frames, colour = np.arange(values.shape[1]), COLOURS[(0, 4, 2, 3)[number % 4]]
        ax.plot(frames, middle, color=colour, lw=1.5, label=name)
        ax.fill_between(frames, low, high, color=colour, alpha=0.2, lw=0)
    ax.axhline(near, color="black", lw=1, ls=":")
    ax.set(xlabel="frame", ylabel="distance to the goal (pixels)")
    ax.set_ylim(bottom=0)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def foretold_places(true: np.ndarray, foretold: Mapping[int, np.ndarray], *, ax: Axes | None = None) -> Axes:
    """Foretold against true columns in pixels, by how many steps ahead: `true` (N, K), `foretold` by step (N,)."""
    ax = ax or new_axes(3.2, 3)
    ax.plot([4, 27], [4, 27], color="black", lw=1, ls=":")
    for number, (step, values) in enumerate(foretold.items()):
        colour = COLOURS[(0, 4, 2, 3)[number % 4]]
        label = f"{step} step{'s' if step > 1 else ''} ahead"
        ax.plot(true[:, step - 1], values, "o", ms=2.5, alpha=0.6, color=colour, label=label, ls="none")
    ax.set(xlabel="true column (pixels)", ylabel="foretold column (pixels)")
    ax.set_aspect("equal")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=8)
    return ax


def error_by_step(curves: Mapping[str, np.ndarray], *, ax: Axes | None = None) -> Axes:
    """The error of foretold places in pixels over the steps ahead, (K,) from 1, by name."""
    ax = ax or new_axes(3.6, 2.8)
    for number, (name, values) in enumerate(curves.items()):
        ax.plot(np.arange(1, len(values) + 1), values, "o-", ms=4, color=COLOURS[(0, 4, 2, 3)[number % 4]], label=name)
    ax.set(xlabel="steps ahead", ylabel="error of the place (pixels)")
    ax.set_ylim(bottom=0)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=8)
    return ax
