"""The losses of lesson 02 must reach the encoder with a gradient."""

import pytest

from ssl_course import checks
from ssl_course.methods.autoencoder import kl_to_standard_normal as kl


@pytest.mark.parametrize(
    "answer",
    [lambda m, v: kl(m, v).detach(), lambda m, v: kl(m.detach(), v), lambda m, v: kl(m, v.detach())],
)
def test_a_divergence_without_a_gradient_is_refused_by_name(answer):
    verdict = checks.judge("autoencoder.kl", answer)
    assert verdict.state == "wrong"
    assert "no gradient gets to" in verdict.sentence
