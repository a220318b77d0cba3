"""What keeps a submission off the machine: bubblewrap where it works, else a guard inside the submission's process.

bubblewrap asks the kernel for a view of the machine of its own: all files read-only but for the submission's folder, no
network, no other processes. The guard is an audit hook of Python's, and Landlock where Linux has it; on a system
without Landlock, code that is written to get round the hook can.
"""

import contextlib
import ctypes
import functools
import os
import shutil
import signal
import site
import subprocess
import sys
from pathlib import Path

from ssl_course.grading import landlock

PACKAGE = Path(__file__).resolve().parents[2]  # the folder that ssl_course lies in
NAMES = {
    "bubblewrap": "each submission ran under bubblewrap",
    "guard": "bubblewrap isn't there or doesn't work here: each submission was held by a weaker guard of its own "
    "process (see docs/grading.md)",
}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND  # flags that a reader doesn't need
# Where the arguments of an event name a path, and the descriptor of the folder that it is relative to.
CHANGING = {
    "os.remove": [(0, 1)],
    "os.rmdir": [(0, 1)],
    "os.mkdir": [(0, 2)],
    "os.rename": [(0, 2), (1, 3)],
    "os.link": [(0, 2), (1, 3)],
    "os.symlink": [(1, 2)],
    "os.chmod": [(0, 2)],
    "os.chown": [(0, 3)],
    "os.truncate": [(0, None)],
}
FORBIDDEN = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.forkpty", "os.kill", "os.killpg"}


@functools.cache
def kind() -> str:
    """ "bubblewrap" where it works on this machine, else "guard"."""
    try:
        command = [*bubblewrap(Path("/tmp"), None), sys.executable, "-c", ""]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return "guard"
    return "bubblewrap" if done.returncode == 0 else "guard"


def bubblewrap(folder: Path, hidden: Path | None) -> list[str]:
    """The command before the command: only `folder` can be written to, and what is `hidden` looks empty."""
    places = [PACKAGE, *{Path(place).resolve() for place in (sys.prefix, sys.base_prefix)}]
    options = ["--unshare-all", "--die-with-parent", "--new-session", "--ro-bind", "/", "/", "--dev", "/dev"]
    options += ["--proc", "/proc", "--tmpfs", "/tmp"]
    if hidden is not None and Path(hidden.anchor) != hidden and not any(map(hidden.is_relative_to, _system())):
        options += ["--tmpfs", str(hidden)]
    for place in places:
        options += ["--ro-bind", str(place), str(place)] if _covered(place, hidden) else []
    return [shutil.which("bwrap") or "bwrap", *options, "--bind", str(folder), str(folder), "--chdir", str(folder)]


def _system() -> list[Path]:
    return [Path(place) for place in ("/dev", "/proc", "/tmp", "/usr")]


def _covered(place: Path, hidden: Path | None) -> bool:
    """Whether a folder that is needed lies under one that is hidden."""
    return any(place.is_relative_to(above) for above in (Path("/tmp"), *([hidden] if hidden else [])))


def environment(folder: Path) -> dict[str, str]:
    """The variables of a submission's process: one thread, small data, caches in its own folder."""
    changed = {"OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1", "SSL_COURSE_PROFILE": "quick", "CUDA_VISIBLE_DEVICES": ""}
    changed |= {"MPLCONFIGDIR": str(folder / ".matplotlib"), "TMPDIR": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    result = os.environ | changed
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if os.path.isabs(path)]
    if str(PACKAGE) not in site.getsitepackages():
        paths.insert(0, str(PACKAGE))
    result["PYTHONPATH"] = os.pathsep.join(paths)
    result.pop("SSL_COURSE_STRICT", None)
    return result


def without_network() -> None:
    """Leave the machine's network for an empty one, where the kernel allows it; elsewhere the audit hook must do."""
    with contextlib.suppress(OSError, AttributeError):
        library, new_user, new_network = ctypes.CDLL(None), 0x10000000, 0x40000000
        if library.unshare(new_network) != 0:
            library.unshare(new_user | new_network)


def guard(folder: Path) -> None:
    """From here on this process can't connect, start programs, or write and delete outside of the folder."""
    without_network()
    if sys.platform == "linux":
        landlock.restrict(folder, Path("/dev/shm"), Path("/dev/null"))
    inside = str(folder.resolve())

    def allowed(path: object, descriptor: int = -1) -> bool:
        if not isinstance(path, str | bytes | os.PathLike):
            return True  # a descriptor that is open already
        above = os.readlink(f"/proc/self/fd/{descriptor}") if descriptor >= 0 else ""
        full = os.path.realpath(os.path.join(above, os.fsdecode(path)))
        return full == inside or full.startswith(inside + os.sep) or full == os.devnull

    def hook(event: str, arguments: tuple) -> None:
        if event.startswith("socket.") and event not in ("socket.__new__", "socket.gethostname"):
            address = arguments[1] if len(arguments) > 1 else None
            connected = event == "socket.sendmsg" and address is None
            if not connected and not (isinstance(address, str | bytes) and allowed(address)):
                raise PermissionError("a submission has no network")
        if event in FORBIDDEN:
            raise PermissionError("a submission can't start or stop programs")
        for path, above in CHANGING.get(event, ()):
            if not allowed(arguments[path], -1 if above is None else arguments[above]):
                raise PermissionError(f"a submission can't change what is outside of its folder: {arguments[path]!r}")
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING
        if writes and not allowed(arguments[0]):
            raise PermissionError(f"a submission can't write outside of its folder: {arguments[0]!r}")

    without_signals()
    sys.addaudithook(hook)


def without_signals() -> None:
    """Take away a way to stop other processes that no audit hook sees."""
    if hasattr(signal, "pidfd_send_signal"):
        del signal.pidfd_send_signal
