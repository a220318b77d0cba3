"""Barlow Twins and VICReg against their formulas as loops, at their closed forms and under what they ignore."""

import itertools

import pytest
import torch
from torch import nn

from ssl_course.methods.barlow_twins import BarlowTwins, barlow_twins_loss, cross_correlation
from ssl_course.methods.vicreg import VICReg, covariance_term, variance_term, vicreg_loss
from ssl_course.networks import small_cnn


def correlated(count=10, width=4, dtype=torch.float64):
    z1 = torch.randn(count, width, dtype=dtype) * torch.tensor([0.3, 0.8, 1.5, 3.0], dtype=dtype) + 2
    return z1, z1 + 0.3 * torch.randn(count, width, dtype=dtype)


def white(count, width):
    """Columns of mean 0 and variance 1 (divided by the count) without any correlation."""
    centred = torch.randn(count, width, dtype=torch.float64)
    basis, _ = torch.linalg.qr(torch.cat([torch.ones(count, 1, dtype=torch.float64), centred], dim=1))
    return basis[:, 1:] * count**0.5


def gradients(loss, *z):
    z = [part.clone().requires_grad_() for part in z]
    return torch.autograd.grad(loss(*z), z)


# --- Barlow Twins


def barlow_formula(z1, z2, weight=5e-3):
    """Equations 1 and 2 of Zbontar et al. 2021, one entry of C at a time."""
    width, total = z1.shape[1], 0.0
    z1, z2 = z1 - z1.mean(dim=0), z2 - z2.mean(dim=0)
    for i, j in itertools.product(range(width), range(width)):
        above = sum(z1[b, i] * z2[b, j] for b in range(len(z1)))
        below = sum(z1[b, i] ** 2 for b in range(len(z1))).sqrt() * sum(z2[b, j] ** 2 for b in range(len(z2))).sqrt()
        total = total + ((1 - above / below) ** 2 if i == j else weight * (above / below) ** 2)
    return total


@pytest.mark.parametrize("weight", [0.0, 5e-3, 1.0])
def test_barlow_twins_loss_and_its_gradient_are_the_papers_formula(weight):
    z = correlated()
    ours, theirs = (lambda *z, loss=loss: loss(*z, weight) for loss in (barlow_twins_loss, barlow_formula))
    torch.testing.assert_close(ours(*z), theirs(*z), atol=1e-5, rtol=0)  # 1e-6 is added to the deviations
    torch.testing.assert_close(gradients(ours, *z), gradients(theirs, *z), atol=1e-5, rtol=0)


def test_cross_correlation_is_numpys_and_not_symmetric():
    z1, z2 = correlated()
    c = cross_correlation(z1, z2)
    torch.testing.assert_close(c, torch.corrcoef(torch.cat([z1, z2], dim=1).T)[:4, 4:], atol=1e-5, rtol=0)
    assert (c - c.T).abs().max() > 1e-3


@pytest.mark.parametrize("weight", [5e-3, 0.1])
def test_barlow_twins_loss_at_its_closed_forms(weight):
    z = white(40, 6)
    loss = [barlow_twins_loss(z, other, weight).item() for other in (z, -z, z.roll(1, dims=1))]
    assert loss == pytest.approx([0, 4 * 6, 6 + weight * 6], abs=1e-4)
    copies = z[:, :1].expand(-1, 6)  # one direction six times
    assert barlow_twins_loss(copies, copies, weight).item() == pytest.approx(weight * 30, abs=1e-4)


def test_barlow_twins_loss_ignores_scale_shift_and_the_order_of_images():
    z1, z2 = correlated()
    expected, scale, order = barlow_twins_loss(z1, z2), torch.rand(4) + 0.5, torch.randperm(10)
    torch.testing.assert_close(barlow_twins_loss(z1 * scale + 3, z2 / scale - 1), expected, atol=1e-4, rtol=0)
    torch.testing.assert_close(barlow_twins_loss(z1[order], z2[order]), expected)
    torch.testing.assert_close(barlow_twins_loss(z2, z1), expected)
    assert abs(barlow_twins_loss(z1, z2.roll(1, dims=0)) - expected) > 0.1


# --- VICReg


def variance_formula(z):
    deviations = [(((column - column.mean()) ** 2).sum() / (len(z) - 1) + 1e-4).sqrt() for column in z.T]
    return sum(torch.clamp(1 - deviation, min=0) for deviation in deviations) / len(deviations)


def covariance_formula(z):
    width, mean = z.shape[1], z.mean(dim=0)
    matrix = sum(torch.outer(row - mean, row - mean) for row in z) / (len(z) - 1)
    return sum(matrix[i, j] ** 2 for i in range(width) for j in range(width) if i != j) / width


def vicreg_formula(z1, z2, invariance, variance, covariance):
    """Equation 6 of Bardes et al. 2022; distances are means over directions, as in the authors' code."""
    near = sum(((a - b) ** 2).mean() for a, b in zip(z1, z2, strict=True)) / len(z1)
    spread = variance_formula(z1) + variance_formula(z2)
    return invariance * near + variance * spread + covariance * (covariance_formula(z1) + covariance_formula(z2))


@pytest.mark.parametrize("weights", [(25.0, 25.0, 1.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)])
def test_vicreg_loss_and_its_gradient_are_the_papers_formula(weights):
    z, names = correlated(), ("invariance", "variance", "covariance")

    def ours(z1, z2):
        return vicreg_loss(z1, z2, **dict(zip(names, weights, strict=True)))

    def theirs(z1, z2):
        return vicreg_formula(z1, z2, *weights)

    torch.testing.assert_close(ours(*z), theirs(*z))
    torch.testing.assert_close(gradients(ours, *z), gradients(theirs, *z))


def test_the_variance_term_is_a_hinge_at_deviation_1():
    z, unbiased = white(50, 5), (50 / 49) ** 0.5
    assert variance_term(z) == 0
    assert variance_term(0.5 * z).item() == pytest.approx(1 - 0.5 * unbiased, abs=1e-3)
    assert variance_term(torch.ones(8, 5)).item() == pytest.approx(0.99, abs=1e-4)  # the root of 1e-4 is left
    mixed = torch.cat([0.5 * z, 9 * z], dim=1)  # too wide a direction doesn't make up for a narrow one
    assert variance_term(mixed).item() == pytest.approx((1 - 0.5 * unbiased) / 2, abs=1e-3)


def test_the_covariance_term_is_zero_without_correlation_and_counts_both_triangles():
    z = white(50, 5)
    assert covariance_term(z).item() == pytest.approx(0, abs=1e-10)
    twice = z[:, :1].expand(-1, 2)
    assert covariance_term(twice).item() == pytest.approx((50 / 49) ** 2)  # 2 entries by 2 directions


@pytest.mark.parametrize("term", [variance_term, covariance_term])
def test_a_shift_and_the_order_of_images_change_neither_term(term):
    z, _ = correlated()
    torch.testing.assert_close(term(z + 5), term(z))
    torch.testing.assert_close(term(z[torch.randperm(10)]), term(z))
    assert abs(term(0.5 * z) - term(z)) > 1e-3


def test_vicreg_loss_is_zero_for_equal_wide_uncorrelated_projections():
    z = white(50, 5)
    assert vicreg_loss(z, z).item() == pytest.approx(0, abs=1e-8)


def test_vicreg_loss_is_symmetric_and_notices_wrong_partners_and_a_shift_of_one_view():
    z1, z2 = correlated()
    expected = vicreg_loss(z1, z2)
    torch.testing.assert_close(vicreg_loss(z2, z1), expected)
    assert vicreg_loss(z1, z2.roll(1, dims=0)) > expected + 1
    torch.testing.assert_close(vicreg_loss(z1, z1 + 2), vicreg_loss(z1, z1) + 25 * 4)


# --- both


LOSSES = [(barlow_twins_loss, BarlowTwins), (vicreg_loss, VICReg)]


@pytest.mark.parametrize(("loss", "method"), LOSSES)
def test_a_collapsed_batch_has_a_finite_loss_and_gradient(loss, method):
    z = torch.ones(6, 3)
    assert loss(z, z).isfinite()
    assert all(gradient.isfinite().all() for gradient in gradients(loss, z, z))


@pytest.mark.parametrize(("loss", "method"), LOSSES)
def test_a_collapsed_batch_costs_more_than_a_spread_one(loss, method):
    spread = torch.randn(64, 4)
    assert loss(torch.ones(64, 4), torch.ones(64, 4)) > loss(spread, spread) + 1


@pytest.mark.parametrize(("loss", "method"), LOSSES)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_and_autocast_are_computed_in_float32(loss, method, dtype):
    z1, z2 = (z.to(dtype) for z in correlated(dtype=torch.float32))
    with torch.autocast("cpu", torch.bfloat16):
        value = loss(z1, z2)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, loss(z1.float(), z2.float()))


@pytest.mark.parametrize(("loss", "method"), LOSSES)
def test_refusals(loss, method):
    with pytest.raises(ValueError, match=r"z1 and z2 must both be \(B, D\), got \(4, 3\) and \(5, 3\)"):
        loss(torch.ones(4, 3), torch.ones(5, 3))
    with pytest.raises(ValueError, match=r"z1 and z2 must both be \(B, D\), got \(4,\) and \(4,\)"):
        loss(torch.ones(4), torch.ones(4))
    with pytest.raises(ValueError, match="at least two images"):
        loss(torch.ones(1, 3), torch.ones(1, 3))


WEIGHTS = [{"weight": 0.7}, {"invariance": 3.0, "variance": 7.0, "covariance": 11.0}]


@pytest.mark.parametrize(("loss", "method", "weights"), [(*pair, w) for pair, w in zip(LOSSES, WEIGHTS, strict=True)])
def test_the_forward_pass_is_the_loss_of_the_projections_with_the_given_weights(loss, method, weights):
    method = method(small_cnn(4), head=nn.Linear(16, 8), **weights).eval()
    view1, view2 = torch.rand(2, 6, 3, 16, 16)
    z1, z2 = (method.head(method.encoder(view)) for view in (view1, view2))
    torch.testing.assert_close(method(view1, view2), loss(z1, z2, **weights), rtol=1e-3, atol=1e-3)
    assert abs(loss(z1, z2, **weights) - loss(z1, z2)) > 0.1


@pytest.mark.parametrize(("loss", "method"), LOSSES)
def test_the_gradient_reaches_both_views(loss, method):
    views = [torch.rand(6, 3, 16, 16).requires_grad_() for _ in range(2)]
    method(small_cnn(4))(*views).backward()
    assert all(view.grad.abs().amax(dim=(1, 2, 3)).min() > 0 for view in views)
