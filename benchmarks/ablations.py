"""SimCLR on the built-in images with one part taken out at a time: the table of lesson 04's "Break it".

    python benchmarks/ablations.py --seeds 0 1 2

Every row has the budget of the lesson's own run (profile quick): the same encoder, as many passes over as many images.
"""

import argparse
from collections.abc import Callable

import torch
from accuracy import describe_run, save
from torch import Tensor

from ssl_course import load, pretrain
from ssl_course.evaluate import judge
from ssl_course.methods import SimCLR
from ssl_course.methods.simclr import nt_xent
from ssl_course.networks import projection_head, small_cnn
from ssl_course.profiles import PROFILES, augmentation

QUICK = PROFILES["quick"]


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


VARIANTS = {
    "intact": simclr(),
    "no colour jitter, no grayscale": simclr(jitter=0.0, grayscale=0.0),
    "no crop": simclr(crop=1.0),
    "no rotation": simclr(rotation=0.0),
    "15 candidates instead of 255": simclr(FewCandidates),
    "batch of 16, eight times the steps": simclr(),
    "temperature 5": simclr(temperature=5.0),
    "temperature 0.01": simclr(temperature=0.01),
    "no projection head": simclr(layers=0),
    "striped images": simclr(),
}
BATCHES = {"batch of 16, eight times the steps": 16}


def run(name: str, seed: int) -> dict[str, float]:
    """Train one variant from one seed; what its last pass and its features are like."""
    distractors = name == "striped images"
    train = load("shapes", size=QUICK.size, seed=seed, distractors=distractors)
    test = load("shapes", "test", seed=seed, distractors=distractors)
    torch.manual_seed(seed)
    method, batch_size = VARIANTS[name](), BATCHES.get(name, QUICK.batch_size)
    history = pretrain(method, train, epochs=QUICK.epochs, batch_size=batch_size, lr=QUICK.lr, seed=seed)
    last = {key: history[-1][key] for key in ("loss", "effective_rank")}
    candidates = 16 if name.startswith("15") else 2 * batch_size
    row = {"candidates": candidates - 1} | last | judge(method.encoder, train.sample(4000), test)
    print(f"{seed}  {name:<36}", {key: round(value, 3) for key, value in row.items()}, flush=True)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    recipe = {"size": QUICK.size, "epochs": QUICK.epochs, "batch_size": QUICK.batch_size, "lr": QUICK.lr}
    result = describe_run("simclr_ablations", "SimCLR with one part taken out, built-in images", recipe)
    for seed in options.seeds:
        if str(seed) not in result["seeds"]:
            result["seeds"][str(seed)] = {name: run(name, seed) for name in VARIANTS}
            save("simclr_ablations", result)


if __name__ == "__main__":
    main()
