"""Lesson 03: twelve images on a circle, trained under three rules of mining from the same start."""

import functools

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor

from ssl_course.live.core import Demo, slider, steps
from ssl_course.methods.triplet import choose_negatives, squared_distances, triplet_margin
from ssl_course.plots import COLOURS

RULES = {"random": (COLOURS[0], "o"), "semi-hard": (COLOURS[4], "s"), "hard": (COLOURS[8], "^")}
IMAGES, STEPS, HIDDEN, MARGIN, RATE, MOMENTUM = 12, 100, 32, 0.5, 0.1, 0.9
COLLAPSED = 0.1  # a spread below it


def mined_loss(anchors: Tensor, others: Tensor, rule: str) -> Tensor:
    """The triplet loss of two views (B, D) each, the negatives chosen by the rule: a step of `methods.Triplet`."""
    with torch.no_grad():
        distances = squared_distances(anchors, others)
        near = distances.diagonal().clone()
        distances.fill_diagonal_(float("inf"))  # an image is not its own negative
        chosen = choose_negatives(near, distances, rule)
    return triplet_margin(anchors, others, others[chosen], MARGIN)


@functools.cache
def paths(seed: int, noise: float) -> tuple[Tensor, Tensor]:
    """One small network for each rule, all from the same weights and with the same views, by gradient descent.

    Args:
        seed: of the images (twelve points of a plane), the weights and the views.
        noise: deviation between an image and its views; that between images is 1.

    Returns:
        The two views of all images on the circle, (steps, rules, 2, images, 2), and the losses (steps, rules).
    """
    draw = functools.partial(torch.randn, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    images = draw(IMAGES, 2)
    weights = [draw(2, HIDDEN), draw(1, HIDDEN), draw(HIDDEN, 2) / HIDDEN**0.5, torch.zeros(1, 2, dtype=torch.float64)]
    weights = [part.repeat(len(RULES), 1, 1).requires_grad_() for part in weights]  # one network for each rule
    speeds = [torch.zeros_like(part) for part in weights]
    views = images + noise * draw(STEPS, 2, IMAGES, 2)
    places, losses = [], []
    with torch.random.fork_rng():
        torch.manual_seed(seed)  # of the random negatives
        for step in range(STEPS):
            first, first_bias, second, second_bias = weights
            hidden = F.relu(views[step].flatten(0, 1) @ first + first_bias)
            z = F.normalize(hidden @ second + second_bias, dim=2).unflatten(1, (2, IMAGES))  # (rules, 2, images, 2)
            loss = torch.stack([mined_loss(*pair, rule) for pair, rule in zip(z, RULES, strict=True)])
            places.append(z.detach())
            losses.append(loss.detach())
            slopes = torch.autograd.grad(loss.sum(), weights)
            with torch.no_grad():
                for part, speed, slope in zip(weights, speeds, slopes, strict=True):
                    part -= RATE * speed.mul_(MOMENTUM).add_(slope)
    return torch.stack(places), torch.stack(losses)


def spread(points: Tensor) -> Tensor:
    """How far points (..., N, D) of length 1 lie from their mean: 0 when all are one, 1 all round the circle."""
    return points.var(dim=-2, correction=0).sum(dim=-1).sqrt()


class Mining(Demo):
    """The images' views on the circle under each rule after a step, and loss and spread over all steps."""

    title = "Twelve images under three rules of mining"
    hint = (
        "Move the step: which rule ends in one point, and what is its loss then? Try other seeds. It depends on how "
        "far the two views of an image lie apart: with less noise the hardest negatives spoil fewer of the ten seeds."
    )
    size = (8.8, 4.5)
    typical = ({"step": 0}, {"step": 99}, {"step": 99, "noise": 0.2, "seed": 6})

    def __init__(self):
        super().__init__(
            step=slider("step", 0, STEPS - 1, 0),
            noise=steps("noise of the views", (0.2, 0.4, 0.6, 0.8), 0.8),
            seed=slider("seed", 0, 9, 1),
        )

    def start(self, figure: Figure) -> None:
        figure.get_layout_engine().set(h_pad=0.08, w_pad=0.1)
        circles, curves = figure.subfigures(2, 1, height_ratios=(1.25, 1))
        circles.suptitle("both views of the twelve images; a line joins the two of one image", fontsize=10)
        turn = torch.linspace(0, 2 * torch.pi, 100)
        self.views, self.links = [], []
        for axis, (rule, (colour, marker)) in zip(circles.subplots(1, 3), RULES.items(), strict=True):
            axis.plot(turn.cos().numpy(), turn.sin().numpy(), color="lightgrey", lw=1)
            self.links.append(axis.plot([], [], "-", color="grey", lw=0.8)[0])
            self.views.append(axis.plot([], [], marker, color=colour, ms=7, alpha=0.6)[0])
            axis.set(xlim=(-1.15, 1.15), ylim=(-1.15, 1.15), aspect="equal")
            axis.set_title(f"{rule} negatives", fontsize=10)
            axis.axis("off")
        loss, wide = curves.subplots(1, 2)
        self.losses, self.spreads = (
            [axis.plot([], [], color=c, label=r)[0] for r, (c, _) in RULES.items()] for axis in (loss, wide)
        )
        self.marks = [
            axis.plot([0], [0], m, color=c, ms=8, clip_on=False, zorder=3)[0]
            for axis in (loss, wide)
            for c, m in RULES.values()
        ]
        loss.axhline(MARGIN, color="grey", ls=":", label="the margin")
        loss.set(ylabel="loss", ylim=(0, 1.8))
        wide.set(ylabel="spread (0: one point)", ylim=(0, 1.05))
        loss.legend(frameon=False, fontsize=9, ncols=2, loc="upper right")
        for axis in (loss, wide):
            axis.set(xlabel="step", xlim=(0, STEPS - 1))
            axis.spines[["top", "right"]].set_visible(False)

    def draw(self, *, step: int, noise: float, seed: int) -> str:
        places, losses = paths(seed, noise)
        wide = spread(places.flatten(2, 3))  # (steps, rules)
        for number in range(len(RULES)):
            first, second = places[step, number]  # (images, 2) each
            self.views[number].set_data(*torch.cat([first, second]).T.numpy())
            gap = torch.full_like(first, torch.nan)
            self.links[number].set_data(*torch.stack([first, second, gap], dim=1).flatten(0, 1).T.numpy())
            for curves, values, offset in ((self.losses, losses, 0), (self.spreads, wide, len(RULES))):
                curves[number].set_data(range(STEPS), values[:, number].numpy())
                self.marks[offset + number].set_data([step], [float(values[step, number])])
        told = []
        for rule, loss, width in zip(RULES, losses[step], wide[step], strict=True):
            told.append(f"{rule} {loss:.2f} and {width:.2f}" + (" (one point)" if width < COLLAPSED else ""))
        return (
            f"Loss and spread after {step} steps: {'; '.join(told)}. A loss at the margin says near = far, on average."
        )
