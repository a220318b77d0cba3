"""Lesson 04: views, and whether a view's partner can be found without looking at what the picture shows."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from ssl_course.augment import Augment
from ssl_course.data import ImageSet, load
from ssl_course.live.core import Demo, slider
from ssl_course.plots import COLOURS

SHOWN, COUNT = 8, 64  # images in the picture, and in the count
ROWS = ("image", "view 1", "view 2", "picked by\nmean colour")


def descriptions(views: Tensor) -> Mapping[str, Tensor]:
    """Three descriptions without any learning of views (N, 3, H, W), each (N, numbers)."""
    bins = (8 * views).long().clamp(max=7).flatten(2)  # (N, 3, HW)
    counts = F.one_hot(bins, 8).float().mean(dim=2)  # (N, 3, 8)
    grey = views.mean(dim=1).flatten(1)  # (N, HW)
    return {
        "mean colour": views.mean(dim=(2, 3)),
        "histogram\nof colours": counts.flatten(1),
        "pixels, grey,\nsame contrast": F.normalize(grey - grey.mean(dim=1, keepdim=True), dim=1),
    }


def picks(first: Tensor, second: Tensor) -> Tensor:
    """For each row of `first` the place of the nearest row of `second`, (N,)."""
    return torch.cdist(first, second, compute_mode="donot_use_mm_for_euclid_dist").argmin(dim=1)


class Shortcut(Demo):
    """Eight images with two views each, and how often crude descriptions find the partner among all of them.

    Args:
        images: at least 64.
    """

    title = "Is there a shortcut?"
    hint = "Which settings leave colours a good answer? Which leave the pixels one? What is left for a network then?"
    size = (9.2, 3.3)
    typical = (
        {"crop": 0.3, "rotation": 180, "jitter": 0.0, "grayscale": 0.0},
        {"crop": 1.0, "rotation": 0, "jitter": 0.5, "grayscale": 0.8},
        {"crop": 0.6, "rotation": 180, "jitter": 0.5, "grayscale": 0.8},
    )

    def __init__(self, images: ImageSet):
        self.images = images.images[:COUNT].float() / 255  # (64, 3, H, W)
        super().__init__(
            crop=slider("a crop keeps at least (share)", 0.2, 1.0, 0.6, 0.1),
            rotation=slider("turned up to (degrees)", 0, 180, 180, 20),
            jitter=slider("strength of colour jitter", 0.0, 1.0, 0.5, 0.1),
            grayscale=slider("how often grey", 0.0, 1.0, 0.8, 0.1),
        )

    @classmethod
    def example(cls) -> "Shortcut":
        return cls(load("shapes", size=COUNT))

    def start(self, figure: Figure) -> None:
        grid, meter = figure.subplots(1, 2, width_ratios=(2.9, 1))
        self.height, self.width = (side + 3 for side in self.images.shape[2:])
        canvas = torch.ones(len(ROWS) * self.height, SHOWN * self.width, 3)
        self.grid = grid.imshow(canvas.numpy(), vmin=0, vmax=1)
        grid.set(xticks=[], yticks=[self.height * (row + 0.45) for row in range(len(ROWS))], yticklabels=ROWS)
        grid.tick_params(length=0, labelsize=9)
        grid.spines[:].set_visible(False)
        grid.set_title("a frame: it is the partner", fontsize=10)
        size = (self.width - 2, self.height - 2)
        corners = [(self.width * column - 1, 3 * self.height - 1) for column in range(SHOWN)]
        self.frames = [grid.add_patch(Rectangle(corner, *size, fill=False, lw=3, ec=COLOURS[0])) for corner in corners]
        names = list(descriptions(self.images[:2]))
        self.bars = meter.barh(range(3), [0.0] * 3, color=[COLOURS[place] for place in (0, 2, 4)])
        self.numbers = [meter.text(0, place, "", va="center", fontsize=10) for place in range(3)]
        meter.set(yticks=range(3), yticklabels=names, xlim=(0, 130), xticks=(0, 50, 100), ylim=(2.6, -0.6))
        meter.axvline(100 / COUNT, ls=":", color="black")
        meter.set_title(f"partners found\namong {COUNT} (%)", fontsize=10)
        meter.set_xlabel("dotted: by guessing")
        meter.spines[["top", "right"]].set_visible(False)

    def draw(self, *, crop: float, rotation: int, jitter: float, grayscale: float) -> str:
        change = Augment(crop=crop, rotation=float(rotation), jitter=jitter, grayscale=grayscale, flip=0.0)
        random = torch.Generator().manual_seed(0)
        first, second = (change(self.images, generator=random) for _ in range(2))
        ways = zip(descriptions(first).values(), descriptions(second).values(), strict=True)
        found = [picks(*pair) for pair in ways]
        shares = [100 * float((places == torch.arange(COUNT)).float().mean()) for places in found]
        for bar, number, share in zip(self.bars, self.numbers, shares, strict=True):
            bar.set_width(share)
            number.set(x=share + 3, text=f"{share:.0f}")
        by_colour = found[0][:SHOWN]
        rows = (self.images[:SHOWN], first[:SHOWN], second[:SHOWN], second[by_colour])
        canvas = torch.ones(len(ROWS) * self.height, SHOWN * self.width, 3)
        for row, pictures in enumerate(rows):
            for column, picture in enumerate(pictures):
                top, left = row * self.height, column * self.width
                canvas[top : top + self.height - 3, left : left + self.width - 3] = picture.permute(1, 2, 0)
        self.grid.set_data(canvas.numpy())
        for column, frame in enumerate(self.frames):
            frame.set_visible(int(by_colour[column]) == column)
        names = ("mean colour alone", "the histogram of colours", "grey pixels at the same contrast")
        told = ", ".join(f"{name} {share:.0f} %" for name, share in zip(names, shares, strict=True))
        return f"Partners found among {COUNT}: by {told}; by guessing {100 / COUNT:.1f} %."
