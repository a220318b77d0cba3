"""`ssl-course publish` writes badges and install cells, twice the same, and can be taken back."""

import json
import shutil
from pathlib import Path

import nbformat
import pytest

from ssl_course.publish import colab, publish

ROOT = Path(__file__).parent.parent


@pytest.fixture
def course(tmp_path):
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "README.md", tmp_path)
    return tmp_path


def contents(course):
    return {path: path.read_bytes() for path in sorted(course.rglob("*")) if path.is_file()}


def test_the_committed_lessons_explain_themselves(course):
    assert publish(course, None) == []


def test_a_title_that_is_one_string_stays_a_title(course):
    lesson = next(course.glob("notebooks/*.ipynb"))
    notebook = json.loads(lesson.read_text())
    title = "".join(notebook["cells"][0]["source"])
    notebook["cells"][0]["source"] = title
    lesson.write_text(json.dumps(notebook))
    publish(course, None)
    assert nbformat.read(lesson, as_version=4).cells[0].source == title


def test_a_published_course_has_badges_and_installs_the_fork(course):
    changed = publish(course, "someone/a.fork-2")
    lessons = sorted(course.glob("notebooks/*.ipynb"))
    assert set(changed) == {*lessons, course / "README.md"}
    assert "github/someone/a.fork-2/blob/main/notebooks/00_start_here.ipynb" in (course / "README.md").read_text()
    for lesson in lessons:
        notebook = nbformat.read(lesson, as_version=4)
        nbformat.validate(notebook)
        assert colab("someone/a.fork-2", f"notebooks/{lesson.name}") in notebook.cells[0].source
        assert "git+https://github.com/someone/a.fork-2" in notebook.cells[1].source
        compile(notebook.cells[1].source, lesson.name, "exec")
        assert [cell.id for cell in notebook.cells].count("install") == 1


def test_to_publish_twice_or_as_another_fork_leaves_one_badge_each(course):
    publish(course, "someone/first")
    before = contents(course)
    assert publish(course, "someone/first") == []
    publish(course, "someone/second")
    assert not any(b"someone/first" in text for text in contents(course).values())
    publish(course, "someone/first")
    assert contents(course) == before


def test_what_was_published_can_be_taken_back(course):
    before = contents(course)
    publish(course, "someone/fork")
    publish(course, None)
    assert contents(course) == before


@pytest.mark.parametrize("name", ["fork", "a/b/c", "https://github.com/a/b", "a b/c", ""])
def test_a_name_that_is_none_is_refused_and_nothing_is_written(course, name):
    before = contents(course)
    with pytest.raises(ValueError, match="must be OWNER/REPO"):
        publish(course, name)
    assert contents(course) == before


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="isn't the course"):
        publish(tmp_path, "a/b")
