"""The exercises of lesson 12: references are the package's, and no mistake is taken for another."""

import importlib.util
import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from ssl_course import checks, pairs
from ssl_course.bag import BagOfWords
from ssl_course.checks import image_and_text
from ssl_course.checks.engine import Function, by_hand, guarded
from ssl_course.methods.clip import sigmoid_loss, symmetric_info_nce

PATH = Path(__file__).parent / "answers" / "image_and_text.py"
specification = importlib.util.spec_from_file_location("answers_image_and_text", PATH)
answers = importlib.util.module_from_spec(specification)
specification.loader.exec_module(answers)

FUNCTIONS = [name for name, exercise in image_and_text.EXERCISES.items() if isinstance(exercise, Function)]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_mistake_is_told_by_its_own_sentence(name):
    for sentence, wrong in image_and_text.EXERCISES[name].mistakes.items():
        for function in wrong if isinstance(wrong, tuple) else (wrong,):
            assert sentence in checks.judge(f"image_and_text.{name}", function).sentence


def test_no_vectors_get_below_the_lowest_loss_and_the_best_reach_it():
    said = torch.tensor([0, 0, 0, 1, 1, 2])
    lowest = image_and_text.EXERCISES["equal"].right
    best = torch.eye(3)[said]
    assert symmetric_info_nce(best, best, 100.0).item() == pytest.approx(lowest, abs=1e-4)
    generator = torch.Generator().manual_seed(0)
    for _ in range(200):
        image, text = torch.randn(6, 4, generator=generator), torch.randn(3, 4, generator=generator)[said]
        assert symmetric_info_nce(image, text, 5.0).item() > lowest - 1e-4


@pytest.mark.parametrize("scale", [1.0, 5.0, 20.0])
def test_the_slope_is_that_of_the_packages_loss_at_the_log_of_its_scale(scale):
    image, text = (part.double() for part in image_and_text.vectors(5, 6, seed=2))
    log_scale = torch.tensor(math.log(scale), dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(symmetric_info_nce(image, text, log_scale.exp()), log_scale)
    torch.testing.assert_close(image_and_text.slope(image_and_text.cosines(image, text), scale), expected)


@pytest.mark.parametrize("made", [answers.slope_by_autograd, answers.slope_by_backward, answers.slope_by_functional])
def test_a_slope_is_by_hand_where_nothing_has_gone_backward(made):
    probe = by_hand(lambda: image_and_text.slope_cases()[0])
    assert probe(image_and_text.slope) is probe(answers.slope_in_numpy) is None
    assert "autograd has made them" in probe(guarded(made))


def test_where_no_caption_is_there_twice_the_loss_is_the_packages():
    image, text = image_and_text.vectors(5, 6, seed=2)
    mine = image_and_text.yes_or_no(image, text, 4.0, -3.0, torch.arange(5))
    torch.testing.assert_close(mine, sigmoid_loss(image, text, 4.0, -3.0))


def test_cosines_of_an_ensemble_and_recall_are_the_packages():
    for images, prompts in image_and_text.ensemble_cases():
        torch.testing.assert_close(image_and_text.ensemble(images, prompts), pairs.zero_shot(images, prompts))
    for queries, candidates, wanted, given, k in image_and_text.recall_cases():
        theirs = pairs.recall(queries, candidates, k=k, groups=(wanted, given))
        assert image_and_text.found(queries, candidates, wanted, given, k) == pytest.approx(theirs)


def test_a_bag_of_words_is_right_as_often_as_is_said():
    generator = torch.Generator().manual_seed(0)
    bag = BagOfWords(40, 16)
    rates = {}
    for same in (False, True):
        left, right, one, two, other, of = 4, 5, 6, 6 if same else 7, 8, 9
        texts = torch.tensor(
            [
                [one, left, of, two, right],
                [two, right, of, one, left],
                [two, left, of, one, right],
                [one, right, of, two, left],
                [other, left, of, two, right],
            ]
        )
        scores = F.normalize(bag(texts), dim=1) @ F.normalize(bag(texts[:1]), dim=1)[0]  # the best picture there is
        torch.testing.assert_close(scores[:4], torch.ones(4))
        assert scores[4] < 1 - 1e-4
        chosen = texts[torch.randint(4, (4000,), generator=generator)]
        rates[same] = (chosen == texts[0]).all(dim=1).double().mean().item()
    share = 6 / 36  # of two colours, each drawn by itself
    told = image_and_text.EXERCISES["bag"].right
    assert (1 - share) * rates[False] + share * rates[True] == pytest.approx(told, abs=0.02)


def test_the_scale_reaches_its_bound_and_comes_back():
    for tables, rate, largest in image_and_text.scale_cases():
        used = image_and_text.learnt_scale(tables, rate, largest)
        assert used.max().item() == pytest.approx(largest)
        assert used[-1] < 0.9 * largest
        stuck = image_and_text.trained(inside=True, outside=False)(tables, rate, largest)
        assert stuck[-1].item() == pytest.approx(largest)
