"""The exercises of lesson 13: references are the package's, and no mistake is taken for another."""

import math
import re
from pathlib import Path

import nbformat
import pytest
import torch

from ssl_course import attention, checks, load
from ssl_course.checks import self_distillation
from ssl_course.checks.engine import Function
from ssl_course.methods import dino
from ssl_course.networks import small_cnn

FUNCTIONS = [name for name, exercise in self_distillation.EXERCISES.items() if isinstance(exercise, Function)]
NOTEBOOK = Path(__file__).parent.parent / "exercises/source/13_self_distillation.ipynb"


def cells():
    return {cell.id: cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_mistake_is_told_by_its_own_sentence(name):
    for sentence, wrong in self_distillation.EXERCISES[name].mistakes.items():
        for function in wrong if isinstance(wrong, tuple) else (wrong,):
            assert sentence in checks.judge(f"self_distillation.{name}", function).sentence


def test_the_quotient_falls_below_two_with_the_update_that_is_said_and_not_before():
    centre, passed = torch.zeros(3), []
    says = torch.tensor([0.2, 0.0, 0.0])
    for _ in range(40):
        centre = centre.lerp(says, 0.1)
        shares = dino.named(says, centre, 0.04)
        passed.append((shares[0] / shares[1]).item() < 2)
    assert passed.index(True) + 1 == self_distillation.EXERCISES["memory"].right


def test_the_mean_of_the_pictures_losses_is_the_packages_loss():
    for student, teacher, centre, tau_s, tau_t in self_distillation.loss_cases():
        mine = self_distillation.picture_losses(student, teacher, centre, tau_s, tau_t).mean()
        theirs = dino.dino_loss(student, teacher, centre, temperature=tau_s, teacher_temperature=tau_t)
        torch.testing.assert_close(mine, theirs)


def test_a_loss_that_moves_the_teacher_is_refused_even_if_only_a_little():
    def leaking(student, teacher, *others):
        return self_distillation.paired(held=False)(student, 0.01 * teacher + 0.99 * teacher.detach(), *others)

    verdict = checks.judge("self_distillation.losses", leaking)
    assert "a gradient arrives at the teacher" in verdict.sentence


def test_the_slope_is_that_of_the_packages_loss_at_the_students_scores():
    generator = torch.Generator().manual_seed(0)
    student = torch.randn(2, 5, 7, generator=generator, dtype=torch.float64).requires_grad_()
    teacher = torch.randn(1, 5, 7, generator=generator, dtype=torch.float64)
    loss = dino.dino_loss(student, teacher, temperature=0.4, teacher_temperature=0.3)  # only view 2 is taught
    (expected,) = torch.autograd.grad(loss, student)
    targets = dino.named(teacher, 0.0, 0.3)
    torch.testing.assert_close(self_distillation.slope(student[1].detach(), targets, 0.4), expected[1])


def test_the_centres_are_those_of_the_packages_method():
    says = self_distillation.centre_cases()[0][0]  # (steps, G, B, K)
    method = dino.DINO(small_cnn(8), centre_decay=0.8, hidden=8, bottleneck=4, prototypes=says.shape[3])
    used = []
    for scores in says:
        used.append(method.centre.clone())
        method._mean = scores.mean(dim=(0, 1))
        method.after_step(0.5)
    torch.testing.assert_close(self_distillation.centres(says, 0.8), torch.stack(used))


def test_even_shares_sum_to_one_for_each_picture_and_are_even_after_many_rounds():
    for scores, temperature, rounds in self_distillation.even_cases():
        few, many = (self_distillation.even_shares(scores, temperature, count) for count in (rounds, 200))
        each = torch.full((scores.shape[1],), len(scores) / scores.shape[1])
        torch.testing.assert_close(few.sum(dim=1), torch.ones(len(scores)))
        torch.testing.assert_close(many.sum(dim=0), each, rtol=1e-3, atol=1e-3)
        assert (few.sum(dim=0) - each).abs().max() > 1e-3  # so that the number of rounds shows


def test_the_number_of_a_head_is_made_of_the_packages_masks_and_overlaps():
    best = []
    for known_maps, known_masks, new_maps, new_masks, mass in self_distillation.overlap_cases():
        tables = [
            attention.overlap(attention.attended(maps, mass), masks[:, None].expand_as(maps))
            for maps, masks in ((known_maps, known_masks), (new_maps, new_masks))
        ]
        expected = tables[1].mean(dim=0)[tables[0].mean(dim=0).argmax()].item()
        mine = self_distillation.head_overlap(known_maps, known_masks, new_maps, new_masks, mass)
        assert mine == pytest.approx(expected)
        best.append([int(table.mean(dim=0).argmax()) for table in tables])
    assert any(one != other for one, other in best)  # so that it shows on which pictures the head is chosen


def small_world():
    """The names of the notebook's cells with which the four logs are made."""
    names = {}
    for cell in ("sd-imports", "sd-even-play"):
        exec(cells()[cell], names)
    return names


def test_the_four_logs_are_those_of_the_runs_that_the_right_answer_names():
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", cells()["sd-logs-head"], re.MULTILINE)
    assert [int(step) for step, _ in rows] == [10, 50, 100, 200]
    play = small_world()["play"]
    runs = [{"momentum": 1.0}, {"centring": False}, {"tau_t": 0.1}, {}]  # as in c)
    for run, changes in enumerate(runs):
        printed = [[float(value) for value in row.split(" | ")[run].split(", ")] for _, row in rows]
        torch.testing.assert_close(
            torch.tensor(printed), torch.tensor(play(0, (10, 50, 100, 200), **changes)), rtol=0, atol=0.03
        )
    assert self_distillation.EXERCISES["logs"].right == "c"
    assert "c) 1 a teacher that never moves, 2 no centre, 3 no sharpening, 4 whole" in cells()["sd-logs-head"]


def test_a_disc_in_the_middle_lies_on_the_shapes_as_long_as_they_are_not_moved():
    new = load("shapes", "test", size=200)
    lines, grid = attention.outlines(new.factors), torch.arange(8.0) - 3.5
    disc = grid[:, None] ** 2 + grid**2 < 4
    found = []
    for shift in (0, 8):
        masks = attention.in_patches(lines.roll((shift, shift), (-2, -1)))
        found.append(attention.overlap(disc, masks).mean().item())
    assert found[0] == pytest.approx(0.53, abs=0.01)  # the report's number
    assert found[1] < 0.15
    whole = attention.overlap(torch.ones(8, 8, dtype=torch.bool), attention.in_patches(lines)).mean().item()
    assert whole == pytest.approx(0.17, abs=0.01)


def test_the_fifth_log_is_that_of_one_answer_for_every_picture():
    shares = torch.tensor([0.25] * 4 + [0.0] * 12).expand(20, 16)
    assert dino.entropies(shares) == pytest.approx({"entropy": math.log(4), "of_mean": math.log(4)})
    assert "both entropies are 1.39" in cells()["sd-logs-hints"]
