"""What the dashboard costs: one training with and without it, in turn: python benchmarks/dashboard.py."""

import argparse
import statistics
import time

import torch

from ssl_course import load, pretrain
from ssl_course.live import Dashboard
from ssl_course.recipes import build

RUN = {"epochs": 2, "batch_size": 128, "lr": 3e-3, "threads": 1}


def seconds(images, labelled, *, shown: bool) -> float:
    """How long one training takes."""
    torch.manual_seed(0)
    method = build("simclr", "shapes")
    start = time.perf_counter()
    if shown:
        Dashboard(method, images, labelled=labelled, **RUN).run()
    else:
        pretrain(method, images, progress=False, **RUN)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split(":")[0])
    parser.add_argument("--rounds", type=int, default=5)
    images, labelled = load("shapes", size=6000), load("shapes", "test", size=400)
    ratios = []
    for number in range(parser.parse_args().rounds):
        order = (False, True) if number % 2 else (True, False)
        taken = {shown: seconds(images, labelled, shown=shown) for shown in order}
        ratios.append(taken[True] / taken[False])
        print(f"without {taken[False]:.1f} s, with {taken[True]:.1f} s: {ratios[-1]:.3f}", flush=True)
    print(f"median {statistics.median(ratios):.3f} of the time without")


if __name__ == "__main__":
    main()
