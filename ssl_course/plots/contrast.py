"""Figures of lesson 04, on SimCLR and MoCo."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import torch.nn.functional as F
from matplotlib.axes import Axes
from torch import Tensor

from ssl_course.plots.general import COLOURS, new_axes, show_images


def neighbours(features: Tensor, images: Tensor, *, queries: int = 4, count: int = 8, ax: Axes | None = None) -> Axes:
    """The most similar images by cosine, one row for each of the first `queries`; a row begins with the query itself.

    Args:
        features: (N, D).
        images: (N, C, H, W), the same N.
        count: images in a row, the query among them.
    """
    unit = F.normalize(features.float(), dim=1)
    cosines = unit[:queries] @ unit.T  # (queries, N)
    cosines[range(queries), range(queries)] = 2.0  # a query comes first, whatever is equal to it
    nearest = cosines.topk(count, dim=1).indices  # (queries, count)
    return show_images(images[nearest.flatten()], columns=count, ax=ax)


def value_histograms(view1: Tensor, view2: Tensor, *, ax: Axes | None = None) -> Axes:
    """How often each pixel value occurs in two views of every image, both (N, C, H, W) in [0, 1], N at most 5.

    One colour for each image; view 1 is a full line, view 2 a dashed one. Values of all channels count alike.

    Source: after Chen et al. 2020, figure 6.
    """
    ax = ax or new_axes(4.5, 2.4)
    edges = np.linspace(0, 1, 26)
    for views, style in ((view1, "-"), (view2, "--")):
        for number, view in enumerate(views):
            counts, _ = np.histogram(view.detach().cpu().numpy(), edges)
            shares = 100 * counts / view.numel()
            label = f"image {number}" if style == "-" else None
            ax.stairs(shares, edges, color=COLOURS[2 * number % len(COLOURS)], ls=style, lw=1.5, label=label)
    ax.set(xlabel="pixel value", ylabel="pixels (%)", xlim=(0, 1))
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def candidates(cosines: Tensor, *, ax: Axes | None = None) -> Axes:
    """Cosines (2B, 2B) of stacked views, the first B of view 1, with each row's partner and itself marked."""
    ax = ax or new_axes(4.2, 3.4)
    count = len(cosines)
    picture = ax.imshow(cosines.detach().cpu(), vmin=-1, vmax=1, cmap="PuOr")
    for row in range(count):
        ax.text(row, row, "self", ha="center", va="center", fontsize=7, color="white")
        ax.text((row + count // 2) % count, row, "+", ha="center", va="center", fontsize=14, color="white")
    ax.figure.colorbar(picture, ax=ax, label="cosine similarity")
    half = count // 2
    ax.set(xlabel=f"candidate k (0–{half - 1}: view 1, {half}–{count - 1}: view 2)", ylabel="view i")
    return ax


def loss_and_probe(
    losses: Sequence[float], probe: Sequence[tuple[int, float]], *, axes: Sequence[Axes] | None = None
) -> Sequence[Axes]:
    """The loss after every pass on the left, and a probe's accuracy after some of them on the right.

    Args:
        losses: of pass 1, 2 and so on.
        probe: pairs of a pass and an accuracy in [0, 1].
    """
    axes = plt.subplots(1, 2, figsize=(8, 2.6), layout="constrained")[1] if axes is None else axes
    axes[0].plot(range(1, len(losses) + 1), losses, "o-", ms=3, color=COLOURS[0])
    axes[0].set(ylabel="loss (nats)")
    passes, accuracies = zip(*probe, strict=True)
    axes[1].plot(passes, [100 * accuracy for accuracy in accuracies], "o-", ms=3, color=COLOURS[4])
    axes[1].set(ylabel="linear probe (%)", ylim=(0, 103))
    for ax in axes:
        ax.set_xlabel("passes over the images")
        ax.spines[["top", "right"]].set_visible(False)
    return axes


def loss_per_step(
    runs: Mapping[str, Sequence[float]], *, guess: float | None = None, width: int = 5, ax: Axes | None = None
) -> Axes:
    """The loss of every step, faint, and its mean over `width` steps, one colour for each run.

    Args:
        runs: by name, the losses in order.
        guess: the loss of guessing, a dotted line.
    """
    ax = ax or new_axes(6, 3)
    for number, (name, values) in enumerate(runs.items()):
        colour = COLOURS[(0, 4, 2, 6)[number % 4]]
        values = np.asarray(values, dtype=float)
        smooth = np.convolve(values, np.ones(width) / width, mode="valid")
        ax.plot(range(1, len(values) + 1), values, color=colour, lw=0.8, alpha=0.35)
        ax.plot(np.arange(len(smooth)) + (width + 1) / 2, smooth, color=colour, label=name)
    if guess is not None:
        ax.axhline(guess, color="grey", ls=":", lw=1)
        ax.annotate("guessing", (1, guess), (0, 3), textcoords="offset points", fontsize=8, color="grey")
    ax.set(xlabel="step", ylabel="loss (nats)")
    ax.set_ylim(bottom=0)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=8)
    return ax


# --- diagrams


def simclr_diagram(*, ax: Axes | None = None) -> Axes:
    """SimCLR: both views pass the same encoder and the same head, and the gradient comes back through both."""
    ax = _blank(ax)
    _box(ax, 0.3, 1.5, "image x")
    for row, view in ((2.3, "view 1"), (0.7, "view 2")):
        _chain(ax, row, [view, "encoder f", "h", "head g", "z"])
        _arrow(ax, (0.8, 1.5), (1.2, row))
        _arrow(ax, (7.0, row), (7.5, 1.5))
    _shared(ax, 2.95, "the same weights")
    _shared(ax, 5.25, "the same weights")
    _box(ax, 8.3, 1.5, "NT-Xent:\nfind your partner\namong 2B − 1", colour=COLOURS[3])
    ax.text(4.1, 3.0, "kept", ha="center", fontsize=8, color=COLOURS[0])
    ax.text(5.85, 3.0, "thrown away after training", ha="center", fontsize=8, color=COLOURS[4])
    return ax


def moco_diagram(*, ax: Axes | None = None) -> Axes:
    """MoCo: a trained encoder makes the query, its moving average makes the keys, and a queue keeps the keys."""
    ax = _blank(ax)
    _box(ax, 0.3, 1.5, "image x")
    queries, keys = ["view 1", "encoder f", "h", "head g", "query q"], ["view 2", "copy f′", "h′", "copy g′", "key k"]
    for row, names in ((2.3, queries), (0.7, keys)):
        _chain(ax, row, names)
        _arrow(ax, (0.8, 1.5), (1.2, row))
    for column in (2.95, 5.25):
        _arrow(ax, (column, 2.0), (column, 1.0), style="dashed")
    ax.text(4.1, 1.5, "moving average:\nno gradient below", ha="center", va="center", fontsize=8)
    _arrow(ax, (7.0, 2.3), (7.5, 1.7))
    _arrow(ax, (7.0, 0.7), (7.5, 1.3))
    _box(ax, 8.3, 1.5, "InfoNCE:\nfind your key\namong 1 + K", colour=COLOURS[3])
    _box(ax, 8.3, 0.1, "queue of K old keys", colour=COLOURS[1])
    _arrow(ax, (6.6, 0.4), (7.3, 0.1), style="dashed")
    _arrow(ax, (8.3, 0.35), (8.3, 0.95))
    ax.text(6.5, 0.0, "after the step", ha="center", va="center", fontsize=8)
    return ax


def _blank(ax: Axes | None) -> Axes:
    ax = ax or new_axes(9, 3.2)
    ax.set(xlim=(-0.3, 9.4), ylim=(-0.35, 3.3))
    ax.axis("off")
    return ax


def _box(ax: Axes, x: float, y: float, text: str, *, colour: str = "white") -> None:
    style = {"boxstyle": "round,pad=0.35", "facecolor": colour, "edgecolor": "black", "linewidth": 0.8}
    ax.text(x, y, text, ha="center", va="center", fontsize=9, bbox=style)


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], *, style: str = "solid") -> None:
    ax.annotate("", end, start, arrowprops={"arrowstyle": "->", "linestyle": style, "linewidth": 1})


def _chain(ax: Axes, row: float, names: Sequence[str]) -> None:
    """Five boxes from left to right, with arrows between them."""
    places = (1.6, 2.95, 4.1, 5.25, 6.6)
    for name, x in zip(names, places, strict=True):
        _box(ax, x, row, name, colour="white" if len(name) < 3 else "#EEEEEE")
    for left, right in pairwise(places):
        _arrow(ax, (left + 0.45, row), (right - 0.45, row))


def _shared(ax: Axes, x: float, text: str) -> None:
    ax.plot([x, x], [1.1, 1.9], color="grey", ls=":", lw=1)
    ax.text(
        x,
        1.5,
        text,
        ha="center",
        va="center",
        fontsize=8,
        color="grey",
        bbox={"facecolor": "white", "edgecolor": "none"},
    )
