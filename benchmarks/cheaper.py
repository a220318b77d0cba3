"""What brings SimCLR on photographs further at the same number of operations, each thing tried by itself; and settings
for LeJEPA, DINO and I-JEPA there.

    python benchmarks/cheaper.py DIR --jobs 2                      # the trials, on images held back
    python benchmarks/cheaper.py DIR --part final --seeds 0 1 --jobs 2  # what was chosen, on the test split
    python benchmarks/cheaper.py DIR --part longer --seeds 0 --jobs 2   # SimCLR and LeJEPA there, three times as long

A trial costs as much as four passes of SimCLR over 20,000 photographs and is judged on 5,000 images of the training
split that no trial trains on; the test split has no part in it. The part `final` costs 15 passes, as the rows of the
table of methods, and is tested like them; `longer` costs 45. What is in the file already isn't made again.
"""

import argparse
import copy
import functools
import json
import statistics
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from study import RUNS
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ssl_course.augment import Augment
from ssl_course.cost import training_flops
from ssl_course.data import ImageSet, load
from ssl_course.methods import SimCLR
from ssl_course.methods.dino import windows
from ssl_course.methods.simclr import nt_xent
from ssl_course.muon import Muon
from ssl_course.networks import MovingAverage, SmallCNN, projection_head
from ssl_course.recipes import Recipe, make, new_encoder, recipe, simclr_cost
from ssl_course.results import FOLDER
from ssl_course.runs import Images, Machine, hardware, judge_briefly, run, today
from ssl_course.tables import as_json
from ssl_course.train import OPTIMIZERS, parameter_groups

CAPTION = "SimCLR on CIFAR-10 (JPEG copy), small_cnn"
PASSES = {"trials": 4, "final": 15, "longer": 45}  # over 20,000 photographs
HELD_BACK = 5000
SEED = 100  # of the trials alone
CONVOLUTIONS = "muon, convolutions"  # alone; the rest has AdamW


class Changed(SimCLR):
    """SimCLR with what the trials change of it.

    Args:
        stages: until which share of the training the views have which side (in pixels); after them, that of the images.
        small: windows of 16x16 pixels of further views, each of which is to find the two views of its image.
        average: decay of a moving average of the encoder, which takes the encoder's place in the end; 0 for none.
        decoupled: whether the loss leaves the other view out of the candidates that it is compared with.
        options: of `SimCLR`.
    """

    def __init__(
        self,
        encoder: nn.Module,
        *,
        stages: Sequence[tuple[float, int]] = (),
        small: int = 0,
        average: float = 0.0,
        decoupled: bool = False,
        **options,
    ):
        super().__init__(encoder, **options)
        self.stages, self.small = stages, small
        self.loss = decoupled_nt_xent if decoupled else nt_xent
        self.average = MovingAverage(encoder, average) if average else None
        self.register_buffer("progress", torch.zeros(()))

    def views(self, images: Tensor) -> tuple[Tensor, ...]:
        large = super().views(images)
        side = next((side for until, side in self.stages if self.progress < until), None)
        if side is not None:
            shrink = functools.partial(F.interpolate, size=side, mode="bilinear", antialias=True)
            large = tuple(shrink(view).clamp(0, 1) for view in large)
        return (*large, *(windows(self.augment(images), 16, 16) for _ in range(self.small)))

    def forward(self, view1: Tensor, view2: Tensor, *small: Tensor) -> Tensor:
        large = self.project(view1, view2)
        loss = self.loss(*large, self.temperature)
        if not small:
            return loss
        others = self.head(self.encoder(torch.cat(small))).chunk(len(small))
        pairs = [nt_xent(z, other, self.temperature) for z in large for other in others]
        return (loss + sum(pairs)) / (1 + len(pairs))

    def after_step(self, progress: float) -> None:
        self.progress.fill_(progress)
        if self.average is not None:
            self.average.update(self.encoder)
            if progress >= 1:
                self.encoder.load_state_dict(self.average.copy.state_dict())


def decoupled_nt_xent(z1: Tensor, z2: Tensor, temperature: float) -> Tensor:
    """`nt_xent` (z1, z2: (B, D)) without the other view among the candidates, so that easy pairs still have a gradient.

    Source: Yeh et al. 2022, Decoupled contrastive learning, eq. 6.
    """
    z = F.normalize(torch.cat([z1, z2]).float(), dim=1)  # (2B, D)
    logits = z @ z.T / temperature
    same = torch.eye(len(z1), dtype=torch.bool, device=z.device).repeat(2, 2)  # both views of an image
    return torch.logsumexp(logits.masked_fill(same, float("-inf")), 1).mean() - logits.diagonal(len(z1)).mean()


class WiderFirst(SmallCNN):
    """`small_cnn` whose stem and first block have 48 channels, not 32."""

    def __init__(self):
        super().__init__(32)
        wider = SmallCNN(48)
        self.stem, self.stem_norm, self.blocks[0] = wider.stem, wider.stem_norm, wider.blocks[0]
        self.blocks[1] = type(self.blocks[1])(48, 64, stride=2)


@dataclass(frozen=True)
class Trial:
    """What is changed.

    Attributes:
        changes: of the recipe, such as its rate or views.
        options: of `Changed`, or of another method.
        head: of `projection_head`.
        wider: whether the encoder is `WiderFirst`.
        images: to train on.
        method: which one.
    """

    changes: dict = field(default_factory=dict)
    options: dict = field(default_factory=dict)
    head: dict = field(default_factory=dict)
    wider: bool = False
    images: int = 20_000
    method: str = "simclr"


BIGGER = {"batch_size": 512, "lr": 6e-3}
FIRST_SMALL = {"stages": ((0.46, 24),)}  # a quarter more passes for the same operations
TRIALS = {
    "as usual": Trial(),
    "rate 8e-3": Trial({"lr": 8e-3}),
    "batch 128, rate 3e-3": Trial({"batch_size": 128, "lr": 3e-3}),
    "batch 512, rate 6e-3": Trial(BIGGER),
    "temperature 0.1": Trial(options={"temperature": 0.1}),
    "temperature 0.25": Trial(options={"temperature": 0.25}),
    "Muon": Trial({"optimizer": CONVOLUTIONS}),
    "Muon, rate 8e-3": Trial({"optimizer": CONVOLUTIONS, "lr": 8e-3}),
    "40,000 images": Trial(images=40_000),
    "first 24 pixels, then 32": Trial(options=FIRST_SMALL),
    "three small crops beside": Trial(options={"small": 3}),
    "gentler colours (0.25)": Trial({"views": {"jitter": 0.25}}),
    "half as often grey": Trial({"views": {"grayscale": 0.1}}),
    "crops from 0.35": Trial({"views": {"crop": 0.35}}),
    "crops from 0.1": Trial({"views": {"crop": 0.1}}),
    "first layers 48 wide": Trial(wider=True),
    "moving average 0.99": Trial(options={"average": 0.99}),
    "head of three layers": Trial(head={"layers": 3}),
}
FAST = {"optimizer": CONVOLUTIONS, "lr": 8e-3}
TRIALS |= {  # what had helped, together
    "Muon, rate 16e-3": Trial(FAST | {"lr": 16e-3}),
    "Muon, rate 8e-3, first 24 pixels": Trial(FAST, FIRST_SMALL),
    "Muon, rate 16e-3, first 24 pixels": Trial(FAST | {"lr": 16e-3}, FIRST_SMALL),
    "Muon, rate 8e-3, 24 pixels for longer": Trial(FAST, {"stages": ((0.8, 24),)}),
    "Muon, rate 8e-3, first 24 pixels, four small crops": Trial(FAST, FIRST_SMALL | {"small": 4}),
}
LONGER = {"stages": ((0.8, 24),)}
TRIALS |= {  # and further from the best of those
    "24 pixels for longer, rate 12e-3": Trial(FAST | {"lr": 12e-3}, LONGER),
    "24 pixels for longer, batch 128": Trial(FAST | {"batch_size": 128}, LONGER),
    "24 pixels for longer, Muon for the head, too": Trial(FAST | {"optimizer": "muon"}, LONGER),
    "24 pixels for longer, temperature 0.1": Trial(FAST, LONGER | {"temperature": 0.1}),
    "24 pixels for longer, decoupled loss": Trial(FAST, LONGER | {"decoupled": True}),
    "24 pixels for longer, gentler colours (0.25)": Trial(FAST | {"views": {"jitter": 0.25}}, LONGER),
    "24 pixels for longer, crops from 0.1": Trial(FAST | {"views": {"crop": 0.1}}, LONGER),
    "24 pixels for longer, 40,000 images": Trial(FAST, LONGER, images=40_000),
    "20 pixels for longer": Trial(FAST, {"stages": ((0.8, 20),)}),
    "16, then 24 pixels": Trial(FAST, {"stages": ((0.5, 16), (0.85, 24))}),
}
ALL_TURNED = FAST | {"optimizer": "muon", "batch_size": 128}
TRIALS |= {  # what had helped there, together
    "batch 128, Muon for all weights": Trial(ALL_TURNED, LONGER),
    "batch 128, Muon for all weights, rate 12e-3": Trial(ALL_TURNED | {"lr": 12e-3}, LONGER),
    "batch 128, Muon for all weights, rate 5e-3": Trial(ALL_TURNED | {"lr": 5e-3}, LONGER),
    "batch 128, Muon for all weights, crops from 0.1": Trial(ALL_TURNED | {"views": {"crop": 0.1}}, LONGER),
    "batch 128, Muon for all weights, weight decay 0.2": Trial(ALL_TURNED | {"weight_decay": 0.2}, LONGER),
    "batch 64, Muon for all weights": Trial(ALL_TURNED | {"batch_size": 64}, LONGER),
    "batch 128, Muon for all weights, warmup 0.03": Trial(ALL_TURNED | {"warmup": 0.03}, LONGER),
    "batch 128, Muon for all weights, temperature 0.1": Trial(ALL_TURNED, LONGER | {"temperature": 0.1}),
}
LEJEPA, DINO, IJEPA = ({"method": name} for name in ("lejepa", "dino", "ijepa"))
SMALL = {"encoder": "small_vit", "batch_size": 64, "lr": 2e-3}  # for the built-in images, several times cheaper
LESS = {"local": 2, "share": 0.75}
TRIALS |= {
    "LeJEPA": Trial(**LEJEPA),
    "LeJEPA, weight 0.01": Trial(options={"weight": 0.01}, **LEJEPA),
    "LeJEPA, weight 0.2": Trial(options={"weight": 0.2}, **LEJEPA),
    "LeJEPA, 16 outputs": Trial(options={"outputs": 16}, **LEJEPA),
    "LeJEPA, rate 2e-3": Trial({"lr": 2e-3}, **LEJEPA),
    "LeJEPA, four views": Trial(options={"count": 4}, **LEJEPA),
    "DINO, small_vit": Trial(SMALL, **DINO),
    "DINO, small_vit, fewer, faster": Trial(SMALL, LESS | {"decay": 0.9, "teacher_temperature": 0.05}, **DINO),
    "I-JEPA": Trial(**IJEPA),
    "I-JEPA, slower copy": Trial(options={"decay": 0.998}, **IJEPA),
}
CHOSEN = "batch 128, Muon for all weights"
FIRST_CHOSEN = "Muon, rate 8e-3, 24 pixels for longer"  # of the first 23 trials of SimCLR
FINAL = {  # the best, and with more images, which had helped a little by itself
    FIRST_CHOSEN: TRIALS[FIRST_CHOSEN],
    CHOSEN: TRIALS[CHOSEN],
    "the same, 48,000 images": replace(TRIALS[CHOSEN], images=48_000),
}

LONGER_RUNS = {name: TRIALS[name] for name in ("LeJEPA, weight 0.01", "as usual")}
PARTS = {"trials": TRIALS, "final": FINAL, "longer": LONGER_RUNS}


def build(trial: Trial, made: Recipe, classes: int = 10) -> nn.Module:
    """The method of a trial with its first weights."""
    OPTIMIZERS[CONVOLUTIONS] = functools.partial(Muon, turned=(4,))
    if trial.method != "simclr":
        return make(made, classes)
    encoder = new_encoder(made.encoder, made.seed)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(made.seed)
        encoder = WiderFirst() if trial.wider else encoder
        head = projection_head(encoder.dim, **{"hidden": 256, "outputs": 128} | trial.head)
        options = {"temperature": made.options["temperature"]} | trial.options
        return Changed(encoder, head=head, augment=Augment(**made.views), **options)


def operations(trial: Trial, made: Recipe) -> float:
    """Floating-point operations per image of a step, Muon's own among them, the mean over the training."""
    method = build(trial, made)
    total, before = optimizer_flops(method, made.optimizer) / made.batch_size, 0.0
    for until, _ in (*getattr(method, "stages", ()), (1.0, None)):
        if hasattr(method, "progress"):
            method.progress.fill_(before)
        total += (until - before) * training_flops(method, made.resolution)
        before = until
    return total


def optimizer_flops(method: nn.Module, name: str) -> float:
    """Of the matrix products in one step of an optimizer: none but in Muon's."""
    copied = copy.deepcopy(method)
    for weight in copied.parameters():
        weight.grad = torch.ones_like(weight) if weight.requires_grad else None
    with FlopCounterMode(display=False) as counter:
        OPTIMIZERS[name](parameter_groups(copied, 0.05), lr=1e-3).step()
    return counter.get_total_flops()


def planned(trial: Trial, data: str, passes: int, seed: int) -> Recipe:
    """The recipe of a trial: as many whole passes as come nearest to the cost of so many over 20,000 images."""
    changes, options = dict(trial.changes), trial.options if trial.method != "simclr" else {}
    encoder = changes.pop("encoder", None)
    made = recipe(trial.method, data, passes=1, size=trial.images, seed=seed, options=options, **changes)
    made = replace(made, encoder=encoder or made.encoder)  # a transformer's, too, which `recipe` chooses by itself
    return replace(made, passes=max(1, round(passes / cost_of_a_pass(trial, made))))


def cost_of_a_pass(trial: Trial, made: Recipe) -> float:
    """In passes of SimCLR as usual over 20,000 images."""
    return operations(trial, made) / simclr_cost(made) * trial.images / 20_000


@functools.lru_cache(maxsize=1)
def photographs(data: str) -> ImageSet:
    """All of the training split, shuffled: a folder is read class by class."""
    whole = load(data)
    return whole[torch.randperm(len(whole), generator=torch.Generator().manual_seed(SEED))]


def held_back(made: Recipe) -> Images:
    """Training images in two parts; the second, the same in all trials, stands in place of the test split."""
    whole = photographs(made.data)
    rest, pool = whole[:HELD_BACK], whole[HELD_BACK:]
    return Images(pool[: made.size], pool[: made.probe], rest)


def trial_row(trial: Trial, data: str, passes: int, seed: int, final: bool) -> dict:
    """The numbers of a trial, made or read."""
    made = planned(trial, data, passes, seed)
    images = None if final else held_back(made)
    method = functools.partial(build, trial)
    found = run(made, RUNS, images=images, machine=Machine(), build=method, judge=judge_briefly, progress=False)
    cost = made.passes * cost_of_a_pass(trial, made)
    kept = {key: found[key] for key in ("linear_probe", "knn", "passes", "steps", "seconds", "loss", "date")}
    return kept | {"cost": round(cost, 2), "images": trial.images}


def make_rows(part: str, trials: dict[str, Trial], data: str, seeds: Sequence[int], jobs: int, file: Path) -> dict:
    """Add the rows that the file doesn't have to one of its PARTS, and keep each when it is made."""
    result = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    kept = result.setdefault(part, {})
    wanted = [(name, seed) for seed in seeds for name in trials if str(seed) not in kept.get(name, {})]
    with ProcessPoolExecutor(jobs) as pool:
        waiting = {
            pool.submit(trial_row, trials[name], data, PASSES[part], seed, part != "trials"): (name, seed)
            for name, seed in wanted
        }
        for done in as_completed(waiting):
            name, seed = waiting[done]
            kept.setdefault(name, {})[str(seed)] = done.result()
            print(f"{name}, seed {seed}: linear probe {100 * done.result()['linear_probe']:.1f} %", flush=True)
            result[part] = {name: kept[name] for name in PARTS[part] if name in kept}
            result |= {"caption": CAPTION, "passes": PASSES}
            result |= {"hardware": hardware(Machine()), "date": today()}
            file.write_text(as_json(result), encoding="utf-8")
    return result


def show(kept: dict[str, dict[str, dict]]) -> None:
    """The rows as a Markdown table: means over the seeds, and the deviation where there are several."""
    print("| | linear probe | k-NN | passes | cost | seconds |\n|---|---|---|---|---|---|")
    for name, rows in kept.items():
        cells = [_mean_and_deviation([100 * row[key] for row in rows.values()]) for key in ("linear_probe", "knn")]
        first = next(iter(rows.values()))
        seconds = statistics.mean(row["seconds"] for row in rows.values())
        print(f"| {name} | {' | '.join(cells)} | {first['passes']} | {first['cost']:.2f} | {seconds:.0f} |")


def _mean_and_deviation(values: list[float]) -> str:
    spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.1f}{spread}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="a folder DIR/train/CLASS/*.jpg, DIR/test/CLASS/*.jpg")
    parser.add_argument("--part", choices=PARTS, default="trials")
    parser.add_argument("--seeds", type=int, nargs="+", default=None)
    parser.add_argument("--only", nargs="+", default=None, metavar="TRIAL", help="of the part")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--results", type=Path, default=FOLDER / "cheaper.json")
    options = parser.parse_args()
    trials = PARTS[options.part]
    if unknown := set(options.only or ()) - set(trials):
        parser.error(f"{options.part} has no {', '.join(unknown)}; it has: {', '.join(trials)}")
    trials = {name: trials[name] for name in options.only or trials}
    seeds = options.seeds or [SEED if options.part == "trials" else 0]
    show(make_rows(options.part, trials, options.data, seeds, options.jobs, options.results)[options.part])


if __name__ == "__main__":
    main()
