"""What the demos of lesson 05 compute, against the functions of the course, lesson 05's own and closed forms."""

import pytest
import torch

from ssl_course import load
from ssl_course.live import collapse, instruments, one_weight


@pytest.mark.parametrize("predictor", [True, False])
@pytest.mark.parametrize("stop", [True, False])
def test_the_way_is_that_of_gradient_descent_by_autograd(predictor, stop):
    s, weights = 0.3, torch.tensor([0.7, 0.4 if predictor else 1.0], dtype=torch.float64, requires_grad=True)
    way = one_weight.path(0.7, 0.4, s, predictor=predictor, stop=stop)
    for step in (0, 1, 2):
        assert way[step].tolist() == pytest.approx(weights.tolist())
        w, p = weights if predictor else (weights[0], 1.0)
        t = w.detach() if stop else w
        loss = (1 + s) * (p * w) ** 2 - 2 * p * w * t + (1 + s) * t**2
        assert loss.item() == pytest.approx(one_weight.loss(*way[step], s))
        slope = torch.autograd.grad(loss, weights)[0]
        with torch.no_grad():
            weights -= one_weight.RATE * slope


@pytest.mark.parametrize("s", [0.0, 0.2, 1.0])
def test_with_both_parts_equal_weights_end_at_the_best_predictor(s):
    assert one_weight.path(0.5, 0.5, s, predictor=True, stop=True)[-1] == pytest.approx(1 / (1 + s), abs=0.01)


def test_without_a_part_the_weight_dies_where_the_views_differ():
    for parts in ({"predictor": False, "stop": True}, {"predictor": True, "stop": False}):
        assert one_weight.path(0.5, 0.5, 0.2, **parts)[-1, 0] < 0.05


@pytest.mark.parametrize(("form", "rank"), [(0.0, 3), (1.0, 2), (2.0, 1)])
def test_without_noise_the_forms_have_as_many_directions_as_they_should(form, rank):
    assert instruments.measure(form, 0.0).rank == pytest.approx(rank, abs=0.03)


def test_the_deviation_sees_the_point_alone_and_the_rank_sees_all_but_the_noisy_point():
    ball, plane, line, point = (instruments.measure(float(form), 0.01) for form in range(4))
    assert all(reading.deviation > 0.95 for reading in (ball, plane, line))
    assert point.deviation < 0.05
    assert ball.rank > plane.rank + 0.5 > line.rank + 1
    assert point.rank > 2.9
    assert ball.uniformity < plane.uniformity < line.uniformity < point.uniformity
    assert point.alignment < ball.alignment


def test_a_part_that_is_taken_out_is_out_and_the_others_start_alike():
    whole = collapse.parts(None)
    for off in collapse.PARTS:
        method = collapse.parts(off)
        assert torch.equal(method.encoder.stem.weight, whole.encoder.stem.weight)
        assert isinstance(method.predictor, torch.nn.Identity) == (off == "predictor")
        assert (method.target.decay == 0) == (off == "moving average")
        assert (len(method.head) == 4) == (off == collapse.PARTS[3])
        assert isinstance(method, collapse.WithoutStop) == (off == "stop-gradient")


def test_without_the_stop_the_loss_is_that_of_a_copy_without_delay_and_its_gradient_another():
    torch.manual_seed(0)
    views = torch.rand(2, 8, 3, 16, 16)
    slopes = []
    for off in ("moving average", "stop-gradient"):
        method = collapse.parts(off).train()
        loss = method(*views)
        loss.backward()
        slopes.append((float(loss.detach()), method.head[0].weight.grad))
    assert slopes[0][0] == pytest.approx(slopes[1][0], rel=1e-4)
    assert not torch.allclose(slopes[0][1], slopes[1][1], atol=1e-3)


def test_broken_runs_have_a_lower_loss_and_a_lower_rank():
    demo = collapse.Collapse(load("shapes", size=500))
    whole, broken = demo.course(None), demo.course("stop-gradient")
    assert len(whole.ranks) == len(whole.losses) + 1 == 11
    assert broken.losses[-1] < whole.losses[-1]
    assert broken.ranks[-1] < whole.ranks[-1] - 1
