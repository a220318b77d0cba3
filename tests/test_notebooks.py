"""What holds for every committed notebook; that its cells run is tested by nbval beside these tests."""

import base64
import copy
import importlib.util
import io
import itertools
import re
import statistics
from pathlib import Path

import nbformat
import pytest
from PIL import Image

from ssl_course import fingerprint

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
LARGEST = 1_000_000  # bytes

LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)")  # a relative link, without its anchor
NEXT = re.compile(r"\*{0,2}Next\*{0,2}:\*{0,2} \[(\w+)\]\((\w+)\.ipynb\)")

specification = importlib.util.spec_from_file_location("execute", FOLDER / "execute.py")
execute = importlib.util.module_from_spec(specification)
specification.loader.exec_module(execute)


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def notebook(path):
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_the_lessons_are_there():
    names = "start_here pretext_tasks autoencoder triplet_loss simclr byol mae compare your_own_images"
    names += " language sound video image_and_text self_distillation prediction"
    numbered = {f"{number:02}_{name}" for number, name in enumerate(names.split())}
    assert numbered | {"08b_defects"} == {path.stem for path in NOTEBOOKS}


def test_a_lesson_begins_with_its_title_and_has_no_other(notebook):
    titles = [cell for cell in notebook.cells if cell.cell_type == "markdown" and cell.source.startswith("# ")]
    assert titles == [notebook.cells[0]]


def told(notebook):
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def test_every_relative_link_of_a_lesson_leads_somewhere(notebook):
    assert [link for link in LINK.findall(told(notebook)) if not (FOLDER / link).exists()] == []


@pytest.mark.parametrize(("path", "following"), list(itertools.pairwise(NOTEBOOKS)), ids=lambda p: p.stem)
def test_the_last_cell_of_a_lesson_leads_to_the_next_one(path, following):
    last = nbformat.read(path, as_version=4).cells[-1].source
    assert NEXT.findall(last) == [(following.stem, following.stem)]


def test_whoever_follows_the_links_from_the_first_lesson_reads_all():
    here, read = NOTEBOOKS[0].stem, []
    while here is not None and here not in read:
        read.append(here)
        links = NEXT.findall(told(nbformat.read(FOLDER / f"{here}.ipynb", as_version=4)))
        here = links[0][1] if links else None
    assert read == [path.stem for path in NOTEBOOKS]


def test_every_cell_was_executed_in_order_from_the_top(notebook):
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))


def test_no_cell_ended_in_an_error_or_wrote_to_stderr(notebook):
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    assert [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"] == []


def test_the_outputs_are_those_of_the_code_as_it_is(notebook):
    made_from = notebook.metadata["ssl_course"]["made_from"]
    assert made_from == execute.fingerprint(notebook), "the code has changed since: run `make notebooks` and commit"


def test_a_change_of_its_code_or_of_code_that_it_uses_changes_the_fingerprint(notebook, monkeypatch):
    before, real = execute.fingerprint(notebook), fingerprint.source_of
    for addition, same in (("    # says more\n", True), ("    x = 1\n", False)):

        def edited(part, addition=addition):
            return real(part) + addition * (part.__qualname__ == "extract_features")

        monkeypatch.setattr(fingerprint, "source_of", edited)
        assert (execute.fingerprint(notebook) == before) is same
    monkeypatch.undo()
    code_cells(notebook)[1].source += "\nx = 1"
    assert execute.fingerprint(notebook) != before


def a_notebook(source):
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])


def test_a_changed_result_that_is_read_changes_the_fingerprint_and_another_does_not(tmp_path, monkeypatch):
    reads = a_notebook("from ssl_course.results import read\nread('one')")
    judges = a_notebook("from ssl_course.results import baselines\nbaselines(S.data)")
    for name in ("one", "two", "compare_shapes"):
        (tmp_path / f"{name}.json").write_text("1")
    monkeypatch.setattr(execute.results, "FOLDER", tmp_path)

    def moved(name):
        before = execute.fingerprint(reads), execute.fingerprint(judges)
        (tmp_path / f"{name}.json").write_text("changed")
        return execute.fingerprint(reads) != before[0], execute.fingerprint(judges) != before[1]

    assert moved("one") == (True, False)
    assert moved("two") == (False, False)
    assert moved("compare_shapes") == (False, True)


def test_another_ready_encoder_changes_the_fingerprint_of_what_takes_it(monkeypatch):
    takes = a_notebook("from ssl_course import ready\nready('byol')")
    other = a_notebook("from ssl_course import load\nload('shapes')")
    before = execute.fingerprint(takes), execute.fingerprint(other)
    monkeypatch.setattr(execute, "cards", lambda: {"byol": {"sha256": "another"}})
    assert execute.fingerprint(takes) != before[0]
    assert execute.fingerprint(other) == before[1]


def test_a_method_that_is_built_by_its_name_counts(monkeypatch):
    builds = a_notebook("from ssl_course.recipes import build\nbuild('mae', 'shapes')")
    before, real = execute.fingerprint(builds), fingerprint.source_of
    monkeypatch.setattr(
        fingerprint, "source_of", lambda part: real(part) + "    x = 1\n" * (part.__qualname__ == "MAE")
    )
    assert execute.fingerprint(builds) != before


def test_text_that_came_in_pieces_is_joined_but_not_across_a_picture():
    def output(kind, text):
        return nbformat.from_dict({"output_type": kind, "name": "stdout", "text": text})

    pieces = [output("stream", "a"), output("stream", "b"), output("display_data", ""), output("stream", "c")]
    assert [part.text for part in execute.joined(pieces)] == ["ab", "", "c"]


@pytest.mark.parametrize(("opacity", "mode"), [(255, "P"), (100, "RGBA")])
def test_a_picture_is_packed_harder_and_stays_the_same(opacity, mode):
    picture, loose = Image.new("RGBA", (40, 30), (200, 10, 10, opacity)), io.BytesIO()
    picture.save(loose, "png", compress_level=0)
    data = {"image/png": base64.b64encode(loose.getvalue()).decode()}
    output = execute.smaller(nbformat.from_dict({"output_type": "display_data", "data": data}))
    packed = Image.open(io.BytesIO(base64.b64decode(output.data["image/png"])))
    assert len(output.data["image/png"]) < len(data["image/png"])
    assert (packed.mode, packed.convert("RGBA").tobytes()) == (mode, picture.tobytes())


def test_a_picture_that_256_colours_would_change_keeps_all_of_its_own():
    picture = Image.merge("RGB", [Image.linear_gradient("L").rotate(turn) for turn in (0, 90, 45)])
    loose = io.BytesIO()
    picture.save(loose, "png")
    data = {"image/png": base64.b64encode(loose.getvalue()).decode()}
    output = execute.smaller(nbformat.from_dict({"output_type": "display_data", "data": data}))
    packed = Image.open(io.BytesIO(base64.b64decode(output.data["image/png"])))
    assert (packed.mode, packed.tobytes()) == ("RGB", picture.tobytes())


def test_the_text_of_a_cell_is_whole(notebook):
    assert all(cell.outputs == execute.joined(copy.deepcopy(cell.outputs)) for cell in code_cells(notebook))


def test_the_file_is_small_enough_to_open_anywhere(path):
    assert path.stat().st_size < LARGEST


def test_no_output_shows_a_path_of_the_machine_it_was_made_on(path):
    text = path.read_text()
    assert str(FOLDER.parent) not in text
    assert str(Path.home()) + "/" not in text


def test_lessons_keep_their_form(notebook):
    lines = [len(cell.source.splitlines()) for cell in code_cells(notebook)]
    words = sum(len(cell.source.split()) for cell in notebook.cells if cell.cell_type == "markdown")
    others = [cell for cell in notebook.cells if not cell.source.startswith("live.") and not execute.installs(cell)]
    assert 30 <= len(others) <= 48
    assert words <= 2850
    assert statistics.median(lines) <= 8
    assert max(lines) <= 18


def test_some_outputs_are_compared_when_the_notebook_runs(notebook):
    checked = [cell for cell in code_cells(notebook) if "# NBVAL_CHECK_OUTPUT" in cell.source]
    assert len(checked) >= 5
    assert all(cell.outputs for cell in checked)
