"""Encoders of the course's longest runs on the built-in images, kept with the package in half precision.

`python benchmarks/ready.py` makes the files: of Part I from the runs of results/budgets_shapes.json, of lessons 13 and
14 (dino, ijepa, lejepa) from runs of their own. They hold arrays alone (NumPy's npz), so that loading one runs no code
of its own; cards.json says how each came about.
"""

import functools
import hashlib
import json
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor, nn

from ssl_course.recipes import Recipe, make, new_encoder

FOLDER = Path(__file__).parent
WHOLE = ("inpainting", "autoencoder", "vae", "byol", "mae")  # methods that a lesson paints or predicts with


def ready(name: str, *, whole: bool = False) -> nn.Module:
    """The encoder of a method's longest run on the built-in images, in evaluation mode, on the processor.

    Args:
        name: a method that `cards` knows.
        whole: give the method with its decoder or predictor, for those in WHOLE; its encoder is `.encoder`.

    Raises:
        ValueError: if there is no such encoder, its method isn't kept whole, or the file isn't the one of its card.
    """
    made = _recipe(card(name)["recipe"])
    if whole and name not in WHOLE:
        raise ValueError(f"only {', '.join(WHOLE)} are kept whole, not {name}: ready({name!r}) gives its encoder")
    weights = read_weights(FOLDER / f"{name}.npz", card(name)["sha256"])
    if name not in WHOLE:
        encoder = new_encoder(made.encoder, made.seed)
        encoder.load_state_dict(weights)
        return encoder.eval()
    method = make(made)
    method.load_state_dict(weights)
    return method.eval() if whole else method.encoder.eval()


def card(name: str) -> dict:
    """What is known of an encoder: recipe, passes, steps, cost (in passes of SimCLR), seconds, hardware, date, seed,
    linear_probe and knn (of this file, on all test images), sha256; `note` where the recipe doesn't say all.

    Raises:
        ValueError: if there is no such encoder.
    """
    if name not in cards():
        raise ValueError(f"there is no ready encoder {name!r}, only {', '.join(cards())}")
    return cards()[name]


@functools.cache
def cards() -> MappingProxyType:
    """The cards of all encoders by the method's name."""
    return MappingProxyType(json.loads((FOLDER / "cards.json").read_text(encoding="utf-8")))


def read_weights(file: Path, checksum: str) -> dict[str, Tensor]:
    """The arrays of a file as a state dict, half precision widened to float32.

    Raises:
        ValueError: if the file isn't there or isn't the one with this SHA-256.
    """
    data = file.read_bytes() if file.is_file() else b""
    if hashlib.sha256(data).hexdigest() != checksum:
        raise ValueError(f"{file.name} is {'damaged' if data else 'missing'}: install the course anew (make setup)")
    with np.load(file, allow_pickle=False) as arrays:
        tensors = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    return {name: part.float() if part.dtype == torch.float16 else part for name, part in tensors.items()}


def write_weights(file: Path, weights: dict[str, Tensor]) -> str:
    """Write a state dict, matrices and filters in half precision, and return the file's SHA-256."""
    halved = {
        name: part.half() if part.is_floating_point() and part.ndim > 1 else part for name, part in weights.items()
    }
    np.savez_compressed(file, **{name: part.cpu().contiguous().numpy() for name, part in halved.items()})
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _recipe(values: dict) -> Recipe:
    """A recipe from plain values, as `Recipe.as_dict` gives them."""
    read = {name: MappingProxyType(value) if isinstance(value, dict) else value for name, value in values.items()}
    return Recipe(**read | {"resolution": tuple(read["resolution"])})
