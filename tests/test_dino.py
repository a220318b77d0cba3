"""DINO's loss against a slow loop, its crops, its teacher and centre, and the numbers that tell collapses apart."""

import math

import pytest
import torch
from torch import nn

from ssl_course import ImageSet, pretrain
from ssl_course.methods.byol import decay_at
from ssl_course.methods.dino import DINO, dino_loss, entropies, named, windows
from ssl_course.networks import small_cnn
from ssl_course.vit import VisionTransformer


def scores(views=4, images=3, prototypes=5, seed=0):
    random = torch.Generator().manual_seed(seed)
    shared = torch.randn(1, images, prototypes, generator=random, dtype=torch.float64)
    return shared + 0.3 * torch.randn(views, images, prototypes, generator=random, dtype=torch.float64)


def slow(student, teacher, centre, temperature, teacher_temperature):
    """Equation 3, number by number."""
    total, pairs = 0.0, 0
    for g in range(len(teacher)):
        for v in range(len(student)):
            if v == g:
                continue
            pairs += 1
            for b in range(student.shape[1]):
                up = [math.exp((t - c) / teacher_temperature) for t, c in zip(teacher[g, b], centre, strict=True)]
                down = [math.exp(s / temperature) for s in student[v, b]]
                for p, q in zip(up, down, strict=True):
                    total -= p / sum(up) * math.log(q / sum(down))
    return total / pairs / student.shape[1]


def tiny(**options):
    torch.manual_seed(0)
    return DINO(VisionTransformer(width=16, depth=1), **{"prototypes": 12, "hidden": 16, "bottleneck": 8} | options)


def images(count=8, side=32):
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("temperatures", [(0.1, 0.04), (0.5, 0.5), (1.0, 0.1)])
def test_the_loss_is_its_formula(temperatures):
    student, teacher, centre = scores(), scores(2, seed=1), scores(1, 1, seed=2)[0, 0]
    given = dict(zip(("temperature", "teacher_temperature"), temperatures, strict=True))
    made = dino_loss(student, teacher, centre, **given)
    assert float(made) == pytest.approx(slow(student, teacher, centre, *temperatures), rel=1e-9)


def test_the_loss_of_uniform_answers_is_the_logarithm_of_the_prototypes():
    flat = torch.zeros(3, 4, 7)
    assert float(dino_loss(flat, flat[:2])) == pytest.approx(math.log(7))


def test_a_view_does_not_teach_itself():
    student, teacher = scores(2).requires_grad_(), scores(1, seed=1)
    dino_loss(student, teacher).backward()
    assert student.grad[0].abs().max() == 0
    assert student.grad[1].abs().max() > 0


def test_what_all_scores_of_a_prototype_have_in_common_is_taken_out_by_the_centre():
    teacher, shift = scores(2), torch.tensor([5.0, 0, 0, 0, -3])
    torch.testing.assert_close(named(teacher + shift, shift, 0.04), named(teacher, 0.0, 0.04))


@pytest.mark.parametrize(
    ("shapes", "options", "message"),
    [
        (((2, 3, 5), (2, 3, 4)), {}, r"V at least 2 and G, got \(2, 3, 5\) and \(2, 3, 4\)"),
        (((1, 3, 5), (1, 3, 5)), {}, "V at least 2"),
        (((2, 3, 5), (3, 3, 5)), {}, "V at least 2 and G"),
        (((3, 5), (3, 5)), {}, r"student must be \(V, B, K\)"),
        (((2, 3, 5), (2, 3, 5)), {"temperature": 0}, "temperature must be positive, got 0"),
        (((2, 3, 5), (2, 3, 5)), {"teacher_temperature": -1}, "temperature must be positive, got -1"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_rule_and_the_value(shapes, options, message):
    with pytest.raises(ValueError, match=message):
        dino_loss(*(torch.zeros(shape) for shape in shapes), **options)


def test_the_two_collapses_and_learning_have_different_entropies():
    uniform = torch.full((8, 8), 1 / 8)
    one = torch.eye(8)[:1].expand(8, -1)
    assert entropies(uniform) == pytest.approx({"entropy": math.log(8), "of_mean": math.log(8)}, abs=1e-6)
    assert entropies(one) == pytest.approx({"entropy": 0, "of_mean": 0}, abs=1e-6)
    assert entropies(torch.eye(8)) == pytest.approx({"entropy": 0, "of_mean": math.log(8)}, abs=1e-6)


def test_windows_are_parts_of_their_pictures_and_come_from_everywhere():
    torch.manual_seed(0)
    numbered = torch.arange(64.0).view(1, 1, 8, 8).expand(500, 3, 8, 8)
    cut = windows(numbered, 4, 6)
    assert cut.shape == (500, 3, 4, 6)
    corner = cut[:, 0, 0, 0].long()
    for number in range(20):
        row, column = divmod(int(corner[number]), 8)
        assert torch.equal(cut[number], numbered[0, :, row : row + 4, column : column + 6])
    assert set(corner.tolist()) == {8 * row + column for row in range(5) for column in range(3)}


@pytest.mark.parametrize(("side", "small"), [(32, 16), (48, 24), (16, 8)])
def test_the_student_sees_two_large_and_some_small_pictures(side, small):
    views = tiny(local=3, share=0.5).views(images(4, side))
    assert [tuple(view.shape) for view in views] == [(4, 3, side, side)] * 2 + [(4, 3, small, small)] * 3


def test_the_teacher_sees_the_large_pictures_alone():
    method, seen = tiny(local=2), []
    method.target.register_forward_pre_hook(lambda module, inputs: seen.append(tuple(inputs[0].shape)))
    method(*method.views(images(4)))
    assert seen == [(8, 3, 32, 32)]


def test_without_small_pictures_there_are_two_views():
    method = tiny(local=0)
    views = method.views(images(4))
    assert len(views) == 2
    assert method(*views).isfinite()


@pytest.mark.parametrize("encoder", [VisionTransformer(width=16, depth=1), small_cnn(4)])
def test_every_weight_gets_a_gradient_and_the_teacher_none(encoder):
    method = DINO(encoder, prototypes=12, hidden=16, bottleneck=8)
    method(*method.views(images())).backward()
    assert all((part.grad is not None) == part.requires_grad for part in method.parameters())
    assert not any(part.requires_grad for part in method.target.parameters())


def test_the_centre_follows_what_the_teacher_says():
    method = tiny(centre_decay=0.75)
    views = method.views(images())
    method(*views)
    mean = method.scores(*views)[1].mean(dim=(0, 1))
    method.after_step(0.5)
    torch.testing.assert_close(method.centre, 0.25 * mean)
    without = tiny(centring=False)
    without(*views)
    without.after_step(0.5)
    assert without.centre.abs().max() == 0


def test_the_teacher_follows_the_student_ever_more_slowly():
    for progress in (0.0, 0.5):
        method = tiny(decay=0.8)
        method(*method.views(images()))
        before = method.target.copy[0].embed.weight.clone()
        with torch.no_grad():
            method.encoder.embed.weight.add_(1.0)
        method.after_step(progress)
        moved = method.target.copy[0].embed.weight - before
        torch.testing.assert_close(moved, torch.full_like(moved, 1 - decay_at(progress, 0.8)), rtol=1e-4, atol=1e-5)


def test_without_momentum_the_teacher_is_the_student():
    method = tiny(decay=0)
    pretrain(method, ImageSet((255 * images()).byte()), epochs=1, batch_size=4, lr=1e-2, device="cpu", progress=False)
    torch.testing.assert_close(method.target.copy[0].state_dict(), method.encoder.state_dict())


def test_measuring_changes_nothing_and_gives_the_same_again():
    method = tiny().train()
    before, random = {key: value.clone() for key, value in method.state_dict().items()}, torch.get_rng_state()
    told = method.measure(images())
    assert told == method.measure(images())
    assert method.training
    assert torch.equal(torch.get_rng_state(), random)
    torch.testing.assert_close(dict(method.state_dict()), before, rtol=0, atol=0)
    assert told["kl"] >= -1e-6
    assert 0 <= told["entropy"] <= told["of_mean"] + 1e-6 <= math.log(12) + 2e-6


def test_scores_are_cosines():
    head = tiny().head
    assert isinstance(head, nn.Module)
    assert head(torch.randn(50, 16)).abs().max() <= 1 + 1e-6
