"""The built-in clips: one of the ten shapes moves through a room, drawn from factors that we know: we chose them.

Every clip is some frames of 32x32 RGB. In the free world (no gravity, no friction) the shape flies straight on, turns
evenly and bounces off the picture's edges without loss. It starts anywhere, in any direction. Two facts follow that the
lesson on video needs, and both are exact: a single frame says nothing of the speed, direction and spin that the shape
has in it, and a clip shown backwards is as likely as the clip. Gravity and friction give time its arrow.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch

from ssl_course import shapes
from ssl_course.clip_folder import load_folder
from ssl_course.samples import Samples
from ssl_course.shapes import CLASSES, OUTLINES, SIZE

__all__ = ["SURPRISES", "brighten", "draw", "load", "load_folder", "surprises"]

SPLITS = ("train", "test")
USUAL = {"train": 2000, "test": 1000}  # clips
GRAVITY = 0.25  # pixels a frame, a frame
BOUNCE = 0.6  # the share of its speed that a falling thing keeps when it hits the ground
WALL = 21  # the column at which the wall begins; it is two pixels wide, and the shape lives on its left
STEPS = 4  # of the reckoning, a frame
SURPRISES = ("teleport", "through")
LEAP = 8.0  # pixels: what a teleport is at least


@dataclass(frozen=True)
class World:
    """What holds in a room: the share of speed that friction takes a frame, and whether the wall stands in it."""

    friction: float = 0.0
    wall: bool = False


@dataclass(frozen=True)
class Path:
    """Where the shape is and how it moves in every frame, each (N, T); pixels and degrees, and both a frame."""

    x: np.ndarray
    y: np.ndarray
    angle: np.ndarray
    dx: np.ndarray
    dy: np.ndarray
    spin: np.ndarray

    def at(self, frame: int) -> dict[str, np.ndarray]:
        """The factors of one frame, each (N,)."""
        now = {name: values[:, frame] for name, values in vars(self).items()}
        dx, dy = now.pop("dx"), now.pop("dy")
        direction = np.rad2deg(np.arctan2(-dy, dx)) % 360  # rows count downwards
        return now | {"speed": np.hypot(dx, dy), "direction": direction, "angle": now["angle"] % 360}


def draw(
    count: int,
    *,
    seed=0,
    frames: int = 8,
    gravity: float = True,
    friction: float = 0.0,
    drift: float = 0.0,
    wall: bool = False,
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Draw `count` class-balanced clips and return them with the factors that made them.

    Args:
        count: how many clips, at least 1.
        seed: an integer or a sequence of integers; the same seed gives the same pixels on every platform.
        frames: of each clip, at least 2.
        gravity: the share of the clips in which things fall (and lose speed where they hit the ground), 0 to 1: True
            is all of them, False none.
        friction: the share of its speed, and of its spin, that a shape loses in every frame, in [0, 1).
        drift: as in `brighten`: 0 leaves the light as it is. No factor changes.
        wall: a wall stands in the room, and the shape bounces off it.

    Returns:
        clips, uint8 (count, frames, 3, 32, 32), and factors, each (count,): `class` (index into CLASSES), `speed`
        (pixels a frame), `direction` (degrees counter-clockwise, 0 is to the right, up to 360), `spin` (degrees a
        frame, clockwise as `angle`), `x`, `y` (centre, pixels) and `angle` (degrees), all of them in the middle frame,
        number frames // 2; `gravity` (1 where things fall, else 0); `size` (radius, pixels), `hue`, `ground_hue`
        (turns), `ground` and `contrast` as in `shapes.draw`.

    Raises:
        ValueError: if an argument is out of range.
    """
    _check(count, frames, gravity, friction)
    world = World(friction, wall)
    start = _start(count, np.random.default_rng(seed), gravity, world)
    path = _move(start, frames, world)
    clips = _film(start, path, world)
    return (brighten(clips, drift) if drift else clips), start | path.at(frames // 2)


def load(split: str, *, size: int | None = None, seed: int = 0, **kind) -> Samples:
    """The clips of a split, "train" (2,000) or "test" (1,000), with their classes and factors.

    Args:
        size: how many clips instead.
        seed: the splits of one seed are different clips.
        kind: further arguments of `draw`.

    Raises:
        ValueError: if there is no such split, or as `draw`.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be train or test, got {split!r}")
    clips, factors = draw(USUAL[split] if size is None else size, seed=(seed, SPLITS.index(split)), **kind)
    tensors = {name: torch.from_numpy(values) for name, values in factors.items()}
    return Samples(torch.from_numpy(clips), tensors["class"], CLASSES, tensors)


def brighten(clips: np.ndarray, drift: float) -> np.ndarray:
    """The same clips (N, T, 3, H, W) under a light that grows evenly, from 1 - drift to 1 in the last frame.

    Raises:
        ValueError: if drift isn't in [0, 1].
    """
    if not 0 <= drift <= 1:
        raise ValueError(f"drift must be in [0, 1], got {drift}")
    light = np.linspace(1 - drift, 1, clips.shape[1])[:, None, None, None]  # (T, 1, 1, 1)
    return np.rint(clips * light).astype(np.uint8)


def surprises(kind: str, count: int, *, seed=0, frames: int = 10) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of clips in the room with the wall: as it should be, and the same up to a frame from which it can't be.

    Args:
        kind: "through", it passes through the wall, where in the first clip it bounces off; "teleport", it is suddenly
            elsewhere, and goes on from there.
        count, seed: as in `draw`.
        frames: at least 6.

    Returns:
        possible and impossible, both uint8 (count, frames, 3, 32, 32), and the first frame in which they differ,
        int64 (count,), from 3 to frames - 3.

    Raises:
        ValueError: if there is no such kind, or a number is too small.
    """
    if kind not in SURPRISES:
        raise ValueError(f"kind must be {' or '.join(SURPRISES)}, got {kind!r}")
    if frames < 6:
        raise ValueError(f"frames must be at least 6 to have some before and after, got {frames}")
    _check(count, frames, 0, 0)
    random, world = np.random.default_rng(seed), World(wall=True)
    start = _start(count, random, 0, world)
    when = random.integers(3, frames - 2, count)  # (N,)
    if kind == "through":
        start |= _towards_the_wall(start, when, _right_end(start["size"], world))
    path = _move(start, frames, world)
    other = _move(start, frames, World()) if kind == "through" else _leap(path, when, start["size"], random)
    after = np.arange(frames) >= when[:, None]  # (N, T)
    x, y = np.where(after, other.x, path.x), np.where(after, other.y, path.y)
    return _film(start, path, world), _film(start, replace(path, x=x, y=y), world), when


def _check(count: int, frames: int, gravity: float, friction: float) -> None:
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    if frames < 2:
        raise ValueError(f"frames must be at least 2, or nothing moves, got {frames}")
    if not 0 <= gravity <= 1:
        raise ValueError(f"gravity is the share of clips in which things fall, in [0, 1], got {gravity}")
    if not 0 <= friction < 1:
        raise ValueError(f"friction is the share of speed that is lost in a frame, in [0, 1), got {friction}")


# --- how it moves


def _start(count: int, random: np.random.Generator, gravity: float, world: World) -> dict[str, np.ndarray]:
    """All factors as they are in the first frame."""
    size = random.uniform(4.0, 5.5, count)
    ground = random.uniform(0.15, 0.85, count)
    step = random.uniform(0.3, 0.5, count)
    return {
        "class": random.permutation(np.arange(count) % len(CLASSES)),
        "speed": random.uniform(0.5, 1.5, count),
        "direction": random.uniform(0, 360, count),
        "spin": random.uniform(-12, 12, count),
        "gravity": random.permutation(np.arange(count) < round(gravity * count)).astype(np.float64),
        "hue": random.uniform(0, 1, count),
        "ground_hue": random.uniform(0, 1, count),
        "x": size + random.uniform(0, 1, count) * (_right_end(size, world) - size),
        "y": size + random.uniform(0, 1, count) * (SIZE - 1 - 2 * size),
        "size": size,
        "angle": random.uniform(0, 360, count),
        "ground": ground,
        "contrast": np.where(ground < 0.5, step, -step),
    }


def _right_end(size: np.ndarray, world: World) -> np.ndarray:
    """How far right the centre of a shape of this radius may come: (N,), pixels."""
    return (WALL - 0.5 if world.wall else SIZE - 1) - size


def _move(start: dict[str, np.ndarray], frames: int, world: World) -> Path:
    """The path from these factors of the first frame on."""
    x, y, angle, size, spin = (start[name] for name in ("x", "y", "angle", "size", "spin"))
    radians = np.deg2rad(start["direction"])
    dx, dy = start["speed"] * np.cos(radians), -start["speed"] * np.sin(radians)  # rows count downwards
    kept, falling = (1 - world.friction) ** (1 / STEPS), start["gravity"] > 0
    seen = [(x, y, angle, dx, dy, spin)]
    for _ in range(frames - 1):
        for _ in range(STEPS):
            dx, dy, spin = dx * kept, dy * kept + falling * GRAVITY / STEPS, spin * kept
            x, dx, _ = _reflect(x + dx / STEPS, dx, size, _right_end(size, world))
            y, dy, landed = _reflect(y + dy / STEPS, dy, size, SIZE - 1 - size)
            dy = np.where(landed & falling, BOUNCE * dy, dy)
            angle = angle + spin / STEPS
        seen.append((x, y, angle, dx, dy, spin))
    return Path(*(np.stack(values, axis=1) for values in zip(*seen, strict=True)))


def _reflect(
    place: np.ndarray, speed: np.ndarray, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Place and speed after a bounce off the ends, where one was passed, and whether it was the high one."""
    before, beyond = place < low, place > high
    place = np.where(before, 2 * low - place, np.where(beyond, 2 * high - place, place))
    return place, np.where(before | beyond, -speed, speed), beyond


def _towards_the_wall(start: dict[str, np.ndarray], when: np.ndarray, end: np.ndarray) -> dict[str, np.ndarray]:
    """Starts and directions with which a shape touches the wall between frames `when` - 1 and `when`."""
    direction = (start["direction"] / 360 - 0.5) * 80  # -40 to 40 degrees
    step = start["speed"] * np.cos(np.deg2rad(direction))
    room = (end - start["size"]) / (when - 0.5)  # the longest step that starts within the room
    step = np.minimum(step, room)
    speed = step / np.cos(np.deg2rad(direction))
    return {"direction": direction % 360, "speed": speed, "x": end - step * (when - 0.5)}


def _leap(path: Path, when: np.ndarray, size: np.ndarray, random: np.random.Generator) -> Path:
    """The same paths, shifted up or down the room so that they are LEAP pixels or more away at the frame `when`."""
    here, low, high = path.y[np.arange(len(path.y)), when], size, SIZE - 1 - size
    down = here < (low + high) / 2  # into the larger part of the room
    room = np.where(down, high - here, here - low)
    leap = LEAP + random.uniform(0, 1, len(here)) * np.maximum(room - LEAP, 0)
    moved = path.y + np.where(down, leap, -leap)[:, None]  # (N, T)
    low, high = low[:, None], high[:, None]
    return replace(path, y=np.where(moved < low, 2 * low - moved, np.where(moved > high, 2 * high - moved, moved)))


# --- how it looks


def _film(factors: dict[str, np.ndarray], path: Path, world: World) -> np.ndarray:
    """Draw every frame, (N, T, 3, 32, 32), one class after the other."""
    clips = np.empty((*path.x.shape, 3, SIZE, SIZE), dtype=np.uint8)
    ground = shapes._colour(factors["ground"], factors["ground_hue"])[:, None, :, None, None]  # (N, 1, 3, 1, 1)
    shape = shapes._colour(factors["ground"] + factors["contrast"], factors["hue"])[:, None, :, None, None]
    behind = np.broadcast_to(ground, (len(ground), 1, 3, SIZE, SIZE)).copy()
    if world.wall:
        behind[..., WALL : WALL + 2] = (
            factors["ground"][:, None, None, None, None] < 0.5
        )  # white, on light ground black
    for label, name in enumerate(CLASSES):
        (chosen,) = np.nonzero(factors["class"] == label)
        place = (values[chosen] for values in (path.x, path.y, path.angle))
        covered = _coverage(name, *place, factors["size"][chosen])[:, :, None]  # (n, T, 1, 32, 32)
        pixels = behind[chosen] + covered * (shape[chosen] - behind[chosen])  # (n, T, 3, 32, 32)
        clips[chosen] = np.rint(pixels.clip(0, 1) * 255)
    return clips


def _coverage(name: str, x: np.ndarray, y: np.ndarray, angle: np.ndarray, size: np.ndarray) -> np.ndarray:
    """How much of each pixel a shape covers: x, y and angle (N, T), size (N,) -> (N, T, 32, 32), 0 to 1."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    across, down = columns - x[..., None, None], rows - y[..., None, None]  # (N, T, 32, 32), pixels
    radians, size = np.deg2rad(angle)[..., None, None], size[:, None, None, None]
    cos, sin = np.cos(radians), np.sin(radians)
    distance = OUTLINES[name]((cos * across + sin * down) / size, (cos * down - sin * across) / size)  # in radii
    return np.clip(0.5 - distance * size, 0, 1)
