"""Lesson 12's table: CLIP on the built-in images with captions, on scenes and on glyphs, and masked pairs.

    python benchmarks/pairs.py --seeds 0 1 2
    python benchmarks/pairs.py --seeds 0 --rows "glyphs, long"

Every seed draws its own images, captions and held-out combinations. `seconds` are those of the processor in training,
on one thread. Rows that are in the table stay: take them out to make them anew.
"""

import argparse
import time
import unicodedata
from collections.abc import Callable

import torch
from study import add_rows
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
    "usual order": lambda left, right: left < right,
    "own side": lambda left, right: (left < 5) & (right >= 5),
}


def order(seed: int, kind: str, *, passes: int = 10, world: str = "any") -> dict:
    """How often an image is nearer to its caption than to the same words in another order, and to other words.

    In the world "usual order" the class that comes first in CLASSES is always on the left; in "own side" every class
    has a side on which it always is. Both are tested on scenes in both orders, of the same pairs of classes.
    """
    train, test = scenes.load("train", seed=seed), scenes.load("test", seed=seed)
    train = train[WORLDS[world](*train.pictures.factors["class"].unbind(dim=1))]
    left, right = test.pictures.factors["class"].unbind(dim=1)
    test = test[WORLDS[world](left, right) | WORLDS[world](right, left)]
    words = train.vocabulary
    torch.manual_seed(seed)
    text = BagOfWords(len(words), 64) if kind == "bag" else transformer(words)
    method = CLIP(small_cnn(16), text)
    cell = about(method, passes, trained(method, train, passes, seed))
    images, right = image_vectors(method, test.data), text_vectors(method, test.labels)
    wrong = {"mirrored": scenes.mirrored(test.labels), "exchanged": scenes.exchanged(test.labels)}
    wrong["another's"] = test.labels.roll(1, dims=0)
    apart = {name: scenes.told_apart(images, right, text_vectors(method, rows)) for name, rows in wrong.items()}
    return cell | {"told apart": apart}


# --- glyphs


def glyph_names(seed: int, *, passes: int = 2) -> dict:
    """The names of characters never seen, among 600; and their scripts, by prompts."""
    train, test = glyphs.load("train", seed=seed), one_of_each(glyphs.load("test", seed=seed))
    torch.manual_seed(seed)
    method = CLIP(small_cnn(16), transformer(train.vocabulary))
    cell = about(method, passes, trained(method, train, passes, seed))
    some = test.sample(ASKED, seed=seed)
    vectors = image_vectors(method, some.data), text_vectors(method, some.labels)
    cell["found"] = {f"top-{k}": recall(*vectors, k=k) for k in (1, 5)} | {"from the name": recall(*vectors[::-1])}
    return cell | {"gap": modality_gap(*vectors), "script": scripts(method, train, test)}


def scripts(method: CLIP, train: Pairs, test: Pairs) -> dict[str, float]:
    """The script of test characters by a prompt of a few words, and by the names of training characters."""
    labels = torch.tensor([script_of(name) for name in test.pictures.classes])[test.pictures.labels]
    kept = labels >= 0
    images, labels = image_vectors(method, test.data[kept]), labels[kept]
    words = train.vocabulary
    found = {"largest": float(labels.bincount().max() / len(labels))}
    for title, wording in (("script", "{}"), ("script + letter", "{} letter")):
        vectors = text_vectors(method, words.rows(wording.format(name) for name in SCRIPTS))
        found[title] = accuracy(zero_shot(images, vectors), labels)
    numbers = torch.tensor([script_of(name) for name in train.pictures.classes])[train.pictures.labels]
    first = one_of_each_index(train)
    means = []
    for script in range(len(SCRIPTS)):
        rows = train.labels[first][numbers[first] == script]
        means.append(nn.functional.normalize(text_vectors(method, rows).mean(dim=0), dim=0))
    return found | {"training names": accuracy(zero_shot(images, torch.stack(means)), labels)}


def script_of(character: str) -> int:
    """Index into SCRIPTS of the first word of a character's name, else -1."""
    first = unicodedata.name(character).split()[0].lower()
    return SCRIPTS.index(first) if first in SCRIPTS else -1


def one_of_each_index(pairs: Pairs) -> Tensor:
    codes = pairs.pictures.factors["code"]  # in order
    return codes.diff(prepend=codes[:1] - 1) > 0


def one_of_each(pairs: Pairs) -> Pairs:
    """The first picture of every character."""
    return pairs[one_of_each_index(pairs)]


# --- masked pairs


def masked(seed: int, *, passes: int = 8) -> dict:
    """How often the hidden word is told: with its picture, with a grey one and with another's."""
    train, test = (captions.load(split, seed=seed, mention=("class", "colour")) for split in ("train", "test"))
    torch.manual_seed(seed)
    encoder = VisionTransformer(patch=8, width=64, depth=2)
    method = MaskedPair(encoder, len(VOCABULARY), VOCABULARY.length, share=0.5)
    cell = {"passes": passes, "seconds": trained(method, train, passes, seed, batch_size=64, lr=2e-3)}
    pictures = {"its picture": test.data, "a grey picture": torch.full_like(test.data, 128)}
    pictures["another's"] = test.data.roll(1, dims=0)
    values = values_of(test.pictures.factors)
    for name in ("class", "colour"):
        words = torch.tensor([VOCABULARY.pieces(word)[0] for word in VALUES[name]])
        hidden = torch.isin(test.labels, words)
        said = {how: told(method, images, test.labels, hidden).argmax(dim=1) for how, images in pictures.items()}
        cell[name] = {how: float((found == words[values[name]]).double().mean()) for how, found in said.items()}
        other = words[values[name].roll(1)]
        cell[name]["the other's word"] = float((said["another's"] == other).double().mean())
        cell[name]["most frequent"] = float(values[name].bincount().max() / len(test))
    return cell


ROWS: dict[str, Callable[[int], dict]] = {
    "untrained": lambda seed: shapes(seed, passes=0),
    "class": lambda seed: shapes(seed, ("class",)),
    "class and colour": lambda seed: shapes(seed, ("class", "colour")),
    "all but colour": lambda seed: shapes(seed, tuple(name for name in MENTIONS if name != "colour")),
    "everything": lambda seed: shapes(seed),
    "supervised": supervised,
    "class, sigmoid": lambda seed: shapes(seed, ("class",), loss="sigmoid"),
    "a bag of words": lambda seed: order(seed, "bag"),
    "words in order": lambda seed: order(seed, "transformer"),
    "usual order": lambda seed: order(seed, "transformer", world="usual order"),
    "own side": lambda seed: order(seed, "transformer", passes=20, world="own side"),
    "masked pair": masked,
    "glyphs": glyph_names,
    "everything, long": lambda seed: shapes(seed, passes=25, size=8000),
    "glyphs, long": lambda seed: glyph_names(seed, passes=7),
    "masked pair, long": lambda seed: masked(seed, passes=40),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--rows", nargs="+", default=list(ROWS), choices=list(ROWS), metavar="ROW")
    options = parser.parse_args()
    torch.set_num_threads(1)
    recipe = {"images": "small_cnn(16)", "text": "TokenTransformer of one block"} | TRAINING
    asked = [(seed, name) for seed in options.seeds for name in options.rows]
    add_rows("pairs", "Images with text, built-in data", recipe, asked, lambda name, seed: ROWS[name](seed))


if __name__ == "__main__":
    main()
