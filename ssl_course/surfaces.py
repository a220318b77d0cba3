"""Drawn photographs of a brushed surface under a lamp, a few with a defect whose place and size we know.

Every picture has a grain in one direction, a tint and a gradient of light of its own; none says anything of the defect.
"""

import numpy as np
from scipy.ndimage import gaussian_filter

SIZE = 256
CLASSES = ("good", "defect")
KINDS = ("scratch", "curl", "stain")


def draw(
    count: int, *, share: float = 0.05, kind: str = "scratch", seed=0, size: int = SIZE
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw photographs of a surface.

    Args:
        count: how many, at least 1.
        share: of them with a defect, in [0, 1], rounded to whole pictures.
        kind: "scratch", a straight line of 18 to 30 pixels; "curl", a bent one; "stain", a soft spot of 6 to 10.
        seed: an integer or a sequence of integers; the same seed gives the same pictures.
        size: height and width in pixels.

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
        images[number] = np.rint(np.clip(light * tint + noise, 0, 1) * 255)
    return images, labels, places


def _surface(random: np.random.Generator, size: int) -> np.ndarray:
    """Brightness (size, size): a grain along the rows, soft clouds, and a lamp at one side."""
    grain = gaussian_filter(random.normal(0, 1, (size, size)), (0.7, 9), mode="wrap")
    clouds = gaussian_filter(random.normal(0, 1, (size, size)), size / 10, mode="wrap")
    y, x = np.mgrid[0:size, 0:size] / size - 0.5
    angle = random.uniform(0, 2 * np.pi)
    lamp = random.uniform(0.1, 0.3) * (x * np.cos(angle) + y * np.sin(angle))
    return random.uniform(0.4, 0.6) + 0.045 * grain / grain.std() + 0.03 * clouds / clouds.std() + lamp


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
