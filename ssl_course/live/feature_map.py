"""Lesson 00: a t-SNE map with its settings, and the picture behind each point."""

import base64
import io
from collections.abc import Mapping, Sequence

import ipywidgets as widgets
import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image
from sklearn.manifold import TSNE
from torch import Tensor

from ssl_course.data import ImageSet, load
from ssl_course.live.core import Demo, slider, steps
from ssl_course.plots import COLOURS, MARKERS

POINTS = 150  # as many as t-SNE places at once
LARGE = 80  # pixels of the picture under the pointer


def places(features: Tensor, perplexity: float, seed: int) -> np.ndarray:
    """Where t-SNE puts features (N, D) from a random beginning: (N, 2), within -1 to 1."""
    model = TSNE(perplexity=perplexity, init="random", random_state=seed, max_iter=500)
    found = model.fit_transform(features.numpy())
    found = found - (found.min(axis=0) + found.max(axis=0)) / 2
    return found / np.abs(found).max()


def sheet(images: Tensor) -> str:
    """Images (N, 3, H, W) of bytes side by side as one PNG, in base64."""
    packed = io.BytesIO()
    Image.fromarray(torch.cat(list(images), dim=2).permute(1, 2, 0).numpy()).save(packed, "png")
    return base64.b64encode(packed.getvalue()).decode()


def pointed(points: np.ndarray, titles: Sequence[str], size: tuple[int, int], name: str, tile: int) -> str:
    """An SVG of this size to lie over a figure: at each point (N, 2), in pixels from the upper left, a disc that can't
    be seen and shows its picture while the pointer is on it.

    Args:
        titles: what each picture shows.
        name: the id of an SVG image that has all pictures side by side.
        tile: width and height of each of them.
    """
    width, height = size
    parts = []
    for number, ((x, y), title) in enumerate(zip(points, titles, strict=True)):
        left = x + 8 if x + 8 + LARGE < width else x - 8 - LARGE
        top = min(max(y - LARGE / 2, 0), height - LARGE)
        box = f'x="{left:.0f}" y="{top:.0f}" width="{LARGE}" height="{LARGE}"'
        view = f'<svg {box} viewBox="{number * tile} 0 {tile} {tile}"><use href="#{name}"/></svg>'
        frame = f'<rect {box} fill="none" stroke="black" stroke-width="2"/>'
        disc = f'<circle cx="{x:.0f}" cy="{y:.0f}" r="7" fill="transparent"><title>{title}</title></circle>'
        parts.append(f'<g class="point">{disc}<g class="seen">{view}{frame}</g></g>')
    style = "<style>.point .seen{display:none;pointer-events:none}.point:hover .seen{display:inline}</style>"
    place = "position:absolute;left:0;top:0;width:100%;height:100%"
    return f'<svg aria-hidden="true" viewBox="0 0 {width} {height}" style="{place}">{style}{"".join(parts)}</svg>'


class FeatureMap(Demo):
    """A t-SNE map of features; the pointer on a point, or a slider, shows its picture.

    Args:
        images: at least four; at most 150 of them are drawn.
        features: of the same images (N, D), by the encoder's name.
    """

    title = "t-SNE: perplexity, seed, and the picture under the pointer"
    hint = "Point at a group: what do its pictures share? What stays when the seed changes?"
    size = (6.2, 4.2)

    def __init__(self, images: ImageSet, features: Mapping[str, Tensor]):
        chosen = torch.linspace(0, len(images) - 1, min(POINTS, len(images))).round().long()
        self.images, self.found = images[chosen], {}
        self.features = {name: h[chosen] for name, h in features.items()}
        hidden = widgets.Layout(height="0px", margin="0px")
        self.sheet = widgets.HTML(layout=hidden)  # all pictures once, so that an update sends points only
        first = list(features)[-1]
        perplexities = [number for number in (2, 5, 10, 30, 50) if number < len(chosen)]
        usual = perplexities[-2]
        self.typical = (
            {"encoder": first, "perplexity": 2, "seed": 0},
            {"encoder": first, "perplexity": usual, "seed": 0},
            {"encoder": first, "perplexity": usual, "seed": 1},
        )
        super().__init__(
            encoder=steps("encoder", list(features), first),
            perplexity=steps("perplexity", perplexities, usual),
            seed=slider("seed", 0, 3, 0),
            picture=slider("marked picture", 0, len(chosen) - 1, 0),
        )

    @classmethod
    def example(cls) -> "FeatureMap":
        images = load("shapes", "test", size=20)
        pixels = images.images.flatten(1).float() / 255
        return cls(images, {"pixels": pixels, "colours": pixels[:, ::32]})

    def rows(self) -> Sequence[widgets.Widget]:
        count, _, height, width = self.images.images.shape
        packed = f"data:image/png;base64,{sheet(self.images.images)}"
        image = f'<image id="{self.sheet.model_id}" width="{count * width}" height="{height}" href="{packed}"/>'
        self.sheet.value = f'<svg aria-hidden="true" width="0" height="0"><defs>{image}</defs></svg>'
        return [*super().rows(), self.sheet]

    def framed(self, image: str) -> str:
        width, height = self.figure.canvas.get_width_height()
        points = self.map.transData.transform(self.at) * (1, -1) + (0, height)  # matplotlib counts from below
        titles = [self.images.classes[label] for label in self.images.labels]
        over = pointed(points, titles, (width, height), self.sheet.model_id, self.images.images.shape[-1])
        return f'<div style="position:relative;display:inline-block;max-width:100%">{image}{over}</div>'

    def start(self, figure: Figure) -> None:
        grid = figure.add_gridspec(2, 2, width_ratios=(2.9, 1), height_ratios=(1, 1.6))
        self.map = figure.add_subplot(grid[:, 0], aspect="equal")
        self.points = []
        for label, name in enumerate(self.images.classes):
            style = {"color": COLOURS[label % len(COLOURS)], "marker": MARKERS[label % len(MARKERS)]}
            self.points.append(self.map.plot([], [], ls="", ms=5, mew=0, alpha=0.8, label=name, **style)[0])
        self.mark = self.map.plot([], [], "o", ms=14, mfc="none", mec="black", mew=2)[0]
        self.map.set(xticks=[], yticks=[], xlim=(-1.08, 1.08), ylim=(-1.08, 1.08))
        marked, legend = figure.add_subplot(grid[0, 1]), figure.add_subplot(grid[1, 1])
        self.shown = marked.imshow([[0.0]], interpolation="nearest", extent=(0, 1, 1, 0))
        for axis in (marked, legend):
            axis.axis("off")
        legend.legend(handles=self.points, fontsize=9, frameon=False, loc="upper center", markerscale=1.4)

    def draw(self, *, encoder: str, perplexity: int, seed: int, picture: int) -> str:
        setting = encoder, perplexity, seed
        if setting not in self.found:
            self.found[setting] = places(self.features[encoder], perplexity, seed)
        self.at, labels, names = self.found[setting], self.images.labels, self.images.classes
        for label, points in enumerate(self.points):
            points.set_data(*self.at[(labels == label).numpy()].T)
        self.mark.set_data([self.at[picture, 0]], [self.at[picture, 1]])
        self.shown.set_data(self.images.images[picture].permute(1, 2, 0).numpy())
        self.shown.axes.set_title(f"marked: {names[labels[picture]]}", fontsize=10)
        far = ((self.at - self.at[picture]) ** 2).sum(axis=1)
        near = far.argsort()[1:6]
        same = int((labels[near] == labels[picture]).sum())
        told = (
            f"{len(self.at)} pictures ({encoder}). Of the five points nearest to the marked {names[labels[picture]]} "
        )
        return told + f"{same} are of its class."
