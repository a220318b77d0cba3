"""Encoders, projection heads, a decoder and the moving-average copy.

An encoder maps images (B, 3, H, W) in [0, 1] to features (B, dim) and says its width in `.dim`. It normalises the
pixels itself, so that nobody can forget it at evaluation.
"""

import copy

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn


class Normalise(nn.Module):
    """Shift and scale pixels from [0, 1] to about zero mean and unit deviation, (B, 3, H, W) -> (B, 3, H, W)."""

    def __init__(self, mean: float = 0.5, deviation: float = 0.25):
        super().__init__()
        self.mean, self.deviation = mean, deviation

    def forward(self, images: Tensor) -> Tensor:
        return (images - self.mean) / self.deviation


class Residual(nn.Module):
    """Two 3x3 convolutions with a shortcut around them (He et al. 2016, Deep Residual Learning, fig. 2)."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1):
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)
        self.shortcut, self._stride = nn.Identity(), stride
        if stride != 1 or inputs != outputs:
            projection = nn.Conv2d(inputs, outputs, 1, bias=False)
            self.shortcut = nn.Sequential(projection, nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.first_norm(self.first(x)))
        # The pixels are left out here and not by the projection's stride: with 2 to 7 channels and no AVX-512, oneDNN
        # 3.12 (torch 2.14) writes beyond its memory in that layer's backward pass, and the process dies.
        thinned = x[:, :, :: self._stride, :: self._stride]
        return F.relu(self.second_norm(self.second(y)) + self.shortcut(thinned))


class SmallCNN(nn.Module):
    """What a laptop trains: a stride-2 stem and residual blocks; see `small_cnn`."""

    def __init__(self, width: int):
        super().__init__()
        self.dim = 4 * width
        self.normalise = Normalise()
        self.stem = nn.Conv2d(3, width, 3, stride=2, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(width)
        self.blocks = nn.Sequential(
            Residual(width, width),
            Residual(width, 2 * width, stride=2),
            Residual(2 * width, 4 * width, stride=2),
            Residual(4 * width, 4 * width),
        )

    def forward(self, images: Tensor) -> Tensor:
        x = F.relu(self.stem_norm(self.stem(self.normalise(images))))  # (B, width, H/2, W/2)
        return self.blocks(x).mean(dim=(2, 3))  # (B, 4 width)


def small_cnn(width: int = 32) -> nn.Module:
    """The course's encoder, about 0.6 million weights at width 32: (B, 3, H, W) in [0, 1] -> (B, 4 * width)."""
    return SmallCNN(width)


def resnet18() -> nn.Module:
    """ResNet-18 for small images: 3x3 stem, no max-pool; (B, 3, H, W) in [0, 1] -> features (B, 512).

    Source: He et al. 2016, Deep Residual Learning for Image Recognition; the stem as in Chen et al. 2020, B.9.
    """
    body = torchvision.models.resnet18()
    body.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
    body.maxpool, body.fc = nn.Identity(), nn.Identity()
    encoder = nn.Sequential(Normalise(), body)
    encoder.dim = 512
    return encoder


ENCODERS = {"small_cnn": small_cnn, "resnet18": resnet18}


def projection_head(inputs: int, hidden: int = 256, outputs: int = 128, *, layers: int = 2) -> nn.Sequential:
    """A perceptron with batch norm between its layers: (B, inputs) -> (B, outputs).

    Args:
        layers: how many linear layers; 1 is a linear map, 0 is the identity.

    Raises:
        ValueError: if layers is negative.
    """
    if layers < 0:
        raise ValueError(f"layers can't be negative, got {layers}")
    parts: list[nn.Module] = []
    width = inputs
    for _ in range(layers - 1):
        parts += [nn.Linear(width, hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU(inplace=True)]
        width = hidden
    if layers > 0:
        parts.append(nn.Linear(width, outputs))
    return nn.Sequential(*parts)


def decoder(
    inputs: int, size: int | tuple[int, int] = 32, *, width: int = 32, upsample: str = "nearest"
) -> nn.Sequential:
    """Features (B, inputs) -> pictures (B, 3, H, W), the encoder's way back: three times twice as large.

    Args:
        size: height and width, or both as a pair; multiples of 8.
        width: channels of the last but one layer.
        upsample: how a map becomes twice as large, as `nn.Upsample` calls it: "nearest" repeats every pixel, "bilinear"
            draws the values between two pixels, which leaves no grid.

    Raises:
        ValueError: if the size isn't a multiple of 8.
    """
    height, wide = (size, size) if isinstance(size, int) else size
    if height % 8 or wide % 8 or min(height, wide) < 8:
        raise ValueError(f"a decoder's size must be a multiple of 8, got {size}")
    rows, columns, channels = height // 8, wide // 8, 4 * width
    parts: list[nn.Module] = [nn.Linear(inputs, channels * rows * columns), nn.Unflatten(1, (channels, rows, columns))]
    for _ in range(2):  # twice as large, half as many channels
        larger = nn.Upsample(scale_factor=2, mode=upsample)
        parts += [larger, nn.Conv2d(channels, channels // 2, 3, padding=1, bias=False)]
        channels = channels // 2
        parts += [nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]
    return nn.Sequential(*parts, nn.Upsample(scale_factor=2, mode=upsample), nn.Conv2d(channels, 3, 3, padding=1))


def check_size(network: nn.Sequential, images: Tensor) -> None:
    """Raise ValueError if images (B, 3, H, W) aren't of the size that a `decoder` was built for."""
    height, width = (8 * side for side in network[1].unflattened_size[1:])
    if images.shape[2:] != (height, width):
        got = "x".join(map(str, images.shape[2:]))
        raise ValueError(f"the decoder was built for {height}x{width} pixels, got images of {got}: give size=")


def at_least_float32(z: Tensor) -> Tensor:
    """Half precision as float32, so that a loss can neither overflow nor round; float32 and float64 as they are."""
    return z if z.dtype == torch.float64 else z.float()


def check_batch(network: nn.Module, count: int) -> None:
    """Raise ValueError if a network with batch norm is to be trained on a single image, which has no spread."""
    if network.training and count < 2:
        raise ValueError("training needs at least two images in a batch: batch norm has nothing to compare one with")


class MovingAverage(nn.Module):
    """A copy of a network that follows it slowly and gets no gradient (the target or momentum network).

    Args:
        network: what to copy.
        decay: share of the old copy that an update keeps, in [0, 1].

    Source: Tarvainen & Valpola 2017, Mean teachers are better role models, eq. 1.
    """

    def __init__(self, network: nn.Module, decay: float = 0.99):
        super().__init__()
        if not 0 <= decay <= 1:
            raise ValueError(f"decay must be in [0, 1], got {decay}")
        self.copy = copy.deepcopy(network).requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module, decay: float | None = None) -> None:
        """Move the copy a step towards the network; whole-number buffers are taken over as they are."""
        decay = self.decay if decay is None else decay
        follow, lead = [], []
        for mine, theirs in zip(self.copy.state_dict().values(), network.state_dict().values(), strict=True):
            if mine.is_floating_point():
                follow.append(mine)
                lead.append(theirs)
            else:
                mine.copy_(theirs)
        if follow:
            torch._foreach_lerp_(follow, lead, 1 - decay)  # all in one call, which a GPU does faster than one by one

    @torch.no_grad()
    def forward(self, *inputs: Tensor) -> Tensor:
        return self.copy(*inputs)
