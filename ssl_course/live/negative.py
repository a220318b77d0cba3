"""Lesson 03: where the negative of a triplet lies, and where the loss moves all three points."""

import math

import torch
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from torch import Tensor

from ssl_course.live.core import Demo, slider
from ssl_course.methods.triplet import triplet_margin
from ssl_course.plots import COLOURS

ZONES = {"hard": COLOURS[4], "semi-hard": COLOURS[3], "easy": COLOURS[1]}  # as in the lesson's figure
STEP = 0.25  # an arrow's length, in gradients


def zone(near: float, far: float, margin: float) -> str:
    """Where a negative at squared distance `far` lies when the positive is at `near`."""
    if far < near:
        return "hard"
    return "semi-hard" if far < near + margin else "easy"


def gradients(points: Tensor, margin: float) -> tuple[float, Tensor]:
    """The triplet loss of anchor, positive and negative, the rows of (3, D), and its gradient at each, (3, D)."""
    points = points.clone().requires_grad_()
    loss = triplet_margin(*points.unsqueeze(1), margin)
    loss.backward()
    return loss.item(), points.grad


class Negative(Demo):
    """A triplet in the plane: zones round the anchor, arrows downhill, and the loss over the negative's distance."""

    title = "Drag the negative"
    hint = (
        "Bring the negative slowly to the anchor: the loss grows. Does the push on the negative (its arrow) grow, too?"
    )
    size = (8.6, 3.4)
    typical = ({"x": -1.6, "y": 0.6}, {"x": -0.7, "y": 0.6}, {"x": -0.2, "y": 0.1})

    def __init__(self):
        super().__init__(
            x=slider("negative, x", -2.0, 2.0, -0.7, 0.1),
            y=slider("negative, y", -1.5, 1.5, 0.6, 0.1),
            distance=slider("distance of the positive", 0.2, 1.2, 0.8, 0.1),
            margin=slider("margin", 0.1, 2.0, 0.5, 0.1),
        )

    def start(self, figure: Figure) -> None:
        figure.get_layout_engine().set(h_pad=0.08)
        plane, curve = figure.subplots(1, 2, width_ratios=(1.4, 1))
        plane.set_facecolor(ZONES["easy"])
        self.rings = {name: plane.add_patch(Circle((0, 0), 1, color=ZONES[name])) for name in ("semi-hard", "hard")}
        self.points = []
        for name, (marker, size) in {"anchor": ("o", 9), "positive": ("*", 15), "negative": ("X", 11)}.items():
            self.points += plane.plot([0], [0], marker, color="black", ms=size, label=name)
        nowhere = [0.0] * 3
        self.arrows = plane.quiver(nowhere, nowhere, nowhere, nowhere, angles="xy", scale_units="xy", scale=1)
        self.arrows.set(color="white", edgecolor="black", linewidth=1, zorder=3)
        self.arrows.width, self.arrows.minlength = 0.012, 0.0
        plane.set(xlim=(-2.3, 2.3), ylim=(-1.7, 1.7), aspect="equal", xticks=[], yticks=[])
        plane.legend(loc="center right", bbox_to_anchor=(-0.01, 0.5), frameon=False, fontsize=9)
        plane.set_title("arrows: a quarter of the gradient, downhill", fontsize=10)
        self.far = torch.linspace(0, 2.5, 251)
        self.spans = {name: curve.axvspan(0, 1, color=colour, alpha=0.4, lw=0) for name, colour in ZONES.items()}
        self.names = {name: curve.text(0, 3.78, name, ha="center", fontsize=9) for name in ZONES}
        (self.loss,) = curve.plot(self.far.numpy(), self.far.numpy(), color="black", label="loss")
        (self.push,) = curve.plot(
            self.far.numpy(), self.far.numpy(), "--", color=COLOURS[0], label="gradient at the negative"
        )
        self.now = [curve.plot([0], [0], "X", color=line.get_color(), ms=10)[0] for line in (self.loss, self.push)]
        curve.set(xlabel="distance of the negative from the anchor", xlim=(0, 2.5), ylim=(0, 4))
        curve.legend(fontsize=9, loc="upper right", bbox_to_anchor=(1, 0.94), frameon=False)
        curve.spines[["top", "right"]].set_visible(False)

    def draw(self, *, x: float, y: float, distance: float, margin: float) -> str:
        points = torch.tensor([[0.0, 0.0], [distance, 0.0], [x, y]])
        loss, gradient = gradients(points, margin)
        near, far = distance**2, x**2 + y**2
        outer = math.sqrt(near + margin)
        self.rings["hard"].set_radius(distance)
        self.rings["semi-hard"].set_radius(outer)
        for name, (start, end) in {"hard": (0, distance), "semi-hard": (distance, outer), "easy": (outer, 2.5)}.items():
            self.spans[name].set(x=start, width=end - start)
            self.names[name].set(x=(start + end) / 2, visible=end - start > 0.15)
        for artist, place in zip(self.points, points, strict=True):
            artist.set_data(place[:1].numpy(), place[1:].numpy())
        self.arrows.set_offsets(points.numpy())
        self.arrows.set_UVC(*(-STEP * gradient).T.numpy())
        curve = (near - self.far**2 + margin).clamp(min=0)
        self.loss.set_ydata(curve.numpy())
        self.push.set_ydata(torch.where(curve > 0, 2 * self.far, 0.0).numpy())
        sizes = gradient.norm(dim=1)
        for artist, height in zip(self.now, (loss, float(sizes[2])), strict=True):
            artist.set_data([math.sqrt(far)], [height])
        place = zone(near, far, margin)
        told = f"{'An' if place == 'easy' else 'A'} {place} negative: near {near:.2f}, far {far:.2f}, loss {loss:.2f}. "
        return (
            told
            + f"Gradient at the anchor {sizes[0]:.2f}, at the positive {sizes[1]:.2f}, at the negative {sizes[2]:.2f}."
        )
