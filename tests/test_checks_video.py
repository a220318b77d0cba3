"""The exercises of lesson 11: references are the package's and physics', and no mistake is taken for another."""

import itertools
from collections import Counter

import pytest
import torch

from ssl_course import checks, clips
from ssl_course.checks import video
from ssl_course.checks.engine import Function, Unfit
from ssl_course.frames import ClipEncoder, PointCNN, centres
from ssl_course.methods.order import OrderVerification
from ssl_course.surprise import windows

FUNCTIONS = [name for name, exercise in video.EXERCISES.items() if isinstance(exercise, Function)]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_mistake_is_told_by_its_own_sentence(name):
    for sentence, wrong in video.EXERCISES[name].mistakes.items():
        for function in wrong if isinstance(wrong, tuple) else (wrong,):
            assert sentence in checks.judge(f"video.{name}", function).sentence


def test_who_finds_the_third_of_five_frames_is_right_once_in_twenty():
    seen = Counter()
    for order in itertools.permutations(range(5)):
        answer = min(order, order[::-1])
        seen[answer, order.index(2)] += 1  # how often an answer is right where the third frame stands there
    best = {place: max(count for (_, at), count in seen.items() if at == place) for place in range(5)}
    assert video.EXERCISES["sorting"].right == pytest.approx(sum(best.values()) / 120)


def test_the_methods_own_questions_are_right():
    method = OrderVerification(ClipEncoder(PointCNN(2, 2), 2))

    def asked(count, length):
        orders, answers = method.draw(count, torch.device("cpu"))
        return video.any_three(count, length).gather(1, orders), answers

    assert checks.judge("video.questions", asked).right


@pytest.mark.parametrize("seed", range(5))
def test_right_questions_are_right_whatever_is_drawn(seed):
    def seeded(count, length):
        torch.manual_seed(seed)
        return video.questions(count, length)

    assert checks.judge("video.questions", seeded).right


@pytest.mark.parametrize(("share", "right"), [(0.5, True), (0.4, False), (0.6, False)])
def test_both_answers_are_about_equally_likely(share, right):
    def asked(count, length):
        frames, answers = video.questions(3 * count, length)
        kept = torch.rand(3 * count) < torch.where(answers == 1, share, 1 - share)
        return frames[kept][:count], answers[kept][:count]

    assert checks.judge("video.questions", asked).right == right


@pytest.mark.parametrize(
    ("frames", "answers", "words"),
    [
        ([[0, 1, 5], [2, 1, 0]], [1, 1], "frames 0 to 4"),
        ([[-1, 1, 2], [2, 1, 0]], [1, 1], "frames 0 to 4"),
        ([[0, 1, 1], [2, 1, 0]], [0, 1], "same frame twice"),
        ([[0, 1, 2], [2, 0, 1]], [1, 2], "neither 0 nor 1"),
        ([[0, 1, 2], [2, 1, 0]], [1, 1], "same answer"),
    ],
)
def test_questions_that_cannot_be_counted_are_refused(frames, answers, words):
    with pytest.raises(Unfit, match=words):
        video.facts((torch.tensor(frames), torch.tensor(answers)), 2, 5)


def test_under_a_lamp_and_in_even_light_a_film_looks_the_same():
    films = torch.rand(2, 8, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    lit = films * torch.linspace(0.3, 1, 8)[:, None, None, None]
    even = [video.even(each) for each in (films, lit)]
    torch.testing.assert_close(*(each / each.mean(dim=(1, 2, 3, 4), keepdim=True) for each in even))
    torch.testing.assert_close(even[1].mean(dim=(1, 2, 3, 4)), lit.mean(dim=(1, 2, 3, 4)))


def test_the_slope_of_a_place_is_that_of_the_packages_centres():
    for (shares,) in video.slope_cases():
        slope = torch.autograd.functional.jacobian(lambda maps: centres(maps[None, None])[0], shares.log())
        torch.testing.assert_close(video.place_slope(shares), slope)


def test_what_flies_straight_on_surprises_nobody_and_a_jump_does_twice():
    path = torch.stack([3.0 * torch.arange(8), 20.0 - torch.arange(8)], dim=1)
    jump = path.clone()
    jump[4:] += 5
    found = video.surprise(torch.stack([path, jump]), torch.randn(9, 6, 2, generator=torch.Generator().manual_seed(0)))
    torch.testing.assert_close(found[0], torch.zeros(8), atol=1e-5, rtol=0)
    assert (found[1] > 1e-3).nonzero()[:, 0].tolist() == [4, 5]


def test_usual_films_have_surprise_1():
    usual = torch.randn(9, 6, 2, generator=torch.Generator().manual_seed(0))
    assert video.surprise(usual, usual)[:, 2:].square().mean().item() == pytest.approx(1)


def test_the_pairs_are_those_of_the_packages_predictor():
    for features, past in video.windows_cases():
        for mine, theirs in zip(video.windows(features, past), windows(features, past), strict=True):
            assert torch.equal(mine, theirs.flatten(0, 1))


def test_the_rule_of_the_mixed_films_is_about_as_often_right_as_is_said():
    films, factors = clips.draw(1000, seed=5, gravity=True)
    grey = torch.from_numpy(films).float().mean(dim=2)  # (N, T, 32, 32)
    weight = (grey - grey[:, :, :1, :1]).abs()
    height = weight.sum(dim=3) @ torch.arange(32.0) / weight.sum(dim=(2, 3))  # (N, T)
    assert (factors["gravity"] == 1).all()
    assert (height[:, -1] > height[:, 0]).float().mean().item() == pytest.approx(video.RULE, abs=0.03)
