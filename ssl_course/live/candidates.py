"""Lesson 04: SimCLR's loss on a small batch, with each of its parts to be turned."""

import math

import torch
import torch.nn.functional as F
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from torch import Tensor

from ssl_course.live.core import Demo, slider, steps, switch
from ssl_course.plots import COLOURS

WIDTH = 16  # of the projections


def projections(batch: int, noise: float, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two views' projections, each (B, 16), of length about 4; `noise` is the deviation between partners."""
    random = torch.Generator().manual_seed(seed)
    z1 = torch.randn(batch, WIDTH, generator=random)
    return z1, z1 + noise * torch.randn(batch, WIDTH, generator=random)


def every_candidate(z1: Tensor, z2: Tensor, temperature: float, *, masked: bool, scaled: bool) -> tuple[Tensor, float]:
    """The probability (2B, 2B) that each view gives to each, and NT-Xent's loss; with both switches on, the real one.

    Args:
        z1, z2: projections of the two views, each (B, D).
        masked: whether a view is kept out of its own candidates.
        scaled: whether projections are brought to length 1.
    """
    z = torch.cat([z1, z2])
    z = F.normalize(z, dim=1) if scaled else z
    logits = z @ z.T / temperature
    logits = logits.masked_fill(torch.eye(len(z), dtype=torch.bool), float("-inf")) if masked else logits
    loss = F.cross_entropy(logits, torch.arange(len(z)).roll(len(z1)))
    return logits.softmax(dim=1), float(loss)


def lowest(batch: int, temperature: float) -> float:
    """The loss of a batch whose partners are equal and whose other pairs are all opposite, as far as they can be."""
    apart = -1 / (batch - 1)  # the cosine of B directions as far from each other as can be
    return math.log(1 + (2 * batch - 2) * math.exp((apart - 1) / temperature))


class Candidates(Demo):
    """The softmax of every row, one row of it as bars, and the loss between guessing and its floor."""

    title = "Find your partner: temperature, noise, batch"
    hint = "What does a temperature of 0.05 do to the bars? What happens without the mask, without the scaling?"
    size = (8.6, 2.9)
    typical = (
        {"temperature": 0.5, "noise": 0.5},
        {"temperature": 0.1, "noise": 0.5},
        {"temperature": 0.5, "noise": 0.5, "masked": False},
    )

    def __init__(self):
        super().__init__(
            temperature=steps("temperature", (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0), 0.5),
            noise=slider("noise between partners", 0.0, 3.0, 0.5, 0.1),
            batch=slider("images in the batch", 2, 16, 4),
            masked=switch("a view isn't its own candidate", True),
            scaled=switch("projections of length 1", True),
        )

    def start(self, figure: Figure) -> None:
        grid, row, scale = figure.subplots(1, 3, width_ratios=(1, 1.5, 0.55))
        self.grid = grid.imshow([[0.0]], norm=PowerNorm(0.5, vmin=0, vmax=1), cmap="cividis")
        grid.set(title="probability, a row for each view", xlabel="candidate (square: the partner)", yticks=[])
        self.partners = grid.plot([], [], "s", mfc="none", mec="white")[0]
        self.row = row
        self.bars = row.bar(range(32), [0.0] * 32, color=COLOURS[1])
        row.set(title="row 0 (dark: its partner)", xlabel="candidate", ylabel="probability", ylim=(0, 1))
        self.loss = scale.bar([0], [0.0], width=0.5, color=COLOURS[2])[0]
        self.guess = scale.axhline(0, ls=":", color="black")
        self.floor = scale.axhline(0, ls="--", color=COLOURS[6])
        paper = {"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.5}
        self.names = [
            scale.text(0, 0, name, ha="center", fontsize=9, bbox=paper) for name in ("guessing", "lowest possible")
        ]
        scale.set(title="loss (nats)", xticks=[], xlim=(-0.7, 0.7))
        self.scale = scale
        for axis in (grid, row, scale):
            axis.title.set_fontsize(10)
        for axis in (row, scale):
            axis.spines[["top", "right"]].set_visible(False)

    def draw(self, *, temperature: float, noise: float, batch: int, masked: bool, scaled: bool) -> str:
        chance, loss = every_candidate(*projections(batch, noise), temperature, masked=masked, scaled=scaled)
        count = 2 * batch
        self.grid.set(data=chance.numpy(), extent=(-0.5, count - 0.5, count - 0.5, -0.5))
        self.grid.axes.set(xlim=(-0.5, count - 0.5), ylim=(count - 0.5, -0.5))
        self.partners.set_data(torch.arange(count).roll(batch).tolist(), range(count))
        self.partners.set_markersize(100 / count)  # as large as a cell
        for place, bar in enumerate(self.bars):
            bar.set(height=float(chance[0, place]) if place < count else 0.0)
            bar.set_color(COLOURS[0] if place == batch else COLOURS[1])
        largest = float(chance[0].max())
        self.row.set(
            xlim=(-0.6, count - 0.4), ylim=(0, next(top for top in (0.1, 0.25, 0.5, 1.05) if 0.98 * top >= largest))
        )
        guess, floor = math.log(count - 1), lowest(batch, temperature)
        self.loss.set_height(loss)
        self.guess.set_ydata([guess, guess])
        self.floor.set_ydata([floor, floor])
        highest = 1.15 * max(guess, loss)
        self.scale.set_ylim(0, highest)
        for name, height in zip(self.names, (guess, floor), strict=True):
            name.set_y(height + 0.02 * highest)
        told = f"Loss {loss:.2f}; guessing (dotted) {guess:.2f}, lowest possible (dashed) {floor:.2f}. "
        told += f"View 0 gives its partner {100 * float(chance[0, batch]):.0f} %"
        return told + ("." if masked else f", and itself {100 * float(chance[0, 0]):.0f} %: always its best candidate.")
