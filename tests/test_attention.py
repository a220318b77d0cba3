"""Maps of attention against a slow loop, their masks, and the outlines that the factors tell."""

import numpy as np
import pytest
import torch

from ssl_course import attention, load
from ssl_course.networks import small_cnn
from ssl_course.shapes import _coverage
from ssl_course.vit import VisionTransformer


def tiny():
    torch.manual_seed(0)
    return VisionTransformer(width=16, depth=2, heads=2).eval()


def test_a_map_is_what_all_patches_take_from_each():
    encoder, images = tiny(), torch.rand(2, 3, 16, 24)
    maps = attention.attention_maps(encoder, images)
    assert maps.shape == (2, 2, 4, 6)
    with torch.no_grad():
        block = encoder.blocks[1]
        x = block.attention_norm(encoder.blocks[0](encoder.tokens(images)))
        q, k, _ = block.queries_keys_values(x).chunk(3, dim=2)
        for image in range(2):
            for head in range(2):
                part = slice(8 * head, 8 * head + 8)
                rows = [(k[image, :, part] @ asked / 8**0.5).softmax(dim=0) for asked in q[image, :, part]]
                slow = torch.stack(rows).mean(dim=0).view(4, 6)
                torch.testing.assert_close(maps[image, head], slow)


def test_bytes_and_floats_give_one_map():
    images = torch.randint(0, 256, (2, 3, 16, 16), dtype=torch.uint8)
    torch.testing.assert_close(
        attention.attention_maps(tiny(), images), attention.attention_maps(tiny(), images.float() / 255)
    )


def test_the_fewest_patches_that_hold_the_mass_are_kept():
    shares = torch.tensor([[0.4, 0.1], [0.3, 0.2]])
    assert attention.attended(shares, 0.6).tolist() == [[True, False], [True, False]]
    assert attention.attended(shares, 0.75).tolist() == [[True, False], [True, True]]
    assert attention.attended(shares, 1).all()
    assert attention.attended(10 * shares, 0.3).sum() == 1
    assert attention.attended(torch.tensor([[0.5, 0.25], [0.125, 0.125]]), 0.5).sum() == 1  # just enough


def test_outlines_are_where_the_shape_covers_half_of_a_pixel():
    drawn = load("shapes", size=60)
    factors = {name: np.asarray(values) for name, values in drawn.factors.items()}
    assert torch.equal(attention.outlines(drawn.factors), torch.from_numpy(_coverage(factors) > 0.5))


def test_a_disc_in_the_middle_is_round_and_overlaps_the_shapes_until_they_are_moved():
    assert attention.disc(4, 1.0).int().tolist() == [[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    middle = attention.disc()
    assert middle.shape == (8, 8)
    assert middle.sum() == 12
    assert torch.equal(middle, middle.T)
    assert torch.equal(middle, middle.flip(0))
    masks = attention.outlines(load("shapes", "test", size=100).factors)
    found, away = (
        attention.overlap(middle, attention.in_patches(part)).mean() for part in (masks, masks.roll((8, 8), (1, 2)))
    )
    assert found > 0.4
    assert away < 0.2


def test_overlap_is_the_intersection_over_the_union():
    one = torch.tensor([[True, True], [False, False]])
    other = torch.tensor([[True, False], [True, False]])
    assert attention.overlap(one, other) == pytest.approx(1 / 3)
    assert attention.overlap(one, one) == 1
    assert attention.overlap(one, ~one) == 0


def test_a_patch_is_inside_where_at_least_half_of_it_is():
    mask = torch.zeros(1, 8, 8, dtype=torch.bool)
    mask[0, :2, :4] = True  # half of the first patch
    mask[0, 4:, 4:] = True  # all of the last one
    mask[0, 4:, :1] = True  # a quarter of the third
    assert attention.in_patches(mask).tolist() == [[[True, False], [False, True]]]


def test_a_head_that_looks_at_all_patches_alike_keeps_60_percent_of_them(monkeypatch):
    monkeypatch.setattr(attention, "attention_maps", lambda encoder, images: torch.ones(3, 2, 8, 8))
    masks = torch.ones(3, 32, 32, dtype=torch.bool)
    found = attention.head_overlaps(tiny(), torch.zeros(3, 3, 32, 32), masks)
    torch.testing.assert_close(found, torch.full((2,), 39 / 64))  # 0.6 of 64, rounded up


def test_the_head_is_chosen_on_known_images_alone(monkeypatch):
    given = {"known": torch.tensor([0.1, 0.9]), "new": torch.tensor([0.8, 0.2])}
    monkeypatch.setattr(attention, "head_overlaps", lambda encoder, name, masks: given[name])
    found = attention.attention_overlap(tiny(), ("known", None), ("new", None))
    assert found == {"overlap": pytest.approx(0.2), "head": 1}


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="only a VisionTransformer has attention, got SmallCNN"):
        attention.attention_maps(small_cnn(4), torch.rand(1, 3, 16, 16))
    with pytest.raises(ValueError, match=r"mass .* in \(0, 1\], got 0"):
        attention.attended(torch.ones(2, 2), 0)
    with pytest.raises(ValueError, match="masks must be of one size"):
        attention.overlap(torch.ones(4, 4).bool(), torch.ones(8, 8).bool())
