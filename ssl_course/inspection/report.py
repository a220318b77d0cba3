"""`inspect_folder` and what it gives: every finding with what to do, as text and as JSON."""

import os
import statistics
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ssl_course.folders import Found, counted, enumerated, list_images, scan, usage, without_dots
from ssl_course.inspection import cost, detail, groups
from ssl_course.inspection.copies import Copies, find_copies
from ssl_course.inspection.detail import Detail, find_detail
from ssl_course.inspection.files import Look, look_at
from ssl_course.inspection.findings import Finding, Seen, findings
from ssl_course.naming import kind_of

WIDTH = 98  # columns of the text
MOST = 5  # kinds, sizes and classes that a line of the text names


@dataclass(frozen=True, eq=False)
class Inspection:
    """What is in a folder; `print` shows it.

    Attributes:
        folder: that was looked at.
        files: pictures that can be read, in order.
        splits: of each file: "train", "test" or "val" as `load` would read it, None where it wouldn't.
        classes: the names behind the labels.
        labels: int64, one for each file, -1 for those that `load` would leave out; None where there are no classes.
        groups: by "camera", "burst", "date", "name", "folder" and "look" (copies), a name for each file: those of one
            name belong together. Ways that say nothing here are left out.
        findings: what matters, the most urgent first, each with what to do.
        numbers: all that was counted, as JSON takes it.
        copies, detail: what the pictures of the report are made of.
    """

    folder: Path
    files: list[Path]
    splits: list[str | None]
    classes: tuple[str, ...]
    labels: Tensor | None
    groups: dict[str, list[str]]
    findings: list[Finding]
    numbers: dict
    copies: Copies
    detail: Detail | None

    def __str__(self) -> str:
        return as_text(self)

    def as_dict(self) -> dict:
        """The same as the text and more, in values that JSON takes; files by their path in the folder."""
        about = {"folder": enumerated([self.folder]), "headline": headline(self)}
        return about | {"findings": [finding.as_dict() for finding in self.findings]} | self.numbers


def inspect_folder(
    folder: str | os.PathLike, *, labels: str | None = "auto", measure: bool = True, progress: bool = False
) -> Inspection:
    """Look at a folder of pictures before anything is trained: what is broken, there twice, or would leak.

    Nothing is written, and no file is too odd: what can't be read is named, with the reason.

    Args:
        folder: of pictures, in any layout that `load` reads or in none.
        labels: whether folders are classes, as in `load`.
        measure: whether to take a few seconds to measure what loading and training will take.
        progress: show a bar.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: labels is none of "auto", "folders" and None.
    """
    if labels not in ("auto", "folders", None):
        raise ValueError(f'labels must be "auto", "folders" or None, got {labels!r}')
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {enumerated([folder])}: name one that holds pictures")
    folder = without_dots(folder)
    found = scan(folder)
    looks = look_at(found.pictures, folder, progress=progress)
    readable = [look for look in looks if look.problem is None]
    broken = [look for look in looks if look.problem is not None]
    files = [look.file for look in readable]
    split, name, classes, notes = _placed(folder, files, labels)
    copies = find_copies(readable, groups.cameras(readable, folder))
    together = groups.group(readable, folder, name, copies)
    numbers = _census(folder, readable, broken, found) | _counts(split, name)
    numbers |= {"groups": {way: _group_numbers(ways, split) for way, ways in together.items()}}
    numbers |= _costs(readable, measure)
    given = _by_folder(folder, files, split, classes)
    seen = Seen(folder, readable, broken, found, split, name, given, copies, together, numbers, notes)
    numbered = groups.as_numbers(name, classes) if classes else None
    sharpest = find_detail(files)
    return Inspection(folder, files, split, classes, numbered, together, findings(seen), numbers, copies, sharpest)


def _placed(folder: Path, files: list[Path], labels: str | None) -> tuple[list, list, tuple[str, ...], list[str]]:
    """The split and the class of each file as `load` would read the folder, the classes, and what `load` would say."""
    where: dict[Path, tuple[str, str | None]] = {}
    classes, notes = (), []
    for split in ("train", "test", "val"):
        try:
            listing = list_images(folder, split, labels)
        except (FileNotFoundError, ValueError):  # there is no such split
            continue
        classes = classes or listing.classes
        notes += [note for note in listing.notes if note not in notes and "taken for classes" in note]
        names = [None] * len(listing.files) if listing.labels is None else [classes[i] for i in listing.labels.tolist()]
        where |= {file: (split, name) for file, name in zip(listing.files, names, strict=True)}
    placed = [where.get(file, (None, None)) for file in files]
    return [split for split, _ in placed], [name for _, name in placed], classes, notes


def _by_folder(folder: Path, files: list[Path], splits: Sequence[str | None], classes: Sequence[str]) -> bool:
    """Whether the splits are folders, so that somebody has decided them, and not `load`."""
    tops = {file.relative_to(folder).parts[0] for file, split in zip(files, splits, strict=True) if split}
    return bool(tops) and all(usage(top) and top not in classes for top in tops)


def _census(folder: Path, readable: list[Look], broken: list[Look], found: Found) -> dict:
    """Counts of files, kinds, sizes, colours and date folders."""
    kinds = Counter((look.kind, look.file.suffix.lower() or "no ending") for look in readable)
    sizes = Counter(f"{look.size[0]}x{look.size[1]}" for look in readable)
    parents = {parent for look in readable for parent in look.file.relative_to(folder).parents if parent.name}
    dated = [parent for parent in parents if kind_of(parent.name.casefold()) == "date"]
    sides = [min(look.size) for look in readable]
    return {
        "pictures": len(readable),
        "unreadable": len(broken),
        "other_files": len(found.others),
        "bytes": sum(look.bytes for look in (*readable, *broken)),
        "kinds": [{"kind": kind, "ending": end, "count": count} for (kind, end), count in kinds.most_common()],
        "sizes": dict(sizes.most_common(50)),
        "different_sizes": len(sizes),
        "shorter_side": {"smallest": min(sides), "middle": statistics.median(sides), "largest": max(sides)}
        if sides
        else None,
        "modes": dict(Counter(look.mode for look in readable).most_common()),
        "date_folders": sorted(enumerated([parent.as_posix()]) for parent in dated),
        "cameras": dict(Counter(look.camera for look in readable if look.camera).most_common()),
    }


def _counts(splits: list[str | None], names: list[str | None]) -> dict:
    """Pictures of each split and class, and the share of the largest class."""
    by_split = dict(Counter(split for split in splits if split))
    by_class = Counter(name for name in names if name is not None)
    share = max(by_class.values()) / sum(by_class.values()) if by_class else None
    return {"splits": by_split, "classes": dict(by_class.most_common()), "majority": share}


def _group_numbers(ways: list[str], splits: list[str | None]) -> dict:
    sizes = Counter(ways)
    named = sum(not name.startswith(groups.ALONE) for name in sizes)
    about = {"groups": named, "largest": max(sizes.values()), "leak_of_random_split": round(groups.leak(ways), 4)}
    return about | {"test_with_sibling_in_train": groups.on_both_sides(ways, splits)}


def _costs(readable: list[Look], measure: bool) -> dict:
    """For each resolution: the smallest detail, memory and, if measured, seconds."""
    if not readable:
        return {"resolutions": [], "free_memory": cost.free_memory()}
    side = statistics.median(min(look.size) for look in readable)
    largest = max(look.size[0] * look.size[1] for look in readable)
    count = len(readable)
    to_load = cost.seconds_to_load([look.file for look in readable], 64) if measure else None
    speed = cost.images_per_second() if measure else None
    rows = []
    for resolution in detail.resolutions_for(side):
        row = {"resolution": resolution, "smallest_detail": detail.smallest_detail(side, resolution)}
        row |= {"bytes": cost.bytes_of(count, resolution), "peak_bytes": cost.peak_of(count, resolution, largest)}
        if measure:
            row["seconds_to_load"] = round(to_load, 1)
            row["seconds_to_train"] = round(cost.seconds_to_train(count, resolution, speed), 1)
        rows.append(row)
    return {"resolutions": rows, "free_memory": cost.free_memory(), "passes": cost.PASSES}


# --- text


def headline(report: Inspection) -> str:
    """The folder in one sentence, and how many things there are to do."""
    numbers = report.numbers
    parts = [f"{counted(numbers['pictures'], 'picture')}, {_size(numbers['bytes'])}"]
    parts.append(f"{len(report.classes)} classes" if len(report.classes) > 1 else "no labels")
    if len(numbers["splits"]) > 1:
        parts.append(", ".join(f"{split} {count:,}" for split, count in numbers["splits"].items()))
    urgent = sum(finding.urgent for finding in report.findings)
    said = f"{counted(urgent, 'thing')} to do before training" if urgent else "nothing stands in the way of training"
    return f"{'; '.join(parts)}: {said}"


def as_text(report: Inspection) -> str:
    """The report: headline, findings with what to do, and what was counted."""
    lines = [enumerated([report.folder]), *_wrapped(headline(report), "")]
    for number, finding in enumerate(report.findings, start=1):
        lines += ["", *_wrapped(finding.says, f"{number}. " if finding.urgent else "-  ")]
        lines += _wrapped(finding.do, "   -> ") if finding.do else []
    lines += ["", *_counted_lines(report.numbers), *_table(report.numbers)]
    return "\n".join(lines).rstrip() + "\n"


def _wrapped(text: str, first: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _counted_lines(numbers: dict) -> list[str]:
    kinds = [f"{row['kind']} ({row['ending']}) {row['count']:,}" for row in numbers["kinds"]]
    rows = {
        "kinds": kinds,
        "sizes": _named(numbers["sizes"]),
        "colours": _named(numbers["modes"]),
        "cameras": _named(numbers["cameras"]),
        "dates": numbers["date_folders"],
        "splits": _named(numbers["splits"]),
        "classes": _named(numbers["classes"]),
    }
    lines = []
    for name, values in rows.items():
        if values:
            more = f", … ({len(values)} in all)" if len(values) > MOST else ""
            lines += _wrapped(", ".join(values[:MOST]) + more, f"{name:<10}")
    return lines


def _named(counts: dict[str, int]) -> list[str]:
    return [f"{name} {count:,}" for name, count in counts.items()]


def _table(numbers: dict) -> list[str]:
    """A line for each resolution."""
    rows = numbers["resolutions"]
    if not rows:
        return []
    timed = "seconds_to_load" in rows[0]
    train = f"SimCLR, {numbers['passes']} passes"
    heading = f"{'resolution':<12}{'smallest detail':>17}{'in memory':>12}{'at the most':>13}"
    lines = ["", heading + (f"{'load':>9}{train:>21}" if timed else "")]
    for row in rows:
        line = f"{row['resolution']:<12}{row['smallest_detail']:>14} px{_size(row['bytes']):>12}"
        line += f"{_size(row['peak_bytes']):>13}"
        if timed:
            line += f"{_time(row['seconds_to_load']):>9}{_time(row['seconds_to_train']):>21}"
        lines.append(line)
    free = f"memory: {_size(numbers['free_memory'])} free here"
    return [*lines, f"({free}{'; times measured on a few files, and extrapolated' if timed else ''})"]


def _size(count: int) -> str:
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
