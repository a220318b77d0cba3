"""The next word: read from left to right, and tell at every word which one follows.

Alec Radford, Karthik Narasimhan, Tim Salimans, Ilya Sutskever: Improving Language Understanding by Generative
Pre-Training. 2018. The loss is equation 1.

Otherwise than in the paper: words are whole tokens, the head has a layer of its own (see `masked_words.word_head`),
and a sentence is one sequence (there 512 tokens of running text).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssl_course.language import TokenTransformer
from ssl_course.methods.masked_words import word_head
from ssl_course.networks import at_least_float32
from ssl_course.parallel import weighed


def next_word_loss(logits: Tensor, tokens: Tensor, padding: int | None = 0) -> Tensor:
    """Mean cross-entropy of each token but the first, told from those before it, in nats; padding isn't told.

    Args:
        logits: (B, L, V); those at place t are about the token at t + 1, so the last ones aren't used.
        tokens: (B, L).
        padding: the token that fills up; None if there is none.

    Raises:
        ValueError: if the shapes don't fit, there is no second token, or every second token is padding.
    """
    if logits.shape[:2] != tokens.shape or tokens.shape[1] < 2:
        got = f"{tuple(logits.shape)} and {tuple(tokens.shape)}"
        raise ValueError(f"logits must be (B, L, V) and tokens (B, L) with L at least 2, got {got}")
    said, true = at_least_float32(logits[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten()
    return F.cross_entropy(said, true, ignore_index=-100 if padding is None else padding)


class NextWord(nn.Module):
    """A causal transformer, and a head that tells the next word at every place.

    Args:
        encoder: what is kept; a causal `TokenTransformer`.

    Raises:
        ValueError: if the encoder isn't causal: it would see what it is to tell.
    """

    def __init__(self, encoder: TokenTransformer):
        super().__init__()
        if not encoder.causal:
            raise ValueError("the encoder must be causal: this one sees the word that it is to tell")
        self.encoder, self.head = encoder, word_head(encoder)

    def views(self, tokens: Tensor) -> tuple[Tensor]:
        return (tokens,)

    def logits(self, tokens: Tensor) -> Tensor:
        """At each place the network's opinion of the next token: (B, L) -> (B, L, V)."""
        return self.head(self.encoder.states(tokens))

    def forward(self, tokens: Tensor) -> Tensor:
        padding = self.encoder.padding
        told = tokens[:, 1:] != padding if padding is not None else torch.ones_like(tokens[:, 1:])
        return weighed(next_word_loss(self.logits(tokens), tokens, padding), told.sum())

    @torch.no_grad()
    def generate(
        self,
        start: Tensor,
        steps: int,
        *,
        temperature: float = 1.0,
        stop: int | None = None,
        never: tuple[int, ...] = (),
    ) -> Tensor:
        """Go on with each row of tokens, one drawn token after the other: (B, L) -> (B, L + steps).

        Args:
            start: int64 (B, L), without padding.
            steps: how many tokens to add; where the encoder's longest sequence is reached, it sees the last ones.
            temperature: positive; the logits are divided by it, so that below 1 the likely words become likelier.
            stop: the token after which a row gets only padding; None if there is none.
            never: tokens that mustn't be drawn.

        Raises:
            ValueError: if the temperature isn't positive.
        """
        if not temperature > 0:
            raise ValueError(f"temperature must be positive, got {temperature}")
        tokens, ended = start, torch.zeros(len(start), dtype=torch.bool, device=start.device)
        for _ in range(steps):
            logits = self.logits(tokens[:, -self.encoder.length :])[:, -1].float()  # (B, V)
            logits[:, list(never)] = float("-inf")
            drawn = (logits / temperature).softmax(dim=1).multinomial(1).squeeze(1)
            if stop is not None:
                drawn = torch.where(ended, self.encoder.padding, drawn)
                ended |= drawn == stop
            tokens = torch.cat([tokens, drawn.unsqueeze(1)], dim=1)
        return tokens
