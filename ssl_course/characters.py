"""Text as a row of characters: the smallest vocabulary that leaves nothing out."""

import math

import torch
from torch import Tensor

OTHERS = "\N{REPLACEMENT CHARACTER}"  # stands for every character that the alphabet doesn't have


class Alphabet:
    """The characters of a text, most frequent first; token 0 stands for all others.

    Args:
        text: where they are taken from.
        size: how many at most, with the one for all others.

    Raises:
        ValueError: if the text is empty, or size is below 2.
    """

    def __init__(self, text: str, size: int = 128):
        if not text or size < 2:
            raise ValueError(f"an alphabet needs a text and a size of at least 2, got {len(text)} characters, {size}")
        counts: dict[str, int] = {}
        for character in text:
            counts[character] = counts.get(character, 0) + 1
        self.characters = (OTHERS, *sorted(counts, key=lambda one: (-counts[one], one))[: size - 1])
        self._tokens = {character: token for token, character in enumerate(self.characters)}

    def __len__(self) -> int:
        return len(self.characters)

    def tokens(self, text: str) -> Tensor:
        """A text as int64 (characters,)."""
        return torch.tensor([self._tokens.get(character, 0) for character in text], dtype=torch.int64)

    def text(self, tokens: Tensor) -> str:
        return "".join(self.characters[int(token)] for token in tokens)


def rows(tokens: Tensor, length: int) -> Tensor:
    """A long text (N,) cut into rows (N // length, length) one after the other; the rest is left out.

    Raises:
        ValueError: if the text is shorter than a row, or length is below 2.
    """
    if length < 2 or len(tokens) < length:
        raise ValueError(f"rows of {length} (at least 2) can't be cut from {len(tokens)} tokens")
    return tokens[: len(tokens) // length * length].view(-1, length)


def bits(nats: float) -> float:
    """A loss in nats as bits: a bit is log(2) nats, the surprise of a fair coin."""
    return nats / math.log(2)
