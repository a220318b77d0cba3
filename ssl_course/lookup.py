"""The pictures of any folder as a run's encoder sees them: their paths and features, and which are most alike."""

import csv
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from ssl_course.data import read_files
from ssl_course.folders import enumerated, every_image

TABLES = (".csv", ".npz")  # endings of files that features are written to


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures and where they lie.

    Attributes:
        files: their paths.
        names: their paths within the folder, with / between the parts.
        images: uint8 (N, 3, H, W).
    """

    files: tuple[Path, ...]
    names: tuple[str, ...]
    images: Tensor

    def __len__(self) -> int:
        return len(self.files)


def read_pictures(folder: Path, resolution: int | None, *, unreadable: str = "refuse") -> Pictures:
    """All pictures of a folder and the folders in it, brought to a resolution as `load` does it.

    Args:
        resolution: height and width, as in `load`.
        unreadable: "refuse" or "skip" files that can't be decoded. What is left out is warned of.

    Raises:
        FileNotFoundError: the folder isn't there, or holds no picture.
        ValueError: a picture can't be read.
    """
    return _read(_existing(folder), [], resolution, unreadable)


def read_beside(image: Path, folder: Path, resolution: int | None, *, unreadable: str = "refuse") -> Pictures:
    """One picture first, then all others of a folder, read together: those of 16 bits share one scale.

    Args:
        image: a file anywhere, or its path within the folder.
        folder, resolution, unreadable: as in `read_pictures`.

    Raises:
        FileNotFoundError: the picture or the folder isn't there, or the folder holds no other picture.
        ValueError: a picture can't be read; the first one can't be skipped.
    """
    folder = _existing(folder)
    found = next((file for file in (image, folder / image) if file.is_file()), None)
    if found is None:
        raise FileNotFoundError(f"there is no picture {image}, neither here nor in {folder}: give its whole path")
    read_files([found], folder, resolution=resolution)
    pictures = _read(folder, [found], resolution, unreadable)
    if len(pictures) < 2:
        raise FileNotFoundError(f"{folder} holds no other picture than {image}: name a folder to search in")
    return pictures


def write_features(file: Path, names: Sequence[str], features: Tensor) -> None:
    """Names and features (N, D) as a table: .csv with a column for each number, or .npz with `paths` and `features`.

    Raises:
        ValueError: the file has another ending.
    """
    if file.suffix not in TABLES:
        raise ValueError(f"features are written to a file ending in {' or '.join(TABLES)}, got {file}")
    if file.suffix == ".npz":
        np.savez_compressed(file, paths=np.array(names), features=features.numpy())
        return
    head = ["path", *(f"feature_{number}" for number in range(features.shape[1]))]
    rows = ([name, *(f"{value:.9g}" for value in row)] for name, row in zip(names, features.tolist(), strict=True))
    with open(file, "w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, lineterminator="\n").writerows([head, *rows])


def write_predictions(stream: TextIO, names: Sequence[str], classes: Sequence[str], probabilities: Tensor) -> None:
    """A line for each picture: path, its class, the probability of that, and the probability of each class.

    Args:
        names: N of them.
        classes: K of them; the last columns are called p_<class>.
        probabilities: (N, K).
    """
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(["path", "class", "probability", *(f"p_{name}" for name in classes)])
    for name, row in zip(names, probabilities.tolist(), strict=True):
        best = max(range(len(row)), key=row.__getitem__)
        table.writerow([name, classes[best], f"{row[best]:.6f}", *(f"{value:.6f}" for value in row)])


def most_similar(query: Tensor, features: Tensor, count: int = 10) -> tuple[Tensor, Tensor]:
    """The features most alike to one of them, by cosine similarity, the most similar first.

    Args:
        query: (D,).
        features: (N, D).
        count: how many; N if there are fewer.

    Returns:
        Their places (count,), and their similarities (count,) from -1 to 1.

    Raises:
        ValueError: if the widths differ, or count isn't positive.
    """
    if features.ndim != 2 or query.shape != features.shape[1:]:
        got = f"{tuple(query.shape)} and {tuple(features.shape)}"
        raise ValueError(f"query and features must be (D,) and (N, D), got {got}")
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    cosine = F.normalize(features.double(), dim=1) @ F.normalize(query.double(), dim=0)  # (N,)
    nearest = cosine.argsort(descending=True, stable=True)[:count]
    return nearest, cosine[nearest].clamp(-1, 1)


def similar_table(names: Sequence[str], similarities: Sequence[float]) -> str:
    """Rank, similarity and path of each picture as text."""
    lines = [f"{'rank':>4}  {'similarity':>10}  path"]
    for rank, (name, value) in enumerate(zip(names, similarities, strict=True), start=1):
        lines.append(f"{rank:>4}  {value:>10.3f}  {name}")
    return "\n".join(lines)


def _existing(folder: Path) -> Path:
    if folder.is_dir():
        return folder
    wrong = "is a file: name the folder that it lies in" if folder.exists() else "isn't there: name a folder"
    raise FileNotFoundError(f"{folder} {wrong}")


def _read(folder: Path, first: list[Path], resolution: int | None, unreadable: str) -> Pictures:
    """The pictures of a folder behind some that stand first, which don't come again."""
    listing = every_image(folder)
    known = {file.resolve() for file in first}
    files = [*first, *(file for file in listing.files if file.resolve() not in known)]
    images, readable, notes = read_files(files, folder, unreadable=unreadable, resolution=resolution)
    for note in [*listing.notes, *notes]:
        warnings.warn(f"{folder}: {note}", stacklevel=3)
    kept = [file for file, ok in zip(files, readable.tolist(), strict=True) if ok]
    return Pictures(tuple(kept), tuple(_name(folder, file) for file in kept), images)


def _name(folder: Path, file: Path) -> str:
    within = file.relative_to(folder) if file.is_relative_to(folder) else file
    return enumerated([within.as_posix()])
