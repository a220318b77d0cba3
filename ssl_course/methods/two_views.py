"""What the methods share that compare two views of every image: the parts, the views, and one pass for both.

Most papers let each view pass the network by itself; here both pass together, in one batch of 2B pictures. That is
faster, and batch norm takes one mean and one deviation from both views, where the papers take two.
"""

import torch
from torch import Tensor, nn

from ssl_course.augment import Augment
from ssl_course.networks import projection_head
from ssl_course.parallel import gather


class TwoViews(nn.Module):
    """Encoder, projection head and two random views; a subclass says in `forward` what the views are to teach.

    Args:
        encoder: what is kept; maps (B, 3, H, W) in [0, 1] to (B, encoder.dim).
        augment: makes one random view of a batch; default `Augment()`. Both views are drawn from it.
        head: maps features h to projections z; default a two-layer `projection_head`.
    """

    def __init__(self, encoder: nn.Module, *, augment: nn.Module | None = None, head: nn.Module | None = None):
        super().__init__()
        self.encoder = encoder
        self.head = head if head is not None else projection_head(encoder.dim)
        self.augment = augment if augment is not None else Augment()

    def views(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Two views of every image, each (B, 3, H, W)."""
        return self.augment(images), self.augment(images)

    def project(self, view1: Tensor, view2: Tensor) -> tuple[Tensor, Tensor]:
        """Projections of both views, each (B, D), from one pass: batch norm sees 2B pictures.

        Where several processes share a batch, these are the projections of all of it.
        """
        z1, z2 = self.head(self.encoder(torch.cat([view1, view2]))).chunk(2)
        return gather(z1), gather(z2)
