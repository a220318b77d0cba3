"""A user's own clips: a folder of GIFs, or of folders of numbered frames."""

import itertools
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, ImageSequence
from torch import Tensor

from ssl_course.folders import counted, enumerated, scan
from ssl_course.pictures import as_rgb, reason
from ssl_course.samples import Samples

ANIMATED = {".gif"}
SMALLEST = 8  # pixels: encoders halve a frame three times
LAYOUT = "put a GIF for each clip into it, or a folder of numbered frames (1.png, 2.png, …) for each clip"


@dataclass(frozen=True)
class Clip:
    """Where a clip lies: a GIF, or a folder of numbered frames in their order."""

    path: Path
    files: tuple[Path, ...] = ()  # of the frames; none for a GIF


def load_folder(folder: str | Path, *, frames: int = 8, resolution: int = 32) -> Samples:
    """The clips of a folder: GIFs, and folders of numbered frames; the folders they lie in are the classes.

    FOLDER/*.gif and FOLDER/<clip>/1.png have no labels; FOLDER/<class>/*.gif and FOLDER/<class>/<clip>/1.png have.
    Frames go by their numbers, so that 10 comes after 9.

    Args:
        folder: ~ is the home folder.
        frames: how many of each clip are taken, evenly spread from its first to its last.
        resolution: height and width in pixels; every frame is resized so and loses what sticks out on two sides.

    Returns:
        Clips, uint8 (N, frames, 3, resolution, resolution), with what was done to them in `notes`.

    Raises:
        FileNotFoundError: the folder is missing, or there is no clip in it.
        ValueError: a clip can't be read, is too short, its frames aren't numbered or differ in size, or an argument is
            out of range.
    """
    if frames < 2:
        raise ValueError(f"frames must be at least 2, or nothing moves, got {frames}")
    if resolution < SMALLEST:
        raise ValueError(f"resolution must be at least {SMALLEST}, got {resolution}")
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "is not there"
        raise FileNotFoundError(f"{folder} {what}: give a folder, and {LAYOUT}")
    found, notes = _find(folder)
    read = [_read(clip, frames, resolution) for clip in found]
    labels, classes, how = _classes(folder, found)
    notes = [*notes, *how, *_said([part[1:] for part in read], frames, resolution)]
    return Samples(torch.from_numpy(np.stack([pixels for pixels, *_ in read])), labels, classes, notes=tuple(notes))


def natural(name: str) -> list:
    """What names are sorted by so that frame10 comes after frame9: text and numbers by turns."""
    parts = re.split(r"(\d+)", name)
    return [int(part) if number else part.casefold() for part, number in zip(parts, itertools.cycle((0, 1)))]


# --- which files are which clip


def _find(folder: Path) -> tuple[list[Clip], list[str]]:
    """All clips in a folder and the folders in it, in order, and notes on files that are none."""
    everything = scan(folder)
    gifs = [Clip(file) for file in everything.pictures if file.suffix.lower() in ANIMATED]
    stills: dict[Path, list[Path]] = {}
    for file in everything.pictures:
        if file.suffix.lower() not in ANIMATED:
            stills.setdefault(file.parent, []).append(file)
    found = gifs + [_numbered(place, files) for place, files in stills.items()]
    if not found:
        others = f" (there are {enumerated([file.name for file in everything.others])})" if everything.others else ""
        raise FileNotFoundError(f"there is no clip in {folder}{others}: {LAYOUT}")
    found.sort(key=lambda clip: [natural(part) for part in clip.path.relative_to(folder).parts])
    notes = []
    if everything.others:
        names = enumerated([file.name for file in everything.others])
        notes.append(f"left out {counted(len(everything.others), 'file')} that are no pictures: {names}")
    gaps = [clip.path.name for clip in found if clip.files and _has_gap(clip.files)]
    if gaps:
        notes.append(f"numbers are missing between the frames of {enumerated(gaps)}: time jumps there")
    return found, notes


def _numbered(place: Path, files: list[Path]) -> Clip:
    """The clip whose frames are the pictures of a folder."""
    without = [file.name for file in files if not re.search(r"\d", file.stem)]
    if without:
        raise ValueError(
            f"the pictures in {place} are taken for the frames of one clip, and {enumerated(without)} "
            "has no number: number them in their order (1.png, 2.png, …), or move it elsewhere"
        )
    return Clip(place, tuple(sorted(files, key=lambda file: natural(file.stem))))


def _has_gap(files: tuple[Path, ...]) -> bool:
    """Whether the last numbers in the names leave one out, that aren't all equally far apart."""
    numbers = [int(re.findall(r"\d+", file.stem)[-1]) for file in files]
    return len(set(np.diff(numbers).tolist())) > 1


def _classes(folder: Path, found: list[Clip]) -> tuple[Tensor | None, tuple[str, ...], list[str]]:
    """Labels, the classes' names and notes: a clip's class is the first folder that it lies in."""
    within = [clip.path.relative_to(folder).parts[:-1] for clip in found]
    if not any(within):
        return None, (), []
    loose = sum(not parts for parts in within)
    if loose:
        return None, (), [f"no labels: {counted(loose, 'clip')} of {len(found)} lie in no class folder"]
    names = sorted({parts[0] for parts in within}, key=natural)
    return torch.tensor([names.index(parts[0]) for parts in within]), tuple(names), []


# --- pixels


def _read(clip: Clip, frames: int, resolution: int) -> tuple[np.ndarray, int, tuple[int, int]]:
    """Pixels (frames, 3, resolution, resolution) of a clip, how many frames it has, and their width and height."""
    pictures = _stills(clip) if clip.files else _gif(clip.path)
    if len(pictures) == 1:
        instead = "save it with all its frames" if not clip.files else "put the other frames beside it"
        raise ValueError(f"{clip.path} has one frame only, and a clip needs at least 2: {instead}, or remove it")
    if len(pictures) < frames:
        raise ValueError(
            f"{clip.path} has {len(pictures)} frames and {frames} were asked for: give frames={len(pictures)} or less, "
            "or remove it"
        )
    sizes = {picture.size for picture in pictures}
    if len(sizes) > 1:
        named = enumerated(sorted(f"{width}x{height}" for width, height in sizes))
        raise ValueError(f"the frames of {clip.path} differ in size ({named}): save all of a clip in one size")
    chosen = np.linspace(0, len(pictures) - 1, frames).round().astype(int)
    fitted = [np.asarray(ImageOps.fit(pictures[number], (resolution, resolution))) for number in chosen]
    return np.stack(fitted).transpose(0, 3, 1, 2), len(pictures), sizes.pop()


def _gif(file: Path) -> list[Image.Image]:
    try:
        with Image.open(file) as opened:
            return [as_rgb(frame.copy()) for frame in ImageSequence.Iterator(opened)]
    except Exception as failure:  # decoders raise errors of many kinds
        raise ValueError(f"{file} can't be read: {reason(file, failure)}") from failure


def _stills(clip: Clip) -> list[Image.Image]:
    pictures = []
    for file in clip.files:
        try:
            with Image.open(file) as opened:
                pictures.append(as_rgb(ImageOps.exif_transpose(opened)))
        except Exception as failure:  # decoders raise errors of many kinds
            raise ValueError(f"{file} can't be read: {reason(file, failure)}") from failure
    return pictures


def _said(read: list[tuple[int, tuple[int, int]]], frames: int, resolution: int) -> list[str]:
    """Notes on frames left out and sizes changed, for the number of frames and the size of each clip."""
    notes, goal = [], f"{resolution}x{resolution}"
    longer = [count for count, _ in read if count > frames]
    if longer:
        counts = str(min(longer)) if min(longer) == max(longer) else f"{min(longer)} to {max(longer)}"
        notes.append(
            f"{len(longer)} of {len(read)} clips are longer ({counts} frames): "
            f"{frames} of each were taken, evenly spread"
        )
    others = sorted({f"{width}x{height}" for _, (width, height) in read} - {goal})
    if others:
        notes.append(f"frames of {enumerated(others)} were brought to {goal}, keeping the middle")
    return notes
