"""Each transform against torchvision's, then what `Augment` promises."""

import pytest
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as TF

from ssl_course import augment
from ssl_course.augment import Augment

GREY_LEVEL = 1 / 255
OFF = {"crop": 1, "flip": 0, "jitter": 0, "grayscale": 0}


def noise(count=6, height=32, width=32):
    return torch.rand(count, 3, height, width)


def smooth(count=6, height=32, width=32):
    """Images that change little from one pixel to the next, so that interpolating twice costs little."""
    return torch.nn.functional.interpolate(torch.rand(count, 3, 4, 4), (height, width), mode="bicubic").clamp(0, 1)


def muted(count=6, spread=0.1):
    """Weakly saturated images in the middle of the range: no transform in these tests makes them clamp."""
    return 0.5 + spread * (torch.rand(count, 3, 16, 16) - 0.5)


def seeded(number):
    return torch.Generator().manual_seed(number)


def by_image(function, images, *parameters):
    """torchvision's function, called image by image with one number each."""
    return torch.stack(
        [function(image, *(p.item() for p in each)) for image, *each in zip(images, *parameters, strict=True)]
    )


def assert_near(actual, expected, tolerance):
    torch.testing.assert_close(actual, expected, atol=tolerance, rtol=0)


# --- each function against torchvision's


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (augment.brightness, TF.adjust_brightness),
        (augment.contrast, TF.adjust_contrast),
        (augment.saturation, TF.adjust_saturation),
    ],
)
def test_jitter_of_brightness_contrast_and_saturation_is_torchvisions(ours, theirs):
    images, factors = noise(), torch.tensor([0.0, 0.3, 0.9, 1.0, 1.2, 2.0])
    assert_near(ours(images, factors), by_image(theirs, images, factors), GREY_LEVEL)


def test_grayscale_is_torchvisions_and_spares_the_others():
    images, chosen = noise(), torch.tensor([True, False] * 3)
    views = augment.grayscale(images, chosen)
    assert_near(views[chosen], TF.rgb_to_grayscale(images[chosen], 3), GREY_LEVEL)
    assert torch.equal(views[~chosen], images[~chosen])


def test_solarize_is_torchvisions_and_spares_the_others():
    images, chosen = noise(), torch.tensor([True, False] * 3)
    views = augment.solarize(images, chosen, threshold=0.4)
    assert_near(views[chosen], TF.solarize(images[chosen], 0.4), GREY_LEVEL)
    assert torch.equal(views[~chosen], images[~chosen])


def test_flip_is_torchvisions_and_spares_the_others():
    images, chosen = noise(), torch.tensor([True, False] * 3)
    views = augment.flip(images, chosen)
    assert torch.equal(views[chosen], TF.hflip(images[chosen]))
    assert torch.equal(views[~chosen], images[~chosen])


@pytest.mark.parametrize(("height", "width"), [(32, 32), (24, 40)])
def test_resized_crop_is_torchvisions_inside(height, width):
    """Only at the border do they differ: torchvision repeats the crop's edge, here the pixels beyond it take part."""
    images, (left, top, w, h) = noise(2, height, width), (3, 5, 16, 12)
    box = torch.tensor([left / width, top / height, w / width, h / height]).expand(2, 4)
    expected = TF.resized_crop(images, top, left, h, w, [height, width], antialias=False)
    assert_near(augment.resized_crop(images, box)[..., 2:-2, 2:-2], expected[..., 2:-2, 2:-2], 1e-4)


@pytest.mark.parametrize(("height", "width"), [(33, 33), (24, 40)])
def test_rotate_turns_counter_clockwise_like_torchvisions(height, width):
    images, degrees = noise(5, height, width), torch.tensor([0.0, 17.0, 90.0, -45.0, 180.0])
    expected = by_image(lambda image, angle: TF.rotate(image, angle, InterpolationMode.BILINEAR), images, degrees)
    y, x = torch.arange(height) - (height - 1) / 2, torch.arange(width) - (width - 1) / 2
    disc = (y.view(-1, 1) ** 2 + x**2).sqrt() < min(height, width) / 2 - 2
    assert_near(augment.rotate(images, degrees)[..., disc], expected[..., disc], 1e-3)


@pytest.mark.parametrize(("height", "width", "kernel"), [(32, 32, 3), (96, 64, 9)])
def test_blur_is_torchvisions(height, width, kernel):
    images, sigmas = noise(3, height, width), torch.tensor([0.1, 0.7, 2.0])
    expected = by_image(lambda image, sigma: TF.gaussian_blur(image, kernel, sigma), images, sigmas)
    assert_near(augment.blur(images, sigmas), expected, 1e-5)


@pytest.mark.parametrize("size", [32, 64, 224])
def test_blur_of_white_is_white_and_no_more(size):
    """The weights are rounded: of these deviations some add up to more than 1."""
    sigmas = torch.linspace(0.1, 2, 200).mul(size / 32)
    blurred = augment.blur(torch.ones(200, 1, size, size // 2), sigmas)
    assert blurred.max() == 1
    assert blurred.min() > 1 - 1e-5


# --- hue, which torchvision turns in another colour space


def test_hue_keeps_the_luminance():
    images = muted()
    views = augment.hue(images, torch.linspace(-0.5, 0.5, 6))
    assert (views - images).abs().max() > 0.02
    assert_near(TF.rgb_to_grayscale(views), TF.rgb_to_grayscale(images), 1e-4)


def test_a_full_turn_of_hue_is_the_identity():
    images = muted()
    assert_near(augment.hue(images, torch.tensor([0.0, 1, -1, 2, 0, 1])), images, 1e-5)


@pytest.mark.parametrize("turn", [-0.1, -0.02, 0.02, 0.1])
def test_a_small_turn_of_hue_goes_torchvisions_way(turn):
    """On images whose channels differ by less than 0.1: no further off than 0.07, and most of the change agrees."""
    images = muted(spread=0.1)
    expected = TF.adjust_hue(images, turn)
    views = augment.hue(images, torch.full((6,), turn))
    assert_near(views, expected, 0.07)
    assert torch.cosine_similarity((views - images).flatten(), (expected - images).flatten(), dim=0) > 0.6


def test_colour_matrices_are_the_four_functions_one_after_another():
    images, b, c, s, h = muted(), *(torch.rand(6) * 0.6 + 0.6 for _ in range(3)), torch.rand(6) - 0.5
    expected = augment.hue(augment.saturation(augment.contrast(augment.brightness(images, b), c), s), h)
    matrix, shift = augment.colour_matrices(b, c, s, h)
    pixels = images.flatten(2)
    actual = matrix @ pixels + shift @ pixels.mean(dim=2, keepdim=True)
    assert_near(actual.view_as(images), expected, 1e-5)


# --- Augment


def test_crop_flip_and_rotation_in_one_go_are_the_three_one_after_another():
    """They differ at the corners, where only the composed map still sees the image beyond the crop.

    Interpolating once or twice differs by 0.02 on images as smooth as these, another order by more than 0.2.
    """
    part, images = Augment(**(OFF | {"crop": 0.3, "flip": 0.5}), rotation=40), smooth(32)
    draw = augment._Draw(images, seeded(1))
    boxes, mirrored, degrees = part._boxes(draw), draw.chance(0.5), draw.uniform(-40, 40)
    expected = augment.rotate(augment.flip(augment.resized_crop(images, boxes), mirrored), degrees)
    other_order = augment.flip(augment.rotate(augment.resized_crop(images, boxes), degrees), mirrored)
    inside = (..., slice(8, -8), slice(8, -8))
    assert_near(part(images, generator=seeded(1))[inside], expected[inside], 0.04)
    assert (other_order - expected)[inside].abs().max() > 0.2


def test_each_image_has_its_own_random_numbers():
    one = smooth(1)
    for part in ({"crop": 0.2}, {"flip": 0.5}, {"jitter": 0.5}, {"grayscale": 0.5}):
        views = Augment(**(OFF | part))(one.expand(16, -1, -1, -1))
        assert (views - views[:1]).abs().amax(dim=(1, 2, 3)).gt(0.01).any(), part


def test_the_generator_decides_all_that_is_random():
    part, images = Augment(rotation=10, blur=0.5, solarize=0.2), noise()
    views = part(images, generator=seeded(1))
    torch.manual_seed(99)
    assert torch.equal(views, part(images, generator=seeded(1)))
    assert not torch.equal(views, part(images, generator=seeded(2)))


@pytest.mark.parametrize(("count", "height", "width"), [(6, 32, 32), (1, 32, 32), (3, 20, 48), (2, 64, 64)])
def test_views_keep_shape_range_and_dtype(count, height, width):
    part = Augment(rotation=180, jitter=1, blur=0.5, solarize=0.5)
    images = noise(count, height, width)
    before = images.clone()
    for _ in range(4):
        views = part(images)
        assert views.shape == images.shape
        assert views.dtype == torch.float32
        assert views.min() >= 0
        assert views.max() <= 1
    assert torch.equal(images, before)


def test_with_every_part_off_the_images_come_back():
    images = noise(6, 20, 48)
    assert_near(Augment(**OFF)(images), images, 1e-5)


@pytest.mark.parametrize(("part", "value"), [("flip", 1), ("grayscale", 1), ("solarize", 1)])
def test_a_part_alone_is_its_function(part, value):
    images = noise()
    expected = getattr(augment, part)(images, torch.ones(6, dtype=torch.bool))
    assert_near(Augment(**(OFF | {part: value}))(images), expected, 1e-5)


def test_blur_alone_changes_only_the_chosen_images():
    images = noise(32)
    changed = (Augment(**OFF, blur=0.5, sigma=(1, 2))(images) - images).abs().amax(dim=(1, 2, 3)) > 0.05
    assert 4 < changed.sum() < 28


@pytest.mark.parametrize("smallest", [0.2, 0.9, 1.0])
def test_crops_keep_the_promised_area_and_lie_inside(smallest):
    boxes = Augment(crop=smallest, ratio=4 / 3)._boxes(augment._Draw(torch.empty(2000), seeded(0)))
    left, top, width, height = boxes.unbind(1)
    assert (width * height).min() >= smallest - 1e-5
    assert (width / height).log().abs().max() < torch.tensor(4 / 3).log() + 1e-5
    assert torch.stack([left, top]).min() >= -1e-6
    assert torch.stack([left + width, top + height]).max() <= 1 + 1e-6


@pytest.mark.parametrize("transform", [augment.hue, augment.rotate])
def test_what_is_kept_from_inference_mode_serves_gradients_too(transform):
    augment._points.cache_clear(), augment._colour_parts.cache_clear()
    with torch.inference_mode():
        transform(noise(), torch.full((6,), 0.1))
    numbers = torch.full((6,), 0.1, requires_grad=True)
    transform(noise(), numbers).square().sum().backward()
    assert numbers.grad.isfinite().all()


def test_autocast_does_not_make_the_views_coarse():
    images = noise()
    with torch.autocast("cpu", torch.bfloat16):
        views = Augment()(images, generator=seeded(1))
    assert torch.equal(views, Augment()(images, generator=seeded(1)))


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("crop", 0),
        ("crop", 1.2),
        ("ratio", 0.5),
        ("ratio", float("nan")),
        ("flip", 1.5),
        ("rotation", -5),
        ("jitter", -0.1),
        ("jitter_probability", -0.2),
        ("grayscale", 2),
        ("blur", float("nan")),
        ("solarize", -1),
        ("sigma", (0, 1)),
        ("sigma", (2, 1)),
    ],
)
def test_bad_arguments_are_refused_by_value(argument, value):
    with pytest.raises(ValueError, match=argument) as refusal:
        Augment(**{argument: value})
    assert str(value) in str(refusal.value)


@pytest.mark.parametrize("images", [torch.zeros(2, 3, 8, 8, dtype=torch.uint8), torch.zeros(3, 8, 8)])
def test_images_of_the_wrong_kind_are_refused(images):
    with pytest.raises(ValueError, match=r"images must be float32 \(B, 3, H, W\), got torch"):
        Augment()(images)


def test_inverting_decides_for_each_image_alone():
    images = torch.rand(200, 3, 4, 4)
    made = augment.RandomInvert(0.25)(images)
    inverted = (made == 1 - images).flatten(1).all(dim=1)
    kept = (made == images).flatten(1).all(dim=1)
    assert bool((inverted ^ kept).all())
    assert 20 < int(inverted.sum()) < 80
    assert torch.equal(augment.RandomInvert(1.0)(images), 1 - images)
    assert torch.equal(augment.RandomInvert(0.0)(images), images)


@pytest.mark.parametrize("probability", [-0.1, 1.1, float("nan")])
def test_a_probability_out_of_range_is_refused(probability):
    with pytest.raises(ValueError, match=r"probability must be in \[0, 1\], got "):
        augment.RandomInvert(probability)
