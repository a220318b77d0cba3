"""Known mistakes are refused and named, right answers pass however they are written, and no answer stops a check."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from ssl_course import checks
from ssl_course.checks.engine import Essay, Function


def answers(part):
    """The module tests/answers/<part>.py, with RIGHT and WRONG."""
    path = Path(__file__).parent / "answers" / f"{part}.py"
    specification = importlib.util.spec_from_file_location(f"answers_{part}", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def enqueue(queue, keys):
    """MoCo's queue in numpy: right, but it can't take keys that ask for a gradient."""
    return np.concatenate([queue.numpy(), keys])[len(keys) :]


ANSWERS = {part: answers(part) for part in checks.SETS}
NAMES = [f"{part}.{key}" for part, exercises in checks.SETS.items() for key in exercises]
JUDGED = [name for name in NAMES if not isinstance(checks.SETS[name.partition(".")[0]][name.partition(".")[2]], Essay)]
WRONG = [
    pytest.param(name, words, answer, id=f"{name}: {words}")
    for module in ANSWERS.values()
    for name, cases in module.WRONG.items()
    for words, answer in cases
]


def exercise(name):
    part, _, key = name.partition(".")
    return checks.SETS[part][key]


def right(name):
    return ANSWERS[name.partition(".")[0]].RIGHT[name]


@pytest.mark.parametrize("name", JUDGED)
def test_three_differently_written_right_answers_pass(name):
    assert len(right(name)) >= 3
    for answer in right(name):
        verdict = checks.judge(name, answer)
        assert verdict.right, verdict.sentence


@pytest.mark.parametrize(("name", "words", "answer"), WRONG)
def test_a_mistake_is_refused_and_named(name, words, answer):
    verdict = checks.judge(name, answer)
    assert verdict.state == "wrong"
    assert words in verdict.sentence


@pytest.mark.parametrize("name", JUDGED)
def test_every_sentence_about_a_mistake_has_a_wrong_answer_in_these_tests(name):
    """So that none is there which no answer reaches."""
    part = vars(exercise(name))
    sentences = part["mistakes"].keys() if "mistakes" in part else part.get("others", part.get("slips", {})).values()
    said = [checks.judge(name, answer).sentence for _, answer in ANSWERS[name.partition(".")[0]].WRONG[name]]
    assert [sentence for sentence in sentences if not any(sentence in told for told in said)] == []


def test_there_are_at_least_forty_named_mistakes():
    assert len(WRONG) >= 40


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_answered_yet_is_open_and_kindly_said(name):
    def untouched(*arguments):
        raise NotImplementedError

    for answer in (None, ..., *([untouched] if isinstance(exercise(name), Function) else [])):
        verdict = checks.judge(name, answer)
        assert verdict.state == "open"
        assert verdict.sentence.startswith("not yet")


@pytest.mark.parametrize("name", [name for name in JUDGED if isinstance(exercise(name), Function)])
def test_an_answer_that_stops_or_returns_nonsense_is_told_what_happened(name):
    def stops(*arguments):
        raise KeyError("z")

    said = {
        "it stops with KeyError": stops,
        "is there a `return`": lambda *arguments: None,
        "a function was expected": torch.zeros(2),
    }
    for words, answer in said.items():
        verdict = checks.judge(name, answer)
        assert verdict.state == "wrong"
        assert words in verdict.sentence
    assert checks.judge(name, lambda *arguments: object()).state == "wrong"


@pytest.mark.parametrize("name", JUDGED)
def test_an_answer_of_another_kind_is_refused_without_an_error(name):
    for answer in (torch.zeros(2), [1, 2], {"a": 1}, object()):
        assert checks.judge(name, answer).state == "wrong"


def test_a_probe_that_an_answer_stops_is_explained():
    verdict = checks.judge("simclr.queue", lambda queue, keys: torch.from_numpy(enqueue(queue, keys.numpy())))
    assert "it stops with RuntimeError" in verdict.sentence
