"""Drawn surfaces, tiles, CutPaste and distances to the normal."""

import numpy as np
import pytest
import torch
from sklearn.covariance import LedoitWolf

from ssl_course import surfaces
from ssl_course.methods.cutpaste import CutPaste, Mirror, paste
from ssl_course.networks import small_cnn
from ssl_course.normality import mahalanobis, nearest_distance
from ssl_course.tiles import heat_map, tiles, worst_of_each
from ssl_course.train import pretrain

STRIP = {"length": (0.3, 0.4), "width": (0.05, 0.1), "turn": 45.0, "brightness": 0.0}

# --- surfaces


def test_surfaces_repeat_and_have_the_share_of_defects_that_was_asked_for():
    images, labels, places = surfaces.draw(20, share=0.25, seed=7, size=64)
    again = surfaces.draw(20, share=0.25, seed=7, size=64)
    assert all(np.array_equal(one, other) for one, other in zip((images, labels, places), again, strict=True))
    assert (images.shape, images.dtype, labels.sum()) == ((20, 3, 64, 64), np.uint8, 5)
    assert ((places < 0).all(axis=1) == (labels == 0)).all()
    assert not np.array_equal(images, surfaces.draw(20, share=0.25, seed=8, size=64)[0])


@pytest.mark.parametrize("kind", surfaces.KINDS)
def test_a_defect_changes_pixels_near_its_place_alone(kind, monkeypatch):
    with_it, _, ((y, x),) = surfaces.draw(1, share=1, kind=kind, seed=3)
    monkeypatch.setattr(surfaces, "_defect", lambda *given: _and_no_trace(given))
    without, *_ = surfaces.draw(1, share=1, kind=kind, seed=3)
    changed = np.abs(with_it.astype(int) - without).max(axis=(0, 1)) > 3
    ys, xs = changed.nonzero()
    assert 10 < changed.sum() < 500
    assert np.hypot(ys - y, xs - x).max() < 24


def longer_than_wide(kind):
    """How much longer a defect is than wide, on grey: the median of some."""
    grey = np.full((9, 3, 128, 128), 128, np.uint8)
    found = []
    for image in surfaces.damage(grey, kind=kind, seed=5)[0]:
        places = np.argwhere(np.abs(image[0].astype(int) - 128) > 12)
        short, long = np.sqrt(np.linalg.eigvalsh(np.cov(places.T)))
        found.append(long / short)
    return np.median(found)


def test_a_stain_is_round_and_a_scratch_is_thin():
    assert longer_than_wide("stain") < 1.2
    assert longer_than_wide("scratch") > 5


def _and_no_trace(given, original=surfaces._defect):
    return 0 * original(*given)  # the same numbers are drawn


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"count": 0}, "count must be"), ({"share": 1.1}, "share in"), ({"kind": "dent"}, "kind must be one of scratch")],
)
def test_surfaces_that_cannot_be_drawn_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        surfaces.draw(**{"count": 2} | wrong)


# --- tiles


@pytest.mark.parametrize(("height", "width", "size", "stride"), [(64, 64, 32, 16), (50, 70, 32, 20), (32, 32, 32, 5)])
def test_tiles_cover_every_pixel_and_know_where_they_lie(height, width, size, stride):
    images = torch.arange(2 * 3 * height * width).view(2, 3, height, width)
    cut, places = tiles(images, size, stride)
    for tile, (number, top, left) in zip(cut, places.tolist(), strict=True):
        assert torch.equal(tile, images[number, :, top : top + size, left : left + size])
    covered = heat_map(torch.ones(len(cut)), places, size, height, width)
    assert torch.equal(covered, torch.ones(2, height, width))  # a pixel without a tile would be nan


def test_the_worst_tile_decides_and_the_map_shows_where():
    cut, places = tiles(torch.zeros(3, 1, 64, 64), 32, 16)
    scores = torch.zeros(len(cut))
    (hit,) = ((places == torch.tensor([1, 32, 16])).all(dim=1)).nonzero()
    scores[hit] = 5
    assert worst_of_each(scores, places).tolist() == [0, 5, 0]
    heat = heat_map(scores, places, 32, 64, 64)
    assert heat[1, 63, 16] > 0
    assert heat[1, 0, 0] == heat[0].max() == 0


def test_negative_scores_have_a_worst_too():
    assert worst_of_each(torch.tensor([-3.0, -2.0]), torch.zeros(2, 3, dtype=torch.long)).tolist() == [-2]


@pytest.mark.parametrize(("size", "stride"), [(0, 1), (8, 0), (65, 8)])
def test_tiles_that_cannot_be_cut_are_refused(size, stride):
    with pytest.raises(ValueError, match=r"at least 1|larger than the images"):
        tiles(torch.zeros(1, 3, 64, 64), size, stride)


# --- CutPaste


def test_a_pasted_strip_holds_pixels_of_the_same_picture_and_nothing_else_changes():
    torch.manual_seed(0)
    images = torch.rand(40, 1, 1, 1) + torch.linspace(0, 1, 48).view(1, 1, 48, 1).expand(40, 3, 48, 64) / 100
    images = (images / 2).clamp(0, 1)
    pasted = paste(images, **STRIP)
    low, high = images.amin(dim=(1, 2, 3), keepdim=True), images.amax(dim=(1, 2, 3), keepdim=True)
    assert ((pasted >= low - 1e-6) & (pasted <= high + 1e-6)).all()
    changed = (pasted != images).any(dim=1).float().mean(dim=(1, 2))
    assert 0.3 < (changed > 0).float().mean() <= 1
    assert changed.max() < 0.06


def test_a_strip_has_the_size_that_was_asked_for():
    torch.manual_seed(0)
    images = torch.full((200, 3, 100, 100), 0.5)
    pasted = paste(images, length=(0.4, 0.4), width=(0.1, 0.1), turn=45.0, brightness=0.9)
    area = (pasted != images).any(dim=1).sum(dim=(1, 2)).float()
    assert area.max() == pytest.approx(400, rel=0.1)  # those that aren't cut off at the edge
    assert area.quantile(0.6) > 300
    wide = (pasted != images).any(dim=1).any(dim=1).sum(dim=1)
    assert wide.max() > 40 > 15 > wide.min()  # both ways up, and turned


def test_without_a_turn_the_strip_is_a_copy():
    torch.manual_seed(1)
    images = torch.rand(1, 3, 40, 40)
    pasted = paste(images, length=(0.5, 0.5), width=(0.2, 0.2), turn=0.0, brightness=0.0)
    rows, columns = (pasted != images).any(dim=1)[0].nonzero(as_tuple=True)
    assert len(rows) > 20
    inner = pasted[0, :, rows.min() + 1 : rows.max(), columns.min() + 1 : columns.max()]
    assert inner.std() < images.std() * 1.05  # interpolated between pixels, so never more varied


def test_a_step_shows_each_image_both_ways():
    torch.manual_seed(0)
    method = CutPaste(small_cnn(8), augment=torch.nn.Identity())
    images = torch.rand(6, 3, 32, 32)
    shown, answers = method.views(images)
    assert (shown.shape, answers.tolist()) == ((12, 3, 32, 32), [0] * 6 + [1] * 6)
    assert torch.equal(shown[:6], images)
    assert not torch.equal(shown[6:], images)


def test_mirrored_pictures_keep_their_pixels():
    torch.manual_seed(0)
    images = torch.rand(64, 3, 4, 5)
    mirrored = Mirror()(images)
    ways = [images, images.flip(2), images.flip(3), images.flip(2, 3)]
    same = torch.stack([(mirrored == way).flatten(1).all(dim=1) for way in ways])
    assert (same.sum(dim=0) == 1).all()
    assert (same.sum(dim=1) > 5).all()


@pytest.mark.parametrize(
    "wrong", [{"length": (0.4, 0.1)}, {"width": (0, 0.1)}, {"length": (0.5, 2)}, {"brightness": 2}]
)
def test_strips_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match=r"must be"):
        CutPaste(small_cnn(8), **wrong)


def test_it_learns_to_find_scratches_that_it_never_saw():
    cut, _ = tiles(torch.from_numpy(surfaces.draw(40, share=0, seed=0)[0]), 64, 64)
    torch.manual_seed(0)
    method = CutPaste(small_cnn(8))
    shared = {"batch_size": 32, "lr": 3e-3, "device": "cpu", "threads": 1, "watch": False, "progress": False}
    history = pretrain(method, cut, epochs=6, **shared)
    assert history[-1]["loss"] < 0.55  # log(2) is guessing
    scores = {}
    for share in (0, 1):
        test, places = tiles(torch.from_numpy(surfaces.draw(20, share=share, seed=1)[0]), 64, 32)
        scores[share] = worst_of_each(method.score(test), places)
    above = (scores[1].unsqueeze(1) > scores[0]).float().mean()
    assert above > 0.7
    method.train()
    method.score(cut[:2])
    assert method.training  # as it was


# --- distances to the normal


def test_distances_to_the_normal_are_those_of_their_definitions():
    generator = torch.Generator().manual_seed(0)
    normal, new = torch.randn(60, 5, generator=generator), 3 * torch.randn(20, 5, generator=generator)
    by_hand = torch.cdist(new, normal).topk(4, largest=False).values.mean(dim=1)
    torch.testing.assert_close(nearest_distance(normal, new, k=4), by_hand)
    fitted = LedoitWolf().fit(normal.double().numpy())
    away = new.double() - normal.double().mean(dim=0)
    inverse = torch.from_numpy(np.linalg.inv(fitted.covariance_))
    torch.testing.assert_close(mahalanobis(normal, new), (away @ inverse * away).sum(dim=1).sqrt().float())


def test_mahalanobis_counts_a_direction_by_its_spread():
    generator = torch.Generator().manual_seed(0)
    normal = torch.randn(500, 2, generator=generator) * torch.tensor([10.0, 0.1])
    along, across = mahalanobis(normal, torch.tensor([[5.0, 0.0], [0.0, 5.0]]))
    assert across > 5 * along


@pytest.mark.parametrize("score", [nearest_distance, mahalanobis])
@pytest.mark.parametrize(
    ("normal", "new", "message"),
    [
        (torch.zeros(1, 3), torch.zeros(2, 3), "k must be|at least two"),
        (torch.zeros(5, 3), torch.zeros(2, 4), "differ in width"),
        (torch.full((5, 3), torch.nan), torch.zeros(2, 3), "finite"),
        (torch.zeros(5), torch.zeros(2, 4), "must be"),
    ],
)
def test_features_that_cannot_be_compared_are_refused(score, normal, new, message):
    with pytest.raises(ValueError, match=message):
        score(normal, new)


def test_half_the_lamp_is_half_the_light_and_the_noise_stays():
    full, dim = (surfaces.draw(2, share=0, seed=3, lamp=lamp)[0].astype(float) for lamp in (1.0, 0.5))
    assert abs(dim.mean() / full.mean() - 0.5) < 0.01
    left = dim - full / 2  # what isn't halved: the other half of the camera's noise
    assert 0.3 * 0.012 * 255 < left.std() < 0.012 * 255


def test_damage_is_done_around_its_places_and_nowhere_else():
    images, _, _ = surfaces.draw(3, share=0, seed=1)
    for kind in surfaces.KINDS:
        bad, middles = surfaces.damage(images, kind=kind, seed=2)
        changed = np.abs(bad.astype(int) - images).max(axis=1)  # (3, H, H)
        assert (changed.max(axis=(1, 2)) > 20).all()
        for part, middle in zip(changed, middles, strict=True):
            far = np.hypot(*(np.argwhere(part > 3) + 0.5 - middle).T)
            assert far.max() < 25
    again, _ = surfaces.damage(images, seed=2)
    assert np.array_equal(again, surfaces.damage(images, seed=2)[0])
    assert not np.array_equal(again, surfaces.damage(images, seed=3)[0])


@pytest.mark.parametrize(
    ("images", "kind", "message"),
    [(np.zeros((1, 3, 8, 9), np.uint8), "scratch", "must be square"), (np.zeros((1, 3, 8, 8)), "dent", "kind must be")],
)
def test_damage_that_cannot_be_done_is_refused(images, kind, message):
    with pytest.raises(ValueError, match=message):
        surfaces.damage(images, kind=kind)


def test_shots_of_a_part_are_nearly_alike_and_those_of_two_parts_are_not():
    images, _, _ = surfaces.draw(2, share=0, seed=1)
    taken, parts = surfaces.shots(images, 3, seed=4)
    assert parts.tolist() == [0, 0, 0, 1, 1, 1]
    small = taken.reshape(6, 3, 8, 32, 8, 32).mean(axis=(3, 5))
    apart = np.abs(small[:, None] - small).mean(axis=(2, 3, 4))
    assert apart[:3, :3].max() < apart[:3, 3:].min()
    moves = [(down, right) for down in range(-6, 7) for right in range(-6, 7)]
    assert not any(np.array_equal(np.roll(taken[0], move, axis=(1, 2)), taken[1]) for move in moves)  # the noise is new
    with pytest.raises(ValueError, match="count must be at least 1"):
        surfaces.shots(images, 0)
