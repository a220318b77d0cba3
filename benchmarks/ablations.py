"""SimCLR on the built-in images with one part taken out at a time, and with small batches: the tables of lesson 04.

    python benchmarks/ablations.py simclr_ablations --seeds 0 1 2
    python benchmarks/ablations.py small_batches --seeds 0 1 2
    python benchmarks/ablations.py warm_up --seeds 0 1 2

Every row has the budget of the lesson's own run: the same encoder, as many passes over as many images. The tables
`simclr_long` and `small_batches_long` have ten times as many passes, to tell what is broken from what is only slow.
"""

import argparse
from dataclasses import replace
from functools import partial

import torch
from study import Row, table
from torch import Tensor, nn

from ssl_course.augment import Augment
from ssl_course.methods import SimCLR
from ssl_course.methods.simclr import nt_xent
from ssl_course.networks import projection_head
from ssl_course.recipes import NETWORKS, USUAL, Recipe, recipe

PASSES = USUAL["shapes"]["budget"]
BATCH = 128


class FewCandidates(SimCLR):
    """The same batches, but each view looks for its partner among the 16 views of 8 images only."""

    def forward(self, view1: Tensor, view2: Tensor) -> Tensor:
        z1, z2 = self.head(self.encoder(torch.cat([view1, view2]))).chunk(2)
        groups = zip(z1.split(8), z2.split(8), strict=True)
        return torch.stack([nt_xent(a, b, self.temperature) for a, b in groups]).mean()


class Accumulated(SimCLR):
    """A batch in chunks of 32, each with its own candidates; their gradients are averaged before one update."""

    def forward(self, view1: Tensor, view2: Tensor) -> Tensor:
        chunks = zip(view1.split(32), view2.split(32), strict=True)
        return torch.stack([super(Accumulated, self).forward(a, b) for a, b in chunks]).mean()


def built(kind: type[SimCLR], layers: int, recipe: Recipe, classes: int) -> nn.Module:
    """SimCLR, or something like it, with a projection head of so many layers."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(recipe.seed)
        encoder = NETWORKS[recipe.encoder]()
        head = projection_head(encoder.dim, layers=layers)
    return kind(encoder, head=head, augment=Augment(**recipe.views), **recipe.options)


def simclr(
    candidates: int, *, kind: type = SimCLR, temperature: float = 0.15, layers: int = 2, batch: int = BATCH, **views
) -> Row:
    """A row of SimCLR; `views` change single parts of the augmentation, `candidates` is how many a view looks among."""
    options = {"temperature": temperature}
    made = recipe("simclr", "shapes", passes=PASSES, batch_size=batch, options=options, views=views)
    build = partial(built, kind, layers)
    return Row(made, build=build, about={"candidates": candidates, "updates": PASSES * (made.size // batch)})


def moco(length: int, **options) -> Row:
    """A row of MoCo with a queue of so many keys."""
    made = recipe("moco", "shapes", passes=PASSES, batch_size=32, lr=3e-3, options={"length": length} | options)
    return Row(made, about={"candidates": length + 1, "updates": PASSES * (made.size // 32)})


def longer(row: Row) -> Row:
    """The same row with ten times as many passes."""
    about = row.about | {"updates": 10 * row.about["updates"]}
    return replace(row, recipe=replace(row.recipe, passes=10 * PASSES), about=about)


def warmed(lr: float, warmup: float) -> Row:
    """A row of SimCLR with another learning rate and warm-up."""
    row = simclr(255)
    return replace(row, recipe=replace(row.recipe, lr=lr, warmup=warmup))


STRIPED = {"distractors": True}
TABLES = {
    "simclr_ablations": {
        "intact": simclr(255),
        "no colour jitter, no grayscale": simclr(255, jitter=0.0, grayscale=0.0),
        "no crop": simclr(255, crop=1.0),
        "no rotation": simclr(255, rotation=0.0),
        "15 candidates instead of 255": simclr(15, kind=FewCandidates),
        "batch of 16, eight times the steps": simclr(31, batch=16),
        "temperature 5": simclr(255, temperature=5.0),
        "temperature 0.01": simclr(255, temperature=0.01),
        "no projection head": simclr(255, layers=0),
        "striped images": Row(**vars(simclr(255)) | {"kind": STRIPED}),
    },
    "small_batches": {
        "SimCLR, batch 512": simclr(1023, batch=512),
        "SimCLR, 16 x 32 accumulated": simclr(63, kind=Accumulated, batch=512),
        "SimCLR, batch 32": simclr(63, batch=32),
        "MoCo, batch 32, queue of 1024": moco(1024),
        "MoCo, batch 32, queue of 62": moco(62),
    },
}
ALONE = {
    "crop alone": simclr(255, rotation=0.0, jitter=0.0, grayscale=0.0),
    "colour alone": simclr(255, rotation=0.0, crop=1.0),
}
TABLES["simclr_alone"] = ALONE
TABLES["simclr_long"] = {name: longer(row) for name, row in (TABLES["simclr_ablations"] | ALONE).items()}
SHUFFLED = TABLES["small_batches"] | {"MoCo, batch 32, keys not shuffled": moco(1024, groups=1)}
TABLES["small_batches_long"] = {name: longer(row) for name, row in SHUFFLED.items()}
TABLES["warm_up"] = {}
for rate in (0.003, 0.009, 0.03):
    TABLES["warm_up"][f"rate {rate}"] = warmed(rate, 0.1)
    TABLES["warm_up"][f"rate {rate}, no warm-up"] = warmed(rate, 0.0)
CAPTIONS = {
    "simclr_ablations": "SimCLR with one part taken out, built-in images",
    "small_batches": "SimCLR and MoCo with small batches, built-in images",
    "simclr_alone": "SimCLR with crop or colour alone, built-in images",
    "simclr_long": "SimCLR with one part taken out, ten times as long, built-in images",
    "small_batches_long": "SimCLR and MoCo with small batches, ten times as long, built-in images",
    "warm_up": "SimCLR with and without warm-up, built-in images",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    table(options.table, CAPTIONS[options.table], TABLES[options.table], options.seeds)


if __name__ == "__main__":
    main()
