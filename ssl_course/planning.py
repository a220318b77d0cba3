"""Act inside a world model: try sequences of actions in it, do the first action of the best one, look, and try again.

Random shooting with a receding horizon (model-predictive control), as with learnt models in Nagabandi et al. 2018,
Neural Network Dynamics for Model-Based Deep Reinforcement Learning (ICRA). A traveller is a function of two scenes, as
they were a frame ago and as they are, which gives an action for each shape.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssl_course.features import to_float
from ssl_course.pushed import ACTIONS, Scene, follow, picture, push, random_actions

NEAR = 2.0  # pixels: how near to the goal counts as there
Traveller = Callable[[Scene, Scene], np.ndarray]


@dataclass(frozen=True)
class Trips:
    """Where N shapes went, a row each: x and y (N, T) in pixels, actions (N, T - 1), and the goal they had."""

    x: np.ndarray
    y: np.ndarray
    actions: np.ndarray
    goal: Scene

    def distance(self) -> np.ndarray:
        """To the goal in every frame, (N, T), pixels."""
        return np.hypot(self.x - self.goal.x[:, None], self.y - self.goal.y[:, None])

    def arrived(self) -> float:
        """The share of shapes that are at the goal, within NEAR, in the last frame."""
        return float((self.distance()[:, -1] <= NEAR).mean())


def travel(start: Scene, goal: Scene, traveller: Traveller, *, steps: int = 20) -> Trips:
    """So many steps from the start: the traveller chooses, the true room (`pushed.push`) does it.

    The first frame is the start, then everybody waits for one, so that two frames can be seen.
    """
    before, now = start, push(start, np.zeros(len(start), dtype=np.int64))
    actions = [np.zeros(len(start), dtype=np.int64)]
    seen = [before, now]
    for _ in range(steps):
        actions.append(traveller(before, now))
        before, now = now, push(now, actions[-1])
        seen.append(now)
    x, y = (np.stack([getattr(scene, name) for scene in seen], axis=1) for name in ("x", "y"))
    return Trips(x, y, np.stack(actions, axis=1), goal)


def at_random(seed: int = 0) -> Traveller:
    """A traveller who doesn't look: each action as likely as the others."""
    random = np.random.default_rng(seed)
    return lambda before, now: random.integers(0, len(ACTIONS), len(now))


def by_model(model: nn.Module, goal: Scene, *, tries: int = 256, horizon: int = 8, seed: int = 0) -> Traveller:
    """A traveller who sees pictures only and tries sequences of actions in a `WorldModel`.

    The cost of a sequence is the mean over its steps of the squared distance between the features foretold and those of
    the goal's picture.

    Args:
        model: in evaluation mode, on the processor.
        tries: sequences in each step, drawn anew, the same for all shapes.
        horizon: actions in a sequence.
    """
    random, wanted = np.random.default_rng(seed), features(model, goal)  # (N, D)

    @torch.no_grad()
    def choose(before: Scene, now: Scene) -> np.ndarray:
        plans = torch.from_numpy(random_actions(tries, horizon, random))  # (S, K)
        pair = (part.repeat_interleave(tries, dim=0) for part in (features(model, before), features(model, now)))
        foretold = model.imagine(*pair, plans.repeat(len(now), 1))  # (N * S, K, D)
        foretold = foretold.unflatten(0, (len(now), tries))  # (N, S, K, D)
        costs = (foretold - wanted[:, None, None]).square().mean(dim=(2, 3))  # (N, S)
        return plans[costs.argmin(dim=1), 0].numpy()

    return choose


def by_truth(goal: Scene, *, tries: int = 256, horizon: int = 8, seed: int = 0) -> Traveller:
    """The same search with the true room for a model, and distances in pixels: what a better model could reach."""
    random = np.random.default_rng(seed)

    def choose(before: Scene, now: Scene) -> np.ndarray:
        plans = random_actions(tries, horizon, random)  # (S, K)
        rows = np.arange(len(now)).repeat(tries)
        path = follow(now[rows], np.tile(plans, (len(now), 1)))  # each (N * S, K + 1)
        squared = (path["x"] - goal.x[rows, None]) ** 2 + (path["y"] - goal.y[rows, None]) ** 2
        costs = squared[:, 1:].mean(axis=1).reshape(len(now), tries)
        return plans[costs.argmin(axis=1), 0]

    return choose


@torch.no_grad()
def features(model: nn.Module, scene: Scene) -> Tensor:
    """A world model's features of what is seen of a scene, (N, D)."""
    return model.features(to_float(torch.from_numpy(picture(scene))).unsqueeze(1))[:, 0]


@torch.no_grad()
def surprise(model: nn.Module, films: Tensor, actions: Tensor) -> Tensor:
    """How far each frame is from what a `WorldModel` foretold from the two before it and the action, in features.

    Args:
        films: uint8 (N, T, 3, H, W).
        actions: int64 (N, T - 1).

    Returns:
        (N, T): the root of the mean squared error over the features; 0 for the first two frames, which aren't foretold.
    """
    h = model.features(films.float() / 255)  # (N, T, D)
    before, now, following = (h[:, k : h.shape[1] - 2 + k].flatten(0, 1) for k in range(3))  # (N * (T - 2), D)
    foretold = model.step(before, now, actions[:, 1:].flatten())
    errors = (foretold - following).square().mean(dim=1).sqrt()
    return F.pad(errors.unflatten(0, (len(h), -1)), (2, 0))


def reader(features: Tensor, places: Tensor) -> Callable[[Tensor], Tensor]:
    """A linear reading of places, (N, T, 2) in pixels, from features (N, T, D), by least squares."""
    rows = F.pad(features.flatten(0, 1), (0, 1), value=1.0).double()  # a one for the constant
    weights = torch.linalg.lstsq(rows, places.flatten(0, 1).double()).solution  # (D + 1, 2)
    return lambda h: F.pad(h, (0, 1), value=1.0).double() @ weights
