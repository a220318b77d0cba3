"""Finding scratches that nobody labelled: average precision on drawn photographs of a surface, 5 % of them defective.

    python benchmarks/defects.py --seeds 0 1 2

Trains CutPaste on tiles of photographs without labels (5 % of which have a scratch, as it would be) and judges it on
new ones, by scratches, and by defects of two other kinds; beside it SimCLR with as many passes and the views for
photographs. A random order has 0.05.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from sklearn.metrics import average_precision_score

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
PHOTOGRAPHS = {"train": 150, "test": 400}


def scored(seed: int, machine: Machine) -> dict:
    """Average precision of each way to score a photograph, for each kind of defect; and seconds of training."""
    drawn, _, _ = surfaces.draw(PHOTOGRAPHS["train"], share=SHARE, seed=[seed, 0])
    known, _ = tiles(torch.from_numpy(drawn), SIDE, SIDE)
    torch.manual_seed(seed)
    untrained = small_cnn(16).eval()
    method, views = CutPaste(small_cnn(16)), SimCLR(small_cnn(16), augment=Augment())
    about = {"device": machine.device, "precision": machine.precision, "threads": machine.threads}
    began = time.process_time()
    history = pretrain(method, known, seed=seed, watch=False, progress=False, **TRAINING, **about)
    row = {"loss": history[-1]["loss"], "processor_seconds": round(time.process_time() - began, 1)}
    pretrain(views, known, seed=seed, watch=False, progress=False, **TRAINING, **about)
    encoders = {
        "Mahalanobis": method.encoder,
        "Mahalanobis, untrained": untrained,
        "Mahalanobis, SimCLR": views.encoder,
    }
    normal = {name: extract_features(part, known) for name, part in encoders.items()}
    for kind in surfaces.KINDS:
        photographs, labels, _ = surfaces.draw(PHOTOGRAPHS["test"], share=SHARE, kind=kind, seed=[seed, 1])
        cut, places = tiles(torch.from_numpy(photographs), SIDE, SIDE // 2)
        new = {name: extract_features(part, cut) for name, part in encoders.items()}
        scores = {name: mahalanobis(normal[name], features) for name, features in new.items()}
        with torch.no_grad():
            scores["CutPaste"] = method.head(new["Mahalanobis"]).diff(dim=1).squeeze(1)
        unit = F.normalize(normal["Mahalanobis"], dim=1), F.normalize(new["Mahalanobis"], dim=1)
        scores["nearest"] = nearest_distance(*unit)
        for way, score in scores.items():
            worst = worst_of_each(score, places).numpy()
            row.setdefault(way, {})[kind] = round(float(average_precision_score(labels, worst)), 4)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--results", type=Path, help="a file for the rows")
    options = parser.parse_args()
    machine = Machine(device="cpu", threads=1).resolved()
    rows = {}
    for seed in options.seeds:
        rows[str(seed)] = scored(seed, machine)
        print(f"seed {seed}: {json.dumps(rows[str(seed)])}", flush=True)
    print("\nmean average precision" + "".join(f"{kind:>10}" for kind in surfaces.KINDS))
    for way in ("CutPaste", "nearest", "Mahalanobis", "Mahalanobis, untrained", "Mahalanobis, SimCLR"):
        means = (statistics.mean(row[way][kind] for row in rows.values()) for kind in surfaces.KINDS)
        print(f"{way:<22}" + "".join(f"{mean:>10.3f}" for mean in means))
    print(f"accuracy of always saying 'good': {1 - SHARE:.2f}; processor seconds of training: ", end="")
    print(", ".join(str(row["processor_seconds"]) for row in rows.values()))
    if options.results:
        command = f"python benchmarks/defects.py --seeds {' '.join(map(str, options.seeds))}"
        about = {"caption": "drawn surfaces, average precision", "command": command, "hardware": hardware(machine)}
        about |= {"date": today(), "photographs": PHOTOGRAPHS, "share": SHARE, "side": SIDE, "training": TRAINING}
        options.results.write_text(json.dumps(about | {"seeds": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
