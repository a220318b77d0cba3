"""Figures of lesson 01, on pretext tasks."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from ssl_course.plots.general import COLOURS, new_axes, show_images

QUARTERS = (0, 90, 180, 270)  # degrees
RING_COLOURS = tuple(COLOURS[number] for number in (0, 3, 4, 1))  # one for each turn


def side_by_side(pictures: Mapping[str, Tensor], *, columns: int = 3, size: float = 2.2) -> Axes:
    """Pictures side by side with a title over each; each is one image (1, C, H, W), or its tiles (N, C, H, W).

    Args:
        columns: how many tiles stand in a row.
        size: width and height of each picture, in inches.

    Returns:
        The Axes of the first.
    """
    wide = size * len(pictures)
    figure, axes = plt.subplots(1, len(pictures), figsize=(wide, size + 0.3), layout="constrained", squeeze=False)
    figure.get_layout_engine().set(wspace=0.12)  # wider than the gap between two tiles
    for ax, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
        show_images(picture, columns=columns, ax=ax).set_title(title, fontsize=9)
        ax.set_anchor("N")  # titles in one line, whatever the pictures' heights
    return axes.flat[0]


def bars(values: Mapping[str, float], *, line: float | None = None, label: str = "", ax: Axes | None = None) -> Axes:
    """Accuracies in [0, 1] as upright bars with their per cent above them; a dotted line at `line`, such as a floor."""
    ax = ax or new_axes(0.6 * len(values) + 1.2, 2.8)
    drawn = ax.bar(list(values), [100 * value for value in values.values()], color=COLOURS[0])
    ax.bar_label(drawn, fmt="%.0f", fontsize=8, padding=1)
    if line is not None:
        ax.axhline(100 * line, color="black", lw=1, ls=":")
    ax.set(ylim=(0, 112), ylabel=label)
    ax.tick_params(axis="x", labelrotation=35)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def bars_by_class(
    right: Tensor, labels: Tensor, classes: Sequence[str], *, line: float | None = None, ax: Axes | None = None
) -> Axes:
    """The pretext accuracy of each class: `right` (k * N,) has 1 or 0 for k questions about each of the N `labels`.

    Raises:
        ValueError: if there isn't a whole number of questions for each label.
    """
    if len(right) % len(labels):
        raise ValueError(f"each label needs equally many questions, got {len(right)} for {len(labels)} labels")
    asked = labels.repeat(len(right) // len(labels))
    values = {name: float(right[asked == label].float().mean()) for label, name in enumerate(classes)}
    return bars(values, line=line, label="pretext accuracy (%)", ax=ax)


def turn_circle(
    symmetry: float, *, tilt: float = 15, turns: Sequence[float] = QUARTERS, ax: Axes | None = None
) -> Axes:
    """Which of the directions that can be told apart each turn covers: a ring for each turn, the first innermost.

    Once round the circle is `symmetry` degrees, after which the shape looks the same again. Before the turn the shape
    is tilted by up to `tilt` degrees either way. Where rings lie side by side, several turns lead to the same picture.

    Args:
        turns: in degrees, at most four.
        ax: polar.

    Raises:
        ValueError: if symmetry isn't in (0, 360], tilt isn't positive, or there are more than four turns.
    """
    if not 0 < symmetry <= 360 or not tilt > 0 or len(turns) > len(RING_COLOURS):
        raise ValueError(
            f"symmetry must be in (0, 360], tilt positive and turns at most four, got {symmetry}, {tilt}, {turns}"
        )
    if ax is None:
        ax = plt.subplots(figsize=(2.4, 2.6), layout="constrained", subplot_kw={"projection": "polar"})[1]
    round_ = 2 * np.pi / symmetry  # radians of the circle for one degree of turning
    for number, turn in enumerate(turns):
        width = min(2 * tilt, symmetry) * round_
        ring = {"bottom": 1 + number, "height": 0.8, "color": RING_COLOURS[number], "label": f"{turn:g}°"}
        ax.bar(turn % symmetry * round_, width=width, **ring)
    ax.set_theta_zero_location("N")
    ax.set(ylim=(0, 4.9), yticks=[], xticks=[0, np.pi / 2, np.pi, 3 * np.pi / 2])
    ax.set_xticklabels([f"{symmetry * share:g}°" for share in (0, 0.25, 0.5, 0.75)], fontsize=7)
    ax.tick_params(axis="x", pad=-2)
    return ax


def turn_circles(symmetries: Mapping[str, float], *, tilt: float = 15) -> Axes:
    """One `turn_circle` for each shape by its name, side by side, with a legend of the turns; returns the first."""
    shape = {"figsize": (1.9 * len(symmetries), 2.6), "layout": "constrained", "squeeze": False}
    figure, axes = plt.subplots(1, len(symmetries), subplot_kw={"projection": "polar"}, **shape)
    for ax, (name, symmetry) in zip(axes.flat, symmetries.items(), strict=True):
        turn_circle(symmetry, tilt=tilt, ax=ax).set_title(name, fontsize=9)
    handles = axes.flat[0].get_legend_handles_labels()
    figure.legend(*handles, title="turned by", loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    return axes.flat[0]
