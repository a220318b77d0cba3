"""Speed of this course's augmentation and training loop beside the usual recipes, on the machine it runs on.

    python benchmarks/speed.py [--rounds 3] [--steps 12] [--device auto] [--compile] [--growth] [--json]

Every comparison runs all contenders in turn, several rounds, in one process, so that a busy moment of the machine
meets them all; what counts is the ratio within a round, given as median (minimum to maximum). All train the same
encoder and projection head at the same batch size with AdamW, on the built-in images. The usual recipe is a
DataLoader with two workers that transforms PIL images one by one. torchvision on batches (its transforms v2) draws one
crop and one colour for all images of a batch, so it makes no views to learn from; it is here to show what that costs.
Needs the extra `bench` (lightly, kornia). The defaults are meant for a few minutes on two idle cores; torch's threads
wait for each other on busy ones, which distorts. --growth shows instead how the time of a training grows.
"""

import argparse
import ctypes
import datetime
import gc
import json
import os
import platform
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial, wraps
from math import log
from statistics import linear_regression, median
from threading import Event, Thread
from types import ModuleType
from unittest.mock import patch

import psutil
import torch
import torchvision
from PIL import Image
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.transforms import v2

from ssl_course import load, pretrain
from ssl_course.augment import Augment
from ssl_course.features import to_float
from ssl_course.methods.simclr import SimCLR, nt_xent
from ssl_course.networks import projection_head, small_cnn
from ssl_course.precision import choose_device, choose_precision, processor_name
from ssl_course.train import parameter_groups

try:
    import kornia
    import lightly
    from lightly.loss import NTXentLoss
    from lightly.transforms.simclr_transform import SimCLRTransform
except ImportError:
    sys.exit('lightly or kornia is not installed: run `make bench`, or python -m pip install -e ".[bench]"')

BATCH = 256
TARGETS = {"views": 6.0, "fp32": 2.2, "bf16": 3.0, "fp16": 3.0}  # how many times faster than the usual recipe
SLOPE = 0.03  # how far the growth of the time with the images may be from proportional
GROWTH = {"images": (512, 1024, 2048, 4096), "batch": (32, 64, 128, 256), "side": (16, 32, 64)}
Contenders = dict[str, Callable[[], float]]  # name -> a run that returns images per second


def main() -> None:
    """Measure, print, and with --json say it all again as one line of JSON."""
    options = _options()
    device = choose_device(options.device)
    fast = choose_precision("auto", device)
    report = {"machine": describe_machine(device, fast), "rounds": options.rounds, "batch_size": BATCH}
    print(*(f"{key}: {value}" for key, value in report["machine"].items()), sep="\n")
    if options.growth:
        report["growth"] = {precision: growth(device, precision, options.rounds) for precision in {fast, "fp32"}}
        if options.json:
            print(json.dumps(report))
        return
    images = load("shapes", size=options.steps * BATCH).images

    print(f"\nviews per second, {options.rounds} rounds of {len(images)} images")
    report["views_per_second"] = alternate(view_makers(images, device), options.rounds)
    report["views_ratios"] = {
        ours: compare(report["views_per_second"], ours, "torchvision PIL", TARGETS["views"])
        for ours in ("course", "course, one thread")
    }
    for peer in ("torchvision, batches", "kornia"):
        report["views_ratios"][f"course / {peer}"] = compare(report["views_per_second"], "course", peer)

    print(f"\nSimCLR training, images per second, {options.rounds} rounds of {options.steps} steps of {BATCH}")
    precisions = list(dict.fromkeys([fast, "fp32"]))
    contenders = trainers(images, device, precisions, compiled=options.compile)
    report["training_images_per_second"] = rates = alternate(contenders, options.rounds)
    report["training_ratios"] = {
        f"{ours} / {peer}": compare(rates, ours, peer, TARGETS[ours.split()[1]])
        for ours in contenders
        for peer in ("usual recipe fp32", "lightly fp32")
        if ours.startswith("course")
    }

    print("\nwhere a training step of the course goes")
    report["shares_of_a_step"] = {precision: step_shares(images, device, precision) for precision in precisions}
    report["operations_of_a_step"] = count_operations(device)
    if options.json:
        print(json.dumps(report))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="how often each contender runs (default 3)")
    parser.add_argument("--steps", type=int, default=12, help=f"batches of {BATCH} images in a run (default 12)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--growth", action="store_true", help="time against images, batch and side, and no contenders")
    parser.add_argument("--compile", action="store_true", help="train with torch.compile, too: some minutes more")
    parser.add_argument("--json", action="store_true", help="print one JSON object last")
    options = parser.parse_args()
    if min(options.rounds, options.steps) < 1:
        parser.error(f"rounds and steps must be at least 1, got {options.rounds} and {options.steps}")
    return options


# --- measuring


def alternate(contenders: Contenders, rounds: int) -> dict[str, list[float]]:
    """Run all contenders in turn, first once uncounted, and print their medians. Returns name -> rates (rounds,).

    In the first round the memory is watched that each adds.
    """
    rates, memory = {name: [] for name in contenders}, {}
    for counted in [False] + [True] * rounds:
        for name, run in contenders.items():
            if counted:
                rates[name].append(run())
            else:
                memory[name] = added_memory(run)
    for name, values in rates.items():
        spread = f"({min(values):,.0f} to {max(values):,.0f})"
        print(f"  {name:<22}{median(values):>9,.0f}  {spread:<22}{memory[name] / 1e6:>6,.0f} MB more")
    return rates


def added_memory(run: Callable[[], object]) -> int:
    """By how many bytes the memory of this process and its workers grows at most; what they share counts once."""

    def used() -> int:
        own = psutil.Process()
        parts = [part.memory_full_info() for part in (own, *own.children(recursive=True))]
        return sum(getattr(part, "pss", part.uss) for part in parts)  # pss, on Linux: a page of several counts once

    def watch() -> None:
        while not done.wait(0.1):
            try:
                seen.append(used())
            except psutil.Error:  # a worker that has just ended
                continue

    gc.collect()
    if platform.libc_ver()[0] == "glibc":  # which else keeps what the contender before has given back
        ctypes.CDLL(None).malloc_trim(0)
    before, seen, done = used(), [0], Event()
    watching = Thread(target=watch)
    watching.start()
    run()
    done.set()
    watching.join()
    return max(0, max(seen) - before)


def compare(rates: dict[str, list[float]], ours: str, theirs: str, target: float | None = None) -> dict[str, float]:
    """How many times faster ours is than theirs, round by round; prints and returns median, min and max."""
    ratios = [a / b for a, b in zip(rates[ours], rates[theirs], strict=True)]
    low, middle, high = min(ratios), median(ratios), max(ratios)
    verdict = "" if target is None else f", target {target:g}x {'met' if middle >= target else 'MISSED'}"
    print(f"  {ours} / {theirs}: {middle:.2f}x ({low:.2f} to {high:.2f}){verdict}")
    return {"median": middle, "min": low, "max": high, "target": target}


def growth(device: torch.device, precision: str, rounds: int) -> dict[str, dict]:
    """Seconds of a pass against images, batch and side, all sizes in turn; prints them and the logarithms' slopes."""
    settings = {"epochs": 1, "device": device.type, "precision": precision, "progress": False, "watch": False}
    usual, found = {"images": 1024, "batch": 128, "side": 32}, {}
    for axis, sizes in GROWTH.items():
        seconds = {size: [] for size in sizes}
        for counted in [False] + [True] * rounds:
            for size in sizes:
                now = usual | {axis: size}
                images = torch.randint(256, (now["images"], 3, now["side"], now["side"]), dtype=torch.uint8)
                history = pretrain(SimCLR(small_cnn()), images, batch_size=now["batch"], **settings)
                if counted:
                    seconds[size].append(history[0]["seconds"])
        fastest = {size: min(values) for size, values in seconds.items()}
        slope = linear_regression([log(size) for size in sizes], [log(value) for value in fastest.values()]).slope
        verdict = ""
        if axis == "images":
            verdict = f", target 1.00 within {SLOPE}: {'met' if abs(slope - 1) <= SLOPE else 'MISSED'}"
        shown = ", ".join(f"{size}: {value:.2f} s" for size, value in fastest.items())
        print(f"  {precision}, {axis:<6} {shown}; slope {slope:.2f}{verdict}")
        found[axis] = {"seconds": fastest, "slope": slope}
    return found


def images_per_second(count: int, device: torch.device, run: Callable[[], None]) -> float:
    """Run it and divide the count of images by the seconds."""
    start = time.perf_counter()
    run()
    wait_for(device)
    return count / (time.perf_counter() - start)


def wait_for(device: torch.device) -> None:
    """A GPU answers before it has finished; wait until it has."""
    if device.type != "cpu":
        getattr(torch, device.type).synchronize()


def on_one_thread(run: Callable[[], None]) -> None:
    """On a busy machine torch's threads wait for each other; alone, one loses no time that way."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        run()
    finally:
        torch.set_num_threads(threads)


# --- the usual recipe


class PILImages(Dataset):
    """Images in memory as PIL images; an item is what the transform makes of one: a view, or a list of two."""

    def __init__(self, images: Tensor, transform: Callable):
        self.images = [Image.fromarray(image.permute(1, 2, 0).numpy()) for image in images]
        self.transform = transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor | list[Tensor]:
        return self.transform(self.images[index])


class TwoViews:
    """Apply a random transform twice."""

    def __init__(self, transform: Callable):
        self.transform = transform

    def __call__(self, image: Image.Image) -> list[Tensor]:
        return [self.transform(image), self.transform(image)]


def usual_parts(library: ModuleType, size: int = 32) -> list[nn.Module]:
    """SimCLR's views for small images, as most implementations with torchvision have them, of one of its libraries."""
    return [
        library.RandomResizedCrop(size, scale=(0.2, 1)),
        library.RandomHorizontalFlip(),
        library.RandomApply([library.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8),
        library.RandomGrayscale(0.2),
    ]


def usual_transform() -> transforms.Compose:
    return transforms.Compose([*usual_parts(transforms), transforms.ToTensor()])


class KorniaViews(nn.Sequential):
    """The same by kornia, which draws for each image of a batch."""

    def __init__(self, size: int = 32):
        super().__init__(
            kornia.augmentation.RandomResizedCrop((size, size), scale=(0.2, 1)),
            kornia.augmentation.RandomHorizontalFlip(),
            kornia.augmentation.ColorJitter(0.4, 0.4, 0.4, 0.1, p=0.8),
            kornia.augmentation.RandomGrayscale(p=0.2),
        )


def loader(images: Tensor, transform: Callable) -> DataLoader:
    """Two workers that stay alive between epochs, so that starting them is not measured."""
    data = PILImages(images, transform)
    return DataLoader(data, BATCH, shuffle=True, drop_last=True, num_workers=2, persistent_workers=True)


def plain_loop(
    batches: Iterable, encoder: nn.Module, head: nn.Module, loss_of: Callable, optimizer, device: torch.device
) -> None:
    """One epoch in fp32."""
    for views in batches:
        h = encoder(torch.cat(views).to(device))  # (2B, dim)
        z1, z2 = head(h).chunk(2)  # (B, D) each
        loss = loss_of(z1, z2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()  # everybody prints it


# --- the contenders


def view_makers(images: Tensor, device: torch.device) -> Contenders:
    """One view of every image, in batches on the device; ours several times, or the run would be too short."""
    augment, batches, passes = Augment(), loader(images, usual_transform()), 5

    def course() -> None:
        for batch in images.split(BATCH) * passes:
            augment(to_float(batch.to(device)))

    def usual() -> None:
        for view in batches:
            view.to(device)

    shared, each = v2.Compose(usual_parts(v2)), KorniaViews().to(device)

    def batch_of_one_kind() -> None:
        for batch in images.split(BATCH) * passes:
            shared(to_float(batch.to(device)))

    def by_kornia() -> None:
        for batch in images.split(BATCH):
            each(to_float(batch.to(device)))

    return {
        "course": partial(images_per_second, passes * len(images), device, course),
        "course, one thread": partial(images_per_second, passes * len(images), device, partial(on_one_thread, course)),
        "torchvision PIL": partial(images_per_second, len(images), device, usual),
        "torchvision, batches": partial(images_per_second, passes * len(images), device, batch_of_one_kind),
        "kornia": partial(images_per_second, len(images), device, by_kornia),
    }


def trainers(images: Tensor, device: torch.device, precisions: list[str], *, compiled: bool = False) -> Contenders:
    """One epoch of SimCLR with our loop in each precision, with the usual recipe and with lightly."""
    contenders = {}
    for precision in precisions:
        contenders[f"course {precision}"] = course_trainer(images, device, precision)
        if compiled:
            contenders[f"course {precision} compiled"] = course_trainer(images, device, precision, "always")
    usual = plain_trainer(loader(images, TwoViews(usual_transform())), partial(nt_xent, temperature=0.2), device)
    theirs = SimCLRTransform(input_size=32, gaussian_blur=0.0)  # as in lightly's example for CIFAR-10
    peer = plain_trainer(loader(images, theirs), NTXentLoss(temperature=0.2), device)
    return contenders | {"usual recipe fp32": usual, "lightly fp32": peer}


def course_trainer(images: Tensor, device: torch.device, precision: str, compile: str = "no") -> Callable[[], float]:
    method, shared = SimCLR(small_cnn()), {"device": device.type, "precision": precision, "compile": compile}

    def epoch() -> float:
        history = pretrain(method, images, epochs=1, batch_size=BATCH, progress=False, **shared)
        return history[-1]["images_per_second"]

    return epoch


def plain_trainer(batches: DataLoader, loss_of: Callable, device: torch.device) -> Callable[[], float]:
    encoder = small_cnn().to(device)
    head = projection_head(encoder.dim).to(device)
    optimizer = torch.optim.AdamW([*encoder.parameters(), *head.parameters()], lr=4e-3, weight_decay=0.05)
    epoch = partial(plain_loop, batches, encoder, head, loss_of, optimizer, device)
    return partial(images_per_second, len(batches) * BATCH, device, epoch)


# --- where the time goes


class Stopwatch:
    """Adds up the seconds spent in the functions that it is put around."""

    def __init__(self, device: torch.device):
        self.device, self.seconds = device, Counter()

    def around(self, name: str, function: Callable) -> Callable:
        @wraps(function)
        def timed(*args, **kwargs):
            start = time.perf_counter()
            result = function(*args, **kwargs)
            wait_for(self.device)
            self.seconds[name] += time.perf_counter() - start
            return result

        return timed


def step_shares(images: Tensor, device: torch.device, precision: str) -> dict[str, float]:
    """Time the parts of the real loop for one epoch; prints and returns each part's share of it.

    The rest is indexing and converting pixels, the gradient's norm and the checks.
    """
    method, watch = SimCLR(small_cnn()), Stopwatch(device)
    settings = {"epochs": 1, "batch_size": BATCH, "device": device.type, "precision": precision, "progress": False}
    pretrain(method, images, **settings)  # warm up
    method.views = watch.around("augmentation", method.views)
    method.forward = watch.around("forward (encoder, head, loss)", method.forward)
    backward = watch.around("backward", torch.Tensor.backward)
    step = watch.around("optimizer", torch.optim.AdamW.step)
    with patch.object(torch.Tensor, "backward", backward), patch.object(torch.optim.AdamW, "step", step):
        seconds = pretrain(method, images, **settings)[-1]["seconds"]
    watch.seconds["rest"] = seconds - watch.seconds.total()
    shares = {name: part / seconds for name, part in watch.seconds.items()}
    per_step = 1000 * seconds / (len(images) // BATCH)
    print(f"  {precision}, {per_step:.0f} ms: " + ", ".join(f"{name} {share:.0%}" for name, share in shares.items()))
    return shares


class Operations(TorchDispatchMode):
    """Counts what PyTorch is told to compute while it is open; on a GPU each is a launch, or none."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += 1
        return function(*args, **kwargs or {})


def count_operations(device: torch.device) -> dict[str, int]:
    """Operations of the parts of a step of SimCLR in fp32, once a first step has made what is kept; prints them."""
    method, batch = SimCLR(small_cnn()).to(device).train(), torch.rand(BATCH, 3, 32, 32, device=device)
    optimizer = torch.optim.AdamW(parameter_groups(method, 0.05), fused=True)
    for _ in range(2):
        counts = {name: Operations() for name in ("views", "forward", "backward", "optimizer")}
        with counts["views"], torch.no_grad():
            views = method.views(batch)
        with counts["forward"]:
            loss = method(*views)
        with counts["backward"]:
            loss.backward()
        with counts["optimizer"]:
            optimizer.step()
        optimizer.zero_grad()
    found = {name: mode.count for name, mode in counts.items()}
    print(f"  operations: {sum(found.values())} ({', '.join(f'{name} {count}' for name, count in found.items())})")
    return found


# --- the machine


def describe_machine(device: torch.device, fast: str) -> dict[str, str]:
    """What a reader must know to judge the numbers."""
    libraries = (torch, torchvision, lightly, kornia)
    versions = {library.__name__: library.__version__ for library in libraries}
    load_average = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    return {
        "date": datetime.date.today().isoformat(),
        "device": torch.cuda.get_device_name() if device.type == "cuda" else device.type,
        "processor": f"{processor_name()}, {os.cpu_count()} cores, torch uses {torch.get_num_threads()} threads",
        "load average before": load_average,
        "system": platform.platform(terse=True),
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "default precision": fast,
    }


if __name__ == "__main__":
    main()
