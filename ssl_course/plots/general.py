"""Figures that every lesson uses: pictures, curves, maps, bars and grids."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from sklearn.manifold import TSNE
from torch import Tensor

from ssl_course.features import check_features, collapsed

# Ten colours that stay apart for colour-blind readers as far as ten can (Paul Tol's "muted", and black).
COLOURS = ("#332288", "#88CCEE", "#44AA99", "#DDCC77", "#CC6677", "#AA4499", "#882255", "#117733", "#999933", "#222222")
MARKERS = ("o", "s", "^", "v", "D", "P", "X", "<", ">", "*")


def show_images(
    images: Tensor, titles: Sequence[str] = (), *, columns: int = 10, gap: int = 2, ax: Axes | None = None
) -> Axes:
    """Images (N, C, H, W), uint8 or floats in [0, 1], side by side in rows of `columns`, with a title under each."""
    if images.ndim != 4 or not len(images):
        raise ValueError(f"images must be (N, C, H, W) with N at least 1, got {tuple(images.shape)}")
    images = images.detach().cpu()
    images = images.float() / 255 if images.dtype == torch.uint8 else images.float().clamp(0, 1)
    images = images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images
    count, _, height, width = images.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    lines = max((title.count("\n") for title in titles), default=0)  # of a title, beyond the first
    below = max(8, height // 3) + lines * height // 8 if titles else gap
    canvas = np.ones((rows * (height + below), columns * (width + gap) - gap, 3))
    ax = ax or new_axes(columns * 0.95, canvas.shape[0] / canvas.shape[1] * columns * 0.95)
    for position, image in enumerate(images.permute(0, 2, 3, 1).numpy()):
        top, left = position // columns * (height + below), position % columns * (width + gap)
        canvas[top : top + height, left : left + width] = image
        if position < len(titles):
            ax.text(left + width / 2, top + height + below / 2, titles[position], ha="center", va="center", fontsize=8)
    ax.imshow(canvas, interpolation="nearest")
    ax.axis("off")
    return ax


def show_views(images: Tensor, *views: Tensor, ax: Axes | None = None) -> Axes:
    """The originals in the top row and one row for each set of views, all (N, C, H, W)."""
    to_float = [part.float() / 255 if part.dtype == torch.uint8 else part for part in (images, *views)]
    ax = show_images(torch.cat([part.detach().cpu() for part in to_float]), columns=len(images), ax=ax)
    height = images.shape[-2] + 2
    for row, name in enumerate(["image", *(f"view {number}" for number in range(1, len(views) + 1))]):
        ax.text(-3, row * height + height / 2, name, ha="right", va="center", fontsize=9)
    return ax


def picture_rows(rows: Mapping[str, Tensor], *, ax: Axes | None = None) -> Axes:
    """Rows of images, each (N, 3, H, W) in [0, 1], one below the other with their names on the left.

    Raises:
        ValueError: if the rows differ in shape.
    """
    shapes = {name: tuple(images.shape) for name, images in rows.items()}
    if len(set(shapes.values())) != 1:
        raise ValueError(f"all rows must have the same shape, got {shapes}")
    count, _, height, _ = next(iter(shapes.values()))
    ax = show_images(torch.cat([images.detach().cpu() for images in rows.values()]), columns=count, ax=ax)
    for row, name in enumerate(rows):
        ax.text(-4, row * (height + 2) + height / 2, name, ha="right", va="center", fontsize=9)
    return ax


def history(records: Sequence[Mapping], key: str = "loss", *, label: str | None = None, ax: Axes | None = None) -> Axes:
    """One value of a training history over the epochs."""
    ax = ax or new_axes(4.5, 3)
    colour = COLOURS[2 * len(ax.lines) % len(COLOURS)]
    ax.plot(
        [record["epoch"] for record in records],
        [record[key] for record in records],
        "o-",
        ms=3,
        label=label,
        color=colour,
    )
    units = {"images_per_second": "images per second", "effective_rank": "effective rank"}
    ax.set(xlabel="epoch", ylabel=units.get(key, key.replace("_", " ")))
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.spines[["top", "right"]].set_visible(False)
    if label:
        ax.legend(frameon=False)
    return ax


def similarity(z1: Tensor, z2: Tensor, *, ax: Axes | None = None) -> Axes:
    """Cosine similarity of every row of z1 with every row of z2, both (N, D); the diagonal is one image's two views."""
    unit = [torch.nn.functional.normalize(z.detach().float().cpu(), dim=1) for z in (z1, z2)]
    ax = ax or new_axes(4, 3.4)
    picture = ax.imshow(unit[0] @ unit[1].T, vmin=-1, vmax=1, cmap="PuOr")
    ax.figure.colorbar(picture, ax=ax, label="cosine similarity", shrink=0.8)
    ax.set(xlabel="view 2 of image", ylabel="view 1 of image")
    return ax


def tsne(
    features: Tensor,
    labels: Tensor,
    classes: Sequence[str] = (),
    *,
    seed: int = 0,
    legend: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Features (N, D) as a map in which neighbours stay neighbours; distances between groups mean little.

    `tsne_places` says where the points go and `scatter` draws them.
    """
    return scatter(tsne_places(features, seed=seed), labels, classes, legend=legend, ax=ax)


def tsne_places(features: Tensor, *, seed: int = 0) -> np.ndarray:
    """Places (N, 2) for features (N, D) by t-SNE, N at least 4; all at (0, 0) if the features are all equal.

    Source: van der Maaten & Hinton 2008, Visualizing Data using t-SNE (scikit-learn's implementation).

    Raises:
        ValueError: if features isn't (N, D) with N at least 4, or isn't finite.
    """
    features = torch.as_tensor(features)
    if features.ndim != 2 or len(features) < 4:
        raise ValueError(f"a t-SNE map needs features (N, D) of at least 4 images, got {tuple(features.shape)}")
    check_features(features, "all")
    if not features.numel() or collapsed(features):
        return np.zeros((len(features), 2), np.float32)  # scikit-learn would divide by their deviation, 0, and crash
    model = TSNE(perplexity=min(30, (len(features) - 1) / 3), init="pca", random_state=seed)
    return model.fit_transform(_for_tsne(features))


def _for_tsne(features: Tensor) -> np.ndarray:
    """Features as scikit-learn takes them: at least two columns, and squares that float32 can hold."""
    features = features.detach().cpu()
    features = features if features.dtype == torch.float64 else features.float()
    largest = float(features.abs().max())
    if not 1e-6 < largest < 1e6:
        features = features / largest
    if features.shape[1] == 1:
        features = torch.nn.functional.pad(features, (0, 1))
    return features.numpy()


def scatter(
    places: np.ndarray, labels: Tensor, classes: Sequence[str] = (), *, legend: bool = True, ax: Axes | None = None
) -> Axes:
    """Points (N, 2) without units, with a colour and a marker for each label (N,); a label without a name is a number.

    Raises:
        ValueError: if there isn't one label for each point.
    """
    if len(places) != len(labels):
        raise ValueError(f"each point needs a label, got {len(places)} points and {len(labels)} labels")
    ax = ax or new_axes(4.5, 4.5)
    for label in labels.unique().tolist():
        chosen = places[(labels == label).numpy()]
        name = classes[label] if 0 <= label < len(classes) else str(label)
        style = {"color": COLOURS[label % len(COLOURS)], "marker": MARKERS[label % len(MARKERS)]}
        ax.scatter(chosen[:, 0], chosen[:, 1], s=12, alpha=0.75, linewidths=0, label=name, **style)
    if len(places) > 1 and (places == places[0]).all():
        ax.set_title("all features are equal: a collapse", fontsize=9)
    ax.set(xticks=[], yticks=[])
    ax.set_aspect("equal", adjustable="datalim")
    if legend:
        ax.legend(frameon=False, fontsize=8, markerscale=1.8, loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def compare(
    table: Mapping[str, Mapping[str, float]],
    *,
    spread: Mapping[str, Mapping[str, float]] | None = None,
    chance: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Bars of accuracies in [0, 1]: one group per row of the table, one bar per column; `spread` gives error bars."""
    ax = ax or new_axes(6, 0.45 * len(table) + 1)
    columns = _columns(table)
    height = 0.8 / len(columns)
    for number, column in enumerate(columns):
        places = [row + (number - (len(columns) - 1) / 2) * height for row in range(len(table))]
        values = [100 * row.get(column, float("nan")) for row in table.values()]
        errors = [100 * spread[name].get(column, 0) for name in table] if spread else None
        style = {"label": column.replace("_", " "), "color": COLOURS[(0, 3, 4, 1)[number % 4]]}
        bars = ax.barh(places, values, height * 0.92, xerr=errors, error_kw={"lw": 1}, **style)
        ax.bar_label(bars, fmt="%.0f", padding=2, fontsize=8)
    if chance is not None:
        ax.axvline(100 * chance, color="black", lw=1, ls=":")
    ax.set(yticks=range(len(table)), yticklabels=list(table), xlim=(0, 108), xlabel="test accuracy (%)")
    ax.set_ylim(len(table) - 0.5, -0.5)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def heatmap(
    table: Mapping[str, Mapping[str, float]],
    *,
    spread: Mapping[str, Mapping[str, float]] | None = None,
    unit: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Numbers in [0, 1] as a grid with one row and one column per name; the numbers stand in the cells, `spread`
    below them."""
    columns = _columns(table)
    values = np.full((len(table), len(columns)), np.nan)
    for row, cells in enumerate(table.values()):
        for name, value in cells.items():
            values[row, columns.index(name)] = value
    ax = ax or new_axes(0.62 * len(columns) + 2.4, (0.44 if spread else 0.34) * len(table) + 1)
    picture = ax.imshow(values, vmin=0, vmax=1, cmap="cividis", aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            colour = "black" if value > 0.6 else "white"
            text = f"{value:.2f}"
            around = spread[list(table)[row]].get(columns[column], np.nan) if spread else np.nan
            if np.isfinite(around):
                text += f"\n±{around:.2f}"
            ax.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)
    ax.set_xticks(range(len(columns)), [name.replace("_", " ") for name in columns], rotation=35, ha="right")
    ax.set_yticks(range(len(table)), list(table))
    ax.figure.colorbar(picture, ax=ax, label=unit)
    return ax


def _columns(table: Mapping[str, Mapping[str, float]]) -> list[str]:
    """The names of the columns that any row of a table has, in the order in which they first come."""
    columns: list[str] = []
    for row in table.values():
        columns += [name for name in row if name not in columns]
    return columns


def new_axes(width: float, height: float) -> Axes:
    return plt.subplots(figsize=(width, height), layout="constrained")[1]
