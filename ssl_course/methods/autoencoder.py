"""Autoencoders: squeeze the picture through a narrow place and build it again.

Pascal Vincent, Hugo Larochelle, Yoshua Bengio, Pierre-Antoine Manzagol: Extracting and Composing Robust Features with
Denoising Autoencoders. ICML 2008 (`noise`). Diederik P. Kingma, Max Welling: Auto-Encoding Variational Bayes. ICLR
2014 (equation 10). Irina Higgins et al.: beta-VAE. ICLR 2017 (`beta`).

Otherwise than in the papers: `noise` is Gaussian and clamped to [0, 1], while the denoising autoencoder of 2008 sets a
share of the pixels to 0 and takes the cross-entropy, not the squared error; all networks are convolutional.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssl_course.augment import Augment
from ssl_course.networks import at_least_float32, check_size, decoder


class Autoencoder(nn.Module):
    """Encoder, maybe a narrower code, and a decoder that has to build the picture again from it.

    Args:
        encoder: what is kept; maps (B, 3, H, W) in [0, 1] to (B, encoder.dim).
        size: height and width of the images, a multiple of 8, or both as a pair.
        bottleneck: width of the code between encoder and decoder; None takes the features themselves.
        noise: standard deviation of what is added to the encoder's input, never to the target.
        augment: a random change of input and target alike; default flips only.

    Raises:
        ValueError: if noise is negative, the bottleneck isn't positive, or the images have another size.
    """

    def __init__(
        self,
        encoder: nn.Module,
        *,
        size: int | tuple[int, int] = 32,
        bottleneck: int | None = None,
        noise: float = 0.0,
        augment: nn.Module | None = None,
    ):
        super().__init__()
        if not noise >= 0 or (bottleneck is not None and bottleneck < 1):
            raise ValueError(f"noise can't be negative and bottleneck must be positive, got {noise} and {bottleneck}")
        self.encoder, self.noise = encoder, noise
        self.narrow = nn.Linear(encoder.dim, bottleneck) if bottleneck else nn.Identity()
        self.decoder = decoder(bottleneck or encoder.dim, size, upsample="bilinear")
        self.augment = augment if augment is not None else Augment(crop=1, jitter=0, grayscale=0)

    def views(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """What the encoder gets, and what the decoder has to give."""
        check_size(self.decoder, images)
        images = self.augment(images)
        if not self.noise:
            return images, images
        seen = (images + self.noise * torch.randn_like(images)).clamp(0, 1)
        return seen, images

    def reconstruct(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> the same shape, built from the code; values can leave [0, 1] a little."""
        return self.decoder(self.narrow(self.encoder(images)))

    def forward(self, seen: Tensor, images: Tensor) -> Tensor:
        return F.mse_loss(at_least_float32(self.reconstruct(seen)), images)


def kl_to_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL divergence of N(mean, exp(log_variance)) from N(0, 1): (B, D), (B, D) -> (B,), in nats (their appendix B)."""
    return 0.5 * (log_variance.exp() + mean.square() - 1 - log_variance).sum(dim=1)


class VariationalAutoencoder(nn.Module):
    """The encoder says where the code may lie (a mean and a variance per direction); the decoder gets a draw of it.

    Args:
        encoder, size, augment: as for `Autoencoder`.
        latent: width of the code.
        deviation: of the pixels around the decoder's picture; the smaller, the more the reconstruction weighs.
        beta: weight of the KL divergence; 1 is the evidence lower bound.

    Raises:
        ValueError: if latent, deviation or beta is out of range, or, when it is used, if the images have another size.
    """

    def __init__(
        self,
        encoder: nn.Module,
        *,
        size: int | tuple[int, int] = 32,
        latent: int = 32,
        deviation: float = 0.3,
        beta: float = 1.0,
        augment: nn.Module | None = None,
    ):
        super().__init__()
        if latent < 1 or not deviation > 0 or not beta >= 0:
            raise ValueError(
                f"latent and deviation must be positive, beta not negative, got {latent}, {deviation}, {beta}"
            )
        self.encoder, self.deviation, self.beta = encoder, deviation, beta
        self.code = nn.Linear(encoder.dim, 2 * latent)  # mean and log-variance
        self.decoder = decoder(latent, size, upsample="bilinear")
        self.augment = augment if augment is not None else Augment(crop=1, jitter=0, grayscale=0)

    def views(self, images: Tensor) -> tuple[Tensor]:
        check_size(self.decoder, images)
        return (self.augment(images),)

    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the code, each (B, latent)."""
        mean, log_variance = at_least_float32(self.code(self.encoder(images))).chunk(2, dim=1)
        return mean, log_variance.clamp(-20, 20)

    def forward(self, images: Tensor) -> Tensor:
        """Negative evidence lower bound per pixel value, in nats and up to a constant."""
        mean, log_variance = self.posterior(images)
        code = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)  # the reparametrisation: noise from outside
        error = (at_least_float32(self.decoder(code)) - images).square().flatten(1).sum(dim=1)  # (B,)
        bound = error / (2 * self.deviation**2) + self.beta * kl_to_standard_normal(mean, log_variance)
        return bound.mean() / images[0].numel()
