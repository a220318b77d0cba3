"""KoLeo: a term that drives each picture's features away from its nearest neighbour's, added to DINO's loss.

Alexandre Sablayrolles, Matthijs Douze, Cordelia Schmid, Hervé Jégou: Spreading vectors for similarity search. ICLR
2019, section 3, after Kozachenko's and Leonenko's estimator of the entropy. Maxime Oquab et al.: DINOv2. 2023, section
4, adds it to the loss of a DINO, taken of the student's features of each large view.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from ssl_course.methods.dino import DINO
from ssl_course.networks import at_least_float32


def koleo_loss(features: Tensor) -> Tensor:
    """Minus the mean log of each picture's distance to its nearest neighbour in the batch.

    Args:
        features: (B, D), at least two; only their directions count.

    Returns:
        Scalar: the lower, the farther apart; at least -log 2, since vectors of length 1 are no farther apart than 2.

    Raises:
        ValueError: if there aren't two or more vectors.
    """
    if features.ndim != 2 or len(features) < 2:
        raise ValueError(f"features must be (B, D), with B at least 2, got {tuple(features.shape)}")
    with torch.autocast(features.device.type, enabled=False):
        z = F.normalize(at_least_float32(features), dim=1)
        near = (z.detach() @ z.detach().T).fill_diagonal_(-2).argmax(dim=1)
        distances = (z - z[near]).norm(dim=1)
        return -(distances + 1e-6).log().mean()  # two equal pictures: a large number, not infinity


class SpreadDINO(DINO):
    """DINO, and `koleo_loss` of the student's features of each large view.

    Args:
        encoder: as in `DINO`.
        koleo: the weight of the term; with 0 it is `DINO`.
        options: those of `DINO`.

    Raises:
        ValueError: if an option is out of range.
    """

    def __init__(self, encoder: torch.nn.Module, *, koleo: float = 0.1, **options: object):
        super().__init__(encoder, **options)
        if not 0 <= koleo < float("inf"):
            raise ValueError(f"koleo must be finite and not negative, got {koleo}")
        self.koleo = koleo
        self._spread: Tensor | None = None

    def features(self, *views: Tensor) -> Tensor:
        """As `DINO`'s, and what their spread costs is kept for `forward`."""
        h = super().features(*views)
        self._spread = sum(koleo_loss(part) for part in h[:2])  # of one view each: views of a picture are alike
        return h

    def forward(self, *views: Tensor) -> Tensor:
        loss = super().forward(*views)
        return loss + self.koleo * self._spread
