"""BYOL: predict what a slowly moving copy of yourself says of another view. No negatives.

Jean-Bastien Grill et al.: Bootstrap Your Own Latent. NeurIPS 2020. The loss is equation 2, symmetric as in section
3.1; the schedule of the moving average is that of section 3.3.

Otherwise than in the paper: both views are drawn alike (there one is blurred more, the other solarised, appendix B);
both pass in one batch, with one set of batch statistics (there each view has its own); the decay starts at 0.99 and
not at 0.996, since runs are short; the head ends in a batch norm; head and predictor are smaller; AdamW, not LARS.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssl_course.methods.two_views import TwoViews
from ssl_course.networks import MovingAverage, at_least_float32, check_batch, projection_head


def regression_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """2 - 2 cos: the squared distance of both scaled to length 1, mean over the batch (Grill et al. 2020, eq. 2).

    Args:
        prediction, target: (B, D). Detach the target yourself: this function doesn't.

    Returns:
        Scalar from 0 (same direction) to 4 (opposite).

    Raises:
        ValueError: if the shapes differ.
    """
    if prediction.shape != target.shape or prediction.ndim != 2:
        got = f"{tuple(prediction.shape)} and {tuple(target.shape)}"
        raise ValueError(f"prediction and target must both be (B, D), got {got}")
    prediction, target = at_least_float32(prediction), at_least_float32(target)
    return (F.normalize(prediction, dim=1) - F.normalize(target, dim=1)).square().sum(dim=1).mean()


def decay_at(progress: float, base: float) -> float:
    """The moving average's decay: from `base` at progress 0 to 1 at progress 1, along a cosine (section 3.3)."""
    return 1 - (1 - base) * (math.cos(math.pi * progress) + 1) / 2


class BYOL(TwoViews):
    """Online network (encoder, head, predictor) and target network (moving average of encoder and head).

    Args:
        encoder, augment: as for `TwoViews`.
        decay: of the moving average at the start, from where it rises to 1. With 0 there is no moving average: it
            stays 0, and the target is a copy of the online network after every step.
        hidden, outputs: widths of the default head and predictor, between their layers and at their end.
        head: maps features h to projections z; default a two-layer `projection_head` and a batch norm, which the paper
            doesn't have and short runs need.
        predictor: maps projections to predictions of the same width; default a two-layer `projection_head`. Must be
            given with a head.

    Raises:
        ValueError: if there is a head without a predictor, or decay is out of range.
    """

    def __init__(
        self,
        encoder: nn.Module,
        *,
        decay: float = 0.99,
        hidden: int = 256,
        outputs: int = 128,
        augment: nn.Module | None = None,
        head: nn.Module | None = None,
        predictor: nn.Module | None = None,
    ):
        if predictor is None and head is not None:
            raise ValueError("a head of your own needs a predictor of its width: give predictor=")
        if head is None:
            head = nn.Sequential(projection_head(encoder.dim, hidden, outputs), nn.BatchNorm1d(outputs, affine=False))
        super().__init__(encoder, augment=augment, head=head)
        self.predictor = predictor if predictor is not None else projection_head(outputs, hidden, outputs)
        self.target = MovingAverage(nn.Sequential(self.encoder, self.head), decay)

    def forward(self, view1: Tensor, view2: Tensor) -> Tensor:
        check_batch(self, len(view1))
        views = torch.cat([view1, view2])  # (2B, 3, H, W)
        p1, p2 = self.predictor(self.head(self.encoder(views))).chunk(2)  # (B, D) each
        t1, t2 = self.target(views).chunk(2)  # (B, D) each, no gradient
        return regression_loss(p1, t2) + regression_loss(p2, t1)

    def after_step(self, progress: float) -> None:
        decay = decay_at(progress, self.target.decay) if self.target.decay > 0 else 0.0
        self.target.update(nn.Sequential(self.encoder, self.head), decay)
