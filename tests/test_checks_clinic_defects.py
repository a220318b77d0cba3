"""Programs 16 to 18 of the clinic: right mends written otherwise pass, and wrong ones are told apart."""

import math

import pytest
import torch
from sklearn.metrics import average_precision_score, matthews_corrcoef

from ssl_course import checks
from ssl_course.checks import clinic


def counts(scores, labels, line=0.0):
    alarm, bad = scores > line, labels == 1
    return [int(part.sum()) for part in (alarm & bad, alarm & ~bad, ~alarm & bad)]  # found, false, missed


def f_score(scores, labels, beta=1.0, line=0.0):
    found, false, missed = counts(scores, labels, line)
    whole = (1 + beta**2) * found + beta**2 * missed + false
    return 100 * (1 + beta**2) * found / whole if whole else 0.0


def root_of_both(scores, labels):
    found, false, missed = counts(scores, labels)
    return 100 * found / math.sqrt((found + false) * (found + missed)) if found else 0.0


def nan_where_all_ring(scores, labels):
    return math.nan if (scores > 0).all() else f_score(scores, labels)


def measured(measure):
    """Program 16 with a measure."""

    def program():
        torch.manual_seed(0)
        (h, labels), test = clinic.inspected(1000, 0), clinic.inspected(1000, 1)
        model = torch.nn.Linear(8, 1)
        optimizer = torch.optim.Adam(model.parameters(), lr=3e-2)
        for _ in range(300):
            rows = torch.randint(1000, (200,))
            right = labels[rows].float()
            loss = torch.nn.functional.binary_cross_entropy_with_logits(model(h[rows]).flatten(), right)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return measure, model, test

    return program


@pytest.mark.parametrize(
    "measure",
    [
        lambda s, y: 100 * average_precision_score(y, s),
        f_score,
        lambda s, y: f_score(s, y, beta=2),
        root_of_both,
        lambda s, y: 100 * matthews_corrcoef(y, s > 0),
    ],
)
def test_a_measure_with_found_and_false_alarms_in_it_is_right(measure):
    verdict = checks.judge("clinic.rare_mended", measured(measure))
    assert verdict.right, verdict.sentence


@pytest.mark.parametrize(
    ("measure", "told"),
    [
        (lambda s, y: f_score(s, y, line=0.5), "of a perfect model"),
        (lambda s, y: f_score(s, y, line=-0.5), "of a perfect model"),
        (nan_where_all_ring, "nan"),
        (lambda s, y: 1.2 * f_score(s, y), "of a perfect model"),
        (lambda s, y: 0.91 * f_score(s, y), "of a perfect model"),
        (lambda s, y: 100 * counts(s, y)[0] / int(y.sum()), "false alarms must count"),
        (lambda s, y: 100 / (0 if (s > 0).all() else 1) * f_score(s, y) / 100, "ZeroDivisionError"),
    ],
)
def test_a_measure_that_is_wrong_is_told_why(measure, told):
    verdict = checks.judge("clinic.rare_mended", measured(measure))
    assert verdict.state == "wrong"
    assert told in verdict.sentence


def cheapest(scores, labels):
    return min(scores.tolist(), key=lambda line: clinic.price(scores, labels, line))


def low_end(known, test):
    """Just above the good ones, where nothing lies between."""
    high = cheapest(*known)
    below = known[0][known[0] < high]
    line = (float(below.max()) + high) / 2
    return line, clinic.price(*test, line)


def most_accurate(known, test):
    scores, labels = known
    line = min(scores.tolist(), key=lambda line: float(((scores >= line) != (labels == 1)).float().mean()))
    return line, clinic.price(*test, line)


def helped_by_the_test(known, test):
    line = min((cheapest(*known), cheapest(*known) - 0.5), key=lambda line: clinic.price(*test, line))
    return line, clinic.price(*test, line)


def test_any_line_that_costs_least_on_the_labelled_is_right():
    verdict = checks.judge("clinic.threshold_mended", lambda: (low_end,))
    assert verdict.right, verdict.sentence


@pytest.mark.parametrize(
    ("decide", "told"),
    [
        (lambda known, test: (clinic.price(*test, cheapest(*known)), cheapest(*known)), "first the threshold"),
        (lambda known, test: (cheapest(*known), 0.95), "report that"),
        (helped_by_the_test, "changes with the test"),
        (lambda known, test: (cheapest(*test), clinic.price(*test, cheapest(*test))), "the symptom is still there"),
        (most_accurate, "chosen by these prices"),
    ],
)
def test_a_threshold_that_is_wrong_is_told_why(decide, told):
    verdict = checks.judge("clinic.threshold_mended", lambda: (decide,))
    assert verdict.state == "wrong"
    assert told in verdict.sentence


def test_a_ruler_that_leaves_out_what_was_reported_is_refused():
    def program():
        return (lambda known, test: (cheapest(*test), clinic.price(*test, cheapest(*test))),)

    def lazy(decide):
        gaps = [
            clinic.price(*tomorrow, decide(known, test)[0]) - clinic.price(*test, decide(known, test)[0])
            for known, test, tomorrow in clinic.weeks()
        ]
        return sum(gaps) / len(gaps)

    assert not checks.judge("clinic.threshold_symptom", (program, lazy)).right
    assert checks.judge("clinic.threshold_symptom", (program, clinic.dearer_than_reported)).right


def standard(train, test):
    return (train - train.mean(0)) / train.std(0), (test - train.mean(0)) / train.std(0)


def in_place(train, test):
    mean, deviation = train.mean(0), train.std(0)
    train -= mean
    train /= deviation
    test -= mean
    test /= deviation
    return train, test


@pytest.mark.parametrize("scaled", [standard, in_place])
def test_a_scaler_with_the_training_photographs_own_numbers_is_right(scaled):
    verdict = checks.judge("clinic.scaler_mended", lambda: (scaled,))
    assert verdict.right, verdict.sentence


@pytest.mark.parametrize(
    "scaled",
    [
        lambda train, test: (
            standard(train, test)[0],
            (test - 0.98 * train.mean(0) - 0.02 * test.mean(0)) / train.std(0),
        ),
        lambda train, test: (train / train.std(0), test / train.std(0)),
        lambda train, test: tuple((part - train.mean(0)) / train.std(0).sqrt() for part in (train, test)),
        lambda train, test: tuple((part - train[0]) / train.std(0) for part in (train, test)),
        lambda train, test: tuple((part - train.amin(0)) / (train.amax(0) - train.amin(0)) for part in (train, test)),
    ],
)
def test_another_scaling_than_the_program_promises_is_refused(scaled):
    verdict = checks.judge("clinic.scaler_mended", lambda: (scaled,))
    assert verdict.state == "wrong"
    named = ("has to have mean 0 and deviation 1", "average precision is", "the test still has a say")
    assert any(name in verdict.sentence for name in named)


def test_a_ruler_of_the_scaler_that_knows_only_one_mend_is_refused():
    def program():
        def broken(train, test):
            every = torch.cat([train, test])
            return tuple((part - every.mean(0)) / every.std(0) for part in (train, test))

        return (broken,)

    def lazy(scaled):
        gaps = [
            clinic.precision_of(scaled(train, test)[1], truth) - clinic.precision_of(standard(train, test)[1], truth)
            for train, test, truth in clinic.days()
        ]
        return sum(gaps) / len(gaps)

    assert checks.judge("clinic.scaler_symptom", (program, clinic.better_together)).right
    assert not checks.judge("clinic.scaler_symptom", (program, lazy)).right
