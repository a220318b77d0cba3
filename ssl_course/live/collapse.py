"""Lesson 05: fifty real steps of BYOL with a part taken out, beside fifty with all parts."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor, nn

from ssl_course.augment import Augment
from ssl_course.data import ImageSet, load
from ssl_course.evaluate import effective_rank, feature_deviation
from ssl_course.live.core import Demo, slider, steps
from ssl_course.methods.byol import BYOL, regression_loss
from ssl_course.networks import small_cnn
from ssl_course.plots import COLOURS

STEPS, BATCH, WIDTH, EVERY = 50, 32, 32, 5  # width of z; it is measured after every fifth step
WATCHED, SIDE = 128, 16  # images that the instruments see, and the height and width of all
PARTS = ("predictor", "stop-gradient", "moving average", "batch norm at the head's end")


class WithoutStop(BYOL):
    """The target is the online network itself, and the loss moves it, too."""

    def forward(self, view1: Tensor, view2: Tensor) -> Tensor:
        z = self.head(self.encoder(torch.cat([view1, view2])))  # (2B, D)
        (p1, p2), (z1, z2) = self.predictor(z).chunk(2), z.chunk(2)
        return regression_loss(p1, z2) + regression_loss(p2, z1)


def parts(off: str | None) -> BYOL:
    """A narrow BYOL with its first weights, always the same, without one of PARTS."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        encoder = small_cnn(8)
        head, predictor = (
            nn.Sequential(
                nn.Linear(WIDTH, WIDTH, bias=False), nn.BatchNorm1d(WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH)
            )
            for _ in range(2)
        )
        if off != PARTS[3]:
            head.append(nn.BatchNorm1d(WIDTH, affine=False))
        if off == "predictor":
            predictor = nn.Identity()
        kind = WithoutStop if off == "stop-gradient" else BYOL
        return kind(encoder, decay=0.0 if off == "moving average" else 0.9, head=head, predictor=predictor)


@dataclass(frozen=True)
class Course:
    """One training: the mean loss of five steps each (10,), deviation and rank of z at steps 0, 5, … 50 (11,)."""

    losses: list[float]
    deviations: list[float]
    ranks: list[float]


def train(method: BYOL, views: list[tuple[Tensor, Tensor]], watched: Tensor) -> Course:
    """One step on each pair of views, each (B, 3, H, W), and the instruments on z of the watched pictures."""
    optimizer = torch.optim.AdamW([part for part in method.parameters() if part.requires_grad], lr=3e-3, fused=True)
    losses, measured = [], [instruments(method, watched)]
    for step, pair in enumerate(views, start=1):
        loss = method.train()(*pair)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        method.after_step(step / len(views))
        losses.append(loss.item())
        if step % EVERY == 0:
            measured.append(instruments(method, watched))
    means = torch.tensor(losses).view(-1, EVERY).mean(dim=1).tolist()
    return Course(means, *(list(column) for column in zip(*measured, strict=True)))


@torch.no_grad()
def instruments(method: BYOL, pictures: Tensor) -> tuple[float, float]:
    """Deviation and effective rank of z."""
    z = method.eval().head(method.encoder(pictures))
    return feature_deviation(z), effective_rank(z)


class Collapse(Demo):
    """Loss, deviation and rank over the steps, with all parts and without one.

    Args:
        images: at least 500; they are made 16 pixels high and wide, which is quick.
    """

    title = "Fifty steps of BYOL, with a part taken out"
    hint = "Which part's loss is lowest? Hide the rank with your hand: would you have stopped that run?"
    size = (9.0, 3.0)
    typical = (
        {"off": "stop-gradient", "step": 15},
        {"off": "stop-gradient", "step": 50},
        {"off": "predictor", "step": 50},
    )

    def __init__(self, images: ImageSet):
        small = F.adaptive_avg_pool2d(images.images[:1000].float() / 255, SIDE)  # (N, 3, 16, 16)
        self.watched = small[-WATCHED:]
        random = torch.Generator().manual_seed(0)
        chosen = torch.randint(len(small) - WATCHED, (STEPS * BATCH,), generator=random)
        change = Augment(crop=0.9, rotation=180.0, grayscale=0.8)
        both = [change(small[chosen], generator=random).split(BATCH) for _ in range(2)]
        self.views = list(zip(*both, strict=True))  # for every training the same
        self.courses: dict[str | None, Course] = {}
        super().__init__(
            off=steps("taken out", PARTS, "stop-gradient"),
            step=slider("step", EVERY, STEPS, STEPS, EVERY),
        )

    @classmethod
    def example(cls) -> "Collapse":
        return cls(load("shapes", size=500))

    def course(self, off: str | None) -> Course:
        """The training without a part, made when it is first asked for."""
        if off not in self.courses:
            self.courses[off] = train(parts(off), self.views, self.watched)
        return self.courses[off]

    def start(self, figure: Figure) -> None:
        axes = figure.subplots(1, 3)
        labels = ("loss, mean of 5 steps", "deviation of z (1: spread)", f"effective rank of z (of {WIDTH})")
        styles = {"all parts": ("-", "o", COLOURS[0]), "without the part": ("--", "^", COLOURS[4])}
        self.lines = {name: [] for name in styles}
        for axis, label, top in zip(axes, labels, (4.6, 1.1, 16), strict=True):
            for name, (style, marker, colour) in styles.items():
                line = axis.plot([], [], ls=style, marker=marker, ms=4, color=colour, label=name)[0]
                self.lines[name].append(line)
            axis.set(xlim=(-1, STEPS + 1), ylim=(0, top), xlabel="step")
            axis.set_title(label, fontsize=10)
            axis.spines[["top", "right"]].set_visible(False)
        axes[0].legend(frameon=False, fontsize=9)

    def draw(self, *, off: str, step: int) -> str:
        told = []
        for name, part in (("all parts", None), ("without the part", off)):
            course, seen = self.course(part), step // EVERY  # how many times five steps
            loss, deviation, rank = self.lines[name]
            loss.set_data(range(EVERY, step + 1, EVERY), course.losses[:seen])
            deviation.set_data(range(0, step + 1, EVERY), course.deviations[: seen + 1])
            rank.set_data(range(0, step + 1, EVERY), course.ranks[: seen + 1])
            told.append((course.losses[seen - 1], course.deviations[seen], course.ranks[seen]))
        whole, broken = ("loss {:.2f}, deviation {:.2f}, rank {:.1f}".format(*numbers) for numbers in told)
        return f"With all parts: {whole}. Without {off}: {broken}. A low loss is no success by itself."
