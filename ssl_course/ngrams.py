"""Counting, the oldest model of text: how often has this token followed those before it?

An n-gram model mixes the counts of the longest context with those of the shorter ones, by Witten and Bell's rule: the
more different tokens have followed a context, the less it is trusted (Ian Witten, Timothy Bell: The Zero-Frequency
Problem. IEEE Transactions on Information Theory 1991, method C; interpolated as in Stanley Chen, Joshua Goodman: An
Empirical Study of Smoothing Techniques for Language Modeling. 1998, section 2.6).
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from torch import Tensor


class NGram:
    """The chance of a token after the `order` - 1 tokens before it.

    Args:
        order: 1 (unigram: the frequency of the token alone), 2 (bigram), 3 …
        vocabulary: how many tokens there are; each gets some chance in any context.
        padding: a token that ends a row and is neither counted nor told; None if there is none.

    Raises:
        ValueError: if order or vocabulary is below 1.
    """

    def __init__(self, order: int, vocabulary: int, *, padding: int | None = 0):
        if order < 1 or vocabulary < 1:
            raise ValueError(f"order and vocabulary must be at least 1, got {order} and {vocabulary}")
        self.order, self.vocabulary, self.padding = order, vocabulary, padding
        self.counts: dict[tuple[int, ...], Counter] = defaultdict(Counter)  # context -> what followed, how often
        self.totals: Counter = Counter()  # context -> how often it was followed by anything

    def fit(self, rows: Tensor | Sequence[Sequence[int]]) -> "NGram":
        """Count every token but a row's first, after contexts of all lengths."""
        for row in self._rows(rows):
            for place in range(1, len(row)):
                for length in range(min(self.order, place + 1)):
                    context = row[place - length : place]
                    self.counts[context][row[place]] += 1
                    self.totals[context] += 1
        return self

    def chance(self, token: int, context: Sequence[int] = ()) -> float:
        """The chance of a token after a context, of which the last order - 1 tokens count."""
        context, chance = tuple(context), 1 / self.vocabulary
        for length in range(min(self.order, len(context) + 1)):
            part = context[len(context) - length :]
            followed = self.counts.get(part)
            if followed:
                chance = (followed[token] + len(followed) * chance) / (self.totals[part] + len(followed))
        return chance

    def loss(self, rows: Tensor | Sequence[Sequence[int]]) -> float:
        """Mean -log chance of every token but a row's first, in nats.

        Raises:
            ValueError: if there is none.
        """
        return float(np.mean(self.losses(rows)))

    def losses(self, rows: Tensor | Sequence[Sequence[int]]) -> np.ndarray:
        """-log chance of every token but a row's first, one row after the other, in nats."""
        chances = [
            self.chance(row[place], row[max(0, place - self.order + 1) : place])
            for row in self._rows(rows)
            for place in range(1, len(row))
        ]
        if not chances:
            raise ValueError("there is no second token in any row: nothing to predict")
        return -np.log(chances)

    def _rows(self, rows: Tensor | Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
        rows = rows.tolist() if isinstance(rows, Tensor) else rows
        return [tuple(token for token in row if token != self.padding) for row in rows]
