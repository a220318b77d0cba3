"""The exercises of lesson 14: references are the package's, and no mistake is taken for another."""

import math

import numpy as np
import pytest
import torch

from ssl_course import checks, planning, pushed
from ssl_course.checks import prediction
from ssl_course.checks.engine import Function
from ssl_course.methods.ijepa import draw_blocks
from ssl_course.methods.lejepa import epps_pulley
from ssl_course.methods.world_model import WorldModel, prediction_error
from ssl_course.networks import small_cnn

FUNCTIONS = [name for name, exercise in prediction.EXERCISES.items() if isinstance(exercise, Function)]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_mistake_is_told_by_its_own_sentence(name):
    for sentence, wrong in prediction.EXERCISES[name].mistakes.items():
        for function in wrong if isinstance(wrong, tuple) else (wrong,):
            assert sentence in checks.judge(f"prediction.{name}", function).sentence


def test_a_context_shows_no_target_and_is_cut_to_the_poorest_picture():
    for large, blocks, rows, columns in prediction.context_cases():
        places = prediction.context(large, blocks, rows, columns)
        hidden = prediction.covered(blocks, rows, columns).any(dim=1).flatten(1)
        assert not hidden.gather(1, places).any()
        alone = [prediction.context(large[k : k + 1], blocks[k : k + 1], rows, columns)[0] for k in range(len(large))]
        assert places.shape[1] == min(map(len, alone)) > 0
        assert all(row.tolist() == one[: len(row)].tolist() for row, one in zip(places, alone, strict=True))


def test_a_box_covers_what_the_packages_block_covers():
    inside = draw_blocks(20, 6, 8, 3, 0.25, torch.device("cpu"))  # (20, 3, 48)
    for block in inside.flatten(0, 1).unflatten(1, (6, 8)):
        rows, columns = (block.any(dim=dim).nonzero()[:, 0] for dim in (1, 0))
        box = torch.stack([rows[0], columns[0], torch.tensor(len(rows)), torch.tensor(len(columns))])
        assert torch.equal(prediction.covered(box, 6, 8), block)


def test_one_picture_of_the_cases_has_nothing_left_of_its_large_block():
    empty = []
    for large, blocks, rows, columns in prediction.context_cases():
        free = ~prediction.covered(blocks, rows, columns).any(dim=1)
        empty += (~(free & prediction.covered(large, rows, columns)).flatten(1).any(dim=1)).tolist()
    assert sum(empty) == 1


def test_neither_place_nor_picture_explains_the_rest_and_nothing_nearer_is_free_of_both():
    for (tokens,) in prediction.rest_cases():
        left = prediction.rest(tokens)
        for dim in (0, 1):
            torch.testing.assert_close(left.mean(dim=dim), torch.zeros_like(left.mean(dim=dim)), atol=1e-5, rtol=0)
        other = prediction.rest(prediction.drawn(*tokens.shape, seed=9))  # any other that has both means 0
        assert ((tokens - left) * other).sum().abs() < 1e-3 * other.norm() * tokens.norm()


def test_the_statistic_of_copies_is_as_large_as_is_said():
    x = prediction.drawn(prediction.PICTURES, 4000, seed=0).repeat(prediction.VIEWS, 1).double()
    measured = epps_pulley(x, knots=60, reach=8.0)
    error = measured.std() / math.sqrt(len(measured))
    assert abs(measured.mean() - prediction.EXERCISES["copies"].right) < 3 * error < 0.25


def test_a_sample_whose_values_are_all_equal_costs_what_the_slip_says():
    equal = epps_pulley(torch.zeros(256, 1, dtype=torch.float64), knots=200, reach=12.0).item()
    assert any(slip == pytest.approx(equal) for slip in prediction.EXERCISES["copies"].slips)


def test_the_slope_is_that_of_the_packages_statistic():
    for (x,) in prediction.slope_cases():
        leaf = x.double().requires_grad_()
        (expected,) = torch.autograd.grad(epps_pulley(leaf[:, None], knots=300, reach=12.0).sum(), leaf)
        torch.testing.assert_close(prediction.slope(x.double()), expected)


def world_model():
    torch.manual_seed(0)
    return WorldModel(small_cnn(4), width=4, hidden=8).eval()


def test_the_mean_of_the_errors_by_step_is_the_packages_loss():
    model, h = world_model(), prediction.drawn(3, 6, 4, seed=1)
    actions = torch.tensor([[0, 1, 2, 3, 4], [4, 4, 0, 2, 1], [3, 1, 1, 0, 2]])
    foretold = model.imagine(h[:, 0], h[:, 1], actions[:, 1:])
    torch.testing.assert_close(prediction.step_errors(model.step, h, actions).mean(), prediction_error(foretold, h))


def test_the_search_does_what_the_packages_traveller_does():
    model, start = world_model(), pushed.scenes(6, seed=1)
    goal, later = pushed.elsewhere(start, seed=2), pushed.push(start, np.zeros(6, dtype=np.int64))
    theirs = planning.by_model(model, goal, tries=30, horizon=4, seed=7)(start, later)
    plans = torch.from_numpy(pushed.random_actions(30, 4, np.random.default_rng(7)))
    rows = [planning.features(model, scene) for scene in (start, later, goal)]
    with torch.no_grad():
        mine = [prediction.best_plan(model.step, *row, plans)[1] for row in zip(*rows, strict=True)]
    assert mine == theirs.tolist()


def test_the_best_of_the_plans_is_better_than_the_second_by_more_than_rounding():
    for case in prediction.plan_cases():
        costs = prediction.best_plan(*case)[0].sort().values
        assert costs[1] - costs[0] > 1e-2


def test_chance_comes_by_most_goals_in_a_long_trip_and_stays_at_none():
    """What the confound's run shows."""
    start = pushed.scenes(200, seed=0)
    trip = planning.travel(start, pushed.elsewhere(start, seed=100), planning.at_random(0), steps=400)
    assert (trip.distance() <= planning.NEAR).any(axis=1).mean() > 0.7
    assert trip.arrived() < 0.1
