"""How much memory this process may still take."""

import math
from pathlib import Path

import psutil

from ssl_course.precision import control_groups

VERSION_1, VERSION_2 = ("memory.limit_in_bytes", "memory.usage_in_bytes"), ("memory.max", "memory.current")


def free_memory(root: Path = Path("/")) -> int:
    """Bytes that can be taken without swapping: the machine's, or less where a control group (a container) limits them.

    Args:
        root: where the system's folders /proc and /sys lie.
    """
    left = min(map(_left, control_groups("memory", root)))
    return int(min(psutil.virtual_memory().available, left))


def in_words(size: float) -> str:
    """Bytes as a reader says them: "3.1 GB", "250 MB"."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{math.ceil(size / 1e6):,} MB"


def _left(group: Path) -> float:
    """Bytes until the limit of one control group, without the cache of files; infinity if it sets none."""
    for limit, used in (VERSION_2, VERSION_1):
        try:
            whole = (group / limit).read_text().strip()
            if whole == "max":
                return math.inf
            taken = int((group / used).read_text())
            lines = (line.split() for line in (group / "memory.stat").read_text().splitlines())
            cached = sum(int(count) for name, count in lines if name in ("active_file", "inactive_file"))
            return max(0, int(whole) - taken + cached)
        except (OSError, ValueError):
            continue
    return math.inf
