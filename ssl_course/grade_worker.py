"""One submission in one process: runs a notebook's cells and sends every verdict to the grader as it comes.

    python -m ssl_course.grade_worker NOTEBOOK FOLDER DESCRIPTOR

Guards against accidents and simple tricks, set before the first cell runs: no network, nothing written or deleted
outside of the FOLDER, no other programs, changed checks are noticed. A guard in the same process can't hold somebody
who is determined to get round it; see `ssl_course.grade`.
"""

import contextlib
import ctypes
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import matplotlib

from ssl_course import checks
from ssl_course.checks import engine

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
FORBIDDEN = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "os.kill"}


def without_network() -> None:
    """Leave the machine's network for an empty one, where the kernel allows it; elsewhere the audit hook must do."""
    with contextlib.suppress(OSError, AttributeError):
        library, new_user, new_network = ctypes.CDLL(None), 0x10000000, 0x40000000
        if library.unshare(new_network) != 0:
            library.unshare(new_user | new_network)


def guard(folder: Path) -> None:
    """From here on this process can't connect, start programs, or write and delete outside of the folder."""
    inside = str(folder.resolve())

    def allowed(path: object, descriptor: int = -1) -> bool:
        if not isinstance(path, str | bytes | os.PathLike):
            return True  # a descriptor that is open already
        above = os.readlink(f"/proc/self/fd/{descriptor}") if descriptor >= 0 else ""
        full = os.path.realpath(os.path.join(above, os.fsdecode(path)))
        return full == inside or full.startswith(inside + os.sep) or full == os.devnull

    def hook(event: str, arguments: tuple) -> None:
        if event.startswith("socket.") and event not in ("socket.__new__", "socket.gethostname"):
            raise PermissionError("a submission has no network")
        if event in FORBIDDEN:
            raise PermissionError("a submission can't start or stop programs")
        for path, above in CHANGING.get(event, ()):
            if not allowed(arguments[path], -1 if above is None else arguments[above]):
                raise PermissionError(f"a submission can't change what is outside of its folder: {arguments[path]!r}")
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING
        if writes and not allowed(arguments[0]):
            raise PermissionError(f"a submission can't write outside of its folder: {arguments[0]!r}")

    sys.addaudithook(hook)


def fingerprint() -> dict[str, object]:
    """What the checks are made of: the code of every function of their modules and classes, and the exercises."""
    found = {}
    for name, module in sorted(sys.modules.items()):
        if not (name == "ssl_course.checks" or name.startswith("ssl_course.checks.")):
            continue
        for key, value in vars(module).items():
            members = vars(value) if isinstance(value, type) else {"": value}
            for part, member in members.items():
                if (code := getattr(member, "__code__", None)) is not None:
                    found[f"{name}.{key}.{part}"] = (code, id(member))
    for part, exercises in checks.SETS.items():
        found[part] = tuple((key, id(exercise)) for key, exercise in exercises.items())
    return found


def record_verdicts(send: Callable[[dict], None]) -> None:
    """Put a recorder in the place of `check`: it judges with the checks as they are now, and sends the verdict."""
    judge, before = checks.judge, {}

    def check(name: str, answer: object) -> None:
        if fingerprint() != before:
            verdict = engine.Verdict("wrong", "the checks were changed by this submission.")
        elif str(getattr(answer, "__module__", "")).startswith("ssl_course."):
            verdict = engine.Verdict("wrong", "this hands over the package's own function.")
        else:
            verdict = judge(name, answer)
        send({"exercise": name, "state": verdict.state, "sentence": verdict.sentence})

    checks.check = check
    before.update(fingerprint())


def cells(notebook: Path) -> list[str]:
    """The code of a notebook, without lines for IPython alone.

    Raises:
        ValueError: if it isn't a notebook.
    """
    try:
        found = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        sources = ["".join(cell["source"]) for cell in found if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{notebook.name} is not a notebook: {error!r}") from error
    return ["\n".join(line for line in text.split("\n") if line.lstrip()[:1] not in ("%", "!")) for text in sources]


def run(sources: list[str], send: Callable[[dict], None]) -> None:
    """Run the cells in order; one that fails is reported, and the next one runs."""
    matplotlib.use("Agg")
    namespace = {"__name__": "__main__"}
    for number, source in enumerate(sources, start=1):
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                exec(compile(source, f"cell {number}", "exec"), namespace)
        except (Exception, SystemExit, KeyboardInterrupt) as error:  # whatever a student's cell does
            send({"cell": number, "error": f"{type(error).__name__}: {error}"[:300]})


def main() -> None:
    notebook, folder, descriptor = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    channel = os.fdopen(descriptor, "w", buffering=1)

    def send(message: dict) -> None:
        channel.write(json.dumps(message) + "\n")

    try:
        sources = cells(notebook)
    except ValueError as error:
        send({"cell": 0, "error": str(error)})
        return
    record_verdicts(send)
    os.chdir(folder)
    without_network()
    guard(folder)
    send({"start": True})
    run(sources, send)
    send({"end": True})


if __name__ == "__main__":
    main()
