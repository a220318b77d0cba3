"""Figures of lesson 03, on the triplet loss."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from matplotlib.axes import Axes
from torch import Tensor

from ssl_course.plots.general import COLOURS, new_axes, show_images

LINES = COLOURS[::4]  # for up to three curves in one picture


def triplets(anchors: Tensor, positives: Tensor, negatives: Tensor, *, ax: Axes | None = None) -> Axes:
    """Three rows of pictures, all (N, C, H, W): each column is one triplet."""
    ax = show_images(torch.cat([anchors, positives, negatives]), columns=len(anchors), ax=ax)
    height = anchors.shape[-2] + 2
    for row, name in enumerate(("anchor", "positive", "negative")):
        ax.text(-3, (row + 0.5) * height - 1, name, ha="right", va="center", fontsize=9)
    return ax


def zones(near: float, margin: float, *, ax: Axes | None = None) -> Axes:
    """Where a negative is hard, semi-hard and easy, drawn flat round the anchor.

    Args:
        near: squared distance of the positive.
        margin: of squared distances.
    """
    ax = ax or new_axes(6.4, 3.6)
    inner, outer = near**0.5, (near + margin) ** 0.5
    rings = [(3 * outer, COLOURS[1], "easy"), (outer, COLOURS[3], "semi-hard"), (inner, COLOURS[4], "hard")]
    for radius, colour, name in rings:
        ax.add_patch(plt.Circle((0, 0), radius, color=colour, label=name))
    ax.plot(0, 0, "ko")
    ax.plot(inner, 0, "k*", ms=13)
    ax.annotate("anchor", (0, 0), (5, -13), textcoords="offset points")
    ax.annotate("positive", (inner, 0), (9, -4), textcoords="offset points")
    arrows = [((0, inner), (5, -26), rf"$\sqrt{{\mathrm{{near}}}} = {inner:.2f}$")]
    arrows += [((-0.8 * outer, -0.6 * outer), (-6, -12), rf"$\sqrt{{\mathrm{{near + margin}}}} = {outer:.2f}$")]
    for tip, shift, told in arrows:
        ax.annotate("", tip, (0, 0), arrowprops={"arrowstyle": "->", "shrinkA": 0, "shrinkB": 0})
        side = "left" if shift[0] > 0 else "right"
        ax.annotate(told, tip, shift, textcoords="offset points", ha=side, fontsize=9)
    ax.set(xlim=(-2.3 * outer, 2 * outer), ylim=(-1.15 * outer, 1.15 * outer))
    ax.set_aspect("equal")
    ax.axis("off")
    ax.legend(title="a negative here is", loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return ax


def over_steps(
    curves: Mapping[str, Tensor], *, ylabel: str, margin: float | None = None, width: int = 9, ax: Axes | None = None
) -> Axes:
    """One value at every step, each (steps,), as a mean over `width` steps; the margin is a dotted line.

    Raises:
        ValueError: if a curve is shorter than `width`.
    """
    ax = ax or new_axes(5, 3)
    for (name, values), colour in zip(curves.items(), LINES, strict=False):
        if len(values) < width:
            raise ValueError(f"a mean over {width} steps needs as many of them, {name} has {len(values)}")
        smooth = F.avg_pool1d(values.view(1, 1, -1), width, stride=1).flatten()
        ax.plot(range(width // 2, width // 2 + len(smooth)), smooth, color=colour, label=name)
    if margin is not None:
        ax.axhline(margin, color="grey", ls=":", lw=1, label="the margin")
    ax.set(xlabel=f"step (means over {width})", ylabel=ylabel)
    ax.set_ylim(bottom=0)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=8)
    return ax


def shrinking(differences: Mapping[str, Tensor], margin: float, *, ax: Axes | None = None) -> Axes:
    """The triplet loss when all squared distances are multiplied by one number, from 0 (one point) to 1.5.

    Args:
        differences: near - far of each triplet, (B,), by the way its negatives were chosen.
        margin: of squared distances.
    """
    ax = ax or new_axes(5.5, 3.2)
    scale = torch.linspace(0, 1.5, 50)
    for (name, values), colour in zip(differences.items(), LINES, strict=False):
        ax.plot(scale, F.relu(scale.unsqueeze(1) * values + margin).mean(dim=1), color=colour, label=name)
    ax.axvline(1, color="grey", ls=":", lw=1)
    ax.annotate("as it is", (1, ax.get_ylim()[0]), (3, 3), textcoords="offset points", fontsize=8)
    arrow = {"arrowstyle": "->", "color": "grey"}
    ax.annotate("all points in one", (0, margin), (0.02, 0.8), textcoords="axes fraction", fontsize=8, arrowprops=arrow)
    ax.set(xlabel="all squared distances multiplied by", ylabel="loss (squared distance)")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=8, loc="center right")
    return ax


def roc(curves: Mapping[str, tuple[Tensor, Tensor]], *, ax: Axes | None = None) -> Axes:
    """False and true accepts of a verification as the threshold rises, shares (N,) in [0, 1]; dotted: guessing."""
    ax = ax or new_axes(4.4, 3.4)
    for (name, (false, true)), colour in zip(curves.items(), COLOURS[::2], strict=False):
        ax.plot(100 * false, 100 * true, color=colour, label=name)
    ax.plot([0, 100], [0, 100], ":", color="grey", lw=1)
    ax.set(xlabel="different pairs accepted (%)", ylabel="equal pairs accepted (%)")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=8, loc="lower right")
    return ax


def retrieved(queries: Tensor, found: Tensor, right: Tensor, *, ax: Axes | None = None) -> Axes:
    """A query on the left of each row and what was found for it, nearest first; what is wrong has a frame.

    Args:
        queries: (Q, C, H, W), uint8 or floats in [0, 1].
        found: (Q, K, C, H, W).
        right: bool (Q, K).
    """
    rows = torch.cat([queries.unsqueeze(1), found], dim=1)  # (Q, 1 + K, C, H, W)
    ax = show_images(rows.flatten(0, 1), columns=rows.shape[1], ax=ax)
    height, width = queries.shape[-2] + 2, queries.shape[-1] + 2
    for row, column in (~right).nonzero().tolist():
        corner = ((column + 1) * width - 1.5, row * height - 1.5)
        ax.add_patch(plt.Rectangle(corner, width, height, fill=False, color=COLOURS[4], lw=2.5))
    ax.axvline(width - 1.5, color="black", lw=1)
    ax.set_title("query   |   found, nearest first; framed: another class", fontsize=9)
    return ax
