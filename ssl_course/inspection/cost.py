"""What memory and time `load` and a run will take on this machine: measured on a few files, and extrapolated."""

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import torch

from ssl_course import pictures
from ssl_course.data import ImageSet
from ssl_course.recipes import USUAL, make, recipe
from ssl_course.train import pretrain

SAMPLE = 24  # files that are decoded to measure how long it takes
TIMES = 3.5  # what `load` takes at its most, in sizes of its result: the decoded pictures, their stack, channels first
PASSES = USUAL["photographs"]["budget"]  # of SimCLR by its recipe


def bytes_of(count: int, resolution: int) -> int:
    """Memory of `count` images in an ImageSet: three bytes a pixel."""
    return count * 3 * resolution * resolution


def peak_of(count: int, resolution: int, largest: int) -> int:
    """Memory that `load` has at its most; each of its threads decodes a picture, the largest of so many pixels."""
    threads = min(32, (os.cpu_count() or 1) + 4)  # of a ThreadPoolExecutor
    return round(TIMES * bytes_of(count, resolution)) + min(threads, count) * 6 * largest


def free_memory() -> int:
    """Bytes that a program can have now."""
    return psutil.virtual_memory().available


def seconds_to_load(files: Sequence[Path], resolution: int) -> float:
    """Seconds to read all files at a resolution, from SAMPLE of them, taken evenly; as `load` reads, in threads."""
    sample = list(files)[:: max(1, len(files) // SAMPLE)][:SAMPLE]
    if not sample:
        return 0.0
    start = time.perf_counter()
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda file: pictures.read(file, resolution), sample))
    return (time.perf_counter() - start) * len(files) / len(sample)


def images_per_second() -> float:
    """Images of 32x32 that SimCLR's recipe trains on in a second, here and now: the second of two very short passes."""
    with torch.random.fork_rng(devices=[]):
        images = ImageSet(torch.randint(0, 256, (128, 3, 32, 32), dtype=torch.uint8))
        method = make(recipe("simclr", "photographs"))
        history = pretrain(method, images, epochs=2, batch_size=64, progress=False)
    return history[-1]["images_per_second"]


def seconds_to_train(count: int, resolution: int, per_second: float) -> float:
    """Seconds of PASSES passes over `count` images: work grows with the pixels."""
    return PASSES * count * (resolution / 32) ** 2 / per_second
