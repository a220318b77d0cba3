"""A bag of words: the mean of the words' vectors, whatever order they stand in. The simplest encoder of a text."""

import torch
from torch import Tensor, nn


class BagOfWords(nn.Module):
    """Tokens in, one vector for a sequence: (B, L) -> (B, dim); the order of words changes nothing.

    Args:
        vocabulary: how many tokens there are.
        width: of a vector; `.dim`.
        padding: the token that fills up short sequences and counts for nothing.
    """

    def __init__(self, vocabulary: int, width: int = 64, *, padding: int = 0):
        super().__init__()
        self.dim, self.vocabulary, self.padding = width, vocabulary, padding
        self.embed = nn.Embedding(vocabulary, width)
        self.layers = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.norm = nn.LayerNorm(width)
        nn.init.normal_(self.embed.weight, std=0.1)

    def forward(self, tokens: Tensor) -> Tensor:
        if tokens.ndim != 2 or tokens.is_floating_point():
            raise ValueError(f"tokens must be whole numbers (B, L), got {tokens.dtype} {tuple(tokens.shape)}")
        weights = (tokens != self.padding).unsqueeze(2).to(self.embed.weight.dtype)  # (B, L, 1)
        mean = (self.embed(tokens) * weights).sum(dim=1) / torch.clamp(weights.sum(dim=1), min=1)
        return self.norm(mean + self.layers(mean))
