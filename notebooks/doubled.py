"""Run every code cell of notebooks twice in a row: python notebooks/doubled.py FILES…

A reader runs a cell again, and it must print the same again. A copy of each notebook is executed
in a folder whose name has a space, with the quick profile; the files stay as they are. What is
told: cells that fail, cells whose second run prints another text than the first, and printed lines
of more than 98 columns. Before two texts are compared, each number right before a unit of time
(ms, s, seconds, minutes), a rate (images/s) or `times as long` becomes `…`, since these depend on
the machine.
"""

import argparse
import copy
import difflib
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

LIMIT = 900  # seconds for one cell
COLUMNS = 98  # what a notebook page shows without scrolling
CLOCK = re.compile(r"\d[\d.,]*(?= ?(ms|s|seconds?|minutes?|images/s|times as long)\b)")


def doubled(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A copy with each code cell twice, without outputs."""
    twice = copy.deepcopy(notebook)
    twice.cells = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            new = [
                nbformat.v4.new_code_cell(cell.source, metadata=cell.metadata) for _ in range(2)
            ]
            twice.cells.extend(new)
    return twice


def printed(cell: nbformat.NotebookNode) -> str:
    """What a cell printed and the text of what it returned; warnings and logs don't count."""
    parts = []
    for output in cell.outputs:
        if output.output_type == "stream" and output.name == "stdout":
            parts.append(output.text)
        elif output.output_type == "execute_result":
            parts.append(output.data.get("text/plain", ""))
    return "".join(parts)


def faults(first: nbformat.NotebookNode, second: nbformat.NotebookNode) -> list[str]:
    """What is wrong with one cell that was run twice, a line for each fault."""
    found = []
    for name, cell in (("first", first), ("second", second)):
        errors = [output for output in cell.outputs if output.output_type == "error"]
        found += [f"{name} run fails: {error.ename}: {error.evalue}" for error in errors]
    texts = [CLOCK.sub("…", printed(cell)).splitlines() for cell in (first, second)]
    changes = difflib.unified_diff(*texts, n=0, lineterm="")
    found += ["other text: " + line for line in list(changes)[2:] if line[0] in "+-"]
    lines = printed(first).splitlines()
    long = [line for line in lines if len(line) > COLUMNS]
    return found + [f"{len(line)} columns: {line}" for line in long]


def examine(path: Path) -> list[str]:
    """Execute one notebook with doubled cells, and return its faults."""
    notebook = nbformat.read(path, as_version=4)
    names = [cell.id for cell in notebook.cells if cell.cell_type == "code"]
    twice = doubled(notebook)
    with tempfile.TemporaryDirectory(prefix="a folder ") as folder:
        resources = {"metadata": {"path": folder}}
        NotebookClient(twice, timeout=LIMIT, allow_errors=True, resources=resources).execute()
    found = []
    for name, first, second in zip(names, twice.cells[::2], twice.cells[1::2], strict=True):
        found += [f"{name}: {fault}" for fault in faults(first, second)]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="+", type=Path)
    os.environ.update(SSL_COURSE_PROFILE="quick", TQDM_DISABLE="1")
    os.environ.update(SSL_COURSE_THREADS="1", OMP_NUM_THREADS="1")
    failed = False
    for path in parser.parse_args().notebooks:
        start = time.perf_counter()
        found = examine(path)
        failed |= bool(found)
        print(f"{path}: {len(found)} faults, {time.perf_counter() - start:.0f} s", flush=True)
        print(*(f"    {fault}" for fault in found), sep="\n", end="\n" if found else "")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
