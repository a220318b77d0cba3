"""Sweeps on the built-in images: jigsaw's fences (lesson 01), the autoencoder's code (02), BYOL's parts (05), MAE's
hidden share and its fine-tuning (06).

    python benchmarks/sweeps.py fences --seeds 0 1 2
    python benchmarks/sweeps.py bottlenecks --seeds 0 1 2
    python benchmarks/sweeps.py byol_parts --seeds 0 1 2
    python benchmarks/sweeps.py byol_parts_long --seeds 0 1
    python benchmarks/sweeps.py mask_ratios --seeds 0 1 2
    python benchmarks/sweeps.py mae_tuning --seeds 0 1 2

All rows of a table cost the same; but jigsaw's see the same pictures, and without gaps their tiles are larger, and
`mae_tuning` is about how long MAE and fine-tuning last.
"""

import argparse
from dataclasses import replace
from functools import partial

import torch
from study import Row, table
from torch import Tensor, nn

from ssl_course.augment import Augment
from ssl_course.evaluate import (
    effective_rank,
    extract_features,
    factor_scores,
    feature_deviation,
    fine_tune,
    judge,
    linear_probe,
)
from ssl_course.methods import BYOL, Jigsaw
from ssl_course.methods.byol import regression_loss
from ssl_course.methods.jigsaw import normalise_tiles
from ssl_course.recipes import COLOURS_AS_THEY_ARE, NETWORKS, USUAL, Recipe, cost, recipe
from ssl_course.runs import Images, Machine, Trained, judge_briefly

QUICK = USUAL["shapes"]
FEWER = {"probe": 2000}  # labelled images for the fences


# Jigsaw's options, and whether a lamp brightens the upper left of every picture.
FENCES = {
    "gaps": ({}, False),
    "no gaps": ({"gap": 0}, False),
    "lamp, normalised": ({}, True),
    "lamp, not normalised": ({"normalise": False}, True),
}


def fence(name: str) -> Row:
    """A brief jigsaw: how often it is right about test pictures and empty ones, judged on pictures like its tiles."""
    options, lamp = FENCES[name]
    views = {"rotation": 0.0, "flip": 0.0, "crop": 1.0}
    shared = {"batch_size": QUICK["batch_size"] // 4, "size": QUICK["size"] // 3, "views": views} | FEWER
    made = recipe("jigsaw", "shapes", passes=1, options={"normalise": True} | options, **shared)
    return Row(made, judge=partial(solved, lamp), kind={"upright": True}, change=lit if lamp else None)


def lit(images: Images) -> Images:
    """The same pictures under a lamp that brightens their upper left."""
    parts = {name: replace(part, images=brightened(part.images)) for name, part in vars(images).items()}
    return Images(**parts)


def brightened(pixels: Tensor) -> Tensor:
    slope = (torch.arange(32).view(-1, 1) + torch.arange(32)) / 62 - 0.5  # (32, 32), -0.5 to 0.5
    return (pixels.float() - 100 * slope).clamp(0, 255).byte()


def solved(lamp: bool, trained: Trained, images: Images, recipe: Recipe, machine: Machine) -> dict:
    """The shares of puzzles solved, and the judges' two columns on pictures as the network sees its tiles."""
    random = torch.Generator().manual_seed(recipe.seed)
    empty = (255 * torch.rand(500, 3, 1, 1, generator=random)).byte().expand(-1, -1, 32, 32)  # one colour each
    parts = {"train": images.train.images, "test": images.test.images, "empty": brightened(empty) if lamp else empty}
    row = {f"right about {key}": right(trained.method, parts[key]) for key in ("test", "empty")}
    known, new = images.labelled, images.test
    if recipe.options["normalise"]:
        known, new = (replace(part, images=as_tiles(part.images)) for part in (known, new))
    return row | judge(trained.encoder, known, new)


def as_tiles(pixels: Tensor) -> Tensor:
    """Whole pictures, normalised as jigsaw's tiles are."""
    return (255 * normalise_tiles(pixels[:, None] / 255)[:, 0]).byte()


@torch.no_grad()
def right(method: Jigsaw, pictures: Tensor) -> float:
    """The share of puzzles that are solved, the same puzzles for each network."""
    torch.manual_seed(0)
    tiles, answers = method.eval().views(pictures.float() / 255)
    h = method.encoder(tiles).unflatten(0, (len(answers), -1)).flatten(1)  # nine tiles side by side
    return (method.head(h).argmax(dim=1) == answers).float().mean().item()


CODES = {
    "2 numbers": {"bottleneck": 2},
    "8 numbers": {"bottleneck": 8},
    "32 numbers": {"bottleneck": 32},
    "128 numbers": {},
    "128 numbers, denoising": {"noise": 0.2},
}


def bottleneck(name: str) -> Row:
    """An autoencoder whose code has one width."""
    return Row(recipe("autoencoder", "shapes", passes=4, options=CODES[name]), judge=errors)


def errors(trained: Trained, images: Images, recipe: Recipe, machine: Machine) -> dict:
    """Of clean and noisy test pictures: squared error of the painting, how well factors can be read; and the judges."""
    whole = nn.Sequential(trained.encoder, trained.method.narrow, trained.method.decoder)
    known, h = images.labelled, extract_features(trained.encoder, images.labelled.images)
    clean = images.test.images.float() / 255
    noisy = (clean + 0.2 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(recipe.seed))).clamp(0, 1)
    row = {}
    for kind, pictures in {"clean": images.test.images, "noisy": (255 * noisy).round().byte()}.items():
        row[f"error, {kind}"] = (extract_features(whole, pictures).clamp(0, 1) - clean).square().mean().item()
        h_test = extract_features(trained.encoder, pictures)
        row[f"class, {kind}"] = linear_probe(h, known.labels, h_test, images.test.labels)
        factors = factor_scores(h, known.factors, h_test, images.test.factors)
        row |= {f"{factor}, {kind}": score for factor, score in factors.items()}
    return row | judge_briefly(trained, images, recipe, machine)


class WithoutStop(BYOL):
    """The target is the online network itself, and it is moved towards the prediction too."""

    def forward(self, view1: Tensor, view2: Tensor) -> Tensor:
        z = self.head(self.encoder(torch.cat([view1, view2])))  # (2B, D)
        (p1, p2), (z1, z2) = self.predictor(z).chunk(2), z.chunk(2)  # (B, D) each
        return regression_loss(p1, z2) + regression_loss(p2, z1)


class MeanAndMax(nn.Module):
    """A transformer's features as lesson 06 reads them: mean and maximum over the patches."""

    def __init__(self, encoder: nn.Module):
        super().__init__()
        self.encoder, self.dim = encoder, 2 * encoder.dim

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.encoder.encode(self.encoder.tokens(images))  # (B, L, D)
        return torch.cat([tokens.mean(dim=1), tokens.amax(dim=1)], dim=1)  # (B, 2 D)


BYOL_PARTS = {
    "BYOL": (BYOL, {"decay": 0.9}),
    "no moving average (SimSiam)": (BYOL, {"decay": 0.0}),
    "no predictor": (BYOL, {"decay": 0.9, "predictor": nn.Identity()}),
    "no stop-gradient": (WithoutStop, {}),
    "target never moves": (BYOL, {"decay": 1.0}),
}
RATIOS = (0.25, 0.5, 0.75, 0.9)


LONGER = {"passes": 20, "batch_size": 64, "lr": 1.5e-3}  # ten times as long; batches of 64 train faster in seconds


def byol_part(name: str, **changes: float) -> Row:
    """BYOL with one part changed."""
    made = recipe("byol", "shapes", views={"crop": 0.9}, **{"passes": QUICK["budget"] * 2 // 3} | changes)
    return Row(made, build=partial(byol_without, name), judge=spectrum)


def byol_without(name: str, recipe: Recipe, classes: int) -> nn.Module:
    kind, options = BYOL_PARTS[name]
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(recipe.seed)
        encoder = NETWORKS[recipe.encoder]()
        return kind(encoder, augment=Augment(**recipe.views), **options)


def spectrum(trained: Trained, images: Images, recipe: Recipe, machine: Machine) -> dict:
    """What h and z look like (the spectrum is z's, as shares), and the judges."""
    h = extract_features(trained.encoder, images.test.images)
    z = extract_features(nn.Sequential(trained.encoder, trained.method.head), images.test.images)
    row = {}
    for letter, features in {"h": h, "z": z}.items():
        row |= {f"deviation {letter}": feature_deviation(features), f"rank {letter}": effective_rank(features)}
    values = torch.linalg.svdvals(z - z.mean(dim=0))  # (D,), the largest first
    row["spectrum"] = [float(f"{share:.3g}") for share in values / values.sum()]
    return row | judge_briefly(trained, images, recipe, machine)


def mask_ratio(ratio: float) -> Row:
    """An MAE that hides one share, with the passes that it can afford: as much work as lesson 06's at 75 %."""
    made, usual = (recipe("mae", "shapes", passes=1, options={"ratio": share}) for share in (ratio, 0.75))
    passes = round(2 * QUICK["budget"] * cost(usual) / cost(made))
    return Row(recipe("mae", "shapes", passes=passes, options={"ratio": ratio}), judge=mean_and_max)


def mean_and_max(trained: Trained, images: Images, recipe: Recipe, machine: Machine) -> dict:
    """The judges on mean and maximum."""
    return judge(MeanAndMax(trained.encoder), images.labelled, images.test)


STARTS = {"from scratch": 0, "from MAE": 2 * QUICK["budget"]}  # passes of MAE, as many as lesson 06 makes
TUNED = (4, 10, 20)  # passes of fine-tuning


def start(passes: int) -> Row:
    """What fine-tuning starts from: MAE after some passes, or its first weights; with 2,000 labelled images."""
    if passes:
        return Row(recipe("mae", "shapes", passes=passes, probe=2000), judge=tuned)
    return Row(recipe("untrained_vit", "shapes", probe=2000), judge=tuned)


def tuned(trained: Trained, images: Images, recipe: Recipe, machine: Machine) -> dict:
    """The judges on mean and maximum, and the accuracy after some passes of fine-tuning under MAE's own views."""
    encoder, views = MeanAndMax(trained.encoder), USUAL["shapes"]["views"] | COLOURS_AS_THEY_ARE
    shared = {"batch_size": QUICK["batch_size"], "lr": 2e-3, "seed": recipe.seed, "augment": Augment(**views)}
    shared |= {"device": machine.device, "precision": machine.precision, "threads": machine.threads, "progress": False}
    row = judge(encoder, images.labelled, images.test)
    tune = partial(fine_tune, encoder, images.labelled, images.test, **shared)
    return row | {"fine_tuned": {str(passes): tune(epochs=passes) for passes in TUNED}}


TABLES = {
    "fences": ("Jigsaw with and without its fences, upright built-in images", {name: fence(name) for name in FENCES}),
    "bottlenecks": ("Autoencoders of several widths, built-in images", {name: bottleneck(name) for name in CODES}),
    "byol_parts": ("BYOL with one part taken out, built-in images", {name: byol_part(name) for name in BYOL_PARTS}),
    "byol_parts_long": (
        "BYOL with one part taken out, ten times as long, built-in images",
        {name: byol_part(name, **LONGER) for name in BYOL_PARTS if name != "no moving average (SimSiam)"},
    ),
    "mask_ratios": (
        "MAE with other shares hidden, built-in images",
        {str(ratio): mask_ratio(ratio) for ratio in RATIOS},
    ),
    "mae_tuning": (
        "Fine-tuning from scratch and from MAE with 2,000 labelled built-in images",
        {name: start(passes) for name, passes in STARTS.items()},
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    caption, rows = TABLES[options.table]
    table(options.table, caption, rows, options.seeds)


if __name__ == "__main__":
    main()
