"""The error in the hole must reach what was painted with a gradient, and answers are whole numbers."""

from ssl_course import checks
from ssl_course.checks import pretext


def test_an_error_in_the_hole_without_a_gradient_is_refused_by_name():
    verdict = checks.judge("pretext.hole", lambda *inputs: pretext.hidden_mse(*inputs).detach())
    assert verdict.state == "wrong"
    assert "no gradient gets to painted" in verdict.sentence


def test_answers_that_are_not_whole_numbers_are_refused():
    def floats(images):
        copies, answers = pretext.turns(images)
        return copies, answers.float()

    assert checks.judge("pretext.turns", floats).state == "wrong"
