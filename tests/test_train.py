import copy
import json
import math
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from torch import nn

from ssl_course import ImageSet, load, pretrain, train
from ssl_course.augment import Augment
from ssl_course.checkpoint import plain_settings
from ssl_course.methods import SimCLR, Supervised
from ssl_course.networks import small_cnn
from ssl_course.precision import choose_device, choose_precision
from ssl_course.train import TrainingError, learning_rate, load_encoder, parameter_groups, read_checkpoint

QUIET = {"progress": False, "device": "cpu", "precision": "fp32"}


def images(count=32):
    return load("shapes", size=count)


def simclr(width=4, **arguments):
    torch.manual_seed(0)
    return SimCLR(small_cnn(width), **arguments)


class Constant(nn.Module):
    """A method whose loss is whatever the test says."""

    def __init__(self, loss):
        super().__init__()
        self.encoder = small_cnn(4)
        self.loss = loss
        self.progress = []

    def views(self, batch):
        return (batch,)

    def forward(self, view):
        return self.loss(self.encoder(view))

    def after_step(self, progress):
        self.progress.append(progress)


class Small(Constant):
    """A method on a machine whose memory takes batches of so many images."""

    def __init__(self, room):
        super().__init__(lambda features: features.square().mean())
        self.room = room

    def forward(self, view):
        if len(view) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return super().forward(view)


@pytest.mark.parametrize(("room", "said"), [(5, r"batches of 16: one of 4 fits \(batch_size=4, "), (1, "16 and less")])
def test_too_large_a_batch_is_told_with_one_that_fits(room, said):
    method = Small(room)
    before = copy.deepcopy(method)
    with pytest.raises(TrainingError, match=said):
        pretrain(method, images(), epochs=1, batch_size=16, **QUIET)
    assert all(torch.equal(*pair) for pair in zip(method.parameters(), before.parameters(), strict=True))


def test_history_has_one_record_an_epoch_with_every_key():
    history = pretrain(simclr(), images(), epochs=2, batch_size=16, **QUIET)
    keys = "epoch loss gradient_norm learning_rate images_per_second seconds threads feature_deviation effective_rank"
    assert [record["epoch"] for record in history] == [1, 2]
    assert all(set(record) == set(keys.split()) for record in history)
    assert not history.interrupted


def test_training_moves_every_trainable_parameter():
    method = simclr()
    before = {name: value.clone() for name, value in method.named_parameters()}
    pretrain(method, images(), epochs=1, batch_size=16, **QUIET)
    # a bias before a batch norm has no effect; this network has none, so everything must move
    assert [name for name, value in method.named_parameters() if torch.equal(value, before[name])] == []


def test_same_seed_gives_the_same_weights_and_another_seed_others():
    def weights(seed):
        method = simclr()
        pretrain(method, images(), epochs=1, batch_size=16, seed=seed, **QUIET)
        return torch.cat([value.flatten() for value in method.state_dict().values()])

    assert torch.equal(weights(0), weights(0))
    assert not torch.equal(weights(0), weights(1))


def test_training_leaves_the_callers_random_numbers_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    method = SimCLR(small_cnn(4))
    torch.manual_seed(5)
    pretrain(method, images(), epochs=1, batch_size=16, **QUIET)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("stop", [1, 2])
def test_resuming_gives_bit_for_bit_the_uninterrupted_weights(tmp_path, stop):
    class Stop(Exception):
        pass

    def stop_after(record):
        if record["epoch"] == stop:
            raise Stop

    whole, resumed = simclr(), simclr()
    arguments = {"epochs": 3, "batch_size": 16, "checkpoint": tmp_path / "run.pt"} | QUIET
    history = pretrain(whole, images(), **arguments | {"checkpoint": None})
    with pytest.raises(Stop):
        pretrain(resumed, images(), on_epoch=stop_after, **arguments)
    resumed = simclr()
    again = pretrain(resumed, images(), **arguments)
    assert_same_weights(whole, resumed)
    assert [record["loss"] for record in again] == [record["loss"] for record in history]


def test_a_finished_run_is_not_trained_again(tmp_path):
    arguments = {"epochs": 1, "batch_size": 16, "checkpoint": tmp_path / "run.pt"} | QUIET
    method = simclr()
    history = pretrain(method, images(), **arguments)
    assert list(pretrain(simclr(), images(), **arguments)) == list(history)


KILLED = """
import sys, torch
from ssl_course import load, pretrain
from ssl_course.methods import SimCLR
from ssl_course.networks import small_cnn
torch.manual_seed(0)
pretrain(SimCLR(small_cnn(4)), load("shapes", size=32), epochs=400, batch_size=16, progress=False, device="cpu",
         precision="fp32", checkpoint=sys.argv[1])
"""


def test_a_run_killed_with_signal_9_goes_on_bit_for_bit(tmp_path):
    path = tmp_path / "run.pt"
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(path)])
    while not path.exists() and process.poll() is None:
        time.sleep(0.02)
    time.sleep(0.2)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    done = len(read_checkpoint(path)["history"])
    assert 1 <= done < 400

    class Enough(Exception):
        pass

    def enough(record):
        if record["epoch"] == done + 1:
            raise Enough

    whole, resumed = simclr(), simclr()
    arguments = {"epochs": 400, "batch_size": 16, "on_epoch": enough} | QUIET
    for method, checkpoint in ((whole, None), (resumed, path)):
        with pytest.raises(Enough):
            pretrain(method, images(), checkpoint=checkpoint, **arguments)
    assert_same_weights(whole, resumed)


def assert_same_weights(one, other):
    for (name, mine), theirs in zip(one.state_dict().items(), other.state_dict().values(), strict=True):
        assert torch.equal(mine, theirs), name


def test_the_stop_button_keeps_the_history_and_a_usable_encoder(capsys):
    def stop(record):
        if record["epoch"] == 2:
            raise KeyboardInterrupt

    method = simclr()
    history = pretrain(method, images(), epochs=5, batch_size=16, on_epoch=stop, **QUIET | {"progress": True})
    assert history.interrupted
    assert len(history) == 2
    assert not method.training
    assert method.encoder(torch.rand(2, 3, 32, 32)).isfinite().all()
    assert "stopped by hand after 2 of 5 epochs" in capsys.readouterr().err


def test_a_loss_that_is_not_finite_stops_names_the_step_and_keeps_the_checkpoint(tmp_path):
    calls = []

    def loss(features):
        calls.append(1)
        return features.mean() * (float("nan") if len(calls) == 4 else 1)

    path = tmp_path / "run.pt"
    with pytest.raises(TrainingError, match=r"loss is nan at step 4 of 6: the learning rate .* may be too high"):
        pretrain(Constant(loss), images(), epochs=3, batch_size=16, checkpoint=path, **QUIET)
    saved = read_checkpoint(path)
    assert len(saved["history"]) == 1
    assert all(value.isfinite().all() for value in saved["method"].values())


def test_a_gradient_that_is_not_finite_stops_although_the_loss_is_fine(tmp_path):
    with pytest.raises(TrainingError, match=r"gradient is not finite at step 1 .* of 0 in the loss; the checkpoint"):
        pretrain(Constant(lambda h: (h.mean() * 0).sqrt()), images(), epochs=1, batch_size=16, **QUIET)


@pytest.mark.parametrize(("batch_size", "epochs", "last"), [(16, 1, 1), (16, 3, 3), (16, 20, 6), (2, 3, 1)])
def test_fp16_that_skips_every_step_ends_like_fp32(batch_size, epochs, last):
    """As soon as it can't be the search for a scale: at once where there are many steps, else at the end."""

    def loss(features):
        return (features.float().mean() * 0).sqrt()

    message = rf"gradient is not finite at any step of epoch {last} .* learning rate \(0.004\) .* precision=\"fp32\""
    settings = {"epochs": epochs, "batch_size": batch_size} | QUIET | {"precision": "fp16"}
    for optimizer in ("adamw", "sgd"):
        with pytest.raises(TrainingError, match=message):
            pretrain(Constant(loss), images(), optimizer=optimizer, **settings)


def test_fp16_leaves_a_step_that_overflowed_out_of_the_means():
    calls = []

    def loss(features):
        calls.append(1)
        return (features.float().mean() * 0).sqrt() if len(calls) == 1 else features.float().square().mean()

    history = pretrain(Constant(loss), images(), epochs=1, batch_size=4, **QUIET | {"precision": "fp16"})
    assert 0 < history[0]["gradient_norm"] < math.inf


def test_fp16_trains_close_to_fp32_on_the_cpu():
    losses = []
    for precision in ("fp32", "fp16"):
        history = pretrain(simclr(), images(256), epochs=1, batch_size=16, **QUIET | {"precision": precision})
        losses.append(history[0]["loss"])
    assert losses[0] == pytest.approx(losses[1], rel=0.05)


def test_features_that_are_not_finite_end_the_training(tmp_path):
    class Broken(Constant):
        def after_step(self, progress):
            if progress == 1:
                next(self.encoder.parameters()).data.fill_(float("nan"))

    method = Broken(lambda features: features.square().mean())
    with pytest.raises(TrainingError, match="after epoch 2 the encoder's features are not finite"):
        pretrain(method, images(), epochs=2, batch_size=16, checkpoint=tmp_path / "run.pt", **QUIET)
    assert len(read_checkpoint(tmp_path / "run.pt")["history"]) == 1


def test_the_watch_for_collapse_can_be_turned_off(monkeypatch):
    monkeypatch.setattr(train, "extract_features", None)
    history = pretrain(simclr(), images(), epochs=1, batch_size=16, watch=False, **QUIET)
    assert "effective_rank" not in history[0]


def test_every_loss_is_checked_once(monkeypatch):
    seen = []
    real = train._check_finite
    monkeypatch.setattr(
        train, "_check_finite", lambda run, losses, *rest: seen.append(len(losses)) or real(run, losses, *rest)
    )
    pretrain(simclr(), images(64), epochs=2, batch_size=16, **QUIET)
    assert sum(seen) == 8


def test_threads_are_those_asked_for_recorded_and_given_back(tmp_path):
    before, seen = torch.get_num_threads(), []
    method = Constant(lambda features: seen.append(torch.get_num_threads()) or features.square().mean())
    history = pretrain(method, images(), epochs=1, batch_size=16, threads=2, **QUIET)
    assert set(seen) == {2}
    assert history[0]["threads"] == 2
    assert torch.get_num_threads() == before


def test_a_run_that_became_slow_looks_again_for_the_fastest_threads(monkeypatch):
    counts = iter([2, 1])
    monkeypatch.setattr(train, "choose_threads", lambda: (next(counts), "because"))
    calls = []
    monkeypatch.setattr(train.Pace, "is_slow", lambda *_: calls.append(1) or len(calls) == 7)  # of two steps each
    history = pretrain(simclr(), images(), epochs=4, batch_size=16, **QUIET)
    assert [record["threads"] for record in history] == [2, 2, 2, 1]


def test_slow_is_half_of_the_best_speed_so_far_or_half_a_minute():
    pace = train.Pace(chosen=0.0, since=0.0)
    assert not pace.is_slow(100, 1.0)  # too short to tell
    assert not pace.is_slow(100, 2.0)  # 100 a second
    assert not pace.is_slow(120, 4.0)
    assert pace.is_slow(98, 6.0)  # less than half of that
    assert not pace.is_slow(98, 8.0)  # the best since the threads were chosen anew
    assert not pace.is_slow(1350, 35.0)
    assert pace.is_slow(100, 37.0)  # half a minute later


def test_a_resumed_run_keeps_the_threads_it_began_with(tmp_path, monkeypatch):
    arguments = {"epochs": 2, "batch_size": 16, "checkpoint": tmp_path / "run.pt"} | QUIET

    class Stop(Exception):
        pass

    def stop(record):
        raise Stop

    with pytest.raises(Stop):
        pretrain(simclr(), images(), threads=2, on_epoch=stop, **arguments)
    monkeypatch.setattr(train, "choose_threads", None)
    monkeypatch.setattr(train.Pace, "is_slow", lambda *_: False)
    assert [record["threads"] for record in pretrain(simclr(), images(), **arguments)] == [2, 2]


def test_what_was_chosen_is_said_in_one_line(monkeypatch, capsys):
    monkeypatch.setattr(train, "choose_threads", lambda: (2, "2 threads: 1.5 times as fast as 1"))
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    for _ in range(2):
        pretrain(simclr(), images(), epochs=1, batch_size=16, **QUIET | {"progress": True})
    assert capsys.readouterr().err.count("2 threads: 1.5 times as fast as 1\n") == 1


def test_threads_are_measured_once_a_minute_unless_something_decides(monkeypatch):
    measured = []
    monkeypatch.delenv("SSL_COURSE_THREADS")
    monkeypatch.setattr(train, "choose_threads", lambda: measured.append(1) or (1, ""))
    monkeypatch.setattr(train.time, "monotonic", lambda: 1e9)
    for _ in range(3):
        pretrain(simclr(), images(), epochs=1, batch_size=16, **QUIET)
    assert len(measured) == 1


def test_after_step_gets_the_progress():
    method = Constant(lambda features: features.square().mean())
    pretrain(method, images(), epochs=2, batch_size=16, **QUIET)
    assert method.progress == [0.25, 0.5, 0.75, 1.0]


DISK_FULL = """
import resource, sys, torch
from ssl_course import load, pretrain
from ssl_course.methods import SimCLR
from ssl_course.networks import small_cnn
from ssl_course.train import TrainingError
def full(record):
    if record["epoch"] == 1:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))  # the disk takes no more than 10 kB from now on
try:
    pretrain(SimCLR(small_cnn(4)), load("shapes", size=32), epochs=3, batch_size=16, progress=False, device="cpu",
             precision="fp32", checkpoint=sys.argv[1], on_epoch=full)
except TrainingError as failure:
    sys.exit(str(failure))
"""


def test_a_full_disk_leaves_the_earlier_checkpoint_and_says_what_to_do(tmp_path):
    path = tmp_path / "run.pt"
    done = subprocess.run([sys.executable, "-c", DISK_FULL, str(path)], capture_output=True, text=True)
    assert "could not be written after epoch 2" in done.stderr
    assert "make room" in done.stderr
    assert len(read_checkpoint(path)["history"]) == 1
    assert list(tmp_path.iterdir()) == [path]


def test_a_truncated_checkpoint_is_refused_in_one_sentence(tmp_path):
    path = tmp_path / "run.pt"
    pretrain(simclr(), images(), epochs=1, batch_size=16, checkpoint=path, **QUIET)
    whole = path.read_bytes()
    for length in (0, 100, len(whole) // 2, len(whole) - 10):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="truncated or not a checkpoint"):
            pretrain(simclr(), images(), epochs=1, batch_size=16, checkpoint=path, **QUIET)


def test_a_checkpoint_cannot_run_code(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path}/pwned",)

    torch.save({"format": 1, "method": Evil()}, tmp_path / "run.pt")
    with pytest.raises(ValueError, match="not a checkpoint"):
        read_checkpoint(tmp_path / "run.pt")
    assert not (tmp_path / "pwned").exists()


def test_a_checkpoint_of_another_method_or_setting_is_refused(tmp_path):
    arguments = {"epochs": 1, "batch_size": 16, "checkpoint": tmp_path / "run.pt"} | QUIET
    pretrain(simclr(), images(), **arguments)
    with pytest.raises(ValueError, match=r"made with method='SimCLR', this run has method='Supervised'"):
        pretrain(Supervised(small_cnn(4), 10), images(), **arguments)
    with pytest.raises(ValueError, match=r"made with epochs=1, this run has epochs=2"):
        pretrain(simclr(), images(), **arguments | {"epochs": 2})
    with pytest.raises(ValueError, match=r"made with optimizer='adamw', this run has optimizer='sgd'"):
        pretrain(simclr(), images(), optimizer="sgd", **arguments)
    with pytest.raises(ValueError, match=r"made with pixels="):
        pretrain(simclr(), load("shapes", size=32, seed=1), **arguments)
    with pytest.raises(ValueError, match=r"made with parts.encoder.dim=16"):
        pretrain(simclr(width=8), images(), **arguments)
    unlike = simclr(head=simclr().head)
    unlike.head[0].weight = nn.Parameter(torch.zeros(2, 2))  # with the same settings by name
    with pytest.raises(ValueError, match="built differently"):
        pretrain(unlike, images(), **arguments)
    assert len(read_checkpoint(tmp_path / "run.pt")["history"]) == 1


def test_a_checkpoint_from_before_there_was_a_choice_of_optimizers_is_one_of_adamw(tmp_path):
    arguments = {"epochs": 1, "batch_size": 16, "checkpoint": tmp_path / "run.pt"} | QUIET
    history = pretrain(simclr(), images(), **arguments)
    old = read_checkpoint(tmp_path / "run.pt")
    del old["settings"]["optimizer"]
    torch.save(old, tmp_path / "run.pt")
    assert pretrain(simclr(), images(), **arguments) == history
    with pytest.raises(ValueError, match=r"made with optimizer='adamw', this run has optimizer='sgd'"):
        pretrain(simclr(), images(), optimizer="sgd", **arguments)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"temperature": 5.0}, "made with parts.method.temperature=0.15, this run has parts.method.temperature=5.0"),
        ({"augment": Augment(crop=0.5)}, "parts.augment.crop=0.2, this run has parts.augment.crop=0.5"),
        ({"augment": Augment(sigma=(0.2, 1.0))}, "parts.augment.sigma"),
    ],
)
def test_a_checkpoint_of_other_options_or_views_is_refused(tmp_path, changed, message):
    arguments = {"epochs": 1, "batch_size": 16, "checkpoint": tmp_path / "run.pt"} | QUIET
    pretrain(simclr(temperature=0.15), images(), **arguments)
    with pytest.raises(ValueError, match=message):
        pretrain(simclr(**{"temperature": 0.15} | changed), images(), **arguments)


def test_a_checkpoint_of_other_labels_is_refused_where_labels_are_used(tmp_path):
    one = images()
    other = ImageSet(one.images, one.labels.flip(0), one.classes)
    arguments = {"epochs": 1, "batch_size": 16, "checkpoint": tmp_path / "run.pt"} | QUIET
    pretrain(simclr(), one, **arguments)
    pretrain(simclr(), other, **arguments)  # which never sees them
    arguments["checkpoint"] = tmp_path / "supervised.pt"
    pretrain(Supervised(small_cnn(4), 10), one, **arguments)
    with pytest.raises(ValueError, match="made with labels="):
        pretrain(Supervised(small_cnn(4), 10), other, **arguments)


def test_the_settings_of_a_method_are_those_of_all_its_parts_and_no_measurements():
    class Nested(nn.Module):
        def __init__(self):
            super().__init__()
            self.weights, self.limits, self.way, self.active = {"a": 1.0}, (0.1, None), "hard", float("nan")
            self.inner, self._keys = nn.Dropout(0.3), 5

    found = plain_settings(Nested())
    assert found["method"] == {"kind": "Nested", "weights": {"a": 1.0}, "limits": (0.1, None), "way": "hard"}
    assert found["inner"] == {"kind": "Dropout", "p": 0.3, "inplace": False}


def test_load_encoder_gives_the_trained_weights_or_says_that_they_do_not_fit(tmp_path):
    method = simclr()
    pretrain(method, images(), epochs=1, batch_size=16, checkpoint=tmp_path / "run.pt", **QUIET)
    assert_same_weights(method.encoder, load_encoder(tmp_path / "run.pt", small_cnn(4)))
    with pytest.raises(ValueError, match="another encoder"):
        load_encoder(tmp_path / "run.pt", small_cnn(8))
    with pytest.raises(FileNotFoundError, match="no checkpoint"):
        load_encoder(tmp_path / "nothing.pt", small_cnn(4))


def test_a_resumed_run_keeps_the_precision_it_began_with(tmp_path):
    arguments = {"batch_size": 16, "checkpoint": tmp_path / "run.pt", "progress": False, "device": "cpu"}
    pretrain(simclr(), images(), epochs=1, precision="bf16", **arguments)
    pretrain(simclr(), images(), epochs=1, precision="auto", **arguments)
    assert read_checkpoint(tmp_path / "run.pt")["settings"]["precision"] == "bf16"


def test_bf16_trains_close_to_fp32():
    losses = []
    for precision in ("fp32", "bf16"):
        history = pretrain(simclr(), images(), epochs=1, batch_size=16, **QUIET | {"precision": precision})
        losses.append(history[0]["loss"])
    assert losses[0] == pytest.approx(losses[1], rel=0.05)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"batch_size": 1}, "batch_size must be at least 2, got 1"),
        ({"batch_size": 64}, "32 images don't fill one batch: .* batch_size=32 or less"),
        ({"lr": 0}, "lr must be positive and finite, got 0"),
        ({"lr": float("inf")}, "lr must be positive and finite, got inf"),
        ({"lr": float("nan")}, "lr must be positive and finite, got nan"),
        ({"weight_decay": -1}, "weight_decay must not be negative, got -1"),
        ({"weight_decay": float("nan")}, "weight_decay must not be negative, got nan"),
        ({"threads": 0}, "threads must be at least 1, got 0"),
        ({"warmup": 1.0}, r"warmup is a share of all steps, in \[0, 1\), got 1.0"),
        ({"precision": "int8"}, "precision must be one of"),
    ],
)
def test_arguments_out_of_range_are_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        pretrain(simclr(), images(), **{"epochs": 1, "batch_size": 16} | QUIET | changed)


def test_one_image_is_refused_and_a_method_with_labels_needs_them():
    with pytest.raises(ValueError, match="1 images don't fill one batch"):
        pretrain(simclr(), images(1), epochs=1, **QUIET)
    with pytest.raises(ValueError, match="Supervised needs labels"):
        pretrain(Supervised(small_cnn(4), 10), ImageSet(images().images), epochs=1, batch_size=16, **QUIET)


def test_a_missing_gpu_is_said(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match=r'no cuda device was found.* use device="auto"'):
        choose_device("cuda")


def test_the_rate_rises_to_its_peak_and_falls_to_nearly_nothing():
    rates = [learning_rate(step, 100, peak=1.0, warmup=0.1) for step in range(100)]
    assert rates == sorted(rates[:11]) + sorted(rates[11:], reverse=True)
    assert 0 < rates[0] < 0.2
    assert max(rates) == 1.0
    assert rates[-1] < 1e-3
    assert learning_rate(0, 10, peak=1.0, warmup=0.0) == 1.0


def test_biases_and_norms_have_no_weight_decay():
    decayed, plain = parameter_groups(simclr(), 0.1)
    assert decayed["weight_decay"] == 0.1
    assert all(parameter.ndim > 1 for parameter in decayed["params"])
    assert plain["weight_decay"] == 0
    assert all(parameter.ndim == 1 for parameter in plain["params"])


def test_without_bf16_instructions_the_cpu_stays_in_fp32(monkeypatch):
    cpu = torch.device("cpu")
    monkeypatch.setattr("ssl_course.precision.cpu_has_bf16", lambda: False)
    assert choose_precision("auto", cpu) == "fp32"
    monkeypatch.setattr("ssl_course.precision.cpu_has_bf16", lambda: True)
    monkeypatch.setattr("ssl_course.precision.cpu_bf16_speedup", lambda: 0.8)
    assert choose_precision("auto", cpu) == "fp32"
    monkeypatch.setattr("ssl_course.precision.cpu_bf16_speedup", lambda: 2.0)
    assert choose_precision("auto", cpu) == "bf16"


def test_an_old_cuda_gpu_gets_fp16_and_a_new_one_bf16(monkeypatch):
    for supported, expected in ((False, "fp16"), (True, "bf16")):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation, answer=supported: answer)
        assert choose_precision("auto", torch.device("cuda")) == expected


def test_the_supervised_method_learns_from_the_labels_it_is_given():
    torch.manual_seed(0)
    model = Supervised(small_cnn(4), 2, augment=Augment(jitter=0, grayscale=0, crop=1, flip=0))
    dark, light = torch.zeros(32, 3, 32, 32, dtype=torch.uint8), torch.full((32, 3, 32, 32), 255, dtype=torch.uint8)
    labels = torch.arange(2).repeat_interleave(32)
    history = pretrain(model, ImageSet(torch.cat([dark, light]), labels), epochs=10, batch_size=16, **QUIET)
    assert history[-1]["loss"] < 0.1


def test_the_history_is_plain_data():
    history = pretrain(simclr(), images(), epochs=1, batch_size=16, **QUIET)
    assert json.loads(json.dumps(history)) == list(history)
