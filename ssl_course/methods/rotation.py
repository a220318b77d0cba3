"""Rotation prediction: which way up is this picture?

Spyros Gidaris, Praveer Singh, Nikos Komodakis: Unsupervised Representation Learning by Predicting Image Rotations.
ICLR 2018. The loss is equation 3.

Otherwise than in the paper: an image is shown at one angle a step, which is drawn (there at all four: `every`), and it
is cropped and its colours are changed first; the classifier is a perceptron with one hidden layer.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssl_course.augment import Augment, rotate
from ssl_course.networks import check_batch, projection_head


def turn(images: Tensor, quarters: Tensor) -> Tensor:
    """Turn each square image (B, C, H, H) counter-clockwise by so many quarter turns (B,); no pixel is interpolated.

    Raises:
        ValueError: if the images aren't square.
    """
    if images.shape[-1] != images.shape[-2]:
        raise ValueError(f"quarter turns need square images, got {tuple(images.shape)}")
    turned = torch.stack([images.rot90(k, dims=(2, 3)) for k in range(4)])  # (4, B, C, H, H)
    chosen = (quarters % 4).view(1, -1, 1, 1, 1)  # (1, B, 1, 1, 1): for each image one of the four
    return turned.take_along_dim(chosen, dim=0).squeeze(0)


class Rotation(nn.Module):
    """Encoder and a classifier that says by which of the angles a view was turned.

    Args:
        encoder: what is kept; maps (B, 3, H, H) in [0, 1] to (B, encoder.dim).
        angles: the classes, in degrees counter-clockwise. Multiples of 90 move pixels without changing them; any
            other angle is interpolated, which leaves traces that give the answer away.
        every: whether a step shows every image at all angles, as in the paper, or each at one that is drawn. All
            angles side by side teach faster, at so many times the cost of a step.
        augment: a random change before the turn; default crops, flips and colours without any rotation.
        head: maps features to one logit per angle; default a two-layer `projection_head`.

    Raises:
        ValueError: if there are fewer than two angles, or two are the same.
    """

    def __init__(
        self,
        encoder: nn.Module,
        *,
        angles: Sequence[float] = (0, 90, 180, 270),
        every: bool = False,
        augment: nn.Module | None = None,
        head: nn.Module | None = None,
    ):
        super().__init__()
        if len({angle % 360 for angle in angles}) != len(angles) or len(angles) < 2:
            raise ValueError(f"a choice needs at least two different angles, got {tuple(angles)}")
        self.encoder, self.angles, self.every = encoder, tuple(angles), every
        self.register_buffer("degrees", torch.tensor(self.angles, dtype=torch.float32), persistent=False)
        self.head = head if head is not None else projection_head(encoder.dim, outputs=len(angles))
        self.augment = augment if augment is not None else Augment(crop=0.5)

    def views(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The turned images (B, 3, H, H) and the index of each one's angle (B,); with `every`, A * B for A angles."""
        images = self.augment(images)
        if self.every:
            answers = torch.arange(len(self.angles), device=images.device).repeat_interleave(len(images))
            images = images.repeat(len(self.angles), 1, 1, 1)
        else:
            answers = torch.randint(len(self.angles), (len(images),), device=images.device)
        degrees = self.degrees[answers]
        if all(angle % 90 == 0 for angle in self.angles):
            return turn(images, (degrees / 90).long()), answers
        return rotate(images, degrees), answers

    def forward(self, turned: Tensor, answers: Tensor) -> Tensor:
        check_batch(self, len(answers))
        return F.cross_entropy(self.head(self.encoder(turned)), answers)
