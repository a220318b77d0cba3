"""Arrays in, matplotlib Axes out. Every function takes an optional `ax` and returns the Axes it drew on.

`general` has what every lesson uses, `results` draws tables of results, and each lesson has a module of its own.
"""

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from ssl_course.plots.collapse import (
    byol_diagram,
    correlation_grids,
    decay_curves,
    descents,
    of_each_seed,
    spectra,
)
from ssl_course.plots.contrast import (
    candidates,
    loss_and_probe,
    loss_per_step,
    moco_diagram,
    neighbours,
    simclr_diagram,
    value_histograms,
)
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
    picture_rows,
    scatter,
    show_images,
    show_views,
    similarity,
    tsne,
    tsne_places,
)
from ssl_course.plots.inspection import inspection_page
from ssl_course.plots.margins import (
    over_steps,
    retrieved,
    roc,
    shrinking,
    triplets,
    zones,
)
from ssl_course.plots.masks import (
    hidden_shares,
    masking_steps,
    tuning_curves,
)
from ssl_course.plots.painting import (
    code_prices,
    paint,
    painting_error,
    price_list,
    ten_classes,
    width_sweep,
)
from ssl_course.plots.pretext import (
    bars,
    bars_by_class,
    side_by_side,
    turn_circle,
    turn_circles,
)
from ssl_course.plots.results import (
    accuracy_bars,
    accuracy_grid,
    differences,
    gallery,
    learning_curves,
    maps_by_cost,
    similarity_grid,
)
from ssl_course.plots.start import (
    feature_maps,
    label_curves,
    sorted_by,
    timeline,
    tsne_settings,
)

__all__ = [
    "COLOURS",
    "MARKERS",
    "Axes",
    "accuracy_bars",
    "accuracy_grid",
    "bars",
    "bars_by_class",
    "byol_diagram",
    "candidates",
    "code_prices",
    "compare",
    "confusion",
    "correlation_grids",
    "decay_curves",
    "descents",
    "differences",
    "feature_maps",
    "gallery",
    "heatmap",
    "hidden_shares",
    "history",
    "inspection_page",
    "label_curves",
    "label_draws",
    "learning_curves",
    "loss_and_probe",
    "loss_per_step",
    "maps_by_cost",
    "masking_steps",
    "moco_diagram",
    "neighbour_rows",
    "neighbours",
    "of_each_seed",
    "over_steps",
    "paint",
    "painting_error",
    "picture_rows",
    "plt",
    "pretraining",
    "price_list",
    "retrieved",
    "roc",
    "scatter",
    "show_images",
    "show_views",
    "shrinking",
    "side_by_side",
    "simclr_diagram",
    "similarity",
    "similarity_grid",
    "sorted_by",
    "spectra",
    "ten_classes",
    "timeline",
    "triplets",
    "tsne",
    "tsne_places",
    "tsne_settings",
    "tuning_curves",
    "turn_circle",
    "turn_circles",
    "twin_distances",
    "two_stages",
    "value_histograms",
    "width_sweep",
    "wrong_guesses",
    "zones",
]
