"""Where to compute and in which number format: what this machine has, and what of it is fast."""

import contextlib
import functools
import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
WORTH_IT = 1.1  # how many times faster bf16 has to be on a CPU before it is the default


def choose_device(name: str = "auto") -> torch.device:
    """The device of that name; "auto" takes CUDA, then Apple's mps, then the CPU.

    Raises:
        ValueError: if the named device isn't there.
    """
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, there in present.items() if there))
    try:
        device = torch.device(name)
    except RuntimeError as failure:
        raise ValueError(f"device must be auto, cpu, cuda, cuda:0 or mps, got {name!r}") from failure
    if not present.get(device.type, True):
        raise ValueError(f'no {device.type} device was found on this machine: use device="auto" or device="cpu"')
    return device


def choose_precision(name: str, device: torch.device) -> str:
    """The number format of that name; "auto" takes bf16 where it is fast, fp16 on older CUDA GPUs (T4), else fp32.

    Raises:
        ValueError: if the name isn't auto, fp32, bf16 or fp16.
    """
    if name != "auto":
        if name not in DTYPES:
            raise ValueError(f"precision must be one of auto, {', '.join(DTYPES)}, got {name!r}")
        return name
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    if device.type == "cpu" and cpu_has_bf16() and cpu_bf16_speedup() > WORTH_IT:
        return "bf16"
    return "fp32"


def cpu_has_bf16() -> bool:
    """Whether the processor multiplies bf16 in hardware (AVX-512 BF16 or AMX); elsewhere it is emulated, and slow."""
    questions = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, question, lambda: False)() for question in questions)


@functools.cache
def cpu_bf16_speedup() -> float:
    """How many times faster a training step of four convolutions is in bf16 than in fp32, on this CPU.

    Measured once per process, in alternation, and from the fastest of several steps each, so that a busy moment
    doesn't decide.
    """
    layers = [nn.Sequential(nn.Conv2d(32, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU()) for _ in range(4)]
    network = nn.Sequential(*layers).to(memory_format=torch.channels_last)
    images = torch.ones(64, 32, 16, 16).to(memory_format=torch.channels_last)
    fastest = {"fp32": float("inf"), "bf16": float("inf")}
    for _ in range(8):
        for name in fastest:
            start = time.perf_counter()
            with torch.autocast("cpu", torch.bfloat16, enabled=name == "bf16"):
                loss = network(images).mean()
            loss.backward()
            fastest[name] = min(fastest[name], time.perf_counter() - start)
    return fastest["fp32"] / fastest["bf16"]


def processor_name() -> str:
    """What the processor calls itself; Linux tells it in a file, the others by `platform`."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


@contextlib.contextmanager
def with_threads(count: int) -> Iterator[None]:
    """Let torch use so many threads of the processor for a while.

    Raises:
        ValueError: if the count isn't at least 1.
    """
    if count < 1:
        raise ValueError(f"threads must be at least 1, got {count}")
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Threads(NamedTuple):
    """How many threads to use, and why."""

    count: int
    why: str


def choose_threads() -> Threads:
    return Threads(int(os.environ.get("SSL_COURSE_THREADS", torch.get_num_threads())), "as torch has it")
