"""Figures of a result of `compare`: bars, curves over the training cost, the similarity of the rows, and their maps."""

import statistics
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes

from ssl_course.methods import METHODS
from ssl_course.plots.general import COLOURS, MARKERS, compare, heatmap, new_axes, scatter
from ssl_course.tables import NAMES, summary


def accuracy_bars(result: dict) -> Axes:
    """Linear probe and k-NN of every row of a result as bars, with the spread over the seeds."""
    means, spreads = {}, {}
    for title, column in (("linear probe", "linear_probe"), ("k-NN", "knn")):
        for name, (mean, deviation) in summary(result, column).items():
            means.setdefault(NAMES[name], {})[title] = mean
            spreads.setdefault(NAMES[name], {})[title] = deviation
    return compare(means, spread=spreads, chance=1 / len(result["maps"]["classes"]))


def learning_curves(
    result: dict, methods: Sequence[str] | None = None, *, column: str = "linear_probe", ax: Axes | None = None
) -> Axes:
    """Test accuracy over the cost of training, a line for each method: mean and every seed of a result with budgets.

    Args:
        result: as `compare.collect_budgets` gives it, or `results.read("budgets_shapes")`.
        methods: names of rows; default all that are trained without labels.
        column: "linear_probe" or "knn".
        ax: where to draw; default a new figure.
    """
    budgets = result["budgets"]
    present = [name for name in NAMES if any(name in summary(part, column) for part in budgets.values())]
    methods = [name for name in present if name in METHODS] if methods is None else list(methods)
    ax = ax or new_axes(6.5, 0.22 * len(methods) + 3.2)
    last = {}
    for name in methods:
        number = list(NAMES).index(name)  # a method has the same colour in every lesson
        style = {"color": COLOURS[number % len(COLOURS)], "marker": MARKERS[number % len(MARKERS)]}
        costs, means = [], []
        for part in budgets.values():
            rows = [rows[name] for rows in part["seeds"].values() if name in rows]
            if rows:
                costs.append(statistics.mean(row["cost"] for row in rows))
                means.append(100 * statistics.mean(row[column] for row in rows))
                every = [100 * row[column] for row in rows]
                ax.scatter([row["cost"] for row in rows], every, s=14, alpha=0.35, lw=0, **style)
        lines = ["-", "--"][number // len(COLOURS) % 2]
        (line,) = ax.plot(costs, means, lines, ms=5, label=NAMES[name], **style)
        last[line] = means[-1] if means else 0
    floors = ["untrained_vit" if set(methods) == {"mae"} else "untrained", "supervised"]
    for name in floors:
        values = [mean for part in budgets.values() for row, (mean, _) in summary(part, column).items() if row == name]
        if values:
            ax.axhline(100 * statistics.mean(values), color="black", lw=0.8, ls=":")
            above = 100 * statistics.mean(values)
            ax.text(1, above, f" {NAMES[name]}", transform=ax.get_yaxis_transform(), va="center", fontsize=7)
    ax.set(xscale="log", xlabel="cost, in passes of SimCLR over the images", ylim=(0, 104))
    ax.set_ylabel(f"{'linear probe' if column == 'linear_probe' else 'k-NN'}: test accuracy (%)")
    costs = sorted({round(statistics.median(_costs(part))) for part in budgets.values() if _costs(part)})
    ax.set_xticks(costs, [str(cost) for cost in costs])
    ax.minorticks_off()
    ax.spines[["top", "right"]].set_visible(False)
    best_first = sorted(last, key=last.get, reverse=True)
    ax.legend(handles=best_first, frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.3, 0.5))
    return ax


def _costs(part: dict) -> list[float]:
    return [row["cost"] for rows in part["seeds"].values() for row in rows.values() if "cost" in row]


def similarity_grid(result: dict) -> Axes:
    """Linear CKA of every pair of rows of a result as a grid."""
    alike = {}
    for one, row in result["similarity"].items():
        alike[NAMES[one]] = {NAMES[other]: value for other, value in row.items()}
    return heatmap(alike, unit="linear CKA")


def gallery(result: dict) -> Axes:
    """One t-SNE map for each row of a result, side by side."""
    places, labels = result["maps"]["places"], torch.tensor(result["maps"]["labels"])
    wide = min(4, len(places))
    high = -(-len(places) // wide)
    figure, axes = plt.subplots(high, wide, figsize=(2.6 * wide, 2.7 * high), layout="constrained", squeeze=False)
    for ax in axes.flat[len(places) :]:
        ax.axis("off")
    for ax, (name, points) in zip(axes.flat, places.items(), strict=False):
        scatter(np.array(points), labels, result["maps"]["classes"], legend=False, ax=ax)
        ax.set_title(NAMES[name], fontsize=10)
    handles = axes.flat[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=5, frameon=False, markerscale=1.8)
    return axes.flat[0]
