import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from ssl_course import ImageSet
from ssl_course.recipes import Recipe, simclr_cost
from ssl_course.results import read
from ssl_course.train import parameter_groups

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))

import cheaper


@pytest.mark.parametrize("shape", [(8, 72), (72, 8), (32, 32)])
def test_newton_schulz_makes_all_singular_values_about_one(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(cheaper.orthogonal(matrix))
    assert torch.linalg.svdvals(matrix / matrix.norm()).min() < 0.5
    assert values.min() > 0.5
    assert values.max() < 1.3


def test_muon_turns_convolutions_and_leaves_the_rest_to_adamw():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(32, 4))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    gradients = [torch.randn_like(weight) for weight in network.parameters()]
    for kind in (cheaper.Muon, torch.optim.AdamW):
        network.load_state_dict(before)
        for weight, gradient in zip(network.parameters(), gradients, strict=True):
            weight.grad = gradient.clone()
        kind(parameter_groups(network, 0.0), lr=0.1).step()
        step = (network[0].weight.detach() - before["0.weight"]).flatten(1)
        values = torch.linalg.svdvals(step / (0.1 * 0.2 * 27**0.5))
        is_turned = bool(values.min() > 0.5 and values.max() < 1.3)
        assert is_turned == (kind is cheaper.Muon)
        others = {name: value.clone() for name, value in network.state_dict().items() if name != "0.weight"}
        if kind is cheaper.Muon:
            by_muon = others
    for name, value in others.items():
        torch.testing.assert_close(by_muon[name], value)


@pytest.mark.parametrize("passes", [cheaper.SHORT, cheaper.LONG])
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
