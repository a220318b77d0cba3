"""The figures of lesson 01 draw what they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from ssl_course import plots


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_pictures_side_by_side_have_a_title_each_and_tiles_stand_in_rows():
    first = plots.side_by_side({"whole": torch.rand(1, 3, 8, 8), "tiles": torch.rand(9, 3, 2, 2)})
    axes = first.figure.axes
    assert [ax.get_title() for ax in axes] == ["whole", "tiles"]
    assert axes[1].get_images()[0].get_array().shape == (3 * (2 + 2), 3 * (2 + 2) - 2, 3)


def test_rows_of_pictures_are_named_on_their_left():
    ax = plots.picture_rows({"seen": torch.rand(4, 3, 8, 8), "the truth": torch.rand(4, 3, 8, 8)})
    assert [text.get_text() for text in ax.texts] == ["seen", "the truth"]
    assert all(text.get_position()[0] < 0 for text in ax.texts)


def test_bars_are_per_cent_and_the_floor_is_one_line():
    ax = plots.bars({"stem": 0.25, "block": 0.5}, line=0.1, label="probe (%)")
    assert [bar.get_height() for bar in ax.patches] == [25, 50]
    assert list(ax.lines[0].get_ydata()) == [10, 10]
    assert ax.get_ylabel() == "probe (%)"


def test_each_class_has_its_own_share_of_right_answers_to_all_questions():
    right, labels = torch.tensor([1.0, 0.0, 1.0, 1.0, 0.0, 1.0]), torch.tensor([0, 1, 0])  # two questions each
    ax = plots.bars_by_class(right, labels, ("disc", "ring"))
    assert [bar.get_height() for bar in ax.patches] == [100, 0]
    with pytest.raises(ValueError, match="equally many"):
        plots.bars_by_class(right[:5], labels, ("disc", "ring"))


def degrees_of(ax):
    """Where each ring lies: its middle and its width in degrees of the circle."""
    return [(np.rad2deg(bar.get_x() + bar.get_width() / 2) % 360, np.rad2deg(bar.get_width())) for bar in ax.patches]


def test_a_turn_of_a_quarter_lies_a_quarter_further_round_an_arrow_and_nowhere_else_for_a_cross():
    arrow, cross = degrees_of(plots.turn_circle(360)), degrees_of(plots.turn_circle(90))
    assert np.allclose(arrow, [(0, 30), (90, 30), (180, 30), (270, 30)])
    assert np.allclose(cross, 4 * [(0, 120)])


def test_other_turns_and_tilts_can_be_drawn():
    assert np.allclose(degrees_of(plots.turn_circle(180, tilt=5, turns=(0, 120))), [(0, 20), (240, 20)])


@pytest.mark.parametrize("wrong", [{"symmetry": 0}, {"symmetry": 400}, {"symmetry": 90, "tilt": 0}])
def test_a_circle_of_no_size_is_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        plots.turn_circle(**wrong)


def test_a_row_of_circles_has_a_title_for_each_shape_and_one_legend():
    first = plots.turn_circles({"arrow": 360, "star": 72})
    assert [ax.get_title() for ax in first.figure.axes] == ["arrow", "star"]
    assert len(first.figure.legends[0].get_texts()) == 4
