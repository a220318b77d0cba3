"""The comparison at equal cost: a row that fails costs no other; seeds of another day stay while they are true."""

import json

import pytest
import torch

from ssl_course import compare, load, methods, runs
from ssl_course.compare import collect, collect_budgets
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
    real = runs.run

    def collapsed(made, folder, **settings):
        row = real(made, folder, **settings)
        if made.method == "untrained":
            torch.save(torch.ones_like(row["features"]), folder / row["hash"] / "features.pt")
        return row

    monkeypatch.setattr(runs, "run", collapsed)
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

    monkeypatch.setattr(runs, "run", stopped)
    monkeypatch.setattr(compare, "load_images", few_images)
    with pytest.raises(KeyboardInterrupt):
        collected(recipes("pixels"), tmp_path)


def budgets(folder, counts, **arguments):
    made = {
        times: [
            recipe(name, seed=seed, scale=times, **SMALL) for seed in range(count) for name in ("untrained", "rotation")
        ]
        for times, count in counts.items()
    }
    return collect_budgets(made, folder, caption="small", machine=CPU, **arguments)


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(compare, "load_images", few_images)
    monkeypatch.setattr(compare, "Task", lambda made, judge, prepare: runs.Task(made, judge, few_images))


def test_budgets_have_the_whole_row_at_the_largest_and_two_columns_at_the_others(small, tmp_path):
    kept = []
    result = budgets(tmp_path, {1: 2, 2: 1}, keep=lambda part: kept.append(json.dumps(part)))
    assert {times: list(part["seeds"]) for times, part in result["budgets"].items()} == {"1": ["0", "1"], "2": ["0"]}
    first, last = (result["budgets"][times]["seeds"]["0"]["rotation"] for times in ("1", "2"))
    assert (first["passes"], last["passes"]) == (2, 4)
    assert last["cost"] == pytest.approx(2 * first["cost"])
    assert "fine_tuned" not in first
    assert set(last["draws"]["0.1"]) == {"few_labels", "fine_tuned"}
    assert len(kept) == 6  # after every run
    assert list(result["budgets"]["2"]["similarity"]) == ["untrained", "rotation"]


def test_brief_budgets_have_two_columns_at_the_largest_cost_too(small, tmp_path):
    result = budgets(tmp_path, {1: 1}, brief=True)
    row = result["budgets"]["1"]["seeds"]["0"]["rotation"]
    assert {"linear_probe", "knn"} <= set(row)
    assert not {"few_labels", "fine_tuned", "draws"} & set(row)


def test_what_is_there_can_be_gathered_and_nothing_is_trained(small, tmp_path, monkeypatch):
    some = budgets(tmp_path, {1: 1})
    monkeypatch.setattr(runs, "pretrain", lambda *_, **__: pytest.fail("something was trained"))
    gathered = budgets(tmp_path, {1: 2, 2: 1}, kept=True)
    assert list(gathered["budgets"]["2"]["seeds"]["0"]) == ["untrained"]  # the same at every cost
    assert gathered["budgets"]["1"]["seeds"] == {}  # judged briefly there, and kept as a whole row
    assert budgets(tmp_path, {1: 2}, kept=True)["budgets"]["1"]["seeds"] == some["budgets"]["1"]["seeds"]


def test_a_run_that_fails_in_another_process_is_named(small, tmp_path, monkeypatch):
    def failing(*_, **__):
        raise TrainingError("the loss is nan")

    monkeypatch.setattr(runs, "pretrain", failing)
    said = []
    result = budgets(tmp_path, {1: 1}, say=said.append)
    assert result["budgets"]["1"]["failed"] == ["Rotation, seed 0, cost 1: the loss is nan"]
    assert list(result["budgets"]["1"]["seeds"]["0"]) == ["untrained"]


def test_seeds_of_another_day_are_kept_in_each_budget(small, tmp_path):
    before = json.loads(json.dumps(budgets(tmp_path, {1: 2})))
    after = budgets(tmp_path / "new", {1: 1}, earlier=before)
    assert after["budgets"]["1"]["seeds"]["1"] == before["budgets"]["1"]["seeds"]["1"]


def test_saving_budgets_writes_the_curves(small, tmp_path):
    compare.save_budgets(budgets(tmp_path, {1: 1, 2: 1}), tmp_path / "out")
    assert {"curves.png", "times_1", "times_2"} == {file.name for file in (tmp_path / "out").iterdir()}
    assert (tmp_path / "out" / "times_2" / "table.md").exists()
