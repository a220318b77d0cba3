"""From a file to pixels: any kind of picture that Pillow reads, or the reason why this one can't be read."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "AVIF", "JPEG2000")  # looked for under any ending
LARGEST = 96  # pixels; larger images, and images of mixed sizes, are brought to RESIZED
RESIZED = 64
FINER = 1.5  # reduced decoding keeps at least so many times the pixels that are wanted, a side
TIFF = (b"II*\0", b"MM\0*")
BEGINNINGS = (b"\xff\xd8", b"\x89PNG", b"GIF8", b"BM", b"RIFF", *TIFF, b"P5", b"P6")
BITS = (8, 10, 12, 16)  # of numbers; those of 12 bits, read as 16, would be nearly black
BITS_PER_SAMPLE, LARGEST_SAMPLE = 258, 281  # tags of TIFF


@dataclass(frozen=True)
class Picture:
    """A decoded picture, and what its file said of it.

    Attributes:
        pixels: uint8 (H, W, 3), or float32 (H, W) where the numbers of the file aren't bytes; see `to_bytes`.
        size: width and height as they were, before the picture was shrunk.
        limits: the smallest and the largest number of the file; None for bytes.
        white: the number that means white; None where the file doesn't say, and for bytes.
        frames: pages or frames in the file, of which the first is here.
        faint: whether it has 16 bits a colour and all of them so small that the picture is nearly black.
    """

    pixels: np.ndarray
    size: tuple[int, int]
    limits: tuple[float, float] | None = None
    white: float | None = None
    frames: int = 1
    faint: bool = False


@dataclass(frozen=True)
class Unreadable:
    """Why a file can't be read, and what to do."""

    reason: str


def holds_picture(file: Path) -> bool:
    """Whether a file begins as a picture does, whatever its ending."""
    try:
        with Image.open(file, formats=FORMATS):
            return True
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return True
    except Exception:  # decoders that meet a foreign file raise errors of many kinds
        return False


def read(file: Path, resolution: int | None, *, reduced: bool = False) -> Picture | Unreadable:
    """The first page of a picture, upright as its camera said; large or oblong ones are shrunk here, to save memory.

    Grey and palette images become RGB, transparent pixels white. `reduced` lets a large JPEG be decoded at a half, a
    quarter or an eighth of its size, which is about three times as fast; its pixels then differ slightly.
    """
    try:
        with Image.open(file) as opened:
            whole = opened.size
            if reduced:
                opened.draft(None, (math.ceil(FINER * (resolution or RESIZED)),) * 2)
            deep_colour = ";16" in str(opened.tile[0][3]) if opened.tile else False
            image = ImageOps.exif_transpose(opened)
            image.load()
            frames = 1 if opened.format == "MPO" else getattr(opened, "n_frames", 1)  # MPO: one photograph, twice
            white = _declared_white(opened)
        if image.mode == "F" or image.mode.startswith("I"):
            return _deep(image, resolution, white, frames)
        turned = image.size != opened.size and image.size == opened.size[::-1]
        size, image = whole[::-1] if turned else whole, as_rgb(image)
        faint = deep_colour and 0 < max(high for _, high in image.getextrema()) < 16
        return Picture(np.asarray(_shrunk(image, resolution)), size, frames=frames, faint=faint)
    except Exception as failure:  # decoders raise errors of many kinds; every one of them means this
        return Unreadable(reason(file, failure))


def usual_side(files: Sequence[Path], most: int = 100) -> int:
    """Height and width that some of the files share, if they are squares of at most LARGEST, else RESIZED."""
    sizes = set()
    for file in files[:: math.ceil(len(files) / most)]:
        try:
            with Image.open(file) as opened:
                sizes.add(opened.size)
        except Exception:  # decoders raise errors of many kinds; such a file is named when it is read
            continue
    width, height = sizes.pop() if len(sizes) == 1 else (0, 1)
    return width if width == height <= LARGEST else RESIZED


def to_bytes(pictures: Sequence[Picture]) -> tuple[list[np.ndarray], list[str]]:
    """The pixels of each picture as uint8 (H, W, 3), and notes on how numbers that aren't bytes were read.

    Pictures that don't say which number is white share one scale, so that a dark one stays darker than a bright one.
    """
    scales, notes = {}, []
    for kind, what in (("i", "whole numbers"), ("f", "fractions")):
        group = [picture for picture in pictures if _kind(picture) == kind and picture.white is None]
        if group:
            low, high = min(part.limits[0] for part in group), max(part.limits[1] for part in group)
            black, white, how = _scale(kind, low, high)
            scales[kind] = black, white
            if how:
                notes.append(f"pixels of {len(group)} of {len(pictures)} images are {what}, {low:g} to {high:g}: {how}")
    faint = sum(picture.faint for picture in pictures)
    if faint:
        notes.append(f"{faint} of {len(pictures)} images, 16 bits a colour, are nearly black: save with 8 bits")
    return [_stretched(picture, scales) for picture in pictures], notes


def _kind(picture: Picture) -> str | None:
    """ "i" for whole numbers, "f" for fractions, None for bytes."""
    if picture.limits is None:
        return None
    return "i" if all(isinstance(limit, int) for limit in picture.limits) else "f"


def _scale(kind: str, low: float, high: float) -> tuple[float, float, str | None]:
    """The numbers that become black and white, and how to say it where it was a guess."""
    if kind == "f" and low >= 0 and high <= 1:
        return 0, 1, None
    if low >= 0 and high < 2 ** BITS[-1] and (kind == "i" or high > 16):
        bits = next(bits for bits in BITS if high < 2**bits)
        usual = kind == "i" and bits == BITS[-1]
        return 0, 2**bits - 1, None if usual else f"read as {bits} bits, {2**bits - 1} is white"
    return low, high, "read from black to white; save 8 bits for one scale everywhere"


def _stretched(picture: Picture, scales: dict[str, tuple[float, float]]) -> np.ndarray:
    if picture.limits is None:
        return picture.pixels
    black, white = scales[_kind(picture)] if picture.white is None else (0, picture.white)
    grey = (picture.pixels.astype(np.float64) - black) / ((white - black) or 1)
    return np.rint(grey.clip(0, 1) * 255).astype(np.uint8)[:, :, None].repeat(3, axis=2)


def _declared_white(opened: Image.Image) -> float | None:
    """The number that means white, where a TIFF says it; 65535 says no more than that there are 16 bits."""
    tags = getattr(opened, "tag_v2", {})
    if not opened.mode.startswith("I"):
        return None
    if tags.get(BITS_PER_SAMPLE) == (12,):
        return 4095
    largest = tags.get(LARGEST_SAMPLE)
    largest = largest[0] if isinstance(largest, tuple) else largest
    return float(largest) if largest and opened.getextrema()[1] <= largest < 65535 else None


def _deep(image: Image.Image, resolution: int | None, white: float | None, frames: int) -> Picture | Unreadable:
    """A grey picture whose numbers aren't bytes: 16 or 32 bits, or fractions."""
    values = np.asarray(image)
    if not np.isfinite(values).all():
        return Unreadable("with pixels that are not a number or infinite, replace them")
    limits = values.min().item(), values.max().item()
    pixels = np.asarray(_shrunk(Image.fromarray(values.astype(np.float32)), resolution))
    return Picture(pixels, image.size, limits, white, frames)


def as_rgb(image: Image.Image) -> Image.Image:
    """Grey and palette images as RGB, transparent pixels white."""
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return image.convert("RGB")


def _shrunk(image: Image.Image, resolution: int | None) -> Image.Image:
    width, height = image.size
    if resolution or width != height or width > LARGEST:
        return ImageOps.fit(image, (resolution or RESIZED,) * 2)
    return image


def reason(file: Path, failure: Exception) -> str:
    """Why a file can't be read and what to do, as the end of "these can't be read: …"."""
    if isinstance(failure, PermissionError):
        return "no permission to open, change it"
    if isinstance(failure, Image.DecompressionBombError | Image.DecompressionBombWarning | MemoryError):
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        return f"too large, more pixels than the limit of {limit:,}, save smaller"
    try:
        with open(file, "rb") as opened:
            start = opened.read(512)
    except OSError as closed:
        return f"can't be opened ({closed.strerror})"
    if not start:
        return "empty, copy or download again"
    if start.startswith(TIFF) and isinstance(failure, UnidentifiedImageError):
        return "cut off, damaged, or a kind of TIFF that Pillow can't read, copy again or save as PNG"
    if start.startswith(BEGINNINGS):
        damaged = "cut off or damaged, copy or download again"
        return damaged if isinstance(failure, OSError | SyntaxError | EOFError) else f"{damaged} ({failure})"
    if start[4:8] == b"ftyp":
        return "a photograph in HEIC or a film, which Pillow can't read, save as JPEG or PNG"
    if isinstance(failure, UnidentifiedImageError):
        return _what_text(start) or "not an image in a format known here, save as JPEG or PNG"
    return f"damaged, or of a rare kind ({failure}), save as JPEG or PNG"


def _what_text(start: bytes) -> str | None:
    """What a file is that begins as a text does; None if it doesn't."""
    if start.startswith(b"version https://git-lfs"):
        return "not an image but a pointer of Git LFS, run `git lfs pull`"
    if b"<html" in start.lower() or b"<!doctype" in start.lower():
        return "not an image but a web page (HTML), download again"
    if b"\0" not in start and all(32 <= byte < 127 or byte in b"\t\r\n" for byte in start):
        return "not an image but a text, remove"
    return None
