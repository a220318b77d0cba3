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
from ssl_course.plots.painting import (
    code_prices,
    paint,
    painting_error,
    picture_rows,
    price_list,
    ten_classes,
    width_sweep,
)
from ssl_course.plots.results import accuracy_bars, gallery, learning_curves, similarity_grid
from ssl_course.plots.start import feature_maps, label_curves, sorted_by, timeline, tsne_settings

__all__ = [
    "COLOURS",
    "MARKERS",
    "Axes",
    "accuracy_bars",
    "code_prices",
    "compare",
    "feature_maps",
    "gallery",
    "heatmap",
    "history",
    "label_curves",
    "learning_curves",
    "paint",
    "painting_error",
    "picture_rows",
    "plt",
    "price_list",
    "scatter",
    "show_images",
    "show_views",
    "similarity",
    "similarity_grid",
    "sorted_by",
    "ten_classes",
    "timeline",
    "tsne",
    "tsne_places",
    "tsne_settings",
    "width_sweep",
]
