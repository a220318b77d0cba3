"""Sweeps on the built-in images: jigsaw's fences (lesson 01), the autoencoder's code (02), BYOL's parts (05), MAE's
hidden share (06).

    python benchmarks/sweeps.py fences --seeds 0 1 2
    python benchmarks/sweeps.py bottlenecks --seeds 0 1 2
    python benchmarks/sweeps.py byol_parts --seeds 0 1 2
    python benchmarks/sweeps.py mask_ratios --seeds 0 1 2

All rows of a table cost the same; but jigsaw's see the same pictures, and without gaps their tiles are larger.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace

import torch
from accuracy import describe_run, save
from torch import Tensor, nn

from ssl_course import load, pretrain
from ssl_course.cost import training_flops
from ssl_course.data import ImageSet
from ssl_course.evaluate import effective_rank, extract_features, feature_deviation, judge
from ssl_course.methods import BYOL, Jigsaw
from ssl_course.methods.byol import regression_loss
from ssl_course.methods.jigsaw import normalise_tiles
from ssl_course.profiles import PROFILES, augmentation
from ssl_course.recipes import build, new_encoder, training

QUICK = PROFILES["quick"]
PASSES = 2 * QUICK.epochs  # of MAE at 75 %, as in lesson 06


# Jigsaw's options, and whether a lamp brightens the upper left of every picture.
FENCES = {
    "gaps": ({}, False),
    "no gaps": ({"gap": 0}, False),
    "lamp, normalised": ({}, True),
    "lamp, not normalised": ({"normalise": False}, True),
}


def fence(name: str, seed: int, train: ImageSet, test: ImageSet) -> dict:
    """A brief jigsaw: how often it is right about test pictures and empty ones, judged on pictures like its tiles."""
    options, lamp = FENCES[name]
    torch.manual_seed(seed)
    empty = (255 * torch.rand(500, 3, 1, 1)).byte().expand(-1, -1, 32, 32)  # one random colour each
    labelled = train.sample(2000)
    parts = {"train": train.images, "labelled": labelled.images, "test": test.images, "empty": empty}
    if lamp:
        slope = (torch.arange(32).view(-1, 1) + torch.arange(32)) / 62 - 0.5  # (32, 32), -0.5 to 0.5
        parts = {key: (pixels.float() - 100 * slope).clamp(0, 255).byte() for key, pixels in parts.items()}
    augment = augmentation("shapes", rotation=0.0, flip=0.0, crop=1.0)
    method = Jigsaw(new_encoder(QUICK.encoder, seed), augment=augment, **options)
    fewer = parts["train"][: QUICK.size // 3]
    pretrain(method, fewer, epochs=1, batch_size=QUICK.batch_size // 4, lr=QUICK.lr, seed=seed)
    row = {f"right about {key}": right(method, parts[key]) for key in ("test", "empty")}
    if options.get("normalise", True):
        parts = {key: (255 * normalise_tiles(part[:, None] / 255)[:, 0]).byte() for key, part in parts.items()}
    known, new = (replace(part, images=parts[key]) for key, part in (("labelled", labelled), ("test", test)))
    return row | judge(method.encoder, known, new)


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


def bottleneck(name: str, seed: int, train: ImageSet, test: ImageSet) -> dict:
    """One width of the code: mean squared error of test pictures, from clean and from noisy input, and the judges."""
    method = build("autoencoder", "shapes", seed=seed, **CODES[name])
    row = {"loss": pretrain(method, train, epochs=4, batch_size=QUICK.batch_size, lr=QUICK.lr, seed=seed)[-1]["loss"]}
    whole = nn.Sequential(method.encoder, method.narrow, method.decoder)
    clean = test.images.float() / 255
    noisy = (clean + 0.2 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(seed))).clamp(0, 1)
    for kind, images in {"clean": test.images, "noisy": (255 * noisy).round().byte()}.items():
        row[f"error, {kind}"] = (extract_features(whole, images).clamp(0, 1) - clean).square().mean().item()
    return row | judge(method.encoder, train.sample(4000), test)


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


def byol_part(name: str, seed: int, train: ImageSet, test: ImageSet) -> dict:
    """One variant: its last loss, what h and z look like (the spectrum is z's, as shares), and the judges."""
    kind, options = BYOL_PARTS[name]
    encoder = new_encoder(QUICK.encoder, seed)
    method = kind(encoder, augment=augmentation("shapes", crop=0.9), **options)
    rates = training("byol", "shapes", batch_size=QUICK.batch_size, lr=QUICK.lr)
    row = {"loss": pretrain(method, train, epochs=QUICK.epochs * 2 // 3, seed=seed, **rates)[-1]["loss"]}
    z = extract_features(nn.Sequential(encoder, method.head), test.images)
    for letter, features in {"h": extract_features(encoder, test.images), "z": z}.items():
        row |= {f"deviation {letter}": feature_deviation(features), f"rank {letter}": effective_rank(features)}
    spectrum = torch.linalg.svdvals(z - z.mean(dim=0))  # (D,), the largest first
    row["spectrum"] = [float(f"{share:.3g}") for share in spectrum / spectrum.sum()]
    return row | judge(encoder, train.sample(4000), test)


def mask_ratio(name: str, seed: int, train: ImageSet, test: ImageSet) -> dict:
    """One share: the passes that it could afford, its last loss, and the judges on mean and maximum."""
    share = {"seed": seed, "normalised": False}
    method, usual = (build("mae", "shapes", ratio=ratio, **share) for ratio in (float(name), 0.75))
    passes = round(PASSES * training_flops(usual) / training_flops(method))
    rates = training("mae", "shapes", batch_size=QUICK.batch_size, lr=QUICK.lr)
    row = {"passes": passes, "loss": pretrain(method, train, epochs=passes, seed=seed, **rates)[-1]["loss"]}
    return row | judge(MeanAndMax(method.encoder), train.sample(4000), test)


# A table's caption, its rows, and how one of them is made.
Row = Callable[[str, int, ImageSet, ImageSet], dict]
TABLES: dict[str, tuple[str, list[str], Row]] = {
    "fences": ("Jigsaw with and without its fences, upright built-in images", list(FENCES), fence),
    "bottlenecks": ("Autoencoders of several widths, built-in images", list(CODES), bottleneck),
    "byol_parts": ("BYOL with one part taken out, built-in images", list(BYOL_PARTS), byol_part),
    "mask_ratios": ("MAE with other shares hidden, built-in images", [str(ratio) for ratio in RATIOS], mask_ratio),
}
UPRIGHT = {"fences"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    caption, names, make = TABLES[options.table]
    result = describe_run(options.table, caption, {"size": QUICK.size, "batch_size": QUICK.batch_size, "lr": QUICK.lr})
    for seed in options.seeds:
        if str(seed) not in result["seeds"]:
            kind = {"seed": seed, "upright": options.table in UPRIGHT}
            train, test = load("shapes", size=QUICK.size, **kind), load("shapes", "test", **kind)
            rows = {}
            for name in names:
                rows[name] = make(name, seed, train, test)
                shown = {key: round(value, 3) for key, value in rows[name].items() if key != "spectrum"}
                print(f"{seed}  {name:<28}", shown, flush=True)
            result["seeds"][str(seed)] = rows
            save(options.table, result)


if __name__ == "__main__":
    main()
