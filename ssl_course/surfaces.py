"""Drawn photographs of a brushed surface under a lamp, a few with a defect whose place and size we know.

Every picture has a grain in one direction, a tint and a gradient of light of its own; none says anything of the defect.
"""

from functools import cache

import numpy as np
from scipy.ndimage import gaussian_filter1d

SIZE = 256
CLASSES = ("good", "defect")
KINDS = ("scratch", "curl", "stain")


def draw(
    count: int, *, share: float = 0.05, kind: str = "scratch", seed=0, size: int = SIZE, lamp: float = 1.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw photographs of a surface.

    Args:
        count: how many, at least 1.
        share: of them with a defect, in [0, 1], rounded to whole pictures.
        kind: "scratch", a straight line of 18 to 30 pixels; "curl", a bent one; "stain", a soft spot of 6 to 10.
        seed: an integer or a sequence of integers; the same seed gives the same pictures.
        size: height and width in pixels.
        lamp: how bright the lamp is; at half of it, half the brightness, and the camera's noise stays.

    Returns:
        images, uint8 (count, 3, size, size); labels (count,), 1 for a defect; places (count, 2), the defect's middle
        as y and x in pixels, -1 where there is none.

    Raises:
        ValueError: if count or share is out of range, or the kind isn't known.
    """
    if count < 1 or not 0 <= share <= 1:
        raise ValueError(f"count must be at least 1 and share in [0, 1], got {count} and {share}")
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(count) < round(share * count)).astype(np.int64)
    images = np.empty((count, 3, size, size), dtype=np.uint8)
    places = np.full((count, 2), -1.0)
    for number, defect in enumerate(labels):
        light = _surface(random, size)
        if defect:
            middle = random.uniform(0.1, 0.9, 2) * size
            light = light + _defect(kind, middle, random, size)
            places[number] = middle
        tint = 1 + random.uniform(-0.06, 0.06, (3, 1, 1))
        noise = random.normal(0, 0.012, (3, size, size))
        images[number] = np.rint(np.clip(lamp * light * tint + noise, 0, 1) * 255)
    return images, labels, places


def damage(images: np.ndarray, *, kind: str = "scratch", seed=0) -> tuple[np.ndarray, np.ndarray]:
    """The same photographs, each with a defect drawn onto it.

    Args:
        images: uint8 (N, 3, H, H).
        kind, seed: as for `draw`.

    Returns:
        images, uint8 (N, 3, H, H), and the middles of the defects (N, 2) as y and x in pixels.

    Raises:
        ValueError: if the kind isn't known or the images aren't square.
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    if images.ndim != 4 or images.shape[2] != images.shape[3]:
        raise ValueError(f"images must be square, (N, 3, H, H), got {images.shape}")
    random = np.random.default_rng(seed)
    size = images.shape[-1]
    middles = random.uniform(0.2, 0.8, (len(images), 2)) * size
    added = np.stack([_defect(kind, middle, random, size) for middle in middles])[:, None]  # (N, 1, H, H)
    return np.rint(np.clip(images + 255 * added, 0, 255)).astype(np.uint8), middles


def shots(images: np.ndarray, count: int, *, seed=0) -> tuple[np.ndarray, np.ndarray]:
    """A burst of each photograph: the part lies where it lay to within 3 pixels, and the noise is new.

    Args:
        images: uint8 (N, 3, H, W).
        count: shots of each, at least 1.
        seed: an integer or a sequence of integers.

    Returns:
        images, uint8 (N * count, 3, H, W), the shots of a part one after the other, and the number of each one's part.

    Raises:
        ValueError: if count is less than 1.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    random = np.random.default_rng(seed)
    parts = np.repeat(np.arange(len(images)), count)
    taken = np.empty((len(parts), *images.shape[1:]), dtype=np.uint8)
    for number, part in enumerate(parts):
        moved = np.roll(images[part], random.integers(-3, 4, 2), axis=(1, 2))
        taken[number] = np.rint(np.clip(moved + 255 * random.normal(0, 0.012, moved.shape), 0, 255))
    return taken, parts


def _surface(random: np.random.Generator, size: int) -> np.ndarray:
    """Brightness (size, size): a grain along the rows, soft clouds, and a lamp at one side."""
    grain = _blur(size, 0.7) @ random.normal(0, 1, (size, size)) @ _blur(size, 9)
    clouds = _blur(size, size / 10) @ random.normal(0, 1, (size, size)) @ _blur(size, size / 10)
    y, x = np.mgrid[0:size, 0:size] / size - 0.5
    angle = random.uniform(0, 2 * np.pi)
    lamp = random.uniform(0.1, 0.3) * (x * np.cos(angle) + y * np.sin(angle))
    return random.uniform(0.4, 0.6) + 0.045 * grain / grain.std() + 0.03 * clouds / clouds.std() + lamp


@cache
def _blur(size: int, sigma: float) -> np.ndarray:
    """A Gaussian blur round the edges as a symmetric matrix (size, size): six times as fast as filtering."""
    return gaussian_filter1d(np.eye(size), sigma, axis=0, mode="wrap")


def _defect(kind: str, middle: np.ndarray, random: np.random.Generator, size: int) -> np.ndarray:
    """What a defect adds to the brightness (size, size): lighter or darker than what is around it."""
    y, x = np.mgrid[0:size, 0:size] + 0.5
    y, x = y - middle[0], x - middle[1]
    change = random.choice([-1, 1]) * random.uniform(0.15, 0.3)
    if kind == "stain":
        return change * np.exp(-(x**2 + y**2) / (2 * (random.uniform(6, 10) / 2) ** 2))
    angle, half = random.uniform(0, np.pi), random.uniform(9, 15)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    if kind == "curl":
        across = across - random.choice([-1, 1]) * (along**2 / half - half / 3)
    width = random.uniform(0.6, 1.1)
    ends = np.clip(half - np.abs(along), 0, 1)
    return change * ends * np.exp(-(across**2) / (2 * width**2))
