"""Which pictures belong together, by camera, burst, date, name and folder; and what a random split would leak."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import torch

from ssl_course.inspection.copies import Copies
from ssl_course.inspection.files import Look
from ssl_course.naming import kind_of, numbered

BURST = 2.0  # seconds between two pictures of one burst
FRAMES = 12.0  # grey values between 8x8 pixels of pictures with successive numbers, to be taken for one film
CAMERA = r"(?:cam|camera|gopro|kamera|webcam|device|sensor)(?:[-_ ]?\d+|[-_ ][a-z](?![a-z]))"
ALONE = "alone"  # begins the group of a picture of which nothing is known
NAMES = {
    "camera": "share the camera (EXIF, or else a folder or name such as cam2)",
    "burst": f"lie within {BURST:g} s (EXIF, or the time in the name) or have successive numbers and look alike",
    "date": "share the day",
    "name": "share the beginning of the name",
    "folder": "share a folder within the class",
    "look": "are joined by copies",
}


def group(looks: Sequence[Look], folder: Path, classes: Sequence[str | None], copies: Copies) -> dict:
    """For each way to group the pictures, the group of each (N,); ways that say nothing are left out.

    A way says something if there are two groups at least, one of them with two pictures, and if it isn't the classes
    over again.

    Args:
        looks: readable pictures.
        folder: that they are in.
        classes: of each picture, None where it has none.
        copies: among them; where all pictures look alike, only a time makes a burst.
    """
    relative = [look.file.relative_to(folder) for look in looks]
    ways = {
        "camera": cameras(looks, folder),
        "burst": bursts(looks, by_look=copies.alike is None),
        "date": [str(look.day) if look.day else None for look in looks],
        "name": _beginnings(relative),
        "folder": _within(relative, classes),
        "look": [str(place) for place in copies.heap],
    }
    return {way: _all_named(found) for way, found in ways.items() if _says_something(found, classes)}


def _says_something(found: Sequence[str | None], classes: Sequence[str | None]) -> bool:
    counts = Counter(found)
    named = {name: count for name, count in counts.items() if name is not None}
    if len(counts) < 2 or max(named.values(), default=0) < 2 or sum(named.values()) < len(found) / 2:
        return False
    pairs = set(zip(found, classes, strict=True))
    return len(pairs) > len(set(classes)) or len(set(classes)) == 1  # each class in one group: the class itself


def _all_named(found: Sequence[str | None]) -> list[str]:
    """A picture of which nothing is known is a group of its own."""
    return [name if name is not None else f"{ALONE} {place}" for place, name in enumerate(found)]


def cameras(looks: Sequence[Look], folder: Path) -> list[str | None]:
    """The camera of each picture, by EXIF or else by a folder or name such as cam2; None where nothing says it."""
    return [look.camera or _camera_in(look.file.relative_to(folder)) for look in looks]


def _camera_in(path: Path) -> str | None:
    """A part of the path that is called as a camera is: cam1, camera_b; not the folders that every card has."""
    for part in (*reversed(path.parts[:-1]), path.stem):
        found = re.match(CAMERA, part.casefold())
        if found:
            return found.group()
    return None


def _beginnings(paths: Sequence[Path]) -> list[str | None]:
    """What stands before the number in each name, such as patient07 in patient07_003; None where it's all alike."""
    found = []
    for path in paths:
        start, number = numbered(path.stem)
        plain = start.casefold()
        of_card = kind_of(f"{plain}_0001") == "camera" and not re.search(r"\d", plain)  # IMG, DSC: every picture's
        found.append(None if number is None or not plain or of_card else start)
    return found


def _within(paths: Sequence[Path], classes: Sequence[str | None]) -> list[str | None]:
    """The folder of each picture below its class, or below the whole where there are no classes."""
    found = []
    for path, name in zip(paths, classes, strict=True):
        parts = path.parts[:-1]
        below = parts[parts.index(name) + 1 :] if name in parts else parts if name is None else ()
        found.append("/".join(below) or None)
    return found


def bursts(looks: Sequence[Look], *, by_look: bool = True) -> list[str | None]:
    """For each picture the burst that it belongs to (the place of its first picture); None for a picture by itself.

    Args:
        looks: readable pictures.
        by_look: whether successive numbers that look alike are a burst where no time is known.
    """
    together = defaultdict(list)
    for place, look in enumerate(looks):
        together[look.file.parent, look.camera, look.taken is not None].append(place)
    found: list[str | None] = [None] * len(looks)
    for (_, _, timed), places in together.items():
        if not timed and not by_look:
            continue
        close = _within_seconds if timed else _next_and_alike
        places.sort(key=lambda place: _order(looks[place]))
        for one, other in pairwise(places):
            if close(looks[one], looks[other]):
                found[one] = found[one] or f"burst {one}"
                found[other] = found[one]
    return found


def _order(look: Look) -> tuple:
    start, number = numbered(look.file.stem)
    return (look.taken.timestamp() if look.taken else 0, start, number or 0, look.file.name)


def _within_seconds(one: Look, other: Look) -> bool:
    return abs((other.taken - one.taken).total_seconds()) <= BURST


def _next_and_alike(one: Look, other: Look) -> bool:
    (start, number), (again, successor) = numbered(one.file.stem), numbered(other.file.stem)
    if start != again or number is None or successor != number + 1:
        return False
    return float(((one.small - other.small) ** 2).mean() ** 0.5) < min(FRAMES, float(one.small.mean(axis=2).std()) / 2)


def leak(groups: Sequence[str], test: float = 0.2) -> float:
    """The share of test pictures that, in a random split, have one of their group in the training: its expectation."""
    counts = Counter(groups)
    return sum(1 - test ** (counts[name] - 1) for name in groups) / max(1, len(groups))


def on_both_sides(groups: Sequence[str], splits: Sequence[str | None]) -> int:
    """How many test pictures have one of their group in the training, in the split as it is."""
    trained = {name for name, split in zip(groups, splits, strict=True) if split == "train"}
    return sum(split == "test" and name in trained for name, split in zip(groups, splits, strict=True))


def as_numbers(names: Sequence[str | None], classes: Sequence[str]) -> torch.Tensor:
    """Names of classes as labels (N,), counted from 0; -1 for None."""
    number = {None: -1} | {name: place for place, name in enumerate(classes)}
    return torch.tensor([number[name] for name in names], dtype=torch.int64)
