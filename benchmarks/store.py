"""What training from a store costs beside training from memory, and how fast it is decoded.

    python benchmarks/store.py [--images 10000 100000 1000000] [--rounds 5] [--steps 20] [--results FILE]

Decoding: photographs of 1200x900 drawn on the spot, each read as `load` does and as a store does, in alternation, on
one core (the processor's time, without waiting for the disk).

Training: SimCLR, batches of 256 images of 32x32. The large stores aren't decoded: 10,000 drawn shapes are repeated,
each time shifted and made a little darker or brighter, and their pixels are written as `store` writes them. Each size
is measured in a process of its own:
- seconds from opening the file, of which the system's cache was emptied, to the end of the first step, and in brackets
  what the first step takes with 2,560 images in memory;
- memory taken after some more steps, beyond what a training from memory on 2,560 images took: own (the process's
  alone), and of the file (pages that the system takes back when it needs them);
- cold: images per second of those steps, whose rows have to come from the disk;
- images per second from the store and from memory, in alternation, and the median (minimum to maximum) of the ratios.
Where there isn't room for a store on the disk, a smaller one is measured.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import shutil
import statistics
import tempfile
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ssl_course import pictures, pretrain, shapes
from ssl_course.data import ImageSet
from ssl_course.decoding import Wanted, decode
from ssl_course.memory import free_memory, in_words
from ssl_course.methods import METHODS
from ssl_course.networks import small_cnn
from ssl_course.runs import Machine, hardware, today
from ssl_course.store import open_store
from ssl_course.store_file import Source, Unfinished

BATCH, SIDE, DRAWN = 256, 32, 10_000
TARGETS = {"first_step": 2.0, "anonymous": 2**30, "ratio": 0.9, "decoding": 3.0}
LESS = 200_000  # images, where a million don't fit


def main() -> None:
    """Measure, print a table, and keep it with --results."""
    options = _options()
    print(f"decoding {options.photographs} photographs of 1200x900 to {options.side}x{options.side}, one core")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        decoding = compare_decoding(Path(folder), options.photographs, options.side)
    _print_decoding(decoding)
    about = {"caption": "a store beside memory", "command": _command(options), "hardware": hardware(_machine())}
    about |= {"date": today(), "targets": TARGETS, "decoding": decoding, "training": []}
    for count in options.images:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            row = measure_training(Path(folder), count, options)
        about["training"].append(row)
        _print_row(row, header=len(about["training"]) == 1)
        if options.results:
            options.results.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], help="sizes of stores")
    parser.add_argument("--photographs", type=int, default=200, help="that are decoded (default 200)")
    parser.add_argument("--side", type=int, default=64, help="to which they are brought (default 64)")
    parser.add_argument("--rounds", type=int, default=5, help="of each way to train (default 5)")
    parser.add_argument("--steps", type=int, default=20, help="of a round (default 20)")
    parser.add_argument("--folder", type=Path, help="where the stores are written (default the system's)")
    parser.add_argument("--results", type=Path, help="a file for the numbers")
    return parser.parse_args()


def _command(options: argparse.Namespace) -> str:
    images = " ".join(map(str, options.images))
    counts = f"--photographs {options.photographs} --rounds {options.rounds} --steps {options.steps}"
    return f"python benchmarks/store.py --images {images} {counts}"


def _machine() -> Machine:
    return Machine(device="cpu", precision="fp32", threads=1)


def spread(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


# --- decoding


def draw_photographs(folder: Path, count: int) -> list[Path]:
    """JPEGs of 1200x900 in quality 85: a shape, enlarged, with the noise of a sensor; about 200 KB each."""
    drawn, _ = shapes.draw(count, seed=0)
    numbers, files = np.random.default_rng(0), []
    for place, image in enumerate(drawn):
        large = np.asarray(Image.fromarray(image.transpose(1, 2, 0)).resize((1200, 900), Image.Resampling.BICUBIC))
        noisy = large + numbers.normal(0, 6, (900, 1200, 1))
        files.append(folder / f"{place}.jpg")
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(files[-1], quality=85)
    return files


def compare_decoding(folder: Path, count: int, side: int) -> dict:
    """Images per second of one core by both ways, in groups of ten in alternation, and how far the pixels differ."""
    files = draw_photographs(folder, count)
    ways = {"load": lambda file: pictures.read(file, side).pixels.transpose(2, 0, 1)}
    ways["store"] = lambda file: decode(Wanted(0, file), side)[1].pixels
    rates: dict[str, list[float]] = {name: [] for name in ways}
    off = []
    for start in range(0, count, 10):
        made = {}
        for name, way in ways.items():
            began = time.process_time()
            made[name] = np.stack([way(file) for file in files[start : start + 10]]).astype(int)
            rates[name].append(len(made[name]) / (time.process_time() - began))
        off.append(float(np.abs(made["load"] - made["store"]).mean()))
    ratios = [fast / slow for fast, slow in zip(rates["store"], rates["load"], strict=True)]
    return {name: statistics.median(values) for name, values in rates.items()} | {
        "photographs": count,
        "side": side,
        "ratio": spread(ratios),
        "mean_difference": statistics.mean(off),
    }


def _print_decoding(found: dict) -> None:
    ratio = found["ratio"]
    print(
        f"  load {found['load']:.0f}/s, store {found['store']:.0f}/s a core: {ratio['median']:.2f} times "
        f"({ratio['min']:.2f} to {ratio['max']:.2f}), target {TARGETS['decoding']:g}; pixels differ by "
        f"{found['mean_difference']:.2f} of 255 on average"
    )


# --- training


def write_store(out: Path, count: int) -> None:
    """A store of drawn shapes, repeated with small changes; its sources are invented."""
    drawn, _ = shapes.draw(min(count, DRAWN), seed=0)
    part = Unfinished(out, "drawn", count, SIDE)
    for start in range(0, count, len(drawn)):
        again = start // len(drawn)
        shifted = np.roll(drawn[: count - start], again % SIDE, axis=3)
        changed = np.clip(shifted.astype(np.int16) + again % 21 - 10 * (again > 0), 0, 255).astype(np.uint8)
        for row, image in enumerate(changed, start):
            part.put(row, image, Source(f"{row}.png", 0, 0, 0, zlib.crc32(image), SIDE, SIDE, 1))
    part.finish(str(out.parent), {"train": {"count": count, "classes": [], "notes": []}}, {})


def measure_training(folder: Path, count: int, options: argparse.Namespace) -> dict:
    """One row of the table, measured in a new process; a smaller store if this one doesn't fit on the disk."""
    needed, free = count * 3 * SIDE**2, shutil.disk_usage(folder).free
    if 1.5 * needed > free:
        print(f"  {count:,} images need {in_words(needed)}, and {in_words(free)} of disk are free: {LESS:,} instead")
        count = LESS
    write_store(folder / "drawn.store", count)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(_measured, folder / "drawn.store", options.rounds, options.steps).result()


def _measured(file: Path, rounds: int, steps: int) -> dict:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    method = METHODS["simclr"](small_cnn())
    drawn, _ = shapes.draw(10 * BATCH, seed=1)
    _train(method, torch.from_numpy(drawn), 10)  # the model, its optimiser, and all that torch keeps for itself
    began = time.perf_counter()
    in_memory = _train(method, torch.from_numpy(drawn), 1) - began
    before = resident()
    _forget(file)
    began = time.perf_counter()
    stored = open_store(file)
    first = _train(method, stored, 1) - began
    row = {"images": len(stored), "bytes": file.stat().st_size, "first_step": first, "first_step_in_memory": in_memory}
    cold = _rate(method, stored, steps)
    row["memory"] = {name: value - before[name] for name, value in resident().items()}
    row |= {"cold_images_per_second": cold}
    if 2 * stored.images.nbytes > free_memory():
        return row | {"rates": {}, "ratio": None}
    memory = ImageSet(stored.images.clone())
    _rate(method, memory, 3)
    rates = {"store": [], "memory": []}
    for turn in range(rounds):
        ways = [("store", stored), ("memory", memory)]
        for name, images in ways if turn % 2 == 0 else ways[::-1]:
            rates[name].append(_rate(method, images, steps))
    ratios = [store / there for store, there in zip(rates["store"], rates["memory"], strict=True)]
    return row | {"rates": {name: statistics.median(part) for name, part in rates.items()}, "ratio": spread(ratios)}


def _train(method: torch.nn.Module, images: ImageSet | torch.Tensor, steps: int, told: Callable | None = None) -> float:
    """Train for so many steps; the time at the end of the last."""
    times = []

    def on_step(step: dict) -> None:
        times.append(time.perf_counter())
        if told is not None:
            told(step)
        if len(times) == steps:
            raise KeyboardInterrupt

    settings = {"epochs": 1, "batch_size": BATCH, "device": "cpu", "precision": "fp32", "threads": 1}
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):  # it says that it was stopped
        pretrain(method, images, on_step=on_step, watch=False, progress=False, **settings)
    return times[-1]


def _rate(method: torch.nn.Module, images: ImageSet, steps: int) -> float:
    """Images per second, after two steps to get going."""
    times = []
    _train(method, images, steps + 2, lambda _: times.append(time.perf_counter()))
    return steps * BATCH / (times[-1] - times[1])


def resident() -> dict[str, int]:
    """Bytes of this process in memory: its own, and pages of files."""
    lines = Path("/proc/self/status").read_text().splitlines()
    found = dict(line.split(":", 1) for line in lines)
    names = {"anonymous": "RssAnon", "of_files": "RssFile"}
    return {name: 1024 * int(found[key].split()[0]) for name, key in names.items()}


def _forget(file: Path) -> None:
    """Take a file out of the system's cache, so that it has to be read from disk."""
    with open(file, "rb") as opened:
        os.fsync(opened.fileno())
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _print_row(row: dict, header: bool) -> None:
    if header:
        print(f"\n{'images':>9}{'first step':>19}{'own memory':>12}{'of the file':>13}{'cold':>8}", end="")
        print(f"{'store':>8}{'memory':>8}   store / memory")
    memory, rates = row["memory"], row["rates"]
    print(f"{row['images']:>9,}{row['first_step']:>8.2f} s ({row['first_step_in_memory']:.2f} s)", end="")
    print(f"{memory['anonymous'] / 2**20:>8.0f} MiB{memory['of_files'] / 2**20:>9.0f} MiB", end="")
    print(f"{row['cold_images_per_second']:>6.0f}/s", end="")
    if not row["ratio"]:
        print("   too large to be held in memory beside it", flush=True)
        return
    ratio = row["ratio"]
    print(f"{rates['store']:>6.0f}/s{rates['memory']:>6.0f}/s   ", end="")
    print(f"{ratio['median']:.2f} ({ratio['min']:.2f} to {ratio['max']:.2f})", flush=True)


if __name__ == "__main__":
    main()
