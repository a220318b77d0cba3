"""More images than memory: decode a folder once into a file, from which training then reads batch by batch.

`build` makes the file, `open_store` gives an ImageSet whose pixels stay on disk. A store is the same, byte for byte,
whether it was built in one go, gone on with after a kill, or extended. Large JPEGs are decoded at a half, a quarter or
an eighth of their size, by libjpeg's own means, and then brought to the resolution as `load` does it: about three times
as fast, and pixels differ by about one of 255 on average. All other pictures have the pixels that `load` gives them.
"""

import contextlib
import hashlib
import os
import shutil
import sys
import warnings
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from ssl_course.data import SMALLEST, ImageSet, frames_note, refuse_or_leave_out, size_note
from ssl_course.decoding import Decoded, Wanted, decode_all
from ssl_course.folders import Listing, counted, enumerated, list_images
from ssl_course.mapped import map_images
from ssl_course.memory import in_words
from ssl_course.pictures import Unreadable, usual_side
from ssl_course.store_file import (
    FULL,
    START,
    Contents,
    Source,
    Unfinished,
    clear,
    is_store,
    leftovers,
    locked,
    map_rows,
    part_of,
    read_contents,
    read_journal,
    read_sources,
)

__all__ = ["build", "is_store", "open_store", "stale"]

DESCRIBED = 150  # bytes that a row takes beside its pixels and its path, about


@dataclass(frozen=True)
class Plan:
    """What a store is to hold: the files of each split, one split after the other, and their sizes and times."""

    folder: Path
    resolution: int
    listings: dict[str, Listing]
    files: list[Path]
    paths: list[str]  # in the folder
    stats: list[tuple[int, int]]  # bytes, and nanoseconds of the last change

    @property
    def key(self) -> str:
        """Short, and another one for other sources, splits or resolution."""
        splits = {name: len(listing.files) for name, listing in self.listings.items()}
        made_of = repr([self.resolution, splits, self.paths, self.stats]).encode("utf-8", "surrogatepass")
        return hashlib.sha256(made_of).hexdigest()[:8]

    @property
    def sources(self) -> list[tuple[str, int, int]]:
        """Path, bytes and time of each row, as a store keeps them."""
        return [(path, *stats) for path, stats in zip(self.paths, self.stats, strict=True)]

    @property
    def bytes(self) -> int:
        """How large the store will be, about."""
        return START + len(self.files) * (3 * self.resolution**2 + DESCRIBED) + sum(map(len, self.paths))

    def range_of(self, name: str) -> range:
        """The rows of a split."""
        first = 0
        for split, listing in self.listings.items():
            if split == name:
                return range(first, first + len(listing.files))
            first += len(listing.files)
        raise KeyError(name)


def build(
    folder: str | os.PathLike,
    *,
    out: str | os.PathLike,
    resolution: int | None = None,
    jobs: int | None = None,
    unreadable: str = "refuse",
    labels: str | None = "auto",
    progress: bool = True,
) -> ImageSet:
    """Decode a folder's images into one file, or bring a store up to date: only what is new or changed is decoded.

    After a kill the same call goes on. The old store stays whole until the new one takes its place.

    Args:
        folder: as for `load`; its splits train, test and val are stored, as far as there are any.
        out: the store's file.
        resolution: height and width; default that of the store if there is one, else the images' own size if a hundred
            of them share one of at most 96x96, else 64.
        jobs: processes that decode; default as many as cores, fewer for a few images. A script that has several must
            do its work under `if __name__ == "__main__":`.
        unreadable: what to do with files that can't be decoded, "refuse" (at the end: nothing is lost) or "skip".
        labels: as in `load`; to change them, delete the store.
        progress: whether to say what is needed and to show a bar.

    Returns:
        The images of the split "train", as `open_store` gives them. What was left out, changed or is gone is a warning.

    Raises:
        FileNotFoundError: the folder is missing or empty.
        ValueError: an argument is out of range, files are unreadable, `out` is no store or one of another folder or
            resolution, or another process makes it.
        OSError: there isn't enough room on disk.
    """
    _check_arguments(resolution, jobs, unreadable)
    folder, out = Path(folder).expanduser().resolve(), Path(out).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}")
    out.parent.mkdir(parents=True, exist_ok=True)
    with locked(out):
        old = read_contents(out) if out.exists() else None
        before = read_sources(old) if old else []
        plan = _plan(folder, resolution, old, labels)
        _refuse_another_folder(plan, old, before)
        if [(source.path, source.size, source.changed) for source in before] == plan.sources:
            clear(out)  # of a process that was stopped at the very end
            return open_store(out)
        _refuse_more_than_disk(plan, out, progress)
        notes = _make(plan, out, _decoded_before(plan, out, old, before), jobs, unreadable, progress)
    for note in dict.fromkeys([*_differences(plan, before), *notes]):
        warnings.warn(f"{folder}: {note}", stacklevel=2)
    return open_store(out)


def open_store(path: str | os.PathLike, split: str = "train") -> ImageSet:
    """The images of a split, without reading them: `images` is a memory-mapped tensor that must not be written to.

    `pretrain` reads it batch by batch. What takes all pixels at once (`.float()`, `.clone()`) needs the memory for it.

    Raises:
        FileNotFoundError: if there is no such store, or no such split in it.
        ValueError: if the file is truncated, damaged, or not a store.
    """
    contents = read_contents(Path(path).expanduser())
    if split not in contents.splits:
        raise FileNotFoundError(f"{path} has no split {split!r}, only {enumerated(list(contents.splits))}")
    about, side = contents.splits[split], contents.resolution
    offset, shape = START + about["first"] * 3 * side**2, (about["count"], 3, side, side)
    labels = None
    if "labels_at" in about:
        stored = np.fromfile(contents.file, "<i8", about["count"], offset=about["labels_at"])
        labels = torch.from_numpy(stored.astype(np.int64))
    images = map_images(contents.file, offset, shape, about["checksum"])
    return ImageSet(images, labels, tuple(about["classes"]), notes=tuple(about["notes"]))


def stale(path: str | os.PathLike) -> str | None:
    """A sentence on sources that were changed or are gone since the store was made; None if there are none.

    It looks at the size and time of every source, which takes seconds for a million. If the whole folder is away, as
    on another machine, there is nothing to compare.
    """
    contents = read_contents(path)
    folder = Path(contents.folder)
    if not folder.is_dir():
        return None
    changed, gone = [], []
    for source in read_sources(contents):
        try:
            if _stat(folder / source.path) != (source.size, source.changed):
                changed.append(source.path)
        except OSError:
            gone.append(source.path)
    parts = [
        f"{_are(group)} {what} ({enumerated(group)})" for group, what in ((changed, "changed"), (gone, "gone")) if group
    ]
    remedy = f"`ssl-course store {folder} --out {path}` decodes only what it must"
    return f"since {path} was made, {' and '.join(parts)}: {remedy}" if parts else None


# --- what there is to do


def _check_arguments(resolution: int | None, jobs: int | None, unreadable: str) -> None:
    if resolution is not None and resolution < SMALLEST:
        raise ValueError(f"resolution must be at least {SMALLEST}, got {resolution}")
    if jobs is not None and jobs < 1:
        raise ValueError(f"jobs must be at least 1, got {jobs}")
    if unreadable not in ("refuse", "skip"):
        raise ValueError(f'unreadable must be "refuse" or "skip", got {unreadable!r}')


def _plan(folder: Path, resolution: int | None, old: Contents | None, labels: str | None) -> Plan:
    listings = {"train": list_images(folder, "train", labels)}
    for split, expected in (("test", FileNotFoundError), ("val", (FileNotFoundError, ValueError))):
        with contextlib.suppress(expected):
            listings[split] = list_images(folder, split, labels)
    files = [file for listing in listings.values() for file in listing.files]
    if old and resolution not in (None, old.resolution):
        raise ValueError(
            f"{old.file} holds {old.resolution}x{old.resolution}, and {resolution}x{resolution} was asked for: "
            "leave the resolution out, name another file, or delete this one"
        )
    side = old.resolution if old else resolution or usual_side(files)
    paths = [str(file.relative_to(folder)) for file in files]
    return Plan(folder, side, listings, files, paths, [_stat(file) for file in files])


def _stat(file: Path) -> tuple[int, int]:
    about = os.stat(file)
    return about.st_size, about.st_mtime_ns


def _refuse_another_folder(plan: Plan, old: Contents | None, before: Sequence[Source]) -> None:
    if old and {source.path for source in before}.isdisjoint(plan.paths):
        raise ValueError(
            f"{old.file} was made of {old.folder}, and nothing that it holds is in {plan.folder}: "
            "name another file, or delete this one"
        )


def _refuse_more_than_disk(plan: Plan, out: Path, say: bool) -> None:
    """OSError if the store won't fit on its disk; else, on demand, say what it will take."""
    part = part_of(out.with_name(f"{out.name}.{plan.key}.journal"))
    there = part.stat().st_blocks * 512 if part.exists() and hasattr(part.stat(), "st_blocks") else 0
    needed, free = max(0, plan.bytes - there), shutil.disk_usage(out.parent).free
    what = f"{len(plan.files):,} images at {plan.resolution}x{plan.resolution} take {in_words(plan.bytes)}"
    if needed > free:
        raise OSError(
            f"{what} of disk, {in_words(needed)} more than now, and {in_words(free)} are free in {out.parent}: make "
            "room, choose another disk, or a smaller resolution"
        )
    if say and "TQDM_DISABLE" not in os.environ:
        tqdm.write(f"{what} of disk; {in_words(free)} are free", file=sys.stderr)


def _differences(plan: Plan, before: Sequence[Source]) -> list[str]:
    """A note on what isn't as it was in the old store."""
    if not before:
        return []
    now = dict(zip(plan.paths, plan.stats, strict=True))
    old = {source.path: (source.size, source.changed) for source in before}
    groups = {
        "changed and decoded again": [path for path in old if path in now and old[path] != now[path]],
        "gone and left out": [path for path in old if path not in now],
        "new": [path for path in now if path not in old],
    }
    said = [f"{_are(group)} {what} ({enumerated(group)})" for what, group in groups.items() if group]
    return [f"since the store was made, {', '.join(said)}"] if said else []


def _are(group: Sequence) -> str:
    return f"{counted(len(group), 'source')} {'is' if len(group) == 1 else 'are'}"


# --- decoding


Row = tuple[Source, np.ndarray, int]  # a source, and the pixels (N, 3, R, R) among which its own are, and where


def _decoded_before(plan: Plan, out: Path, old: Contents | None, before: Sequence[Source]) -> dict[str, list[Row]]:
    """What needn't be decoded: the rows of the old store, and of others that were begun, by their paths."""
    found: dict[str, list[Row]] = {}
    places: list[tuple[Path, Iterable[tuple[int, Source]], int]] = []
    if old:
        places.append((out, enumerate(before), len(before)))
    for journal in leftovers(out):
        rows = read_journal(journal, plan.resolution) if plan.key not in journal.name else {}
        if rows:
            places.append((part_of(journal), rows.items(), max(rows) + 1))
    for file, sources, count in places:
        pixels = np.asarray(map_rows(file, count, plan.resolution))
        for row, source in sources:
            found.setdefault(source.path, []).append((source, pixels, row))
    return found


def _make(
    plan: Plan, out: Path, before: dict[str, list[Row]], jobs: int | None, unreadable: str, progress: bool
) -> list[str]:
    """Fill a new store and give it its name; notes on what was left out or changed."""
    part = None
    try:
        part = Unfinished(out, plan.key, len(plan.files), plan.resolution)
        broken = _fill(part, plan, before, jobs, progress)
        left_out = []
        if broken:
            left_out = [refuse_or_leave_out(plan.folder, broken, len(plan.files), unreadable)]
        return _finish(part, plan, left_out)
    except OSError as failure:
        if failure.errno not in FULL:
            raise
        raise OSError(_full(part, plan, out)) from failure
    finally:
        if part is not None:
            part.close()


def _fill(
    part: Unfinished, plan: Plan, before: dict[str, list[Row]], jobs: int | None, progress: bool
) -> dict[Path, Unreadable]:
    """Put every row that isn't there; the files that can't be read."""
    wanted = [row for row in range(len(plan.files)) if row not in part.done]
    wanted = [_again(part, plan, row, before.get(plan.paths[row], [])) for row in wanted]
    wanted = [file for file in wanted if file is not None]
    part.flush()
    broken: dict[Path, Unreadable] = {}
    done, hidden = len(plan.files) - len(wanted), not progress or "TQDM_DISABLE" in os.environ
    with tqdm(total=len(plan.files), initial=done, unit="img", leave=False, disable=hidden) as bar:
        for answers in decode_all(wanted, plan.resolution, jobs):
            for row, answer in answers:
                if isinstance(answer, Unreadable):
                    broken[plan.files[row]] = answer
                else:
                    _put(part, plan, row, answer, before)
            part.flush()
            bar.update(len(answers))
    return broken


def _again(part: Unfinished, plan: Plan, row: int, known: Sequence[Row]) -> Wanted | None:
    """Put a row that was decoded before, from a file that has not changed since; else the file to decode."""
    whole = [(source, pixels[old]) for source, pixels, old in known if zlib.crc32(pixels[old]) == source.pixels]
    for source, kept in whole:
        if (source.size, source.changed) == plan.stats[row]:
            part.put(row, kept, source)
            return None
    return Wanted(row, plan.files[row], whole[0][0].checksum if whole else None)


def _put(part: Unfinished, plan: Plan, row: int, answer: Decoded, before: dict[str, list[Row]]) -> None:
    path, stats = plan.paths[row], plan.stats[row]
    if answer.pixels is None:  # the same bytes with another time
        source, pixels, old = next(known for known in before[path] if known[0].checksum == answer.checksum)
        part.put(row, pixels[old], source._replace(size=stats[0], changed=stats[1]))
        return
    checksum = zlib.crc32(answer.pixels)
    part.put(row, answer.pixels, Source(path, *stats, answer.checksum, checksum, *answer.size, answer.frames))


def _finish(part: Unfinished, plan: Plan, left_out: list[str]) -> list[str]:
    splits, labels = {}, {}
    for name, listing in plan.listings.items():
        rows = plan.range_of(name)
        there = [row for row in rows if row in part.done]
        if not there:
            continue
        sources = [part.done[row] for row in there]
        frames, sizes = [source.frames for source in sources], [(source.width, source.height) for source in sources]
        notes = [*listing.notes, *left_out, *frames_note(frames), *size_note(sizes, plan.resolution)]
        splits[name] = {"count": len(there), "classes": list(listing.classes), "notes": notes}
        if listing.labels is not None:
            labels[name] = listing.labels.numpy()[np.array(there) - rows.start]
    if "train" not in splits:
        raise ValueError(f"none of the training images in {plan.folder} can be read")
    part.finish(str(plan.folder), splits, labels)
    return [note for split in splits.values() for note in split["notes"]]


def _full(part: Unfinished | None, plan: Plan, out: Path) -> str:
    """What to say of a full disk; what was begun is deleted if it holds nothing."""
    journal = out.with_name(f"{out.name}.{plan.key}.journal")
    count = len(part.done if part else read_journal(journal, plan.resolution))
    if not count:
        part_of(journal).unlink(missing_ok=True)
        journal.unlink(missing_ok=True)
    kept = f"; what is done is kept in {out.name}.{plan.key}.part" if count else ""
    return (
        f"the disk of {out} is full after {count:,} of {len(plan.files):,} images{kept}: make room "
        f"({in_words(plan.bytes)} in all) and give the same command again, or name a file on another disk"
    )
