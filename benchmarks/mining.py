"""Three ways to choose a triplet's negative, briefly and at ten times the cost, seen before and after the head: the
table of lesson 03.

    python benchmarks/mining.py mining --seeds 0 1

The features h are judged and the projections z too: a head can collapse and leave something of h.
"""

import argparse

import torch.nn.functional as F
from study import Row, table
from torch import nn

from ssl_course.evaluate import effective_rank, extract_features, feature_deviation, judge
from ssl_course.recipes import Recipe, recipe
from ssl_course.runs import Images, Machine, Trained, judge_briefly

SHORT, LONG = 1, 10  # passes
MININGS = ("random", "semi-hard", "hard")


def before_and_after(trained: Trained, images: Images, recipe: Recipe, machine: Machine) -> dict:
    """The judges' columns for h and for z, how spread out both are, and the last share of active triplets."""
    head = nn.Sequential(trained.encoder, trained.method.head)
    h, z = (extract_features(network, images.test.images) for network in (trained.encoder, head))
    row = {f"{name} of z": value for name, value in judge(head, images.labelled, images.test).items()}
    row |= {"deviation of h": feature_deviation(h), "deviation of z": feature_deviation(z)}
    row |= {"rank of h": effective_rank(h), "rank of z": effective_rank(F.normalize(z, dim=1))}
    return judge_briefly(trained, images, recipe, machine) | row | {"active": float(trained.method.active)}


def mined(mining: str, passes: int, **changes: float) -> Row:
    made = recipe("triplet", "shapes", passes=passes, options={"mining": mining}, **changes)
    return Row(made, judge=before_and_after)


ROWS = {"nothing learnt": mined("random", 1, lr=1e-9)}  # but batch norm has seen the images
ROWS |= {f"{mining}, short": mined(mining, SHORT) for mining in MININGS}
ROWS |= {f"{mining}, long": mined(mining, LONG) for mining in MININGS if mining != "hard"}  # its head has collapsed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", choices=["mining"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    options = parser.parse_args()
    table(options.table, "Triplet losses by their mining, built-in images", ROWS, options.seeds)


if __name__ == "__main__":
    main()
