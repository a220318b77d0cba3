"""Lesson 05: a cloud that becomes a plane, a line and a point, under the instruments that should notice."""

import functools
from dataclasses import dataclass

import torch
from matplotlib.figure import Figure
from torch import Tensor

from ssl_course.evaluate import alignment, effective_rank, feature_deviation, uniformity
from ssl_course.live.core import Demo, slider, steps
from ssl_course.plots import COLOURS

COUNT, JITTER = 300, 0.2  # points, and how far two views of a picture lie apart in the ball
SHAPES = ("ball", "plane", "line", "point")
AXES = torch.nn.functional.normalize(torch.tensor([[1.0, 1, 1], [1, -1, 0], [1, 1, -2]]), dim=1)  # the line's first


def cloud(form: float, noise: float, view: int = 1) -> Tensor:
    """Points (300, 3): a ball at form 0, a plane at 1, a line at 2, the point (1, 1, 1) at 3, and between them.

    Args:
        noise: deviation of what is added in all directions, whatever the form.
        view: 1 or 2: points with the same number are two views of one picture.
    """
    pictures = torch.randn(COUNT, 3, generator=torch.Generator().manual_seed(0))
    random = torch.Generator().manual_seed(view)
    pictures = pictures + JITTER * torch.randn(COUNT, 3, generator=random)
    widths = torch.tensor([min(1.0, max(0.0, last - form)) for last in (3.0, 2.0, 1.0)])
    return max(0.0, form - 2) + pictures * widths @ AXES + noise * torch.randn(COUNT, 3, generator=random)


@dataclass(frozen=True)
class Reading:
    """What the instruments say of one cloud; spectrum has the singular values over their sum."""

    deviation: float
    rank: float
    alignment: float
    uniformity: float
    spectrum: Tensor


@functools.lru_cache(maxsize=256)
def measure(form: float, noise: float) -> Reading:
    """All instruments on two views of one cloud."""
    first, second = cloud(form, noise), cloud(form, noise, view=2)
    values = torch.linalg.svdvals(first - first.mean(dim=0))
    numbers = feature_deviation(first), effective_rank(first), alignment(first, second), uniformity(first)
    return Reading(*numbers, spectrum=values / values.sum())


class Instruments(Demo):
    """The points on the left; each instrument's reading from the ball to where the slider stands; the spectrum."""

    title = "Which instrument notices what?"
    hint = (
        "From ball to plane to line to point: which reading moves first, which not at all, which comes back at the end?"
    )
    size = (9.2, 3.7)
    typical = ({"form": 1.0}, {"form": 2.0}, {"form": 3.0})

    def __init__(self):
        super().__init__(
            form=slider("ball 0, plane 1, line 2, point 3", 0.0, 3.0, 3.0, 0.1),
            noise=steps("noise in all directions", (0.0, 0.003, 0.01, 0.03, 0.1), 0.01),
        )

    def start(self, figure: Figure) -> None:
        grid = figure.add_gridspec(4, 3, width_ratios=(1, 1.2, 0.6))
        self.space = figure.add_subplot(grid[:, 0], projection="3d")
        self.points = self.space.plot([], [], [], "o", ms=2.5, color=COLOURS[0], alpha=0.6)[0]
        self.space.set(xlim=(-3, 3), ylim=(-3, 3), zlim=(-3, 3))
        self.space.set(xticklabels=[], yticklabels=[], zticklabels=[])
        ranges = {"deviation": (0, 1), "rank": (1, 3), "alignment": (0, 0.4), "uniformity": (-2, 0)}
        self.lines, self.dots, self.numbers = {}, {}, {}
        for row, ((name, (low, high)), colour) in enumerate(zip(ranges.items(), (0, 2, 4, 6), strict=True)):
            axis = figure.add_subplot(grid[row, 1])
            self.lines[name] = axis.plot([], [], "-", color=COLOURS[colour])[0]
            self.dots[name] = axis.plot([], [], "o", color=COLOURS[colour], clip_on=False)[0]
            self.numbers[name] = axis.set_title(" ", fontsize=10, loc="left", pad=2)
            more = 0.12 * (high - low)
            axis.set(xlim=(-0.1, 3.1), ylim=(low - more, high + more), xticks=range(4), yticks=(low, high))
            axis.set_xticklabels(SHAPES if row == 3 else [])
            axis.spines[["top", "right"]].set_visible(False)
        spectrum = figure.add_subplot(grid[:, 2])
        self.bars = spectrum.bar((1, 2, 3), (0, 0, 0), color=COLOURS[1])
        spectrum.set(ylim=(0, 1.02), xticks=(1, 2, 3), xlabel="direction", ylabel="share of the spread")
        spectrum.set_title("spectrum", fontsize=10)
        spectrum.spines[["top", "right"]].set_visible(False)

    def draw(self, *, form: float, noise: float) -> str:
        self.points.set_data_3d(*cloud(form, noise).T)
        places = [round(0.1 * place, 1) for place in range(round(10 * form) + 1)]
        readings = [measure(place, noise) for place in places]
        for name, line in self.lines.items():
            values = [getattr(reading, name) for reading in readings]
            line.set_data(places, values)
            self.dots[name].set_data(places[-1:], values[-1:])
            self.numbers[name].set_text(f"{name} {round(values[-1], 2) + 0.0:.2f}")
        now = readings[-1]
        for bar, share in zip(self.bars, now.spectrum, strict=True):
            bar.set_height(float(share))
        told = f"Deviation {now.deviation:.2f}, rank {now.rank:.1f} of 3, alignment {now.alignment:.2f}, uniformity "
        told += f"{round(now.uniformity, 2) + 0.0:.2f}; "  # not -0.00
        return f"{told}the first direction has {100 * float(now.spectrum[0]):.0f} % of the spread."
