"""The students' notebooks are what the sources give.

That solved they are right to their end, and unsolved say so and stop nowhere, is shown by `make test`, which executes
both with SSL_COURSE_STRICT.
"""

import contextlib
import importlib.util
import re
from pathlib import Path

import nbformat
import pytest

from ssl_course import checks

FOLDER = Path(__file__).parent.parent / "exercises"
SOURCES = sorted((FOLDER / "source").glob("*.ipynb"))
NUMBERS = ["00", "01", "02", "03", "04", "05", "06", "07", "08", "08b", "09", "10", "11", "12", "13", "14", "clinic"]
SETS = dict(zip(NUMBERS, checks.SETS, strict=True))

specification = importlib.util.spec_from_file_location("make_exercises", FOLDER / "make.py")
make = importlib.util.module_from_spec(specification)
specification.loader.exec_module(make)


@pytest.fixture(params=SOURCES, ids=lambda path: path.stem)
def source(request):
    return request.param


def code(path):
    return [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def checked(path):
    """The names of the exercises whose checks a notebook calls, in order."""
    return re.findall(r'^check\("([\w.]+)"', "\n".join(code(path)), re.MULTILINE)


def number(path):
    return path.stem.partition("_")[0]


def test_there_is_a_set_for_every_lesson_and_a_clinic():
    assert [number(path) for path in SOURCES] == NUMBERS


def test_the_students_notebook_is_what_its_source_gives(source):
    made = nbformat.writes(make.student_version(nbformat.read(source, as_version=4)))
    assert (FOLDER / source.name).read_text() == made + "\n", "run `make exercises` and commit"


def test_no_solution_and_no_output_is_left_in_the_students_notebook(source):
    notebook = nbformat.read(FOLDER / source.name, as_version=4)
    assert "SOLUTION" not in "".join(cell.source for cell in notebook.cells)
    assert not any(cell.outputs for cell in notebook.cells if cell.cell_type == "code")


def test_every_exercise_of_the_set_is_checked_once_and_progress_ends_the_notebook(source):
    part = SETS[number(source)]
    assert checked(source) == [f"{part}.{key}" for key in checks.SETS[part]]
    assert code(source)[-1].endswith(f'progress("{part}")')


@pytest.mark.parametrize("text", ["### BEGIN SOLUTION\nx = 1", "x = 1\n### END SOLUTION"])
def test_marks_that_do_not_pair_are_refused(text):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text)])
    with pytest.raises(ValueError, match="don't pair"):
        make.student_version(notebook)


def test_a_solution_becomes_a_blank_of_its_kind_and_cells_for_teachers_are_left_out():
    inside = "def f(x):\n    ### BEGIN SOLUTION\n    return x\n    ### END SOLUTION"
    outside = "### BEGIN SOLUTION\na, b = 1, 2\nanswer = a\n### END SOLUTION\nprint(answer)"
    cells = [nbformat.v4.new_code_cell(text) for text in (inside, outside, "secret")]
    cells[2].metadata["tags"] = ["solution-only"]
    made = [cell.source for cell in make.student_version(nbformat.v4.new_notebook(cells=cells)).cells]
    assert made[0] == "def f(x):\n    # YOUR CODE HERE\n    raise NotImplementedError"
    assert made[1:] == ["answer = ...  # YOUR ANSWER HERE\nprint(answer)"]


def test_progress_is_kept_in_the_folder_and_survives_a_damaged_record(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SSL_COURSE_STRICT", raising=False)
    checks.check("simclr.curve", "a")
    checks.check("simclr.curve", "c")
    assert checks.recorded() == {"simclr.curve": "right"}
    (tmp_path / checks.RECORD).write_text("{")
    assert checks.recorded() == {}
    checks.check("simclr.temperature", "a")
    assert checks.recorded(tmp_path) == {"simclr.temperature": "wrong"}
    checks.progress()
    assert f"simclr: 0 of {len(checks.SETS['simclr'])} done" in capsys.readouterr().out


def test_a_folder_that_cannot_be_written_costs_the_record_and_not_the_verdict(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checks, "RECORD", "missing/folder.json")
    checks.check("simclr.curve", "c")
    out = capsys.readouterr().out
    assert "✓ right" in out
    assert "could not be kept" in out


def test_names_that_do_not_exist_are_refused():
    for name in ("simclr.loss", "loss", "wrong.nt_xent"):
        with pytest.raises(ValueError, match="there is no exercise"):
            checks.check(name, 1)
    with pytest.raises(ValueError, match="there is no set"):
        checks.progress("loss")


@pytest.mark.parametrize(
    ("strict", "answer", "stops"),
    [
        ("solved", "c", False),
        ("solved", "a", True),
        ("solved", ..., True),
        ("unsolved", ..., False),
        ("unsolved", "a", True),
        ("unsolved", "c", True),
        (None, "a", False),
    ],
)
def test_strict_checks_stop_where_a_set_isnt_as_it_should_be(tmp_path, monkeypatch, strict, answer, stops):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SSL_COURSE_STRICT", raising=False)
    if strict:
        monkeypatch.setenv("SSL_COURSE_STRICT", strict)
    with pytest.raises(AssertionError, match=r"simclr\.curve") if stops else contextlib.nullcontext():
        checks.check("simclr.curve", answer)
