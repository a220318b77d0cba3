"""Figures of lesson 02: pictures in rows, errors beside known ones, prices, widths of a code; and the painter."""

import matplotlib.pyplot as plt
import pytest
import torch

from ssl_course import plots, shapes


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_each_row_of_pictures_has_its_name_at_its_height():
    ax = plots.picture_rows({"image": torch.zeros(3, 1, 8, 8), "rebuilt": torch.ones(3, 1, 8, 8)})
    assert [text.get_text() for text in ax.texts] == ["image", "rebuilt"]
    assert [text.get_position()[1] for text in ax.texts] == [4, 14]
    canvas = ax.images[0].get_array()
    assert canvas[:8, :8].max() == 0
    assert canvas[10:18].min() == 1


def test_rows_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="all rows must have the same shape, got "):
        plots.picture_rows({"one": torch.zeros(3, 3, 8, 8), "two": torch.zeros(2, 3, 8, 8)})


def test_a_training_curve_has_its_passes_as_ticks_and_each_level_by_name():
    records = [{"epoch": 1, "loss": 0.05}, {"epoch": 2, "loss": 0.03}]
    ax = plots.painting_error(records, {"one picture for all": 0.08, "one colour for each": 0.03})
    assert [line.get_ydata()[0] for line in ax.lines] == [0.05, 0.08, 0.03]
    assert [text.get_text() for text in ax.texts] == ["one picture for all", "one colour for each"]
    assert ax.get_xticks().tolist() == [1, 2]
    assert ax.get_ylim()[1] > 0.08


def test_a_long_history_gets_few_ticks():
    ax = plots.painting_error([{"epoch": epoch, "loss": 1 / epoch} for epoch in range(1, 41)], {})
    assert len(ax.get_xticks()) < 9


def test_prices_stand_at_their_bars_and_the_class_has_a_colour_of_its_own():
    ax = plots.price_list({"hue": 0.01, "class": 0.02})
    assert [bar.get_width() for bar in ax.patches] == [0.01, 0.02]
    assert ax.patches[0].get_facecolor() != ax.patches[1].get_facecolor()
    assert [text.get_text() for text in ax.texts] == ["0.010", "0.020"]


def test_a_sweep_over_widths_draws_the_error_left_and_accuracies_in_per_cent_right():
    sweep = {2: {"error": 0.03, "seen": 0.1, "read": 0.1}, 8: {"error": 0.01, "seen": 0.3, "read": 0.2}}
    left, right = plots.width_sweep(sweep, {"read": 0.25})
    assert left.lines[0].get_ydata().tolist() == [0.03, 0.01]
    assert [line.get_ydata()[0] for line in right.lines] == [10, 10, 25]
    assert [label.get_text() for label in right.get_xticklabels()] == ["2", "8"]


def test_directions_of_a_code_are_sorted_by_their_price():
    ax = plots.code_prices({"one": torch.tensor([0.1, 2.0, 0.5]), "two": torch.zeros(3)})
    assert ax.lines[0].get_ydata() == pytest.approx([2.0, 0.5, 0.1])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["one", "two"]


def test_the_painter_paints_what_the_built_in_images_are():
    drawn, factors = shapes.draw(40, seed=5)
    painted = 255 * plots.paint(factors)
    assert painted.shape == (40, 3, 32, 32)
    assert (painted.round() - torch.tensor(drawn)).abs().max() <= 1


def test_the_painter_changes_what_a_factor_says_and_nothing_else():
    _, factors = shapes.draw(20, seed=6)
    changed = plots.paint(factors | {"hue": (factors["hue"] + 0.5) % 1}) - plots.paint(factors)
    assert changed[:, :, 0, 0].abs().max() < 1e-6  # the corner is always ground
    assert changed.abs().amax(dim=(1, 2, 3)).min() > 0.05


def test_ten_classes_are_sharp_in_one_pose_and_nearly_alike_as_a_mean_over_many():
    sharp, mean = plots.ten_classes(), plots.ten_classes(shapes.draw(100, seed=7)[1])
    assert sharp.shape == mean.shape == (10, 3, 32, 32)
    apart = [(ten - ten.mean(dim=0)).square().mean() for ten in (sharp, mean)]
    assert apart[1] < 0.4 * apart[0]


@pytest.mark.parametrize("draw", [plots.picture_rows, plots.price_list, plots.code_prices])
def test_a_figure_goes_to_the_axes_it_is_given(draw):
    given = plt.subplots()[1]
    value = {plots.picture_rows: torch.zeros(2, 3, 8, 8), plots.price_list: 0.1}.get(draw, torch.ones(3))
    assert draw({"one": value}, ax=given) is given
