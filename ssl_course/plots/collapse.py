"""Figures of lesson 05, on learning without negatives."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from torch import Tensor

from ssl_course.plots.general import COLOURS, new_axes

STYLES = ("-", "--", "-.", ":", (0, (1, 3)))  # of lines, so that they tell apart without colours, too
SHADES = (COLOURS[0], COLOURS[4], COLOURS[3], COLOURS[2], COLOURS[9])


def byol_diagram(*, ax: Axes | None = None) -> Axes:
    """The two networks of BYOL: the online one above, its slow copy below, and the loss at the right."""
    ax = ax or new_axes(9, 2.6)
    names = {1: ("encoder $f$", "head $g$", "predictor $q$"), 0: ("encoder copy", "head copy", "stop-gradient")}
    for y, colour in ((1, COLOURS[0]), (0, "#777777")):
        box = {"boxstyle": "round,pad=0.45", "fc": colour, "ec": "none"}
        for x, name in enumerate(names[y], start=1):
            ax.text(x, y, name, ha="center", va="center", color="white", bbox=box)
        ends = ((0.3, 0.6), (1.42, 1.62), (2.32, 2.62))
        arrows = [((start, y), (end, y)) for start, end in ends]
        for start, end in [*arrows, ((3.42, y), (3.8, 0.38 + 0.24 * y))]:
            ax.annotate("", end, start, arrowprops={"arrowstyle": "->"})
        ax.text(0.1, y, f"view {2 - y}", ha="center", va="center")
    for x in (1, 2):
        ax.annotate("", (x, 0.2), (x, 0.8), arrowprops={"arrowstyle": "->", "ls": "--"})
    words = {(1.5, 0.5): "moving average", (3.7, 0.9): "$p$", (3.7, 0.1): "$t$", (4, 0.5): "$2 - 2\\cos(p, t)$"}
    for (x, y), word in words.items():
        ax.text(x, y, word, ha="center", va="center")
    ax.set(xlim=(-0.2, 4.5), ylim=(-0.4, 1.4))
    ax.axis("off")
    return ax


def decay_curves(decays: Mapping[str, Sequence[float]], *, ax: Axes | None = None) -> Axes:
    """The moving average's decay over a run, one curve for each entry; its values are evenly spaced from 0 to 1."""
    ax = ax or new_axes(5.5, 2.7)
    for (name, values), colour, style in zip(decays.items(), SHADES, STYLES, strict=False):
        progress = [step / (len(values) - 1) for step in range(len(values))]
        ax.plot(progress, values, color=colour, ls=style, label=name)
    ax.set(xlabel="progress (share of all steps)", ylabel="decay")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False)
    return ax


def spectra(shares: Mapping[str, Sequence[Sequence[float]]], *, ax: Axes | None = None) -> Axes:
    """How the spread of features is shared among their directions, both axes logarithmic.

    Args:
        shares: by name, for each seed the singular values over their sum, the largest first. Seeds share a colour.
    """
    ax = ax or new_axes(7, 3)
    for (name, seeds), colour, style in zip(shares.items(), SHADES, STYLES, strict=False):
        for number, values in enumerate(seeds):
            label = name if number == 0 else None
            ax.loglog(range(1, len(values) + 1), values, color=colour, ls=style, lw=1, label=label)
    ax.set(xlabel="direction of z, largest first", ylabel="share of the spread", ylim=(1e-4, 1.2))
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def descents(paths: Mapping[str, Sequence[tuple[float, float]]], *, axes: Sequence[Axes] | None = None) -> Axes:
    """Weight (left) and loss (right) over the steps of a descent, one curve for each path of (weight, loss).

    Returns:
        The left one of the two axes.
    """
    if axes is None:
        axes = plt.subplots(1, 2, figsize=(9, 2.9), layout="constrained")[1]
    for (name, path), colour, style in zip(paths.items(), SHADES, STYLES, strict=False):
        for ax, values in zip(axes, zip(*path, strict=True), strict=True):
            ax.plot(values, color=colour, ls=style, label=name)
    axes[0].set(xlabel="step", ylabel="encoder's weight w")
    axes[1].set(xlabel="step", ylabel="loss")
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].legend(frameon=False, fontsize=8)
    return axes[0]


def correlation_grids(tables: Mapping[str, Tensor], *, axes: Sequence[Axes] | None = None) -> Axes:
    """Correlation tables (D, D), numbers from -1 to 1, side by side with a title each.

    Returns:
        The first of the axes.
    """
    if axes is None:
        figure = plt.figure(figsize=(2.2 * len(tables) + 0.8, 2.5), layout="constrained")
        axes = figure.subplots(1, len(tables), squeeze=False)[0]
    for ax, (name, table) in zip(axes, tables.items(), strict=True):
        picture = ax.imshow(table.detach().cpu().numpy(), vmin=-1, vmax=1, cmap="PuOr")
        ax.set(xticks=[], yticks=[])
        ax.set_title(name, fontsize=10)
    axes[0].set(xlabel="direction of $z_2$", ylabel="direction of $z_1$")
    axes[0].figure.colorbar(picture, ax=list(axes), label="correlation", shrink=0.8)
    return axes[0]


def of_each_seed(seeds: Mapping[str, Mapping], columns: Mapping[str, float], *, decimals: int = 2) -> dict:
    """A table of rows and columns whose cells list the values of all seeds: {"row": {"column": "0.31, 0.28"}}.

    Args:
        seeds: a result's `seeds`: for each seed the rows, for each row the numbers by column.
        columns: which, and what to multiply each with, such as 100 for per cent, which are shown without decimals.
    """
    table = {}
    for name in next(iter(seeds.values())):
        table[name] = {}
        for column, factor in columns.items():
            places = 0 if factor == 100 else decimals
            values = [factor * rows[name][column] for rows in seeds.values()]
            table[name][column] = ", ".join(f"{value:.{places}f}" for value in values)
    return table
