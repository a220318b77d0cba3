"""What the demos of lesson 03 compute: the zones and gradients of a triplet, and networks under three rules."""

import pytest
import torch

from ssl_course.live import mining, negative
from ssl_course.methods import Triplet
from ssl_course.methods.triplet import triplet_margin

# --- drag the negative


@pytest.mark.parametrize(("far", "name"), [(0.5, "hard"), (0.7, "semi-hard"), (1.2, "easy")])
def test_the_zone_says_whether_the_loss_is_above_the_margin_within_it_or_zero(far, name):
    near, margin = 0.64, 0.5
    points = torch.tensor([[0.0, 0.0], [near**0.5, 0.0], [0.0, far**0.5]])
    loss, _ = negative.gradients(points, margin)
    assert negative.zone(near, far, margin) == name
    assert ("hard" if loss > margin else "semi-hard" if loss > 0 else "easy") == name


def test_the_gradients_are_those_on_paper_and_add_up_to_nothing():
    anchor, positive, far = points = torch.tensor([[0.1, 0.0], [0.8, 0.0], [-0.3, 0.5]])
    loss, gradient = negative.gradients(points, 0.5)
    by_hand = torch.stack([2 * (far - positive), 2 * (positive - anchor), 2 * (anchor - far)])
    assert torch.allclose(gradient, by_hand, atol=1e-6)
    assert gradient.sum(dim=0).abs().max() < 1e-6
    assert loss == pytest.approx(float(triplet_margin(*points.unsqueeze(1), 0.5)))
    assert not negative.gradients(torch.tensor([[0.0, 0.0], [0.1, 0.0], [2.0, 0.0]]), 0.5)[1].any()


# --- twelve images under three rules


@pytest.mark.parametrize("rule", ["semi-hard", "hard"])
def test_the_mined_loss_is_that_of_the_method(rule):
    torch.manual_seed(0)
    anchors, others = torch.nn.functional.normalize(torch.randn(2, 9, 4), dim=2)
    encoder = torch.nn.Identity()
    encoder.dim = 4
    method = Triplet(encoder, margin=mining.MARGIN, mining=rule, head=torch.nn.Identity())
    assert mining.mined_loss(anchors, others, rule) == pytest.approx(float(method(anchors, others)), rel=1e-5)


def test_an_image_is_never_its_own_random_negative():
    anchors = others = torch.tensor([[1.0, 0.0], [0.8, 0.6]])  # squared distance 0.4, within the margin
    losses = {round(float(mining.mined_loss(anchors, others, "random")), 5) for _ in range(20)}
    assert losses == {round(mining.MARGIN - 0.4, 5)}


def test_all_rules_start_at_the_same_places_on_the_circle():
    places, losses = mining.paths(3, 0.8)
    assert places.shape == (mining.STEPS, 3, 2, mining.IMAGES, 2)
    assert losses.shape == (mining.STEPS, 3)
    assert (places[0] == places[0, :1]).all()
    assert torch.allclose(places.norm(dim=-1), torch.ones(1, dtype=torch.float64))


def test_spread_is_0_for_one_point_and_1_all_round_the_circle():
    turns = torch.arange(6) * torch.pi / 3
    assert mining.spread(torch.stack([turns.cos(), turns.sin()], dim=1)) == pytest.approx(1)
    assert mining.spread(torch.ones(5, 2)) == 0


@pytest.mark.parametrize("seed", range(5))
def test_the_hardest_negatives_collapse_and_the_others_do_not(seed):
    places, losses = mining.paths(seed, 0.8)
    random, semi_hard, hard = mining.spread(places[-1].flatten(1, 2))
    assert hard < mining.COLLAPSED < 0.2 < min(random, semi_hard)
    assert losses[-1, 2] == pytest.approx(mining.MARGIN, abs=0.02)


def test_a_path_leaves_the_random_numbers_of_the_lesson_alone():
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    mining.paths.__wrapped__(0, 0.8)
    assert torch.rand(1) == expected
