import math

import matplotlib.pyplot as plt
import pytest
import torch

from ssl_course import plots


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
