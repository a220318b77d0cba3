import math
import sys
from pathlib import Path
from unittest.mock import patch

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ssl_course import ImageSet
from ssl_course.recipes import Recipe, simclr_cost
from ssl_course.results import read
from ssl_course.train import OPTIMIZERS

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))

import cheaper


@pytest.fixture(autouse=True)
def no_optimizer_stays():
    """A trial adds one to the table of the package, which decides what a lesson is made of."""
    with patch.dict(OPTIMIZERS):
        yield


@pytest.mark.parametrize("passes", cheaper.PASSES.values())
def test_all_trials_cost_about_the_same(passes, tmp_path):
    for name, trial in cheaper.TRIALS.items():
        made = cheaper.planned(trial, str(tmp_path), passes, 0)
        cost = made.passes * cheaper.operations(trial, made) / simclr_cost(made) * trial.images / 20_000
        assert 0.9 * passes <= cost <= 1.1 * passes, name


@pytest.mark.parametrize("name", ["first 24 pixels, then 32", "three small crops beside", "moving average 0.99"])
def test_a_changed_simclr_learns(name, tmp_path):
    made = cheaper.planned(cheaper.TRIALS[name], str(tmp_path), 1, 0)
    method = cheaper.build(cheaper.TRIALS[name], made)
    views = method.views(torch.rand(4, 3, 32, 32))
    sides = {"first 24 pixels, then 32": [24, 24], "three small crops beside": [32, 32, 16, 16, 16]}
    assert [view.shape[-1] for view in views] == sides.get(name, [32, 32])
    method(*views).backward()
    assert all(weight.grad is not None for weight in method.encoder.parameters())
    method.after_step(1.0)
    assert method.views(torch.rand(4, 3, 32, 32))[0].shape[-1] == 32


def test_views_have_the_side_of_their_stage_and_in_the_end_that_of_the_images(tmp_path):
    trial = cheaper.TRIALS["16, then 24 pixels"]
    method = cheaper.build(trial, cheaper.planned(trial, str(tmp_path), 1, 0))
    sides = []
    for progress in (0.0, 0.49, 0.51, 0.84, 0.86, 1.0):
        method.after_step(progress)
        sides.append(method.views(torch.rand(2, 3, 32, 32))[0].shape[-1])
    assert sides == [16, 16, 24, 24, 32, 32]


def test_the_decoupled_loss_is_that_of_its_source(tmp_path):
    z1, z2 = (F.normalize(torch.randn(5, 4, generator=torch.Generator().manual_seed(seed)), dim=1) for seed in (0, 1))
    total = 0.0
    for one, other in ((z1, z2), (z2, z1)):
        for k in range(5):
            negatives = [math.exp(one[k] @ z[j] / 0.2) for z in (z1, z2) for j in range(5) if j != k]
            total += -float(one[k] @ other[k]) / 0.2 + math.log(sum(negatives))
    assert float(cheaper.decoupled_nt_xent(3 * z1, z2, 0.2)) == pytest.approx(total / 10, rel=1e-5)
    trial = cheaper.TRIALS["24 pixels for longer, decoupled loss"]
    method = cheaper.build(trial, cheaper.planned(trial, str(tmp_path), 1, 0))
    assert method.loss is cheaper.decoupled_nt_xent


def test_the_cost_has_the_products_of_muon_in_it():
    network = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.Flatten(), nn.Linear(8, 2))
    cheaper.build(cheaper.TRIALS["Muon"], made(100))
    steps = 20 * 2  # products of two squares, times two operations for each multiplication with addition
    convolution, linear = (steps * m**3 + 4 * m * m * n for m, n in ((8, 27), (2, 8)))
    assert cheaper.optimizer_flops(network, "adamw") == 0
    assert cheaper.optimizer_flops(network, cheaper.CONVOLUTIONS) == convolution
    assert cheaper.optimizer_flops(network, "muon") == convolution + linear
    assert all(weight.grad is None for weight in network.parameters())
    plain, turned = (cheaper.TRIALS[name] for name in ("as usual", "Muon"))
    recipes = [cheaper.planned(trial, "photos", 4, 0) for trial in (plain, turned)]
    more = cheaper.operations(turned, recipes[1]) - cheaper.operations(plain, recipes[0])
    method = cheaper.build(turned, recipes[1])
    assert more == pytest.approx(cheaper.optimizer_flops(method, cheaper.CONVOLUTIONS) / 256)


def test_all_trials_are_in_the_committed_result_and_what_was_chosen_is_the_best():
    result = read("cheaper")
    assert list(result["trials"]) == list(cheaper.TRIALS)
    probes = {name: rows[str(cheaper.SEED)]["linear_probe"] for name, rows in result["trials"].items()}
    assert max(probes, key=probes.get) == cheaper.CHOSEN
    assert list(result["final"]) == list(cheaper.FINAL)
    usual = read("budgets_part_ii_cifar10")["budgets"]["1"]["seeds"]
    for rows in result["final"].values():
        assert set(rows) == {"0", "1"}
        for seed, row in rows.items():
            assert row["linear_probe"] > usual[seed]["simclr"]["linear_probe"] + 0.03  # which the README says


def test_no_trial_trains_on_what_it_is_judged_by(monkeypatch):
    place = torch.arange(8000)
    pixels = torch.stack([place % 256, place // 256, 0 * place], dim=1).byte().view(8000, 3, 1, 1)  # all different
    whole = ImageSet(pixels, place // 800, tuple("abcdefghij"))
    monkeypatch.setattr(cheaper, "load", lambda data: whole)
    monkeypatch.setattr(cheaper, "HELD_BACK", 1000)
    cheaper.photographs.cache_clear()
    parts = [cheaper.held_back(made(size)) for size in (2000, 4000)]
    cheaper.photographs.cache_clear()
    assert [len(part.train) for part in parts] == [2000, 4000]
    assert torch.equal(parts[0].test.images, parts[1].test.images)
    assert parts[0].test.labels.bincount().min() > 70  # of about 100: a folder is read class by class
    for part in parts:
        seen, judged = ({tuple(image.flatten().tolist()) for image in one.images} for one in (part.train, part.test))
        assert (len(seen), len(judged)) == (len(part.train), 1000)
        assert seen.isdisjoint(judged)


def made(size: int) -> Recipe:
    return cheaper.planned(cheaper.Trial(images=size), "photos", 1, 0)


def test_only_trials_of_the_part_can_be_asked_for(monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(
        cheaper, "make_rows", lambda part, trials, *rest: asked.append((part, list(trials), rest)) or {part: {}}
    )
    monkeypatch.setattr(sys, "argv", ["cheaper.py", "DIR", "--part", "longer", "--only", "as usual"])
    cheaper.main()
    assert asked[0][:2] == ("longer", ["as usual"])
    assert asked[0][2][1] == [0]
    monkeypatch.setattr(sys, "argv", ["cheaper.py", "DIR", "--part", "longer", "--only", "Muon"])
    with pytest.raises(SystemExit):
        cheaper.main()
    assert "longer has no Muon; it has: LeJEPA, weight 0.01, as usual" in capsys.readouterr().err
