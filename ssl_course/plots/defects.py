"""Figures of lesson 08b, on defects: where they are, what resizing leaves of them, how many are found at what price."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.axes import Axes
from sklearn.metrics import precision_recall_curve
from torch import Tensor

from ssl_course.plots.general import COLOURS, MARKERS, new_axes, plt

GOOD, BAD = COLOURS[0], COLOURS[1]
RING = 22  # pixels around a defect


def photographs(images: Tensor, places: Tensor | np.ndarray, titles: Sequence[str] = ()) -> np.ndarray:
    """Photographs in a row, a ring around what is known of; below each of these the ring's inside, four times as large.

    Args:
        images: uint8 (N, 3, H, W).
        places: (N, 2), the middle of a defect as y and x in pixels, or -1.
        titles: of the photographs.

    Returns:
        The Axes, (2, N).
    """
    axes = plt.subplots(2, len(images), figsize=(2.3 * len(images), 4.4), layout="constrained", squeeze=False)[1]
    for column, (image, (y, x)) in enumerate(zip(images, torch.as_tensor(places).tolist(), strict=True)):
        above, below = axes[:, column]
        above.imshow(image.permute(1, 2, 0))
        if y >= 0:
            above.add_patch(plt.Circle((x, y), RING, fill=False, color="white", lw=1.5))
            below.imshow(around(image, y, x).permute(1, 2, 0))
        if titles:
            above.set_title(titles[column], fontsize=10)
    for ax in axes.flat:
        ax.axis("off")
    return axes


def around(image: Tensor, y: float, x: float, radius: int = RING) -> Tensor:
    """The part (C, 2 radius, 2 radius) of an image (C, H, W) around a place; at the edge, the nearest such part."""
    height, width = image.shape[1:]
    top, left = (int(min(max(at - radius, 0), end - 2 * radius)) for at, end in ((y, height), (x, width)))
    return image[:, top : top + 2 * radius, left : left + 2 * radius]


def shrunk(image: Tensor, place: Sequence[float], sides: Sequence[int]) -> np.ndarray:
    """What is left of a defect when its photograph is brought to fewer pixels: the same spot at every size.

    Args:
        image: uint8 (3, H, H).
        place: y and x of the defect in pixels of `image`.
        sides: heights to bring it to, H among them for the photograph itself.

    Returns:
        The Axes, one for each side.
    """
    axes = plt.subplots(1, len(sides), figsize=(2.3 * len(sides), 2.6), layout="constrained", squeeze=False)[1][0]
    for ax, side in zip(axes, sides, strict=True):
        small = F.interpolate(image[None].float(), size=(side, side), mode="area")
        large = F.interpolate(small, size=image.shape[1:], mode="nearest")[0].round().byte()
        ax.imshow(around(large, *place).permute(1, 2, 0))
        ax.set_title(f"{side}x{side}", fontsize=10)
        ax.axis("off")
    return axes


def precision_recall(labels: np.ndarray, scores: Mapping[str, Tensor], *, ax: Axes | None = None) -> Axes:
    """How many alarms are right (precision) when a share of the defects has been found (recall), for several scores.

    Args:
        labels: (N,), 1 for a defect.
        scores: by name, (N,), higher is stranger.
    """
    ax = ax or new_axes(5, 3.4)
    for number, (name, score) in enumerate(scores.items()):
        precision, recall, _ = precision_recall_curve(labels, score)
        style = {"color": COLOURS[number], "marker": MARKERS[number], "markevery": 0.1}
        ax.plot(recall, precision, **style, drawstyle="steps-post", label=name)
    ax.axhline(labels.mean(), color="grey", ls=":", label="share of the defects")
    ax.set(xlabel="share of the defects that is found", ylabel="share of the alarms that is right", ylim=(0, 1.05))
    ax.legend(fontsize=9)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def score_strip(scores: Mapping[str, tuple[Tensor, np.ndarray]], lines: Mapping[str, float] | None = None) -> Axes:
    """Every photograph by its score, in a row for each set: dots are good ones, crosses defects; lines are thresholds.

    Args:
        scores: by name of the set, scores (N,) and labels (N,).
        lines: by name, a threshold.
    """
    ax = new_axes(7.5, 0.9 + 0.6 * len(scores))
    shake = np.random.default_rng(0)
    for row, (score, labels) in enumerate(scores.values()):
        for kind, colour, marker in ((0, GOOD, "."), (1, BAD, "x")):
            chosen = score[torch.as_tensor(labels) == kind]
            heights = row + shake.uniform(-0.25, 0.25, len(chosen))
            ax.scatter(chosen, heights, color=colour, marker=marker, s=30, label=("good", "defect")[kind])
    for number, (name, value) in enumerate((lines or {}).items()):
        ax.axvline(value, color="black", ls=("-", ":", "--", "-.")[number % 4], lw=1, label=name)
    ax.set_yticks(range(len(scores)), list(scores))
    ax.set(xlabel="score of a photograph (its strangest tile)", ylim=(len(scores) - 0.5, -0.5))
    known = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    ax.legend(known.values(), known, fontsize=9, loc="center left", bbox_to_anchor=(1.01, 0.5))
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def heat(images: Tensor, maps: Tensor, places: Tensor | np.ndarray, titles: Sequence[str] = ()) -> np.ndarray:
    """Photographs, and below each where its tiles are strange, on one scale for all; rings are the true places.

    Args:
        images: uint8 (N, 3, H, W).
        maps: (N, H, W), as `tiles.heat_map` gives them.
        places, titles: as for `photographs`.

    Returns:
        The Axes, (2, N).
    """
    axes = plt.subplots(2, len(images), figsize=(2.3 * len(images), 4.6), layout="constrained", squeeze=False)[1]
    shared = {"cmap": "magma", "vmin": float(maps.min()), "vmax": float(maps.max())}
    for column, (image, found, (y, x)) in enumerate(zip(images, maps, torch.as_tensor(places).tolist(), strict=True)):
        axes[0, column].imshow(image.permute(1, 2, 0))
        painted = axes[1, column].imshow(found, **shared)
        if titles:
            axes[0, column].set_title(titles[column], fontsize=10)
        for ax in axes[:, column]:
            ax.axis("off")
            if y >= 0:
                ax.add_patch(plt.Circle((x, y), RING, fill=False, color="white", lw=1.5))
    axes[0, 0].figure.colorbar(painted, ax=axes[1], label="score of the tiles here", pad=0.01)
    return axes
