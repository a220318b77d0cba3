"""A submission is run by itself: whatever it does costs its own marks, and the originals stay as they were."""

import csv
from pathlib import Path

import nbformat
import pytest

from ssl_course import checks, cli, grade
from ssl_course.grading.report import as_report

RIGHT = "def partner(count):\n    import torch\n    return torch.arange(2 * count).roll(count)"
CHECK = 'check("simclr.partner", partner)'
IMPORT = "from ssl_course.checks import check"
LETTER = 'check("simclr.curve", "c")'


def submit(folder, name, *cells):
    """Write a notebook of these cells; its path."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells]), path)
    return path


def graded(folder, *cells, seconds=60, megabytes=4000):
    path = submit(folder, "ann/04_simclr.ipynb", *cells)
    return grade.grade_one(path, "ann/04_simclr.ipynb", seconds=seconds, megabytes=megabytes)


def state(result, name="simclr.partner"):
    return result.verdicts.get(name, ("missing", ""))[0]


@pytest.mark.parametrize(
    ("cell", "note"),
    [
        ("sum(range(10**12))", "stopped after 12 seconds"),
        ("import os; os._exit(0)", "ended before its last cell"),
        ("hoard = bytearray(1_500_000_000)\nimport time; time.sleep(30)", "MB of memory"),
    ],
)
def test_one_that_never_ends_exits_or_fills_the_memory_keeps_what_it_had(tmp_path, cell, note):
    result = graded(tmp_path, IMPORT, LETTER, cell, RIGHT, CHECK, seconds=12, megabytes=500)
    assert state(result, "simclr.curve") == "right"
    assert state(result) == "missing"
    assert note in result.notes[-1]


def test_what_is_not_a_notebook_is_said(tmp_path):
    path = tmp_path / "broken.ipynb"
    path.write_text("{")
    assert "not a notebook" in grade.grade_one(path, "broken.ipynb", seconds=60, megabytes=4000).notes[0]


def test_other_hand_ins_are_mentioned_and_cost_nobody_a_grade(tmp_path):
    (tmp_path / "ann.zip").write_bytes(b"PK")
    (tmp_path / "bob").mkdir()
    (tmp_path / "bob" / "04.py").write_text("print(1)")
    (tmp_path / "cem.ipynb").mkdir()
    (tmp_path / "dan.ipynb").symlink_to(tmp_path / "nowhere")
    notes = {done.name: done.notes[0] for done in grade.grade(tmp_path)}
    assert "it is a folder" in notes["cem.ipynb"]
    assert "can't be read" in notes["dan.ipynb"]
    assert all("a notebook (*.ipynb) was expected" in notes[name] for name in ("ann.zip", "bob/04.py"))


def test_grades_are_written_after_every_submission(tmp_path):
    for name in ("ann", "bob"):
        (tmp_path / f"{name}.ipynb").write_text("{")
    seen = []
    grade.grade(tmp_path, out=tmp_path / "out", say=lambda _: seen.append((tmp_path / "out/grades.csv").read_text()))
    assert ["bob" in table for table in seen] == [False, True]
    assert all("ann" in table for table in seen)


@pytest.mark.parametrize("name", ["Lab | group 3", "two\nlines", "`code` [link](x) <b>", "half a pair \ud800"])
def test_no_name_and_no_note_breaks_the_reports_table(tmp_path, name):
    done = grade.Grade(name, {"simclr.temperature": ("wrong", name)}, [name])
    row = next(line for line in as_report([done]).splitlines() if line.startswith("| ") and "submission" not in line)
    assert row.replace("\\|", "").count("|") == 6
    grade.write([done], tmp_path)
    assert len((tmp_path / "report.md").read_text().splitlines()) == len(
        as_report([grade.Grade("a", done.verdicts, ["b"])]).splitlines()
    )


def test_texts_to_be_read_have_a_column():
    done = grade.Grade("ann", {"simclr.open": ("read", "noted"), "simclr.curve": ("right", "")})
    assert f"| ann | 1 | {len(checks.SETS['simclr'])} | 1 |  |" in as_report([done])


def test_a_text_in_the_table_is_no_formula(tmp_path):
    grade.write([grade.Grade("=cmd()", notes=["no check was run"])], tmp_path)
    assert "'=cmd()" in (tmp_path / "grades.csv").read_text()


def test_modules_in_the_teachers_folder_do_not_shadow_the_library(tmp_path, monkeypatch):
    for name in ("random", "json", "torch", "ssl_course"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('shadowed')")
    monkeypatch.chdir(tmp_path)
    assert state(graded(tmp_path, IMPORT, RIGHT, CHECK)) == "right"


def test_the_command_writes_a_table_and_a_report(tmp_path, capsys):
    submit(tmp_path, "ann/04_simclr.ipynb", IMPORT, RIGHT, CHECK)
    submit(tmp_path, "bob/04_simclr.ipynb", IMPORT, "import os; os._exit(3)")
    assert cli.main(["grade", str(tmp_path)]) == 0
    rows = list(csv.DictReader((tmp_path / "grades" / "grades.csv").open()))
    states = {row["exercise"]: row["state"] for row in rows if row["submission"] == "ann/04_simclr.ipynb"}
    assert len(states) == len(checks.SETS["simclr"])
    assert (states["simclr.partner"], states["simclr.nt_xent"]) == ("right", "missing")
    report = (tmp_path / "grades" / "report.md").read_text()
    assert f"| ann/04_simclr.ipynb | 1 | {len(checks.SETS['simclr'])} |" in report
    assert "exit code 3" in report
    assert f"ann/04_simclr.ipynb: 1 of {len(checks.SETS['simclr'])} right" in capsys.readouterr().err


def test_an_empty_folder_is_refused(tmp_path, capsys):
    assert cli.main(["grade", str(tmp_path)]) == 1
    assert "no notebook" in capsys.readouterr().err
    assert not Path(tmp_path / "grades").exists()
