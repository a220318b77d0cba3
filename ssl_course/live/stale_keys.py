"""Lesson 04: MoCo's queue step by step, with the age of its keys and what today's networks say of the same views."""

import functools
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from matplotlib import colormaps
from matplotlib.figure import Figure
from torch import Tensor, nn

from ssl_course.live.core import Demo, slider, steps
from ssl_course.methods.moco import info_nce
from ssl_course.networks import MovingAverage
from ssl_course.plots import COLOURS

STEPS, BATCH, WIDTH, OUT = 80, 8, 16, 8  # of the training; inputs and keys have 16 and 8 numbers
NEVER = -1  # the step at which a random vector was made, which fills the queue before the first keys do


@dataclass(frozen=True)
class State:
    """The queue after one step, by groups of keys that were made together; all are (K / 8,).

    Attributes:
        made: at which step, -1 for the random vectors of the start.
        from_copy, from_trained: mean angle in degrees between a key and what today's copy, or today's trained network,
            says of the same view; of random vectors 90.
        next: the group that the next step will replace.
    """

    made: Tensor
    from_copy: Tensor
    from_trained: Tensor
    next: int


def degrees(a: Tensor, b: Tensor) -> Tensor:
    """The angle between the rows of two tables (N, D), (N,)."""
    return torch.rad2deg(F.cosine_similarity(a, b, dim=1).clamp(-1, 1).acos())


@functools.cache
def train(decay: float, length: int) -> tuple[State, ...]:
    """MoCo's training of one linear layer on vectors, and the queue at the start and after each of its 80 steps."""
    random = torch.Generator().manual_seed(0)
    images = torch.randn(512, WIDTH, generator=random)
    network = nn.utils.skip_init(nn.Linear, WIDTH, OUT, bias=False)
    with torch.no_grad():
        network.weight.copy_(torch.randn(OUT, WIDTH, generator=random) / WIDTH**0.5)
    copy, optimizer = MovingAverage(network, decay), torch.optim.Adam(network.parameters(), lr=0.03)
    queue = F.normalize(torch.randn(length, OUT, generator=random), dim=1)
    seen, made = torch.zeros(length, WIDTH), torch.full((length // BATCH,), NEVER)
    states = [_state(queue, seen, made, network, copy, 0)]
    for step in range(1, STEPS + 1):
        chosen = images[torch.randint(len(images), (BATCH,), generator=random)]
        view1, view2 = (chosen + 0.5 * torch.randn(BATCH, WIDTH, generator=random) for _ in range(2))
        keys = F.normalize(copy(view2), dim=1)
        loss = info_nce(network(view1), keys, queue, temperature=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        copy.update(network)
        group = (step - 1) % len(made)
        places = slice(group * BATCH, (group + 1) * BATCH)
        queue[places], seen[places], made[group] = keys, view2, step
        states.append(_state(queue, seen, made, network, copy, step))
    return tuple(states)


@torch.no_grad()
def _state(queue: Tensor, seen: Tensor, made: Tensor, network: nn.Module, copy: MovingAverage, step: int) -> State:
    angles = [degrees(queue, today(seen)).view(-1, BATCH).mean(dim=1) for today in (copy, network)]
    angles = [torch.where(made == NEVER, 90.0, angle) for angle in angles]
    return State(made.clone(), *angles, next=step % len(made))


class StaleKeys(Demo):
    """The places of the queue with the ages of their keys, and the keys' distance to what would be said today."""

    title = "MoCo's queue, step by step"
    hint = (
        "Decay 0 and a long queue: how wrong is the oldest key? What does a decay of 0.99 buy, and what does it cost?"
    )
    size = (8.8, 2.9)
    typical = (
        {"step": 20, "decay": 0.0, "length": 512},
        {"step": 80, "decay": 0.0, "length": 512},
        {"step": 80, "decay": 0.99, "length": 512},
    )

    def __init__(self):
        super().__init__(
            step=slider("step", 0, STEPS, 80),
            decay=steps("decay of the copy", (0.0, 0.5, 0.9, 0.97, 0.99, 1.0), 0.0),
            length=steps("keys in the queue", (64, 128, 256, 512), 512),
        )

    def start(self, figure: Figure) -> None:
        queue, angles = figure.subplots(1, 2, width_ratios=(1, 1.6))
        ages = colormaps["cividis_r"].with_extremes(bad="#DDDDDD")
        self.places = queue.imshow([[0.0]], cmap=ages, vmin=0, vmax=64)
        self.next = queue.plot([], [], "X", ms=11, mfc="white", mec="black")[0]
        queue.set(xticks=[], yticks=[])
        queue.set_title("the queue: a cell is 8 keys,\ngrey still random, X next to go", fontsize=10)
        figure.colorbar(self.places, ax=queue, label="age (steps)", shrink=0.9)
        style = {"ls": "", "ms": 6}
        self.copy = angles.plot([], [], "o", color=COLOURS[0], label="today's copy", **style)[0]
        self.trained = angles.plot([], [], "^", color=COLOURS[4], mfc="none", label="today's trained network", **style)[
            0
        ]
        angles.axhline(90, ls=":", color="black")
        angles.annotate("says nothing", (0, 90), (0, -3), textcoords="offset points", va="top", fontsize=9)
        angles.set(xlim=(-1, 65), ylim=(-3, 95), yticks=(0, 30, 60, 90), xlabel="age of the key (steps)")
        angles.set_ylabel("angle (degrees)")
        angles.set_title("how far a key is from what would be said now by", fontsize=10)
        angles.legend(frameon=False, fontsize=9, loc="upper right", bbox_to_anchor=(1, 0.93))
        angles.spines[["top", "right"]].set_visible(False)

    def draw(self, *, step: int, decay: float, length: int) -> str:
        state = train(decay, length)[step]
        ages = (step - state.made).float()
        real = state.made != NEVER
        cells = torch.where(real, ages, float("nan")).view(-1, 8)
        self.places.set(data=cells.numpy(), extent=(-0.5, 7.5, len(cells) - 0.5, -0.5))
        self.next.set_data([state.next % 8], [state.next // 8])
        self.copy.set_data(ages[real], state.from_copy[real])
        self.trained.set_data(ages[real], state.from_trained[real])
        if not real.any():
            return f"Step 0: all {length} keys of the queue are still random vectors."
        oldest = int(ages[real].max())
        at = ages == oldest
        told = f"Step {step}: {BATCH * int(real.sum())} of {length} keys are real, the oldest {oldest} steps old. "
        told += f"It is {float(state.from_copy[at]):.0f}° from what today's copy would say; "
        newest = ages == 0
        return told + f"the newest is {float(state.from_trained[newest]):.0f}° from the trained network."
