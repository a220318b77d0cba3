import json
import math
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from ssl_course import ImageSet, recipes
from ssl_course.cost import training_flops
from ssl_course.results import read
from ssl_course.runs import Machine
from ssl_course.train import History

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


@pytest.fixture
def spied(monkeypatch):
    """What the functions that train and judge were given."""
    calls = {}

    def noting(name, function):
        calls[name] = []

        def noted(*given, **how):
            calls[name].append((given, how))
            return function(*given, **how)

        return noted

    for name in ("pretrain", "judge", "fine_tune"):
        monkeypatch.setattr(full, name, noting(name, getattr(full, name)))
    return calls


@pytest.mark.parametrize(("seconds", "passes"), [(0.001, 1), (20.0, 12)])
def test_a_goal_has_as_many_passes_as_fill_its_seconds(seconds, passes, small, spied, monkeypatch):
    monkeypatch.setattr(full, "images_per_second", lambda *given: 20.0)  # a pass over 32 of the 40 takes 1.6 seconds
    train, test = pictures(40), pictures(20, 1)
    goal = full.Goal("simclr", seconds, "linear_probe", 0.85)
    row = full.reach(goal, train, test, 3, machine=Machine("cpu", "bf16", 1), compile="no", data="cifar10")
    assert (row["passes"], row["steps"]) == (passes, 2 * passes)
    assert row["images_per_second"] == pytest.approx(row["steps"] * 16 / row["seconds"])
    ((method, images), how), (judged, _) = spied["pretrain"][0], spied["judge"][0]
    assert images is train
    assert how["compile"] == "no"
    assert {name: how[name] for name in ("epochs", "batch_size", "lr", "optimizer", "precision", "seed")} == {
        "epochs": passes,
        "batch_size": 16,
        "lr": 1e-3,
        "optimizer": "sgd",
        "precision": "bf16",
        "seed": 3,
    }
    assert (judged[0] is method.encoder, judged[1] is train, judged[2] is test) == (True, True, True)
    assert row["flops_per_second"] == pytest.approx(row["images_per_second"] * training_flops(method, 8))
    assert min(row["seconds_beside"], row["judging_seconds"]) > 0
    assert row["precision"] == "bf16"
    assert spied["fine_tune"] == []


def test_mae_is_fine_tuned_on_the_training_images_and_judged_on_the_others(small, spied):
    train, test = pictures(40), pictures(20, 1)
    goal = full.Goal("mae", 0.01, "fine_tuned", 0.9)
    row = full.reach(goal, train, test, 0, machine=HERE, compile="no", data="cifar10")
    (encoder, *images), how = spied["fine_tune"][0]
    assert encoder is spied["judge"][0][0][0]
    assert [one is other for one, other in zip(images, (train, test), strict=True)] == [True, True]
    assert (how["optimizer"], how["epochs"], how["lr"]) == ("adamw", 2, 1e-3)
    assert 0 <= row["fine_tuned"] <= 1
    assert row["passes"] == 1


def test_speed_is_that_of_the_second_of_two_passes(small, monkeypatch):
    def pretended(method, images, *, epochs, **how):
        assert (len(images), epochs, how["batch_size"], how["compile"]) == (640, 2, 16, "always")
        found = History([{"images_per_second": 1.0}, {"images_per_second": 7.0}])
        return found

    monkeypatch.setattr(full, "pretrain", pretended)
    made = full.recipe("simclr", "cifar10", full=True)
    assert full.images_per_second(made, pictures(1000), HERE, "always") == 7.0


@pytest.mark.parametrize("part", ["goals", "short"])
def test_a_run_that_was_stopped_by_hand_is_no_row(part, small, monkeypatch, tmp_path):
    stopped = History([{"images_per_second": 1.0, "seconds": 1.0, "loss": 1.0}])
    stopped.interrupted = True
    monkeypatch.setattr(full, "pretrain", lambda *given, **how: stopped)
    made, file = full.recipe("simclr", "cifar10", full=True), tmp_path / "full.json"
    goal, shared = full.Goal("simclr", 1, "knn", 0.9), {"machine": HERE, "compile": "no", "data": "cifar10"}
    ways = {
        "goals": lambda: full.reach(goal, pictures(40), pictures(20), 0, **shared),
        "short": lambda: full.start_of(made, pictures(40), HERE),
    }
    with pytest.raises(KeyboardInterrupt):
        full.make_rows(part, {"simclr": [("0", ways[part])]}, file)
    assert not file.exists()


def test_a_short_run_tells_the_loss_of_its_first_step_and_of_two_passes(small):
    made, images, losses = full.short_recipe("simclr", "cifar10"), pictures(64), []
    row = full.start_of(made, images, HERE)
    how = full.settings_of(made, HERE) | {"on_step": lambda told: losses.append(float(told["loss"]))}
    full.pretrain(full.make(made), images, epochs=4, **how)
    found = [row["first_step"], row["first_pass"], row["last_pass"]]
    assert found == pytest.approx([losses[0], sum(losses[:4]) / 4, sum(losses[-4:]) / 4], rel=1e-5)


def test_the_rate_of_a_short_run_is_in_proportion_to_its_batch():
    whole, made = recipes.recipe("simclr", "cifar10", full=True), full.short_recipe("simclr", "cifar10")
    assert made.lr / made.batch_size == pytest.approx(whole.lr / whole.batch_size)
    assert (made.encoder, made.optimizer, made.batch_size) == (whole.encoder, whole.optimizer, 8)


def folder(place):
    for name, count in (("train/a", 20), ("train/b", 20), ("test/a", 4), ("test/b", 4)):
        (place / name).mkdir(parents=True)
        for number in range(count):
            Image.new("RGB", (32, 32), (number, 100, 50)).save(place / name / f"{number}.png")
    return str(place)


def test_short_tries_every_recipe_that_is_asked_for_in_three_precisions(tmp_path, monkeypatch, capsys):
    asked = []
    row = {"first_step": 1.0, "first_pass": 1.0, "last_pass": 0.5}
    monkeypatch.setattr(
        full, "start_of", lambda made, train, way: asked.append((made.method, way.precision, train.images.shape)) or row
    )
    full.main([folder(tmp_path), "--short", "--only", "vicreg", "mae", "--results", str(tmp_path / "full.json")])
    wanted = [(method, precision) for method in ("vicreg", "mae") for precision in ("fp32", "bf16", "fp16")]
    assert [each[:2] for each in asked] == wanted
    assert {tuple(each[2]) for each in asked} == {(32, 3, 8, 8)}
    assert "| `mae` | 1 | 1 → 0.5 | 1 |" in capsys.readouterr().out


@pytest.mark.parametrize("compile", [True, False])
def test_every_goal_has_its_seeds_and_precision(compile, tmp_path, monkeypatch):
    asked = []
    row = {"linear_probe": 0.8, "knn": 0.8, "fine_tuned": 0.8, "passes": 3, "seconds": 60.0, "device": "H200"}
    row |= {"images_per_second": 1e4, "flops_per_second": 1e14, "precision": "bf16"}
    monkeypatch.setattr(
        full, "reach", lambda goal, *images, **how: asked.append((goal.method, goal.seconds, images[2], how)) or row
    )
    monkeypatch.setattr(full, "choose_device", lambda name: torch.device("cuda"))
    monkeypatch.setattr(full, "choose_precision", lambda name, device: "bf16")
    arguments = [folder(tmp_path), "--seeds", "4", "5", "--results", str(tmp_path / "full.json")]
    full.main([*arguments, *(["--compile"] if compile else [])])
    assert [each[:3] for each in asked] == [
        (goal.method, goal.seconds, seed) for goal in full.GOALS.values() if goal.usual for seed in (4, 5)
    ]
    assert {each[3]["compile"] for each in asked} == {"always" if compile else "no"}
    assert {each[3]["machine"].precision for each in asked} == {"bf16"}
    asked.clear()
    full.main([*arguments, "--only", "SimCLR in half an hour of a T4"])
    assert [(each[1], each[3]["machine"].precision) for each in asked] == [(1800, "fp16")] * 2


@pytest.mark.parametrize(
    ("arguments", "named"), [(["--only", "simclr"], "MAE in ten"), (["--short", "--only", "vae"], "byol")]
)
def test_names_that_are_not_there_are_refused(arguments, named, tmp_path, capsys):
    with pytest.raises(SystemExit):
        full.main([str(tmp_path), *arguments])
    assert named in capsys.readouterr().err


def test_without_a_gpu_the_goals_say_what_can_be_done(tmp_path):
    with pytest.raises(SystemExit, match="--short lets each recipe take some steps"):
        full.main([str(tmp_path), "--device", "cpu", "--results", str(tmp_path / "full.json")])


def test_rows_that_are_there_are_not_made_again(tmp_path):
    file, made = tmp_path / "full.json", []
    rows = {
        "simclr": [("0", lambda: made.append("a") or {"loss": 1.0}), ("1", lambda: made.append("b") or {"loss": 2.0})]
    }
    for _ in range(2):
        full.make_rows("goals", rows, file)
    full.make_rows("short", {"mae": rows["simclr"][:1]}, file)
    kept = json.loads(file.read_text())
    assert made == ["a", "b", "a"]
    assert {seed: row["loss"] for seed, row in kept["goals"]["simclr"].items()} == {"0": 1.0, "1": 2.0}
    assert set(kept["short"]["mae"]["0"]) == {"loss", "torch", "date"}


@pytest.mark.parametrize(
    ("device", "precision", "speed"),
    [
        ("NVIDIA H100 80GB", "bf16", "98.9 (10% of peak)"),
        ("NVIDIA H100 80GB", "fp32", "98.9"),
        ("Other", "bf16", "98.9"),
    ],
)
def test_tables_show_every_seed_and_the_share_of_the_peak_of_the_card_they_were_made_on(
    device, precision, speed, capsys
):
    row = {
        "linear_probe": 0.851,
        "passes": 30,
        "seconds": 59.0,
        "images_per_second": 25000.0,
        "flops_per_second": 98.9e12,
    }
    row |= {"device": device, "precision": precision}
    full.show_goals({"SimCLR in a minute": {"0": row, "1": row | {"linear_probe": 0.84}}})
    shown = capsys.readouterr().out
    assert f"| SimCLR in a minute | linear probe 85.0 | 85.1, 84.0 | 30 | 59 | 25,000 | {speed} |" in shown


@pytest.mark.parametrize("method", recipes.FULL_OWN)
def test_the_first_step_of_every_full_recipe_is_the_same_in_three_precisions(method):
    rows = read("full")["short"][method]
    assert list(rows) == list(full.PRECISIONS)
    for precision, row in rows.items():
        assert row["first_step"] == pytest.approx(rows["fp32"]["first_step"], rel=0.03, abs=0.02)
        assert math.isfinite(row["last_pass"])
        assert row["precision"] == precision
