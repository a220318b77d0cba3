"""What Jupyter and Colab run doesn't fail in the grader, and a cell that fails costs itself only."""

import json
from pathlib import Path

import pytest
from test_grade import IMPORT, submit

from ssl_course import checks, grade
from ssl_course.checks.engine import Function
from ssl_course.grade_worker import cells
from ssl_course.grading import sandbox

EXERCISES = {f"{part}.{key}": exercise for part, found in checks.SETS.items() for key, exercise in found.items()}
GRADED = ["simclr.nt_xent", "byol.both_ways", "byol.follow", "byol.copy", "autoencoder.denoising", "mae.masking"]
OTHERS = [name for name, exercise in EXERCISES.items() if name not in GRADED and hasattr(exercise, "right")]
OTHERS += ["simclr.partner", "mae.patchify", "mae.loss", "compare.cka", "byol.loss"]
# Cells that run here although plain Python wouldn't run them; the answer at their end must count.
RUN = [
    "display(1)",
    "files = !ls",
    "len?",
    "!pip install nothing",
    "%matplotlib inline",
    "%%time\nlong = 1",
    "%time long = 2\nassert long == 2",
    "import asyncio\nawait asyncio.sleep(0)",
    "from google.colab import drive\ndrive.mount('/content/drive')",
    "from google.colab import files\nfiles.upload()",
    "import seaborn as sns",
    "from no_such_library import thing",
    "get_ipython().run_line_magic('load_ext', 'autoreload')",
    "from IPython.display import display, HTML\ndisplay(HTML('x'))",
    "rest = (7 + 5\n    % 4)\nassert rest == 8",
    'text = """\n% of all\n! beware"""\nassert "%" in text and "!" in text',
    "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
    "import torch\ntorch.save(torch.ones(2), 'mine.pt')\nassert torch.load('mine.pt').sum() == 2",
    "class Own(torch.utils.data.Dataset):\n    __len__ = lambda s: 4\n    __getitem__ = lambda s, i: torch.ones(2)\n"
    "for batch in torch.utils.data.DataLoader(Own(), num_workers=1): assert batch.sum() == 2",
]
# Cells that fail; the later ones must go on.
FAIL = ["1 / 0", "while True: pass", "this is no Python", "undefined", "raise KeyboardInterrupt", "input('name?')"]
# What a notebook can leave on in torch; right answers stay right.
LEFT_ON = [
    "torch.set_grad_enabled(False)",
    "torch.set_default_dtype(torch.float64)",
    "torch.autocast('cpu').__enter__()",
    "torch.inference_mode().__enter__()",
    "torch.set_default_device('meta')",
]


def answer(name):
    """A cell with the right answer to an exercise."""
    part, _, key = name.partition(".")
    if hasattr(EXERCISES[name], "right"):
        return f"check({name!r}, {EXERCISES[name].right!r})"
    right = f"__import__('ssl_course.checks').checks.SETS[{part!r}][{key!r}].reference"
    return f"check({name!r}, lambda *given: {right}(*given))"


@pytest.fixture(scope="module", params=["bubblewrap", "guard"])
def clumsy(request, tmp_path_factory):
    if request.param == "bubblewrap" and sandbox.kind() != "bubblewrap":
        pytest.skip("bubblewrap doesn't work here")
    folder = tmp_path_factory.mktemp("clumsy")
    whole = {cell for cell in RUN if cell.startswith("%%")}
    first = [cell if cell in whole else f"{cell}\n{answer(name)}" for cell, name in zip(RUN, OTHERS, strict=False)]
    first += [answer(OTHERS[RUN.index(cell)]) for cell in whole]
    later = [answer(OTHERS[len(RUN)]), "import torch", *LEFT_ON, *map(answer, GRADED)]
    path = submit(folder, "ann.ipynb", IMPORT, *first, *FAIL, *later)
    return grade.grade_one(path, path.name, seconds=24, megabytes=4000, held=request.param)


@pytest.mark.parametrize("number", range(len(RUN)), ids=[cell.splitlines()[0] for cell in RUN])
def test_an_answer_in_such_a_cell_counts(clumsy, number):
    assert clumsy.verdicts[OTHERS[number]][0] == "right", clumsy.notes


def test_each_cell_that_fails_is_named_and_later_ones_go_on(clumsy):
    failed = [note for note in clumsy.notes if "No module named" not in note]
    assert len(failed) == len(FAIL), failed
    assert "stopped after 6 seconds" in failed[1]
    assert clumsy.verdicts[OTHERS[len(RUN)]][0] == "right"


@pytest.mark.parametrize("name", GRADED)
def test_what_a_notebook_leaves_on_makes_no_right_answer_wrong(clumsy, name):
    assert clumsy.verdicts[name][0] == "right", clumsy.verdicts[name]


def test_missing_libraries_are_named(clumsy):
    assert sum("No module named" in note for note in clumsy.notes) == 2


TEXT = json.dumps({"cells": [{"cell_type": "code", "source": ["x = 'ä'\n"]}, {"cell_type": "raw"}]}, ensure_ascii=False)
OLD = {"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code", "input": ["x = 'ä'\n"]}]}]}


@pytest.mark.parametrize(
    "raw",
    [
        b"\xef\xbb\xbf" + TEXT.encode(),
        TEXT.encode("utf-16"),
        TEXT.encode("latin-1"),
        json.dumps(OLD).encode(),
        TEXT.encode().replace(b"\n", b"\r\n"),
    ],
    ids=["mark", "UTF-16", "Latin-1", "format 3", "Windows"],
)
def test_notebooks_are_read_whatever_their_encoding_and_format(tmp_path, raw):
    (tmp_path / "a.ipynb").write_bytes(raw)
    assert cells(tmp_path / "a.ipynb") == ["x = 'ä'\n"]


@pytest.mark.parametrize("content", ["", "[]", '{"cells": 3}', '{"cells": [3]}', "[" * 100_000, '"é' + "x" * 20_000])
def test_what_is_no_notebook_is_said_in_a_short_sentence(tmp_path, content):
    (tmp_path / "a.ipynb").write_text(content)
    with pytest.raises(ValueError, match="is not a notebook") as caught:
        cells(tmp_path / "a.ipynb")
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "source",
    [
        "rest = (7 + 5\n    % 4)\n",
        "same = (\n    1\n    != 2\n)\n",
        'text = """\n% a\n! b\n"""\n',
        "x = [\n  9\n  %2]\n",
    ],
)
def test_signs_inside_brackets_and_texts_are_python(tmp_path, source):
    submit(tmp_path, "a.ipynb", source)
    assert cells(tmp_path / "a.ipynb") == [source]


def last_mistake(exercise):
    """The last of the mistakes that an exercise knows, as a function."""
    wrong = list(exercise.mistakes.values())[-1]
    return wrong[0] if isinstance(wrong, tuple) else wrong


def test_each_exercise_with_a_function_is_judged_from_afar_as_it_is_beside(tmp_path):
    functions = {name: exercise for name, exercise in EXERCISES.items() if isinstance(exercise, Function)}
    lines = ["from ssl_course import checks", "from test_grade_clumsy import EXERCISES, last_mistake"]
    lines = [f"import sys; sys.path.append({str(Path(__file__).parent)!r})", *lines]
    for name in functions:
        lines.append(f"f = last_mistake(EXERCISES[{name!r}])\nchecks.check({name!r}, lambda *given, f=f: f(*given))")
    path = submit(tmp_path, "a.ipynb", *lines)
    found = grade.grade_one(path, "a.ipynb", seconds=120, megabytes=4000)
    for name, exercise in functions.items():
        wrong = last_mistake(exercise)
        beside = checks.judge(name, lambda *given, f=wrong: f(*given))
        assert found.verdicts.get(name) == (beside.state, beside.sentence), (name, found.notes)
