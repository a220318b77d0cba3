import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from importlib.metadata import version

import pytest
import torch
from PIL import Image

import ssl_course
from ssl_course import load
from ssl_course.cli import main
from ssl_course.methods import ALL
from ssl_course.train import read_checkpoint
from ssl_course_command import program

TRAIN = "train simclr --data {data} --encoder small_cnn --epochs 1 --size 64 --batch-size 32 --device cpu --out {out}"


@pytest.fixture
def folder(tmp_path):
    """A folder of built-in images as PNG files: folder/<split>/<class>/NN.png."""
    for split in ("train", "test"):
        drawn = load("shapes", split, size=80)
        for number, (image, label) in enumerate(zip(drawn.images, drawn.labels, strict=True)):
            file = tmp_path / "images" / split / drawn.classes[label] / f"{number:03}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image.permute(1, 2, 0).numpy()).save(file)
    return tmp_path / "images"


def test_demo_prints_a_table_writes_the_pictures_and_ends_with_json(tmp_path, capsys):
    assert main(["demo", "--size", "256", "--epochs", "1", "--out", str(tmp_path), "--json", "--device", "cpu"]) == 0
    out = capsys.readouterr().out
    assert "linear probe" in out
    result = json.loads(out.splitlines()[-1])
    assert list(result["table"]) == ["pixels", "untrained", "simclr", "supervised"]
    assert all(set(row) == {"linear_probe", "knn"} for row in result["table"].values())
    assert {"draw images", "train SimCLR", "evaluate"} <= set(result["seconds"])
    names = {"views.png", "curve.png", "table.png", "tsne_before.png", "tsne_after.png"}
    assert {file.name for file in tmp_path.iterdir()} == names


def test_the_optimizer_is_the_one_that_is_asked_for(folder, tmp_path):
    few = f"--data {folder} --size 8 --batch-size 4 --epochs 1 --resolution 16 --device cpu --out".split()
    for way, rate in (("muon", ()), ("sgd", ("--lr", "0.06", "--weight-decay", "5e-4"))):
        assert main(["train", "simclr", "--optimizer", way, *rate, *few, str(tmp_path / way)]) == 0
        assert read_checkpoint(tmp_path / way / "checkpoint.pt")["settings"]["optimizer"] == way


def test_full_trains_by_what_is_published_and_says_where_nothing_is(folder, tmp_path, capsys):
    few = f"--data {folder} --size 8 --batch-size 4 --epochs 1 --resolution 16 --device cpu --out".split()
    assert main(["train", "simclr", "--full", *few, str(tmp_path / "run")]) == 0
    made = json.loads((tmp_path / "run" / "made_of.json").read_text())["recipe"]
    assert (made["encoder"], made["optimizer"], made["lr"], made["batch_size"]) == ("resnet18", "sgd", 0.12, 4)
    assert read_checkpoint(tmp_path / "run" / "checkpoint.pt")["settings"]["optimizer"] == "sgd"
    assert main(["train", "vae", "--full", *few, str(tmp_path / "other")]) == 1
    assert "there is no full recipe of vae" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_train_then_evaluate_a_folder(folder, tmp_path, capsys):
    run = tmp_path / "run"
    assert main(TRAIN.format(data=folder, out=run).split()) == 0
    assert {file.name for file in run.iterdir()} == {
        "made_of.json",
        "checkpoint.pt",
        "history.json",
        "curve.png",
        ".lock",
    }
    assert main(["evaluate", str(run), "--json"]) == 0
    table = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert list(table) == ["pixels", "untrained", "simclr"]
    assert json.loads((run / "evaluation.json").read_text()) == table
    assert table["simclr"]["majority"] == 0.1
    assert {row["test"] for row in table["simclr"]["classes"].values()} == {8}


def test_evaluate_says_what_always_naming_the_largest_class_gets(folder, tmp_path, capsys):
    assert main(TRAIN.format(data=folder, out=tmp_path / "run").split()) == 0
    few = tmp_path / "few"
    for split in ("train", "test"):
        for name, count in (("arrow", 8), ("star", 2 if split == "train" else 0)):
            (few / split / name).mkdir(parents=True)
            for file in sorted((folder / split / name).iterdir())[:count]:
                shutil.copy(file, few / split / name)
    assert main(["evaluate", str(tmp_path / "run"), "--data", str(few)]) == 0
    out, error = capsys.readouterr()
    assert "always naming the largest class 100.0 %" in out
    assert "no test image of star: nothing is known of how it is found" in error
    assert [line.split()[:2] for line in out.splitlines()[-2:]] == [["star", "0"], ["arrow", "8"]]


def test_a_run_folder_of_other_settings_is_refused(folder, tmp_path, capsys):
    run = tmp_path / "run"
    assert main(TRAIN.format(data=folder, out=run).split()) == 0
    before = (run / "checkpoint.pt").read_bytes()
    assert main([*TRAIN.format(data=folder, out=run).split(), "--temperature", "0.5"]) == 1
    assert "holds another run (different: recipe.options.temperature)" in capsys.readouterr().err
    assert (run / "checkpoint.pt").read_bytes() == before


def test_a_command_that_failed_at_once_can_be_corrected(folder, tmp_path, capsys):
    command = TRAIN.format(data=folder, out=tmp_path / "run")
    assert main(command.replace("--size 64", "--size 8").split()) == 1
    assert "8 images don't fill one batch" in capsys.readouterr().err
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "made_of.json").write_text("{")  # as if it had been killed while it wrote
    assert main(command.split()) == 0


@pytest.mark.parametrize("way", ["auto", "always"])
def test_compile_reaches_the_loop_and_says_what_came_of_it(folder, tmp_path, capsys, monkeypatch, way):
    def without_compiler(part, **options):
        raise RuntimeError("no C++ compiler found")

    monkeypatch.setattr(torch, "compile", without_compiler)
    monkeypatch.setattr("ssl_course.compiled.LONG_ENOUGH", 0.0)
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    run = tmp_path / "run"
    status = main([*TRAIN.format(data=folder, out=run).split(), "--compile", way])
    assert "torch.compile failed (RuntimeError: no C++ compiler found)" in capsys.readouterr().err
    assert (status, run.exists()) == ((0, True) if way == "auto" else (1, False))


def test_ctrl_c_is_resumable(folder, tmp_path, capsys, monkeypatch):
    def stop(record):
        raise KeyboardInterrupt

    monkeypatch.setattr("ssl_course.cli._say_epoch", stop)
    assert main([*TRAIN.format(data=folder, out=tmp_path / "run").split(), "--epochs", "2"]) == 130
    assert "the same command goes on after epoch 1" in capsys.readouterr().err
    monkeypatch.undo()
    assert main([*TRAIN.format(data=folder, out=tmp_path / "run").split(), "--epochs", "2"]) == 0
    assert len(json.loads((tmp_path / "run" / "history.json").read_text())) == 2


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("train simclr --data nowhere --out {tmp}/run", "'nowhere' is neither a folder here nor one of"),
        ("train simclr --data {tmp} --out {tmp}/run", "no images in"),
        ("train simclr --size 8 --out {tmp}/run", "8 images don't fill one batch"),
        ("train simclr --size 300 --temperature -1 --out {tmp}/run", "temperature must be positive, got -1.0"),
        (
            "train simclr --size 300 --option ratio=0.5 --out {tmp}/run",
            "simclr has no option ratio; it has: temperature",
        ),
        ("train mae --size 300 --option ratio=1.5 --out {tmp}/run", "ratio must be in (0, 1), got 1.5"),
        ("train triplet --size 300 --option mining=mean --out {tmp}/run", "got 'mean'"),
        ("compare --data {tmp} --out {tmp}/table", "no images in"),
        ("train simclr --size 300 --device cuda --out {tmp}/run", "no cuda device was found"),
        ("train simclr --size 300 --device gpu --out {tmp}/run", "device must be"),
        ("train simclr --size 300 --device 7 --out {tmp}/run", "device must be"),
        ("compare --device gpu --out {tmp}/table", "device must be"),
        ("train simclr --size 300 --lr nan --out {tmp}/run", "lr must be positive and finite, got nan"),
        ("train mae --size 300 --option ratio --out {tmp}/run", "--option must be NAME=VALUE, got 'ratio'"),
        ("train mae --size 300 --option ratio=half --out {tmp}/run", "ratio must be a number, got 'half'"),
        ("train moco --size 300 --option length=2.5 --out {tmp}/run", "length must be a whole number, got '2.5'"),
        ("train byol --size 300 --option predictor=3 --out {tmp}/run", "byol has no option predictor"),
        ("evaluate {tmp}/nothing", "is not a run: there is no made_of.json"),
        ("train simclr --data {tmp} --resolution 0 --out {tmp}/run", "--resolution must be at least 8, got 0"),
        ("train simclr --data {tmp} --resolution 1 --out {tmp}/run", "--resolution must be at least 8, got 1"),
        ("train simclr --resolution 64 --out {tmp}/run", "--resolution is for folders: the images of shapes have"),
        ("train simclr --epochs 0 --out {tmp}/run", "--epochs must be at least 1, got 0"),
        ("train simclr --seed -1 --out {tmp}/run", "a seed must be at least 0, got -1"),
        ("compare --passes 0 --out {tmp}/table", "--passes must be at least 1, got 0"),
        ("compare --seeds 1 0 1 --out {tmp}/table", "--seeds names one twice: 1 0 1"),
        ("compare --seeds 0 -1 --out {tmp}/table", "a seed must be at least 0, got -1"),
        ("progress --folder {tmp}/nowhere", "there is no folder {tmp}/nowhere"),
    ],
)
def test_bad_input_gets_one_sentence(command, message, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main(command.format(tmp=tmp_path).split()) == 1
    error = capsys.readouterr().err.strip()
    assert message.format(tmp=tmp_path) in error
    assert not (tmp_path / "run").exists()
    assert "Traceback" not in error
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize("out", ["taken", "taken/run"])
@pytest.mark.parametrize("command", ["train simclr", "demo", "compare"])
def test_a_file_where_a_folder_is_needed_stays(command, out, tmp_path, capsys):
    (tmp_path / "taken").write_text("mine")
    assert main([*command.split(), "--out", str(tmp_path / out)]) == 1
    assert "taken is a file, and a folder is needed" in capsys.readouterr().err
    assert (tmp_path / "taken").read_text() == "mine"


def test_a_training_that_a_scheduler_ends_goes_on_and_ends_with_the_same_weights(folder, tmp_path):
    words = TRAIN.replace("--epochs 1", "--epochs 15").replace("simclr", "rotation")
    command = [sys.executable, "-c", "import sys; from ssl_course.cli import main; sys.exit(main(sys.argv[1:]))"]
    run = tmp_path / "ended"
    ended = subprocess.Popen([*command, *words.format(data=folder, out=run).split()], stderr=subprocess.PIPE, text=True)
    while not (run / "checkpoint.pt").exists() and ended.poll() is None:
        time.sleep(0.02)
    ended.send_signal(signal.SIGTERM)
    said = ended.communicate(timeout=120)[1]
    assert ended.returncode == 130
    done = len(read_checkpoint(run / "checkpoint.pt")["history"])
    assert 1 <= done < 15
    assert f"the same command goes on after epoch {done}" in said
    weights = []
    for place in (run, tmp_path / "whole"):
        assert main(words.format(data=folder, out=place).split()) == 0
        weights.append(read_checkpoint(place / "checkpoint.pt")["method"])
    assert all(torch.equal(one, weights[1][name]) for name, one in weights[0].items())


def test_a_finished_run_says_why_it_cannot_be_prolonged(folder, tmp_path, capsys):
    command = TRAIN.format(data=folder, out=tmp_path / "run")
    assert main(command.split()) == 0
    before = (tmp_path / "run" / "checkpoint.pt").read_bytes()
    assert main(command.replace("--epochs 1", "--epochs 2").split()) == 1
    assert "can't be prolonged: its learning rate comes down to 0 over the passes" in capsys.readouterr().err
    assert (tmp_path / "run" / "checkpoint.pt").read_bytes() == before


def test_evaluate_refuses_what_is_no_whole_run(folder, tmp_path, capsys):
    run = tmp_path / "run"
    assert main(TRAIN.format(data=folder, out=run).split()) == 0
    assert main(["evaluate", str(run), "--resolution", "64"]) == 1
    assert "was trained on 32x32, and --resolution 64" in capsys.readouterr().err
    about = (run / "made_of.json").read_text()
    for broken, message in (("", "is broken or was only half written"), ("{}", "says nothing of data, encoder")):
        (run / "made_of.json").write_text(broken)
        assert main(["evaluate", str(run)]) == 1
        assert message in capsys.readouterr().err
    (run / "made_of.json").write_text(about)
    whole = (run / "checkpoint.pt").read_bytes()
    for share in (0.001, 0.01, 0.3, 0.9, 0.99):
        (run / "checkpoint.pt").write_bytes(whole[: int(share * len(whole))])
        assert main(["evaluate", str(run)]) == 1
        assert "truncated or not a checkpoint" in capsys.readouterr().err


def test_compare_takes_a_small_folder_as_it_is(folder, tmp_path, capsys):
    command = f"compare --data {folder} --methods rotation --passes 1 --batch-size 16 --out {tmp_path / 'table'}"
    assert main(command.split()) == 0
    assert "Rotation" in capsys.readouterr().out


@pytest.mark.parametrize("method", ALL)
def test_every_method_trains_on_a_folder_and_is_evaluated(folder, tmp_path, capsys, method):
    run = tmp_path / "run"
    assert main(TRAIN.replace("simclr", method).format(data=folder, out=run).split()) == 0
    assert main(["evaluate", str(run), "--json"]) == 0
    table = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert list(table) == ["pixels", "untrained", method]


def test_options_reach_the_method(folder, tmp_path):
    command = TRAIN.replace("simclr", "jigsaw").format(data=folder, out=tmp_path / "run").split()
    assert main([*command, "--option", "tiles=4", "--option", "count=10"]) == 0
    assert json.loads((tmp_path / "run" / "made_of.json").read_text())["recipe"]["options"] == {
        "tiles": 4,
        "count": 10,
        "gap": 2,
        "normalise": False,
    }
    weights = read_checkpoint(tmp_path / "run" / "checkpoint.pt")["method"]
    assert weights["head.3.weight"].shape[0] == 10


COMPARE = "compare --data {data} --methods rotation mae --size 64 --passes 1 --batch-size 32 --probe 32 --device cpu"


def test_compare_prints_and_writes_the_table_and_trains_nothing_twice(folder, tmp_path, capsys, monkeypatch):
    out = tmp_path / "table"
    monkeypatch.setattr("ssl_course.runs.code_behind", lambda *_: "code")  # which the change below would change
    command = [*COMPARE.format(data=folder).split(), "--out", str(out), "--results", str(tmp_path / "kept.json")]
    assert main(command) == 0
    printed = capsys.readouterr().out
    rows = ["raw pixels", "untrained encoder", "untrained transformer", "Rotation", "MAE", "trained with labels"]
    assert all(f"| {row} |" in printed for row in rows)
    kept = json.loads((tmp_path / "kept.json").read_text())
    assert list(kept["seeds"]["0"])[-2:] == ["mae", "supervised"]
    assert str(tmp_path) not in (tmp_path / "kept.json").read_text()
    monkeypatch.setattr("ssl_course.runs.train", None)
    assert main(command) == 0
    assert capsys.readouterr().out == printed


def test_the_recorded_command_names_every_option_that_was_changed(folder, tmp_path, capsys):
    words = "--methods rotation --size 64 --passes 1 --batch-size 32 --probe 32 --device cpu --precision fp32 --seeds 3"
    file = tmp_path / "kept.json"
    rest = ["--out", str(tmp_path / "table"), "--results", str(file), "--caption", "My pictures"]
    assert main(["compare", "--data", str(folder), *words.split(), *rest]) == 0
    command = json.loads(file.read_text())["command"]
    assert command.startswith("ssl-course compare --data images ")
    for word in (*words.split("--")[1:], "caption 'My pictures'"):
        assert f"--{word.strip()}" in command
    assert "threads" not in command


def test_compare_at_several_budgets_keeps_one_file_with_all_of_them(folder, tmp_path, capsys):
    words = f"compare --data {folder} --methods rotation --size 64 --batch-size 32 --probe 32 --device cpu"
    out = tmp_path / "table"
    assert main([*words.split(), "--budgets", "0.1:2", "0.2:1", "--brief", "--out", str(out)]) == 0
    kept = json.loads((out / "budgets.json").read_text())
    assert {times: len(part["seeds"]) for times, part in kept["budgets"].items()} == {"0.1": 2, "0.2": 1}
    assert "--budgets 0.1:2 0.2:1" in kept["command"]
    assert "--brief" in kept["command"].split()
    assert "fine_tuned" not in kept["budgets"]["0.2"]["seeds"]["0"]["rotation"]
    assert str(tmp_path) not in (out / "budgets.json").read_text()
    assert (out / "curves.png").stat().st_size
    assert "0.2 times the usual cost" in capsys.readouterr().out


@pytest.mark.parametrize("word", ["--kept", "--brief"])
def test_what_goes_with_budgets_is_refused_without_them(tmp_path, capsys, word):
    assert main(["compare", word, "--out", str(tmp_path / "table")]) == 1
    assert "go with --budgets" in capsys.readouterr().err
    assert not (tmp_path / "table").exists()


def test_budgets_that_say_nothing_are_refused(tmp_path, capsys):
    assert main(["compare", *["--budgets", "1:2", "--passes", "3", "--out"], str(tmp_path / "table")]) == 1
    assert "give one of them" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["compare", "--budgets", "ten"])
    assert "must be TIMES or TIMES:SEEDS" in capsys.readouterr().err


def test_a_run_can_be_judged_from_another_working_directory(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(folder.parent)
    assert main(TRAIN.format(data=folder.name, out=tmp_path / "run").split()) == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert main(["evaluate", str(tmp_path / "run")]) == 0


@pytest.mark.parametrize(
    ("encoding", "command"),
    [("ascii", "train -h"), ("cp1252", "progress simclr --folder {tmp}"), ("latin-1", "evaluate {tmp}/猫")],
)
def test_a_console_of_another_encoding_stops_no_command(tmp_path, encoding, command):
    words = [sys.executable, "-m", "ssl_course.cli", *command.format(tmp=tmp_path).split()]
    done = subprocess.run(words, env=os.environ | {"PYTHONIOENCODING": encoding}, capture_output=True)
    assert done.returncode == ("evaluate" in command)
    assert b"Error" not in done.stderr


def test_the_version_has_one_source(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.strip() == ssl_course.__version__ == version("ssl-course")


def test_the_recipe_trains_where_nothing_is_said(tmp_path):
    assert main(f"train byol --size 64 --epochs 1 --device cpu --out {tmp_path}/run".split()) == 0
    made = json.loads((tmp_path / "run" / "made_of.json").read_text())["recipe"]
    assert (made["batch_size"], made["lr"], made["options"]["decay"]) == (32, 1e-3, 0.9)


def test_a_small_folder_trains_in_small_batches_unless_asked_otherwise(folder, tmp_path, capsys):
    command = f"train simclr --data {folder} --epochs 1 --device cpu --out {tmp_path}"
    assert main(f"{command}/run".split()) == 0
    assert "note: few images, so batches of 16 (--batch-size chooses another)" in capsys.readouterr().err
    made = json.loads((tmp_path / "run" / "made_of.json").read_text())["recipe"]
    assert made["batch_size"] == 16
    assert main(f"{command}/other --batch-size 100".split()) == 1
    assert "80 images don't fill one batch" in capsys.readouterr().err


def test_unreadable_files_are_named_and_can_be_skipped(folder, tmp_path, capsys):
    broken = next(folder.glob("train/disc/*.png"))
    broken.write_bytes(broken.read_bytes()[:50])
    command = TRAIN.format(data=folder, out=tmp_path / "run").replace("--size 64 ", "").split()
    assert main(command) == 1
    assert f"1 of 80 images in {folder} can't be read (train/disc/{broken.name})" in capsys.readouterr().err
    assert main([*command, "--skip-unreadable"]) == 0
    assert "left out 1 unreadable of 80 images" in capsys.readouterr().err


def test_doctor_says_what_there_is(capsys, monkeypatch):
    monkeypatch.setattr("ssl_course.cli.images_per_second", lambda device, precision: 1000.0)
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert f"Python {platform.python_version()}" in out
    assert "precision" in out
    assert "take about 48 s" in out


def test_ctrl_c_while_the_package_is_read_is_no_traceback(capsys, monkeypatch):
    class Stopped:
        def __getattr__(self, name):
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "ssl_course.cli", Stopped())
    assert program() == 130
    assert capsys.readouterr().err == "ssl-course: stopped by hand\n"


def test_inspect_prints_a_report_writes_it_and_ends_with_json(folder, tmp_path, capsys):
    shutil.copy(min((folder / "train" / "star").iterdir()), folder / "test" / "star" / "again.png")
    command = ["inspect", str(folder), "--out", str(tmp_path / "out"), "--json", "--split", "look"]
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "1. 1 of 81 test pictures" in out
    train, test = map(int, re.search(r"split by look: (\d+) train, (\d+) test in", out).groups())
    assert train + test == 161
    assert 25 <= test <= 40  # about a fifth
    report = json.loads(out.splitlines()[-1])
    assert report["findings"][0]["name"] == "copies_across_splits"
    assert report == json.loads((tmp_path / "out" / "report.json").read_text())
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        "report.txt",
        "report.json",
        "report.png",
        "files.csv",
        "split",
    }


def test_inspect_writes_nothing_unasked_and_never_into_the_folder(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["inspect", str(folder)]) == 0
    assert [part.name for part in tmp_path.iterdir()] == ["images"]
    assert main(["inspect", str(folder), "--out", str(folder / "out")]) == 1
    assert "is in the folder that is inspected" in capsys.readouterr().err
    assert main(["inspect", str(folder), "--split", "look"]) == 1
    assert "--split makes a folder: say where with --out" in capsys.readouterr().err
    assert main(["inspect", "nowhere"]) == 1
    assert "there is no folder nowhere" in capsys.readouterr().err


def test_folders_called_after_dates_are_classes_on_demand_and_evaluate_remembers(folder, tmp_path, capsys):
    for split in ("train", "test"):
        for month, name in enumerate(("star", "ring"), start=1):
            (folder / split / name).rename(folder / split / f"2024-{month:02}")
        for part in (folder / split).iterdir():
            if not part.name.startswith("2024"):
                shutil.rmtree(part)
    command = TRAIN.format(data=folder, out=tmp_path / "run").replace("--size 64 --batch-size 32", "--batch-size 8")
    assert main([*command.split(), "--labels", "folders"]) == 0
    assert main(["evaluate", str(tmp_path / "run")]) == 0
    assert "2024-01" in capsys.readouterr().out
    assert main(["evaluate", str(tmp_path / "run"), "--labels", "auto"]) == 1
    assert "has no labels to judge by" in capsys.readouterr().err
    assert main(["inspect", str(folder), "--labels", "folders"]) == 0
    assert "2 classes" in capsys.readouterr().out
    assert main(["compare", "--data", str(folder), "--labels", "none", "--out", str(tmp_path / "table")]) == 1
    assert "compare judges by labels" in capsys.readouterr().err


def test_compare_takes_folders_called_after_dates_as_classes_on_demand(folder, tmp_path, capsys):
    for split in ("train", "test"):
        for month, part in enumerate(sorted((folder / split).iterdir()), start=1):
            part.rename(folder / split / f"2024-{month:02}")
    command = ["compare", "--data", str(folder), "--methods", "simclr", "--passes", "1", "--batch-size", "32"]
    command += ["--out", str(tmp_path / "table"), "--device", "cpu"]
    assert main(command) == 1
    assert "has no labels to judge by" in capsys.readouterr().err
    assert main([*command, "--labels", "folders"]) == 0
    assert "--labels folders" in json.loads((tmp_path / "table" / "result.json").read_text())["command"]


# --- views and weights of classes


def test_views_are_set_on_the_command_line(tmp_path, capsys):
    out = tmp_path / "run"
    few = ["--size", "64", "--epochs", "1", "--batch-size", "32", "--threads", "1"]
    views = ["--view", "rotation=0", "--view", "sigma=0.2,0.5", "--view", "crop=0.9"]
    assert main(["train", "simclr", "--out", str(out), *few, *views]) == 0
    made = json.loads((out / "made_of.json").read_text())["recipe"]["views"]
    assert (made["rotation"], made["sigma"], made["crop"]) == (0.0, [0.2, 0.5], 0.9)
    assert made["grayscale"] == 0.8  # as the recipe has it


@pytest.mark.parametrize(
    ("view", "message"),
    [
        ("rotation", "--view must be NAME=VALUE, got 'rotation'"),
        ("turn=3", "views have no turn; they have: blur, crop,"),
        ("crop=small", "crop must be a number, got 'small'"),
        ("crop=2", "crop is the smallest share of the area that is kept, in (0, 1], got 2.0"),
    ],
)
def test_views_that_cannot_be_are_refused(view, message, tmp_path, capsys):
    assert main(["train", "simclr", "--out", str(tmp_path / "run"), "--size", "64", "--view", view]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
