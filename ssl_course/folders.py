"""Which files of a folder are the images of a split, of which class each is, and what is left out."""

import os
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from ssl_course.naming import unlike_classes
from ssl_course.pictures import holds_picture

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm"}
USAGES = {  # how people call the folders of their splits, in small letters and without "set", "data" or "images"
    "train": {"train", "training"},
    "test": {"test", "tests", "testing"},
    "val": {"val", "valid", "validation", "validate"},
}
UNLABELLED = ("unlabelled", "unlabeled")
SAYS_LABELS = (*UNLABELLED, "labelled", "labeled")  # of two in a path the last counts


@dataclass
class Listing:
    """The files of a split, in an order that no file system changes.

    Attributes:
        files: of all classes, one class after the other.
        labels: int64 (N,), or None for a flat folder.
        classes: the names behind the labels, of all splits.
        notes: what was left out, one sentence each.
    """

    files: list[Path]
    labels: Tensor | None
    classes: tuple[str, ...]
    notes: list[str]


@dataclass
class Found:
    """What lies in a folder and the folders in it."""

    pictures: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)  # files that hold no picture
    dangling: list[Path] = field(default_factory=list)  # links that lead nowhere
    again: list[Path] = field(default_factory=list)  # linked folders that were read already, or hold this one
    closed: list[Path] = field(default_factory=list)  # folders that may not be opened

    def __iadd__(self, other: "Found") -> "Found":
        for name, paths in vars(other).items():
            getattr(self, name).extend(paths)
        return self


def list_images(folder: Path, split: str, labels: str | None = "auto") -> Listing:
    """The images of a split of a folder: DIR/<split>/<class>/*, DIR/<class>/* or DIR/*.

    Args:
        folder, split, labels: as in `load`.

    Raises:
        FileNotFoundError: the split is missing or empty.
        ValueError: the split is neither train nor test, or two folders are called so.
    """
    splits, notes = _splits(folder)
    base = _choose_split(folder, splits, split, notes) if splits else folder
    classes, direct = _classes(splits or [folder], notes), scan(base, deep=False)
    why = _no_classes(folder, classes) if labels == "auto" else None
    if labels is None or why:
        return _without_labels(folder, base, split, why, notes, in_splits=bool(splits))
    in_split = {name: _in(base, scans) for name, scans in classes.items()}
    notes += _left_out(folder, [direct, *in_split.values()])
    classes = _with_images(classes, notes)
    files = [file for name in classes for file in in_split[name].pictures]
    if not files:
        return _flat(folder, base, split, direct.pictures, notes, in_splits=bool(splits))
    if direct.pictures:
        count = counted(len(direct.pictures), "image")
        notes.append(f"left out what lies beside the class folders and not in one ({count})")
    counts = torch.tensor([len(in_split[name].pictures) for name in classes])
    labels = torch.arange(len(counts)).repeat_interleave(counts)
    if not splits:
        files, labels = _fifths(folder, split, files, labels, counts)
    notes += _missing(classes, labels, split, splits)
    return Listing(files, labels, tuple(classes), notes)


def every_image(folder: Path) -> Listing:
    """All images in a folder and the folders in it, without labels: no split and no class is looked for.

    Raises:
        FileNotFoundError: there is none.
    """
    found = scan(folder)
    notes = _left_out(folder, [found])
    if not found.pictures:
        raise _nothing_in(folder, notes)
    return Listing(found.pictures, None, (), notes)


def without_dots(folder: Path) -> Path:
    """The same folder by a path without "..", in which each part is really above the next."""
    return folder.resolve() if ".." in folder.parts else folder


def enumerated(names: Sequence, most: int = 5) -> str:
    """The first of some names, and dots where there are more; bytes that are no text are shown as a sign for that."""
    shown = [os.fsencode(str(name)).decode("utf-8", "replace") for name in names[:most]]
    return ", ".join(shown) + (", …" if len(names) > most else "")


def counted(count: int, noun: str) -> str:
    """ "1 image", "2 images"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def usage(name: str) -> str | None:
    """The split that a folder's name speaks of ("train", "test" or "val"), or None."""
    plain = name.casefold()
    for ending in ("set", "data", "images"):
        plain = plain.removesuffix(ending).strip(" _-")
    return next((split for split, names in USAGES.items() if plain in names), None)


# --- splits


def _splits(folder: Path) -> tuple[list[Path], list[str]]:
    """The folders that are splits, and notes on what lies beside them.

    One of such a name that holds images and no classes is a class itself, if its neighbours hold images too: a
    "train" beside "bus" and "tram", a "valid" beside "invalid".
    """
    subfolders = _subfolders(folder)
    splits = [part for part in subfolders if usage(part.name)]
    if not splits:
        return [], _hidden_splits(folder, subfolders)
    beside = [part for part in subfolders if not usage(part.name) and scan(part).pictures]
    if beside and len(splits) == 1 and _holds_only_images(splits[0]):
        return [], [f"{splits[0].name} is read as a class, since it lies beside {_names(beside)}"]
    notes = [f"left out the folders beside the splits: {_names(beside)}"] if beside else []
    loose = scan(folder, deep=False).pictures
    if loose:
        notes.append(f"left out {counted(len(loose), 'image')} beside the splits: {_names(loose)}")
    return splits, notes


def _hidden_splits(folder: Path, subfolders: list[Path]) -> list[str]:
    """Notes on classes that look as if they held splits, such as DIR/pictures/train and DIR/pictures/test."""
    notes = []
    for part in subfolders:
        within = [inner for inner in _subfolders(part) if usage(inner.name)]
        if within:
            splits = f"for splits, load {folder / part.name}"
            notes.append(f"{part.name} is read as a class, though it holds {_names(within)}: {splits}")
    return notes


def _holds_only_images(folder: Path) -> bool:
    in_folders = any(scan(part).pictures for part in _subfolders(folder))
    return not in_folders and bool(scan(folder, deep=False).pictures)


def _choose_split(folder: Path, splits: list[Path], split: str, notes: list[str]) -> Path:
    """The folder of a split: the one of exactly this name, else the only one of this usage."""
    asked = [part for part in splits if usage(part.name) == usage(split) and usage(split)]
    exact = [part for part in asked if part.name == split]
    if not asked:
        raise FileNotFoundError(f"{folder} has no split {split!r}, only {_names(splits)}")
    if len(asked) > 1 and not exact:
        raise ValueError(f"{folder} has {len(asked)} folders for split {split!r}: {_names(asked)}; name one as split")
    chosen = (exact or asked)[0]
    others = [part for part in asked if part != chosen]
    if others:
        notes.append(f"left out {_names(others)}: {chosen.name} is read as split {split!r}")
    return chosen


def _flat(folder: Path, base: Path, split: str, files: list[Path], notes: list[str], *, in_splits: bool) -> Listing:
    if not files:
        raise _nothing_in(base, notes)
    if not in_splits:
        _check_split(split)
        if usage(split) == "test":
            nested = any(file.parent != base for file in files)
            kind = "a folder of unlabelled images" if nested else "a flat folder of unlabelled images"
            asked = '; if the folders in it are classes, ask with labels="folders"' if nested else ""
            raise FileNotFoundError(f"{folder} is {kind}, all of them split 'train'{asked}")
    return Listing(files, None, (), notes)


def _nothing_in(folder: Path, notes: list[str]) -> FileNotFoundError:
    seen = f"; {'; '.join(notes)}" if notes else ""
    endings = ", ".join(sorted(SUFFIXES))
    return FileNotFoundError(
        f"no images in {folder}: files ending in {endings} are looked for, and other pictures{seen}"
    )


def _no_classes(folder: Path, classes: dict[str, dict[Path, Found]]) -> str | None:
    """Why folders with images are taken for something else than classes; None if they are classes."""
    names = [name for name, scans in classes.items() if any(found.pictures for found in scans.values())]
    if not names:
        return None
    above = [part.casefold() for part in folder.absolute().parts]
    said = [part for part in (*above, *([names[0].casefold()] if len(names) == 1 else [])) if part in SAYS_LABELS]
    if said and said[-1] in UNLABELLED:
        return f'"{said[-1]}" is in the path'
    kind = unlike_classes(names, folder.absolute().name)
    return f"{enumerated(names, 3)} {'is' if len(names) == 1 else 'are'} called after {kind}" if kind else None


def _without_labels(
    folder: Path, base: Path, split: str, why: str | None, notes: list[str], *, in_splits: bool
) -> Listing:
    """All images of a split, whatever folders they are in, and a note on why they have no labels unless asked for."""
    found = scan(base)
    notes += _left_out(folder, [found])
    if why:
        notes.append(
            f"the folders in it aren't taken for classes, since {why}: no labels, and nothing is held back for a test; "
            'if they are classes, ask with labels="folders" (on the command line --labels folders)'
        )
    return _flat(folder, base, split, found.pictures, notes, in_splits=in_splits)


def _fifths(folder: Path, split: str, files: list[Path], labels: Tensor, counts: Tensor) -> tuple[list[Path], Tensor]:
    """Every fifth image of a class is a test image; of two to four the last one, so that small classes have one."""
    _check_split(split)
    places = torch.cat([torch.arange(count) for count in counts.tolist()])
    of_class = counts[labels]
    held_back = (places % 5 == 4) | ((of_class > 1) & (of_class < 5) & (places == of_class - 1))
    (chosen,) = (held_back == (usage(split) == "test")).nonzero(as_tuple=True)
    if not len(chosen):
        raise FileNotFoundError(f"{folder} has too few images for a test split: no class has two")
    return [files[i] for i in chosen], labels[chosen]


def _check_split(split: str) -> None:
    if usage(split) not in ("train", "test"):
        raise ValueError(f"split must be train or test, got {split!r}")


# --- classes


def _classes(parents: list[Path], notes: list[str]) -> dict[str, dict[Path, Found]]:
    """What lies in the folders of each class, in all splits; classes and folders in order.

    A letter such as é is written in two ways: both are one name.
    """
    scans: dict[str, dict[Path, Found]] = {}
    for parent in parents:
        for part in _subfolders(parent):
            scans.setdefault(_name(part), {})[part] = scan(part)
    twice = [name for name, parts in scans.items() if len({part.parent for part in parts}) < len(parts)]
    if twice:
        notes.append(f"two folders are called {enumerated(twice)}, in two Unicode forms: read as one class")
    notes += _one_and_the_same(part for parts in scans.values() for part in parts)
    return {name: scans[name] for name in sorted(scans)}


def _one_and_the_same(folders: Iterable[Path]) -> list[str]:
    """Notes on links that make one folder two classes, or a class of two splits."""
    same: dict[Path, list[Path]] = {}
    for folder in folders:
        same.setdefault(folder.resolve(), []).append(folder)
    notes = []
    for parts in same.values():
        if len(parts) > 1:
            places = [f"{part.parent.name}/{part.name}" for part in parts]
            notes.append(f"one folder is read as {enumerated(places)}, by links")
    return notes


def _in(base: Path, scans: dict[Path, Found]) -> Found:
    """What lies in those folders of a class that are in `base`."""
    whole = Found()
    for part, found in scans.items():
        if part.parent == base:
            whole += found
    return whole


def _with_images(classes: dict[str, dict[Path, Found]], notes: list[str]) -> list[str]:
    """The names of the classes that have images in any split."""
    empty = [name for name, scans in classes.items() if not any(found.pictures for found in scans.values())]
    if empty and len(empty) < len(classes):
        notes.append(f"folders without images aren't counted as classes: {enumerated(empty)}")
    return [name for name in classes if name not in empty]


def _missing(classes: Sequence[str], labels: Tensor, split: str, splits: list[Path]) -> list[str]:
    """A note on the classes without an image in this split."""
    there = set(labels.tolist())
    missing = [name for label, name in enumerate(classes) if label not in there]
    if not missing:
        return []
    why = "" if splits else ": a class needs two images, one for train and one for test"
    return [f"no image of {enumerated(missing)} in split {split!r}{why}"]


def _name(folder: Path) -> str:
    return unicodedata.normalize("NFC", enumerated([folder.name]))


def _names(paths: Sequence[Path]) -> str:
    return enumerated([path.name for path in paths])


def _subfolders(folder: Path) -> list[Path]:
    try:
        names = os.listdir(folder)
    except OSError:  # `scan` says so
        return []
    parts = [folder / name for name in names if os.path.isdir(folder / name) and not name.startswith(".")]
    return sorted(parts, key=lambda part: (_name(part), part.name))


# --- files


def scan(folder: Path, *, deep: bool = True) -> Found:
    """What lies in a folder and, if `deep`, in the folders and linked folders in it.

    Hidden files, such as macOS's ._1.jpg and .ipynb_checkpoints/1.jpg, are no images.
    """
    found, waiting = Found(), [folder]
    seen = {parent.resolve() for parent in folder.absolute().parents}
    while waiting:
        place = waiting.pop(0)
        if place.resolve() in seen:
            found.again.append(place)
            continue
        seen.add(place.resolve())
        try:
            entries = [entry for entry in os.scandir(place) if not entry.name.startswith(".")]
            entries.sort(key=lambda entry: (entry.is_symlink(), entry.name))
        except OSError:
            found.closed.append(place)
            continue
        for entry in entries:
            if not os.path.isdir(entry):
                _sort_in(found, Path(entry))
            elif deep:
                waiting.append(Path(entry))
    for paths in vars(found).values():
        paths.sort(key=lambda path: _order(path, folder))
    return found


def _sort_in(found: Found, file: Path) -> None:
    if not os.path.isfile(file):
        found.dangling.append(file)
    elif file.suffix.lower() in SUFFIXES or holds_picture(file):
        found.pictures.append(file)
    else:
        found.others.append(file)


def _order(path: Path, folder: Path) -> tuple:
    """What files are sorted by: their names in one Unicode form, so that no file system changes the order."""
    parts = path.relative_to(folder).parts
    return [unicodedata.normalize("NFC", part) for part in parts], parts


def _left_out(folder: Path, parts: Sequence[Found]) -> list[str]:
    """Notes on all that was seen and isn't used."""
    whole = Found()
    for found in parts:
        whole += found
    kinds = (
        ("file", "without a picture that is known here (save as JPEG or PNG)", whole.others),
        ("link", "to nothing", whole.dangling),
        ("link", "to a folder that is read elsewhere", whole.again),
        ("folder", "without permission to open it", whole.closed),
    )
    notes = []
    for noun, kind, paths in kinds:
        if paths:
            names = enumerated([path.relative_to(folder) for path in paths])
            notes.append(f"left out {counted(len(paths), noun)} {kind}: {names}")
    return notes
