"""Programs 19 to 22 of the clinic, whose inputs are rows in time: their worlds, seeds, and answers nobody foresaw."""

import importlib.util
import math
from pathlib import Path
from statistics import mean

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ssl_course import checks
from ssl_course.checks import clinic

PATH = Path(__file__).parent / "answers" / "clinic.py"
specification = importlib.util.spec_from_file_location("answers_clinic_rows", PATH)
answers = importlib.util.module_from_spec(specification)
specification.loader.exec_module(answers)
NOTEBOOK = answers.NOTEBOOK
NAMES = ("mask", "padding", "negatives", "shuffled")


def seeded(name, seed, mended):
    """A program whose weights, batches and data are of another seed, broken or with the notebook's mend."""
    part = {"mask": "sees", "padding": "word_loss", "negatives": "others", "shuffled": "asked"}[name]
    changes = [("manual_seed(0)", f"manual_seed({seed})")]
    changes += [("signal(0)", f"signal({10 + seed})")] if name == "negatives" else [("seed=0)", f"seed={10 + seed})")]
    losses = []
    program = answers.changed(name, *changes, show=losses.extend)
    result = program(NOTEBOOK[f"mended_{part}"]) if mended else program()
    return losses, result


def test_the_checks_draw_the_worlds_of_the_notebook():
    for seed in (0, 5):
        for name in ("texts", "padded", "films"):
            assert torch.equal(getattr(clinic, name)(50, seed), NOTEBOOK[name](50, seed)), name
        assert torch.equal(clinic.signal(seed, 300), NOTEBOOK["signal"](seed, 300))
        drawn = []
        for module in (clinic.drawn, NOTEBOOK["drawn"]):
            torch.manual_seed(seed)
            drawn.append(module(50))
        assert all(torch.equal(*pair) for pair in zip(*drawn, strict=True))


def test_a_loss_below_the_entropy_shows_the_mask_and_no_mended_one_gets_there():
    losses, _ = seeded("mask", 0, mended=False)
    mended, _ = seeded("mask", 0, mended=True)
    entropy = math.log(4) - clinic.WORTH_KNOWING
    assert mean(losses[-20:]) < 0.05
    assert entropy - 0.06 < mean(mended[-20:]) < entropy + 0.1


def test_most_places_are_padding_and_a_text_has_four_to_twenty_words():
    words = clinic.padded(5000, 3)
    lengths = (words > 0).sum(dim=1)
    assert (lengths.min(), lengths.max()) == (4, 20)
    assert 0.5 < (words == 0).float().mean() < 0.65
    assert torch.equal(words > 0, torch.arange(20) < lengths[:, None])  # behind the text, and nowhere else


class Recurrent(nn.Module):
    """Reads with a GRU, which needs no mask."""

    def __init__(self):
        super().__init__()
        self.words, self.memory, self.tells = nn.Embedding(4, 16), nn.GRU(16, 32, batch_first=True), nn.Linear(32, 4)

    def forward(self, words):
        return self.tells(self.memory(self.words(words))[0])


def packed(logits, words):
    lengths = (words > 0).sum(dim=1)
    both = [nn.utils.rnn.pack_padded_sequence(part, lengths, True, False).data for part in (logits, words)]
    return F.cross_entropy(*both)


def rejecting(present, length):
    places = torch.randint(length, (len(present), 7))
    while (near := (places - present[:, None]).abs() < 100).any():
        places[near] = torch.randint(length, (int(near.sum()),))
    return places


def placed_later(encoder, film, order):
    """A frame gets its place only where it is shown."""
    return F.relu(encoder.frame(film).take_along_dim(order[:, :, None], dim=1) + encoder.places)


def only_reported():
    """The mask is mended when the network has been trained."""
    (net,) = answers.BROKEN["mask"]()
    net.sees = NOTEBOOK["mended_sees"]
    return (net,)


def half_a_weight(logits, words):
    return F.cross_entropy(logits.flatten(0, 1), words.flatten(), weight=torch.tensor([0.01, 1, 1, 1, 1]))


@pytest.mark.parametrize(
    ("name", "program", "told"),
    [
        ("mask", answers.seeing(lambda length: torch.ones(length, length).triu(-1)), "the symptom is still there"),
        (
            "mask",
            answers.seeing(lambda length: torch.ones(length, length).tril(-2) + torch.eye(length)),
            "may each place",
        ),
        ("mask", only_reported, "has the network been trained"),
        ("padding", answers.counting(half_a_weight), "for a batch of chance"),
        ("padding", answers.counting(lambda logits, words: 1.4427 * packed(logits, words)), "the symptom is still"),
        ("negatives", answers.beside(lambda now, length: now[:, None] - torch.arange(100, 107)), "must be within it"),
        (
            "negatives",
            answers.beside(lambda now, length: (now[:, None] + torch.arange(20, 27)) % length),
            "less than 100",
        ),
        (
            "shuffled",
            answers.asking(lambda encoder, film, order: placed_later(encoder, film, order) + order[:, :, None]),
            "still there",
        ),
        (
            "shuffled",
            answers.asking(lambda encoder, film, order: encoder(film).mean(1, True).expand(-1, 4, -1)),
            "nothing is",
        ),
    ],
)
def test_a_wrong_mend_nobody_foresaw_is_told_why(name, program, told):
    verdict = checks.judge(f"clinic.{name}_mended", program)
    assert verdict.state == "wrong"
    assert told in verdict.sentence


@pytest.mark.parametrize(
    ("name", "program"),
    [
        ("mask", answers.changed("mask", ("Reader(sees)", "Recurrent()"), Recurrent=Recurrent)),
        ("mask", answers.changed("mask", ("Reader(sees)", "Reader(mended_sees).double()"))),
        ("padding", answers.counting(packed)),
        ("padding", answers.counting(lambda logits, words: packed(logits.double(), words))),
        ("negatives", answers.beside(rejecting)),
        (
            "negatives",
            answers.beside(lambda now, length: (now + torch.randint(100, length - 100, (7, len(now)))).T % length),
        ),
        ("shuffled", answers.asking(placed_later)),
        ("shuffled", answers.asking(lambda *given: placed_later(*given).flatten(1))),
    ],
)
def test_a_right_mend_nobody_foresaw_is_right(name, program):
    verdict = checks.judge(f"clinic.{name}_mended", program)
    assert verdict.right, verdict.sentence


@pytest.mark.parametrize("name", NAMES)
def test_with_another_seed_the_broken_program_is_as_sick_and_the_mended_one_as_well(name):
    symptom, mended = (checks.SETS["clinic"][f"{name}_{kind}"] for kind in ("symptom", "mended"))
    losses, result = seeded(name, 1, mended=False)
    assert mean(losses[-20:]) < 0.7 * mean(losses[:5])
    assert symptom.sick[0] <= symptom.ruler(*result) <= symptom.sick[1]
    assert not mended.healthy[0] <= mended.ruler(*result) <= mended.healthy[1]
    _, result = seeded(name, 1, mended=True)
    assert mended.judge(lambda: result).right, mended.judge(lambda: result).sentence
