"""Features of an encoder, and the numbers that tell without labels whether they have collapsed."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssl_course.samples import KINDS, described


@torch.no_grad()
def extract_features(encoder: nn.Module, images: Tensor, *, batch_size: int = 500, stay: bool = False) -> Tensor:
    """What the encoder says of each image: in order, not augmented, in evaluation mode, without changing the encoder.

    Args:
        encoder: maps (B, C, H, W) in [0, 1] to (B, D); it is used on the device it is on.
        images: uint8 (N, C, H, W), N at least 1; or what else `samples.KINDS` knows, for an encoder that takes it.
        stay: whether the features stay on the encoder's device.

    Returns:
        float32 (N, D), on the CPU unless they stay.

    Raises:
        ValueError: if images are of no such kind, there are none, or a feature isn't finite.
    """
    if not isinstance(images, Tensor) or (images.dtype, images.ndim) not in KINDS or not len(images):
        raise ValueError(f"images must be a uint8 tensor (N, C, H, W) with N at least 1, got {described(images)}")
    device = next((parameter.device for parameter in encoder.parameters()), torch.device("cpu"))
    modes = [(module, module.training) for module in encoder.modules()]
    encoder.eval()
    try:
        parts = (encoder(to_float(batch.to(device))).float() for batch in images.split(batch_size))
        features = torch.cat([part if stay else part.cpu() for part in parts])
    finally:
        for module, training in modes:
            module.training = training
    if not features.isfinite().all():
        raise ValueError(
            "the encoder's features are not finite: its weights are broken, go back to an earlier checkpoint"
        )
    return features


def to_float(data: Tensor) -> Tensor:
    """uint8 0 to 255 -> float32 0 to 1, images in the channels-last layout that convolutions are fastest in.

    Tokens and sounds stay as they are.
    """
    if data.dtype != torch.uint8:
        return data
    scaled = data.float().div_(255)
    return scaled.contiguous(memory_format=torch.channels_last) if data.ndim == 4 else scaled


def feature_deviation(features: Tensor) -> float:
    """How spread out the directions of features (N, D) are: 1 when they fill the sphere evenly, 0 when all are equal.

    The mean standard deviation over dimensions of the features scaled to length 1, times sqrt(D), as Chen & He
    2021, Exploring Simple Siamese Representation Learning, section 4.1 watch it.

    Raises:
        ValueError: if features isn't (N, D) with N at least 2, or isn't finite.
    """
    _check(features)
    unit = F.normalize(features.double(), dim=1)
    return float(unit.std(dim=0).mean() * features.shape[1] ** 0.5)


def effective_rank(features: Tensor) -> float:
    """How many directions the features (N, D) really use, from 1 to min(N, D).

    The exponential of the entropy of the singular values, after the mean is taken off; 1 when all features are equal
    up to the rounding of float32.

    Source: Roy & Vetterli 2007, The effective rank, definition 1.

    Raises:
        ValueError: if features isn't (N, D) with N at least 2, or isn't finite.
    """
    _check(features)
    if collapsed(features):
        return 1.0
    features = features.double().cpu()
    centred = features - features.mean(dim=0)
    values = torch.linalg.svdvals(centred)
    shares = values / values.sum()
    return float(torch.exp(torch.special.entr(shares).sum()))


def alignment(z1: Tensor, z2: Tensor) -> float:
    """Mean squared distance of the two views' directions, 0 (equal) to 4 (opposite); z1, z2 are (N, D).

    Source: Wang & Isola 2020, Understanding Contrastive Representation Learning, eq. 5 with alpha = 2.

    Raises:
        ValueError: if the shapes differ, or a number isn't finite.
    """
    if z1.shape != z2.shape:
        raise ValueError(f"z1 and z2 must have one shape, got {tuple(z1.shape)} and {tuple(z2.shape)}")
    check_features(z1, "z1"), check_features(z2, "z2")
    distance = F.normalize(z1.double(), dim=1) - F.normalize(z2.double(), dim=1)
    return float(distance.square().sum(dim=1).mean())


def uniformity(z: Tensor) -> float:
    """Log of the mean Gaussian potential over all pairs of z (N, D): 0 when all are equal, lower is more even.

    Source: Wang & Isola 2020, Understanding Contrastive Representation Learning, eq. 6 with t = 2.

    Raises:
        ValueError: if z isn't (N, D) with N at least 2.
    """
    _check(z)
    squared = torch.pdist(F.normalize(z.double(), dim=1)).square()
    return float((-2 * squared).exp().mean().log())


def collapsed(features: Tensor) -> bool:
    """Whether all rows of features (N, D) are equal up to the rounding of float32."""
    features = features.double()
    features = features / features.abs().max().clamp(min=torch.finfo(torch.float64).tiny)  # no square overflows
    return bool((features - features.mean(dim=0)).norm() <= 1e-6 * features.norm())


def check_features(features: Tensor, name: str) -> None:
    """ValueError if features hold what is not a number or infinite; every measure would be without meaning."""
    broken = int((~features.isfinite()).sum())
    if broken:
        raise ValueError(
            f"{name} features must be finite, got {broken} of {features.numel()} numbers that aren't (NaN or infinite)"
        )


def _check(features: Tensor) -> None:
    if features.ndim != 2 or len(features) < 2:
        raise ValueError(f"features must be (N, D) with N at least 2, got {tuple(features.shape)}")
    check_features(features, "all")
