"""Margin losses: nearer to your other view than to anybody else, by a margin.

Raia Hadsell, Sumit Chopra, Yann LeCun: Dimensionality Reduction by Learning an Invariant Mapping. CVPR 2006 (equation
4). Florian Schroff, Dmitry Kalenichenko, James Philbin: FaceNet. CVPR 2015 (equation 3; semi-hard: equation 4).

Otherwise than in the papers: no labels say who belongs together, so that the positive is another view of the same
image; losses are means, not sums; "semi-hard" takes the nearest negative beyond the positive, even outside the margin.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssl_course.methods.two_views import TwoViews
from ssl_course.networks import at_least_float32

MININGS = ("random", "easy", "semi-hard", "hard")


def contrastive_margin(z1: Tensor, z2: Tensor, same: Tensor, margin: float = 1.0) -> Tensor:
    """Pull equal pairs together, push different ones at least a margin apart (Hadsell et al. 2006, eq. 4).

    Args:
        z1, z2: (B, D).
        same: bool (B,), whether a pair belongs together.
        margin: a distance, positive.

    Returns:
        Scalar: the mean of d^2 for equal and max(0, margin - d)^2 for different pairs (the paper has half of it).

    Raises:
        ValueError: if shapes differ or the margin isn't positive.
    """
    _check(margin, z1, z2)
    if same.dtype != torch.bool or same.shape != z1.shape[:1]:
        raise ValueError(f"same must be bool ({len(z1)},), got {same.dtype} {tuple(same.shape)}")
    distance = (z1 - z2).norm(dim=1)  # (B,)
    return torch.where(same, distance, F.relu(margin - distance)).square().mean()


def triplet_margin(anchor: Tensor, positive: Tensor, negative: Tensor, margin: float = 0.2) -> Tensor:
    """The negative must be farther than the positive by a margin, in squared distances (Schroff et al. 2015, eq. 3).

    Args:
        anchor, positive, negative: (B, D); FaceNet scales them to length 1 first.
        margin: of squared distances, positive.

    Returns:
        Scalar: mean of max(0, |a - p|^2 - |a - n|^2 + margin).

    Raises:
        ValueError: if shapes differ or the margin isn't positive.
    """
    _check(margin, anchor, positive, negative)
    near, far = (anchor - positive).square().sum(dim=1), (anchor - negative).square().sum(dim=1)  # (B,)
    return F.relu(near - far + margin).mean()


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """(B, D) and (N, D) -> (B, N)."""
    return torch.cdist(a, b).square()


def semi_hard_negatives(positive: Tensor, distances: Tensor) -> Tensor:
    """For each anchor the nearest candidate that is farther than its positive (eq. 4); if none is, the farthest.

    Args:
        positive: distance of each anchor to its positive, (B,).
        distances: to all candidates, (B, N); infinity for one that is no negative.

    Returns:
        The column of the chosen candidate, int64 (B,).
    """
    beyond = distances.masked_fill(distances <= positive.unsqueeze(1), float("inf"))
    farthest = distances.masked_fill(distances.isinf(), float("-inf")).argmax(dim=1)
    return torch.where(beyond.isinf().all(dim=1), farthest, beyond.argmin(dim=1))


def choose_negatives(positive: Tensor, distances: Tensor, mining: str) -> Tensor:
    """The column of one negative for each anchor, (B,); arguments as in `semi_hard_negatives`.

    Args:
        mining: "random", "easy" (the farthest), "semi-hard" or "hard" (the nearest).

    Raises:
        ValueError: if there is no such mining.
    """
    if mining not in MININGS:
        raise ValueError(f"mining must be one of {', '.join(MININGS)}, got {mining!r}")
    if mining == "semi-hard":
        return semi_hard_negatives(positive, distances)
    if mining == "hard":
        return distances.argmin(dim=1)
    allowed = distances.isfinite()
    if mining == "easy":
        return distances.masked_fill(~allowed, float("-inf")).argmax(dim=1)
    # The draw of torch.multinomial(allowed.float(), 1), without its look at the numbers, for which a GPU waits.
    return (allowed / torch.empty_like(distances).exponential_()).argmax(dim=1)


class Triplet(TwoViews):
    """Encoder and head; the positive is the other view of an image, the negative a view of another one of the batch.

    Args:
        encoder, augment, head: as for `TwoViews`.
        margin: of squared distances between projections of length 1, which lie between 0 and 4.
        mining: how the negative is chosen, one of MININGS.

    After a forward pass `.active` holds the share of triplets that were inside the margin and so taught something.

    Raises:
        ValueError: if margin or mining is out of range.
    """

    def __init__(
        self,
        encoder: nn.Module,
        *,
        margin: float = 0.5,
        mining: str = "semi-hard",
        augment: nn.Module | None = None,
        head: nn.Module | None = None,
    ):
        super().__init__(encoder, augment=augment, head=head)
        _check(margin)
        if mining not in MININGS:
            raise ValueError(f"mining must be one of {', '.join(MININGS)}, got {mining!r}")
        self.margin, self.mining = margin, mining
        self.active = float("nan")

    def forward(self, view1: Tensor, view2: Tensor) -> Tensor:
        if len(view1) < 2:
            raise ValueError("a triplet needs at least two images, or there is no negative")
        anchor, other = (F.normalize(at_least_float32(z), dim=1) for z in self.project(view1, view2))  # (B, D) each
        with torch.no_grad():
            distances = squared_distances(anchor, other)  # (B, B)
            positive = distances.diagonal().clone()
            distances.fill_diagonal_(float("inf"))  # an image is not its own negative
            chosen = choose_negatives(positive, distances, self.mining)
            far = distances.gather(1, chosen.unsqueeze(1)).squeeze(1)
            self.active = (positive - far + self.margin > 0).float().mean()
        return triplet_margin(anchor, other, other[chosen], self.margin)


def _check(margin: float, *vectors: Tensor) -> None:
    if not margin > 0:
        raise ValueError(f"margin must be positive, got {margin}")
    if len({tuple(z.shape) for z in vectors}) > 1 or any(z.ndim != 2 for z in vectors):
        raise ValueError(f"all vectors must be (B, D) of one shape, got {[tuple(z.shape) for z in vectors]}")
