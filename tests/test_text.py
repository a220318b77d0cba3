"""Counting models, characters, and the text that Python brings along."""

import math

import numpy as np
import pytest
import torch

from ssl_course import manuals
from ssl_course.characters import OTHERS, Alphabet, bits, rows
from ssl_course.ngrams import NGram

# --- n-grams


def test_a_unigram_is_the_frequency_mixed_with_an_even_chance():
    model = NGram(1, vocabulary=10, padding=None).fit([[0, 1, 1, 2]])
    # three tokens were told (not the first), two different ones: weight 2 for the even chance of 1/10
    assert model.chance(1) == pytest.approx((2 + 2 * 0.1) / (3 + 2))
    assert model.chance(7) == pytest.approx((0 + 2 * 0.1) / (3 + 2))


def test_a_bigram_mixes_what_followed_with_the_unigram():
    model = NGram(2, vocabulary=10, padding=None).fit([[0, 1, 1, 2]])
    after_one = (1 + 2 * model.__class__(1, 10, padding=None).fit([[0, 1, 1, 2]]).chance(2)) / (2 + 2)
    assert model.chance(2, [1]) == pytest.approx(after_one)
    assert model.chance(2, [5]) == pytest.approx(model.chance(2))  # nothing is known of what follows 5


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_chances_after_any_context_add_up_to_one(order):
    random = np.random.default_rng(0)
    model = NGram(order, vocabulary=6).fit(random.integers(1, 6, (30, 12)))
    for context in ((), (1,), (2, 3), (5, 5, 5, 5), (0, 9)):
        assert sum(model.chance(token, context) for token in range(6)) == pytest.approx(1)


def test_only_the_last_tokens_of_a_context_count():
    model = NGram(2, vocabulary=6, padding=None).fit([[1, 2, 3, 1, 2, 4]])
    assert model.chance(3, [5, 5, 2]) == model.chance(3, [2])


def test_the_loss_is_the_mean_surprise_and_leaves_out_padding_and_the_first():
    model = NGram(3, vocabulary=5).fit([[1, 2, 3, 0, 0], [1, 3, 3, 4, 0]])
    expected = [model.chance(2, [1]), model.chance(4, [1, 2])]
    assert model.loss(torch.tensor([[1, 2, 4, 0]])) == pytest.approx(-np.log(expected).mean())
    assert len(model.losses([[1, 2, 4, 0], [1, 0, 0, 0]])) == 2


def test_more_context_tells_more_of_a_text_that_has_an_order():
    text = [[0] + [1, 2, 3, 1, 3, 2] * 30]
    losses = [NGram(order, 4, padding=None).fit(text).loss(text) for order in (1, 2, 3)]
    assert losses[0] > losses[1] > losses[2]


def test_ngrams_refuse_what_they_cannot_do():
    with pytest.raises(ValueError, match="order and vocabulary must be at least 1, got 0 and 5"):
        NGram(0, 5)
    with pytest.raises(ValueError, match="nothing to predict"):
        NGram(2, 5).fit([[1, 2]]).loss([[1, 0]])


# --- characters


def test_an_alphabet_has_the_most_frequent_characters_first_and_undoes_itself():
    alphabet = Alphabet("aaabbc")
    assert alphabet.characters == (OTHERS, "a", "b", "c")
    assert alphabet.tokens("cab").tolist() == [3, 1, 2]
    assert alphabet.text(alphabet.tokens("abcabc")) == "abcabc"


def test_what_an_alphabet_does_not_have_is_one_token():
    alphabet = Alphabet("aaabbc", size=3)
    assert len(alphabet) == 3
    assert alphabet.text(alphabet.tokens("abc€")) == f"ab{OTHERS}{OTHERS}"


@pytest.mark.parametrize(("text", "size"), [("", 10), ("abc", 1)])
def test_no_text_or_no_room_is_refused(text, size):
    with pytest.raises(ValueError, match="an alphabet needs a text and a size of at least 2"):
        Alphabet(text, size)


def test_rows_are_cut_one_after_the_other():
    assert rows(torch.arange(11), 4).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    with pytest.raises(ValueError, match=r"rows of 4 \(at least 2\) can't be cut from 3 tokens"):
        rows(torch.arange(3), 4)


def test_a_fair_coin_is_one_bit():
    assert bits(math.log(2)) == pytest.approx(1)


# --- Python's own text


def test_every_python_brings_a_long_text():
    assert sum(map(len, manuals.topics())) > 300_000
    found = manuals.docstrings(most=50_000)
    assert 50_000 <= sum(map(len, found)) < 150_000
    assert min(map(len, found)) >= manuals.SHORTEST
    assert found == manuals.docstrings(most=50_000)


def test_no_document_is_in_both_parts():
    train, test = manuals.split([f"text {number}" for number in range(40)] * 2, share=0.25)
    assert len(test.split("\n\n")) == 10
    assert len(train.split("\n\n")) == 30
    assert not set(train.split("\n\n")) & set(test.split("\n\n"))


def test_a_paragraph_of_a_test_is_left_out_of_the_training_however_it_is_broken_into_lines():
    whole = "first\n\na sentence that\n    both have\n\nlast"
    train, test = manuals.split([whole, "a sentence that both have", "a sentence that both\nhave"], share=1 / 3)
    assert test == "a sentence that both\nhave"
    assert train == "first\n\nlast"


@pytest.mark.parametrize("share", [0, 1, -0.5])
def test_a_share_of_all_or_nothing_is_refused(share):
    with pytest.raises(ValueError, match="share must be in"):
        manuals.split(["a", "b"], share=share)


def test_too_few_documents_are_refused():
    with pytest.raises(ValueError, match="2 different documents are too few"):
        manuals.split(["a", "b", "a"])


def test_a_python_without_its_manual_says_what_to_do(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pydoc_data.topics", None)
    with pytest.raises(ValueError, match=r"no pydoc_data.topics: take docstrings\(\)"):
        manuals.topics()


def test_a_library_that_is_one_packed_file_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(manuals.sysconfig, "get_paths", lambda: {"stdlib": str(tmp_path)})
    (tmp_path / "broken.py").write_text("this is no Python")
    with pytest.raises(ValueError, match=r"no readable \.py files here"):
        manuals.docstrings()
