"""Figures of lesson 06, on masked autoencoders."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from ssl_course.plots.general import COLOURS, MARKERS, new_axes, plt, show_images
from ssl_course.vit import unpatchify

GREY = 0.5  # what isn't there


def masking_steps(patches: Tensor, mask: Tensor) -> Axes:
    """What MAE does with one image of patches (L, P), some of them hidden (mask, bool (L,)), in four pictures."""
    side = round(len(patches) ** 0.5)
    size = round((patches.shape[1] / 3) ** 0.5)
    hidden = mask.unsqueeze(1)  # (L, 1)
    seen = patches[~mask].unflatten(1, (3, size, size))  # (V, 3, size, size)
    tokens = (0.2 + 0.6 * hidden.float()).expand(-1, size**2)  # dark: encoded; light: a mask token
    columns = round(len(seen) ** 0.5)
    _, axes = plt.subplots(1, 4, figsize=(10, 2.8), layout="constrained")
    wholes = {0: torch.where(hidden, GREY, patches), 2: tokens, 3: torch.where(hidden, patches, GREY)}
    for place, whole in wholes.items():
        show_images(unpatchify(whole.unsqueeze(0), side * size, side * size, size), ax=axes[place])
    show_images(seen, columns=columns, gap=1, ax=axes[1])
    counts = f"encode {len(seen)}", f"decode all {len(patches)}", f"compare {int(mask.sum())}"
    for ax, title in zip(axes, (f"hide {100 * mask.float().mean():.0f} %", *counts), strict=True):
        ax.set_title(title)
    return axes[0]


def tuning_curves(result: dict, *, ax: Axes | None = None) -> Axes:
    """Accuracy over the passes of fine-tuning, of `mae_tuning`: seeds thin, their mean thick, probes dotted."""
    ax = ax or new_axes(7, 3.6)
    seeds = list(result["seeds"].values())
    for number, name in enumerate(seeds[0]):
        style = {"color": COLOURS[(0, 2, 4)[number % 3]], "marker": MARKERS[number]}
        curves = [seed[name]["fine_tuned"] for seed in seeds]
        passes = [int(count) for count in curves[0]]
        for curve in curves:
            ax.plot(passes, [100 * value for value in curve.values()], lw=0.7, alpha=0.5, color=style["color"])
        means = np.mean([list(curve.values()) for curve in curves], axis=0)
        ax.plot(passes, 100 * means, lw=2, ms=5, label=name, **style)
        probe = np.mean([seed[name]["linear_probe"] for seed in seeds])
        ax.axhline(100 * probe, color=style["color"], lw=1, ls=":")
        ax.text(
            1.01,
            100 * probe,
            "its probe",
            color=style["color"],
            fontsize=8,
            va="center",
            transform=ax.get_yaxis_transform(),
        )
    ax.set_xscale("log")
    ax.set_xticks(passes, [str(count) for count in passes])
    ax.minorticks_off()
    ax.set(xlabel="passes of fine-tuning (a run for each point)", ylabel="test accuracy (%)", ylim=(0, 100))
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=8, title="fine-tuning starts", loc="upper left", bbox_to_anchor=(1.12, 1))
    return ax


def hidden_shares(result: dict, *, axes: Sequence[Axes] | None = None) -> Axes:
    """Loss and linear probe over the share that is hidden, of `mask_ratios`: dots for seeds, a line for means."""
    if axes is None:
        _, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    seeds = list(result["seeds"].values())
    shares = list(seeds[0])
    ticks = [f"{100 * float(share):.0f} %\n{seeds[0][share]['passes']} passes" for share in shares]
    columns = {"loss": ("loss (squared error)", 1), "linear_probe": ("linear probe (%)", 100)}
    for ax, (column, (label, scale)) in zip(axes, columns.items(), strict=True):
        values = scale * np.array([[seed[share][column] for share in shares] for seed in seeds])  # (seeds, shares)
        for row in values:
            ax.plot(range(len(shares)), row, "o", ms=4, alpha=0.6, color=COLOURS[4])
        ax.plot(range(len(shares)), values.mean(axis=0), color=COLOURS[0])
        ax.set_xticks(range(len(shares)), ticks)
        ax.set(xlabel="share that is hidden", ylabel=label, ylim=(0, None))
        ax.spines[["top", "right"]].set_visible(False)
    return axes[0]
