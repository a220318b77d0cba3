"""How far from the normal? Scores of features against those of pictures that are nearly all normal; without labels."""

import torch
from sklearn.covariance import LedoitWolf
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from ssl_course.features import check_features


def nearest_distance(normal: Tensor, features: Tensor, *, k: int = 3) -> Tensor:
    """Mean Euclidean distance to the k nearest normal features.

    Args:
        normal, features: (N, D) and (M, D).
        k: more of them are less easily fooled by a single defect among the normal.

    Returns:
        (M,), higher is stranger.

    Source: Bergman, Cohen, Hoshen 2020, Deep Nearest Neighbor Anomaly Detection.

    Raises:
        ValueError: if shapes don't fit, a feature isn't finite, or k isn't in 1 to N.
    """
    _check(normal, features)
    if not 1 <= k <= len(normal):
        raise ValueError(f"k must be from 1 to the {len(normal)} normal features, got {k}")
    distances, _ = NearestNeighbors(n_neighbors=k).fit(normal.numpy()).kneighbors(features.numpy())
    return torch.from_numpy(distances).mean(dim=1).float()


def mahalanobis(normal: Tensor, features: Tensor) -> Tensor:
    """Distance to the mean of the normal features, each direction in units of their own spread.

    The covariance is shrunk towards a ball (Ledoit and Wolf 2004), so that it has an inverse however few the features.

    Args, Returns and Raises as `nearest_distance`; at least two normal features are needed.

    Source: Rippel, Mertens, Merhof 2021, Modeling the Distribution of Normal Data in Pre-Trained Deep Features.
    """
    _check(normal, features)
    if len(normal) < 2:
        raise ValueError("a spread needs at least two normal features, got one")
    squared = LedoitWolf().fit(normal.double().numpy()).mahalanobis(features.double().numpy())
    return torch.from_numpy(squared).clamp(min=0).sqrt().float()


def _check(normal: Tensor, features: Tensor) -> None:
    for part, name in ((normal, "normal"), (features, "new")):
        if part.ndim != 2 or not len(part):
            raise ValueError(f"{name} features must be (N, D) with N at least 1, got {tuple(part.shape)}")
        check_features(part, name)
    if normal.shape[1] != features.shape[1]:
        raise ValueError(f"normal and new features differ in width: {normal.shape[1]} and {features.shape[1]}")
