"""A method's views and loss by `torch.compile`, where that is as right as the plain ones and pays.

Both are measured on the run's own first batch before it starts, and whatever comes out is said in one sentence:
compiling takes a minute, may fail on a machine without a compiler, and on some brings nothing. What torch has compiled
before is forgotten: it compiles a piece of code eight times at most, and after that runs it plainly without saying so.
"""

import math
import statistics
import time
import warnings
from collections.abc import Callable
from typing import NamedTuple

import torch

LONG_ENOUGH = 300.0  # seconds of training ahead, from which on "auto" tries: compiling takes about one minute
WORTH_IT = 1.05  # how many times faster the compiled parts have to be
STEPS = 5  # of each kind that are timed
TOLERANCES = {"fp32": 1e-3, "bf16": 0.05, "fp16": 0.05}  # of loss and gradient, as shares of themselves


class Parts(NamedTuple):
    """What a step calls of a method: its views, and what gives the loss of these."""

    views: Callable
    forward: Callable


class Choice(NamedTuple):
    """Which parts to train with, whether these are compiled ones, and the reason in one sentence."""

    parts: Parts
    is_compiled: bool
    why: str


Step = Callable[[Parts], tuple[float, float]]
WAYS = ("no", "auto", "always")


def choose(
    plain: Parts,
    step: Step,
    way: str,
    *,
    steps: int,
    precision: str,
    clock: Callable[[], float] = time.perf_counter,
) -> Choice:
    """The plain parts or compiled ones.

    Args:
        plain: views and loss as the method has them.
        step: makes a step with given parts, from the same weights and random numbers each time, and keeps none of it;
            gives loss and length of the gradient.
        way: "auto": compiled if at least LONG_ENOUGH seconds of training are ahead, the numbers are the same, and the
            compiled parts are WORTH_IT times as fast. "always": compiled if the numbers are the same.
        steps: that are still to be made.
        precision: "fp32", "bf16" or "fp16": how much the numbers may differ, see TOLERANCES.

    Raises:
        ValueError: if "always" can't be: compiling fails, or gives other numbers, or the plain step doesn't give the
            same ones twice. What the plain step raises is raised, too.
    """
    expected = step(plain)
    start = clock()
    again = step(plain)
    if way == "auto" and (ahead := steps * (clock() - start)) < LONG_ENOUGH:
        return Choice(plain, False, f"not compiled: with about {ahead:.0f} s of training ahead it wouldn't pay")
    if difference := _difference(again, expected, TOLERANCES[precision]):
        return _refused(plain, way, f"the same step, made twice, has another {difference}, so nothing can be compared")
    torch.compiler.reset()
    start = clock()
    try:
        parts = Parts(*(torch.compile(part, dynamic=False, options={"fallback_random": True}) for part in plain))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of every function whose results are kept, such as places
            found = step(parts)
    except Exception as failure:  # whatever a compiler, or its absence, may raise: the plain step has just worked
        return _refused(plain, way, f"torch.compile failed ({_first_line(failure)})")
    taken = clock() - start
    if difference := _difference(found, expected, TOLERANCES[precision]):
        return _refused(plain, way, f"compiled, it gives another {difference}")
    if way == "always":
        return Choice(parts, True, f"compiled in {taken:.0f} s")
    times = _times_as_fast(step, plain, parts, clock)
    if not times >= WORTH_IT:
        return Choice(plain, False, f"not compiled: that would be {times:.2f} times as fast")
    return Choice(parts, True, f"compiled in {taken:.0f} s: {times:.2f} times as fast")


def _refused(plain: Parts, way: str, why: str) -> Choice:
    if way == "always":
        raise ValueError(f'{why}: use compile="auto" or "no" (--compile)')
    return Choice(plain, False, f"not compiled: {why}")


def _difference(found: tuple[float, float], expected: tuple[float, float], tolerance: float) -> str:
    """Which number differs by more than the tolerance, and how; nothing if none does. NaN equals nothing but NaN."""
    for name, new, old in zip(("loss", "gradient"), found, expected, strict=True):
        if not math.isclose(new, old, rel_tol=tolerance, abs_tol=1e-8) and not (math.isnan(new) and math.isnan(old)):
            return f"{name} ({new:.6g}, not {old:.6g})"
    return ""


def _seconds(step: Step, parts: Parts, clock: Callable[[], float]) -> float:
    start = clock()
    step(parts)
    return clock() - start


def _times_as_fast(step: Step, plain: Parts, parts: Parts, clock: Callable[[], float]) -> float:
    """The median ratio of steps that are made in turn, so that a busy moment meets both."""
    ratios = [_seconds(step, plain, clock) / _seconds(step, parts, clock) for _ in range(STEPS)]
    return statistics.median(ratios)


def _first_line(failure: Exception) -> str:
    told = str(failure).strip().splitlines() or [""]
    return f"{type(failure).__name__}: {told[0]}"[:200]
