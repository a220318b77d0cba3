"""LeJEPA: views should agree, and the projections of all pictures should look like a round Gaussian cloud.

Randall Balestriero, Yann LeCun: LeJEPA: Provable and Scalable Self-Supervised Learning Without the Heuristics. 2025,
arXiv 2511.08544. SIGReg is the mean, over random directions, of a statistic that tells a sample on a line from the
standard normal distribution (T. W. Epps, L. B. Pulley: A test for normality based on the empirical characteristic
function. Biometrika 1983). No teacher, no stop-gradient, no predictor, no negatives; one weight.

Otherwise than in the paper: all views are drawn alike (there two large crops and six small ones); both terms as in the
authors' short example (MINIMAL.md of their repository), where t runs from 0 to 3 and counts twice; a head of two layers
(there three); by default 64 directions (there 256 to 1,024). SIGReg acts on what the head gives, features are read
before it, as in that example.
"""

import torch
from torch import Tensor, nn

from ssl_course.augment import Augment
from ssl_course.networks import at_least_float32, projection_head
from ssl_course.parallel import gather


def epps_pulley(x: Tensor, *, knots: int = 17, reach: float = 3.0) -> Tensor:
    """How far samples on lines are from the standard normal distribution, by their characteristic functions.

    N times the integral over t of |mean of exp(i t x) - exp(-t^2 / 2)|^2 exp(-t^2 / 2), by the trapezium rule. For N
    samples of the standard normal distribution itself it is about 1.06 in the mean, whatever N.

    Args:
        x: (..., N, M), M lines with N samples each.
        knots: places t where the integrand is computed, from 0 to `reach`; the other half is its mirror image.

    Returns:
        (..., M), 0 or more.

    Raises:
        ValueError: if there are fewer than two samples or knots.
    """
    if x.ndim < 2 or x.shape[-2] < 2 or knots < 2:
        raise ValueError(f"x must be (..., N, M) with N and knots of at least two, got {tuple(x.shape)} and {knots}")
    t = torch.linspace(0, reach, knots, device=x.device, dtype=x.dtype)
    normal = torch.exp(-t.square() / 2)  # (knots,): the characteristic function, and the weight
    angles = x.unsqueeze(-1) * t  # (..., N, M, knots)
    real, imaginary = angles.cos().mean(dim=-3), angles.sin().mean(dim=-3)  # (..., M, knots)
    distance = (real - normal).square() + imaginary.square()
    return 2 * x.shape[-2] * torch.trapezoid(distance * normal, dx=reach / (knots - 1), dim=-1)


def sigreg(z: Tensor, slices: int = 64) -> Tensor:
    """`epps_pulley` of z (..., N, D) along `slices` directions, drawn anew at each call: a scalar.

    Raises:
        ValueError: if slices isn't positive; and as `epps_pulley`.
    """
    if slices < 1:
        raise ValueError(f"slices must be positive, got {slices}")
    with torch.autocast(z.device.type, enabled=False):
        z = at_least_float32(z)
        directions = torch.randn(1, z.shape[-1], slices, device=z.device, dtype=z.dtype)[0]  # alike in all processes
        return epps_pulley(z @ (directions / directions.norm(dim=0))).mean()


def invariance(z: Tensor) -> Tensor:
    """Mean squared difference between the views' projections z (V, N, D) and the mean of each image's views."""
    z = at_least_float32(z)
    return (z - z.mean(dim=0)).square().mean()


class LeJEPA(nn.Module):
    """Encoder, projection head and several views; see the module's paper.

    Args:
        encoder: what is kept; maps (B, 3, H, W) in [0, 1] to (B, encoder.dim).
        weight: the paper's lambda: SIGReg counts so much, and invariance 1 - weight. With 0 nothing holds against
            collapse.
        count: how many views of every image.
        slices: directions of SIGReg.
        outputs: width of the default head.
        augment: makes one random view of a batch; default `Augment()`.
        head: maps features h to projections z; default a two-layer `projection_head`.

    Raises:
        ValueError: if weight is not in [0, 1], there are fewer than two views or no slices.
    """

    def __init__(
        self,
        encoder: nn.Module,
        *,
        weight: float = 0.05,
        count: int = 2,
        slices: int = 64,
        outputs: int = 64,
        augment: nn.Module | None = None,
        head: nn.Module | None = None,
    ):
        super().__init__()
        if not 0 <= weight <= 1:
            raise ValueError(f"weight must be in [0, 1], got {weight}")
        if count < 2 or slices < 1:
            raise ValueError(f"count must be at least 2 and slices positive, got {count} and {slices}")
        self.encoder, self.weight, self.count, self.slices = encoder, weight, count, slices
        self.head = head if head is not None else projection_head(encoder.dim, 256, outputs)
        self.augment = augment if augment is not None else Augment()

    def views(self, images: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.augment(images) for _ in range(self.count))

    def terms(self, *views: Tensor) -> tuple[Tensor, Tensor]:
        """Invariance and SIGReg, each a scalar; where several processes share a batch, of all of it."""
        z = self.head(self.encoder(torch.cat(views)))  # (V * B, D), in one pass
        z = torch.stack([gather(part) for part in z.chunk(len(views))])  # (V, B, D)
        if z.shape[1] < 2:
            raise ValueError("a distribution needs at least two images")
        return invariance(z), sigreg(z, self.slices)

    def forward(self, *views: Tensor) -> Tensor:
        agree, spread = self.terms(*views)
        return (1 - self.weight) * agree + self.weight * spread
