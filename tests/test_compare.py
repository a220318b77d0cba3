"""The comparison at equal cost: a row that fails costs no other; seeds of another day stay while they are true."""

import json

import pytest
import torch

from ssl_course import compare, load, methods, runs
from ssl_course.compare import collect
from ssl_course.recipes import recipe
from ssl_course.runs import Images, Machine
from ssl_course.train import TrainingError

CPU = Machine("cpu", "fp32", 1)
SMALL = {"size": 256, "budget": 1, "batch_size": 32, "lr": 1e-3, "probe": 200, "tuning_steps": 2}


def few_images(made, **_):
    train = load("shapes", size=256, seed=made.seed)
    return Images(train, train.sample(200), load("shapes", "test", size=100))


def recipes(*names, seeds=(0,)):
    return [recipe(name, seed=seed, **SMALL) for seed in seeds for name in names]


def collected(made, folder, **arguments):
    return collect(made, folder, caption="small", machine=CPU, progress=False, **arguments)


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """A small table: two seeds, four rows, two of which fail."""
    patch = pytest.MonkeyPatch()
    real = runs.pretrain

    def failing(method, *rest, **settings):
        if isinstance(method, methods.MoCo):
            raise TrainingError("the loss is nan")
        if isinstance(method, methods.SimSiam):
            raise MemoryError
        return real(method, *rest, **settings)

    patch.setattr(runs, "pretrain", failing)
    patch.setattr(runs, "code_behind", lambda *_: "code")
    patch.setattr(compare, "load_images", few_images)
    made = recipes("untrained", "moco", "simsiam", "rotation", seeds=(0, 1))
    found = collected(made, tmp_path_factory.mktemp("runs"))
    patch.undo()
    return found


def test_a_row_that_fails_in_any_way_is_named_and_costs_no_other(result):
    assert result["failed"][:2] == ["MoCo, seed 0: the loss is nan", "SimSiam, seed 0: MemoryError"]
    assert len(result["failed"]) == 4
    assert all(list(rows) == ["untrained", "rotation"] for rows in result["seeds"].values())


def test_the_result_says_what_all_rows_share_and_what_each_has_of_its_own(result):
    assert result["recipe"]["size"] == 256
    assert result["recipes"]["rotation"]["views"]["rotation"] == 0.0
    assert result["hardware"]["threads"] == 1
    assert json.loads(json.dumps(result)) == result


def test_saving_writes_table_result_and_figures(result, tmp_path):
    compare.save(result, tmp_path / "out")
    names = {file.name for file in (tmp_path / "out").iterdir()}
    pictures = {"accuracy.png", "factors.png", "similarity.png", "maps.png"}
    assert names == pictures | {"table.md", "table.csv", "result.json"}
    read = json.loads((tmp_path / "out" / "result.json").read_text())
    assert read["seeds"]["0"]["rotation"]["passes"] == 2
    assert len((tmp_path / "out" / "table.csv").read_text().splitlines()) == 3


def test_a_table_in_which_everything_failed_is_saved_too(tmp_path):
    empty = {"caption": "none", "seeds": {"0": {}}, "similarity": {}, "maps": {"places": {}, "classes": ["a"]}}
    compare.save(empty, tmp_path)
    assert (tmp_path / "table.md").exists()


def test_a_row_is_most_similar_to_itself(result):
    for name, row in result["similarity"].items():
        assert row[name] == pytest.approx(1, abs=1e-3)


def test_a_collapsed_row_stays_in_the_table_and_out_of_the_maps(tmp_path, monkeypatch):
    real = compare.run

    def collapsed(made, *rest, **settings):
        row = real(made, *rest, **settings)
        return row | {"features": torch.ones_like(row["features"])} if made.method == "untrained" else row

    monkeypatch.setattr(compare, "run", collapsed)
    monkeypatch.setattr(compare, "load_images", few_images)
    found = collected(recipes("pixels", "untrained"), tmp_path)
    assert list(found["seeds"]["0"]) == ["pixels", "untrained"]
    assert list(found["similarity"]) == list(found["maps"]["places"]) == ["pixels"]


def test_a_seed_of_another_day_is_kept_while_it_is_true_and_dropped_when_it_is_stale(tmp_path, monkeypatch):
    monkeypatch.setattr(compare, "load_images", few_images)
    first = json.loads(json.dumps(collected(recipes("pixels", "untrained"), tmp_path)))
    both = collected(recipes("pixels", "untrained", seeds=(1,)), tmp_path, earlier=first)
    assert list(both["seeds"]) == ["0", "1"]
    assert both["seeds"]["0"] == first["seeds"]["0"]

    said = []
    monkeypatch.setattr(runs, "FEW", (0.1,))
    later = collected(recipes("pixels", "untrained", seeds=(1,)), tmp_path, earlier=first, say=said.append)
    assert list(later["seeds"]) == ["1"]
    assert "seed 0: left out raw pixels, untrained encoder, made by other code, data or settings" in said[0]


def test_stopping_by_hand_stops_the_table(tmp_path, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(compare, "run", stopped)
    monkeypatch.setattr(compare, "load_images", few_images)
    with pytest.raises(KeyboardInterrupt):
        collected(recipes("pixels"), tmp_path)
