"""How much work a notebook does on this machine, and which views suit which images."""

import os
from dataclasses import dataclass

import torch

from ssl_course.augment import Augment


@dataclass(frozen=True)
class Settings:
    """What the settings cell of a notebook holds; see `settings`."""

    profile: str
    data: str
    encoder: str
    size: int  # training images
    epochs: int
    batch_size: int
    lr: float


PROFILES = {
    "quick": Settings("quick", "shapes", "small_cnn", 6000, 3, 32, 3e-3),
    "standard": Settings("standard", "cifar10", "small_cnn", 20_000, 15, 256, 4e-3),
    "full": Settings("full", "cifar10", "resnet18", 50_000, 200, 512, 2e-3),
}


def settings(profile: str = "auto") -> Settings:
    """The settings of a profile: "quick" (laptop, lecture, tests), "standard" (Colab GPU), "full" (published numbers).

    "auto" takes the environment variable SSL_COURSE_PROFILE, else quick without and standard with a CUDA GPU.

    Raises:
        ValueError: if there is no such profile.
    """
    if profile == "auto":
        profile = os.environ.get("SSL_COURSE_PROFILE") or ("standard" if torch.cuda.is_available() else "quick")
    if profile not in PROFILES:
        raise ValueError(f"profile must be auto, {', '.join(PROFILES)}, got {profile!r}")
    return PROFILES[profile]


def augmentation(data: str, **changes) -> Augment:
    """The views for a data set by its name in `load`; keyword arguments change single parts of it.

    The built-in shapes are turned by any angle (nothing tells which way is up), keep at least 60 % of the area (a
    smaller crop can miss the shape) and are mostly grey, since their colours say nothing; photographs get SimCLR's
    crops, flips and colours.
    """
    base = {"crop": 0.6, "rotation": 180.0, "grayscale": 0.8} if data == "shapes" else {}
    return Augment(**base | changes)
