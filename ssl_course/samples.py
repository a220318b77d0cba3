"""What is no single picture: sentences, sounds and clips, each set of them one tensor, with what is known of it."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ssl_course.folders import enumerated

KINDS = {  # what training takes, by the type of its numbers and its dimensions
    (torch.uint8, 4): "images",  # (N, C, H, W)
    (torch.uint8, 5): "clips",  # (N, T, C, H, W)
    (torch.int64, 2): "sequences",  # (N, L) tokens
    (torch.float32, 2): "sounds",  # (N, S) samples of the air's pressure, -1 to 1
}
EXPECTED = "uint8 images (N, C, H, W) or clips (N, T, C, H, W), int64 tokens (N, L), or float32 sounds (N, S)"


def kind_of(data: Tensor) -> str:
    """What a tensor holds, in a word of KINDS.

    Raises:
        ValueError: if it is none of them.
    """
    kind = KINDS.get((data.dtype, data.ndim)) if isinstance(data, Tensor) else None
    if kind is None:
        raise ValueError(f"data must be {EXPECTED}, got {described(data)}")
    return kind


class Known:
    """What sets of pictures and of samples have in common: `data`, labels, classes, factors and notes."""

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index):
        """A part of the set, by slice, mask or index tensor."""
        if isinstance(index, int):
            kind, name = kind_of(self.data), type(self).__name__
            place = "images" if kind == "images" else "data"
            raise TypeError(
                f"{name} takes a slice, mask or index tensor, got {index}: one {kind.removesuffix('s')} is "
                f".{place}[{index}]"
            )
        factors = self.factors and {name: values[index] for name, values in self.factors.items()}
        labels = None if self.labels is None else self.labels[index]
        return type(self)(self.data[index], labels, self.classes, factors, self.notes)

    def sample(self, size: int, *, seed: int = 0):
        """`size` of them, as even over the classes as they allow; ValueError if there are fewer."""
        return self[balanced(self.labels, len(self), size, seed, kind_of(self.data))]


@dataclass(frozen=True, eq=False, repr=False)
class Samples(Known):
    """Sentences, sounds or clips with what is known of them.

    Attributes:
        data: int64 tokens (N, L), float32 sounds (N, S), or uint8 clips (N, T, C, H, W).
        labels: int64 (N,), from 0 to len(classes) - 1, or None where nobody knows.
        classes: the names behind the labels; () where they have none.
        factors: what they were drawn from, each (N, …), or None.
        notes: what a reader should know of them, one sentence each.
    """

    data: Tensor
    labels: Tensor | None = None
    classes: tuple[str, ...] = ()
    factors: dict[str, Tensor] | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self):
        if kind_of(self.data) == "images":
            raise ValueError(f"images belong into an ImageSet, got {described(self.data)}")
        check_labels(self.labels, len(self.data), self.classes)

    def __repr__(self) -> str:
        known = "no labels" if self.labels is None else f"{len(self.classes)} classes"
        factors = f", factors {', '.join(self.factors)}" if self.factors else ""
        shape = "x".join(map(str, self.data.shape[1:]))
        return f"Samples: {len(self)} {kind_of(self.data)} of {shape}, {known}{factors}"


def check_labels(labels: Tensor | None, count: int, classes: tuple[str, ...]) -> None:
    """ValueError if labels aren't int64 (count,) from 0 to the last of the classes; None is always right."""
    if labels is None:
        return
    if not isinstance(labels, Tensor) or labels.dtype != torch.int64 or labels.shape != (count,):
        raise ValueError(f"labels must be an int64 tensor ({count},), got {described(labels)}")
    if not len(labels):
        return
    low, high = int(labels.min()), int(labels.max())
    if low < 0:
        raise ValueError(f"labels count from 0, got {low}: leave out images that have none, or give labels=None")
    if classes and high >= len(classes):
        known = f"{len(classes)} classes ({enumerated(classes)}), so labels from 0 to {len(classes) - 1}"
        raise ValueError(f"there are {known}, got {high}")


def described(value) -> str:
    """A tensor's type and shape, or the name of another value's type, for messages."""
    return f"{value.dtype} {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__


def balanced(labels: Tensor | None, count: int, size: int, seed: int, kind: str = "images") -> Tensor:
    """Indices of `size` of `count` samples, as even over the classes as they allow, in order."""
    if size < 1:
        raise ValueError(f"size must be at least 1, got {size}")
    if size > count:
        raise ValueError(f"size={size} was asked for, but there are only {count} {kind}")
    order = torch.from_numpy(np.random.default_rng(seed).permutation(count))
    if labels is None:
        return order[:size].sort().values
    shuffled = labels[order]
    rank = torch.empty_like(shuffled)  # how many of its class come before it
    for label in shuffled.unique():
        (members,) = (shuffled == label).nonzero(as_tuple=True)
        rank[members] = torch.arange(len(members))
    return order[rank.argsort(stable=True)[:size]].sort().values
