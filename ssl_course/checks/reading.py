"""What a student has written, read as kindly as is unambiguous: a letter, a number, the words of a text."""

import re
import unicodedata
from collections.abc import Collection
from decimal import Decimal
from numbers import Rational, Real

import numpy as np
from torch import Tensor

PASTED = re.compile(r"\W*([a-z])\s*[).:].*", re.IGNORECASE | re.DOTALL)  # a letter before the words of its option
NOTED = re.compile(  # a letter and a reason, after a dash or with "because"
    r"\W*([a-z])(?:\s+[-–—(]\s*|,?\s+(?=(?:because|since)\b))(\w\w.*)", re.IGNORECASE | re.DOTALL
)
LED_TO = re.compile(  # words that say only that a letter follows
    r"\W*(?:(?:the|my|it|it's|is|i|choose|answer|option|choice|letter|statement|prediction|row|run|cloud"
    r"|objection|right|correct|one|think)\b\W*)+"
    r"([a-z])\W*",
    re.IGNORECASE,
)
ROUGHLY = re.compile(r"^\s*(?:about|approximately|approx\.?|around|roughly|circa|ca\.?)\s+", re.IGNORECASE)
DRESS = re.compile(r"^[\W_]+|[\W_]+$")
FIGURES = r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:e[+-]?\d+)?"
NUMBER = re.compile(rf"({FIGURES})(?:/({FIGURES}))?(%?)", re.IGNORECASE)
UNIT = re.compile(  # behind a number; what multiplies it (kHz, thousand) is left there, and no number then
    r"(?:\s*(?:nats?|bits?|words?|tokens?|characters?|chars?|frames?|samples?|steps?|updates?|times|points?|ms|milliseconds?|seconds?|hz)"
    r"(?:\s*(?:per|an?|each|/)\s*[a-z]+)?)?\.?\s*$",
    re.IGNORECASE,
)
# A character of Chinese or Japanese is a word, as word processors count; three of Thai, Lao, Burmese or Khmer.
WORDS = re.compile(
    r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
    r"|[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]{1,3}"
    r"|[^\W\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]+"
)


def choice(answer: object, known: Collection[str]) -> str | None:
    """Which of the known letters or words is meant, as in "b", " B. ", "(b)", "b) its option", "row b" or ["b"]."""
    if isinstance(answer, tuple | list | set) and len(answer) == 1:
        answer = next(iter(answer))
    if not isinstance(answer, str):
        return None
    text = unicodedata.normalize("NFKC", answer)
    word, noted = DRESS.sub("", text).lower(), NOTED.fullmatch(text)
    named = PASTED.fullmatch(text) or LED_TO.fullmatch(text)
    if noted and not set(words(noted[2])) & set(known):  # "b (or c)" is no choice
        named = noted
    if word not in known and named:
        word = named[1].lower()
    return word if word in known else None


def numbers(answer: object) -> list[float]:
    """The values that an answer can mean, the likeliest first; none if it is no number.

    Read are numbers of Python, numpy and torch, and texts such as "5/8", "0,54", "-1e-3", "log(127) = 4.84",
    "about 4.84 nats", "1.2 bits a character" and "54 %", which is 0.54, or 54 where per cent were asked for.
    """
    if isinstance(answer, tuple | list) and len(answer) == 1:
        (answer,) = answer
    if isinstance(answer, str):
        return _of_text(answer)
    if isinstance(answer, bool | np.bool_):
        return []
    if isinstance(answer, Real | Rational | Decimal):
        return [float(answer)]
    if isinstance(answer, Tensor | np.ndarray) and answer.shape in ((), (1,)):
        value = answer.item()
        return [] if isinstance(value, bool | complex | str) else [float(value)]
    return []


def _of_text(text: str) -> list[float]:
    plain = unicodedata.normalize("NFKC", text).replace("\u2212", "-").replace("\u2044", "/")
    plain = ROUGHLY.sub("", plain.rpartition("=")[2])
    plain = re.sub(r"per\s?cent", "%", plain, flags=re.IGNORECASE)
    plain = UNIT.sub("", plain)
    found = NUMBER.fullmatch("".join(plain.split()).removeprefix("≈").removeprefix("~"))
    if not found:
        return []
    above, below = (float(part.replace(",", ".")) if part else 1.0 for part in found.group(1, 2))
    if below == 0:
        return []
    return [above / below / 100, above / below] if found[3] else [above / below]


def rounded(value: float, true: float) -> bool:
    """Whether a value is the true one rounded to two, three or four decimals."""
    for decimals in (2, 3, 4):
        steps = value * 10**decimals
        whole = abs(steps - round(steps)) < 1e-3 if abs(steps) < 1e12 else False
        if whole and abs(value - true) <= 0.5 / 10**decimals + 1e-9:
            return True
    return False


def words(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation; in languages without spaces, characters."""
    return [word.lower() for word in WORDS.findall(unicodedata.normalize("NFKC", text))]


def own_words(text: str, question: str, run: int = 5) -> list[str]:
    """The words of a text that aren't part of a run of words copied from the question."""
    said, asked = words(text), words(question)
    runs = {tuple(asked[start : start + run]) for start in range(len(asked) - run + 1)}
    copied = set()
    for start in range(len(said) - run + 1):
        if tuple(said[start : start + run]) in runs:
            copied.update(range(start, start + run))
    return [word for place, word in enumerate(said) if place not in copied]
