"""A training run for TensorBoard: what is in the files, and that the run doesn't notice."""

import sys
from functools import partial
from pathlib import Path

import nbformat
import pytest
import tensorboard.notebook
import torch
from IPython.core.interactiveshell import InteractiveShell
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from ssl_course import load, pretrain
from ssl_course.cli import main
from ssl_course.logbook import EVERY, Logbook
from ssl_course.methods import SimCLR
from ssl_course.networks import small_cnn
from ssl_course.recipes import build

LESSON = Path(__file__).parent.parent / "notebooks" / "08_your_own_images.ipynb"
PLAIN = {"batch_size": 16, "device": "cpu", "precision": "fp32", "threads": 1, "progress": False}


def simclr():
    torch.manual_seed(0)
    return SimCLR(small_cnn(4))


def trained(method, folder=None, epochs=2, **more):
    images = load("shapes", size=64)
    if folder is None:
        return method, pretrain(method, images, epochs=epochs, **PLAIN, **more)
    with Logbook(folder, method, labelled=images, about={"rate": 4e-3, "views": {"crop": 0.2}}) as book:
        history = pretrain(method, images, epochs=epochs, on_step=book.on_step, on_epoch=book.on_epoch, **PLAIN, **more)
    return method, history


def written(folder):
    events = EventAccumulator(str(folder))
    events.Reload()
    return events


def scalars(folder, name):
    return [(event.step, event.value) for event in written(folder).Scalars(name)]


def test_loss_by_step_and_the_rest_by_epoch(tmp_path):
    _, history = trained(simclr(), tmp_path, epochs=3)
    assert [step for step, _ in scalars(tmp_path, "loss/step")] == [1, EVERY]
    assert [step for step, _ in scalars(tmp_path, "learning_rate")] == [1, EVERY]
    for name, key in {"loss/epoch": "loss", "effective_rank": "effective_rank"}.items():
        told = [(4 * record["epoch"], pytest.approx(record[key], rel=1e-5)) for record in history]
        assert scalars(tmp_path, name) == told
    assert all(0 <= share <= 1 for _, share in scalars(tmp_path, "knn"))
    tags = written(tmp_path).Tags()
    assert tags["images"] == ["views"]
    assert tags["graph"]
    assert "last/knn" in tags["scalars"]
    assert "_hparams_/session_start_info" in written(tmp_path).PluginTagToContent("hparams")
    recipe = written(tmp_path).Tensors("recipe/text_summary")[0].tensor_proto.string_val[0].decode()
    assert "| rate | 0.004 |" in recipe


@pytest.mark.parametrize("name", ["simclr", "jigsaw", "mae"])
def test_the_run_is_the_same_with_and_without(tmp_path, name):
    weights = []
    for folder in (None, tmp_path):
        method, _ = trained(build(name, "shapes", seed=0), folder)
        weights.append(method.state_dict())
    assert all(torch.equal(part, weights[1][name]) for name, part in weights[0].items())


def test_a_run_that_goes_on_drops_the_steps_that_were_lost(tmp_path):
    def stop(book):
        def after(told):
            book.on_step(told)
            if told["step"] == 7:  # in the middle of the second epoch
                raise KeyboardInterrupt

        return after

    images, checkpoint = load("shapes", size=64), tmp_path / "run.pt"
    for stopped in (True, False):
        method = simclr()
        with Logbook(tmp_path / "log", method, labelled=images) as book:
            on_step = stop(book) if stopped else book.on_step
            pretrain(method, images, epochs=3, checkpoint=checkpoint, on_step=on_step, on_epoch=book.on_epoch, **PLAIN)
    assert [step for step, _ in scalars(tmp_path / "log", "knn")] == [4, 8, 12]
    assert [step for step, _ in scalars(tmp_path / "log", "loss/step")] == [1, 5, 10]


def test_without_labels_there_is_no_k_nn(tmp_path):
    method, images = simclr(), load("shapes", size=64)
    with Logbook(tmp_path, method) as book:
        pretrain(method, images, epochs=1, on_step=book.on_step, on_epoch=book.on_epoch, **PLAIN)
    assert "knn" not in written(tmp_path).Tags()["scalars"]


def test_where_tensorboard_is_missing_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ValueError, match=r'pip install "ssl-course\[log\]"'):
        Logbook(tmp_path, simclr())


def test_the_command_writes_one_into_the_runs_folder(tmp_path):
    words = "train rotation --size 64 --epochs 1 --batch-size 32 --device cpu --threads 1 --log tensorboard --out"
    assert main([*words.split(), str(tmp_path / "run")]) == 0
    assert scalars(tmp_path / "run" / "tensorboard", "loss/epoch")


def test_the_lessons_cell_opens_tensorboard_on_what_it_trains(tmp_path, monkeypatch):
    """The cell of lesson 08 with its switch turned on; the server itself isn't started."""
    notebook = nbformat.read(LESSON, as_version=4)
    cell = next(part.source for part in notebook.cells if part.source.startswith("WATCH = False"))
    opened = []
    monkeypatch.setattr(tensorboard.notebook, "start", opened.append)
    shell = InteractiveShell.instance()
    shell.push({"scratch": tmp_path, "images": load("shapes", size=64), "new_encoder": lambda: small_cnn(4)})
    shell.push({"SimCLR": SimCLR, "pretrain": partial(pretrain, progress=False)})
    shell.push({"candidates": {"chosen": None}, "EPOCHS": 1, "BATCH": 32, "RATE": 1e-3})
    ran = shell.run_cell(cell.replace("WATCH = False", "WATCH = True"))
    assert ran.success
    assert opened == [f"--logdir {tmp_path}/log"]
    assert any(file.name.startswith("events") for file in (tmp_path / "log").rglob("*"))
