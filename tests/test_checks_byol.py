"""What the checks of lesson 05 measure themselves: what a loss teaches a small layer, and a report's arithmetic."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ssl_course import checks
from ssl_course.checks import byol
from ssl_course.methods.simclr import nt_xent
from ssl_course.methods.vicreg import vicreg_loss

GOOD = {"with": [59.2, 63.0, 53.8], "without": [9.3, 10.6, 13.7], "mean": 47.467, "error": 3.753}


def test_the_slope_by_hand_is_autograds():
    p, t = torch.randn(2, 5, 3)
    p.requires_grad_()
    torch.testing.assert_close(byol.slope(p, t), torch.autograd.grad(byol.regression_loss(p, t), p)[0])


def test_nothing_of_the_slope_points_along_the_prediction():
    p, t = torch.randn(2, 5, 3)
    assert (byol.slope(p, t) * p).sum(dim=1).abs().max() < 1e-6


def test_autograd_works_again_after_a_gradient_was_judged():
    before = torch.autograd.grad, torch.Tensor.backward
    checks.judge("byol.gradient", byol.slope)
    checks.judge("byol.gradient", lambda p, t: {}["missing"])
    assert (torch.autograd.grad, torch.Tensor.backward) == before


def test_a_loss_that_learns_keeps_all_four_signals_and_a_bare_distance_none():
    good, bare = byol.learn(lambda z1, z2: nt_xent(z1, z2, 0.5)), byol.learn(F.mse_loss)
    assert good.readable > good.floor + 0.4
    assert good.rank > 3
    assert bare.size < 0.01
    assert bare.readable < bare.floor


def test_without_the_covariance_copies_are_left():
    found = byol.learn(lambda z1, z2: vicreg_loss(z1, z2, covariance=0.0))
    assert found.rank < 2
    assert found.deviation > 0.3


def test_a_loss_is_judged_the_same_twice():
    def loss(z1, z2):
        return nt_xent(z1, z2, 0.5)

    assert checks.judge("byol.own_loss", loss) == checks.judge("byol.own_loss", loss)


@pytest.mark.parametrize(
    "change",
    [
        {"mean": 47.5, "error": 3.8},
        {"mean": torch.tensor(47.467), "error": np.float64(3.753)},
        {"with": np.array(GOOD["with"]), "without": torch.tensor(GOOD["without"])},
        {"with": tuple(GOOD["with"])},
    ],
)
def test_a_report_may_be_rounded_and_be_of_any_kind_of_numbers(change):
    assert checks.judge("byol.spread", GOOD | change).right


@pytest.mark.parametrize(
    "change",
    [
        {"with": [float("nan")] * 3},
        {"with": []},
        {"with": [[59.2], [63.0], [53.8]]},
        {"with": ["59", "63", "54"]},
        {"mean": float("nan")},
        {"error": None},
        {"error": -3.753},
        {"more": 1},
    ],
)
def test_a_report_that_is_none_is_refused_and_breaks_nothing(change):
    assert checks.judge("byol.spread", GOOD | change).state == "wrong"


def test_the_roots_of_the_one_weight_model_meet_where_the_exercise_says():
    s = checks.SETS["byol"]["survive"].right

    def end(s, decay=0.05, rate=0.05):
        w = 0.5
        for _ in range(20_000):
            w -= rate * (2 * w * w * (w * (1 + s) - 1) + 2 * decay * w)
        return w

    assert end(s - 0.1) > 0.1
    assert end(s + 0.1) < 0.01
