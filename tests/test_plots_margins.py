"""Figures of lesson 03: what they draw is what they were given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from ssl_course import plots


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_triplets_stand_one_above_the_other_and_each_row_is_named():
    ax = plots.triplets(torch.zeros(4, 3, 8, 8), torch.ones(4, 3, 8, 8), torch.zeros(4, 3, 8, 8))
    assert [text.get_text() for text in ax.texts] == ["anchor", "positive", "negative"]
    canvas = ax.images[0].get_array()
    assert canvas[:8, :8].max() == 0
    assert canvas[10:18, :8].min() == 1


def test_the_zones_end_at_the_positive_and_at_the_margin():
    ax = plots.zones(near=0.25, margin=0.75)
    radii = {patch.get_label(): patch.radius for patch in ax.patches if hasattr(patch, "radius")}
    assert radii["hard"] == pytest.approx(0.5)
    assert radii["semi-hard"] == pytest.approx(1.0)
    assert radii["easy"] > max(*ax.get_xlim(), *ax.get_ylim())  # the ground
    assert next(text.get_text() for text in ax.texts if "sqrt" in text.get_text()).endswith("0.50$")


def test_a_curve_over_steps_is_a_moving_mean_in_the_middle_of_its_window():
    ax = plots.over_steps({"one": torch.arange(20.0)}, ylabel="loss", margin=0.5, width=5)
    steps, values = ax.lines[0].get_data()
    assert (steps[0], values[0]) == (2, 2.0)
    assert (steps[-1], values[-1]) == (17, 17.0)
    assert list(ax.lines[1].get_ydata()) == [0.5, 0.5]
    assert ax.get_xlabel() == "step (means over 5)"


def test_a_curve_that_is_shorter_than_its_window_is_refused():
    with pytest.raises(ValueError, match="a mean over 9 steps needs as many of them, short has 3"):
        plots.over_steps({"short": torch.zeros(3)}, ylabel="loss")


def test_shrinking_starts_at_the_margin_and_goes_through_the_loss_as_it_is():
    differences = torch.tensor([0.4, -0.1, -2.0])
    ax = plots.shrinking({"some": differences}, margin=0.5)
    scale, loss = ax.lines[0].get_data()
    assert loss[0] == pytest.approx(0.5)
    at_one = torch.relu(differences * scale[33] + 0.5).mean()
    assert loss[33] == pytest.approx(at_one.item())


def test_a_roc_curve_is_drawn_in_per_cent_beside_guessing():
    share = torch.linspace(0, 1, 11)
    ax = plots.roc({"features": (share, share.sqrt())})
    assert ax.lines[0].get_xdata()[-1] == 100
    assert ax.lines[0].get_ydata()[1] == pytest.approx(100 * 0.1**0.5)
    assert list(ax.lines[1].get_ydata()) == [0, 100]


def test_what_was_found_stands_beside_its_query_and_only_what_is_wrong_has_a_frame():
    found = torch.rand(2, 3, 3, 8, 8)
    ax = plots.retrieved(torch.ones(2, 3, 8, 8), found, torch.tensor([[True, False, True], [True, True, False]]))
    canvas = np.asarray(ax.images[0].get_array())
    assert canvas[:8, :8].min() == 1
    np.testing.assert_allclose(canvas[:8, 10:18], found[0, 0].permute(1, 2, 0).numpy())
    assert [frame.get_xy() for frame in ax.patches] == [(18.5, -1.5), (28.5, 8.5)]


def test_figures_are_drawn_where_they_are_told():
    given = plt.subplots()[1]
    assert plots.zones(0.5, 0.5, ax=given) is given
    assert plots.roc({}, ax=given) is given
