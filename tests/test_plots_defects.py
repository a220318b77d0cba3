"""The figures of lesson 08b show what they say: rings where the defects are, one spot at every size, thresholds."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from ssl_course import plots
from ssl_course.plots.defects import RING, around


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def dotted(y, x, size=128):
    """A black photograph with one white pixel."""
    image = torch.zeros(3, size, size, dtype=torch.uint8)
    image[:, y, x] = 255
    return image


def test_a_defect_has_a_ring_and_its_inside_below_and_a_good_one_has_neither():
    images = torch.stack([dotted(40, 70), dotted(0, 0)])
    above, below = plots.photographs(images, np.array([[40.0, 70.0], [-1, -1]]), ("defect", "good"))
    assert [patch.center for patch in above[0].patches] == [(70, 40)]
    assert np.argwhere(below[0].images[0].get_array()[..., 0]).tolist() == [[RING, RING]]
    assert len(above[1].patches) == len(below[1].images) == 0
    assert [ax.get_title() for ax in above] == ["defect", "good"]


@pytest.mark.parametrize(("y", "x"), [(2, 3), (127, 126), (64, 1)])
def test_at_an_edge_the_part_around_a_place_is_as_large_as_elsewhere_and_holds_it(y, x):
    part = around(dotted(y, x), y, x)
    assert part.shape == (3, 2 * RING, 2 * RING)
    assert part.max() == 255


def test_shrinking_shows_the_same_spot_paler_the_fewer_pixels_there_are():
    axes = plots.shrunk(dotted(40, 70), (40, 70), (128, 64, 32))
    brightest = [int(ax.images[0].get_array().max()) for ax in axes]
    assert brightest == [255, 64, 16]  # the mean of 1, 4 and 16 pixels
    assert [ax.get_title() for ax in axes] == ["128x128", "64x64", "32x32"]


def test_precision_falls_where_the_first_false_alarm_comes():
    labels = np.array([0, 1, 0, 1])
    ax = plots.precision_recall(labels, {"good": torch.tensor([0.0, 3, 1, 2]), "bad": torch.tensor([3.0, 0, 2, 1])})
    lines = {line.get_label(): line.get_xydata() for line in ax.lines}
    assert [1.0, 1.0] in lines["good"].tolist()
    assert max(precision for recall, precision in lines["bad"].tolist() if recall) == 0.5
    assert lines["share of the defects"][0, 1] == 0.5


def test_scores_are_drawn_by_kind_in_the_row_of_their_set_with_the_thresholds():
    sets = {"labelled": (torch.tensor([0.0, 5]), np.array([0, 1])), "test": (torch.tensor([1.0]), np.array([1]))}
    ax = plots.score_strip(sets, {"line": 2.5})
    found = [(points.get_label(), points.get_offsets().data.round().tolist()) for points in ax.collections]
    assert found == [("good", [[0, 0]]), ("defect", [[5, 0]]), ("good", []), ("defect", [[1, 1]])]
    assert ax.lines[0].get_xdata()[0] == 2.5
    assert [text.get_text() for text in ax.get_yticklabels()] == ["labelled", "test"]


def test_heat_is_on_one_scale_for_all_photographs():
    maps = torch.stack([torch.full((128, 128), value) for value in (1.0, 7.0)])
    axes = plots.heat(torch.stack([dotted(9, 9)] * 2), maps, np.array([[9.0, 9.0], [-1, -1]]))
    assert {ax.images[0].get_clim() for ax in axes[1]} == {(1.0, 7.0)}
    assert [len(ax.patches) for ax in axes.flat] == [1, 0, 1, 0]
