"""What stands behind a number is found by following names: what is used counts, what isn't doesn't."""

import importlib.util
import os
import subprocess
import sys
from functools import partial

import pytest
import torch

from ssl_course import fingerprint
from ssl_course.fingerprint import as_text, behind, code_behind, versions

SOURCE = '''
"""A module of its own."""
from ssl_course.networks import projection_head

SHARE, NAMES, UNUSED = 0.1, {"b", "a", "c"}, 7

def inner(x):
    """Says."""
    return SHARE * x

def outer(x):
    return inner(x), NAMES

def other(SHARE):
    return SHARE

class Child(dict):
    def head(self):
        return projection_head(8)

table = {"one": lambda x: inner(x), "two": outer}

def chooses(name):
    return table[name]

def closure(width):
    def made():
        return width * inner(1)
    return made
'''


ANY_PYTHON = """
WIDTH, KEYS, OTHERS, word = 8, ("a", "b"), 3, 9

class Table(dict):
    keys_of = [word for word in KEYS]

    def line(self, value: float, *, rows: list[int] = OTHERS) -> str:
        listed = [f"{value:<{WIDTH}}" for word in rows if word]
        return f"a{value!r}b" + "c" f"{{{'d'}" + str(lambda x: x + WIDTH) + repr(listed)
"""


@pytest.fixture
def module(tmp_path):
    """Gives a function that makes a module of some source."""
    count = iter(range(100))

    def make(source):
        file = tmp_path / f"number_{next(count)}.py"
        file.write_text(source)
        specification = importlib.util.spec_from_file_location("fingerprinted", file)
        made = importlib.util.module_from_spec(specification)
        sys.modules["fingerprinted"] = made
        specification.loader.exec_module(made)
        return made

    yield make
    sys.modules.pop("fingerprinted", None)


def changed(module, name, old, new):
    """Whether a change of the source changes what stands behind a name of it."""
    assert SOURCE.count(old) >= 1
    before = code_behind(getattr(module(SOURCE), name))
    return code_behind(getattr(module(SOURCE.replace(old, new)), name)) != before


def test_a_function_that_is_used_counts_however_deep(module):
    assert changed(module, "outer", "return SHARE * x", "return SHARE + x")


def test_a_constant_counts_by_its_value_where_it_is_used(module):
    assert changed(module, "outer", "SHARE, NAMES, UNUSED = 0.1", "SHARE, NAMES, UNUSED = 0.2")
    assert not changed(module, "other", "SHARE, NAMES, UNUSED = 0.1", "SHARE, NAMES, UNUSED = 0.2")


def test_what_isnt_used_and_what_is_only_said_dont_count(module):
    assert not changed(module, "outer", ", 7\n", ", 8\n")
    assert not changed(module, "outer", '"""Says."""', '"""Says more."""  # and a comment')
    assert not changed(module, "outer", "return projection_head(8)", "return projection_head(9)")


def test_a_class_stands_on_what_its_functions_use(module):
    made = module(SOURCE)
    assert "ssl_course.networks.projection_head" in behind(made.Child)


def test_what_an_inner_function_has_enclosed_counts(module):
    made = module(SOURCE)
    assert code_behind(made.closure(1)) != code_behind(made.closure(2))
    assert code_behind(made.closure(1)) == code_behind(made.closure(1))


def test_a_table_of_functions_is_followed_only_where_it_is_asked_for(module):
    made = module(SOURCE)
    assert not any("lambda" in name for name in behind(made.chooses))
    followed = behind(made.chooses, registries=True)
    assert any("lambda" in name for name in followed)
    assert {"fingerprinted.outer", "fingerprinted.inner", "fingerprinted: SHARE"} <= set(followed)


def test_the_arguments_of_a_partial_count(module):
    made = module(SOURCE)
    assert code_behind(partial(made.outer, 1)) != code_behind(partial(made.outer, 2))


def test_every_process_finds_the_same():
    code = "from ssl_course import runs, fingerprint; print(fingerprint.code_behind(runs.train, runs.judge_row))"
    found = set()
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code], env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, text=True
        )
        found.add(done.stdout)
    assert len(found) == 1


def test_what_a_lambda_does_to_each_of_a_list_counts(module):
    made = module("SHARE = 0.1\nscaled = lambda row: [[SHARE * x for x in part] for part in row]\n")
    assert "fingerprinted: SHARE" in behind(made.scaled)


def test_every_python_finds_the_same(module):
    """Trees, their texts and the names of a scope differ from Python to Python; a hash of before must not."""
    made = module(ANY_PYTHON)
    found = behind(made.Table)
    constants = {"fingerprinted: WIDTH": "8", "fingerprinted: KEYS": "('a', 'b')", "fingerprinted: OTHERS": "3"}
    assert {name: value for name, value in found.items() if ":" in name} == constants
    assert code_behind(made.Table) == "0f40ae8640bb1d3a"


def test_a_tensor_computed_on_another_processor_is_the_same():
    turned = torch.linalg.inv(torch.tensor([[3.0, 1.0], [1.0, 2.0]]))  # 0.4, -0.2, -0.2, 0.6, not to the last digit
    assert as_text(turned) == as_text(turned * (1 + 1e-6)) == as_text(torch.tensor([[0.4, -0.2], [-0.2, 0.6]]))
    assert as_text(turned) != as_text(turned.flatten())
    assert as_text(turned) != as_text(turned * 1.01)
    assert as_text(torch.tensor([123456])) != as_text(torch.tensor([123457]))


def test_versions_are_of_python_and_of_all_that_computes(monkeypatch):
    assert set(versions()) == {"python", "torch", "torchvision", "numpy", "scikit-learn"}
    monkeypatch.setattr(fingerprint, "version", lambda name: "9.9")
    assert versions()["scikit-learn"] == "9.9"
