"""The evening before a class: try everything that a lesson needs, once, and say what doesn't work."""

import os
import platform
import shutil
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil
import torch

from ssl_course import live
from ssl_course.augment import Augment
from ssl_course.data import downloaded, load
from ssl_course.features import extract_features
from ssl_course.methods import SimCLR
from ssl_course.networks import small_cnn
from ssl_course.precision import available_cores, choose_device, choose_threads
from ssl_course.profiles import settings
from ssl_course.ready import cards, ready
from ssl_course.train import pretrain

Check = Callable[[], str]
LESSON = (
    1.2  # GiB that the kernel of a running lesson takes at its most, measured: see the README, A class on one server
)
ROOM = 0.5  # GiB of disk that a class's pictures and checkpoints need


def checks() -> Iterator[tuple[str, Check]]:
    """What has to work, in order: a title, and a function that says in a sentence how it is, or raises."""
    yield "notebooks", _notebooks
    yield "processors", _processors
    yield "memory", _memory
    yield "disk", _disk
    yield "built-in images", _images
    yield "training", _training
    for name in cards():
        yield f"ready encoder {name}", lambda name=name: _encoder(name)
    for demo in live.DEMOS:
        yield f"demo {demo.title}", lambda demo=demo: _demo(demo)
    yield "dashboard", _dashboard
    yield "photographs", _photographs


def warm_up(say: Callable[[str], None]) -> int:
    """Make every check, say how each went, and return how many failed."""
    failed = 0
    for title, check in checks():
        start = time.perf_counter()
        try:
            told, mark = check(), "x"
        except Exception as failure:
            told, mark = f"{type(failure).__name__}: {failure}", " "
            failed += 1
        say(f"[{mark}] {title}: {told} ({time.perf_counter() - start:.1f} s)")
    return failed


def _notebooks() -> str:
    """The versions that a lesson is shown by; without JupyterLab another front end has to be there."""
    told = [f"Python {platform.python_version()}"]
    for package in ("jupyterlab", "ipykernel", "ipywidgets", "torch"):
        try:
            told.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            if package != "jupyterlab":
                raise
            told.append("no jupyterlab here: the notebooks must be opened by something else")
    return ", ".join(told)


def _processors() -> str:
    chosen = choose_threads()
    return f"{available_cores()} to use; a lesson takes {chosen.count} now ({chosen.why}); device {choose_device()}"


def _memory() -> str:
    free = psutil.virtual_memory().available / 2**30
    if free < LESSON:
        raise MemoryError(f"{free:.1f} GiB free, a lesson takes {LESSON:.1f}: close other programs")
    return f"{free:.1f} GiB free, enough for {int(free / LESSON)} running lessons"


def _disk() -> str:
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    if free < ROOM:
        raise OSError(f"{free:.1f} GiB free in {Path.cwd()}: make room")
    return f"{free:.0f} GiB free"


def _images() -> str:
    return f"{len(load('shapes'))} to train on and {len(load('shapes', 'test'))} to test on are drawn"


def _training() -> str:
    lesson, method = settings("quick"), SimCLR(small_cnn(), augment=Augment())
    history = pretrain(method, load("shapes", size=512), epochs=1, batch_size=lesson.batch_size, progress=False)
    seconds = lesson.size * lesson.epochs / history[-1]["images_per_second"]
    return f"SimCLR at {history[-1]['images_per_second']:.0f} images/s; lesson 04's run takes about {seconds:.0f} s"


def _encoder(name: str) -> str:
    features = extract_features(ready(name), load("shapes", "test", size=20).images)
    if not torch.isfinite(features).all():
        raise ValueError("its features aren't finite: install the course anew (make setup)")
    return f"{100 * cards()[name]['linear_probe']:.1f} % by its card"


def _demo(demo: type[live.Demo]) -> str:
    made = demo.example()
    made.still()
    start = time.perf_counter()
    made.update()
    if made.errors.outputs:
        raise RuntimeError(made.errors.outputs[0]["evalue"])
    return f"answers in {1000 * (time.perf_counter() - start):.0f} ms"


def _dashboard() -> str:
    method = SimCLR(small_cnn(4), augment=Augment())
    board = live.Dashboard(method, load("shapes", size=64), epochs=1, batch_size=16)
    board.run()
    return board.summary()


def _photographs() -> str:
    if downloaded("cifar10"):
        return "CIFAR-10 is there"
    kept = os.environ.get("SSL_COURSE_DATA") or "~/.cache/ssl_course"
    return f"CIFAR-10 isn't in {kept}; no lesson needs it"
