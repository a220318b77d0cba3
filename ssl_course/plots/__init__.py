"""Arrays in, matplotlib Axes out. Every function takes an optional `ax` and returns the Axes it drew on.

`general` has what every lesson uses, `results` draws tables of results, and each lesson has a module of its own.
"""

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from ssl_course.plots.folder import (
    confusion,
    label_draws,
    neighbour_rows,
    pretraining,
    twin_distances,
    two_stages,
    wrong_guesses,
)
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
from ssl_course.plots.results import accuracy_bars, gallery, learning_curves, similarity_grid
from ssl_course.plots.start import feature_maps, label_curves, sorted_by, timeline, tsne_settings

__all__ = [
    "COLOURS",
    "MARKERS",
    "Axes",
    "accuracy_bars",
    "compare",
    "confusion",
    "feature_maps",
    "gallery",
    "heatmap",
    "history",
    "label_curves",
    "label_draws",
    "learning_curves",
    "neighbour_rows",
    "plt",
    "pretraining",
    "scatter",
    "show_images",
    "show_views",
    "similarity",
    "similarity_grid",
    "sorted_by",
    "timeline",
    "tsne",
    "tsne_places",
    "tsne_settings",
    "twin_distances",
    "two_stages",
    "wrong_guesses",
]
