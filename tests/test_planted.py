import pytest
import torch

from ssl_course.planted import FIRST, LETTERS, MOTIF, RECIPES, baskets, same_recipe, strings


def test_every_string_has_the_pattern_where_it_is_said():
    tokens, places = strings(50, seed=3)
    assert tokens.shape == (50, 32)
    for row, found in zip(tokens, places, strict=True):
        assert "".join(LETTERS[token - FIRST] for token in row[found]) == "".join(MOTIF.values())
        assert (found - found[0]).tolist() == list(MOTIF)
    assert places.min() == 0
    assert places.max() == 31


def test_all_other_letters_are_random():
    tokens, places = strings(2000)
    tokens.scatter_(1, places, 0)
    counts = tokens[tokens > 0].bincount(minlength=22)[FIRST:]
    assert counts.min() > 0.9 * counts.float().mean()
    assert len(counts) == len(LETTERS) == 20


def test_a_basket_has_no_item_twice_and_mostly_those_of_two_recipes():
    tokens, recipe_of = baskets(500, seed=1)
    assert tokens.shape == (500, 6)
    assert all(len(set(row)) == 6 for row in tokens.tolist())
    assert recipe_of.bincount().tolist() == [6] * RECIPES
    recipes = recipe_of[tokens - FIRST]
    of_two = [row.bincount(minlength=RECIPES).topk(2).values.sum().item() for row in recipes]
    assert sum(of_two) / len(of_two) > 5


def test_the_same_seed_draws_the_same():
    for draw in (strings, baskets):
        assert torch.equal(draw(5, seed=4)[0], draw(5, seed=4)[0])
        assert not torch.equal(draw(5, seed=4)[0], draw(5, seed=5)[0])


def test_neighbours_of_the_same_recipe_are_counted_without_the_item_itself():
    recipe_of = torch.tensor([0, 0, 1, 1])
    assert same_recipe(torch.tensor([[1.0, 0], [2, 0.1], [0, 1], [0.1, 3]]), recipe_of) == 1
    assert same_recipe(torch.tensor([[1.0, 0], [0, 1], [2, 0.1], [0.1, 3]]), recipe_of) == 0


@pytest.mark.parametrize("arguments", [{"count": 0}, {"count": 3, "length": 12}])
def test_no_string_or_no_room_is_refused(arguments):
    with pytest.raises(ValueError, match="count must be at least 1 and length more than 12"):
        strings(**arguments)


@pytest.mark.parametrize("arguments", [{"count": 0}, {"count": 3, "size": 49}, {"count": 3, "size": 0}])
def test_no_basket_or_too_large_a_one_is_refused(arguments):
    with pytest.raises(ValueError, match="count must be at least 1 and size 1 to 48"):
        baskets(**arguments)
