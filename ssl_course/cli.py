"""The command line, `ssl-course COMMAND`: what a command says is printed here, what it computes is in the package."""

import argparse
import contextlib
import json
import math
import os
import platform
import shlex
import shutil
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import matplotlib
import psutil
import torch
from torch import nn
from tqdm import tqdm

from ssl_course import checks, compare, deploy, lookup, parallel, plots, runs, tables, warmup
from ssl_course import grade as grading
from ssl_course import publish as publishing
from ssl_course.checkpoint import TrainingError
from ssl_course.compiled import WAYS
from ssl_course.data import SMALLEST, ImageSet, load
from ssl_course.evaluate import judge, knn_accuracy, to_judge
from ssl_course.features import extract_features
from ssl_course.folders import counted
from ssl_course.inspection import inspect_folder
from ssl_course.inspection.save import refuse_inside, save_split
from ssl_course.inspection.save import save as save_report
from ssl_course.logbook import Logbook
from ssl_course.methods import ALL, METHODS, Supervised
from ssl_course.networks import ENCODERS
from ssl_course.precision import (
    available_cores,
    choose_device,
    choose_precision,
    choose_threads,
    cpu_bf16_speedup,
    cpu_has_bf16,
    processor_name,
)
from ssl_course.pretrained import is_pretrained, pretrained, unweighted
from ssl_course.profiles import settings
from ssl_course.recipes import (
    FLOORS,
    USUAL,
    Recipe,
    augmentation,
    check_encoder,
    image_kind,
    make,
    new_encoder,
    read_option,
    read_view,
    recipe,
    takes_transformer,
    training,
)
from ssl_course.reopen import PROBED, fit_classifier, open_run
from ssl_course.report import class_report, class_table
from ssl_course.runs import Machine
from ssl_course.store import build, is_store, open_store, stale
from ssl_course.tables import NAMES
from ssl_course.train import OPTIMIZERS, pretrain

DEMO = {"batch_size": 128, "lr": 3e-3}


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit status: 0, 1 for an error that says what to do, 130 after Ctrl-C."""
    options = _parser().parse_args(arguments)
    try:
        _refuse_what_cannot_work(options)
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_, **__: print(f"note: {message}", file=sys.stderr)
            return options.run(options) or 0
    except (ValueError, FileNotFoundError, ConnectionError, TrainingError, OSError) as failure:
        process = os.environ.get("RANK", "0")  # of those that torchrun started
        print(f"ssl-course{'' if process == '0' else f' in process {process}'}: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("ssl-course: stopped by hand", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ssl-course", description="Self-supervised learning by building it.")
    parser.add_argument("--version", action="version", version=version("ssl-course"))
    names = (
        "demo inspect train evaluate predict features search export store compare progress grade doctor warmup publish"
    )
    commands = parser.add_subparsers(required=True, metavar=" | ".join([*names.split(), "publish"]))

    demo = commands.add_parser("demo", help="train SimCLR on the built-in images; one table, four pictures")
    demo.add_argument("--out", type=Path, default=Path("ssl-course-demo"), help="folder for the pictures")
    demo.add_argument("--size", type=int, default=8000, help="training images (default 8000)")
    demo.add_argument("--epochs", type=int, default=6, help="passes over them (default 6)")
    demo.add_argument("--seed", type=int, default=0)
    demo.add_argument("--device", default="auto")
    demo.add_argument("--json", action="store_true", help="print the table as one JSON object last")
    demo.set_defaults(run=demo_command)

    look = commands.add_parser("inspect", help="what is in a folder of pictures: broken files, copies, leaks, detail")
    look.add_argument("folder", type=Path, metavar="FOLDER", help="of pictures; nothing is written there")
    look.add_argument("--out", type=Path, help="folder for report.txt, report.json, report.png and files.csv")
    look.add_argument(
        "--split", metavar="WAY", help="with --out: link the pictures into OUT/split, none of a group twice"
    )
    look.add_argument("--json", action="store_true", help="print the report as one JSON object last")
    _add_labels(look)
    look.set_defaults(run=inspect_command)

    train = commands.add_parser("train", help="train a method; stopped runs go on when started again")
    train.add_argument("method", choices=ALL)
    train.add_argument("--data", default="shapes", help="shapes, cifar10, stl10, fashion_mnist, a folder or a store")
    train.add_argument("--full", action="store_true", help="what published runs on CIFAR-10 take: for a GPU, hours")
    train.add_argument(
        "--encoder",
        type=_encoder,
        help=f"{KNOWN} (default the recipe's, small_cnn); mae, dino and ijepa always take their own",
    )
    train.add_argument("--epochs", type=int, help="passes over the images (default the recipe's)")
    train.add_argument("--size", type=int, help="training images, class-balanced (default all)")
    train.add_argument("--batch-size", type=int, help="default the recipe's")
    train.add_argument("--lr", type=float, help="default the recipe's")
    train.add_argument("--weight-decay", type=float, help="default the recipe's")
    train.add_argument("--optimizer", choices=OPTIMIZERS, help="default the recipe's: adamw; with --full mostly sgd")
    train.add_argument("--temperature", type=float, help="short for --option temperature=…")
    train.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a keyword argument of the method, such as ratio=0.5 or mining=hard; may be given several times",
    )
    train.add_argument(
        "--view",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of the views (Augment), such as rotation=180 or crop=0.6; may be given several times",
    )
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--device", default="auto")
    train.add_argument("--precision", default="auto", choices=["auto", "fp32", "bf16", "fp16"])
    train.add_argument("--threads", type=_threads, default="auto", help="of the processor (default the fastest)")
    train.add_argument(
        "--compile",
        default="no",
        choices=WAYS,
        help="torch.compile: auto tries it on the first batch and takes it if that pays (default no)",
    )
    train.add_argument("--out", type=Path, required=True, help="folder of the run")
    train.add_argument("--log", choices=["tensorboard"], help="write the run for it, too: tensorboard --logdir OUT")
    _add_folder_options(train)
    train.set_defaults(run=train_command)

    evaluate = commands.add_parser("evaluate", help="linear probe and k-NN of a run beside its floor")
    evaluate.add_argument("folder", type=Path, metavar="RUN", help="train's --out, or torchvision:NAME as it is")
    evaluate.add_argument("--data", help="judge on other images than the run was trained on")
    evaluate.add_argument("--probe", type=int, default=PROBED, help=f"labelled training images (default {PROBED})")
    evaluate.add_argument("--balanced", action="store_true", help="a probe that weighs all classes alike, however rare")
    evaluate.add_argument("--json", action="store_true", help="print the table as one JSON object last")
    _add_folder_options(evaluate)
    evaluate.set_defaults(run=evaluate_command)

    _add_uses(commands)
    stored = commands.add_parser("store", help="decode a folder once into a file, for more images than memory")
    stored.add_argument("folder", type=Path, help="of images, as for train --data")
    stored.add_argument("--out", type=Path, required=True, metavar="FILE.store", help="then: train … --data FILE.store")
    stored.add_argument("--jobs", type=int, help="processes that decode (default as many as there are cores)")
    _add_folder_options(stored)
    stored.set_defaults(run=store_command)

    table = commands.add_parser("compare", help="train methods at equal cost and judge all of them by one protocol")
    table.add_argument("--data", default="shapes", help="shapes, cifar10, stl10, fashion_mnist or a labelled folder")
    table.add_argument("--methods", nargs="+", choices=ALL, default=list(METHODS), metavar="METHOD")
    table.add_argument("--seeds", nargs="+", type=int, default=[0], metavar="SEED")
    table.add_argument(
        "--budgets",
        nargs="+",
        type=_budget,
        metavar="TIMES[:SEEDS]",
        help="learning curves: times the usual cost, such as 1:5 3:3 10:2, each with its number of seeds",
    )
    table.add_argument("--jobs", type=int, default=1, help="runs at a time (default 1)")
    table.add_argument("--kept", action="store_true", help="with --budgets: only runs that are in OUT; train nothing")
    table.add_argument("--brief", action="store_true", help="with --budgets: linear probe and k-NN alone")
    table.add_argument("--out", type=Path, default=Path("ssl-course-compare"), help="folder of runs, table, figures")
    table.add_argument("--size", type=int, help="training images (default 6000 shapes, 20000 others)")
    table.add_argument("--passes", type=int, help="of SimCLR; the others get as many operations (default 3, 15)")
    table.add_argument("--batch-size", type=int, help="default 32, 256")
    table.add_argument("--lr", type=float, help="default 3e-3, 4e-3")
    table.add_argument("--probe", type=int, help="labelled training images (default 4000, 10000)")
    table.add_argument("--encoder", type=_encoder, default="small_cnn", help=KNOWN)
    table.add_argument("--device", default="auto")
    table.add_argument("--precision", default="auto", choices=["auto", "fp32", "bf16", "fp16"])
    table.add_argument("--threads", type=_threads, default=1, help="of the processor (default 1: numbers depend on it)")
    table.add_argument("--caption", help="what to call the images")
    _add_labels(table)
    table.add_argument("--results", type=Path, help="a file for the result; the other seeds in it are kept")
    table.set_defaults(run=compare_command)

    done = commands.add_parser("progress", help="which exercises are done")
    done.add_argument("sets", nargs="*", metavar="SET", help="only these, in detail")
    done.add_argument("--folder", type=Path, default=Path("."), help="where the exercises' notebooks are")
    done.set_defaults(run=progress_command)

    grades = commands.add_parser("grade", help="run a folder of submitted exercises, each by itself and with limits")
    grades.add_argument("folder", type=Path, help="such as FOLDER/<student>/04_simclr.ipynb; any depth")
    grades.add_argument("--out", type=Path, help="folder of grades.csv and report.md (default FOLDER/grades)")
    grades.add_argument("--seconds", type=float, default=120, help="time for one submission (default 120)")
    grades.add_argument("--megabytes", type=int, default=4000, help="memory for one submission (default 4000)")
    grades.set_defaults(run=grade_command)

    doctor = commands.add_parser("doctor", help="what this machine has, and what that means for the lessons")
    doctor.set_defaults(run=doctor_command)

    evening = commands.add_parser("warmup", help="try everything a lesson needs, the evening before a class")
    evening.set_defaults(run=warmup_command)

    fork = commands.add_parser("publish", help="badges and install cells for your fork, so that it opens on Colab")
    fork.add_argument("repository", nargs="?", metavar="OWNER/REPO", help="on GitHub; without it they are taken back")
    fork.add_argument("--folder", type=Path, default=Path("."), help="of the course (default: here)")
    fork.set_defaults(run=publish_command)
    return parser


def _add_uses(commands: argparse._SubParsersAction) -> None:
    """The commands that use a run for pictures that it wasn't trained on."""
    predict = commands.add_parser("predict", help="class and probability of every picture of a folder, as CSV")
    features = commands.add_parser("features", help="features of every picture of a folder, as CSV or NPZ")
    search = commands.add_parser("search", help="the pictures of a folder that are most like one")
    exporting = commands.add_parser("export", help="model.pt2, model.onnx, a card and an example, without this package")
    for parser in (predict, features, search, exporting):
        parser.add_argument("folder", type=Path, metavar="RUN", help="what train's --out was")
        parser.add_argument("--skip-unreadable", action="store_true", help="leave out files that can't be read")
    search.add_argument("image", type=Path, metavar="IMAGE", help="a picture anywhere, or its path within FOLDER")
    for parser in (predict, features, search):
        parser.add_argument("pictures", type=Path, metavar="FOLDER", help="of pictures, with or without folders in it")
    for parser in (predict, exporting):
        parser.add_argument("--labelled", metavar="DIR", help="learn the classes from these (default the run's images)")
        parser.add_argument("--probe", type=int, default=PROBED, help=f"labelled training images (default {PROBED})")
    predict.add_argument("--out", type=Path, dest="file", metavar="FILE", help="for the table (default: print it)")
    features.add_argument("--out", type=Path, dest="file", required=True, metavar="FILE", help="ending in .csv or .npz")
    search.add_argument("--count", type=int, default=10, help="pictures to find (default 10)")
    search.add_argument("--picture", type=Path, dest="file", metavar="FILE.png", help="draw them, the image first")
    exporting.add_argument("--out", type=Path, required=True, metavar="DIR", help="an empty or new folder")
    predict.set_defaults(run=predict_command)
    features.set_defaults(run=features_command, endings=lookup.TABLES)
    search.set_defaults(run=search_command, endings=(".png",))
    exporting.set_defaults(run=export_command)


KNOWN = (
    f"{', '.join(ENCODERS)}, or torchvision:NAME (or torchvision:NAME@FILE) with the weights that others have trained"
)
COUNTS = ("size", "epochs", "passes", "batch_size", "probe", "jobs", "megabytes", "count")
CHECKED = 20_000  # images of a store whose sources are looked at before a training: that takes a moment


def _refuse_what_cannot_work(options: argparse.Namespace) -> None:
    """Raise ValueError before anything is read, drawn or made."""
    given = vars(options)
    for name in COUNTS:
        if given.get(name) is not None and given[name] < 1:
            raise ValueError(f"--{name.replace('_', '-')} must be at least 1, got {given[name]}")
    seeds = given.get("seeds") or [given.get("seed", 0)]
    if min(seeds) < 0:
        raise ValueError(f"a seed must be at least 0, got {min(seeds)}")
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"--seeds names one twice: {' '.join(map(str, seeds))}; a spread needs different ones")
    if "device" in given:
        choose_device(options.device)
    if given.get("resolution") is not None:
        if options.resolution < SMALLEST:
            raise ValueError(f"--resolution must be at least {SMALLEST}, got {options.resolution}")
        if given.get("data") in runs.BY_NAME:
            raise ValueError(f"--resolution is for folders: the images of {options.data} have a size of their own")
    if "out" in given and options.out is not None and options.run is not store_command:
        place = next(part for part in (options.out, *options.out.parents) if part.exists())
        if not place.is_dir():
            raise ValueError(f"--out {options.out}: {place} is a file, and a folder is needed: choose another name")
    if given.get("file") is not None:
        _refuse_no_file(options.file, given.get("endings", ()))


def _refuse_no_file(file: Path, endings: Iterable[str]) -> None:
    """Raise ValueError if a file can't be written there."""
    if file.is_dir():
        raise ValueError(
            f"{file} is a folder, and a file is to be written: give a name in it, such as {file / 'table'}"
        )
    if not file.parent.is_dir():
        raise ValueError(f"there is no folder {file.parent} to write {file.name} to: make it first, or name another")
    if endings and file.suffix not in endings:
        raise ValueError(f"a file ending in {' or '.join(endings)} is written, got {file}")


def _budget(text: str) -> tuple[float, int | None]:
    """A cost in times of the usual one, and how many seeds: None for those of --seeds."""
    times, colon, seeds = text.partition(":")
    try:
        return float(times), int(seeds) if colon else None
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be TIMES or TIMES:SEEDS, such as 10 or 10:2, got {text!r}") from None


def _encoder(text: str) -> str:
    try:
        check_encoder(text)
        if is_pretrained(text):
            unweighted(text)
    except ValueError as failure:
        raise argparse.ArgumentTypeError(str(failure)) from None
    return text


def _threads(text: str) -> int | str:
    return text if text == "auto" else int(text)


def _add_folder_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--skip-unreadable", action="store_true", help="leave out files of a folder that can't be read")
    parser.add_argument("--resolution", type=int, help="height and width to bring a folder's images to")
    _add_labels(parser)


def _add_labels(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--labels",
        choices=["folders", "none", "auto"],
        help="whether a folder's subfolders are classes (default auto: unless they are called after dates, cameras, …)",
    )


def _labels(options: argparse.Namespace) -> str | None:
    """What --labels says, as `load` takes it."""
    return {"none": None, None: "auto"}.get(options.labels, options.labels)


# --- demo


def demo_command(options: argparse.Namespace) -> None:
    """Draw, train with and without labels, print the table, write the pictures."""
    options.out.mkdir(parents=True, exist_ok=True)
    clock = _Clock()
    train = load("shapes", size=options.size, seed=options.seed)
    test = load("shapes", "test", size=min(2000, options.size), seed=options.seed)
    clock.lap("draw images")
    augment = augmentation("shapes")
    _save_views(options.out / "views.png", train, augment, options.seed)
    shared = {"epochs": options.epochs, "seed": options.seed, "device": options.device} | DEMO
    torch.manual_seed(options.seed)
    untrained = ENCODERS["small_cnn"]()
    torch.manual_seed(options.seed)
    simclr = METHODS["simclr"](ENCODERS["small_cnn"](), augment=augment)
    history = pretrain(simclr, train, **shared)
    clock.lap("train SimCLR")
    torch.manual_seed(options.seed)
    supervised = Supervised(ENCODERS["small_cnn"](), len(train.classes), augment=augment)
    supervised_history = pretrain(supervised, train, **shared)
    clock.lap("train with labels")
    if history.interrupted or supervised_history.interrupted:
        raise KeyboardInterrupt
    encoders = {"pixels": None, "untrained": untrained, "simclr": simclr.encoder, "supervised": supervised.encoder}
    probed = train[: min(len(train), 4000)]
    table = {name: judge(encoder, probed, test) for name, encoder in encoders.items()}
    clock.lap("evaluate")
    plots.history(history).figure.savefig(options.out / "curve.png", dpi=150)
    plots.compare({NAMES[key]: row for key, row in table.items()}, chance=0.1).figure.savefig(
        options.out / "table.png", dpi=150
    )
    for name, encoder in (("before", untrained), ("after", simclr.encoder)):
        features = extract_features(encoder, test.images[:1000])
        plots.tsne(features, test.labels[:1000], test.classes).figure.savefig(options.out / f"tsne_{name}.png", dpi=150)
    clock.lap("draw pictures")
    _print_table(table, f"built-in images, probe fitted on {len(probed)}, tested on {len(test)}; chance is 10 %")
    print(f"pictures: {', '.join(sorted(file.name for file in options.out.glob('*.png')))} in {options.out}/")
    if options.json:
        views = 2 * options.epochs * (options.size // DEMO["batch_size"]) * DEMO["batch_size"]
        print(json.dumps({"table": table, "views": views, "seed": options.seed, "seconds": clock.laps}))


class _Clock:
    """Seconds that each step took, on the wall."""

    def __init__(self):
        self.laps, self._last = {}, time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name], self._last = round(now - self._last, 2), now


def _save_views(path: Path, images: ImageSet, augment: torch.nn.Module, seed: int) -> None:
    few = images.images[:10]
    generator = torch.Generator().manual_seed(seed)
    views = [augment(few.float() / 255, generator=generator) for _ in range(2)]
    plots.show_views(few, *views).figure.savefig(path, dpi=150)


def _print_table(table: dict[str, dict[str, float]], caption: str) -> None:
    print(f"\n{'test accuracy (%)':<22}{'linear probe':>14}{'k-NN':>8}")
    for key, row in table.items():
        print(f"{NAMES.get(key, key):<22}{100 * row['linear_probe']:>14.1f}{100 * row['knn']:>8.1f}")
    print(f"({caption})\n")


# --- inspect


def inspect_command(options: argparse.Namespace) -> None:
    """Print what is in a folder and what to do about it; write the same and a page of pictures to --out."""
    if options.out is not None:
        refuse_inside(options.folder, options.out)
    elif options.split is not None:
        raise ValueError("--split makes a folder: say where with --out")
    report = inspect_folder(options.folder, labels=_labels(options), progress=True)
    print(report)
    if options.out is not None:
        print(f"written: {', '.join(save_report(report, options.out))} in {options.out}/")
    if options.split is not None:
        counts = save_split(report, options.split, options.out / "split")
        print(f"split by {options.split}: {counts['train']} train, {counts['test']} test in {options.out / 'split'}/")
    if options.json:
        print(json.dumps(report.as_dict()))


# --- train and evaluate


def train_command(options: argparse.Namespace) -> int | None:
    """Train one method by its recipe and leave a run folder: made_of.json, checkpoint.pt, history.json, curve.png.

    Each of the processes that `torchrun` starts does so with a share of every batch; the first one writes and speaks.
    """
    with parallel.joined():
        if parallel.rank() == 0:
            return _train(options)
        with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
            return _train(options)


def _train(options: argparse.Namespace) -> int | None:
    options.data = _place(options.data)
    chosen = _options(options)
    changes = {
        name: getattr(options, name) for name in ("batch_size", "lr", "weight_decay", "optimizer", "encoder", "seed")
    }
    images = _load(options, options.data, "train", size=options.size)
    made = recipe(
        options.method,
        options.data,
        options=chosen,
        views=_typed("--view", options.view, read_view),
        passes=options.epochs,
        resolution=tuple(images.images.shape[2:]),
        size=len(images),
        full=options.full,
        **changes,
    )
    if options.batch_size is None and 32 <= len(images) < made.batch_size:
        made = replace(made, batch_size=2 ** int(math.log2(len(images) / 4)))
        if parallel.rank() == 0:
            print(f"note: few images, so batches of {made.batch_size} (--batch-size chooses another)", file=sys.stderr)
    machine = Machine(options.device, options.precision, options.threads)
    parts = runs.Images(images, images[:0], images[:0])  # nothing is judged yet
    made_of = runs.ingredients(made, parts, machine, judge=None) | {"folder": options.data}
    made_of |= {"labels_from": options.labels} if options.labels else {}  # evaluate reads the folder likewise
    was_there = options.out.is_dir()
    try:
        method = make(made, len(images.classes))
        with _logged(options, method, made, images) as hooks, _ended_like_ctrl_c():
            hooks |= {"compile": options.compile}
            runs.train(made, parts, options.out, made_of, machine, build=lambda *_: method, **hooks)
    except KeyboardInterrupt:
        if parallel.rank() == 0:
            print(f"the same command goes on after epoch {len(_draw_history(options.out))}", file=sys.stderr)
        return 130
    except ValueError as failure:
        files = {file.name for file in options.out.glob("*")}
        if parallel.rank() == 0 and not was_there and files <= {"made_of.json", runs.LOCK}:
            shutil.rmtree(options.out)  # nothing was trained
        if "recipe.passes" not in str(failure):
            raise
        raise ValueError(
            f"{failure}. A run can't be prolonged: its learning rate comes down to 0 over the passes that it was begun "
            f"with. Train all {made.passes} anew: --out another folder"
        ) from failure
    if parallel.rank() == 0:
        _draw_history(options.out)
    print(f"done: {options.out / 'checkpoint.pt'}; now: ssl-course evaluate {options.out}")
    return None


@contextlib.contextmanager
def _logged(options: argparse.Namespace, method: nn.Module, made: Recipe, images: ImageSet) -> Iterator[dict]:
    """What `pretrain` has to call, so that a training is told here and, if asked for, in a logbook."""
    if parallel.rank() > 0:
        yield {}
        return
    if options.log is None:
        yield {"on_epoch": _say_epoch}
        return
    about = {name: value for name, value in made.as_dict().items() if name not in ("resolution", "tuning_views")}
    labelled = None if images.labels is None else images
    with Logbook(options.out / "tensorboard", method, labelled=labelled, about=about) as book:

        def on_epoch(record: dict) -> None:
            _say_epoch(record)
            book.on_epoch(record)

        yield {"on_epoch": on_epoch, "on_step": book.on_step}


@contextlib.contextmanager
def _ended_like_ctrl_c() -> Iterator[None]:
    """Let SIGTERM, by which a scheduler ends a job, stop a training as Ctrl-C does; only a main thread gets signals."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:  # torchrun ends all processes when one ends: they say first what there is to say
        signal.signal(signal.SIGTERM, before if parallel.ranks() == 1 else signal.SIG_IGN)


def _place(data: str) -> str:
    """A name that `load` knows as it is; a folder or store as an absolute path, to judge a run from anywhere."""
    place = Path(data).expanduser()
    return str(place.resolve()) if place.exists() and data not in runs.BY_NAME else data


def _options(options: argparse.Namespace) -> dict[str, object]:
    """The values of --option NAME=VALUE, read as the method's own arguments."""
    typed = _typed("--option", options.option, lambda name, value: read_option(options.method, name, value))
    if options.temperature is not None:
        typed["temperature"] = read_option(options.method, "temperature", str(options.temperature))
    return typed


def _typed(flag: str, texts: Iterable[str], read: Callable[[str, str], object]) -> dict[str, object]:
    """What was typed as NAME=VALUE, each value as `read` reads it."""
    typed = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise ValueError(f"{flag} must be NAME=VALUE, got {text!r}")
        typed[name] = read(name, value)
    return typed


def _draw_history(folder: Path) -> list[dict]:
    file = folder / "history.json"
    history = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
    if history:
        plots.history(history).figure.savefig(folder / "curve.png", dpi=150)
    return history


def _say_epoch(record: dict) -> None:
    tqdm.write(  # print would land in the middle of the bar
        f"epoch {record['epoch']:>3}  loss {record['loss']:.3f}  {record['images_per_second']:.0f} images/s  "
        f"effective rank {record['effective_rank']:.1f}"
    )


def _load(options: argparse.Namespace, data: str, split: str, *, size: int | None = None, resolution=None) -> ImageSet:
    if data not in runs.BY_NAME and (data.endswith(".store") or is_store(data)):
        return _open(options, data, split, size)
    resolution = (options.resolution or resolution) if data not in runs.BY_NAME else None
    shared = {"unreadable": _unreadable(options), "labels": _labels(options)}
    return load(data, split, size=size, resolution=resolution, **shared)


def _open(options: argparse.Namespace, file: str, split: str, size: int | None) -> ImageSet:
    """Images of a store, with a note on sources that are no longer what was decoded, unless there are very many."""
    images = open_store(file, split)
    side = images.images.shape[-1]
    if options.resolution not in (None, side):
        raise ValueError(f"{file} holds {side}x{side}: leave --resolution out, or make another store with it")
    if split == "train" and len(images) <= CHECKED and (note := stale(file)):
        warnings.warn(note, stacklevel=2)
    return images if size is None else images.sample(size)


def store_command(options: argparse.Namespace) -> None:
    """Decode a folder into a store, or bring one up to date, and say what is in it."""
    shared = {"resolution": options.resolution, "jobs": options.jobs, "unreadable": _unreadable(options)}
    images = build(options.folder, out=options.out, labels=_labels(options), **shared)
    print(f"{options.out}: {images}; now: ssl-course train simclr --data {options.out} --out RUN")


def evaluate_command(options: argparse.Namespace) -> None:
    """Print raw pixels, untrained encoder and run side by side, then each class; keep both in the run's folder."""
    encoders, data, resolution = _to_be_judged(options)
    train = _load(options, data, "train", resolution=resolution)
    if train.labels is None:
        raise ValueError(f"{data} has no labels to judge by: name a labelled folder with --data")
    train = train.sample(min(options.probe, len(train)))
    test = _load(options, data, "test", resolution=resolution)
    table = {}
    for name, encoder in encoders.items():
        print(f"judging {NAMES.get(name, name)} …", file=sys.stderr, flush=True)
        known = to_judge(encoder, train, test)
        report = class_report(*known, test.classes, balanced=options.balanced)
        table[name] = {"linear_probe": report.pop("accuracy"), "knn": knn_accuracy(*known)} | report
    nothing = (
        f"chance is {100 / len(test.classes):.0f} %, always naming the largest class {100 * report['majority']:.1f} %"
    )
    _print_table(table, f"{Path(data).name}, probe fitted on {len(train)}, tested on {len(test)}; {nothing}")
    print(f"{NAMES.get(name, name)}, linear probe; balanced accuracy {100 * report['balanced_accuracy']:.1f} %")
    print(class_table(report))
    if options.folder.is_dir():
        (options.folder / "evaluation.json").write_text(json.dumps(table, indent=1), encoding="utf-8")
    if options.json:
        print(json.dumps(table))


def _to_be_judged(options: argparse.Namespace) -> tuple[dict, str, int | None]:
    """The encoders of a table by name, floors first; where the images are, and their resolution if they are square."""
    name = str(options.folder)
    if is_pretrained(name):
        if not options.data:
            raise ValueError(f"{name} was trained on no images of yours: name a labelled folder with --data")
        return {"pixels": None, name.partition("@")[0]: pretrained(name)}, _place(options.data), options.resolution
    run = open_run(options.folder)
    if options.resolution not in (None, run.resolution):
        height, width = run.recipe["resolution"]
        raise ValueError(
            f"{options.folder} was trained on {height}x{width}, and --resolution {options.resolution} would judge it "
            "on images that it never saw the like of: leave --resolution out, or train another run"
        )
    options.labels = options.labels or run.labels_from
    first = run.recipe["encoder"]
    floor = first.partition("@")[0] if is_pretrained(first) else "untrained"
    encoders = {"pixels": None, floor: new_encoder(first, run.recipe["seed"]), run.recipe["method"]: run.encoder}
    return encoders, _place(options.data) if options.data else run.data, run.resolution


# --- use a run


def predict_command(options: argparse.Namespace) -> None:
    """Print or write the class of every picture, by a linear probe on the run's encoder."""
    run, unreadable = open_run(options.folder), _unreadable(options)
    pictures = lookup.read_pictures(options.pictures, run.resolution, unreadable=unreadable)
    labelled = options.labelled and _place(options.labelled)
    classifier = fit_classifier(run.encoder, run.images("train", labelled, unreadable=unreadable), size=options.probe)
    probabilities = classifier.probabilities(extract_features(run.encoder, pictures.images))
    table = pictures.names, classifier.classes, probabilities
    if options.file is None:
        lookup.write_predictions(sys.stdout, *table)
        return
    with open(options.file, "w", newline="", encoding="utf-8") as stream:
        lookup.write_predictions(stream, *table)
    print(f"{counted(len(pictures), 'picture')}: {options.file}")


def features_command(options: argparse.Namespace) -> None:
    """Write the features of every picture."""
    run = open_run(options.folder)
    pictures = lookup.read_pictures(options.pictures, run.resolution, unreadable=_unreadable(options))
    features = extract_features(run.encoder, pictures.images)
    lookup.write_features(options.file, pictures.names, features)
    print(f"{counted(len(pictures), 'picture')}, {features.shape[1]} features each: {options.file}")


def search_command(options: argparse.Namespace) -> None:
    """Print the pictures that are most like one, and draw them if asked to."""
    run = open_run(options.folder)
    pictures = lookup.read_beside(options.image, options.pictures, run.resolution, unreadable=_unreadable(options))
    features = extract_features(run.encoder, pictures.images)
    places, similarities = lookup.most_similar(features[0], features[1:], options.count)
    found, values = (places + 1).tolist(), similarities.tolist()  # the image itself is the first of the pictures
    print(lookup.similar_table([pictures.names[place] for place in found], values))
    if options.file is not None:
        titles = ["asked for", *(f"{value:.3f}" for value in values)]
        drawn = plots.show_images(pictures.images[[0, *found]], titles, columns=6)
        drawn.figure.savefig(options.file, dpi=150)


def export_command(options: argparse.Namespace) -> int:
    """Write a run's files; 1 if model.onnx could not be made."""
    labelled = options.labelled and _place(options.labelled)
    names = deploy.export(
        open_run(options.folder), options.out, labelled=labelled, size=options.probe, unreadable=_unreadable(options)
    )
    print(f"{', '.join(names)} in {options.out}/: now fill in the licence in model_card.md")
    return 0 if "model.onnx" in names else 1


def _unreadable(options: argparse.Namespace) -> str:
    return "skip" if options.skip_unreadable else "refuse"


# --- compare


def compare_command(options: argparse.Namespace) -> int:
    """Train what isn't there yet, print the table, and write table and figures; 1 if a row could not be made."""
    options.data = _place(options.data)
    shared = {"machine": Machine(options.device, options.precision, options.threads), "say": _say}
    shared["caption"] = options.caption or ("built-in images" if options.data == "shapes" else Path(options.data).name)
    shared |= {"earlier": _earlier(options.results), "jobs": options.jobs}
    if (options.kept or options.brief) and not options.budgets:
        raise ValueError("--kept and --brief go with --budgets: say which, such as --budgets 1:3")
    if options.labels == "none":
        raise ValueError("compare judges by labels: --labels folders or auto, got none")
    if options.labels == "folders":
        shared["prepare"] = runs.load_classes
    if options.budgets:
        return _compare_budgets(options, shared)
    result = compare.collect(_recipes(options, options.seeds), options.out / "runs", **shared)
    result = {"caption": result["caption"], "command": _command(options, result)} | result
    compare.save(result, options.out)
    if options.results is not None:
        options.results.write_text(tables.as_json(result), encoding="utf-8")
    print(f"\n{tables.markdown(result)}\n\ntable and figures: {options.out}/")
    return 1 if result["failed"] else 0


def _compare_budgets(options: argparse.Namespace, shared: dict) -> int:
    """The same at several costs; the result's file is written after each run."""
    if options.passes is not None:
        raise ValueError("--passes and --budgets both say what a run may cost: give one of them")
    made = {}
    for times, count in options.budgets:
        made[times] = _recipes(options, options.seeds if count is None else range(count), scale=times)
    file = options.results or options.out / "budgets.json"
    options.out.mkdir(parents=True, exist_ok=True)

    def keep(result: dict) -> None:
        whole = {"caption": result["caption"], "command": _command(options, result)} | result
        file.write_text(tables.as_json(whole), encoding="utf-8")

    shared |= {"kept": options.kept, "brief": options.brief, "keep": keep}
    result = compare.collect_budgets(made, options.out / "runs", **shared)
    keep(result)
    compare.save_budgets(result, options.out)
    print(f"\n{tables.budgets_markdown(result)}")
    for times, part in result["budgets"].items():
        print(f"\n{times} times the usual cost\n\n{tables.markdown(part)}")
    print(f"\ntables and figures: {options.out}/; all numbers: {file}")
    return 1 if any(part["failed"] for part in result["budgets"].values()) else 0


def _recipes(options: argparse.Namespace, seeds: Iterable[int], scale: float = 1) -> list[Recipe]:
    """One for each row and seed, at `scale` times the cost."""
    floors = [name for name in FLOORS if name != "untrained_vit" or any(map(takes_transformer, options.methods))]
    changes = {"size": options.size, "probe": options.probe, "encoder": options.encoder, "budget": options.passes}
    usual = USUAL[image_kind(options.data)]
    if options.data not in runs.BY_NAME:  # a folder has as many images as it has, of the size that they have
        images = load(options.data, labels=_labels(options)).images
        changes["resolution"] = tuple(images.shape[2:])
        changes["size"] = options.size or min(usual["size"], len(images))
    given = {"batch_size": options.batch_size or usual["batch_size"], "lr": options.lr or usual["lr"]}
    made = []
    for seed in seeds:
        for name in (*floors, *options.methods, "supervised"):
            own = training(name, options.data, **given) if options.batch_size or options.lr else {}
            made.append(recipe(name, options.data, seed=seed, scale=scale, **changes, **own))
    return made


def _earlier(file: Path | None) -> dict | None:
    return _read_json(file, "delete it, or name another file") if file is not None and file.is_file() else None


def _read_json(file: Path, remedy: str) -> dict:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as failure:
        raise ValueError(f"{file} is broken or was only half written ({failure}): {remedy}") from failure


def _command(options: argparse.Namespace, result: dict) -> str:
    """The command that makes the result: every option that isn't the default, and all seeds that are in it."""
    defaults = _parser().parse_args(["compare"])
    words = ["ssl-course compare"]
    for name, value in vars(options).items():
        if name in ("run", "out", "results", "jobs", "kept") or value == getattr(defaults, name):
            continue
        if value is True:
            words.append(f"--{name}")
            continue
        if name == "budgets":
            value = [f"{times}:{len(part['seeds'])}" for times, part in result["budgets"].items()]
        value = Path(value).name if name == "data" else result["seeds"] if name == "seeds" else value
        values = value if isinstance(value, list | dict) else [value]
        words.append(f"--{name.replace('_', '-')} {shlex.join(map(str, values))}")
    return " ".join(words)


def progress_command(options: argparse.Namespace) -> None:
    """Print which exercises are done, as their checks have kept it beside the notebooks."""
    if not options.folder.is_dir():
        raise ValueError(f"there is no folder {options.folder}: give --folder the place of the exercises' notebooks")
    if not (options.folder / checks.RECORD).is_file():
        print(
            f"no exercise has been checked in {options.folder.resolve().name}/ yet: run a check there, or give --folder"
        )
    checks.progress(*options.sets, folder=options.folder)


def grade_command(options: argparse.Namespace) -> None:
    """Grade a folder of submissions; docs/grading.md says what this protects against."""
    if not options.folder.is_dir():
        raise ValueError(f"{options.folder} is not a folder")
    out = options.out or options.folder / "grades"
    grades = grading.grade(options.folder, seconds=options.seconds, megabytes=options.megabytes, say=_say, out=out)
    table, report = grading.write(grades, out)
    print(f"\n{table}\n{report}")


def _say(text: str) -> None:
    tqdm.write(text, file=sys.stderr)


# --- doctor


def doctor_command(_: argparse.Namespace) -> None:
    """Say what this machine has, time one training step of the course's encoder, and say what that means."""
    device = choose_device()
    precision = choose_precision("auto", device)
    print(f"Python {platform.python_version()} on {platform.system()} {platform.machine()}")
    print(
        "  ".join(f"{name} {version(name)}" for name in ("torch", "torchvision", "numpy", "scikit-learn", "matplotlib"))
    )
    print(f"device     {_describe(device)}")
    if device.type == "cpu":
        known = "has" if cpu_has_bf16() else "has no"
        print(f"bf16       the processor {known} instructions for it; a step is {cpu_bf16_speedup():.1f}x as fast")
        print(f"threads    {choose_threads().why} (SSL_COURSE_THREADS changes it); {available_cores()} to use")
    print(f"precision  {precision} by default")
    speed = images_per_second(device, precision)
    print(f"training   {speed:.0f} images/s: SimCLR, two views each, small_cnn, batch 128, right now")
    print(f"demo       96,000 views for SimCLR take about {_duration(48_000 / speed)}")
    lesson = settings("auto")
    print(f"lessons    profile {lesson.profile} (SSL_COURSE_PROFILE changes it)", end="")
    if (
        lesson.encoder == "small_cnn"
    ):  # three trainings: SimCLR, the ceiling with one view each, one pass without colour
        print(f"; lesson 04 trains for about {_duration(lesson.size * (1.5 * lesson.epochs + 1) / speed)}", end="")
    print()
    if device.type == "cpu":
        print(f"CIFAR-10   15 passes over 20,000 images take about {_duration(300_000 / speed)}")


def _describe(device: torch.device) -> str:
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        return f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB"
    memory = psutil.virtual_memory()
    free = f"{memory.available / 2**30:.0f} of {memory.total / 2**30:.0f} GiB memory free"
    cores = f"{processor_name()}, {torch.get_num_threads()} threads, {free}"
    return f"{'Apple GPU (mps)' if device.type == 'mps' else 'CPU, no GPU found'}, {cores}"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def images_per_second(device: torch.device, precision: str) -> float:
    """Images per second of SimCLR training here and now: the second of two short epochs."""
    images = load("shapes", size=1280)
    method = METHODS["simclr"](ENCODERS["small_cnn"](), augment=augmentation("shapes"))
    history = pretrain(
        method, images, epochs=2, batch_size=128, device=str(device), precision=precision, progress=False
    )
    return history[-1]["images_per_second"]


def warmup_command(_: argparse.Namespace) -> int:
    """Print a list to tick; 1 if something on it doesn't work."""
    failed = warmup.warm_up(lambda line: print(line, flush=True))
    print(f"{failed} of these failed" if failed else "everything works")
    return 1 if failed else 0


def publish_command(options: argparse.Namespace) -> None:
    """Write badges and install cells, and say what is left to do."""
    changed = publishing.publish(options.folder, options.repository)
    for path in changed:
        print(path)
    print("now commit these files and push them" if changed else "nothing had to be changed")


def program() -> int:
    """`main` as a program of its own: it needs no screen for its figures, and no console that knows every character."""
    matplotlib.use("agg")
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")
    return main()


if __name__ == "__main__":
    sys.exit(program())
