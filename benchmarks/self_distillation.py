"""Lesson 13's table: DINO whole and with each part taken out, and where each encoder looks.

    python benchmarks/self_distillation.py --seeds 0 1 2
    python benchmarks/self_distillation.py --seeds 0 --rows "DINO and KoLeo, longest"

Every trained row costs what SHORT passes of DINO cost, those that are called long or longest what LONG or LONGEST cost;
the ready MAE, which was trained far longer, says its own cost. The rows with KoLeo have views, temperature and decay of
their own, chosen among some twenty trials of different length, on training images that were held back. Heads of
attention are chosen on training images; probes and neighbours know 1,000 of them, and all is judged on 1,000 test
images. Overlap is told twice: of the pictures as they are, and of the same pictures moved by a quarter of their width,
since the shapes are never far from the middle, where a disc that has seen no picture meets them. Rows that are in the
table stay: take them out of the file to make them anew.
"""

import argparse
import time
from dataclasses import replace

import torch
from sklearn.cluster import KMeans
from sklearn.metrics import normalized_mutual_info_score
from study import add_rows
from torch import Tensor, nn

from ssl_course.attention import attention_overlap, disc, head_overlaps, in_patches, outlines, overlap
from ssl_course.augment import Augment, RandomInvert
from ssl_course.data import ImageSet
from ssl_course.evaluate import judge
from ssl_course.features import extract_features
from ssl_course.methods import DINO
from ssl_course.methods.koleo import SpreadDINO
from ssl_course.precision import processor_name
from ssl_course.ready import card, ready
from ssl_course.recipes import Recipe, cost, make, new_encoder, recipe, simclr_cost
from ssl_course.runs import Images, load_images
from ssl_course.train import pretrain

SHORT, LONG, LONGEST = (1000, 4), (4000, 10), (4000, 100)  # training images, and passes of DINO over them
SHOWN = 500  # images that choose a head, and as many that judge it
JUDGED = 1000  # training images that the judges know, and test images
AWAY = {"shifts": (8, 8), "dims": (-2, -1)}  # a quarter of the width to the right and down, round the edge
OUT = {  # what is taken out of DINO
    "DINO": {},
    "DINO, no centring": {"centring": False},
    "DINO, no sharpening": {"teacher_temperature": 0.1},
    "DINO, no momentum": {"decay": 0.0},
}
SPREAD = "DINO and KoLeo"  # whose views are inverted half of the time
SHARPER = {"teacher_temperature": 0.015, "decay": 0.99}  # its own
FIXED = ("a disc", "untrained", "MAE, ready")
TRAINED = {name: ("dino", options, SHORT) for name, options in OUT.items()}
TRAINED |= {"SimCLR": ("simclr", {}, SHORT), "supervised": ("supervised", {}, SHORT)}
TRAINED |= {"DINO, long": ("dino", {}, LONG), "SimCLR, long": ("simclr", {}, LONG)}
TRAINED |= {f"{SPREAD}, long": ("dino", SHARPER, LONG), f"{SPREAD}, longest": ("dino", SHARPER, LONGEST)}
ROWS = (*FIXED, *TRAINED)


def planned(name: str, seed: int) -> Recipe:
    """The recipe of a row: as many passes as cost what those of its length cost of DINO."""
    method, options, (size, passes) = TRAINED[name]
    common = {"data": "shapes", "seed": seed, "size": size, "encoder": "small_vit", "tuned": False}
    whole = recipe("dino", passes=1, **common)
    made = recipe(method, options=options, passes=1, **common)
    return replace(made, passes=max(1, round(passes * cost(whole) / cost(made))))


def made(name: str, seed: int) -> dict:
    """A row of the table."""
    images = load_images(recipe("dino", "shapes", seed=seed, size=LONG[0], passes=1))
    if name == "a disc":
        masks = with_outlines(images.test[:SHOWN])[1]
        both = {"overlap": masks, "moved": masks.roll(**AWAY)}
        return {key: float(overlap(disc(), in_patches(part)).mean()) for key, part in both.items()}
    if name == "untrained":
        return judged(new_encoder("small_vit", seed).eval(), images)
    if name == "MAE, ready":
        return {"cost": card("mae")["cost"]} | judged(ready("mae"), images)
    plan = planned(name, seed)
    method = spread(plan) if name.startswith(SPREAD) else make(plan, len(images.train.classes))
    curve, shown = [], images.test.images[:256].float() / 255

    def watch(record: dict) -> None:
        if isinstance(method, DINO):
            curve.append({key: round(value, 4) for key, value in method.measure(shown).items()})

    settings = {"batch_size": plan.batch_size, "lr": plan.lr, "warmup": plan.warmup, "weight_decay": plan.weight_decay}
    still = {"seed": seed, "threads": 1, "device": "cpu", "precision": "fp32", "watch": False, "progress": False}
    before = time.process_time()
    pretrain(method, images.train[: plan.size], epochs=plan.passes, on_epoch=watch, **settings, **still)
    about = {
        "passes": plan.passes,
        "size": plan.size,
        "cost": round(plan.passes * plan.size * cost(plan) / unit(plan), 2),
    }
    about |= {"processor_seconds": round(time.process_time() - before), "device": processor_name()}
    return about | ({"curve": curve} if curve else {}) | judged(method.encoder, images)


def spread(plan: Recipe, classes: int = 0) -> SpreadDINO:
    """DINO with KoLeo, on views of which half are inverted; no method without labels needs the classes."""
    views = nn.Sequential(Augment(**plan.views), RandomInvert(0.5))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        return SpreadDINO(new_encoder(plan.encoder, plan.seed), koleo=1.0, augment=views, **plan.options)


def unit(plan: Recipe) -> float:
    """What the costs of the other lessons are told in: a pass of SimCLR over 6,000 images."""
    return 6000 * simclr_cost(plan)


def judged(encoder: nn.Module, images: Images) -> dict:
    """Probe, k-NN, clusters, and the overlap of the attention with the outlines, as they are and moved."""
    known, new = images.train[:JUDGED], images.test[:JUDGED]
    result = judge(encoder, known, new)
    result["nmi"] = clustered(extract_features(encoder, new.images), new.labels)
    seen, asked = with_outlines(known[:SHOWN]), with_outlines(new[:SHOWN])
    result |= attention_overlap(encoder, seen, asked)
    away = (part.roll(**AWAY) for part in asked)
    return result | {"moved": float(head_overlaps(encoder, *away)[result["head"]])}


def with_outlines(images: ImageSet) -> tuple[Tensor, Tensor]:
    return images.images, outlines(images.factors)


def clustered(features: Tensor, labels: Tensor, count: int = 10) -> float:
    """Normalised mutual information of classes and k-means' clusters: about 0 by chance, at most 1."""
    z = nn.functional.normalize(features - features.mean(dim=0), dim=1).numpy()
    found = KMeans(count, n_init=5, random_state=0).fit_predict(z)
    return float(normalized_mutual_info_score(labels.numpy(), found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=ROWS, metavar="ROW")
    options = parser.parse_args()
    torch.set_num_threads(1)
    asked = [(seed, name) for seed in options.seeds for name in options.rows]
    recipe = planned("DINO", 0).as_dict()
    add_rows("self_distillation", "Self-distillation, built-in images", recipe, asked, made)


if __name__ == "__main__":
    main()
