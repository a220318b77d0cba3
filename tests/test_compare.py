"""The comparison at equal cost: runs are kept by what made them, and the table says what the rows hold."""

import json
import math
from dataclasses import replace

import pytest
import torch

from ssl_course import compare, load, methods
from ssl_course.compare import Images, Plan, collect, run
from ssl_course.train import TrainingError

QUIET = {"progress": False, "device": "cpu", "precision": "fp32"}
PLAN = Plan("shapes", size=256, passes=1, batch_size=32, lr=1e-3, probe=200, tuning_steps=2)


def few_images(plan, seed):
    train = load("shapes", size=256, seed=seed)
    return Images(train, train.sample(200), load("shapes", "test", size=100))


@pytest.fixture(scope="module")
def images():
    return few_images(PLAN, 0)


@pytest.fixture
def trainings(monkeypatch):
    """Counts the calls of pretrain that train a row."""
    calls = []

    def counted(*arguments, **settings):
        calls.append(settings)
        return real(*arguments, **settings)

    real = compare.pretrain
    monkeypatch.setattr(compare, "pretrain", counted)
    return calls


def test_a_run_is_trained_once_and_then_read(tmp_path, images, trainings):
    first = run(PLAN, "simclr", 0, tmp_path, images, **QUIET)
    again = run(PLAN, "simclr", 0, tmp_path, images, **QUIET)
    assert len(trainings) == 1
    assert torch.equal(first.pop("features"), again.pop("features"))
    assert first == again
    files = {file.name for file in (tmp_path / first["hash"]).iterdir()}
    assert files == {"row.json", "features.pt", "checkpoint.pt", "made_of.json"}


def test_a_killed_run_goes_on_where_it_was(tmp_path, images, trainings, monkeypatch):
    def killed(*_, **__):
        raise RuntimeError("as if the power went")

    plan = replace(PLAN, passes=2)
    with monkeypatch.context() as broken:
        broken.setattr(compare, "linear_probe", killed)
        with pytest.raises(RuntimeError):
            run(plan, "simclr", 0, tmp_path, images, **QUIET)
    (folder,) = tmp_path.iterdir()
    assert (folder / "checkpoint.pt").exists()
    assert not (folder / "row.json").exists()
    assert run(plan, "simclr", 0, tmp_path, images, **QUIET)["hash"] == folder.name
    assert all(call["checkpoint"] == folder / "checkpoint.pt" for call in trainings)


def key(images, plan=PLAN, name="simclr", seed=0, **arguments):
    return compare.run_key(compare.ingredients(plan, name, seed, images, **QUIET | arguments))


def test_everything_that_decides_a_result_changes_its_hash(images):
    other = Images(load("shapes", size=256, seed=1), images.labelled, images.test)
    keys = [key(images), key(other), key(images, name="moco"), key(images, seed=1), key(images, precision="bf16")]
    keys += [key(images, replace(PLAN, **{name: 3})) for name in ("passes", "batch_size", "lr", "probe")]
    assert len(set(keys)) == len(keys)
    assert key(images) == key(images)


def test_a_change_of_a_methods_code_changes_its_hash_and_no_others(images, monkeypatch):
    before = {name: key(images, name=name) for name in ("simclr", "moco", "barlow_twins")}
    real = compare.inspect.getsource

    def edited(part):
        return real(part) + ("\nx = 1\n" if getattr(part, "__name__", "") == methods.moco.__name__ else "")

    monkeypatch.setattr(compare.inspect, "getsource", edited)
    after = {name: key(images, name=name) for name in before}
    assert {name for name in before if before[name] != after[name]} == {"moco"}


@pytest.mark.parametrize("module", ["augment", "train", "networks", "evaluate", "shapes", "features", "data"])
def test_a_change_of_the_shared_code_changes_every_hash_and_a_comment_none(images, monkeypatch, module):
    before, real = key(images), compare.inspect.getsource
    name = getattr(compare, module).__name__
    for addition, same in (("\n# says more\n", True), ("\nx = 1\n", False)):
        monkeypatch.setattr(
            compare.inspect, "getsource", lambda part, a=addition: real(part) + a * (part.__name__ == name)
        )
        assert (key(images) == before) is same


def test_barlow_twins_depends_on_simclr_whose_class_it_extends(images, monkeypatch):
    before, real = key(images, name="barlow_twins"), compare.inspect.getsource
    changed = methods.simclr.__name__
    monkeypatch.setattr(
        compare.inspect, "getsource", lambda part: real(part) + "\nx = 1\n" * (part.__name__ == changed)
    )
    assert key(images, name="barlow_twins") != before


@pytest.mark.parametrize("name", [*methods.METHODS])
def test_every_method_gets_the_operations_of_simclrs_passes(name):
    plan = replace(PLAN, passes=30)
    method = compare.build(name, "shapes")
    passes, cost = compare.passes_at_equal_cost(plan, method, (32, 32))
    budget = 30 * compare.training_flops(compare.build("simclr", "shapes"))
    assert abs(passes * cost / budget - 1) < 0.5 / passes + 1e-9


def test_an_unknown_row_and_data_without_labels_are_refused(tmp_path, images):
    with pytest.raises(ValueError, match="a row must be one of pixels, untrained"):
        run(PLAN, "nothing", 0, tmp_path, images)
    from PIL import Image

    for number in range(4):
        Image.new("RGB", (32, 32), (number, 0, 0)).save(tmp_path / f"{number}.png")
    with pytest.raises(ValueError, match="has no labels to judge by"):
        compare.load_images(replace(PLAN, data=str(tmp_path), size=4), 0)


@pytest.fixture(scope="module")
def result(tmp_path_factory, request):
    """A small table: two seeds, three rows, one of which fails."""
    patch = pytest.MonkeyPatch()
    real = compare.pretrain

    def failing(method, *rest, **settings):
        if isinstance(method, methods.MoCo):
            raise TrainingError("the loss is nan")
        return real(method, *rest, **settings)

    patch.setattr(compare, "pretrain", failing)
    patch.setattr(compare, "load_images", few_images)
    names = ["untrained", "moco", "rotation"]
    collected = collect(PLAN, names, [0, 1], tmp_path_factory.mktemp("runs"), caption="small", **QUIET)
    patch.undo()
    return collected


def test_a_failed_row_is_named_and_costs_no_other(result):
    assert result["failed"] == ["MoCo, seed 0: the loss is nan", "MoCo, seed 1: the loss is nan"]
    assert all(list(rows) == ["untrained", "rotation"] for rows in result["seeds"].values())


def test_the_summary_is_mean_and_deviation_over_the_seeds(result):
    values = [rows["rotation"]["linear_probe"] for rows in result["seeds"].values()]
    mean, deviation = compare.summary(result, "linear_probe")["rotation"]
    assert mean == pytest.approx(sum(values) / 2)
    assert deviation == pytest.approx(abs(values[0] - values[1]) / math.sqrt(2))
    assert set(compare.summary(result, "factors", "hue")) == {"untrained", "rotation"}


def test_the_table_has_a_line_for_each_row_and_says_how_many_passes(result):
    lines = compare.markdown(result).splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == ["untrained encoder", "Rotation"]
    assert lines[-1].split("|")[2].strip() == "2"


def test_saving_writes_table_result_and_figures(result, tmp_path):
    compare.save(result, tmp_path / "out")
    names = {file.name for file in (tmp_path / "out").iterdir()}
    pictures = {"accuracy.png", "factors.png", "similarity.png", "maps.png"}
    assert names == pictures | {"table.md", "table.csv", "result.json"}
    read = json.loads((tmp_path / "out" / "result.json").read_text())
    assert read["seeds"]["0"]["rotation"]["passes"] == 2
    assert len((tmp_path / "out" / "table.csv").read_text().splitlines()) == 3


def test_a_row_is_most_similar_to_itself(result):
    for name, row in result["similarity"].items():
        assert row[name] == pytest.approx(1, abs=1e-3)
        assert all(0 <= value <= 1 for value in row.values())
