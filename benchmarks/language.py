"""Longer runs of lesson 09: masked words and the next word on the built-in sentences, characters of Python's own texts.

    python benchmarks/language.py sentences --seeds 0 1 2
    python benchmarks/language.py manual

Losses are in nats a word. `hidden` is the loss of one hidden word in each test sentence, `next` that of the next word;
each stands beside what counting reaches and beside the floor, which the grammar tells. `closed` is the share of the way
from the bigram to the floor. One thread. Arms that a table has already stay: take the file away to make them anew.
"""

import argparse
import bz2
import gzip
import json
import math
import random
import time
from datetime import date

import torch
from torch import Tensor, nn

from ssl_course import manuals, pretrain, sentences
from ssl_course.characters import Alphabet, bits, rows
from ssl_course.evaluate import linear_probe
from ssl_course.language import TokenTransformer
from ssl_course.methods.masked_words import MaskedWords, masked_cross_entropy
from ssl_course.methods.next_word import NextWord, next_word_loss
from ssl_course.ngrams import NGram
from ssl_course.results import FOLDER
from ssl_course.runs import Machine, hardware
from ssl_course.samples import Samples
from ssl_course.sentences import LENGTH, WORDS
from ssl_course.tables import as_json

RATES = {"batch_size": 64, "lr": 4e-3}
MASKED_PASSES, NEXT_PASSES = 30, 15
LAYERS = "meaning of bat, by layer"
EVERY = 500  # steps between two points of a curve


class SameMasks(nn.Module):
    """Masked words whose masks are drawn once for every sentence, as for BERT's first data (there ten of each)."""

    def __init__(self, method: MaskedWords):
        super().__init__()
        self.method, self.encoder, self.masks = method, method.encoder, {}

    def views(self, tokens: Tensor) -> tuple[Tensor, ...]:
        for row in tokens:
            key = tuple(row.tolist())
            if key not in self.masks:
                self.masks[key] = [part[0] for part in self.method.views(row[None])]
        kept = [self.masks[tuple(row.tolist())] for row in tokens]
        return tuple(torch.stack(parts) for parts in zip(*kept, strict=True))

    def logits(self, tokens: Tensor) -> Tensor:
        return self.method.logits(tokens)

    def forward(self, *views: Tensor) -> Tensor:
        return self.method(*views)


def masked(share: float = 0.3, **options: bool) -> MaskedWords:
    return MaskedWords(TokenTransformer(len(WORDS), LENGTH, depth=2, **options), share=share)


def next_word(**options: bool) -> NextWord:
    return NextWord(TokenTransformer(len(WORDS), LENGTH, depth=2, causal=True, **options))


ARMS = {  # how to build it, passes
    "next word": (next_word, NEXT_PASSES),
    "next word, no places": (lambda: next_word(places=False), NEXT_PASSES),
    "masked, 30 %": (masked, MASKED_PASSES),
    "masked, 15 %": (lambda: masked(0.15), MASKED_PASSES),
    "masked, 5 %": (lambda: masked(0.05), MASKED_PASSES),
    "masked, 80 %": (lambda: masked(0.8), MASKED_PASSES),
    "masked, no places": (lambda: masked(places=False), MASKED_PASSES),
    "masked, never redrawn": (lambda: SameMasks(masked()), MASKED_PASSES),
}


def sentences_table(seeds: list[int]) -> None:
    file = FOLDER / "language_sentences.json"
    result = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"seeds": {}}
    every = " ".join(sorted({*result["seeds"], *map(str, seeds)}))
    result |= {"caption": "Longer runs on 8,000 built-in sentences"}
    result |= {"command": f"python benchmarks/language.py sentences --seeds {every}"}
    result |= {"hardware": hardware(Machine("cpu", "fp32", 1)), "date": str(date.today()), "rates": RATES}
    for seed in seeds:
        train, test = sentences.load("train", seed=seed), sentences.load("test", size=1000, seed=seed)
        made = result["seeds"].setdefault(str(seed), {})
        made["counting"] = counted(train, test)
        torch.manual_seed(seed)
        made["masked, untrained"] = {LAYERS: meanings(masked().encoder, train, test)}
        file.write_text(as_json(result), encoding="utf-8")
        for title, (build, passes) in ARMS.items():
            if title in made:
                continue
            made[title] = trained(build, passes, train, test, made["counting"], seed)
            print(seed, title, {name: value for name, value in made[title].items() if name != "curve"}, flush=True)
            file.write_text(as_json(result), encoding="utf-8")


def counted(train: Samples, test: Samples) -> dict:
    """What counting and the grammar itself reach on the test sentences."""
    hidden, chosen = sentences.hide_one(test.data)
    models = {order: NGram(order, len(WORDS)).fit(train.data) for order in (1, 2, 3, 4, 5)}
    true = -float(test.factors["log_probability"].sum() / test.factors["words"].sum())
    row = {f"{order}-gram": model.loss(test.data) for order, model in models.items()}
    row |= {"entropy": true, "hidden floor": sentences.masked_floor(hidden, test.data)}
    told = [(row_[max(0, place - 1) : place].tolist(), int(row_[place])) for row_, place in _places(test.data, chosen)]
    row["hidden, both sides"] = both_sides(models[2], test.data, chosen)
    row["hidden bigram"] = -sum(math.log(models[2].chance(token, context)) for context, token in told) / len(told)
    return row


def both_sides(bigram: NGram, tokens: Tensor, chosen: Tensor) -> float:
    """The loss of hidden words told by both neighbours: p(w | left) p(right | w), counted, and scaled to sum to 1."""
    table = torch.tensor(
        [[bigram.chance(word, [before]) for word in range(len(WORDS))] for before in range(len(WORDS))]
    )
    table[sentences.TOKENS["."], sentences.PAD] = 1  # what follows a full stop
    every, at = torch.arange(len(tokens)), chosen.int().argmax(dim=1)
    both = table[tokens[every, at - 1]] * table[:, tokens[every, at + 1]].T  # (N, words)
    return -(both / both.sum(dim=1, keepdim=True))[every, tokens[every, at]].log().mean().item()


def _places(tokens: Tensor, chosen: Tensor) -> list[tuple[Tensor, int]]:
    return [(row, int(mask.float().argmax())) for row, mask in zip(tokens, chosen, strict=True)]


def trained(build, passes: int, train: Samples, test: Samples, counting: dict, seed: int) -> dict:
    torch.manual_seed(seed)
    method, curve = build(), []
    causal = method.encoder.causal

    def look(step: dict) -> None:
        if step["step"] % EVERY == 0 or step["step"] == step["steps"]:
            curve.append({"step": step["step"]} | judged(method, test, counting, causal))
            method.train()

    start = time.process_time()
    pretrain(
        method,
        train,
        epochs=passes,
        seed=seed,
        on_step=look,
        precision="fp32",
        threads=1,
        watch=False,
        progress=False,
        **RATES,
    )
    about = {"passes": passes, "processor_seconds": round(time.process_time() - start), "curve": curve}
    return curve[-1] | {LAYERS: meanings(method.encoder, train, test)} | about


@torch.no_grad()
def meanings(encoder: TokenTransformer, train: Samples, test: Samples) -> list[float]:
    """How well a linear probe tells an animal from a thing by the vector at "bat", in each layer."""
    known, asked = (part[part.factors["meaning"] > 0] for part in (train, test))
    vectors = []
    for part in (known, asked):
        place = torch.arange(len(part)), part.factors["subject"]
        vectors.append([layer[place] for layer in encoder.eval().layers(part.data)])
    labels = known.factors["meaning"], asked.factors["meaning"]
    return [linear_probe(one, labels[0], other, labels[1]) for one, other in zip(*vectors, strict=True)]


@torch.no_grad()
def judged(method: nn.Module, test: Samples, counting: dict, causal: bool) -> dict:
    method.eval()
    verb, rows_ = test.factors["verb"], torch.arange(len(test))
    if causal:
        loss = float(next_word_loss(method.logits(test.data), test.data))
        low, high, name = counting["entropy"], counting["2-gram"], "next"
        said = method.logits(test.data)[rows_, verb - 1]
    else:
        hidden, chosen = sentences.hide_one(test.data)
        loss = float(masked_cross_entropy(method.logits(hidden), test.data, chosen))
        low, high, name = counting["hidden floor"], counting["hidden bigram"], "hidden"
        said = method.logits(sentences.hide_verbs(test))[rows_, verb]
    right = sentences.agrees(said, test.factors["number"]).float()
    distance = test.factors["distance"]
    agreement = {str(words): float(right[distance == words].mean()) for words in range(1, 9)}
    return {name: loss, "closed": (high - loss) / (high - low), "agreement": agreement}


def manual_table() -> None:
    """Characters: bits a character on held-back chapters and docstrings, after so many characters read."""
    documents = manuals.topics() + manuals.docstrings()
    random.Random(0).shuffle(documents)
    train, test = manuals.split(documents)
    alphabet = Alphabet(train)
    length, most = 96, 40_000
    rows_, told = rows(alphabet.tokens(train), length), rows(alphabet.tokens(test)[:most], length)
    result = {"caption": "Bits a character on Python's manual and docstrings", "date": str(date.today())}
    result |= {"command": "python benchmarks/language.py manual", "hardware": hardware(Machine("cpu", "fp32", 1))}
    result |= {
        "characters": len(train),
        "alphabet": len(alphabet),
        "counting": counted_characters(train, test[:most], alphabet),
    }
    torch.manual_seed(0)
    network = TokenTransformer(len(alphabet), length, causal=True, padding=None, width=96, depth=3)
    method, result["curve"], start = NextWord(network), [], time.process_time()

    def look(step: dict) -> None:
        if step["step"] % EVERY == 0 or step["step"] == step["steps"]:
            method.eval()
            with torch.no_grad():
                loss = sum(
                    float(next_word_loss(method.logits(part), part, None)) * len(part) for part in told.split(64)
                )
            point = {"read": step["step"] * 32 * length, "bits": bits(loss / len(told))}
            point["processor_seconds"] = round(time.process_time() - start)
            result["curve"].append(point)
            print(point, flush=True)
            (FOLDER / "language_manual.json").write_text(as_json(result), encoding="utf-8")
            method.train()

    pretrain(
        method,
        rows_,
        epochs=6,
        batch_size=32,
        lr=3e-3,
        on_step=look,
        precision="fp32",
        threads=1,
        watch=False,
        progress=False,
    )


def counted_characters(train: str, test: str, alphabet: Alphabet) -> dict[str, float]:
    """Bits a character of the test text: packed by itself, and told by counting the training text."""
    packed = {"gzip": gzip.compress, "bz2": bz2.compress}
    row = {name: 8 * len(pack(test.encode())) / len(test) for name, pack in packed.items()}
    known, asked = alphabet.tokens(train)[None], alphabet.tokens(test)[None]
    for order in (1, 2, 3, 4, 5, 6):
        row[f"{order}-gram"] = bits(NGram(order, len(alphabet), padding=None).fit(known).loss(asked))
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", choices=["sentences", "manual"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    torch.set_num_threads(1)
    sentences_table(options.seeds) if options.table == "sentences" else manual_table()


if __name__ == "__main__":
    main()
