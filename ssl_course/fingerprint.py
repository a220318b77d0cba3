"""Which code and which constants stand behind a number: found by following the names that functions use, not by a list.

So a change of anything that a run uses changes its key, and a new method, a new plot or a comment changes none.
"""

import ast
import functools
import hashlib
import inspect
import re
import symtable
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from platform import python_version
from types import CodeType, FunctionType, ModuleType

from torch import Tensor

PACKAGE = "ssl_course"
PLAIN = int | float | complex | str | bytes | bool | None
UNSAID = {"ctx", "kind", "type_comment", "type_params"}  # of a tree: what follows from the rest, or some Pythons lack


def versions() -> dict[str, str]:
    """The versions that can move a number: Python's and those of the libraries that compute."""
    return {"python": python_version()} | {
        name: version(name) for name in ("torch", "torchvision", "numpy", "scikit-learn")
    }


def code_behind(*roots: Callable, registries: bool = False) -> str:
    """A hash of the functions, classes and constants that the roots use, and of those that these use, and so on.

    Comments and docstrings don't count. What isn't in this package counts only if it is in a root's own file. A table
    of functions or classes (`METHODS`) isn't followed unless `registries`: what is chosen from it has to be a root.
    """
    found = behind(*roots, registries=registries)
    return hashlib.sha256(repr(sorted(found.items())).encode()).hexdigest()[:16]


def behind(*roots: Callable, registries: bool = False) -> dict[str, str]:
    """What `code_behind` hashes: the source or value of each part by its full name."""
    homes = {inspect.unwrap(_function(root)).__module__ for root in roots}
    found, waiting = {}, list(roots)
    while waiting:
        part = waiting.pop()
        if isinstance(part, functools.partial):
            found[f"arguments of {part.func.__qualname__}"] = repr((part.args, sorted(part.keywords.items())))
        part = inspect.unwrap(_function(part))
        if not (part.__module__.split(".")[0] == PACKAGE or part.__module__ in homes):
            continue
        source = source_of(part)
        is_lambda = part.__qualname__.endswith("<lambda>")  # whose source is the line that it stands in
        name = f"{part.__module__}.{part.__qualname__}" + (source if is_lambda else "")
        if name in found:
            continue
        found[name], outside = (source, _names(part.__code__)) if is_lambda else _read(source)
        enclosed = inspect.getclosurevars(part).nonlocals if isinstance(part, FunctionType) else {}
        for used, value in _used(outside, source, {**vars(sys.modules[part.__module__]), **enclosed}):
            if is_code(value):
                waiting.append(value)
            elif is_plain(value):
                found[f"{part.__module__}: {used}"] = as_text(value)
            elif registries and isinstance(value, Mapping):
                waiting += [entry for entry in value.values() if is_code(entry)]
    return found


@functools.cache
def source_of(part: Callable) -> str:
    """What a function or class was read from, as long as it lives; without the indent of what it stands in."""
    return textwrap.dedent(inspect.getsource(part))


@functools.cache
def _read(source: str) -> tuple[str, set[str]]:
    """A source without comments and docstrings, and the names that it looks up outside."""
    return without_docstrings(ast.parse(source)), _from_outside(symtable.symtable(source, "<source>", "exec"))


def without_docstrings(tree: ast.AST) -> str:
    """The tree as text, so that comments, docstrings and line breaks make no difference, nor which Python reads it."""
    for node in ast.walk(tree):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        if documented and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return _written(tree)


def _written(part: object) -> str:
    """A part of a tree with all that is said in it; `ast.unparse` and `ast.dump` differ from Python to Python."""
    if isinstance(part, list):
        return f"[{', '.join(map(_written, part))}]"
    if not isinstance(part, ast.AST):
        return repr(part)
    said = {name: value for name, value in ast.iter_fields(part) if name not in UNSAID and value not in (None, [])}
    if isinstance(part, ast.JoinedStr):  # Python 3.12 has empty texts between the values
        said["values"] = [value for value in part.values if not (isinstance(value, ast.Constant) and value.value == "")]
    return f"{type(part).__name__}({', '.join(f'{name}={_written(value)}' for name, value in said.items())})"


def _function(part: Callable) -> Callable:
    return _function(part.func) if isinstance(part, functools.partial) else part


def _used(outside: set[str], source: str, names: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """The names from outside that a piece of code uses, with their values; `module.name` counts as that name."""
    for name in outside & set(names) - {"__name__"}:
        value = names[name]
        yield name, value
        if isinstance(value, ModuleType) and value.__name__.startswith(PACKAGE):
            for attribute in re.findall(rf"\b{name}\.(\w+)", source):
                yield f"{name}.{attribute}", getattr(value, attribute, None)


def _from_outside(table: symtable.SymbolTable) -> set[str]:
    """Names that code, and the code within it, looks up outside of functions: not arguments, not variables."""
    if table.get_type() == "function":
        found = {part.get_name() for part in table.get_symbols() if part.is_global()}
    else:  # since Python 3.12 the variables of a comprehension are among a module's and a class's own
        found = {part.get_name() for part in table.get_symbols() if part.is_referenced() and not part.is_assigned()}
    return found.union(*map(_from_outside, table.get_children()))


def _names(code: CodeType) -> set[str]:
    """All names in compiled code and in the code within it, for a lambda, whose line needn't be a whole program."""
    return set(code.co_names).union(*(_names(part) for part in code.co_consts if isinstance(part, CodeType)))


def is_code(value: object) -> bool:
    """Whether a value is a function or class, or wraps one."""
    return isinstance(value, type | FunctionType | functools.partial) or hasattr(value, "__wrapped__")


def as_text(value: object) -> str:
    """The same for the same value in every process and on every processor, whatever the order of a set."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{as_text(key)}: {as_text(part)}" for key, part in value.items()) + "}"
    if isinstance(value, set | frozenset):
        return "{" + ", ".join(sorted(map(as_text, value))) + "}"
    if isinstance(value, tuple | list):
        return "(" + ", ".join(map(as_text, value)) + ")"
    if isinstance(value, Tensor):  # computed, its last digits differ from processor to processor
        return f"{tuple(value.shape)}: {[_rounded(number) for number in value.flatten().tolist()]}"
    return repr(value)


def _rounded(number: float | int | bool) -> str:
    return f"{number:.4g}" if isinstance(number, float) else str(number)


def is_plain(value: object) -> bool:
    """Whether a constant is made of numbers and texts alone."""
    if isinstance(value, Mapping):
        return all(is_plain(part) for pair in value.items() for part in pair)
    if isinstance(value, tuple | list | set | frozenset):
        return all(map(is_plain, value))
    return isinstance(value, PLAIN | Tensor)
