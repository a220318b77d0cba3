"""Two shapes in one picture, and a caption that only the order of its words makes true: "a red square left of a blue
disc".

The mirrored caption, "a blue disc left of a red square", has the same words, and so has the one with exchanged colours,
"a blue square left of a red disc". Who reads a caption as a bag of words can tell neither from the true one. (Mert
Yuksekgonul et al.: When and Why Vision-Language Models Behave like Bags-of-Words. ICLR 2023; Tristan Thrush et al.:
Winoground. CVPR 2022.) The shapes and colours are those of `shapes` and `captions`.
"""

import numpy as np
import torch
from torch import Tensor

from ssl_course import shapes
from ssl_course.captions import VALUES
from ssl_course.data import ImageSet
from ssl_course.pairs import Pairs
from ssl_course.samples import Samples
from ssl_course.shapes import CLASSES
from ssl_course.vocabulary import Vocabulary

COLOURS = VALUES["colour"]
SPLITS, SIZES = ("train", "test"), (8000, 2000)
VOCABULARY = Vocabulary(sorted({*CLASSES, *COLOURS, "a", "an", "left", "of"}), 9)  # START and eight words
MIRRORED = (0, 6, 7, 8, 4, 5, 1, 2, 3)  # START, the other thing, "left of", this one
EXCHANGED = (0, 6, 7, 3, 4, 5, 1, 2, 8)  # the colours with their articles


def draw(count: int, *, seed=0) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Two shapes of different class and colour side by side on a plain ground.

    Args:
        count: how many pictures, at least 1.
        seed: an integer or a sequence of integers; the same seed gives the same pixels on every platform.

    Returns:
        images, uint8 (count, 3, 32, 32), and factors: `class` and `colour` (count, 2), indices into CLASSES and
        COLOURS, of the left shape and the right one; `x`, `y`, `size` (pixels) and `angle` (degrees), (count, 2) each;
        `ground` (luminance), (count,).

    Raises:
        ValueError: if count is below 1.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    random = np.random.default_rng(seed)
    ground, ground_hue = random.uniform(0.15, 0.85, count), random.uniform(0, 1, count)
    contrast = np.where(ground < 0.5, 0.4, -0.4)
    factors = {"class": _two(random, count, len(CLASSES)), "colour": _two(random, count, len(COLOURS))}
    factors["x"] = np.array([8.0, 23.0]) + random.uniform(-1, 1, (count, 2))
    factors["y"] = random.uniform(10, 21, (count, 2))
    factors["size"] = random.uniform(6, 7, (count, 2))
    factors["angle"] = random.uniform(0, 360, (count, 2))
    hue = (factors["colour"] + random.uniform(0.25, 0.75, (count, 2))) / len(COLOURS)  # none on a border of two colours
    images = shapes._colour(ground, ground_hue)[:, :, None, None]  # (N, 3, 1, 1)
    for side in (0, 1):
        one = {name: values[:, side] for name, values in factors.items()}
        colour = shapes._colour(ground + contrast, hue[:, side])[:, :, None, None]
        images = images + shapes._coverage(one)[:, None] * (colour - images)
    return np.rint(images.clip(0, 1) * 255).astype(np.uint8), factors | {"ground": ground}


def _two(random: np.random.Generator, count: int, values: int) -> np.ndarray:
    """Two different ones of so many values for each picture, (count, 2)."""
    first = random.integers(values, size=count)
    return np.stack([first, (first + random.integers(1, values, size=count)) % values], axis=1)


def say(kinds: tuple[int, int], colours: tuple[int, int]) -> str:
    """The caption: say((2, 0), (0, 2)) is "a red square left of a blue disc"."""
    things = [f"{COLOURS[colour]} {CLASSES[kind]}" for kind, colour in zip(kinds, colours, strict=True)]
    return " left of ".join(f"{'an' if thing[0] in 'aeiou' else 'a'} {thing}" for thing in things)


def load(split: str = "train", *, size: int | None = None, seed: int = 0) -> Pairs:
    """Scenes with their captions; default 8,000 to train with and 2,000 to test.

    Raises:
        ValueError: if the split is neither or size is below 1.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be train or test, got {split!r}")
    number = SPLITS.index(split)
    images, factors = draw(SIZES[number] if size is None else size, seed=(seed, number, 2))
    kinds, colours = (factors[name].tolist() for name in ("class", "colour"))
    rows = VOCABULARY.rows(say(*both) for both in zip(kinds, colours, strict=True))
    known = {name: torch.from_numpy(values) for name, values in factors.items()}
    return Pairs(ImageSet(torch.from_numpy(images), factors=known), Samples(rows), VOCABULARY)


def mirrored(tokens: Tensor) -> Tensor:
    """The captions (B, 9) of the mirrored pictures: the things change places."""
    return _checked(tokens)[:, MIRRORED]


def exchanged(tokens: Tensor) -> Tensor:
    """The captions (B, 9) with exchanged colours: each thing stays where it is and gets the other's colour."""
    return _checked(tokens)[:, EXCHANGED]


def _checked(tokens: Tensor) -> Tensor:
    if tokens.ndim != 2 or tokens.shape[1] != len(MIRRORED):
        raise ValueError(f"tokens of a scene's caption are (B, {len(MIRRORED)}), got {tuple(tokens.shape)}")
    return tokens


def told_apart(images: Tensor, right: Tensor, wrong: Tensor) -> float:
    """How often an image (N, D) is nearer to its caption than to the wrong one, (N, D) each; equally near is half.

    Whoever can't tell the two captions apart has 0.5. What rounding makes of equal numbers counts as equal.
    """
    if not images.shape == right.shape == wrong.shape or images.ndim != 2:
        got = ", ".join(str(tuple(part.shape)) for part in (images, right, wrong))
        raise ValueError(f"images and both captions must be (N, D), got {got}")
    difference = (images * (right - wrong)).sum(dim=1)
    even = difference.abs() < 1e-5
    return float(torch.where(even, 0.5, (difference > 0).float()).mean())
