"""Images in memory: `load` turns a name or a folder into an ImageSet.

All pixels of a set are one uint8 tensor, so that a batch is one index away and nothing is decoded twice.
"""

import math
import os
import shutil
import socket
import tempfile
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

import numpy as np
import torch
import torchvision
from PIL import Image, ImageOps
from torch import Tensor

from ssl_course import pictures as pictures_of
from ssl_course import shapes
from ssl_course.folders import counted, enumerated, list_images, without_dots
from ssl_course.memory import free_memory, in_words
from ssl_course.pictures import LARGEST, RESIZED, Picture, Unreadable
from ssl_course.samples import Known, balanced, check_labels, described
from ssl_course.store_file import is_store

SPLITS = ("train", "test")
TIMEOUT = 20  # seconds without an answer after which a download gives up
COPIES = 3.2  # of all pixels that there are at once while a folder is loaded, as measured
SMALLEST = 8  # height and width in pixels: the encoders halve them three times
MUCH = 4  # times that an image is made smaller before `load` says what is lost


@dataclass(frozen=True, eq=False, repr=False)
class ImageSet(Known):
    """Images with what is known of them.

    Attributes:
        images: uint8 (N, C, H, W).
        labels: int64 (N,), from 0 to len(classes) - 1, or None where nobody knows.
        classes: the names behind the labels; () where they have none.
        factors: what the images were drawn from, each (N, …), or None for photographs.
        notes: what `load` did to the images that a reader should know, one sentence each.
    """

    images: Tensor
    labels: Tensor | None = None
    classes: tuple[str, ...] = ()
    factors: dict[str, Tensor] | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self):
        images = self.images
        if not isinstance(images, Tensor) or images.dtype != torch.uint8 or images.ndim != 4:
            raise ValueError(f"images must be a uint8 tensor (N, C, H, W), got {described(images)}")
        check_labels(self.labels, len(images), self.classes)

    @property
    def data(self) -> Tensor:
        """The images, by the name that sets of other things have for theirs."""
        return self.images

    def __repr__(self) -> str:
        known = "no labels" if self.labels is None else f"{len(self.classes)} classes"
        factors = f", factors {', '.join(self.factors)}" if self.factors else ""
        return f"ImageSet: {len(self)} images {'x'.join(map(str, self.images.shape[1:]))}, {known}{factors}"


def load(
    name: str | os.PathLike,
    split: str = "train",
    *,
    root: str | os.PathLike | None = None,
    size: int | None = None,
    download: bool = True,
    seed: int = 0,
    distractors: bool = False,
    upright: bool = False,
    unreadable: str = "refuse",
    resolution: int | None = None,
    labels: str | None = "auto",
) -> ImageSet:
    """Load a set of images by name, or from a folder.

    Args:
        name: "shapes" (drawn on the spot), "cifar10", "stl10", "fashion_mnist", or a directory:
            DIR/<split>/<class>/*.jpg; DIR/<class>/*, where every fifth image of a class is the test split (the last
            one of a class of two to four); or a flat folder, whose labels are None. ~ is the home folder.
        split: "train" or "test"; stl10 has "unlabeled" too, and a folder may have "val". Folders called Training,
            TEST or validation are splits as well.
        root: where downloads are kept; default $SSL_COURSE_DATA, else ~/.cache/ssl_course.
        size: how many images, drawn class-balanced with `seed`; default all, and 8,000 (train) or 2,000 (test) shapes.
        download: whether a missing data set may be fetched.
        distractors, upright: shapes only: draw stripes and blobs as well; hardly turn them. See `shapes.draw`.
        unreadable: what to do with files of a folder that can't be decoded: "refuse" or "skip".
        resolution: folders only: height and width to bring every image to, by resizing the shorter side and cropping
            the middle. Default: the images' own size if they share one of at most 96x96, else 64.
        labels: folders only: "folders", subfolders are classes; None, whatever is in them has no labels and is split
            "train" (or the split that it lies in); "auto", they are classes unless all of them are called after dates,
            cameras, batches or long numbers (2024-01, 100CANON, batch_3), or "unlabelled" is in the path.

    Returns:
        The images. What was left out or changed stands in `notes`, and each note is a warning too.

    Raises:
        FileNotFoundError: the folder, or the split in it, is missing or empty.
        ConnectionError: a download failed; nothing half-fetched is left behind.
        ValueError: an argument is out of range, files are unreadable, a folder's images need more memory than is free
            (`store` reads those), or no home folder is known.
    """
    if size is not None and size < 1:
        raise ValueError(f"size must be at least 1, got {size}")
    if unreadable not in ("refuse", "skip"):
        raise ValueError(f'unreadable must be "refuse" or "skip", got {unreadable!r}')
    if resolution is not None and resolution < 1:
        raise ValueError(f"resolution must be at least 1, got {resolution}")
    if labels not in ("auto", "folders", None):
        raise ValueError(f'labels must be "auto", "folders" or None, got {labels!r}')
    if str(name) == "shapes":
        return _shapes(split, size, seed, distractors=distractors, upright=upright)
    if distractors or upright:
        which = "distractors" if distractors else "upright"
        raise ValueError(f'{which} belongs to the built-in images: load("shapes", {which}=True)')
    if str(name) in DOWNLOADS:
        whole = DOWNLOADS[str(name)](split, _root(root), download)
        return whole if size is None else whole.sample(size, seed=seed)
    return _folder(_existing(name), split, size, seed, unreadable, resolution, labels)


def _shapes(split: str, size: int | None, seed: int, **kind: bool) -> ImageSet:
    if split not in SPLITS:
        raise ValueError(f"split must be train or test, got {split!r}")
    count = size or {"train": 8000, "test": 2000}[split]
    images, factors = shapes.draw(count, seed=(seed, SPLITS.index(split)), **kind)
    tensors = {name: torch.from_numpy(values) for name, values in factors.items()}
    return ImageSet(torch.from_numpy(images), tensors["class"], shapes.CLASSES, tensors)


# --- folders


def _existing(name: str | os.PathLike) -> Path:
    """The folder of this name, `~` being home; FileNotFoundError if there is none."""
    folder = _at_home(Path(name), "give the whole path")
    if folder.is_dir():
        return without_dots(folder)
    known = ", ".join(["shapes", *DOWNLOADS])
    where = "" if folder.is_absolute() else f" (the working directory is {Path.cwd()})"
    packed = ": it is a file; unpack it, and name the folder" if folder.is_file() else ""
    if is_store(folder):
        packed = ": it is a store; ssl_course.store.open_store reads it, and train and evaluate with --data"
    raise FileNotFoundError(f"{str(folder)!r} is neither a folder here nor one of {known}{where}{packed}")


def _at_home(path: Path, instead: str) -> Path:
    """A path with `~` as the home folder; ValueError with what to do instead if none is known."""
    try:
        return path.expanduser()
    except RuntimeError as unknown:
        raise ValueError(f"no home folder is known for {path} ($HOME isn't set): {instead}") from unknown


def _folder(
    folder: Path,
    split: str,
    size: int | None,
    seed: int,
    unreadable: str,
    resolution: int | None,
    from_folders: str | None,
) -> ImageSet:
    listing = list_images(folder, split, from_folders)
    files, labels, notes = listing.files, listing.labels, listing.notes
    if size is not None:
        chosen = balanced(labels, len(files), size, seed)
        files, labels = [files[i] for i in chosen], None if labels is None else labels[chosen]
    _refuse_more_than_memory(folder, files, resolution)
    images, readable, how = read_files(files, folder, unreadable=unreadable, resolution=resolution)
    labels = None if labels is None else labels[readable]
    notes += how
    for note in notes:
        warnings.warn(f"{folder}: {note}", stacklevel=3)
    return ImageSet(images, labels, listing.classes, notes=tuple(notes))


def read_files(
    files: Sequence[Path], folder: Path, *, unreadable: str = "refuse", resolution: int | None = None
) -> tuple[Tensor, Tensor, list[str]]:
    """The pixels of some files of a folder, as `load` brings them to one size and one scale.

    Args:
        files: at least one.
        folder: which they are named in, in what is said of them.
        unreadable, resolution: as in `load`.

    Returns:
        uint8 (N, 3, H, W); which of the files they are, bool (files,); and notes on what was left out or changed.

    Raises:
        ValueError: none of the files can be read, or one can't and isn't to be skipped.
    """
    with ThreadPoolExecutor() as pool:
        pictures = list(pool.map(lambda file: pictures_of.read(file, resolution), files))
    readable, notes = torch.tensor([isinstance(picture, Picture) for picture in pictures]), []
    bad = {file: picture for file, picture in zip(files, pictures, strict=True) if isinstance(picture, Unreadable)}
    if bad:
        notes.append(refuse_or_leave_out(folder, bad, len(files), unreadable))
        pictures = [picture for picture in pictures if isinstance(picture, Picture)]
    pixels, how = pictures_of.to_bytes(pictures)
    images = _one_size(pixels)
    frames, sizes = [picture.frames for picture in pictures], [picture.size for picture in pictures]
    return images, readable, [*notes, *how, *frames_note(frames), *size_note(sizes, images.shape[-1])]


def _refuse_more_than_memory(folder: Path, files: list[Path], resolution: int | None) -> None:
    """ValueError if reading so many files would take more memory than there is."""
    free, of_one = free_memory(), lambda side: 3 * side * side
    if COPIES * len(files) * of_one(resolution or LARGEST) <= free:
        return
    side = resolution or pictures_of.usual_side(files)
    held = len(files) * of_one(side)
    if COPIES * held <= free:
        return
    fit, smaller = int(free / COPIES / of_one(side)), math.isqrt(int(free / COPIES / 3 / len(files)))
    ways = [f"resolution={smaller} or less, "] if smaller >= SMALLEST else []
    ways += [f"size={fit} or less, "] if fit else []
    instead = f"give {''.join(ways)}or " if ways else ""
    raise ValueError(
        f"the {len(files):,} images of {folder} at {side}x{side} need {in_words(COPIES * held)} of memory while they "
        f"are loaded ({in_words(held)} afterwards), and {in_words(free)} are free: {instead}"
        "decode them once into a file that is read batch by batch (ssl_course.store.build; on the command line "
        f"ssl-course store {folder} --out FILE.store, then --data FILE.store)"
    )


def refuse_or_leave_out(folder: Path, broken: dict[Path, Unreadable], of: int, unreadable: str) -> str:
    """A note on the files that can't be read, `of` so many; ValueError if none can, or they aren't to be skipped."""
    reasons: dict[str, list[Path]] = {}
    for file, picture in broken.items():
        reasons.setdefault(picture.reason, []).append(_within(folder, file))
    bad = sorted(file for named in reasons.values() for file in named)
    named = enumerated(bad)
    why = "; ".join(f"{enumerated(named)}: {reason}" for reason, named in reasons.items())
    why = next(iter(reasons)) if len(reasons) == 1 else why
    if len(bad) == of:
        raise ValueError(f"none of the {len(bad)} images in {folder} can be read ({named}): {why}")
    if unreadable == "refuse":
        raise ValueError(
            f"{len(bad)} of {of} images in {folder} can't be read ({named}): {why}; "
            'or leave them out with unreadable="skip" (on the command line --skip-unreadable)'
        )
    return f"left out {len(bad)} unreadable of {of} images: {named}"


def _within(folder: Path, file: Path) -> Path:
    return file.relative_to(folder) if file.is_relative_to(folder) else file


def frames_note(frames: Sequence[int]) -> list[str]:
    """A note on pages and frames beyond the first, of pictures that have so many."""
    further = [count - 1 for count in frames if count > 1]
    if not further:
        return []
    left, of = counted(sum(further), "frame"), counted(len(further), "image")
    return [f"left out {left} (pages) after the first of {of}"]


def _one_size(pixels: list[np.ndarray]) -> Tensor:
    """Stack pictures to uint8 (N, 3, H, W)."""
    goal = (RESIZED, RESIZED, 3)
    if len({part.shape for part in pixels}) > 1:
        pixels = [
            part if part.shape == goal else np.asarray(ImageOps.fit(Image.fromarray(part), goal[:2])) for part in pixels
        ]
    return torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).contiguous()


def size_note(sizes: Sequence[tuple[int, int]], side: int) -> list[str]:
    """A note on what was done to pictures of other sizes, (width, height), than `side`."""
    changed = [size for size in sizes if size != (side, side)]
    if not changed:
        return []
    found = {f"{width}x{height}" for width, height in changed}
    named = ", ".join(sorted(found)[:3]) + (", …" if len(found) > 3 else "")
    said = f"{len(changed)} of {len(sizes)} images ({named}) were brought to {side}x{side}, keeping the middle"
    shrunk = max(min(size) for size in sizes) / side
    if shrunk > MUCH:
        said += (
            f"; up to {shrunk:.0f} times smaller, so that detail under {math.ceil(shrunk)} pixels is gone: load them "
            "with a larger resolution=… (on the command line --resolution), or cut them into tiles"
        )
    return [said]


# --- downloads


def downloaded(name: str, root: str | os.PathLike | None = None) -> bool:
    """Whether `load` would find a data set without a network.

    Args:
        name, root: as in `load`.
    """
    return (_root(root) / name).is_dir()  # which has its name only when it is complete


def _root(root: str | os.PathLike | None) -> Path:
    chosen = Path(root or os.environ.get("SSL_COURSE_DATA") or Path("~", ".cache", "ssl_course"))
    return _at_home(chosen, "say where downloads are kept with root=… or $SSL_COURSE_DATA")


def _cifar10(split: str, root: Path, download: bool) -> ImageSet:
    data = _fetch(torchvision.datasets.CIFAR10, "cifar10", root, download, train=_split(split) == "train")
    images = torch.from_numpy(data.data).permute(0, 3, 1, 2).contiguous()
    return ImageSet(images, torch.tensor(data.targets), tuple(data.classes))


def _stl10(split: str, root: Path, download: bool) -> ImageSet:
    _split(split, (*SPLITS, "unlabeled"))
    data = _fetch(torchvision.datasets.STL10, "stl10", root, download, split=split)
    labels = None if split == "unlabeled" else torch.from_numpy(data.labels).long()
    return ImageSet(torch.from_numpy(data.data), labels, tuple(data.classes))


def _fashion_mnist(split: str, root: Path, download: bool) -> ImageSet:
    """Grey 28x28 images, padded to 32x32 and repeated to three channels, so that every encoder takes them."""
    data = _fetch(torchvision.datasets.FashionMNIST, "fashion_mnist", root, download, train=_split(split) == "train")
    images = torch.nn.functional.pad(data.data, (2, 2, 2, 2)).unsqueeze(1).repeat(1, 3, 1, 1)
    return ImageSet(images, data.targets, tuple(data.classes))


DOWNLOADS = {"cifar10": _cifar10, "stl10": _stl10, "fashion_mnist": _fashion_mnist}


def _split(split: str, allowed: Sequence[str] = SPLITS) -> str:
    if split not in allowed:
        raise ValueError(f"split must be one of {', '.join(allowed)}, got {split!r}")
    return split


def _fetch(dataset: type, name: str, root: Path, download: bool, **arguments):
    """The torchvision data set, fetched into a folder of its own that gets its name only when it is complete."""
    home = root / name
    try:
        return dataset(str(home), download=False, **arguments)
    except RuntimeError as missing:
        if not download:
            raise FileNotFoundError(f"{name} is not in {home} and download=False") from missing
    waited = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)
    try:
        _download(dataset, home, arguments)
    except (OSError, RuntimeError, HTTPException) as failure:
        raise ConnectionError(
            f"{name} could not be downloaded to {home} ({failure}). Without a network, use the built-in images: "
            'load("shapes"), or copy the folder from a machine that has it, or name a folder of your own images; '
            "for another place, set root=… or $SSL_COURSE_DATA"
        ) from failure
    finally:
        socket.setdefaulttimeout(waited)
    return dataset(str(home), download=False, **arguments)


def _download(dataset: type, home: Path, arguments: dict) -> None:
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{home.name}-", dir=home.parent) as private:
        part = Path(private) / home.name  # with the permissions of every new folder, so that a class can share it
        part.mkdir()
        dataset(str(part), download=True, **arguments)
        if home.exists():  # holds something else, or an incomplete set; whole files take the place of broken ones
            shutil.copytree(part, home, dirs_exist_ok=True, copy_function=os.replace)
        else:
            part.rename(home)
