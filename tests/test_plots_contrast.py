"""The figures of lesson 04 show what they are given."""

import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ssl_course import plots


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_rows_of_images_carry_their_names():
    ax = plots.picture_rows({"crop": torch.rand(4, 3, 8, 8), "grayscale": torch.rand(4, 3, 8, 8)})
    assert [text.get_text() for text in ax.texts] == ["crop", "grayscale"]
    assert ax.images[0].get_array().shape[:2] == (2 * 10, 4 * 10 - 2)


def test_a_row_of_neighbours_begins_with_its_query_and_goes_on_by_cosine():
    directions = torch.tensor([[1.0, 0.0], [0.0, 1.0], [3.0, 1.0], [1.0, 3.0], [2.0, 0.0]])
    images = (50 * torch.arange(5)).view(5, 1, 1, 1).expand(-1, 3, 4, 4).to(torch.uint8)
    ax = plots.neighbours(directions, images, queries=2, count=3)
    shown = ax.images[0].get_array()[[1, 7]][:, [1, 7, 13], 0] * 255
    assert shown.round().astype(int).tolist() == [[0, 200, 100], [50, 150, 100]]


def test_histograms_of_views_are_shares_of_all_values():
    views = torch.rand(2, 3, 8, 8)
    ax = plots.value_histograms(views, views.flip(0))
    shares = [patch.get_data().values for patch in ax.patches]
    assert len(shares) == 4
    assert [values.sum() for values in shares] == pytest.approx([100] * 4)
    np.testing.assert_allclose(shares[0], shares[3])  # of one image, in either view


def test_the_partner_and_the_row_itself_are_marked_among_the_candidates():
    z = F.normalize(torch.randn(6, 4), dim=1)
    ax = plots.candidates(z @ z.T)
    marks = {(int(x), int(y)): text.get_text() for text in ax.texts for x, y in [text.get_position()]}
    assert {place for place, mark in marks.items() if mark == "self"} == {(i, i) for i in range(6)}
    assert {place for place, mark in marks.items() if mark == "+"} == {((i + 3) % 6, i) for i in range(6)}


def test_every_step_is_drawn_and_its_mean_lies_in_the_middle_of_its_window():
    ax = plots.loss_per_step({"one": [5.0, 4.0, 3.0, 2.0], "two": [1.0] * 4}, guess=math.log(255), width=3)
    single, smooth = ax.lines[:2]
    assert single.get_xydata().tolist() == [[1, 5], [2, 4], [3, 3], [4, 2]]
    assert smooth.get_xydata().tolist() == pytest.approx(np.array([[2, 4], [3, 3]]))
    assert ax.lines[-1].get_ydata()[0] == pytest.approx(5.541, abs=1e-3)


def test_loss_and_probe_stand_side_by_side():
    left, right = plots.loss_and_probe([3.0, 4.0, 5.0], [(1, 0.3), (3, 0.9)])
    assert left.lines[0].get_xydata().tolist() == [[1, 3], [2, 4], [3, 5]]
    assert right.lines[0].get_xydata().tolist() == [[1, 30], [3, 90]]


@pytest.mark.parametrize(("diagram", "words"), [("simclr_diagram", "NT-Xent"), ("moco_diagram", "queue of K old keys")])
def test_a_diagram_names_its_parts_and_takes_an_axes(diagram, words):
    ax = plt.subplots()[1]
    assert getattr(plots, diagram)(ax=ax) is ax
    assert any(words in text.get_text() for text in ax.texts)
