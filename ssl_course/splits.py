"""Which images to hold back for the test, where some of them belong together: one patient, one video, one camera."""

import warnings
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ssl_course.folders import counted, enumerated


def split_by_group(
    labels_or_n: Tensor | Sequence[int] | int, groups: Tensor | Sequence, *, test: float = 0.2, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Indices of training and test images, so that no group is on both sides.

    Groups are taken from the largest to the smallest, those of one size in a random order; one goes to the test if the
    share of each class that is held back comes nearer to `test` by it. A class that lies in one group can be on one
    side only, and a warning says so.

    Args:
        labels_or_n: class of each image (N,), or how many images there are.
        groups: what each image belongs to (N,), of any kind: numbers, names.
        test: share of the images to hold back, in (0, 1).
        seed: of the order of the groups.

    Returns:
        Indices for the training and for the test, int64 and in order; neither is empty.

    Raises:
        ValueError: if there is one group only, lengths differ, or test isn't in (0, 1).
    """
    names, group = _numbered(groups)
    labels = [0] * labels_or_n if isinstance(labels_or_n, int) else labels_or_n
    classes, label = _numbered(labels)
    if len(label) != len(group):
        raise ValueError(f"each image needs a group, got {len(label)} images and {len(group)} groups")
    if not 0 < test < 1:
        raise ValueError(f"test must be a share in (0, 1), got {test}")
    if len(names) < 2:
        raise ValueError(
            f"a split by group needs at least two groups, got {len(names)} ({enumerated(names)}): group by something "
            "finer, or take other images for the test"
        )
    counts = np.zeros((len(names), len(classes)))
    np.add.at(counts, (group, label), 1)  # (G, K) images of each group and class
    held_back = _held_back(counts, test, seed)[group]
    alone = [classes[place] for place in np.flatnonzero((counts > 0).sum(axis=0) == 1)]
    if alone and len(classes) > 1:
        why = f"{counted(len(alone), 'class').replace('classs', 'classes')} in one group only ({enumerated(alone)})"
        warnings.warn(f"{why}: on one side of the split alone", stacklevel=2)
    return torch.from_numpy(np.flatnonzero(~held_back)), torch.from_numpy(np.flatnonzero(held_back))


def _numbered(values: Tensor | Sequence) -> tuple[list, np.ndarray]:
    """The different values in the order in which they first come, and the number of each value's own (N,)."""
    listed = values.tolist() if hasattr(values, "tolist") else list(values)
    number = {value: place for place, value in enumerate(dict.fromkeys(listed))}
    return list(number), np.array([number[value] for value in listed], dtype=np.int64)


def _held_back(counts: np.ndarray, test: float, seed: int) -> np.ndarray:
    """Which groups (G,) are the test, from the images of each group and class (G, K)."""
    shares = counts / counts.sum(axis=0)  # (G, K) of each class
    order = np.random.default_rng(seed).permutation(len(counts))
    order = order[np.argsort(-counts[order].sum(axis=1), kind="stable")]  # the largest first
    chosen, held = np.zeros(len(counts), dtype=bool), np.zeros(counts.shape[1])
    for group in order:
        if _off(held + shares[group], test) < _off(held, test):
            chosen[group] = True
            held += shares[group]
    if not chosen.any():  # every group is too large: the one that is least so
        chosen[min(order, key=lambda group: _off(shares[group], test))] = True
    if chosen.all():
        chosen[min(order, key=lambda group: _off(1 - shares[group], test))] = False
    return chosen


def _off(held: np.ndarray, test: float) -> float:
    return float(np.square(held - test).sum())
