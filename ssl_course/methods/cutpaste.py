"""CutPaste: was a thin strip of this picture pasted somewhere else in it?

Chun-Liang Li, Kihyuk Sohn, Jinsung Yoon, Tomas Pfister: CutPaste: Self-Supervised Learning for Anomaly Detection and
Localization. CVPR 2021. The strips are its CutPaste-Scar (section 2.2), the loss is equation 1.

Otherwise than in the paper: the strip is turned before it is pasted without being cut off at its own edges, its sides
are given as shares of the picture's, and its colours are changed together by one factor of brightness.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssl_course.networks import check_batch, projection_head


def paste(images: Tensor, *, length: tuple, width: tuple, turn: float, brightness: float) -> Tensor:
    """Cut a strip out of each image, turn it, change its brightness, and paste it at another place of the same image.

    Args:
        images: (B, C, H, W) in [0, 1].
        length, width: the least and the largest, as shares of the shorter side.
        turn: degrees by which a strip is turned at most, either way.
        brightness: largest change of a strip's brightness, either way; at 0 it stays as it was.

    Returns:
        (B, C, H, W); every pixel outside the strip is as it was.
    """
    count, _, height, wide = images.shape
    size = torch.tensor([wide, height], device=images.device)  # x, y

    def draw(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(count, *shape, device=images.device)

    halves = torch.stack([draw(*length), draw(*width)], dim=1) * min(height, wide) / 2  # (B, 2)
    upright = torch.rand(count, 1, device=images.device) < 0.5
    halves = torch.where(upright, halves.flip(1), halves)
    source, target = draw(0, 1, 2) * size, draw(0, 1, 2) * size  # (B, 2) centres in pixels
    source = torch.minimum(torch.maximum(source, halves), size - halves)  # the strip lies in the picture
    angle = draw(-turn, turn).deg2rad()
    turned = torch.stack([angle.cos(), angle.sin(), -angle.sin(), angle.cos()], dim=1).view(-1, 2, 2)
    y, x = torch.meshgrid(
        torch.arange(height, device=images.device) + 0.5, torch.arange(wide, device=images.device) + 0.5, indexing="ij"
    )
    pixels = torch.stack([x, y], dim=-1).view(1, -1, 2)  # (1, H * W, 2)
    inside_strip = (pixels - target[:, None]) @ turned.transpose(1, 2)  # (B, H * W, 2), from the strip's own middle
    covered = (inside_strip.abs() <= halves[:, None]).all(dim=2).view(count, 1, height, wide)
    places = 2 * (inside_strip + source[:, None]) / size - 1  # as grid_sample counts
    strip = F.grid_sample(images, places.view(count, height, wide, 2), align_corners=False, padding_mode="border")
    strip = (strip * draw(1 - brightness, 1 + brightness, 1, 1, 1)).clamp(0, 1)
    return torch.where(covered, strip, images)


class CutPaste(nn.Module):
    """Encoder and a classifier that says which pictures have a strip pasted in; a step shows each image both ways.

    Args:
        encoder: what is kept; maps (B, 3, H, W) in [0, 1] to (B, encoder.dim).
        length, width, turn, brightness: of the strips, see `paste`; defaults near the paper's.
        augment: a change of the picture before the strip is cut; default mirroring alone, since colours and places
            may be what a defect shows in.
        head: maps features to two logits; default a two-layer `projection_head`.

    Raises:
        ValueError: if a length or width isn't two shares in order, in (0, 1], or brightness isn't in [0, 1].
    """

    def __init__(
        self,
        encoder: nn.Module,
        *,
        length: tuple[float, float] = (0.1, 0.4),
        width: tuple[float, float] = (0.015, 0.06),
        turn: float = 45.0,
        brightness: float = 0.1,
        augment: nn.Module | None = None,
        head: nn.Module | None = None,
    ):
        super().__init__()
        for name, (low, high) in {"length": length, "width": width}.items():
            if not 0 < low <= high <= 1:
                raise ValueError(f"{name} must be two shares of the picture's side, the smaller first, got {low, high}")
        if not 0 <= brightness <= 1:
            raise ValueError(f"brightness must be in [0, 1], got {brightness}")
        self.encoder, self.length, self.width, self.turn, self.brightness = encoder, length, width, turn, brightness
        self.head = head if head is not None else projection_head(encoder.dim, outputs=2)
        self.augment = augment if augment is not None else Mirror()

    def views(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Images as they are and with a strip pasted in (2B, 3, H, W), and which is which (2B,): 0 whole, 1 pasted."""
        whole = self.augment(images)
        strips = {"length": self.length, "width": self.width, "turn": self.turn, "brightness": self.brightness}
        answers = torch.arange(2, device=images.device).repeat_interleave(len(images))
        return torch.cat([whole, paste(whole, **strips)]), answers

    def forward(self, shown: Tensor, answers: Tensor) -> Tensor:
        check_batch(self, len(answers))
        return F.cross_entropy(self.head(self.encoder(shown)), answers)

    @torch.no_grad()
    def score(self, images: Tensor, batch: int = 512) -> Tensor:
        """How sure it is that something was pasted in: uint8 (N, 3, H, W) -> log-odds (N,), in evaluation mode."""
        was = self.training
        self.eval()
        device = next(self.parameters()).device
        logits = [self.head(self.encoder(part.to(device).float() / 255)).float().cpu() for part in images.split(batch)]
        self.train(was)
        return torch.cat(logits).diff(dim=1).squeeze(1)


class Mirror(nn.Module):
    """Each image (B, C, H, W) mirrored or not in each direction, by a coin."""

    def forward(self, images: Tensor) -> Tensor:
        for axis in (2, 3):
            coin = torch.rand(len(images), 1, 1, 1, device=images.device) < 0.5
            images = torch.where(coin, images.flip(axis), images)
        return images
