"""Exercises of lesson 02: clean targets, what a squared error leaves, PCA, a region's gradient and price, erasing."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssl_course.checks.engine import Choice, Essay, Exercise, Function, Number, Unfit, by_hand
from ssl_course.methods.autoencoder import kl_to_standard_normal

# --- the denoising loss, functions of (rebuild, images, noise)


def noisy(images: Tensor, noise: Tensor) -> Tensor:
    return (images + noise).clamp(0, 1)


def denoising_loss(rebuild, images: Tensor, noise: Tensor) -> Tensor:
    """Rebuilt from the noisy picture, compared with the clean one, as in `Autoencoder`."""
    return F.mse_loss(rebuild(noisy(images, noise)), images)


DENOISING = {
    "the rebuilt picture is compared with the noisy one: the network would learn to paint the noise, so the target is "
    "the clean picture.": lambda rebuild, images, noise: F.mse_loss(
        rebuild(noisy(images, noise)), noisy(images, noise)
    ),
    "the network sees the clean picture and the noise is in the target: it is the other way round.": (
        lambda rebuild, images, noise: F.mse_loss(rebuild(images), noisy(images, noise))
    ),
    "there is no noise anywhere: this is the plain autoencoder.": (
        lambda rebuild, images, noise: F.mse_loss(rebuild(images), images)
    ),
    "the noise is added to what is painted: it belongs to what the network sees.": (
        lambda rebuild, images, noise: F.mse_loss(noisy(rebuild(images), noise), images)
    ),
    "the noisy picture isn't cut to the range from 0 to 1.": (
        lambda rebuild, images, noise: F.mse_loss(rebuild(images + noise), images)
    ),
    "the squared differences are summed over each picture: take the mean over all values.": (
        lambda rebuild, images, noise: images[0].numel() * denoising_loss(rebuild, images, noise)
    ),
    "the differences aren't squared: it is their absolute value that is averaged.": (
        lambda rebuild, images, noise: F.l1_loss(rebuild(noisy(images, noise)), images)
    ),
    "a root is taken at the end: the squared error is meant as it is.": (
        lambda rebuild, images, noise: denoising_loss(rebuild, images, noise).sqrt()
    ),
    "what is painted is cut to the range from 0 to 1: a value beyond it then gets no gradient that brings it back.": (
        lambda rebuild, images, noise: F.mse_loss(rebuild(noisy(images, noise)).clamp(0, 1), images)
    ),
    "there is a factor of one half: it is the plain mean of the squares.": (
        lambda rebuild, images, noise: denoising_loss(rebuild, images, noise) / 2
    ),
    "the noise is what is asked for: here the network paints the clean picture.": (
        lambda rebuild, images, noise: F.mse_loss(rebuild(noisy(images, noise)), noise)
    ),
    "the noise is subtracted: it is added.": (lambda rebuild, images, noise: denoising_loss(rebuild, images, -noise)),
}


class Painter(nn.Module):
    """Stands for a network: it mirrors what it sees and paints slope * seen + shift, through a sigmoid or not."""

    def __init__(self, slope: float, shift: float, squash: bool):
        super().__init__()
        self.slope, self.shift = (nn.Parameter(torch.tensor(value)) for value in (slope, shift))
        self.squash = squash

    def forward(self, seen: Tensor) -> Tensor:
        painted = self.slope * seen.flip(-1) + self.shift
        return painted.sigmoid() if self.squash else painted


def denoising_cases() -> list[tuple]:
    random = torch.Generator().manual_seed(0)
    cases = []
    painters = Painter(0.6, 0.0, False), Painter(4.0, -1.0, True), Painter(1.8, -0.4, False)  # the last leaves [0, 1]
    for rebuild, count, size in zip(painters, (3, 5, 4), ((4, 6), (6, 2), (3, 5)), strict=True):
        images = torch.rand(count, 3, *size, generator=random)
        cases.append((rebuild, images, 0.5 * torch.randn(images.shape, generator=random)))
    return cases


# --- PCA as an autoencoder, functions of (train, pictures, width)


def directions(x: Tensor, width: int | None = None) -> Tensor:
    """The directions in which x (N, D) is largest, as columns: (D, width), largest first."""
    return torch.linalg.svd(x, full_matrices=False).Vh[:width].T


def there_and_back(train: Tensor, pictures: Tensor, width: int) -> Tensor:
    """Each picture from `width` numbers: the linear autoencoder with the smallest squared error on `train`."""
    mean = train.mean(dim=0)
    axes = directions(train - mean, width)  # (D, width)
    return (pictures - mean) @ axes @ axes.T + mean


def never_centred(train, pictures, width):
    axes = directions(train, width)
    return pictures @ axes @ axes.T


def directions_not_centred(train, pictures, width):
    mean, axes = train.mean(dim=0), directions(train, width)
    return (pictures - mean) @ axes @ axes.T + mean


def mean_left_out(train, pictures, width):
    return there_and_back(train, pictures, width) - train.mean(dim=0)


def mean_not_subtracted(train, pictures, width):
    mean = train.mean(dim=0)
    axes = directions(train - mean, width)
    return pictures @ axes @ axes.T + mean


def mean_for_the_directions_only(train, pictures, width):
    axes = directions(train - train.mean(dim=0), width)
    return pictures @ axes @ axes.T


def smallest_directions(train, pictures, width):
    mean = train.mean(dim=0)
    axes = directions(train - mean)[:, -width:]
    return (pictures - mean) @ axes @ axes.T + mean


def mean_of_the_pictures(train, pictures, width):
    mean = train.mean(dim=0)
    axes = directions(train - mean, width)
    return (pictures - pictures.mean(dim=0)) @ axes @ axes.T + pictures.mean(dim=0)


def along(axes: Tensor, train: Tensor, pictures: Tensor) -> Tensor:
    """The pictures from their share along these axes, (D, width), around the mean of `train`."""
    mean = train.mean(dim=0)
    return (pictures - mean) @ axes @ axes.T + mean


def columns_of_vh(train, pictures, width):
    return along(directions(train - train.mean(dim=0)).T[:, :width], train, pictures)


def rows_of_eigenvectors(train, pictures, width):
    centred = train - train.mean(dim=0)
    vectors = torch.linalg.eigh(centred.T @ centred).eigenvectors  # columns, the largest last
    return along(vectors[-width:].T, train, pictures)


def rows_of_v(train, pictures, width):
    return along(directions(train - train.mean(dim=0))[:width].T, train, pictures)


def one_mean(train, pictures, width):
    mean = train.mean()
    axes = directions(train - mean, width)
    return (pictures - mean) @ axes @ axes.T + mean


def mean_within_each_picture(train, pictures, width):
    mean = pictures.mean(dim=1, keepdim=True)
    axes = directions(train - train.mean(dim=1, keepdim=True), width)
    return (pictures - mean) @ axes @ axes.T + mean


def standardised(train, pictures, width):
    mean, deviation = train.mean(dim=0), train.std(dim=0)
    axes = directions((train - mean) / deviation, width)
    return (pictures - mean) / deviation @ axes @ axes.T * deviation + mean


def standardised_and_left_so(train, pictures, width):
    mean, deviation = train.mean(dim=0), train.std(dim=0)
    axes = directions((train - mean) / deviation, width)
    return (pictures - mean) / deviation @ axes @ axes.T + mean


PCA = {
    "no mean is subtracted anywhere: the directions must be those in which the pictures differ from their mean.": (
        never_centred
    ),
    "the directions come from pictures whose mean wasn't subtracted: the first one then points at the mean picture.": (
        directions_not_centred
    ),
    "the mean is subtracted for finding the directions only: subtract it from `pictures` as well, and add it at the "
    "end.": mean_for_the_directions_only,
    "the mean isn't added again at the end.": mean_left_out,
    "the mean is added at the end, but wasn't subtracted from `pictures` before.": mean_not_subtracted,
    "the directions with the smallest variance are kept: the code needs those with the largest.": smallest_directions,
    "directions and mean come from `pictures`: an autoencoder is fitted to `train`, and `pictures` may be test "
    "pictures.": lambda train, pictures, width: there_and_back(pictures, pictures, width),
    "the mean is that of `pictures`: it is part of what is fitted, so it comes from `train` like the directions.": (
        mean_of_the_pictures
    ),
    "rows and columns of the directions have changed places: svd returns Vh, whose rows are the directions, while eigh "
    "and pca_lowrank return them as columns.": (columns_of_vh, rows_of_eigenvectors, rows_of_v),
    "the mean is one number: mean() without dim=0 runs over all values, and each of the D values has its own mean.": (
        one_mean
    ),
    "each picture's own mean is subtracted: the mean is taken over the pictures, dim=0.": mean_within_each_picture,
    "the values are divided by their deviation: PCA of standardised values has other directions, and its squared error "
    "is larger.": (standardised, standardised_and_left_so),
    "`width` isn't used: with all directions every picture comes back as it was.": (
        lambda train, pictures, width: pictures.clone()
    ),
    "one direction too few is kept: the code has `width` numbers.": lambda train, pictures, width: there_and_back(
        train, pictures, width - 1
    ),
    "one direction too many is kept: the code has `width` numbers.": lambda train, pictures, width: there_and_back(
        train, pictures, width + 1
    ),
}


def pca_cases() -> list[tuple]:
    """Pictures of D values that vary much more along some directions than along others, far away from 0."""
    random = torch.Generator().manual_seed(1)
    cases = []
    for count, few, values, width in ((40, 7, 8, 3), (30, 5, 6, 2)):
        turned = torch.linalg.qr(torch.randn(values, values, generator=random)).Q
        scales = 3 * 0.6 ** torch.arange(values)
        draws = torch.randn(count + few, values, generator=random) * scales
        x = draws @ turned + 2 * torch.randn(values, generator=random)
        cases.append((x[:count], x[count:], width))
    return cases


# --- the gradient of a VAE's loss by hand, functions of (weights, picture, mean, log_variance, epsilon, deviation)


def gradient_parts(weights, picture, mean, log_variance, epsilon, deviation) -> tuple[Tensor, Tensor]:
    """What the rebuilding says to the code, (B, D), and the code's deviation, (B, D)."""
    sigma = (0.5 * log_variance).exp()
    painted = (mean + sigma * epsilon) @ weights  # (B, P)
    return (painted - picture) @ weights.T / deviation**2, sigma


def vae_gradient(weights, picture, mean, log_variance, epsilon, deviation) -> tuple[Tensor, Tensor]:
    """Of the sum over pictures of |code @ weights - picture|^2 / (2 deviation^2) + KL: for mean and log_variance."""
    pull, sigma = gradient_parts(weights, picture, mean, log_variance, epsilon, deviation)
    return pull + mean, 0.5 * pull * sigma * epsilon + 0.5 * (sigma.square() - 1)


def with_pull(scale) -> object:
    """The gradient with another factor before what the rebuilding says; `scale` gets the deviation of the pixels."""

    def gradient(weights, picture, mean, log_variance, epsilon, deviation):
        pull, sigma = gradient_parts(weights, picture, mean, log_variance, epsilon, deviation)
        pull = scale(deviation) * pull
        return pull + mean, 0.5 * pull * sigma * epsilon + 0.5 * (sigma.square() - 1)

    return gradient


def with_terms(first, second) -> object:
    """The gradient with other terms, functions of (pull, mean, sigma, epsilon)."""

    def gradient(weights, picture, mean, log_variance, epsilon, deviation):
        pull, sigma = gradient_parts(weights, picture, mean, log_variance, epsilon, deviation)
        return first(pull, mean, sigma, epsilon), second(pull, mean, sigma, epsilon)

    return gradient


def to_mean(pull, mean, sigma, epsilon):
    return pull + mean


def to_log_variance(pull, mean, sigma, epsilon):
    return 0.5 * pull * sigma * epsilon + 0.5 * (sigma.square() - 1)


def without_a_draw(weights, picture, mean, log_variance, epsilon, deviation):
    pull, _ = gradient_parts(weights, picture, mean, log_variance, 0 * epsilon, deviation)
    sigma = (0.5 * log_variance).exp()
    return pull + mean, 0.5 * pull * sigma * epsilon + 0.5 * (sigma.square() - 1)


def mean_over_pictures(*given):
    first, second = vae_gradient(*given)
    return first / len(first), second / len(second)


GRADIENT = {
    "the KL divergence is left out: it pulls mean to 0 and log_variance to 0.": with_terms(
        lambda pull, mean, sigma, epsilon: pull, lambda pull, mean, sigma, epsilon: 0.5 * pull * sigma * epsilon
    ),
    "the rebuilding is left out: only the KL divergence is there.": with_terms(
        lambda pull, mean, sigma, epsilon: mean, lambda pull, mean, sigma, epsilon: 0.5 * (sigma.square() - 1)
    ),
    "the second is the gradient at sigma: go on to log_variance, d sigma / d log_variance = sigma / 2.": with_terms(
        to_mean, lambda pull, mean, sigma, epsilon: pull * epsilon + sigma - 1 / sigma
    ),
    "the second is the gradient at the variance: go on to its logarithm, times sigma squared.": with_terms(
        to_mean,
        lambda pull, mean, sigma, epsilon: 0.5 * pull * epsilon / sigma + 0.5 * (1 - 1 / sigma.square()),
    ),
    "the half of d sigma / d log_variance = sigma / 2 is missing in the rebuilding's part.": with_terms(
        to_mean, lambda pull, mean, sigma, epsilon: pull * sigma * epsilon + 0.5 * (sigma.square() - 1)
    ),
    "sigma is missing in the rebuilding's part: d sigma / d log_variance = sigma / 2.": with_terms(
        to_mean, lambda pull, mean, sigma, epsilon: 0.5 * pull * epsilon + 0.5 * (sigma.square() - 1)
    ),
    "epsilon is missing: a wider sigma moves the code by epsilon, whichever way that points.": with_terms(
        to_mean, lambda pull, mean, sigma, epsilon: 0.5 * pull * sigma + 0.5 * (sigma.square() - 1)
    ),
    "epsilon stands in the gradient at mean: d code / d mean is 1.": with_terms(
        lambda pull, mean, sigma, epsilon: pull * epsilon + mean, to_log_variance
    ),
    "the -1 is missing in the KL part: log_variance = 0 must not be pulled anywhere.": with_terms(
        to_mean, lambda pull, mean, sigma, epsilon: 0.5 * pull * sigma * epsilon + 0.5 * sigma.square()
    ),
    "the half is missing in the KL part at log_variance.": with_terms(
        to_mean, lambda pull, mean, sigma, epsilon: 0.5 * pull * sigma * epsilon + sigma.square() - 1
    ),
    "the KL part at mean has a factor of 2: it is mean^2 / 2, whose slope is mean.": with_terms(
        lambda pull, mean, sigma, epsilon: pull + 2 * mean, to_log_variance
    ),
    "the KL part at mean has a factor of one half: the slope of mean^2 / 2 is mean.": with_terms(
        lambda pull, mean, sigma, epsilon: pull + 0.5 * mean, to_log_variance
    ),
    "deviation isn't squared in the rebuilding's part.": with_pull(lambda deviation: deviation),
    "deviation is missing: the rebuilding is divided by its square.": with_pull(lambda deviation: deviation**2),
    "the rebuilding's part has a factor of 2: the square's 2 and the half of 1 / (2 deviation^2) cancel.": with_pull(
        lambda deviation: 2
    ),
    "the rebuilding's part has a factor of one half: the square's 2 cancels it.": with_pull(lambda deviation: 0.5),
    "the sign of the rebuilding's part is turned round: it is what is painted minus the picture.": with_pull(
        lambda deviation: -1
    ),
    "the picture is painted from the mean: the loss has the draw, mean + sigma * epsilon.": without_a_draw,
    "the pictures are averaged: the loss is their sum, so each picture's row has its whole gradient.": (
        mean_over_pictures
    ),
}


def normal_cases() -> list[tuple]:
    """Means and log-variances (B, D) of both signs."""
    random = torch.Generator().manual_seed(3)
    return [
        (2 * torch.randn(count, width, generator=random), 1.5 * torch.randn(count, width, generator=random) - 0.5)
        for count, width in ((2, 3), (5, 4))
    ]


def gradient_cases() -> list[tuple]:
    random = torch.Generator().manual_seed(4)
    cases = []
    for (mean, log_variance), pixels, deviation in zip(normal_cases(), (5, 7), (0.5, 1.5), strict=True):
        weights = torch.randn(mean.shape[1], pixels, generator=random)
        picture = torch.rand(len(mean), pixels, generator=random)
        cases.append((weights, picture, mean, log_variance, torch.randn(mean.shape, generator=random), deviation))
    return cases


# --- the KL divergence from any normal prior, functions of (mean, log_variance, prior_mean, prior_log_variance)


def kl_terms(mean, log_variance, prior_mean, prior_log_variance, *, far=None, wide=None, log=None, one=1.0) -> Tensor:
    """Twice the divergence in each direction, (B, D), with parts that a mistake may replace."""
    far = (mean - prior_mean).square() / prior_log_variance.exp() if far is None else far
    wide = (log_variance - prior_log_variance).exp() if wide is None else wide
    log = log_variance - prior_log_variance if log is None else log
    return wide + far - one - log


def kl_to_prior(mean, log_variance, prior_mean, prior_log_variance) -> Tensor:
    """KL divergence of N(mean, exp(log_variance)) from N(prior_mean, exp(prior_log_variance)), (B, D) each -> (B,)."""
    return 0.5 * kl_terms(mean, log_variance, prior_mean, prior_log_variance).sum(dim=1)


def replacing(**parts) -> object:
    """The divergence with other parts, each a function of the four arguments."""

    def divergence(*given):
        return 0.5 * kl_terms(*given, **{name: part(*given) for name, part in parts.items()}).sum(dim=1)

    return divergence


KL = {
    "the prior isn't used: this is the divergence from N(0, 1).": (
        lambda m, v, pm, pv: kl_to_standard_normal(m, v) + 0 * (pm + pv).sum(dim=1)
    ),
    "the two distributions have changed places: it is the divergence of the region from the prior.": (
        lambda m, v, pm, pv: kl_to_prior(pm, pv, m, v)
    ),
    "the distance of the means isn't divided by the prior's variance: far is what is far for the prior.": replacing(
        far=lambda m, v, pm, pv: (m - pm).square()
    ),
    "the distance of the means is divided by the region's own variance: the prior's says what is far.": replacing(
        far=lambda m, v, pm, pv: (m - pm).square() / v.exp()
    ),
    "the distance of the means is divided by the prior's deviation: by its variance, exp(prior_log_variance).": (
        replacing(far=lambda m, v, pm, pv: (m - pm).square() / (0.5 * pv).exp())
    ),
    "the means are added: it is their distance that counts.": replacing(
        far=lambda m, v, pm, pv: (m + pm).square() / pv.exp()
    ),
    "the distance of the means isn't squared.": replacing(far=lambda m, v, pm, pv: (m - pm) / pv.exp()),
    "the prior's mean isn't used.": replacing(far=lambda m, v, pm, pv: m.square() / pv.exp()),
    "the variance isn't divided by the prior's: only their ratio counts.": replacing(wide=lambda m, v, pm, pv: v.exp()),
    "deviations stand where variances belong: exp(log_variance) is the variance already.": replacing(
        wide=lambda m, v, pm, pv: (0.5 * (v - pv)).exp()
    ),
    "the ratio of the variances is turned round: it is the region's over the prior's.": replacing(
        wide=lambda m, v, pm, pv: (pv - v).exp()
    ),
    "the logarithm's sign is turned round: a wider region, as long as it is narrower than the prior, costs less.": (
        replacing(log=lambda m, v, pm, pv: pv - v)
    ),
    "the prior's logarithm is missing: the log of the ratio is log_variance - prior_log_variance.": replacing(
        log=lambda m, v, pm, pv: v
    ),
    "the 1 is missing: a region that is the prior itself must cost nothing.": replacing(one=lambda *given: 0.0),
    "the half is missing.": lambda *given: 2 * kl_to_prior(*given),
    "the sign is turned round: a KL divergence is never negative.": lambda *given: -kl_to_prior(*given),
    "the directions are averaged: they add up, each costs its own nats.": lambda *given: (
        kl_to_prior(*given) / given[0].shape[1]
    ),
    "the pictures are summed or averaged as well: the result is one number for each picture, (B,).": (
        lambda *given: kl_to_prior(*given).mean(),
        lambda *given: kl_to_prior(*given).sum(),
    ),
    "the result is in bits: it is in nats, with the natural logarithm.": (
        lambda *given: kl_to_prior(*given) / math.log(2)
    ),
}


def prior_cases() -> list[tuple]:
    random = torch.Generator().manual_seed(6)
    cases = []
    for mean, log_variance in normal_cases():
        prior = torch.randn(2, *mean.shape, generator=random) + torch.tensor([0.7, -0.4]).view(2, 1, 1)
        cases.append((mean, log_variance, *prior))
    return cases


# --- pixels that are erased, functions of (images, share); what is measured tells them apart


def erase(images: Tensor, share: float) -> Tensor:
    return images * (torch.rand(len(images), 1, *images.shape[2:]) >= share)


def erased_so(seen: Tensor, images: Tensor, share: float) -> tuple[float, ...]:
    """What was done to pictures without a black value: see ERASED_PARTS."""
    if seen.shape != images.shape:
        raise Unfit(f"the pictures keep their shape {tuple(images.shape)}, got {tuple(seen.shape)}.")
    changed = (seen - images).abs() > 1e-4  # (B, 3, H, W)
    pixels = changed.any(dim=1)  # (B, H, W)
    if not pixels.any():
        raise Unfit("nothing is erased: every pixel is as it was.")
    black = seen[changed].abs() < 1e-4
    together = changed.all(dim=1).sum() / pixels.sum()
    alike = (pixels[0] == pixels[1:]).float().mean()
    runs = (pixels[..., 1:] & pixels[..., :-1]).sum() / pixels[..., :-1].sum()  # how often the neighbour changes, too
    whole = pixels.flatten(1).all(dim=1).float().mean()
    parts = changed.float().mean(), black.float().mean(), together, alike > 0.99, runs, whole, seen[changed].std()
    return tuple(map(float, parts))


ERASED_PARTS = (
    "share of the values that change",
    "share of these that are 0",
    "share of the changed pixels whose three colours change",
    "the same pixels in all pictures",
    "share of the changed pixels whose neighbour changes",
    "share of the pictures that change as a whole",
    "deviation of the new values",
)


def one_picture_s_pixels(images: Tensor, share: float) -> Tensor:
    return images * (torch.rand(1, 1, *images.shape[2:]) >= share)


def colour_by_colour(images: Tensor, share: float) -> Tensor:
    return images * (torch.rand(images.shape) >= share)


def whole_pictures(images: Tensor, share: float) -> Tensor:
    return images * (torch.rand(len(images), 1, 1, 1) >= share)


def a_square(images: Tensor, share: float) -> Tensor:
    side = round(images.shape[-1] * share**0.5)
    seen = images.clone()
    for picture in seen:
        top, left = torch.randint(images.shape[-1] - side + 1, (2,)).tolist()
        picture[:, top : top + side, left : left + side] = 0
    return seen


ERASE = {
    "the share is kept, not erased: compare the other way round.": lambda images, share: erase(images, 1 - share),
    "what is left is scaled up by 1 / (1 - share), as dropout does: the pictures get brighter.": (
        lambda images, share: erase(images, share) / (1 - share),
        lambda images, share: F.dropout(images, share),
    ),
    "each colour is erased by itself: a pixel is erased in all three, with one mask (B, 1, H, W).": colour_by_colour,
    "the same pixels are erased in every picture of the batch: draw a mask for each.": one_picture_s_pixels,
    "whole pictures are erased: draw for each pixel.": whole_pictures,
    "one block is erased: each pixel is drawn by itself.": a_square,
    "the erased pixels are grey: set them to 0.": lambda images, share: torch.where(
        torch.rand(len(images), 1, *images.shape[2:]) >= share, images, 0.5
    ),
    "noise is added to some pixels: they are set to 0, whatever they were.": lambda images, share: torch.where(
        torch.rand(len(images), 1, *images.shape[2:]) >= share, images, images + torch.rand(images.shape) + 0.1
    ),
    "everything is made darker: single pixels are set to 0, the others stay.": lambda images, share: (
        images * (1 - share)
    ),
}


def erase_cases() -> list[tuple]:
    random = torch.Generator().manual_seed(7)
    return [(0.1 + 0.8 * torch.rand(40, 3, 32, 32, generator=random), share) for share in (0.25, 0.6)]


# --- a paired difference over seeds, functions of (first, second)


def paired(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Mean of the differences seed by seed, and its standard error."""
    differences = first - second
    return differences.mean(), differences.std() / len(differences) ** 0.5


def spread(error, middle=Tensor.mean) -> object:
    """The mean difference with another error, a function of the differences and both columns."""
    return lambda first, second: (middle(first - second), error(first - second, first, second))


PAIRED = {
    "the seeds aren't paired: the deviations of both columns are put together. Take the differences seed by seed "
    "first; what the seeds share then falls out.": (
        spread(lambda d, a, b: ((a.var() + b.var()) / len(d)).sqrt()),
        spread(lambda d, a, b: (a.var() + b.var()).sqrt()),
    ),
    "the deviation isn't divided by the root of the number of seeds: that is the spread of one difference, and a mean "
    "of several is surer.": spread(lambda d, a, b: d.std()),
    "the deviation is divided by the number of seeds: by its root.": spread(lambda d, a, b: d.std() / len(d)),
    "the squares are divided by n: with a few seeds take n - 1.": spread(
        lambda d, a, b: d.std(correction=0) / len(d) ** 0.5
    ),
    "the variance stands where the deviation belongs.": spread(lambda d, a, b: d.var() / len(d) ** 0.5),
    "the variance of the mean is given: take its root.": spread(lambda d, a, b: d.var() / len(d)),
    "the second is subtracted from the first, not the other way round: here the sign is turned.": lambda a, b: paired(
        b, a
    ),
    "the differences lose their signs: a seed that speaks against the first must count against it.": (
        lambda a, b: paired((a - b).abs(), 0 * b)
    ),
    "the median stands where the mean belongs.": spread(lambda d, a, b: d.std() / len(d) ** 0.5, middle=Tensor.median),
    "only the best seed of each is compared: luck picks it.": (
        lambda a, b: (a.max() - b.max(), paired(a, b)[1]),
        lambda a, b: (a.max() - b.max(), (a - b).max() - (a - b).min()),
    ),
    "the second value is the mean divided by its error (a t value): give the error itself.": spread(
        lambda d, a, b: d.mean() / (d.std() / len(d) ** 0.5)
    ),
    "the second value is the whole range of the differences.": spread(lambda d, a, b: d.max() - d.min()),
}


def paired_cases() -> list[tuple]:
    """Columns in per cent whose seeds go up and down together, with some pairs against the others."""
    return [
        (torch.tensor([42.0, 55.0, 37.0]), torch.tensor([39.0, 49.0, 38.0])),
        (torch.tensor([31.0, 52.0, 44.0, 28.0, 47.0]), torch.tensor([36.0, 50.0, 40.0, 31.0, 41.0])),
    ]


EXERCISES: dict[str, Exercise] = {
    "denoising": Function(
        reference=denoising_loss,
        cases=denoising_cases,
        mistakes=DENOISING,
        praise="noise in what is seen, none in what is asked for.",
        gradients={"the network": 0},
    ),
    "grey": Number(
        right=0.21,
        because="painted is the mean, 0.3, and what remains is 0.3 * 0.7² + 0.7 * 0.3², the variance: nothing that is "
        "painted without knowing more can get below it.",
        slips={
            0.3: "this is what is painted, the mean: the question is what error remains.",
            0.7: "this is how often the pixel is black: paint the mean and average the squared errors.",
            0.25: "the middle between black and white was painted, 0.5: the mean, 0.3, does better.",
            0.42: "a sharp guess was painted, white in 30 % of the cases: it is wrong in 42 %, and each time by 1. The "
            "mean costs half of that.",
            0.458: "a root was taken at the end: that is the deviation, and the loss is the squared error.",
            0.0: "something remains: the decoder doesn't know how the star is turned, so it can't be right each time.",
            21.0: "the answer is in per cent: a squared error of values from 0 to 1 is at most 1.",
        },
        tolerance=0.005,
    ),
    "pca": Function(
        reference=there_and_back,
        cases=pca_cases,
        mistakes=PCA,
        praise="no linear autoencoder of this width has a smaller squared error on `train`.",
        tolerance=1e-3,
    ),
    "gradient": Function(
        reference=vae_gradient,
        cases=gradient_cases,
        mistakes=GRADIENT,
        praise="the rebuilding pulls the code towards the picture, the KL divergence pulls the region to the prior.",
        probes=[by_hand(lambda: gradient_cases()[0])],
        tolerance=1e-3,
    ),
    "kl": Function(
        reference=kl_to_prior,
        cases=prior_cases,
        mistakes=KL,
        praise="nothing for the prior itself, and with a prior of N(0, 1) it is the lesson's formula.",
        gradients={"mean": 0, "log_variance": 1},
    ),
    "erase": Function(
        reference=erase,
        cases=erase_cases,
        mistakes=ERASE,
        praise="each pixel by itself, all three colours at once, other pixels in each picture, and nothing rescaled.",
        measure=erased_so,
        parts=ERASED_PARTS,
        tolerance=0.02,
    ),
    "paired": Function(
        reference=paired,
        cases=paired_cases,
        mistakes=PAIRED,
        praise="what two runs of one seed share (first weights, order, images) falls out of their difference.",
        parts=("mean difference", "standard error"),
    ),
    "log": Choice(
        right="c",
        because="both paintings have the same error to the last digit, so the decoder never gets the draw: only the KL "
        "divergence is left to say anything of sigma, and it says 1. The mean is free to tell all it likes.",
        others={
            "a": "after a collapse the KL divergence is about 0, and one picture is painted for all: here the error "
            "falls far below that of one picture.",
            "b": "a larger beta would make the KL divergence small and the painting worse. It wouldn't make two "
            "paintings equal, one from the mean and one from a draw around it.",
            "d": "too high a rate makes errors jump or grow; here they fall.",
        },
    ),
    "confound": Choice(
        right="b",
        because="two things differ between the rows. It takes the two runs that are missing: the old upsampling with "
        "0.3, and the new one with 0.1.",
        others={
            "a": "the seeds agree on the difference, that is right: but two things differ between the rows, so they "
            "don't say which of the two made it.",
            "c": "the seeds don't overlap: the worst of one row is better than the best of the other.",
            "d": "images and passes are the same in both rows.",
        },
    ),
    "table": Choice(
        right="b",
        because="beside a mean the KL divergence weighs 3072 times as much, so the code says nothing (0 nats), and one "
        "picture is painted for all: the posterior has collapsed.",
        others={
            "a": "here both terms are at work: the code tells 18 nats about a picture, and the error is far below that "
            "of one picture for all. With the mean no nat would be worth its price.",
            "c": "here the KL divergence is large, so it weighs little: that is the run with 0.01. With the mean it "
            "weighs more than it should.",
        },
    ),
    "open": Essay(
        words=40,
        question="You have 50,000 photographs of birds against the sky. The birds are small, and you want features "
        "that tell the species by the outline of the wings. Somebody proposes an autoencoder with the squared error. "
        "What will its features tell, and why? What would you change so that the outline is worth something, and by "
        "what would you notice that it was?",
    ),
}
