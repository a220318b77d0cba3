"""Copies in a folder: exact ones by a checksum, near ones by 8x8 pixels; and whether all pictures look alike."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ssl_course.inspection.files import SMALL, Look

BLANK = 2.0  # grey values: a picture that differs less within itself shows nothing
NEAR = 6.0  # grey values: two pictures whose 8x8 pixels differ less are near copies, …
OF_CONTRAST = 0.25  # … if that is less than this share of the picture's own contrast, too
ALIKE = 0.8  # correlation of pairs, in the middle, from which on all pictures are of one scene
JUDGED = 300  # pictures that are drawn evenly to judge it by
NEAREST = 20  # near copies of one picture that are kept
OFF = 0.5  # grey values: more than fast distances are off by
ROWS = 1024  # pictures that are compared at a time
RULE = f"8x8 pixels that differ by less than {NEAR:g} grey values and less than a quarter of the picture's contrast"


@dataclass(frozen=True)
class Copies:
    """What is there twice.

    Attributes:
        exact: groups of places, each of files with equal bytes.
        near: pairs of places and their distance, the nearest first; each exact group is represented by its first.
        heap: for each picture (N,) a number that all pictures joined by copies share.
        blank: places of pictures that show nothing.
        alike: the middle correlation of two pictures of one camera, if all of them look alike; else None.
    """

    exact: list[list[int]]
    near: list[tuple[int, int, float]]
    heap: list[int]
    blank: list[int]
    alike: float | None


def find_copies(looks: Sequence[Look], cameras: Sequence[str | None]) -> Copies:
    """Exact and near copies among readable pictures; near ones aren't looked for where all of a camera look alike."""
    small = torch.zeros(len(looks), SMALL * SMALL * 3)
    for place, look in enumerate(looks):
        small[place] = torch.tensor(look.small).flatten()
    contrast = torch.tensor([float(look.small.mean(axis=2).std()) for look in looks])  # (N,) of the 8x8 pixels
    same: dict[str, list[int]] = {}
    for place, look in enumerate(looks):
        if look.checksum:
            same.setdefault(look.checksum, []).append(place)
    exact = [places for places in same.values() if len(places) > 1]
    again = {place for places in exact for place in places[1:]}
    shows = torch.tensor([look.contrast >= BLANK for look in looks], dtype=torch.bool)
    once = torch.tensor([place for place in range(len(looks)) if place not in again and shows[place]]).long()
    alike = _scenes(small, once, cameras)
    near = [] if alike is not None else _near(small, contrast, once)
    joined = [(one, other) for one, other, _ in near]
    joined += [(places[0], place) for places in exact for place in places[1:]]
    blank = (~shows).nonzero().flatten().tolist()
    return Copies(exact, near, joined_to(len(looks), joined), blank, alike)


def _scenes(small: Tensor, places: Tensor, cameras: Sequence[str | None]) -> float | None:
    """`one_scene` of each camera's pictures: the lowest, or None if one camera's don't look alike."""
    of_camera: dict[str | None, list[int]] = {}
    for place in places.tolist():
        of_camera.setdefault(cameras[place], []).append(place)
    found = [one_scene(small[own]) for own in of_camera.values()]
    return min(found) if found and None not in found else None


def one_scene(small: Tensor) -> float | None:
    """The middle correlation of two pictures if they are all of one scene, else None.

    Correlation, so that day and night of a fixed camera are one scene.

    Args:
        small: (N, 192).
    """
    if len(small) < 5:
        return None
    places = torch.linspace(0, len(small) - 1, min(len(small), JUDGED)).round().long()
    middle = small[places] - small[places].mean(dim=1, keepdim=True)
    unit = torch.nn.functional.normalize(middle, dim=1)
    pairs = torch.ones(len(unit), len(unit)).triu(diagonal=1).bool()
    correlation = float((unit @ unit.T)[pairs].median())
    return correlation if correlation >= ALIKE else None


def _near(small: Tensor, contrast: Tensor, places: Tensor) -> list[tuple[int, int, float]]:
    """Pairs of near copies. In the order of their means only near means need to be compared: two pictures whose means
    differ by NEAR can't differ by less."""
    places = places[small[places].mean(dim=1).argsort()]
    rows_of = small[places] - 128  # small numbers: fast distances are off by less
    means, limit = rows_of.mean(dim=1), (OF_CONTRAST * contrast[places]).clamp(max=NEAR)
    found = []
    for start in range(0, len(places), ROWS):
        rows = slice(start, min(start + ROWS, len(places)))
        stop = int(torch.searchsorted(means, means[rows][-1] + NEAR))
        fast = torch.cdist(rows_of[rows], rows_of[start:stop], compute_mode="use_mm_for_euclid_dist") / 192**0.5
        fast[torch.ones_like(fast).tril().bool()] = float("inf")  # (R, S): later pictures alone
        nearest, which = fast.topk(min(NEAREST, fast.shape[1]), largest=False)
        for row, column in (nearest < NEAR + OFF).nonzero().tolist():
            found.append((start + row, start + int(which[row, column])))
    if not found:
        return []
    one, other = torch.tensor(found).T
    distance = (rows_of[one] - rows_of[other]).square().mean(dim=1).sqrt()
    near = distance < torch.minimum(limit[one], limit[other])
    pairs = torch.stack([places[one], places[other]], dim=1)[near].sort(dim=1).values.tolist()
    return sorted(((*pair, gap) for pair, gap in zip(pairs, distance[near].tolist(), strict=True)), key=_nearest_first)


def _nearest_first(pair: tuple[int, int, float]) -> tuple:
    return pair[2], pair[:2]


def joined_to(count: int, pairs: Sequence[tuple[int, int]]) -> list[int]:
    """For each of `count` places the first place that it is joined to by pairs, over any number of steps."""
    first = list(range(count))

    def root(place: int) -> int:
        while first[place] != place:
            first[place] = first[first[place]]
            place = first[place]
        return place

    for one, other in pairs:
        low, high = sorted((root(one), root(other)))
        first[high] = low
    return [root(place) for place in range(count)]
