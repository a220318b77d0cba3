"""What the demos of lesson 01 compute, against the course's functions."""

import pytest
import torch
import torchvision.transforms.functional as TF

from ssl_course.live import Puzzle, Turned, puzzle, turned
from ssl_course.methods import Jigsaw, Rotation, jigsaw
from ssl_course.networks import small_cnn

RAMP = torch.arange(32.0).expand(3, 32, 32) / 31  # brighter to the right


@pytest.mark.parametrize("border", turned.BORDERS)
def test_a_quarter_turn_moves_pixels_only(border):
    inside = slice(10, 22)
    whole = turned.turned(RAMP, 90, border)
    assert torch.allclose(whole[:, inside, inside], RAMP.rot90(1, dims=(1, 2))[:, inside, inside], atol=1e-5)


def test_the_black_border_is_that_of_image_libraries():
    expected = TF.rotate(RAMP, 40, TF.InterpolationMode.BILINEAR)
    assert torch.equal(turned.turned(RAMP, 40, "black"), expected)


@pytest.mark.parametrize("border", turned.BORDERS[1:])
def test_an_empty_picture_shows_its_turn_by_black_corners_alone(border):
    flat = torch.full((3, 32, 32), 0.7)
    black = turned.turned(flat, 40, "black")
    assert (black[:, 0, 0] == 0).all()
    assert torch.allclose(turned.turned(flat, 40, border), turned.turned(flat, 0, border), atol=1e-5)


def test_the_answers_are_those_of_the_head():
    torch.manual_seed(0)
    method, pictures = Rotation(small_cnn(4)).eval(), torch.rand(2, 3, 32, 32)
    expected = torch.softmax(method.head(method.encoder(pictures)), dim=1)
    assert torch.allclose(turned.answers(method, pictures), expected)


def test_the_empty_picture_has_the_colour_of_the_ground():
    demo = Turned.example()
    demo.set(angle=0, border="black")
    assert (demo.seen[1].get_array() == demo.images[demo.values["picture"]][:, 0, 0].numpy()).all()


def test_the_lamp_is_brightest_at_the_upper_left_and_keeps_the_middle():
    lit = puzzle.lamplit(torch.full((3, 33, 33), 0.5))
    assert lit[0, 0, 0] == lit.max() == pytest.approx(0.7)
    assert lit[0, 32, 32] == lit.min() == pytest.approx(0.3)
    assert lit[0, 16, 16] == pytest.approx(0.5)


def test_the_right_order_puts_every_tile_back():
    orders = jigsaw.permutations(24)
    shuffled, answer = puzzle.question(RAMP, orders, 3, lamp=False, normalise=False)
    back = shuffled[orders[answer].argsort()]
    columns = back.mean(dim=(1, 2, 3)).view(3, 3)  # of the mean brightness
    assert (columns.diff(dim=1) > 0.2).all()
    assert (puzzle.question(RAMP, orders, 3, lamp=False, normalise=False)[0] == shuffled).all()


def test_the_confidence_is_that_of_the_head_over_nine_tiles_side_by_side():
    torch.manual_seed(0)
    method, tiles = Jigsaw(small_cnn(4)).eval(), torch.rand(9, 3, 8, 8)
    expected = torch.softmax(method.head(method.encoder(tiles).flatten()[None]), dim=1)[0]
    assert torch.allclose(puzzle.confidence(method, tiles), expected)


def test_tiles_are_assembled_row_by_row():
    tiles = torch.arange(9.0).view(9, 1, 1, 1).expand(9, 3, 2, 2) / 9
    whole = puzzle.assembled(tiles)
    assert whole.shape == (8, 8, 3)
    assert whole[3:5, 6:8] == pytest.approx(5 / 9)
    assert (whole[2] == 1).all()


def test_who_slides_to_the_right_order_has_nine_tiles_at_their_places():
    demo = Puzzle.example()
    place = demo.values["picture"]
    _, answer = puzzle.question(demo.images[place], demo.orders, place, lamp=False, normalise=True)
    demo.set(yours=answer + 1, reveal=True)
    assert "You have 9 of 9 tiles" in demo.sentence.value


def test_before_the_answer_is_shown_nothing_gives_it_away():
    demo = Puzzle.example()
    assert "network" not in demo.sentence.value
    assert all(bar.get_height() == 0 for bar in demo.bars)


def test_training_under_the_lamp_leaves_the_random_numbers_as_they_were():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    puzzle.lamp_network(torch.zeros(16, 3, 32, 32, dtype=torch.uint8), width=2)
    assert torch.rand(1) == expected
