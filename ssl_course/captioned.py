"""A user's own images with captions: a folder, and a table in it that says what each image shows."""

import csv
import os
import unicodedata
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ssl_course.data import ImageSet, read_files
from ssl_course.folders import counted, enumerated, scan
from ssl_course.pairs import Pairs
from ssl_course.samples import Samples
from ssl_course.vocabulary import Vocabulary

SPLITS = ("train", "test", "all")
FILES, TEXTS = ("file", "filename", "file_name", "image", "path"), ("caption", "text", "description")
LAYOUT = "a first line file,caption and then a line for each image, such as cat.jpg,a cat on a mat"
MARKS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))
UNLIKE = ((b"PK", "a spreadsheet or an archive"), (b"\xd0\xcf\x11\xe0", "an old spreadsheet"), (b"%PDF", "a PDF"))


@dataclass(frozen=True)
class Line:
    """What one line of the table says."""

    number: int
    file: str
    caption: str


def load(
    folder: str | os.PathLike,
    split: str = "train",
    *,
    table: str = "captions.csv",
    length: int = 32,
    missing: str = "refuse",
    unreadable: str = "refuse",
    resolution: int | None = None,
) -> Pairs:
    """The images of a folder with the captions of a table in it.

    Every fifth image is the test split, with all its captions. The vocabulary is that of the training captions (for
    "all" of all), and other words become one token. An image with several captions makes as many pairs.

    Args:
        folder: ~ is the home folder; images may lie in folders in it.
        split: "train", "test" or "all".
        table: a CSV file in it: LAYOUT; tabs and semicolons do as well, and other columns are left alone.
        length: tokens of a row, with the start: what a caption has more is left out, and a note says so.
        missing: what to do with captions whose image isn't there: "refuse" or "skip".
        unreadable, resolution: of the images, as in `ssl_course.load`.

    Returns:
        The pairs; the factor `image` of pictures and captions tells which image each is of. What was left out or
        changed stands in `notes`, and each note is a warning, too.

    Raises:
        FileNotFoundError: the folder or the table is missing.
        ValueError: the table can't be understood, a caption's image isn't there, an image can't be read, nothing is
            left, or an argument is out of range.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be train, test or all, got {split!r}")
    if missing not in ("refuse", "skip"):
        raise ValueError(f'missing must be "refuse" or "skip", got {missing!r}')
    if unreadable not in ("refuse", "skip"):
        raise ValueError(f'unreadable must be "refuse" or "skip", got {unreadable!r}')
    if length < 2:
        raise ValueError(f"length must be at least 2, got {length}")
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "is not there"
        raise FileNotFoundError(f"{folder} {what}: give a folder with images and {table}")
    lines, notes = read_table(folder / table)
    pairs, more = _matched(folder, table, lines, missing)
    notes += more
    files = sorted({file for file, _ in pairs})
    test = _tested(len(files))
    number = {file: index for index, file in enumerate(files)}
    of = torch.tensor([number[file] for file, _ in pairs])  # (pairs,) which image
    chosen = torch.ones(len(pairs), dtype=torch.bool) if split == "all" else test[of] == (split == "test")
    tested = (test[of] & (split != "all")).tolist()
    words = Vocabulary.of((text for (_, text), out in zip(pairs, tested, strict=True) if not out), length=length)
    if not chosen.any():
        raise ValueError(f"{folder} has {counted(len(files), 'image')} with a caption: too few for a {split} split")
    captions = [pairs[index][1] for index in chosen.nonzero().flatten().tolist()]
    tokens, more = _rows(words, captions)
    notes += more
    used, place = of[chosen].unique(return_inverse=True)
    images, readable, more = read_files(
        [files[index] for index in used], folder, unreadable=unreadable, resolution=resolution
    )
    notes = (*notes, *more)
    for note in notes:
        warnings.warn(f"{folder}: {note}", stacklevel=2)
    kept = readable[place]  # (pairs,) whose image could be read
    row = (readable.cumsum(0) - 1)[place[kept]]
    factors = {"image": of[chosen][kept]}
    pictures = ImageSet(images[row], factors=factors, notes=notes)
    return Pairs(pictures, Samples(tokens[kept], factors=factors), words)


# --- the table


def read_table(file: Path) -> tuple[list[Line], list[str]]:
    """The lines of a table of captions, and notes on how it was read.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it isn't a table of text with a column for files and one for captions.
    """
    if not file.is_file():
        others = [other.name for other in sorted(file.parent.glob("*")) if other.suffix.lower() in (".csv", ".tsv")]
        instead = f" (there is {enumerated(others)}: say table=)" if others else ""
        raise FileNotFoundError(f"there is no {file.name} in {file.parent}{instead}: it needs {LAYOUT}")
    text, notes = _decoded(file)
    first = next((line for line in text.splitlines() if line.strip()), "")
    if not first:
        raise ValueError(f"{file} is empty: it needs {LAYOUT}")
    split_by, columns, at = _columns(file, first)
    lines = []
    reader = csv.reader(text.splitlines(keepends=True), delimiter=split_by, strict=True)
    try:
        for row in reader:
            if not any(part.strip() for part in row):
                continue
            if len(row) != columns:
                raise ValueError(
                    f"line {reader.line_num} of {file} has {counted(len(row), 'column')}, the first line {columns}: "
                    f"put a caption with {split_by!r} in it into double quotes"
                )
            lines.append(Line(reader.line_num, row[at[0]].strip(), " ".join(row[at[1]].split())))
    except csv.Error as failure:
        raise ValueError(f"line {reader.line_num} of {file} can't be read ({failure}): is a quote open?") from failure
    lines = lines[1:]
    if not lines:
        raise ValueError(f"{file} has no line after its first one: it needs {LAYOUT}")
    return lines, notes


def _decoded(file: Path) -> tuple[str, list[str]]:
    """The text of a file in UTF-8, UTF-16 with its mark, or else Windows' Western letters, with a note on a guess."""
    data = file.read_bytes()
    for start, kind in UNLIKE:
        if data.startswith(start):
            raise ValueError(f"{file} is {kind}, not a table of text: save it as CSV (UTF-8)")
    encoding = next((name for mark, name in MARKS if data.startswith(mark)), "utf-8")
    try:
        text, notes = data.decode(encoding), []
    except UnicodeDecodeError:
        if encoding != "utf-8":
            raise ValueError(f"{file} is cut off or damaged: save it again as CSV (UTF-8)") from None
        text = data.decode("cp1252", errors="replace")
        notes = [f"{file.name} isn't UTF-8 and was read as Windows-1252: look at its letters beyond a to z"]
    if "\0" in text:
        raise ValueError(f"{file} isn't text, or UTF-16 without its mark: save it as CSV (UTF-8)")
    return text, notes


def _columns(file: Path, first: str) -> tuple[str, int, tuple[int, int]]:
    """What divides columns, how many there are, and which are the file's and the caption's."""
    for split_by in (",", ";", "\t"):
        names = [name.strip().casefold() for name in next(csv.reader([first], delimiter=split_by))]
        at = [[place for place, name in enumerate(names) if name in known] for known in (FILES, TEXTS)]
        if all(len(places) == 1 for places in at):
            return split_by, len(names), (at[0][0], at[1][0])
        if all(at):
            raise ValueError(f"{file} has more than one column for files or captions: {first.strip()[:80]!r}")
    raise ValueError(f"the first line of {file} is {first.strip()[:80]!r}: it needs {LAYOUT}")


# --- which caption is whose


def _matched(folder: Path, table: str, lines: list[Line], missing: str) -> tuple[list[tuple[Path, str]], list[str]]:
    """Image and caption of every line that has both, in the order of the table, and notes on the others."""
    found = scan(folder)
    known = {_plain(file.relative_to(folder).as_posix()): file for file in found.pictures}
    lost = [line for line in lines if _plain(line.file) not in known]
    notes = _refuse_or_note(folder, table, lost, len(lines), known, missing)
    lines = [line for line in lines if _plain(line.file) in known]
    empty = [line for line in lines if not line.caption]
    if empty:
        named = enumerated([f"line {line.number}, {line.file}" for line in empty])
        notes.append(f"left out {counted(len(empty), 'empty caption')}: {named}")
    counts = Counter((known[_plain(line.file)], line.caption) for line in lines if line.caption)
    again = sum(counts.values()) - len(counts)
    if again:
        notes.append(f"left out {counted(again, 'repeated line')} (an image with a caption that it has already)")
    pairs = list(counts)
    if not pairs:
        raise ValueError(f"no image in {folder} has a caption in {table}: it needs {LAYOUT}")
    several = [count for count in Counter(file for file, _ in pairs).values() if count > 1]
    if several:
        notes.append(f"images with several captions: {len(several)} (with up to {max(several)}); each is a pair")
    shared = {text: count for text, count in Counter(text for _, text in pairs).items() if count > 1}
    if shared:
        notes.append(
            f"captions of several images: {len(shared)} ({enumerated(list(shared), 3)}); where two such images meet in "
            "a batch, each other's caption counts as wrong"
        )
    named = {_plain(line.file) for line in lines}
    without = [name for name in known if name not in named]
    if without:
        notes.append(f"left out {counted(len(without), 'image')} without a caption in {table}: {enumerated(without)}")
    others = [file.name for file in found.others if file != folder / table]
    if others:
        notes.append(f"left out files that are no pictures: {enumerated(others)}")
    return pairs, notes


def _refuse_or_note(
    folder: Path, table: str, lost: list[Line], of: int, known: dict[str, Path], missing: str
) -> list[str]:
    """A note on captions without an image; ValueError if they aren't to be skipped."""
    if not lost:
        return []
    unnamed = [line.number for line in lost if not line.file]
    if unnamed:
        raise ValueError(f"no file is named in line {enumerated(unnamed)} of {folder / table}")
    named = enumerated([f"{line.file} (line {line.number})" for line in lost])
    said = f"{len(lost)} of {counted(of, 'caption')} in {table} are of images that aren't there: {named}"
    if missing == "skip":
        return [f"left out captions: {said}"]
    alike = {name.casefold().rsplit(".", 1)[0]: name for name in known}
    near = alike.get(_plain(lost[0].file).casefold().rsplit(".", 1)[0])
    hint = f" (there is {near})" if near else ""
    raise ValueError(f'{said}{hint}; name them as they lie in {folder}, or leave them out with missing="skip"')


def _plain(name: str) -> str:
    """A file's name as a key: one Unicode form, slashes, and no ./ before it."""
    return unicodedata.normalize("NFC", name).replace("\\", "/").removeprefix("./")


def _tested(count: int) -> Tensor:
    """Which of so many images are the test split: every fifth; of two to four the last one. Bool (count,)."""
    index = torch.arange(count)
    return index % 5 == 4 if count > 4 else (index == count - 1) & (count > 1)


def _rows(words: Vocabulary, captions: Sequence[str]) -> tuple[Tensor, list[str]]:
    """The captions' tokens, cut to a row's length, and notes on what was cut or isn't known."""
    pieces = [words.pieces(caption) for caption in captions]
    notes, room = [], words.length - 1
    cut = [len(piece) for piece in pieces if len(piece) > room]
    if cut:
        notes.append(
            f"captions longer than {room} words: {len(cut)} (up to {max(cut)}); what comes later is left out, and "
            f"length={max(cut) + 1} keeps all of it"
        )
    unknown = sorted({word for caption in captions for word in words.unknown_in(caption)})
    if unknown:
        notes.append(f"words that no training caption has: {len(unknown)} ({enumerated(unknown)}); all are one token")
    return torch.stack([words.row(piece) for piece in pieces]), notes
