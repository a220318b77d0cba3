"""Contrastive predictive coding: tell which frame comes next, among frames that don't.

Aaron van den Oord, Yazhe Li, Oriol Vinyals: Representation Learning with Contrastive Predictive Coding. 2018. The loss
is equation 4, the candidates are compared as in equation 3. The context is a stack of causal convolutions, as in
Steffen Schneider et al.: wav2vec. Interspeech 2019 (there nine layers; CPC has a recurrent network).

Otherwise than in the papers: vectors are compared by their cosine over a temperature, as in wav2vec 2.0 (Baevski et al.
2020, equation 3), not by a plain product; and all frames that may be negatives are, where the papers draw some.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssl_course.networks import at_least_float32
from ssl_course.parallel import gather
from ssl_course.waves import FrameNorm

NEGATIVES = ("same", "other")


def future_info_nce(
    predictions: Tensor, frames: Tensor, *, negatives: str = "same", first: int = 1, temperature: float = 0.1
) -> Tensor:
    """Find the frame that comes so many steps later among candidates (van den Oord et al. 2018, eq. 4).

    Args:
        predictions: (B, T, K, D); [b, t, k] says what frame t + first + k of clip b will be.
        frames: (B, T, D), what came.
        negatives: "same", all other frames of the clip; "other", the frame at the same place in all other clips.
        first: how many steps ahead the nearest prediction is.
        temperature: positive; smaller values weigh the hardest negatives more.

    Returns:
        Scalar, in nats, the mean over all predictions whose frame is within the clip; where all frames are equal it is
        log(T) for "same" and log(B) for "other".

    Raises:
        ValueError: if the shapes don't fit, nothing is left to predict or to compare with, or an argument is out of
            range.
    """
    _check(predictions, frames, negatives, first, temperature)
    with torch.autocast(frames.device.type, enabled=False):
        p = F.normalize(at_least_float32(predictions), dim=3)
        z = F.normalize(at_least_float32(frames), dim=2)
        now, step = _inside(*p.shape[1:3], first).to(z.device).nonzero().T  # (M,) each: all that can be compared
        later = now + first + step  # (M,)
        p = p[:, now, step]  # (B, M, D)
        if negatives == "same":
            logits = p @ z.transpose(1, 2) / temperature  # (B, M, T): the right one is at `later`
            answers = later.expand(len(z), -1)
        else:
            logits = p.transpose(0, 1) @ z[:, later].permute(1, 2, 0) / temperature  # (M, B, B): and at its own clip
            answers = torch.arange(len(z), device=z.device).expand(len(later), -1)
        return F.cross_entropy(logits.flatten(0, 1), answers.flatten())


def _inside(length: int, steps: int, first: int) -> Tensor:
    """Whether frame t + first + k lies within a clip of so many frames, bool (T, K)."""
    return torch.arange(length).unsqueeze(1) + first + torch.arange(steps) < length


def _check(predictions: Tensor, frames: Tensor, negatives: str, first: int, temperature: float) -> None:
    if predictions.ndim != 4 or frames.ndim != 3 or predictions[:, :, 0].shape != frames.shape:
        got = f"{tuple(predictions.shape)} and {tuple(frames.shape)}"
        raise ValueError(f"predictions and frames must be (B, T, K, D) and (B, T, D), got {got}")
    if negatives not in NEGATIVES:
        raise ValueError(f'negatives must be "same" or "other", got {negatives!r}')
    if first < 1:
        raise ValueError(f"first must be at least 1, got {first}: a frame isn't its own future")
    if frames.shape[1] <= first:
        raise ValueError(f"clips of {frames.shape[1]} frames have nothing {first} steps later: give longer ones")
    if negatives == "other" and len(frames) < 2:
        raise ValueError("negatives from other clips need at least two clips in a batch")
    if not temperature > 0:
        raise ValueError(f"temperature must be positive, got {temperature}")


class Context(nn.Module):
    """What a clip has said so far: (B, T, D) -> (B, T, D), frame t from the frames up to t alone.

    Args:
        width: of a frame.
        dilations: of the convolutions, each over three frames so far apart.
    """

    def __init__(self, width: int, dilations: tuple[int, ...] = (1, 2, 4)):
        super().__init__()
        self.convolutions = nn.ModuleList(nn.Conv1d(width, width, 3, dilation=apart) for apart in dilations)
        self.norms = nn.ModuleList(FrameNorm(width) for _ in dilations)

    def forward(self, frames: Tensor) -> Tensor:
        x = frames.transpose(1, 2)  # (B, D, T)
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            before = 2 * convolution.dilation[0]
            x = x + F.relu(norm(convolution(F.pad(x, (before, 0)))))  # zeros before the clip, none after it
        return x.transpose(1, 2)


class CPC(nn.Module):
    """Encoder, causal context and a linear prediction for each step; see the module's paper.

    Args:
        encoder: what is kept; `frames` maps sounds (B, S) to (B, T, encoder.dim), see `waves.WaveEncoder`.
        steps, first: predict the frames first, first + 1, …, first + steps - 1 steps later.
        negatives, temperature: of the loss, see `future_info_nce`.
        context: maps (B, T, encoder.dim) to the same without looking ahead; default a `Context`.

    Raises:
        ValueError: if steps isn't positive, or another argument is out of range.
    """

    def __init__(
        self,
        encoder: nn.Module,
        *,
        steps: int = 8,
        first: int = 1,
        negatives: str = "same",
        temperature: float = 0.1,
        context: nn.Module | None = None,
    ):
        super().__init__()
        if steps < 1 or first < 1:
            raise ValueError(f"steps and first must be at least 1, got {steps} and {first}")
        if negatives not in NEGATIVES:
            raise ValueError(f'negatives must be "same" or "other", got {negatives!r}')
        if not temperature > 0:
            raise ValueError(f"temperature must be positive, got {temperature}")
        self.steps, self.first, self.negatives, self.temperature = steps, first, negatives, temperature
        self.encoder = encoder
        self.context = context if context is not None else Context(encoder.dim)
        self.predict = nn.Linear(encoder.dim, steps * encoder.dim)

    def views(self, waves: Tensor) -> tuple[Tensor]:
        """The sounds (B, S) as they are: what is to be predicted is in them."""
        return (waves,)

    def contexts(self, waves: Tensor) -> Tensor:
        """What has been said so far, at each frame: (B, S) -> (B, T, D)."""
        return self.context(self.encoder.frames(waves))

    def forward(self, waves: Tensor) -> Tensor:
        frames = self.encoder.frames(waves)  # (B, T, D)
        predictions = self.predict(self.context(frames)).unflatten(2, (self.steps, -1))  # (B, T, K, D)
        if self.negatives == "other":
            predictions, frames = gather(predictions), gather(frames)
        settings = {"negatives": self.negatives, "first": self.first, "temperature": self.temperature}
        return future_info_nce(predictions, frames, **settings)
