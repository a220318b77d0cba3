"""Lesson 14's tables: prediction of features, of pixels and of patches' clusters, beside two methods with views.

    python benchmarks/prediction.py --parts order sweep --seeds 0 1 2
    python benchmarks/prediction.py --parts long --seeds 0 1 2

Every run has the same 2,000 built-in images and is judged on 2,000 new ones. `order` and `long` give each method what
three and thirty passes of SimCLR cost; `sweep` trains LeJEPA with other weights, rates and passes. Settings are those
of `recipes.OWN`, chosen on training images that were held back; I-JEPA stands there a second time, with a copy that
follows five times as slowly and half of the rate, which did best of some ten longer trials on such images. Rows that
are in the file stay: take the file away to make them anew.
"""

import argparse
import json
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from sklearn.cluster import MiniBatchKMeans
from sweeps import MeanAndMax
from torch import Tensor, nn

from ssl_course import load, pretrain
from ssl_course.cost import training_flops
from ssl_course.data import ImageSet
from ssl_course.evaluate import factor_scores, linear_probe
from ssl_course.features import effective_rank, extract_features, feature_deviation
from ssl_course.methods.ijepa import IJEPA, take
from ssl_course.methods.mae import normalise_patches
from ssl_course.recipes import build, recipe
from ssl_course.results import FOLDER
from ssl_course.runs import Machine, hardware, today
from ssl_course.tables import as_json
from ssl_course.vit import patchify

SIZE = 2000
BUDGETS = {"order": 3, "long": 30}  # passes of SimCLR
WEIGHTS = (0.0, 0.01, 0.05, 0.2, 0.5)  # of SIGReg
SWEEP = [(weight, lr, passes) for lr, passes in ((3e-3, 1), (1e-3, 1), (3e-3, 3)) for weight in WEIGHTS]
SLOWER, SLOWLY = "ijepa, slower copy", {"decay": 0.998}
CLUSTERS = 64
STILL = {"threads": 1, "device": "cpu", "precision": "fp32", "watch": False, "progress": False}


class Pixels(IJEPA):
    """I-JEPA's masks and network, asked for the pixels of the blocks: no second encoder."""

    outputs = 48

    def __init__(self, encoder: nn.Module, **options: object):
        super().__init__(encoder, **options)
        del self.target
        self.widen[1] = nn.Linear(self.widen[1].in_features, self.outputs)

    def patches(self, images: Tensor, places: Tensor) -> Tensor:
        """The pixels of the blocks (B, M, A, P)."""
        return take(patchify(images, self.encoder.patch), places.flatten(1)).unflatten(1, places.shape[1:])

    def forward(self, images: Tensor) -> Tensor:
        context, places = self.draw(images)
        return F.mse_loss(self.predict(images, context, places), self.patches(images, places))

    def after_step(self, progress: float) -> None:
        """There is no copy to move."""


class Clusters(Pixels):
    """The same, asked for the cluster of each hidden patch, as BEiT asks for its token: a classifier."""

    outputs = CLUSTERS

    def __init__(self, encoder: nn.Module, centres: Tensor, **options: object):
        super().__init__(encoder, **options)
        self.register_buffer("centres", centres)

    def forward(self, images: Tensor) -> Tensor:
        context, places = self.draw(images)
        wanted = normalise_patches(self.patches(images, places).flatten(1, 2)).flatten(0, 1)  # (B * M * A, P)
        nearest = torch.cdist(wanted, self.centres).argmin(dim=1)
        return F.cross_entropy(self.predict(images, context, places).flatten(0, 2), nearest)


def centres(images: Tensor, seed: int) -> Tensor:
    """K-means of patches, each normalised by itself: CLUSTERS of them, (CLUSTERS, P)."""
    patches = normalise_patches(patchify(images.float() / 255)).flatten(0, 1)
    found = MiniBatchKMeans(CLUSTERS, random_state=seed, n_init=3, batch_size=4096).fit(patches[::8].numpy())
    return torch.from_numpy(found.cluster_centers_).float()


@torch.no_grad()
def shares(encoder: nn.Module, images: Tensor) -> dict[str, float]:
    """The shares of the variance of layer-normed tokens that their place alone, and their image alone, explain."""
    tokens = encoder.eval().encode(encoder.tokens(images.float() / 255))
    tokens = F.layer_norm(tokens, tokens.shape[2:])  # (N, L, D)
    middle = tokens.mean(dim=(0, 1))
    whole = (tokens - middle).square().mean()
    means = {"place": tokens.mean(dim=0), "image": tokens.mean(dim=1)}  # (L, D), (N, D)
    return {name: float((mean - middle).square().mean() / whole) for name, mean in means.items()}


def made(name: str, seed: int, images: Tensor) -> nn.Module:
    """A method of the table with its first weights."""
    if name == SLOWER:
        return build("ijepa", "shapes", seed=seed, **SLOWLY)
    if name not in ("pixels of the blocks", "clusters of the blocks"):
        return build(name, "shapes", seed=seed)
    like = build("ijepa", "shapes", seed=seed)
    options = {"augment": like.augment, "decay": like.target.decay}
    torch.manual_seed(seed)
    if name.startswith("pixels"):
        return Pixels(like.encoder, **options)
    return Clusters(like.encoder, centres(images, seed), **options)


ORDER = ("ijepa", "simclr", "pixels of the blocks", "lejepa", "mae", "clusters of the blocks", SLOWER)


def judged(encoder: nn.Module, train: ImageSet, test: ImageSet) -> dict:
    """Probe, factors and collapse measures; of a transformer also those of mean and maximum."""
    ways = {"mean": encoder} | ({"mean and max": MeanAndMax(encoder)} if hasattr(encoder, "tokens") else {})
    row = {}
    for way, network in ways.items():
        known, new = (extract_features(network, part.images) for part in (train, test))
        row[way] = {"linear_probe": linear_probe(known, train.labels, new, test.labels)}
        row[way]["factors"] = factor_scores(known, train.factors, new, test.factors)
        row[way] |= {"effective_rank": effective_rank(new), "feature_deviation": feature_deviation(new)}
    if hasattr(encoder, "tokens"):
        row["shares"] = shares(encoder, test.images[:500])
    return row


def run(method: nn.Module, train: ImageSet, *, passes: int, seed: int, lr: float, batch_size: int = 32) -> dict:
    """Train it; its passes, last loss and processor seconds."""
    start = time.process_time()
    history = pretrain(method, train, epochs=passes, batch_size=batch_size, lr=lr, seed=seed, **STILL)
    method.eval()
    return {
        "passes": passes,
        "lr": lr,
        "losses": [record["loss"] for record in history],
        "seconds": round(time.process_time() - start, 1),
    }


def order(part: str, rows: dict, seed: int, train: ImageSet, test: ImageSet, keep: Callable[[], None]) -> None:
    """One row for each method at the cost of a budget, and the two floors."""
    for name, method in (("untrained", "simclr"), ("untrained_vit", "ijepa")):
        if name not in rows:
            rows[name] = judged(build(method, "shapes", seed=seed).encoder.eval(), train, test)
            keep()
    unit = training_flops(build("simclr", "shapes"))
    for name in ORDER:
        if name not in rows:
            method = made(name, seed, train.images)
            settings = recipe(name if name in ("simclr", "lejepa", "mae") else "ijepa", "shapes", passes=1)
            passes = max(1, round(BUDGETS[part] * unit / training_flops(method)))
            lr = settings.lr / 2 if name == SLOWER else settings.lr
            row = run(method, train, passes=passes, seed=seed, lr=lr, batch_size=settings.batch_size)
            rows[name] = row | judged(method.encoder, train, test)
            keep()


def sweep(rows: dict, seed: int, train: ImageSet, test: ImageSet, keep: Callable[[], None]) -> None:
    """LeJEPA with each of SWEEP's settings: the terms of its loss beside its probe."""
    for weight, lr, passes in SWEEP:
        name = f"weight {weight:g}, rate {lr:g}, {passes} passes"
        if name in rows:
            continue
        method = build("lejepa", "shapes", seed=seed, weight=weight)
        row = {"weight": weight} | run(method, train, passes=passes, seed=seed, lr=lr)
        row |= judged(method.encoder, train, test)["mean"]
        rows[name] = row | terms(method, train)
        keep()


@torch.no_grad()
def terms(method: nn.Module, train: ImageSet, batches: int = 20, size: int = 32) -> dict[str, float]:
    """Both terms of LeJEPA's loss after training, on views of training images, in training's batches."""
    torch.manual_seed(0)
    found = []
    for start in range(0, batches * size, size):
        images = train.images[start : start + size].float() / 255
        found.append(torch.stack(method.terms(*method.views(images))))
    agree, spread = torch.stack(found).mean(dim=0).tolist()
    return {"invariance": agree, "sigreg": spread, "loss": (1 - method.weight) * agree + method.weight * spread}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", choices=("order", "sweep", "long"), default=["order", "sweep", "long"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    options, file = parser.parse_args(), FOLDER / "prediction.json"
    kept = json.loads(file.read_text())["parts"] if file.exists() else {"order": {}, "sweep": {}, "long": {}}
    result = {"caption": "Prediction of features, built-in images", "command": "python benchmarks/prediction.py"}
    result |= {"hardware": hardware(Machine("cpu", "fp32", 1)), "date": today()}
    result |= {"recipe": {"data": "shapes", "size": SIZE, "batch_size": 32, "budgets": BUDGETS}, "parts": kept}
    for part in options.parts:
        for seed in options.seeds:
            train, test = load("shapes", size=SIZE, seed=seed), load("shapes", "test", size=SIZE)
            rows = kept[part].setdefault(str(seed), {})

            def keep(rows: dict = rows, part: str = part, seed: int = seed) -> None:
                name = list(rows)[-1]
                print(part, seed, name, json.dumps(rows[name])[:300], flush=True)
                file.write_text(as_json(result), encoding="utf-8")

            sweep(rows, seed, train, test, keep) if part == "sweep" else order(part, rows, seed, train, test, keep)


if __name__ == "__main__":
    main()
