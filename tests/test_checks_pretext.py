"""What the checks of lesson 01 refuse beyond wrong values: lost gradients, floats for answers, runs that can't be."""

import pytest
import torch
from torch import nn

from ssl_course import checks, pretrain
from ssl_course.checks import pretext
from ssl_course.checks.engine import fixed_state
from ssl_course.methods import Rotation
from ssl_course.methods.inpainting import hidden_mse


def test_an_error_in_the_hole_without_a_gradient_is_refused_by_name():
    verdict = checks.judge("pretext.hole", lambda *inputs: pretext.hidden_mse(*inputs).detach())
    assert verdict.state == "wrong"
    assert "no gradient gets to painted" in verdict.sentence


def test_answers_that_are_not_whole_numbers_are_refused():
    def floats(images):
        copies, answers = pretext.turns(images)
        return copies, answers.float()

    assert checks.judge("pretext.turns", floats).state == "wrong"


def test_the_slope_is_the_gradient_of_the_error_in_the_hole():
    for painted, images, hidden in pretext.hole_cases():
        leaf = painted.clone().requires_grad_()
        hidden_mse(leaf, images, hidden).backward()
        torch.testing.assert_close(pretext.slope(painted, images, hidden), leaf.grad)


def test_each_wrong_way_to_turn_shows_another_trace():
    images, degrees = pretext.traces()[1]
    shown = [pretext.traced(pretext.round_views(images, degrees), images, degrees)]
    for wrong in pretext.ROUND.values():
        function = wrong[0] if isinstance(wrong, tuple) else wrong
        shown.append(pretext.traced(function(images, degrees), images, degrees))
    assert shown[0] == (1.0, 1.0, 1.0, 1.0)
    assert len(set(shown)) == len(shown)


RUNS = [((0.5, 0.6), "right"), ((0.36, 0.89), "right"), ((0.5, 0.2), "wrong")]


@pytest.mark.parametrize(("accuracies", "state"), RUNS)
def test_a_training_is_right_when_both_seeds_reach_what_is_asked_for(accuracies, state):
    assert checks.judge("pretext.position", lambda seed: accuracies[seed]).state == state


def test_a_training_that_is_not_written_yet_is_open():
    def untouched(seed):
        raise NotImplementedError

    assert checks.judge("pretext.position", untouched).state == "open"


def test_training_within_a_check_changes_the_network_as_outside_of_it():
    """Autocast keeps cast weights while it lasts, so a check must not wrap training into one."""

    def trained():
        torch.manual_seed(0)
        encoder = nn.Sequential(nn.Flatten(), nn.Linear(48, 4))
        encoder.dim = 4
        images = (255 * torch.rand(16, 3, 4, 4)).byte()
        options = {"epochs": 3, "batch_size": 4, "precision": "bf16", "threads": 1, "progress": False}
        return [record["loss"] for record in pretrain(Rotation(encoder), images, **options)]

    outside = trained()
    with fixed_state():
        assert trained() == outside
