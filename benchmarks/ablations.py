"""SimCLR on the built-in images with one part taken out at a time, and with small batches: the tables of lesson 04.

    python benchmarks/ablations.py simclr_ablations --seeds 0 1 2
    python benchmarks/ablations.py small_batches --seeds 0 1 2

Every row has the budget of the lesson's own run: the same encoder, as many passes over as many images.
"""

import argparse
from collections.abc import Callable

import torch
from accuracy import describe_run, save
from torch import Tensor

from ssl_course import load, pretrain
from ssl_course.evaluate import judge
from ssl_course.methods import MoCo, SimCLR
from ssl_course.methods.simclr import nt_xent
from ssl_course.networks import projection_head, small_cnn
from ssl_course.profiles import PROFILES, augmentation

QUICK = PROFILES["quick"]
BATCH = 128


class FewCandidates(SimCLR):
    """The same batches, but each view looks for its partner among the 16 views of 8 images only."""

    def forward(self, view1: Tensor, view2: Tensor) -> Tensor:
        z1, z2 = self.head(self.encoder(torch.cat([view1, view2]))).chunk(2)
        groups = zip(z1.split(8), z2.split(8), strict=True)
        return torch.stack([nt_xent(a, b, self.temperature) for a, b in groups]).mean()


def simclr(kind: type = SimCLR, *, temperature: float = 0.15, layers: int = 2, **views) -> Callable[[], SimCLR]:
    """How to build one variant; `views` change single parts of the augmentation."""

    def build() -> SimCLR:
        encoder = small_cnn()
        head = projection_head(encoder.dim, layers=layers)
        return kind(encoder, temperature=temperature, head=head, augment=augmentation("shapes", **views))

    return build


class Accumulated(SimCLR):
    """A batch in chunks of 32, each with its own candidates; their gradients are averaged before one update."""

    def forward(self, view1: Tensor, view2: Tensor) -> Tensor:
        chunks = zip(view1.split(32), view2.split(32), strict=True)
        return torch.stack([super(Accumulated, self).forward(a, b) for a, b in chunks]).mean()


def moco(length: int) -> Callable[[], MoCo]:
    return lambda: MoCo(small_cnn(), length=length, temperature=0.07, augment=augmentation("shapes"))


# What a table's rows are: how to build the method, the batch size, and among how many candidates a view looks.
TABLES = {
    "simclr_ablations": {
        "intact": (simclr(), BATCH, 255),
        "no colour jitter, no grayscale": (simclr(jitter=0.0, grayscale=0.0), BATCH, 255),
        "no crop": (simclr(crop=1.0), BATCH, 255),
        "no rotation": (simclr(rotation=0.0), BATCH, 255),
        "15 candidates instead of 255": (simclr(FewCandidates), BATCH, 15),
        "batch of 16, eight times the steps": (simclr(), 16, 31),
        "temperature 5": (simclr(temperature=5.0), BATCH, 255),
        "temperature 0.01": (simclr(temperature=0.01), BATCH, 255),
        "no projection head": (simclr(layers=0), BATCH, 255),
        "striped images": (simclr(), BATCH, 255),
    },
    "small_batches": {
        "SimCLR, batch 512": (simclr(), 512, 1023),
        "SimCLR, 16 x 32 accumulated": (simclr(Accumulated), 512, 63),
        "SimCLR, batch 32": (simclr(), 32, 63),
        "MoCo, batch 32, queue of 1024": (moco(1024), 32, 1025),
        "MoCo, batch 32, queue of 62": (moco(62), 32, 63),
    },
}
CAPTIONS = {
    "simclr_ablations": "SimCLR with one part taken out, built-in images",
    "small_batches": "SimCLR and MoCo with small batches, built-in images",
}


def run(table: str, name: str, seed: int) -> dict[str, float]:
    """Train one variant from one seed; what its last pass and its features are like."""
    build, batch_size, candidates = TABLES[table][name]
    distractors = name == "striped images"
    train = load("shapes", size=QUICK.size, seed=seed, distractors=distractors)
    test = load("shapes", "test", seed=seed, distractors=distractors)
    torch.manual_seed(seed)
    method = build()
    history = pretrain(method, train, epochs=QUICK.epochs, batch_size=batch_size, lr=QUICK.lr, seed=seed)
    row = {"candidates": candidates, "updates": QUICK.epochs * (QUICK.size // batch_size)}
    row |= {key: history[-1][key] for key in ("loss", "effective_rank")}
    row |= judge(method.encoder, train.sample(4000), test)
    print(f"{seed}  {name:<36}", {key: round(value, 3) for key, value in row.items()}, flush=True)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    recipe = {"size": QUICK.size, "epochs": QUICK.epochs, "lr": QUICK.lr}
    result = describe_run(options.table, CAPTIONS[options.table], recipe)
    for seed in options.seeds:
        if str(seed) not in result["seeds"]:
            result["seeds"][str(seed)] = {name: run(options.table, name, seed) for name in TABLES[options.table]}
            save(options.table, result)


if __name__ == "__main__":
    main()
