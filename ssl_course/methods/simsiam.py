"""SimSiam: BYOL without the moving average. The stop-gradient alone keeps it from collapsing.

Xinlei Chen, Kaiming He: Exploring Simple Siamese Representation Learning. CVPR 2021. Algorithm 1 and equations 1-4.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssl_course.augment import Augment
from ssl_course.networks import check_batch, projection_head


def negative_cosine(prediction: Tensor, target: Tensor) -> Tensor:
    """Minus the cosine of prediction and target, both (B, D), mean over the batch: from -1 to 1 (eq. 1)."""
    prediction, target = (z if z.dtype == torch.float64 else z.float() for z in (prediction, target))
    return -F.cosine_similarity(prediction, target, dim=1).mean()


class SimSiam(nn.Module):
    """Encoder, head and predictor; the other view's projection is the target and gets no gradient.

    Args:
        encoder: what is kept; maps (B, 3, H, W) in [0, 1] to (B, encoder.dim).
        stop_gradient: whether the target is held fixed; without it the network collapses.
        augment: makes one random view of a batch; default `Augment()`.
        head: maps features h to projections z; default a two-layer `projection_head` with a batch norm at its end
            (section 4.4 of the paper).
        predictor: maps projections to predictions; default a two-layer `projection_head`. (The paper's is a quarter as
            wide in between; short runs learn faster with this one.) Must be given with a head.

    Raises:
        ValueError: if there is a head without a predictor.
    """

    def __init__(
        self,
        encoder: nn.Module,
        *,
        stop_gradient: bool = True,
        augment: nn.Module | None = None,
        head: nn.Module | None = None,
        predictor: nn.Module | None = None,
    ):
        super().__init__()
        self.encoder, self.stop_gradient = encoder, stop_gradient
        plain = head is None
        if predictor is None and not plain:
            raise ValueError("a head of your own needs a predictor of its width: give predictor=")
        self.head = nn.Sequential(projection_head(encoder.dim), nn.BatchNorm1d(128, affine=False)) if plain else head
        self.predictor = predictor if predictor is not None else projection_head(128)
        self.augment = augment if augment is not None else Augment()

    def views(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return self.augment(images), self.augment(images)

    def forward(self, view1: Tensor, view2: Tensor) -> Tensor:
        check_batch(self, len(view1))
        z = self.head(self.encoder(torch.cat([view1, view2])))  # (2B, D)
        p1, p2 = self.predictor(z).chunk(2)  # (B, D) each
        z1, z2 = (z.detach() if self.stop_gradient else z).chunk(2)
        return (negative_cosine(p1, z2) + negative_cosine(p2, z1)) / 2
