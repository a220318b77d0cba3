"""The loss against its formula, its invariances and four classic mistakes; then what SimCLR is made of."""

import math

import pytest
import torch
import torch.nn.functional as F

from ssl_course.augment import Augment
from ssl_course.methods.simclr import SimCLR, nt_xent
from ssl_course.networks import small_cnn

TEMPERATURES = [0.05, 0.1, 0.2, 0.5, 1.0]


def correlated(count=6, width=5, dtype=torch.float64):
    """Projections of two views that resemble each other, as they do in training: there a missing mask shows."""
    z1 = torch.randn(count, width, dtype=dtype)
    return z1, z1 + 0.3 * torch.randn(count, width, dtype=dtype)


def formula(z1, z2, temperature):
    """Equation 1 of Chen et al. 2020, one pair (i, j) and one candidate k at a time."""
    z, count, total = torch.cat([z1, z2]), len(z1), 0.0
    for i in range(2 * count):
        similarity = [torch.dot(z[i], z[k]) / (z[i].norm() * z[k].norm()) for k in range(2 * count)]
        candidates = sum(torch.exp(similarity[k] / temperature) for k in range(2 * count) if k != i)
        total = total - torch.log(torch.exp(similarity[(i + count) % (2 * count)] / temperature) / candidates)
    return total / (2 * count)


def gradients(loss, z1, z2, temperature):
    z1, z2 = z1.clone().requires_grad_(), z2.clone().requires_grad_()
    return torch.autograd.grad(loss(z1, z2, temperature), (z1, z2))


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_nt_xent_and_its_gradient_are_the_papers_formula(temperature):
    z1, z2 = correlated()
    torch.testing.assert_close(nt_xent(z1, z2, temperature), formula(z1, z2, temperature), atol=1e-6, rtol=0)
    expected = gradients(formula, z1, z2, temperature)
    torch.testing.assert_close(gradients(nt_xent, z1, z2, temperature), expected, atol=1e-6, rtol=0)


def test_nt_xent_keeps_double_precision():
    assert nt_xent(*correlated()).dtype == torch.float64


# --- four mistakes that train without an error


def diagonal_unmasked(z1, z2, temperature):
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    return F.cross_entropy(z @ z.T / temperature, torch.arange(len(z)).roll(len(z1)))


def wrong_positive(z1, z2, temperature):
    """Takes the neighbour in memory for the other view, as if the two views were interleaved."""
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    logits = (z @ z.T / temperature).fill_diagonal_(float("-inf"))
    return F.cross_entropy(logits, torch.arange(len(z)) ^ 1)


def not_normalised(z1, z2, temperature):
    z = torch.cat([z1, z2])
    logits = (z @ z.T / temperature).fill_diagonal_(float("-inf"))
    return F.cross_entropy(logits, torch.arange(len(z)).roll(len(z1)))


def temperature_multiplied(z1, z2, temperature):
    return formula(z1, z2, 1 / temperature)


@pytest.mark.parametrize("mistake", [diagonal_unmasked, wrong_positive, not_normalised, temperature_multiplied])
@pytest.mark.parametrize("temperature", [0.1, 0.5])
def test_the_formula_tells_this_mistake_from_nt_xent(mistake, temperature):
    z1, z2 = correlated()
    assert abs(mistake(z1, z2, temperature) - formula(z1, z2, temperature)) > 0.1


# --- closed form and invariances


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("count", [2, 16])
def test_nt_xent_of_equal_vectors_is_log_of_candidates(count, temperature):
    z = torch.randn(1, 8).expand(count, 8)
    assert nt_xent(z, z, temperature).item() == pytest.approx(math.log(2 * count - 1), abs=1e-5)


def test_nt_xent_ignores_the_length_of_projections():
    z1, z2 = correlated()
    lengths = torch.rand(6, 1, dtype=torch.float64) * 100 + 0.01
    torch.testing.assert_close(nt_xent(z1 * lengths, z2 / lengths), nt_xent(z1, z2))


def test_nt_xent_ignores_a_common_rotation():
    z1, z2 = correlated()
    rotation, _ = torch.linalg.qr(torch.randn(5, 5, dtype=torch.float64))
    torch.testing.assert_close(nt_xent(z1 @ rotation, z2 @ rotation), nt_xent(z1, z2))
    assert abs(nt_xent(z1 @ rotation, z2) - nt_xent(z1, z2)) > 0.1


def test_nt_xent_ignores_which_view_is_first_and_the_order_of_images():
    z1, z2 = correlated()
    order = torch.randperm(6)
    torch.testing.assert_close(nt_xent(z2, z1), nt_xent(z1, z2))
    torch.testing.assert_close(nt_xent(z1[order], z2[order]), nt_xent(z1, z2))
    assert abs(nt_xent(z1, z2.roll(1, dims=0)) - nt_xent(z1, z2)) > 0.1


# --- number formats and refusals


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_nt_xent_is_computed_in_float32_from_half_precision(dtype):
    z1, z2 = (100 * z.to(dtype) for z in correlated(16, 32, torch.float32))
    loss = nt_xent(z1, z2, 0.05)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, nt_xent(z1.float(), z2.float(), 0.05))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_nt_xent_under_autocast_is_the_same_and_has_a_finite_gradient(dtype):
    z1, z2 = (10_000 * z for z in correlated(16, 32, torch.float32))
    z1.requires_grad_()
    with torch.autocast("cpu", dtype):
        loss = nt_xent(z1, z2, 0.05)
    loss.backward()
    torch.testing.assert_close(loss, nt_xent(z1, z2, 0.05))
    assert z1.grad.isfinite().all()


@pytest.mark.parametrize(
    ("z1", "z2", "temperature", "message"),
    [
        (torch.ones(4, 3), torch.ones(5, 3), 0.5, r"got \(4, 3\) and \(5, 3\)"),
        (torch.ones(4), torch.ones(4), 0.5, r"must both be \(B, D\)"),
        (torch.ones(1, 3), torch.ones(1, 3), 0.5, "at least two images"),
        (torch.ones(4, 3), torch.ones(4, 3), 0, "temperature must be positive, got 0"),
        (torch.ones(4, 3), torch.ones(4, 3), -1, "temperature must be positive, got -1"),
        (torch.ones(4, 3), torch.ones(4, 3), float("nan"), "temperature must be positive, got nan"),
    ],
)
def test_nt_xent_refuses(z1, z2, temperature, message):
    with pytest.raises(ValueError, match=message):
        nt_xent(z1, z2, temperature)


# --- SimCLR


def simclr(**changes):
    return SimCLR(small_cnn(width=4), **changes)


def images(count=8):
    return torch.rand(count, 3, 32, 32)


def test_every_trainable_parameter_gets_a_gradient():
    method = simclr()
    method(*method.views(images())).backward()
    assert all(parameter.requires_grad for parameter in method.parameters())
    missing = [name for name, p in method.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert missing == []


def test_the_gradient_reaches_both_views():
    method, views = simclr(), [images().requires_grad_() for _ in range(2)]
    method(*views).backward()
    assert all(view.grad.abs().sum() > 0 for view in views)


def test_changing_the_second_view_changes_the_loss():
    method, (view1, view2) = simclr().eval(), simclr().views(images())
    assert abs(method(view1, view2) - method(view1, view2.roll(1, dims=0))) > 1e-4
    assert abs(method(view1, view2) - method(view1, view1)) > 1e-4


def test_the_forward_pass_is_nt_xent_of_the_projections():
    method = simclr(temperature=0.1).eval()
    view1, view2 = method.views(images())
    z1, z2 = (method.head(method.encoder(view)) for view in (view1, view2))
    torch.testing.assert_close(method(view1, view2), nt_xent(z1, z2, 0.1))


def test_the_two_views_differ_and_are_made_by_the_given_augmentation():
    view1, view2 = simclr().views(images())
    assert (view1 - view2).abs().amax(dim=(1, 2, 3)).min() > 0.01
    unchanged = simclr(augment=Augment(crop=1, flip=0, jitter=0, grayscale=0)).views(images())
    torch.testing.assert_close(*unchanged)


def test_the_head_decides_nothing_about_the_features():
    method, batch = simclr().eval(), images()
    before, loss = method.encoder(batch), method(batch, batch.flip(-1))
    for parameter in method.head.parameters():
        torch.nn.init.normal_(parameter)
    assert torch.equal(method.encoder(batch), before)
    assert method(batch, batch.flip(-1)) != loss


@pytest.mark.parametrize("count", [2, 8])
def test_simclr_works_under_bf16_autocast_and_on_a_batch_of_two(count):
    method = simclr()
    views = method.views(images(count))
    with torch.autocast("cpu", torch.bfloat16):
        loss = method(*views)
    loss.backward()
    assert loss.dtype == torch.float32
    assert loss.isfinite()
    assert all(parameter.grad.isfinite().all() for parameter in method.parameters())


def test_a_head_of_ones_own_is_used():
    method = simclr(head=torch.nn.Linear(16, 3))
    assert method.head(method.encoder(images())).shape == (8, 3)
