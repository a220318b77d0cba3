import itertools
import math
from collections import Counter

import numpy as np
import pytest
import torch

from ssl_course import sentences
from ssl_course.sentences import (
    COLOURS,
    DOES,
    LENGTH,
    MASK,
    NUMBERS,
    PAD,
    PLACES,
    SPECIAL,
    START,
    TOKENS,
    WORDS,
    draw,
    entropy,
    load,
    log_probability,
    masked_floor,
    rules_of,
    text,
    tokens_of,
)


@pytest.fixture(scope="module")
def many():
    return load("train", size=3000)


def test_the_same_seed_draws_the_same_sentences_on_every_platform():
    tokens, factors = draw(3, seed=0)
    again, _ = draw(3, seed=0)
    assert np.array_equal(tokens, again)
    assert text(tokens[0]).endswith(" .")
    assert not np.array_equal(tokens, draw(3, seed=1)[0])
    assert set(factors) >= {"number", "place", "colour", "meaning", "subject", "verb", "distance", "words"}


def test_known_sentences_stay_what_they_were():
    said = [text(row) for row in draw(3, seed=(0, 0))[0]]
    assert said == [
        "the small bats behind the bird sleep .",
        "the small cat sleeps .",
        "in the garden the cubes behind the frogs often shine .",
    ]


def test_the_training_and_test_sentences_are_drawn_apart():
    train, test = load("train", size=50), load("test", size=50)
    assert not torch.equal(train.data, test.data)
    assert train.classes == NUMBERS
    assert torch.equal(train.labels, train.factors["number"])
    assert (len(load("train")), len(load("test"))) == (8000, 2000)


@pytest.mark.parametrize("split", ["val", ""])
def test_another_split_is_refused(split):
    with pytest.raises(ValueError, match="split must be train or test"):
        load(split)


@pytest.mark.parametrize("count", [0, -1])
def test_no_sentences_are_refused(count):
    with pytest.raises(ValueError, match="count must be at least 1"):
        draw(count)
    with pytest.raises(ValueError, match="count must be at least 1"):
        load(size=count)


def test_a_row_is_a_start_the_words_and_padding(many):
    places = torch.arange(LENGTH)
    words = many.factors["words"].unsqueeze(1)
    assert (many.data[:, 0] == START).all()
    assert torch.equal(many.data >= len(SPECIAL), (places >= 1) & (places <= words))
    assert torch.equal(many.data == PAD, places > words)
    ends = many.data[torch.arange(len(many)), many.factors["words"]]
    assert (ends == TOKENS["."]).all()


def longest(symbol):
    if isinstance(symbol, str):
        return 1
    return max(sum(longest(part) for part in parts) for _, parts in rules_of(symbol))


def test_the_longest_sentence_fits_into_a_row_and_fills_it():
    assert longest(sentences.SENTENCE) + 1 == LENGTH


def test_the_chances_of_every_rule_add_up_to_one():
    for symbol in filter(lambda part: not isinstance(part, str), sentences._symbols()):
        assert sum(share for share, _ in rules_of(symbol)) == pytest.approx(1), symbol


def test_the_verb_agrees_with_the_subject_and_stands_where_it_is_said(many):
    of_number = {
        number: {sentences.verb_form(verb, number) for verbs in DOES.values() for verb in verbs} for number in NUMBERS
    }
    known = many.factors
    for row, number, verb, subject, distance in zip(
        many.data, known["number"], known["verb"], known["subject"], known["distance"], strict=True
    ):
        assert WORDS[row[verb]] in of_number[NUMBERS[number]]
        assert WORDS[row[subject]].endswith("s") == (NUMBERS[number] == "plural")
        assert verb - subject == distance


def test_every_distance_from_one_to_eight_occurs(many):
    counts = Counter(many.factors["distance"].tolist())
    assert sorted(counts) == list(range(1, 9))
    assert min(counts.values()) > 40


def test_what_stands_between_says_nothing_of_the_number(many):
    """The word before a distant verb is as often singular as plural, whatever the subject is."""
    far = many[many.factors["distance"] >= 7]
    before = far.data[torch.arange(len(far)), far.factors["verb"] - 1]
    looks_plural = torch.tensor([WORDS[token].endswith("s") for token in before])
    agree = (looks_plural.long() == far.factors["number"]).float().mean()
    assert abs(agree - 0.5) < 0.06


def test_a_bat_does_what_its_meaning_does(many):
    for row, meaning, verb, subject in zip(
        many.data, many.factors["meaning"], many.factors["verb"], many.factors["subject"], strict=True
    ):
        is_bat = WORDS[row[subject]] in ("bat", "bats")
        assert is_bat == (meaning > 0)
        if is_bat:
            kind = sentences.MEANINGS[meaning]
            forms = {sentences.verb_form(name, number) for name in DOES[kind] for number in NUMBERS}
            assert WORDS[row[verb]] in forms
    assert min(Counter(many.factors["meaning"].tolist()).values()) > 200


def test_places_and_colours_are_those_of_the_words(many):
    for row, place, colour, subject in zip(
        many.data, many.factors["place"], many.factors["colour"], many.factors["subject"], strict=True
    ):
        words = text(row).split()
        assert (words[0] == "in") == (place >= 0)
        if place >= 0:
            assert words[2] == PLACES[place]
        before = words[int(subject) - 2]  # the row begins with START
        assert (before in COLOURS) == (colour >= 0)
        if colour >= 0:
            assert before == COLOURS[colour]


def test_a_place_makes_its_verbs_likelier(many):
    animals = many[(many.factors["place"] == PLACES.index("water"))]
    verbs = Counter(WORDS[row[verb]] for row, verb in zip(animals.data, animals.factors["verb"], strict=True))
    assert verbs["swims"] + verbs["swim"] > 3 * (verbs["runs"] + verbs["run"])


def test_the_parser_finds_the_probability_with_which_it_was_drawn(many):
    for row, known in zip(many.data[:200], many.factors["log_probability"], strict=False):
        assert log_probability(row) == pytest.approx(float(known), abs=1e-9)


def test_the_entropy_is_the_mean_surprise_of_drawn_sentences(many):
    nats = -many.factors["log_probability"].sum() / many.factors["words"].sum()
    spread = many.factors["log_probability"].std() / many.factors["words"].float().mean() / len(many) ** 0.5
    assert abs(nats - entropy()) < 4 * spread


def test_the_entropy_is_that_of_all_sentences_that_a_symbol_can_become():
    """Listed one by one, for a part of the grammar that is small enough."""

    def listed(parts):
        if not parts:
            yield 1.0, ()
            return
        first, *rest = parts
        options = (
            [(1.0, (first,))]
            if isinstance(first, str)
            else [(share * more, words) for share, inner in rules_of(first) for more, words in listed(inner)]
        )
        for (share, words), (more, others) in itertools.product(options, list(listed(rest))):
            yield share * more, words + others

    symbol = ("between",)
    chances = Counter()
    for chance, words in listed([symbol]):
        chances[words] += chance
    nats, words = sentences._expected(symbol)
    assert sum(chances.values()) == pytest.approx(1)
    assert nats == pytest.approx(-sum(chance * math.log(chance) for chance in chances.values()))
    assert words == pytest.approx(sum(chance * len(words) for words, chance in chances.items()))


def test_a_mask_is_any_word():
    whole = tokens_of("the cat sleeps .")
    hidden = whole.clone()
    hidden[3] = MASK
    every = []
    for token in range(len(SPECIAL), len(WORDS)):
        row = whole.clone()
        row[3] = token
        every.append(log_probability(row))
    assert log_probability(hidden) == pytest.approx(np.logaddexp.reduce(every))


def test_the_floor_of_a_verb_is_the_choice_among_those_of_its_number():
    whole = tokens_of("the cat falls .")
    assert log_probability(whole) == -math.inf  # an animal doesn't
    whole = tokens_of("the cat sleeps .")
    hidden = whole.clone()
    hidden[3] = MASK
    intransitive = 4  # of six verbs, as likely as each other without a place; the others need an object
    assert masked_floor(hidden[None], whole[None]) == pytest.approx(math.log(intransitive))


def test_the_floor_needs_a_hidden_word():
    whole = tokens_of("the cat sleeps .")[None]
    with pytest.raises(ValueError, match="no word is hidden"):
        masked_floor(whole, whole)


@pytest.mark.parametrize(
    "said", ["the cat sleep .", "the cats sleeps .", "cat the sleeps .", "the cat sleeps", "the bat sleeps breaks ."]
)
def test_what_the_grammar_does_not_say_has_no_probability(said):
    assert log_probability(tokens_of(said)) == -math.inf


def test_tokens_and_text_undo_each_other(many):
    for row in many.data[:50]:
        assert torch.equal(tokens_of(text(row)), row)


def test_unknown_words_and_long_sentences_are_refused():
    with pytest.raises(ValueError, match="no word 'unicorn': its words are"):
        tokens_of("the unicorn sleeps .")
    with pytest.raises(ValueError, match="room for 20 words, got 21"):
        tokens_of("the " * 21)


def test_one_word_of_each_sentence_is_hidden_each_as_often(many):
    hidden, chosen = sentences.hide_one(many.data)
    assert (chosen.sum(dim=1) == 1).all()
    assert torch.equal(hidden[~chosen], many.data[~chosen])
    assert (hidden[chosen] == MASK).all()
    assert (many.data[chosen] >= len(SPECIAL)).all()
    nine = many.factors["words"] == 9
    places = chosen[nine].float().argmax(dim=1).bincount(minlength=LENGTH)
    assert places[1:10].min() > 0.5 * nine.sum() / 9
    assert places.sum() == places[1:10].sum()


def test_hidden_verbs_are_hidden_and_nothing_else(many):
    hidden = sentences.hide_verbs(many)
    changed = hidden != many.data
    assert torch.equal(changed.float().argmax(dim=1), many.factors["verb"])
    assert (changed.sum(dim=1) == 1).all()


def test_a_model_agrees_if_all_verbs_of_the_number_together_are_likelier():
    logits = torch.full((3, len(WORDS)), -9.0)
    logits[0, [TOKENS["sleeps"], TOKENS["runs"]]] = 1.0  # together more than one that is a little likelier
    logits[0, TOKENS["sleep"]] = 1.2
    logits[1, TOKENS["rolls"]], logits[2, TOKENS["see"]] = 1.0, 1.0
    assert sentences.agrees(logits, torch.tensor([0, 0, 0])).tolist() == [True, True, False]
    assert sentences.agrees(logits, torch.tensor([1, 1, 1])).tolist() == [False, False, True]
