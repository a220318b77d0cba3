"""Windows against a loop, what a predictor may see, and that it is surprised by what is odd."""

import pytest
import torch

from ssl_course.surprise import NextFrame, fit, surprise, windows


def circles(count=40, frames=12):
    """Features (N, T, 3) of points that go round at one speed: two frames say the next."""
    start, speed = 6.28 * torch.rand(count, 1), 0.3
    angle = start + speed * torch.arange(frames)
    return torch.stack([angle.cos(), angle.sin(), torch.ones_like(angle)], dim=2)


def test_windows_are_what_comes_before_each_frame_as_a_loop_finds_it():
    features = torch.randn(4, 7, 5)
    seen, following = windows(features, 3)
    assert seen.shape == (4, 4, 3, 5)
    for clip in range(4):
        for place in range(4):
            assert torch.equal(seen[clip, place], features[clip, place : place + 3])
            assert torch.equal(following[clip, place], features[clip, place + 3])


def test_what_comes_later_changes_no_expectation():
    features = circles()
    predictor = NextFrame(features)
    changed = features.clone()
    changed[:, 8:] += 1
    before, after = (surprise(predictor, part) for part in (features, changed))
    assert torch.equal(before[:, :8], after[:, :8])
    assert (before[:, 8] != after[:, 8]).all()


def test_surprise_is_the_root_of_the_mean_squared_error_and_zero_where_nothing_was_expected():
    features = circles(5)
    predictor = NextFrame(features, past=2)
    found = surprise(predictor, features)
    assert found.shape == (5, 12)
    assert (found[:, :2] == 0).all()
    expected = predictor(features[3:4, 4:6])
    scaled = (features[3, 6] - predictor.mean) / predictor.deviation
    torch.testing.assert_close(found[3, 6], (expected[0] - scaled).square().mean().sqrt())


def test_a_fitted_predictor_knows_what_is_usual_and_is_surprised_by_a_leap():
    usual, others = circles(), circles(20)
    predictor = fit(usual, past=2, steps=300)
    assert surprise(predictor, others)[:, 2:].mean() < 0.1
    odd = others.clone()
    odd[:, 6:] = -odd[:, 6:]
    found = surprise(predictor, odd)
    assert (found[:, 6] > 5 * found[:, 2:6].amax(dim=1)).all()


def test_the_same_seed_fits_the_same_and_leaves_the_generator_alone():
    features, state = circles(), torch.get_rng_state()
    one, two, three = fit(features, steps=5), fit(features, steps=5), fit(features, steps=5, seed=1)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(one.out.weight, two.out.weight)
    assert not torch.equal(one.out.weight, three.out.weight)


@pytest.mark.parametrize("past", [0, 12])
def test_windows_refuse(past):
    with pytest.raises(ValueError, match=rf"past must be from 1 .* got {past} for features \(40, 12, 3\)"):
        windows(circles(), past)
    with pytest.raises(ValueError, match=r"\(N, T, D\), got 3 for features \(4, 5\)"):
        NextFrame(torch.zeros(4, 5))
