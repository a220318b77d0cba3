"""VICReg: keep the spread of every direction up (variance), partners together (invariance), directions unlike
(covariance).

Adrien Bardes, Jean Ponce, Yann LeCun: VICReg: Variance-Invariance-Covariance Regularization for Self-Supervised
Learning. ICLR 2022. Equations 1 to 6.

Otherwise than in the paper: the invariance is the mean over directions, as in the authors' code, where equation 5 has
the sum; the variance is the sum of both views', as in equation 6, where their code has the mean, half as much. Both
views pass in one batch, with one set of batch statistics (there each view has its own); the head has two layers and
ends 256 wide (there three, of 8192); both views are drawn alike, without blur and solarisation; AdamW, not LARS.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssl_course.methods.two_views import TwoViews
from ssl_course.networks import at_least_float32, projection_head


def variance_term(z: Tensor) -> Tensor:
    """How far the standard deviations of the directions of z (B, D) stay under 1, on average (eq. 1 and 2)."""
    return F.relu(1 - (z.var(dim=0) + 1e-4).sqrt()).mean()


def covariance_term(z: Tensor) -> Tensor:
    """Sum of squared covariances between different directions of z (B, D), divided by D (eq. 3 and 4)."""
    centred = z - z.mean(dim=0)
    covariance = centred.T @ centred / (len(z) - 1)  # (D, D)
    return (covariance.square().sum() - covariance.diagonal().square().sum()) / z.shape[1]


def vicreg_loss(
    z1: Tensor, z2: Tensor, *, invariance: float = 25.0, variance: float = 25.0, covariance: float = 1.0
) -> Tensor:
    """The weighted sum of the three terms (Bardes et al. 2022, eq. 6; eq. 5 divided by the number of directions).

    Args:
        z1, z2: projections of the two views, each (B, D), not scaled to length 1; row i of both is image i.
        invariance, variance, covariance: the weights.

    Returns:
        Scalar, 0 or more.

    Raises:
        ValueError: if the shapes differ or there are fewer than two images, which have no variance.
    """
    if z1.shape != z2.shape or z1.ndim != 2:
        raise ValueError(f"z1 and z2 must both be (B, D), got {tuple(z1.shape)} and {tuple(z2.shape)}")
    if len(z1) < 2:
        raise ValueError("a variance needs at least two images")
    with torch.autocast(z1.device.type, enabled=False):
        z1, z2 = at_least_float32(z1), at_least_float32(z2)
        spread = variance_term(z1) + variance_term(z2)
        redundancy = covariance_term(z1) + covariance_term(z2)
        return invariance * F.mse_loss(z1, z2) + variance * spread + covariance * redundancy


class VICReg(TwoViews):
    """Encoder, projection head and the two views; see the module's paper.

    Args:
        encoder, augment: as for `TwoViews`.
        invariance, variance, covariance: weights of the three terms.
        head: maps features h to projections z; default a two-layer `projection_head` that ends 256 wide.

    Raises:
        ValueError: if a weight is negative.
    """

    def __init__(
        self,
        encoder: nn.Module,
        *,
        invariance: float = 25.0,
        variance: float = 25.0,
        covariance: float = 1.0,
        augment: nn.Module | None = None,
        head: nn.Module | None = None,
    ):
        if not min(invariance, variance, covariance) >= 0:
            raise ValueError(f"weights can't be negative, got {invariance}, {variance} and {covariance}")
        head = head if head is not None else projection_head(encoder.dim, 512, 256)
        super().__init__(encoder, augment=augment, head=head)
        self.weights = {"invariance": invariance, "variance": variance, "covariance": covariance}

    def forward(self, view1: Tensor, view2: Tensor) -> Tensor:
        z1, z2 = self.project(view1, view2)  # (B, D) each
        return vicreg_loss(z1, z2, **self.weights)
