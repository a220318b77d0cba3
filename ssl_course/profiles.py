"""How much work a notebook does on this machine."""

import os
from dataclasses import dataclass

import torch

from ssl_course.data import downloaded
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


LONGER = Settings("standard", "shapes", "small_cnn", USUAL["shapes"]["size"], 30, 128, 4e-3)
PROFILES = {
    "quick": Settings("quick", "shapes", "small_cnn", *_usual("shapes")),
    "standard": Settings("standard", "cifar10", "small_cnn", *_usual("photographs")),
    "full": Settings("full", "cifar10", "resnet18", 50_000, 200, 512, 2e-3),
}


def settings(profile: str = "auto", data: str | None = None) -> Settings:
    """The settings of a profile: "quick" (laptop, lecture, tests), "standard" (a GPU), "full" (published numbers).

    "auto" takes the environment variable SSL_COURSE_PROFILE, else quick without and standard with a CUDA GPU. Nothing
    is downloaded unasked: standard uses CIFAR-10 where it has been downloaded before, else ten times the passes over
    the built-in images, and prints which.

    Args:
        data: "shapes" or "cifar10", for standard alone; "cifar10" is downloaded if it isn't there (170 MB).

    Raises:
        ValueError: if there is no such profile, or another data set is asked for.
    """
    if profile == "auto":
        profile = os.environ.get("SSL_COURSE_PROFILE") or ("standard" if torch.cuda.is_available() else "quick")
    if profile not in PROFILES:
        raise ValueError(f"profile must be auto, {', '.join(PROFILES)}, got {profile!r}")
    if data not in (None, "shapes", "cifar10"):
        raise ValueError(f"data must be shapes or cifar10, got {data!r}: load takes others")
    if profile != "standard":
        return PROFILES[profile]
    if data == "shapes" or (data is None and not downloaded("cifar10")):
        print('standard: the built-in images, longer; settings("standard", data="cifar10") downloads photographs')
        return LONGER
    return PROFILES["standard"]
