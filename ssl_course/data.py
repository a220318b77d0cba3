"""Images in memory: `load` turns a name or a folder into an ImageSet.

All pixels of a set are one uint8 tensor, so that a batch is one index away and nothing is decoded twice.
"""

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

from ssl_course import shapes

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm"}
SPLITS = ("train", "test")
FOLDER_SPLITS = {*SPLITS, "val", "valid", "validation"}
LARGEST = 96  # pixels; larger images, and images of mixed sizes, are brought to RESIZED
RESIZED = 64
TIMEOUT = 20  # seconds without an answer after which a download gives up


@dataclass(frozen=True, eq=False, repr=False)
class ImageSet:
    """Images with what is known of them.

    Attributes:
        images: uint8 (N, C, H, W).
        labels: int64 (N,), or None where nobody knows.
        classes: the names behind the labels.
        factors: what the images were drawn from, each (N, …), or None for photographs.
        notes: what `load` did to the images that a reader should know, one sentence each.
    """

    images: Tensor
    labels: Tensor | None = None
    classes: tuple[str, ...] = ()
    factors: dict[str, Tensor] | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self):
        images, labels = self.images, self.labels
        if not isinstance(images, Tensor) or images.dtype != torch.uint8 or images.ndim != 4:
            raise ValueError(f"images must be a uint8 tensor (N, C, H, W), got {_describe(images)}")
        if labels is None:
            return
        if not isinstance(labels, Tensor) or labels.dtype != torch.int64 or labels.shape != (len(images),):
            raise ValueError(f"labels must be an int64 tensor ({len(images)},), got {_describe(labels)}")

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        known = "no labels" if self.labels is None else f"{len(self.classes)} classes"
        factors = f", factors {', '.join(self.factors)}" if self.factors else ""
        return f"ImageSet: {len(self)} images {'x'.join(map(str, self.images.shape[1:]))}, {known}{factors}"

    def __getitem__(self, index) -> "ImageSet":
        """A part of the set, by slice, mask or index tensor."""
        if isinstance(index, int):
            raise TypeError(
                f"an ImageSet takes a slice, mask or index tensor, got {index}: one image is .images[{index}]"
            )
        factors = self.factors and {name: values[index] for name, values in self.factors.items()}
        labels = None if self.labels is None else self.labels[index]
        return ImageSet(self.images[index], labels, self.classes, factors, self.notes)

    def sample(self, size: int, *, seed: int = 0) -> "ImageSet":
        """`size` of the images, as even over the classes as they allow; ValueError if there are fewer."""
        return self[_balanced(self.labels, len(self), size, seed)]


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
) -> ImageSet:
    """Load a set of images by name, or from a folder.

    Args:
        name: "shapes" (drawn on the spot), "cifar10", "stl10", "fashion_mnist", or a directory:
            DIR/<split>/<class>/*.jpg; DIR/<class>/*, where every fifth image of a class is the test split; or a flat
            folder, whose labels are None.
        split: "train" or "test"; stl10 has "unlabeled" too, and a folder may have "val".
        root: where downloads are kept; default $SSL_COURSE_DATA, else ~/.cache/ssl_course.
        size: how many images, drawn class-balanced with `seed`; default all, and 8,000 (train) or 2,000 (test) shapes.
        download: whether a missing data set may be fetched.
        distractors, upright: shapes only: draw stripes and blobs as well; hardly turn them. See `shapes.draw`.
        unreadable: what to do with files of a folder that can't be decoded: "refuse" or "skip".
        resolution: folders only: height and width to bring every image to, by resizing the shorter side and cropping
            the middle. Default: the images' own size if they share one of at most 96x96, else 64.

    Raises:
        FileNotFoundError: the folder, or the split in it, is missing or empty.
        ConnectionError: a download failed; nothing half-fetched is left behind.
        ValueError: an argument is out of range, or files are unreadable.
    """
    if size is not None and size < 1:
        raise ValueError(f"size must be at least 1, got {size}")
    if unreadable not in ("refuse", "skip"):
        raise ValueError(f'unreadable must be "refuse" or "skip", got {unreadable!r}')
    if resolution is not None and resolution < 1:
        raise ValueError(f"resolution must be at least 1, got {resolution}")
    if str(name) == "shapes":
        return _shapes(split, size, seed, distractors=distractors, upright=upright)
    if distractors or upright:
        which = "distractors" if distractors else "upright"
        raise ValueError(f'{which} belongs to the built-in images: load("shapes", {which}=True)')
    if str(name) in DOWNLOADS:
        whole = DOWNLOADS[str(name)](split, _root(root), download)
        return whole if size is None else whole.sample(size, seed=seed)
    return _folder(Path(name), split, size, seed, unreadable, resolution)


def _describe(value) -> str:
    return f"{value.dtype} {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__


def _shapes(split: str, size: int | None, seed: int, **kind: bool) -> ImageSet:
    if split not in SPLITS:
        raise ValueError(f"split must be train or test, got {split!r}")
    count = size or {"train": 8000, "test": 2000}[split]
    images, factors = shapes.draw(count, seed=(seed, SPLITS.index(split)), **kind)
    tensors = {name: torch.from_numpy(values) for name, values in factors.items()}
    return ImageSet(torch.from_numpy(images), tensors["class"], shapes.CLASSES, tensors)


def _balanced(labels: Tensor | None, count: int, size: int, seed: int) -> Tensor:
    """Indices of `size` of `count` images, as even over the classes as they allow, in order."""
    if size < 1:
        raise ValueError(f"size must be at least 1, got {size}")
    if size > count:
        raise ValueError(f"size={size} was asked for, but there are only {count} images")
    order = torch.from_numpy(np.random.default_rng(seed).permutation(count))
    if labels is None:
        return order[:size].sort().values
    shuffled = labels[order]
    rank = torch.empty_like(shuffled)  # how many images of its class come before an image
    for label in shuffled.unique():
        (members,) = (shuffled == label).nonzero(as_tuple=True)
        rank[members] = torch.arange(len(members))
    return order[rank.argsort(stable=True)[:size]].sort().values


# --- folders


def _folder(folder: Path, split: str, size: int | None, seed: int, unreadable: str, resolution: int | None) -> ImageSet:
    if not folder.is_dir():
        known = ", ".join(["shapes", *DOWNLOADS])
        raise FileNotFoundError(f"{str(folder)!r} is neither a folder here nor one of {known}")
    files, targets, classes = _list_files(folder, split)
    if size is not None:
        chosen = _balanced(targets, len(files), size, seed)
        files, targets = [files[i] for i in chosen], None if targets is None else targets[chosen]
    with ThreadPoolExecutor() as pool:
        pictures = list(pool.map(lambda file: _read(file, resolution), files))
    bad = [file for file, picture in zip(files, pictures, strict=True) if picture is None]
    notes = _loose(folder, split) if classes else []
    if bad:
        named = ", ".join(str(file.relative_to(folder)) for file in bad[:5]) + (", …" if len(bad) > 5 else "")
        if len(bad) == len(files):
            raise ValueError(f"none of the {len(bad)} images in {folder} can be read ({named}): copy them here again")
        if unreadable == "refuse":
            raise ValueError(
                f"{len(bad)} of {len(files)} images in {folder} can't be read ({named}): "
                'remove them, or leave them out with unreadable="skip" (on the command line --skip-unreadable)'
            )
        notes.append(f"left out {len(bad)} unreadable of {len(files)} images: {named}")
        keep = torch.tensor([picture is not None for picture in pictures])
        targets = None if targets is None else targets[keep]
    images, note = _one_size([picture for picture in pictures if picture is not None], resolution)
    notes += [note] if note else []
    for note in notes:
        warnings.warn(f"{folder}: {note}", stacklevel=3)
    return ImageSet(images, targets, classes, notes=tuple(notes))


def _list_files(folder: Path, split: str) -> tuple[list[Path], Tensor | None, tuple[str, ...]]:
    """The image files of a split with their labels and class names, in an order that no file system changes."""
    splits = [entry for entry in _subfolders(folder) if entry.name in FOLDER_SPLITS]
    if splits and folder / split not in splits:
        raise FileNotFoundError(f"{folder} has no split {split!r}, only {', '.join(entry.name for entry in splits)}")
    base = folder / split if splits else folder
    classes = sorted({entry.name for parent in splits or [folder] for entry in _subfolders(parent)})
    members = {name: _pictures(base / name) for name in classes}
    files = [file for name in classes for file in members[name]]
    if files:
        targets = torch.tensor([label for label, name in enumerate(classes) for _ in members[name]])
    else:  # a flat folder
        files, targets, classes = _pictures(base), None, []
    if not files:
        raise FileNotFoundError(f"no images in {base}: files ending in {', '.join(sorted(SUFFIXES))} are looked for")
    if splits:
        return files, targets, tuple(classes)
    if split not in SPLITS:
        raise ValueError(f"split must be train or test, got {split!r}")
    if targets is None:
        if split == "test":
            raise FileNotFoundError(f"{folder} is a flat folder of unlabelled images, all of them split 'train'")
        return files, None, ()
    held_back = torch.cat([torch.arange(len(members[name])) % 5 == 4 for name in classes])
    (chosen,) = (held_back == (split == "test")).nonzero(as_tuple=True)
    if not len(chosen):
        raise FileNotFoundError(f"{folder} has too few images for a test split: every fifth of a class is one")
    return [files[i] for i in chosen], targets[chosen], tuple(classes)


def _loose(folder: Path, split: str) -> list[str]:
    """A note on images that lie beside the class folders, and so belong to no class."""
    base = folder / split if (folder / split).is_dir() else folder
    count = sum(file.suffix.lower() in SUFFIXES and not file.name.startswith(".") for file in base.iterdir())
    return [f"left out what lies beside the class folders and not in one ({count} images)"] if count else []


def _subfolders(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _pictures(folder: Path) -> list[Path]:
    """The image files under a folder, without hidden ones such as macOS's ._1.jpg and .ipynb_checkpoints/1.jpg."""
    files = (file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
    return sorted(file for file in files if not any(part.startswith(".") for part in file.relative_to(folder).parts))


def _read(file: Path, resolution: int | None) -> tuple[np.ndarray, tuple[int, int]] | None:
    """One picture as uint8 (H, W, 3) and its size as it was; None if it can't be decoded.

    Grey and palette images become RGB, transparent pixels white; large or oblong ones are shrunk here, to save memory.
    """
    try:
        with Image.open(file) as opened:
            image = ImageOps.exif_transpose(opened)
            image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None
    size = image.size
    if image.mode.startswith("I"):  # 16-bit grey
        image = Image.fromarray((np.asarray(image).clip(0, 65535) // 256).astype(np.uint8))
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA"):
        white = Image.new("RGBA", size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    image = image.convert("RGB")
    if resolution or size[0] != size[1] or size[0] > LARGEST:
        image = ImageOps.fit(image, (resolution or RESIZED,) * 2)
    return np.asarray(image), size


def _one_size(pictures: list[tuple[np.ndarray, tuple[int, int]]], resolution: int | None) -> tuple[Tensor, str | None]:
    """Stack pictures to uint8 (N, 3, H, W), and say what had to be done to them."""
    shapes_now = {pixels.shape for pixels, _ in pictures}
    if len(shapes_now) > 1:
        goal = (RESIZED, RESIZED)
        fitted = [
            pixels if pixels.shape[:2] == goal else ImageOps.fit(Image.fromarray(pixels), goal)
            for pixels, _ in pictures
        ]
    else:
        fitted = [pixels for pixels, _ in pictures]
    images = torch.from_numpy(np.stack([np.asarray(pixels) for pixels in fitted])).permute(0, 3, 1, 2).contiguous()
    side = images.shape[-1]
    changed = [size for _, size in pictures if size != (side, side)]
    if not changed:
        return images, None
    found = {f"{width}x{height}" for width, height in changed}
    sizes = ", ".join(sorted(found)[:3]) + (", …" if len(found) > 3 else "")
    note = f"{len(changed)} of {len(pictures)} images ({sizes}) were brought to {side}x{side}, keeping the middle"
    return images, note


# --- downloads


def _root(root: str | os.PathLike | None) -> Path:
    return Path(root or os.environ.get("SSL_COURSE_DATA") or Path.home() / ".cache" / "ssl_course").expanduser()


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
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=root) as private:
            part = Path(private) / name  # with the permissions that every new folder gets, so that a class can share it
            part.mkdir()
            dataset(str(part), download=True, **arguments)
            if home.exists():  # holds something else, or an incomplete set; whole files take the place of broken ones
                shutil.copytree(part, home, dirs_exist_ok=True, copy_function=os.replace)
            else:
                part.rename(home)
    except (OSError, RuntimeError, HTTPException) as failure:
        raise ConnectionError(
            f"{name} could not be downloaded to {home} ({failure}). Without a network, use the built-in images: "
            'load("shapes"), or copy the folder from a machine that has it, or name a folder of your own images'
        ) from failure
    finally:
        socket.setdefaulttimeout(waited)
    return dataset(str(home), download=False, **arguments)
