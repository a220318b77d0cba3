"""Masked words: hide some words of a sentence and tell them from the others.

Jacob Devlin, Ming-Wei Chang, Kenton Lee, Kristina Toutanova: BERT: Pre-training of Deep Bidirectional Transformers for
Language Understanding. NAACL 2019. Masks as in section 3.1, task 1. Without its second task (is this the next
sentence?) and with masks drawn anew at every step, as Yinhan Liu et al.: RoBERTa. 2019, sections 4.1 and 4.2.

Otherwise than in BERT: words are whole tokens; the output layer is a matrix of its own (there the embeddings again),
after one linear layer with GELU and a norm, as there.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssl_course.language import TokenTransformer
from ssl_course.networks import at_least_float32
from ssl_course.parallel import weighed


def mask_words(
    tokens: Tensor, *, share: float = 0.15, mask: int, special: int, vocabulary: int
) -> tuple[Tensor, Tensor]:
    """Choose words to be told, and spoil them by the rule 80/10/10.

    Of the chosen ones 80 % become the mask, 10 % a random word, and 10 % stay as they are, so that the network can't
    know which of the words that it sees are right.

    Args:
        tokens: int64 (B, L).
        share: of the words that is chosen, each by itself, in (0, 1].
        mask: the token that stands for a hidden word.
        special: how many of the first tokens are no words (padding, the mask, the start): they are never chosen.
        vocabulary: how many tokens there are.

    Returns:
        the spoilt tokens (B, L), and which words were chosen, bool (B, L).

    Raises:
        ValueError: if share is out of range.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share must be in (0, 1], got {share}")
    chosen = (torch.rand(tokens.shape, device=tokens.device) < share) & (tokens >= special)
    lot = torch.rand(tokens.shape, device=tokens.device)  # what becomes of a chosen word
    others = torch.randint(special, vocabulary, tokens.shape, device=tokens.device)
    spoilt = torch.where(chosen & (lot < 0.8), mask, tokens)
    return torch.where(chosen & (lot >= 0.9), others, spoilt), chosen


def masked_cross_entropy(logits: Tensor, tokens: Tensor, chosen: Tensor) -> Tensor:
    """Mean cross-entropy over the chosen words only, in nats; 0 if none is chosen.

    Args:
        logits: (B, L, V).
        tokens: (B, L), the true ones.
        chosen: bool (B, L).

    Raises:
        ValueError: if the shapes don't fit.
    """
    if logits.shape[:2] != tokens.shape or chosen.shape != tokens.shape:
        got = f"{tuple(logits.shape)}, {tuple(tokens.shape)} and {tuple(chosen.shape)}"
        raise ValueError(f"logits must be (B, L, V), tokens and chosen (B, L), got {got}")
    losses = F.cross_entropy(at_least_float32(logits).flatten(0, 1), tokens.flatten(), reduction="none")  # (B * L,)
    weights = chosen.flatten().to(losses.dtype)
    return (losses * weights).sum() / weights.sum().clamp(min=1)


class MaskedWords(nn.Module):
    """A transformer that sees the whole spoilt sentence, and a head that tells the chosen words.

    Args:
        encoder: what is kept; a `TokenTransformer` that isn't causal.
        mask, special, share: as for `mask_words`.

    Raises:
        ValueError: if the encoder is causal, or share is out of range.
    """

    def __init__(self, encoder: TokenTransformer, *, mask: int = 1, special: int = 3, share: float = 0.15):
        super().__init__()
        if encoder.causal:
            raise ValueError("a masked word is told from both sides, so its encoder mustn't be causal")
        if not 0 < share <= 1:
            raise ValueError(f"share must be in (0, 1], got {share}")
        self.encoder, self.mask, self.special, self.share = encoder, mask, special, share
        self.head = word_head(encoder)

    def views(self, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The spoilt tokens, the true ones, and which are to be told: (B, L) each."""
        settings = {"mask": self.mask, "special": self.special, "vocabulary": self.encoder.vocabulary}
        spoilt, chosen = mask_words(tokens, share=self.share, **settings)
        return spoilt, tokens, chosen

    def logits(self, tokens: Tensor) -> Tensor:
        """For each token the network's opinion of what stands there: (B, L) -> (B, L, V)."""
        return self.head(self.encoder.states(tokens))

    def forward(self, spoilt: Tensor, tokens: Tensor, chosen: Tensor) -> Tensor:
        return weighed(masked_cross_entropy(self.logits(spoilt), tokens, chosen), chosen.sum())


def word_head(encoder: TokenTransformer) -> nn.Sequential:
    """From vectors to one logit a word: (…, dim) -> (…, V)."""
    width = encoder.dim
    return nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width), nn.Linear(width, encoder.vocabulary))
