"""Which detail survives: the sharpest part of one photograph, as it is and as `load` gives it at each resolution."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ssl_course import pictures

RESOLUTIONS = (32, 64, 96, 128, 224, 384, 512)
LOOKED_AT = 6  # photographs among which the sharpest part is looked for
PART = 6  # the part is a sixth of the picture's shorter side
SMALLEST = 24  # pixels of the part at least, where the picture has them


@dataclass(frozen=True)
class Detail:
    """The sharpest part of a picture.

    Attributes:
        file: of the picture.
        side: height and width of its middle square in pixels, which `load` keeps.
        part: uint8 (S, S, 3), the part at full size.
        at: the same part at each resolution, uint8 (s, s, 3), s = S * resolution / side.
        box: left, top and S in pixels of the middle square.
    """

    file: Path
    side: int
    part: np.ndarray
    at: dict[int, np.ndarray]
    box: tuple[int, int, int]


def smallest_detail(side: float, resolution: int) -> int:
    """Pixels of a shorter side of `side` that become one pixel: what is smaller is averaged away; 1 if nothing is."""
    return max(1, math.ceil(side / resolution - 1e-9))


def resolutions_for(side: int) -> list[int]:
    """The usual resolutions, up to the first that keeps every pixel of a shorter side."""
    below = [resolution for resolution in RESOLUTIONS if resolution < side]
    above = [resolution for resolution in RESOLUTIONS if resolution >= side]
    return below + above[:1]


def find_detail(files: Sequence[Path]) -> Detail | None:
    """The sharpest part among some of the files, taken evenly; None if none of them can be read."""
    step = max(1, len(files) // LOOKED_AT)
    best, sharpness, box = None, -1.0, None
    for file in list(files)[::step][:LOOKED_AT]:
        middle = _middle(file)
        if middle is None:
            continue
        found, place = _sharpest(np.asarray(middle.convert("L"), dtype=np.float32))
        if found > sharpness:
            best, sharpness, box = (file, middle), found, place
    if best is None:
        return None
    file, middle = best
    left, top, size = box
    part = np.asarray(middle.crop((left, top, left + size, top + size)))
    at = {resolution: _same_part(middle, resolution, box) for resolution in resolutions_for(middle.width)}
    return Detail(file, middle.width, part, at, box)


def _middle(file: Path) -> Image.Image | None:
    """The middle square of a picture in RGB and full size; None if it can't be read."""
    try:
        with Image.open(file) as opened, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            side = min(opened.size)
        picture = pictures.read(file, side)
    except Exception:  # as in `pictures.read`
        return None
    if isinstance(picture, pictures.Unreadable):
        return None
    return Image.fromarray(pictures.to_bytes([picture])[0][0])


def _sharpest(grey: np.ndarray) -> tuple[float, tuple[int, int, int]]:
    """The square part of a grey picture (S, S) with the strongest edges, and how strong they are."""
    side = len(grey)
    size = min(side, max(SMALLEST, side // PART))
    edges = np.zeros_like(grey)
    edges[:, 1:] += np.square(np.diff(grey, axis=1))
    edges[1:] += np.square(np.diff(grey, axis=0))
    total = np.zeros((side + 1, side + 1))
    total[1:, 1:] = edges.cumsum(axis=0, dtype=np.float64).cumsum(axis=1)
    starts = np.arange(0, side - size + 1, max(1, size // 4))
    tops, lefts = np.meshgrid(starts, starts, indexing="ij")
    ends = (tops + size, lefts + size)
    sums = total[ends] - total[tops, lefts + size] - total[tops + size, lefts] + total[tops, lefts]
    row, column = np.unravel_index(sums.argmax(), sums.shape)
    return float(sums.max() / size**2), (int(starts[column]), int(starts[row]), size)


def _same_part(middle: Image.Image, resolution: int, box: tuple[int, int, int]) -> np.ndarray:
    """The part of a picture that was brought to a resolution as `load` does it, at least one pixel."""
    scale = resolution / middle.width
    small = ImageOps.fit(middle, (resolution, resolution))
    left, top, size = box
    count = max(1, round(size * scale))
    left, top = (min(round(start * scale), resolution - count) for start in (left, top))
    return np.asarray(small.crop((left, top, left + count, top + count)))
