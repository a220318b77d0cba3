"""SIGReg against a closed form and a loop, samples that are Gaussian and others, and LeJEPA's parts."""

import math

import pytest
import torch
from torch import nn

from ssl_course.methods.lejepa import LeJEPA, epps_pulley, invariance, sigreg
from ssl_course.networks import small_cnn

FINE = {"knots": 200, "reach": 12.0}  # where the trapezium rule is as good as exact


def closed_form(x):
    """Epps-Pulley of one sample (N,), all integrals done by hand: each is that of a Gaussian times a cosine."""
    count, apart = len(x), x.unsqueeze(0) - x.unsqueeze(1)
    within = math.sqrt(2 * math.pi) * torch.exp(-apart.square() / 2).sum() / count
    to_normal = 2 * math.sqrt(math.pi) * torch.exp(-x.square() / 4).sum()
    return within - to_normal + count * math.sqrt(2 * math.pi / 3)


def samples(count=60):
    x = torch.randn(count, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return {"normal": x, "point": 0 * x, "wide": 3 * x, "two": x.sign() + 0.1 * x, "shifted": x + 1, "other": x**3}


@pytest.mark.parametrize("name", samples())
def test_epps_pulley_is_its_closed_form(name):
    x = samples()[name]
    torch.testing.assert_close(epps_pulley(x.unsqueeze(1), **FINE)[0], closed_form(x), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", samples())
def test_the_papers_few_knots_are_near_the_closed_form(name):
    x = samples()[name]
    torch.testing.assert_close(epps_pulley(x.unsqueeze(1))[0], closed_form(x), rtol=0.05, atol=0.05)


def test_a_gaussian_sample_costs_little_and_any_other_much():
    found = {name: float(epps_pulley(x.unsqueeze(1))) for name, x in samples(200).items()}
    assert found["normal"] < 3
    assert min(value for name, value in found.items() if name != "normal") > 5


@pytest.mark.parametrize("count", [8, 32, 128])
def test_the_mean_over_gaussian_samples_is_the_same_whatever_their_size(count):
    torch.manual_seed(0)
    x = torch.randn(count, 2000, dtype=torch.float64)
    expected = math.sqrt(2 * math.pi) * (1 - 1 / math.sqrt(3))  # 1.06: each cosine's variance, integrated
    assert epps_pulley(x, knots=40, reach=8.0).mean() == pytest.approx(expected, abs=0.08)


def test_each_line_and_each_view_is_judged_by_itself():
    z = torch.randn(3, 10, 4, dtype=torch.float64)
    slow = [[epps_pulley(z[view][:, line : line + 1])[0] for line in range(4)] for view in range(3)]
    torch.testing.assert_close(epps_pulley(z), torch.tensor(slow, dtype=torch.float64))


def test_sigreg_is_the_mean_of_the_statistic_over_unit_directions_as_a_loop():
    z = torch.randn(2, 9, 5, dtype=torch.float64)
    torch.manual_seed(4)
    found = sigreg(z, slices=6)
    torch.manual_seed(4)
    directions = torch.randn(1, 5, 6, dtype=torch.float64)[0]
    total = 0.0
    for view in range(2):
        for number in range(6):
            direction = directions[:, number] / directions[:, number].square().sum().sqrt()
            total += epps_pulley((z[view] * direction).sum(dim=1, keepdim=True))[0]
    torch.testing.assert_close(found, total / 12)


@pytest.mark.parametrize(
    "spoil",
    [lambda z: 0 * z, lambda z: z * torch.tensor([3.0, 1.0]), lambda z: z[:, :1].expand(-1, 2), lambda z: z.sign()],
)
def test_sigreg_sees_collapse_stretching_one_line_and_corners(spoil):
    torch.manual_seed(0)
    z = torch.randn(500, 2)
    assert sigreg(spoil(z), 200) > 3 * sigreg(z, 200)


def test_a_collapsed_cloud_is_pushed_apart_by_the_gradient():
    torch.manual_seed(0)
    z = (0.1 * torch.randn(64, 3)).requires_grad_()
    (gradient,) = torch.autograd.grad(sigreg(z, 50), z)
    assert (gradient * z).sum() < 0  # downhill is away from the middle


def test_invariance_is_the_squared_distance_to_the_mean_of_the_views_as_a_loop():
    z = torch.randn(3, 4, 2, dtype=torch.float64)
    total = 0.0
    for image in range(4):
        middle = sum(z[view, image] for view in range(3)) / 3
        total += sum((z[view, image] - middle).square().mean() for view in range(3))
    torch.testing.assert_close(invariance(z), total / 12)
    assert invariance(z[:1].expand(3, -1, -1)) < 1e-20


def lejepa(**options):
    torch.manual_seed(0)
    return LeJEPA(small_cnn(4), **options)


@pytest.mark.parametrize("weight", [0.0, 0.05, 1.0])
def test_the_loss_weighs_both_terms(weight):
    method, batch = lejepa(weight=weight).eval(), [torch.rand(6, 3, 16, 16) for _ in range(2)]
    torch.manual_seed(1)
    agree, spread = method.terms(*batch)
    torch.manual_seed(1)
    torch.testing.assert_close(method(*batch), (1 - weight) * agree + weight * spread)


def test_views_are_as_many_as_asked_for_and_pass_in_one_batch():
    method, seen = lejepa(count=3), []
    views = method.views(torch.rand(4, 3, 16, 16))
    method.encoder.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    method(*views)
    assert len(views) == 3
    assert [tuple(batch.shape) for batch in seen] == [(12, 3, 16, 16)]


def test_no_part_is_a_teacher_and_the_gradient_reaches_every_view():
    method = lejepa(head=nn.Linear(16, 3), count=3)
    views = [view.requires_grad_() for view in method.views(torch.rand(4, 3, 16, 16))]
    method(*views).backward()
    assert all(view.grad.abs().sum() > 0 for view in views)
    assert all(parameter.requires_grad for parameter in method.parameters())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: lejepa(weight=-0.1), r"weight must be in \[0, 1\], got -0.1"),
        (lambda: lejepa(weight=float("nan")), r"weight must be in \[0, 1\], got nan"),
        (lambda: lejepa(count=1), "count must be at least 2 and slices positive, got 1 and 64"),
        (lambda: lejepa(slices=0), "count must be at least 2 and slices positive, got 2 and 0"),
        (lambda: sigreg(torch.rand(3, 2), 0), "slices must be positive, got 0"),
        (lambda: epps_pulley(torch.rand(1, 2)), r"of at least two, got \(1, 2\) and 17"),
        (lambda: epps_pulley(torch.rand(5, 2), knots=1), r"of at least two, got \(5, 2\) and 1"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(ValueError, match=message):
        make()
