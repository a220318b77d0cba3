"""Films of a shape that somebody pushes: the rooms of `clips`, and in each frame one of five actions.

A push adds to the speed, and friction takes half of the speed in every frame. So one frame and an action don't say what
comes next: the speed is missing, which two frames have. The shape doesn't turn, and bounces off the picture's edges.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ssl_course.clips import LEAP, SPLITS, Path, World, _film, _reflect, _right_end, _start
from ssl_course.samples import Known, Samples, balanced
from ssl_course.shapes import CLASSES, SIZE

ACTIONS = ("wait", "left", "right", "up", "down")
WAYS = np.array([[0, 0], [-1, 0], [1, 0], [0, -1], [0, 1]])  # of each action, to the right and down
PUSH = 1.5  # pixels a frame: what a push adds to the speed, along its way
KEPT = 0.5  # the share of its speed that a shape keeps in a frame
AGAIN = 0.5  # how often the action in a film is the one before again; else it is drawn anew
USUAL = {"train": 2000, "test": 1000}  # films
SURPRISES = ("teleport", "through", "disobeyed")
OPPOSITE = np.array([0, 2, 1, 4, 3])  # of each action
DRAWN = 20  # for each pair of a surprise: not in every film can it happen


@dataclass(frozen=True)
class Scene:
    """N shapes at one moment.

    Attributes:
        looks: what stays, each (N,): class, size, angle and colours, as `clips.draw` names them.
        x, y: centres, pixels, each (N,).
        dx, dy: speeds to the right and down, pixels a frame, each (N,).
        wall: whether the wall of `clips` stands in the room; shapes live on its left.
    """

    looks: dict[str, np.ndarray]
    x: np.ndarray
    y: np.ndarray
    dx: np.ndarray
    dy: np.ndarray
    wall: bool = False

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index) -> "Scene":
        """Some of the shapes, by slice, mask or whole numbers."""
        looks = {name: values[index] for name, values in self.looks.items()}
        return Scene(looks, self.x[index], self.y[index], self.dx[index], self.dy[index], self.wall)


def scenes(count: int, *, seed=0, wall: bool = False) -> Scene:
    """`count` shapes anywhere in the room, each with a speed of 0.5 to 1.5 pixels a frame in any direction.

    Args:
        seed: whole numbers, or a generator of NumPy's; the same seed gives the same scenes on every platform.

    Raises:
        ValueError: if count is below 1.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    looks = _start(count, np.random.default_rng(seed), 0, World(wall=wall))
    x, y, speed, radians = looks.pop("x"), looks.pop("y"), looks.pop("speed"), np.deg2rad(looks.pop("direction"))
    looks = {name: values for name, values in looks.items() if name not in ("spin", "gravity")}
    return Scene(looks, x, y, speed * np.cos(radians), -speed * np.sin(radians), wall)


def elsewhere(scene: Scene, *, seed=0, least: float = 8.0) -> Scene:
    """The same shapes at rest in another place, at least so many pixels away (8 is possible for every shape)."""
    random, size = np.random.default_rng(seed), scene.looks["size"]
    right, low = _right_end(size, World(wall=scene.wall)), SIZE - 1 - size
    x, y, near = scene.x, scene.y, np.full(len(scene), True)
    while near.any():
        other = size + random.uniform(0, 1, len(scene)) * (right - size)
        x, y = np.where(near, other, x), np.where(near, size + random.uniform(0, 1, len(scene)) * (low - size), y)
        near = np.hypot(x - scene.x, y - scene.y) < least
    return replace(scene, x=x, y=y, dx=0 * x, dy=0 * y)


def push(scene: Scene, actions: np.ndarray) -> Scene:
    """The scene one frame later, after these actions, whole numbers (N,) that index ACTIONS.

    Raises:
        ValueError: if there isn't one action for each shape, or not such an action.
    """
    actions = np.asarray(actions)
    if actions.shape != (len(scene),) or actions.dtype.kind != "i":
        raise ValueError(f"actions must be whole numbers ({len(scene)},), got {actions.dtype} {actions.shape}")
    if not 0 <= actions.min() <= actions.max() < len(ACTIONS):
        raise ValueError(f"actions must be from 0 to {len(ACTIONS) - 1}, got {actions.min()} to {actions.max()}")
    size, ways = scene.looks["size"], PUSH * WAYS[actions]  # (N, 2)
    dx, dy = KEPT * scene.dx + ways[:, 0], KEPT * scene.dy + ways[:, 1]
    x, dx, _ = _reflect(scene.x + dx, dx, size, _right_end(size, World(wall=scene.wall)))
    y, dy, _ = _reflect(scene.y + dy, dy, size, SIZE - 1 - size)
    return replace(scene, x=x, y=y, dx=dx, dy=dy)


def follow(scene: Scene, actions: np.ndarray) -> dict[str, np.ndarray]:
    """Where the shapes are and how they move in each frame: actions (N, T - 1) -> x, y, dx and dy, each (N, T)."""
    seen = [scene]
    for now in np.asarray(actions).T:
        seen.append(push(seen[-1], now))
    return {name: np.stack([getattr(moment, name) for moment in seen], axis=1) for name in ("x", "y", "dx", "dy")}


def film(scene: Scene, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The scene's shapes at the places x, y (N, T): uint8 (N, T, 3, 32, 32)."""
    angle = np.broadcast_to(scene.looks["angle"][:, None], x.shape)
    return _film(scene.looks, Path(x, y, angle, 0 * x, 0 * x, 0 * x), World(wall=scene.wall))


def picture(scene: Scene) -> np.ndarray:
    """What is seen of a scene: uint8 (N, 3, 32, 32)."""
    return film(scene, scene.x[:, None], scene.y[:, None])[:, 0]


def random_actions(count: int, length: int, random: np.random.Generator) -> np.ndarray:
    """Actions by chance, int64 (count, length): half of the time the one before again, so that some shapes get fast."""
    actions = random.integers(0, len(ACTIONS), (count, length))
    again = random.uniform(0, 1, (count, length)) < AGAIN
    for place in range(1, length):
        actions[:, place] = np.where(again[:, place], actions[:, place - 1], actions[:, place])
    return actions


@dataclass(frozen=True, eq=False, repr=False)
class Pushed(Known):
    """Films and the actions in them; training gives the actions to `forward` beside the films.

    Attributes:
        films: the clips, with classes, and the factors of `Scene`: x, y, dx and dy of every frame, each (N, T).
        actions: int64 (N, T - 1); number t acts between frames t and t + 1.
    """

    films: Samples
    actions: Tensor

    def __post_init__(self):
        expected = len(self.films), self.films.data.shape[1] - 1
        if self.actions.dtype != torch.int64 or tuple(self.actions.shape) != expected:
            got = f"{self.actions.dtype} {tuple(self.actions.shape)}"
            raise ValueError(f"actions must be int64 {expected}, one between each two frames, got {got}")

    @property
    def data(self) -> Tensor:
        """The films, uint8 (N, T, 3, H, W)."""
        return self.films.data

    @property
    def labels(self) -> Tensor:
        """The actions, int64 (N, T - 1)."""
        return self.actions

    @property
    def factors(self) -> dict[str, Tensor]:
        return self.films.factors

    @property
    def notes(self) -> tuple[str, ...]:
        return self.films.notes

    def __getitem__(self, index):
        """A part of the set, by slice, mask or index tensor."""
        if isinstance(index, int):
            raise TypeError(f"Pushed takes a slice, mask or index tensor, got {index}: one film is .data[{index}]")
        return Pushed(self.films[index], self.actions[index])

    def sample(self, size: int, *, seed: int = 0) -> "Pushed":
        """`size` of them, as even over the classes as they allow; ValueError if there are fewer."""
        return self[balanced(self.films.labels, len(self), size, seed, "films")]

    def __repr__(self) -> str:
        return f"Pushed: {self.films!r}, {len(ACTIONS)} actions"


def load(split: str, *, size: int | None = None, seed: int = 0, frames: int = 8, wall: bool = False) -> Pushed:
    """Films of a split, "train" (2,000) or "test" (1,000), with what was done in them.

    Args:
        size: how many films instead.
        seed: the splits of one seed are different films; the same on every platform.
        frames: of each, at least 3.
        wall: whether the wall of `clips` stands in the room.

    Raises:
        ValueError: if there is no such split, or a number is too small.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be train or test, got {split!r}")
    if frames < 3:
        raise ValueError(f"frames must be at least 3, two to see and one to foretell, got {frames}")
    count, seed = USUAL[split] if size is None else size, (seed, SPLITS.index(split))
    scene = scenes(count, seed=seed, wall=wall)
    actions = random_actions(count, frames - 1, np.random.default_rng((*seed, 1)))
    path = follow(scene, actions)
    factors = {name: torch.from_numpy(values) for name, values in (scene.looks | path).items()}
    clips = torch.from_numpy(film(scene, path["x"], path["y"]))
    return Pushed(Samples(clips, factors["class"], CLASSES, factors), torch.from_numpy(actions))


def surprises(kind: str, count: int, *, seed=0, frames: int = 10) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Pairs of films with the same actions: as it should be, and the same up to a frame from which it can't be.

    Args:
        kind: "teleport", it is suddenly elsewhere, at least 8 pixels up or down; "through", it passes through the wall,
            off which it bounces in the first film (both rooms have the wall); "disobeyed", from that frame on the shape
            goes where the opposite actions push it: a film that is possible, but not with these actions.
        count, seed: as in `scenes`.
        frames: at least 6.

    Returns:
        possible and impossible films, both uint8 (count, frames, 3, 32, 32), the actions int64 (count, frames - 1), and
        the first frame in which the films differ, int64 (count,), from 3 to frames - 3.

    Raises:
        ValueError: if there is no such kind, or a number is too small.
    """
    if kind not in SURPRISES:
        raise ValueError(f"kind must be one of {', '.join(SURPRISES)}, got {kind!r}")
    if frames < 6:
        raise ValueError(f"frames must be at least 6 to have some before and after, got {frames}")
    random = np.random.default_rng(seed)
    scene = scenes(DRAWN * count, seed=random, wall=kind == "through")
    actions = random_actions(len(scene), frames - 1, random)
    usual, when = follow(scene, actions), random.integers(3, frames - 2, len(scene))
    if kind == "through":
        odd = follow(replace(scene, wall=False), actions)
        when = (np.abs(odd["x"] - usual["x"]) > 1e-9).argmax(axis=1)  # the first frame in which it should have bounced
    else:
        odd = _broken(kind, scene, actions, when, random)
    apart = np.hypot(odd["x"] - usual["x"], odd["y"] - usual["y"])  # (8N, T), pixels
    seen = apart[np.arange(len(scene)), when] > 1 if kind != "through" else apart.max(axis=1) > 2
    (chosen,) = np.nonzero(seen & (when >= 3) & (when <= frames - 3))
    chosen = chosen[:count]
    films = (film(scene[chosen], path["x"][chosen], path["y"][chosen]) for path in (usual, odd))
    return *map(torch.from_numpy, films), torch.from_numpy(actions[chosen]), torch.from_numpy(when[chosen])


def _broken(
    kind: str, scene: Scene, actions: np.ndarray, when: np.ndarray, random: np.random.Generator
) -> dict[str, np.ndarray]:
    """The paths in which at the frame `when` the shape is moved, or from then on the opposite of the actions done."""
    size, seen = scene.looks["size"], [scene]
    share = random.uniform(0, 1, len(scene))
    for frame in range(1, actions.shape[1] + 1):
        now = actions[:, frame - 1]
        if kind == "disobeyed":
            now = np.where(frame >= when, OPPOSITE[now], now)
        moment = push(seen[-1], now)
        if kind == "teleport":
            moment = replace(moment, y=np.where(frame == when, _away(moment.y, size, share), moment.y))
        seen.append(moment)
    return {name: np.stack([getattr(moment, name) for moment in seen], axis=1) for name in ("x", "y")}


def _away(y: np.ndarray, size: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Rows at least LEAP pixels away, in the larger part of the room: the nearest such (share 0) to its end (1)."""
    up, down = y - size, SIZE - 1 - size - y
    return np.where(down > up, y + LEAP + share * (down - LEAP), y - LEAP - share * (up - LEAP))
