"""The built-in sentences: a small grammar of which we know everything, even how well it can be predicted at best.

A sentence tells where, which animal or thing, and what it does: "in the garden the small black cats near the red ball
often sleep ." What a reader has to notice is planted. The verb agrees with its subject, one to eight words before it,
and the nouns between have numbers of their own. A `bat` flies or breaks. A place makes some verbs likelier, a noun has
its usual colour, and no verb depends on a colour.

The grammar is a probabilistic context-free one without recursion, and a sentence can be made in one way only. So its
probability is a product, and the entropy of all sentences a sum over the rules (Grenander 1967, Syntax-controlled
probabilities; Cover & Thomas 2006, Elements of Information Theory, sections 2.5 and 4.2).
"""

import functools
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from ssl_course.samples import Samples

Symbol = tuple  # what rules expand, its name first; a word of the sentence is a plain str
Rules = list[tuple[float, tuple[Symbol | str, ...]]]

COLOURS = ("red", "blue", "green", "yellow", "black", "white")
PLACES = ("garden", "house", "water", "street")  # and none
NUMBERS = ("singular", "plural")
# with their usual colours, the most frequent first
ANIMALS = {"cat": "black", "bat": "black", "dog": "white", "bird": "blue", "frog": "green", "horse": "red"}
THINGS = {"cube": "blue", "bat": "yellow", "ball": "red", "star": "yellow", "ring": "yellow", "lamp": "white"}
SHAPES = {"cube": "square", "ball": "round", "star": "flat", "ring": "round", "lamp": "flat", "bat": "flat"}
DOES = {  # in which place a verb is likely, None where that makes no difference
    "animal": {"sleep": "house", "run": "street", "eat": "garden", "swim": "water", "see": None, "chase": None},
    "thing": {"roll": "street", "break": "house", "shine": "garden", "float": "water", "fall": None, "hit": None},
}
TRANSITIVE = ("see", "chase", "hit")
MEANINGS = ("another word", "animal", "thing")  # of "bat"

SPECIAL = ("<pad>", "<mask>", "<start>")  # fills up a short sentence; stands for a hidden word; comes before the first
PAD, MASK, START = range(3)
LENGTH = 21  # tokens of a row: a start, at most 20 words with the full stop, and padding


def plural(noun: str) -> str:
    return noun + "s"


def verb_form(verb: str, number: str) -> str:
    """The verb as it goes with a subject of this number: "the cat sleeps", "the cats sleep"."""
    return verb if number == "plural" else verb + "s"


# --- the grammar


def _either(*words: str) -> Rules:
    return [(1 / len(words), (word,)) for word in words]


def _maybe(share: float, *part: Symbol | str) -> Rules:
    return [(share, part), (1 - share, ())]


def _zipf(count: int) -> np.ndarray:
    """Probabilities of the first, second … most frequent word, as 1, 1/2, 1/3 …"""
    weights = 1 / np.arange(1, count + 1)
    return weights / weights.sum()


def _favourite(words: Sequence[str], best: str, share: float) -> Rules:
    rest = (1 - share) / (len(words) - 1)
    return [(share if word == best else rest, (word,)) for word in words]


def _noun_phrase() -> Rules:
    """Any noun but a bat, in any number, perhaps with its colour: what stands between subject and verb, or is seen."""
    nouns = {noun: colour for noun, colour in (ANIMALS | THINGS).items() if noun != "bat"}
    rules = []
    for share, noun in zip(_zipf(len(nouns)), nouns, strict=True):
        for form in (noun, plural(noun)):
            rules.append((share / 2, ("the", ("its colour", nouns[noun]), form)))
    return rules


def _subjects(place: str | None) -> Rules:
    """Which animal or thing the sentence is about, in which number, and all that follows from it."""
    rules = []
    for kind, nouns in (("animal", ANIMALS), ("thing", THINGS)):
        for share, noun in zip(_zipf(len(nouns)), nouns, strict=True):
            for number in NUMBERS:
                rules.append((share / 4, (("clause", place, kind, noun, number),)))
    return rules


def _clause(place: str | None, kind: str, noun: str, number: str) -> Rules:
    form = noun if number == "singular" else plural(noun)
    shape = (("shape", SHAPES[noun]),) if kind == "thing" else ()
    colour = (ANIMALS if kind == "animal" else THINGS)[noun]
    subject = ("the", ("size",), *shape, ("own colour", colour), ("subject", form))
    return [(1.0, (*subject, ("between",), ("verb", place, kind, number), "."))]


def _verb(place: str | None, kind: str, number: str) -> Rules:
    verbs, rules = DOES[kind], []
    likely = [verb for verb, where in verbs.items() if where == place and place is not None]
    for verb in verbs:
        share = 1 / len(verbs) if not likely else 0.7 if verb in likely else 0.3 / (len(verbs) - 1)
        rules.append((share, (verb_form(verb, number), *((("noun phrase",),) if verb in TRANSITIVE else ()))))
    return rules


def _sentence() -> Rules:
    places = [(0.6 / len(PLACES), ("in", "the", place, ("subjects", place))) for place in PLACES]
    return [*places, (0.4, (("subjects", None),))]


def _between() -> Rules:
    """What stands between the subject and its verb: up to seven words."""
    return [
        (0.3, (("adverb",),)),
        (0.15, (("outside",), ("adverb",))),
        (0.3, (("aside",), ("noun phrase",), ("adverb",))),
        (0.25, (("aside",), ("noun phrase",), ("aside",), ("plain phrase",))),
    ]


EXPANSIONS: dict[str, Callable[..., Rules]] = {  # what a symbol may become, from its features
    "sentence": _sentence,
    "subjects": _subjects,
    "clause": _clause,
    "verb": _verb,
    "between": _between,
    "noun phrase": _noun_phrase,
    "plain phrase": lambda: [(share, (the, noun)) for share, (the, _, noun) in _noun_phrase()],
    "subject": lambda noun: [(1.0, (noun,))],
    "size": lambda: [(0.2, ("small",)), (0.2, ("big",)), (0.6, ())],
    "shape": lambda best: _maybe(0.3, ("a shape", best)),
    "a shape": lambda best: _favourite(("round", "square", "flat"), best, 0.8),
    "own colour": lambda best: _maybe(0.5, ("colour", best)),
    "colour": lambda best: _favourite(COLOURS, best, 0.5),
    "its colour": lambda best: _maybe(0.3, ("a colour", best)),
    "a colour": lambda best: _favourite(COLOURS, best, 0.5),
    "adverb": lambda: [(0.15, ("often",)), (0.15, ("slowly",)), (0.7, ())],
    "outside": lambda: _either("here", "there"),
    "aside": lambda: _either("near", "behind"),
}


@functools.cache
def rules_of(symbol: Symbol) -> Rules:
    """What a symbol may become: probabilities and parts."""
    name, *features = symbol
    return EXPANSIONS[name](*features)


SENTENCE: Symbol = ("sentence",)


def _symbols() -> Iterator[Symbol | str]:
    """Every symbol and word that a sentence may need, each once, in a fixed order."""
    waiting, seen = [SENTENCE], set()
    while waiting:
        part = waiting.pop(0)
        if part not in seen:
            seen.add(part)
            yield part
            if not isinstance(part, str):
                waiting += [child for _, parts in rules_of(part) for child in parts]


WORDS = (*SPECIAL, *sorted(part for part in _symbols() if isinstance(part, str)))  # the vocabulary, by token
TOKENS = {word: token for token, word in enumerate(WORDS)}


# --- sentences


def draw(count: int, *, seed=0) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Draw `count` sentences and return them with what they were made of.

    Args:
        count: how many, at least 1.
        seed: an integer or a sequence of integers; the same seed gives the same sentences on every platform.

    Returns:
        tokens, int64 (count, LENGTH): START, the words, and PAD; and factors, each (count,): `number` of the subject
        (index into NUMBERS), `place` (into PLACES, or -1), `colour` of the subject (into COLOURS, or -1), `meaning`
        (into MEANINGS), `subject` and `verb` (where in the row these words stand), `distance` (between them, in
        words), `words` (with the full stop), and `log_probability` of the sentence, in nats.

    Raises:
        ValueError: if count is below 1.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    random = np.random.default_rng(seed)
    tokens = np.full((count, LENGTH), PAD, dtype=np.int64)
    tokens[:, 0] = START
    rows = []
    for row in tokens:
        words, made_of, log_probability = _derive(random)
        row[1 : len(words) + 1] = [TOKENS[word] for word in words]
        rows.append(_factors(words, made_of) | {"log_probability": log_probability})
    return tokens, {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _derive(random: np.random.Generator) -> tuple[list[str], dict[str, tuple[int, Symbol]], float]:
    """One sentence, the symbols in it that tell something with their places, and the log of its probability."""
    words, made_of, log_probability, waiting = [], {}, 0.0, [SENTENCE]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            words.append(part)
            continue
        made_of.setdefault(part[0], (len(words), part))
        probability, parts = _chosen(rules_of(part), random.random())
        log_probability += math.log(probability)
        waiting += reversed(parts)
    return words, made_of, log_probability


def _chosen(rules: Rules, lot: float) -> tuple[float, tuple[Symbol | str, ...]]:
    """The rule on which a lot in [0, 1) falls."""
    for rule in rules:
        lot -= rule[0]
        if lot < 0:
            return rule
    return rules[-1]  # probabilities that add up to a little less than 1


def _factors(words: list[str], made_of: dict[str, tuple[int, Symbol]]) -> dict[str, int]:
    _, place, kind, noun, number = made_of["clause"][1]
    subject, verb = made_of["subject"][0] + 1, made_of["verb"][0] + 1  # a row begins with START
    colour = COLOURS.index(words[made_of["colour"][0]]) if "colour" in made_of else -1
    return {
        "number": NUMBERS.index(number),
        "place": -1 if place is None else PLACES.index(place),
        "colour": colour,
        "meaning": MEANINGS.index(kind) if noun == "bat" else 0,
        "subject": subject,
        "verb": verb,
        "distance": verb - subject,
        "words": len(words),
    }


def load(split: str = "train", *, size: int | None = None, seed: int = 0) -> Samples:
    """Built-in sentences with their factors; the labels are the subject's number.

    Args:
        split: "train" or "test".
        size: how many; default 8,000 to train on, 2,000 to test with.
        seed: another one draws others.

    Raises:
        ValueError: if the split is neither, or size is below 1.
    """
    sizes = {"train": 8000, "test": 2000}
    if split not in sizes:
        raise ValueError(f"split must be train or test, got {split!r}")
    count = sizes[split] if size is None else size
    tokens, factors = draw(count, seed=(seed, list(sizes).index(split)))
    known = {name: torch.from_numpy(values) for name, values in factors.items()}
    return Samples(torch.from_numpy(tokens), known["number"], NUMBERS, known)


def text(tokens: Tensor | Sequence[int]) -> str:
    """A row of tokens as words; what fills it up, and the start, are left out."""
    return " ".join(WORDS[int(token)] for token in tokens if int(token) not in (PAD, START))


def tokens_of(sentence: str) -> Tensor:
    """The row of tokens (LENGTH,) of a sentence: `text` undoes it. "<mask>" is a word, too.

    Raises:
        ValueError: if a word isn't of the vocabulary, or the sentence doesn't fit into a row.
    """
    words = sentence.split()
    unknown = [word for word in words if word not in TOKENS]
    if unknown:
        raise ValueError(f"the grammar has no word {unknown[0]!r}: its words are {', '.join(WORDS[len(SPECIAL) :])}")
    if len(words) >= LENGTH:
        raise ValueError(f"a row has room for {LENGTH - 1} words, got {len(words)}")
    row = torch.full((LENGTH,), PAD)
    row[0] = START
    row[1 : len(words) + 1] = torch.tensor([TOKENS[word] for word in words])
    return row


# --- what can be known of them exactly


@functools.cache
def _expected(symbol: Symbol | str) -> tuple[float, float]:
    """Entropy in nats, and words on average, of what a symbol becomes."""
    if isinstance(symbol, str):
        return 0.0, 1.0
    entropy = words = 0.0
    for probability, parts in rules_of(symbol):
        below = [_expected(part) for part in parts]
        entropy += probability * (sum(nats for nats, _ in below) - math.log(probability))
        words += probability * sum(count for _, count in below)
    return entropy, words


def entropy() -> float:
    """The entropy of a sentence per word, in nats: no model can predict the next word with a smaller mean loss.

    The full stop counts as a word.
    """
    nats, words = _expected(SENTENCE)
    return nats / words


def log_probability(tokens: Tensor | Sequence[int]) -> float:
    """The log of a sentence's probability, in nats; -inf if the grammar has no such sentence.

    A MASK stands for any word: the probabilities of all sentences are added that it may be.

    Args:
        tokens: a row (L,), as `draw` gives it.
    """
    words = [None if token == MASK else WORDS[token] for token in map(int, tokens) if token not in (PAD, START)]
    chances = _chances(SENTENCE, 0, words, {})
    return math.log(chances[len(words)]) if len(words) in chances else -math.inf


def _chances(symbol: Symbol | str, start: int, words: list[str | None], known: dict) -> dict[int, float]:
    """With what probability a symbol becomes the words from `start` to each possible end."""
    if isinstance(symbol, str):
        return {start + 1: 1.0} if start < len(words) and words[start] in (None, symbol) else {}
    if (symbol, start) not in known:
        ends = {}
        for probability, parts in rules_of(symbol):
            reached = {start: probability}
            for part in parts:
                reached = _then(part, reached, words, known)
            for end, chance in reached.items():
                ends[end] = ends.get(end, 0.0) + chance
        known[symbol, start] = ends
    return known[symbol, start]


def _then(part: Symbol | str, reached: dict[int, float], words: list[str | None], known: dict) -> dict[int, float]:
    """Where one is after one more part, from each place reached so far."""
    ends = {}
    for start, chance in reached.items():
        for end, more in _chances(part, start, words, known).items():
            ends[end] = ends.get(end, 0.0) + chance * more
    return ends


def masked_floor(hidden: Tensor, tokens: Tensor) -> float:
    """The smallest mean loss, in nats, with which the hidden words can be told from the visible ones.

    Each hidden word is judged by itself, as a masked model does it: -log p(word | visible words).

    Args:
        hidden: (B, L), some words replaced by MASK.
        tokens: (B, L), the same sentences with all their words.

    Raises:
        ValueError: if nothing is hidden.
    """
    losses = []
    for row, whole in zip(hidden, tokens, strict=True):
        places = (row == MASK).nonzero().flatten().tolist()
        visible = log_probability(row) if places else 0.0
        for place in places:
            with_word = row.clone()
            with_word[place] = whole[place]
            losses.append(visible - log_probability(with_word))
    if not losses:
        raise ValueError("no word is hidden: there is nothing to predict")
    return float(np.mean(losses))


# --- how well a model knows them


def hide_one(tokens: Tensor, *, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Hide one word of each sentence, each of its words with the same chance.

    Args:
        tokens: (N, L).

    Returns:
        the sentences with a MASK (N, L), and where it stands, bool (N, L).
    """
    random = torch.Generator().manual_seed(seed)
    words = (tokens >= len(SPECIAL)).sum(dim=1)  # (N,), the first is at place 1
    places = 1 + (torch.rand(len(tokens), generator=random) * words).long()
    chosen = torch.zeros_like(tokens, dtype=torch.bool)
    chosen[torch.arange(len(tokens)), places] = True
    return tokens.masked_fill(chosen, MASK), chosen


def hide_verbs(data: Samples) -> Tensor:
    """The sentences with their verbs hidden, (N, L)."""
    hidden = data.data.clone()
    hidden[torch.arange(len(data)), data.factors["verb"]] = MASK
    return hidden


def agrees(logits: Tensor, number: Tensor) -> Tensor:
    """Whether a model finds verbs of the subject's number likelier than those of the other, all verbs together.

    Args:
        logits: what it says of the word that is the verb, (N, V).
        number: of the subject, (N,), an index into NUMBERS.

    Returns:
        bool (N,).
    """
    chances = logits.float().softmax(dim=1)
    by_number = [
        chances[:, [TOKENS[verb_form(verb, name)] for verbs in DOES.values() for verb in verbs]].sum(dim=1)
        for name in NUMBERS
    ]
    return torch.stack(by_number, dim=1).argmax(dim=1) == number
