"""The exercises of lesson 08b: references are those of others, and no mistake is taken for another."""

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score

from ssl_course import checks
from ssl_course.checks import defects
from ssl_course.checks.engine import Function
from ssl_course.tiles import tiles, worst_of_each

FUNCTIONS = [name for name, exercise in defects.EXERCISES.items() if isinstance(exercise, Function)]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_mistake_is_told_by_its_own_sentence(name):
    for sentence, wrong in defects.EXERCISES[name].mistakes.items():
        for function in wrong if isinstance(wrong, tuple) else (wrong,):
            assert sentence in checks.judge(f"defects.{name}", function).sentence


@pytest.mark.parametrize("name", FUNCTIONS)
def test_there_are_at_least_five_mistakes(name):
    assert len(defects.EXERCISES[name].mistakes) >= 5


def test_average_precision_is_scikit_learns():
    for labels, scores in defects.average_cases():
        assert len(scores.unique()) == len(scores)
        assert float(defects.average_precision(labels, scores)) == pytest.approx(
            average_precision_score(labels, scores), abs=1e-6
        )


def test_the_distance_is_numpys():
    for normal, new, ridge in defects.distance_cases():
        inverse = np.linalg.inv(np.cov(normal.numpy(), rowvar=False) + ridge * np.eye(normal.shape[1]))
        difference = new.numpy() - normal.numpy().mean(axis=0)
        expected = np.sqrt(np.einsum("md,de,me->m", difference, inverse, difference))
        np.testing.assert_allclose(defects.mahalanobis(normal, new, ridge), expected, rtol=1e-4)


def test_tiles_begin_where_the_packages_do():
    for length, size, stride in defects.starts_cases():
        _, places = tiles(torch.zeros(1, 1, size, length), size, stride)
        assert defects.starts(length, size, stride) == places[:, 2].tolist()


def test_a_photograph_is_as_strange_as_the_package_says():
    for scores, photo in defects.strangest_cases():
        place = photo.unique(return_inverse=True)[1]
        assert torch.equal(defects.strangest(scores, photo), worst_of_each(scores, place.unsqueeze(1)))


def test_every_threshold_that_is_as_cheap_is_right_and_the_next_dearer_one_isnt():
    exercise = defects.EXERCISES["cheapest"]
    for case in defects.cheapest_cases():
        prices = {line: defects.price(case[0], case[1], line, *case[2:]) for line in defects.lines(case[1])}
        near = sorted(set(prices.values()))[:3]
        for line, price in ((line, price) for line, price in prices.items() if price in near):
            only = Function(**{**vars(exercise), "cases": lambda case=case: [case]})
            assert only.judge(lambda *given, line=line: line).right == (price == min(prices.values()))


# --- right answers written oddly, and wrong ones that look right, as somebody tried who hadn't seen the checks


def prices_of(labels, scores, line, missed, false):
    return missed * ((scores < line) & (labels == 1)).sum() + false * ((scores >= line) & (labels == 0)).sum()


ODD = {
    "counts": [
        lambda y, s, t: torch.tensor(defects.precision_recall(y, s, t)),
        lambda y, s, t: np.array(defects.precision_recall(y, s, t)),
        lambda y, s, t: list(defects.precision_recall(y, s, t)),
        lambda y, s, t: tuple(np.array(part) for part in defects.precision_recall(y, s, t)),
    ],
    "average": [
        lambda y, s: np.array(average_precision_score(y, s)),
        lambda y, s: torch.tensor([average_precision_score(y, s)]),
    ],
    "starts": [
        lambda length, size, stride: sorted({min(x, length - size) for x in range(0, length - size + stride, stride)}),
        lambda length, size, stride: torch.tensor(defects.starts(length, size, stride)),
    ],
    "cheapest": [
        lambda y, s, m, f: min([*s.unique().tolist(), 1e9], key=lambda line: prices_of(y, s, line, m, f)),
        lambda y, s, m, f: torch.tensor(defects.cheapest(y, s, m, f)),
        lambda y, s, m, f: np.array([defects.cheapest(y, s, m, f)]),
    ],
}
WRONG = {
    "starts": [
        lambda length, size, stride: [float(place) for place in defects.starts(length, size, stride)],
        lambda length, size, stride: sorted({min(x, length - size) for x in range(0, length - 1, stride)}),
        lambda length, size, stride: [],
        lambda length, size, stride: [min(x, length - size) for x in range(0, length, stride)],
    ],
    "cheapest": [
        lambda y, s, m, f: min([*s.tolist(), 1e9], key=lambda line: prices_of(y, s, line, m // f, 1)),
        lambda y, s, m, f: round(defects.cheapest(y, s, m, f), 2),
        lambda y, s, m, f: min(
            [*s.quantile(torch.linspace(0, 1, 101)).tolist(), 1e9], key=lambda line: prices_of(y, s, line, m, f)
        ),
        lambda y, s, m, f: min([*s[:200].tolist(), 1e9], key=lambda line: prices_of(y, s, line, m, f)),
        lambda y, s, m, f: min([*s.tolist(), 1.0], key=lambda line: prices_of(y, s, line, m, f)),
        lambda y, s, m, f: min([*s.tolist(), 1e9], key=lambda line: prices_of(y, s, line, int(m), int(f))),
    ],
    "strangest": [
        lambda s, p: torch.stack([s[p == number].topk(1).values.abs()[0] for number in p.unique()]),
    ],
}


@pytest.mark.parametrize("name", ODD)
def test_a_right_answer_may_be_written_oddly(name):
    for answer in ODD[name]:
        verdict = checks.judge(f"defects.{name}", answer)
        assert verdict.right, verdict.sentence


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_that_looks_right_is_refused(name):
    for answer in WRONG[name]:
        assert not checks.judge(f"defects.{name}", answer).right
