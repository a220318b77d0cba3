"""Encoders that others have trained: torchvision's networks with the weights of their training on ImageNet."""

import os
import socket
from pathlib import Path

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

PREFIX = "torchvision:"
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's pixels, as these weights expect
SMALLEST = 96  # pixels of the shorter side that such networks need to see anything
PATIENCE = 20.0  # seconds without a byte, after which a download has failed


class Pretrained(nn.Module):
    """A network without its classifier; images (B, 3, H, W) in [0, 1] -> features (B, dim).

    Small images are enlarged until their shorter side has SMALLEST pixels.
    """

    def __init__(self, body: nn.Module, dim: int):
        super().__init__()
        self.body, self.dim = body, dim
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        shorter = min(images.shape[2:])
        if shorter < SMALLEST:
            size = [round(side * SMALLEST / shorter) for side in images.shape[2:]]
            images = F.interpolate(images, size=size, mode="bilinear", align_corners=False)
        return self.body((images - self.mean) / self.deviation)


def is_pretrained(name: str) -> bool:
    """Whether an encoder's name asks for one of these."""
    return name.startswith(PREFIX)


def unweighted(name: str) -> Pretrained:
    """The network of a name, with random weights: what a checkpoint is read into.

    Args:
        name: as for `pretrained`.

    Raises:
        ValueError: torchvision has no such network, or it doesn't end in one linear layer that can be left out.
    """
    wanted = name.removeprefix(PREFIX).partition("@")[0]
    if wanted not in torchvision.models.list_models(module=torchvision.models):
        raise ValueError(
            f"torchvision has no network {wanted!r}: try {PREFIX}resnet18, {PREFIX}resnet50 or {PREFIX}convnext_tiny"
        )
    body = torchvision.models.get_model(wanted, weights=None)
    for last in ("fc", "classifier"):
        part = getattr(body, last, None)
        linear = part[-1] if isinstance(part, nn.Sequential) else part
        if isinstance(linear, nn.Linear):
            if part is linear:
                setattr(body, last, nn.Identity())
            else:
                part[-1] = nn.Identity()
            return Pretrained(body, linear.in_features)
    raise ValueError(f"{wanted} has no single linear layer at its end to leave out: try {PREFIX}resnet18")


def pretrained(name: str) -> Pretrained:
    """An encoder with the weights that others have trained, to be used as it is, fine-tuned or trained further.

    Args:
        name: "torchvision:resnet18", or another network of torchvision; its weights (those that torchvision calls
            default) come from torch's cache or are downloaded. "torchvision:resnet18@FILE" takes them from a file.

    Raises:
        ConnectionError: the weights aren't there and can't be downloaded.
        ValueError: there is no such network, or the file holds other weights.
        FileNotFoundError: there is no such file.
    """
    encoder = unweighted(name)
    network, _, file = name.removeprefix(PREFIX).partition("@")
    weights = _from_file(Path(file).expanduser()) if file else _downloaded(network)
    own = {key: value for key, value in weights.items() if not key.startswith(("fc.", "classifier."))}
    own |= {key: weights[key] for key in encoder.body.state_dict() if key in weights}
    try:
        encoder.body.load_state_dict(own)
    except RuntimeError as failure:
        lines = str(failure).splitlines()
        raise ValueError(f"{file or network} doesn't hold the weights of {network}: {lines[-1].strip()}") from failure
    return encoder.eval()


def _from_file(file: Path) -> dict[str, Tensor]:
    if not file.is_file():
        raise FileNotFoundError(f"there is no file of weights {file}")
    try:
        weights = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as failure:  # torch raises many kinds for a file that is none of its own
        raise ValueError(f"{file} can't be read as weights ({type(failure).__name__}): download it again") from failure
    if not isinstance(weights, dict) or not all(isinstance(value, Tensor) for value in weights.values()):
        raise ValueError(f"{file} holds no state_dict (names and tensors): save it with torch.save(net.state_dict())")
    return weights


def _downloaded(network: str) -> dict[str, Tensor]:
    weights = torchvision.models.get_model_weights(network).DEFAULT
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE)
    try:
        return weights.get_state_dict(progress=False, check_hash=True)
    except (OSError, RuntimeError) as failure:
        place = Path(torch.hub.get_dir(), "checkpoints", os.path.basename(weights.url))
        raise ConnectionError(
            f"the weights of {network} could not be downloaded ({failure}): fetch {weights.url} where there is a "
            f"network, and put it at {place}, or name the file: {PREFIX}{network}@FILE"
        ) from failure
    finally:
        socket.setdefaulttimeout(before)
