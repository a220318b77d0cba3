"""An encoder of sounds: strided 1-D convolutions that turn samples of the air's pressure into frames.

Steffen Schneider, Alexei Baevski, Ronan Collobert, Michael Auli: wav2vec: Unsupervised Pre-training for Speech
Recognition. Interspeech 2019, section 2.1. Otherwise than there: fewer and longer strides, and the first convolution
begins as a bank of band-pass filters whose loudness goes on, as in Neil Zeghidour et al.: Learning Filterbanks from Raw
Speech for Phone Recognition. ICASSP 2018; from random weights it would spend most of a short run on finding such
filters.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LAYERS = ((128, 20), (10, 5), (4, 2))  # kernel and stride of each convolution, in what the one before it gives
RATE = 8000  # samples a second that the first filters are spaced for
LOWEST, HIGHEST = 100, 3800  # Hz


class FrameNorm(nn.LayerNorm):
    """Each frame's features shifted and scaled to mean 0 and deviation 1 over the channels: (B, D, T) -> (B, D, T).

    No frame learns of another from it, as it would from a batch norm or a mean over time: a network that has to
    predict the future must not be told of it by its norms.
    """

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


class Bands(nn.Module):
    """How loud a sound is in each of some bands of pitch, on a logarithmic scale: (B, 1, S) -> (B, bands, T).

    Two filters a band, a cosine and a sine under a window; the sum of their squares doesn't depend on where in the
    wave a frame begins. They are weights like others, and training may change them.
    """

    def __init__(self, bands: int, kernel: int, stride: int):
        super().__init__()
        self.filters = nn.Conv1d(1, 2 * bands, kernel, stride, bias=False)
        self.filters.weight.data.copy_(band_filters(bands, kernel).unsqueeze(1))

    def forward(self, waves: Tensor) -> Tensor:
        cosines, sines = self.filters(waves).chunk(2, dim=1)  # (B, bands, T) each
        return (cosines.square() + sines.square() + 1e-8).log()


class WaveEncoder(nn.Module):
    """Sounds in, frames out; as an encoder, their mean: (B, S) in [-1, 1] -> (B, dim).

    How loud a sound is hardly matters: twice as loud is one number more in every band, which the norm takes off.

    Args:
        width: of a frame; `.dim`.
        layers: kernel and stride of each convolution.

    Raises:
        ValueError: if a sound is too short for a single frame.
    """

    def __init__(self, width: int = 64, layers: Sequence[tuple[int, int]] = LAYERS):
        super().__init__()
        self.dim, self.layers = width, tuple(map(tuple, layers))
        self.bands = Bands(width // 2, *self.layers[0])
        self.norms = nn.ModuleList([FrameNorm(width // 2)])
        self.convolutions, inputs = nn.ModuleList(), width // 2
        for kernel, stride in self.layers[1:]:
            self.convolutions.append(nn.Conv1d(inputs, width, kernel, stride, bias=False))
            self.norms.append(FrameNorm(width))
            inputs = width

    def frames(self, waves: Tensor) -> Tensor:
        """What the network says of each stretch of the sounds: (B, S) -> (B, T, dim)."""
        field, _ = field_and_hop(self.layers)
        if waves.ndim != 2 or waves.shape[1] < field:
            raise ValueError(f"sounds must be (B, S) with S at least {field}, got {tuple(waves.shape)}")
        # Not in bf16 on a CPU: with AMX the gradient of such a convolution reads beyond its input there (torch 2.14),
        # and where NaN happens to lie in that place, it is NaN.
        with torch.autocast("cpu", enabled=False):
            x = self.norms[0](self.bands(waves.unsqueeze(1)))  # (B, dim / 2, S / 20)
            for convolution, norm in zip(self.convolutions, self.norms[1:], strict=True):
                x = norm(convolution(F.relu(x)))  # (B, dim, …)
        return x.transpose(1, 2)

    def forward(self, waves: Tensor) -> Tensor:
        return self.frames(waves).mean(dim=1)


def field_and_hop(layers: Sequence[tuple[int, int]] = LAYERS) -> tuple[int, int]:
    """How many samples a frame sees, and how many lie between the beginnings of two frames.

    Args:
        layers: kernel and stride of each convolution.
    """
    field, hop = 1, 1
    for kernel, stride in layers:
        field, hop = field + (kernel - 1) * hop, hop * stride
    return field, hop


def band_filters(bands: int, kernel: int, rate: int = RATE) -> Tensor:
    """Cosines, then sines under a Hann window, (2 * bands, kernel), pitches evenly spaced in mel, the ear's scale."""
    ends = [2595 * math.log10(1 + pitch / 700) for pitch in (LOWEST, HIGHEST)]
    pitches = 700 * (10 ** (torch.linspace(*ends, bands) / 2595) - 1)  # (bands,), Hz
    places = torch.arange(kernel) - (kernel - 1) / 2
    angles = 2 * math.pi * pitches.unsqueeze(1) * places / rate  # (bands, kernel)
    window = torch.hann_window(kernel + 2)[1:-1] * math.sqrt(2 / kernel)
    return torch.cat([window * angles.cos(), window * angles.sin()])
