"""What of all that was counted in a folder matters, and what to do about each."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ssl_course.folders import Found, counted, enumerated
from ssl_course.inspection import groups
from ssl_course.inspection.copies import RULE, Copies
from ssl_course.inspection.files import Look

LEAK = 0.05  # share of test pictures with a sibling in the training from which on a grouping is named
LARGE = 0.5  # share of the largest class from which on it is named
FEW = 5  # pictures that a class should have
USUAL = 64  # resolution of `load` for photographs
MUCH = 4  # times smaller, from which on it is said
ENDINGS = {
    "JPEG": {".jpg", ".jpeg", ".jpe", ".jfif"},
    "MPO": {".jpg", ".jpeg", ".mpo"},
    "TIFF": {".tif", ".tiff"},
    "PPM": {".ppm", ".pgm", ".pbm", ".pnm"},
    "JPEG2000": {".jp2", ".j2k"},
}


@dataclass(frozen=True)
class Finding:
    """One thing that matters.

    Attributes:
        name: for programs, such as "unreadable".
        says: a sentence with the numbers.
        do: what to do about it.
        urgent: whether it stands in the way of training, or of believing a result.
        numbers: for programs.
    """

    name: str
    says: str
    do: str = ""
    urgent: bool = True
    numbers: dict = field(default_factory=dict)

    def as_dict(self) -> dict:
        return {"name": self.name, "says": self.says, "do": self.do, "urgent": self.urgent} | self.numbers


@dataclass(frozen=True)
class Seen:
    """All that findings are made of; lists of one for each readable picture are in one order."""

    folder: Path
    looks: list[Look]
    broken: list[Look]
    found: Found
    splits: list[str | None]
    classes: list[str | None]
    given: bool  # whether the splits are folders
    copies: Copies
    groups: dict[str, list[str]]
    numbers: dict
    notes: list[str]

    def name(self, place: int) -> str:
        """The path of a readable picture in the folder."""
        return enumerated([self.looks[place].file.relative_to(self.folder)])

    def names(self, looks: Sequence[Look], most: int = 3) -> str:
        return enumerated([look.file.relative_to(self.folder) for look in looks], most)


def findings(seen: Seen) -> list[Finding]:
    """All findings, the urgent ones first."""
    found = [finding for find in (_urgent(), _further()) for finder in find for finding in finder(seen)]
    return sorted(found, key=lambda finding: not finding.urgent)


def _urgent() -> list[Callable[[Seen], list[Finding]]]:
    return [_nothing, _unreadable, _across, _two_classes, _scene, _together, _majority, _memory]


def _further() -> list[Callable[[Seen], list[Finding]]]:
    return [_labels, _exact, _near, _blank, _rare, _lost, _endings, _left_out]


def _nothing(seen: Seen) -> list[Finding]:
    if seen.looks:
        return []
    what = "none of its pictures can be read" if seen.broken else "there is no picture in it"
    return [Finding("nothing", f"{what[0].upper()}{what[1:]}.", "Is this the folder? Pictures are JPEG, PNG, TIFF, ….")]


def _unreadable(seen: Seen) -> list[Finding]:
    if not seen.broken:
        return []
    reasons = defaultdict(list)
    for look in seen.broken:
        reasons[look.problem].append(look)
    why = "; ".join(f"{seen.names(looks)}: {reason}" for reason, looks in reasons.items())
    numbers = {"count": len(seen.broken)}
    numbers["files"] = {seen.names([look]): look.problem for look in seen.broken}
    do = 'Mend or remove them, or leave them out with unreadable="skip" (--skip-unreadable).'
    return [Finding("unreadable", f"{_verb(len(seen.broken), 'file')} can't be read: {why}.", do, numbers=numbers)]


def _across(seen: Seen) -> list[Finding]:
    """Test pictures with a copy in the training."""
    heap = [str(first) for first in seen.copies.heap]
    count = groups.on_both_sides(heap, seen.splits)
    if not count:
        return []
    pairs = _pairs(seen)
    pairs = [pair for pair in pairs if {seen.splits[place] for place in pair} == {"train", "test"}]
    such = f", such as {' = '.join(seen.name(place) for place in pairs[0])}" if pairs else ""
    how = "" if seen.given else " with every fifth picture held back, as load does here"
    test = seen.splits.count("test")
    said = f"{count:,} of {test:,} test pictures have an exact or near copy in the training{how}{such}."
    do = "Take them out of the test: its result is too good by them. "
    do += "twins(test, train) finds them." if seen.given else _how_to_split(seen, "look")
    return [Finding("copies_across_splits", said, do, numbers={"count": count, "test": test})]


def _pairs(seen: Seen) -> list[tuple[int, int]]:
    exact = [(places[0], place) for places in seen.copies.exact for place in places[1:]]
    return exact + [(one, other) for one, other, _ in seen.copies.near]


def _two_classes(seen: Seen) -> list[Finding]:
    wrong = [places for places in seen.copies.exact if len({seen.classes[place] for place in places} - {None}) > 1]
    if not wrong:
        return []
    such = " = ".join(seen.name(place) for place in wrong[0][:2])
    said = f"{_verb(len(wrong), 'picture')} lie{'s' if len(wrong) == 1 else ''} in two classes at once, such as {such}."
    return [Finding("copies_in_two_classes", said, "One of the labels is wrong.", numbers={"count": len(wrong)})]


def _scene(seen: Seen) -> list[Finding]:
    if seen.copies.alike is None:
        return []
    said = (
        f"All pictures look alike (correlation {seen.copies.alike:.2f} of two at 8x8 pixels), as from a fixed camera"
        f"{' at each of several places' * (len(set(seen.groups.get('camera', []))) > 1)}, so near copies aren't "
        "counted; exact ones are."
    )
    do = "Hold back the last days or a place, not a random fifth; what matters is small: mind the resolution, or cut "
    do += "tiles."
    return [Finding("fixed_camera", said, do, urgent=False, numbers={"correlation": round(seen.copies.alike, 3)})]


def _together(seen: Seen) -> list[Finding]:
    """Groups that a random split, or the one that is there, has on both sides."""
    ways = {}
    for way, names in seen.groups.items():
        count = groups.on_both_sides(names, seen.splits)
        share = count / max(1, seen.splits.count("test")) if seen.given else groups.leak(names)
        if share >= LEAK and way != "look" and names not in [seen.groups[other] for other in ways]:
            ways[way] = share
    if not ways:
        return []
    which = "This split has" if seen.given else "A random split would have"
    named = [f"{100 * share:.0f} % {groups.NAMES[way]}" for way, share in ways.items()]
    said = f"{which} pictures that belong together on both sides; of the test, {'; '.join(named)}."
    best = next((way for way in ("camera", "date", "folder", "name", "burst") if _splits_well(seen, way, ways)), None)
    best = best or max(ways, key=lambda way: len(set(seen.groups[way])))
    do = f"Split by what will be new when the classifier is used. {_how_to_split(seen, best)}"
    return [Finding("groups", said, do, numbers={"leaks": {way: round(share, 4) for way, share in ways.items()}})]


def _splits_well(seen: Seen, way: str, ways: dict[str, float]) -> bool:
    """Whether no group of a way is so large that there would be nothing on one side."""
    if way not in ways:
        return False
    sizes = Counter(name for name in seen.groups[way] if not name.startswith(groups.ALONE))
    return len(sizes) >= 3 and max(sizes.values()) <= 0.6 * len(seen.looks)


def _how_to_split(seen: Seen, way: str) -> str:
    labels = "report.labels" if any(seen.classes) else "len(report.files)"
    python = f'split_by_group({labels}, report.groups["{way}"]) gives indices of report.files'
    return f"--split {way} with --out makes such a folder; in Python, {python}."


def _majority(seen: Seen) -> list[Finding]:
    share, classes = seen.numbers["majority"], seen.numbers["classes"]
    if share is None or len(classes) < 2 or share < LARGE or share * len(classes) < 1.5:
        return []
    largest = next(iter(classes))
    said = f"Always naming the largest class ({largest}) is right in {100 * share:.0f} %."
    do = "Judge by the balanced accuracy and by each class (ssl-course evaluate prints both), not by the accuracy."
    return [Finding("majority", said, do, numbers={"share": round(share, 4), "largest": largest})]


def _memory(seen: Seen) -> list[Finding]:
    rows, free = seen.numbers["resolutions"], seen.numbers["free_memory"]
    tight = [row["resolution"] for row in rows if row["peak_bytes"] > 0.8 * free]
    if not tight:
        return []
    fits = [row["resolution"] for row in rows if row["peak_bytes"] <= 0.8 * free]
    do = f"Take resolution={max(fits)} at most, or fewer pictures with size=…." if fits else "Take fewer with size=…."
    said = f"Loading all pictures at {min(tight)} pixels and more doesn't fit into the memory that is free."
    return [Finding("memory", said, do, urgent=not fits, numbers={"too_large": tight})]


def _labels(seen: Seen) -> list[Finding]:
    return [Finding("labels", f"{note[0].upper()}{note[1:]}.", urgent=False) for note in seen.notes]


def _exact(seen: Seen) -> list[Finding]:
    again = sum(len(places) - 1 for places in seen.copies.exact)
    if not again:
        return []
    such = " = ".join(seen.name(place) for place in seen.copies.exact[0][:2])
    said = f"{_verb(again, 'file')} {'is an exact copy' if again == 1 else 'are exact copies'} of another: {such}."
    do = "Remove them: a copy is a wrong negative for itself, and counts twice."
    return [Finding("exact_copies", said, do, numbers={"count": again})]


def _near(seen: Seen) -> list[Finding]:
    if not seen.copies.near:
        return []
    one, other, distance = seen.copies.near[0]
    joined = len({place for pair in seen.copies.near for place in pair[:2]})
    sizes = Counter(seen.copies.heap)
    largest = max(sizes[seen.copies.heap[one]] for one, _, _ in seen.copies.near)
    said = f"{joined:,} pictures have a near copy ({RULE}): {seen.name(one)} ~ {seen.name(other)} ({distance:.1f})."
    said += f" Up to {largest:,} form one series, as of a film or a fixed camera." if largest > 5 else ""
    do = f"Look at the pairs (report.png), and keep them on one side. {_how_to_split(seen, 'look')}"
    numbers = {"count": joined, "pairs": len(seen.copies.near), "largest_series": largest}
    return [Finding("near_copies", said, do, urgent=False, numbers=numbers)]


def _blank(seen: Seen) -> list[Finding]:
    blank = seen.copies.blank
    if not blank:
        return []
    said = f"{_verb(len(blank), 'picture')} show{'s' if len(blank) == 1 else ''} nothing, all of one colour: "
    said += f"{seen.names([seen.looks[place] for place in blank])}."
    return [Finding("blank", said, "Remove them: they teach nothing.", urgent=False, numbers={"count": len(blank)})]


def _rare(seen: Seen) -> list[Finding]:
    rare = [name for name, count in seen.numbers["classes"].items() if count < FEW]
    if not rare:
        return []
    said = f"{counted(len(rare), 'class').replace('classs', 'classes')} with fewer than {FEW} pictures: "
    said += f"{enumerated(rare)}."
    do = "Nothing can be said of how well these are found: get more, or leave them out."
    return [Finding("rare_classes", said, do, urgent=False, numbers={"classes": rare})]


def _lost(seen: Seen) -> list[Finding]:
    sides = seen.numbers["shorter_side"]
    if not sides or sides["middle"] / USUAL <= MUCH:
        return []
    row = next(row for row in seen.numbers["resolutions"] if row["resolution"] == USUAL)
    said = f"At {USUAL} pixels, as load brings large pictures to, detail under {row['smallest_detail']} pixels is gone."
    do = "report.png shows it at each resolution: take the smallest (--resolution) at which you still see what matters."
    return [Finding("detail", said, do, urgent=False, numbers={"smallest_detail": row["smallest_detail"]})]


def _endings(seen: Seen) -> list[Finding]:
    wrong = [look for look in seen.looks if not _fits(look)]
    if not wrong:
        return []
    such = f"{seen.names(wrong[:1])} is {wrong[0].kind}"
    said = f"{_verb(len(wrong), 'file')} {'is' if len(wrong) == 1 else 'are'} not what the ending says: {such}."
    return [Finding("endings", said, "load reads them as what they are.", urgent=False, numbers={"count": len(wrong)})]


def _fits(look: Look) -> bool:
    ending = look.file.suffix.lower()
    return not ending or ending in ENDINGS.get(look.kind, {f".{(look.kind or '').lower()}"})


def _left_out(seen: Seen) -> list[Finding]:
    kinds = (
        ("file", "without a picture", seen.found.others),
        ("link", "to nothing", seen.found.dangling),
        ("link", "to a folder that is read elsewhere", seen.found.again),
        ("folder", "without permission to open it", seen.found.closed),
    )
    made = []
    for noun, kind, paths in kinds:
        if paths:
            names = enumerated([path.relative_to(seen.folder) for path in paths], 3)
            numbers = {"count": len(paths)}
            said = f"{_verb(len(paths), noun)} {kind}: {names}."
            made.append(Finding("left_out", said, urgent=False, numbers=numbers))
    unused = [look for look, split in zip(seen.looks, seen.splits, strict=True) if split is None]
    if unused:
        said = f"{_verb(len(unused), 'picture')} that load would leave out: {seen.names(unused)}."
        do = "They lie beside splits or class folders: name their folder, or move them."
        made.append(Finding("unused", said, do, urgent=False, numbers={"count": len(unused)}))
    return made


def _verb(count: int, noun: str) -> str:
    return counted(count, noun).replace(str(count), f"{count:,}", 1)
