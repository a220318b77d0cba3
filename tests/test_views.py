"""The random views, by their statistics: what a picture of coordinates, of one colour or of one point shows of them.

Every share and mean is taken over thousands of images of a fixed seed, with margins of about five standard errors.
"""

import inspect
import math

import pytest
import torch
from torch import nn

from ssl_course.augment import Augment
from ssl_course.methods import BYOL, METHODS, VICReg
from ssl_course.networks import small_cnn

COUNT, SIDE = 3000, 16
MOVES = {"flip": 0.0, "jitter": 0.0, "grayscale": 0.0}  # what leaves a crop alone
COLOURS = {"crop": 1.0, "flip": 0.0, "grayscale": 0.0}  # what leaves the colours alone
GREY = torch.tensor([0.299, 0.587, 0.114])  # luminance of red, green and blue
TWO_VIEWS = ("triplet", "simclr", "moco", "byol", "simsiam", "barlow_twins", "vicreg")


# --- places


def coordinates(count=COUNT, side=SIDE):
    """Red says how far right a pixel lies, green how far down, both in (0, 1): (count, 3, side, side)."""
    centres = (torch.arange(side) + 0.5) / side
    right = centres.expand(side, side)
    return torch.stack([right, right.T, torch.full_like(right, 0.5)]).expand(count, -1, -1, -1).contiguous()


def boxes(**settings):
    """The boxes that crops were cut from, read from coordinates: left, top, width, height, each (COUNT,).

    A mirrored crop has a negative width.
    """
    views = Augment(**MOVES | settings)(coordinates())
    near, far = SIDE // 4, SIDE - 1 - SIDE // 4  # away from the border
    row = SIDE // 2
    width = (views[:, 0, row, far] - views[:, 0, row, near]) * SIDE / (far - near)
    height = (views[:, 1, far, row] - views[:, 1, near, row]) * SIDE / (far - near)
    left = views[:, 0, row, near] - width * (near + 0.5) / SIDE
    top = views[:, 1, near, row] - height * (near + 0.5) / SIDE
    return left, top, width, height


@pytest.mark.parametrize("smallest", [0.2, 0.6])
def test_a_crops_area_is_anything_from_the_smallest_to_all_equally_often(smallest):
    _, _, width, height = boxes(crop=smallest)
    area = ((width * height) - smallest) / (1 - smallest)  # 0 to 1
    assert float(area.min()) == pytest.approx(0, abs=0.02)
    assert float(area.max()) == pytest.approx(1, abs=0.02)
    assert float(area.mean()) == pytest.approx(0.5, abs=0.03)
    assert float(area.std()) == pytest.approx(12**-0.5, abs=0.02)


def test_a_crop_lies_anywhere_it_fits_and_its_two_places_are_independent():
    left, top, width, height = boxes(crop=0.2)
    fits = (width < 0.9) & (height < 0.9)
    right, down = (left / (1 - width))[fits], (top / (1 - height))[fits]
    for place in (right, down):
        assert float(place.min()) == pytest.approx(0, abs=0.02)
        assert float(place.max()) == pytest.approx(1, abs=0.02)
        assert float(place.mean()) == pytest.approx(0.5, abs=0.03)
        assert float(place.std()) == pytest.approx(12**-0.5, abs=0.02)
    assert abs(float(torch.corrcoef(torch.stack([right, down]))[0, 1])) < 0.1


@pytest.mark.parametrize("ratio", [1.0, 4 / 3, 2.0])
def test_a_crop_is_as_often_wide_as_high_and_anything_up_to_the_ratio(ratio):
    _, _, width, height = boxes(crop=0.1, ratio=ratio)
    free = width * height < 0.45  # smaller ones can have every shape that is allowed
    stretch = (width / height).log()[free]
    most = math.log(ratio)
    assert float(stretch.max()) == pytest.approx(most, abs=0.01)
    assert float(stretch.min()) == pytest.approx(-most, abs=0.01)
    assert float(stretch.mean()) == pytest.approx(0, abs=0.1 * most + 1e-3)
    assert float(stretch.std()) == pytest.approx(most / 3**0.5, rel=0.06, abs=1e-3)


@pytest.mark.parametrize("chance", [0.2, 0.5])
def test_so_many_views_are_mirrored_left_and_right_and_none_upside_down(chance):
    _, _, width, height = boxes(crop=0.5, flip=chance)
    assert float((width < 0).float().mean()) == pytest.approx(chance, abs=0.05)
    assert float(height.min()) > 0


@pytest.mark.parametrize("most", [10.0, 90.0, 180.0])
def test_views_are_turned_either_way_by_anything_up_to_the_largest_turn(most):
    views = Augment(crop=1.0, rotation=most, **MOVES)(coordinates())
    middle = slice(SIDE // 2 - 1, SIDE // 2 + 1)
    step = views[:, :, middle, middle]  # turned about the centre, the content there is not mirrored
    right, down = (step[:, 0, 0, 1] - step[:, 0, 0, 0]) * SIDE, (step[:, 0, 1, 0] - step[:, 0, 0, 0]) * SIDE
    angle = torch.rad2deg(torch.atan2(down, right))
    assert float(angle.max()) == pytest.approx(most, rel=0.02)
    assert float(angle.min()) == pytest.approx(-most, rel=0.02)
    assert float(angle.mean()) == pytest.approx(0, abs=0.06 * most)
    assert float(angle.std()) == pytest.approx(most / 3**0.5, rel=0.06)
    torch.testing.assert_close(right.square() + down.square(), torch.ones(COUNT), rtol=1e-3, atol=1e-3)


# --- colours


def views_of_colour(colour, **settings):
    """Views of images of one colour: (COUNT, 3)."""
    images = torch.tensor(colour).view(1, 3, 1, 1).expand(COUNT, 3, 4, 4).contiguous()
    return Augment(**COLOURS | settings)(images).mean(dim=(2, 3))


def hue_and_saturation(pixels):
    """Colours (N, 3) in YIQ: the angle about the grey axis in turns, and the distance from it over the luminance."""
    luminance = pixels @ GREY
    i = pixels @ torch.tensor([0.5959, -0.2746, -0.3213])
    q = pixels @ torch.tensor([0.2115, -0.5227, 0.3112])
    return torch.atan2(q, i) / (2 * math.pi), torch.hypot(i, q) / luminance


def brightness_factors(**settings):
    return views_of_colour([0.3, 0.3, 0.3], **settings)[:, 0] / 0.3


def saturation_factors(**settings):
    """Contrast takes colour away as well, so each image has a darker half, from which its contrast is known."""
    images = torch.tensor([0.36, 0.30, 0.27]).view(1, 3, 1, 1).repeat(COUNT, 1, 4, 4)
    before = hue_and_saturation(images[:1, :, 0, 0])[1] * float(images[0, :, 0, 0] @ GREY)
    images[..., 2:] -= 0.04
    views = Augment(**COLOURS | settings)(images)
    luminance = (views * GREY.view(3, 1, 1)).sum(dim=1)  # (COUNT, 4, 4)
    factor_of_both = (luminance[..., 0] - luminance[..., 3]).mean(dim=1) / 0.04  # brightness and contrast
    colour = hue_and_saturation(views[..., 0, 0])[1] * luminance[..., 0, 0] / before
    return colour / factor_of_both


def hue_turns(**settings):
    colour = [0.36, 0.30, 0.27]
    before = hue_and_saturation(torch.tensor([colour]))[0]
    return (hue_and_saturation(views_of_colour(colour, **settings))[0] - before + 0.5) % 1 - 0.5


def contrast_factors(**settings):
    """From grey images, one half darker than the other."""
    image = torch.full((COUNT, 3, 4, 4), 0.25)
    image[..., 2:] = 0.35
    views = Augment(**COLOURS | settings)(image)
    difference = views[..., 3].mean(dim=(1, 2)) - views[..., 0].mean(dim=(1, 2))
    return difference / views.mean(dim=(1, 2, 3)) * 3


@pytest.mark.parametrize("factors", [brightness_factors, contrast_factors, saturation_factors])
@pytest.mark.parametrize("strength", [0.25, 0.5])
def test_jitter_multiplies_by_anything_within_0_8_of_its_strength_either_way(factors, strength):
    change = factors(jitter=strength, jitter_probability=1.0) - 1
    most = 0.8 * strength
    assert float(change.max()) == pytest.approx(most, rel=0.03)
    assert float(change.min()) == pytest.approx(-most, rel=0.03)
    assert float(change.mean()) == pytest.approx(0, abs=0.07 * most)
    assert float(change.std()) == pytest.approx(most / 3**0.5, rel=0.06)


@pytest.mark.parametrize("strength", [0.25, 0.5])
def test_jitter_turns_the_hue_by_anything_within_a_fifth_of_its_strength_either_way(strength):
    turns, most = hue_turns(jitter=strength, jitter_probability=1.0), 0.2 * strength
    assert float(turns.max()) == pytest.approx(most, rel=0.03)
    assert float(turns.min()) == pytest.approx(-most, rel=0.03)
    assert float(turns.mean()) == pytest.approx(0, abs=0.07 * most)
    assert float(turns.std()) == pytest.approx(most / 3**0.5, rel=0.06)


@pytest.mark.parametrize("part", [brightness_factors, contrast_factors, saturation_factors, hue_turns])
@pytest.mark.parametrize("chance", [0.3, 0.8])
def test_so_many_views_are_jittered_and_the_others_keep_their_colours(part, chance):
    kept = part(jitter=0.5, jitter_probability=chance) - (0 if part is hue_turns else 1)
    assert float((kept.abs() > 1e-4).float().mean()) == pytest.approx(chance, abs=0.05)


def test_the_four_parts_of_jitter_are_drawn_independently():
    settings = {"jitter": 0.5, "jitter_probability": 1.0}
    columns = []
    for part in (brightness_factors, contrast_factors, saturation_factors, hue_turns):
        torch.manual_seed(0)  # the same draws each time, so that row i is always view i
        columns.append(part(**settings))
    correlation = torch.corrcoef(torch.stack(columns)) - torch.eye(4)
    assert float(correlation.abs().max()) < 0.1


@pytest.mark.parametrize("jitter", [0.0, 0.5])
@pytest.mark.parametrize("chance", [0.2, 0.7])
def test_so_many_views_are_grey_with_jitter_or_without(jitter, chance):
    _, saturation = hue_and_saturation(views_of_colour([0.36, 0.30, 0.27], jitter=jitter, grayscale=chance))
    assert float((saturation < 1e-4).float().mean()) == pytest.approx(chance, abs=0.05)


# --- blur and solarisation


def blurred_points(side, **settings):
    """The standard deviation of the blur of a bright point in the middle, and which views were blurred at all."""
    images = torch.zeros(COUNT, 3, side, side)
    images[:, :, side // 2, side // 2] = 1
    views = Augment(jitter=0.0, **COLOURS | settings)(images)[:, 0]
    middle, beside = views[:, side // 2, side // 2], views[:, side // 2, side // 2 + 1]
    return (2 * (middle / beside.clamp(min=1e-30)).log()).rsqrt(), middle < 0.999


@pytest.mark.parametrize(("side", "least", "most"), [(32, 0.4, 1.0), (64, 0.8, 2.0), (16, 0.2, 0.5)])
def test_blurs_deviation_is_uniform_between_its_bounds_and_grows_with_the_image(side, least, most):
    sigmas, _ = blurred_points(side, blur=1.0, sigma=(0.4, 1.0))
    assert float(sigmas.max()) == pytest.approx(most, rel=0.03)
    assert float(sigmas.min()) == pytest.approx(least, rel=0.03)
    assert float(sigmas.mean()) == pytest.approx((least + most) / 2, rel=0.03)
    assert float(sigmas.std()) == pytest.approx((most - least) / 12**0.5, rel=0.06)


@pytest.mark.parametrize("chance", [0.2, 0.5])
def test_so_many_views_are_blurred(chance):
    _, blurred = blurred_points(32, blur=chance, sigma=(0.5, 1.0))
    assert float(blurred.float().mean()) == pytest.approx(chance, abs=0.05)


@pytest.mark.parametrize("chance", [0.2, 0.5])
def test_so_many_views_are_solarised(chance):
    bright = views_of_colour([0.9, 0.9, 0.9], jitter=0.0, solarize=chance)[:, 0]
    assert float((bright < 0.5).float().mean()) == pytest.approx(chance, abs=0.05)


def test_the_usual_views_are_those_of_the_documentation():
    usual = {name: value.default for name, value in inspect.signature(Augment).parameters.items()}
    moves = {"crop": 0.2, "ratio": 4 / 3, "flip": 0.5, "rotation": 0.0}
    colours = {"jitter": 0.5, "jitter_probability": 0.8, "grayscale": 0.2}
    assert usual == moves | colours | {"blur": 0.0, "solarize": 0.0, "sigma": (0.1, 1.0)}


# --- what methods do with views


class Tinted(nn.Module):
    """Adds a random number to each image, so that a view tells whether and how it was made."""

    def forward(self, images):
        return images + 0.1 + torch.rand(len(images), 1, 1, 1)


@pytest.mark.parametrize("name", TWO_VIEWS)
def test_both_views_are_random_changes_of_the_images_and_not_the_same_one(name):
    method = METHODS[name](small_cnn(4), augment=Tinted())
    images = torch.rand(8, 3, 16, 16)
    views = method.views(images)
    assert len(views) == 2
    tints = [(view - images).flatten(1) for view in views]
    for tint in tints:
        torch.testing.assert_close(tint, tint[:, :1].expand_as(tint), rtol=0, atol=1e-5)
        assert float(tint.min()) > 0.09
        assert float(tint[:, 0].std()) > 0.05
    assert float((tints[0] - tints[1]).abs().mean()) > 0.05


@pytest.mark.parametrize("name", TWO_VIEWS)
def test_the_loss_looks_at_both_views(name):
    def loss(*views):
        torch.manual_seed(1)
        return float(method(*views).detach())

    method = METHODS[name](small_cnn(4))
    first, second, other = torch.rand(3, 8, 3, 16, 16)
    assert loss(first, second) != loss(first, other)
    assert loss(first, second) != loss(other, second)


@pytest.mark.parametrize("name", ["moco", "byol"])
def test_the_target_takes_batch_norms_statistics_from_the_batch_as_the_network_does(name):
    """Its running statistics, which evaluation mode would take, play no part in training."""

    def loss():
        torch.manual_seed(1)
        return float(method(*views).detach())

    method, views = METHODS[name](small_cnn(4)).train(), torch.rand(2, 16, 3, 16, 16)
    before = loss()
    for part in method.target.modules():
        if isinstance(part, nn.BatchNorm2d | nn.BatchNorm1d):
            part.running_mean.fill_(50.0)
            part.running_var.fill_(0.01)
    assert loss() == before


def test_byols_target_follows_with_the_decay_of_the_progress():
    method = BYOL(small_cnn(4), decay=0.5)
    before = {name: value.clone() for name, value in method.target.named_parameters()}
    with torch.no_grad():
        for part in method.encoder.parameters():
            part.add_(1.0)
    method.after_step(0.5)  # a quarter of the way: 1 - (1 - 0.5) / 2
    moved = [value - before[name] for name, value in method.target.named_parameters() if name.startswith("copy.0")]
    assert all(torch.allclose(part, torch.full_like(part, 0.25), atol=1e-5) for part in moved)


def test_vicregs_usual_weights_are_the_papers():
    assert VICReg(small_cnn(4)).weights == {"invariance": 25.0, "variance": 25.0, "covariance": 1.0}
