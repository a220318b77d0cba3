"""Many pictures decoded side by side, each to uint8 (3, R, R), in processes of their own."""

import math
import multiprocessing
import os
import signal
import threading
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ssl_course import pictures as pictures_of
from ssl_course.pictures import Unreadable
from ssl_course.precision import available_cores

CHUNK = 16  # pictures that a process gets at a time
FEW = 500  # pictures for which it isn't worth while to start another process
DEEP = "16 or 32 bits or fractions, whose white depends on all the others, save with 8 bits a colour"


class Wanted(NamedTuple):
    """A file to decode: its row, and the checksum it had when it was decoded before, if it was."""

    row: int
    file: Path
    before: int | None = None


class Decoded(NamedTuple):
    """What came of a file.

    Attributes:
        checksum: CRC-32 of the file's bytes.
        pixels: uint8 (3, R, R), or None if the checksum is that of before.
        size: width and height of the picture as it was.
        frames: pages or frames in the file, of which the first is used.
    """

    checksum: int
    pixels: np.ndarray | None
    size: tuple[int, int] = (0, 0)
    frames: int = 1


Answer = tuple[int, Decoded | Unreadable]  # of a row


def decode(wanted: Wanted, resolution: int) -> Answer:
    """One picture, a large JPEG at a fraction of its size; not at all if its bytes are those of before."""
    try:
        checksum = zlib.crc32(wanted.file.read_bytes())
    except OSError as closed:
        return wanted.row, Unreadable(pictures_of.reason(wanted.file, closed))
    if checksum == wanted.before:
        return wanted.row, Decoded(checksum, None)
    picture = pictures_of.read(wanted.file, resolution, reduced=True)
    if isinstance(picture, Unreadable):
        return wanted.row, picture
    if picture.limits is not None and picture.white is None:
        return wanted.row, Unreadable(DEEP)
    (pixels,), _ = pictures_of.to_bytes([picture])
    return wanted.row, Decoded(checksum, pixels.transpose(2, 0, 1).copy(), picture.size, picture.frames)


def decode_all(wanted: Sequence[Wanted], resolution: int, jobs: int | None = None) -> Iterator[list[Answer]]:
    """All of them, some at a time, in the order in which they get ready.

    Args:
        jobs: processes; default as many as there are cores, fewer for a few pictures. With 1 it is this one.

    Raises:
        ValueError: if the processes could not be started.
    """
    chunks = [wanted[start : start + CHUNK] for start in range(0, len(wanted), CHUNK)]
    jobs = jobs or min(available_cores(), math.ceil(len(wanted) / FEW))
    if jobs < 2:
        yield from (_decode_some(chunk, resolution) for chunk in chunks)
        return
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _end_with_parent)
    try:
        yield from _side_by_side(pool, chunks, resolution, most=4 * jobs)
    except BrokenProcessPool as failure:
        raise ValueError(
            "the processes that decode have ended: in a script, build a store under `if __name__ == '__main__':`, or "
            "with jobs=1; or there was too little memory for so many (jobs=…, on the command line --jobs)"
        ) from failure
    finally:
        pool.shutdown(cancel_futures=True)


def _side_by_side(pool: ProcessPoolExecutor, chunks: list, resolution: int, most: int) -> Iterator[list[Answer]]:
    """Never more than `most` chunks under way, so that what is ready doesn't pile up."""
    under_way: set[Future] = set()
    for chunk in chunks:
        if len(under_way) >= most:
            done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
            yield from (part.result() for part in done)
        under_way.add(pool.submit(_decode_some, chunk, resolution))
    while under_way:
        done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
        yield from (part.result() for part in done)


def _decode_some(chunk: Sequence[Wanted], resolution: int) -> list[Answer]:
    return [decode(wanted, resolution) for wanted in chunk]


def _end_with_parent() -> None:
    """Make this process leave Ctrl-C to its parent, and end when that ends, even if it was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def wait_for_parent() -> None:
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=wait_for_parent, daemon=True).start()
