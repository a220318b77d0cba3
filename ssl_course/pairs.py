"""Images with a caption each: a set of pairs that `pretrain` takes as it is, and what two encoders know of each other.

A pair's caption stands where a class's number stands for labelled images: training gives it to `forward` after the
views. So a method of pairs has `uses_labels = True`, `views(images)` and `forward(view, captions)`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssl_course.data import ImageSet
from ssl_course.features import check_features, extract_features
from ssl_course.samples import Known, Samples, balanced
from ssl_course.vocabulary import Vocabulary


@dataclass(frozen=True, eq=False, repr=False)
class Pairs(Known):
    """Images and captions; number i of both belong together.

    Attributes:
        pictures: the images, with classes and factors where they are known.
        captions: tokens (N, L), with what they mention where it is known.
        vocabulary: the words behind the tokens.
    """

    pictures: ImageSet
    captions: Samples
    vocabulary: Vocabulary

    def __post_init__(self):
        if len(self.pictures) != len(self.captions):
            raise ValueError(
                f"every image needs its caption, got {len(self.pictures)} images and {len(self.captions)} captions"
            )
        tokens = self.captions.data
        if tokens.dtype != torch.int64 or tokens.ndim != 2:
            raise ValueError(f"captions must be int64 tokens (N, L), got {tokens.dtype} {tuple(tokens.shape)}")
        if tokens.numel() and not 0 <= int(tokens.min()) <= int(tokens.max()) < len(self.vocabulary):
            low, high = int(tokens.min()), int(tokens.max())
            raise ValueError(f"tokens must be from 0 to {len(self.vocabulary) - 1}, got {low} to {high}")

    @property
    def data(self) -> Tensor:
        """The images, uint8 (N, C, H, W)."""
        return self.pictures.images

    @property
    def labels(self) -> Tensor:
        """The captions' tokens, int64 (N, L): what training gives to `forward` beside the images."""
        return self.captions.data

    @property
    def notes(self) -> tuple[str, ...]:
        return (*self.pictures.notes, *self.captions.notes)

    def __getitem__(self, index):
        """A part of the set, by slice, mask or index tensor."""
        if isinstance(index, int):
            raise TypeError(f"Pairs takes a slice, mask or index tensor, got {index}: .text({index}) is one caption")
        return Pairs(self.pictures[index], self.captions[index], self.vocabulary)

    def sample(self, size: int, *, seed: int = 0) -> "Pairs":
        """`size` of them, as even over the images' classes as they allow; ValueError if there are fewer."""
        return self[balanced(self.pictures.labels, len(self), size, seed, "pairs")]

    def text(self, index: int) -> str:
        """One caption in words."""
        return self.vocabulary.text(self.captions.data[index])

    def __repr__(self) -> str:
        return f"Pairs: {self.pictures!r}, captions of {len(self.vocabulary)} words"


# --- vectors of both, and what can be asked of them


def image_vectors(method: nn.Module, images: Tensor) -> Tensor:
    """Where a method of pairs puts images, uint8 (N, C, H, W) -> float32 (N, D) of length 1."""
    return F.normalize(extract_features(nn.Sequential(method.encoder, method.image_head), images), dim=1)


def text_vectors(method: nn.Module, tokens: Tensor) -> Tensor:
    """Where it puts captions, int64 (N, L) -> float32 (N, D), or prompts, (K, T, L) -> (K, T, D), of length 1."""
    side = nn.Sequential(method.text_encoder, method.text_head)
    vectors = extract_features(side, tokens.reshape(-1, tokens.shape[-1]))
    return F.normalize(vectors, dim=1).view(*tokens.shape[:-1], -1)


def zero_shot(images: Tensor, prompts: Tensor) -> Tensor:
    """How well each image fits each class that is known by prompts only: cosines (N, K), whose largest is the answer.

    A class's vector is the mean of its prompts', of length 1 again (Radford et al. 2021, section 3.1.4).

    Args:
        images: vectors (N, D).
        prompts: vectors (K, D), or (K, T, D) for an ensemble of T prompts a class.

    Raises:
        ValueError: if the widths differ, or a number isn't finite.
    """
    if images.ndim != 2 or prompts.ndim not in (2, 3) or images.shape[1] != prompts.shape[-1]:
        got = f"{tuple(images.shape)} and {tuple(prompts.shape)}"
        raise ValueError(f"images must be (N, D), prompts (K, D) or (K, T, D), got {got}")
    check_features(images, "the images'"), check_features(prompts, "the prompts'")
    if prompts.ndim == 3:
        prompts = F.normalize(prompts, dim=2).mean(dim=1)
    return F.normalize(images, dim=1) @ F.normalize(prompts, dim=1).T


def accuracy(scores: Tensor, labels: Tensor) -> float:
    """Share of images (N, K) whose highest score is that of their label (N,), and no other class's as high."""
    right = scores.gather(1, labels.unsqueeze(1))
    return float(((scores >= right).sum(dim=1) == 1).double().mean())


def recall(queries: Tensor, candidates: Tensor, *, k: int = 1, groups: tuple[Tensor, Tensor] | None = None) -> float:
    """Share of queries that find a right candidate among the k most similar: retrieval, in either direction.

    A candidate that is as similar as the best right one counts as before it, so that equal vectors find nothing.

    Args:
        queries, candidates: vectors (M, D) and (N, D).
        k: how many are looked at.
        groups: whole numbers (M,) and (N,); a candidate is right if its number is the query's. Default: number i finds
            number i. Needed where several images have one caption.

    Raises:
        ValueError: if the shapes don't fit, a query has no right candidate, or k is out of range.
    """
    if queries.ndim != 2 or candidates.ndim != 2 or queries.shape[1] != candidates.shape[1]:
        got = f"{tuple(queries.shape)} and {tuple(candidates.shape)}"
        raise ValueError(f"queries and candidates must be (M, D) and (N, D), got {got}")
    if groups is None and len(queries) != len(candidates):
        raise ValueError(f"{len(queries)} queries and {len(candidates)} candidates aren't pairs: say groups=")
    if not 1 <= k <= len(candidates):
        raise ValueError(f"k must be from 1 to the {len(candidates)} candidates, got {k}")
    check_features(queries, "the queries'"), check_features(candidates, "the candidates'")
    wanted, given = groups if groups is not None else (torch.arange(len(queries)),) * 2
    queries, candidates = F.normalize(queries, dim=1), F.normalize(candidates, dim=1)
    found = []
    for part, numbers in zip(queries.split(500), wanted.split(500), strict=True):
        right = numbers.unsqueeze(1) == given  # (m, N)
        if not right.any(dim=1).all():
            raise ValueError(f"no candidate is right for {int((~right.any(dim=1)).sum())} of the queries")
        cosines = part @ candidates.T
        best = cosines.masked_fill(~right, -torch.inf).amax(dim=1, keepdim=True)
        found.append(((cosines >= best) & ~right).sum(dim=1) < k)
    return float(torch.cat(found).double().mean())


def modality_gap(images: Tensor, texts: Tensor) -> float:
    """How far the mean image is from the mean caption, 0 to 2; vectors are (N, D) and of length 1.

    Source: Liang et al. 2022, Mind the Gap, section 2.
    """
    return float((F.normalize(images, dim=1).mean(dim=0) - F.normalize(texts, dim=1).mean(dim=0)).norm())


def same_captions(tokens: Tensor | Sequence) -> Tensor:
    """A number for each caption (N, L), the same for equal ones: what `recall` takes as `groups`."""
    return torch.unique(torch.as_tensor(tokens), dim=0, return_inverse=True)[1]
