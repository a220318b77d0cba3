"""Finding scratches that nobody labelled: average precision on drawn photographs of a surface, 5 % of them defective.

    python benchmarks/defects.py --seeds 0 1 2 --thresholds 0 1 2 3 4 5 6 7 8 9

Trains CutPaste on tiles of photographs without labels (5 % of which have a scratch, as it would be) and judges it on
new ones, by scratches and by defects of two other kinds. Beside it, with as many passes: CutPaste whose strips keep
their brightness, SimCLR with the views for photographs, and with gentle ones (large crops, colours as they are).
A random order has 0.05.

Thresholds: for each of their seeds CutPaste alone is trained, thresholds are chosen on 60 photographs with labels, and
what they cost on the test is kept, with a missed defect at 50 and a false alarm at 1.
"""

import argparse
import json
import math
import statistics
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.metrics import average_precision_score
from torch import nn

from ssl_course import surfaces
from ssl_course.augment import Augment
from ssl_course.features import extract_features
from ssl_course.methods import SimCLR
from ssl_course.methods.cutpaste import CutPaste
from ssl_course.networks import small_cnn
from ssl_course.normality import mahalanobis, nearest_distance
from ssl_course.runs import Machine, hardware, today
from ssl_course.tiles import tiles, worst_of_each
from ssl_course.train import pretrain

SIDE = 64  # of a tile
SHARE = 0.05
TRAINING = {"epochs": 5, "batch_size": 64, "lr": 3e-3}
PHOTOGRAPHS = {"train": 150, "test": 400, "labelled": 60}
MISSED, FALSE = 50, 1  # what a mistake costs
WAYS = ("CutPaste", "CutPaste, same brightness", "nearest", "Mahalanobis")
WAYS += tuple(f"Mahalanobis, {other}" for other in ("untrained", "SimCLR", "SimCLR with gentle views"))


def without_labels(seed: int) -> torch.Tensor:
    """Tiles (N, 3, SIDE, SIDE) of the photographs that nobody has looked at."""
    drawn, _, _ = surfaces.draw(PHOTOGRAPHS["train"], share=SHARE, seed=[seed, 0])
    return tiles(torch.from_numpy(drawn), SIDE, SIDE)[0]


def train(method: nn.Module, images: torch.Tensor, seed: int, machine: Machine) -> float:
    """Train a method; its last loss."""
    about = {"device": machine.device, "precision": machine.precision, "threads": machine.threads}
    return pretrain(method, images, seed=seed, watch=False, progress=False, **TRAINING, **about)[-1]["loss"]


def scored(seed: int, machine: Machine) -> dict:
    """Average precision of each way to score a photograph, for each kind of defect; and seconds of training."""
    known = without_labels(seed)
    torch.manual_seed(seed)
    untrained = small_cnn(16).eval()
    method, views = CutPaste(small_cnn(16)), SimCLR(small_cnn(16), augment=Augment())
    same = CutPaste(small_cnn(16), brightness=0.0)
    gentle = SimCLR(small_cnn(16), augment=Augment(crop=0.8, jitter=0.0, grayscale=0.0))
    began = time.process_time()
    row = {"loss": train(method, known, seed, machine)}
    row["processor_seconds"] = round(time.process_time() - began, 1)
    for other in (views, same, gentle):
        train(other, known, seed, machine)
    encoders = {
        "Mahalanobis": method.encoder,
        "Mahalanobis, untrained": untrained,
        "Mahalanobis, SimCLR": views.encoder,
        "Mahalanobis, SimCLR with gentle views": gentle.encoder,
    }
    normal = {name: extract_features(part, known) for name, part in encoders.items()}
    for kind in surfaces.KINDS:
        photographs, labels, _ = surfaces.draw(PHOTOGRAPHS["test"], share=SHARE, kind=kind, seed=[seed, 1])
        cut, places = tiles(torch.from_numpy(photographs), SIDE, SIDE // 2)
        new = {name: extract_features(part, cut) for name, part in encoders.items()}
        scores = {name: mahalanobis(normal[name], features) for name, features in new.items()}
        scores["CutPaste"] = asked(method, new["Mahalanobis"])
        scores["CutPaste, same brightness"] = same.score(cut)
        unit = F.normalize(normal["Mahalanobis"], dim=1), F.normalize(new["Mahalanobis"], dim=1)
        scores["nearest"] = nearest_distance(*unit)
        for way, score in scores.items():
            worst = worst_of_each(score, places).numpy()
            row.setdefault(way, {})[kind] = round(float(average_precision_score(labels, worst)), 4)
    return row


def asked(method: CutPaste, features: torch.Tensor) -> torch.Tensor:
    """The head's log-odds (N,) for a pasted strip, of features (N, D)."""
    with torch.no_grad():
        return method.head(features).diff(dim=1).squeeze(1)


def chosen_by_labels(seed: int, machine: Machine) -> dict[str, dict]:
    """What thresholds chosen on few labelled photographs do on the test: cost of a photograph, missed, false alarms.

    On the labelled, every line above the score `low` and up to `high` costs the least. The upper end, the middle and
    (just above `low`) the lower end are tried, and an alarm for everything.
    """
    torch.manual_seed(seed)
    small_cnn(16)  # as in `scored`, so that these are the same weights
    method = CutPaste(small_cnn(16))
    train(method, without_labels(seed), seed, machine)
    found = {}
    for part, place in (("labelled", 2), ("test", 1)):
        photographs, labels, _ = surfaces.draw(PHOTOGRAPHS[part], share=SHARE, seed=[seed, place])
        cut, at = tiles(torch.from_numpy(photographs), SIDE, SIDE // 2)
        found[part] = labels, worst_of_each(method.score(cut), at).numpy()
    lines = sorted(found["labelled"][1].tolist())
    best = min(range(len(lines)), key=lambda place: paid(*found["labelled"], lines[place])["cost"])
    low, high = lines[max(0, best - 1)], lines[best]
    tried = {"upper end": high, "middle": (low + high) / 2, "lower end": math.nextafter(low, high), "always": -math.inf}
    return {name: paid(*found["test"], line) for name, line in tried.items()}


def paid(labels: np.ndarray, scores: np.ndarray, line: float) -> dict:
    """What a photograph costs if scores from `line` on give an alarm, and the counts of both mistakes."""
    missed, false = int((labels[scores < line] == 1).sum()), int((labels[scores >= line] == 0).sum())
    return {"cost": round((MISSED * missed + FALSE * false) / len(labels), 4), "missed": missed, "false": false}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--thresholds", type=int, nargs="*", default=[], help="seeds for these")
    parser.add_argument("--results", type=Path, help="a file for the rows, written as they are made")
    options = parser.parse_args()
    machine = Machine(device="cpu", threads=1).resolved()
    seeds, thresholds = (" ".join(map(str, part)) for part in (options.seeds, options.thresholds))
    command = f"python benchmarks/defects.py --seeds {seeds} --thresholds {thresholds}"
    about = {"caption": "drawn surfaces, average precision", "command": command, "hardware": hardware(machine)}
    about |= {"date": today(), "photographs": PHOTOGRAPHS, "share": SHARE, "side": SIDE, "training": TRAINING}
    about |= {"costs": {"missed": MISSED, "false": FALSE}, "seeds": {}, "thresholds": {}}

    def keep() -> None:
        if options.results:
            options.results.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")

    for seed in options.thresholds:
        about["thresholds"][str(seed)] = chosen_by_labels(seed, machine)
        print(f"thresholds, seed {seed}: {json.dumps(about['thresholds'][str(seed)])}", flush=True)
        keep()
    for seed in options.seeds:
        about["seeds"][str(seed)] = scored(seed, machine)
        print(f"seed {seed}: {json.dumps(about['seeds'][str(seed)])}", flush=True)
        keep()
    say(list(about["seeds"].values()), list(about["thresholds"].values()))


def say(rows: list[dict], thresholds: list[dict]) -> None:
    """Print the means over seeds."""
    if rows:
        print(f"\n{'mean average precision':<38}" + "".join(f"{kind:>10}" for kind in surfaces.KINDS))
        for way in WAYS:
            means = (statistics.mean(row[way][kind] for row in rows) for kind in surfaces.KINDS)
            print(f"{way:<38}" + "".join(f"{mean:>10.3f}" for mean in means))
        print(f"accuracy of always saying 'good': {1 - SHARE:.2f}; processor seconds of training: ", end="")
        print(", ".join(str(row["processor_seconds"]) for row in rows))
    for name in thresholds[0] if thresholds else ():
        every = [row[name]["cost"] for row in thresholds]
        worse = sum(row[name]["cost"] > row["always"]["cost"] for row in thresholds)
        print(f"{name:<12} costs {statistics.mean(every):.2f} ({min(every):.2f} to {max(every):.2f}), ", end="")
        print(f"more than an alarm for everything in {worse} of {len(thresholds)} runs")


if __name__ == "__main__":
    main()
