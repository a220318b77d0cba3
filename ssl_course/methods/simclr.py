"""SimCLR: two views of one image should look alike, views of different images should not.

Ting Chen, Simon Kornblith, Mohammad Norouzi, Geoffrey Hinton: A Simple Framework for Contrastive Learning of Visual
Representations. ICML 2020. The loss is equation 1; the views are section 3 and appendix A.

Otherwise than in the paper: AdamW instead of LARS, small batches, and a lower temperature than its 0.5 for CIFAR-10,
which suits them; the head is smaller (256 wide between its layers, not as wide as the features).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssl_course.methods.two_views import TwoViews
from ssl_course.networks import at_least_float32


def nt_xent(z1: Tensor, z2: Tensor, temperature: float = 0.5) -> Tensor:
    """Normalised-temperature cross-entropy: find your other view among 2B - 1 candidates (Chen et al. 2020, eq. 1).

    Args:
        z1, z2: projections of the two views, each (B, D); row i of both is image i. Half precision is computed
            in float32, so that a low temperature cannot overflow.
        temperature: positive; smaller values weigh the hardest negatives more.

    Returns:
        Scalar, in nats; log(2B - 1) when all projections are equal.

    Raises:
        ValueError: if the shapes differ, there is no other image to compare with, or the temperature is not positive.
    """
    if z1.shape != z2.shape or z1.ndim != 2:
        raise ValueError(f"z1 and z2 must both be (B, D), got {tuple(z1.shape)} and {tuple(z2.shape)}")
    if len(z1) < 2:
        raise ValueError("nt_xent needs at least two images, or there is no negative to tell apart")
    if not temperature > 0:
        raise ValueError(f"temperature must be positive, got {temperature}")
    with torch.autocast(z1.device.type, enabled=False):
        z = torch.cat([z1, z2])  # (2B, D)
        z = F.normalize(at_least_float32(z), dim=1)
        logits = z @ z.T / temperature  # (2B, 2B)
        itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
        logits = logits.masked_fill(itself, float("-inf"))  # an image is not its own candidate
        other_view = torch.arange(len(z), device=z.device).roll(len(z1))  # (2B,): B .. 2B-1, 0 .. B-1
        return F.cross_entropy(logits, other_view)


class SimCLR(TwoViews):
    """Encoder, projection head and the two views; see the module's paper.

    Args:
        encoder, augment, head: as for `TwoViews`.
        temperature: of the loss.

    Raises:
        ValueError: if the temperature isn't positive.
    """

    def __init__(
        self,
        encoder: nn.Module,
        *,
        temperature: float = 0.15,
        augment: nn.Module | None = None,
        head: nn.Module | None = None,
    ):
        super().__init__(encoder, augment=augment, head=head)
        if not temperature > 0:
            raise ValueError(f"temperature must be positive, got {temperature}")
        self.temperature = temperature

    def forward(self, view1: Tensor, view2: Tensor) -> Tensor:
        z1, z2 = self.project(view1, view2)  # (B, D) each
        return nt_xent(z1, z2, self.temperature)
