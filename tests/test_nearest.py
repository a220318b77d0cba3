import pytest
import torch
import torch.nn.functional as F

from ssl_course import ImageSet, leave_one_out, load, neighbours, twins
from ssl_course.evaluate import knn_accuracy


def moved(images: ImageSet) -> ImageSet:
    """The images moved by a pixel, as a copy that was cropped is."""
    return ImageSet(images.images.roll(1, dims=3))


def test_a_twin_is_found_where_it_lies_and_its_distance_is_that_of_a_loop():
    images = load("shapes", size=40)
    distance, which = twins(images[10:13], images)
    assert which.tolist() == [10, 11, 12]
    assert distance.tolist() == [0, 0, 0]
    shifted, which = twins(moved(images[10:13]), images)
    assert which.tolist() == [10, 11, 12]
    means = [F.adaptive_avg_pool2d(part.images.float(), 8) for part in (moved(images[10:13]), images[10:13])]
    slow = (means[0] - means[1]).square().mean(dim=(1, 2, 3)).sqrt()
    torch.testing.assert_close(shifted, slow)


def test_a_small_distance_is_exact_beside_bright_pixels():
    bright = torch.randint(200, 255, (40, 3, 16, 16), dtype=torch.uint8)
    other = bright.clone()
    other[:, 0, :2, :2] += 1  # one of the 8x8 fields
    distance, _ = twins(ImageSet(bright), ImageSet(other))
    torch.testing.assert_close(distance, torch.full((40,), (1 / 192) ** 0.5))


def test_twins_may_have_another_size():
    images = load("shapes", size=20)
    larger = ImageSet(images.images.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3))
    distance, which = twins(larger, images)
    assert which.tolist() == list(range(20))
    assert distance.max() < 1e-3


def test_many_images_are_compared_in_parts_with_the_same_result(monkeypatch):
    images, others = load("shapes", size=50), load("shapes", "test", size=30)
    whole = twins(images, others)
    monkeypatch.setattr("ssl_course.nearest.ROWS", 7)
    for part, all_at_once in zip(twins(images, others), whole, strict=True):
        assert part.equal(all_at_once)


@pytest.mark.parametrize(
    ("others", "rule"),
    [(torch.zeros(0, 3, 8, 8), "at least one other"), (torch.zeros(2, 1, 8, 8), "channels, got 3 and 1")],
)
def test_twins_among_nobody_or_in_other_channels_are_refused(others, rule):
    with pytest.raises(ValueError, match=rule):
        twins(load("shapes", size=2), ImageSet(others.byte()))


def test_no_image_has_no_twin():
    images = load("shapes", size=2)
    assert [len(part) for part in twins(images[:0], images)] == [0, 0]


def test_neighbours_are_the_most_similar_by_cosine_and_never_oneself():
    h = torch.randn(12, 5, dtype=torch.float64)
    cosine, which = neighbours(h, k=3)
    for place in range(len(h)):
        rest = sorted((F.cosine_similarity(h[place], h[other], dim=0).item(), other) for other in range(12))
        rest = [pair for pair in rest if pair[1] != place][::-1][:3]
        assert which[place].tolist() == [other for _, other in rest]
        torch.testing.assert_close(cosine[place].tolist(), [value for value, _ in rest])


def test_among_others_the_same_feature_is_a_neighbour():
    h = torch.randn(6, 4)
    cosine, which = neighbours(3 * h, h)
    assert which.flatten().tolist() == list(range(6))
    torch.testing.assert_close(cosine.flatten(), torch.ones(6))


@pytest.mark.parametrize(
    ("features", "others", "k", "rule"),
    [
        (torch.zeros(3), None, 1, r"must be \(N, D\), got \(3,\)"),
        (torch.ones(3, 2), torch.ones(3, 4), 1, "differ in width: 2 and 4"),
        (torch.ones(3, 2), None, 3, "from 1 to the 2 features to look among, got 3"),
        (torch.ones(3, 2), torch.ones(3, 2), 4, "from 1 to the 3"),
        (torch.ones(3, 2), None, 0, "got 0"),
        (torch.full((3, 2), torch.nan), None, 1, "finite"),
    ],
)
def test_features_that_do_not_fit_are_refused(features, others, k, rule):
    with pytest.raises(ValueError, match=rule):
        neighbours(features, others, k=k)


def test_leave_one_out_is_the_loop_over_all_images():
    h, y = torch.randn(15, 3), torch.arange(15) % 3
    loop = []
    for i in range(15):
        rest = torch.arange(15) != i
        loop.append(knn_accuracy(h[rest], y[rest], h[i : i + 1], y[i : i + 1], k=1))
    assert leave_one_out(h, y) == pytest.approx(sum(loop) / 15)
    assert 0 < sum(loop) < 15  # so that nobody voting for themselves would show


def test_leave_one_out_needs_a_label_for_each_feature():
    with pytest.raises(ValueError, match=r"labels must be \(4,\), one for each feature, got \(3,\)"):
        leave_one_out(torch.ones(4, 2), torch.zeros(3).long())
