"""One way to keep a run: a folder named by a hash of all that decides its numbers, so that nothing is trained twice and
a result of other code, data or settings is never taken for this one.

A run's folder holds made_of.json (what the hash is of), checkpoint.pt, history.json, row.json (its line of a table),
features.pt (what the encoder says of some test images), and .lock, which keeps two trainings apart.
"""

import contextlib
import datetime
import functools
import hashlib
import json
import math
import multiprocessing
import os
import statistics
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from filelock import FileLock, Timeout
from torch import Tensor, nn

from ssl_course import parallel
from ssl_course.augment import Augment
from ssl_course.checkpoint import checksum
from ssl_course.data import DOWNLOADS, ImageSet, load
from ssl_course.evaluate import draw_labels, factor_scores, fine_tune, judge, knn_accuracy, linear_probe, raw_pixels
from ssl_course.features import effective_rank, extract_features, feature_deviation
from ssl_course.fingerprint import code_behind, versions
from ssl_course.methods import ALL, Supervised
from ssl_course.precision import choose_device, choose_precision, processor_name, with_threads
from ssl_course.pretrained import pretrained
from ssl_course.recipes import FLOORS, NETWORKS, Recipe, cost, make, new_encoder, simclr_cost
from ssl_course.train import OPTIMIZERS, History, pretrain

BY_NAME = ("shapes", *DOWNLOADS)  # whose images have a size of their own
KEPT = 1000  # test images whose features are kept
FEW = (0.01, 0.1)  # shares of the labels
DRAWS = 3  # of a few labels, for the linear probe and for fine-tuning
LOCK = ".lock"  # the file in a run's folder that whoever trains there holds
VALIDATED = 500  # labelled images that choose the rate of fine-tuning


@dataclass(frozen=True)
class Images:
    """The images of one seed: to train on, the labelled part that judges see, and the test split."""

    train: ImageSet
    labelled: ImageSet
    test: ImageSet


@dataclass(frozen=True)
class Machine:
    """Where and how a run is computed; numbers depend on all three.

    Attributes:
        device: "auto", or a name.
        precision: "auto", "fp32", "bf16" or "fp16".
        threads: of the processor, or "auto".
    """

    device: str = "auto"
    precision: str = "auto"
    threads: int | str = 1

    def resolved(self) -> "Machine":
        """With the device and precision that "auto" stands for here and now."""
        device = choose_device(self.device)
        return Machine(str(device), choose_precision(self.precision, device), self.threads)


@dataclass(frozen=True)
class Trained:
    """What a judge gets: the encoder (None: the raw pixels are judged), and the method that trained it, if any."""

    encoder: nn.Module | None
    method: nn.Module | None = None


_LAST_IMAGES: dict[tuple, Images] = {}  # in a process that makes several runs
Build = Callable[[Recipe, int], nn.Module]  # a recipe and how many classes -> a method
Judge = Callable[[Trained, Images, Recipe, Machine], dict]


def load_images(recipe: Recipe, **kind: bool | str) -> Images:
    """The images of a recipe and its seed; `kind` is for `load`, such as upright=True.

    Raises:
        ValueError: if the training images have no labels, since a table needs them; and as `load`.
    """
    height, width = recipe.resolution
    shared = {"resolution": height if height == width and recipe.data not in BY_NAME else None} | kind
    pool = load(recipe.data, size=recipe.size, seed=recipe.seed, **shared)
    if pool.labels is None:
        raise ValueError(f"{recipe.data} has no labels to judge by: sort some images into one folder per class")
    labelled = pool.sample(min(recipe.probe, len(pool)), seed=recipe.seed)
    return Images(pool, labelled, load(recipe.data, "test", **shared))


def load_classes(recipe: Recipe) -> Images:
    """As `load_images`, every subfolder of a folder being a class, whatever it is called."""
    return load_images(recipe, labels="folders")


def run(
    recipe: Recipe,
    folder: Path,
    *,
    images: Images | None = None,
    machine: Machine | None = None,
    build: Build = make,
    judge: Judge | None = None,
    progress: bool = True,
) -> dict:
    """One row of a table, trained or, if its run is already in the folder, read.

    Args:
        folder: where runs are kept, each in a folder named by its hash.
        images: of this recipe; default `load_images(recipe)`.
        machine: default one thread on the best device there is.
        build: makes the method; a study of a part of it gives its own.
        judge: makes the numbers of the row; default `judge_row`.

    Returns:
        The row, with `features` (M, D) of the first test images.

    Raises:
        ValueError, TrainingError: as `pretrain`.
        KeyboardInterrupt: if any part was stopped by hand; a second call goes on where it was.
    """
    images = images if images is not None else load_images(recipe)
    machine = (machine or Machine()).resolved()
    judge = judge or judge_row
    made_of = ingredients(recipe, images, machine, build=build, judge=judge)
    place = folder / run_key(made_of)
    if (place / "row.json").is_file():
        return _read(place)
    trained, about = train(recipe, images, place, made_of, machine, build=build, progress=progress)
    with torch.random.fork_rng(devices=[]), _threads(machine):
        torch.default_generator.manual_seed(recipe.seed)
        row = about | judge(trained, images, recipe, machine)
        kept = features(trained.encoder, images.test[:KEPT], machine)
    row |= {"hash": place.name, "machine": asdict(machine), "date": today()}
    _write(place / "features.pt", lambda part: torch.save(kept, part))
    _write_json(place / "row.json", row | {"hardware": hardware(machine)})
    return _read(place)


@dataclass(frozen=True, eq=False)
class Task:
    """A run that another process may make: everything in it can be sent there.

    Attributes:
        recipe: of the run.
        judge: makes the numbers of the row; a function of a module.
        prepare: loads the images of a recipe; a function of a module.
    """

    recipe: Recipe
    judge: Judge
    prepare: Callable[[Recipe], Images] = load_images


def run_side_by_side(
    tasks: Sequence[Task], folder: Path, machine: Machine, jobs: int, *, progress: bool = False
) -> Iterator[tuple[Task, dict]]:
    """Each task with its row as it is finished, `jobs` of them at a time, each in a process of its own.

    A task that fails comes with {"failed": why} in place of a row; the rows have no features, which stay in the folder.
    The processes end with this one, however it ends. `progress` shows a bar if there is one run at a time.
    """
    if jobs < 2:
        yield from ((task, _made_there(task, folder, machine, progress)) for task in tasks)
        return
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=spawn, initializer=_end_with_parent) as pool:
        waiting = {pool.submit(_made_there, task, folder, machine): task for task in tasks}
        for done in as_completed(waiting):
            yield waiting[done], done.result()


def is_kept(task: Task, folder: Path, machine: Machine) -> bool:
    """Whether a task's row is in the folder already."""
    made_of = ingredients(task.recipe, _images_of(task), machine, judge=task.judge)
    return (folder / run_key(made_of) / "row.json").is_file()


def _end_with_parent() -> None:
    """Watch the process that started this one: when it is killed, nobody waits for a row any more."""

    def watch() -> None:
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _made_there(task: Task, folder: Path, machine: Machine, progress: bool = False) -> dict:
    """A row, or why it could not be made, whatever the reason: that costs no other row."""
    try:
        images = _images_of(task)
        row = run(task.recipe, folder, images=images, machine=machine, judge=task.judge, progress=progress)
    except Exception as failure:
        return {"failed": str(failure) or type(failure).__name__}
    return {key: value for key, value in row.items() if key != "features"}


def _images_of(task: Task) -> Images:
    """A task's images; those of the last task stay in memory, since many tasks share theirs."""
    made = task.recipe
    wanted = task.prepare, made.data, made.size, made.resolution, made.probe, made.seed
    if wanted not in _LAST_IMAGES:
        _LAST_IMAGES.clear()
        _LAST_IMAGES[wanted] = task.prepare(made)
    return _LAST_IMAGES[wanted]


def train(
    recipe: Recipe,
    images: Images,
    place: Path,
    made_of: dict,
    machine: Machine,
    *,
    build: Build = make,
    progress: bool = True,
    **how: Callable[[dict], None] | str | None,
) -> tuple[Trained, dict]:
    """Train a recipe into a run's folder, or go on with what is there; what came out, and what its training was like.

    Of several processes that train together (see `parallel`) the first one keeps the folder.

    Args:
        how: `on_epoch`, `on_step` and `compile` of `pretrain`.

    Raises:
        ValueError: if the folder holds another run, or another process trains in it now.
        KeyboardInterrupt: if the training was stopped by hand; a second call goes on where it was.
    """
    first = parallel.rank() == 0
    with _alone_in(place) if first else contextlib.nullcontext():
        if first:
            _claim(place, made_of)
        return _train_there(recipe, images, place, machine, build, {"progress": progress} | how)


def _train_there(
    recipe: Recipe,
    images: Images,
    place: Path,
    machine: Machine,
    build: Build,
    how: dict,
) -> tuple[Trained, dict]:
    """What `train` does in a folder that is this process's alone."""
    if recipe.method == "pixels":
        return Trained(None), {}
    if recipe.method in FLOORS:
        return Trained(new_encoder(recipe.encoder, recipe.seed).eval()), {}
    method = build(recipe, len(images.train.classes))
    settings = {"epochs": recipe.passes, "batch_size": recipe.batch_size, "lr": recipe.lr, "warmup": recipe.warmup}
    settings |= {"weight_decay": recipe.weight_decay, "optimizer": recipe.optimizer}
    settings |= {"seed": recipe.seed, "threads": machine.threads}
    settings |= {"device": machine.device, "precision": machine.precision, "checkpoint": place / "checkpoint.pt"}
    history = pretrain(method, images.train, **settings, **how)
    if parallel.rank() == 0:
        _write_json(place / "history.json", list(history))
    if history.interrupted:
        raise KeyboardInterrupt
    return Trained(method.encoder.cpu(), method.cpu()), _about(recipe, history, images)


def _about(recipe: Recipe, history: History, images: Images) -> dict:
    """What a row says of a training: passes, steps, operations, seconds, and what the last epoch was like."""
    steps = recipe.passes * (len(images.train) // recipe.batch_size)
    about = {"passes": recipe.passes, "steps": steps, "flops_per_image": cost(recipe)}
    about["flops"] = about["flops_per_image"] * steps * recipe.batch_size
    about["cost"] = round(recipe.passes * cost(recipe) / simclr_cost(recipe), 3)  # in passes of SimCLR
    about["seconds"] = round(sum(record["seconds"] for record in history), 1)
    return about | {key: history[-1][key] for key in ("loss", "feature_deviation", "effective_rank")}


def judge_briefly(trained: Trained, images: Images, recipe: Recipe, machine: Machine) -> dict:
    """Linear probe and k-NN alone."""
    encoder = trained.encoder if trained.encoder is None else trained.encoder.to(machine.device)
    return judge(encoder, images.labelled, images.test)


def judge_row(trained: Trained, images: Images, recipe: Recipe, machine: Machine) -> dict:
    """Every number of the comparison's table for one encoder.

    `few_labels` and `fine_tuned` are means over the same DRAWS of each share of the labels, `draws` has each of them,
    and `tuning` what fine-tuning tried and how it grows with its steps.
    """
    encoder, test = trained.encoder, images.test
    known = features(encoder, images.labelled, machine, stay=True), images.labelled.labels
    new = features(encoder, test, machine, stay=True), test.labels
    known, new = ((found, labels.to(found.device)) for found, labels in (known, new))
    row = {"linear_probe": linear_probe(*known, *new), "knn": knn_accuracy(*known, *new)}
    row |= {"effective_rank": effective_rank(new[0].cpu()), "spread": feature_deviation(new[0].cpu())}
    if test.factors:
        row["factors"] = factor_scores(known[0].cpu(), images.labelled.factors, new[0].cpu(), test.factors)
    row |= {"few_labels": {}, "draws": {}}
    row |= {"fine_tuned": {}, "tuning": {}} if encoder is not None else {}
    for share in FEW:
        if share * len(images.labelled) < 2 * len(test.classes):
            continue
        drawn = [draw_labels(images.labelled.labels, share, draw, seed=recipe.seed) for draw in range(DRAWS)]
        scores = {"few_labels": [linear_probe(known[0][few], known[1][few], *new) for few in drawn]}
        if encoder is not None:
            scores["fine_tuned"], row["tuning"][f"{share:g}"] = _tuned(encoder, images, drawn, recipe, machine)
        row["draws"][f"{share:g}"] = scores
        for column, values in scores.items():
            row[column][f"{share:g}"] = statistics.mean(values)
    return row


def _tuned(
    encoder: nn.Module, images: Images, drawn: list[Tensor], recipe: Recipe, machine: Machine
) -> tuple[list[float], dict]:
    """Accuracies after fine-tuning all weights on each draw of labels, and what was tried for them.

    The rate is chosen on the first draw by labelled images that are in no draw, VALIDATED at most.
    """
    rest = torch.ones(len(images.labelled), dtype=torch.bool)
    rest[torch.cat(drawn)] = False
    validation = images.labelled[rest.nonzero().flatten()[:VALIDATED]]
    tune = functools.partial(_tune, encoder, recipe=recipe, machine=machine)
    few = [images.labelled[places] for places in drawn]
    tried = {}
    for rate in (recipe.tuning_lr / 3, recipe.tuning_lr, 3 * recipe.tuning_lr):
        tried[f"{rate:.2g}"] = tune(few[0], validation, lr=rate, steps=recipe.tuning_steps)
    rate = float(max(tried, key=tried.get))
    scores = [tune(part, images.test, lr=rate, steps=recipe.tuning_steps) for part in few]
    grown = {}
    for steps in (recipe.tuning_steps // 4, recipe.tuning_steps // 2):
        grown[str(steps)] = tune(few[0], images.test, lr=rate, steps=max(1, steps))
    return scores, {"validation": tried, "lr": rate, "steps": grown | {str(recipe.tuning_steps): scores[0]}}


def _tune(
    encoder: nn.Module, few: ImageSet, judged: ImageSet, *, lr: float, steps: int, recipe: Recipe, machine: Machine
) -> float:
    """Accuracy on `judged` after fine-tuning all weights on `few`, for at least so many steps."""
    batch_size = min(64, len(few) // 2)
    shared = {"batch_size": batch_size, "epochs": math.ceil(steps / (len(few) // batch_size)), "lr": lr}
    shared |= {"augment": Augment(**recipe.tuning_views), "seed": recipe.seed, "progress": False}
    shared |= {"device": machine.device, "precision": machine.precision, "threads": machine.threads}
    return fine_tune(encoder, few, judged, **shared)


def features(encoder: nn.Module | None, images: ImageSet, machine: Machine, *, stay: bool = False) -> Tensor:
    """Features (N, D), computed on the machine's device, where they may stay; without an encoder the raw pixels."""
    if encoder is None:
        return raw_pixels(images.images)
    return extract_features(encoder.to(machine.device), images.images, stay=stay)


# --- what a run is made of


def ingredients(
    recipe: Recipe, images: Images, machine: Machine, *, build: Build = make, judge: Judge | None = judge_row
) -> dict:
    """All that decides a row's numbers; its hash names the run's folder.

    The code is that of every function and class that the run uses, found by following the names in it.
    """
    made_of = {"recipe": recipe.as_dict() | {"data": Path(recipe.data).name}}
    for name, part in vars(images).items():
        made_of[name] = {"images": len(part), "classes": list(part.classes), "pixels": checksum(part.images)}
        made_of[name]["labels"] = None if part.labels is None else checksum(part.labels)
        made_of[name]["factors"] = {factor: checksum(values) for factor, values in (part.factors or {}).items()}
    made_of |= {"device": machine.device, "precision": machine.precision, "threads": machine.threads}
    parts = [train, build, NETWORKS.get(recipe.encoder, pretrained), *([judge, features] if judge else [])]
    if recipe.method not in FLOORS:
        parts.append(ALL.get(recipe.method, Supervised))
        parts += [kind for kind in [OPTIMIZERS[recipe.optimizer]] if isinstance(kind, type)]  # the others are torch's
    return made_of | {"code": code_behind(*parts), "versions": versions()}


def run_key(made_of: dict) -> str:
    """The name of a run's folder: a hash of its `ingredients`."""
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:16]


def differences(one: dict, other: dict, prefix: str = "") -> list[str]:
    """The dotted names of what two runs are made of differently."""
    found = []
    for key in one | other:
        mine, theirs = one.get(key), other.get(key)
        if isinstance(mine, dict) and isinstance(theirs, dict):
            found += differences(mine, theirs, f"{prefix}{key}.")
        elif mine != theirs:
            found.append(prefix + key)
    return found


def hardware(machine: Machine) -> dict[str, str]:
    """What numbers are made on, as it was used; no names of machines."""
    used = machine.resolved()
    name = processor_name() if used.device == "cpu" else used.device
    if used.device.startswith("cuda"):
        name = torch.cuda.get_device_name(used.device)
    about = {"device": name, "precision": used.precision, "threads": used.threads}
    return about | {key: value for key, value in versions().items() if key in ("torch", "python")}


def is_current(row: dict, recipe: Recipe, images: Images, **parts) -> bool:
    """Whether a row that was kept is what this recipe would give today, on the machine that the row names."""
    return "machine" in row and run_key(ingredients(recipe, images, Machine(**row["machine"]), **parts)) == row["hash"]


# --- files


@contextlib.contextmanager
def _alone_in(place: Path) -> Iterator[None]:
    """Keep other processes out of a run's folder; one that ends, however it ends, lets the next one in."""
    place.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(place / LOCK, timeout=0):
            yield
    except Timeout as failure:
        raise ValueError(f"another process trains in {place} now: wait for it, or choose another folder") from failure


def _claim(place: Path, made_of: dict) -> None:
    """Make the folder this run's own; ValueError if it is another's."""
    description = place / "made_of.json"
    if (place / "checkpoint.pt").exists() and description.exists():
        old = json.loads(description.read_text(encoding="utf-8"))
        if different := differences(old, json.loads(json.dumps(made_of))):
            raise ValueError(
                f"{place} holds another run (different: {', '.join(different)}): choose another folder, or delete it"
            )
    _write_json(description, made_of)


def _read(place: Path) -> dict:
    row = json.loads((place / "row.json").read_text(encoding="utf-8"))
    return row | {"features": torch.load(place / "features.pt")}


def _write_json(path: Path, value: object) -> None:
    _write(path, lambda part: part.write_text(json.dumps(value, indent=1, ensure_ascii=False), encoding="utf-8"))


def _write(path: Path, write: Callable[[Path], object]) -> None:
    """Beside it first, so that a crash leaves the old file or the new one."""
    part = path.with_name(path.name + ".part")
    write(part)
    os.replace(part, path)


def _threads(machine: Machine) -> contextlib.AbstractContextManager:
    return contextlib.nullcontext() if machine.threads == "auto" else with_threads(machine.threads)


def today() -> str:
    """The date, as a result names it."""
    return datetime.datetime.now(datetime.UTC).date().isoformat()
