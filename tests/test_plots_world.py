import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from ssl_course.plots import world


def test_a_trip_goes_through_every_place_and_rings_the_goal():
    x, y = np.random.default_rng(0).uniform(0, 31, (2, 8))
    ax = world.trip(torch.rand(3, 32, 32), x, y, (20.0, 9.0), near=2.0)
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), np.stack([x, y], axis=1))
    (ring,) = ax.patches
    assert (ring.center, ring.radius) == ((20.0, 9.0), 2.0)
    bottom, top = ax.get_ylim()
    assert bottom > top


def test_distances_are_medians_over_time():
    values = np.array([[9.0, 5.0], [7.0, 3.0], [100.0, 4.0]])
    ax = world.distances({"one": values}, near=2.0)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [9, 4])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["one"]


def test_foretold_places_are_drawn_against_the_true_ones_of_their_step():
    true = np.arange(12.0).reshape(4, 3)
    ax = world.foretold_places(true, {1: true[:, 0] + 1, 3: true[:, 2]})
    first, third = ax.lines[1:]
    np.testing.assert_array_equal(first.get_xdata(), true[:, 0])
    np.testing.assert_array_equal(first.get_ydata(), true[:, 0] + 1)
    np.testing.assert_array_equal(third.get_xdata(), third.get_ydata())
    assert first.get_label() == "1 step ahead"


def test_errors_begin_one_step_ahead():
    line = world.error_by_step({"model": np.array([0.5, 1.0, 2.0])}).lines[0]
    assert line.get_xydata().tolist() == [[1, 0.5], [2, 1.0], [3, 2.0]]


@pytest.mark.parametrize("draw", ["distances", "errors"])
def test_a_given_axes_is_drawn_on(draw):
    ax = plt.subplots()[1]
    curves = {"one": np.ones((3, 4) if draw == "distances" else 4)}
    drawn = world.distances(curves, near=1, ax=ax) if draw == "distances" else world.error_by_step(curves, ax=ax)
    assert drawn is ax
