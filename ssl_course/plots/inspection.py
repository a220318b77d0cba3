"""The page of pictures that `ssl-course inspect` draws: samples, copies, and what a resolution leaves of a detail."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from ssl_course.plots.general import plt, show_images

WIDTH = 10.0  # inches


def inspection_page(
    title: str,
    samples: Tensor | None,
    pairs: Tensor | None = None,
    pair_titles: Sequence[str] = (),
    detail: Mapping[str, np.ndarray] | None = None,
    detail_title: str = "",
    *,
    columns: int = 12,
) -> list[Axes]:
    """One page: a sheet of samples, the copies that were found, and a detail at each resolution.

    Args:
        title: of the page.
        samples: uint8 (N, 3, H, W), or None if no picture can be read.
        pairs: uint8 (P, 2, 3, H, W), each picture with its copy; None if there are none.
        pair_titles: what to write under each pair.
        detail: by title, the same part of a picture in several sizes, uint8 (S, S, 3).
        detail_title: what the part is of.
        columns: pictures in a row of the sheet.

    Returns:
        The Axes from top to bottom.
    """
    cell = WIDTH / columns
    heights = [cell * -(-len(samples) // columns) + 0.3] if samples is not None else [1.0]
    heights += [2.3 * cell + 0.5] if pairs is not None else []
    shown = len(detail) if detail else 0
    heights += [WIDTH / max(6, shown) + 0.7] if shown else []
    figure = plt.figure(figsize=(WIDTH, sum(heights) + 0.4), layout="constrained")
    parts = np.atleast_1d(figure.subfigures(len(heights), 1, height_ratios=heights))
    figure.suptitle(title, fontsize=11, parse_math=False)  # a name may hold dollars
    made = [_sheet(parts[0], samples, columns)]
    if pairs is not None:
        made.append(_pairs(parts[1], pairs, pair_titles, columns))
    if shown:
        made += _details(parts[-1], detail, detail_title)
    return made


def _sheet(part, samples: Tensor | None, columns: int) -> Axes:
    ax = part.subplots()
    if samples is None:
        ax.text(0.5, 0.5, "no picture can be read", ha="center", va="center")
        ax.axis("off")
        return ax
    return show_images(_padded(samples, columns), columns=columns, gap=4, ax=ax)


def _pairs(part, pairs: Tensor, titles: Sequence[str], columns: int) -> Axes:
    ax = part.subplots()
    rows = _padded(pairs[:, 0], columns), _padded(pairs[:, 1], columns)
    names = [""] * columns + list(titles)
    show_images(torch.cat(rows), columns=columns, gap=4, ax=ax)
    height, width = pairs.shape[-2:]
    for place, title in enumerate(names[columns:]):
        ax.text(place * (width + 4) + width / 2, 2 * height + 10, title, ha="center", va="top", fontsize=7)
    ax.set_title(
        "copies: each picture above its copy, and how many grey values they differ by at 8x8 pixels",
        fontsize=10,
        loc="left",
    )
    return ax


def _padded(images: Tensor, columns: int) -> Tensor:
    """Images and as many white ones as fill the row."""
    missing = -len(images) % columns
    return torch.cat([images, torch.full((missing, *images.shape[1:]), 255, dtype=torch.uint8)])


def _details(part, detail: Mapping[str, np.ndarray], title: str) -> list[Axes]:
    row = part.subplots(1, max(6, len(detail)))
    for ax in row:
        ax.axis("off")
    for ax, (name, pixels) in zip(row, detail.items(), strict=False):
        ax.imshow(pixels, interpolation="nearest")
        ax.set_title(name, fontsize=8)
    part.suptitle(title, fontsize=10, x=0.01, ha="left", parse_math=False)
    return list(row[: len(detail)])
