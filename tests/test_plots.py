import math
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from ssl_course import plots
from ssl_course.methods import METHODS
from ssl_course.plots.results import style_of


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_a_heatmap_writes_every_number_and_leaves_gaps_empty():
    ax = plots.heatmap({"first": {"a": 0.25, "b": 1.0}, "second": {"a": math.nan}}, unit="share")
    assert [text.get_text() for text in ax.texts] == ["0.25", "1.00"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["first", "second"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b"]


def test_compare_draws_error_bars_only_when_there_is_a_spread():
    table = {"one": {"probe": 0.5, "knn": 0.4}, "two": {"probe": 0.7, "knn": 0.6}}
    plain = plots.compare(table, chance=0.1)
    spread = plots.compare(table, spread={name: {"probe": 0.02, "knn": 0.01} for name in table})
    assert len(plain.collections) == 0
    assert len(spread.collections) == 2
    assert [bar.get_width() for bar in spread.patches] == pytest.approx([50, 70, 40, 60])


def test_a_map_draws_every_point_once_in_the_colour_of_its_class():
    places, labels = torch.randn(12, 2).numpy(), torch.arange(12) % 3
    ax = plots.scatter(places, labels, ("a", "b", "c"))
    assert sum(len(part.get_offsets()) for part in ax.collections) == 12
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b", "c"]


def test_tsne_places_are_the_same_twice_and_keep_neighbours():
    features = torch.cat([torch.randn(15, 8), torch.randn(15, 8) + 20])
    places = plots.tsne_places(features)
    assert places.shape == (30, 2)
    assert (places == plots.tsne_places(features)).all()
    inside = torch.cdist(torch.tensor(places[:15]), torch.tensor(places[:15])).mean()
    between = torch.cdist(torch.tensor(places[:15]), torch.tensor(places[15:])).mean()
    assert inside < between


# Features as a collapse, a dead network or few images leave them; scikit-learn's t-SNE ends the process for some.
FEATURES = """
{
    "zero": torch.zeros(24, 8),
    "equal": torch.full((24, 8), 3.7),
    "equal up to rounding": torch.ones(24, 8) + 1e-7 * torch.randn(24, 8),
    "nearly equal": torch.ones(24, 8) + 1e-5 * torch.randn(24, 8),
    "half of them dead": torch.cat([torch.zeros(24, 8), torch.randn(24, 8)]),
    "all but one equal": torch.cat([torch.zeros(23, 8), torch.ones(1, 8)]),
    "two values": torch.eye(2)[torch.arange(24) % 2],
    "on a line": torch.arange(24.0)[:, None] * torch.ones(1, 8),
    "one column": torch.randn(24, 1),
    "one live column": torch.nn.functional.pad(torch.randn(24, 1), (0, 7)),
    "no column": torch.randn(24, 0),
    "four images": torch.randn(4, 8),
    "four equal images": torch.ones(4, 8),
    "huge": 1e30 * torch.randn(24, 8),
    "huge in float64": 1e200 * torch.randn(24, 8, dtype=torch.float64),
    "tiny": 1e-30 * torch.randn(24, 8),
    "half precision": torch.randn(24, 8).bfloat16(),
    "whole numbers": torch.randint(0, 3, (24, 8)),
    "with a gradient": torch.randn(24, 8, requires_grad=True),
}
"""
COLLAPSED = {"zero", "equal", "equal up to rounding", "no column", "four equal images"}


def test_a_map_of_any_features_is_drawn_and_the_process_lives():
    program = f"""
import matplotlib, torch
matplotlib.use("agg")
from ssl_course import plots
from ssl_course.methods import METHODS
from ssl_course.plots.results import style_of
torch.manual_seed(0)
for name, features in {FEATURES.strip()}.items():
    ax = plots.tsne(features, torch.arange(len(features)) % 2)
    finite = all(torch.tensor(part.get_offsets()).isfinite().all() for part in ax.collections)
    print(name, finite, "collapse" in ax.get_title(), sep="|")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    drawn = [line.split("|") for line in done.stdout.splitlines()]
    assert all(finite == "True" for _, finite, _ in drawn)
    assert {name for name, _, said in drawn if said == "True"} == COLLAPSED
    assert len(drawn) == FEATURES.count('": ')


@pytest.mark.parametrize(
    ("features", "rule"),
    [
        (torch.randn(3, 8), r"features \(N, D\) of at least 4 images, got \(3, 8\)"),
        (torch.randn(0, 8), r"at least 4 images, got \(0, 8\)"),
        (torch.randn(50), r"features \(N, D\) of at least 4 images, got \(50,\)"),
        (torch.full((5, 2), math.nan), "features must be finite, got 10 of 10 numbers"),
        (torch.eye(5) / 0, "features must be finite, got 25 of 25"),
        (torch.tensor([1.0, 2, 3, math.inf])[:, None], "features must be finite, got 1 of 4"),
    ],
)
def test_features_without_a_map_are_refused_in_a_sentence(features, rule):
    with pytest.raises(ValueError, match=rule):
        plots.tsne(features, torch.zeros(len(features), dtype=torch.long))


def test_features_may_be_an_array():
    assert plots.tsne(np.random.default_rng(0).normal(size=(6, 3)), torch.arange(6)).get_title() == ""


def test_a_map_of_ordinary_features_does_not_speak_of_a_collapse():
    assert plots.scatter(np.eye(2), torch.arange(2)).get_title() == ""


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ([-1, 0, 1], ["-1", "cat", "dog"]),
        ([0, 2, 7], ["cat", "fox", "7"]),
        ([0, 1, 10**9], ["cat", "dog", "1000000000"]),
        ([-3, -2, -1], ["-3", "-2", "-1"]),
    ],
)
def test_a_label_without_a_name_is_shown_as_a_number_and_never_under_anothers_name(labels, names):
    ax = plots.scatter(np.arange(6).reshape(3, 2), torch.tensor(labels), ("cat", "dog", "fox"))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == names


def test_yes_and_no_can_be_labels():
    ax = plots.scatter(np.eye(2), torch.tensor([True, False]))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["False", "True"]


def test_points_without_a_label_each_are_refused():
    with pytest.raises(ValueError, match="each point needs a label, got 5 points and 4 labels"):
        plots.scatter(np.zeros((5, 2)), torch.zeros(4))


def a_result_with_budgets():
    def part(scale, simclr, byol):
        rows = {"untrained": {"linear_probe": 0.2}, "supervised": {"linear_probe": 1.0, "cost": 3 * scale}}
        for name, values in (("simclr", simclr), ("byol", byol)):
            rows[name] = {"linear_probe": values, "knn": values / 2, "cost": 3 * scale}
        return {"seeds": {"0": rows}}

    return {"budgets": {"1": part(1, 0.9, 0.4), "3": part(3, 0.95, 0.7), "10": part(10, 0.99, 0.96)}}


def test_learning_curves_have_a_line_for_each_method_over_its_cost():
    ax = plots.learning_curves(a_result_with_budgets())
    lines = {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}
    assert list(lines) == ["SimCLR", "BYOL"]
    assert lines["BYOL"].get_xdata().tolist() == [3, 9, 30]
    assert lines["BYOL"].get_ydata().tolist() == pytest.approx([40, 70, 96])
    assert [text.get_text().strip() for text in ax.texts] == ["untrained encoder", "trained with labels"]


def test_learning_curves_can_be_of_one_method_and_of_knn():
    ax = plots.learning_curves(a_result_with_budgets(), ["byol"], column="knn")
    (line,) = (line for line in ax.lines if line.get_label() == "BYOL")
    assert line.get_ydata().tolist() == pytest.approx([20, 35, 48])
    assert "k-NN" in ax.get_ylabel()


def test_learning_curves_have_a_tick_only_where_a_method_has_a_point():
    result = a_result_with_budgets()
    del result["budgets"]["3"]["seeds"]["0"]["byol"]
    ticks = [plots.learning_curves(result, [name]).get_xticks().tolist() for name in ("byol", "simclr")]
    assert ticks == [[3, 30], [3, 9, 30]]


def test_every_method_has_a_colour_and_marker_of_its_own():
    styles = [style_of(name) for name in METHODS]
    assert len({(style["color"], style["marker"]) for style in styles}) == len(METHODS)


def test_the_transformers_floor_is_drawn_where_mae_is():
    result = a_result_with_budgets()
    for part in result["budgets"].values():
        part["seeds"]["0"] |= {"mae": {"linear_probe": 0.8, "cost": 3}, "untrained_vit": {"linear_probe": 0.1}}

    def floors(methods):
        return [text.get_text().strip() for text in plots.learning_curves(result, methods).texts[:-1]]

    assert floors(["byol"]) == ["untrained encoder"]
    assert floors(["mae"]) == ["untrained transformer"]
    assert floors(["byol", "mae"]) == ["untrained encoder", "untrained transformer"]


def test_a_heatmap_shows_the_spread_below_the_numbers():
    texts = [text.get_text() for text in plots.heatmap({"a": {"b": 0.5}}, spread={"a": {"b": 0.03}}).texts]
    assert texts == ["0.50\n±0.03"]
    assert [text.get_text() for text in plots.heatmap({"a": {"b": 0.5}}, spread={"a": {"b": math.nan}}).texts] == [
        "0.50"
    ]
