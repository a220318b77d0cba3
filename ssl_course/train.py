"""The only training loop. It knows the contract of a method and nothing of any method.

Pixels stay uint8 in memory and become floats a batch at a time. Every random number of epoch e comes from (seed, e),
so a run that was stopped and resumed goes the same way as one that wasn't.
"""

import math
import os
import pickle
import sys
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import torch
from torch import Tensor, nn
from tqdm import tqdm

from ssl_course.data import ImageSet
from ssl_course.features import effective_rank, extract_features, feature_deviation, to_float
from ssl_course.precision import DTYPES, choose_device, choose_precision

FORMAT = 1  # of the checkpoint file
WATCHED = 512  # images whose features are measured for collapse after every epoch


class History(list):
    """One dict per epoch; `pandas.DataFrame(history)` makes a table of it.

    Keys: epoch (from 1), loss and gradient_norm (means over the epoch), learning_rate (the last), images_per_second,
    feature_deviation and effective_rank (of the encoder's features of some training images, see `features`), seconds.
    `interrupted` is true when a stop button or Ctrl-C ended the run early.
    """

    interrupted = False


class TrainingError(RuntimeError):
    """Training can't go on; the message says where it stopped, why, and what to do."""


@dataclass
class Run:
    """What one training run carries from step to step."""

    method: nn.Module
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    settings: dict
    device: torch.device

    @property
    def total_steps(self) -> int:
        return self.settings["epochs"] * self.steps_per_epoch

    @property
    def steps_per_epoch(self) -> int:
        return self.settings["images"] // self.settings["batch_size"]


def pretrain(
    method: nn.Module,
    images: ImageSet | Tensor,
    *,
    epochs: int,
    batch_size: int = 256,
    lr: float = 4e-3,
    warmup: float = 0.1,
    weight_decay: float = 0.05,
    seed: int = 0,
    device: str = "auto",
    precision: str = "auto",
    checkpoint: str | os.PathLike | None = None,
    on_epoch: Callable[[dict], None] | None = None,
    progress: bool = True,
) -> History:
    """Train any method that keeps the contract; the trained encoder is `method.encoder`.

    Args:
        method: an nn.Module with `views(images)`, `forward(*views)` giving a scalar loss, and maybe
            `after_step(progress)`. One with `uses_labels = True` gets the labels as forward's last argument.
        images: what to train on; a tensor must be uint8 (N, C, H, W).
        epochs: passes over the images; the last incomplete batch of each is dropped.
        lr: largest learning rate of AdamW (betas 0.9 and 0.95).
        warmup: share of all steps in which the rate rises linearly; after that it falls as a cosine.
        weight_decay: of weights; biases and norms have none.
        seed: decides order and views. On the CPU the same seed gives the same weights.
        device: "auto" (CUDA, mps, CPU), or a name. The method stays there.
        precision: "auto", "fp32", "bf16" or "fp16"; see `precision.choose_precision`.
        checkpoint: a file that is written after every epoch and, if it exists, gone on from.
        on_epoch: is called with the epoch's dict.
        progress: whether to show a bar.

    Returns:
        The history. A keyboard interrupt (a notebook's stop button) ends the run early and returns what there is.

    Raises:
        ValueError: if an argument is out of range, or the checkpoint can't be read or is of another run.
        TrainingError: if the loss or the gradient isn't finite, or the checkpoint can't be written.
    """
    images, labels = _pixels(method, images)
    _check_arguments(len(images), epochs, batch_size, lr, warmup)
    device = choose_device(device)
    settings = {"method": type(method).__name__, "images": len(images), "checksum": _checksum(images)}
    settings |= {"epochs": epochs, "batch_size": batch_size, "lr": lr, "warmup": warmup, "weight_decay": weight_decay}
    settings |= {"seed": seed, "precision": precision}
    saved = read_checkpoint(checkpoint) if checkpoint is not None and Path(checkpoint).exists() else None
    if precision == "auto":
        settings["precision"] = saved["settings"]["precision"] if saved else choose_precision("auto", device)
    run = _prepare(method, device, settings, choose_precision(settings["precision"], device))
    history = History(_restore(run, saved, checkpoint) if saved else [])
    images = _keep_near(images, device)
    labels = None if labels is None else labels.to(images.device)
    forked = [device] if device.type == "cuda" else []
    with _progress_bar(run, len(history), progress) as bar, torch.random.fork_rng(devices=forked):
        try:
            for epoch in range(len(history), epochs):
                torch.manual_seed(_mix(seed, epoch))
                order = torch.randperm(len(images))[: run.steps_per_epoch * batch_size].to(images.device)
                record = train_epoch(run, epoch, order.view(-1, batch_size), images, labels, bar)
                history.append(record | _collapse(method.encoder, images))
                if checkpoint is not None:
                    save_checkpoint(checkpoint, run, history)
                if on_epoch is not None:
                    on_epoch(history[-1])
        except KeyboardInterrupt:
            history.interrupted = True
            tqdm.write(
                f"stopped by hand after {len(history)} of {epochs} epochs; the encoder is usable", file=_terminal()
            )
        finally:
            method.eval()
    return history


def train_epoch(run: Run, epoch: int, order: Tensor, images: Tensor, labels: Tensor | None, bar: tqdm) -> dict:
    """One pass: `order` (steps, B) says which images make which batch. Returns the epoch's record."""
    method, start, losses, norms = run.method.train(), time.perf_counter(), [], []
    for step, index in enumerate(order, start=epoch * len(order)):
        batch = to_float(images[index].to(run.device))  # (B, C, H, W) in [0, 1]
        with torch.no_grad():
            views = [_channels_last(view) for view in method.views(batch)]
        targets = [] if labels is None else [labels[index].to(run.device)]
        rate = _set_rate(run, step)
        with _autocast(run):
            loss = method(*views, *targets)
        run.optimizer.zero_grad()
        run.scaler.scale(loss).backward()
        run.scaler.unscale_(run.optimizer)
        norms.append(_gradient_norm(method))
        run.scaler.step(run.optimizer)
        run.scaler.update()
        if hasattr(method, "after_step"):
            method.after_step((step + 1) / run.total_steps)
        losses.append(loss.detach())
        bar.update(len(batch))
        if run.device.type == "cpu" or len(losses) % 20 == 0 or len(losses) == len(order):  # a GPU has to wait for this
            _check_finite(run, losses, norms, epoch * len(order))
            bar.set_postfix_str(f"loss {losses[-1]:.3f}", refresh=False)
    seconds = time.perf_counter() - start
    record = {"epoch": epoch + 1, "loss": _mean(losses), "gradient_norm": _mean(norms), "learning_rate": rate}
    return record | {"images_per_second": order.numel() / seconds, "seconds": seconds}


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


# --- checkpoints


def save_checkpoint(path: str | os.PathLike, run: Run, history: History) -> None:
    """Write everything that going on needs, to a file beside it first: a crash leaves the old file or the new one.

    Raises:
        TrainingError: if it can't be written; the old file is still there.
    """
    path = Path(path)
    part = path.with_name(path.name + ".part")
    contents = {"format": FORMAT, "settings": run.settings, "history": list(history), "method": run.method.state_dict()}
    contents |= {"optimizer": run.optimizer.state_dict(), "scaler": run.scaler.state_dict()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(part, "wb") as file:
            torch.save(contents, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except (OSError, RuntimeError) as failure:
        raise TrainingError(
            f"the checkpoint {path} could not be written after epoch {len(history)} ({failure}); an earlier one is "
            "unharmed: make room or choose another place, then run the same command to go on"
        ) from failure
    finally:
        part.unlink(missing_ok=True)


def read_checkpoint(path: str | os.PathLike) -> dict:
    """What `save_checkpoint` wrote, with tensors on the CPU. Only tensors and plain values are read, never code.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is truncated or not a checkpoint of this course.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no checkpoint {path}")
    try:
        contents = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError) as failure:
        raise ValueError(f"{path} is truncated or not a checkpoint: delete it to start afresh") from failure
    if not isinstance(contents, dict) or contents.get("format") != FORMAT:
        raise ValueError(f"{path} is not a checkpoint of this version of ssl_course: delete it to start afresh")
    return contents


def load_encoder(path: str | os.PathLike, encoder: nn.Module) -> nn.Module:
    """Fill an encoder with the weights in a checkpoint, whatever the method was, and return it in evaluation mode.

    Raises:
        ValueError: if the weights don't fit this encoder.
    """
    weights = read_checkpoint(path)["method"]
    prefix = "encoder."
    try:
        encoder.load_state_dict({key[len(prefix) :]: value for key, value in weights.items() if key.startswith(prefix)})
    except RuntimeError as failure:
        raise ValueError(f"the weights in {path} are of another encoder than {type(encoder).__name__}") from failure
    return encoder.eval()


def _restore(run: Run, saved: dict, path: str | os.PathLike) -> list[dict]:
    for key, value in run.settings.items():
        if saved["settings"].get(key) != value:
            raise ValueError(
                f"{path} was made with {key}={saved['settings'].get(key)!r}, this run has {key}={value!r}: "
                "give the same settings to go on, or another file to start afresh"
            )
    try:
        run.method.load_state_dict(saved["method"])
        run.optimizer.load_state_dict(saved["optimizer"])
    except (RuntimeError, ValueError) as failure:
        raise ValueError(f"{path} holds a {saved['settings']['method']} built differently from this one") from failure
    run.scaler.load_state_dict(saved["scaler"])
    return saved["history"]


# --- parts of the loop


def _pixels(method: nn.Module, images: ImageSet | Tensor) -> tuple[Tensor, Tensor | None]:
    images = images if isinstance(images, ImageSet) else ImageSet(images)
    labels = images.labels if getattr(method, "uses_labels", False) else None
    if labels is None and getattr(method, "uses_labels", False):
        raise ValueError(f"{type(method).__name__} needs labels, and these images have none")
    return images.images, labels


def _check_arguments(count: int, epochs: int, batch_size: int, lr: float, warmup: float) -> None:
    if epochs < 1:
        raise ValueError(f"epochs must be at least 1, got {epochs}")
    if batch_size < 2:
        raise ValueError(f"batch_size must be at least 2, got {batch_size}")
    if count < batch_size:
        raise ValueError(
            f"{count} images don't fill one batch: give more images, or batch_size={max(2, count)} or less"
        )
    if not lr > 0:
        raise ValueError(f"lr must be positive, got {lr}")
    if not 0 <= warmup < 1:
        raise ValueError(f"warmup is a share of all steps, in [0, 1), got {warmup}")


def _checksum(images: Tensor) -> int:
    return zlib.crc32(images.cpu().contiguous().numpy())


def _prepare(method: nn.Module, device: torch.device, settings: dict, precision: str) -> Run:
    method.to(device, memory_format=torch.channels_last)
    groups = parameter_groups(method, settings["weight_decay"])
    optimizer = torch.optim.AdamW(
        groups, lr=settings["lr"], betas=(0.9, 0.95), fused=True
    )  # 0.999 is slow for short runs
    scaler = torch.amp.GradScaler(device.type, enabled=precision == "fp16")
    return Run(method, optimizer, scaler, settings, device)


def _keep_near(images: Tensor, device: torch.device) -> Tensor:
    """All images on the GPU if they take less than a quarter of its free memory, else where they are."""
    near = device.type == "mps" or (device.type == "cuda" and images.nbytes < torch.cuda.mem_get_info(device)[0] / 4)
    return images.to(device) if near else images


def _progress_bar(run: Run, done: int, shown: bool) -> tqdm:
    per_epoch = run.steps_per_epoch * run.settings["batch_size"]
    return tqdm(
        total=run.settings["epochs"] * per_epoch,
        initial=done * per_epoch,
        desc=run.settings["method"],
        unit="img",
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
    values = torch.stack(losses)
    if not values.isfinite().all():
        at = int((~values.isfinite()).nonzero()[0])
        raise TrainingError(
            f"the loss is {float(values[at])} at step {first_step + at + 1} of {run.total_steps}: the learning rate "
            f"({run.settings['lr']:g}) may be too high or the temperature too low, or an input is not finite; "
            "the checkpoint, if there is one, is of the epoch before"
        )
    if (
        run.settings["precision"] != "fp16" and not torch.stack(norms).isfinite().all()
    ):  # fp16's scaler skips such steps
        at = int((~torch.stack(norms).isfinite()).nonzero()[0])
        raise TrainingError(
            f"the gradient is not finite at step {first_step + at + 1} of {run.total_steps} although the loss is: look "
            "for a division by zero, a root or a logarithm of 0 in the loss; the checkpoint, if there is one, is of "
            "the epoch before"
        )


def _collapse(encoder: nn.Module, images: Tensor) -> dict[str, float]:
    watched = torch.linspace(0, len(images) - 1, min(len(images), WATCHED)).long()
    features = extract_features(encoder, images[watched])
    return {"feature_deviation": feature_deviation(features), "effective_rank": effective_rank(features)}


def _mean(values: list[Tensor]) -> float:
    """The mean of those that are finite: fp16's scaler skips a step whose gradient overflows."""
    stacked = torch.stack(values).float()
    return float(stacked[stacked.isfinite()].mean())
