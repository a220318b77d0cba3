"""The README's results: SimCLR beside its floor and its ceiling, several seeds, on the built-in images or a folder.

    python benchmarks/accuracy.py shapes --seeds 0 1 2
    python benchmarks/accuracy.py DIR --caption "CIFAR-10 (JPEG copy)" --seeds 0 1

Every finished seed is kept in ssl_course/results/<name>.json with hardware, versions and date; a second run on the same
day adds the seeds that are missing. Delete the file after a change of the code.
"""

import argparse
import datetime
import json
import statistics
import sys
from pathlib import Path

import torch

from ssl_course import load, pretrain
from ssl_course.compare import hardware
from ssl_course.evaluate import judge
from ssl_course.methods import SimCLR, Supervised
from ssl_course.networks import small_cnn
from ssl_course.profiles import augmentation
from ssl_course.results import FOLDER

RECIPES = {
    "shapes": {"size": 8000, "epochs": 6, "batch_size": 128, "lr": 3e-3, "temperature": 0.15, "probe": 4000},
    "photographs": {"size": 20_000, "epochs": 15, "batch_size": 256, "lr": 4e-3, "temperature": 0.15, "probe": 10_000},
}


def run(data: str, recipe: dict, seed: int) -> dict[str, dict[str, float]]:
    """Train SimCLR and the ceiling from one seed and judge all four rows on the whole test split."""
    train, test = load(data, size=recipe["size"], seed=seed), load(data, "test")
    probed = (load(data) if data != "shapes" else train).sample(recipe["probe"], seed=seed)
    encoders = {"raw pixels": None}
    for name in ("untrained encoder", "SimCLR", "trained with labels"):
        torch.manual_seed(seed)
        encoders[name] = small_cnn()
    arguments = {name: recipe[name] for name in ("epochs", "batch_size", "lr")} | {"seed": seed}
    augment = augmentation(data)
    method = SimCLR(encoders["SimCLR"], temperature=recipe["temperature"], augment=augment)
    seconds = sum(record["seconds"] for record in pretrain(method, train, **arguments))
    pretrain(Supervised(encoders["trained with labels"], len(train.classes), augment=augment), train, **arguments)
    rows = {name: judge(encoder, probed, test) for name, encoder in encoders.items()}
    rows["SimCLR"]["training_seconds"] = round(seconds)
    return rows


def describe_run(name: str, caption: str, recipe: dict) -> dict:
    """What a reader must know of a result, with the seeds that an earlier run of this recipe on this machine did."""
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    command = f"python benchmarks/{Path(sys.argv[0]).name}"
    about = {"caption": caption, "command": command, "recipe": recipe, "hardware": hardware(), "date": date}
    file = FOLDER / f"{name}.json"
    earlier = json.loads(file.read_text()) if file.exists() else {}
    same = all(earlier.get(key) == about[key] for key in about)
    return about | {"seeds": earlier["seeds"] if same else {}}


def save(name: str, result: dict) -> None:
    """Keep what there is so far, where lessons find it."""
    (FOLDER / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")


def show(result: dict) -> None:
    """Mean ± standard deviation over the seeds, in per cent, as a Markdown table."""
    seeds = list(result["seeds"].values())
    print(f"| {result['caption']} | linear probe | k-NN |\n|---|---|---|")
    for name in seeds[0]:
        cells = []
        for column in ("linear_probe", "knn"):
            values = [100 * seed[name][column] for seed in seeds]
            spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
            cells.append(f"{statistics.mean(values):.1f}{spread}")
        print(f"| {name} | {' | '.join(cells)} |")
    print(f"\n{len(seeds)} seeds; {result['hardware']}; {result['recipe']}; {result['date']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="shapes, or a folder or name that load() knows")
    parser.add_argument("--caption", help="what to call the images")
    parser.add_argument("--name", help="of the file under benchmarks/results")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    recipe = RECIPES["shapes" if options.data == "shapes" else "photographs"]
    caption = options.caption or options.data
    name = options.name or Path(options.data).name
    result = describe_run(name, caption, recipe)
    for seed in options.seeds:
        if str(seed) not in result["seeds"]:
            result["seeds"][str(seed)] = run(options.data, recipe, seed)
            save(name, result)
    show(result)


if __name__ == "__main__":
    main()
