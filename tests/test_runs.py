"""A run is kept by what made it: everything that decides a number changes its key, and nothing is trained twice."""

import json
import subprocess
import sys
import time
from dataclasses import replace

import psutil
import pytest
import torch
from PIL import Image

from ssl_course import fingerprint, load, runs
from ssl_course.recipes import recipe
from ssl_course.runs import Images, Machine, Trained, ingredients, load_images, run, run_key
from ssl_course.train import History

CPU = Machine("cpu", "fp32", 1)
SMALL = {"size": 256, "passes": 1, "batch_size": 32, "lr": 1e-3, "probe": 200, "tuning_steps": 2}


def small(name="simclr", **changes):
    return recipe(name, **SMALL | changes)


def few_images(made, **_):
    train = load("shapes", size=256, seed=made.seed)
    return Images(train, train.sample(200), load("shapes", "test", size=100))


@pytest.fixture(scope="module")
def images():
    return few_images(small())


@pytest.fixture
def trainings(monkeypatch):
    """Counts the calls of pretrain that train a row."""
    calls = []

    def counted(*arguments, **settings):
        calls.append(settings)
        return real(*arguments, **settings)

    real = runs.pretrain
    monkeypatch.setattr(runs, "pretrain", counted)
    monkeypatch.setattr(runs, "code_behind", lambda *_: "code")
    return calls


def quick(made, folder, images, **arguments):
    return run(made, folder, images=images, machine=CPU, progress=False, **arguments)


def test_a_run_is_trained_once_and_then_read(tmp_path, images, trainings):
    first, again = quick(small(), tmp_path, images), quick(small(), tmp_path, images)
    assert len(trainings) == 1
    assert torch.equal(first.pop("features"), again.pop("features"))
    assert first == again
    files = {file.name for file in (tmp_path / first["hash"]).iterdir()}
    assert files == {"row.json", "features.pt", "checkpoint.pt", "made_of.json", "history.json", runs.LOCK}


def test_every_part_of_the_recipe_reaches_the_training(tmp_path, images, trainings):
    made = small(passes=2, batch_size=64, lr=2e-3, weight_decay=0.01, warmup=0.2, seed=3)
    quick(made, tmp_path, images)
    (used,) = trainings
    expected = {"epochs": 2, "batch_size": 64, "lr": 2e-3, "weight_decay": 0.01, "warmup": 0.2, "seed": 3}
    assert {name: used[name] for name in expected} == expected
    assert (used["device"], used["precision"], used["threads"]) == ("cpu", "fp32", 1)


def test_the_row_records_what_was_used(tmp_path, images):
    row = quick(small(), tmp_path, images)
    assert row["machine"] == {"device": "cpu", "precision": "fp32", "threads": 1}
    assert row["hardware"]["precision"] == "fp32"
    assert row["hardware"]["threads"] == 1
    assert (row["passes"], row["steps"]) == (1, 8)
    made_of = json.loads((tmp_path / row["hash"] / "made_of.json").read_text())
    assert run_key(made_of) == row["hash"]
    assert made_of["recipe"]["options"] == {"temperature": 0.15}


def test_a_killed_run_goes_on_where_it_was(tmp_path, images, trainings, monkeypatch):
    def killed(*_, **__):
        raise RuntimeError("as if the power went")

    with monkeypatch.context() as broken:
        broken.setattr(runs, "linear_probe", killed)
        with pytest.raises(RuntimeError):
            quick(small(passes=2), tmp_path, images)
    (folder,) = tmp_path.iterdir()
    assert (folder / "checkpoint.pt").exists()
    assert not (folder / "row.json").exists()
    assert quick(small(passes=2), tmp_path, images)["hash"] == folder.name
    assert all(call["checkpoint"] == folder / "checkpoint.pt" for call in trainings)


@pytest.mark.parametrize("part", ["pretrain", "fine_tune"])
def test_an_interrupted_part_ends_the_row_and_leaves_no_result(tmp_path, images, monkeypatch, part):
    def stopped(*_, **__):
        if part == "fine_tune":
            raise KeyboardInterrupt
        history = History([])
        history.interrupted = True
        return history

    monkeypatch.setattr(runs, part, stopped)
    monkeypatch.setattr(runs, "code_behind", lambda *_: "code")
    with pytest.raises(KeyboardInterrupt):
        quick(small(probe=200), tmp_path, images)
    (folder,) = tmp_path.iterdir()
    assert not (folder / "row.json").exists()


def key(images, made=None, machine=CPU, **parts):
    return run_key(ingredients(made or small(), images, machine, **parts))


def with_other(found, part, **changes):
    return replace(found, **{part: replace(getattr(found, part), **changes)})


def test_the_same_again_has_the_same_key(images):
    assert key(images) == key(few_images(small()))


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "vicreg"},
        {"seed": 1},
        {"passes": 2},
        {"batch_size": 16},
        {"lr": 2e-3},
        {"weight_decay": 0.0},
        {"warmup": 0.2},
        {"encoder": "resnet18"},
        {"probe": 100},
        {"size": 128},
        {"tuning_steps": 3},
        {"tuning_lr": 2e-3},
        {"resolution": (64, 64)},
        {"options": {"temperature": 0.5}},
        {"views": {"crop": 0.3}},
    ],
    ids=str,
)
def test_every_setting_of_a_recipe_changes_the_key(images, changes):
    assert key(images, small(**changes)) != key(images)


@pytest.mark.parametrize("machine", [Machine("cuda", "fp32", 1), Machine("cpu", "bf16", 1), Machine("cpu", "fp32", 2)])
def test_device_precision_and_threads_change_the_key(images, machine):
    assert key(images, machine=machine) != key(images)


@pytest.mark.parametrize("part", ["train", "labelled", "test"])
def test_pixels_labels_classes_and_factors_change_the_key(images, part):
    chosen = getattr(images, part)
    darker = with_other(images, part, images=chosen.images // 2)
    relabelled = with_other(images, part, labels=chosen.labels.flip(0))
    renamed = with_other(images, part, classes=tuple(reversed(chosen.classes)))
    refactored = with_other(images, part, factors=chosen.factors | {"hue": 1 - chosen.factors["hue"]})
    keys = {key(other) for other in (images, darker, relabelled, renamed, refactored)}
    assert len(keys) == 5


def test_which_images_are_labelled_changes_the_key(images):
    assert key(replace(images, labelled=images.train.sample(200, seed=7))) != key(images)


@pytest.mark.parametrize("name", ["FEW", "DRAWS", "VALIDATED"])
def test_a_constant_of_the_judges_changes_the_key(images, monkeypatch, name):
    before = key(images)
    monkeypatch.setattr(runs, name, (0.02, 0.1) if name == "FEW" else 5)
    assert key(images) != before


@pytest.mark.parametrize(
    "name",
    [
        "augment.Augment",
        "checkpoint.read_checkpoint",
        "cost.training_flops",
        "evaluate.draw_labels",
        "evaluate.fine_tune",
        "features.effective_rank",
        "methods.simclr.nt_xent",
        "networks.projection_head",
        "networks.small_cnn",
        "recipes.make",
        "runs.judge_row",
        "train.learning_rate",
        "train.train_epoch",
    ],
)
def test_a_change_of_any_code_that_is_used_changes_the_key_and_a_comment_none(images, monkeypatch, name):
    before, real = key(images), fingerprint.source_of
    for addition, same in (("    # says more\n", True), ("    x = 1\n", False)):

        def edited(part, addition=addition):
            found = f"{part.__module__}.{part.__qualname__}" == f"ssl_course.{name}"
            return real(part) + addition * found

        monkeypatch.setattr(fingerprint, "source_of", edited)
        assert (key(images) == before) is same


def test_a_methods_code_changes_its_own_key_and_those_built_on_it_only(images, monkeypatch):
    names = ("simclr", "moco", "barlow_twins", "vicreg", "untrained")
    before, real = {name: key(images, small(name)) for name in names}, fingerprint.source_of

    def edited(part):
        return real(part) + "\n    x = 1\n" * (part.__qualname__ == "SimCLR")

    monkeypatch.setattr(fingerprint, "source_of", edited)
    moved = {name for name in names if key(images, small(name)) != before[name]}
    assert "simclr" in moved
    assert moved.isdisjoint({"moco", "untrained"})


def test_the_code_of_muon_changes_the_key_of_what_it_trains_only(images, monkeypatch):
    def keys():
        return {name: key(images, small(optimizer=name)) for name in ("adamw", "muon")}

    before, real = keys(), fingerprint.source_of
    monkeypatch.setattr(
        fingerprint, "source_of", lambda part: real(part) + "    x = 1\n" * (part.__qualname__ == "orthogonal")
    )
    moved = {name for name, new in keys().items() if new != before[name]}
    assert moved == {"muon"}


def test_settings_of_other_methods_and_modules_that_a_run_doesnt_use_change_nothing(images):
    used = fingerprint.behind(runs.train, runs.make, runs.judge_row)
    modules = {name.rpartition(".")[0] for name in used if ":" not in name}
    assert modules.isdisjoint({"ssl_course.plots", "ssl_course.cli", "ssl_course.tables", "ssl_course.methods.moco"})
    assert not {name for name in used if name.endswith(": OWN") or name.endswith(": USUAL")}


@pytest.mark.parametrize("name", ["torch", "torchvision", "numpy", "scikit-learn", "python"])
def test_a_version_changes_the_key(images, monkeypatch, name):
    before, real = key(images), runs.versions()
    monkeypatch.setattr(runs, "versions", lambda: real | {name: "0.0"})
    assert key(images) != before


def test_a_study_brings_its_own_method_and_judge(tmp_path, images):
    def build(made, classes):
        return runs.make(replace(made, views={**made.views, "flip": 0.0}), classes)

    def judge(trained: Trained, images, made, machine):
        return {"flip": trained.method.augment.flip, "threads": torch.get_num_threads()}

    row = quick(small(), tmp_path, images, build=build, judge=judge)
    assert row["flip"] == 0.0
    assert row["threads"] == 1
    assert row["hash"] != key(images)


def test_a_folder_of_another_run_is_refused_and_left_alone(tmp_path, images):
    made_of = ingredients(small(), images, CPU, judge=None)
    runs.train(small(), images, tmp_path / "run", made_of, CPU, progress=False)
    before = (tmp_path / "run" / "checkpoint.pt").read_bytes()
    other = small(options={"temperature": 0.5})
    with pytest.raises(ValueError, match=r"holds another run \(different: recipe.options.temperature\)"):
        runs.train(other, images, tmp_path / "run", ingredients(other, images, CPU, judge=None), CPU, progress=False)
    assert (tmp_path / "run" / "checkpoint.pt").read_bytes() == before


def test_a_folder_where_another_process_trains_is_refused_until_that_is_gone(tmp_path, images):
    place = tmp_path / "run"
    place.mkdir()
    holder = (
        "import sys, time, filelock\n"
        "with filelock.FileLock(sys.argv[1]):\n"
        "    print('held', flush=True)\n"
        "    time.sleep(600)\n"
    )
    other = subprocess.Popen([sys.executable, "-c", holder, place / runs.LOCK], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "held\n"
        made_of = ingredients(small(), images, CPU, judge=None)
        with pytest.raises(ValueError, match=r"another process trains in .*run now: wait for it, or choose another"):
            runs.train(small(), images, place, made_of, CPU, progress=False)
        assert {file.name for file in place.iterdir()} == {runs.LOCK}
    finally:
        other.kill()
        other.wait()
    runs.train(small(), images, place, made_of, CPU, progress=False)
    assert (place / "checkpoint.pt").is_file()


def test_images_without_labels_are_refused(tmp_path):
    for number in range(4):
        Image.new("RGB", (32, 32), (number, 0, 0)).save(tmp_path / f"{number}.png")
    with pytest.raises(ValueError, match="has no labels to judge by"):
        load_images(small(data=str(tmp_path), size=4))


def test_the_labelled_part_is_as_large_as_the_recipe_says_and_of_its_seed():
    one, other = (load_images(small(seed=seed)) for seed in (0, 1))
    assert len(one.train) == 256
    assert len(one.labelled) == 200
    assert not torch.equal(one.labelled.images, other.labelled.images)


@pytest.fixture
def fine_tunings(monkeypatch):
    """What fine-tuning and the probe on a few labels are asked for; a rate of 3e-3 is the best."""
    calls = {"tuned": [], "probed": []}

    def tuned(encoder, few, judged, *, epochs, batch_size, lr, **_):
        calls["tuned"].append({"few": few, "judged": judged, "lr": lr, "steps": epochs * (len(few) // batch_size)})
        return lr

    def probed(known, labels, *_):
        calls["probed"].append(labels)
        return 0.5

    monkeypatch.setattr(runs, "fine_tune", tuned)
    monkeypatch.setattr(runs, "linear_probe", probed)
    return calls


def test_probe_and_fine_tuning_get_the_same_draws_of_a_few_labels(images, fine_tunings):
    encoder = runs.new_encoder("small_cnn", 0)
    row = runs.judge_row(Trained(encoder), images, small(tuning_steps=8), CPU)
    tuned = [call for call in fine_tunings["tuned"] if call["judged"] is images.test and call["steps"] == 8]
    probed = fine_tunings["probed"][1:]  # the first has all labels
    assert [len(labels) for labels in probed] == [20, 20, 20]  # a tenth of 200; a hundredth is less than two of each
    assert all(labels.bincount().tolist() == [2] * 10 for labels in probed)
    assert all(torch.equal(call["few"].labels, labels) for call, labels in zip(tuned, probed, strict=True))
    assert set(row["few_labels"]) == set(row["fine_tuned"]) == {"0.1"}
    assert row["draws"]["0.1"] == {"few_labels": [0.5] * 3, "fine_tuned": [0.003] * 3}


def test_the_rate_of_fine_tuning_is_chosen_on_labelled_images_that_no_draw_has(images, fine_tunings):
    row = runs.judge_row(Trained(runs.new_encoder("small_cnn", 0)), images, small(tuning_steps=8), CPU)
    tried = [call for call in fine_tunings["tuned"] if call["judged"] is not images.test]
    assert [call["lr"] for call in tried] == pytest.approx([1e-3 / 3, 1e-3, 3e-3])
    known = {image.numpy().tobytes() for call in fine_tunings["tuned"] for image in call["few"].images}
    assert known.isdisjoint({image.numpy().tobytes() for image in tried[0]["judged"].images})
    assert row["tuning"]["0.1"]["lr"] == 0.003


def test_fine_tuning_is_shown_after_a_quarter_and_half_of_its_steps_too(images, fine_tunings):
    row = runs.judge_row(Trained(runs.new_encoder("small_cnn", 0)), images, small(tuning_steps=8), CPU)
    assert list(row["tuning"]["0.1"]["steps"]) == ["2", "4", "8"]


def test_runs_side_by_side_come_as_they_finish_and_without_features(tmp_path):
    tasks = [runs.Task(small(name), runs.judge_briefly, few_images) for name in ("untrained", "simclr")]
    rows = {task.recipe.method: row for task, row in runs.run_side_by_side(tasks, tmp_path, CPU, 1)}
    assert set(rows) == {"untrained", "simclr"}
    assert set(rows["simclr"]) >= {"linear_probe", "knn", "cost", "seconds", "hash"}
    assert "features" not in rows["simclr"]


def test_two_processes_give_the_rows_of_one(tmp_path):
    tasks = [runs.Task(recipe("untrained", seed=seed, **SMALL), runs.judge_briefly) for seed in (0, 1)]
    both = dict(runs.run_side_by_side(tasks, tmp_path / "two", CPU, 2))
    for task, row in runs.run_side_by_side(tasks, tmp_path / "one", CPU, 1):
        assert row == both[task]


def test_processes_end_with_the_one_that_started_them(tmp_path):
    """A parent that is killed can't tell its workers; each trains for minutes, and nobody waits for it."""
    program = (
        "import sys, pathlib\n"
        "from ssl_course import runs\n"
        "from ssl_course.recipes import recipe\n"
        "if __name__ == '__main__':\n"
        "    tasks = [runs.Task(recipe('simclr', passes=200, seed=s), runs.judge_briefly) for s in (0, 1)]\n"
        f"    list(runs.run_side_by_side(tasks, pathlib.Path({str(tmp_path)!r}), runs.Machine('cpu', 'fp32', 1), 2))\n"
    )
    (tmp_path / "parent.py").write_text(program)
    parent = subprocess.Popen([sys.executable, str(tmp_path / "parent.py")])
    workers = waited_for(lambda: list(tmp_path.glob("*/made_of.json")) and psutil.Process(parent.pid).children())
    parent.kill()
    parent.wait()
    _, alive = psutil.wait_procs(workers, timeout=60)
    for worker in alive:
        worker.kill()
    assert not alive


def waited_for(found, seconds=180):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if result := found():
            return result
        time.sleep(0.2)
    raise TimeoutError("it never came")
