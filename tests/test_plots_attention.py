import math

import pytest
import torch

from ssl_course.plots import attention


def test_every_picture_has_its_outline_and_a_map_of_every_network():
    masks = torch.zeros(3, 8, 8, dtype=torch.bool)
    masks[:, 2:6, 2:6] = True
    maps = {"one": torch.rand(3, 2, 2), "two": torch.rand(3, 2, 2)}
    figure = attention.looked_at(torch.rand(3, 3, 8, 8), maps, masks).figure
    assert len(figure.axes) == 9
    assert [ax.get_ylabel() for ax in figure.axes[::3]] == ["picture", "one", "two"]
    assert all(len(ax.collections) == 2 for ax in figure.axes)  # the outline and its rim


def test_the_collapses_are_marked():
    told = [{"entropy": 1.0, "of_mean": 2.0, "kl": 0.1}, {"entropy": 0.5, "of_mean": 2.0, "kl": 0.2}]
    ax = attention.collapses({"whole": told}, 16)
    assert list(ax.lines[0].get_ydata()) == [1.0, 0.5]
    assert ax.lines[1].get_ydata()[0] == pytest.approx(math.log(16))


def test_overlaps_are_bars_with_their_numbers():
    ax = attention.overlaps({"a": 0.25, "b": 0.5})
    assert [bar.get_width() for bar in ax.patches] == [0.25, 0.5]
    assert [text.get_text() for text in ax.texts] == ["0.25", "0.50"]
