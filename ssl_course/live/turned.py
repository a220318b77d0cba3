"""Lesson 01: a picture turned by any angle, and what the border gives away."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
import torchvision.transforms.functional as TF
from matplotlib.figure import Figure
from torch import Tensor

from ssl_course.live.core import Demo, slider, steps
from ssl_course.methods import Rotation
from ssl_course.networks import small_cnn
from ssl_course.plots import COLOURS

BORDERS = ("black", "mirrored", "a circle cut out")


def turned(picture: Tensor, angle: float, border: str) -> Tensor:
    """A picture (C, H, H) in [0, 1], turned counter-clockwise by so many degrees, with something in its corners.

    Args:
        border: "black", as image libraries fill it; "mirrored", where the picture goes on as its own mirror image; or
            "a circle cut out": only the largest circle is seen, which has no corners.
    """
    size = picture.shape[-1]
    bilinear = TF.InterpolationMode.BILINEAR
    if border == "black":
        return TF.rotate(picture, angle, bilinear)
    beyond = size // 4  # the corners of a turned square lie within this distance
    whole = TF.rotate(F.pad(picture, (beyond,) * 4, mode="reflect"), angle, bilinear)
    whole = whole[:, beyond : beyond + size, beyond : beyond + size]
    if border == "mirrored":
        return whole
    place = torch.arange(size) - (size - 1) / 2
    inside = place.square().view(-1, 1) + place.square() <= (size / 2) ** 2
    return torch.where(inside, whole, 0.5)


@torch.no_grad()
def answers(method: Rotation, pictures: Tensor) -> Tensor:
    """The probability (B, angles) that the network gives to each of its angles, for pictures (B, C, H, H)."""
    device = next(method.parameters()).device
    return method.head(method.encoder(pictures.to(device))).softmax(dim=1).cpu()


class Turned(Demo):
    """A picture and an empty one, turned alike, and the answers of a network to both.

    Args:
        images: (N, 3, H, H) of bytes; at most 40 of them can be chosen.
        networks: at least two that were trained to name the turn, by their names.
    """

    title = "By how much was it turned? Ask about nothing, too"
    hint = "With a black border, who answers: the shape or the corners? Then take the corners away."
    size = (7.6, 4.1)

    def __init__(self, images: Tensor, networks: Mapping[str, Rotation]):
        self.images = images[:40].float() / 255
        self.networks = {name: method.eval() for name, method in networks.items()}
        first, *_, last = networks
        self.typical = (
            {"network": last, "angle": 40, "border": "black"},
            {"network": last, "angle": 40, "border": "a circle cut out"},
            {"network": first, "angle": 90, "border": "black"},
        )
        super().__init__(
            picture=slider("picture", 0, len(self.images) - 1, min(25, len(self.images) - 1)),
            angle=slider("turned by (degrees)", -45, 315, 40, 5),
            border=steps("border", BORDERS, "black"),
            network=steps("network", list(networks), last),
        )

    @classmethod
    def example(cls) -> "Turned":
        torch.manual_seed(0)
        images = torch.randint(256, (3, 3, 32, 32), dtype=torch.uint8)
        odd = Rotation(small_cnn(4), angles=(0, 20, 40, 60))
        return cls(images, {"quarter turns": Rotation(small_cnn(4)), "odd angles": odd})

    def start(self, figure: Figure) -> None:
        grid = figure.subplots(2, 2, width_ratios=(1, 2.4))
        self.seen = [axis.imshow([[0.0]]) for axis in grid[:, 0]]
        names = "what is seen", "an empty picture"
        for image, name in zip(self.seen, names, strict=True):
            image.set_extent((0, 1, 1, 0))
            image.axes.set(xticks=[], yticks=[])
            image.axes.set_title(name, fontsize=10)
        self.bars, self.truth = [], []
        for axis in grid[:, 1]:
            self.bars.append(axis.bar(range(4), [0.0] * 4, width=11, color=COLOURS[0]))
            self.truth.append(axis.axvline(0, ls="--", color=COLOURS[4], lw=1.5))
            axis.set(xlim=(-55, 325), ylim=(0, 105), ylabel="answer (%)", xticks=range(-45, 316, 45))
            axis.spines[["top", "right"]].set_visible(False)
        grid[0, 1].set_title("the network's four answers (dashed: the turn)", fontsize=10)
        grid[1, 1].set_xlabel("angle (degrees)")

    def draw(self, *, picture: int, angle: int, border: str, network: str) -> str:
        method, shape = self.networks[network], self.images[picture]
        ground = shape[:, :1, :1].expand_as(shape)
        pair = torch.stack([turned(image, angle, border) for image in (shape, ground)])  # (2, 3, H, H)
        chance = 100 * answers(method, pair)  # (2, 4)
        for seen, image in zip(self.seen, pair, strict=True):
            seen.set_data(image.permute(1, 2, 0).clamp(0, 1).numpy())
        for bars, truth, row in zip(self.bars, self.truth, chance, strict=True):
            truth.set_xdata([angle, angle])
            for bar, place, height in zip(bars, method.angles, row, strict=True):
                bar.set(x=place - 5.5, height=float(height))
        best = [f"{method.angles[int(row.argmax())]:g} degrees, {float(row.max()):.0f} % sure" for row in chance]
        known = "one of its angles" if angle % 360 in method.angles else "none of its angles"
        told = f"Turned by {angle} degrees, {known}; border: {border}. The network ({network}) answers: {best[0]}. "
        return told + f"About the empty picture: {best[1]}."
