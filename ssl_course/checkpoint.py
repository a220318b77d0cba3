"""The checkpoint of a training run: what is kept in the file, and when a run may go on from it."""

import hashlib
import json
import math
import os
import pickle
import zipfile
import zlib
from pathlib import Path

import torch
from torch import Tensor, nn

from ssl_course.mapped import checksum_on_disk

FORMAT = 2  # of the file


class TrainingError(RuntimeError):
    """Training can't go on; the message says where it stopped, why, and what to do."""


def save(path: str | os.PathLike, contents: dict) -> None:
    """Write everything that going on needs, to a file beside it first: a crash leaves the old file or the new one.

    Args:
        contents: settings, history, method, optimizer, scaler; tensors and plain values only.

    Raises:
        TrainingError: if it can't be written; the old file is still there.
    """
    path = Path(path)
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(part, "wb") as file:
            torch.save({"format": FORMAT} | contents, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except (OSError, RuntimeError) as failure:
        raise TrainingError(
            f"the checkpoint {path} could not be written after epoch {len(contents['history'])} ({failure}); an "
            "earlier one is unharmed: make room or choose another place, then run the same command to go on"
        ) from failure
    finally:
        part.unlink(missing_ok=True)


def read_checkpoint(path: str | os.PathLike) -> dict:
    """What `save` wrote, with tensors on the CPU. Only tensors and plain values are read, never code.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is truncated, damaged or not a checkpoint of this course.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no checkpoint {path}")
    try:
        damaged = _first_damaged_part(path)
        contents = None if damaged else torch.load(path, map_location="cpu", weights_only=True)
    except (PermissionError, IsADirectoryError):
        raise
    except (
        RuntimeError,
        pickle.UnpicklingError,
        zipfile.BadZipFile,
        EOFError,
        ValueError,
        KeyError,
        OSError,
    ) as failure:
        raise ValueError(f"{path} is truncated or not a checkpoint: delete it to start afresh") from failure
    if damaged:
        raise ValueError(f"{path} is damaged ({damaged} isn't what was written): delete it to start afresh")
    if not isinstance(contents, dict) or contents.get("format") != FORMAT:
        raise ValueError(f"{path} is not a checkpoint of this version of ssl_course: delete it to start afresh")
    return contents


def check_same(saved: dict, settings: dict, path: str | os.PathLike) -> None:
    """Raises ValueError, naming the first difference, if a checkpoint's settings aren't those of this run."""
    saved = _flat({"optimizer": "adamw"} | saved)  # older checkpoints don't say: there was no other
    for key, value in _flat(settings).items():
        before = saved.get(key)
        if before != value:
            raise ValueError(
                f"{path} was made with {key}={before!r}, this run has {key}={value!r}: "
                "give the same settings to go on, or another file to start afresh"
            )


def load_encoder(path: str | os.PathLike, encoder: nn.Module) -> nn.Module:
    """Fill an encoder with the weights in a checkpoint, whatever the method was, and return it in evaluation mode.

    Raises:
        ValueError: if the weights don't fit this encoder.
    """
    prefix, weights = "encoder.", read_checkpoint(path)["method"]
    own = {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}
    try:
        encoder.load_state_dict(own)
    except RuntimeError as failure:
        raise ValueError(f"the weights in {path} are of another encoder than {type(encoder).__name__}") from failure
    return encoder.eval()


def own_place(settings: dict, method: nn.Module) -> Path | None:
    """The file for a run's checkpoint in the folder that SSL_COURSE_CHECKPOINTS names; None if it names none.

    The same settings, images and first weights have the same file, so that a run goes on after its kernel was lost.
    """
    folder = os.environ.get("SSL_COURSE_CHECKPOINTS")
    if not folder:
        return None
    weights = {name: checksum(part) for name, part in method.state_dict().items()}
    made_of = json.dumps([settings, weights], sort_keys=True).encode()
    return Path(folder) / f"{settings['method'].lower()}-{hashlib.sha256(made_of).hexdigest()[:16]}.pt"


def plain_settings(method: nn.Module) -> dict[str, dict]:
    """The settings of a method and of each of its parts, such as its temperature and its views' crop, by name.

    They are the attributes made of numbers, words, truth values and tuples or dicts of those. What is private, or not
    finite since nothing has been measured yet, isn't a setting.
    """
    found = {}
    for name, part in method.named_modules():
        settings = {key: value for key, value in vars(part).items() if _is_setting(key, value)}
        found[name or "method"] = {"kind": type(part).__name__} | settings
    return found


def _first_damaged_part(path: str | os.PathLike) -> str | None:
    """A part of the file that doesn't fit its checksum, if any: torch.save writes them, torch.load ignores them."""
    with zipfile.ZipFile(path) as archive:
        return archive.testzip()


def checksum(tensor: Tensor) -> int:
    """CRC-32 of a tensor's bytes; images on disk know theirs."""
    known = checksum_on_disk(tensor)
    return known if known is not None else zlib.crc32(tensor.cpu().contiguous().numpy())


def _is_setting(key: str, value: object) -> bool:
    if key.startswith("_") or key == "training":
        return False
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(_is_setting(str(name), part) for name, part in value.items())
    if isinstance(value, tuple):
        return all(_is_setting("", part) for part in value)
    return isinstance(value, int | str | bool | None)


def _flat(settings: dict, prefix: str = "") -> dict:
    """Nested dicts as one, with dotted names."""
    flat = {}
    for key, value in settings.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
