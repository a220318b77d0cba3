"""One small transformer for sequences of tokens; a mask makes it read in both directions, or from left to right only.

Ashish Vaswani et al.: Attention Is All You Need. NeurIPS 2017. Without a causal mask it is an encoder as BERT's (Jacob
Devlin et al. 2019), with one a decoder as GPT's (Alec Radford et al. 2018). Its blocks are those of `vit`: layer norm
comes before attention and perceptron, as in GPT-2 (in the three papers after them). Places are learned, as in BERT and
GPT.
"""

import torch
from torch import Tensor, nn

from ssl_course.vit import Block


def causal_mask(length: int, device: torch.device | None = None) -> Tensor:
    """Who may look at whom if nobody sees what comes later: bool (L, L), true at [i, j] for j <= i."""
    return torch.ones(length, length, dtype=torch.bool, device=device).tril()


class TokenTransformer(nn.Module):
    """Tokens in, a vector for each out; as an encoder, one vector for a sequence: (B, L) -> (B, dim).

    Nobody looks at padding. The one vector is the mean over all tokens that aren't padding or, if the network is
    causal, that of the last one, which alone has seen all the others.

    Args:
        vocabulary: how many tokens there are.
        length: of the longest sequence.
        causal: whether a token sees only itself and what is before it.
        padding: the token that fills up short sequences; None if there is none.
        width: of a vector; `.dim`.
        depth: number of blocks.
        heads: of each attention.
        places: whether a token's place is told to the network.
    """

    def __init__(
        self,
        vocabulary: int,
        length: int,
        *,
        causal: bool = False,
        padding: int | None = 0,
        width: int = 64,
        depth: int = 3,
        heads: int = 4,
        places: bool = True,
    ):
        super().__init__()
        self.dim, self.vocabulary, self.length, self.causal, self.padding = width, vocabulary, length, causal, padding
        self.embed = nn.Embedding(vocabulary, width)
        self.places = nn.Parameter(torch.zeros(length, width)) if places else None
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        nn.init.normal_(self.embed.weight, std=0.1)
        if places:
            nn.init.normal_(self.places, std=0.1)

    def layers(self, tokens: Tensor) -> list[Tensor]:
        """What each token is before the first block and after each: depth + 1 tensors (B, L, dim), not normalised.

        Raises:
            ValueError: if tokens aren't (B, L) whole numbers, L is more than the longest, or one isn't known.
        """
        self._check(tokens)
        x = self.embed(tokens)  # (B, L, dim)
        if self.places is not None:
            x = x + self.places[: tokens.shape[1]]
        mask, states = self._mask(tokens), [x]
        for block in self.blocks:
            states.append(block(states[-1], mask))
        return states

    def states(self, tokens: Tensor) -> Tensor:
        """A vector for each token, from the last block: (B, L) -> (B, L, dim)."""
        return self.norm(self.layers(tokens)[-1])

    def forward(self, tokens: Tensor) -> Tensor:
        states = self.states(tokens)
        real = torch.ones_like(tokens, dtype=torch.bool) if self.padding is None else tokens != self.padding
        if self.causal:
            last = real.sum(dim=1) - 1  # (B,)
            return states[torch.arange(len(tokens), device=tokens.device), last]
        weights = real.unsqueeze(2).to(states.dtype)  # (B, L, 1)
        return (states * weights).sum(dim=1) / weights.sum(dim=1)

    def _mask(self, tokens: Tensor) -> Tensor | None:
        """Bool, as `Block` takes it; None if everybody may look at everybody."""
        if self.causal:
            return causal_mask(tokens.shape[1], tokens.device)  # padding is at the end, where nobody looks
        return None if self.padding is None else (tokens != self.padding)[:, None, None, :]  # (B, 1, 1, L)

    def _check(self, tokens: Tensor) -> None:
        if tokens.ndim != 2 or tokens.is_floating_point():
            raise ValueError(f"tokens must be whole numbers (B, L), got {tokens.dtype} {tuple(tokens.shape)}")
        if tokens.shape[1] > self.length:
            raise ValueError(f"sequences must have at most {self.length} tokens, got {tokens.shape[1]}")
