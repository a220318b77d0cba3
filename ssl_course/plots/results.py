"""Figures of a result of `compare`: bars, curves over the training cost, the similarity of the rows, and their maps."""

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes

from ssl_course.plots.general import compare, heatmap, scatter
from ssl_course.tables import NAMES, summary


def accuracy_bars(result: dict) -> Axes:
    """Linear probe and k-NN of every row of a result as bars, with the spread over the seeds."""
    means, spreads = {}, {}
    for title, column in (("linear probe", "linear_probe"), ("k-NN", "knn")):
        for name, (mean, deviation) in summary(result, column).items():
            means.setdefault(NAMES[name], {})[title] = mean
            spreads.setdefault(NAMES[name], {})[title] = deviation
    return compare(means, spread=spreads, chance=1 / len(result["maps"]["classes"]))


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
