"""All methods at one training cost, judged by one protocol; every run is kept under a hash of what made it.

A run's folder holds row.json (its line of the table), features.pt (what the encoder says of some test images) and
checkpoint.pt. The hash covers the plan, method, seed, pixels, precision, torch's version and the code that matters, so
that nothing is trained twice and a result of other code or data is never taken for this one.
"""

import ast
import datetime
import hashlib
import inspect
import json
import math
import os
import platform
import re
import statistics
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from torch import Tensor, nn

from ssl_course import augment, data, evaluate, features, networks, plots, shapes, train, vit
from ssl_course.cost import training_flops
from ssl_course.data import ImageSet, load
from ssl_course.evaluate import (
    factor_scores,
    few_label_curve,
    fine_tune,
    knn_accuracy,
    linear_cka,
    linear_probe,
    raw_pixels,
)
from ssl_course.features import effective_rank, extract_features, feature_deviation
from ssl_course.methods import METHODS, Supervised
from ssl_course.plots import tsne_places
from ssl_course.precision import choose_device, choose_precision, processor_name
from ssl_course.profiles import augmentation
from ssl_course.recipes import OPTIONS, build, encoder_name, image_kind, new_encoder, training, views
from ssl_course.train import TrainingError, pretrain

FLOORS = ("pixels", "untrained", "untrained_vit")
NAMES = {"pixels": "raw pixels", "untrained": "untrained encoder", "untrained_vit": "untrained transformer"}
NAMES |= {name: method.__name__ for name, method in METHODS.items()}
NAMES |= {"vae": "VAE", "barlow_twins": "Barlow Twins", "supervised": "trained with labels"}
ROWS = (*FLOORS, *METHODS, "supervised")
KEPT = 1000  # test images whose features are kept
FEW = (0.01, 0.1)  # shares of the labels


@dataclass(frozen=True)
class Plan:
    """What is the same for all rows of a table.

    Attributes:
        data: a name or folder that `load` knows.
        size: training images.
        passes: of SimCLR over them; every other method gets the passes that cost as many operations.
        batch_size, lr: of the training.
        probe: labelled training images that the judges may see.
        tuning_steps: of fine-tuning, batches of at most 64.
        encoder: of all methods but MAE.
    """

    data: str
    size: int
    passes: int
    batch_size: int
    lr: float
    probe: int
    tuning_steps: int = 200
    encoder: str = "small_cnn"


def plan_for(data: str, **changes) -> Plan:
    """The course's plan for a data set: the quick profile's for the built-in images, 15 x 20,000 for photographs."""
    shape = (6000, 3, 32, 3e-3, 4000) if data == "shapes" else (20_000, 15, 256, 4e-3, 10_000)
    values = dict(zip(("size", "passes", "batch_size", "lr", "probe"), shape, strict=True))
    return Plan(data, **values | {name: value for name, value in changes.items() if value is not None})


@dataclass(frozen=True)
class Images:
    """The images of one seed: to train on, the labelled part that judges see, and the test split."""

    train: ImageSet
    labelled: ImageSet
    test: ImageSet

    @property
    def size(self) -> tuple[int, int]:
        return tuple(self.train.images.shape[2:])


def load_images(plan: Plan, seed: int) -> Images:
    """Raises ValueError if the training images have no labels, since a table needs them."""
    pool = load(plan.data, size=plan.size, seed=seed)
    if pool.labels is None:
        raise ValueError(f"{plan.data} has no labels to judge by: sort some images into one folder per class")
    return Images(pool, pool.sample(min(plan.probe, len(pool)), seed=seed), load(plan.data, "test"))


def run(plan: Plan, name: str, seed: int, folder: Path, images: Images | None = None, **arguments) -> dict:
    """One row of the table, trained or, if its run is already in the folder, read.

    Args:
        name: one of ROWS.
        folder: where runs are kept, each in a folder named by its hash.
        images: of this plan and seed; default `load_images(plan, seed)`.
        arguments: for `pretrain`: device, precision, progress.

    Returns:
        The row, with `features` (M, D) of the first test images.

    Raises:
        ValueError: if there is no such row; and as `pretrain`.
        KeyboardInterrupt: if the training was stopped by hand; a second call goes on where it was.
    """
    if name not in ROWS:
        raise ValueError(f"a row must be one of {', '.join(ROWS)}, got {name!r}")
    images = images if images is not None else load_images(plan, seed)
    made_of = ingredients(plan, name, seed, images, **arguments)
    place = folder / run_key(made_of)
    if (place / "row.json").is_file():
        return json.loads((place / "row.json").read_text()) | {"features": torch.load(place / "features.pt")}
    place.mkdir(parents=True, exist_ok=True)
    (place / "made_of.json").write_text(json.dumps(made_of, indent=1))
    encoder, about = _train(plan, name, seed, images, place / "checkpoint.pt", arguments)
    row = about | judge_row(encoder, images, plan, seed, arguments)
    row |= {"hash": place.name, "date": datetime.datetime.now(datetime.UTC).date().isoformat()}
    kept = _features(encoder, images.test[:KEPT])
    torch.save(kept, place / "features.pt")
    part = place / "row.json.part"
    part.write_text(json.dumps(row | {"hardware": hardware()}, indent=1))
    os.replace(part, place / "row.json")
    return row | {"hardware": hardware(), "features": kept}


def passes_at_equal_cost(plan: Plan, method: nn.Module, size: tuple[int, int]) -> tuple[int, float]:
    """Passes over the images that cost what the plan's passes of SimCLR cost, at least one; operations per image."""
    simclr = build("simclr", plan.data, size=size, encoder=plan.encoder)
    cost = training_flops(method, size)
    return max(1, round(plan.passes * training_flops(simclr, size) / cost)), cost


def _train(plan: Plan, name: str, seed: int, images: Images, checkpoint: Path, arguments: dict) -> tuple:
    """The encoder of a row (None: the pixels), and what its training was like."""
    if name == "pixels":
        return None, {}
    if name in FLOORS:
        kind = encoder_name("mae", plan.data) if name == "untrained_vit" else plan.encoder
        return new_encoder(kind, seed).eval(), {}
    if name == "supervised":
        torch.manual_seed(seed)
        encoder = new_encoder(plan.encoder, seed)
        method = Supervised(encoder, len(images.train.classes), augment=augmentation(plan.data))
    else:
        method = build(name, plan.data, size=images.size, seed=seed, encoder=plan.encoder)
    epochs, cost = passes_at_equal_cost(plan, method, images.size)
    shared = training(name, plan.data, batch_size=plan.batch_size, lr=plan.lr)
    history = pretrain(method, images.train, epochs=epochs, seed=seed, checkpoint=checkpoint, **shared, **arguments)
    if history.interrupted:
        raise KeyboardInterrupt
    last = {key: history[-1][key] for key in ("loss", "feature_deviation")}
    batch_size = shared["batch_size"]
    total = cost * epochs * (len(images.train) // batch_size) * batch_size
    seconds = sum(record["seconds"] for record in history)
    about = {"passes": epochs, "flops_per_image": cost, "flops": total, "seconds": round(seconds, 1)}
    return method.encoder.cpu(), about | last


def judge_row(encoder: nn.Module | None, images: Images, plan: Plan, seed: int, arguments: dict) -> dict:
    """Every number of the table for one encoder."""
    known = _features(encoder, images.labelled), images.labelled.labels
    new = _features(encoder, images.test), images.test.labels
    row = {"linear_probe": linear_probe(*known, *new), "knn": knn_accuracy(*known, *new)}
    few = [share for share in FEW if share * len(images.labelled) >= 2 * len(images.test.classes)]
    curve = few_label_curve(*known, *new, fractions=few, draws=3, seed=seed)
    row["few_labels"] = {f"{point['fraction']:g}": point["accuracy"] for point in curve}
    row |= {"effective_rank": effective_rank(new[0]), "spread": feature_deviation(new[0])}
    if images.test.factors:
        row["factors"] = factor_scores(known[0], images.labelled.factors, new[0], images.test.factors)
    if encoder is not None:
        row["fine_tuned"] = {f"{share:g}": _tune(encoder, images, share, plan, seed, arguments) for share in few}
    return row


def _tune(encoder: nn.Module, images: Images, share: float, plan: Plan, seed: int, arguments: dict) -> float:
    """Accuracy after fine-tuning all weights on a share of the labels."""
    few = images.labelled.sample(round(share * len(images.labelled)), seed=seed)
    batch_size = min(64, len(few) // 2)
    epochs = math.ceil(plan.tuning_steps / (len(few) // batch_size))
    shared = {"batch_size": batch_size, "lr": 1e-3, "seed": seed, "augment": augmentation(plan.data)}
    return fine_tune(encoder, few, images.test, epochs=epochs, **shared, **arguments | {"progress": False})


def _features(encoder: nn.Module | None, images: ImageSet) -> Tensor:
    return raw_pixels(images.images) if encoder is None else extract_features(encoder, images.images)


def ingredients(plan: Plan, name: str, seed: int, images: Images, **arguments) -> dict:
    """All that decides a row's numbers; its hash names the run's folder."""
    device = choose_device(arguments.get("device", "auto"))
    made_of = {"row": name, "seed": seed, "plan": asdict(plan) | {"data": Path(plan.data).name}}
    made_of["pixels"] = [zlib.crc32(part.images.contiguous().numpy()) for part in (images.train, images.test)]
    made_of["views"] = _plain(augmentation(plan.data, **views(name, plan.data)))
    made_of["training"] = training(name, plan.data, batch_size=plan.batch_size, lr=plan.lr)
    made_of["options"] = OPTIONS[image_kind(plan.data)].get(name, {})
    made_of["encoder"] = encoder_name("mae" if name == "untrained_vit" else name, plan.data, plan.encoder)
    made_of["precision"] = choose_precision(arguments.get("precision", "auto"), device)
    return made_of | {"device": device.type, "torch": torch.__version__, "code": code_fingerprint(name)}


def code_fingerprint(name: str) -> str:
    """A hash of the code behind a row; comments and docstrings don't count, nor do methods that aren't in it."""
    modules = [augment, data, evaluate, features, networks, shapes, train, vit]
    kinds = {METHODS.get(name, Supervised), Supervised}
    ours = [inspect.getmodule(base) for kind in kinds for base in kind.__mro__]
    modules += [module for module in ours if module.__name__.startswith("ssl_course.")]
    unique = {module.__name__: inspect.getsource(module) for module in modules}
    functions = [inspect.getsource(part) for part in (judge_row, _tune, _train, passes_at_equal_cost, load_images)]
    sources = [unique[key] for key in sorted(unique)] + functions
    return hashlib.sha256("\n".join(map(_without_docstrings, sources)).encode()).hexdigest()[:16]


def _without_docstrings(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        if documented and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)


def _plain(module: nn.Module) -> dict:
    return {key: value for key, value in vars(module).items() if isinstance(value, int | float | tuple)}


def run_key(made_of: dict) -> str:
    """The name of a run's folder: a hash of its `ingredients`."""
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:16]


def hardware() -> dict[str, str]:
    """What the numbers are made on; no names of machines."""
    device = choose_device()
    threads = f"{processor_name()}, torch threads: {torch.get_num_threads()}"
    name = torch.cuda.get_device_name() if device.type == "cuda" else threads
    versions = {"torch": torch.__version__, "python": platform.python_version()}
    return {"device": name, "precision": choose_precision("auto", device)} | versions


# --- the table


def collect(
    plan: Plan, names: list[str], seeds: list[int], folder: Path, *, caption: str, say=lambda text: None, **arguments
) -> dict:
    """All rows for all seeds, as a result that `ssl_course.results.read` understands.

    Args:
        folder: where runs are kept; what is there already isn't trained again.
        caption: what to call the images.
        say: is called with a sentence before and after each run.
        arguments: for `pretrain`: device, precision, progress.

    Returns:
        caption, recipe, hardware, date; `seeds`, a dict of rows for each; `failed`, what could not be trained and why
        (the other rows are there all the same); `similarity` and `maps` of the first seed's features.
    """
    result = {"caption": caption, "recipe": asdict(plan) | {"data": Path(plan.data).name}, "hardware": hardware()}
    result |= {"date": datetime.datetime.now(datetime.UTC).date().isoformat(), "seeds": {}, "failed": []}
    kept: dict[str, Tensor] = {}
    for seed in seeds:
        images = load_images(plan, seed)
        rows = result["seeds"][str(seed)] = {}
        for name in names:
            say(f"{NAMES[name]}, seed {seed} …")
            try:
                row = run(plan, name, seed, folder, images, **arguments)
            except TrainingError as failure:
                result["failed"].append(f"{NAMES[name]}, seed {seed}: {failure}")
                say(result["failed"][-1])
                continue
            features = row.pop("features")
            if seed == seeds[0]:
                kept[name] = features
            rows[name] = row
            say(f"{NAMES[name]}, seed {seed}: linear probe {100 * row['linear_probe']:.1f} %")
    return result | {"similarity": similarity(kept), "maps": maps(kept, load_images(plan, seeds[0]).test)}


def similarity(features: dict[str, Tensor]) -> dict[str, dict[str, float]]:
    """Linear CKA of every pair of rows on the same test images, rounded to three places."""
    return {a: {b: round(linear_cka(features[a], features[b]), 3) for b in features} for a in features}


def maps(features: dict[str, Tensor], test: ImageSet, count: int = 300) -> dict:
    """t-SNE places of some test images by each row's features, and their labels."""
    count = min(count, len(test))
    placed = {name: tsne_places(part[:count]).round(1).tolist() for name, part in features.items()}
    return {"labels": test.labels[:count].tolist(), "classes": list(test.classes), "places": placed}


def summary(result: dict, column: str, key: str | None = None) -> dict[str, tuple[float, float]]:
    """Mean and standard deviation over the seeds of one column, for every row that has it.

    Args:
        column: of the rows, such as "linear_probe", "knn", "few_labels".
        key: within the column, such as "0.01" or a factor's name.

    Returns:
        By the row's name on the command line; the deviation of one seed is nan.
    """
    table = {}
    for name in dict.fromkeys(name for rows in result["seeds"].values() for name in rows):
        cells = [rows[name].get(column) for rows in result["seeds"].values() if name in rows]
        values = [cell if key is None or cell is None else cell.get(key) for cell in cells]
        if None not in values:
            table[name] = (statistics.mean(values), statistics.stdev(values) if len(values) > 1 else math.nan)
    return table


def columns(result: dict) -> dict[str, dict[str, tuple[float, float]]]:
    """The accuracies of the table by column title, each as `summary` gives it; those that no row has are left out."""
    table = {"linear probe": summary(result, "linear_probe"), "k-NN": summary(result, "knn")}
    for key in map("{:g}".format, FEW):
        table[f"probe, {float(key):.0%} of the labels"] = summary(result, "few_labels", key)
    for key in map("{:g}".format, FEW):
        table[f"fine-tuned, {float(key):.0%} of the labels"] = summary(result, "fine_tuned", key)
    return {title: cells for title, cells in table.items() if cells}


def factor_table(result: dict) -> dict[str, dict[str, float]]:
    """Mean R^2 of each known factor for each row, by the row's title; empty for photographs."""
    rows = next(iter(result["seeds"].values()))
    factors = next((list(row["factors"]) for row in rows.values() if "factors" in row), [])
    scores = {factor: summary(result, "factors", factor) for factor in factors}
    return {NAMES[name]: {factor: scores[factor][name][0] for factor in factors} for name in rows if factors}


def markdown(result: dict) -> str:
    """The table, in per cent, mean ± standard deviation over the seeds."""
    cells = columns(result)
    passes = {name: row.get("passes") for rows in result["seeds"].values() for name, row in rows.items()}
    lines = [f"| {result['caption']} | passes | {' | '.join(cells)} |", "|---" * (len(cells) + 2) + "|"]
    for name in passes:
        line = " | ".join(_percent(*column[name]) if name in column else "–" for column in cells.values())
        lines.append(f"| {NAMES[name]} | {passes[name] or '–'} | {line} |")
    return "\n".join(lines)


def _percent(mean: float, deviation: float) -> str:
    return f"{100 * mean:.1f}" + ("" if math.isnan(deviation) else f" ± {100 * deviation:.1f}")


def as_json(result: dict) -> str:
    """The result as text, one line per row of the table."""
    text = json.dumps(_rounded(result), indent=1, ensure_ascii=False)
    return re.sub(r"\n {4,}|\n {3}(?=[\]}])", " ", text) + "\n"


def _rounded(value):
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    return [_rounded(part) for part in value] if isinstance(value, list) else value


def save(result: dict, folder: Path) -> None:
    """Write table.md, table.csv, result.json and the figures into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "table.md").write_text(markdown(result) + "\n")
    (folder / "result.json").write_text(as_json(result))
    titles = {NAMES[name]: name for name in summary(result, "linear_probe")}
    frame = {
        f"{title}, {part}": {row: cells[name][place] for row, name in titles.items() if name in cells}
        for title, cells in columns(result).items()
        for place, part in enumerate(("mean", "deviation"))
    }
    pd.DataFrame(frame).reindex(titles).to_csv(folder / "table.csv", index_label="row")
    for name, axes in figures(result).items():
        axes.figure.savefig(folder / f"{name}.png", dpi=150)
        plots.plt.close(axes.figure)


def figures(result: dict) -> dict[str, Axes]:
    """The table as bars, what can be read of the factors, the similarity of the rows, and their maps, by file name."""
    drawn = {"accuracy": draw_accuracy(result), "similarity": draw_similarity(result), "maps": gallery(result)}
    if table := factor_table(result):
        drawn["factors"] = plots.heatmap(table, unit="read linearly: R² on test images")
    return drawn


def draw_accuracy(result: dict) -> Axes:
    """Linear probe and k-NN of every row as bars, with the spread over the seeds."""
    cells = {title: column for title, column in columns(result).items() if title in ("linear probe", "k-NN")}
    means, spreads = (
        {NAMES[name]: {title: column[name][place] for title, column in cells.items()} for name in cells["linear probe"]}
        for place in (0, 1)
    )
    return plots.compare(means, spread=spreads, chance=1 / len(result["maps"]["classes"]))


def draw_similarity(result: dict) -> Axes:
    """Linear CKA of every pair of rows as a grid."""
    alike = {NAMES[a]: {NAMES[b]: value for b, value in row.items()} for a, row in result["similarity"].items()}
    return plots.heatmap(alike, unit="linear CKA")


def gallery(result: dict) -> Axes:
    """One t-SNE map per row, side by side."""
    places, labels = result["maps"]["places"], torch.tensor(result["maps"]["labels"])
    wide = min(4, len(places))
    high = -(-len(places) // wide)
    figure, axes = plots.plt.subplots(high, wide, figsize=(2.6 * wide, 2.7 * high), layout="constrained", squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for ax, (name, points) in zip(axes.flat, places.items(), strict=False):
        ax.axis("on")
        plots.scatter(np.array(points), labels, result["maps"]["classes"], legend=False, ax=ax).set_title(
            NAMES[name], fontsize=10
        )
    handles = axes.flat[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=5, frameon=False, markerscale=1.8)
    return axes.flat[0]
