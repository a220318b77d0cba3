"""Rotation, jigsaw and inpainting: the answer is what was done to the image, and the image doesn't give it away."""

import itertools
import math

import pytest
import torch
from torch import nn

from ssl_course.augment import rotate
from ssl_course.methods.inpainting import Inpainting, block_masks, hidden_mse
from ssl_course.methods.jigsaw import Jigsaw, cut_tiles, normalise_tiles, permutations, shuffle_tiles
from ssl_course.methods.rotation import Rotation, turn
from ssl_course.networks import small_cnn


def images(count=8, height=32, width=32):
    return torch.rand(count, 3, height, width)


# --- rotation


def test_turn_is_rot90_of_each_image_by_its_own_number():
    batch, quarters = images(12, 6, 6), torch.arange(12) - 5
    turned = turn(batch, quarters)
    for image, quarter, result in zip(batch, quarters, turned, strict=True):
        assert torch.equal(result, torch.rot90(image, int(quarter), dims=(1, 2)))


def test_a_quarter_turn_goes_counter_clockwise():
    batch = torch.zeros(1, 3, 4, 4)
    batch[:, :, 0, 3] = 1  # top right goes to top left
    assert turn(batch, torch.tensor([1]))[0, 0].nonzero().tolist() == [[0, 0]]
    torch.testing.assert_close(turn(batch, torch.tensor([1])), rotate(batch, torch.tensor([90.0])))


def test_turn_refuses_images_that_are_not_square():
    with pytest.raises(ValueError, match=r"quarter turns need square images, got \(2, 3, 8, 6\)"):
        turn(images(2, 8, 6), torch.tensor([1, 2]))


def rotation(**options):
    return Rotation(small_cnn(4), augment=nn.Identity(), **options)


@pytest.mark.parametrize("angles", [(0, 90, 180, 270), (0, 180), (-90, 90, 540.0), (270, 0)])
def test_multiples_of_90_only_move_pixels_and_the_answer_names_the_turn(angles):
    batch = images(40)
    turned, answers = rotation(angles=angles).views(batch)
    assert torch.equal(turned.flatten(2).sort().values, batch.flatten(2).sort().values)
    for image, result, answer in zip(batch, turned, answers, strict=True):
        assert torch.equal(result, torch.rot90(image, int(angles[answer]) // 90, dims=(1, 2)))


@pytest.mark.parametrize("angles", [(0, 90, 180, 270), (0, 45, 300)])
def test_every_shows_each_image_at_all_angles(angles):
    batch = images(5)
    turned, answers = rotation(angles=angles, every=True).views(batch)
    assert len(turned) == len(answers) == 5 * len(angles)
    for place, angle in enumerate(angles):
        copies = turned[answers == place]
        torch.testing.assert_close(copies, rotate(batch, torch.full((5,), float(angle))), atol=1e-5, rtol=0)
    drawn, _ = rotation(angles=angles).views(batch)
    assert len(drawn) == 5


@pytest.mark.parametrize("angles", [(0, 45), (0, 90, 180, 271.5)])
def test_any_other_angle_is_interpolated_and_the_answer_names_it(angles):
    batch = images(40)
    turned, answers = rotation(angles=angles).views(batch)
    torch.testing.assert_close(turned, rotate(batch, torch.tensor(angles)[answers].float()))
    odd = torch.tensor([angle % 90 != 0 for angle in angles])[answers]
    same_pixels = (turned.flatten(2).sort().values - batch.flatten(2).sort().values).abs().amax(dim=(1, 2)) < 1e-3
    assert not same_pixels[odd].any()


def test_what_a_method_keeps_ready_is_no_part_of_its_saved_state():
    """Else a checkpoint of before could not be read."""
    for method, kept in ((rotation(), "degrees"), (Jigsaw(small_cnn(4), tiles=4, count=4), "orders")):
        assert isinstance(getattr(method, kept), torch.Tensor)
        assert kept not in method.state_dict()


def test_all_turns_are_drawn_about_equally_often():
    _, answers = rotation().views(images(2000, 4, 4))
    assert (answers.bincount(minlength=4) / 2000 - 0.25).abs().max() < 0.04


def test_rotations_loss_is_the_cross_entropy_of_the_answers():
    method = rotation().eval()
    turned, answers = method.views(images())
    chances = method.head(method.encoder(turned)).softmax(dim=1)
    expected = -sum(chances[i, answer].log() for i, answer in enumerate(answers)) / len(answers)
    torch.testing.assert_close(method(turned, answers), expected)


# --- jigsaw: orders


def distance(one, other):
    return sum(a != b for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(("count", "tiles"), [(2, 2), (24, 4), (10, 4), (720, 6)])
def test_orders_are_different_permutations_that_begin_with_the_identity(count, tiles):
    orders = permutations(count, tiles)
    assert orders.shape == (count, tiles)
    assert torch.equal(orders.sort(dim=1).values, torch.arange(tiles).expand(count, tiles))
    assert len(orders.unique(dim=0)) == count
    assert torch.equal(orders[0], torch.arange(tiles))


def test_orders_are_the_same_every_time_and_draw_nothing():
    state = torch.get_rng_state()
    assert torch.equal(permutations(12, 4), permutations(24, 4)[:12])
    assert torch.equal(torch.get_rng_state(), state)


def test_each_next_order_is_as_far_as_can_be_from_those_before():
    orders, pool = permutations(24, 4).tolist(), list(itertools.permutations(range(4)))
    for count in range(1, 24):
        nearest = [min(distance(one, other) for other in orders[:count]) for one in pool]
        assert min(distance(orders[count], other) for other in orders[:count]) == max(nearest)


def test_thirty_orders_of_nine_tiles_agree_in_two_places_at_most():
    orders = permutations(30, 9).tolist()
    assert all(sorted(order) == list(range(9)) for order in orders)
    assert min(distance(one, other) for one, other in itertools.combinations(orders, 2)) >= 7
    assert min(distance(one, other) for one, other in itertools.combinations(orders[:9], 2)) == 9  # a Latin square


@pytest.mark.parametrize(
    ("count", "tiles", "message"),
    [
        (1, 9, "count must be from 2 to 362880, got 1"),
        (25, 4, "count must be from 2 to 24, got 25"),
        (2, 1, "tiles must be from 2 to 9, got 1"),
        (2, 16, "tiles must be from 2 to 9, got 16"),
    ],
)
def test_permutations_refuses(count, tiles, message):
    with pytest.raises(ValueError, match=message):
        permutations(count, tiles)


# --- jigsaw: tiles


@pytest.mark.parametrize(("tiles", "height", "width"), [(4, 8, 8), (4, 8, 12), (9, 9, 9), (9, 6, 12), (9, 32, 32)])
def test_tiles_without_a_gap_are_the_image_row_by_row(tiles, height, width):
    batch, side = images(2, height, width), math.isqrt(tiles)
    cells = cut_tiles(batch, tiles, gap=0)
    rows = [torch.cat(list(cells[:, k * side : (k + 1) * side].unbind(1)), dim=3) for k in range(side)]
    assert torch.equal(torch.cat(rows, dim=2), batch[:, :, : height - height % side, : width - width % side])


@pytest.mark.parametrize(("height", "width"), [(18, 18), (18, 24)])
def test_a_tile_with_a_gap_is_a_window_of_its_cell(height, width):
    batch = images(6, height, width)
    cells, tiles = cut_tiles(batch, 9, gap=0), cut_tiles(batch, 9, gap=2)
    h, w = tiles.shape[-2:]
    assert (h, w) == (height // 3 - 2, width // 3 - 2)
    windows = {(y, x): cells[..., y : y + h, x : x + w] for y in range(3) for x in range(3)}
    found = {place: (window == tiles).all(dim=(2, 3, 4)) for place, window in windows.items()}  # (B, 9) each
    assert torch.equal(sum(hit.int() for hit in found.values()), torch.ones(6, 9, dtype=torch.int32))
    assert all(hit.any() for hit in found.values())  # every place is drawn
    assert all(len({place for place, hit in found.items() if hit[b].any()}) > 1 for b in range(6))


@pytest.mark.parametrize(("tiles", "gap"), [(5, 0), (9, -1), (9, 4), (4, 6)])
def test_cut_tiles_refuses_what_leaves_no_square_or_no_tile(tiles, gap):
    message = f"tiles must be 4 or 9, got {tiles}" if tiles == 5 else f"gap must leave tiles of at least 2x2, got {gap}"
    with pytest.raises(ValueError, match=message):
        cut_tiles(images(2, 12, 12), tiles, gap)


def test_shuffle_tiles_puts_tile_order_k_in_place_k_and_argsort_undoes_it():
    tiles, orders = torch.rand(5, 9, 3, 2, 2), torch.rand(5, 9).argsort(dim=1)
    shuffled = shuffle_tiles(tiles, orders)
    for b, k in itertools.product(range(5), range(9)):
        assert torch.equal(shuffled[b, k], tiles[b, orders[b, k]])
    assert torch.equal(shuffle_tiles(shuffled, orders.argsort(dim=1)), tiles)


def test_normalised_tiles_have_the_same_mean_and_deviation_whatever_their_light():
    light = torch.linspace(0.1, 0.6, 9).view(1, 9, 1, 1, 1)
    tiles = normalise_tiles(light + torch.linspace(0.2, 0.4, 9).flip(0).view(1, 9, 1, 1, 1) * torch.rand(4, 9, 3, 8, 8))
    mean, deviation = tiles.mean(dim=(3, 4)), tiles.std(dim=(3, 4))
    torch.testing.assert_close(mean, torch.full_like(mean, 0.5), atol=0.01, rtol=0)
    assert deviation.min() > 0.18
    assert deviation.max() < 0.2501
    assert tiles.min() >= 0
    assert tiles.max() <= 1


def test_a_tile_of_one_colour_becomes_grey():
    tiles = torch.rand(2, 4, 3, 1, 1).expand(2, 4, 3, 5, 5)
    torch.testing.assert_close(normalise_tiles(tiles), torch.full((2, 4, 3, 5, 5), 0.5), atol=1e-4, rtol=0)


def test_jigsaws_tiles_lie_in_the_order_that_the_answer_names():
    method = Jigsaw(small_cnn(4), tiles=4, count=24, gap=0, normalise=False, augment=nn.Identity())
    batch = images(20)
    shuffled, answers = method.views(batch)
    shuffled, cells = shuffled.unflatten(0, (20, 4)), cut_tiles(batch, 4, gap=0)
    orders = permutations(24, 4)
    for b, k in itertools.product(range(20), range(4)):
        assert torch.equal(shuffled[b, k], cells[b, orders[answers[b], k]])
    assert len(answers.unique()) > 8


def test_jigsaw_normalises_its_tiles_if_told_to():
    dark = images() * 0.2
    bright, as_it_was = (
        Jigsaw(small_cnn(4), tiles=4, count=4, normalise=normalise, augment=nn.Identity()).views(dark)[0]
        for normalise in (True, False)
    )
    assert bright.mean() > 0.45
    assert as_it_was.max() <= 0.2


def test_jigsaws_head_sees_the_tiles_of_one_image_side_by_side():
    method = Jigsaw(small_cnn(4), tiles=4, count=6).eval()
    tiles, answers = method.views(images(3))
    losses = []
    for b in range(3):
        features = torch.cat([method.encoder(tiles[4 * b + k][None]) for k in range(4)], dim=1)  # (1, 4 dim)
        losses.append(-method.head(features).log_softmax(dim=1)[0, answers[b]])
    torch.testing.assert_close(method(tiles, answers), sum(losses) / 3)


# --- inpainting


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
@pytest.mark.parametrize(("height", "width"), [(32, 32), (64, 40)])
def test_a_mask_hides_one_rectangle_of_the_stated_share(share, height, width):
    masks = block_masks(20, height, width, share)
    assert masks.shape == (20, 1, height, width)
    assert masks.dtype == torch.bool
    for mask in masks[:, 0]:
        y, x = mask.nonzero(as_tuple=True)
        assert mask[y.min() : y.max() + 1, x.min() : x.max() + 1].all()
        assert mask.float().mean().item() == pytest.approx(share, abs=0.03)


def test_every_pixel_can_be_hidden_and_places_differ_between_images():
    masks = block_masks(400, 8, 8, 0.25)
    assert masks.any(dim=0).all()
    assert masks.float().mean(dim=0).max() < 0.7
    assert len(masks.flatten(1).unique(dim=0)) == 25  # a 4x4 block in 8x8 pixels


@pytest.mark.parametrize("share", [0, 1, -0.5, float("nan")])
def test_a_share_outside_0_to_1_is_refused(share):
    with pytest.raises(ValueError, match=rf"share must be in \(0, 1\), got {share}"):
        block_masks(2, 8, 8, share)


def test_hidden_mse_is_the_mean_over_hidden_values():
    painted, target, hidden = torch.rand(3, 3, 6, 5), torch.rand(3, 3, 6, 5), block_masks(3, 6, 5, 0.3)
    errors = [
        (painted[b, c, y, x] - target[b, c, y, x]) ** 2
        for b, c, y, x in itertools.product(range(3), range(3), range(6), range(5))
        if hidden[b, 0, y, x]
    ]
    torch.testing.assert_close(hidden_mse(painted, target, hidden), sum(errors) / len(errors))


def test_hidden_mse_is_blind_to_visible_pixels_and_only_to_them():
    painted, target, hidden = torch.rand(3, 3, 8, 8), torch.rand(3, 3, 8, 8), block_masks(3, 8, 8)
    loss, other = hidden_mse(painted, target, hidden), torch.rand(3, 3, 8, 8) / 4
    assert torch.equal(hidden_mse(torch.where(hidden, painted, other), target, hidden), loss)
    assert abs(hidden_mse(torch.where(hidden, other, painted), target, hidden) - loss) > 1e-3


def inpainting(**options):
    return Inpainting(small_cnn(4), augment=nn.Identity(), **options)


def test_the_encoder_sees_nothing_of_the_hidden_pixels():
    method, batch, other = inpainting(), images(), images()
    torch.manual_seed(1)
    holed, whole, hidden = method.views(batch)
    changed = torch.where(hidden, other, batch)
    torch.manual_seed(1)
    again, _, same = method.views(changed)
    assert torch.equal(hidden, same)
    assert torch.equal(again, holed)
    assert torch.equal(whole, batch)
    visible = ~hidden.expand_as(batch)
    assert torch.equal(holed[visible], batch[visible])


def test_inpaintings_loss_compares_the_painting_with_what_was_hidden():
    method = inpainting().eval()
    holed, whole, hidden = method.views(images())
    expected = hidden_mse(method.decoder(method.encoder(holed)), whole, hidden)
    torch.testing.assert_close(method(holed, whole, hidden), expected)
    assert torch.equal(method(holed, torch.where(hidden, whole, 0.3), hidden), method(holed, whole, hidden))
    assert abs(method(holed, torch.where(hidden, 0.9, whole), hidden) - expected) > 1e-3


def test_inpainting_hides_the_stated_share():
    _, _, hidden = inpainting(share=0.5).views(images())
    assert hidden.float().mean().item() == pytest.approx(0.5, abs=0.03)


def test_a_block_never_hides_the_whole_picture():
    assert not block_masks(20, 32, 32, 0.999).flatten(1).all(dim=1).any()
