"""What the demos of lesson 00 compute, against the course's functions and closed forms."""

import numpy as np
import pytest
import torch

from ssl_course.evaluate import knn_accuracy
from ssl_course.live import FeatureMap, factors, feature_map, luck, neighbours


@pytest.mark.parametrize(("k", "temperature"), [(1, 0.07), (5, 0.07), (20, 0.5)])
def test_the_class_with_most_votes_is_that_of_knn(k, temperature):
    random = torch.Generator().manual_seed(0)
    bank, asked = torch.randn(40, 8, generator=random), torch.randn(10, 8, generator=random)
    labels = torch.arange(40) % 4
    for query in asked:
        *_, shares = neighbours.vote(query, bank, labels, k=k, temperature=temperature)
        winner = shares.argmax().view(1)
        assert knn_accuracy(bank, labels, query[None], winner, k=k, temperature=temperature) == 1
        assert float(shares.sum()) == pytest.approx(1)


def test_neighbours_come_in_the_order_of_their_cosines():
    bank = torch.tensor([[0.0, 1.0], [2.0, 0.0], [1.0, 1.0]])
    index, cosine, _ = neighbours.vote(torch.tensor([5.0, 0.0]), bank, torch.tensor([0, 1, 2]), k=3, temperature=1)
    assert index.tolist() == [1, 2, 0]
    assert cosine.tolist() == pytest.approx([1, 0.5**0.5, 0])


def test_the_standard_error_is_the_deviation_of_many_measurements():
    scores = np.random.default_rng(0).binomial(50, 0.3, 100_000) / 50
    assert luck.standard_error(0.3, 50) == pytest.approx(scores.std(), rel=0.01)


def test_the_best_of_one_is_no_better_than_the_truth():
    assert luck.expected_best(0.3, 50, 1) == pytest.approx(0.3)


@pytest.mark.parametrize("seeds", [2, 20])
def test_the_best_of_many_is_as_much_too_good_as_a_simulation_says(seeds):
    best = np.random.default_rng(0).binomial(50, 0.3, (50_000, seeds)).max(axis=1) / 50
    assert luck.expected_best(0.3, 50, seeds) == pytest.approx(best.mean(), abs=0.001)


def test_a_map_fills_its_frame_and_depends_on_the_seed_alone():
    features = torch.randn(30, 5, generator=torch.Generator().manual_seed(0))
    first, again, other = (feature_map.places(features, 5, seed) for seed in (0, 0, 1))
    assert np.abs(first).max() == pytest.approx(1)
    assert (first == again).all()
    assert not np.allclose(first, other)


def test_the_picture_under_the_pointer_lies_on_its_point_and_stays_inside():
    svg = feature_map.pointed(np.array([[10.0, 5.0], [390.0, 200.0]]), ["a", "b"], (400, 300), "sheet", 32)
    assert svg.count('href="#sheet"') == 2
    assert 'cx="10" cy="5"' in svg
    assert 'x="18" y="0"' in svg  # to the right of the point, not above the frame
    assert f'x="{390 - 8 - feature_map.LARGE}" y="160"' in svg  # to its left, where there is room
    assert 'viewBox="32 0 32 32"' in svg


def test_the_marked_point_lies_under_the_pointers_disc_of_its_picture():
    demo = FeatureMap.example()
    height = demo.figure.canvas.get_width_height()[1]
    x, y = demo.map.transData.transform(demo.mark.get_xydata()[0])
    assert f'cx="{x:.0f}" cy="{height - y:.0f}"' in demo.picture.value.split("</g>")[0]


def test_the_price_of_another_class_is_the_mean_over_the_nine():
    demo = factors.Factors()
    first = demo.values
    prices = []
    for name in factors.CLASSES:
        other = factors.picture(**first | {"shape": name})
        prices.append(((other - factors.picture(**first)) ** 2).mean())
    assert demo.price == pytest.approx(sum(prices) / 9)
