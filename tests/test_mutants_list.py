"""The list of mutations that `make mutants` tries: every line can be made, and has tests that must fail."""

import pytest
from mutants import ROOT, Mutant, in_a_copy, read_list

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
    with pytest.raises(ValueError, match="line 3 .* five parts between |, got 4"):
        read_list(file)


def test_a_mutation_is_made_in_a_copy_and_killed_by_a_test_that_fails():
    wrong = Mutant("a claim", "features.py", '"features must be (N, D)', '"features must be nice', ("test_of_it.py",))
    before = (ROOT / "ssl_course" / wrong.file).read_text(encoding="utf-8")
    outcome, output = in_a_copy(wrong, ("test_mutants_list.py::no_such_test",), 60)
    assert outcome == "BROKEN", output
    assert (ROOT / "ssl_course" / wrong.file).read_text(encoding="utf-8") == before
