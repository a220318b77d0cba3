"""Programs 23 to 26 of the clinic, about pairs and slow copies: their rulers by hand, and other seeds."""

import importlib.util
from pathlib import Path
from statistics import mean

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ssl_course import checks
from ssl_course.checks import clinic

PATH = Path(__file__).parent / "answers" / "clinic.py"
specification = importlib.util.spec_from_file_location("answers_clinic_copies", PATH)
answers = importlib.util.module_from_spec(specification)
specification.loader.exec_module(answers)
NOTEBOOK = answers.NOTEBOOK
PARTS = {"captions": "pair_loss", "distillation": "followed", "prototypes": "dino_loss", "prediction": "shown"}


def test_the_checks_draw_the_worlds_of_the_notebook():
    pictures, drawn = clinic.draw(20, 0), []
    for here in (vars(clinic), NOTEBOOK):
        torch.manual_seed(3)
        drawn.append((here["captions_of"](pictures), here["patches"](pictures)))
    assert all(torch.equal(*pair) for pair in zip(*drawn, strict=True))


def test_perfect_logits_in_disorder_cost_nothing_in_the_right_loss_and_much_in_the_broken_one():
    places = torch.tensor([1, 2, 3, 0, 4])
    logits = 50.0 * F.one_hot(places, 5)
    assert clinic.pair_losses(logits, places)[0] < 1e-6
    assert sum(clinic.sides(logits, places, places)) > 10


def told_of_pairs(pair_loss):
    return clinic.spoiled_pairs(pair_loss, None, None), clinic.no_pair_loss(pair_loss, None, None)


def test_a_loss_of_pairs_is_their_mean_or_their_sum():
    for share in (0.5, 1):
        assert told_of_pairs(lambda *given, share=share: share * clinic.pair_losses(*given)[0]) == (None, None)
    named, told = told_of_pairs(lambda *given: 0.4 * clinic.pair_losses(*given)[0])
    assert named is None
    assert "for logits of chance" in told


def test_a_teacher_is_held_to_its_shares_and_to_having_no_way_back():
    follow = NOTEBOOK["followed"], NOTEBOOK["mended_followed"]
    assert [clinic.no_teacher(followed, None, None) for followed in follow] == [None, None]
    assert "a gradient still gets" in clinic.way_back(follow[0], None, None)
    assert clinic.way_back(follow[1], None, None) is None
    assert "of the two shares" in clinic.no_teacher(
        lambda teacher, net: {
            name: 0.1 * teacher[name] + 0.9 * weight.detach() for name, weight in net.named_parameters()
        },
        None,
        None,
    )


def test_a_net_that_gives_all_pictures_one_prototype_has_it_in_a_hundred_per_cent():
    net = nn.Linear(16, 32)
    net.weight.data.zero_()
    assert clinic.largest_prototype(None, net) == 100
    assert clinic.largest_prototype(*clinic.many_prototypes()) < 30


def test_no_mistake_in_the_loss_of_prototypes_has_the_value_of_the_right_or_the_broken_one():
    right, spoiled = clinic.dino_losses(*clinic.some_outputs())
    broken = NOTEBOOK["dino_loss"](*clinic.some_outputs())
    values = [float(value) for made in spoiled.values() for value in made]
    assert min(abs(value - float(one)) for value in values for one in (right, broken)) > 0.01
    assert float(right) == pytest.approx(float(NOTEBOOK["mended_dino_loss"](*clinic.some_outputs())), abs=1e-5)


def test_a_side_of_the_pairs_that_is_detached_is_told():
    def half(logits, places):
        return (F.cross_entropy(logits, places) + F.cross_entropy(logits.T, places.argsort()).detach()) / 2

    assert "is one of the sides detached" in clinic.no_pair_loss(half, None, None)
    assert clinic.no_pair_loss(answers.in_order_again, None, None) is None


def test_the_divergence_of_prototypes_is_as_right_as_the_cross_entropy():
    assert clinic.no_dino_loss(answers.divergence, None) is None
    assert "dino_loss says" in clinic.no_dino_loss(lambda *given: 1.1 * answers.divergence(*given), None)


def test_who_hides_from_the_teacher_too_moves_no_aim():
    _, net, teacher = clinic.a_teacher_who_sees()
    assert clinic.moved_aims(NOTEBOOK["shown"], net, teacher) == 0
    assert clinic.moved_aims(NOTEBOOK["mended_shown"], net, teacher) > 0.2


@pytest.mark.parametrize(
    ("shown", "told"),
    [
        (answers.cloned, None),
        (NOTEBOOK["shown"], None),  # that is for the ruler to say
        (lambda pictures, hidden: (pictures, pictures), "the student sees all"),
        (lambda pictures, hidden: (answers.blanked(pictures, ~hidden), pictures), "the wrong patches"),
        (lambda pictures, hidden: (answers.blanked(pictures, hidden), 2 * pictures), "what has been changed"),
    ],
)
def test_another_hiding_is_named(shown, told):
    said = clinic.hidden_otherwise(shown, None, None)
    assert said is told is None or told in said


def test_a_trace_of_what_is_hidden_is_found_and_noise_in_its_place_is_not():
    def leaking(pictures, hidden):
        return answers.blanked(pictures, hidden) + 1e-3 * answers.blanked(pictures, ~hidden), pictures

    assert "still changes" in clinic.hidden_still(leaking, None, None)
    assert clinic.hidden_still(answers.with_noise, None, None) is None


@pytest.mark.parametrize("name", PARTS)
def test_with_another_seed_the_broken_program_is_as_sick_and_the_mended_one_as_well(name):
    symptom, mended = (checks.SETS["clinic"][f"{name}_{kind}"] for kind in ("symptom", "mended"))
    losses = []
    program = answers.changed(name, ("manual_seed(0)", "manual_seed(1)"), show=losses.extend)
    result = program()
    assert mean(losses[-20:]) < 0.7 * mean(losses[:5])
    assert symptom.sick[0] <= symptom.ruler(*result) <= symptom.sick[1]
    assert not mended.healthy[0] <= mended.ruler(*result) <= mended.healthy[1]
    assert mended.second.ruler(*result) < mended.second.least
    result = program(NOTEBOOK[f"mended_{PARTS[name]}"])
    assert mended.judge(lambda: result).right, mended.judge(lambda: result).sentence
