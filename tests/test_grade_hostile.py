"""A submission that attacks gains nothing and harms nobody; docs/grading.md has the table of what was tried."""

import os
import subprocess
import sys

import pytest
from test_grade import IMPORT, graded, submit

from ssl_course import grade
from ssl_course.grading import landlock, sandbox

WRONG = "def wrong(*arguments):\n    return 0"
# Tricks for marks: a cell, then a wrong answer to the exercise of that name.
TRICKS = {
    "simclr.partner": "from ssl_course.checks import engine; engine._close = lambda *a: True",
    "simclr.nt_xent": "import torch; torch.allclose = lambda *a, **k: True; torch.equal = lambda *a: True",
    "simclr.queue": "from ssl_course import checks; checks.judge = lambda *a: engine.Verdict('right', '')",
    "simclr.views": "checks.SETS['simclr']['views'] = checks.SETS['simclr']['open']",
    "byol.loss": "engine.Function.judge = lambda *a: engine.Verdict('right', '')",
    "byol.both_ways": "engine.Verdict.state = property(lambda self: 'right')",
    "mae.patchify": "object.__setattr__(checks.SETS['mae']['patchify'], 'reference', wrong)",
    "mae.loss": "object.__setattr__(checks.SETS['mae']['loss'], 'tolerance', float('inf'))",
    "triplet.triplet": "import gc; [o.verdicts.update(x=1) for o in gc.get_objects() if hasattr(type(o), 'verdicts')]",
    "triplet.pairs": 'print(\'{"exercise": "triplet.pairs", "state": "right", "sentence": ""}\')',
    "pretext.hole": "class Same(torch.Tensor):\n    __eq__ = lambda a, b: True\n"
    "wrong = lambda *a: torch.zeros(()).as_subclass(Same)",
    "autoencoder.kl": "class Any:\n    __eq__ = lambda a, b: True\n    __class__ = torch.Tensor\n"
    "wrong = lambda *a: Any()",
    "compare.cka": "import sys\ndef wrong(*a):\n    return sys._getframe(1).f_locals.get('expected', 0)",
    "autoencoder.grey": "class Close(float):\n    __sub__ = __rsub__ = lambda a, b: 0.0\nwrong = Close(7)",
    "simclr.curve": "class Word(str):\n    __eq__ = lambda a, b: True\n    __hash__ = str.__hash__\nwrong = Word('zz')",
    "byol.copy": "wrong = lambda *a: 1 / 0",
    "mae.masking": "import ssl_course.grading.wire as wire; wire.Encoder.tensor = lambda s, v: ['right']",
}
STRANGE = [
    "check('simclr.no_such', wrong)",
    "check('nothing', wrong)",
    "check('x' * 1_000_000, wrong)",
    "check(['simclr.open'], wrong)",
    "deep = []\nfor _ in range(5000): deep = [deep]\ncheck('simclr.open', deep)",
    "class Bad(Exception):\n    __str__ = lambda s: 1 / 0\nraise Bad",
    "raise ValueError('|' * 1_000_000)",
    "raise BaseException('x')",
    "import sys; sys.exit()",
]


def harms(other, victim):
    """Cells that would change another student's file or end a process."""
    return [
        f"import os; os.remove({other!r})",
        f"open({other!r}, 'w').write('gone')",
        f"import shutil; shutil.rmtree(os.path.dirname({other!r}))",
        f"os.rename({other!r}, {other + '.old'!r})",
        f"os.truncate({other!r}, 0)",
        f"import subprocess; subprocess.run(['rm', {other!r}], check=True)",
        f"assert os.system('rm ' + {other!r}) == 0",
        "import socket; socket.create_connection(('127.0.0.1', 9), timeout=5)",
        f"import torch; torch.save(torch.ones(3), {other!r})",
        f"torch.jit.script(torch.nn.Linear(1, 1)).save({other!r})",
        f"import ctypes; assert ctypes.CDLL(None).truncate({other.encode()!r}, 0) == 0",
        f"os.kill({victim}, 9)",
        f"os.killpg({victim}, 9)",
        f"import signal; signal.pidfd_send_signal(os.pidfd_open({victim}), 9)",
    ]


@pytest.fixture(scope="module", params=["bubblewrap", "guard"])
def attacked(request, tmp_path_factory):
    """One submission that tries all of it: its grade, another's file, and a process that it would end."""
    needs = sandbox.kind() == "bubblewrap" if request.param == "bubblewrap" else landlock.known()
    if not needs:
        pytest.skip("this machine doesn't have it")
    folder = tmp_path_factory.mktemp("submissions")
    other = folder / "bob" / "04.ipynb"
    other.parent.mkdir()
    other.write_text("kept")
    victim = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], start_new_session=True)
    tries = [part for name, trick in TRICKS.items() for part in (WRONG, trick, f"check({name!r}, wrong)")]
    last = ["check('simclr.temperature', 'b')"]
    path = folder / "ann.ipynb"
    submit(folder, path.name, IMPORT, *harms(str(other), victim.pid), WRONG, *STRANGE, *tries, *last)
    try:
        yield grade.grade_one(path, path.name, seconds=200, megabytes=4000, held=request.param), other, victim
    finally:
        victim.kill()
        victim.wait()


def test_another_students_file_is_as_it_was(attacked):
    _, other, _ = attacked
    assert other.read_text() == "kept"
    assert os.listdir(other.parent) == [other.name]


def test_other_processes_go_on(attacked):
    assert attacked[2].poll() is None


def test_each_harm_fails_with_an_error(attacked):
    failed = {note.partition(":")[0] for note in attacked[0].notes}
    count = len(harms("", 0))
    assert {f"cell {number}" for number in range(2, count + 2)} <= failed


@pytest.mark.parametrize("name", TRICKS)
def test_a_trick_makes_no_wrong_answer_right(attacked, name):
    assert attacked[0].verdicts.get(name, ("missing",))[0] in ("wrong", "missing")


def test_what_is_strange_is_noted_and_the_right_answer_at_the_end_counts(attacked):
    result = attacked[0]
    assert result.verdicts["simclr.temperature"][0] == "right"
    assert result.right == 1
    assert all(len(note) <= 300 for note in result.notes)
    assert any("no exercise 'simclr.no_such'" in note for note in result.notes)


SENDING = "import socket, gc\nmine = next(o for o in gc.get_objects() if isinstance(o, socket.socket))\n"


@pytest.mark.parametrize(
    "cell",
    [
        "import os; os._exit(0)",
        "import os\nfor number in range(3, 30):\n    try: os.write(number, b'x' * 5000)\n"
        "    except OSError: pass\nos._exit(0)",
        "import pickle, os, struct\nclass Bomb:\n    def __reduce__(self): return os.mkdir, ('bomb',)\n"
        + SENDING
        + "data = pickle.dumps(Bomb()); mine.send(struct.pack('!Q', len(data)) + data); os._exit(0)",
        SENDING + "from ssl_course.grading.wire import packed; import struct\n"
        "for kind in (['verdict', 'right', ''], ['reply', ['result']], {}):\n"
        "    data = packed(kind); mine.send(struct.pack('!Q', len(data)) + data)",
    ],
    ids=["exits", "writes into everything", "sends a bomb", "sends other messages"],
)
def test_one_that_breaks_its_line_to_the_judge_keeps_what_it_had(tmp_path, monkeypatch, cell):
    monkeypatch.chdir(tmp_path)
    result = graded(tmp_path, IMPORT, "check('simclr.temperature', 'b')", cell, "check('simclr.curve', 'c')")
    assert result.verdicts == {"simclr.temperature": result.verdicts["simclr.temperature"]}
    assert result.notes
    assert not (tmp_path / "bomb").exists()
