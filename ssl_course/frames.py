"""Encoders for clips: a network for one frame, run on every frame, and a small one over time that joins what it says.

An encoder maps clips (B, T, 3, H, W) in [0, 1], of any number T of frames, to features (B, dim) and says its width in
`.dim`.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssl_course.networks import Normalise


class EvenLight(nn.Module):
    """Give every picture (B, C, H, W) the mean 0 and the deviation 1 in each channel, so that no light tells when it
    was taken; a picture of one colour becomes 0.

    To the deviation 0.001 is added, so that nothing is divided by 0; with more a network reads the light from what is
    left of it.
    """

    def forward(self, images: Tensor) -> Tensor:
        mean = images.mean(dim=(2, 3), keepdim=True)
        return (images - mean) / (images.std(dim=(2, 3), keepdim=True) + 1e-3)


def centres(maps: Tensor) -> Tensor:
    """Where each map is high: the mean place under the softmax of its values, (B, K, H, W) -> (B, 2K), all x, then y.

    Places go from -1 (left, top) to 1 (right, bottom). Mean pooling keeps how much there is and drops where; this keeps
    where, and drops how much.

    Source: Levine et al. 2016, End-to-End Training of Deep Visuomotor Policies, section 5.2 (spatial softmax).
    """
    height, width = maps.shape[2:]
    shares = maps.flatten(2).softmax(dim=2).unflatten(2, (height, width))  # (B, K, H, W)
    columns = torch.linspace(-1, 1, width, device=maps.device, dtype=maps.dtype)
    rows = torch.linspace(-1, 1, height, device=maps.device, dtype=maps.dtype)
    return torch.cat([(shares.sum(dim=2) * columns).sum(dim=2), (shares.sum(dim=3) * rows).sum(dim=2)], dim=1)


class PointCNN(nn.Module):
    """Two convolutions, and for each of the second one's maps where it is high and how high it is on average.

    Maps (B, 3, H, W) in [0, 1] to (B, 3 * points).

    Args:
        width: maps of the first convolution.
        points: maps of the second.
        even_light: whether every picture is brought to one mean and deviation, as `EvenLight` does.
    """

    def __init__(self, width: int = 16, points: int = 16, *, even_light: bool = True):
        super().__init__()
        self.dim = 3 * points
        self.normalise = EvenLight() if even_light else Normalise()
        self.stem, self.stem_norm = nn.Conv2d(3, width, 5, stride=2, padding=2, bias=False), nn.BatchNorm2d(width)
        self.second, self.second_norm = nn.Conv2d(width, points, 3, padding=1, bias=False), nn.BatchNorm2d(points)
        self.sharpness = nn.Parameter(torch.ones(points, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        x = F.relu(self.stem_norm(self.stem(self.normalise(images))))  # (B, width, H/2, W/2)
        maps = self.second_norm(self.second(x))  # (B, points, H/2, W/2)
        return torch.cat([centres(self.sharpness * maps), maps.mean(dim=(2, 3))], dim=1)


class ClipEncoder(nn.Module):
    """The same network on every frame, and two convolutions over time on what it says, averaged over the frames.

    Frames meet each other only after each was encoded by itself: what the network for frames drops is lost.

    Args:
        frame_encoder: maps frames (B, 3, H, W) in [0, 1] to (B, frame_encoder.dim), such as `small_cnn()`.
        width: of the features; `.dim`.
    """

    def __init__(self, frame_encoder: nn.Module, width: int = 64):
        super().__init__()
        self.frame_encoder, self.dim = frame_encoder, width
        self.frame_norm = nn.BatchNorm1d(frame_encoder.dim)
        self.first, self.first_norm = nn.Conv1d(frame_encoder.dim, width, 3, padding=1), nn.BatchNorm1d(width)
        self.second, self.second_norm = nn.Conv1d(width, width, 3, padding=1), nn.BatchNorm1d(width)

    def forward(self, clips: Tensor) -> Tensor:
        h = of_frames(self.frame_encoder, clips).transpose(1, 2)  # (B, dim of a frame, T)
        x = F.relu(self.first_norm(self.first(self.frame_norm(h))))  # (B, width, T)
        return F.relu(self.second_norm(self.second(x))).mean(dim=2)


class MiddleFrame(nn.Module):
    """An encoder of clips that sees one frame only: the middle one, or the first after it.

    Args:
        frame_encoder: maps frames (B, 3, H, W) in [0, 1] to (B, frame_encoder.dim).
    """

    def __init__(self, frame_encoder: nn.Module):
        super().__init__()
        self.frame_encoder, self.dim = frame_encoder, frame_encoder.dim

    def forward(self, clips: Tensor) -> Tensor:
        return self.frame_encoder(clips[:, clips.shape[1] // 2])


class SideBySide(nn.Module):
    """An encoder of clips that sees every frame by itself, and gives what it says of all of them, one after the other.

    Args:
        frame_encoder: maps frames (B, 3, H, W) in [0, 1] to (B, frame_encoder.dim).
        frames: of each clip; the features are (B, frames * frame_encoder.dim).
    """

    def __init__(self, frame_encoder: nn.Module, frames: int):
        super().__init__()
        self.frame_encoder, self.frames, self.dim = frame_encoder, frames, frames * frame_encoder.dim

    def forward(self, clips: Tensor) -> Tensor:
        if clips.shape[1] != self.frames:
            raise ValueError(f"clips must have {self.frames} frames, got {clips.shape[1]}")
        return of_frames(self.frame_encoder, clips).flatten(1)


def of_frames(frame_encoder: nn.Module, clips: Tensor) -> Tensor:
    """What an encoder of pictures says of every frame: (B, T, 3, H, W) -> (B, T, dim).

    Raises:
        ValueError: if the clips have another number of dimensions.
    """
    if clips.ndim != 5:
        raise ValueError(f"clips must be (B, T, C, H, W), got {tuple(clips.shape)}")
    frames = clips.flatten(0, 1).contiguous(memory_format=torch.channels_last)  # (B * T, C, H, W)
    return frame_encoder(frames).unflatten(0, clips.shape[:2])
