"""Lesson 02: how many numbers the code has, what is painted from it, and what can be read from it."""

import functools
from collections.abc import Callable, Mapping

import torch
from matplotlib.figure import Figure
from torch import Tensor

from ssl_course import shapes
from ssl_course.live.core import Demo, slider, steps
from ssl_course.plots import COLOURS
from ssl_course.plots.painting import width_sweep
from ssl_course.results import read
from ssl_course.tables import summary

WIDTHS = (1, 2, 4, 8, 16, 32, 64, 128)
NETWORK = "read from a network"
BAND = 0.7  # of the curves' height; the rest is for their legend


def networks() -> dict[int, dict[str, float]]:
    """The stored convolutional autoencoders by the width of their code: `error`, and `probe` in [0, 1]."""
    errors, probes = (summary(read("bottlenecks"), column) for column in ("error, clean", "linear_probe"))
    plain = {name: int(name.split()[0]) for name in errors if name.endswith("numbers")}
    return {width: {"error": errors[name][0], "probe": probes[name][0]} for name, width in plain.items()}


class Widths(Demo):
    """A picture rebuilt by PCA from more or fewer numbers; beside it error and accuracies, PCA's and the networks'.

    Args:
        pictures: uint8 (N, 3, H, W), to choose from.
        rebuild: maps pictures and a width of up to 128 to codes and rebuilt pictures (N, 3, H, W) in [0, 1].
        sweep: by width: PCA's `error`, and accuracies "seen in the picture" and "read from the code" in [0, 1].
    """

    title = "The width of the code"
    hint = "From how many numbers on can you name the shape? Find that width in the three curves on the right."
    size = (9.0, 2.7)
    typical = ({"width": 2}, {"width": 32}, {"width": 128, "picture": 3})

    def __init__(self, pictures: Tensor, rebuild: Callable, sweep: Mapping[int, Mapping[str, float]]):
        self.pictures, self.sweep, self.networks = pictures, sweep, networks()
        self.rebuilt = functools.cache(lambda width: rebuild(pictures, width)[1])
        super().__init__(
            width=steps("numbers in the code", WIDTHS, 8),
            picture=slider("picture", 0, len(pictures) - 1, 0),
        )

    def start(self, figure: Figure) -> None:
        figure.get_layout_engine().set(h_pad=0.08)
        given, again, left, right = figure.subplots(1, 4, width_ratios=(0.75, 0.75, 1.1, 1.3))
        self.given, self.again = (axis.imshow(self.pictures[0].permute(1, 2, 0).numpy()) for axis in (given, again))
        given.set_title("picture", fontsize=10)
        again.set_title("rebuilt by PCA", fontsize=10)
        for axis in (given, again):
            axis.set(xticks=[], yticks=[])
        both = {width: row | {NETWORK: self.networks[width]["probe"]} for width, row in self.sweep.items()}
        width_sweep(both, {}, ax=(left, right))
        left.lines[0].set_label("PCA")
        left.plot(
            list(both), [self.networks[width]["error"] for width in both], "^:", color=COLOURS[2], label="network"
        )
        left.set_ylim(0, left.get_ylim()[1] / BAND)
        right.set(ylim=(0, 100 / BAND), yticks=range(0, 101, 25))
        self.marks = [axis.axvline(1, 0, BAND, color="black", lw=1) for axis in (left, right)]
        for axis in (left, right):
            axis.legend(frameon=False, fontsize=9, loc="upper left", borderaxespad=0)
            axis.set_xticks(WIDTHS, WIDTHS)
            axis.set_xlim(0.85, 150)

    def draw(self, *, width: int, picture: int) -> str:
        given, again = self.pictures[picture].float() / 255, self.rebuilt(width)[picture]
        self.given.set_data(given.permute(1, 2, 0).numpy())
        self.again.set_data(again.permute(1, 2, 0).numpy())
        for mark in self.marks:
            mark.set_xdata([width, width])
        error = (again - given).square().mean()
        told = f"Painted by PCA from {width} numbers: squared error of this picture {error:.4f}. "
        if width not in self.sweep:
            return told + f"The curves were measured at {', '.join(map(str, self.sweep))} numbers."
        row, network = self.sweep[width], self.networks[width]
        told += f"Over all test images: PCA's error {row['error']:.4f}, class seen in what it paints "
        told += (
            f"{row['seen in the picture']:.0%}, read from its code {row['read from the code']:.0%}; a stored network "
        )
        return (
            told
            + f"with this code (its pictures aren't kept): error {network['error']:.4f}, probe {network['probe']:.0%}."
        )

    @classmethod
    def example(cls) -> "Widths":
        pictures = torch.from_numpy(shapes.draw(200, seed=0)[0])
        mean = pictures.flatten(1).float().mean(dim=0) / 255
        torch.manual_seed(0)
        directions = torch.pca_lowrank(pictures.flatten(1) / 255 - mean, q=max(WIDTHS))[2]

        def rebuild(some: Tensor, width: int) -> tuple[Tensor, Tensor]:
            code = (some.flatten(1) / 255 - mean) @ directions[:, :width]
            return code, (code @ directions[:, :width].T + mean).view(some.shape).clamp(0, 1)

        sweep = {}
        for width in (2, 8, 32, 128):
            error = float((rebuild(pictures, width)[1] - pictures / 255).square().mean())
            sweep[width] = {"error": error, "seen in the picture": 0.5, "read from the code": 0.1}
        return cls(pictures[:6], rebuild, sweep)
