"""SimCLR: two views of one image should look alike, views of different images should not.

Ting Chen, Simon Kornblith, Mohammad Norouzi, Geoffrey Hinton: A Simple Framework for Contrastive Learning of Visual
Representations. ICML 2020. The loss is equation 1; the views are section 3 and appendix A.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssl_course.augment import Augment
from ssl_course.networks import projection_head


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
        z = F.normalize(z if z.dtype == torch.float64 else z.float(), dim=1)
        logits = z @ z.T / temperature  # (2B, 2B)
        itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
        logits = logits.masked_fill(itself, float("-inf"))  # an image is not its own candidate
        other_view = torch.arange(len(z), device=z.device).roll(len(z1))  # (2B,): B .. 2B-1, 0 .. B-1
        return F.cross_entropy(logits, other_view)


class SimCLR(nn.Module):
    """Encoder, projection head and the two views; see the module's paper.

    Args:
        encoder: what is kept; maps (B, 3, H, W) in [0, 1] to (B, encoder.dim).
        temperature: of the loss.
        augment: makes one random view of a batch; default `Augment()`.
        head: maps features h to projections z; default a two-layer `projection_head`.
    """

    def __init__(
        self,
        encoder: nn.Module,
        *,
        temperature: float = 0.15,
        augment: nn.Module | None = None,
        head: nn.Module | None = None,
    ):
        super().__init__()
        if not temperature > 0:
            raise ValueError(f"temperature must be positive, got {temperature}")
        self.encoder = encoder
        self.head = head if head is not None else projection_head(encoder.dim)
        self.augment = augment if augment is not None else Augment()
        self.temperature = temperature

    def views(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return self.augment(images), self.augment(images)

    def forward(self, view1: Tensor, view2: Tensor) -> Tensor:
        h = self.encoder(torch.cat([view1, view2]))  # (2B, dim): one pass, so batch norm sees both views
        z1, z2 = self.head(h).chunk(2)  # (B, D) each
        return nt_xent(z1, z2, self.temperature)
