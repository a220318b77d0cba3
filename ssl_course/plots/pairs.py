"""Figures of lesson 12, on images with text."""

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.patches import Rectangle
from torch import Tensor

from ssl_course.plots.general import COLOURS, new_axes, show_images

IMAGE, TEXT = "#332288", "#DD7733"


def captioned(images: Tensor, captions: Sequence[str], *, columns: int = 4, ax: Axes | None = None) -> Axes:
    """Images (N, C, H, W) in rows of `columns`, with a caption under each, in as many lines as it needs."""
    columns, width = min(columns, len(images)), images.shape[3]
    lines = [textwrap.fill(caption, 22) for caption in captions]
    rows, most = -(-len(images) // columns), max(line.count("\n") for line in lines)
    ax = ax or new_axes(1.75 * columns, rows * (1.05 + 0.16 * most))
    return show_images(images, lines, columns=columns, gap=round(1.2 * width), ax=ax)


def retrieval_grid(captions: Sequence[str], found: Tensor, right: Tensor, *, ax: Axes | None = None) -> Axes:
    """For each caption a row of the images found, the best first, with a frame round those that are right.

    Args:
        captions: N of them.
        found: images (N, K, 3, H, W), uint8 or floats in [0, 1].
        right: bool (N, K).
    """
    count, each, _, height, width = found.shape
    ax = show_images(found.flatten(0, 1), columns=each, gap=3, ax=ax or new_axes(0.7 * each + 3.2, 0.72 * count))
    for row, caption in enumerate(captions):
        ax.text(-4, row * (height + 3) + height / 2, caption, ha="right", va="center", fontsize=8)
        for column in right[row].nonzero().flatten().tolist():
            corner = column * (width + 3) - 0.5, row * (height + 3) - 0.5
            ax.add_patch(Rectangle(corner, width, height, fill=False, lw=2.5, ec="black", clip_on=False))
    return ax


def cosines(values: Tensor, captions: Sequence[str], images: Tensor, *, ax: Axes | None = None) -> Axes:
    """Cosines of N captions (rows) with M images (columns), (N, M), as a heat map with the images above it."""
    count, across = values.shape
    ax = ax or new_axes(0.55 * across + 3.2, 0.42 * count + 1)
    picture = ax.imshow(values.numpy(), vmin=-1, vmax=1, cmap="PuOr", aspect="auto")
    for (row, column), value in np.ndenumerate(values.numpy()):
        colour = "white" if abs(value) > 0.6 else "black"
        ax.text(column, row, f"{value:.1f}", ha="center", va="center", fontsize=7, color=colour)
    ax.set_yticks(range(count), captions, fontsize=8)
    ax.set_xticks([])
    for column, image in enumerate(images):
        small = OffsetImage(image.permute(1, 2, 0).numpy(), zoom=0.85)
        ax.add_artist(
            AnnotationBbox(small, (column, 1), xycoords=ax.get_xaxis_transform(), box_alignment=(0.5, -0.1), pad=0)
        ).patch.set_linewidth(0)
    ax.figure.colorbar(picture, ax=ax, label="cosine")
    return ax


def gap(images: Tensor, texts: Tensor, *, lines: int = 40, ax: Axes | None = None) -> Axes:
    """Vectors of N images and of their N captions, (N, D) each, in the plane in which both spread most.

    Args:
        lines: so many of the pairs are joined by a line.
    """
    both = torch.cat([images, texts]).float()
    centred = both - both.mean(dim=0)
    plane = torch.linalg.svd(centred, full_matrices=False)[2][:2].T  # (D, 2)
    points = (centred @ plane).view(2, len(images), 2).numpy()
    ax = ax or new_axes(4.2, 3.6)
    for image, text in points[:, :lines].transpose(1, 0, 2):
        ax.plot(*zip(image, text, strict=True), color="0.45", lw=1.0, zorder=0)
    for part, colour, marker, name in zip(points, (IMAGE, TEXT), "os", ("images", "captions"), strict=True):
        ax.scatter(*part.T, s=12, color=colour, marker=marker, linewidths=0, alpha=0.8, label=name)
    ax.set(xlabel="first principal component", ylabel="second")
    ax.set_aspect("equal", adjustable="datalim")
    ax.legend(frameon=False, fontsize=8, loc="lower center")  # "best" is slow
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def factor_bars(
    table: Mapping[str, Mapping[str, tuple[float, float]]], *, unit: str = "R²", ax: Axes | None = None
) -> Axes:
    """For each factor a group of bars, one for each row of the table, with deviations where they are known.

    Args:
        table: by row and factor, mean and standard deviation (nan for none).
    """
    factors = list(next(iter(table.values())))
    ax = ax or new_axes(1.1 * len(factors) + 2.2, 2.8)
    width = 0.8 / len(table)
    for number, (name, cells) in enumerate(table.items()):
        places = np.arange(len(factors)) + (number - (len(table) - 1) / 2) * width
        means, deviations = np.array([cells[factor] for factor in factors]).T
        error = np.nan_to_num(deviations)
        colour = "0.75" if number == 0 else COLOURS[(number - 1) % len(COLOURS)]
        ax.bar(places, means, width, yerr=error, color=colour, label=name, error_kw={"lw": 1})
    ax.set_xticks(range(len(factors)), factors)
    ax.set(ylim=(0, 1), ylabel=unit)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return ax
