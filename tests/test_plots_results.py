"""Figures of results draw what the result holds: chosen rows, ties hollow, one map for each row and cost."""

import math

import matplotlib
import pytest

from ssl_course import plots

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def closed():
    yield
    plots.plt.close("all")


def a_result():
    row = {"linear_probe": 0.5, "knn": 0.4, "few_labels": {"0.1": 0.3}}
    seeds = {"0": {"pixels": row, "byol": row | {"fine_tuned": {"0.1": 0.6}}}}
    seeds["1"] = {"pixels": row, "byol": row | {"linear_probe": 0.7, "fine_tuned": {"0.1": 0.8}}}
    alike = {one: {other: 1.0 if one == other else 0.25 for other in ("pixels", "byol")} for one in ("pixels", "byol")}
    places = {name: [[0.0, 0.0], [1.0, 2.0], [3.0, 1.0]] for name in ("pixels", "byol")}
    maps = {"labels": [0, 1, 0], "classes": ["disc", "ring"], "places": places}
    return {"seeds": seeds, "similarity": alike, "maps": maps}


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_the_grid_of_accuracies_shows_mean_and_spread_and_leaves_out_what_a_row_has_not():
    ax = plots.accuracy_grid(a_result())
    assert texts(ax)[-1] == "0.70\n±0.14"
    assert len(texts(ax)) == 3 + 4
    assert [label.get_text() for label in ax.get_yticklabels()] == ["raw pixels", "BYOL"]


def test_the_grids_show_the_rows_that_are_asked_for():
    assert len(texts(plots.accuracy_grid(a_result(), ["byol"]))) == 4
    assert texts(plots.similarity_grid(a_result(), ["byol", "simclr"])) == ["1.00"]
    assert texts(plots.similarity_grid(a_result())) == ["1.00", "0.25", "0.25", "1.00"]


def test_a_difference_that_is_a_tie_is_hollow():
    table = {"simclr": (0.02, 0.05, True), "byol": (0.1, 0.01, False), "moco": (-0.1, math.nan, True)}
    ax = plots.differences(table, beside="the floor")
    marks = [container.lines[0] for container in ax.containers]
    assert [float(mark.get_xdata()[0]) for mark in marks] == pytest.approx([-10, 2, 10])
    assert [mark.get_markerfacecolor() == "white" for mark in marks] == [True, True, False]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["MoCo", "SimCLR", "BYOL"]


def test_a_gallery_shows_the_rows_that_are_asked_for():
    assert [ax.get_title() for ax in plots.gallery(a_result()).figure.axes] == ["raw pixels", "BYOL"]
    assert [ax.get_title() for ax in plots.gallery(a_result(), ["byol"]).figure.axes] == ["BYOL"]


def test_maps_by_cost_have_a_line_for_each_result_and_a_column_for_each_row():
    first = plots.maps_by_cost({"short": a_result(), "long": a_result()}, ["pixels", "byol"])
    axes = first.figure.axes
    assert [ax.get_title() for ax in axes] == ["raw pixels", "BYOL"] * 2
    assert [ax.get_ylabel() for ax in axes] == ["short", "", "long", ""]
