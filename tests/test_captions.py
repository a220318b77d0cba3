"""Captions that say what was drawn, the same for a seed; combinations held out; words and tokens."""

import pytest
import torch

from ssl_course import captions, load
from ssl_course.captions import MENTIONS, VALUES, VOCABULARY, WORDINGS, held_out, prompts, say, split_by_combination
from ssl_course.vocabulary import OTHER, PAD, START, Vocabulary


@pytest.fixture(scope="module")
def pairs():
    return captions.load(size=2000)


def test_known_captions_stay_what_they_were():
    first = captions.load(size=3)
    assert [first.text(index) for index in range(3)] == [
        "on a dark ground we see a large green disc at the upper right",
        "a picture of a small red square at the upper right on a bright ground",
        "a small orange ring at the upper left on a bright ground",
    ]


def test_the_same_seed_gives_the_same_captions_and_another_one_others(pairs):
    again, other = captions.load(size=2000), captions.load(size=2000, seed=1)
    assert torch.equal(again.labels, pairs.labels)
    assert torch.equal(again.data, pairs.data)
    assert not torch.equal(other.labels, pairs.labels)


def test_the_images_are_those_of_the_other_lessons_in_every_split():
    for split in ("train", "test"):
        assert torch.equal(captions.load(split, size=50).data, load("shapes", split, size=50).images)
    train, test = captions.load(size=50), captions.load("test", size=50)
    assert not torch.equal(train.captions.factors["wording"], test.captions.factors["wording"])


def test_a_caption_says_what_was_drawn(pairs):
    """Read back from the words, and compared with the factors that made the pixels."""
    drawn = pairs.pictures.factors
    for index in range(300):
        words = pairs.text(index)
        assert (f" {VALUES['class'][drawn['class'][index]]}") in f" {words}"
        assert ("small" in words) == (drawn["size"][index] < 10)
        assert ("upper" in words) == (drawn["y"][index] < 15.5)
        assert ("left" in words) == (drawn["x"][index] < 15.5)
        assert ("dark ground" in words) == (drawn["ground"][index] < 0.5)
        sixth = [place / 6 <= drawn["hue"][index] < (place + 1) / 6 for place in range(6)].index(True)
        assert VALUES["colour"][sixth] in words.split()


def test_what_is_said_is_told_beside_the_tokens(pairs):
    said, values = pairs.captions.factors, captions.values_of(pairs.pictures.factors)
    assert all(torch.equal(said[name], values[name]) for name in MENTIONS)
    for index in range(50):
        mentioned = {name: int(said[name][index]) for name in MENTIONS}
        assert pairs.text(index) == say(mentioned, WORDINGS[said["wording"][index]])


def test_every_value_and_wording_occurs(pairs):
    for name, values in {**VALUES, "wording": WORDINGS}.items():
        counts = pairs.captions.factors[name].bincount(minlength=len(values))
        assert len(counts) == len(values)
        assert counts.min() > 0.6 * 2000 / len(values), name


@pytest.mark.parametrize("left", MENTIONS)
def test_what_is_not_to_be_mentioned_is_in_no_caption(left, pairs):
    mention = tuple(name for name in MENTIONS if name != left)
    others = captions.load(size=2000, mention=mention)
    words = {word for value in VALUES[left] for word in value.split()}
    assert not any(words & set(others.text(index).split()) for index in range(2000))
    assert (others.captions.factors[left] == -1).all()
    assert torch.equal(others.data, pairs.data)
    rest = [name for name in pairs.captions.factors if name != left]
    assert all(torch.equal(others.captions.factors[name], pairs.captions.factors[name]) for name in rest)


def test_a_share_of_the_mentions_is_left_out():
    some = captions.load(size=2000, share=0.5).captions.factors
    for name in MENTIONS:
        assert abs((some[name] >= 0).float().mean() - 0.5) < 0.05


@pytest.mark.parametrize(
    ("mentioned", "text"),
    [
        ({}, "a shape"),
        ({"class": 4}, "a star"),
        ({"class": 8, "size": -1}, "an arrow"),
        ({"class": 4, "colour": 5}, "an orange star"),
        ({"class": 4, "colour": 5, "size": 0}, "a small orange star"),
        ({"place": 1, "ground": 0}, "a shape at the upper right on a dark ground"),
    ],
)
def test_what_is_said(mentioned, text):
    assert say(mentioned) == text


def test_the_longest_caption_fills_a_row_and_no_prompt_is_longer():
    rows = captions.load(size=500).labels
    assert (rows != PAD).all(dim=1).any()
    assert (rows[:, 0] == START).all()
    everything = prompts("class", templates=captions.TEMPLATES[:1], others=("colour", "size", "place", "ground"))
    assert everything.shape == (10, 6 * 2 * 4 * 2, VOCABULARY.length)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mention": ("weight",)}, "can mention class, colour, size, place, ground, got 'weight'"),
        ({"share": 0}, r"share must be in \(0, 1\], got 0"),
        ({"share": 1.5}, "got 1.5"),
        ({"wordings": ()}, "at least one wording"),
        ({"wordings": ("behold {thing}",)}, "no word 'behold' is known: the words are a, an"),
        ({"split": "val"}, "split must be train or test"),
        ({"size": 0}, "size must be at least 1"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        captions.load(**{"size": 10} | settings)


# --- held-out combinations


@pytest.mark.parametrize("of", [("class", "colour", "place"), ("class", "colour"), ("colour", "ground")])
def test_held_out_combinations_are_absent_and_all_that_is_drawn_is_kept(of, pairs):
    train, out = split_by_combination(pairs, of=of)
    assert len(train) + len(out) == len(pairs)

    def combinations(part):
        values = captions.values_of(part.pictures.factors)
        return set(zip(*(values[name].tolist() for name in of), strict=True))

    assert combinations(train) & combinations(out) == set()
    grid = held_out(of=of)
    assert combinations(out) <= {tuple(index) for index in grid.nonzero().tolist()}
    for name in of:  # every single value is in both, in training often
        counts = captions.values_of(train.pictures.factors)[name].bincount(minlength=len(VALUES[name]))
        assert counts.min() > 50
    assert len(set(captions.values_of(out.pictures.factors)[of[0]].tolist())) == len(VALUES[of[0]])


def test_the_same_combinations_are_held_out_of_every_set():
    def classes_and_colours(pairs):
        values = captions.values_of(pairs.pictures.factors)
        return set(zip(values["class"].tolist(), values["colour"].tolist(), strict=True))

    train, _ = split_by_combination(captions.load("train", size=2000), of=("class", "colour"), seed=3)
    _, out = split_by_combination(captions.load("test", size=2000), of=("class", "colour"), seed=3)
    assert len(classes_and_colours(out)) == 10
    assert classes_and_colours(train) & classes_and_colours(out) == set()


def test_the_share_is_kept_and_the_seed_chooses():
    assert held_out(share=0.25, of=("class", "colour", "place")).float().mean() == 0.25
    assert held_out(share=0.01).sum() == 10  # one a class at least
    assert not torch.equal(held_out(seed=1), held_out())
    assert torch.equal(held_out(seed=1), held_out(seed=1))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"of": ("class",)}, "two or more different names, got class"),
        ({"of": ("class", "class")}, "different names"),
        ({"of": ("class", "weight")}, "got 'weight'"),
        ({"share": 0}, r"share must be in \(0, 1\), got 0"),
        ({"share": 0.99, "of": ("class", "size")}, "training would never see class 'disc': hold out fewer"),
        ({"share": 0.5, "of": ("size", "ground"), "seed": 1}, "never see ground"),
    ],
)
def test_what_cannot_be_held_out_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        held_out(**settings)


# --- prompts


def test_a_prompt_for_each_value_and_template():
    rows = prompts("colour", templates=("{}", "a picture of {}"))
    assert rows.shape == (6, 2, VOCABULARY.length)
    assert [VOCABULARY.text(row) for row in rows[5]] == ["an orange shape", "a picture of an orange shape"]
    rows = prompts(others=("ground",))
    assert [VOCABULARY.text(row) for row in rows[0]] == ["a disc on a dark ground", "a disc on a bright ground"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "weight"}, "got 'weight'"),
        ({"others": ("weight",)}, "got 'weight'"),
        ({"templates": ()}, "at least one template"),
        ({"templates": ("a photo of {}",)}, "no word 'photo' is known"),
    ],
)
def test_prompts_refuse(settings, message):
    with pytest.raises(ValueError, match=message):
        prompts(**settings)


# --- words


def test_tokens_and_text_undo_each_other(pairs):
    for index in range(50):
        assert torch.equal(VOCABULARY.tokens(pairs.text(index)), pairs.labels[index])


@pytest.mark.parametrize("unknown", ["other", "spell"])
def test_what_becomes_of_unknown_words(unknown):
    words = Vocabulary.of(["The cat, the hat", "the cat sat"], least=2, unknown=unknown, length=12)
    row = words.tokens("THE act")
    if unknown == "other":
        assert words.words[4:] == ("cat", "the")
        assert row[2] == OTHER
        assert words.unknown_in("the act") == ["act"]
    else:
        assert [words.words[token] for token in row[1:5]] == ["the", "a", "+c", "+t"]
        assert words.text(row) == "the act"
        assert words.pieces("x") == [OTHER]


def test_letters_are_one_token_in_either_unicode_form():
    words = Vocabulary.of(["Café"])
    assert words.pieces("CAFE\u0301") == words.pieces("café") == [4]


def test_a_row_is_as_long_as_the_longest_text_needs():
    words = Vocabulary.of(["one", "one two three"])
    assert words.length == 4
    with pytest.raises(ValueError, match="room for 3 words, got 4: 'one one one one'"):
        words.tokens("one one one one")
    assert words.row(words.pieces("one two one two")).tolist()[0] == START
    assert len(words.row(words.pieces("one two one two"))) == 4


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Vocabulary(["a", "a"], 4), "got 'a' twice"),
        (lambda: Vocabulary(["<pad>"], 4), "got '<pad>' twice"),
        (lambda: Vocabulary(["a"], 1), "length of at least 2, got 1"),
        (lambda: Vocabulary(["a"], 4, unknown="guess"), "one of refuse, other, spell, got 'guess'"),
        (lambda: Vocabulary.of(["", " "]), "at least one word"),
        (lambda: Vocabulary(["a"], 4).tokens("b"), "no word 'b' is known: the words are a"),
    ],
)
def test_vocabularies_refuse(build, message):
    with pytest.raises(ValueError, match=message):
        build()
