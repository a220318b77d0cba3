"""Where a transformer looks, as a map over the picture, and how well it fits the outline that we know.

Our `VisionTransformer` has no class token; its features are the mean over patches. So the map of a head is how much
all patches together take from each one in the last block, which is what that head's part of the features is made of.
Mathilde Caron et al.: Emerging Properties in Self-Supervised Vision Transformers. ICCV 2021 (figure 4) take the class
token's attention instead, and choose the best head of each single picture by its outline; here it is chosen once, on
other pictures, and masks are compared patch by patch (there pixel by pixel), since a map knows no less than a patch.
"""

import math

import numpy as np
import torch
from torch import Tensor

from ssl_course.shapes import OUTLINES, SIZE
from ssl_course.vit import VisionTransformer

MASS = 0.6  # of a map is kept, as in the paper
CLASSES = tuple(OUTLINES)


@torch.no_grad()
def attention_maps(encoder: VisionTransformer, images: Tensor) -> Tensor:
    """What each head of the last block takes from each patch, mean over those that ask: (B, heads, rows, columns).

    Args:
        images: (B, 3, H, W), uint8 or floats in [0, 1].

    Returns:
        Shares that add up to 1 for every image and head.

    Raises:
        ValueError: if the encoder isn't a VisionTransformer.
    """
    if not isinstance(encoder, VisionTransformer):
        raise ValueError(f"only a VisionTransformer has attention, got {type(encoder).__name__}")
    images = images.float() / 255 if images.dtype == torch.uint8 else images
    tokens = encoder.blocks[:-1](encoder.tokens(images))  # (B, L, D), as the last block gets them
    block = encoder.blocks[-1]
    q, k, _ = block.queries_keys_values(block.attention_norm(tokens)).chunk(3, dim=2)
    q, k = (part.unflatten(2, (block.heads, -1)).transpose(1, 2) for part in (q, k))  # (B, h, L, d)
    weights = (q @ k.transpose(2, 3) / math.sqrt(q.shape[3])).softmax(dim=3)  # (B, h, L, L)
    return weights.mean(dim=2).unflatten(2, (images.shape[2] // encoder.patch, -1))


def attended(maps: Tensor, mass: float = MASS) -> Tensor:
    """The fewest patches of each map (…, rows, columns) that hold this share of it, as bool of the same shape.

    Raises:
        ValueError: if mass isn't in (0, 1].
    """
    if not 0 < mass <= 1:
        raise ValueError(f"mass is the share of a map that is kept, in (0, 1], got {mass}")
    flat = maps.flatten(-2)
    shares, order = (flat / flat.sum(dim=-1, keepdim=True)).sort(dim=-1, descending=True)
    before = shares.cumsum(dim=-1) - shares  # what larger patches hold already
    kept = torch.zeros_like(flat, dtype=torch.bool).scatter(-1, order, before < mass)
    return kept.view_as(maps)


def outlines(factors: dict[str, Tensor]) -> Tensor:
    """True where a pixel's middle lies inside the shape, bool (N, 32, 32), from the factors of the built-in images.

    `class`, `x`, `y`, `size` and `angle` are needed, each (N,), as `shapes.draw` and `load("shapes")` give them.
    """
    rows, columns = np.mgrid[:SIZE, :SIZE]
    values = {name: np.asarray(factors[name], dtype=float) for name in ("class", "x", "y", "size", "angle")}
    masks = []
    for label, x, y, size, degrees in zip(*values.values(), strict=True):
        cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        u = (cos * (columns - x) + sin * (rows - y)) / size  # in radii, in the shape's own directions
        v = (cos * (rows - y) - sin * (columns - x)) / size
        masks.append(OUTLINES[CLASSES[int(label)]](u, v) < 0)
    return torch.from_numpy(np.stack(masks))


def overlap(found: Tensor, true: Tensor) -> Tensor:
    """Intersection over union of masks, bool (…, H, W) each: (…), 1 where they are equal, 0 where they never meet.

    Raises:
        ValueError: if they aren't of one height and width.
    """
    if found.shape[-2:] != true.shape[-2:]:
        raise ValueError(f"masks must be of one size, got {tuple(found.shape)} and {tuple(true.shape)}")
    union = (found | true).sum(dim=(-2, -1))
    return (found & true).sum(dim=(-2, -1)) / union.clamp(min=1)


def disc(side: int = SIZE // 4, radius: float = 2.0) -> Tensor:
    """A disc in the middle of side x side patches, bool (side, side): a map that has seen no picture, for a floor."""
    away = torch.arange(side) - (side - 1) / 2
    return away[:, None].square() + away.square() < radius**2


def in_patches(masks: Tensor, patch: int = 4) -> Tensor:
    """True where at least half of a patch lies inside: masks, bool (N, H, W) -> bool (N, H / patch, W / patch)."""
    return masks.unflatten(2, (-1, patch)).unflatten(1, (-1, patch)).float().mean(dim=(2, 4)) >= 0.5


def head_overlaps(encoder: VisionTransformer, images: Tensor, masks: Tensor, mass: float = MASS) -> Tensor:
    """The overlap, patch by patch, of every head's map with the outlines (N, H, W), mean over the images: (heads,)."""
    kept = attended(attention_maps(encoder, images), mass)  # (N, h, rows, columns)
    return overlap(kept, in_patches(masks, encoder.patch).unsqueeze(1)).mean(dim=0)


def attention_overlap(
    encoder: VisionTransformer, known: tuple[Tensor, Tensor], new: tuple[Tensor, Tensor]
) -> dict[str, float]:
    """The overlap on new images of the head that is best on known ones; both are images and their outlines.

    Returns:
        `overlap`, and `head`, which one it is.
    """
    head = int(head_overlaps(encoder, *known).argmax())
    return {"overlap": float(head_overlaps(encoder, *new)[head]), "head": head}
