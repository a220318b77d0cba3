"""Figures of lesson 06: what is drawn is what was given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from ssl_course import plots
from ssl_course.methods.mae import patchify, random_masking


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def shown(ax):
    """The picture on an Axes, (height, width, 3)."""
    return np.asarray(ax.images[0].get_array())


def one_masked():
    torch.manual_seed(0)
    patches = patchify(torch.rand(1, 3, 32, 32))
    return patches[0], random_masking(patches)[1][0]


def test_the_four_steps_count_what_is_encoded_decoded_and_compared():
    axes = plots.masking_steps(*one_masked()).figure.axes
    assert [ax.get_title() for ax in axes] == ["hide 75 %", "encode 16", "decode all 64", "compare 48"]


def test_what_is_given_and_what_is_compared_are_the_two_halves_of_the_image():
    patches, mask = one_masked()
    given, _, _, compared = plots.masking_steps(patches, mask).figure.axes
    both = shown(given) + shown(compared) - 0.5
    whole = patches.view(8, 8, 3, 4, 4).permute(0, 3, 1, 4, 2).reshape(32, 32, 3)
    np.testing.assert_allclose(both[:32, :32], whole, atol=1e-6)


def test_rows_of_pictures_have_their_names_and_their_order():
    ax = plots.picture_rows({"black": torch.zeros(3, 3, 8, 8), "white": torch.ones(3, 3, 8, 8)})
    assert [text.get_text() for text in ax.texts] == ["black", "white"]
    assert shown(ax)[:8, :8].max() == 0
    assert shown(ax)[10:18, :8].min() == 1
    with pytest.raises(ValueError, match="same shape"):
        plots.picture_rows({"one": torch.zeros(2, 3, 8, 8), "two": torch.zeros(3, 3, 8, 8)})


def tuned(*seeds):
    """A result of `mae_tuning`, from the accuracies after 4 and after 10 passes."""
    rows = [{"from scratch": {"linear_probe": 0.2, "fine_tuned": {"4": a, "10": b}}} for a, b in seeds]
    return {"seeds": {str(seed): row for seed, row in enumerate(rows)}}


def test_a_tuning_curve_shows_every_seed_the_mean_and_the_probe():
    ax = plots.tuning_curves(tuned((0.1, 0.5), (0.3, 0.7)))
    one, two, mean, probe = ax.lines
    assert list(one.get_ydata()) == [10, 50]
    assert list(two.get_ydata()) == [30, 70]
    np.testing.assert_allclose(mean.get_ydata(), [20, 60])
    np.testing.assert_allclose(probe.get_ydata(), [20, 20])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["4", "10"]


def test_hidden_shares_are_drawn_with_the_passes_they_could_afford():
    seeds = {"0": {"0.25": {"passes": 2, "loss": 0.02, "linear_probe": 0.3}}}
    seeds["1"] = {"0.25": {"passes": 2, "loss": 0.04, "linear_probe": 0.4}}
    ax = plots.hidden_shares({"seeds": seeds})
    loss, probe = ax.figure.axes
    assert [label.get_text() for label in loss.get_xticklabels()] == ["25 %\n2 passes"]
    assert loss.lines[-1].get_ydata() == pytest.approx([0.03])
    assert probe.lines[-1].get_ydata() == pytest.approx([35])


def test_figures_of_one_axes_are_drawn_on_a_given_one():
    ax = plt.subplots()[1]
    assert plots.picture_rows({"a": torch.zeros(1, 3, 8, 8)}, ax=ax) is ax
    assert plots.tuning_curves(tuned((0.1, 0.5)), ax=plt.subplots()[1]) is not ax
    pair = plt.subplots(1, 2)[1]
    one = {"0": {"0.25": {"passes": 2, "loss": 0.02, "linear_probe": 0.3}}}
    assert plots.hidden_shares({"seeds": one}, axes=pair) is pair[0]
