"""Arrays in, matplotlib Axes out. Every function takes an optional `ax` and returns the Axes it drew on.

`general` has what every lesson uses, `results` draws tables of results, and each lesson has a module of its own.
"""

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from ssl_course.plots.general import (
    COLOURS,
    MARKERS,
    compare,
    heatmap,
    history,
    scatter,
    show_images,
    show_views,
    similarity,
    tsne,
    tsne_places,
)
from ssl_course.plots.margins import over_steps, retrieved, roc, shrinking, triplets, zones
from ssl_course.plots.results import accuracy_bars, gallery, similarity_grid

__all__ = [
    "COLOURS",
    "MARKERS",
    "Axes",
    "accuracy_bars",
    "compare",
    "gallery",
    "heatmap",
    "history",
    "over_steps",
    "plt",
    "retrieved",
    "roc",
    "scatter",
    "show_images",
    "show_views",
    "shrinking",
    "similarity",
    "similarity_grid",
    "triplets",
    "tsne",
    "tsne_places",
    "zones",
]
