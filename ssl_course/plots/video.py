"""Figures of lesson 11, on video."""

import io
from collections.abc import Mapping

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from PIL import Image
from torch import Tensor

from ssl_course.plots.general import COLOURS, new_axes, picture_rows

OUTSTANDING = "#CC3311"


def film(clips: Mapping[str, Tensor], *, marks: Mapping[str, int] | None = None, ax: Axes | None = None) -> Axes:
    """Clips (T, 3, H, W), one below the other, each a strip of frames with its name on the left.

    Args:
        clips: by name, uint8 or floats in [0, 1], all of one shape.
        marks: by name, the frame to draw a box round.
    """
    rows = {name: clip.float() / 255 if clip.dtype == torch.uint8 else clip for name, clip in clips.items()}
    ax = picture_rows(rows, ax=ax)
    height, width = next(iter(rows.values())).shape[2:]
    for name, frame in (marks or {}).items():
        corner = frame * (width + 2) - 0.5, list(rows).index(name) * (height + 2) - 0.5
        ax.add_patch(Rectangle(corner, width, height, fill=False, lw=2, ec=OUTSTANDING, clip_on=False))
    return ax


def gif(clips: Tensor, *, scale: int = 3, milliseconds: int = 120) -> bytes:
    """Clips, uint8 (N, T, 3, H, W), side by side as the bytes of one GIF that goes on and on.

    Args:
        scale: so many times as large, without smoothing.
        milliseconds: for each frame.
    """
    wide = clips.permute(1, 3, 0, 4, 2).flatten(2, 3).numpy()  # (T, H, N * W, 3)
    pictures = [Image.fromarray(frame.repeat(scale, axis=0).repeat(scale, axis=1)) for frame in wide]
    written = io.BytesIO()
    pictures[0].save(written, "gif", save_all=True, append_images=pictures[1:], duration=milliseconds, loop=0)
    return written.getvalue()


def trajectories(x: np.ndarray, y: np.ndarray, *, size: int = 32, ax: Axes | None = None) -> Axes:
    """Paths (N, T) through a room of `size` pixels: a dot in every frame, a ring round the first."""
    ax = ax or new_axes(3, 3)
    for number, (across, down) in enumerate(zip(x, y, strict=True)):
        colour = COLOURS[number % len(COLOURS)]
        ax.plot(across, down, "o-", ms=3, lw=1, color=colour)
        ax.plot(across[:1], down[:1], "o", ms=8, mfc="none", color=colour)
    ax.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5), xlabel="column (pixels)", ylabel="row (pixels)")
    ax.set_aspect("equal")
    return ax


def both_ways(y: np.ndarray, *, size: int = 32, ax: Axes | None = None) -> Axes:
    """Heights over time of shapes at the rows y (N, T): forwards as lines, backwards as dashes behind a gap."""
    ax = ax or new_axes(3.4, 2.4)
    frames = np.arange(y.shape[1])
    for number, rows in enumerate(y):
        colour = COLOURS[number % len(COLOURS)]
        ax.plot(frames, size - 1 - rows, color=colour, lw=1.2)
        ax.plot(len(frames) + 1 + frames, size - 1 - rows[::-1], color=colour, lw=1.2, ls="--")
    ticks = [0, len(frames) - 1, len(frames) + 1, 2 * len(frames)]
    ax.set_xticks(ticks, ["first", "last", "last", "first"])
    ax.set(ylim=(0, size), ylabel="height (pixels)")
    for way, middle in (("forwards", (len(frames) - 1) / 2), ("backwards", len(frames) + (len(frames) + 1) / 2)):
        ax.text(middle, -0.22, way, transform=ax.get_xaxis_transform(), ha="center", fontsize="small")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def surprise_over_time(curves: Mapping[str, Tensor], when: Tensor, *, past: int = 3, ax: Axes | None = None) -> Axes:
    """The mean surprise of clips around a frame that is another one in each, with half of the clips as a band.

    Args:
        curves: by name, surprise (N, T).
        when: the frame of each clip, (N,); it becomes 0.
        past: the first so many frames of every clip are left out: nothing was expected of them.
    """
    ax = ax or new_axes(4.2, 2.8)
    ax.axvline(0, color="black", lw=1, ls=":")
    for number, (name, values) in enumerate(curves.items()):
        offsets = torch.arange(values.shape[1]) - when[:, None]  # (N, T)
        known = torch.arange(values.shape[1]).expand_as(offsets) >= past
        shown = [k for k in range(-4, 5) if (known & (offsets == k)).sum() > 1]
        groups = [values[known & (offsets == k)] for k in shown]
        colour = (COLOURS[0], OUTSTANDING)[number % 2]
        ax.plot(shown, [float(group.mean()) for group in groups], "o-", ms=4, color=colour, label=name)
        low, high = (torch.stack([group.quantile(share) for group in groups]) for share in (0.25, 0.75))
        ax.fill_between(shown, low, high, color=colour, alpha=0.2, lw=0)
    ax.set(xlabel="frames after the event", ylabel="surprise (deviations)")
    ax.set_ylim(bottom=0)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=8)
    return ax
