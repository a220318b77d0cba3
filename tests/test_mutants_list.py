"""The list of mutations that `make mutants` tries: every line can be made, and has tests that must fail."""

from concurrent.futures import ThreadPoolExecutor

import mutants
import pytest
from mutants import ROOT, Mutant, read_list

MUTANTS = read_list()


def test_there_are_at_least_sixty_mutations_and_none_is_there_twice():
    assert len(MUTANTS) >= 60
    assert len({mutant.claim for mutant in MUTANTS}) == len(MUTANTS)
    assert len({(mutant.file, mutant.old, mutant.new) for mutant in MUTANTS}) == len(MUTANTS)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.claim)
def test_the_text_of_a_mutation_occurs_once_and_its_tests_exist(mutant):
    assert mutant.fault(ROOT) is None
    assert mutant.tests


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.claim)
def test_a_mutation_leaves_a_program_that_can_be_read_and_is_another(mutant):
    before = (ROOT / "ssl_course" / mutant.file).read_text(encoding="utf-8")
    after = before.replace(mutant.old, mutant.new)
    assert after != before
    compile(after, mutant.file, "exec")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"old": "no such text"}, "it occurs 0 times"),
        ({"old": "import"}, "must occur once"),
        ({"file": "nothing.py"}, "no file nothing.py"),
        ({"tests": ("test_nothing.py",)}, "no test_nothing.py"),
    ],
)
def test_a_stale_line_says_why(change, message):
    line = {"claim": "", "file": "features.py", "old": "encoder.eval()", "new": "pass", "tests": ("test_loop.py",)}
    assert message in Mutant(**line | change).fault(ROOT)


def test_a_line_of_other_than_five_parts_is_refused(tmp_path):
    file = tmp_path / "list.txt"
    file.write_text("# a heading\n\nclaim | file | old | new\n")
    with pytest.raises(ValueError, match=r"line 3 .* five parts between \|, got 4"):
        read_list(file)


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("assert 'nicer' not in features.__doc__", "killed"),
        ("assert features", "SURVIVED"),
        ("import time; time.sleep(60)", "TIMED OUT"),
        ("pytest.exit('not a failure', returncode=3)", "BROKEN"),
    ],
)
def test_a_mutation_is_made_in_a_copy_and_only_a_failing_test_kills_it(tmp_path, monkeypatch, body, outcome):
    """The copy is of a package of one module and one test."""
    for name in mutants.COPIED:
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text("")
    module = tmp_path / "ssl_course" / "features.py"
    module.write_text('"""nice"""')
    test = f"import pytest\nfrom ssl_course import features\n\ndef test_it():\n    {body}\n"
    (tmp_path / "tests" / "test_it.py").write_text(test)
    monkeypatch.setattr(mutants, "ROOT", tmp_path)
    mutant = Mutant("it is nicer", "features.py", "nice", "nicer", ("test_it.py",))
    seconds = 3 if outcome == "TIMED OUT" else 60
    assert mutants.in_a_copy(mutant, mutant.tests, seconds)[0] == outcome
    assert module.read_text() == '"""nice"""'


def test_the_unmutated_tests_that_fail_are_named(tmp_path, monkeypatch):
    """Else a broken test would kill every mutation."""
    monkeypatch.setattr(mutants, "in_a_copy", lambda mutant, tests, seconds: ("killed", "the reason"))
    line = Mutant("", "features.py", "a", "b", ("test_loop.py", "test_views.py"))
    with ThreadPoolExecutor(1) as pool:
        why = mutants.failing_unmutated([line, line], pool, 60)
    assert set(why) == {"test_loop.py", "test_views.py"}
    assert why["test_loop.py"] == "killed without any mutation\nthe reason"


def test_a_mutation_whose_tests_fail_without_it_counts_as_not_tried(monkeypatch, capsys):
    lines = [Mutant(name, "features.py", "encoder.eval()", name, (f"test_{name}.py",)) for name in ("loop", "views")]
    monkeypatch.setattr(mutants, "read_list", lambda: lines)
    monkeypatch.setattr(mutants, "failing_unmutated", lambda *_: {"test_loop.py": "why"})
    monkeypatch.setattr(mutants, "in_a_copy", lambda *_: ("killed", ""))
    assert mutants.main(["--jobs", "1"]) == 1
    said = capsys.readouterr().out
    assert "NOT TRIED  features.py: loop: test_loop.py fails without it" in said
    assert "2 mutations: 1 killed, 0 not, 1 not tried" in said


def test_survivors_and_stale_lines_are_counted_and_end_with_1(monkeypatch, capsys):
    lines = [Mutant("one", "features.py", "encoder.eval()", "pass", ("test_loop.py",))]
    monkeypatch.setattr(mutants, "read_list", lambda: lines)
    monkeypatch.setattr(mutants, "failing_unmutated", lambda *_: {})
    for outcome, code in (("killed", 0), ("SURVIVED", 1), ("BROKEN", 1), ("TIMED OUT", 1)):
        monkeypatch.setattr(mutants, "in_a_copy", lambda *_, outcome=outcome: (outcome, ""))
        assert mutants.main(["--jobs", "1"]) == code
        assert f"{outcome:9}  features.py: one" in capsys.readouterr().out
    monkeypatch.setattr(mutants, "in_a_copy", lambda *_: ("killed", ""))
    lines.append(Mutant("two", "features.py", "no such text", "pass", ("test_loop.py",)))
    assert mutants.main(["--jobs", "1"]) == 1
    assert "2 mutations: 1 killed, 0 not, 1 not tried" in capsys.readouterr().out
    assert mutants.main(["nothing is called so"]) == 1
