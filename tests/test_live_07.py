"""What the demo of lesson 07 says of a result, against `tables` and small results made by hand."""

import pytest

from ssl_course.live import ranking
from ssl_course.results import read
from ssl_course.tables import paired, summary


def a_part(**values):
    """A budget with a row for each method, and a seed for each of its accuracies; None where it has no run."""
    seeds = {}
    for name, accuracies in values.items():
        for seed, value in enumerate(accuracies):
            if value is not None:
                row = {"linear_probe": value, "knn": value / 2, "cost": 3}
                seeds.setdefault(str(seed), {})[name] = row
    return {"seeds": seeds}


def test_means_and_ties_are_those_of_the_tables():
    part, methods = read("compare_shapes"), ranking.GROUPS["all"]
    order = ranking.ranking(ranking.scores(part, methods, "knn"))
    means = summary(part, "knn")
    assert order == {name: pytest.approx(100 * means[name][0]) for name in methods}
    assert list(order) == sorted(methods, key=lambda name: -means[name][0])
    first = next(iter(order))
    ties = {name for name, (_, _, tie) in paired(part, "knn", against=first).items() if tie and name in methods}
    assert ranking.tied_with_first(part, methods, "knn") == ties


def test_the_best_seed_of_a_favourite_lifts_it_and_nobody_else():
    every = {"simclr": [50, 60], "byol": [40, 70], "mae": [58, 59]}
    assert ranking.ranking(every) == {"mae": 58.5, "simclr": 55, "byol": 55}
    assert list(ranking.ranking(every, "byol").items()) == [("byol", 70), ("mae", 58.5), ("simclr", 55)]
    told = ranking.sentence(ranking.ranking(every, "byol"), every, set(), "byol")
    assert "best of 2 seeds BYOL has place 1, by its mean place 3." in told


def test_one_seed_can_tell_nothing_apart():
    part = ranking.chosen(a_part(simclr=[0.9, 0.8], byol=[0.1, 0.2]), ["1"])
    assert ranking.scores(part, ["simclr", "byol"], "linear_probe") == {"simclr": [80], "byol": [20]}
    assert ranking.tied_with_first(part, ["simclr", "byol"], "linear_probe") == {"byol"}


def test_a_method_without_a_run_and_a_seed_that_is_not_there_are_left_out():
    part = ranking.chosen(a_part(simclr=[0.9, None], byol=[None, 0.4]), ["1", "7"])
    assert ranking.scores(part, ["simclr", "byol", "mae"], "knn") == {"byol": [20]}
    nothing = ranking.chosen(part, ["7"])
    assert ranking.tied_with_first(nothing, ["byol"], "knn") == set()


@pytest.mark.parametrize("seeds", [[0.5], [0.5, 0.6, 0.7]])
def test_any_number_of_seeds_and_budgets_is_drawn(seeds):
    parts = {"1": a_part(simclr=seeds, mae=[0.3], untrained=[0.1]), "5": a_part(simclr=seeds), "20": a_part(byol=[0.2])}
    demo = ranking.Ranking({"budgets": parts})
    for budget in parts:
        for group in ranking.GROUPS:
            told = demo.draw(**demo.values | {"budget": budget, "group": group, "favourite": "mae"})
            assert ("None of these methods" in told) == (
                not set(ranking.GROUPS[group]) & set(parts[budget]["seeds"]["0"])
            )


def test_a_method_stands_beside_the_floor_of_its_own_network():
    part = a_part(simclr=[0.9], mae=[0.5], untrained=[0.2], untrained_vit=[0.1])
    demo = ranking.Ranking({"budgets": {"1": part}})
    assert demo.floors_of(["mae", "simclr"], "linear_probe") == {"mae": 10, "simclr": 20}
