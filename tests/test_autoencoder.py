"""Autoencoders: what goes in, what has to come out, and the bound of the variational one written by hand."""

import math

import pytest
import torch
from torch import nn
from torch.distributions import Independent, Normal, kl_divergence

from ssl_course.methods.autoencoder import Autoencoder, VariationalAutoencoder, kl_to_standard_normal
from ssl_course.networks import decoder, small_cnn


def images(count=6, height=16, width=16):
    return torch.rand(count, 3, height, width)


def autoencoder(**options):
    return Autoencoder(small_cnn(4), **{"size": 16, "augment": nn.Identity()} | options)


def variational(**options):
    return VariationalAutoencoder(small_cnn(4), **{"size": 16, "augment": nn.Identity()} | options)


# --- decoder


@pytest.mark.parametrize(("size", "shape"), [(8, (8, 8)), (32, (32, 32)), (64, (64, 64)), ((16, 40), (16, 40))])
def test_a_decoder_paints_pictures_of_the_stated_size(size, shape):
    assert decoder(5, size, width=4)(torch.randn(2, 5)).shape == (2, 3, *shape)


def test_the_width_of_the_decoder_is_an_argument():
    first, last = decoder(5, width=4)[0], decoder(5, width=4)[-1]
    assert first.out_features == 16 * 4 * 4
    assert (last.in_channels, last.out_channels) == (4, 3)


def test_a_decoder_can_paint_values_outside_0_to_1():
    painted = decoder(5, 16, width=4)(10 * torch.randn(64, 5))
    assert painted.min() < 0


@pytest.mark.parametrize(("upsample", "smooth"), [("nearest", False), ("bilinear", True)])
def test_a_decoder_repeats_pixels_or_draws_the_values_between(upsample, smooth):
    larger = decoder(5, 16, upsample=upsample)[2](torch.rand(1, 4, 2, 2))
    assert torch.equal(larger[..., ::2], larger[..., 1::2]) is not smooth


def test_both_autoencoders_paint_without_a_grid():
    for method in (autoencoder(), variational()):
        assert {part.mode for part in method.decoder if isinstance(part, nn.Upsample)} == {"bilinear"}


@pytest.mark.parametrize("size", [0, 4, 28, 33, -8, (16, 12), (0, 8)])
def test_a_size_that_is_no_multiple_of_8_is_refused(size):
    with pytest.raises(ValueError, match="size must be a multiple of 8, got ") as refused:
        decoder(5, size)
    assert str(size) in str(refused.value)


# --- autoencoder


def test_noise_is_added_to_the_input_and_never_to_the_target():
    batch = images()
    seen, target = autoencoder(noise=0.1).views(batch)
    assert torch.equal(target, batch)
    inside = (batch > 0.35) & (batch < 0.65)  # clamping changes nothing there
    assert (seen - batch)[inside].std().item() == pytest.approx(0.1, rel=0.1)
    assert abs((seen - batch)[inside].mean()) < 0.02
    assert seen.min() >= 0
    assert seen.max() <= 1


def test_without_noise_the_target_is_the_input():
    seen, target = autoencoder().views(images())
    assert torch.equal(seen, target)


class Mirror(nn.Module):
    def forward(self, batch):
        return batch.flip(-1)


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_augmentation_changes_input_and_target_alike(noise):
    batch = images()
    seen, target = autoencoder(noise=noise, augment=Mirror()).views(batch)
    assert torch.equal(target, batch.flip(-1))
    assert (seen - target).abs().mean() < 0.1


@pytest.mark.parametrize("bottleneck", [1, 3, None])
def test_the_code_is_as_wide_as_the_bottleneck(bottleneck):
    method, widths = autoencoder(bottleneck=bottleneck), []
    method.decoder.register_forward_hook(lambda module, inputs, output: widths.append(inputs[0].shape[1]))
    assert method.reconstruct(images()).shape == (6, 3, 16, 16)
    assert widths == [bottleneck or method.encoder.dim]


def test_a_bottleneck_adds_one_linear_map_and_none_adds_nothing():
    assert list(autoencoder().narrow.parameters()) == []
    assert autoencoder(bottleneck=3).narrow.weight.shape == (3, 16)


def test_the_loss_is_the_mean_squared_error_of_every_value():
    method = autoencoder(bottleneck=3).eval()
    seen, target = images(), images()
    painted = method.decoder(method.narrow(method.encoder(seen)))
    pairs = zip(painted.flatten().tolist(), target.flatten().tolist(), strict=True)
    expected = sum((a - b) ** 2 for a, b in pairs) / target.numel()
    assert method(seen, target).item() == pytest.approx(expected, rel=1e-4)


def test_both_work_on_images_that_are_not_square():
    for method in (autoencoder(size=(16, 24)), variational(size=(16, 24))):
        assert method(*method.views(images(4, 16, 24))).isfinite()


# --- the variational one


def formula(mean, log_variance):
    """KL of N(mean, exp(log_variance)) from N(0, 1) as torch has it."""
    posterior = Independent(Normal(mean, torch.exp(0.5 * log_variance)), 1)
    return kl_divergence(posterior, Independent(Normal(torch.zeros_like(mean), torch.ones_like(mean)), 1))


def test_kl_and_its_gradient_are_torchs():
    mean, log_variance = (torch.randn(7, 5, dtype=torch.float64).mul(2).requires_grad_() for _ in range(2))
    ours, theirs = kl_to_standard_normal(mean, log_variance), formula(mean, log_variance)
    assert ours.shape == (7,)
    torch.testing.assert_close(ours, theirs)
    gradients = [torch.autograd.grad(kl.sum(), (mean, log_variance)) for kl in (ours, theirs)]
    torch.testing.assert_close(*gradients)


def test_kl_is_zero_for_the_standard_normal_and_half_a_squared_shift():
    zero = torch.zeros(3, 4)
    torch.testing.assert_close(kl_to_standard_normal(zero, zero), torch.zeros(3))
    torch.testing.assert_close(kl_to_standard_normal(zero + 3, zero), torch.full((3,), 4 * 4.5))


def bound(method, batch, deviation, beta):
    """Minus the evidence lower bound by log-densities, without the decoder's normalising constant; per value."""
    mean, log_variance = method.code(method.encoder(batch)).chunk(2, dim=1)
    code = mean + torch.exp(log_variance / 2) * torch.randn_like(mean)
    likelihood = Normal(method.decoder(code), deviation).log_prob(batch).flatten(1).sum(dim=1)
    constant = -batch[0].numel() * math.log(deviation * math.sqrt(2 * math.pi))
    total = [
        -(likelihood[b] - constant) + beta * formula(mean[b : b + 1], log_variance[b : b + 1])[0] for b in range(6)
    ]
    return sum(total) / 6 / (3 * 16 * 16)


@pytest.mark.parametrize(("deviation", "beta"), [(0.1, 1.0), (1.0, 1.0), (0.3, 4.0), (0.5, 0.0)])
def test_the_loss_is_the_bound_with_deviation_and_beta_where_they_belong(deviation, beta):
    method, batch = variational(deviation=deviation, beta=beta, latent=5).eval(), images()
    with torch.no_grad():
        method.code.weight.mul_(5)  # so that the KL part weighs something
    torch.manual_seed(3)
    expected = bound(method, batch, deviation, beta)
    torch.manual_seed(3)
    torch.testing.assert_close(method(batch), expected)
    torch.manual_seed(3)
    assert abs(bound(method, batch, deviation, beta + 1) - expected) > 1e-4


def test_the_code_is_drawn_anew_each_time_and_the_gradient_passes_the_draw():
    method, batch = variational().eval(), images()
    assert method(batch) != method(batch)
    method.beta = 0.0  # only the reconstruction is left: its gradient reaches mean and variance
    method(batch).backward()
    mean, log_variance = method.code.weight.grad.chunk(2)
    assert mean.abs().max() > 0
    assert log_variance.abs().max() > 0


def test_the_posterior_is_as_wide_as_stated_and_its_variance_cannot_overflow():
    method = variational(latent=7).eval()
    with torch.no_grad():
        method.code.bias.copy_(torch.cat([torch.full((7,), 2.0), torch.full((7,), 1e4)]))
    mean, log_variance = method.posterior(images())
    assert mean.shape == log_variance.shape == (6, 7)
    assert abs(mean - 2).max() < 5
    assert log_variance.exp().isfinite().all()
    assert method(images()).isfinite()


def test_the_target_is_the_view_itself():
    batch = images()
    (view,) = variational(augment=Mirror()).views(batch)
    assert torch.equal(view, batch.flip(-1))
