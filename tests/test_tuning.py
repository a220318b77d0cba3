"""The tuning of longer runs: as many trials for every method, on images that nothing is reported on."""

import importlib.util
from pathlib import Path

import pytest

from ssl_course import load
from ssl_course.methods import METHODS
from ssl_course.recipes import make, recipe

FILE = Path(__file__).parent.parent / "benchmarks" / "tuning.py"
specification = importlib.util.spec_from_file_location("tuning", FILE)
tuning = importlib.util.module_from_spec(specification)
specification.loader.exec_module(tuning)


def row(probe, batch_size=32, lr=1e-3):
    return {"changes": {"batch_size": batch_size, "lr": lr}, "linear_probe": probe, "knn": 0.5}


def test_every_method_gets_as_many_trials():
    assert set(tuning.OWN) == {*METHODS, "supervised"}
    assert {len(tuning.second_changes(method, {})) for method in tuning.OWN} == {6}


@pytest.mark.parametrize("method", tuning.OWN)
def test_a_trial_changes_what_it_says_and_can_be_made(method):
    best = {"batch_size": 64, "lr": 2e-3}
    for changes in [*tuning.first_changes(), *tuning.second_changes(method, best)]:
        made = tuning.trial(method, changes, scale=3).recipe
        assert (made.batch_size, made.lr) == (changes["batch_size"], changes["lr"])
        for part in ("views", "options"):
            assert changes.get(part, {}).items() <= dict(getattr(made, part)).items()
        make(made)


def test_trials_are_judged_on_training_images_that_they_do_not_see():
    images = tuning.held_back(recipe("simclr", size=300, probe=100, seed=tuning.SEED))
    seen = {image.numpy().tobytes() for part in (images.train, images.labelled) for image in part.images}
    judged = {image.numpy().tobytes() for image in images.test.images}
    assert (len(images.train), len(images.labelled), len(images.test)) == (300, 100, tuning.HELD_BACK)
    assert seen.isdisjoint(judged)
    assert judged.isdisjoint({image.numpy().tobytes() for image in load("shapes", "test").images})


def test_a_tie_goes_to_the_largest_batch_and_a_small_gain_of_the_second_stage_is_none():
    first = [row(0.90), row(0.895, batch_size=128), row(0.88, batch_size=128)]
    assert tuning.best_of(first) == first[1]
    assert tuning.choose(first, [row(0.903)]) == first[1]["changes"]
    assert tuning.choose(first, [row(0.91, lr=5e-3)])["lr"] == 5e-3
    assert tuning.choose(first, []) == first[1]["changes"]


def test_what_was_tried_is_not_planned_again():
    trials = {"first": [{"changes": changes} for changes in tuning.first_changes()[:4]], "second": []}
    left = [(changes, tuning.SEED) for changes in tuning.first_changes()[4:]]
    assert tuning.planned("first", "byol", trials) == left


def test_a_longer_trial_is_planned_for_each_seed_that_it_lacks():
    trials = {"longer": [{"changes": changes, "seed": tuning.LONGER_SEEDS[0]} for changes in tuning.LONGER["byol"]]}
    left = [(changes, seed) for seed in tuning.LONGER_SEEDS[1:] for changes in tuning.LONGER["byol"]]
    assert tuning.planned("longer", "byol", trials) == left != []


def test_what_several_seeds_tried_is_judged_by_their_mean():
    lucky, steady = {"lr": 1e-3, "batch_size": 32}, {"lr": 2e-3, "batch_size": 32}
    trials = [row(0.9), row(0.5), row(0.8, lr=2e-3), row(0.8, lr=2e-3)]
    assert tuning.mean_of(trials, lucky) == pytest.approx(0.7)
    assert tuning.choose([row(0.1)], [], trials) == steady


def test_longer_trials_decide():
    trials = {name: {"first": [row(0.9)], "second": []} for name in ("byol", "simclr")}
    trials["byol"]["longer"] = [row(0.5), row(0.6, lr=2e-3)]
    chosen = tuning.choices(trials)
    assert chosen["byol"] == {"batch_size": 32, "lr": 2e-3}
    assert chosen["simclr"] == {"batch_size": 32, "lr": 1e-3}


@pytest.mark.parametrize("method", tuning.LONGER)
def test_a_longer_trial_can_be_made(method):
    for changes, seed in tuning.planned("longer", method, {}):
        made = tuning.trial(method, changes, tuning.LONGEST, seed).recipe
        assert (made.lr, made.seed) == (changes["lr"], seed)
