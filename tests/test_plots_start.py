"""The figures of lesson 00 show what they say: the order, the years, the luck, and one panel for each setting."""

import matplotlib.pyplot as plt
import pytest
import torch

from ssl_course import plots


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_rows_of_images_run_from_the_smallest_to_the_largest_value_of_a_factor():
    values = torch.tensor([3.0, 0.0, 2.0, 1.0])
    images = (60 * values).byte().view(4, 1, 1, 1).expand(4, 3, 2, 2)
    rows = plots.sorted_by(images, {"size": values, "x": -values}, ["size", "x"], shown=3)
    assert [ax.get_title(loc="left") for ax in rows] == ["sorted by size", "sorted by x"]
    shown = rows[0].images[0].get_array()[0, ::4, 0] * 255  # the first pixel of each image, 2 wide and 2 apart
    assert shown.tolist() == pytest.approx([0, 120, 180])


def test_the_timeline_is_in_the_order_of_years_and_fills_what_is_built():
    ax = plots.timeline({"late": (2022, True), "early": (2006, False)})
    assert [text.get_text() for text in ax.texts] == ["early", "late"]
    assert [line.get_xdata()[0] for line in ax.lines] == [2006, 2022]
    assert [line.get_markerfacecolor() for line in ax.lines] == ["white", ax.lines[1].get_color()]


def test_label_curves_draw_a_line_with_error_bars_for_each_encoder_in_per_cent():
    curve = [{"labels": 20, "accuracy": 0.5, "deviation": 0.1}, {"labels": 200, "accuracy": 0.75, "deviation": 0.0}]
    ax = plots.label_curves({"one": curve, "two": curve})
    assert len(ax.containers) == 2
    assert list(ax.containers[0][0].get_ydata()) == [50, 75]
    assert ax.containers[0][2][0].get_segments()[0][:, 1].tolist() == pytest.approx([40, 60])
    assert ax.get_xscale() == "log"


def test_feature_maps_have_one_panel_for_each_encoder_and_one_legend():
    features, labels = torch.randn(12, 3), torch.arange(12) % 2
    panels = plots.feature_maps({"one": features, "two": 2 * features}, labels, ("a", "b"))
    assert [ax.get_title() for ax in panels] == ["one", "two"]
    assert all(sum(len(part.get_offsets()) for part in ax.collections) == 12 for ax in panels)
    assert [text.get_text() for text in panels[0].figure.legends[0].get_texts()] == ["a", "b"]


def test_panels_of_tsne_differ_with_perplexity_and_seed_and_are_the_same_twice():
    features, labels = torch.randn(20, 4, generator=torch.Generator().manual_seed(0)), torch.arange(20) % 2
    panels = plots.tsne_settings(features, labels, ("a", "b"), [(2, 0), (6, 0), (6, 1), (6, 1)])
    assert [ax.get_title() for ax in panels][:2] == ["perplexity 2, seed 0", "perplexity 6, seed 0"]
    places = [ax.collections[0].get_offsets() for ax in panels]
    assert not (places[0] == places[1]).any()
    assert not (places[1] == places[2]).any()
    assert (places[2] == places[3]).all()


def test_a_perplexity_that_asks_for_more_neighbours_than_there_are_is_refused():
    with pytest.raises(ValueError, match="below the number of features, 5, got 30"):
        plots.tsne_settings(torch.randn(5, 2), torch.zeros(5).long(), ("a",), [(2, 0), (30, 0)])
