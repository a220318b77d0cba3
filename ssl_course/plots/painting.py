"""Figures of lesson 02, on autoencoders, and the painter whose pictures its price list compares."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator
from torch import Tensor

from ssl_course import shapes
from ssl_course.plots.general import COLOURS, history, new_axes, plt

LOOK = {"ground": 0.3, "ground_hue": 0.0, "hue": 0.5, "contrast": 0.4}
PLACE = ("class", "x", "y", "size", "angle")  # the factors that say which pixels a shape covers


def painting_error(
    records: Sequence[Mapping], levels: Mapping[str, float], *, label: str | None = None, ax: Axes | None = None
) -> Axes:
    """The squared error of a training history over its passes, and known errors as horizontal lines with their names.

    Args:
        records: with `epoch` and `loss`, as `pretrain` returns them.
        levels: squared errors to compare with, by their names.
        label: of the curve; gives it a place in a legend.
    """
    ax = history(records, label=label, ax=ax or new_axes(5.5, 3))
    for (name, level), style in zip(levels.items(), (":", "--", "-."), strict=False):
        ax.axhline(level, color="grey", ls=style, lw=1)
        ax.annotate(name, (0, level), (3, 3), ("axes fraction", "data"), "offset points", fontsize=8, color="#555555")
    ticks = [record["epoch"] for record in records]
    ax.set(xlabel="pass", ylabel="squared error per value", ylim=(0, 1.15 * max([*levels.values(), 0.01])))
    ax.set_xticks(ticks if len(ticks) <= 12 else ticks[:: len(ticks) // 6])
    return ax


def price_list(costs: Mapping[str, float], *, marked: str = "class", ax: Axes | None = None) -> Axes:
    """Bars of squared errors, one for each factor that is painted wrongly; the bar of `marked` has another colour."""
    ax = ax or new_axes(6, 0.32 * len(costs) + 0.7)
    colours = [COLOURS[4] if name == marked else COLOURS[0] for name in costs]
    ax.bar_label(ax.barh(list(costs), list(costs.values()), color=colours), fmt="%.3f", padding=3)
    ax.set(xlabel="squared error when this factor alone is wrong", xlim=(0, 1.25 * max(costs.values())))
    ax.invert_yaxis()
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def width_sweep(
    sweep: Mapping[int, Mapping[str, float]], levels: Mapping[str, float], *, ax: Sequence[Axes] | None = None
) -> Sequence[Axes]:
    """Left the squared error, right accuracies, over the number of numbers in the code.

    Args:
        sweep: by the width of the code: `error`, and accuracies in [0, 1] by their names.
        levels: accuracies to compare with, by names of the same columns, as dotted lines in the same colour.
        ax: two Axes.

    Returns:
        Both Axes.
    """
    left, right = ax if ax is not None else new_pair(9, 3)
    numbers, columns = list(sweep), [name for name in next(iter(sweep.values())) if name != "error"]
    left.plot(numbers, [row["error"] for row in sweep.values()], "o-", color=COLOURS[0])
    left.set(ylabel="squared error per value", ylim=(0, None))
    for name, style, colour in zip(columns, ("s--", "o-", "^:"), (COLOURS[3], COLOURS[4], COLOURS[2]), strict=False):
        right.plot(numbers, [100 * row[name] for row in sweep.values()], style, label=name, color=colour)
        if name in levels:
            right.axhline(100 * levels[name], color=colour, lw=1, ls=":")
    right.set(ylabel="class, accuracy (%)", ylim=(0, 100))
    right.legend(frameon=False, fontsize=9)
    for axis in (left, right):
        axis.set_xscale("log", base=2)
        axis.set(xlabel="numbers in the code", xticks=numbers, xticklabels=numbers)
        axis.xaxis.set_minor_locator(NullLocator())
        axis.spines[["top", "right"]].set_visible(False)
    return left, right


def code_prices(costs: Mapping[str, Tensor], *, ax: Axes | None = None) -> Axes:
    """KL divergence of each direction of a code (D,), in nats, the most expensive first; one line for each name."""
    ax = ax or new_axes(5.5, 2.8)
    for number, (name, values) in enumerate(costs.items()):
        values = values.detach().cpu().sort(descending=True).values
        places = range(1, len(values) + 1)
        ax.plot(places, values, f"{'os^'[number % 3]}-", ms=4, color=COLOURS[4 * number % len(COLOURS)], label=name)
    ax.set(xlabel="direction of the code, most expensive first", ylabel="KL divergence (nats)", ylim=(0, None))
    ax.legend(frameon=False, fontsize=9)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def paint(factors: Mapping[str, np.ndarray]) -> Tensor:
    """Built-in pictures from their factors, each (N,): (N, 3, 32, 32) in [0, 1], as `shapes.draw` draws them."""
    inside = torch.tensor(np.stack([_coverage(*one) for one in zip(*map(factors.get, PLACE), strict=True)]))
    ground = _colours(factors["ground"], factors["ground_hue"])  # (N, 3, 1, 1)
    shape = _colours(factors["ground"] + factors["contrast"], factors["hue"])
    return (ground + inside[:, None] * (shape - ground)).clamp(0, 1).float()


def ten_classes(poses: Mapping[str, np.ndarray] | None = None) -> Tensor:
    """One picture of each class in the same colours, (10, 3, 32, 32): in one pose, or the mean over poses.

    Args:
        poses: factors, each (N,), of which `x`, `y`, `size` and `angle` are taken.
    """
    poses = poses or {"x": [15.5], "y": [15.5], "size": [10.0], "angle": [20.0]}
    poses = {name: np.asarray(poses[name]) for name in PLACE if name != "class"}
    count, pictures = len(poses["x"]), []
    look = {name: np.full(count, value) for name, value in LOOK.items()}
    for label in range(len(shapes.CLASSES)):
        pictures.append(paint(look | poses | {"class": np.full(count, label)}).mean(dim=0))
    return torch.stack(pictures)


def _coverage(label: int, x: float, y: float, size: float, angle: float) -> np.ndarray:
    """How much of each pixel a shape covers, (32, 32): turn and shift the grid, clip the distance to the outline."""
    rows, columns = np.mgrid[: shapes.SIZE, : shapes.SIZE]
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    u = (cos * (columns - x) + sin * (rows - y)) / size
    v = (cos * (rows - y) - sin * (columns - x)) / size
    outline = shapes.OUTLINES[shapes.CLASSES[int(label)]](u, v)  # negative inside
    return np.clip(0.5 - outline * size, 0, 1)


def _colours(light: np.ndarray, hue: np.ndarray) -> Tensor:
    """Red, green and blue for a luminance and a hue in turns, (N,) each -> (N, 3, 1, 1)."""
    i, q = 0.22 * np.cos(2 * np.pi * hue), 0.22 * np.sin(2 * np.pi * hue)
    colours = [light + 0.956 * i + 0.619 * q, light - 0.272 * i - 0.647 * q, light - 1.106 * i + 1.703 * q]
    return torch.tensor(np.stack(colours, axis=1))[:, :, None, None]


def new_pair(width: float, height: float) -> Sequence[Axes]:
    return plt.subplots(1, 2, figsize=(width, height), layout="constrained")[1]
