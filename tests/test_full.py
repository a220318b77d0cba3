import json
import math
import sys
from pathlib import Path

import pytest
import torch

from ssl_course import ImageSet, recipes
from ssl_course.results import read
from ssl_course.runs import Machine

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))

import full

HERE = Machine("cpu", "fp32", 1)


def pictures(count, seed=0):
    random = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 4
    pixels = 60 * labels.view(-1, 1, 1, 1) + torch.randint(20, (count, 3, 8, 8), generator=random)
    return ImageSet(pixels.byte(), labels, tuple("abcd"))


@pytest.fixture
def small(monkeypatch):
    """The recipes with batches and encoders for a processor."""
    whole = full.recipe

    def smaller(method, data, **how):
        encoder = {"encoder": "small_cnn"} if method != "mae" else {"encoder": "wide_vit"}
        return whole(method, data, **how | encoder | {"batch_size": 16, "lr": 1e-3})

    monkeypatch.setattr(full, "recipe", smaller)
    monkeypatch.setattr(full, "TUNING", full.TUNING | {"epochs": 2, "batch_size": 16})


@pytest.mark.parametrize(("seconds", "passes"), [(0.001, 1), (20.0, 10)])
def test_a_goal_has_as_many_passes_as_fill_its_seconds(seconds, passes, small, monkeypatch):
    monkeypatch.setattr(full, "images_per_second", lambda *given: 20.0)  # so 40 of them take two seconds, 32 less
    goal = full.Goal("simclr", seconds, "linear_probe", 0.85)
    row = full.reach(goal, pictures(40), pictures(20, 1), 0, machine=HERE, compile="no", data="cifar10")
    assert (row["passes"], row["steps"]) == ({1: 1, 10: 12}[passes], {1: 2, 10: 24}[passes])
    assert row["images_per_second"] == pytest.approx(row["steps"] * 16 / row["seconds"])
    assert 0 < row["flops_per_second"] < 1e14
    assert row["linear_probe"] > 0.25
    assert min(row["seconds_beside"], row["judging_seconds"]) > 0
    assert "fine_tuned" not in row


def test_the_goal_of_mae_is_fine_tuned(small):
    goal = full.Goal("mae", 0.01, "fine_tuned", 0.9)
    row = full.reach(goal, pictures(40), pictures(20, 1), 0, machine=HERE, compile="no", data="cifar10")
    assert 0 <= row["fine_tuned"] <= 1
    assert row["passes"] == 1


def test_speed_is_that_of_the_second_of_two_passes(small, monkeypatch):
    def pretended(method, images, *, epochs, **how):
        assert (len(images), epochs, how["batch_size"]) == (640, 2, 16)
        return [{"images_per_second": 1.0}, {"images_per_second": 7.0}]

    monkeypatch.setattr(full, "pretrain", pretended)
    made = full.recipe("simclr", "cifar10", full=True)
    assert full.images_per_second(made, pictures(1000), HERE, "no") == 7.0


def test_without_a_gpu_the_goals_say_what_can_be_done(capsys, tmp_path):
    with pytest.raises(SystemExit, match="--short shows that each recipe trains"):
        full.main([str(tmp_path), "--device", "cpu", "--results", str(tmp_path / "full.json")])


def test_rows_that_are_there_are_not_made_again(tmp_path):
    file, made = tmp_path / "full.json", []
    rows = {
        "simclr": [("0", lambda: made.append("a") or {"loss": 1.0}), ("1", lambda: made.append("b") or {"loss": 2.0})]
    }
    for _ in range(2):
        full.make_rows("goals", rows, HERE, file)
    full.make_rows("short", {"mae": rows["simclr"][:1]}, HERE, file)
    kept = json.loads(file.read_text())
    assert made == ["a", "b", "a"]
    assert kept["goals"] == {"simclr": {"0": {"loss": 1.0}, "1": {"loss": 2.0}}}
    assert kept["short"] == {"mae": {"0": {"loss": 1.0}}}
    assert kept["goals_on"]["precision"] == "fp32"


def test_tables_show_every_seed_and_the_share_of_the_peak(capsys):
    row = {
        "linear_probe": 0.851,
        "passes": 30,
        "seconds": 59.0,
        "images_per_second": 25000.0,
        "flops_per_second": 98.9e12,
    }
    full.show_goals({"SimCLR in a minute": {"0": row, "1": row | {"linear_probe": 0.84}}}, "NVIDIA H100 80GB")
    assert (
        "| SimCLR in a minute | linear probe 85.0 | 85.1, 84.0 | 30 | 59 | 25,000 | 98.9 (10% of peak) |"
        in capsys.readouterr().out
    )


@pytest.mark.parametrize("method", recipes.FULL_OWN)
def test_every_full_recipe_was_tried_in_three_precisions(method):
    rows = read("full")["short"][method]
    assert list(rows) == list(full.PRECISIONS)
    exact = rows["fp32"]
    for row in rows.values():
        assert row["first_step"] == pytest.approx(exact["first_step"], rel=0.03, abs=0.02)
        assert math.isfinite(row["last_pass"])
