"""CLIP: of all captions in a batch find the one of this image, and of all images the one of this caption.

Alec Radford et al.: Learning Transferable Visual Models From Natural Language Supervision. ICML 2021. The loss is
figure 3; the learnt temperature and its bound are in section 2.5. `loss="sigmoid"` is SigLIP's: Xiaohua Zhai, Basil
Mustafa, Alexander Kolesnikov, Lucas Beyer: Sigmoid Loss for Language Image Pre-Training. ICCV 2023, equation 1.

Otherwise than in the papers: the encoders are small, and the sigmoid's scale has the bound of 100, too.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssl_course.networks import at_least_float32
from ssl_course.parallel import gather

LARGEST = 100.0  # what cosines are multiplied with at most; see `CLIP.after_step`
STARTS = {"softmax": (1 / 0.07, None), "sigmoid": (10.0, -10.0)}  # scale and bias at first, as in the papers


def symmetric_info_nce(image: Tensor, text: Tensor, scale: Tensor | float) -> Tensor:
    """Find your caption among B, and your image among B; the mean of both (Radford et al. 2021, figure 3).

    Args:
        image, text: projections, each (B, D); row i of both is a pair, an equal caption in another row is a wrong one.
        scale: positive; the cosines are multiplied with it: one over the temperature.

    Returns:
        Scalar, in nats; log(B) when all projections are equal.

    Raises:
        ValueError: if the shapes differ, or there is no other pair to compare with.
    """
    with torch.autocast(image.device.type, enabled=False):
        logits = scale * _cosines(image, text)  # (B, B): images by captions
        pair = torch.arange(len(logits), device=logits.device)
        return (F.cross_entropy(logits, pair) + F.cross_entropy(logits.T, pair)) / 2


def sigmoid_loss(image: Tensor, text: Tensor, scale: Tensor | float, bias: Tensor | float) -> Tensor:
    """Say of every image with every caption, each by itself, whether they are a pair (Zhai et al. 2023, eq. 1).

    Args:
        image, text, scale: as for `symmetric_info_nce`.
        bias: is added to the scaled cosines; far below 0 at first, since of B * B pairings only B are pairs.

    Returns:
        Scalar, in nats an image: the sum over all B * B pairings over B.
    """
    with torch.autocast(image.device.type, enabled=False):
        logits = scale * _cosines(image, text) + bias  # (B, B)
        sign = 2 * torch.eye(len(logits), dtype=logits.dtype, device=logits.device) - 1  # 1 for a pair, else -1
        return -F.logsigmoid(sign * logits).sum() / len(logits)


def _cosines(image: Tensor, text: Tensor) -> Tensor:
    if image.shape != text.shape or image.ndim != 2:
        raise ValueError(f"image and text must both be (B, D), got {tuple(image.shape)} and {tuple(text.shape)}")
    if len(image) < 2:
        raise ValueError("a batch needs at least two pairs, or there is no other caption to tell apart")
    return F.normalize(at_least_float32(image), dim=1) @ F.normalize(at_least_float32(text), dim=1).T


class CLIP(nn.Module):
    """An encoder for images and one for captions, a linear projection each, and a learnt temperature.

    Args:
        image_encoder: maps (B, 3, H, W) in [0, 1] to (B, dim); kept as `.encoder`.
        text_encoder: maps tokens (B, L) to (B, dim): `language.TokenTransformer` or `bag.BagOfWords`.
        width: of the space that both are projected into.
        loss: "softmax" (CLIP) or "sigmoid" (SigLIP).
        augment: makes a random view of a batch of images, default none; it mustn't change what captions tell.

    Raises:
        ValueError: if the loss is neither, or width isn't positive.
    """

    uses_labels, labels_are = True, "captions (train on pairs.Pairs)"

    def __init__(
        self,
        image_encoder: nn.Module,
        text_encoder: nn.Module,
        *,
        width: int = 64,
        loss: str = "softmax",
        augment: nn.Module | None = None,
    ):
        super().__init__()
        if loss not in STARTS:
            raise ValueError(f'loss must be "softmax" or "sigmoid", got {loss!r}')
        if width < 1:
            raise ValueError(f"width must be positive, got {width}")
        self.encoder, self.text_encoder, self.loss = image_encoder, text_encoder, loss
        self.image_head = nn.Linear(image_encoder.dim, width, bias=False)
        self.text_head = nn.Linear(text_encoder.dim, width, bias=False)
        self.augment = augment if augment is not None else nn.Identity()
        scale, bias = STARTS[loss]
        self.log_scale = nn.Parameter(torch.tensor(math.log(scale)))
        self.bias = None if bias is None else nn.Parameter(torch.tensor(bias))

    def views(self, images: Tensor) -> tuple[Tensor]:
        return (self.augment(images),)

    def forward(self, images: Tensor, captions: Tensor) -> Tensor:
        if captions.ndim != 2:
            raise ValueError(f"captions must be tokens (B, L), got {tuple(captions.shape)}: train on Pairs")
        image = gather(self.image_head(self.encoder(images)))  # (B, D)
        text = gather(self.text_head(self.text_encoder(captions)))  # (B, D)
        if self.bias is None:
            return symmetric_info_nce(image, text, self.log_scale.exp())
        return sigmoid_loss(image, text, self.log_scale.exp(), self.bias)

    @torch.no_grad()
    def after_step(self, progress: float) -> None:
        """Keep the scale at 100 at most: where all pairs are told apart a larger one always lowers the loss.

        It would grow without end, and with it the gradient of a pair that is wrong (unstable, found Radford et al.).
        The weight is bounded, not what `forward` reads: beyond a bound there it would get no gradient to come back.
        """
        self.log_scale.clamp_(max=math.log(LARGEST))
