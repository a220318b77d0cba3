"""Rows that are added to a benchmark's table: none is made twice, none is lost."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
import study


def add(asked, made=lambda row, seed: {"linear_probe": seed}):
    study.add_rows("table", "a caption", {"size": 10}, asked, made)
    return json.loads((study.FOLDER / "table.json").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(study, "FOLDER", tmp_path)
    monkeypatch.setattr(sys, "argv", ["benchmarks/mine.py", "--seeds", "0"])


def test_rows_that_are_there_stay_and_only_the_others_are_made():
    add([(10, "one"), (2, "one")])
    made = []
    result = add([(2, "one"), (2, "two")], lambda row, seed: made.append((row, seed)) or {"linear_probe": 0.5})
    assert made == [("two", 2)]
    assert result["seeds"] == {
        "10": {"one": {"linear_probe": 10}},
        "2": {"one": {"linear_probe": 2}, "two": {"linear_probe": 0.5}},
    }
    assert result["command"] == "python benchmarks/mine.py --seeds 2 10"
    assert {"caption", "date", "hardware"} < set(result)
    assert result["recipe"] == {"size": 10}


def test_each_row_is_kept_as_soon_as_it_is_made():
    def fails_at_the_second(row, seed):
        if row == "two":
            raise RuntimeError
        return {"linear_probe": 0.5}

    with pytest.raises(RuntimeError):
        add([(0, "one"), (0, "two")], fails_at_the_second)
    assert set(json.loads((study.FOLDER / "table.json").read_text(encoding="utf-8"))["seeds"]["0"]) == {"one"}


def test_what_another_process_wrote_meanwhile_stays():
    def slow(row, seed):
        study.add_rows("table", "a caption", {}, [(1, "beside")], lambda row, seed: {"linear_probe": 1})
        return {"linear_probe": 0}

    assert add([(0, "one")], slow)["seeds"] == {
        "0": {"one": {"linear_probe": 0}},
        "1": {"beside": {"linear_probe": 1}},
    }
