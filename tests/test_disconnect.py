"""A notebook whose kernel is lost goes on where it was, if a folder for checkpoints is named."""

import os
import time

import pytest
import torch
from jupyter_client.manager import KernelManager

from ssl_course import load, pretrain
from ssl_course.checkpoint import own_place
from ssl_course.methods import SimCLR
from ssl_course.networks import small_cnn

RUN = {"epochs": 4, "batch_size": 16, "device": "cpu", "precision": "fp32", "threads": 1, "progress": False}
CELL = f"""
import torch
from ssl_course import load, pretrain
from ssl_course.methods import SimCLR
from ssl_course.networks import small_cnn
def wait(record):
    if record["epoch"] == 2:
        print("two passes", flush=True)
        import time
        time.sleep(600)
torch.manual_seed(0)
pretrain(SimCLR(small_cnn(4)), load("shapes", size=64), on_epoch=wait, **{RUN})
"""


def trained(**arguments):
    torch.manual_seed(0)
    method = SimCLR(small_cnn(4))
    seen = []
    history = pretrain(method, load("shapes", size=64), on_epoch=seen.append, **RUN | arguments)
    return method, [record["loss"] for record in history], len(seen)


def test_a_run_whose_kernel_was_killed_goes_on_where_it_was(tmp_path, monkeypatch):
    whole, losses, _ = trained()
    monkeypatch.setenv("SSL_COURSE_CHECKPOINTS", str(tmp_path))
    manager = KernelManager()
    manager.start_kernel(env=dict(os.environ))
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=120)
    client.execute(CELL)
    give_up = time.monotonic() + 120
    while time.monotonic() < give_up:
        message = client.get_iopub_msg(timeout=120)
        if "two passes" in message["content"].get("text", ""):
            break
    manager.shutdown_kernel(now=True)  # no goodbye: the process is killed
    client.stop_channels()
    assert len(list(tmp_path.glob("simclr-*.pt"))) == 1
    gone_on, again, made = trained()
    assert made == 2
    assert again == losses
    assert torch.equal(gone_on.encoder.stem.weight, whole.encoder.stem.weight)


def test_a_finished_run_is_read_and_not_made_again(tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_COURSE_CHECKPOINTS", str(tmp_path))
    first, second = trained(), trained()
    assert (first[1], second[2]) == (second[1], 0)


@pytest.mark.parametrize("change", [{"seed": 1}, {"lr": 1e-4}, {"epochs": 3}, {"precision": "bf16"}])
def test_another_run_has_another_file(change, tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_COURSE_CHECKPOINTS", str(tmp_path))
    trained()
    trained(**change)
    assert len(list(tmp_path.iterdir())) == 2


def test_other_first_weights_have_another_file(monkeypatch):
    monkeypatch.setenv("SSL_COURSE_CHECKPOINTS", "somewhere")
    settings = {"method": "SimCLR"}
    places = set()
    for seed in (0, 1):
        torch.manual_seed(seed)
        places.add(own_place(settings, SimCLR(small_cnn(4))))
    assert len(places) == 2


def test_without_the_variable_and_in_runs_that_are_not_watched_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.delenv("SSL_COURSE_CHECKPOINTS", raising=False)
    assert own_place({"method": "SimCLR"}, SimCLR(small_cnn(4))) is None
    monkeypatch.setenv("SSL_COURSE_CHECKPOINTS", str(tmp_path / "none"))
    trained(watch=False)
    assert not (tmp_path / "none").exists()
