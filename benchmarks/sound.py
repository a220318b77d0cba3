"""Negatives from the same clip or from other clips: the table of lesson 10.

    python benchmarks/sound.py sound_negatives --seeds 0 1 2

A seed decides the clips, the first weights and the order. Both probes are of the same frames, one for each syllable;
`linear_probe` is the vowel's, on 1,000 clips with labels, tested on 500 others.
"""

import argparse
import time

import torch

from ssl_course import pretrain, sounds
from ssl_course.listening import SPECTRUM, log_mel, two_probes, with_past
from ssl_course.methods.cpc import CPC
from ssl_course.results import FOLDER
from ssl_course.runs import Machine, hardware, today
from ssl_course.tables import as_json
from ssl_course.waves import LAYERS, WaveEncoder

RECIPE = {"size": 2000, "epochs": 5, "batch_size": 32, "lr": 4e-3, "labelled": 1000, "tested": 500}
PAST = 19  # spectra of 64 ms, one every 20 ms: 424 ms; a context of 15 frames sees 426 ms
ROWS = {
    "same clip": {"negatives": "same", "first": 8},
    "other clips": {"negatives": "other", "first": 8},
    "same clip, next frames": {"negatives": "same", "first": 1},
    "other clips, next frames": {"negatives": "other", "first": 1},
}


def judged(listen, labelled: sounds.Samples, test: sounds.Samples, layers=LAYERS) -> dict[str, float]:
    scores = two_probes(listen, labelled, test, layers)
    return {"linear_probe": scores["vowel"], "speaker": scores["speaker"]}


def rows_of_seed(seed: int, epochs: int, machine: Machine) -> dict[str, dict[str, float]]:
    """The floors and every row of ROWS, trained and judged."""
    train = sounds.load("train", size=RECIPE["size"], seed=seed)
    labelled, test = train[: RECIPE["labelled"]], sounds.load("test", size=RECIPE["tested"], seed=seed)
    rows = {"log-mel spectrum": judged(log_mel, labelled, test, SPECTRUM)}
    rows["log-mel, same past"] = judged(lambda waves: with_past(log_mel(waves), PAST), labelled, test, SPECTRUM)
    for name, options in {"untrained encoder": {}, **ROWS}.items():
        torch.manual_seed(seed)
        method, start, about = CPC(WaveEncoder(), **options), time.process_time(), {}
        if options:
            history = pretrain(
                method,
                train,
                epochs=epochs,
                batch_size=RECIPE["batch_size"],
                lr=RECIPE["lr"],
                seed=seed,
                device=machine.device,
                precision=machine.precision,
                threads=machine.threads,
                watch=False,
                progress=False,
            )
            about = {"loss": history[-1]["loss"], "seconds": time.process_time() - start}
        rows[name] = judged(method.eval().cpu().contexts, labelled, test) | about
        print(seed, name, {key: round(value, 3) for key, value in rows[name].items()}, flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", choices=["sound_negatives"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=RECIPE["epochs"])
    options = parser.parse_args()
    machine = Machine(threads=1)
    seeds = " ".join(map(str, options.seeds))
    result = {
        "caption": "Contrastive predictive coding by its negatives: the vowel (linear_probe) and the speaker",
        "command": f"python benchmarks/sound.py {options.table} --seeds {seeds} --epochs {options.epochs}",
        "recipe": RECIPE | {"epochs": options.epochs, "rows": ROWS},
        "hardware": hardware(machine),
        "date": today(),
        "seeds": {},
    }
    for seed in options.seeds:
        result["seeds"][str(seed)] = rows_of_seed(seed, options.epochs, machine)
        (FOLDER / f"{options.table}.json").write_text(as_json(result), encoding="utf-8")


if __name__ == "__main__":
    main()
