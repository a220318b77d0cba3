"""Jigsaw puzzles: cut the picture into nine tiles, shuffle them, and name the shuffle.

Mehdi Noroozi, Paolo Favaro: Unsupervised Learning of Visual Representations by Solving Jigsaw Puzzles. ECCV 2016.
Gaps and per-tile normalisation against shortcuts as in section 4.2. Permutations far apart, chosen one after the
other: the paper takes the largest mean Hamming distance to those before, we the largest smallest one.

Otherwise than in the paper: 24 orders to choose from (there up to 1000); the colour channels aren't shifted against
each other by some pixels, which there hides the lens's colour fringes; all tiles of an image get the same augmentation.
"""

import functools
import itertools
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssl_course.augment import Augment
from ssl_course.networks import check_batch, projection_head


def permutations(count: int, tiles: int = 9) -> Tensor:
    """So many orders of the tiles, far apart: each next one has the largest smallest Hamming distance to those before.

    Returns:
        int64 (count, tiles); the same every time, and the first is the order as it is.

    Raises:
        ValueError: if count isn't between 2 and tiles!, or there are more than 9 tiles.
    """
    if not 2 <= tiles <= 9:
        raise ValueError(f"tiles must be from 2 to 9, got {tiles}")
    if not 2 <= count <= math.factorial(tiles):
        raise ValueError(f"count must be from 2 to {math.factorial(tiles)}, got {count}")
    return torch.from_numpy(_far_apart(count, tiles).copy())


@functools.cache
def _far_apart(count: int, tiles: int) -> np.ndarray:
    pool = np.array(list(itertools.permutations(range(tiles))), dtype=np.int8)  # (tiles!, tiles)
    chosen, nearest = [0], np.full(len(pool), tiles + 1)
    while len(chosen) < count:
        nearest = np.minimum(nearest, (pool != pool[chosen[-1]]).sum(axis=1))  # 0 for those already chosen
        chosen.append(int(nearest.argmax()))
    return pool[chosen].astype(np.int64)


def cut_tiles(images: Tensor, tiles: int = 9, gap: int = 2) -> Tensor:
    """Cut images (B, C, H, W) into a square of tiles (B, tiles, C, h, w), row by row.

    Args:
        tiles: 4 or 9.
        gap: pixels by which a tile is smaller than its cell; it lies at a random place of the cell, so that the edges
            of neighbours don't continue each other.

    Raises:
        ValueError: if tiles is another number, or less than 2x2 pixels are left of a tile.
    """
    side = math.isqrt(max(tiles, 0))
    if side < 2 or side * side != tiles:
        raise ValueError(f"tiles must be 4 or 9, got {tiles}")
    height, width = images.shape[-2] // side, images.shape[-1] // side
    if not 0 <= gap < min(height, width) - 1:
        raise ValueError(f"gap must leave tiles of at least 2x2, got {gap} for cells of {height}x{width}")
    images = images[..., : side * height, : side * width]
    cells = images.unflatten(3, (side, width)).unflatten(2, (side, height))  # (B, C, side, height, side, width)
    cells = cells.permute(0, 2, 4, 1, 3, 5).flatten(1, 2)  # (B, tiles, C, height, width)
    if not gap:
        return cells
    rows = _window(cells, height - gap, gap)[:, :, None, :, None]  # (B, tiles, 1, h, 1)
    columns = _window(cells, width - gap, gap)[:, :, None, None, :]  # (B, tiles, 1, 1, w)
    return cells.take_along_dim(rows, dim=3).take_along_dim(columns, dim=4)


def _window(cells: Tensor, length: int, gap: int) -> Tensor:
    """`length` neighbouring places, from a random start between 0 and `gap`, for every cell: (B, tiles, length)."""
    start = torch.randint(gap + 1, (*cells.shape[:2], 1), device=cells.device)
    return start + torch.arange(length, device=cells.device)


def shuffle_tiles(tiles: Tensor, orders: Tensor) -> Tensor:
    """Put tiles (B, T, C, h, w) in the given orders (B, T): place k gets tile orders[b, k]."""
    return tiles.take_along_dim(orders[:, :, None, None, None], dim=1)


def normalise_tiles(tiles: Tensor) -> Tensor:
    """Give every tile (B, T, C, h, w) the same mean (0.5) and deviation (0.25) in each channel, so that a gradient of
    brightness over the picture can't tell where it came from; a tile of one colour becomes grey."""
    mean = tiles.mean(dim=(3, 4), keepdim=True)
    deviation = tiles.std(dim=(3, 4), keepdim=True)
    return ((tiles - mean) / (deviation + 0.02) * 0.25 + 0.5).clamp(0, 1)


class Jigsaw(nn.Module):
    """The same encoder on every tile; from all tiles' features side by side, a head names the permutation.

    Args:
        encoder: what is kept; maps (B, 3, h, w) of any size to (B, encoder.dim).
        count: how many permutations to choose from.
        tiles, gap: as in `cut_tiles`.
        normalise: whether every tile gets the same mean and deviation.
        augment: a random change of the whole image first; default crops, flips and colours.

    Raises:
        ValueError: if tiles, gap or count is out of range.
    """

    def __init__(
        self,
        encoder: nn.Module,
        *,
        count: int = 24,
        tiles: int = 9,
        gap: int = 2,
        normalise: bool = True,
        augment: nn.Module | None = None,
    ):
        super().__init__()
        if tiles not in (4, 9) or gap < 0:
            raise ValueError(f"tiles must be 4 or 9 and gap not negative, got {tiles} and {gap}")
        self.encoder, self.tiles, self.gap, self.normalise = encoder, tiles, gap, normalise
        self.head = projection_head(tiles * encoder.dim, outputs=count)
        self.augment = augment if augment is not None else Augment(crop=0.5)
        self.register_buffer("orders", permutations(count, tiles), persistent=False)  # always the same

    def views(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The shuffled tiles (B * tiles, 3, h, w), image by image, and the number of each image's permutation (B,)."""
        tiles = cut_tiles(self.augment(images), self.tiles, self.gap)
        tiles = normalise_tiles(tiles) if self.normalise else tiles
        answers = torch.randint(len(self.orders), (len(images),), device=images.device)
        return shuffle_tiles(tiles, self.orders[answers]).flatten(0, 1), answers

    def forward(self, tiles: Tensor, answers: Tensor) -> Tensor:
        check_batch(self, len(answers))
        h = self.encoder(tiles).unflatten(0, (len(answers), self.tiles))  # (B, tiles, dim)
        return F.cross_entropy(self.head(h.flatten(1)), answers)
