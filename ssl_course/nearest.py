"""Who is most like whom: near twins by their pixels, neighbours by their features, and a score made of neighbours."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ssl_course.data import ImageSet
from ssl_course.features import check_features

SIDE = 8  # pixels that an image is reduced to before it is looked for among others
ROWS = 1024  # images that are compared with all others at a time


def twins(images: ImageSet, others: ImageSet) -> tuple[Tensor, Tensor]:
    """For each image the nearest of the others, both reduced to 8x8 pixels: near zero for a copy saved again.

    A twin of a *test* image among the training images is a leak. Drawn shapes have theirs below 6, and photographs
    that merely resemble each other above; look at the pairs and at the histogram of your own.

    Args:
        images, others: M and N images, which may differ in size.

    Returns:
        (M,) root of the mean squared difference, in grey values from 0 to 255; (M,) which of the others it is.

    Raises:
        ValueError: if there are no others, or the two differ in channels.

    Source: after Barz & Denzler 2020, Do We Train on Test Data?, who compare features in place of pixels.
    """
    if not len(others):
        raise ValueError("twins are looked for among at least one other image, got none")
    if images.images.shape[1] != others.images.shape[1]:
        found = f"{images.images.shape[1]} and {others.images.shape[1]}"
        raise ValueError(f"both must have the same number of channels, got {found}")
    pool = small(others.images)  # (N, D)
    nearest = [grey_distance(part, pool).min(dim=1) for part in small(images.images).split(ROWS)]
    return torch.cat([part.values for part in nearest]), torch.cat([part.indices for part in nearest])


def small(images: Tensor) -> Tensor:
    """Images (N, C, H, W) as the means of 8x8 fields, (N, C * 64), in grey values."""
    return torch.cat([F.adaptive_avg_pool2d(part.float(), SIDE).flatten(1) for part in images.split(ROWS)])


def grey_distance(ones: Tensor, others: Tensor) -> Tensor:
    """Root of the mean squared difference of each row of (M, D) with each of (N, D): (M, N)."""
    exact = "donot_use_mm_for_euclid_dist"  # the fast way is off by more than small distances are
    return torch.cdist(ones, others, compute_mode=exact) / ones.shape[1] ** 0.5


def neighbours(features: Tensor, others: Tensor | None = None, *, k: int = 1) -> tuple[Tensor, Tensor]:
    """The k most similar features by their cosine, the most similar first.

    Args:
        features: (M, D).
        others: (N, D) to look among; default the features themselves, where nobody is their own neighbour.
        k: how many.

    Returns:
        cosines (M, k), and which of the others they are (M, k).

    Raises:
        ValueError: if shapes don't fit, a feature isn't finite, or there are fewer than k others.
    """
    pool = features if others is None else others
    for part, name in ((features, "all"), (pool, "other")):
        if part.ndim != 2:
            raise ValueError(f"{name} features must be (N, D), got {tuple(part.shape)}")
        check_features(part, name)
    if features.shape[1] != pool.shape[1]:
        raise ValueError(f"features and others differ in width: {features.shape[1]} and {pool.shape[1]}")
    candidates = len(pool) - (others is None)
    if not 1 <= k <= candidates:
        raise ValueError(f"k must be from 1 to the {candidates} features to look among, got {k}")
    cosine = F.normalize(features, dim=1) @ F.normalize(pool, dim=1).T  # (M, N)
    if others is None:
        cosine.fill_diagonal_(float("-inf"))  # nobody is their own neighbour
    return tuple(cosine.topk(k, dim=1))


def leave_one_out(features: Tensor, labels: Tensor) -> float:
    """Share of images whose most similar other one has their label: a score for few labels, without a test split.

    Counted on n images, a share p has a standard error of about sqrt(p (1 - p) / n).

    Args:
        features: (N, D), N at least 2.
        labels: (N,).

    Raises:
        ValueError: if there isn't one label for each feature, or as `neighbours`.
    """
    if labels.shape != features.shape[:1]:
        raise ValueError(f"labels must be ({len(features)},), one for each feature, got {tuple(labels.shape)}")
    _, nearest = neighbours(features)
    return (labels[nearest[:, 0]] == labels).float().mean().item()
