"""Training with labels: the ceiling that every lesson's numbers are shown against.

Not a self-supervised method. It obeys the same contract, with `uses_labels`, so that the same loop trains it.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from ssl_course.augment import Augment


class Supervised(nn.Module):
    """Encoder and a linear classifier, trained by cross-entropy.

    Args:
        encoder: maps (B, 3, H, W) in [0, 1] to (B, encoder.dim).
        classes: how many.
        augment: makes one random view of a batch; default `Augment()`.
    """

    uses_labels = True

    def __init__(self, encoder: nn.Module, classes: int, *, augment: nn.Module | None = None):
        super().__init__()
        self.encoder = encoder
        self.classifier = nn.Linear(encoder.dim, classes)
        self.augment = augment if augment is not None else Augment()

    def views(self, images: Tensor) -> tuple[Tensor]:
        return (self.augment(images),)

    def forward(self, view: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(self.classifier(self.encoder(view)), labels)
