"""What the demos of lesson 04 compute, against the functions of the course and closed forms."""

import pytest
import torch

from ssl_course import load
from ssl_course.live import shortcut, stale_keys


def test_a_partner_that_is_the_same_picture_is_found_by_every_description():
    views = load("shapes", size=16).images.float() / 255
    for described in shortcut.descriptions(views).values():
        assert shortcut.picks(described, described).tolist() == list(range(16))


def test_colours_tell_nothing_of_the_shape_and_pixels_nothing_of_the_colour():
    views = load("shapes", size=8).images.float() / 255
    mirrored, darker = views.flip(-1), 0.5 * views
    first, second, third = (list(shortcut.descriptions(each).values()) for each in (views, mirrored, darker))
    assert torch.allclose(first[0], second[0], atol=1e-6)
    assert torch.equal(first[1], second[1])
    assert torch.allclose(first[2], third[2], atol=1e-5)
    assert not torch.allclose(first[2], second[2], atol=0.1)


def test_the_histogram_counts_every_pixel_once_for_each_colour():
    views = torch.zeros(2, 3, 4, 4)
    views[1] = 1.0  # the highest value belongs to the highest bin
    counts = list(shortcut.descriptions(views).values())[1].view(2, 3, 8)
    assert counts[0, :, 0].tolist() == counts[1, :, 7].tolist() == [1, 1, 1]
    assert counts.sum() == 6


@pytest.mark.parametrize(("length", "oldest"), [(64, 7), (128, 15), (512, 63)])
def test_a_full_queue_has_every_age_once_and_the_oldest_goes_next(length, oldest):
    state = stale_keys.train(0.5, length)[-1]
    ages = stale_keys.STEPS - state.made
    assert sorted(ages.tolist()) == list(range(oldest + 1))
    assert int(ages[state.next]) == oldest


def test_the_queue_is_random_at_first_and_gets_one_group_a_step():
    states = stale_keys.train(0.5, 128)
    for step in (0, 1, 5):
        assert int((states[step].made != stale_keys.NEVER).sum()) == step
    assert (states[0].from_copy == 90).all()


def test_keys_of_a_copy_that_never_moves_are_never_stale_and_those_of_one_that_jumps_are():
    still, jumping = (stale_keys.train(decay, 512)[-1] for decay in (1.0, 0.0))
    assert still.from_copy.max() < 0.1
    assert torch.equal(jumping.from_copy, jumping.from_trained)  # without a moving average the copy is the network
    oldest, newest = int(jumping.made.argmin()), int(jumping.made.argmax())
    assert jumping.from_copy[oldest] > 5 * jumping.from_copy[newest]
    assert still.from_trained[newest] > jumping.from_trained[newest]


def test_the_angle_of_directions_is_in_degrees():
    a, b = torch.tensor([[1.0, 0], [1, 0], [1, 0]]), torch.tensor([[2.0, 0], [0, 1], [-1, 0]])
    assert stale_keys.degrees(a, b).tolist() == pytest.approx([0, 90, 180])
