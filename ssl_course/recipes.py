"""How the course trains each method: which encoder, which views on which images, which options.

What is set here was chosen on images held back from the training split, never on the test split.
"""

import torch
from torch import nn

from ssl_course.methods import METHODS
from ssl_course.networks import ENCODERS
from ssl_course.profiles import augmentation
from ssl_course.vit import small_vit

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
SIZED = {"inpainting", "autoencoder", "vae"}  # their decoders must know how large the images are


def encoder_name(method: str, encoder: str = "small_cnn") -> str:
    """The encoder that a method is trained with: MAE leaves out patches, so it takes the transformer."""
    return "small_vit" if method == "mae" else encoder


def new_encoder(name: str, seed: int) -> nn.Module:
    """An encoder with the first weights of this seed.

    Raises:
        ValueError: if there is no such encoder.
    """
    if name not in {**ENCODERS, "small_vit": small_vit}:
        raise ValueError(f"encoder must be one of {', '.join(ENCODERS)}, small_vit, got {name!r}")
    torch.manual_seed(seed)
    return {**ENCODERS, "small_vit": small_vit}[name]()


def build(
    method: str, data: str, *, size: int | tuple[int, int] = 32, seed: int = 0, encoder: str = "small_cnn", **options
) -> nn.Module:
    """A method as the course trains it on a data set.

    Args:
        method: a name in `METHODS`.
        data: the data set's name in `load`; decides the views.
        size: height and width of the images.
        seed: of the first weights.
        encoder: a name in `ENCODERS`; MAE always takes its transformer.
        options: further keyword arguments of the method.

    Raises:
        ValueError: if a name isn't known, or an option is out of range.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    network = new_encoder(encoder_name(method, encoder), seed)
    sized = {"size": size} if method in SIZED else {}
    return METHODS[method](network, augment=augmentation(data, **VIEWS.get(method, {})), **sized, **options)
