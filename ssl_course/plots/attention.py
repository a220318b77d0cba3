"""Figures of lesson 13, on self-distillation."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from ssl_course.plots.general import COLOURS, new_axes, plt

OUTLINE = "#EE7733"


def looked_at(images: Tensor, maps: Mapping[str, Tensor], masks: Tensor) -> Axes:
    """Pictures with their true outlines, and below them, a row for each network, where it looks.

    Args:
        images: (N, 3, H, W), uint8 or floats in [0, 1].
        maps: by name, (N, rows, columns); each is drawn from its least (dark) to its most (light).
        masks: the outlines, bool (N, H, W).
    """
    height, width = masks.shape[1:]
    pictures = images.float() / 255 if images.max() > 1 else images
    _, axes = plt.subplots(
        len(maps) + 1, len(images), figsize=(1.15 * len(images) + 1, 1.2 * len(maps) + 1.2), layout="constrained"
    )
    for row, (name, shown) in enumerate({"picture": None, **maps}.items()):
        for column, ax in enumerate(axes[row]):
            if shown is None:
                ax.imshow(pictures[column].permute(1, 2, 0).numpy())
            else:
                ax.imshow(shown[column].numpy(), cmap="viridis", extent=(-0.5, width - 0.5, height - 0.5, -0.5))
            for colour, width_of_line in (("white", 2.6), (OUTLINE, 1.3)):  # a rim, else it vanishes on orange shapes
                ax.contour(masks[column].float().numpy(), levels=[0.5], colors=colour, linewidths=width_of_line)
            ax.set(xticks=[], yticks=[])
        axes[row][0].set_ylabel(name)
    return axes[0][0]


def collapses(curves: Mapping[str, Sequence[dict]], prototypes: int) -> Axes:
    """Entropy of single answers and of their mean, over the passes; dashed lines are the ends of the scale.

    Args:
        curves: by name, what `DINO.measure` said after each pass.
        prototypes: their logarithm is what uniform answers have.
    """
    fig, axes = plt.subplots(1, 3, figsize=(10, 3.2), layout="constrained")
    titles = {"entropy": "entropy of an answer", "of_mean": "entropy of the mean answer", "kl": "KL to the student"}
    for ax, (key, title) in zip(axes, titles.items(), strict=True):
        for number, (name, told) in enumerate(curves.items()):
            passes = np.arange(1, len(told) + 1)
            ax.plot(passes, [one[key] for one in told], marker="osD^v"[number % 5], label=name, color=COLOURS[number])
        ax.set(title=title, xlabel="pass", ylabel="nats", xticks=range(1, 1 + max(map(len, curves.values()))))
        if key != "kl":
            ax.axhline(math.log(prototypes), ls="--", lw=1, color="grey")
            ax.axhline(0, ls="--", lw=1, color="grey")
            ax.set_ylim(-0.05 * math.log(prototypes), 1.05 * math.log(prototypes))
    for text, height in (("uniform", math.log(prototypes)), ("one-hot", 0)):
        place = {"transform": axes[1].get_yaxis_transform(), "va": "center", "color": "grey", "fontsize": 8}
        axes[1].text(1.02, height, text, **place)
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(curves))
    return axes[0]


def overlaps(rows: Mapping[str, float], *, ax: Axes | None = None) -> Axes:
    """Intersection over union of each network as a bar."""
    ax = ax or new_axes(6, 0.45 * len(rows) + 1)
    ax.barh(list(rows), list(rows.values()), color=COLOURS[0])
    for place, value in enumerate(rows.values()):
        ax.text(value + 0.01, place, f"{value:.2f}", va="center")
    ax.set(xlim=(0, 1), xlabel="intersection over union with the outline")
    ax.invert_yaxis()
    return ax
