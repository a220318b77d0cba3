"""A submission is run by itself: whatever it does costs its own marks, and the originals stay as they were."""

import csv
import os
from pathlib import Path

import nbformat
import pytest

from ssl_course import checks, cli, grade, grade_worker
from ssl_course.checks import engine

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


@pytest.fixture(scope="module")
def eventful(tmp_path_factory):
    """One submission that tries many things: its grade, and the folder with another student's file."""
    folder = tmp_path_factory.mktemp("submissions")
    precious = folder / "bob" / "precious.txt"
    precious.parent.mkdir()
    precious.write_text("kept")
    tries = [
        f"import os; os.remove({str(precious)!r})",
        f"open({str(precious)!r}, 'w').write('gone')",
        f"import shutil; shutil.rmtree({str(precious.parent)!r})",
        f"import os; os.rename({str(precious)!r}, {str(precious) + '.old'!r})",
        f"import os; os.truncate({str(precious)!r}, 0)",
        f"import subprocess; subprocess.run(['rm', {str(precious)!r}])",
        f"import os; os.system('rm ' + {str(precious)!r})",
        "import socket; socket.create_connection(('127.0.0.1', 9), timeout=5)",
    ]
    foreign = '{"exercise": "simclr.queue", "state": "right", "sentence": ""}'
    others = [
        "1 / 0",
        "import sys; sys.exit()",
        "%pip install nothing",
        "print('x' * 1_000_000)",
        f"print('{foreign}')",
    ]
    writes = ["open('notes.txt', 'w').write('mine')", "assert open('notes.txt').read() == 'mine'"]
    package = ["from ssl_course.methods.simclr import nt_xent", 'check("simclr.nt_xent", nt_xent)']
    answers = [RIGHT, CHECK, LETTER.replace('"c"', '"a"'), 'check("simclr.guessing", ...)']
    return graded(folder, IMPORT, *tries, *others, *writes, *package, *answers), folder


def test_right_wrong_and_open_answers_are_told_apart(eventful):
    result, _ = eventful
    assert [state(result, f"simclr.{key}") for key in ("partner", "curve", "guessing")] == ["right", "wrong", "open"]
    assert (result.right, result.total) == (1, 8)


def test_files_outside_of_its_own_folder_are_safe_and_there_is_no_network(eventful):
    result, folder = eventful
    assert (folder / "bob" / "precious.txt").read_text() == "kept"
    assert os.listdir(folder / "ann") == ["04_simclr.ipynb"]
    assert ["PermissionError" in note for note in result.notes] == [True] * 8 + [False] * 2
    assert "a submission has no network" in result.notes[7]


def test_a_cell_that_fails_is_noted_and_the_next_ones_run(eventful):
    result, _ = eventful
    assert [note.partition(" (")[0] for note in result.notes[8:]] == [
        "cell 10: ZeroDivisionError: division by zero",
        "cell 11: SystemExit: ",
    ]


def test_printing_a_verdict_is_no_verdict_and_the_packages_own_function_no_answer(eventful):
    result, _ = eventful
    assert state(result, "simclr.queue") == "missing"
    assert "own function" in result.verdicts["simclr.nt_xent"][1]


@pytest.mark.parametrize(
    ("cell", "note"),
    [
        ("while True: pass", "stopped after"),
        ("import os; os._exit(0)", "ended before its last cell"),
        ("hoard = bytearray(900_000_000)\nimport time; time.sleep(30)", "MB of memory"),
    ],
)
def test_one_that_never_ends_exits_or_fills_the_memory_keeps_what_it_had(tmp_path, cell, note):
    result = graded(tmp_path, IMPORT, LETTER, cell, RIGHT, CHECK, seconds=20, megabytes=500)
    assert state(result, "simclr.curve") == "right"
    assert state(result) == "missing"
    assert note in result.notes[-1]


def test_changed_checks_give_no_marks(tmp_path):
    change = "from ssl_course.checks import engine; engine._close = lambda *a: True"
    result = graded(tmp_path, IMPORT, change, "def partner(count):\n    return 0", CHECK, LETTER)
    assert result.right == 0
    assert "checks were changed" in result.verdicts["simclr.partner"][1]


@pytest.mark.parametrize(
    ("target", "name"),
    [(checks, "judge"), (engine, "_close"), (engine.Function, "judge"), (engine.Verdict, "right")],
)
def test_every_change_of_the_checks_is_seen(monkeypatch, target, name):
    before = grade_worker.fingerprint()
    assert grade_worker.fingerprint() == before
    monkeypatch.setattr(target, name, lambda *arguments: True)
    assert grade_worker.fingerprint() != before


def test_an_exchanged_exercise_is_seen(monkeypatch):
    before = grade_worker.fingerprint()
    monkeypatch.setitem(checks.SETS["simclr"], "partner", checks.SETS["simclr"]["open"])
    assert grade_worker.fingerprint() != before


def test_what_is_not_a_notebook_is_said(tmp_path):
    path = tmp_path / "broken.ipynb"
    path.write_text("{")
    assert "not a notebook" in grade.grade_one(path, "broken.ipynb", seconds=60, megabytes=4000).notes[0]


def test_the_command_writes_a_table_and_a_report(tmp_path, capsys):
    submit(tmp_path, "ann/04_simclr.ipynb", IMPORT, RIGHT, CHECK)
    submit(tmp_path, "bob/04_simclr.ipynb", IMPORT, "import os; os._exit(3)")
    assert cli.main(["grade", str(tmp_path)]) == 0
    rows = list(csv.DictReader((tmp_path / "grades" / "grades.csv").open()))
    states = {row["exercise"]: row["state"] for row in rows if row["submission"] == "ann/04_simclr.ipynb"}
    assert len(states) == 8
    assert (states["simclr.partner"], states["simclr.nt_xent"]) == ("right", "missing")
    report = (tmp_path / "grades" / "report.md").read_text()
    assert "| ann/04_simclr.ipynb | 1 | 8 |" in report
    assert "exit code 3" in report
    assert "ann/04_simclr.ipynb: 1 of 8 right" in capsys.readouterr().err


def test_an_empty_folder_is_refused(tmp_path, capsys):
    assert cli.main(["grade", str(tmp_path)]) == 1
    assert "no notebook" in capsys.readouterr().err
    assert not Path(tmp_path / "grades").exists()
