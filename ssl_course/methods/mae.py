"""Masked autoencoders: hide most patches, encode the rest, and paint in what was hidden.

Kaiming He, Xinlei Chen, Saining Xie, Yanghao Li, Piotr Dollár, Ross Girshick: Masked Autoencoders Are Scalable Vision
Learners. CVPR 2022. Masking, asymmetry and normalised targets as in section 3.

Otherwise than in the paper: no class token; a decoder of one block (there eight); PyTorch's own first weights (there
Xavier's for linear layers); a patch is divided by the root of its variance plus 1e-4 (their code: 1e-6), so that a
patch of nearly one colour shows little noise; crops of at least half of the area by default (there a fifth).
"""

import torch
from torch import Tensor, nn

from ssl_course.augment import Augment
from ssl_course.networks import at_least_float32
from ssl_course.vit import Block, VisionTransformer, kept_places, patchify, unpatchify

__all__ = ["MAE", "masked_mse", "normalise_patches", "patchify", "random_masking", "unpatchify"]


def visible_count(length: int, ratio: float) -> int:
    """How many of `length` tokens stay visible if `ratio` of them are hidden: rounded, 1 to length - 1."""
    return min(max(1, round(length * (1 - ratio))), length - 1)


def random_masking(tokens: Tensor, ratio: float = 0.75) -> tuple[Tensor, Tensor, Tensor]:
    """Hide a share of the tokens, drawn anew for each image.

    Args:
        tokens: (B, L, D).
        ratio: share that is hidden, in (0, 1); rounded to whole tokens, at least one stays and one is hidden.

    Returns:
        visible tokens (B, V, D), in random order; mask, bool (B, L), true where hidden; restore, int64 (B, L): the
        place of token l among [visible, hidden], so that `gather` with it undoes the shuffle.

    Raises:
        ValueError: if ratio is out of range or there are fewer than two tokens.
    """
    if not 0 < ratio < 1:
        raise ValueError(f"ratio must be in (0, 1), got {ratio}")
    count, length = tokens.shape[:2]
    if length < 2:
        raise ValueError(f"to hide some and show some, an image needs at least two patches, got {length}")
    kept = visible_count(length, ratio)
    order = torch.rand(count, length, device=tokens.device).argsort(dim=1)  # (B, L), a permutation for each image
    restore = order.argsort(dim=1)
    visible = tokens.gather(1, order[:, :kept].unsqueeze(2).expand(-1, -1, tokens.shape[2]))
    return visible, restore >= kept, restore


def normalise_patches(patches: Tensor) -> Tensor:
    """Give each patch (B, L, P) its own mean 0 and variance 1 (section 3, "Reconstruction target")."""
    variance, mean = torch.var_mean(patches, dim=2, keepdim=True)
    return (patches - mean) / (variance + 1e-4).sqrt()


def masked_mse(prediction: Tensor, target: Tensor, mask: Tensor, *, count: int | None = None) -> Tensor:
    """Mean squared error over the hidden patches only.

    Args:
        prediction, target: (B, L, P).
        mask: bool (B, L), true where hidden.
        count: how many patches are hidden of every image, where that is known. It changes no number, but nothing has
            to be counted: a GPU need not wait.

    Raises:
        ValueError: if the shapes don't fit, or nothing is hidden and no count is given.
    """
    if prediction.shape != target.shape or mask.shape != target.shape[:2]:
        got = f"{tuple(prediction.shape)}, {tuple(target.shape)} and {tuple(mask.shape)}"
        raise ValueError(f"prediction and target must be (B, L, P) and mask (B, L), got {got}")
    errors = (at_least_float32(prediction) - target).square().mean(dim=2)  # (B, L)
    if count is not None:
        hidden = mask.byte().argsort(dim=1, descending=True, stable=True)[:, :count]  # places (B, count), in order
        return errors.gather(1, hidden).mean()
    if not mask.any():
        raise ValueError("the mask hides nothing: there is nothing to predict")
    return errors[mask].mean()


class MAE(nn.Module):
    """A transformer that sees only the visible patches, and a light decoder that paints the others.

    Args:
        encoder: what is kept; a `VisionTransformer`.
        ratio: share of the patches that is hidden.
        normalised: whether the targets are normalised patch by patch.
        width, depth: of the decoder.
        augment: a random change of the image first; default crops and flips, colours as they are.

    Raises:
        ValueError: if the encoder isn't a VisionTransformer, or ratio is out of range.
    """

    def __init__(
        self,
        encoder: VisionTransformer,
        *,
        ratio: float = 0.75,
        normalised: bool = True,
        width: int = 64,
        depth: int = 1,
        augment: nn.Module | None = None,
    ):
        super().__init__()
        if not isinstance(encoder, VisionTransformer):
            raise ValueError(f"MAE leaves out patches, so its encoder must be a VisionTransformer, got {type(encoder)}")
        if not 0 < ratio < 1:
            raise ValueError(f"ratio must be in (0, 1), got {ratio}")
        self.encoder, self.ratio, self.normalised = encoder, ratio, normalised
        self.narrow = nn.Linear(encoder.dim, width)
        self.mask_token = nn.Parameter(torch.zeros(width))
        self.blocks = nn.Sequential(*(Block(width, 4) for _ in range(depth)))
        self.paint = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 3 * encoder.patch**2))
        self.augment = augment if augment is not None else Augment(crop=0.5, jitter=0, grayscale=0)
        nn.init.normal_(self.mask_token, std=0.02)

    def views(self, images: Tensor) -> tuple[Tensor]:
        return (self.augment(images),)

    def predict(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Hide, encode, decode: a prediction for every patch (B, L, P), and the mask (B, L) of the share set."""
        visible, mask, restore = random_masking(self.encoder.tokens(images), self.ratio)
        seen = self.narrow(self.encoder.encode(visible))  # (B, V, width): the costly part on V of L tokens
        hidden = self.mask_token.to(seen.dtype).expand(len(seen), mask.shape[1] - seen.shape[1], -1)
        tokens = torch.cat([seen, hidden], dim=1)  # (B, L, width)
        tokens = tokens.gather(1, restore.unsqueeze(2).expand_as(tokens))  # back in their places
        rows, columns = (side // self.encoder.patch for side in images.shape[2:])
        tokens = tokens + kept_places(rows, columns, tokens.shape[2], tokens.device, tokens.dtype)
        return self.paint(self.blocks(tokens)), mask

    def forward(self, images: Tensor) -> Tensor:
        prediction, mask = self.predict(images)
        target = patchify(images, self.encoder.patch)
        target = normalise_patches(target) if self.normalised else target
        length = mask.shape[1]
        return masked_mse(prediction, target, mask, count=length - visible_count(length, self.ratio))
