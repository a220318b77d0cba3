"""I-JEPA: from the visible part of an image, predict what a slow copy of the encoder says of hidden blocks.

Mahmoud Assran et al.: Self-Supervised Learning from Images with a Joint-Embedding Predictive Architecture. CVPR 2023.
Blocks, predictor and targets as in section 3; the loss and the targets' layer norm are those of the authors' code.

Otherwise than in the paper: a target block has one area and only two forms, lying and standing (there 15 to 20 % of the
area, and any ratio of its sides from 0.75 to 1.5), which leaves equally many patches everywhere; the context is a
random choice of the patches outside the blocks, always equally many (there a large block without the targets, cut to
the shortest of a batch); the predictor has two blocks (there 6 to 12); the context encoder
is kept (there its copy, the target encoder).
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssl_course.augment import Augment
from ssl_course.networks import MovingAverage, at_least_float32
from ssl_course.vit import Block, VisionTransformer, kept_places


def block_sides(rows: int, columns: int, area: float) -> tuple[int, int]:
    """Height and width of a lying block of about so large a share of the grid, its sides as 3 to 4."""
    height = max(1, round(math.sqrt(0.75 * area * rows * columns)))
    width = max(1, int(area * rows * columns / height))
    return min(height, rows), min(width, columns)


def draw_blocks(count: int, rows: int, columns: int, blocks: int, area: float, device: torch.device) -> Tensor:
    """Places of `blocks` random blocks in each of `count` grids: bool (B, M, L), true inside; blocks may overlap."""
    short, long = block_sides(rows, columns, area)
    draw = torch.rand(count, 3, blocks, 1, device=device).unbind(dim=1)  # (B, M, 1) each
    fits = long <= rows and short <= columns
    standing = (draw[0] < 0.5) if fits else torch.zeros_like(draw[0], dtype=torch.bool)
    height, width = torch.where(standing, long, short), torch.where(standing, short, long)
    top, left = (draw[1] * (rows - height + 1)).floor(), (draw[2] * (columns - width + 1)).floor()
    row, column = torch.arange(rows, device=device), torch.arange(columns, device=device)
    inside_rows = (row >= top) & (row < top + height)  # (B, M, rows)
    inside_columns = (column >= left) & (column < left + width)  # (B, M, columns)
    return (inside_rows.unsqueeze(3) & inside_columns.unsqueeze(2)).flatten(2)


def take(tokens: Tensor, places: Tensor) -> Tensor:
    """The tokens (B, L, D) at the places (B, N): (B, N, D)."""
    return tokens.gather(1, places.unsqueeze(2).expand(-1, -1, tokens.shape[2]))


def feature_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """Smooth L1 between predictions and targets, each target first brought to mean 0 and variance 1 over its width.

    Args:
        prediction, target: (..., D). Detach the target yourself: this function doesn't.

    Raises:
        ValueError: if the shapes differ.
    """
    if prediction.shape != target.shape:
        raise ValueError(f"prediction and target must be alike, got {tuple(prediction.shape)}, {tuple(target.shape)}")
    target = at_least_float32(target)
    return F.smooth_l1_loss(at_least_float32(prediction), F.layer_norm(target, target.shape[-1:]))


class IJEPA(nn.Module):
    """Context encoder, its moving average for the targets, and a predictor that is told where the blocks are.

    Args:
        encoder: what is kept; a `VisionTransformer`.
        blocks, area: how many target blocks, and what share of the image each takes.
        decay: of the moving average at the start, from where it rises to 1.
        width, depth: of the predictor.
        augment: a random change of the image first; default crops and flips, colours as they are.

    Raises:
        ValueError: if the encoder isn't a VisionTransformer, or the blocks may hide everything.
    """

    def __init__(
        self,
        encoder: VisionTransformer,
        *,
        blocks: int = 4,
        area: float = 0.1875,
        decay: float = 0.99,
        width: int = 32,
        depth: int = 2,
        augment: nn.Module | None = None,
    ):
        super().__init__()
        if not isinstance(encoder, VisionTransformer):
            raise ValueError(f"I-JEPA leaves out patches: it needs a VisionTransformer, got {type(encoder)}")
        if blocks < 1 or not 0 < area * blocks < 1:
            raise ValueError(f"blocks must leave some of the image, got {blocks} of {area} each")
        self.encoder, self.blocks, self.area = encoder, blocks, area
        self.target = MovingAverage(encoder, decay)
        self.narrow = nn.Linear(encoder.dim, width)
        self.mask_token = nn.Parameter(torch.zeros(width))
        self.predictor = nn.Sequential(*(Block(width, 4) for _ in range(depth)))
        self.widen = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, encoder.dim))
        self.augment = augment if augment is not None else Augment(crop=0.5, jitter=0, grayscale=0)
        nn.init.normal_(self.mask_token, std=0.02)

    def views(self, images: Tensor) -> tuple[Tensor]:
        return (self.augment(images),)

    def draw(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The places of context (B, V) and of each block (B, M, A)."""
        rows, columns = (side // self.encoder.patch for side in images.shape[2:])
        inside = draw_blocks(len(images), rows, columns, self.blocks, self.area, images.device)  # (B, M, L)
        size = math.prod(block_sides(rows, columns, self.area))
        seen = rows * columns - self.blocks * size
        if seen < 1:
            raise ValueError(f"{rows}x{columns} patches are too few for {self.blocks} blocks of {size}")
        hidden = inside.any(dim=1)  # (B, L)
        order = (torch.rand(len(images), rows * columns, device=images.device) + hidden).argsort(dim=1)
        return order[:, :seen], inside.byte().argsort(dim=2, descending=True, stable=True)[:, :, :size]

    def predict(self, images: Tensor, context: Tensor, places: Tensor) -> Tensor:
        """What the predictor says of every block (B, M, A, D), from the context alone."""
        seen = self.narrow(self.encoder.encode(take(self.encoder.tokens(images), context)))  # (B, V, width)
        rows, columns = (side // self.encoder.patch for side in images.shape[2:])
        where = kept_places(rows, columns, seen.shape[2], seen.device, seen.dtype)  # (L, width)
        asked = self.mask_token.to(seen.dtype) + where[places]  # (B, M, A, width)
        seen = (seen + where[context]).unsqueeze(1).expand(-1, self.blocks, -1, -1)
        both = torch.cat([seen, asked], dim=2).flatten(0, 1)  # (B * M, V + A, width): each block by itself
        return self.widen(self.predictor(both)[:, context.shape[1] :]).unflatten(0, (-1, self.blocks))

    @torch.no_grad()
    def targets(self, images: Tensor, places: Tensor) -> Tensor:
        """What the slow copy says of the blocks (B, M, A, D), having seen the whole image."""
        whole = self.target.copy.encode(self.target.copy.tokens(images))  # (B, L, D)
        return take(whole, places.flatten(1)).unflatten(1, places.shape[1:])

    def forward(self, images: Tensor) -> Tensor:
        context, places = self.draw(images)
        return feature_loss(self.predict(images, context, places), self.targets(images, places))

    def after_step(self, progress: float) -> None:
        decay = self.target.decay
        self.target.update(self.encoder, decay + (1 - decay) * progress)
