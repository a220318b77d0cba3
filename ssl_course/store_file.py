"""The file of a store, and what lies beside it while it is made.

FILE.store holds, one after the other: a first page with the places of what follows; the pixels of each split, uint8
(N, 3, R, R); the labels of each split, int64 (N,); a line for each source; and what is known of the whole. It gets its
name when all of that is on disk. Until then the pixels are in FILE.store.KEY.part, where they will stay, and
FILE.store.KEY.journal says which are there; KEY stands for the list of sources.
"""

import contextlib
import errno
import glob
import json
import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

try:
    import fcntl
except ImportError:  # Windows
    import msvcrt

    fcntl = None

MAGIC = b"ssl_course store 1\n"
START = 4096  # bytes of the first page
FULL = (errno.ENOSPC, errno.EDQUOT)
BLOCK = 1 << 22  # bytes that are read at a time


class Source(NamedTuple):
    """A picture's file when it was decoded: path in its folder, bytes, nanoseconds of its last change, CRC-32 of its
    bytes and of its pixels here, and what the picture was like."""

    path: str
    size: int
    changed: int
    checksum: int
    pixels: int
    width: int
    height: int
    frames: int


@dataclass(frozen=True)
class Contents:
    """What a store says of itself; `splits` is name -> first row, count, classes, labels' place, checksum, notes."""

    file: Path
    resolution: int
    folder: str
    splits: dict[str, dict]
    sources_at: tuple[int, int]  # offset, bytes

    @property
    def rows(self) -> int:
        return sum(split["count"] for split in self.splits.values())


def is_store(path: str | os.PathLike) -> bool:
    """Whether a file begins as a store does."""
    try:
        with open(path, "rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def read_contents(path: str | os.PathLike) -> Contents:
    """What a store says of itself; none of its pixels is read.

    Raises:
        FileNotFoundError: if there is none, or it isn't finished.
        ValueError: if it is truncated, damaged, or not a store.
    """
    path = Path(path)
    if not path.is_file():
        begun = ": it was begun, the same `ssl-course store` command goes on" if leftovers(path) else ""
        raise FileNotFoundError(f"there is no store {path}{begun or ' (ssl-course store FOLDER --out FILE.store)'}")
    if not is_store(path):
        raise ValueError(f"{path} is not a store: `ssl-course store FOLDER --out FILE.store` makes one")
    remedy = "copy it again, or delete it and run `ssl-course store` again"
    with open(path, "rb") as file:
        length = os.fstat(file.fileno()).st_size
        try:
            first = json.loads(file.read(START)[len(MAGIC) :])
            at, size = first["about"]
        except (ValueError, KeyError) as failure:
            raise ValueError(f"{path} is damaged, its first page can't be read: {remedy}") from failure
        if length != at + size:
            raise ValueError(f"{path} is truncated or grown, it has {length:,} of {at + size:,} bytes: {remedy}")
        file.seek(at)
        about = file.read(size)
    if zlib.crc32(about) != first["checksum"]:
        raise ValueError(f"{path} is damaged, its description isn't what was written: {remedy}")
    return Contents(path, **json.loads(about))


def read_sources(contents: Contents) -> list[Source]:
    """The source of every row."""
    at, size = contents.sources_at
    with open(contents.file, "rb") as file:
        file.seek(at)
        return [Source(*json.loads(line)) for line in file.read(size).splitlines()]


def map_rows(file: Path, rows: int, resolution: int) -> np.ndarray:
    """The pixels of a finished or unfinished store, uint8 (rows, 3, R, R), of which nothing is read yet."""
    return np.memmap(file, np.uint8, "r", START, (rows, 3, resolution, resolution))


def leftovers(out: Path) -> list[Path]:
    """The journals of stores of this name that were begun."""
    return sorted(Path(name) for name in glob.glob(f"{glob.escape(str(out))}.*.journal"))


def clear(out: Path) -> None:
    """Delete what was begun for a store, once it isn't needed any more."""
    for ending in ("part", "again", "journal"):
        for name in glob.glob(f"{glob.escape(str(out))}.*.{ending}"):
            Path(name).unlink(missing_ok=True)


def part_of(journal: Path) -> Path:
    return journal.with_suffix(".part")


def read_journal(journal: Path, resolution: int) -> dict[int, Source]:
    """The rows of an unfinished store that are whole; what a crash left half-written isn't among them."""
    try:
        lines, length = journal.read_text(encoding="utf-8").split("\n"), part_of(journal).stat().st_size
    except OSError:
        return {}
    found: dict[int, Source] = {}
    with contextlib.suppress(ValueError, TypeError):  # the last line may be half a line
        for number, line in enumerate(lines[:-1]):
            if number == 0 and json.loads(line) != resolution:
                return {}
            if number:
                row, *source = json.loads(line)
                found[row] = Source(*source)
    rows = (length - START) // (3 * resolution**2)
    if rows < 1:
        return {}
    pixels = map_rows(part_of(journal), rows, resolution)
    return {row: source for row, source in found.items() if row < rows and zlib.crc32(pixels[row]) == source.pixels}


class Unfinished:
    """A store in the making: `put` rows in any order, then `finish`.

    Attributes:
        done: row -> source of the rows that are there, also from a process that was stopped.
    """

    def __init__(self, out: Path, key: str, rows: int, resolution: int):
        self.out, self.rows, self.resolution = out, rows, resolution
        self.journal_file = out.with_name(f"{out.name}.{key}.journal")
        self.file = part_of(self.journal_file)
        self.row_bytes = 3 * resolution**2
        self.done = read_journal(self.journal_file, resolution)
        fresh = self.journal_file.with_suffix(".again")
        with open(fresh, "w", encoding="utf-8") as journal:
            journal.write(json.dumps(resolution) + "\n")
            journal.writelines(_line(row, source) for row, source in self.done.items())
        self.pixels = open(self.file, "r+b" if self.file.exists() else "w+b")  # noqa: SIM115
        os.replace(fresh, self.journal_file)
        self.journal = open(self.journal_file, "a", encoding="utf-8")  # noqa: SIM115
        try:
            self._reserve()
        except OSError:
            self.close()
            raise

    def _reserve(self) -> None:
        """Take all of the room on disk now, where the system can: a disk that is too small is noticed here."""
        size = START + self.rows * self.row_bytes
        if hasattr(os, "posix_fallocate"):
            try:
                os.posix_fallocate(self.pixels.fileno(), 0, size)
            except OSError as failure:
                if failure.errno in FULL:
                    raise
        self.pixels.truncate(size)

    def put(self, row: int, pixels: np.ndarray, source: Source) -> None:
        """Keep one row: uint8 (3, R, R)."""
        write_at(self.pixels, START + row * self.row_bytes, pixels.tobytes())
        self.journal.write(_line(row, source))
        self.done[row] = source

    def flush(self) -> None:
        """Hand all to the system, so that it outlives this process."""
        self.pixels.flush()
        self.journal.flush()

    def close(self) -> None:
        """Leave it as it is, to be gone on with."""
        for file in (self.pixels, self.journal):
            with contextlib.suppress(OSError):  # a full disk has been told of
                file.close()

    def finish(self, folder: str, splits: dict[str, dict], labels: dict[str, np.ndarray]) -> None:
        """Close the gaps of rows that aren't there, write what follows the pixels, and give it its name.

        Args:
            splits: name -> `count`, and what else is to be known of it; its place and checksum are added here.
            labels: of those splits that have any, int64 (count,).
        """
        sources = self._close_gaps()
        self.pixels.truncate(START + len(sources) * self.row_bytes)
        first = 0
        for split in splits.values():
            split |= {"first": first, "checksum": self._checksum(first, split["count"])}
            first += split["count"]
        for name, values in labels.items():
            splits[name]["labels_at"] = self._append(values.astype("<i8").tobytes())[0]
        lines = "".join(json.dumps(source) + "\n" for source in sources).encode()
        about = {"resolution": self.resolution, "folder": folder, "splits": splits, "sources_at": self._append(lines)}
        packed = json.dumps(about).encode()
        page = json.dumps({"about": self._append(packed), "checksum": zlib.crc32(packed)}).encode()
        self._sync()
        write_at(self.pixels, 0, (MAGIC + page).ljust(START))
        self._sync()
        self.close()
        os.replace(self.file, self.out)
        clear(self.out)

    def _close_gaps(self) -> list[Source]:
        """Move rows up, so that they follow each other; their sources in order.

        If it is stopped, the rows that no longer fit their checksums are decoded again.
        """
        order = sorted(self.done)
        for place, row in enumerate(order):
            if place != row:
                self.pixels.seek(START + row * self.row_bytes)
                write_at(self.pixels, START + place * self.row_bytes, self.pixels.read(self.row_bytes))
        return [self.done[row] for row in order]

    def _checksum(self, first: int, count: int) -> int:
        self.pixels.seek(START + first * self.row_bytes)
        left, checksum = count * self.row_bytes, 0
        while left:
            block = self.pixels.read(min(BLOCK, left))
            checksum, left = zlib.crc32(block, checksum), left - len(block)
        return checksum

    def _append(self, contents: bytes) -> tuple[int, int]:
        """Write at the end; offset and length. Numbers of 8 bytes begin at a multiple of 8."""
        end = self.pixels.seek(0, os.SEEK_END)
        start = end + -end % 8
        write_at(self.pixels, start, contents)
        return start, len(contents)

    def _sync(self) -> None:
        self.pixels.flush()
        os.fsync(self.pixels.fileno())


def write_at(file: BinaryIO, place: int, contents: bytes) -> None:
    """Every byte of a store is written here."""
    file.seek(place)
    file.write(contents)


@contextlib.contextmanager
def locked(out: Path) -> Iterator[None]:
    """Let no other process make this store meanwhile; the system takes the lock back when a process ends or is killed.

    Raises:
        ValueError: if another process makes it.
    """
    path = out.with_name(out.name + ".lock")
    while True:
        file = open(path, "a")  # noqa: SIM115
        try:
            _lock(file)
            if os.fstat(file.fileno()).st_ino == path.stat().st_ino:
                break
        except FileNotFoundError:  # its last owner took it away meanwhile
            pass
        except OSError as taken:
            file.close()
            raise ValueError(
                f"another process is making {out}: wait until it is done, or stop it and run this again"
            ) from taken
        file.close()
    try:
        yield
    finally:
        with contextlib.suppress(PermissionError):  # Windows: it is open
            path.unlink(missing_ok=True)
        file.close()


def _lock(file) -> None:
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    else:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)


def _line(row: int, source: Iterable) -> str:
    return json.dumps([row, *source]) + "\n"
