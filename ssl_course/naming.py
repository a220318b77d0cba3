"""What the name of a file or folder says: a date, a time, a camera, a batch, a number."""

import datetime
import re
from collections.abc import Sequence

YEAR, MONTH, DAY = r"(?:19|20)\d\d", r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
CLOCK = r"(?:[ _T-]?(?:at )?[0-2]\d[-_:.h]?[0-5]\d(?:[-_:.m]?[0-5]\d)?(?:\D?\d{1,3})?)"
MONTHS = "|".join(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"])
DATES = (
    YEAR,
    rf"{YEAR}[-_. ]?{MONTH}",
    rf"{YEAR}[-_. ]?{MONTH}[-_. ]?{DAY}{CLOCK}?",
    rf"{YEAR}[-_.]{MONTH}[-_.]{DAY}[ _].*",  # 2024-01-31 at the lake
    rf"{DAY}[-_.]{MONTH}[-_.]{YEAR}",
    rf"(?:{MONTHS})[a-z]*[-_. ]?{YEAR}",
    rf"{YEAR}[-_. ]?(?:{MONTHS})[a-z]*",
)
CAMERAS = (
    r"dcim|camera roll|screenshots?",
    r"[1-9]\d\d(?=.*[a-z_])[a-z0-9_]{5}",  # the folders of a camera's card (DCF): 100CANON, 101_PANA, 100APPLE
    r"(?:img|dscn?|dscf)[-_ ]?\d+(?:[-_ ].*)?",  # IMG_0001 and its like
    r"(?:dji|gopr|gh|gx|pxl|vid|mvi|wa)[-_ ]?\d{3,}(?:[-_ ].*)?",
    r"(?:cam|camera|gopro|kamera|webcam|device|sensor)(?:[-_ ]?\d+|[-_ ][a-z])",
)
PARTS = r"(?:batch|part|chunk|session|upload|export|import|(?:new )?folder|day|week|month|year|shift|video|clip"
PARTS += r"|sequence|seq|scene|shot|frames?|run|trial|sample|subject|patient|participant)[-_ ]?\d+"
WRITTEN_TIME = re.compile(
    rf"(?<!\d)({YEAR})[-_.]?({MONTH})[-_.]?({DAY})[ _T-]?(?:at )?([01]\d|2[0-3])[-_:.h]?([0-5]\d)[-_:.m]?([0-5]\d)"
)
WRITTEN_DATE = re.compile(rf"(?<!\d)({YEAR})([-_.]?)({MONTH})\2({DAY})(?!\d)")
LARGEST_CLASS = 999  # a higher number is taken for that of a thing, not of a class


def unlike_classes(names: Sequence[str], parent: str = "") -> str | None:
    """What folders are called after, if it isn't classes: "dates", "cameras", "batches" or "numbers"; else None.

    One name that could be a class makes all of them classes. So do numbers below 1,000, such as the digits, and those
    that count from 0 or 1 without a gap; 2000 beside 500 is a number, not a year.

    Args:
        names: of the folders.
        parent: name of the folder that they are in: in 2024, the names 01 to 12 are months.
    """
    plain = [name.casefold().strip() for name in names]
    if not plain:
        return None
    kinds = {kind_of(name) for name in plain}
    if kinds == {"number"}:
        if kind_of(parent.casefold()) == "date" and all(re.fullmatch(f"{DAY}", name) for name in plain):
            return "dates"  # 01 to 12, or to 31; the digits 0 to 9 have no zero before them
        numbers = sorted(map(int, plain))
        counting = numbers[0] in (0, 1) and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        return None if counting or numbers[-1] <= LARGEST_CLASS else "numbers"
    if kinds & {None, "number"}:
        return None
    return " and ".join({"batch": "batches"}.get(kind, f"{kind}s") for kind in sorted(kinds))


def kind_of(name: str) -> str | None:
    """ "date", "camera", "batch" or "number" for a name in small letters; None for any other word."""
    for kind, patterns in (("date", DATES), ("camera", CAMERAS), ("batch", (PARTS,)), ("number", (r"\d+",))):
        if any(re.fullmatch(pattern, name) for pattern in patterns):
            return kind
    return None


def written_time(name: str) -> datetime.datetime | None:
    """The date and time that stand in a name, such as IMG_20240131_120301."""
    found = WRITTEN_TIME.search(name)
    return _moment(datetime.datetime, found.groups()) if found else None


def written_date(name: str) -> datetime.date | None:
    """The date that stands in a name, such as 2024-01-31 or 20240131."""
    found = WRITTEN_DATE.search(name) or WRITTEN_TIME.search(name)
    if not found:
        return None
    year, month, day = [part for part in found.groups() if part.isdigit()][:3]
    return _moment(datetime.date, (year, month, day))


def _moment(kind: type, parts: Sequence[str]):
    try:
        return kind(*map(int, parts))
    except ValueError:  # 31 February
        return None


def numbered(stem: str) -> tuple[str, int | None]:
    """What stands before the last number of a name, and the number: cam2_0012 -> cam2, 12; IMG_7 -> IMG, 7."""
    found = re.search(r"(\d+)\D*$", stem)
    if not found:
        return stem, None
    return stem[: found.start()].rstrip(" _-.("), int(found.group(1)[-15:])
