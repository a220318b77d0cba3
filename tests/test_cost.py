"""Operations counted by hand, what counting must leave alone, and the cost of the methods beside each other."""

import pytest
import torch
from torch import nn

from ssl_course.cost import training_flops
from ssl_course.methods import ALL, Supervised
from ssl_course.networks import MovingAverage, small_cnn
from ssl_course.recipes import build

CONV = 2 * 27 * 4 * 16 * 16  # a 3x3 convolution of 3 to 4 channels on 16x16 places, multiplications and additions
LINEAR = 2 * 4 * 10


class Toy(nn.Module):
    """A convolution and a linear map of the mean; the second part of the backward pass stops at the images."""

    def __init__(self, target=False):
        super().__init__()
        self.encoder = nn.Conv2d(3, 4, 3, padding=1)
        self.head = nn.Linear(4, 10)
        self.target = MovingAverage(self.encoder) if target else None

    def views(self, images):
        return (images,)

    def forward(self, images):
        aim = self.target(images).mean() if self.target else 0
        return (self.head(self.encoder(images).mean(dim=(2, 3))) - aim).square().mean()


def method(name, **options):
    return build(name, "shapes", **{"tiles": 4} if name == "jigsaw" else {}, **options)


@pytest.mark.parametrize("batch_size", [2, 8])
def test_the_count_of_a_toy_is_that_by_hand(batch_size):
    """Forward once; backward for the weights, and for the features but not for the images, which need no gradient."""
    assert training_flops(Toy(), 16, batch_size=batch_size) == 2 * CONV + 3 * LINEAR


def test_a_target_network_costs_a_forward_pass():
    assert training_flops(Toy(target=True), 16) == 3 * CONV + 3 * LINEAR


def test_a_layer_that_is_not_used_costs_nothing():
    toy = Toy()
    toy.spare = nn.Linear(4, 10)
    assert training_flops(toy, 16) == training_flops(Toy(), 16)


@pytest.mark.parametrize(("size", "times"), [(32, 4), ((16, 48), 3)])
def test_a_convolution_costs_in_proportion_to_the_area(size, times):
    assert training_flops(Toy(), size) == times * 2 * CONV + 3 * LINEAR


def test_the_count_is_the_same_every_time_and_on_any_batch():
    counts = {training_flops(Supervised(small_cnn(8), 10), batch_size=count) for count in (2, 2, 8)}
    assert max(counts) == pytest.approx(min(counts))


def test_simclr_costs_twice_a_supervised_step_and_its_head():
    supervised = training_flops(Supervised(small_cnn(), 10))
    assert 1.98 < training_flops(method("simclr")) / supervised < 2.1


def test_target_networks_cost_a_third_of_the_gradients_they_save():
    """An online pass is three forward passes (one forward, two backward), a target's is one."""
    simclr, byol, moco = (training_flops(method(name), batch_size=2) for name in ("simclr", "byol", "moco"))
    assert byol / simclr == pytest.approx(8 / 6, rel=0.05)
    assert moco / simclr == pytest.approx(4 / 6, rel=0.1)


def test_mae_costs_less_the_more_it_hides():
    assert training_flops(method("mae", ratio=0.75)) < 0.7 * training_flops(method("mae", ratio=0.25))


@pytest.mark.parametrize("name", ["simclr", "moco", "byol", "vae", "mae"])
@pytest.mark.parametrize("training", [True, False])
def test_counting_leaves_state_mode_gradients_and_random_numbers_alone(name, training):
    counted = method(name).train(training)
    before, random = {key: value.clone() for key, value in counted.state_dict().items()}, torch.get_rng_state()
    training_flops(counted, batch_size=2)
    assert all(torch.equal(value, before[key]) for key, value in counted.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)
    assert all(module.training == training for module in counted.modules())
    assert all(parameter.grad is None for parameter in counted.parameters())


@pytest.mark.parametrize("name", ALL)
def test_every_method_can_be_counted_and_costs_more_than_its_encoder_forward(name):
    counted = method(name)
    with torch.utils.flop_counter.FlopCounterMode(display=False) as counter:
        counted.encoder(torch.rand(2, 3, 32, 32))
    forward = counter.get_total_flops() / 2
    hides = name in ("mae", "ijepa")
    lower = 0.25 if hides else 0.8  # three quarters of the patches are left out; tiles are smaller than images
    assert 3 * lower * forward < training_flops(counted, batch_size=2) < 20 * forward
