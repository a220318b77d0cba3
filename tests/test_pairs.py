"""Sets of pairs, zero-shot classification and retrieval."""

import pytest
import torch
import torch.nn.functional as F

from ssl_course import Samples, captions, pairs
from ssl_course.bag import BagOfWords
from ssl_course.methods.clip import CLIP
from ssl_course.networks import small_cnn
from ssl_course.pairs import Pairs, accuracy, modality_gap, recall, same_captions, zero_shot


@pytest.fixture(scope="module")
def some():
    return captions.load(size=40)


def test_a_part_keeps_images_and_captions_together(some):
    for index in (slice(3, 9), torch.tensor([8, 2]), torch.arange(40) % 3 == 0):
        part = some[index]
        assert torch.equal(part.data, some.data[index])
        assert torch.equal(part.labels, some.labels[index])
        assert torch.equal(part.pictures.labels, some.pictures.labels[index])
        assert torch.equal(part.captions.factors["wording"], some.captions.factors["wording"][index])
    assert some.sample(20).pictures.labels.bincount().tolist() == [2] * 10
    assert len(some) == 40
    assert "40 images" in repr(some)


def test_a_single_index_says_where_the_caption_is(some):
    with pytest.raises(TypeError, match=r"Pairs takes a slice, .* got 3: .text\(3\) is one caption"):
        some[3]


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (torch.zeros(39, 4, dtype=torch.int64), "got 40 images and 39 captions"),
        (torch.zeros(40, 4), r"must be int64 tokens \(N, L\), got torch.float32 \(40, 4\)"),
        (torch.full((40, 4), 999), "tokens must be from 0 to .*, got 999 to 999"),
        (torch.full((40, 4), -1), "got -1 to -1"),
    ],
)
def test_captions_that_do_not_fit_are_refused(tokens, message, some):
    with pytest.raises(ValueError, match=message):
        Pairs(some.pictures, Samples(tokens), some.vocabulary)


def test_vectors_are_those_of_the_method_one_by_one(some):
    torch.manual_seed(0)
    method = CLIP(small_cnn(4), BagOfWords(len(some.vocabulary), 8), width=6).eval()
    images = pairs.image_vectors(method, some.data)
    texts = pairs.text_vectors(method, some.labels)
    assert images.shape == texts.shape == (40, 6)
    torch.testing.assert_close(images.norm(dim=1), torch.ones(40))
    with torch.no_grad():
        one = F.normalize(method.image_head(method.encoder(some.data[7:8].float() / 255)), dim=1)
        torch.testing.assert_close(images[7:8], one)
    prompts = captions.prompts("size", templates=captions.TEMPLATES)
    several = pairs.text_vectors(method, prompts)
    assert several.shape == (2, 4, 6)
    torch.testing.assert_close(several[1, 2], pairs.text_vectors(method, prompts[1, 2:3])[0])


def test_zero_shot_scores_are_cosines_with_the_mean_direction_of_the_prompts():
    images = torch.tensor([[2.0, 0.0], [0.0, 5.0]])
    one = zero_shot(images, torch.tensor([[3.0, 0.0], [1.0, 1.0]]))
    torch.testing.assert_close(one, torch.tensor([[1.0, 0.5**0.5], [0.0, 0.5**0.5]]))
    prompts = torch.tensor([[[100.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]]])  # a long prompt counts as much
    torch.testing.assert_close(zero_shot(images, prompts), torch.tensor([[0.5**0.5, 1.0], [0.5**0.5, 0.0]]))


def test_a_tie_is_no_answer():
    scores = torch.tensor([[0.5, 0.5], [0.9, 0.1], [0.1, 0.9]])
    assert accuracy(scores, torch.tensor([0, 0, 0])) == pytest.approx(1 / 3)


def ranked(queries, candidates, right, k):
    """One query at a time, with a sort."""
    hits = 0
    for index, query in enumerate(queries):
        order = sorted(range(len(candidates)), key=lambda j: -float(torch.dot(query, candidates[j])))
        hits += any(bool(right[index, j]) for j in order[:k])
    return hits / len(queries)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_recall_is_that_of_a_sorted_list_in_both_directions(k):
    torch.manual_seed(0)
    images = F.normalize(torch.randn(30, 5, dtype=torch.float64), dim=1)
    texts = F.normalize(images + 0.7 * torch.randn(30, 5, dtype=torch.float64), dim=1)
    for queries, candidates in ((images, texts), (texts, images)):
        expected = ranked(queries, candidates, torch.eye(30), k)
        assert 0 < expected < 1 or k == 5
        assert recall(queries, candidates, k=k) == pytest.approx(expected)
        assert recall(9 * queries, candidates / 9, k=k) == pytest.approx(expected)


def test_recall_counts_any_candidate_of_the_same_group():
    torch.manual_seed(0)
    images, names = F.normalize(torch.randn(20, 4), dim=1), F.normalize(torch.randn(6, 4), dim=1)
    of, own = torch.arange(20) % 6, torch.arange(6)
    right = of[:, None] == own
    assert recall(images, names, k=2, groups=(of, own)) == pytest.approx(ranked(images, names, right, 2))
    assert recall(names, images, k=2, groups=(own, of)) == pytest.approx(ranked(names, images, right.T, 2))


def test_equal_vectors_find_nothing():
    same = torch.ones(10, 3)
    assert recall(same, same) == 0
    assert recall(same, same, k=10) == 1


def test_equal_captions_have_one_number(some):
    numbers = same_captions(some.labels[[0, 1, 0, 2]])
    assert numbers[0] == numbers[2]
    assert len(set(numbers.tolist())) == 3


def test_the_gap_is_the_distance_of_the_means():
    assert modality_gap(torch.tensor([[1.0, 0.0]] * 3), torch.tensor([[-2.0, 0.0]] * 3)) == pytest.approx(2)
    ones = torch.randn(50, 4)
    assert modality_gap(ones, ones) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: zero_shot(torch.ones(2, 3), torch.ones(2, 4)), r"got \(2, 3\) and \(2, 4\)"),
        (lambda: zero_shot(torch.full((2, 3), torch.nan), torch.ones(2, 3)), "must be finite"),
        (lambda: recall(torch.ones(2, 3), torch.ones(2, 4)), r"got \(2, 3\) and \(2, 4\)"),
        (lambda: recall(torch.ones(2, 3), torch.ones(3, 3)), "aren't pairs: say groups="),
        (lambda: recall(torch.ones(2, 3), torch.ones(2, 3), k=3), "k must be from 1 to the 2 candidates, got 3"),
        (
            lambda: recall(torch.ones(2, 3), torch.ones(2, 3), groups=(torch.tensor([0, 5]), torch.tensor([0, 1]))),
            "no candidate is right for 1 of the queries",
        ),
    ],
)
def test_what_cannot_be_measured_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
