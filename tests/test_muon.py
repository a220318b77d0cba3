import copy
import functools
import math
import pickle

import pytest
import torch
from torch import nn

from ssl_course.muon import Muon, orthogonal
from ssl_course.train import parameter_groups


@pytest.mark.parametrize("shape", [(8, 72), (72, 8), (32, 32)])
def test_newton_schulz_makes_all_singular_values_about_one(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonal(matrix))
    assert torch.linalg.svdvals(matrix / matrix.norm()).min() < 0.5
    assert values.min() > 0.5
    assert values.max() < 1.3


@pytest.mark.parametrize("shape", [(8, 72), (72, 8), (32, 32), (1, 5), (5, 1), (1, 1)])
@pytest.mark.parametrize("smallest", [1.0, 1e-5])
def test_newton_schulz_changes_singular_values_alone_by_the_polynomial_of_the_source(shape, smallest):
    left, values, right = torch.linalg.svd(torch.randn(shape).double(), full_matrices=False)
    values = values * torch.logspace(0, math.log10(smallest), len(values))
    expected = values / values.norm()
    for _ in range(5):
        expected = 3.4445 * expected - 4.7750 * expected**3 + 2.0315 * expected**5
    found = orthogonal(((left * values) @ right).float()).double()
    torch.testing.assert_close(found, (left * expected) @ right, rtol=0, atol=1e-3)


@pytest.mark.parametrize(("turned", "names"), [((2, 4), {"0.weight", "2.weight"}), ((4,), {"0.weight"})])
def test_weights_of_so_many_dimensions_are_turned_and_the_rest_is_left_to_adamw(turned, names):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(32, 4))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    gradients = [torch.randn_like(weight) for weight in network.parameters()]
    found = {}
    for kind in (functools.partial(Muon, turned=turned), torch.optim.AdamW):
        network.load_state_dict(before)
        for weight, gradient in zip(network.parameters(), gradients, strict=True):
            weight.grad = gradient.clone()
        kind(parameter_groups(network, 0.0), lr=0.1).step()
        found[kind] = {name: value.clone() for name, value in network.state_dict().items()}
    by_muon, by_adamw = found.values()
    for name, old in before.items():
        if name not in names:
            torch.testing.assert_close(by_muon[name], by_adamw[name])
            continue
        for after, is_turned in ((by_muon, True), (by_adamw, False)):
            step = (after[name] - old).flatten(1)
            values = torch.linalg.svdvals(step / (0.1 * 0.2 * max(step.shape) ** 0.5))
            assert bool(values.min() > 0.5 and values.max() < 1.3) == is_turned


def test_weights_without_a_gradient_stay_and_decay_needs_one():
    network = nn.Linear(3, 2)
    before = network.weight.detach().clone()
    solver = Muon(parameter_groups(network, 0.5), lr=0.1)
    solver.step()
    assert torch.equal(network.weight, before)
    network.weight.grad = torch.zeros_like(before)
    solver.step()
    torch.testing.assert_close(network.weight.detach(), before * (1 - 0.1 * 0.5))


def test_the_state_goes_into_a_checkpoint_and_out_of_it():
    torch.manual_seed(0)
    one, other = nn.Linear(4, 3), nn.Linear(4, 3)
    other.load_state_dict(one.state_dict())
    inputs, solvers = torch.randn(3, 8, 4), {}
    for network, kept in ((one, None), (other, 0)):
        solvers[network] = Muon(parameter_groups(network, 0.05), lr=0.1)
        for step, batch in enumerate(inputs):
            solvers[network].zero_grad()
            network(batch).square().sum().backward()
            solvers[network].step()
            if step == kept:
                state = solvers[network].state_dict()
                solvers[network] = Muon(parameter_groups(network, 0.05), lr=0.1)
                solvers[network].load_state_dict(state)
    assert torch.equal(one.weight, other.weight)
    assert torch.equal(one.bias, other.bias)


@pytest.mark.parametrize("shape", [(8, 72), (72, 8), (16, 16)])
def test_a_weight_moves_as_by_pytorchs_own_muon(shape):
    """Which computes in bf16 and takes matrices alone."""
    random = torch.Generator().manual_seed(0)
    ours, theirs = (nn.Parameter(torch.ones(shape)) for _ in range(2))
    shared = {"lr": 0.1, "weight_decay": 0.1, "momentum": 0.95}
    solvers = (
        Muon([ours], **shared),
        torch.optim.Muon([theirs], nesterov=True, adjust_lr_fn="match_rms_adamw", **shared),
    )
    for _ in range(4):
        ours.grad = torch.randn(shape, generator=random)
        theirs.grad = ours.grad.clone()
        for solver in solvers:
            solver.step()
    assert (ours - 1).abs().max() > 0.1
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0.01)


def test_a_copy_has_the_settings_of_the_first():
    network = nn.Linear(4, 3)
    solver = Muon(parameter_groups(network, 0.05), lr=0.1, momentum=0.8, turned=[2])
    network(torch.ones(2, 4)).sum().backward()
    solver.step()
    for same in (copy.deepcopy(solver), pickle.loads(pickle.dumps(solver))):
        assert [(group["momentum"], group["turned"]) for group in same.param_groups] == [(0.8, (2,))] * 2
        same.step()
