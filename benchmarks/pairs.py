"""Lesson 12's table: CLIP on the built-in images with captions, on scenes and on glyphs, and masked pairs.

    python benchmarks/pairs.py --seeds 0 1 2
    python benchmarks/pairs.py --seeds 0 --rows "glyphs, long"

Every seed draws its own images, captions and held-out combinations. `seconds` are those of the processor in training,
on one thread. Rows that are in the table stay: take them out to make them anew.
"""

import argparse
import json
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from ssl_course import captions, glyphs, scenes
from ssl_course.bag import BagOfWords
from ssl_course.captions import MENTIONS, TEMPLATES, VALUES, VOCABULARY, prompts, split_by_combination, values_of
from ssl_course.evaluate import factor_scores, linear_probe
from ssl_course.features import extract_features
from ssl_course.language import TokenTransformer
from ssl_course.methods import Supervised
from ssl_course.methods.clip import CLIP
from ssl_course.methods.masked_pair import MaskedPair, told
from ssl_course.networks import small_cnn
from ssl_course.pairs import (
    Pairs,
    accuracy,
    image_vectors,
    modality_gap,
    recall,
    same_captions,
    text_vectors,
    zero_shot,
)
from ssl_course.results import FOLDER
from ssl_course.runs import Machine, hardware, today
from ssl_course.tables import as_json
from ssl_course.train import pretrain
from ssl_course.vit import VisionTransformer

TRAINING = {"batch_size": 128, "lr": 3e-3}
HELD_OUT = {"of": ("class", "colour"), "share": 0.17}
FACTORS = ("hue", "x", "y", "size", "angle", "ground", "contrast")
ASKED = 600  # characters to be named
SCRIPTS = ("latin", "greek", "cyrillic", "arabic", "braille", "mathematical")


def transformer(words) -> TokenTransformer:
    return TokenTransformer(len(words), words.length, depth=1)


def trained(method: nn.Module, data, passes: int, seed: int, **settings) -> float:
    """Trains it, and says for how many seconds of the processor."""
    began = time.process_time()
    still = {"seed": seed, "threads": 1, "device": "cpu", "precision": "fp32", "watch": False, "progress": False}
    pretrain(method, data, epochs=passes, **TRAINING | still | settings)
    return time.process_time() - began


def about(method: CLIP, passes: int, seconds: float) -> dict:
    return {"passes": passes, "seconds": seconds, "scale": float(method.log_scale.detach().exp())}


# --- the built-in images


def shapes(seed: int, mention=MENTIONS, *, passes: int = 10, size: int = 4000, loss: str = "softmax") -> dict:
    """CLIP without some combinations of class and colour, asked by prompts for whatever captions mention."""
    train, _ = split_by_combination(captions.load("train", size=size, seed=seed, mention=mention), **HELD_OUT)
    test = captions.load("test", seed=seed)
    torch.manual_seed(seed)
    method = CLIP(small_cnn(16), transformer(VOCABULARY), loss=loss)
    cell = about(method, passes, trained(method, train, passes, seed) if passes else 0.0)
    for name, part in zip(("seen", "held out"), split_by_combination(test, **HELD_OUT), strict=True):
        images, values = image_vectors(method, part.data), values_of(part.pictures.factors)
        for factor in mention if passes else ():
            others = tuple(other for other in mention if other != factor)
            said = {
                "one prompt": prompts(factor),
                "four templates": prompts(factor, templates=TEMPLATES),
                "whole captions": prompts(factor, others=others),
            }
            cell[f"{name}, {factor}"] = {
                how: accuracy(zero_shot(images, text_vectors(method, tokens)), values[factor])
                for how, tokens in said.items()
            }
    some = captions.load("test", size=1000, seed=seed, mention=mention)
    vectors = image_vectors(method, some.data), text_vectors(method, some.labels)
    groups = (same_captions(some.labels),) * 2
    cell["recall"] = {
        "image to text": recall(*vectors, groups=groups),
        "text to image": recall(*vectors[::-1], groups=groups),
    }
    return cell | {"gap": modality_gap(*vectors)} | judged(method.encoder, train, test)


def judged(encoder: nn.Module, train: Pairs, test: Pairs) -> dict:
    """The probe of the class, and R^2 of the factors, on all test images."""
    known, new = (extract_features(encoder, part.data) for part in (train, test))
    old, fresh = train.pictures, test.pictures
    only = [{name: part.factors[name] for name in ("class", *FACTORS)} for part in (old, fresh)]
    factors = factor_scores(known, only[0], new, only[1])
    return {"linear_probe": linear_probe(known, old.labels, new, fresh.labels), "factors": factors}


def supervised(seed: int, *, passes: int = 10) -> dict:
    """The ceiling: the same images and encoder, with the class as label; no view changes the images."""
    train, _ = split_by_combination(captions.load("train", size=4000, seed=seed), **HELD_OUT)
    test = captions.load("test", seed=seed)
    torch.manual_seed(seed)
    method = Supervised(small_cnn(16), len(VALUES["class"]), augment=nn.Identity())
    seconds = trained(method, train.pictures, passes, seed)
    return {"passes": passes, "seconds": seconds} | judged(method.encoder, train, test)


# --- scenes: the order of words


WORLDS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {  # which scenes training has, by the classes left and right
    "any": lambda left, right: left != right,
    "usual order": lambda seed: order(seed, "transformer", world="usual order"),
    "own side": lambda seed: order(seed, "transformer", passes=20, world="own side"),
    "masked pair": masked,
    "glyphs": glyph_names,
    "everything, long": lambda seed: shapes(seed, passes=25, size=8000),
    "glyphs, long": lambda seed: glyph_names(seed, passes=7),
    "masked pair, long": lambda seed: masked(seed, passes=40),
}


def kept_in(file: Path) -> dict:
    return json.loads(file.read_text())["seeds"] if file.exists() else {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--rows", nargs="+", default=list(ROWS), choices=list(ROWS), metavar="ROW")
    options, file = parser.parse_args(), FOLDER / "pairs.json"
    torch.set_num_threads(1)
    for seed in options.seeds:
        for name in options.rows:
            if name in kept_in(file).get(str(seed), {}):
                continue
            cell = ROWS[name](seed)
            print(seed, name, cell, flush=True)
            kept = kept_in(file)  # again: somebody else may have written meanwhile
            kept.setdefault(str(seed), {})[name] = cell
            command = f"python benchmarks/pairs.py --seeds {' '.join(sorted(kept))}"
            result = {"caption": "Images with text, built-in data", "command": command, "seeds": kept}
            result |= {"hardware": hardware(Machine("cpu", "fp32", 1)), "date": today()}
            result["recipe"] = {"images": "small_cnn(16)", "text": "TokenTransformer of one block"} | TRAINING
            file.write_text(as_json(result), encoding="utf-8")


if __name__ == "__main__":
    main()
