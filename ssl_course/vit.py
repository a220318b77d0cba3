"""A small vision transformer, for masked autoencoders: pictures as sequences of patches.

Alexey Dosovitskiy et al.: An Image is Worth 16x16 Words. ICLR 2021. Without a class token: features are the mean over
patches (there the class token's). Places are fixed sines and cosines, as in Kaiming He et al.: Masked Autoencoders.
CVPR 2022, appendix A; there they are learned.
"""

import functools
import math

import torch
from torch import Tensor, nn

from ssl_course.networks import Normalise


def patchify(images: Tensor, size: int = 4) -> Tensor:
    """Cut images (B, C, H, W) into patches (B, L, C * size * size), row by row; unpatchify undoes it.

    Raises:
        ValueError: if height or width isn't a multiple of the size.
    """
    if images.ndim != 4 or images.shape[2] % size or images.shape[3] % size:
        raise ValueError(f"images must be (B, C, H, W) with H and W multiples of {size}, got {tuple(images.shape)}")
    patches = images.unflatten(3, (-1, size)).unflatten(2, (-1, size))  # (B, C, rows, size, columns, size)
    return patches.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)


def unpatchify(patches: Tensor, height: int, width: int, size: int = 4) -> Tensor:
    """Put patches (B, L, C * size * size) together to images (B, C, height, width).

    Raises:
        ValueError: if the number of patches doesn't fit.
    """
    rows, columns = height // size, width // size
    if height % size or width % size or rows * columns != patches.shape[1] or patches.shape[2] % size**2:
        raise ValueError(f"{tuple(patches.shape)} is not an image of {height}x{width} in patches of {size}")
    cells = patches.unflatten(2, (-1, size, size)).unflatten(1, (rows, columns))  # (B, rows, columns, C, size, size)
    return cells.permute(0, 3, 1, 4, 2, 5).flatten(4).flatten(2, 3)


def places(rows: int, columns: int, width: int) -> Tensor:
    """Sines and cosines that tell where a patch lies, (rows * columns, width): half for the row, half for the column.

    Raises:
        ValueError: if width isn't a multiple of 4.
    """
    if width % 4:
        raise ValueError(f"width must be a multiple of 4, got {width}")
    frequencies = 10_000 ** (-torch.arange(width // 4) / (width / 4))
    row, column = (torch.arange(count).unsqueeze(1) * frequencies for count in (rows, columns))  # (count, width / 4)
    row, column = (torch.cat([angle.sin(), angle.cos()], dim=1) for angle in (row, column))  # (count, width / 2)
    both = [row.unsqueeze(1).expand(-1, columns, -1), column.unsqueeze(0).expand(rows, -1, -1)]
    return torch.cat(both, dim=2).flatten(0, 1)


@functools.lru_cache(maxsize=32)
@torch.inference_mode(False)  # what is kept must serve training too, wherever it was first asked for
def kept_places(rows: int, columns: int, width: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """`places` on a device, made once and then kept, so that no step waits for it: don't write into it."""
    return places(rows, columns, width).to(device, dtype)


class Block(nn.Module):
    """Attention, then a perceptron, each on normalised tokens and added to what was there; (B, L, D) -> (B, L, D).

    `mask` says who may look at whom: bool, true at [..., i, j] where token i may look at token j; (L, L) for all, or
    (B, 1, L, L), (B, 1, 1, L) for each sequence. Each token must be allowed at least one.
    """

    def __init__(self, width: int, heads: int):
        super().__init__()
        if width % heads:
            raise ValueError(f"width must be a multiple of heads, got {width} and {heads}")
        self.heads = heads
        self.attention_norm, self.mlp_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = x + self._attend(self.attention_norm(x), mask)
        return x + self.mlp(self.mlp_norm(x))

    def _attend(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        q, k, v = self.queries_keys_values(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # (B, h, L, d)
        scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])  # (B, h, L, L)
        if mask is not None:
            scores = scores.masked_fill(~mask, float("-inf"))
        weights = scores.softmax(dim=-1)
        return self.out((weights.to(v.dtype) @ v).transpose(1, 2).flatten(2))


class VisionTransformer(nn.Module):
    """Patches in, tokens out; as an encoder, their mean: (B, 3, H, W) in [0, 1] -> (B, dim).

    Args:
        patch: side of a patch in pixels.
        width: of a token; `.dim`.
        depth: number of blocks.
        heads: of each attention.
    """

    def __init__(self, *, patch: int = 4, width: int = 128, depth: int = 4, heads: int = 4):
        super().__init__()
        self.dim, self.patch = width, patch
        self.normalise = Normalise()
        self.embed = nn.Linear(3 * patch**2, width)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)

    def tokens(self, images: Tensor) -> Tensor:
        """One token per patch with its place added, before any block: (B, L, dim)."""
        rows, columns = images.shape[2] // self.patch, images.shape[3] // self.patch
        tokens = self.embed(patchify(self.normalise(images), self.patch))  # (B, L, dim)
        return tokens + kept_places(rows, columns, self.dim, tokens.device, tokens.dtype)

    def encode(self, tokens: Tensor) -> Tensor:
        """Through all blocks: (B, V, dim) -> (B, V, dim), for any number V of tokens."""
        return self.norm(self.blocks(tokens))

    def forward(self, images: Tensor) -> Tensor:
        return self.encode(self.tokens(images)).mean(dim=1)


def small_vit() -> nn.Module:
    """For the built-in images, 0.15 million weights: (B, 3, H, W) in [0, 1] -> (B, 64), H and W multiples of 4."""
    return VisionTransformer(width=64, depth=3)


def wide_vit() -> nn.Module:
    """For photographs, 0.8 million weights: (B, 3, H, W) in [0, 1] -> (B, 128), H and W multiples of 4."""
    return VisionTransformer(width=128, depth=4)


def deep_vit() -> nn.Module:
    """For photographs and a GPU, 5.3 million weights: (B, 3, H, W) in [0, 1] -> (B, 192), H and W even.

    The size of ViT-Tiny (Touvron et al. 2021, Training Data-Efficient Image Transformers, table 1) on patches of 2x2.
    """
    return VisionTransformer(patch=2, width=192, depth=12, heads=3)


TRANSFORMERS = {"small_vit": small_vit, "wide_vit": wide_vit, "deep_vit": deep_vit}
