"""How much work a notebook does on this machine."""

import os
from dataclasses import dataclass

import torch

from ssl_course.recipes import USUAL


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


def _usual(kind: str) -> tuple:
    usual = USUAL[kind]
    return usual["size"], usual["budget"], usual["batch_size"], usual["lr"]


PROFILES = {
    "quick": Settings("quick", "shapes", "small_cnn", *_usual("shapes")),
    "standard": Settings("standard", "cifar10", "small_cnn", *_usual("photographs")),
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
