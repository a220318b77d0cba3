import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from ssl_course import plots
from ssl_course.language import causal_mask


def test_a_mask_is_drawn_with_the_word_that_looks_in_its_row():
    words = ["the", "cat", "sleeps"]
    axes = plots.who_sees_whom({"all": torch.ones(3, 3).bool(), "past": causal_mask(3)}, words)
    assert [ax.get_title() for ax in axes] == ["all", "past"]
    assert np.array_equal(axes[1].images[0].get_array(), causal_mask(3).float())
    assert [label.get_text() for label in axes[1].get_yticklabels()] == words
    assert (axes[0].get_xlabel(), axes[0].get_ylabel()) == ("is looked at", "looks")


def test_curves_stand_between_named_lines():
    curves = {"next": ([1, 2, 3], [3.0, 2.0, 1.0]), "masked": ([1, 2, 3], [3.5, 3.0, 2.0])}
    ax = plots.between_lines(curves, {"bigram": 1.9, "entropy": 1.4})
    drawn = [line.get_ydata() for line in ax.lines]
    assert [list(values) for values in drawn[:2]] == [[3.0, 2.0, 1.0], [3.5, 3.0, 2.0]]
    assert [values[0] for values in drawn[2:]] == [1.9, 1.4]
    assert [text.get_text().strip() for text in ax.texts] == ["bigram", "entropy"]
    assert ax.get_ylabel() == "loss in nats a word"


def test_a_single_curve_needs_no_legend_and_any_axes_can_be_given():
    _, given = plt.subplots()
    ax = plots.between_lines({"": ([1, 2], [3.0, 2.0])}, {}, xlabel="read", ylabel="bits", ax=given)
    assert ax is given
    assert ax.get_legend() is None
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("read", "bits")


@pytest.mark.parametrize("keys", [range(1, 9), [str(n) for n in range(1, 9)]])
def test_agreement_is_drawn_in_per_cent_over_the_distance(keys):
    ax = plots.by_distance({"bigram": dict.fromkeys(keys, 0.5)})
    assert list(ax.lines[0].get_xdata()) == list(range(1, 9))
    assert list(ax.lines[0].get_ydata()) == [50.0] * 8
    assert ax.lines[1].get_ydata()[0] == 50
    assert "%" in ax.get_ylabel()


def test_layers_begin_before_the_first_block():
    ax = plots.by_layer({"masked": [0.5, 0.9, 1.0]}, chance=0.5)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["words and places", "block 1", "block 2"]
    assert list(ax.lines[0].get_ydata()) == [50, 90, 100]
