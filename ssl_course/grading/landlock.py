"""Linux' Landlock: a process gives up, for good, to write outside of some folders.

The system calls: docs.kernel.org/userspace-api/landlock.html.
The kernel holds it, whatever language the code is in. Older kernels know less of it: writing since 5.13, truncating
since 6.2, TCP since 6.7, signals to other processes since 6.12.
"""

import ctypes
import os
import sys
from pathlib import Path

CREATE, ADD, RESTRICT = 444, 445, 446  # the system calls
WRITE_FILE, TRUNCATE = 1 << 1, 1 << 14
CHANGES = WRITE_FILE | sum(1 << bit for bit in range(4, 13))  # make and remove files, folders, links, …
BIND_OR_CONNECT = 3
SOCKETS_AND_SIGNALS = 3


class _Rules(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def restrict(*writable: Path) -> bool:
    """From here on this process changes files only under these folders; whether the kernel holds it to that."""
    library = ctypes.CDLL(None, use_errno=True)
    version = library.syscall(CREATE, None, 0, 1)
    if version < 1:
        return False
    files = CHANGES | (1 << 13 if version >= 2 else 0) | (TRUNCATE if version >= 3 else 0)
    network, scopes = BIND_OR_CONNECT * (version >= 4), SOCKETS_AND_SIGNALS * (version >= 6)
    rules = _Rules(files, network, scopes)
    size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = library.syscall(CREATE, ctypes.byref(rules), ctypes.c_size_t(size), 0)
    if ruleset < 0:
        return False
    for place in writable:
        if place.exists():
            _allow(library, ruleset, place, files if place.is_dir() else files & (WRITE_FILE | TRUNCATE))
    library.prctl(38, 1, 0, 0, 0)  # no new privileges: the kernel asks for it
    held = library.syscall(RESTRICT, ruleset, 0) == 0
    os.close(ruleset)
    return held


def _allow(library: ctypes.CDLL, ruleset: int, place: Path, allowed: int) -> None:
    descriptor = os.open(place, os.O_PATH)
    rule = _Beneath(allowed, descriptor)
    library.syscall(ADD, ruleset, 1, ctypes.byref(rule), 0)
    os.close(descriptor)


def known() -> bool:
    """Whether this machine's kernel has Landlock."""
    return sys.platform == "linux" and ctypes.CDLL(None).syscall(CREATE, None, 0, 1) >= 1
