"""Where to compute, in which number format and with how many threads: what this machine has, and what is fast."""

import contextlib
import functools
import math
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
WORTH_IT = 1.1  # how many times faster bf16, or a larger number of threads, has to be on a CPU before it is taken
TRIAL_SECONDS = 0.6  # after which a trial of thread counts ends, once each count has had its least number of steps


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
@torch.inference_mode(False)  # with gradients, even where they are turned off outside
def cpu_bf16_speedup() -> float:
    """How many times faster a training step of four convolutions is in bf16 than in fp32, on this CPU.

    Measured once per process, in alternation, and from the fastest of several steps each, so that a busy moment
    doesn't decide.
    """
    network, images = _trial(layers=4, batch=64)
    fastest = {"fp32": float("inf"), "bf16": float("inf")}
    for _ in range(8):
        for name in fastest:
            start = time.perf_counter()
            with torch.autocast("cpu", torch.bfloat16, enabled=name == "bf16"):
                loss = network(images).mean()
            loss.backward()
            fastest[name] = min(fastest[name], time.perf_counter() - start)
    return fastest["fp32"] / fastest["bf16"]


def _trial(*, layers: int, batch: int) -> tuple[nn.Module, Tensor]:
    """Some convolutions of an encoder's kind and a batch for them; the caller's random numbers stay as they are."""
    with torch.random.fork_rng(devices=[]):
        parts = [nn.Sequential(nn.Conv2d(32, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU()) for _ in range(layers)]
    network = nn.Sequential(*parts).to(memory_format=torch.channels_last)
    return network, torch.ones(batch, 32, 16, 16).to(memory_format=torch.channels_last)


# --- threads


class Threads(NamedTuple):
    """With how many threads to compute, and the reason in one line."""

    count: int
    why: str


def available_cores(root: Path = Path("/")) -> int:
    """How many processors this process may use: those it is bound to, or less where a quota is set; at least 1.

    A quota of one and a half counts as 2.

    Args:
        root: where the system's folders /proc and /sys lie.
    """
    if hasattr(os, "process_cpu_count"):  # Python 3.13
        count = os.process_cpu_count()
    else:
        count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, math.ceil(min(count or 1, cpu_quota(root))))


def cpu_quota(root: Path = Path("/")) -> float:
    """How many processors' time the control groups of this process allow it (Linux, containers); infinity if any.

    Args:
        root: where the system's folders /proc and /sys lie.
    """
    return min(map(_quota, control_groups("cpu", root)))


def control_groups(controller: str, root: Path = Path("/")) -> Iterator[Path]:
    """The folders of the control groups that may limit this process: the topmost, its own and all above that.

    Args:
        controller: "cpu" or "memory"; version 1 has a tree of groups for each, version 2 one for all.
        root: where the system's folders /proc and /sys lie.
    """
    mounted = root / "sys/fs/cgroup"
    yield from (mounted, mounted / controller)  # the topmost, which in a container is its own
    listed = root / "proc/self/cgroup"
    for line in listed.read_text().splitlines() if listed.exists() else []:
        _, controllers, path = line.split(":", 2)  # "0::/user.slice" (version 2) or "4:cpu,cpuacct:/docker/1f"
        if controllers == "" or controller in controllers.split(","):
            group = (mounted / controller if controllers else mounted) / path.strip("/")
            yield from (group, *group.parents)


def _quota(folder: Path) -> float:
    """The quota that one control group sets, in processors; infinity if it sets none or can't be read."""
    try:
        if (folder / "cpu.max").exists():  # version 2: "150000 100000" or "max 100000"
            quota, period = (folder / "cpu.max").read_text().split()
        else:  # version 1: -1 is no limit
            quota, period = ((folder / f"cpu.cfs_{name}_us").read_text().strip() for name in ("quota", "period"))
        return int(quota) / int(period) if int(quota) > 0 else math.inf
    except (OSError, ValueError, ZeroDivisionError):
        return math.inf


@torch.inference_mode(False)  # with gradients, even where they are turned off outside
def step_seconds(counts: Sequence[int], clock: Callable[[], float] = time.perf_counter) -> dict[int, float]:
    """How long a training step of two convolutions takes with each number of threads, here and now.

    The median of some steps each, in alternation, so that a moment in which the machine is busy hits all alike; under
    a second in all. torch's number of threads and random numbers are left as they were.
    """
    network, images = _trial(layers=2, batch=32)
    before, seconds = torch.get_num_threads(), {count: [] for count in counts}
    try:
        end = clock() + TRIAL_SECONDS
        for turn in range(30):
            if turn >= 3 and clock() > end:  # one step to set things up and two to measure are the least
                break
            for count in counts:
                torch.set_num_threads(count)
                start = clock()
                network(images).mean().backward()
                seconds[count].append(clock() - start)
    finally:
        torch.set_num_threads(before)
    return {count: statistics.median(times[1:]) for count, times in seconds.items()}


def choose_threads(measure: Callable[[Sequence[int]], dict[int, float]] = step_seconds) -> Threads:
    """With how many threads to train on the CPU: what SSL_COURSE_THREADS says, else what a short trial finds fastest.

    One thread, half of the processors and all of them are tried (see `available_cores`). Beside another busy process
    all can be many times slower than one, since each step waits for its slowest thread. More threads are taken only
    where they are 1.1 times as fast. Nothing is remembered: ask again when training has become slow.

    Args:
        measure: gives the seconds of a step for each of the given numbers of threads.

    Raises:
        ValueError: if SSL_COURSE_THREADS isn't a whole number of at least 1.
    """
    wanted = os.environ.get("SSL_COURSE_THREADS", "").strip()
    if wanted:
        if not wanted.isdecimal() or int(wanted) < 1:
            raise ValueError(f"SSL_COURSE_THREADS must be a whole number of at least 1, got {wanted!r}")
        return Threads(int(wanted), f"{_threads(int(wanted))}: SSL_COURSE_THREADS says so")
    cores = available_cores()
    if cores == 1:
        return Threads(1, "1 thread: there is one processor to use")
    seconds = measure(sorted({1, cores // 2, cores}))
    best = 1
    for count in sorted(seconds):
        if seconds[best] / seconds[count] > WORTH_IT:
            best = count
    other = 1 if best > 1 else min((count for count in seconds if count > 1), key=seconds.get)
    times = seconds[other] / seconds[best]
    return Threads(best, f"{_threads(best)}: {times:.1f} times as fast as {'one' if other == 1 else other}")


def _threads(count: int) -> str:
    return f"{count} thread" if count == 1 else f"{count} threads"


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
