"""What the demo of lesson 08 finds, against slow loops and the views' own functions."""

import pytest
import torch
import torch.nn.functional as F

from ssl_course import ImageSet, load
from ssl_course.live import lookalikes
from ssl_course.networks import small_cnn


@pytest.fixture(scope="module")
def images():
    return load("shapes", "test", size=30)


def a_demo(images):
    torch.manual_seed(0)
    return lookalikes.Lookalikes(images, {"net": small_cnn(width=8)})


def test_the_most_similar_are_those_of_a_slow_loop_without_the_query():
    h = torch.randn(12, 5, generator=torch.Generator().manual_seed(0))
    cosines = {place: float(F.cosine_similarity(h[3], h[place], dim=0)) for place in range(12) if place != 3}
    expected = sorted(cosines, key=cosines.get, reverse=True)[:4]
    places, values = lookalikes.most_similar(h[3:4], F.normalize(h, dim=1), 4, without=3)
    assert places == expected
    assert values == pytest.approx([cosines[place] for place in expected], abs=1e-5)


def test_of_few_pictures_all_others_are_found():
    assert len(lookalikes.most_similar(torch.ones(1, 2), torch.eye(2), 8, without=0)[0]) == 1


def test_a_picture_that_is_not_changed_stays_and_a_full_turn_in_quarters_is_one(images):
    image = images.images[:1]
    assert torch.equal(lookalikes.changed(image, turn=0, hue=0.0, grey=False), image)
    turned = image
    for _ in range(4):
        turned = lookalikes.changed(turned, turn=90, hue=0.0, grey=False)
    assert torch.equal(turned, image)
    assert not torch.equal(lookalikes.changed(image, turn=90, hue=0.0, grey=False), image)


def test_without_colours_all_channels_are_equal_and_grey_pictures_of_one_channel_may_be_turned(images):
    grey = lookalikes.changed(images.images[:1], turn=0, hue=0.3, grey=True)
    assert torch.equal(grey[:, 0], grey[:, 2])
    assert lookalikes.changed(images.images[:1, :1], turn=45, hue=0.3, grey=True).shape == (1, 1, 32, 32)


def test_pixels_are_compared_without_the_mean_picture(images):
    pixels = lookalikes.Pixels(images.images)
    assert pixels(images.images.float() / 255).mean(dim=0).abs().max() < 1e-5
    assert pixels(torch.rand(2, 3, 48, 64)).shape == (2, 3 * 32 * 32)


def test_classes_are_told_where_they_are_known_and_nowhere_else(images):
    known, unknown = (a_demo(part).sentence.value for part in (images, ImageSet(images.images)))
    assert f"Of its class ({images.classes[images.labels[0]]})" in known
    assert "class" not in unknown.split(">", 1)[1]


def test_of_a_large_folder_a_part_from_all_over_it_is_looked_through(images, monkeypatch):
    monkeypatch.setattr(lookalikes, "MOST", 4)
    demo = a_demo(images)
    assert torch.equal(demo.images.images, images.images[[0, 10, 19, 29]])
