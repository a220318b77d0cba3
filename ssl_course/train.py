"""The only training loop. It knows the contract of a method and nothing of any method.

Pixels stay uint8 in memory, or on disk (see `store`), and become floats a batch at a time. Every random number of epoch
e comes from (seed, e), so a run that was stopped and resumed goes the same way as one that wasn't.
"""

import contextlib
import copy
import functools
import math
import os
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import torch
from torch import Tensor, nn
from tqdm import tqdm

from ssl_course import checkpoint as checkpoints
from ssl_course import compiled, parallel
from ssl_course.checkpoint import TrainingError, load_encoder, read_checkpoint
from ssl_course.data import ImageSet
from ssl_course.features import effective_rank, extract_features, feature_deviation, to_float
from ssl_course.mapped import batches, is_on_disk
from ssl_course.muon import Muon
from ssl_course.precision import DTYPES, choose_device, choose_precision, choose_threads, with_threads
from ssl_course.samples import Known, Samples, kind_of

__all__ = ["History", "TrainingError", "learning_rate", "load_encoder", "parameter_groups", "pretrain"]

WATCHED = 512  # images whose features are measured for collapse after every epoch
WINDOW = 2  # seconds over which the speed of training is measured
PATIENCE = 30  # seconds after which the threads are chosen anew in any case
OPTIMIZERS = {
    "adamw": functools.partial(torch.optim.AdamW, betas=(0.9, 0.95), fused=True),  # 0.999 is slow for short runs
    "sgd": functools.partial(torch.optim.SGD, momentum=0.9),
    "muon": Muon,
}


class History(list):
    """One dict per epoch; `pandas.DataFrame(history)` makes a table of it.

    Keys: epoch (from 1), loss and gradient_norm (means over the epoch), learning_rate (the last), images_per_second,
    seconds, threads (of the processor), and with `watch` feature_deviation and effective_rank (of the encoder's
    features of some training images, see `features`). `interrupted` is true when a stop button or Ctrl-C ended the
    run early.
    """

    interrupted = False


@dataclass
class Pace:
    """Notices when to look again for the fastest threads: at half the best speed so far, or after half a minute."""

    chosen: float
    since: float
    images: int = 0
    best: float = 0.0

    def is_slow(self, images: int, now: float) -> bool:
        """Whether to look again, after so many more images at this time in seconds."""
        self.images += images
        if now - self.since < WINDOW:
            return False
        speed = self.images / (now - self.since)
        self.best, self.since, self.images = max(self.best, speed), now, 0
        if speed >= self.best / 2 and now - self.chosen < PATIENCE:
            return False
        self.chosen, self.best = now, 0.0
        return True


@dataclass
class Run:
    """What one training run carries from step to step."""

    method: nn.Module
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    settings: dict
    device: torch.device
    parts: compiled.Parts  # views and loss: those of the method, or of one of its copies in many processes
    pace: Pace | None = None  # where the threads may be chosen anew

    @property
    def total_steps(self) -> int:
        return self.settings["epochs"] * self.steps_per_epoch

    @property
    def steps_per_epoch(self) -> int:
        return self.settings["images"] // self.settings["batch_size"]

    def state(self) -> dict:
        """What a checkpoint keeps of it."""
        parts = {"method": self.method, "optimizer": self.optimizer, "scaler": self.scaler}
        return {"settings": self.settings} | {name: part.state_dict() for name, part in parts.items()}


def pretrain(
    method: nn.Module,
    images: ImageSet | Samples | Tensor,
    *,
    epochs: int,
    batch_size: int = 256,
    lr: float = 4e-3,
    warmup: float = 0.1,
    weight_decay: float = 0.05,
    optimizer: str = "adamw",
    seed: int = 0,
    device: str = "auto",
    precision: str = "auto",
    threads: int | str = "auto",
    compile: str = "no",
    checkpoint: str | os.PathLike | None = None,
    on_epoch: Callable[[dict], None] | None = None,
    on_step: Callable[[dict], None] | None = None,
    watch: bool = True,
    progress: bool = True,
) -> History:
    """Train any method that keeps the contract; the trained encoder is `method.encoder`.

    In each of several processes (`parallel.joined`, `torchrun`) it trains the same weights on its share of every batch;
    the first one writes the checkpoint.

    Args:
        method: an nn.Module with `views(images)`, `forward(*views)` giving a scalar loss, and maybe
            `after_step(progress)`. One with `uses_labels = True` gets the labels as forward's last argument, and
            may say with `labels_are` what these are.
        images: what to train on. A tensor must be uint8 (N, C, H, W), or of another kind that `samples.KINDS` knows:
            pixels come to `views` as floats in [0, 1], tokens and sounds as they are.
        epochs: passes over the images; the last incomplete batch of each is dropped.
        batch_size: images in a step, of all processes together.
        lr: largest learning rate.
        warmup: share of all steps in which the rate rises linearly; after that it falls as a cosine.
        weight_decay: of weights; biases and norms have none.
        optimizer: "adamw" (betas 0.9 and 0.95); "sgd" with momentum 0.9, as most published runs on photographs; or
            "muon", see `muon.Muon`.
        seed: decides order and views. On the CPU the same seed and thread count give the same weights.
        device: "auto" (CUDA, mps, CPU), or a name. The method stays there.
        precision: "auto", "fp32", "bf16" or "fp16"; see `precision.choose_precision`.
        threads: of the processor; "auto" takes those that are fastest now, see `precision.choose_threads`, and looks
            again every half minute, and when training has become half as fast.
        compile: "no"; "auto": views and loss go through `torch.compile` if a trial on the first batch says that it
            pays, see `compiled.choose`; "always". The numbers are the same up to rounding; the threads then stay as
            many as there are at the start. In several processes, and on mps, nothing is compiled.
        checkpoint: a file that is written after every epoch and, if it exists, gone on from. Without one, runs with
            `watch` are kept in the folder that the environment variable SSL_COURSE_CHECKPOINTS names, if it does.
        on_epoch: is called with the epoch's dict.
        on_step: is called after every step with a dict: step (from 1), steps (of the whole run), epoch (from 1),
            images (of the batch), loss (a tensor, still on the device), learning_rate, and views, what the method got.
            A KeyboardInterrupt raised in it, or in `on_epoch`, ends the run like a stop button.
        watch: whether to measure after every epoch if the features collapse.
        progress: whether to show a bar.

    Returns:
        The history. A keyboard interrupt (a notebook's stop button) ends the run early and returns what there is.

    Raises:
        ValueError: if an argument is out of range, or the checkpoint can't be read or is of another run: of other
            images, labels, settings of the method, its views or its training.
        TrainingError: if the loss, the gradient or the features aren't finite, the GPU's memory is too small for a
            batch (the message names one that fits), or the checkpoint can't be written.
    """
    images, labels = _data(method, images)
    _check_arguments(images, epochs, batch_size, lr, warmup, weight_decay, optimizer, compile)
    parallel.check_divisible(batch_size)
    first = parallel.rank() == 0
    progress = progress and first
    device = choose_device(device)
    settings = {"method": type(method).__name__, "images": len(images), "pixels": checkpoints.checksum(images)}
    settings |= {"labels": None if labels is None else checkpoints.checksum(labels)}
    settings |= {"epochs": epochs, "batch_size": batch_size, "lr": lr, "warmup": warmup, "weight_decay": weight_decay}
    settings |= {
        "optimizer": optimizer,
        "seed": seed,
        "precision": precision,
        "parts": checkpoints.plain_settings(method),
    }
    checkpoint = checkpoints.own_place(settings, method) if checkpoint is None and watch else checkpoint
    saved = parallel.from_first(lambda: _saved(checkpoint))
    if precision == "auto":
        chosen = parallel.from_first(lambda: choose_precision("auto", device))
        settings["precision"] = saved["settings"]["precision"] if saved else chosen
    run = _prepare(method, device, settings, choose_precision(settings["precision"], device))
    history = History(_restore(run, saved, checkpoint) if saved else [])
    images = _keep_near(images, device)
    labels = None if labels is None else labels.to(images.device)
    forked = [device] if device.type == "cuda" else []
    count, too_large = _first_threads(threads, device, history, progress), False
    with (
        _progress_bar(run, kind_of(images), len(history), progress) as bar,
        torch.random.fork_rng(devices=forked),
        with_threads(count),
        _fastest_convolutions(device),
    ):
        try:
            is_compiled = _compile(run, compile, images, labels, len(history), progress)
            if threads == "auto" and device.type == "cpu" and parallel.ranks() == 1 and not is_compiled:
                run.pace = Pace(time.perf_counter(), time.perf_counter())
            for epoch in range(len(history), epochs):
                torch.manual_seed(_mix(seed, epoch))
                order = torch.randperm(len(images))[: run.steps_per_epoch * batch_size].to(images.device)
                record = train_epoch(run, epoch, order.view(-1, batch_size), images, labels, bar, on_step)
                look = functools.partial(_collapse, method.encoder, images, epoch)
                seen = parallel.from_first(look) if watch else {}
                history.append(record | seen)
                if checkpoint is not None and first:
                    checkpoints.save(checkpoint, run.state() | {"history": list(history)})
                if on_epoch is not None:
                    on_epoch(history[-1])
        except torch.OutOfMemoryError:
            too_large = True  # what the error still holds has to go before anything else is tried
        except RuntimeError as failure:
            if not parallel.has_lost_another(failure):
                raise
            raise TrainingError(_alone(len(history), epochs, checkpoint)) from failure
        except KeyboardInterrupt:
            history.interrupted = True
            tqdm.write(
                f"stopped by hand after {len(history)} of {epochs} epochs; the encoder is usable", file=_terminal()
            )
        finally:
            method.eval()
    if too_large:
        raise TrainingError(_smaller_batch(run, images, labels))
    return history


def train_epoch(
    run: Run,
    epoch: int,
    order: Tensor,
    images: Tensor,
    labels: Tensor | None,
    bar: tqdm,
    on_step: Callable[[dict], None] | None = None,
) -> dict:
    """One pass: `order` (steps, B) says which images make which batch. Returns the epoch's record."""
    start = time.perf_counter()
    method = run.method.train()
    losses, norms, checked = [], [], 0
    first_step, share = epoch * len(order), order.shape[1] // parallel.ranks()
    order = order[:, parallel.rank() * share :][:, :share]  # this process's part of every batch
    for step, (index, pixels) in enumerate(batches(order, images), start=first_step):
        rate = _set_rate(run, step)
        batch = to_float(_brought(pixels, run.device))  # (B, C, H, W) in [0, 1], or tokens, sounds, clips
        targets = [] if labels is None else [labels[index].to(run.device)]
        with parallel.Share(share):
            with torch.no_grad():
                views = [_channels_last(view) for view in run.parts.views(batch)]
            with _autocast(run):
                loss = run.parts.forward(*views, *targets)
        run.optimizer.zero_grad()
        run.scaler.scale(loss).backward()
        run.scaler.unscale_(run.optimizer)
        norms.append(_gradient_norm(method))
        run.scaler.step(run.optimizer)
        run.scaler.update()
        if hasattr(method, "after_step"):
            method.after_step((step + 1) / run.total_steps)
        losses.append(loss.detach())
        bar.update(parallel.ranks() * len(batch))
        if run.pace is not None and run.pace.is_slow(len(batch), time.perf_counter()):
            torch.set_num_threads(_choose_threads(not bar.disable, again=True))
        if run.device.type == "cpu" or len(losses) % 20 == 0 or len(losses) == len(order):  # a GPU has to wait for this
            _check_finite(run, losses[checked:], norms[checked:], first_step + checked)
            checked = len(losses)
            bar.set_postfix_str(f"loss {losses[-1]:.3f}", refresh=False)
        if on_step is not None:
            told = {"step": step + 1, "steps": run.total_steps, "epoch": epoch + 1, "images": len(batch)}
            on_step(told | {"loss": losses[-1], "learning_rate": rate, "views": views})
    _check_some_step_was_made(run, norms, epoch)
    seconds = time.perf_counter() - start
    losses = parallel.mean(torch.stack(losses)).unbind()
    record = {"epoch": epoch + 1, "loss": _mean(losses), "gradient_norm": _mean(norms), "learning_rate": rate}
    record |= {"images_per_second": parallel.ranks() * order.numel() / seconds, "seconds": seconds}
    return record | {"threads": torch.get_num_threads()}


def learning_rate(step: int, steps: int, *, peak: float, warmup: float) -> float:
    """Linear rise to `peak` over the first `warmup` (a share) of `steps`, then a cosine that ends near 0.

    Source: Loshchilov & Hutter 2017, SGDR, eq. 5, with one cycle.
    """
    rising = warmup * steps
    if step < rising:
        return peak * (step + 1) / (math.ceil(rising) + 1)
    return peak * 0.5 * (1 + math.cos(math.pi * (step - rising) / (steps - rising)))


def parameter_groups(module: nn.Module, weight_decay: float) -> list[dict]:
    """Weights (two and more dimensions) with weight decay; biases and norms without; frozen ones not at all."""
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    weights = [parameter for parameter in trained if parameter.ndim > 1]
    others = [parameter for parameter in trained if parameter.ndim <= 1]
    return [{"params": weights, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


def _saved(checkpoint: str | os.PathLike | None) -> dict | None:
    return read_checkpoint(checkpoint) if checkpoint is not None and Path(checkpoint).exists() else None


def _restore(run: Run, saved: dict, path: str | os.PathLike) -> list[dict]:
    """Take over what a checkpoint holds, if it is of this run; its history so far."""
    checkpoints.check_same(saved["settings"], run.settings, path)
    try:
        run.method.load_state_dict(saved["method"])
        run.optimizer.load_state_dict(saved["optimizer"])
    except (RuntimeError, ValueError) as failure:
        raise ValueError(f"{path} holds a {saved['settings']['method']} built differently from this one") from failure
    run.scaler.load_state_dict(saved["scaler"])
    return saved["history"]


# --- parts of the loop


def _data(method: nn.Module, given: ImageSet | Samples | Tensor) -> tuple[Tensor, Tensor | None]:
    data = given.data if isinstance(given, Known) else given
    kind = kind_of(data)
    if not getattr(method, "uses_labels", False):
        return data, None
    if getattr(given, "labels", None) is None:
        needed = getattr(method, "labels_are", "labels")
        raise ValueError(f"{type(method).__name__} needs {needed}, and these {kind} have none")
    return data, given.labels


def _check_arguments(
    data: Tensor,
    epochs: int,
    batch_size: int,
    lr: float,
    warmup: float,
    weight_decay: float,
    optimizer: str,
    compile: str,
) -> None:
    if epochs < 1:
        raise ValueError(f"epochs must be at least 1, got {epochs}")
    if batch_size < 2:
        raise ValueError(f"batch_size must be at least 2, got {batch_size}")
    if len(data) < batch_size:
        kind, fitting = kind_of(data), max(2, len(data))
        raise ValueError(f"{len(data)} {kind} don't fill one batch: give more {kind}, or batch_size={fitting} or less")
    if not 0 < lr < math.inf:
        raise ValueError(f"lr must be positive and finite, got {lr}")
    if not 0 <= warmup < 1:
        raise ValueError(f"warmup is a share of all steps, in [0, 1), got {warmup}")
    if not 0 <= weight_decay < math.inf:
        raise ValueError(f"weight_decay must not be negative, got {weight_decay}")
    if optimizer not in OPTIMIZERS:
        raise ValueError(f"optimizer must be one of {', '.join(OPTIMIZERS)}, got {optimizer!r}")
    if compile not in compiled.WAYS:
        raise ValueError(f"compile must be one of {', '.join(compiled.WAYS)}, got {compile!r}")


def _prepare(method: nn.Module, device: torch.device, settings: dict, precision: str) -> Run:
    method.to(device, memory_format=torch.channels_last)
    groups = parameter_groups(method, settings["weight_decay"])
    optimizer = OPTIMIZERS[settings["optimizer"]](groups, lr=settings["lr"])
    # at the usual first scale of 2^16 a short run would lose its first steps
    scaler = torch.amp.GradScaler(device.type, init_scale=2.0**10, enabled=precision == "fp16")
    return Run(method, optimizer, scaler, settings, device, compiled.Parts(method.views, parallel.copies(method)))


def _keep_near(images: Tensor, device: torch.device) -> Tensor:
    """All images on the GPU if they take less than a quarter of its free memory, else, or on disk, where they are."""
    if is_on_disk(images):
        return images
    near = device.type == "mps" or (device.type == "cuda" and images.nbytes < torch.cuda.mem_get_info(device)[0] / 4)
    return images.to(device) if near else images


def _brought(pixels: Tensor, device: torch.device) -> Tensor:
    """A batch on the device; from the computer's memory to a GPU without waiting until it is there."""
    if device.type == "cuda" and pixels.device.type == "cpu":
        return pixels.pin_memory().to(device, non_blocking=True)
    return pixels.to(device)


@contextlib.contextmanager
def _fastest_convolutions(device: torch.device) -> Iterator[None]:
    """On CUDA let cuDNN try its ways for each size of picture and keep the fastest, unless they have to be the same."""
    cudnn, before = torch.backends.cudnn, torch.backends.cudnn.benchmark
    cudnn.benchmark = before or (device.type == "cuda" and not cudnn.deterministic)
    try:
        yield
    finally:
        cudnn.benchmark = before


def _progress_bar(run: Run, kind: str, done: int, shown: bool) -> tqdm:
    per_epoch = run.steps_per_epoch * run.settings["batch_size"]
    return tqdm(
        total=run.settings["epochs"] * per_epoch,
        initial=done * per_epoch,
        desc=run.settings["method"],
        unit="img" if kind == "images" else f" {kind}",
        unit_scale=True,
        leave=False,
        disable=not shown or "TQDM_DISABLE" in os.environ,
        file=_terminal(),
        dynamic_ncols=True,
    )


def _terminal() -> TextIO:
    """Where progress goes: stderr, but a notebook's stdout, since notebooks show stderr as if it were an error."""
    return sys.stdout if type(sys.stdout).__module__.startswith("ipykernel") else sys.stderr


def _mix(seed: int, epoch: int) -> int:
    """One seed for every pair; neighbouring pairs get unrelated ones."""
    return zlib.crc32(f"{seed} {epoch}".encode())


def _channels_last(view: Tensor) -> Tensor:
    return view.contiguous(memory_format=torch.channels_last) if view.ndim == 4 else view


def _autocast(run: Run) -> torch.autocast:
    precision = run.settings["precision"]
    return torch.autocast(run.device.type, DTYPES[precision], enabled=precision != "fp32")


def _set_rate(run: Run, step: int) -> float:
    rate = learning_rate(step, run.total_steps, peak=run.settings["lr"], warmup=run.settings["warmup"])
    for group in run.optimizer.param_groups:
        group["lr"] = rate
    return rate


def _gradient_norm(method: nn.Module) -> Tensor:
    gradients = [parameter.grad for parameter in method.parameters() if parameter.grad is not None]
    return torch.nn.utils.get_total_norm(gradients)


def _check_finite(run: Run, losses: list[Tensor], norms: list[Tensor], first_step: int) -> None:
    """Raises TrainingError if one of the new losses or gradients, from `first_step` on, isn't finite."""
    values = torch.stack(losses)
    if not values.isfinite().all():
        at = int((~values.isfinite()).nonzero()[0])
        raise TrainingError(
            f"the loss is {float(values[at])} at step {first_step + at + 1} of {run.total_steps}: the learning rate "
            f"({run.settings['lr']:g}) may be too high or the temperature too low, or an input is not finite; "
            "the checkpoint, if there is one, is of the epoch before"
        )
    finite = torch.stack(norms).isfinite()
    if run.settings["precision"] != "fp16" and not finite.all():  # fp16's scaler skips such steps
        _refuse_gradient(run, f"at step {first_step + int((~finite).nonzero()[0]) + 1} of {run.total_steps}")


def _check_some_step_was_made(run: Run, norms: list[Tensor], epoch: int) -> None:
    """Raises TrainingError if fp16 skipped all steps of an epoch, and not just to find its scale, which is at first
    too large: at a scale below 1, or at the end of a run that never made a step, it is the method's fault."""
    if torch.stack(norms).isfinite().any():
        return
    made = any(
        float(state.get("step", 1)) for state in run.optimizer.state.values()
    )  # sgd keeps none of a skipped step
    if (epoch + 1 == run.settings["epochs"] and not made) or run.scaler.get_scale() < 1:
        _refuse_gradient(run, f"at any step of epoch {epoch + 1}")


def _refuse_gradient(run: Run, place: str) -> None:
    raise TrainingError(
        f"the gradient is not finite {place} although the loss is: the learning rate ({run.settings['lr']:g}) may be "
        "too high, or there is a division by zero, a root or a logarithm of 0 in the loss"
        + (', or it is the rounding (try precision="fp32")' if run.settings["precision"] != "fp32" else "")
        + "; the checkpoint, if there is one, is of the epoch before"
    )


def _smaller_batch(run: Run, images: Tensor, labels: Tensor | None) -> str:
    """What to do where a batch doesn't fit into memory: tries a half, a quarter … of one."""
    size = batch_size = run.settings["batch_size"]
    words = f"the memory of {run.device} is too small for batches of {batch_size}"
    if parallel.ranks() > 1:  # the others won't try with this one
        return f"{words} on {parallel.ranks()} processes: take a smaller one, or more processes"
    while (size := size // 2) >= 2:
        if _fits(run, images[:size], None if labels is None else labels[:size]):
            return f"{words}: one of {size} fits (batch_size={size}, on the command line --batch-size {size})"
    return f"{words} and less: does another program use it? A smaller encoder and smaller images need less"


def _alone(done: int, epochs: int, checkpoint: str | os.PathLike | None) -> str:
    """What a process says that has lost another one."""
    kept = "nothing is kept" if checkpoint is None else "the same command goes on from there"
    return f"after {done} of {epochs} epochs another process of this training was lost, or stopped; {kept}"


def _fits(run: Run, images: Tensor, labels: Tensor | None) -> bool:
    """Whether there is memory for a step with these images, which isn't made: the method's weights stay."""
    run.optimizer.zero_grad()
    if run.device.type == "cuda":
        torch.cuda.empty_cache()
    run.method.train()
    try:
        _gradients(run, compiled.Parts(run.method.views, run.method), images, labels)
    except torch.OutOfMemoryError:
        return False
    finally:
        run.method.eval()
    return True


def _gradients(run: Run, parts: compiled.Parts, images: Tensor, labels: Tensor | None) -> Tensor:
    """The loss of these images; each weight has its gradient then."""
    with torch.no_grad():
        views = [_channels_last(view) for view in parts.views(to_float(images.to(run.device)))]
    with _autocast(run):
        loss = parts.forward(*views, *([] if labels is None else [labels.to(run.device)]))
    loss.backward()
    return loss.detach()


def _compile(run: Run, way: str, images: Tensor, labels: Tensor | None, done: int, say: bool) -> bool:
    """Whether the run takes compiled parts: if it is asked to, they are as right, and worth it."""
    steps = (run.settings["epochs"] - done) * run.steps_per_epoch
    if way == "no" or steps == 0:
        return False
    if parallel.ranks() > 1 or run.device.type == "mps":
        where = "on mps" if run.device.type == "mps" else "in several processes"
        chosen = compiled.Choice(run.parts, False, f"not compiled: {where} that isn't done")
    else:
        torch.manual_seed(_mix(run.settings["seed"], done))
        index = torch.randperm(len(images))[: run.settings["batch_size"]].to(images.device)  # the first batch
        step = functools.partial(_trial, run, images[index], None if labels is None else labels[index])
        chosen = compiled.choose(run.parts, step, way, steps=steps, precision=run.settings["precision"])
    run.parts = chosen.parts
    if say and "TQDM_DISABLE" not in os.environ:
        tqdm.write(chosen.why, file=_terminal())
    return chosen.is_compiled


def _trial(run: Run, images: Tensor, labels: Tensor | None, parts: compiled.Parts) -> tuple[float, float]:
    """Loss and length of the gradient of a step that isn't made: weights, buffers and torch's random numbers stay."""
    method = run.method.train()
    before = copy.deepcopy(method.state_dict())
    run.optimizer.zero_grad()  # an earlier training leaves gradients behind
    try:
        with torch.random.fork_rng(devices=[run.device] if run.device.type == "cuda" else []):
            loss, norm = _gradients(run, parts, images.clone(), labels), _gradient_norm(method)
        return float(loss), float(norm)
    finally:
        run.optimizer.zero_grad()
        method.load_state_dict(before)


def _collapse(encoder: nn.Module, images: Tensor, epoch: int) -> dict[str, float]:
    watched = torch.linspace(0, len(images) - 1, min(len(images), WATCHED)).long()
    try:
        features = extract_features(encoder, images[watched])
    except ValueError as failure:
        raise TrainingError(f"after epoch {epoch + 1} {failure}") from failure
    return {"feature_deviation": feature_deviation(features), "effective_rank": effective_rank(features)}


def _first_threads(threads: int | str, device: torch.device, history: list[dict], say: bool) -> int:
    """How many threads a run begins with: those asked for, those it had when it stopped, or the fastest."""
    if threads != "auto":
        return int(threads)
    if device.type != "cpu" or parallel.ranks() > 1:  # torchrun gives each process one, OMP_NUM_THREADS more
        return torch.get_num_threads()
    return history[-1]["threads"] if history else _choose_threads(say)


def _choose_threads(say: bool, *, again: bool = False) -> int:
    """The fastest number of threads, measured now or, for a run of the same minute, before."""
    decided = "SSL_COURSE_THREADS" in os.environ
    count, why = choose_threads() if again or decided else _measured(int(time.monotonic() // 60))
    if say and "TQDM_DISABLE" not in os.environ:
        _say_once(why)
    return count


@functools.cache
def _measured(minute: int) -> tuple[int, str]:
    return choose_threads()


@functools.cache
def _say_once(text: str) -> None:
    tqdm.write(text, file=_terminal())


def _mean(values: list[Tensor]) -> float:
    """The mean of those that are finite: fp16's scaler skips a step whose gradient overflows."""
    stacked = torch.stack(values).float()
    return float(stacked[stacked.isfinite()].mean())
