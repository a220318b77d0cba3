"""Lesson 13's table: DINO whole and with each part taken out, and where each encoder looks.

    python benchmarks/self_distillation.py --seeds 0 1 2

Every row costs what `cost` passes of SimCLR on the small CNN cost; the long rows ten times the short ones. Every seed
draws its own training images; heads of attention are chosen on training images, everything is judged on the test split.
Rows that are in the table stay: take them out of the file to make them anew.
"""

import argparse
import json
from dataclasses import replace

import torch
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.metrics import confusion_matrix, normalized_mutual_info_score
from torch import Tensor, nn

from ssl_course.attention import attention_overlap, outlines
from ssl_course.data import ImageSet
from ssl_course.evaluate import judge
from ssl_course.features import extract_features
from ssl_course.methods import DINO
from ssl_course.ready import card, ready
from ssl_course.recipes import Recipe, cost, make, new_encoder, passes_at_equal_cost, recipe, simclr_cost
from ssl_course.results import FOLDER
from ssl_course.runs import Images, Machine, hardware, load_images, today
from ssl_course.tables import as_json
from ssl_course.train import pretrain
from ssl_course.vit import VisionTransformer

SHOWN = 500  # images that choose a head, and as many that judge it
VIT = {"encoder": "small_vit"}
OUT = {  # what is taken out of DINO
    "DINO": {},
    "DINO, no centring": {"centring": False},
    "DINO, no sharpening": {"teacher_temperature": 0.1},
    "DINO, neither": {"centring": False, "teacher_temperature": 0.1},
    "DINO, no momentum": {"decay": 0.0},
    "DINO, no small pictures": {"local": 0},
}
FIXED = ("untrained", "MAE, ready")
TRAINED = {name: ("dino", 1, options) for name, options in OUT.items()}
TRAINED |= {"SimCLR": ("simclr", 1, {}), "supervised": ("supervised", 1, {})}
TRAINED |= {"DINO, long": ("dino", 10, {}), "SimCLR, long": ("simclr", 10, {})}
ROWS = (*FIXED, *TRAINED)


def planned(name: str, seed: int, size: int | None) -> Recipe:
    """The recipe of a row, at its cost."""
    method, scale, options = TRAINED[name]
    made = recipe(method, "shapes", seed=seed, options=options, size=size, scale=scale, tuned=False, **VIT)
    return replace(made, passes=passes_at_equal_cost(made, 3 * scale))


def made(name: str, seed: int, size: int | None) -> dict:
    """A row of the table."""
    images = load_images(recipe("dino", "shapes", seed=seed, size=size, passes=1))
    if name == "untrained":
        return judged(new_encoder("small_vit", seed).eval(), images)
    if name == "MAE, ready":
        return {"cost": card("mae")["cost"]} | judged(ready("mae"), images)
    plan = planned(name, seed, size)
    method, curve, shown = make(plan, len(images.train.classes)), [], images.test[:256].images.float() / 255

    def watch(record: dict) -> None:
        if isinstance(method, DINO):
            curve.append({key: round(value, 4) for key, value in method.measure(shown).items()})

    settings = {"batch_size": plan.batch_size, "lr": plan.lr, "warmup": plan.warmup, "weight_decay": plan.weight_decay}
    still = {"seed": seed, "threads": 1, "device": "cpu", "precision": "fp32", "watch": False, "progress": False}
    history = pretrain(method, images.train, epochs=plan.passes, on_epoch=watch, **settings, **still)
    about = {"passes": plan.passes, "size": plan.size, "cost": round(plan.passes * cost(plan) / simclr_cost(plan), 2)}
    about |= {"seconds": round(sum(epoch["seconds"] for epoch in history), 1), "loss": round(history[-1]["loss"], 4)}
    return about | ({"curve": curve} if curve else {}) | judged(method.encoder, images)


def judged(encoder: nn.Module, images: Images) -> dict:
    """Probe, k-NN, clusters, and for a transformer the overlap of its attention with the outlines."""
    result = judge(encoder, images.labelled, images.test)
    result |= clustered(extract_features(encoder, images.test.images), images.test.labels)
    if isinstance(encoder, VisionTransformer):
        found = attention_overlap(encoder, with_outlines(images.train[:SHOWN]), with_outlines(images.test[:SHOWN]))
        result |= {"overlap": round(found["overlap"], 4), "head": found["head"]}
    return result


def with_outlines(images: ImageSet) -> tuple[Tensor, Tensor]:
    return images.images, outlines(images.factors)


def clustered(features: Tensor, labels: Tensor, count: int = 10) -> dict[str, float]:
    """k-means on features of length 1: accuracy by the best matching of clusters and classes, and NMI."""
    z = nn.functional.normalize(features - features.mean(dim=0), dim=1).numpy()
    found = KMeans(count, n_init=5, random_state=0).fit_predict(z)
    table = confusion_matrix(labels.numpy(), found)
    rows, columns = linear_sum_assignment(-table)
    accuracy = table[rows, columns].sum() / len(labels)
    return {"clusters": float(accuracy), "nmi": float(normalized_mutual_info_score(labels.numpy(), found))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=ROWS)
    parser.add_argument("--size", type=int, help="training images; default those of the recipe")
    options, file = parser.parse_args(), FOLDER / "self_distillation.json"
    torch.set_num_threads(1)
    kept = json.loads(file.read_text())["seeds"] if file.exists() else {}
    seeds = sorted({*kept, *map(str, options.seeds)})
    command = f"python benchmarks/self_distillation.py --seeds {' '.join(seeds)}"
    if options.size:
        command += f" --size {options.size}"
    result = {"caption": "Self-distillation, built-in images", "command": command, "seeds": kept}
    result |= {"hardware": hardware(Machine("cpu", "fp32", 1)), "date": today()}
    result["recipe"] = planned("DINO", 0, options.size).as_dict()
    for seed in options.seeds:
        rows = kept.setdefault(str(seed), {})
        for name in options.rows:
            if name not in rows:
                rows[name] = made(name, seed, options.size)
                print(seed, name, rows[name], flush=True)
                file.write_text(as_json(result), encoding="utf-8")


if __name__ == "__main__":
    main()
