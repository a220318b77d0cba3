"""Pictures of lesson 09: who may look at whom, losses between counting and the floor, what is known where."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from torch import Tensor

from ssl_course.plots.general import COLOURS, MARKERS, new_axes


def who_sees_whom(masks: Mapping[str, Tensor], words: Sequence[str]) -> list[Axes]:
    """A grid for each mask: which word (row) may look at which (column).

    Args:
        masks: by title, bool (L, L), true where the word of the row may look at that of the column.
        words: the L words.
    """
    _, axes = plt.subplots(1, len(masks), figsize=(3.9 * len(masks), 3.9), layout="constrained", squeeze=False)
    for ax, (title, mask) in zip(axes.flat, masks.items(), strict=True):
        ax.imshow(mask.float(), cmap="Blues", vmin=0, vmax=1.6)
        ax.set_xticks(range(len(words)), words, rotation=60, ha="right", rotation_mode="anchor")
        ax.set_yticks(range(len(words)), words)
        ax.set(title=title, xlabel="is looked at", ylabel="looks")
    return list(axes.flat)


def between_lines(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    lines: Mapping[str, float],
    *,
    xlabel: str = "training step",
    ylabel: str = "loss in nats a word",
    ax: Axes | None = None,
) -> Axes:
    """Curves of a loss, and lines that it can be compared with, named at their right end.

    Args:
        curves: by name, places and values.
        lines: by name, a value, drawn from left to right.
    """
    ax = ax or new_axes(6.4, 3.6)
    for number, (name, (places, values)) in enumerate(curves.items()):
        ax.plot(
            places,
            values,
            color=COLOURS[number],
            marker=MARKERS[number] if len(places) < 40 else None,
            ms=4,
            label=name,
        )
    for name, value in lines.items():
        ax.axhline(value, color="0.6", lw=1, ls="--", zorder=0)
        ax.annotate(f" {name}", (1, value), xycoords=("axes fraction", "data"), va="center", fontsize=9, color="0.35")
    ax.set(xlabel=xlabel, ylabel=ylabel)
    if len(curves) > 1:
        ax.legend()
    return ax


def by_distance(rows: Mapping[str, Mapping[str, float]], *, chance: float = 0.5, ax: Axes | None = None) -> Axes:
    """How often the verb agrees with its subject, by the number of words from one to the other.

    Args:
        rows: by name, the share of right verbs in [0, 1] for each distance.
        chance: of guessing, a dashed line.
    """
    ax = ax or new_axes(5.6, 3.4)
    for number, (name, row) in enumerate(rows.items()):
        places = [int(distance) for distance in row]
        ax.plot(
            places, [100 * share for share in row.values()], color=COLOURS[number], marker=MARKERS[number], label=name
        )
    ax.axhline(100 * chance, color="0.6", lw=1, ls="--", zorder=0)
    ax.set(xlabel="words from the subject to its verb", ylabel="verbs that agree (%)", ylim=(0, 105))
    ax.legend(loc="lower left")
    return ax


def by_layer(rows: Mapping[str, Sequence[float]], *, chance: float, ax: Axes | None = None) -> Axes:
    """How well something is told from the vectors of each layer.

    Args:
        rows: by name, an accuracy in [0, 1] for each layer, that before the first block first.
        chance: of guessing, a dashed line.
    """
    ax = ax or new_axes(5, 3.2)
    for number, (name, values) in enumerate(rows.items()):
        ax.plot(
            range(len(values)),
            [100 * value for value in values],
            color=COLOURS[number],
            marker=MARKERS[number],
            label=name,
        )
    layers = range(max(map(len, rows.values())))
    ax.axhline(100 * chance, color="0.6", lw=1, ls="--", zorder=0)
    ax.set_xticks(layers, ["words and places", *(f"block {number}" for number in layers[1:])])
    ax.set(ylabel="accuracy of the probe (%)", ylim=(0, 105))
    ax.legend(loc="lower right")
    return ax
