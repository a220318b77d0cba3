"""BYOL and SimSiam: the losses against torch's cosine, the target's path, and what the stop-gradient stops."""

from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ssl_course.methods.byol import BYOL, decay_at, regression_loss
from ssl_course.methods.simsiam import SimSiam, negative_cosine
from ssl_course.networks import small_cnn


def images(count=6):
    return torch.rand(count, 3, 16, 16)


def pair(count=7, width=5, dtype=torch.float64):
    return [torch.randn(count, width, dtype=dtype, requires_grad=True) for _ in range(2)]


def perturb(module):
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))


# --- the losses


def test_regression_loss_and_its_gradient_are_two_minus_two_cosines():
    prediction, target = pair()
    losses = [
        regression_loss(prediction, target),
        (2 - 2 * F.cosine_similarity(prediction, target)).mean(),
    ]
    torch.testing.assert_close(*losses)
    torch.testing.assert_close(*(torch.autograd.grad(loss, (prediction, target)) for loss in losses))


def test_negative_cosine_is_a_loop_over_images():
    p, z = pair()
    terms = [-torch.dot(a, b) / (a.norm() * b.norm()) for a, b in zip(p, z, strict=True)]
    torch.testing.assert_close(negative_cosine(p, z), sum(terms) / len(terms))


@pytest.mark.parametrize(("factor", "distance", "cosine"), [(3.0, 0.0, -1.0), (-2.0, 4.0, 1.0)])
def test_the_losses_of_the_same_and_the_opposite_direction(factor, distance, cosine):
    z, _ = pair(dtype=torch.float32)
    assert regression_loss(z, factor * z).item() == pytest.approx(distance, abs=1e-5)
    assert negative_cosine(z, factor * z).item() == pytest.approx(cosine, abs=1e-5)


@pytest.mark.parametrize("loss", [regression_loss, negative_cosine])
def test_half_precision_is_computed_in_float32_and_double_stays(loss):
    a, b = (z.detach().bfloat16() for z in pair())
    assert loss(*pair()).dtype == torch.float64
    assert loss(a, b).dtype == torch.float32
    torch.testing.assert_close(loss(a, b), loss(a.float(), b.float()))


@pytest.mark.parametrize("shape", [(4, 2), (3, 3), (4,)])
def test_regression_loss_refuses_other_shapes(shape):
    with pytest.raises(ValueError, match=r"must both be \(B, D\), got \(4, 3\) and \("):
        regression_loss(torch.ones(4, 3), torch.ones(shape))


# --- BYOL's schedule and target


@pytest.mark.parametrize("base", [0.0, 0.5, 0.99])
def test_the_decay_rises_from_base_to_1_and_is_half_way_in_the_middle(base):
    values = [decay_at(step / 20, base) for step in range(21)]
    assert values[0] == pytest.approx(base)
    assert values[-1] == pytest.approx(1)
    assert values[10] == pytest.approx((base + 1) / 2)
    assert all(low < high for low, high in pairwise(values))


def test_the_decay_rises_along_a_cosine():
    assert decay_at(1 / 3, 0.9) == pytest.approx(1 - 0.1 * 0.75)  # cos 60 degrees is a half


def byol(**options):
    return BYOL(small_cnn(4), **options)


@pytest.mark.parametrize("progress", [0.0, 0.3, 1.0])
def test_the_target_moves_by_the_decay_of_the_moment(progress):
    method = byol(decay=0.6)
    online = nn.Sequential(method.encoder, method.head)
    perturb(online)
    before = [parameter.clone() for parameter in method.target.parameters()]
    method.after_step(progress)
    decay = decay_at(progress, 0.6)
    for old, mine, theirs in zip(before, method.target.parameters(), online.parameters(), strict=True):
        torch.testing.assert_close(mine, decay * old + (1 - decay) * theirs)


@pytest.mark.parametrize("progress", [0.1, 0.5, 0.9])
def test_with_decay_0_the_target_is_the_online_network_at_every_step(progress):
    method = byol(decay=0)
    online = nn.Sequential(method.encoder, method.head)
    perturb(online)
    method.after_step(progress)
    for mine, theirs in zip(method.target.parameters(), online.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_perturbing_the_target_changes_the_loss():
    method, views = byol().eval(), [images(), images()]
    before = method(*views)
    perturb(method.target)
    assert abs(method(*views) - before) > 1e-3


def test_the_target_begins_as_a_copy_and_only_the_online_network_gets_a_gradient():
    method = byol()
    online = [*method.encoder.parameters(), *method.head.parameters()]
    assert all(torch.equal(a, b) for a, b in zip(online, method.target.parameters(), strict=True))
    method(images(), images()).backward()
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in method.target.parameters())
    assert all(parameter.grad is not None for parameter in [*online, *method.predictor.parameters()])


def test_byols_loss_predicts_from_each_view_what_the_target_says_of_the_other():
    method, (view1, view2) = byol().eval(), [images(), images()]
    perturb(method.target)
    p1, p2 = (method.predictor(method.head(method.encoder(view))) for view in (view1, view2))
    t1, t2 = (method.target(view) for view in (view1, view2))
    expected = 4 - 2 * (F.cosine_similarity(p1, t2).mean() + F.cosine_similarity(p2, t1).mean())
    torch.testing.assert_close(method(view1, view2), expected, atol=1e-5, rtol=0)
    same_view = 4 - 2 * (F.cosine_similarity(p1, t1).mean() + F.cosine_similarity(p2, t2).mean())
    assert abs(expected - same_view) > 1e-4


def test_byols_gradient_is_that_of_fixed_targets():
    method, (view1, view2) = byol().eval(), [images(), images()]
    weights = [*method.encoder.parameters(), *method.head.parameters(), *method.predictor.parameters()]
    t1, t2 = (method.target(view).clone() for view in (view1, view2))
    p1, p2 = (method.predictor(method.head(method.encoder(view))) for view in (view1, view2))
    by_hand = regression_loss(p1, t2) + regression_loss(p2, t1)
    gradients = [torch.autograd.grad(loss, weights) for loss in (method(view1, view2), by_hand)]
    torch.testing.assert_close(*gradients, atol=1e-5, rtol=1e-3)


# --- SimSiam


def simsiam(**options):
    return SimSiam(small_cnn(4), **options)


def by_hand(method, view1, view2, stop):
    """Algorithm 1 of Chen & He 2021, the views one after another; the method must be in evaluation mode."""
    z1, z2 = (method.head(method.encoder(view)) for view in (view1, view2))
    p1, p2 = method.predictor(z1), method.predictor(z2)
    if stop:
        z1, z2 = z1.detach(), z2.detach()
    return -(F.cosine_similarity(p1, z2).mean() + F.cosine_similarity(p2, z1).mean()) / 2


def distance(one, other):
    return torch.nn.utils.get_total_norm([a - b for a, b in zip(one, other, strict=True)])


@pytest.mark.parametrize("stop", [True, False])
def test_simsiams_gradient_is_that_of_targets_detached_by_hand_or_not(stop):
    method, views = simsiam(stop_gradient=stop).eval(), [images(), images()]
    weights = list(method.parameters())
    loss = method(*views)
    torch.testing.assert_close(loss, by_hand(method, *views, stop), atol=1e-5, rtol=0)
    ours = torch.autograd.grad(loss, weights)
    same, other = (torch.autograd.grad(by_hand(method, *views, s), weights) for s in (stop, not stop))
    assert distance(ours, same) < 1e-3 * distance(same, other)


def test_the_stop_gradient_changes_the_gradient_and_not_the_loss():
    views = [images(), images()]
    method = simsiam()
    losses, gradients = [], []
    for method.stop_gradient in (True, False):
        losses.append(method(*views))
        gradients.append(torch.autograd.grad(losses[-1], method.encoder.stem.weight)[0])
    assert torch.equal(*losses)
    assert (gradients[0] - gradients[1]).norm() > 0.1 * gradients[0].norm()


def test_simsiams_projections_end_in_a_batch_norm():
    method = simsiam()
    z = method.head(method.encoder(images(16)))
    torch.testing.assert_close(z.mean(dim=0), torch.zeros(z.shape[1]), atol=1e-4, rtol=0)
    torch.testing.assert_close(z.var(dim=0, correction=0), torch.ones(z.shape[1]), atol=0.1, rtol=0)


# --- both


@pytest.mark.parametrize("method", [byol, simsiam])
def test_the_loss_is_symmetric_in_the_views_and_not_in_the_partners(method):
    method, (view1, view2) = method().eval(), [images(), images()]
    loss = method(view1, view2)
    torch.testing.assert_close(method(view2, view1), loss, atol=1e-5, rtol=0)
    assert abs(method(view1, view2.roll(1, dims=0)) - loss) > 1e-5


@pytest.mark.parametrize("method", [byol, simsiam])
def test_perturbing_the_predictor_changes_the_loss_and_not_the_target(method):
    method, views = method().eval(), [images(), images()]
    loss, z = method(*views), method.head(method.encoder(views[0]))
    perturb(method.predictor)
    assert abs(method(*views) - loss) > 1e-4
    assert torch.equal(method.head(method.encoder(views[0])), z)


def test_byols_head_and_predictor_have_the_stated_widths():
    method = BYOL(small_cnn(4), hidden=24, outputs=8)
    shapes = {name: tuple(part.weight.shape) for name, part in method.named_modules() if isinstance(part, nn.Linear)}
    own = {name: shape for name, shape in shapes.items() if not name.startswith("target")}
    assert own == {"head.0.0": (24, 16), "head.0.3": (8, 24), "predictor.0": (24, 8), "predictor.3": (8, 24)}


@pytest.mark.parametrize("build", [byol, simsiam])
def test_a_head_and_a_predictor_of_ones_own_are_used(build):
    method = build(head=nn.Linear(16, 9), predictor=nn.Linear(9, 9))
    assert method.head(method.encoder(images())).shape == (6, 9)
    assert method(images(), images()).isfinite()
