"""Figures of lesson 10, on sounds: waves, spectrograms, frames, and what two probes find."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from ssl_course.plots.general import COLOURS, MARKERS, new_axes


def wave(sound: Tensor, *, rate: int = 8000, ax: Axes | None = None) -> Axes:
    """A sound (S,) over time."""
    ax = ax or new_axes(8, 1.6)
    ax.plot(np.arange(len(sound)) / rate, sound.numpy(), lw=0.5, color=COLOURS[0])
    ax.set(xlabel="time (s)", ylabel="pressure", xlim=(0, len(sound) / rate))
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def spectrogram(
    sound: Tensor,
    names: Sequence[str] = (),
    starts: Sequence[int] = (),
    *,
    rate: int = 8000,
    window: int = 160,
    ax: Axes | None = None,
) -> Axes:
    """How loud each frequency of a sound (S,) is over time, with a line and a name where each syllable starts.

    `window`: samples of a spectrum; a short one shows the resonances, a long one the harmonics of the voice.
    """
    ax = ax or new_axes(8, 2.4)
    _, _, _, picture = ax.specgram(
        sound.numpy() + 1e-9, NFFT=window, Fs=rate, noverlap=window * 7 // 8, pad_to=512, cmap="cividis"
    )
    low, high = picture.get_clim()
    picture.set_clim(max(low, high - 60), high)
    for start, name in zip(starts, names, strict=True):
        ax.axvline(start / rate, color="white", lw=1, ls=":")
        ax.text(start / rate + 0.01, rate / 2 * 0.97, name, color="white", va="top", fontsize=9)
    ax.set(xlabel="time (s)", ylabel="frequency (Hz)", xlim=(0, len(sound) / rate), ylim=(0, rate / 2))
    ax.figure.colorbar(picture, ax=ax, label="loudness (dB)")
    return ax


def spectrograms(sounds: Mapping[str, Tensor], *, rate: int = 8000, axes: Sequence[Axes] | None = None) -> Axes:
    """Spectrograms of sounds (S,) side by side with a title each, without scales of loudness.

    Returns:
        The first of the axes.
    """
    if axes is None:
        width = 2.6 * len(sounds) + 0.6
        axes = plt.subplots(1, len(sounds), figsize=(width, 2.2), layout="constrained", sharey=True, squeeze=False)[1][
            0
        ]
    for ax, (name, sound) in zip(axes, sounds.items(), strict=True):
        *_, picture = ax.specgram(sound.numpy() + 1e-9, NFFT=256, Fs=rate, noverlap=224, pad_to=512, cmap="cividis")
        loudest = picture.get_clim()[1]
        picture.set_clim(loudest - 35, loudest)  # decibels: the hiss below stays dark
        ax.set(xlabel="time (s)", xlim=(0, len(sound) / rate))
        ax.set_title(name, fontsize=10)
    axes[0].set_ylabel("frequency (Hz)")
    return axes[0]


def fields(field: int, hop: int, shown: int = 5, *, rate: int = 8000, ax: Axes | None = None) -> Axes:
    """Which stretch of the sound each of the first frames sees, as bars in milliseconds that overlap."""
    ax = ax or new_axes(7, 0.3 * shown + 0.8)
    for frame in range(shown):
        ax.barh(frame, 1000 * field / rate, left=1000 * frame * hop / rate, height=0.6, color=COLOURS[1])
        ax.text(1000 * (frame * hop + field / 2) / rate, frame, f"frame {frame}", ha="center", va="center", fontsize=8)
    ax.set(xlabel="time (ms)", yticks=[])
    ax.invert_yaxis()
    ax.spines[["top", "right", "left"]].set_visible(False)
    return ax


def said_and_who(
    points: Mapping[str, Sequence[tuple[float, float]]],
    *,
    chance: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Two probes against each other: how well the vowel is read (across) and the speaker (up), a point for each seed.

    Args:
        points: by name, (vowel, speaker) for each seed, each in [0, 1].
        chance: of guessing, drawn as dotted lines.
    """
    ax = ax or new_axes(5.6, 4)
    for number, (name, seeds) in enumerate(points.items()):
        vowel, speaker = (100 * np.array(values) for values in zip(*seeds, strict=True))
        style = {"color": COLOURS[(0, 4, 3, 1, 9, 5)[number % 6]], "marker": MARKERS[number % len(MARKERS)]}
        ax.plot(vowel, speaker, ls="", ms=8, label=name, **style)
    if chance is not None:
        ax.axvline(100 * chance[0], color="black", lw=1, ls=":")
        ax.axhline(100 * chance[1], color="black", lw=1, ls=":")
    ax.set(xlabel="what is said: vowel (%)", ylabel="who says it: speaker (%)", xlim=(0, 102), ylim=(0, 102))
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def codebook(points: Tensor, books: Mapping[str, tuple[Tensor, Tensor]], *, axes: Sequence[Axes] | None = None) -> Axes:
    """Points (N, 2), and for each book its codewords (V, 2), as large as they are often used (V,), shares.

    Returns:
        The first of the axes.
    """
    if axes is None:
        size = (3.1 * len(books), 3)
        axes = plt.subplots(1, len(books), figsize=size, layout="constrained", squeeze=False)[1][0]
    for ax, (name, (words, used)) in zip(axes, books.items(), strict=True):
        ax.scatter(*points.T.numpy(), s=4, color=COLOURS[1], linewidths=0)
        idle = used < 1e-3
        ax.scatter(*words[~idle].T.numpy(), s=1500 * used[~idle].numpy() + 20, color=COLOURS[0], alpha=0.8)
        ax.scatter(*words[idle].T.numpy(), s=30, marker="x", color=COLOURS[4])
        ax.set(xticks=[], yticks=[])
        ax.set_title(name, fontsize=10)
    return axes[0]
