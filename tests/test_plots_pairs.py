import math

import matplotlib.pyplot as plt
import numpy as np
import torch

from ssl_course.plots import pairs


def test_a_long_caption_is_broken_into_lines():
    ax = pairs.captioned(torch.rand(3, 3, 8, 8), ["one", "a word and another one and one more", "two"], columns=2)
    assert [text.get_text() for text in ax.texts] == ["one", "a word and another one\nand one more", "two"]


def test_retrieval_has_a_caption_for_every_row_and_a_frame_round_what_is_right():
    right = torch.tensor([[False, True, False], [False, False, False]])
    ax = pairs.retrieval_grid(["one", "two"], torch.rand(2, 3, 3, 8, 8), right)
    assert [text.get_text() for text in ax.texts] == ["one", "two"]
    (frame,) = ax.patches
    assert frame.get_xy() == (10.5, -0.5)


def test_cosines_stand_in_their_cells_below_their_images():
    values = torch.tensor([[0.9, -0.2, 0.1], [0.0, 0.5, -1.0]])
    ax = pairs.cosines(values, ["a", "b"], torch.zeros(3, 3, 8, 8, dtype=torch.uint8))
    assert [text.get_text() for text in ax.texts][:3] == ["0.9", "-0.2", "0.1"]
    np.testing.assert_allclose(ax.images[0].get_array(), values)
    assert len(ax.artists) == 3


def test_the_gap_is_drawn_along_the_axis_of_most_spread():
    torch.manual_seed(0)
    images = 0.1 * torch.randn(20, 5)
    texts = images + torch.tensor([0.0, 3.0, 0.0, 0.0, 0.0])
    ax = pairs.gap(images, texts, lines=4)
    one, other = (part.get_offsets() for part in ax.collections)
    assert abs(float(one[:, 0].mean() - other[:, 0].mean())) > 2.9
    assert len(ax.lines) == 4


def test_bars_are_as_high_as_the_means():
    table = {"floor": {"hue": (0.2, 0.1), "x": (0.4, math.nan)}, "trained": {"hue": (0.9, 0.0), "x": (0.1, 0.0)}}
    ax = pairs.factor_bars(table)
    assert [bar.get_height() for bar in ax.patches] == [0.2, 0.4, 0.9, 0.1]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["hue", "x"]


def test_a_given_axes_is_drawn_on():
    ax = plt.subplots()[1]
    assert pairs.gap(torch.rand(5, 3), torch.rand(5, 3), ax=ax) is ax
