"""The built-in images: one shape on a plain ground, drawn from factors that we know because we chose them.

Every image is 32x32 RGB. A shape of one of ten classes is placed, sized, turned and coloured at random; none of
these says anything about the class, so a network that finds the class has understood the outline. Outlines are
signed distance functions (negative inside, in pixels), which makes smooth edges a matter of one clip.
"""

from collections.abc import Callable

import numpy as np

SIZE = 32
CLASSES = ("disc", "ring", "square", "triangle", "star", "cross", "crescent", "bar", "arrow", "heart")


def draw(
    count: int, *, seed=0, distractors: bool = False, upright: bool = False
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Draw `count` class-balanced images and return them with the factors that made them.

    Args:
        count: how many images, at least 1.
        seed: an integer or a sequence of integers; the same seed gives the same pixels on every platform.
        distractors: add stripes to the shape and blobs to the ground. They identify an image through every
            crop, so a contrastive method learns them instead of the outline.
        upright: turn the shapes by at most 15 degrees either way, so that they have a top, as photographs have.

    Returns:
        images, uint8 (count, 3, 32, 32), and factors, each (count,): `class` (index into CLASSES), `hue` and
        `ground_hue` (turns, 0 to 1), `x` and `y` (centre, pixels), `size` (radius, pixels), `angle` (degrees,
        0 to 360), `ground` (luminance of the ground, 0 to 1) and `contrast` (luminance of the shape minus it).

    Raises:
        ValueError: if count is below 1.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    random = np.random.default_rng(seed)
    factors = _draw_factors(count, random)
    if upright:
        factors["angle"] = (factors["angle"] / 12 - 15) % 360
    coverage = _coverage(factors)  # (N, 32, 32), 1 inside the shape
    ground = _colour(factors["ground"], factors["ground_hue"])  # (N, 3)
    shape = _colour(factors["ground"] + factors["contrast"], factors["hue"])  # (N, 3)
    ground, shape = ground[:, :, None, None], shape[:, :, None, None]
    if distractors:
        ground = ground + 0.25 * _blobs(count, random)[:, None]
        shape = shape + 0.25 * _stripes(count, random)[:, None]
    images = ground + coverage[:, None] * (shape - ground)
    return np.rint(images.clip(0, 1) * 255).astype(np.uint8), factors


def _draw_factors(count: int, random: np.random.Generator) -> dict[str, np.ndarray]:
    size = random.uniform(8.0, 12.0, count)
    reach = 3.0  # pixels that the centre may lie from the middle of the image, either way
    ground = random.uniform(0.15, 0.85, count)
    step = random.uniform(0.3, 0.5, count)
    return {
        "class": random.permutation(np.arange(count) % len(CLASSES)),
        "hue": random.uniform(0, 1, count),
        "ground_hue": random.uniform(0, 1, count),
        "x": 15.5 + reach * random.uniform(-1, 1, count),
        "y": 15.5 + reach * random.uniform(-1, 1, count),
        "size": size,
        "angle": random.uniform(0, 360, count),
        "ground": ground,
        "contrast": np.where(ground < 0.5, step, -step),
    }


def _colour(luminance: np.ndarray, hue: np.ndarray, chroma: float = 0.22) -> np.ndarray:
    """Colours (N, 3) of a given luminance and hue, by way of the linear colour space YIQ."""
    i, q = chroma * np.cos(2 * np.pi * hue), chroma * np.sin(2 * np.pi * hue)
    rgb = [
        luminance + 0.956 * i + 0.619 * q,
        luminance - 0.272 * i - 0.647 * q,
        luminance - 1.106 * i + 1.703 * q,
    ]
    return np.stack(rgb, axis=1)


def _coverage(factors: dict[str, np.ndarray]) -> np.ndarray:
    """How much of each pixel the shape covers, (N, 32, 32): the distance to the outline, clipped to one pixel."""
    coverage = np.empty((len(factors["class"]), SIZE, SIZE))
    rows, columns = np.mgrid[:SIZE, :SIZE]
    for label, name in enumerate(CLASSES):
        (chosen,) = np.nonzero(factors["class"] == label)
        x, y, size, angle = (factors[key][chosen, None, None] for key in ("x", "y", "size", "angle"))
        cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
        u = (cos * (columns - x) + sin * (rows - y)) / size  # (n, 32, 32), in radii
        v = (cos * (rows - y) - sin * (columns - x)) / size
        coverage[chosen] = np.clip(0.5 - OUTLINES[name](u, v) * size, 0, 1)
    return coverage


def _blobs(count: int, random: np.random.Generator) -> np.ndarray:
    """Smooth random patches, (N, 32, 32) in -1 to 1: a sum of two waves with their own direction."""
    return (_waves(count, random, 10, 20) + _waves(count, random, 10, 20)) / 2


def _stripes(count: int, random: np.random.Generator) -> np.ndarray:
    return _waves(count, random, 3, 6)


def _waves(count: int, random: np.random.Generator, shortest: float, longest: float) -> np.ndarray:
    rows, columns = np.mgrid[:SIZE, :SIZE]
    length, angle, phase = (
        random.uniform(a, b, (count, 1, 1)) for a, b in ((shortest, longest), (0, np.pi), (0, 6.28))
    )
    return np.sin(2 * np.pi / length * (np.cos(angle) * columns + np.sin(angle) * rows) + phase)


def _disc(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.hypot(u, v) - 1


def _box(u: np.ndarray, v: np.ndarray, half_width: float, half_height: float) -> np.ndarray:
    return np.maximum(np.abs(u) - half_width, np.abs(v) - half_height)


def _polygon(u: np.ndarray, v: np.ndarray, sides: int, inner: float) -> np.ndarray:
    """Regular polygon whose sides lie at distance `inner` from the centre."""
    turns = 2 * np.pi * np.arange(sides) / sides
    return np.max([np.cos(t) * u + np.sin(t) * v for t in turns], axis=0) - inner


def _star(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Five points: fold the plane into one tenth, where the outline is a single straight line."""
    tenth = np.pi / 5
    angle = np.abs((np.arctan2(v, u) + tenth) % (2 * tenth) - tenth)
    radius = np.hypot(u, v)
    notch = 0.42  # the radius at which two points meet
    along = np.array([notch * np.cos(tenth) - 1, notch * np.sin(tenth)])
    normal = np.array([along[1], -along[0]]) / np.hypot(*along)
    return normal[0] * (radius * np.cos(angle) - 1) + normal[1] * radius * np.sin(angle)


def _crescent(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.maximum(_disc(u, v), 0.8 - np.hypot(u - 0.5, v))


def _arrow(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    head = np.maximum(-u, (u + np.abs(v) - 1) / np.sqrt(2))
    return np.minimum(head, _box(u + 0.45, v, 0.5, 0.22))


def _heart(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """A square that stands on its corner, with half a disc on each of its two upper sides."""
    square = (np.abs(u + 0.15) + np.abs(v) - 0.75) / np.sqrt(2)
    lobes = np.hypot(u - 0.225, np.abs(v) - 0.375) - 0.75 / np.sqrt(2)
    return np.minimum(square, lobes)


OUTLINES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "disc": lambda u, v: np.hypot(u, v) - 0.85,
    "ring": lambda u, v: np.abs(np.hypot(u, v) - 0.72) - 0.2,
    "square": lambda u, v: _box(u, v, 0.72, 0.72),
    "triangle": lambda u, v: _polygon(u, v, 3, 0.5),
    "star": _star,
    "cross": lambda u, v: np.minimum(_box(u, v, 0.95, 0.26), _box(u, v, 0.26, 0.95)),
    "crescent": _crescent,
    "bar": lambda u, v: _box(u, v, 1.0, 0.33),
    "arrow": _arrow,
    "heart": _heart,
}
