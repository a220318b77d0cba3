"""Figures of a result of `compare`: bars, curves over the training cost, the similarity of the rows, and their maps."""

import statistics
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes

from ssl_course.methods import METHODS
from ssl_course.plots.general import COLOURS, MARKERS, compare, heatmap, new_axes, scatter
from ssl_course.tables import NAMES, columns, rows_of, summary


def accuracy_bars(result: dict) -> Axes:
    """Linear probe and k-NN of every row of a result as bars, with the spread over the seeds."""
    means, spreads = {}, {}
    for title, column in (("linear probe", "linear_probe"), ("k-NN", "knn")):
        for name, (mean, deviation) in summary(result, column).items():
            means.setdefault(NAMES[name], {})[title] = mean
            spreads.setdefault(NAMES[name], {})[title] = deviation
    return compare(means, spread=spreads, chance=1 / len(result["maps"]["classes"]))


def style_of(name: str) -> dict[str, str]:
    """Colour, marker and line of a row's curve: in every lesson the same, and no other row has the same two of them."""
    number = list(NAMES).index(name)
    rounds = number // len(COLOURS)  # the colours begin anew, so the markers move on
    marker, line = MARKERS[(number + 3 * rounds) % len(MARKERS)], ("-", "--")[rounds % 2]
    return {"color": COLOURS[number % len(COLOURS)], "marker": marker, "linestyle": line}


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
        style = style_of(name)
        dots = {part: style[part] for part in ("color", "marker")}
        costs, means = [], []
        for part in budgets.values():
            rows = [rows[name] for rows in part["seeds"].values() if name in rows]
            if rows:
                costs.append(statistics.mean(row["cost"] for row in rows))
                means.append(100 * statistics.mean(row[column] for row in rows))
                every = [100 * row[column] for row in rows]
                ax.scatter([row["cost"] for row in rows], every, s=14, alpha=0.35, lw=0, **dots)
        (line,) = ax.plot(costs, means, ms=5, label=NAMES[name], **style)
        last[line] = means[-1] if means else 0
    floors = [] if set(methods) == {"mae"} else ["untrained"]
    floors += ["untrained_vit"] if "mae" in methods else []  # each network has a floor of its own
    for name in (*floors, "supervised"):
        values = [mean for part in budgets.values() for row, (mean, _) in summary(part, column).items() if row == name]
        if values:
            ax.axhline(100 * statistics.mean(values), color="black", lw=0.8, ls=":")
            above = 100 * statistics.mean(values)
            ax.text(1, above, f" {NAMES[name]}", transform=ax.get_yaxis_transform(), va="center", fontsize=7)
    ax.set(xscale="log", xlabel="cost, in passes of SimCLR over the images", ylim=(0, 104))
    ax.set_ylabel(f"{'linear probe' if column == 'linear_probe' else 'k-NN'}: test accuracy (%)")
    shown = [
        part for part in budgets.values() if any(name in rows for rows in part["seeds"].values() for name in methods)
    ]
    costs = sorted({round(statistics.median(_costs(part))) for part in shown})
    ax.set_xticks(costs, [str(cost) for cost in costs])
    ax.minorticks_off()
    ax.spines[["top", "right"]].set_visible(False)
    best_first = sorted(last, key=last.get, reverse=True)
    ax.legend(handles=best_first, frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.3, 0.5))
    return ax


def _costs(part: dict) -> list[float]:
    return [row["cost"] for rows in part["seeds"].values() for row in rows.values() if "cost" in row]


def similarity_grid(result: dict, rows: Sequence[str] | None = None, *, ax: Axes | None = None) -> Axes:
    """Linear CKA of every pair of rows of a result as a grid.

    Args:
        result: with `similarity`, as `compare.collect` gives it.
        rows: names of rows; default all. Those that the result hasn't are left out.
        ax: where to draw; default a new figure.
    """
    alike = result["similarity"]
    rows = [name for name in (rows or alike) if name in alike]
    table = {NAMES[one]: {NAMES[other]: alike[one][other] for other in rows} for one in rows}
    return heatmap(table, unit="linear CKA", ax=ax)


def accuracy_grid(result: dict, rows: Sequence[str] | None = None, *, ax: Axes | None = None) -> Axes:
    """The table of a result as a grid, in [0, 1]: each mean, below it the deviation if there are several seeds.

    Args:
        result: as `compare.collect` gives it.
        rows: names of rows; default all.
        ax: where to draw; default a new figure.
    """
    rows = list(rows or rows_of(result))
    means, spreads = {NAMES[name]: {} for name in rows}, {NAMES[name]: {} for name in rows}
    for title, cells in columns(result).items():
        short = title.replace(" of the labels", "").replace("linear probe", "probe")
        for name in rows:
            if name in cells:
                means[NAMES[name]][short], spreads[NAMES[name]][short] = cells[name]
    return heatmap(means, spread=spreads, unit="test accuracy", ax=ax)


def differences(table: Mapping[str, tuple[float, float, bool]], *, beside: str, ax: Axes | None = None) -> Axes:
    """Paired differences in points, the largest on top: full marks are apart from 0, hollow ones are ties.

    Args:
        table: by a row's name: mean difference and its deviation over the seeds, as shares, and whether it is a tie, as
            `tables.paired` gives them.
        beside: what the rows are compared with, for the axis.
        ax: where to draw; default a new figure.
    """
    order = sorted(table, key=lambda name: table[name][0])
    ax = ax or new_axes(6, 0.27 * len(table) + 1)
    for height, name in enumerate(order):
        mean, deviation, tie = table[name]
        style = {"mfc": "white" if tie else COLOURS[0], "color": COLOURS[0], "ms": 6, "capsize": 2, "lw": 1}
        ax.errorbar(100 * mean, height, xerr=100 * deviation, fmt="o", **style)
    ax.axvline(0, color="black", lw=0.8, ls=":")
    ax.set_yticks(range(len(order)), [NAMES.get(name, name) for name in order])
    ax.set_xlabel(f"points above {beside} (hollow: a tie; bars: ± 1 deviation)")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def gallery(result: dict, rows: Sequence[str] | None = None) -> Axes:
    """One t-SNE map for each row of a result, side by side; `rows` chooses some of them."""
    places = result["maps"]["places"]
    places = {name: places[name] for name in (rows or places)}
    wide = min(4, len(places))
    high = -(-len(places) // wide)
    axes = plt.subplots(high, wide, figsize=(2.6 * wide, 2.7 * high), layout="constrained", squeeze=False)[1]
    for ax in axes.flat[len(places) :]:
        ax.axis("off")
    for ax, name in zip(axes.flat, places, strict=False):
        _map(result, name, ax)
    _legend_below(axes)
    return axes.flat[0]


def maps_by_cost(results: Mapping[str, dict], rows: Sequence[str]) -> Axes:
    """The t-SNE maps of some rows, a column for each, in several results, a line for each with its title.

    Args:
        results: by title, each with `maps` as `compare.collect` gives them.
        rows: names of rows that all of them have.
    """
    size = 2.7 * len(rows), 2.6 * len(results) + 0.6
    axes = plt.subplots(len(results), len(rows), figsize=size, layout="constrained", squeeze=False)[1]
    for line, (title, result) in zip(axes, results.items(), strict=True):
        for ax, name in zip(line, rows, strict=True):
            _map(result, name, ax)
        line[0].set_ylabel(title)
    _legend_below(axes)
    return axes.flat[0]


def _map(result: dict, name: str, ax: Axes) -> None:
    """The map of one row of a result, with its title."""
    maps = result["maps"]
    scatter(np.array(maps["places"][name]), torch.tensor(maps["labels"]), maps["classes"], legend=False, ax=ax)
    ax.set_title(NAMES[name], fontsize=10)


def _legend_below(axes: np.ndarray) -> None:
    """One legend for all maps of a figure."""
    handles = axes.flat[0].get_legend_handles_labels()
    axes.flat[0].figure.legend(*handles, loc="outside lower center", ncols=5, frameon=False, markerscale=1.8)
