"""Real pairs of image and text that are installed with matplotlib: the characters in its fonts, and their names.

A pair is a character drawn at 32x32 in one of the fonts, and its name in Unicode: "latin small letter a with ring
above". The split is by characters: no character of the test split is drawn in training, in whatever font.

What depends on what: which characters there are, and their outlines, on the fonts in matplotlib (the same files for
years: DejaVu 2.37 and STIX 1.0); the pixels, by a grey level here and there, on the FreeType library in Pillow; the
names on `unicodedata` in Python, where a name once given never changes (Unicode's stability policy), so that a newer
one can only name more. Which split a character is in depends on its name and the seed alone, and so does no other one.

Names become tokens by words where at least three training characters have the word, and letter by letter elsewhere
("braille pattern dots - 1 +2 +4"). Words alone would leave a word in every seventh test name unknown, and letters alone
make rows of 74 tokens, not 28.
"""

import functools
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import matplotlib
import numpy as np
import torch
from matplotlib.ft2font import FT2Font
from PIL import Image, ImageDraw, ImageFont

from ssl_course.data import ImageSet
from ssl_course.pairs import Pairs
from ssl_course.samples import Samples
from ssl_course.vocabulary import Vocabulary

FONTS = (  # of which every other one is installed with matplotlib, too
    "DejaVuSans",
    "DejaVuSans-Bold",
    "DejaVuSans-Oblique",
    "DejaVuSans-BoldOblique",
    "STIXGeneral",
    "STIXGeneralBol",
    "STIXGeneralItalic",
    "STIXGeneralBolIta",
)
SPLITS = ("train", "test")
TESTED = 10  # every so manieth character is in the test split
LEAST = 3  # training characters whose names have a word, for the word to be a token
SIDE = 32  # pixels
FINE = 3  # times that a character is drawn larger, so that its edges get grey levels
LETTERS, BASELINE = 22, 24  # height of a line and row of the baseline, in pixels


def characters(font: str) -> list[str]:
    """The characters of a font that have a name and can be seen, by code point.

    Raises:
        FileNotFoundError: if matplotlib has no such font.
    """
    codes = sorted(FT2Font(str(_file(font))).get_charmap())
    return [chr(code) for code in codes if _is_visible(chr(code))]


def _is_visible(character: str) -> bool:
    """Whether it has a name, and is neither space nor control nor of private use."""
    return unicodedata.category(character)[0] not in "ZC" and bool(unicodedata.name(character, ""))


def _file(font: str) -> Path:
    folder = Path(matplotlib.get_data_path(), "fonts", "ttf")
    if not (folder / f"{font}.ttf").is_file():
        known = ", ".join(sorted(file.stem for file in folder.glob("*.ttf")))
        raise FileNotFoundError(f"matplotlib {matplotlib.__version__} has no font {font!r}: it has {known}")
    return folder / f"{font}.ttf"


def split_of(character: str, seed: int = 0) -> str:
    """The split that a character is in: "test" for every tenth by a checksum of its name, else "train"."""
    number = zlib.crc32(f"{seed} {unicodedata.name(character)}".encode())
    return SPLITS[number % TESTED == 0]


def draw(font: str, letters: Sequence[str]) -> Iterator[np.ndarray]:
    """Each character in black on white, uint8 (32, 32); what is too large for the square is made smaller.

    All stand on one line, so that a comma isn't taken for an apostrophe, nor a small letter for a capital.
    """
    side = SIDE * FINE
    drawn = ImageFont.truetype(str(_file(font)), LETTERS * FINE, layout_engine=ImageFont.Layout.BASIC)
    for letter in letters:
        left, top, right, bottom = drawn.getbbox(letter, anchor="ls")  # from the start of the baseline
        longest = max(side, right - left, bottom - top)
        start = (longest - (right - left)) // 2 - left  # in the middle
        baseline = min(max(BASELINE * FINE, -top), longest - bottom)  # what would be cut is moved
        image = Image.new("L", (longest, longest), 255)
        ImageDraw.Draw(image).text((start, baseline), letter, fill=0, font=drawn, anchor="ls")
        yield np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX))


def load(split: str = "train", *, size: int | None = None, seed: int = 0, fonts: Sequence[str] = FONTS) -> Pairs:
    """Characters and their names, by code point and then in the order of the fonts.

    Args:
        split: "train" or "test".
        size: how many pairs, drawn with `seed`; default all.
        seed: also decides which characters are in which split.
        fonts: names of files in matplotlib's folder of fonts, without .ttf.

    Returns:
        The pairs; the classes of the pictures are the characters of this split, and their factors `code` (the code
        point) and `font` (index into fonts).

    Raises:
        FileNotFoundError: if matplotlib has no such font.
        ValueError: if the split is neither, there is no font, or size is out of range.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be train or test, got {split!r}")
    if not fonts:
        raise ValueError("there must be at least one font")
    drawn = []
    for number, font in enumerate(fonts):
        mine = [letter for letter in characters(font) if split_of(letter, seed) == split]
        pictures = zip(mine, draw(font, mine), strict=True)
        drawn += [(ord(letter), number, image) for letter, image in pictures if image.min() < 255]  # some leave no ink
    drawn.sort(key=lambda one: one[:2])
    code, font = (torch.tensor([one[place] for one in drawn]) for place in (0, 1))
    pixels = torch.from_numpy(np.stack([image for *_, image in drawn]))
    classes, labels = code.unique(return_inverse=True)
    pictures = ImageSet(
        pixels.unsqueeze(1).repeat(1, 3, 1, 1), labels, tuple(map(chr, classes.tolist())), {"code": code, "font": font}
    )
    words = vocabulary(tuple(fonts), seed)
    names = words.rows(unicodedata.name(letter) for letter in pictures.classes)  # (classes, L)
    whole = Pairs(pictures, Samples(names[labels], factors={"character": labels}), words)
    return whole if size is None else whole.sample(size, seed=seed)


@functools.cache
def vocabulary(fonts: tuple[str, ...] = FONTS, seed: int = 0) -> Vocabulary:
    """The words of the training characters' names, and letters for all others; rows fit every name."""
    letters = sorted({letter for font in fonts for letter in characters(font)})
    names = {split: [unicodedata.name(one) for one in letters if split_of(one, seed) == split] for split in SPLITS}
    words = Vocabulary.of(names["train"], least=LEAST, unknown="spell")
    words.length = 1 + max(len(words.pieces(name)) for both in names.values() for name in both)
    return words
