"""Lesson 02: a walk along one direction of a variational autoencoder's code."""

import functools

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from ssl_course import shapes
from ssl_course.features import extract_features
from ssl_course.live.core import Demo, slider
from ssl_course.methods import VariationalAutoencoder
from ssl_course.methods.autoencoder import kl_to_standard_normal
from ssl_course.plots import COLOURS
from ssl_course.ready import ready

STEPS = tuple(range(-3, 4))


def prices(mean: Tensor, log_variance: Tensor) -> Tensor:
    """What each direction costs in nats, as a mean over pictures: two (N, D) -> (D,)."""
    columns = zip(mean.T.unsqueeze(2), log_variance.T.unsqueeze(2), strict=True)  # (N, 1) each
    return torch.stack([kl_to_standard_normal(*column).mean() for column in columns])


@torch.no_grad()
def walk(method: VariationalAutoencoder, code: Tensor, direction: int, values: Tensor) -> Tensor:
    """Pictures (K, 3, H, W) in [0, 1] from a code (D,) whose one direction takes each of the values (K,)."""
    codes = code.repeat(len(values), 1)  # (K, D)
    codes[:, direction] = values
    return method.eval().decoder(codes).float().clamp(0, 1)


class Walk(Demo):
    """One direction of the code is moved, all others stay; the bars say what each direction costs.

    Args:
        method: trained, with a code of at least two directions.
        pictures: uint8 (N, 3, H, W); their first ten are where a walk can start.
    """

    title = "A walk through the code of the VAE"
    hint = "Choose a dear direction, then a cheap one, and move the value. What does a direction without nats paint?"
    size = (7.8, 3.4)
    typical = ({"direction": 1, "value": 2.0}, {"direction": 12, "value": 2.0}, {"direction": 32, "value": 3.0})

    def __init__(self, method: VariationalAutoencoder, pictures: Tensor):
        means, log_variances = extract_features(nn.Sequential(method.encoder, method.code), pictures).chunk(2, dim=1)
        self.costs, self.order = prices(means, log_variances).sort(descending=True)
        self.method, self.means = method, means[:10]
        self.steps = functools.cache(lambda rank, picture: self.at(rank, picture, torch.tensor(STEPS)))
        super().__init__(
            direction=slider("direction (1: the dearest)", 1, len(self.order), 1),
            value=slider("its value", -3.0, 3.0, 2.0, 0.25),
            picture=slider("picture to start from", 0, len(self.means) - 1, 0),
        )

    def at(self, rank: int, picture: int, values: Tensor) -> Tensor:
        return walk(self.method, self.means[picture], int(self.order[rank - 1]), values.float())

    def start(self, figure: Figure) -> None:
        figure.get_layout_engine().set(h_pad=0.08)
        grid = figure.add_gridspec(2, 4, height_ratios=(1, 1.7), width_ratios=(1, 1, 1, 2.2))
        self.strip = figure.add_subplot(grid[0, :]).imshow(np.zeros((32, 32 * len(STEPS), 3)))
        middle = [32 * place + 15.5 for place in range(len(STEPS))]
        self.strip.axes.set(
            ylim=(31.5, -0.5), yticks=[], xticks=middle, xticklabels=[f"{step:+d}" if step else "0" for step in STEPS]
        )
        self.strip.axes.set_title("the same code, with this direction alone set to", fontsize=10)
        self.strip.axes.tick_params(axis="x", pad=9)
        self.here = self.strip.axes.plot([0], [33.5], "^", color=COLOURS[4], ms=9, clip_on=False)[0]
        below = [figure.add_subplot(grid[1, place]) for place in range(3)]
        self.before, self.now = (axis.imshow(np.zeros((32, 32, 3))) for axis in below[:2])
        self.change = below[2].imshow(np.zeros((32, 32)), vmin=0, vmax=0.5, cmap="magma")
        for axis, title in zip(below, ("by its own code", "moved", "change in any colour"), strict=True):
            axis.set_title(title, fontsize=10)
            axis.set(xticks=[], yticks=[])
        bars = figure.add_subplot(grid[1, 3])
        self.bars = bars.bar(range(1, len(self.costs) + 1), self.costs.tolist())
        bars.set(xlabel="direction, dearest first", ylabel="KL (nats)", ylim=(0, 1.15 * float(self.costs[0])))
        self.star = bars.plot([1], [0], "v", color=COLOURS[4], ms=8)[0]
        bars.spines[["top", "right"]].set_visible(False)

    def draw(self, *, direction: int, value: float, picture: int) -> str:
        own = round(float(self.means[picture, self.order[direction - 1]]), 2) + 0.0  # no "-0.00"
        before, now = self.at(direction, picture, torch.tensor([own, value])).permute(0, 2, 3, 1)
        self.strip.set_data(torch.cat(list(self.steps(direction, picture)), dim=2).permute(1, 2, 0).numpy())
        self.here.set_xdata([15.5 + 32 * (value - STEPS[0])])
        self.before.set_data(before.numpy())
        self.now.set_data(now.numpy())
        self.change.set_data((now - before).abs().amax(dim=2).numpy())
        for rank, bar in enumerate(self.bars, start=1):
            bar.set_color(COLOURS[4] if rank == direction else COLOURS[1])
        cost = float(self.costs[direction - 1])
        self.star.set_data([direction], [cost + 0.08 * float(self.costs[0])])
        told = f"Direction {direction} of {len(self.costs)} costs {cost:.2f} nats a picture. Moved from {own:+.2f} to "
        return (
            told + f"{value:+.2f}, it changes the painting by a squared error of {(now - before).square().mean():.4f}."
        )

    @classmethod
    def example(cls) -> "Walk":
        return cls(ready("vae", whole=True), torch.from_numpy(shapes.draw(40, seed=1)[0]))
