"""Words as tokens for captions and names: a small vocabulary, and what becomes of a word that isn't in it."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

SPECIAL = ("<pad>", "<mask>", "<start>", "<other>")  # the first three as in `sentences`; the last for unknown words
PAD, MASK, START, OTHER = range(len(SPECIAL))
UNKNOWN = ("refuse", "other", "spell")
PARTS = re.compile(r"<mask>|\w+|[^\w\s]")


def words_of(text: str) -> list[str]:
    """The words and signs of a text, in small letters and in one Unicode form; "<mask>" is a word, too."""
    return PARTS.findall(unicodedata.normalize("NFC", text).lower())


class Vocabulary:
    """Words and their tokens; a row is START, the words and PAD.

    Args:
        words: in the order of their tokens, after SPECIAL.
        length: of a row, with START.
        unknown: what becomes of another word: "refuse" raises; "other" makes it OTHER; "spell" writes it letter by
            letter ("s +e +h"), and letters that `words` doesn't have become OTHER.

    Raises:
        ValueError: if a word is there twice or is a special one, or length or unknown is out of range.
    """

    def __init__(self, words: Sequence[str], length: int, *, unknown: str = "refuse"):
        if length < 2:
            raise ValueError(f"a row needs a start and a word, so a length of at least 2, got {length}")
        if unknown not in UNKNOWN:
            raise ValueError(f"unknown must be one of {', '.join(UNKNOWN)}, got {unknown!r}")
        self.words, self.length, self.unknown = (*SPECIAL, *words), length, unknown
        self._tokens = {word: token for token, word in enumerate(self.words)}
        if len(self._tokens) < len(self.words):
            twice = next(word for word in self.words if self.words.count(word) > 1)
            raise ValueError(f"every word must be there once, got {twice!r} twice")

    @classmethod
    def of(
        cls, texts: Iterable[str], *, length: int | None = None, least: int = 1, unknown: str = "other"
    ) -> "Vocabulary":
        """The words of some texts, the most frequent first; those in fewer than `least` texts are left out.

        With "spell" their letters are in it. Without a length a row is as long as the longest of the texts needs.

        Raises:
            ValueError: if there is no word at all.
        """
        parts = [words_of(text) for text in texts]
        counts: dict[str, int] = {}
        for part in parts:
            for word in dict.fromkeys(part):
                counts[word] = counts.get(word, 0) + 1
        if not counts:
            raise ValueError("a vocabulary needs texts with at least one word")
        kept = {word for word, count in counts.items() if count >= least and word not in SPECIAL}
        if unknown == "spell":
            letters = {letter for word in counts if word not in SPECIAL for letter in word}
            kept |= letters | {"+" + letter for letter in letters}
        words = sorted(kept, key=lambda word: (-counts.get(word, 0), word))
        found = cls(words, length or 2, unknown=unknown)
        if length is None:
            found.length = max(2, 1 + max(len(found.pieces(" ".join(part))) for part in parts))
        return found

    def __len__(self) -> int:
        return len(self.words)

    def pieces(self, text: str) -> list[int]:
        """The tokens of a text, without a start and as many as there are.

        Raises:
            ValueError: if a word isn't known, and is to be refused.
        """
        return [token for word in words_of(text) for token in self._of_word(word)]

    def _of_word(self, word: str) -> list[int]:
        if word in self._tokens:
            return [self._tokens[word]]
        if self.unknown == "refuse":
            raise ValueError(f"no word {word!r} is known: the words are {', '.join(self.words[len(SPECIAL) :])}")
        if self.unknown == "other":
            return [OTHER]
        spelt = [word[0], *("+" + letter for letter in word[1:])]
        return [self._tokens.get(piece, OTHER) for piece in spelt]

    def unknown_in(self, text: str) -> list[str]:
        """The words of a text that aren't in the vocabulary."""
        return [word for word in words_of(text) if word not in self._tokens]

    def tokens(self, text: str) -> Tensor:
        """The row of tokens of a text, int64 (length,).

        Raises:
            ValueError: if it doesn't fit into a row, or a word isn't known and is to be refused.
        """
        pieces = self.pieces(text)
        if len(pieces) >= self.length:
            raise ValueError(f"a row has room for {self.length - 1} words, got {len(pieces)}: {text[:60]!r}")
        return self.row(pieces)

    def row(self, pieces: Sequence[int]) -> Tensor:
        """START, the tokens and PAD, int64 (length,); tokens that don't fit are left out."""
        row = torch.full((self.length,), PAD)
        pieces = [START, *pieces][: self.length]
        row[: len(pieces)] = torch.tensor(pieces)
        return row

    def rows(self, texts: Iterable[str]) -> Tensor:
        """The rows of some texts, int64 (N, length)."""
        return torch.stack([self.tokens(text) for text in texts])

    def text(self, tokens: Tensor | Sequence[int]) -> str:
        """A row of tokens as words; what fills it up, and the start, are left out."""
        said = " ".join(self.words[int(token)] for token in tokens if int(token) not in (PAD, START))
        return re.sub(r" \+(?=\w)", "", said)
