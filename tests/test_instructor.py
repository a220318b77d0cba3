"""The instructor's folder says nothing of the lessons and exercises that isn't so: sections, minutes, names, sums."""

import functools
import importlib.util
import json
import re
from pathlib import Path

import nbformat
import pytest

from ssl_course import live
from ssl_course.checks import SETS

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "instructor"
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PAGES = [FOLDER / f"{path.stem}.md" for path in LESSONS]
BY_NUMBER = {path.stem.partition("_")[0]: path for path in LESSONS}
HEADING = re.compile(r"^(?:(\d+) · )?(.+?)(?: \((\d+) min\))?$")
ITEM = re.compile(r"(section|exercise) (\d+) \((\d+)(?: of (\d+))?\)|([A-Z][a-z ]+|[a-z]+) \((\d+)\)")

specification = importlib.util.spec_from_file_location("measure", FOLDER / "measure.py")
measure = importlib.util.module_from_spec(specification)
specification.loader.exec_module(measure)


def read(path):
    return path.read_text(encoding="utf-8")


@functools.cache
def cells_of(notebook):
    return nbformat.read(notebook, as_version=4).cells


def rows_of(text):
    """The rows of the Markdown tables in a text without their first, each a list of its cells."""
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row] for row in rows][1:]


def headings(lesson):
    """A lesson's second-level headings, without those that only list exercises and references."""
    cells = [cell.source for cell in cells_of(lesson) if cell.cell_type == "markdown"]
    found = [line.removeprefix("## ") for text in cells for line in text.splitlines() if line.startswith("## ")]
    return [heading for heading in found if heading not in ("Exercises", "References", "Limits", "Summary")]


def section_minutes(lesson):
    """The minutes of its sections, by number or, where there is none, by name."""
    parts = [HEADING.match(heading).groups() for heading in headings(lesson)]
    return {number or name: int(minutes or 0) for number, name, minutes in parts}


def clock(lesson):
    """When each section begins if nobody asks anything, as a page says it."""
    now, told = 0, []
    for name, minutes in section_minutes(lesson).items():
        told.append(f"{now // 60}:{now % 60:02} {'section ' if name.isdigit() else ''}{name}")
        now += minutes
    return f"**Clock**, if nobody asks anything: {', '.join(told)}; over at {now // 60}:{now % 60:02}."


def number_of(lesson):
    return lesson.stem.partition("_")[0]


def exercise_minutes(number):
    """The minutes of the exercises in a set, by their number; two share a row of the clinic."""
    (path,) = (ROOT / "exercises").glob(f"{number}_*.ipynb")
    rows = re.findall(r"^\| ([\d, ]+) \|.*\| (\d+) \|$", cells_of(path)[0].source, re.MULTILINE)
    return {one: int(minutes) for numbers, minutes in rows for one in numbers.split(", ")}


def minutes_of(items, number):
    """The sum of "section 2 (10 of 14), break (15)", after seeing that each item is as its lesson has it."""
    sections, exercises, total = section_minutes(BY_NUMBER.get(number, BY_NUMBER["08"])), exercise_minutes(number), 0
    for item in items.split(", "):
        kind, place, some, whole, name, alone = ITEM.fullmatch(item).groups()
        if kind:
            known = (sections if kind == "section" else exercises)[place]
            assert int(whole or some) == known, f"{item}: {known} minutes in {number}"
            assert int(some) < known or not whole
        else:
            assert name in ("break", "lunch", "questions", "feedback") or sections[name] == int(alone), item
        total += int(some or alone)
    return total


@pytest.fixture(params=list(zip(LESSONS, PAGES, strict=True)), ids=lambda pair: number_of(pair[0]))
def pair(request):
    return request.param


def test_a_page_goes_through_the_sections_of_its_lesson_in_their_order_with_their_minutes(pair):
    lesson, page = pair
    part = read(page).split("## Minute by minute")[1].split("\n## ")[0]
    assert re.findall(r"^### (.+)$", part, re.MULTILINE) == headings(lesson)


def test_the_clock_of_a_page_is_the_sum_of_the_minutes(pair):
    assert f"\n{clock(pair[0])}\n" in read(pair[1])


def test_the_rows_of_what_to_cut_add_up_and_fit(pair):
    rows = rows_of(read(pair[1]).split("## What to cut")[1])
    assert [row[0] for row in rows] == ["45 min", "90 min", "180 min"]
    for available, items, total, _ in rows:
        assert minutes_of(items, number_of(pair[0])) == int(total) <= int(available.split()[0])


def test_a_section_is_done_or_left_out_and_an_exercise_that_is_left_out_exists(pair):
    sections, exercises = section_minutes(pair[0]), exercise_minutes(number_of(pair[0]))
    for _, items, _, left_out in rows_of(read(pair[1]).split("## What to cut")[1]):
        home = re.search(r"exercises? ([\d, and]+)", left_out)
        for_home = set(re.findall(r"\d+", home[1])) if home else set()
        assert for_home <= set(exercises) - set(re.findall(r"exercise (\d+)", items))
        missing = {name for name, minutes in sections.items() if minutes} - set(re.findall(r"section (\d+)", items))
        left = set(re.findall(r"\d+", left_out))
        assert {name for name in missing if name.isdigit()} <= left
        assert not (left - for_home) & set(re.findall(r"section (\d+) \(\d+\)", items))


def test_every_exercise_on_a_page_has_its_minutes(pair):
    known = exercise_minutes(number_of(pair[0]))
    part = read(pair[1]).split("## Exercises for pairs")[1].split("\n## ")[0]
    named = re.findall(r"exercise (\d+) \((\d+)\)", part)
    assert named
    assert known
    assert [(number, int(minutes)) for number, minutes in named if known.get(number) != int(minutes)] == []


def test_every_check_that_a_page_names_exists(pair):
    named = re.findall(r"\[check (\w+)\.(\w+)\]", read(pair[1]))
    assert named
    assert [name for name in named if name[1] not in SETS[name[0]]] == []


def test_a_page_says_where_each_demo_of_its_lesson_goes_and_names_no_other(pair):
    lesson, page = pair
    section, shown = "", []
    for cell in cells_of(lesson):
        if cell.cell_type == "markdown":
            section = measure.last_section(cell.source) or section
        shown += [(name, section) for name in re.findall(r"^live\.(\w+)", cell.source, re.MULTILINE)]
    parts = re.split(r"^### (.+)$", read(page).split("## Minute by minute")[1].split("\n## ")[0], flags=re.MULTILINE)
    said = [
        (name, heading.rpartition(" (")[0] or heading)
        for heading, text in zip(parts[1::2], parts[2::2], strict=True)
        for name in re.findall(r"\*\*Demo\*\* `live\.(\w+)`", text)
    ]
    assert sorted(said) == sorted(shown)
    assert set(re.findall(r"`live\.(\w+)", read(page))) <= set(live.__all__)


def measured(lesson):
    times = json.loads(read(measure.TIMES))
    assert lesson.stem in times, f"not measured yet: python instructor/measure.py {lesson.stem}"
    return times[lesson.stem]


def test_the_table_of_times_is_that_of_the_measurement(pair):
    found = measured(pair[0])
    assert measure.with_table(read(pair[1]), found) == read(pair[1])


def test_the_measured_cells_are_still_in_the_lesson(pair):
    found = measured(pair[0])
    cells = [cell for cell in cells_of(pair[0]) if cell.cell_type == "code"]
    lines = {measure.first_line(cell.source) for cell in cells}
    assert [cell["first line"] for cell in found["cells"] if cell["first line"] not in lines] == []


def test_what_a_cell_gives_is_seen_where_it_is_read():
    cells = ["## 1 · A (2 min)", "a = 1", "## 2 · B (2 min)", "def f():\n    return a", "## 3 · C", "a = 2", "print(a)"]
    kinds = [nbformat.v4.new_markdown_cell if text.startswith("##") else nbformat.v4.new_code_cell for text in cells]
    notebook = nbformat.v4.new_notebook(cells=[kind(text) for kind, text in zip(kinds, cells, strict=True)])
    assert measure.used_in(notebook, 1) == ["2 · B"]  # section 3 makes its own
    assert measure.used_in(notebook, 5) == ["3 · C"]
    assert measure.written('rows["a"] = [x for x in b]\nc.d, e = 1, 2') == {"rows", "c", "e"}
    assert measure.read_first("rows |= {1: 2}\nrows = b") == {"rows", "b"}


def test_a_lesson_is_measured_cell_by_cell_in_seconds_of_the_processor(tmp_path):
    busy = "import time\nstart = time.process_time()\nwhile time.process_time() - start < 1.2:\n    pass"
    cells = [nbformat.v4.new_code_cell(code) for code in (busy, "time.sleep(1.2)")]
    cells.insert(0, nbformat.v4.new_markdown_cell("## 1 · Slow (1 min)"))
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "lesson.ipynb")
    (cell,) = measure.measure(tmp_path / "lesson.ipynb")["cells"]
    assert (cell["section"], cell["first line"], cell["used in"]) == ("1 · Slow", "import time", ["1 · Slow"])
    assert cell["seconds"] >= 1.2


# --- syllabus


def tables():
    """The tables of the syllabus: each a list of rows, each row a list of its cells."""
    for part in read(FOLDER / "syllabus.md").split("\n\n"):
        if part.startswith("| "):
            yield rows_of(part)


def block_minutes(items):
    """The sum of "lesson 04: section 1 (8), break (10)"."""
    place = re.match(r"(?:lesson|exercises) (\d\d|clinic): ", items)
    return minutes_of(items[place.end() :], place[1]) if place else minutes_of(items, "00")


def test_every_block_of_the_syllabus_adds_up_and_so_do_the_days():
    assert len(list(tables())) == 15  # half a day, two days, six weeks, six of Part II
    for rows in tables():
        total = 0
        for what, items, minutes in rows:
            if items.startswith(("in ", "at ")):
                assert int(minutes) == total
                total = 0
            else:
                assert block_minutes(items) == int(minutes), (what, items)
                total += int(minutes)


def test_the_clock_of_the_days_agrees_with_the_minutes():
    for rows in tables():
        if rows[0][0] != "class":
            start = 9 * 60
            for clock, _, minutes in rows[:-1]:
                assert clock == f"{start // 60}:{start % 60:02}"
                start += int(minutes)


def test_every_demo_of_the_syllabus_exists():
    named = set(re.findall(r"`live\.(\w+)`", read(FOLDER / "syllabus.md")))
    assert named
    assert named <= set(live.__all__)


# --- examination


def questions(name):
    return re.findall(r"^### ([A-D]\d) \((\d+) points\)$", read(FOLDER / name), re.MULTILINE)


def test_every_question_has_a_solution_worth_the_same_points():
    assert questions("examination.md") == questions("examination_solutions.md")
    assert len(questions("examination.md")) == 20
    assert sum(int(points) for _, points in questions("examination.md")) == 100


def test_the_points_within_a_solution_add_up():
    parts = re.split(r"^### \w\d \((\d+) points\)$", read(FOLDER / "examination_solutions.md"), flags=re.MULTILINE)
    for whole, text in zip(parts[1::2], parts[2::2], strict=True):
        assert sum(map(int, re.findall(r"\((\d) points?\)", text))) == int(whole), text[:200]


def blocks(name):
    parts = re.split(r"^### (\w\d).*$", read(FOLDER / name), flags=re.MULTILINE)
    for question, text in zip(parts[1::2], parts[2::2], strict=True):
        for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
            yield question, code


@pytest.mark.parametrize("question", sorted({question for question, _ in blocks("examination_solutions.md")}))
def test_the_numbers_of_a_solution_come_out_and_the_code_of_its_question_runs(question):
    given = {}
    for name in ("examination.md", "examination_solutions.md"):
        for place, code in blocks(name):
            if place == question:
                exec(compile(code, f"{name} {place}", "exec"), given)
