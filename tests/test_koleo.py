"""The term that keeps features apart against a slow loop, and what it changes of DINO."""

import math

import pytest
import torch
import torch.nn.functional as F

from ssl_course import ImageSet, pretrain
from ssl_course.methods.dino import DINO
from ssl_course.methods.koleo import SpreadDINO, koleo_loss
from ssl_course.vit import VisionTransformer

SMALL = {"prototypes": 12, "hidden": 16, "bottleneck": 8, "local": 1}


def tiny(kind=SpreadDINO, **options):
    torch.manual_seed(0)
    return kind(VisionTransformer(width=16, depth=1), **SMALL | options)


def images(count=8, side=32):
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(1))


def slow(rows):
    """Equation 3, number by number, of vectors of length 1."""
    units = [[value / math.hypot(*row) for value in row] for row in rows]
    nearest = (min(math.dist(one, other) for other in units if other is not one) for one in units)
    return -sum(math.log(distance) for distance in nearest) / len(rows)


def test_the_loss_is_its_formula():
    features = torch.randn(7, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert float(koleo_loss(features)) == pytest.approx(slow(features.tolist()), abs=1e-5)
    assert float(koleo_loss(3 * features)) == pytest.approx(float(koleo_loss(features)))


def test_two_opposite_vectors_are_as_far_apart_as_can_be():
    assert float(koleo_loss(torch.tensor([[1.0, 0.0], [-2.0, 0.0]]))) == pytest.approx(-math.log(2), abs=1e-5)


def test_equal_pictures_cost_much_and_stay_finite():
    features = torch.ones(4, 3, requires_grad=True)
    loss = koleo_loss(features)
    loss.backward()
    assert 10 < loss.item() < 20
    assert bool(features.grad.isfinite().all())


def test_a_step_down_drives_neighbours_apart():
    features = torch.randn(6, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    (slope,) = torch.autograd.grad(koleo_loss(features), features)
    assert float(koleo_loss(features - 1e-3 * slope)) < float(koleo_loss(features))


@pytest.mark.parametrize("shape", [(1, 4), (4,), (2, 3, 4)])
def test_features_that_do_not_fit_are_refused(shape):
    with pytest.raises(ValueError, match=r"features must be \(B, D\), with B at least 2, got \("):
        koleo_loss(torch.ones(shape))


@pytest.mark.parametrize("weight", [-0.1, float("nan"), float("inf")])
def test_a_weight_out_of_range_is_refused(weight):
    with pytest.raises(ValueError, match="koleo must be finite and not negative, got "):
        tiny(koleo=weight)


def test_the_options_of_dino_are_refused_as_dino_refuses_them():
    with pytest.raises(ValueError, match="local can't be negative"):
        tiny(local=-1)


def test_without_weight_it_is_dino():
    views = tiny().views(images())
    one, other = tiny(koleo=0.0), tiny(DINO)
    assert float(one(*views)) == float(other(*views))
    assert set(one.state_dict()) == set(other.state_dict())


def test_the_weight_counts_the_spread_of_both_large_views_of_the_student():
    method = tiny(koleo=0.0).eval()
    views = method.views(images())
    plain = float(method(*views))
    expected = sum(float(koleo_loss(method.encoder(view))) for view in views[:2])
    method.koleo = 0.3
    assert float(method(*views)) == pytest.approx(plain + 0.3 * expected, rel=1e-5)


def test_trained_with_it_the_features_of_pictures_are_farther_apart():
    pictures = images(32)
    found = {}
    for weight in (0.0, 3.0):
        method = tiny(koleo=weight)
        pretrain(
            method,
            ImageSet((255 * pictures).byte()),
            epochs=4,
            batch_size=8,
            lr=1e-2,
            seed=0,
            device="cpu",
            progress=False,
        )
        with torch.no_grad():
            z = F.normalize(method.eval().encoder(pictures), dim=1)
        found[weight] = float((z @ z.T).fill_diagonal_(-1).amax(dim=1).mean())  # the nearest neighbour's cosine
    assert found[3.0] < found[0.0]


def test_a_batch_of_one_picture_is_refused():
    method = tiny()
    with pytest.raises(ValueError, match="with B at least 2"):
        method(*method.views(images(1)))


def test_the_teacher_has_no_gradient():
    method = tiny()
    method(*method.views(images())).backward()
    assert all(weight.grad is None for weight in method.target.parameters())
    assert all(weight.grad is not None for weight in method.encoder.parameters())
