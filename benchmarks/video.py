"""Lesson 11's table: order verification and arrow of time beside SimCLR on single frames.

    python benchmarks/video.py --seeds 0 1 2

Every seed draws its own 2,000 clips to train on and 1,000 to test with. All networks for frames are the same
`PointCNN`; what was chosen (passes, rates) was chosen on seed 7. Rows that are in the table stay: take the file away to
make them anew.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from ssl_course import clips
from ssl_course.evaluate import extract_features, factor_scores, linear_probe
from ssl_course.frames import ClipEncoder, MiddleFrame, PointCNN, SideBySide
from ssl_course.methods import SimCLR
from ssl_course.methods.order import ArrowOfTime, OrderVerification, accuracy, take
from ssl_course.recipes import augmentation
from ssl_course.results import FOLDER
from ssl_course.runs import Machine, hardware, today
from ssl_course.samples import Samples
from ssl_course.tables import as_json
from ssl_course.train import pretrain

FACTORS = ("speed", "direction", "spin", "x", "y", "contrast")
FREE = {"gravity": False}
TRAINING = {"batch_size": 32, "lr": 2e-3}
DRIFT = 0.3


@dataclass(frozen=True)
class Row:
    """A method, made by `build`, in a world for so many passes; `shown` is how many frames its encoder is judged on.

    `begin` is the row from whose encoder it starts, `beside` the row of its network for frames, on three of them.
    """

    build: Callable[[], nn.Module]
    passes: int = 12
    world: dict = field(default_factory=lambda: FREE)
    shown: int = 3
    begin: str = ""
    beside: str = ""


def encoder(**options) -> ClipEncoder:
    return ClipEncoder(PointCNN(8, 8, **options), 128)


ROWS = {
    "untrained": Row(lambda: OrderVerification(encoder()), passes=0, beside="untrained, side by side"),
    "verification": Row(lambda: OrderVerification(encoder()), beside="verification, side by side"),
    "SimCLR, one frame": Row(
        lambda: SimCLR(PointCNN(8, 8), augment=augmentation("shapes")), passes=4, beside="SimCLR, side by side"
    ),
    "arrow, free": Row(lambda: ArrowOfTime(encoder()), passes=8, shown=4),
    "arrow, gravity": Row(lambda: ArrowOfTime(encoder()), passes=8, world={"gravity": True}, shown=4),
    "arrow, friction": Row(lambda: ArrowOfTime(encoder()), passes=12, world=FREE | {"friction": 0.25}, shown=4),
    "arrow, friction, verified first": Row(
        lambda: ArrowOfTime(encoder()), world=FREE | {"friction": 0.25}, shown=4, begin="verification"
    ),
    "drift, uneven light": Row(
        lambda: OrderVerification(encoder(even_light=False)), passes=4, world=FREE | {"drift": DRIFT}
    ),
    "drift, even light": Row(lambda: OrderVerification(encoder()), world=FREE | {"drift": DRIFT}),
}


def made(name: str, seed: int) -> dict[str, dict]:
    """A row of the table, and its frames side by side: trained in its world, judged on clips of the free one."""
    row = ROWS[name]
    method = trained(row, seed)
    if isinstance(method, SimCLR):
        frame_encoder = method.encoder
        result = judged(MiddleFrame(frame_encoder), row.shown, seed)
    else:
        frame_encoder = method.encoder.frame_encoder
        result = judged(method.encoder, row.shown, seed) | answered(method, row, seed)
    rows = {name: {"passes": row.passes} | result}
    if row.beside:
        rows[row.beside] = {"passes": row.passes} | judged(SideBySide(frame_encoder, row.shown), row.shown, seed)
    return rows


def trained(row: Row, seed: int) -> nn.Module:
    train = clips.load("train", seed=seed, **row.world)
    torch.manual_seed(seed)
    method = row.build()
    if row.begin:
        method.encoder.load_state_dict(trained(ROWS[row.begin], seed).encoder.state_dict())
    if row.passes:
        data = train.data.flatten(0, 1)[::2] if isinstance(method, SimCLR) else train  # every other frame of every clip
        still = {"seed": seed, "threads": 1, "device": "cpu", "precision": "fp32", "watch": False}
        pretrain(method, data, epochs=row.passes, **TRAINING, **still)
    return method


def answered(method: nn.Module, row: Row, seed: int) -> dict[str, float]:
    """How often the method is right about new films of its own world, and about films that take its shortcut away."""
    test = clips.load("test", seed=seed, **row.world)
    result = {"accuracy": accuracy(method, test.data)}
    if "drift" in row.world:
        result["accuracy, no drift"] = accuracy(method, clips.load("test", seed=seed, **FREE).data)
        result["accuracy, nothing moves"] = accuracy(method, frozen(test.data))
    return result


def judged(network: nn.Module, shown: int, seed: int) -> dict:
    """The probe of the class, and R^2 of the factors, on clips of the free world."""
    train, test = (clips.load(split, seed=seed, **FREE) for split in clips.SPLITS)
    few = (lambda data: data) if isinstance(network, MiddleFrame) else (lambda data: take(data, shown))
    known, new = (extract_features(network, few(part.data)) for part in (train, test))
    factors = factor_scores(known, only(train), new, only(test))
    return {"linear_probe": linear_probe(known, train.labels, new, test.labels), "factors": factors}


def only(samples: Samples) -> dict[str, Tensor]:
    return {name: samples.factors[name] for name in FACTORS}


def frozen(films: Tensor) -> Tensor:
    """The last frame of each clip again and again, under the light of its frames: nothing moves but the lamp."""
    standing = films[:, -1:].expand_as(films).contiguous()
    return torch.from_numpy(clips.brighten(standing.numpy(), DRIFT))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    seeds, file = parser.parse_args().seeds, FOLDER / "video.json"
    kept = json.loads(file.read_text())["seeds"] if file.exists() else {}
    command = f"python benchmarks/video.py --seeds {' '.join(sorted({*kept, *map(str, seeds)}))}"
    result = {"caption": "Order of frames, built-in clips", "command": command, "seeds": kept}
    result |= {"hardware": hardware(Machine("cpu", "fp32", 1)), "date": today()}
    result["recipe"] = {"data": "clips", "frames": "PointCNN(8, 8)", "clips": "ClipEncoder(…, 128)"} | TRAINING
    for seed in seeds:
        rows = kept.setdefault(str(seed), {})
        for name in ROWS:
            if name not in rows:
                new = made(name, seed)
                rows.update(new)
                print(seed, new, flush=True)
        file.write_text(as_json(result), encoding="utf-8")


if __name__ == "__main__":
    main()
