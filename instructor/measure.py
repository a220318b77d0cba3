"""Measure how long the lessons' cells take, and write it where an instructor looks: `python instructor/measure.py`.

Executes each lesson in a fresh kernel, one after the other, with the quick profile and one thread, and changes
nothing in it. Counted are seconds of the processor, so that other work on the machine adds little. `times.json` keeps
every code cell of more than a second; each lesson's page shows them in a table between two marks. With names of
lessons only these are measured, and the others' numbers stay; with --pages nothing is, and only the tables are written.
"""

import argparse
import ast
import dis
import json
import os
from pathlib import Path
from types import CodeType

import nbformat
import psutil
from nbclient import NotebookClient

from ssl_course.precision import available_cores, choose_device, choose_precision, processor_name
from ssl_course.runs import today

HERE = Path(__file__).parent
LESSONS = HERE.parent / "notebooks"
TIMES = HERE / "times.json"
SLOW = 1.0  # seconds from which on a cell is listed
LIMIT = 900  # seconds for one cell
START, END = "<!-- times -->", "<!-- end of times -->"


def measure(lesson: Path) -> dict:
    """Run a lesson in memory; the processor seconds of all of it, imports included, and of its slow cells."""
    notebook = nbformat.read(lesson, as_version=4)
    seconds: dict[int, float] = {}

    def used() -> float:  # by the kernel since its start
        times = psutil.Process(client.km.provisioner.pid).cpu_times()
        return times.user + times.system

    def begin(cell: nbformat.NotebookNode, cell_index: int) -> None:
        seconds[cell_index] = -used()

    def end(cell: nbformat.NotebookNode, cell_index: int, execute_reply: dict) -> None:
        seconds[cell_index] += used()

    folder = {"metadata": {"path": str(lesson.parent)}}
    hooks = {"on_cell_execute": begin, "on_cell_executed": end}
    client = NotebookClient(notebook, timeout=LIMIT, resources=folder, **hooks)
    client.execute()
    cells, section = [], "Setup"
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            section = last_section(cell.source) or section
        elif seconds.get(number, 0) > SLOW:
            about = {"section": section, "first line": first_line(cell.source), "seconds": round(seconds[number], 1)}
            cells.append(about | {"used in": used_in(notebook, number)})
    return {"date": today(), "machine": machine(), "total": round(sum(seconds.values())), "cells": cells}


def last_section(source: str) -> str | None:
    """The last second-level heading in a cell of text, without its minutes."""
    headings = [line.removeprefix("## ") for line in source.splitlines() if line.startswith("## ")]
    return headings[-1].rpartition(" (")[0] or headings[-1] if headings else None


def first_line(source: str) -> str:
    """The first line of a cell that does something: no seed, and no definition where more follows."""
    lines = [line for line in source.splitlines() if line.strip()]
    before = ("torch.manual_seed", "@", "def ", "class ", " ", ")")
    return next((line for line in lines if not line.startswith(before)), lines[0])


def used_in(notebook: nbformat.NotebookNode, number: int) -> list[str]:
    """The sections with later cells that read a name which this cell gives or fills: it must run before them."""
    names, sections, section = written(notebook.cells[number].source), [], "Setup"
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            section = last_section(cell.source) or section
        elif place > number:
            needed = read_first(cell.source)
            if names & needed and section not in sections:
                sections.append(section)
            names -= written(cell.source) - needed
    return sections


def written(source: str) -> set[str]:
    """Names that a cell gives a value, or puts something into, as `rows` in `rows["a"] = 1`."""
    given = {step.argval for step in dis.get_instructions(source) if step.opname == "STORE_NAME"}
    places = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Subscript | ast.Attribute)]
    return given | {base(place) for place in places if isinstance(place.ctx, ast.Store)}


def base(place: ast.expr) -> str:
    """The name at the beginning of a place: rows for `rows["a"]`."""
    while isinstance(place, ast.Subscript | ast.Attribute):
        place = place.value
    return place.id if isinstance(place, ast.Name) else ""


def read_first(code: str | CodeType) -> set[str]:
    """Names that a cell reads before it gives them a value itself, in its functions too."""
    given, read = set(), set()
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_NAME", "LOAD_GLOBAL") and step.argval not in given:
            read.add(step.argval)
        elif step.opname == "STORE_NAME":
            given.add(step.argval)
        elif isinstance(step.argval, CodeType):
            read |= read_first(step.argval) - given
    return read


def machine() -> str:
    precision = choose_precision("auto", choose_device("cpu"))
    return f"{processor_name()}, {available_cores()} cores, one thread, {precision}"


def table(found: dict) -> str:
    """What a lesson's page says about its times, in Markdown."""
    rows = ["| section | the cell with | seconds | needed by |", "|---|---|---|---|"]
    for cell in found["cells"]:
        code, needed = cell["first line"].replace("|", "\\|"), ", ".join(map(short, cell["used in"]))
        rows.append(f"| {short(cell['section'])} | `{code}` | {cell['seconds']:.0f} | {needed or 'no later cell'} |")
    about = (
        f"The whole lesson took {found['total']} s ({found['machine']}, {found['date']}). These are seconds of the "
        "processor, which is what a quiet machine of that kind needs, and rather more than that, since other work ran "
        "beside it. Cells of less than a second aren't listed."
    )
    return "\n".join([about, "", *rows])


def short(section: str) -> str:
    """A section's number, or its name where it has none."""
    return section.partition(" · ")[0]


def with_table(page: str, found: dict) -> str:
    """A page with the text between its two marks replaced.

    Raises:
        ValueError: if the page has not exactly one pair of marks.
    """
    if page.count(START) != 1 or page.count(END) != 1:
        raise ValueError(f"a page needs one {START} and one {END}")
    before, _, rest = page.partition(START)
    return f"{before}{START}\n{table(found)}\n{END}{rest.partition(END)[2]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="*", help="such as 04_simclr; default: all")
    parser.add_argument("--pages", action="store_true", help="measure nothing, write the pages' tables")
    asked = parser.parse_args()
    names = [] if asked.pages else asked.lessons or [path.stem for path in sorted(LESSONS.glob("*.ipynb"))]
    os.environ.update(SSL_COURSE_PROFILE="quick", SSL_COURSE_THREADS="1", OMP_NUM_THREADS="1", TQDM_DISABLE="1")
    for name in names:
        found = measure(LESSONS / f"{name}.ipynb")
        times = json.loads(TIMES.read_text(encoding="utf-8")) if TIMES.exists() else {}
        times = dict(sorted((times | {name: found}).items()))
        TIMES.write_text(json.dumps(times, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"{name}: {found['total']} s, of which {sum(c['seconds'] for c in found['cells']):.0f} s in slow cells")
    times = json.loads(TIMES.read_text(encoding="utf-8"))
    for page in sorted(HERE.glob("[0-9][0-9]*_*.md")):
        text = page.read_text(encoding="utf-8")
        if page.stem in times:
            page.write_text(with_table(text, times[page.stem]), encoding="utf-8")


if __name__ == "__main__":
    main()
