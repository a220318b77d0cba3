"""What lesson 14's figures draw, by what is in their axes."""

import matplotlib.pyplot as plt
import pytest
import torch

from ssl_course import plots


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_context_is_shown_the_rest_is_grey_and_blocks_are_framed():
    image = torch.rand(3, 8, 8)
    ax = plots.context_and_blocks(image, torch.tensor([0]), torch.tensor([[2, 3], [1, 3]]), patch=4)
    _, context, targets = ax.figure.axes
    shown = torch.as_tensor(context.images[0].get_array())  # (H, W, 3)
    torch.testing.assert_close(shown[:4, :4].float(), image[:, :4, :4].permute(1, 2, 0))
    assert (shown[4:] == 0.5).all()
    boxes = [(*part.get_xy(), part.get_width(), part.get_height()) for part in targets.patches]
    assert boxes == [(-0.5, 3.5, 8, 4), (3.5, -0.5, 4, 8)]


def test_each_cloud_is_on_the_same_lines_under_the_normal_density():
    ax = plots.on_lines({"a": torch.randn(50, 3), "b": torch.zeros(50, 3)}, lines=2)
    assert len(ax.figure.axes) == 4
    assert ax.lines[0].get_ydata().max() == pytest.approx(0.399, abs=0.001)
    assert "a" in ax.get_ylabel()


def test_every_run_is_a_dot_of_its_group():
    ax = plots.probe_over_loss({"one": ([1.0, 2.0], [0.1, 0.2]), "two": ([3.0], [0.3])})
    assert [part.get_offsets().tolist() for part in ax.collections] == [[[1, 10], [2, 20]], [[3, 30]]]


def test_a_method_without_a_longer_run_has_one_dot():
    ax = plots.order_of_methods({"a": [(0.5, 0.1), (0.9, 0.0)], "b": [(0.2, float("nan"))]}, ["short", "long"])
    assert [part[0].get_xdata().tolist() for part in ax.containers] == [[50, 20], [90]]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["a", "b"]


def test_one_seed_has_no_bar_and_a_budget_that_nobody_has_is_not_drawn():
    ax = plots.order_of_methods({"a": [(0.5, 0.1)], "b": [(0.2, float("nan"))]}, ["short", "long"])
    (dots,) = ax.containers
    bars = dots[2][0].get_segments()
    assert [[x for x, _ in bar] for bar in bars if len(bar)] == [[pytest.approx(40), pytest.approx(60)]]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["short"]
