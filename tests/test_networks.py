"""Shapes and sizes of encoders and heads; how the moving average moves."""

import pytest
import torch
from torch import nn

from ssl_course.networks import ENCODERS, MovingAverage, projection_head, resnet18, small_cnn


def size(network):
    return sum(parameter.numel() for parameter in network.parameters())


# --- encoders


@pytest.mark.parametrize("name", ENCODERS)
def test_every_encoder_says_its_width(name):
    encoder = ENCODERS[name]().eval()
    with torch.no_grad():
        assert encoder(torch.rand(2, 3, 32, 32)).shape == (2, encoder.dim)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (17, 23), (32, 32), (28, 28), (64, 48), (64, 64)])
def test_small_cnn_takes_images_of_any_size(height, width):
    features = small_cnn()(torch.rand(2, 3, height, width))
    assert features.shape == (2, 128)
    assert features.isfinite().all()


def test_small_cnn_has_about_six_hundred_thousand_weights():
    assert 500_000 < size(small_cnn()) < 700_000


@pytest.mark.parametrize("width", [4, 16])
def test_the_width_of_small_cnn_is_an_argument(width):
    encoder = small_cnn(width)
    assert encoder.dim == 4 * width
    assert encoder(torch.rand(2, 3, 32, 32)).shape == (2, 4 * width)
    assert size(encoder) < size(small_cnn(2 * width)) / 3


def test_resnet18_gives_512_features_of_a_small_image():
    encoder = resnet18().eval()
    with torch.no_grad():
        assert encoder(torch.rand(2, 3, 32, 32)).shape == (2, 512)
    assert encoder.dim == 512
    assert 11e6 < size(encoder) < 11.3e6


@pytest.mark.parametrize("name", ENCODERS)
def test_encoders_normalise_the_pixels_themselves(name):
    """The middle of the range reaches the first convolution as 0, so that its output is 0 (it has no bias)."""
    encoder, seen = ENCODERS[name]().eval(), []
    first = next(module for module in encoder.modules() if isinstance(module, nn.Conv2d))
    first.register_forward_hook(lambda module, inputs, output: seen.append(output))
    with torch.no_grad():
        encoder(torch.full((2, 3, 16, 16), 0.5))
    assert torch.equal(seen[0], torch.zeros_like(seen[0]))


# --- projection head


@pytest.mark.parametrize(("layers", "outputs"), [(0, 6), (1, 4), (2, 4), (3, 4)])
def test_a_projection_head_has_so_many_linear_layers(layers, outputs):
    head = projection_head(6, hidden=8, outputs=4, layers=layers)
    assert head(torch.randn(5, 6)).shape == (5, outputs)
    assert sum(isinstance(module, nn.Linear) for module in head) == layers
    assert sum(isinstance(module, nn.BatchNorm1d) for module in head) == max(0, layers - 1)


def test_a_projection_head_of_no_layers_is_the_identity():
    h = torch.randn(5, 6)
    assert torch.equal(projection_head(6, layers=0)(h), h)


def test_a_projection_head_ends_in_a_linear_layer_with_bias():
    head = projection_head(6, hidden=8, outputs=4)
    assert isinstance(head[-1], nn.Linear)
    assert head[-1].bias is not None
    assert (head(torch.randn(64, 6)) < 0).any()


def test_a_negative_number_of_layers_is_refused():
    with pytest.raises(ValueError, match="layers can't be negative, got -1"):
        projection_head(6, layers=-1)


# --- moving average


def network():
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


def moved():
    """Another network, with a batch counted and running statistics that differ."""
    other = network()
    other(torch.randn(8, 3) * 5 + 2)
    return other


def test_an_update_keeps_the_decay_of_the_copy_and_takes_the_rest():
    average = MovingAverage(network(), decay=0.9)
    other = moved()
    before = {key: value.clone() for key, value in average.copy.state_dict().items()}
    average.update(other)
    for key, theirs in other.state_dict().items():
        if theirs.is_floating_point():  # weights and running statistics
            torch.testing.assert_close(average.copy.state_dict()[key], 0.9 * before[key] + 0.1 * theirs)


def test_whole_number_buffers_are_taken_over():
    average = MovingAverage(network(), decay=0.9)
    average.update(moved())
    assert average.copy[1].num_batches_tracked == 1


@pytest.mark.parametrize("decay", [0.0, 1.0])
def test_at_the_ends_of_decay_the_copy_is_the_network_or_stays(decay):
    average = MovingAverage(network())
    other, before = moved(), average.copy[0].weight.clone()
    average.update(other, decay=decay)
    torch.testing.assert_close(average.copy[0].weight, before if decay else other[0].weight.detach())


def test_the_copy_is_equal_at_first_and_shares_no_memory():
    original = network()
    average = MovingAverage(original)
    for mine, theirs in zip(average.copy.state_dict().values(), original.state_dict().values(), strict=True):
        assert torch.equal(mine, theirs)
        assert mine.data_ptr() != theirs.data_ptr()


def test_the_copy_gets_no_gradient_and_passes_none_on():
    original = network()
    average, x = MovingAverage(original), torch.randn(5, 3, requires_grad=True)
    assert not average(x).requires_grad
    assert not any(parameter.requires_grad for parameter in average.parameters())
    assert all(parameter.requires_grad for parameter in original.parameters())
    average.update(original)
    assert all(parameter.grad is None for parameter in [*average.parameters(), *original.parameters()])


def test_the_network_is_not_changed_by_an_update():
    average = MovingAverage(network(), decay=0.5)
    other = moved()
    before = [value.clone() for value in other.state_dict().values()]
    average.update(other)
    assert all(torch.equal(a, b) for a, b in zip(before, other.state_dict().values(), strict=True))


@pytest.mark.parametrize("decay", [-0.1, 1.1, float("nan")])
def test_a_decay_outside_0_to_1_is_refused(decay):
    with pytest.raises(ValueError, match=rf"decay must be in \[0, 1\], got {decay}"):
        MovingAverage(network(), decay=decay)
