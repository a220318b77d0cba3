"""Figures of lesson 08, on one's own images: twins, the two halves of the plan, neighbours, few labels, mistakes."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.axes import Axes
from torch import Tensor

from ssl_course.plots.general import COLOURS, heatmap, history, new_axes, plt, show_images

WITHOUT, WITH = COLOURS[1], COLOURS[3]  # the steps without labels and those with


def twin_distances(distances: Tensor, line: float, *, ax: Axes | None = None) -> Axes:
    """How far the nearest picture is, as a histogram with logarithmic axes; left of the dotted line lie the twins.

    Args:
        distances: (M,), in grey values; those below 0.3 are counted as 0.3.
        line: where twins end, in grey values.
    """
    ax = ax or new_axes(6, 2.6)
    ax.hist(distances.clamp(min=0.3).log10(), bins=60, color=COLOURS[0])
    ax.axvline(np.log10(line), color="grey", ls=":")
    ticks = [0.3, 1, 3, 10, 30, 100]
    ax.set_xticks(np.log10(ticks), ticks)
    ax.set(xlabel="distance to the nearest (grey values)", ylabel="test pictures", yscale="log", ylim=(0.5, None))
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def two_stages(*, ax: Axes | None = None) -> Axes:
    """The plan: on top how pictures without labels make the encoder, below how few labels use it."""
    ax = ax or new_axes(8, 2)
    top = {"thousands of\npictures": 0, "views, SimCLR": 1.3, "encoder f": 2.6}
    bottom = {"a few dozen\nlabelled": 0, "f, frozen": 1.3, "features h": 2.6, "classifier": 3.9, "class": 5.0}
    for height, (row, colour) in enumerate(((bottom, WITH), (top, WITHOUT))):
        style = {"boxstyle": "round,pad=0.4", "facecolor": colour, "edgecolor": "none"}
        for name, place in row.items():
            ax.text(place, height, name, ha="center", va="center", fontsize=10, bbox=style)
    arrows = [((0.45, 1), (0.78, 1)), ((1.85, 1), (2.15, 1)), ((2.5, 0.78), (1.5, 0.24))]
    arrows += [((start, 0), (end, 0)) for start, end in ((0.45, 0.88), (1.72, 2.1), (3.08, 3.45), (4.35, 4.7))]
    for start, end in arrows:
        ax.annotate("", end, start, arrowprops={"arrowstyle": "->", "lw": 1.5})
    ax.set(xlim=(-0.5, 5.4), ylim=(-0.4, 1.4))
    ax.axis("off")
    return ax


def pretraining(records: Sequence[Mapping], collapsed: float, width: int) -> list[Axes]:
    """Loss and effective rank of a training side by side, each with the value of a collapse as a dotted line.

    Args:
        records: a training history with "epoch", "loss" and "effective_rank".
        collapsed: the loss when all projections are equal.
        width: how many numbers a feature vector has: the largest effective rank.

    Returns:
        The two Axes.
    """
    axes = plt.subplots(1, 2, figsize=(8, 2.8), layout="constrained")[1]
    for ax, key, value, side in zip(axes, ("loss", "effective_rank"), (collapsed, 1), ("top", "bottom"), strict=True):
        history(records, key, ax=ax)
        ax.axhline(value, color="grey", ls=":", lw=1)
        ax.text(records[-1]["epoch"], value, "collapsed", color="grey", fontsize=9, ha="right", va=side)
        ax.set_xlabel("pass")
    axes[1].set_ylim(0, width)
    return list(axes)


def neighbour_rows(
    images: Tensor, features: Mapping[str, Tensor], queries: Sequence[int], *, shown: int = 8
) -> list[Axes]:
    """For each encoder a block: every row holds a query, leftmost, and then its most similar pictures.

    Args:
        images: (N, C, H, W).
        features: (N, D) by the encoder's name.
        queries: which images to ask for.
        shown: pictures in a row, with the query.

    Returns:
        The Axes of the blocks.
    """
    size = 5 * len(features), 0.62 * len(queries) + 0.3
    row = plt.subplots(1, len(features), figsize=size, layout="constrained", squeeze=False)[1].flatten()
    asked = torch.as_tensor(queries)
    for ax, (name, h) in zip(row, features.items(), strict=True):
        unit = F.normalize(h, dim=1)
        cosine = unit[asked] @ unit.T  # (Q, N)
        cosine[torch.arange(len(asked)), asked] = 2.0  # the query itself comes first
        nearest = cosine.topk(shown, dim=1).indices
        show_images(images[nearest.flatten()], columns=shown, ax=ax)
        ax.set_title(name, fontsize=10)
    return list(row)


def label_draws(
    counts: Sequence[int],
    scores: np.ndarray,
    *,
    name: str,
    ceiling: float | None = None,
    marks: Mapping[str, tuple[int, float]] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Accuracy over the number of labels: a dot for each draw of the labels, a line through their means.

    Args:
        counts: numbers of labels, K of them.
        scores: accuracies in [0, 1], (K, draws).
        name: of the classifier, for the legend.
        ceiling: an accuracy to draw as a dotted line.
        marks: by name, a number of labels and an accuracy, to draw as squares.
    """
    ax = ax or new_axes(7, 3.2)
    scores = 100 * np.asarray(scores)
    ax.plot(counts, scores.mean(axis=1), color=COLOURS[0], label=f"{name}: mean")
    places = np.repeat(counts, scores.shape[1])
    ax.plot(places, scores.flatten(), "o", ms=4, mfc="none", color=COLOURS[0], label="single draws")
    for number, (mark, (count, score)) in enumerate((marks or {}).items()):
        colour = COLOURS[(4, 3, 2)[number % 3]]
        ax.plot([count], [100 * score], "s", color=colour, label=mark)
    if ceiling is not None:
        ax.axhline(100 * ceiling, color="grey", ls=":", label="all images labelled")
    ax.set(xscale="log", xlabel="labels", ylabel="test accuracy (%)", ylim=(0, 102))
    ax.set_xticks(counts, counts, minor=False)
    ax.minorticks_off()
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def confusion(truth: Tensor, guess: Tensor, classes: Sequence[str], *, ax: Axes | None = None) -> Axes:
    """Which class was taken for which: each row is a true class, its cells are shares of that class.

    Args:
        truth, guess: class numbers (M,), from 0.
        classes: their names; a class without a picture gets no row.
    """
    rows = {}
    for label in truth.unique().tolist():
        shares = torch.bincount(guess[truth == label], minlength=len(classes)) / (truth == label).sum()
        rows[classes[label]] = dict(zip(classes, shares.tolist(), strict=True))
    ax = heatmap(rows, unit="share of the true class", ax=ax)
    ax.set(xlabel="guess", ylabel="truth")
    return ax


def wrong_guesses(
    images: Tensor, truth: Tensor, guess: Tensor, classes: Sequence[str], *, shown: int = 20, ax: Axes | None = None
) -> Axes | None:
    """Pictures whose class was guessed wrongly, evenly spaced among all of them; "truth → guess" stands under each.

    Args:
        images: (M, C, H, W).
        truth, guess: class numbers (M,), from 0.
        classes: their names.
        shown: at most so many pictures.

    Returns:
        The Axes, or None if nothing is wrong.
    """
    wrong = (guess != truth).nonzero().flatten()
    if not len(wrong):
        return None
    places = torch.linspace(0, len(wrong) - 1, min(shown, len(wrong))).round().long()
    chosen = wrong[places].tolist()
    titles = [f"{classes[truth[place]]}\n→ {classes[guess[place]]}" for place in chosen]
    return show_images(images[chosen], titles, columns=10, ax=ax)
