"""The losses of lesson 03 must reach every vector with a gradient, and columns are whole numbers."""

import pytest
import torch

from ssl_course import checks
from ssl_course.checks import triplet

LOSSES = {
    "triplet.pairs": triplet.contrastive_margin,
    "triplet.triplet": triplet.triplet_margin,
    "triplet.batch_all": triplet.batch_all,
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_without_a_gradient_is_refused_by_name(name):
    loss = LOSSES[name]
    detached = checks.judge(name, lambda *inputs: loss(*inputs).detach())
    anew = checks.judge(name, lambda *inputs: torch.tensor(loss(*inputs).item()))
    number = checks.judge(name, lambda *inputs: loss(*inputs).item())
    for verdict in (detached, anew, number):
        assert verdict.state == "wrong"
        assert "gradient" in verdict.sentence


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_with_its_first_side_detached_is_refused_by_name(name):
    verdict = checks.judge(name, lambda first, *others: LOSSES[name](first.detach(), *others))
    assert verdict.state == "wrong"
    assert "no gradient gets to" in verdict.sentence


def test_columns_that_are_not_whole_numbers_are_refused():
    assert checks.judge("triplet.semi_hard", lambda table: triplet.semi_hard(table).float()).state == "wrong"
