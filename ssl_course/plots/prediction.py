"""Figures of lesson 14, on prediction in feature space."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from torch import Tensor

from ssl_course.plots.general import COLOURS, MARKERS, new_axes, plt, show_images

GREY = 0.5  # what isn't there


def context_and_blocks(image: Tensor, context: Tensor, places: Tensor, *, patch: int = 4) -> Axes:
    """One image (3, H, W), what the encoder sees of it (places (V,)), and its target blocks (places (M, A)), framed."""
    rows, columns = (side // patch for side in image.shape[1:])
    seen = torch.zeros(rows * columns).index_fill(0, context, 1).view(rows, columns)
    shown = seen.repeat_interleave(patch, dim=0).repeat_interleave(patch, dim=1)  # (H, W)
    pictures = {"the whole image": image, f"context: {len(context)} patches": torch.where(shown > 0, image, GREY)}
    pictures[f"targets: {len(places)} blocks of {places.shape[1]}"] = image
    _, axes = plt.subplots(1, 3, figsize=(7.5, 2.8), layout="constrained")
    for ax, (title, picture) in zip(axes, pictures.items(), strict=True):
        show_images(picture.unsqueeze(0), ax=ax, gap=0)
        ax.set_title(title, fontsize=10)
    for number, block in enumerate(places):
        row, column = block // columns, block % columns
        low = int(column.min()) * patch - 0.5, int(row.min()) * patch - 0.5
        width, height = (int(side.max() - side.min() + 1) * patch for side in (column, row))
        axes[2].add_patch(Rectangle(low, width, height, fill=False, lw=2.5, ec=COLOURS[number % len(COLOURS)]))
    return axes[0]


def on_lines(clouds: Mapping[str, Tensor], *, lines: int = 3, reach: float = 4.0) -> Axes:
    """Clouds (N, D), each projected onto the same few random directions: histograms, with the normal density."""
    width = next(iter(clouds.values())).shape[1]
    directions = torch.randn(width, lines, generator=torch.Generator().manual_seed(0))
    directions = directions / directions.norm(dim=0)
    x = np.linspace(-reach, reach, 200)
    size = 2.3 * lines, 1.6 * len(clouds) + 0.3
    _, axes = plt.subplots(len(clouds), lines, figsize=size, layout="constrained", squeeze=False, sharex=True)
    for row, (name, cloud) in zip(axes, clouds.items(), strict=True):
        for ax, values in zip(row, (cloud.float() @ directions).T, strict=True):
            ax.hist(values.clamp(-reach, reach), bins=40, range=(-reach, reach), density=True, color=COLOURS[2])
            ax.plot(x, np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi), color="black", lw=1)
            ax.set_ylim(0, 1)
            ax.spines[["top", "right"]].set_visible(False)
        row[0].set_ylabel(f"{name}\ndensity", fontsize=9)
    for ax in axes[-1]:
        ax.set_xlabel("place on the line", fontsize=9)
    return axes[0, 0]


def probe_over_loss(
    groups: Mapping[str, tuple[Sequence[float], Sequence[float]]], *, label: str = "loss", ax: Axes | None = None
) -> Axes:
    """Linear probes (in [0, 1]) over losses of many runs, a colour and marker for each group of them."""
    ax = ax or new_axes(4.6, 3.2)
    for number, (name, (losses, probes)) in enumerate(groups.items()):
        style = {"color": COLOURS[number % len(COLOURS)], "marker": MARKERS[number % len(MARKERS)]}
        ax.scatter(losses, [100 * value for value in probes], s=28, label=name, **style)
    ax.set(xscale="log", xlabel=label, ylabel="linear probe (%)")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def order_of_methods(means: Mapping[str, Sequence[tuple[float, float]]], budgets: Sequence[str]) -> Axes:
    """Mean accuracy (in [0, 1]) and deviation of each method, a row of dots with bars for each budget.

    A deviation that is NaN, as that of one seed, has no bar; a budget that no method has isn't drawn.
    """
    ax = new_axes(6.5, 0.45 * len(means) + 1)
    for number, budget in enumerate(budgets):
        found = {row: parts[number] for row, parts in enumerate(means.values()) if len(parts) > number}
        if not found:
            continue
        y = [row + 0.16 * (number - (len(budgets) - 1) / 2) for row in found]
        x, spread = ([100 * part[k] for part in found.values()] for k in (0, 1))
        style = {"color": COLOURS[2 * number], "marker": MARKERS[number]}
        ax.errorbar(x, y, xerr=spread, ls="none", ms=6, capsize=3, label=budget, **style)
    ax.set_yticks(range(len(means)), list(means))
    ax.invert_yaxis()
    ax.set(xlabel="linear probe (%)", xlim=(0, 100))
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=len(budgets))
    return ax
