"""SimSiam: BYOL without the moving average. The stop-gradient alone keeps it from collapsing.

Xinlei Chen, Kaiming He: Exploring Simple Siamese Representation Learning. CVPR 2021. Algorithm 1 and equations 1-4.

Otherwise than in the paper: both views pass in one batch, with one set of batch statistics (there each view has its
own); the predictor's learning rate falls with the others' (there it is held, section 4.2); head and predictor are
smaller, the head of two layers (there three), and the predictor isn't narrower in between; AdamW instead of SGD.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssl_course.methods.two_views import TwoViews
from ssl_course.networks import at_least_float32, check_batch, projection_head


def negative_cosine(prediction: Tensor, target: Tensor) -> Tensor:
    """Minus the cosine of prediction and target, both (B, D), mean over the batch: from -1 to 1 (eq. 1)."""
    prediction, target = at_least_float32(prediction), at_least_float32(target)
    return -F.cosine_similarity(prediction, target, dim=1).mean()


class SimSiam(TwoViews):
    """Encoder, head and predictor; the other view's projection is the target and gets no gradient.

    Args:
        encoder, augment: as for `TwoViews`.
        stop_gradient: whether the target is held fixed; without it the network collapses.
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
        if predictor is None and head is not None:
            raise ValueError("a head of your own needs a predictor of its width: give predictor=")
        if head is None:
            head = nn.Sequential(projection_head(encoder.dim), nn.BatchNorm1d(128, affine=False))
        super().__init__(encoder, augment=augment, head=head)
        self.stop_gradient = stop_gradient
        self.predictor = predictor if predictor is not None else projection_head(128)

    def forward(self, view1: Tensor, view2: Tensor) -> Tensor:
        check_batch(self, len(view1))
        z = self.head(self.encoder(torch.cat([view1, view2])))  # (2B, D)
        p1, p2 = self.predictor(z).chunk(2)  # (B, D) each
        z1, z2 = (z.detach() if self.stop_gradient else z).chunk(2)
        return (negative_cosine(p1, z2) + negative_cosine(p2, z1)) / 2
