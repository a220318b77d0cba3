"""Large pictures as small tiles at full resolution, and what is found in tiles back on the picture."""

import torch
from torch import Tensor


def tiles(images: Tensor, size: int, stride: int) -> tuple[Tensor, Tensor]:
    """Cut images into square tiles; the last of a row or column lies at the edge, so that nothing is left out.

    Args:
        images: (N, C, H, W).
        size: side of a tile in pixels.
        stride: pixels from one tile to the next.

    Returns:
        tiles (N * T, C, size, size), and for each its image, top and left (N * T, 3).

    Raises:
        ValueError: if size or stride isn't positive, or a tile is larger than the images.
    """
    if size < 1 or stride < 1:
        raise ValueError(f"size and stride must be at least 1, got {size} and {stride}")
    height, width = images.shape[2:]
    if size > min(height, width):
        raise ValueError(f"a tile of {size} pixels is larger than the images, which are {height}x{width}")
    tops, lefts = _starts(height, size, stride), _starts(width, size, stride)
    corners = torch.cartesian_prod(torch.tensor(tops), torch.tensor(lefts)).view(-1, 2)  # (T, 2)
    cut = torch.stack([images[:, :, top : top + size, left : left + size] for top, left in corners.tolist()], dim=1)
    number = torch.arange(len(images)).repeat_interleave(len(corners)).unsqueeze(1)
    return cut.flatten(0, 1), torch.cat([number, corners.repeat(len(images), 1)], dim=1)


def _starts(length: int, size: int, stride: int) -> list[int]:
    starts = list(range(0, length - size + 1, stride))
    return starts if starts[-1] == length - size else [*starts, length - size]


def worst_of_each(scores: Tensor, places: Tensor) -> Tensor:
    """The highest score (N * T,) among the tiles of each image, by `places` of `tiles`: (N,)."""
    found = torch.full((int(places[:, 0].max()) + 1,), -torch.inf)
    return found.scatter_reduce(0, places[:, 0], scores.float(), reduce="amax")


def heat_map(scores: Tensor, places: Tensor, size: int, height: int, width: int) -> Tensor:
    """The mean score of the tiles over each pixel: (N * T,) and `places` of `tiles` -> (N, height, width)."""
    count = int(places[:, 0].max()) + 1
    total, covered = torch.zeros(count, height, width), torch.zeros(count, height, width)
    for score, (image, top, left) in zip(scores.tolist(), places.tolist(), strict=True):
        total[image, top : top + size, left : left + size] += score
        covered[image, top : top + size, left : left + size] += 1
    return total / covered
