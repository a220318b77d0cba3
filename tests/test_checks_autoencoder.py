"""The losses of lesson 02 must reach the encoder with a gradient."""

import pytest
import torch

from ssl_course import checks
from ssl_course.checks.autoencoder import kl_to_prior as kl
from ssl_course.methods.autoencoder import kl_to_standard_normal


@pytest.mark.parametrize(
    "answer",
    [
        lambda m, v, *prior: kl(m, v, *prior).detach(),
        lambda m, v, *prior: kl(m.detach(), v, *prior),
        lambda m, v, *prior: kl(m, v.detach(), *prior),
    ],
)
def test_a_divergence_without_a_gradient_is_refused_by_name(answer):
    verdict = checks.judge("autoencoder.kl", answer)
    assert verdict.state == "wrong"
    assert "no gradient gets to" in verdict.sentence


def test_the_divergence_from_the_standard_normal_is_the_lessons():
    mean, log_variance, zero = torch.randn(4, 3), torch.randn(4, 3), torch.zeros(4, 3)
    torch.testing.assert_close(kl(mean, log_variance, zero, zero), kl_to_standard_normal(mean, log_variance))


def test_the_lessons_own_divergence_does_not_pass():
    verdict = checks.judge("autoencoder.kl", lambda m, v, *prior: kl_to_standard_normal(m, v))
    assert "the prior isn't used" in verdict.sentence


@pytest.mark.parametrize("seed", range(5))
def test_erasing_is_judged_alike_whatever_was_drawn(seed):
    def erase(images, share):
        random = torch.Generator().manual_seed(seed)
        return images * (torch.rand(len(images), 1, *images.shape[2:], generator=random) >= share)

    assert checks.judge("autoencoder.erase", erase).right
