"""Figures of lesson 00, on judging an encoder: factors, years, few labels, and what t-SNE's settings do."""

from collections.abc import Mapping, Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator
from sklearn.manifold import TSNE
from torch import Tensor

from ssl_course.plots.general import COLOURS, new_axes, plt, scatter, show_images, tsne

BUILT, OTHER = COLOURS[0], COLOURS[4]


def sorted_by(images: Tensor, factors: Mapping[str, Tensor], names: Sequence[str], *, shown: int = 16) -> list[Axes]:
    """A row of images for each named factor, in the order of that factor: everything else in the row is random.

    Args:
        images: (N, C, H, W).
        factors: numbers (N,) by name.
        names: which of them to draw.
        shown: images in a row, evenly spaced in the order, from the smallest value to the largest.

    Returns:
        The Axes of the rows.
    """
    size = 10, 0.8 * len(names)
    rows = plt.subplots(len(names), 1, figsize=size, layout="constrained", squeeze=False)[1].flatten()
    for ax, name in zip(rows, names, strict=True):
        places = torch.linspace(0, len(images) - 1, shown).round().long()
        show_images(images[factors[name].argsort()[places]], columns=shown, ax=ax)
        ax.set_title(f"sorted by {name}", loc="left", fontsize=9)
    return list(rows)


def timeline(methods: Mapping[str, tuple[int, bool]], *, ax: Axes | None = None) -> Axes:
    """Methods below one another in the order of their years, a filled dot for those that the course builds.

    Args:
        methods: by name, the year and whether this course builds it.
    """
    ax = ax or new_axes(7.5, 0.21 * len(methods) + 0.9)
    ordered = sorted(methods.items(), key=lambda entry: entry[1][0])
    for row, (name, (year, built)) in enumerate(ordered):
        colour = BUILT if built else OTHER
        ax.plot([year], [row], "o", ms=6, color=colour, mfc=colour if built else "white")
        behind = {"facecolor": "white", "edgecolor": "none", "pad": 1}  # no grid line through a name
        ax.text(year + 0.35, row, name, va="center", fontsize=9, bbox=behind)
    years = [year for _, (year, _) in ordered]
    ax.set(yticks=[], ylim=(len(ordered) - 0.3, -0.7), xlim=(years[0] - 0.7, years[-1] + 3))
    ax.set_xlabel("year of publication")
    ax.xaxis.get_major_locator().set_params(integer=True)
    handles = [Line2D([], [], ls="", marker="o", color=BUILT), Line2D([], [], ls="", marker="o", color=OTHER, mfc="w")]
    ax.legend(handles, ["built in this course", "told of only"], frameon=False, fontsize=8, loc="lower left")
    ax.grid(axis="x", lw=0.4)
    ax.spines[["top", "right", "left"]].set_visible(False)
    return ax


def label_curves(curves: Mapping[str, Sequence[Mapping[str, float]]], *, ax: Axes | None = None) -> Axes:
    """Accuracy over the number of labels, a line for each encoder, with a deviation over the draws as error bars.

    Args:
        curves: by the encoder's name, what `evaluate.few_label_curve` returns.
    """
    ax = ax or new_axes(5.5, 3)
    for number, (name, curve) in enumerate(curves.items()):
        labels = [point["labels"] for point in curve]
        accuracy = [100 * point["accuracy"] for point in curve]
        luck = [100 * point["deviation"] for point in curve]
        colour = COLOURS[4 * number % len(COLOURS)]
        ax.errorbar(labels, accuracy, luck, fmt="o-", capsize=4, label=name, color=colour)
    counts = sorted({point["labels"] for curve in curves.values() for point in curve})
    ax.set(xscale="log", xlabel="labels used by the probe", ylabel="test accuracy (%)", ylim=(0, 105))
    ax.set_xticks(counts, [f"{count:,}" for count in counts])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def feature_maps(features: Mapping[str, Tensor], labels: Tensor, classes: Sequence[str]) -> list[Axes]:
    """A t-SNE map of each encoder's features (N, D) of the same images, side by side, with one legend.

    Args:
        features: by the encoder's name.
        labels: (N,), of the images.
        classes: their names.

    Returns:
        The Axes of the maps.
    """
    row = _panels(len(features))
    for ax, (name, h) in zip(row, features.items(), strict=True):
        tsne(h, labels, classes, legend=False, ax=ax)
        ax.set_title(name, fontsize=10)
    _shared_legend(row[0])
    return row


def tsne_settings(
    features: Tensor, labels: Tensor, classes: Sequence[str], settings: Sequence[tuple[int, int]]
) -> list[Axes]:
    """The same features drawn by t-SNE with several settings, side by side, each from a random beginning.

    `tsne` begins with the two main directions of the features instead, so that its maps hardly depend on the seed.

    Args:
        features: (N, D), N larger than each perplexity.
        labels: (N,).
        classes: names of the labels.
        settings: perplexity and seed of each panel.

    Returns:
        The Axes of the panels.

    Raises:
        ValueError: if there aren't more features than a perplexity.
    """
    largest = max(perplexity for perplexity, _ in settings)
    if largest >= len(features):
        raise ValueError(f"perplexity must be below the number of features, {len(features)}, got {largest}")
    row = _panels(len(settings))
    for ax, (perplexity, seed) in zip(row, settings, strict=True):
        model = TSNE(perplexity=perplexity, init="random", random_state=seed)
        scatter(model.fit_transform(features.numpy()), labels, classes, legend=False, ax=ax)
        ax.set_title(f"perplexity {perplexity}, seed {seed}", fontsize=10)
    _shared_legend(row[0])
    return row


def _panels(count: int) -> list[Axes]:
    size = 3.3 * count, 3.9
    return list(plt.subplots(1, count, figsize=size, layout="constrained", squeeze=False)[1].flatten())


def _shared_legend(ax: Axes) -> None:
    """One legend for all panels of a figure, below them."""
    handles = ax.get_legend_handles_labels()
    ax.figure.legend(*handles, loc="outside lower center", ncols=5, frameon=False, fontsize=8, markerscale=1.8)
