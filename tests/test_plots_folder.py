"""The figures of lesson 08 show what they say: the line, the nearest first, each draw, and the mistakes alone."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from ssl_course import plots

SQUARES = (torch.arange(4) * 60).byte().view(4, 1, 1, 1).expand(4, 3, 2, 2)  # each darker than the next


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def first_pixels(ax, height):
    """The grey of each picture that `show_images` has drawn, by row: pictures are 2 wide and 2 apart."""
    return (ax.images[0].get_array()[::height, ::4, 0] * 255).round().tolist()


def test_every_distance_is_counted_and_the_line_stands_where_twins_end():
    ax = plots.twin_distances(torch.tensor([0.0, 2.0, 50.0, 60.0]), 6)
    assert sum(bar.get_height() for bar in ax.patches) == 4
    assert ax.lines[0].get_xdata()[0] == pytest.approx(np.log10(6))


def test_the_plan_has_a_row_without_labels_above_one_with():
    heights = {text.get_text(): text.get_position()[1] for text in plots.two_stages().texts if text.get_text()}
    assert heights["encoder f"] > heights["f, frozen"] == heights["class"]


def test_curves_of_pretraining_have_the_collapse_as_a_line_and_all_directions_as_a_limit():
    records = [{"epoch": 1, "loss": 3.0, "effective_rank": 9.0}, {"epoch": 2, "loss": 2.0, "effective_rank": 8.0}]
    loss, rank = plots.pretraining(records, 4.8, 64)
    assert [list(ax.lines[1].get_ydata()) for ax in (loss, rank)] == [[4.8, 4.8], [1, 1]]
    assert rank.get_ylim() == (0, 64)


def test_a_row_of_neighbours_begins_with_the_query_and_goes_on_with_the_most_similar():
    features = torch.tensor([[1.0, 0.0], [0.0, 5.0], [2.0, 0.3], [1.0, 0.9]])
    (ax,) = plots.neighbour_rows(SQUARES, {"one": features}, [0, 1], shown=3)
    assert first_pixels(ax, 4) == [[0, 120, 180], [60, 180, 120]]


def test_a_query_is_the_first_even_if_it_has_a_copy():
    (ax,) = plots.neighbour_rows(SQUARES, {"one": torch.ones(4, 2)}, [3], shown=2)
    assert first_pixels(ax, 4)[0][0] == 180


def test_every_draw_of_labels_is_a_dot_in_per_cent_and_the_line_is_their_mean():
    ax = plots.label_draws([10, 20], [[0.2, 0.4], [0.5, 0.7]], name="NN", ceiling=0.9, marks={"rival": (20, 0.1)})
    mean, draws, rival, ceiling = ax.lines
    assert list(mean.get_ydata()) == pytest.approx([30, 60])
    assert list(draws.get_ydata()) == pytest.approx([20, 40, 50, 70])
    assert list(draws.get_xdata()) == [10, 10, 20, 20]
    assert (list(rival.get_ydata()), ceiling.get_ydata()[0]) == ([10], 90)


def test_rows_of_the_confusion_matrix_are_shares_of_the_true_class():
    ax = plots.confusion(torch.tensor([0, 0, 0, 0, 2]), torch.tensor([0, 0, 0, 1, 0]), ("a", "b", "c"))
    assert ax.images[0].get_array().tolist() == [[0.75, 0.25, 0], [1, 0, 0]]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "c"]


def test_only_wrong_guesses_are_shown_with_truth_and_guess():
    truth, guess = torch.tensor([0, 1, 1, 0]), torch.tensor([0, 0, 1, 1])
    ax = plots.wrong_guesses(SQUARES, truth, guess, ("a", "b"))
    assert [text.get_text() for text in ax.texts] == ["b\n→ a", "a\n→ b"]
    assert first_pixels(ax, 10)[0] == [60, 180]


def test_of_many_wrong_guesses_so_many_are_shown_as_asked_and_of_none_nothing():
    truth = torch.zeros(4).long()
    assert len(plots.wrong_guesses(SQUARES, truth, truth + 1, ("a", "b"), shown=3).texts) == 3
    assert plots.wrong_guesses(SQUARES, truth, truth, ("a", "b")) is None
