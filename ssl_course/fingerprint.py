"""Which code and which constants stand behind a number: found by following the names that functions use, not by a list.

So a change of anything that a run uses changes its key, and a new method, a new plot or a comment changes none.
"""

import ast
import dis
import functools
import hashlib
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from platform import python_version
from types import CodeType, FunctionType, ModuleType

from torch import Tensor

PACKAGE = "ssl_course"
PLAIN = int | float | complex | str | bytes | bool | None


def versions() -> dict[str, str]:
    """The versions that can move a number: Python's and those of the libraries that compute."""
    return {"python": python_version()} | {
        name: version(name) for name in ("torch", "torchvision", "numpy", "scikit-learn")
    }


def code_behind(*roots: Callable) -> str:
    """A hash of the functions, classes and constants that the roots use, and of those that these use, and so on.

    Comments and docstrings don't count. What isn't in this package counts only if it is in a root's own file. A table
    of functions or classes (`METHODS`) isn't followed: what is chosen from it has to be a root.
    """
    return hashlib.sha256(repr(sorted(behind(*roots).items())).encode()).hexdigest()[:16]


def behind(*roots: Callable) -> dict[str, str]:
    """What `code_behind` hashes: the source or value of each part by its full name."""
    homes = {inspect.unwrap(_function(root)).__module__ for root in roots}
    found, waiting = {}, list(roots)
    while waiting:
        part = waiting.pop()
        if isinstance(part, functools.partial):
            found[f"arguments of {part.func.__qualname__}"] = repr((part.args, sorted(part.keywords.items())))
        part = inspect.unwrap(_function(part))
        name = f"{part.__module__}.{part.__qualname__}"
        if name in found or not (part.__module__.split(".")[0] == PACKAGE or part.__module__ in homes):
            continue
        source = textwrap.dedent(inspect.getsource(part))
        found[name] = without_docstrings(ast.parse(source))
        enclosed = inspect.getclosurevars(part).nonlocals if isinstance(part, FunctionType) else {}
        for used, value in _used(source, {**vars(sys.modules[part.__module__]), **enclosed}):
            if isinstance(value, type | FunctionType | functools.partial) or hasattr(value, "__wrapped__"):
                waiting.append(value)
            elif _is_plain(value):
                found[f"{part.__module__}: {used}"] = _as_text(value)
    return found


def without_docstrings(tree: ast.AST) -> str:
    """The tree as text, so that comments, docstrings and line breaks make no difference."""
    for node in ast.walk(tree):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        if documented and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)


def _function(part: Callable) -> Callable:
    return _function(part.func) if isinstance(part, functools.partial) else part


def _used(source: str, names: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """The names from outside that a piece of code uses, with their values; `module.name` counts as that name."""
    for name in _from_outside(compile(source, "<source>", "exec")) & set(names) - {"__name__"}:
        yield name, names[name]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = names.get(node.value.id)
            if isinstance(module, ModuleType) and module.__name__.startswith(PACKAGE) and hasattr(module, node.attr):
                yield f"{node.value.id}.{node.attr}", getattr(module, node.attr)


def _from_outside(code: CodeType) -> set[str]:
    """Names that compiled code, and the code within it, looks up outside of functions: not arguments, not variables."""
    found = {step.argval for step in dis.get_instructions(code) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    for part in code.co_consts:
        if isinstance(part, CodeType):
            found |= _from_outside(part)
    return found


def _as_text(value: object) -> str:
    """The same for the same value in every process, whatever the order of a set."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_as_text(key)}: {_as_text(part)}" for key, part in value.items()) + "}"
    if isinstance(value, set | frozenset):
        return "{" + ", ".join(sorted(map(_as_text, value))) + "}"
    if isinstance(value, tuple | list):
        return "(" + ", ".join(map(_as_text, value)) + ")"
    return repr(value.tolist() if isinstance(value, Tensor) else value)


def _is_plain(value: object) -> bool:
    """Whether a constant is made of numbers and texts alone."""
    if isinstance(value, Mapping):
        return all(_is_plain(part) for pair in value.items() for part in pair)
    if isinstance(value, tuple | list | set | frozenset):
        return all(map(_is_plain, value))
    return isinstance(value, PLAIN | Tensor)
