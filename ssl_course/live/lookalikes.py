"""Lesson 08: the most similar pictures of a folder, before and after training."""

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor, nn

from ssl_course import augment
from ssl_course.data import ImageSet, load
from ssl_course.features import extract_features, to_float
from ssl_course.live.core import Demo, slider, switch
from ssl_course.networks import small_cnn

MOST = 2000  # pictures that are looked through
SHOWN = 8  # beside the query, at most
GAP = 4  # pixels between pictures


def changed(image: Tensor, *, turn: float, hue: float, grey: bool) -> Tensor:
    """A picture, uint8 (1, C, H, W), turned, with turned colours or without any, by the functions of lesson 04's views.

    Args:
        turn: in degrees.
        hue: in turns of the colour circle; like `grey` for pictures of three channels alone.
    """
    picture = image.float() / 255
    picture = augment.rotate(picture, torch.tensor([float(turn)])) if turn else picture
    if image.shape[1] == 3:
        picture = augment.hue(picture, torch.tensor([float(hue)])) if hue else picture
        picture = augment.grayscale(picture, torch.tensor([grey]))
    return (255 * picture).round().to(torch.uint8)


def most_similar(query: Tensor, others: Tensor, count: int, *, without: int) -> tuple[list[int], list[float]]:
    """The places of the most similar of the others, the first the most, and their cosines.

    Args:
        query: (1, D).
        others: (N, D), each of length 1.
        without: the place of the query itself, which is left out.
    """
    cosine = (F.normalize(query, dim=1) @ others.T)[0]  # (N,)
    cosine[without] = -2.0
    found = cosine.topk(min(count, len(others) - 1))
    return found.indices.tolist(), found.values.tolist()


class Pixels(nn.Module):
    """Pictures as features: 32 x 32 pixels less those of the mean picture, without which all would be alike.

    Args:
        images: uint8 (N, C, H, W), of which the mean is taken.
    """

    def __init__(self, images: Tensor):
        super().__init__()
        self.mean = F.adaptive_avg_pool2d(to_float(images), 32).flatten(1).mean(dim=0)  # (C * 32 * 32,)

    def forward(self, images: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(images, 32).flatten(1) - self.mean


class Lookalikes(Demo):
    """A picture and those most similar to it, a row for each way to compare: by pixels and by every encoder's features.

    Args:
        images: with or without labels; of more than 2,000 so many are looked through.
        encoders: by name, such as the untrained and the trained one.
    """

    title = "The most similar pictures"
    hint = "Turn the query, or take its colours away: which row still finds the same? What do your views say of it?"
    typical = (
        {"query": 4},
        {"query": 4, "hue": 0.5},
        {"query": 4, "turn": 45, "grey": True},
    )

    def __init__(self, images: ImageSet, encoders: Mapping[str, nn.Module]):
        self.images = images[torch.linspace(0, len(images) - 1, min(len(images), MOST)).round().long()]
        self.ways = {"pixels": Pixels(self.images.images)} | dict(encoders)
        self.features = {name: extract_features(way, self.images.images) for name, way in self.ways.items()}
        self.features = {name: F.normalize(h, dim=1) for name, h in self.features.items()}
        self.size = (8.6, 1.35 * len(self.ways))
        super().__init__(
            query=slider("picture", 0, len(self.images) - 1, 0),
            count=slider("neighbours", 1, SHOWN, SHOWN),
            turn=slider("turn the query (degrees)", 0, 345, 0, 15),
            hue=slider("turn its colours", 0.0, 0.95, 0.0, 0.05),
            grey=switch("take its colours away", False),
        )

    @classmethod
    def example(cls) -> "Lookalikes":
        torch.manual_seed(0)
        return cls(load("shapes", "test", size=40), {"one": small_cnn(width=8), "other": small_cnn(width=8)})

    def start(self, figure: Figure) -> None:
        self.height, self.width = self.images.images.shape[2:]
        self.canvas = np.ones((self.height, (SHOWN + 1) * (self.width + GAP), 3))
        self.rows_shown, self.words = {}, {}
        for axis, name in zip(figure.subplots(len(self.ways), 1, squeeze=False)[:, 0], self.ways, strict=True):
            self.rows_shown[name] = axis.imshow(self.canvas, aspect="equal")
            axis.set(xticks=[], yticks=[], xlabel=" \n ")
            axis.set_ylabel(name.replace(" ", "\n"), rotation=0, ha="right", va="center", fontsize=10)
            axis.spines[:].set_visible(False)
            middles = [place * (self.width + GAP) + self.width / 2 for place in range(SHOWN + 1)]
            below = {"ha": "center", "va": "top", "fontsize": 9, "linespacing": 1.1}
            self.words[name] = [axis.text(middle, 1.04 * self.height, "", **below) for middle in middles]

    def draw(self, *, query: int, count: int, turn: float, hue: float, grey: bool) -> str:
        original = self.images.images[query : query + 1]
        asked = changed(original, turn=turn, hue=hue, grey=grey)
        found, before = {}, {}
        for name, way in self.ways.items():
            h, others = extract_features(way, asked), self.features[name]
            found[name], cosines = most_similar(h, others, count, without=query)
            before[name], _ = most_similar(others[query : query + 1], others, count, without=query)
            self.show(name, asked, query, found[name], cosines)
        told = f"Picture {query}. " + self.shared(found)
        if turn or hue or grey:
            told += " " + self.kept(found, before)
        return told + (" " + self.alike(query, found) if self.images.classes else "")

    def show(self, name: str, asked: Tensor, query: int, places: list[int], cosines: list[float]) -> None:
        """One row: the query, and the pictures at these places with their cosines and classes."""
        pictures = torch.cat([asked, self.images.images[places]]).permute(0, 2, 3, 1).numpy() / 255
        self.canvas[:] = 1
        for number, picture in enumerate(pictures):
            left = number * (self.width + GAP)
            self.canvas[:, left : left + self.width] = picture
        self.rows_shown[name].set_data(self.canvas)
        told = ["query", *(f"{cosine:.3f}" for cosine in cosines)]
        told = [f"{line}\n{self.class_of(place)}" for line, place in zip(told, [query, *places], strict=True)]
        for text, words in zip(self.words[name], told + [""] * (SHOWN + 1 - len(told)), strict=True):
            text.set_text(words)

    def class_of(self, place: int) -> str:
        """The name of a picture's class, as much as there is room for; nothing where nobody knows."""
        return self.images.classes[self.images.labels[place]][:11] if self.images.classes else ""

    def shared(self, found: Mapping[str, list[int]]) -> str:
        """How many of what the last way finds the others find, too."""
        *others, last = found
        told = ", ".join(f"{len(set(found[name]) & set(found[last]))} with {name}" for name in others)
        return f"Of its {len(found[last])} neighbours the row {last} shares {told}."

    def kept(self, found: Mapping[str, list[int]], before: Mapping[str, list[int]]) -> str:
        """How many neighbours of the picture as it was are still there."""
        told = ", ".join(f"{name} {len(set(found[name]) & set(before[name]))}" for name in found)
        return f"Neighbours that stay after the change: {told}."

    def alike(self, query: int, found: Mapping[str, list[int]]) -> str:
        """How many have the query's class."""
        labels = self.images.labels
        told = ", ".join(f"{name} {int((labels[places] == labels[query]).sum())}" for name, places in found.items())
        return f"Of its class ({self.class_of(query)}): {told}."
