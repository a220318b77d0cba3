"""The rulers of the clinic's programs 19 to 22, on small things made by hand: no training, and no notebook."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ssl_course.checks import clinic


class Told(nn.Module):
    """At place t it knows the word at t + 1; with weights, also some of those around."""

    def __init__(self, table):
        super().__init__()
        self.table = table  # (10, 10)

    def forward(self, words):
        return 3 * (self.table @ F.one_hot(words, 4).float())


def test_the_language_has_the_chances_that_it_says_and_the_entropy_that_the_check_knows():
    words = clinic.texts(20000, 8)
    step = (words[:, 2:] - words[:, :-2]) % 4
    shares = torch.bincount(step.flatten(), minlength=4) / step.numel()
    assert shares.tolist() == pytest.approx([0.1, 0.7, 0.1, 0.1], abs=0.005)
    entropy = -(shares * shares.log()).sum().item()
    assert math.log(4) - clinic.WORTH_KNOWING == pytest.approx(entropy, abs=0.01)


@pytest.mark.parametrize("table", [torch.ones(10, 10).tril(1), torch.ones(10, 10).tril(), torch.eye(10)])
def test_who_moves_whom_is_the_table_that_a_network_uses(table):
    assert torch.equal(clinic.who_moves_whom(Told(table)), table.bool())


def test_a_look_at_the_next_word_is_seen_and_a_look_back_is_not():
    assert clinic.looks_ahead(Told(torch.eye(10).roll(1, 1))) > 0.5
    assert clinic.looks_ahead(Told(torch.ones(10, 10).tril())) == 0


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (torch.ones(10, 10).triu(), "wrong way round"),
        (torch.full((10, 10), math.nan), "outputs are nan"),
        (torch.ones(10, 10).tril(), None),
        (torch.ones(10, 10).tril(1), None),
    ],
)
def test_a_mask_that_looks_ahead_alone_and_one_that_sees_nothing_are_named_before_the_symptom(table, told):
    said = clinic.no_reader(Told(table))
    assert said is told is None or told in said


def test_a_look_ahead_at_the_end_alone_is_found():
    table = torch.ones(10, 10).tril()
    table[8, 9] = 1
    assert clinic.looks_ahead(Told(table)) == 0
    assert "place 8" in clinic.ahead_elsewhere(Told(table))


@pytest.mark.parametrize(("padding", "right"), [(0.0, True), (0.01, False), (1.0, False)])
def test_a_loss_may_give_padding_no_weight_at_all(padding, right):
    def word_loss(logits, words):
        weight = torch.tensor([padding, 1, 1, 1, 1])
        return F.cross_entropy(logits.flatten(0, 1), words.flatten(), weight=weight)

    assert (clinic.no_word_loss(word_loss, nn.Embedding(25, 5)) is None) == right


@pytest.mark.parametrize(
    ("low", "wrapped", "told"),
    [(200, True, None), (50, True, "less than 100 frames"), (-700, False, "must be within it")],
)
def test_negatives_must_be_far_away_and_within_the_signal(low, wrapped, told):
    def others(present, length):
        places = present[:, None] + low + torch.arange(0, 70, 10)
        return places % length if wrapped else places

    nets = nn.Identity(), nn.Identity()
    said = clinic.no_negatives(others, *nets) or clinic.near_negatives(others, *nets)
    assert said is told is None or told in said


def test_half_of_the_orders_are_steady_and_a_film_flies_evenly():
    order, steady = clinic.drawn(4000)
    assert 0.47 < steady.float().mean() < 0.53
    assert steady.tolist() == [int(row in clinic.STEADY) for row in order.tolist()]
    steps = clinic.films(100, 0).diff(dim=1)
    torch.testing.assert_close(steps[:, 0], steps[:, 2], atol=1e-5, rtol=0)
    assert (steps[..., 2:] == 0).all()


def arranged(part, order):
    return part.take_along_dim(order[:, :, None], dim=1)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (lambda encoder, film, order: encoder(arranged(film, order)), None),
        (lambda encoder, film, order: encoder(film), "nothing is shuffled"),
        (lambda encoder, film, order: encoder(arranged(film, order.roll(2, 0))), "orders of other films"),
        (lambda encoder, film, order: encoder(arranged(film.roll(2, 0), order)), "frames get mixed"),
        (lambda encoder, film, order: encoder(arranged(film, order)) + torch.rand(()), "other features each time"),
        (lambda encoder, film, order: arranged(encoder(arranged(film, order)), order), "once is enough"),
        (lambda encoder, film, order: arranged(encoder(arranged(film, order)), order.argsort(1)), "are put back"),
    ],
)
def test_another_shuffling_is_named(asked, told):
    places = torch.arange(4.0)[:, None]
    said = clinic.shuffled_otherwise(asked, lambda film: film + places, nn.Identity())
    assert said is told is None or told in said
