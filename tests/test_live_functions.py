"""What the demos compute, against the functions of the course and closed forms."""

import math

import pytest
import torch

from ssl_course.live import candidates, factors
from ssl_course.methods.simclr import nt_xent

# --- lesson 00


def test_stripes_change_the_shape_alone():
    look = {
        "ground": 0.3,
        "contrast": 0.4,
        "hue": 0.9,
        "ground_hue": 0.1,
        "x": 15.5,
        "y": 15.5,
        "size": 10.0,
        "angle": 0,
    }
    plain, striped = (factors.picture("square", on, **look) for on in (False, True))
    assert (plain == striped)[:3].all()
    assert (plain != striped)[14:18, 14:18].any()


# --- lesson 04


@pytest.mark.parametrize("temperature", [0.1, 0.5, 5.0])
def test_with_mask_and_scaling_the_loss_is_nt_xent(temperature):
    z1, z2 = candidates.projections(5, 0.7)
    chance, loss = candidates.every_candidate(z1, z2, temperature, masked=True, scaled=True)
    assert loss == pytest.approx(float(nt_xent(z1, z2, temperature)), rel=1e-6)
    assert torch.allclose(chance.sum(dim=1), torch.ones(10))
    assert (chance.diagonal() == 0).all()


@pytest.mark.parametrize("batch", [2, 4, 8])
def test_the_lowest_loss_is_that_of_directions_as_far_apart_as_can_be(batch):
    simplex = torch.eye(batch) - 1 / batch
    assert candidates.lowest(batch, 0.5) == pytest.approx(float(nt_xent(simplex, simplex, 0.5)), rel=1e-5)


def test_guessing_lies_above_the_lowest_loss():
    assert all(candidates.lowest(batch, 5.0) < math.log(2 * batch - 1) for batch in range(2, 17))
