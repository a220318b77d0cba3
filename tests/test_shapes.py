import hashlib

import numpy as np
import pytest

from ssl_course import shapes
from ssl_course.shapes import CLASSES, SIZE, draw

# Of draw(1000, seed=0). After a change of the shapes: python -c "import hashlib; from ssl_course.shapes import draw;
# print(hashlib.sha256(draw(1000, seed=0)[0].tobytes()).hexdigest())"
PIXELS_OF_SEED_0 = "3e6c0c21fd0842adfbaa20d2ae7c0e61f85f257a584eb0269646ae547582d06a"

RANGES = {  # as the docstring of draw says
    "class": (0, len(CLASSES) - 1),
    "hue": (0, 1),
    "ground_hue": (0, 1),
    "x": (0, SIZE - 1),
    "y": (0, SIZE - 1),
    "size": (1, SIZE / 2),
    "angle": (0, 360),
    "ground": (0, 1),
    "contrast": (-1, 1),
}


@pytest.fixture(scope="module")
def drawn():
    return draw(1000, seed=1)


def luminance(images):
    return np.einsum("c,nchw->nhw", [0.299, 0.587, 0.114], images / 255)


def coverage(images, factors):
    """How much of each pixel the shape covers, read off the pixels: (N, 32, 32), about 0 to 1."""
    ground, contrast = (factors[name][:, None, None] for name in ("ground", "contrast"))
    return (luminance(images) - ground) / contrast


def test_the_pixels_of_a_seed_are_the_same_on_every_platform():
    assert hashlib.sha256(draw(1000, seed=0)[0].tobytes()).hexdigest() == PIXELS_OF_SEED_0


def test_images_are_uint8_rgb_of_32_pixels(drawn):
    images, _ = drawn
    assert images.dtype == np.uint8
    assert images.shape == (1000, 3, SIZE, SIZE)


def test_another_seed_draws_other_images():
    assert (draw(20, seed=0)[0] != draw(20, seed=1)[0]).any(axis=(1, 2, 3)).all()
    assert (draw(20, seed=(0, 0))[0] != draw(20, seed=(0, 1))[0]).any(axis=(1, 2, 3)).all()


@pytest.mark.parametrize("count", [1, 9, 25, 1000])
def test_classes_differ_by_at_most_one_image(count):
    counts = np.bincount(draw(count)[1]["class"], minlength=len(CLASSES))
    assert counts.sum() == count
    assert np.ptp(counts) <= 1


def test_classes_are_not_in_order(drawn):
    labels = drawn[1]["class"]
    assert (np.diff(labels) != 0).mean() > 0.8
    assert len(set(labels[:100])) == len(CLASSES)
    assert abs(np.corrcoef(labels, np.arange(len(labels)))[0, 1]) < 0.1


@pytest.mark.parametrize("name", RANGES)
def test_a_factor_has_one_number_per_image_in_its_documented_range(drawn, name):
    values = drawn[1][name]
    low, high = RANGES[name]
    assert values.shape == (1000,)
    assert values.min() >= low
    assert values.max() <= high


def test_the_factors_are_the_documented_ones_and_the_shape_is_no_darker_than_black(drawn):
    _, factors = drawn
    assert set(factors) == set(RANGES)
    shape = factors["ground"] + factors["contrast"]
    assert shape.min() >= 0
    assert shape.max() <= 1


def test_no_factor_says_anything_of_the_class():
    _, factors = draw(2000, seed=2)
    for name in set(RANGES) - {"class"}:
        means = [factors[name][factors["class"] == label].mean() for label in range(len(CLASSES))]
        assert np.ptp(means) < 0.45 * factors[name].std(), name


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_shows_its_shape_on_its_ground(drawn, name):
    images, factors = drawn
    covered = coverage(images, factors)[factors["class"] == CLASSES.index(name)]
    area = (covered > 0.5).mean(axis=(1, 2))  # share of the image
    assert area.min() > 0.02
    assert area.max() < 0.6


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_is_drawn_inside_the_image(name):
    images, factors = draw(2000, seed=3)
    covered = coverage(images, factors)[factors["class"] == CLASSES.index(name)]
    border = np.concatenate([covered[:, 0], covered[:, -1], covered[:, :, 0], covered[:, :, -1]], axis=1)
    assert (border.max(axis=1) > 0.9).mean() < 0.02  # a shape that is cut off covers border pixels whole


def test_the_shapes_of_different_classes_are_different_outlines():
    grid = np.linspace(-1, 1, 41)
    inside = [shapes.OUTLINES[name](*np.meshgrid(grid, grid)) < 0 for name in CLASSES]
    for i, one in enumerate(inside):
        for other in inside[:i]:
            assert (one != other).sum() / (one | other).sum() > 0.1


def test_x_and_y_are_where_the_disc_is(drawn):
    images, factors = drawn
    discs = factors["class"] == CLASSES.index("disc")
    inside = coverage(images, factors)[discs] > 0.5
    rows, columns = np.mgrid[:SIZE, :SIZE]
    area = inside.sum(axis=(1, 2))
    np.testing.assert_allclose((inside * columns).sum(axis=(1, 2)) / area, factors["x"][discs], atol=0.35)
    np.testing.assert_allclose((inside * rows).sum(axis=(1, 2)) / area, factors["y"][discs], atol=0.35)


def test_the_area_of_a_disc_grows_with_the_square_of_its_size(drawn):
    images, factors = drawn
    discs = factors["class"] == CLASSES.index("disc")
    area = (coverage(images, factors)[discs] > 0.5).sum(axis=(1, 2))
    ratio = area / factors["size"][discs] ** 2
    assert ratio.std() < 0.05 * ratio.mean()


def test_angle_is_the_direction_of_a_bar_clockwise_from_the_right(drawn):
    images, factors = drawn
    bars = factors["class"] == CLASSES.index("bar")
    rows, columns = np.mgrid[:SIZE, :SIZE]
    for covered, angle in zip(coverage(images, factors)[bars] > 0.5, factors["angle"][bars], strict=True):
        direction = np.linalg.eigh(np.cov(columns[covered], rows[covered]))[1][:, 1]
        along = [np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))]
        assert abs(direction @ along) > 0.95


def test_ground_and_contrast_are_the_luminances_in_the_pixels(drawn):
    images, factors = drawn
    light = luminance(images)
    assert np.abs(light[:, 0, 0] - factors["ground"]).mean() < 0.01  # colours beyond white and black are clipped
    assert np.abs(light[:, 0, 0] - factors["ground"]).max() < 0.05
    discs = factors["class"] == CLASSES.index("disc")
    rows, columns = factors["y"][discs].round().astype(int), factors["x"][discs].round().astype(int)
    contrast = light[discs, rows, columns] - light[discs, 0, 0]
    assert np.abs(contrast - factors["contrast"][discs]).mean() < 0.02


def test_ground_hue_turns_the_colour_without_the_luminance(drawn):
    images, factors = drawn
    corner = images[:, :, 0, 0] / 255
    mid = np.abs(factors["ground"] - 0.5) < 0.1  # where no colour is clipped
    red, _, blue = (corner[mid] - luminance(images)[mid, 0, 0, None]).T
    i = np.linalg.lstsq([[0.956, 0.619], [-1.106, 1.703]], np.stack([red, blue]), rcond=None)[0]
    turns = np.arctan2(i[1], i[0]) / (2 * np.pi) % 1
    apart = np.abs(turns - factors["ground_hue"][mid])
    assert np.minimum(apart, 1 - apart).max() < 0.02


def test_distractors_change_the_pixels_and_not_the_factors():
    plain, factors = draw(50, seed=4)
    busy, same = draw(50, seed=4, distractors=True)
    assert (plain != busy).any(axis=(1, 2, 3)).all()
    assert busy[:, :, 0].std(axis=2).mean() > 4 * plain[:, :, 0].std(axis=2).mean()  # the ground is no longer plain
    for name, values in factors.items():
        np.testing.assert_array_equal(values, same[name])


@pytest.mark.parametrize("count", [0, -3])
def test_no_images_at_all_is_refused(count):
    with pytest.raises(ValueError, match=f"count must be at least 1, got {count}"):
        draw(count)


def test_upright_shapes_are_the_same_ones_turned_by_at_most_fifteen_degrees():
    (images, factors), (turned, others) = draw(200, seed=4, upright=True), draw(200, seed=4)
    tilt = (factors["angle"] + 180) % 360 - 180
    assert -15 <= tilt.min() < -10
    assert 10 < tilt.max() <= 15
    assert all((factors[name] == others[name]).all() for name in factors if name != "angle")
    assert (images != turned).any()
