"""What the demos of lesson 06 compute, against the package's masked autoencoder and closed forms."""

import pytest
import torch

from ssl_course.live import hidden, restoring
from ssl_course.methods.mae import random_masking
from ssl_course.ready import ready
from ssl_course.vit import patchify

# --- hidden patches


@pytest.fixture(scope="module")
def model():
    return ready("mae", whole=True)


@pytest.fixture
def image():
    return torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def test_a_mask_of_ones_own_paints_what_the_model_paints_for_the_same_mask(model, image):
    torch.manual_seed(3)
    with torch.no_grad():
        prediction, mask = model.predict(image)
    assert torch.allclose(hidden.painted(model, image, mask[0]), prediction, atol=1e-5)


@pytest.mark.parametrize("pressed", [True, False])
def test_all_or_nothing_may_be_hidden(model, image, pressed):
    mask = torch.full((64,), pressed)
    assert hidden.painted(model, image, mask).isfinite().all()
    assert all(guess.isfinite().all() for guess in hidden.guesses(image, mask, 4).values())


def test_shares_are_of_the_patches_and_a_block_is_a_square():
    assert [int(hidden.hide("at random", share, 5, 8).sum()) for share in (0.1, 0.75, 0.95)] == [6, 48, 61]
    block = hidden.hide("a block", 0.25, 5, 8).view(8, 8)
    assert (int(block.sum()), int(block.any(dim=0).sum()), int(block.any(dim=1).sum())) == (16, 4, 4)
    assert not hidden.hide("a block", 0.95, 5, 8).all()


def test_of_a_grid_no_two_neighbours_are_hidden_and_the_lower_half_is_the_lower():
    grid = hidden.hide("a grid", 0.5, 0, 8).view(8, 8)
    assert not (grid[1:] & grid[:-1]).any()
    assert not (grid[:, 1:] & grid[:, :-1]).any()
    assert hidden.hide("the lower half", 0.5, 0, 4).tolist() == [False] * 8 + [True] * 8


def test_the_mean_colour_is_that_of_the_visible_patches(image):
    mask = hidden.hide("at random", 0.5, 1, 8)
    seen = patchify(image)[0, ~mask].view(-1, 3, 16)
    guess = hidden.guesses(image, mask, 4)["mean colour"]
    assert torch.allclose(guess[0, :, 0, 0], seen.mean(dim=(0, 2)), atol=1e-6)


def test_between_two_colours_the_interpolation_is_halfway_and_far_away_the_nearer_one():
    image = torch.zeros(1, 3, 32, 32)
    image[:, :, :, 16:] = 1.0
    mask = torch.zeros(8, 8, dtype=torch.bool)
    mask[:, 3:5] = True  # columns 12 to 19
    guess = hidden.guesses(image, mask.flatten(), 4)["interpolated"][0, 0, 16]
    assert float(guess[15] + guess[16]) == pytest.approx(1.0, abs=1e-5)
    assert guess[12] < 0.1 < 0.9 < guess[19]


def test_turning_a_patch_by_hand_hides_or_shows_it_and_another_pattern_forgets_it(monkeypatch):
    demo = hidden.HiddenPatches.example()
    told, draw = [], demo.draw
    demo.set(pattern="the lower half")
    demo.controls["turned"].buttons[0].value = True
    assert demo.mask("the lower half", 0.75, 0, demo.controls["turned"].value).sum() == 33
    assert "33 of 64" in demo.sentence.value

    def listened(**values):
        told.append(draw(**values))
        return told[-1]

    monkeypatch.setattr(demo, "draw", listened)
    demo.controls["pattern"].value = "nothing"
    assert (len(told), told[0][:17], demo.controls["turned"].value) == (1, "Nothing is hidden", ())
    assert not any(button.value for button in demo.controls["turned"].buttons)


def test_random_masking_hides_as_many():
    mask = random_masking(torch.zeros(1, 64, 2), 0.9)[1]
    assert int(mask.sum()) == int(hidden.hide("at random", 0.9, 0, 8).sum())


# --- eight tokens


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_sorted_and_restore_puts_every_visible_token_in_its_place(seed):
    found = restoring.journey(0.625, seed)
    assert torch.equal(found["order"], found["noise"].argsort())
    assert torch.equal(found["visible"].long(), found["order"][:3])
    places = (found["placed"] >= 0).nonzero().flatten()
    assert found["placed"][places].tolist() == places.tolist()
    assert len(places) == 3


def test_the_usual_mistake_takes_from_the_line_by_order():
    found = restoring.journey(0.5, 2, wrong=True)
    assert torch.equal(found["placed"], found["line"][found["order"]])
    assert not torch.equal(found["placed"], restoring.journey(0.5, 2)["placed"])


def test_the_demo_takes_nothing_from_the_random_numbers_of_the_lesson():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    restoring.journey(0.5, 7)
    assert torch.equal(torch.rand(3), expected)
