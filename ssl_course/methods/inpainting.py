"""Inpainting: hide a block of the picture and paint it in from what is around it.

Deepak Pathak, Philipp Krähenbühl, Jeff Donahue, Trevor Darrell, Alexei A. Efros: Context Encoders: Feature Learning
by Inpainting. CVPR 2016. The reconstruction loss of equation 1; the adversarial part (equation 2) is left out.

Otherwise than in the paper: no channel-wise fully connected layer lies between encoder and decoder (section 3.1), since
the encoder ends in a mean over all places; the error is divided by the number of hidden values; the hidden block's
border weighs no more than its middle (there ten times).
"""

import torch
from torch import Tensor, nn

from ssl_course.augment import Augment
from ssl_course.networks import at_least_float32, check_size, decoder


def block_masks(count: int, height: int, width: int, share: float = 0.25, device=None) -> Tensor:
    """One rectangle per image at a random place: bool (count, 1, height, width), true where it hides.

    Args:
        share: of the area, in (0, 1).

    Raises:
        ValueError: if share is out of range.
    """
    if not 0 < share < 1:
        raise ValueError(f"share must be in (0, 1), got {share}")
    inside = []
    for length in (height, width):
        side = min(max(1, round(length * share**0.5)), length - 1)  # something is left to paint from
        start = torch.randint(length - side + 1, (count, 1), device=device)
        place = torch.arange(length, device=device)
        inside.append((place >= start) & (place < start + side))  # (count, length)
    return (inside[0].unsqueeze(2) & inside[1].unsqueeze(1)).unsqueeze(1)


def hidden_mse(painted: Tensor, images: Tensor, hidden: Tensor) -> Tensor:
    """Mean squared error over the hidden pixels only (Pathak et al. 2016, eq. 1, divided by their number).

    Args:
        painted, images: (B, C, H, W).
        hidden: bool (B, 1, H, W).
    """
    error = (at_least_float32(painted) - images).square() * hidden
    return error.sum() / (hidden.sum() * images.shape[1]).clamp(min=1)


class Inpainting(nn.Module):
    """Encoder and decoder; the encoder sees the picture with a grey block, the loss only what was under it.

    Args:
        encoder: what is kept; maps (B, 3, H, W) in [0, 1] to (B, encoder.dim).
        size: height and width of the images, a multiple of 8, or both as a pair.
        share: of the area that is hidden.
        augment: a random change first; default crops and flips, colours as they are.

    Raises:
        ValueError: if share is out of range, or, when it is used, if the images have another size.
    """

    def __init__(
        self,
        encoder: nn.Module,
        *,
        size: int | tuple[int, int] = 32,
        share: float = 0.25,
        augment: nn.Module | None = None,
    ):
        super().__init__()
        if not 0 < share < 1:
            raise ValueError(f"share must be in (0, 1), got {share}")
        self.encoder, self.share = encoder, share
        self.decoder = decoder(encoder.dim, size)
        self.augment = augment if augment is not None else Augment(crop=0.5, jitter=0, grayscale=0)

    def views(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The images with a hole, whole, and where the hole is."""
        check_size(self.decoder, images)
        images = self.augment(images)
        hidden = block_masks(len(images), *images.shape[-2:], self.share, images.device)
        return images.masked_fill(hidden, 0.5), images, hidden

    def forward(self, holed: Tensor, images: Tensor, hidden: Tensor) -> Tensor:
        return hidden_mse(self.decoder(self.encoder(holed)), images, hidden)
