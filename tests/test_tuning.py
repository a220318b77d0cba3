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
    assert tuning.planned("first", "byol", trials) == tuning.first_changes()[4:]
