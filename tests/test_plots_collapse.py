import matplotlib.pyplot as plt
import pytest
import torch

from ssl_course import plots
from ssl_course.methods.byol import decay_at


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def said(ax):
    return [text.get_text() for text in ax.texts]


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_rows_of_pictures_have_their_names_at_the_left():
    ax = plots.picture_rows({"image": torch.rand(4, 3, 8, 8), "crop": torch.rand(4, 3, 8, 8)})
    assert said(ax) == ["image", "crop"]
    assert ax.images[0].get_array().shape[1] == 4 * 10 - 2


def test_the_diagram_names_all_parts_of_both_networks():
    ax = plt.subplots()[1]
    assert plots.byol_diagram(ax=ax) is ax
    parts = {"encoder $f$", "head $g$", "predictor $q$", "encoder copy", "head copy", "stop-gradient"}
    assert parts | {"view 1", "view 2", "moving average", "$p$", "$t$"} < set(said(ax))


def test_decay_curves_go_from_their_start_to_one():
    values = [decay_at(step / 10, 0.9) for step in range(11)]
    ax = plots.decay_curves({"start 0.9": values, "fixed": [0.99] * 11})
    x, y = ax.lines[0].get_data()
    assert (x[0], x[-1], y[0], y[-1]) == (0, 1, pytest.approx(0.9), 1)
    assert legend(ax) == ["start 0.9", "fixed"]


def test_spectra_of_all_seeds_are_drawn_in_one_colour_and_named_once():
    ax = plots.spectra({"one": [[0.9, 0.1], [0.8, 0.2]], "other": [[0.5, 0.5]]})
    assert [line.get_color() for line in ax.lines[:2]] == [plots.COLOURS[0]] * 2
    assert ax.lines[2].get_color() != plots.COLOURS[0]
    assert legend(ax) == ["one", "other"]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")


def test_a_descent_is_drawn_as_weights_at_the_left_and_losses_at_the_right():
    left = plots.descents({"alive": [(0.5, 0.1), (0.8, 0.3)], "dead": [(0.5, 0.1), (0.1, 0.0)]})
    right = left.figure.axes[1]
    assert [tuple(line.get_ydata()) for line in left.lines] == [(0.5, 0.8), (0.5, 0.1)]
    assert [tuple(line.get_ydata()) for line in right.lines] == [(0.1, 0.3), (0.1, 0.0)]
    assert legend(left) == ["alive", "dead"]


def test_correlation_tables_share_one_scale_from_minus_one_to_one():
    first = plots.correlation_grids({"identity": torch.eye(3), "copies": torch.ones(3, 3, requires_grad=True)})
    pictures = [ax.images[0] for ax in first.figure.axes[:2]]
    assert [picture.get_clim() for picture in pictures] == [(-1, 1)] * 2
    assert [ax.get_title() for ax in first.figure.axes[:2]] == ["identity", "copies"]


def test_a_single_correlation_table_may_go_on_an_axis_of_ones_own():
    ax = plt.subplots()[1]
    assert plots.correlation_grids({"identity": torch.eye(3)}, axes=[ax]) is ax


def test_the_value_of_each_seed_stands_in_the_table():
    seeds = {"0": {"BYOL": {"loss": 0.579, "probe": 0.448}}, "1": {"BYOL": {"loss": 0.6, "probe": 0.4}}}
    table = plots.of_each_seed(seeds, {"loss": 1, "probe": 100})
    assert table == {"BYOL": {"loss": "0.58, 0.60", "probe": "45, 40"}}
