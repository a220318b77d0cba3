"""Runs a notebook's cells as a kernel would: one after the other, and a failure costs one cell only."""

import ast
import asyncio
import contextlib
import inspect
import io
import signal
import sys
import types
from collections.abc import Callable, Iterator

from ssl_course.grading import reading

SHOWN = 200  # characters of an error's message
RUN = {"time", "timeit", "capture", "prun", "python", "python3", "py"}  # magics whose text is Python


class CellTimeout(BaseException):
    """A cell takes too long; no ordinary `except` of a student's catches it."""


class Shell:
    """Stands for IPython's shell: runs the Python of `%time` and `%%capture`, writes files; other magics do nothing."""

    def __init__(self, run: Callable[[str], None], namespace: dict):
        self.run, self.user_ns = run, namespace

    def run_line_magic(self, name: str, line: str, *rest: object) -> None:
        if name in RUN and line.strip() and not line.startswith("-"):
            self.run(line)

    def run_cell_magic(self, name: str, line: str, body: str) -> None:
        if name in RUN:
            self.run(body)
        elif name in ("writefile", "file"):
            with open(line.split()[-1], "w", encoding="utf-8") as file:
                file.write(body)

    def getoutput(self, command: str, *rest: object) -> list[str]:
        return []

    def __getattr__(self, name: str) -> "Nothing":
        return Nothing().__getattr__(name)


class Nothing:
    """Stands for what isn't here: any part of it is nothing again, and calls do nothing."""

    def __getattr__(self, name: str) -> "Nothing":
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *arguments: object, **options: object) -> None:
        return None


class Cells:
    """A namespace in which cells run.

    Args:
        note: is called with a cell's number and what happened to it.
        seconds: the longest that a cell may take.
    """

    def __init__(self, note: Callable[[int, str], None], seconds: float):
        self.note, self.seconds, self.number = note, seconds, 0
        module = types.ModuleType("__main__")
        sys.modules["__main__"] = module  # so that what is defined here can be pickled
        self.namespace = vars(module)
        shell = Shell(self.statements, self.namespace)
        self.namespace.update(get_ipython=lambda: shell, display=lambda *values, **options: None)
        with contextlib.suppress(ImportError):
            import IPython

            IPython.get_ipython = lambda: shell
        _colab()

    def run(self, number: int, source: str) -> None:
        """One cell; what it raises becomes a note."""
        self.number = number
        try:
            with limited(self.seconds), quiet():
                self.statements(reading.python(source))
        except CellTimeout:
            self.note(number, f"stopped after {self.seconds:g} seconds")
        except BaseException as error:  # whatever a student's cell raises
            self.note(number, said(error))

    def statements(self, source: str) -> None:
        """Run code, one statement at a time: an import of what isn't there is noted, and the others go on."""
        for statement in ast.parse(source, f"cell {self.number}").body:
            try:
                self.execute(ast.Module([statement], type_ignores=[]))
            except ImportError as error:
                if not isinstance(statement, ast.Import | ast.ImportFrom):
                    raise
                self.note(self.number, said(error))

    def execute(self, tree: ast.Module) -> None:
        code = compile(tree, f"cell {self.number}", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        if code.co_flags & inspect.CO_COROUTINE:
            asyncio.run(eval(code, self.namespace))
        else:
            exec(code, self.namespace)


def _colab() -> None:
    """Stand-ins for what notebooks from Colab import: a drive that isn't mounted, files that aren't uploaded."""
    google = sys.modules.setdefault("google", types.ModuleType("google"))
    colab = types.ModuleType("google.colab")
    for name in ("drive", "files", "output", "userdata"):
        part = types.ModuleType(f"google.colab.{name}")
        part.__getattr__ = Nothing().__getattr__
        sys.modules[part.__name__] = part
        setattr(colab, name, part)
    sys.modules["google.colab"] = google.colab = colab


def said(error: BaseException) -> str:
    """The kind of an error and the first line of what it says."""
    try:
        first = next(iter(str(error).splitlines()), "")
    except Exception:  # an exception of a student's own whose text fails
        first = ""
    return f"{type(error).__name__}: {first[:SHOWN]}"


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise `CellTimeout` after some seconds, and each second again, in case that it is caught."""

    def late(*_: object) -> None:
        raise CellTimeout

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
