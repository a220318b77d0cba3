"""Sequences that aren't language, with a structure planted in them: strings like proteins, and shopping baskets.

In both, token 0 is padding, 1 the mask, and letters or items begin at 2.
"""

import torch
from torch import Tensor

LETTERS = "ACDEFGHIKLMNPQRSTVWY"  # the amino acids
MOTIF = {
    0: "C",
    3: "C",
    8: "H",
    12: "H",
}  # what stands where in the pattern; a zinc finger's is like it, with twelve letters in the middle
FIRST = 2  # token of the first letter or item
RECIPES = 8


def strings(count: int, *, seed: int = 0, length: int = 32) -> tuple[Tensor, Tensor]:
    """Letters at random, and in each string, at a random place, the letters of MOTIF.

    Returns:
        tokens, int64 (count, length), and the places of the planted letters, int64 (count, 4).

    Raises:
        ValueError: if there is no string, or a string has no room for the pattern.
    """
    reach = max(MOTIF)
    if count < 1 or length <= reach:
        raise ValueError(f"count must be at least 1 and length more than {reach}, got {count} and {length}")
    random = torch.Generator().manual_seed(seed)
    tokens = torch.randint(FIRST, FIRST + len(LETTERS), (count, length), generator=random)
    starts = torch.randint(length - reach, (count, 1), generator=random)
    places = starts + torch.tensor(list(MOTIF))  # (count, 4)
    letters = torch.tensor([FIRST + LETTERS.index(letter) for letter in MOTIF.values()])
    return tokens.scatter(1, places, letters.expand(count, -1)), places


def baskets(count: int, *, seed: int = 0, items: int = 48, size: int = 6) -> tuple[Tensor, Tensor]:
    """Items that are bought together: each basket is mixed from two recipes, with a stray item now and then.

    Returns:
        tokens, int64 (count, size), no item twice and in no order; and the recipe of each item, int64 (items,).

    Raises:
        ValueError: if there is no basket, or it holds more items than there are.
    """
    if count < 1 or not 1 <= size <= items:
        raise ValueError(f"count must be at least 1 and size 1 to {items}, got {count} and {size}")
    random = torch.Generator().manual_seed(seed)
    recipe_of = torch.randperm(items, generator=random) % RECIPES
    chances = torch.full((count, items), 0.02)
    for recipe in torch.randint(RECIPES, (2, count), generator=random):
        chances += recipe_of == recipe.unsqueeze(1)  # (count, items)
    return FIRST + chances.multinomial(size, generator=random), recipe_of


def same_recipe(vectors: Tensor, recipe_of: Tensor) -> float:
    """How often the nearest other item, by cosine, is of the same recipe: vectors (items, D) -> share in [0, 1]."""
    unit = torch.nn.functional.normalize(vectors, dim=1)
    cosine = (unit @ unit.T).fill_diagonal_(-2)  # not itself
    return float((recipe_of[cosine.argmax(dim=1)] == recipe_of).float().mean())
