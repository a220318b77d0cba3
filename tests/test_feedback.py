"""The feedback form writes what was answered to a file that it names, with buttons and without."""

import json
from datetime import datetime
from pathlib import Path

import nbformat
import pytest

from ssl_course.feedback import QUESTIONS, VIEW, Form, as_html, write

NOW = datetime(2026, 11, 27, 9, 30)
NOTEBOOK = Path(__file__).parent.parent / "instructor" / "feedback.ipynb"


def test_what_is_written_are_the_answers_that_were_given(tmp_path):
    file = write({"pace": 4, "unclear": "section 2", "change": "", "demos": None}, tmp_path, NOW)
    assert file.name == "feedback-2026-11-27-093000.json"
    assert json.loads(file.read_text()) == {"pace": 4, "unclear": "section 2"}


def test_nobody_overwrites_the_file_of_another(tmp_path):
    files = [write({"pace": number}, tmp_path, NOW) for number in (1, 2, 3)]
    assert [json.loads(file.read_text())["pace"] for file in files] == [1, 2, 3]


@pytest.mark.parametrize("answers", [{"speed": 3}, {"pace": 6}, {"pace": "fast"}])
def test_what_was_not_asked_is_refused(answers, tmp_path):
    with pytest.raises(ValueError, match=next(iter(answers))):
        write(answers, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_button_writes_what_the_fields_hold_and_says_where(tmp_path):
    form = Form(tmp_path)
    form.fields["pace"].value, form.fields["surprise"].value = 2, "the price list"
    form.button.click()
    (file,) = tmp_path.iterdir()
    assert json.loads(file.read_text()) == {"pace": 2, "surprise": "the price list"}
    assert file.name in form.said.value


def test_a_folder_that_is_missing_is_told_and_not_swallowed(tmp_path):
    form = Form(tmp_path / "missing")
    form.button.click()
    assert "could not be written" in form.said.value


def test_every_question_is_there_to_be_read_where_nothing_runs():
    shown = Form()._repr_mimebundle_()
    assert VIEW in shown
    for question in QUESTIONS.values():
        assert question.text in shown["text/plain"]
        assert as_html() == shown["text/html"]
    assert as_html().count("<li>") == len(QUESTIONS)


def test_the_notebook_shows_the_form_and_the_way_without_buttons():
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    assert [output.data["text/html"] for output in outputs] == [as_html()]
    named = {name for name in QUESTIONS if any(f'"{name}"' in cell.source for cell in cells)}
    assert named == set(QUESTIONS)
