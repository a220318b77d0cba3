"""What the demos of lesson 02 compute: prices of factors, stored widths, directions of a code."""

import numpy as np
import pytest
import torch

from ssl_course import shapes
from ssl_course.live import Price, Walk, Widths, price, walk, widths
from ssl_course.methods import VariationalAutoencoder
from ssl_course.methods.autoencoder import kl_to_standard_normal
from ssl_course.networks import small_cnn
from ssl_course.plots import paint

# --- what one wrong factor costs


def test_a_price_is_that_of_the_lesson_and_the_class_is_far_cheaper_than_the_ground():
    factors, others = (shapes.draw(50, seed=seed)[1] for seed in (0, 1))
    costs = price.typical_costs(50)
    wrong = paint(factors | {"class": others["class"]})
    assert costs["class"] == pytest.approx(float((wrong - paint(factors)).square().mean()))
    assert list(costs.values()) == sorted(costs.values(), reverse=True)
    assert 2 * costs["class"] < min(costs["ground hue"], costs["brightness"])


@pytest.mark.parametrize("factor", price.GROUPS)
def test_no_amount_changes_nothing_and_the_whole_range_changes_the_picture(factor):
    star = shapes.CLASSES.index("star")
    assert (price.picture(star, factor, 0.0) == price.picture(star)).all()
    assert not np.allclose(price.picture(star, factor, 1.0), price.picture(star))


def test_a_disc_has_no_angle():
    disc = shapes.CLASSES.index("disc")
    assert np.allclose(price.picture(disc, "angle", 0.7), price.picture(disc))


def test_the_sentence_names_a_shift_of_the_whole_picture_with_the_same_error():
    demo = Price()
    told = demo.draw(factor="class", amount=40, shape="star")
    error, shift = (float(told.split(before)[1].split()[0].rstrip(",")) for before in ("error ", "lighter by "))
    assert shift**2 == pytest.approx(error, rel=0.05)


# --- the width of the code


def test_the_stored_networks_have_four_widths_and_the_wider_has_the_lower_error():
    stored = widths.networks()
    assert list(stored) == [2, 8, 32, 128]
    errors = [row["error"] for row in stored.values()]
    assert errors == sorted(errors, reverse=True)
    assert all(0.1 < row["probe"] < 1 for row in stored.values())


def test_more_numbers_rebuild_the_picture_better():
    demo = Widths.example()
    errors = [(demo.rebuilt(width) - demo.pictures / 255).square().mean() for width in widths.WIDTHS]
    assert errors == sorted(errors, reverse=True)
    assert "stored network" in demo.draw(width=32, picture=0)
    assert "stored network" not in demo.draw(width=64, picture=0)


# --- a walk through the code


def test_the_prices_of_all_directions_are_the_divergence_together():
    torch.manual_seed(0)
    mean, log_variance = torch.randn(2, 30, 5)
    whole = kl_to_standard_normal(mean, log_variance).mean()
    assert walk.prices(mean, log_variance).sum() == pytest.approx(float(whole))
    assert walk.prices(torch.zeros(4, 3), torch.zeros(4, 3)).tolist() == [0, 0, 0]


def test_a_walk_moves_one_direction_and_passes_the_picture_of_its_own_code():
    torch.manual_seed(0)
    method, code = VariationalAutoencoder(small_cnn(8), latent=4).eval(), torch.randn(4)
    pictures = walk.walk(method, code, 2, torch.stack([code[2], code[2] + 2]))
    with torch.no_grad():
        assert torch.allclose(pictures[:1], method.decoder(code[None]).clamp(0, 1), atol=1e-6)
    assert not torch.allclose(pictures[0], pictures[1])


def test_a_direction_without_nats_paints_nothing_and_a_dear_one_does():
    demo = Walk.example()
    dear, dead = (demo.at(rank, 0, torch.tensor([-3.0, 3.0])) for rank in (1, len(demo.order)))
    assert demo.costs[0] > 1 > 0.05 > demo.costs[-1]
    assert (dear[0] - dear[1]).square().mean() > 100 * (dead[0] - dead[1]).square().mean()
