"""Scenes of two shapes: captions that only the order of their words makes true."""

import hashlib

import pytest
import torch

from ssl_course import captions, scenes
from ssl_course.bag import BagOfWords
from ssl_course.language import TokenTransformer

WORDS = scenes.VOCABULARY


@pytest.fixture(scope="module")
def pairs():
    return scenes.load(size=200)


def test_a_caption_tells_the_left_thing_first():
    assert scenes.say((2, 0), (0, 2)) == "a red square left of a blue disc"
    assert scenes.say((4, 8), (5, 1)) == "an orange star left of a purple arrow"


def test_things_are_where_and_what_the_caption_says(pairs):
    """The hue at each shape's centre, by its complex phase in the colour space it was drawn in."""
    kinds, colours = pairs.pictures.factors["class"], pairs.pictures.factors["colour"]
    solid = torch.tensor([name not in ("ring", "crescent") for name in scenes.CLASSES])[kinds]  # with a centre
    pixels = pairs.data.double() / 255
    i = 0.596 * pixels[:, 0] - 0.274 * pixels[:, 1] - 0.322 * pixels[:, 2]
    q = 0.211 * pixels[:, 0] - 0.523 * pixels[:, 1] + 0.312 * pixels[:, 2]
    hue = torch.atan2(q, i) / (2 * torch.pi) % 1  # (N, 32, 32)
    for side in (0, 1):
        place = [pairs.pictures.factors[axis][:, side].round().long() for axis in ("y", "x")]
        found = (hue[torch.arange(200), *place] * len(scenes.COLOURS)).long()
        assert (found == colours[:, side])[solid[:, side]].float().mean() > 0.95
    assert (pairs.pictures.factors["x"][:, 0] < pairs.pictures.factors["x"][:, 1] - 10).all()


def test_things_differ_in_class_and_colour(pairs):
    for name in ("class", "colour"):
        left, right = pairs.pictures.factors[name].unbind(dim=1)
        assert (left != right).all()
        assert len(left.unique()) == len(right.unique()) == (10 if name == "class" else 6)


def test_the_mirrored_caption_is_that_of_the_mirrored_picture():
    tokens = WORDS.rows(["an orange star left of a red disc"])
    assert WORDS.text(scenes.mirrored(tokens)[0]) == "a red disc left of an orange star"
    assert WORDS.text(scenes.exchanged(tokens)[0]) == "a red star left of an orange disc"
    for change in (scenes.mirrored, scenes.exchanged):
        assert torch.equal(change(change(tokens)), tokens)


@pytest.mark.parametrize("change", [scenes.mirrored, scenes.exchanged])
def test_a_bag_of_words_can_tell_neither_from_the_true_caption(change, pairs):
    wrong = change(pairs.labels)
    assert torch.equal(wrong.sort(dim=1).values, pairs.labels.sort(dim=1).values)
    assert (wrong != pairs.labels).any(dim=1).all()
    torch.manual_seed(0)
    images, bag = torch.randn(200, 8), BagOfWords(len(WORDS), 8)
    assert scenes.told_apart(images, bag(pairs.labels), bag(wrong)) == 0.5
    transformer = TokenTransformer(len(WORDS), WORDS.length, width=8, depth=1, heads=2)
    right, wrong = transformer(pairs.labels), transformer(wrong)
    assert scenes.told_apart(right - wrong, right, wrong) == 1
    assert scenes.told_apart(wrong - right, right, wrong) == 0


def test_the_same_seed_gives_the_same_scenes_and_splits_differ():
    one, again, test, other = (
        scenes.load(split, size=20, seed=seed)
        for split, seed in (("train", 0), ("train", 0), ("test", 0), ("train", 1))
    )
    assert torch.equal(one.data, again.data)
    assert torch.equal(one.labels, again.labels)
    for different in (test, other):
        assert not torch.equal(one.data, different.data)


def test_pixels_are_the_same_on_every_platform():
    digest = hashlib.sha256(scenes.draw(50, seed=3)[0].tobytes()).hexdigest()
    assert digest[:16] == "f658536a4b6679e5"


def test_words_are_those_of_the_other_captions():
    assert set(WORDS.words) - {"left", "of"} <= set(captions.VOCABULARY.words)


def test_bad_input_is_refused(pairs):
    with pytest.raises(ValueError, match="split must be train or test, got 'all'"):
        scenes.load("all")
    with pytest.raises(ValueError, match="count must be at least 1, got 0"):
        scenes.draw(0)
    with pytest.raises(ValueError, match=r"are \(B, 9\), got \(200, 8\)"):
        scenes.mirrored(pairs.labels[:, :8])
    with pytest.raises(ValueError, match=r"must be \(N, D\), got \(2, 3\), \(2, 3\), \(2, 4\)"):
        scenes.told_apart(torch.ones(2, 3), torch.ones(2, 3), torch.ones(2, 4))
