"""Captions of the built-in images, written from the factors they were drawn from: "a small orange star at the upper
left on a dark ground".

A caption may mention class, colour, size, place and ground; what it mentions, and in which wording, can be chosen.
Combinations, such as orange stars at the upper left, can be held out of training. The words are chosen by NumPy's
generator alone, so that a seed gives the same captions on every platform.
"""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from ssl_course.data import load as load_images
from ssl_course.pairs import Pairs
from ssl_course.samples import Samples
from ssl_course.shapes import CLASSES, SIZE
from ssl_course.vocabulary import Vocabulary

VALUES = {  # what a caption can mention, and the words for it
    "class": CLASSES,
    "colour": ("red", "purple", "blue", "teal", "green", "orange"),  # sixths of the hue, light or dark: maroon is red
    "size": ("small", "large"),  # radius below 10 pixels, or not
    "place": ("upper left", "upper right", "lower left", "lower right"),  # of the shape's centre
    "ground": ("dark", "bright"),  # luminance below a half, or not
}
MENTIONS = tuple(VALUES)
WORDINGS = ("{thing} {place} {ground}", "a picture of {thing} {place} {ground}")
WORDINGS += ("{place} {ground} there is {thing}", "{ground} we see {thing} {place}")
TEMPLATES = ("{}", "a picture of {}", "there is {}", "we see {}")  # around what a prompt says
MIDDLE = (SIZE - 1) / 2


def values_of(factors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Which of VALUES each image has: from the factors of `shapes.draw`, (N,) each, to int64 indices (N,)."""
    hue = torch.as_tensor(factors["hue"])
    lower, right = (torch.as_tensor(factors[axis]) >= MIDDLE for axis in ("y", "x"))
    return {
        "class": torch.as_tensor(factors["class"]).long(),
        "colour": (hue * len(VALUES["colour"])).long(),
        "size": (torch.as_tensor(factors["size"]) >= 10).long(),
        "place": 2 * lower.long() + right.long(),
        "ground": (torch.as_tensor(factors["ground"]) >= 0.5).long(),
    }


def say(mentioned: Mapping[str, int], wording: str = WORDINGS[0]) -> str:
    """A caption of what is mentioned, an index into each of VALUES; of nothing it is "a shape".

    Args:
        mentioned: say({"class": 4, "colour": 5}) is "an orange star".
        wording: with {thing}, {place} and {ground}.

    Raises:
        ValueError: if there is nothing of such a name to be mentioned.
    """
    _check_mentions(tuple(mentioned))
    words = {name: VALUES[name][value] for name, value in mentioned.items() if value >= 0}
    noun = [words[name] for name in ("size", "colour") if name in words] + [words.get("class", "shape")]
    parts = {"thing": " ".join([_article(noun[0]), *noun]), "place": "", "ground": ""}
    if "place" in words:
        parts["place"] = f"at the {words['place']}"
    if "ground" in words:
        parts["ground"] = f"on a {words['ground']} ground"
    return " ".join(wording.format(**parts).split())


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def _check_mentions(names: Sequence[str]) -> None:
    unknown = [name for name in names if name not in VALUES]
    if unknown:
        raise ValueError(f"a caption can mention {', '.join(MENTIONS)}, got {unknown[0]!r}")


def _vocabulary() -> Vocabulary:
    """Every word that a caption or a prompt may have, in alphabetical order; rows fit the longest caption."""
    nouns = (word for values in VALUES.values() for phrase in values for word in phrase.split())
    frames = (word for text in (*WORDINGS, *TEMPLATES) for word in text.split() if "{" not in word)
    words = sorted({*nouns, *frames, *["a", "an", "at", "on", "the", "ground", "shape"]})
    everything = dict.fromkeys(MENTIONS, 0)
    longest = max(len(say(everything, wording).split()) for wording in WORDINGS)
    return Vocabulary(words, longest + 1)


VOCABULARY = _vocabulary()


def write(
    factors: Mapping[str, Tensor],
    *,
    mention: Sequence[str] = MENTIONS,
    share: float = 1.0,
    wordings: Sequence[str] = WORDINGS,
    seed=0,
) -> Samples:
    """A caption for each image.

    Args:
        factors: of the images, as `shapes.draw` gives them.
        mention: what captions tell, names of VALUES; () for captions that tell nothing.
        share: the chance with which each of these is told, in (0, 1].
        wordings: among which each caption's is drawn.
        seed: an integer or a sequence of integers.

    Returns:
        Tokens (N, L) with factors: for each of VALUES the index of what is said, or -1 where nothing is, and `wording`.

    Raises:
        ValueError: if mention, share or wordings is out of range.
    """
    _check_mentions(mention)
    if not 0 < share <= 1:
        raise ValueError(f"share must be in (0, 1], got {share}")
    if not wordings:
        raise ValueError("there must be at least one wording")
    random = np.random.default_rng(seed)
    values = values_of(factors)
    count = len(values["class"])
    wording = random.integers(len(wordings), size=count)
    lots = random.random((count, len(MENTIONS)))  # for all of them, so that captions differ in nothing but the mention
    said = {
        name: torch.where(torch.from_numpy((lots[:, place] < share) & (name in mention)), values[name], -1)
        for place, name in enumerate(MENTIONS)
    }
    texts = [
        say({name: int(said[name][number]) for name in MENTIONS}, wordings[wording[number]]) for number in range(count)
    ]
    return Samples(VOCABULARY.rows(texts), factors=said | {"wording": torch.from_numpy(wording)})


def load(
    split: str = "train",
    *,
    size: int | None = None,
    seed: int = 0,
    mention: Sequence[str] = MENTIONS,
    share: float = 1.0,
    wordings: Sequence[str] = WORDINGS,
    distractors: bool = False,
    upright: bool = False,
) -> Pairs:
    """Built-in images with captions.

    Args:
        split, size, seed, distractors, upright: of the images, as in `ssl_course.load`; the same seed gives the same
            images whatever is said of them.
        mention, share, wordings: of the captions, as in `write`.
    """
    pictures = load_images("shapes", split, size=size, seed=seed, distractors=distractors, upright=upright)
    captions_seed = (seed, ("train", "test").index(split), 1)  # the images are drawn with the first two
    captions = write(pictures.factors, mention=mention, share=share, wordings=wordings, seed=captions_seed)
    return Pairs(pictures, captions, VOCABULARY)


def held_out(*, share: float = 0.1, of: Sequence[str] = ("class", "colour", "place"), seed: int = 0) -> Tensor:
    """Which combinations training is not to see: bool, an axis for each name in `of`.

    As many for each value of the first name, at least one; every value of the others stays in training.

    Args:
        share: of all combinations, in (0, 1).
        of: two or more names of VALUES.
        seed: another one holds out others; it has nothing to do with that of the images.

    Raises:
        ValueError: if an argument is out of range, or so many are held out that a value would never be seen.
    """
    _check_mentions(of)
    if len(of) < 2 or len(set(of)) < len(of):
        raise ValueError(f"a combination needs two or more different names, got {', '.join(of) or 'none'}")
    if not 0 < share < 1:
        raise ValueError(f"share must be in (0, 1), got {share}")
    shape = [len(VALUES[name]) for name in of]
    others = int(np.prod(shape[1:]))
    count = max(1, round(share * others))
    random = np.random.default_rng(seed)
    grid = np.zeros((shape[0], others), dtype=bool)
    for row in grid:
        row[random.permutation(others)[:count]] = True
    grid = torch.from_numpy(grid).view(shape)
    for axis, name in enumerate(of):
        never = grid.transpose(0, axis).flatten(1).all(dim=1)
        if never.any():
            value = VALUES[name][int(never.nonzero()[0])]
            raise ValueError(f"with share={share} training would never see {name} {value!r}: hold out fewer")
    return grid


def split_by_combination(
    pairs: Pairs, *, share: float = 0.1, of: Sequence[str] = ("class", "colour", "place"), seed: int = 0
) -> tuple[Pairs, Pairs]:
    """The pairs to train on, and those of the combinations that are held out; see `held_out`.

    What an image shows decides, whatever its caption mentions. The same seed holds out the same of every set.
    """
    grid, values = held_out(share=share, of=of, seed=seed), values_of(pairs.pictures.factors)
    out = grid[tuple(values[name] for name in of)]
    return pairs[~out], pairs[out]


def prompts(name: str = "class", *, templates: Sequence[str] = TEMPLATES[:1], others: Sequence[str] = ()) -> Tensor:
    """Prompts for zero-shot classification: tokens (K, T, L), K values of `name`, T ways to say each.

    Args:
        name: of VALUES: "class" gives "a disc", "a ring", …, "colour" "a red shape", …
        templates: each with {} where the thing stands; several are an ensemble.
        others: what else prompts mention, in all its values, and with each template.

    Raises:
        ValueError: if nothing is called so, or a template has a word that captions don't have.
    """
    _check_mentions((name, *others))
    if not templates:
        raise ValueError("there must be at least one template")
    filled = list(itertools.product(*(range(len(VALUES[other])) for other in others)))
    rows = [
        [
            VOCABULARY.tokens(template.format(say({name: value, **dict(zip(others, more, strict=True))})))
            for template in templates
            for more in filled
        ]
        for value in range(len(VALUES[name]))
    ]
    return torch.stack([torch.stack(row) for row in rows])
