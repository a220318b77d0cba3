"""Real text that every Python brings along: its manual (`pydoc_data.topics`) and the docstrings of its library.

Together about two million characters of technical English. They differ a little from one Python to the next, so a
number measured on them belongs to a version.
"""

import ast
import sysconfig
from collections.abc import Iterator
from pathlib import Path

SHORTEST = 80  # characters of a docstring that is worth reading
LEFT_OUT = ("site-packages", "dist-packages", "test", "tests", "idlelib", "lib2to3", "turtledemo")


def topics() -> list[str]:
    """The chapters of Python's manual that `help("…")` shows, about half a million characters.

    Raises:
        ValueError: if this Python comes without them.
    """
    try:
        from pydoc_data.topics import topics as chapters
    except ImportError as failure:
        raise ValueError(
            "this Python has no pydoc_data.topics: take docstrings(), or install the full Python"
        ) from failure
    return [chapters[name] for name in sorted(chapters)]


def docstrings(most: int | None = None) -> list[str]:
    """What the standard library's modules, classes and functions say of themselves, file by file.

    The files are read, not imported. Short docstrings, tests and what was installed later are left out.

    Args:
        most: characters after which to stop; default all of them, a million and more, which takes seconds to find.

    Raises:
        ValueError: if the library's files aren't there (a Python that is one packed file).
    """
    found, characters = [], 0
    for file in _library():
        new = list(_said_in(file))
        found, characters = found + new, characters + sum(map(len, new))
        if most is not None and characters >= most:
            break
    if not found:
        raise ValueError("the standard library has no readable .py files here: use topics()")
    return found


def split(documents: list[str], *, share: float = 0.1) -> tuple[str, str]:
    """Training and test text: every document is in one of them, and what a test says is taken out of the training.

    Chapters of a manual contain each other, and docstrings are copied from class to class. So a paragraph that stands
    in a test document, up to spaces and line breaks, is left out wherever it stands in the training text.

    Args:
        documents: what `topics` or `docstrings` gives; copies are left out.
        share: of the documents that are tests, in (0, 1): every so manyth.

    Raises:
        ValueError: if share is out of range, or there are too few documents for one test.
    """
    if not 0 < share < 1:
        raise ValueError(f"share must be in (0, 1), got {share}")
    different = list(dict.fromkeys(documents))
    every = round(1 / share)
    tests = different[every - 1 :: every]
    if not tests:
        raise ValueError(f"{len(different)} different documents are too few for one of {every} to be a test")
    told = {_words(paragraph) for text in tests for paragraph in _paragraphs(text)}
    known = (text for place, text in enumerate(different) if place % every != every - 1)
    train = ["\n\n".join(part for part in _paragraphs(text) if _words(part) not in told) for text in known]
    return "\n\n".join(filter(None, train)), "\n\n".join(tests)


def _paragraphs(text: str) -> list[str]:
    return text.split("\n\n")


def _words(paragraph: str) -> str:
    return " ".join(paragraph.split())


def _library() -> Iterator[Path]:
    root = Path(sysconfig.get_paths()["stdlib"])
    for file in sorted(root.rglob("*.py")):
        if not any(part in LEFT_OUT for part in file.relative_to(root).parts):
            yield file


def _said_in(file: Path) -> Iterator[str]:
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):  # templates that aren't Python yet, and files of others
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text and len(text) >= SHORTEST:
                yield text
