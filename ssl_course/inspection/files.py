"""What each file of a folder really is: kind, size, colours, when and by which camera, or why it can't be read."""

import datetime
import hashlib
import warnings
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageStat
from tqdm import tqdm

from ssl_course import pictures
from ssl_course.naming import written_date, written_time
from ssl_course.pictures import Unreadable

SMALL = 8  # height and width of the picture by which files are compared
MAKE, MODEL, CHANGED, DETAILS, TAKEN, SERIAL, TURNED = 271, 272, 306, 0x8769, 36867, 42033, 274  # tags of EXIF


@dataclass(frozen=True)
class Look:
    """What one file is.

    Attributes:
        file: its path.
        bytes: on the disk.
        problem: why it can't be read; None if it can, and then all that follows is known.
        kind: its format as its contents say, such as "JPEG", whatever its ending.
        mode: of its colours, in Pillow's letters.
        size: width and height in pixels, upright.
        frames: pages or frames.
        small: float32 (8, 8, 3), means of fields in grey values.
        contrast: standard deviation of its pixels, in grey values.
        taken: date and time, from EXIF or else from the name.
        day: the date alone, from EXIF, the name or the folders.
        camera: make, model and the end of the serial number, from EXIF.
        checksum: of the bytes, for files that share their length with another.
    """

    file: Path
    bytes: int
    problem: str | None = None
    kind: str | None = None
    mode: str | None = None
    size: tuple[int, int] | None = None
    frames: int = 1
    small: np.ndarray | None = None
    contrast: float = 0.0
    taken: datetime.datetime | None = None
    day: datetime.date | None = None
    camera: str | None = None
    checksum: str | None = None


def look_at(files: Sequence[Path], folder: Path, *, progress: bool = False) -> list[Look]:
    """What each file is, in the order of the files; checksums for those whose length another has, too."""
    with ThreadPoolExecutor() as pool, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of odd files and large ones
        seen = pool.map(lambda file: _look(file, folder), files)
        looks = list(tqdm(seen, "files", len(files), disable=not progress, leave=False))
        lengths = Counter(look.bytes for look in looks)
        alike = [place for place, look in enumerate(looks) if lengths[look.bytes] > 1 and look.problem is None]
        for place, checksum in zip(alike, pool.map(_checksum, [files[place] for place in alike]), strict=True):
            looks[place] = replace(looks[place], checksum=checksum)
    return looks


def _look(file: Path, folder: Path) -> Look:
    try:
        count = file.stat().st_size
        with Image.open(file) as opened:
            about = {"kind": opened.format, "mode": opened.mode, "size": opened.size, "bytes": count}
            about["frames"] = 1 if opened.format == "MPO" else getattr(opened, "n_frames", 1)
            about |= _from_exif(opened)
            deep = opened.mode == "F" or opened.mode.startswith("I")
            about |= {} if deep else _reduced(opened)
    except Exception as failure:  # decoders raise errors of many kinds; every one of them means this
        return Look(file, _length(file), pictures.reason(file, failure))
    if deep:
        picture = pictures.read(file, None)
        if isinstance(picture, Unreadable):
            return Look(file, count, picture.reason)
        about |= _numbers(Image.fromarray(pictures.to_bytes([picture])[0][0]))
    relative = file.relative_to(folder)
    named = written_time(file.name)
    taken = about.pop("exif") or named
    day = taken.date() if taken else next(filter(None, map(written_date, reversed(relative.parts))), None)
    return Look(file, taken=taken, day=day, **about)


def _reduced(opened: Image.Image) -> dict:
    """`_numbers` of an opened picture; JPEGs are decoded at down to an eighth of their size, which is faster."""
    opened.draft(None, (64, 64))
    opened.load()
    return _numbers(pictures.as_rgb(opened))


def _numbers(rgb: Image.Image) -> dict:
    """The picture as 8x8 pixels, and its contrast."""
    small = np.asarray(rgb.resize((SMALL, SMALL), Image.Resampling.BOX), dtype=np.float32)
    return {"small": small, "contrast": ImageStat.Stat(rgb.convert("L")).stddev[0]}


def _from_exif(opened: Image.Image) -> dict:
    """Time, camera and the upright size; what EXIF doesn't say, or says wrongly, is None."""
    try:
        exif = opened.getexif()
        more = exif.get_ifd(DETAILS)
        make, model = (str(exif.get(tag) or "").strip("\0 ") for tag in (MAKE, MODEL))
        serial = str(more.get(SERIAL) or "").strip("\0 ")[-4:]
        turned = exif.get(TURNED) in (5, 6, 7, 8)
        moment = str(more.get(TAKEN) or exif.get(CHANGED) or "")[:19]
    except Exception:  # broken EXIF says nothing, and the pixels may be whole
        return {"exif": None, "camera": None}
    camera = " ".join(filter(None, ["" if model.startswith(make) else make, model, serial and f"…{serial}"]))
    about = {"exif": _moment(moment), "camera": camera[:60] or None}
    return about | ({"size": opened.size[::-1]} if turned else {})


def _moment(text: str) -> datetime.datetime | None:
    try:
        return datetime.datetime.strptime(text, "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None


def _length(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _checksum(file: Path) -> str | None:
    try:
        with open(file, "rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError:  # it went away meanwhile
        return None
