"""Barlow Twins: the two views' projections should agree direction by direction, and no two directions say the same.

Jure Zbontar, Li Jing, Ishan Misra, Yann LeCun, Stéphane Deny: Barlow Twins: Self-Supervised Learning via Redundancy
Reduction. ICML 2021. The loss is equation 1.

Otherwise than in the paper: both views pass in one batch, with one set of batch statistics (there each view has its
own); the head has two layers and ends 256 wide (there three, of 8192); both views are drawn alike, without blur and
solarisation; AdamW instead of LARS.
"""

import torch
from torch import Tensor, nn

from ssl_course.methods.two_views import TwoViews
from ssl_course.networks import at_least_float32, projection_head


def cross_correlation(z1: Tensor, z2: Tensor) -> Tensor:
    """Correlation over the batch of every direction of z1 with every one of z2: (B, D), (B, D) -> (D, D) (eq. 2)."""
    z1, z2 = ((z - z.mean(dim=0)) / (z.std(dim=0, correction=0) + 1e-6) for z in (z1, z2))
    return z1.T @ z2 / len(z1)


def barlow_twins_loss(z1: Tensor, z2: Tensor, weight: float = 5e-3) -> Tensor:
    """Sum of (1 - C_ii)^2 plus `weight` times the sum of C_ij^2 off the diagonal (Zbontar et al. 2021, eq. 1).

    Args:
        z1, z2: projections of the two views, each (B, D); row i of both is image i.
        weight: the paper's lambda.

    Returns:
        Scalar; 0 when the cross-correlation C is the identity.

    Raises:
        ValueError: if the shapes differ or there are fewer than two images, which have no correlation.
    """
    if z1.shape != z2.shape or z1.ndim != 2:
        raise ValueError(f"z1 and z2 must both be (B, D), got {tuple(z1.shape)} and {tuple(z2.shape)}")
    if len(z1) < 2:
        raise ValueError("a correlation needs at least two images")
    with torch.autocast(z1.device.type, enabled=False):
        c = cross_correlation(at_least_float32(z1), at_least_float32(z2))  # (D, D)
        on_diagonal = (1 - c.diagonal()).square().sum()
        return on_diagonal + weight * (c.square().sum() - c.diagonal().square().sum())


class BarlowTwins(TwoViews):
    """Encoder, projection head and the two views; see the module's paper.

    Args:
        encoder, augment: as for `TwoViews`.
        weight: of the redundancy term.
        head: maps features h to projections z; default a two-layer `projection_head` that ends 256 wide: this loss
            profits from wide projections.

    Raises:
        ValueError: if weight is negative.
    """

    def __init__(
        self,
        encoder: nn.Module,
        *,
        weight: float = 5e-3,
        augment: nn.Module | None = None,
        head: nn.Module | None = None,
    ):
        if not weight >= 0:
            raise ValueError(f"weight can't be negative, got {weight}")
        head = head if head is not None else projection_head(encoder.dim, 512, 256)
        super().__init__(encoder, augment=augment, head=head)
        self.weight = weight

    def forward(self, view1: Tensor, view2: Tensor) -> Tensor:
        z1, z2 = self.project(view1, view2)  # (B, D) each
        return barlow_twins_loss(z1, z2, self.weight)
