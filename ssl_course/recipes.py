"""How the course trains each method: which encoder, which views on which images, which options.

What is set here was chosen on images held back from the training split, never on the test split.
"""

import torch
from torch import nn

from ssl_course.methods import METHODS
from ssl_course.networks import ENCODERS
from ssl_course.profiles import augmentation
from ssl_course.vit import TRANSFORMERS

# Which parts of the data set's usual views a method changes: a pretext task must not destroy its own answer, and a
# method that paints pixels gets them with their colours.
VIEWS = {
    "rotation": {"rotation": 0.0},
    "jigsaw": {"rotation": 0.0},
    "inpainting": {"jitter": 0.0, "grayscale": 0.0},
    "autoencoder": {"jitter": 0.0, "grayscale": 0.0},
    "vae": {"jitter": 0.0, "grayscale": 0.0},
    "mae": {"jitter": 0.0, "grayscale": 0.0},
}
# What they change on photographs alone.
ON_PHOTOGRAPHS = {"byol": {"crop": 0.4}, "simsiam": {"crop": 0.4}}
# Options that differ from a method's defaults. On the built-in images most tiles are of one colour, and to normalise
# those shows noise; and a queue should be short beside the number of images, or it holds each image itself, as its own
# negative.
OPTIONS = {
    "shapes": {
        "jigsaw": {"normalise": False},
        "moco": {"length": 1024, "temperature": 0.07},
        "byol": {"decay": 0.9},
        "mae": {"normalised": False, "width": 32},
    },
    # A jigsaw that is trained on normalised tiles would be judged on plain pictures, which it has never seen.
    "photographs": {
        "rotation": {"every": True},
        "jigsaw": {"normalise": False},
        "byol": {"decay": 0.9},
        "barlow_twins": {"weight": 0.02},
    },
}
# Learning rate and batch size as shares of the other methods'.
SHARES = {
    "shapes": {"mae": {"lr": 2 / 3}, "byol": {"lr": 1 / 3}, "simsiam": {"lr": 1 / 3}},
    "photographs": {
        "rotation": {"batch_size": 1 / 4},
        "mae": {"batch_size": 1 / 4, "lr": 2 / 3},
        "moco": {"lr": 1 / 2},
        "byol": {"batch_size": 1 / 4, "lr": 1 / 3},
        "simsiam": {"batch_size": 1 / 4, "lr": 1 / 3},
    },
}
SIZED = {"inpainting", "autoencoder", "vae"}  # their decoders must know how large the images are


def encoder_name(method: str, data: str, encoder: str = "small_cnn") -> str:
    """The encoder that a method is trained with: MAE leaves out patches, so it takes a transformer."""
    if method != "mae":
        return encoder
    return "small_vit" if data == "shapes" else "wide_vit"


def new_encoder(name: str, seed: int) -> nn.Module:
    """An encoder with the first weights of this seed.

    Raises:
        ValueError: if there is no such encoder.
    """
    known = {**ENCODERS, **TRANSFORMERS}
    if name not in known:
        raise ValueError(f"encoder must be one of {', '.join(known)}, got {name!r}")
    torch.manual_seed(seed)
    return known[name]()


def image_kind(data: str) -> str:
    """What a data set's images are, by its name in `load`: "shapes" or "photographs"."""
    return "shapes" if data == "shapes" else "photographs"


def views(method: str, data: str) -> dict:
    """What a method changes of the usual views of a data set: keyword arguments of `augmentation`."""
    return VIEWS.get(method, {}) | (ON_PHOTOGRAPHS.get(method, {}) if image_kind(data) == "photographs" else {})


def training(method: str, data: str, *, batch_size: int, lr: float) -> dict:
    """`batch_size` and `lr` for `pretrain` on a data set: those given, but for methods that need others."""
    shares = SHARES[image_kind(data)].get(method, {})
    return {"batch_size": round(shares.get("batch_size", 1) * batch_size), "lr": shares.get("lr", 1) * lr}


def build(
    method: str, data: str, *, size: int | tuple[int, int] = 32, seed: int = 0, encoder: str = "small_cnn", **options
) -> nn.Module:
    """A method as the course trains it on a data set.

    Args:
        method: a name in `METHODS`.
        data: the data set's name in `load`; decides the views.
        size: height and width of the images.
        seed: of the first weights.
        encoder: a name in `ENCODERS`; MAE always takes a transformer.
        options: further keyword arguments of the method.

    Raises:
        ValueError: if a name isn't known, or an option is out of range.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    network = new_encoder(encoder_name(method, data, encoder), seed)
    options = OPTIONS[image_kind(data)].get(method, {}) | options | ({"size": size} if method in SIZED else {})
    return METHODS[method](network, augment=augmentation(data, **views(method, data)), **options)
