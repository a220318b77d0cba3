"""Margin losses against torch's own, and the choice of negatives against slow loops."""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ssl_course.methods.triplet import (
    MININGS,
    Triplet,
    choose_negatives,
    contrastive_margin,
    semi_hard_negatives,
    squared_distances,
    triplet_margin,
)
from ssl_course.networks import small_cnn

INFINITE = float("inf")


def vectors(count=12, width=4, number=3):
    return [torch.randn(count, width, dtype=torch.float64, requires_grad=True) for _ in range(number)]


def squared(a, b):
    return (a - b).square().sum(dim=1)


# --- the losses


@pytest.mark.parametrize("margin", [0.5, 1.0, 3.0])
def test_contrastive_margin_and_its_gradient_are_torchs_hinge_embedding(margin):
    """Torch's gives d or max(0, margin - d); this loss squares both."""
    z1, z2, _ = vectors()
    same = torch.arange(12) % 3 == 0
    hinge = F.hinge_embedding_loss((z1 - z2).norm(dim=1), same.long() * 2 - 1, margin, reduction="none")
    losses = [contrastive_margin(z1, z2, same, margin), hinge.square().mean()]
    torch.testing.assert_close(*losses)
    torch.testing.assert_close(*(torch.autograd.grad(loss, (z1, z2)) for loss in losses))


@pytest.mark.parametrize("margin", [0.1, 0.5, 4.0])
def test_triplet_margin_and_its_gradient_are_torchs_with_squared_distances(margin):
    parts = vectors()
    theirs = F.triplet_margin_with_distance_loss(*parts, distance_function=squared, margin=margin)
    losses = [triplet_margin(*parts, margin), theirs]
    torch.testing.assert_close(*losses)
    torch.testing.assert_close(*(torch.autograd.grad(loss, parts) for loss in losses))


def test_equal_pairs_cost_nothing_and_different_ones_the_squared_margin():
    z, yes = torch.randn(5, 3), torch.ones(5, dtype=torch.bool)
    assert contrastive_margin(z, z, yes) == 0
    assert contrastive_margin(z, z, ~yes, 3.0) == 9
    assert contrastive_margin(z, z + 10, ~yes, 3.0) == 0


def test_equal_vectors_have_a_finite_gradient():
    z = torch.randn(4, 3, requires_grad=True)
    contrastive_margin(z, z.detach(), torch.tensor([True, True, False, False])).backward()
    assert z.grad.isfinite().all()


def test_a_triplet_of_equal_vectors_costs_the_margin_and_a_far_negative_nothing():
    z = torch.randn(5, 3)
    assert triplet_margin(z, z, z, 0.7).item() == pytest.approx(0.7)
    assert triplet_margin(z, z, z + 10, 0.7) == 0


@pytest.mark.parametrize("margin", [0, -1, float("nan")])
def test_a_margin_that_is_not_positive_is_refused(margin):
    z = torch.randn(4, 3)
    for loss in (lambda: contrastive_margin(z, z, z[:, 0] > 0, margin), lambda: triplet_margin(z, z, z, margin)):
        with pytest.raises(ValueError, match=f"margin must be positive, got {margin}"):
            loss()


def test_vectors_of_different_shapes_are_refused():
    z = torch.randn(4, 3)
    with pytest.raises(ValueError, match=r"must be \(B, D\) of one shape, got \[\(4, 3\), \(4, 3\), \(3, 3\)\]"):
        triplet_margin(z, z, z[1:])
    with pytest.raises(ValueError, match=r"must be \(B, D\) of one shape, got \[\(4, 3\), \(4, 2\)\]"):
        contrastive_margin(z, z[:, :2], z[:, 0] > 0)
    with pytest.raises(ValueError, match=r"must be \(B, D\) of one shape, got \[\(4,\), \(4,\), \(4,\)\]"):
        triplet_margin(z[:, 0], z[:, 0], z[:, 0])


def test_squared_distances_are_those_of_every_pair():
    a, b = torch.randn(4, 3, dtype=torch.float64), torch.randn(6, 3, dtype=torch.float64)
    expected = torch.stack([torch.stack([(a[i] - b[j]).pow(2).sum() for j in range(6)]) for i in range(4)])
    torch.testing.assert_close(squared_distances(a, b), expected)


# --- choosing negatives


def slow(positive, row, mining):
    """The distance of the negative that a loop over one anchor's candidates chooses."""
    allowed = [value for value in row.tolist() if not math.isinf(value)]
    beyond = [value for value in allowed if value > float(positive)]
    if mining == "hard":
        return min(allowed)
    return min(beyond) if mining == "semi-hard" and beyond else max(allowed)


def problem(seed, ties, count=9):
    """Distances to positives (B,) and to candidates (B, B), the diagonal excluded; few different values make ties."""
    generator = torch.Generator().manual_seed(seed)
    distances = torch.rand(count, count, generator=generator) * 4
    positive = torch.rand(count, generator=generator) * 5  # some farther than all candidates
    if ties:
        distances, positive = distances.round(), positive.round()
    return positive, distances.fill_diagonal_(INFINITE)


@pytest.mark.parametrize("mining", ["easy", "semi-hard", "hard"])
@pytest.mark.parametrize("ties", [True, False])
def test_the_chosen_negative_is_that_of_a_slow_loop(mining, ties):
    for seed in range(60):
        positive, distances = problem(seed, ties)
        columns = choose_negatives(positive, distances, mining)
        assert columns.dtype == torch.int64
        for b, column in enumerate(columns):
            assert column != b
            assert distances[b, column] == slow(positive[b], distances[b], mining)


def test_the_problems_above_have_anchors_with_and_without_a_semi_hard_negative():
    without = [
        not any(positive[b] < value < INFINITE for value in distances[b])
        for positive, distances in (problem(seed, True) for seed in range(60))
        for b in range(9)
    ]
    assert 0.1 < sum(without) / len(without) < 0.9


@pytest.mark.parametrize(
    ("positive", "column"),
    [(0.5, 2), (1.0, 3), (2.9, 1), (3.0, 1), (9.0, 1)],  # the last two: none is farther, so the farthest
)
def test_semi_hard_is_the_nearest_beyond_the_positive_else_the_farthest(positive, column):
    distances = torch.tensor([[INFINITE, 3.0, 1.0, 2.0]])
    assert semi_hard_negatives(torch.tensor([positive]), distances).tolist() == [column]


def test_random_negatives_are_uniform_over_all_that_are_allowed():
    distances = torch.rand(4, 4).fill_diagonal_(INFINITE)
    drawn = torch.stack([choose_negatives(torch.zeros(4), distances, "random") for _ in range(600)])  # (600, 4)
    shares = torch.stack([(drawn == column).float().mean(dim=0) for column in range(4)], dim=1)  # (anchor, column)
    assert shares.diagonal().max() == 0
    assert (shares + torch.eye(4) / 3 - 1 / 3).abs().max() < 0.08


# --- the method


def triplet(**options):
    return Triplet(small_cnn(4), **options).eval()


def images(count=8):
    return torch.rand(count, 3, 16, 16)


def projections(method, view1, view2):
    return [F.normalize(method.head(method.encoder(view)), dim=1).detach() for view in (view1, view2)]


@pytest.mark.parametrize("mining", ["easy", "semi-hard", "hard"])
@pytest.mark.parametrize("margin", [0.01, 0.5])
def test_the_forward_pass_is_a_loop_over_anchors_and_active_counts_those_that_teach(mining, margin):
    method = triplet(mining=mining, margin=margin)
    view1, view2 = method.views(images())
    loss, (anchor, other) = method(view1, view2), projections(method, view1, view2)
    terms = []
    for i in range(8):
        row = torch.stack([squared(anchor[i : i + 1], other[j : j + 1])[0] for j in range(8)])
        near, row[i] = float(row[i]), INFINITE
        terms.append(max(0.0, near - slow(near, row, mining) + margin))
    assert loss.item() == pytest.approx(sum(terms) / 8, abs=1e-5)
    assert float(method.active) == sum(term > 0 for term in terms) / 8


def test_harder_mining_never_costs_less():
    method, (view1, view2) = triplet(), [images(), images()]
    loss = {}
    for method.mining in MININGS:
        loss[method.mining] = method(view1, view2)
    assert loss["easy"] <= loss["semi-hard"] <= loss["hard"]
    assert loss["easy"] <= loss["random"] <= loss["hard"]
    assert loss["easy"] < loss["hard"]


@pytest.mark.parametrize("mining", MININGS)
def test_an_image_is_never_its_own_negative(mining):
    """With a head that tells two images apart and ignores the view, own distances are 0 and others are not."""
    method = triplet(mining=mining, margin=1e-4, head=nn.Identity())
    method.encoder = nn.Flatten()
    batch = torch.eye(12).view(12, 3, 2, 2)
    assert method(batch, batch) == 0
    assert method.active == 0


def test_active_is_everybody_at_a_margin_that_nothing_can_meet():
    method = triplet(margin=9.0)
    method(images(), images())
    assert method.active == 1


def test_the_gradient_goes_through_anchor_positive_and_negative():
    method, views = triplet(mining="hard", margin=9.0), [images(2).requires_grad_(), images(2).requires_grad_()]
    anchor, other = (F.normalize(method.head(method.encoder(view)), dim=1) for view in views)
    near, far = squared(anchor, other), squared(anchor, other.flip(0))  # of two images, each is the other's negative
    gradients = [torch.autograd.grad(loss, views) for loss in (method(*views), (near - far + 9).mean())]
    torch.testing.assert_close(*gradients, atol=1e-6, rtol=1e-3)
    assert all(gradient.abs().amax(dim=(1, 2, 3)).min() > 1e-4 for gradient in gradients[0])


def test_the_order_of_images_does_not_matter():
    method, (view1, view2), order = triplet(mining="hard"), [images(), images()], torch.randperm(8)
    torch.testing.assert_close(method(view1[order], view2[order]), method(view1, view2))
    pairs = itertools.combinations([method(view1, view2.roll(k, dims=0)).item() for k in range(3)], 2)
    assert all(abs(one - other) > 1e-5 for one, other in pairs)


@pytest.mark.parametrize("same", [torch.ones(4, 1, dtype=torch.bool), torch.ones(4, dtype=torch.long)])
def test_contrastive_margin_refuses_anything_but_one_truth_value_a_pair(same):
    with pytest.raises(ValueError, match=r"same must be bool \(4,\), got"):
        contrastive_margin(torch.randn(4, 3), torch.randn(4, 3), same)


def test_choosing_refuses_an_unknown_mining():
    with pytest.raises(ValueError, match="mining must be one of random, easy, semi-hard, hard, got 'soft'"):
        choose_negatives(torch.ones(2), torch.ones(2, 3), "soft")
