"""What is said and who says it: two linear probes of a moment of a sound, and the spectrum that they are beside."""

import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ssl_course.evaluate import linear_probe
from ssl_course.samples import Samples
from ssl_course.waves import field_and_hop

SPECTRUM = ((512, 160),)  # `log_mel`'s field and hop, as a convolution's kernel and stride
LATE = 0.6  # of a syllable: the moment that is asked about, when the vowel has been reached


def log_mel(waves: Tensor, bands: int = 40, *, rate: int = 8000) -> Tensor:
    """The loudness of bands of frequency, the raw spectrum: (B, S) -> (B, T, bands), a frame of 512 samples every 160.

    Bands are triangles, evenly spaced and wide on the mel scale, as in speech recognition (Davis & Mermelstein 1980,
    Comparison of parametric representations for monosyllabic word recognition); natural logarithm of the power.
    """
    (field, hop), *_ = SPECTRUM
    frames = waves.unfold(1, field, hop) * torch.hann_window(field, device=waves.device)  # (B, T, 512)
    power = torch.fft.rfft(frames).abs().square()  # (B, T, 257)
    return (power @ mel_triangles(bands, field // 2 + 1, rate).T.to(power) + 1e-6).log()


def mel_triangles(bands: int, bins: int, rate: int) -> Tensor:
    """How much each frequency of a spectrum counts for each band, (bands, bins), at most 1."""
    mel = 2595 * torch.log10(1 + torch.linspace(0, rate / 2, bins) / 700)  # (bins,)
    edges = torch.linspace(0, 2595 * math.log10(1 + rate / 2 / 700), bands + 2)
    low, middle, high = (edges[first : first + bands].unsqueeze(1) for first in range(3))  # (bands, 1) each
    return torch.minimum((mel - low) / (middle - low), (high - mel) / (high - middle)).clamp(min=0)


def with_past(frames: Tensor, count: int) -> Tensor:
    """Each frame side by side with those before it, `count` in all: (B, T, D) -> (B, T, D * count).

    Before the first frame stand copies of it.
    """
    padded = F.pad(frames.transpose(1, 2), (count - 1, 0), mode="replicate")  # (B, D, T + count - 1)
    return padded.unfold(2, count, 1).transpose(1, 2).flatten(2)


def moments(frames: Tensor, sounds: Samples, layers: Sequence[tuple[int, int]]) -> Tensor:
    """The frames in which the vowels of a clip, but for the first, have been reached: (N, T, D) -> (N, K - 1, D).

    Args:
        layers: kernel and stride of the convolutions that made the frames.
    """
    field, hop = field_and_hop(layers)
    start = sounds.factors["start"]  # (N, K)
    end = torch.cat([start[:, 1:], torch.full_like(start[:, :1], sounds.data.shape[1])], dim=1)
    places = start + LATE * (end - start)  # (N, K), samples
    number = ((places - field / 2) / hop).round().long().clamp(0, frames.shape[1] - 1)  # whose middle is nearest
    return frames.take_along_dim(number[:, 1:, None], dim=1)


@torch.no_grad()
def two_probes(
    listen: Callable[[Tensor], Tensor], train: Samples, test: Samples, layers: Sequence[tuple[int, int]]
) -> dict[str, float]:
    """Accuracies of linear probes of the vowel and of the speaker, from the same frames, one for each syllable.

    Args:
        listen: makes frames (N, T, D) of sounds (N, S).
        train, test: built-in sounds, with their factors.
        layers: as in `moments`.

    Returns:
        "vowel" and "speaker", each in [0, 1].
    """
    features = [moments(_frames(listen, part.data), part, layers).flatten(0, 1) for part in (train, test)]
    scores = {}
    for name in ("vowel", "speaker"):
        labels = [_at_moments(part.factors[name], part.factors["vowel"].shape[1]) for part in (train, test)]
        scores[name] = linear_probe(features[0], labels[0], features[1], labels[1])
    return scores


def _frames(listen: Callable[[Tensor], Tensor], sounds: Tensor) -> Tensor:
    return torch.cat([listen(part).float().cpu() for part in sounds.split(500)])


def _at_moments(factor: Tensor, syllables: int) -> Tensor:
    """A factor of each clip (N,) or syllable (N, K) for the moments: (N * (K - 1),)."""
    of_each = factor if factor.ndim == 2 else factor.unsqueeze(1).expand(-1, syllables)
    return of_each[:, 1:].flatten()
