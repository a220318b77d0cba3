"""Exercises of lesson 02: clean targets, what a squared error paints, PCA, the walk, the draw and the KL divergence."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssl_course.checks.engine import Choice, Essay, Exercise, Function, Number
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


# --- the walk between two codes, functions of (a, b, steps)


def walk(a: Tensor, b: Tensor, steps: int) -> Tensor:
    return torch.lerp(a, b, torch.linspace(0, 1, steps).unsqueeze(1))


def on_the_sphere(a: Tensor, b: Tensor, steps: int) -> Tensor:
    """Spherical interpolation (slerp), with the angle between a and b."""
    angle = torch.arccos(F.cosine_similarity(a, b, dim=0))
    t = torch.linspace(0, 1, steps).unsqueeze(1)
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)


def on_the_unit_sphere(a: Tensor, b: Tensor, steps: int) -> Tensor:
    return on_the_sphere(F.normalize(a, dim=0), F.normalize(b, dim=0), steps)


def with_growing_length(a: Tensor, b: Tensor, steps: int) -> Tensor:
    lengths = walk(a.norm().view(1), b.norm().view(1), steps)
    return lengths * on_the_unit_sphere(a, b, steps)


WALK = {
    "the walk goes from b to a: the first row is a.": lambda a, b, steps: walk(b, a, steps),
    "the walk never gets to b: the last row is b itself, so there are steps - 1 strides.": (
        lambda a, b, steps: torch.lerp(a, b, torch.arange(steps).unsqueeze(1) / steps)
    ),
    "the walk doesn't begin at a: the first row is a itself.": (
        lambda a, b, steps: torch.lerp(a, b, (torch.arange(steps).unsqueeze(1) + 1) / steps)
    ),
    "b is added, but a doesn't fade: a weighs 1 - t where b weighs t.": (
        lambda a, b, steps: a + torch.linspace(0, 1, steps).unsqueeze(1) * b
    ),
    "every row is the middle between a and b: the weight has to run from 0 to 1.": (
        lambda a, b, steps: ((a + b) / 2).expand(steps, -1)
    ),
    "the walk follows an arc (slerp): here it is the straight line, whose middle is (a + b) / 2.": (
        on_the_sphere,
        on_the_unit_sphere,
        with_growing_length,
    ),
    "neither end is there: linspace(0, 1, steps) begins with 0 and ends with 1.": (
        lambda a, b, steps: walk(a, b, steps + 2)[1:-1]
    ),
    "there is one row too many: `steps` counts the rows, not the strides.": lambda a, b, steps: walk(a, b, steps + 1),
    "there are two rows too many: `steps` counts all rows, both ends among them.": (
        lambda a, b, steps: walk(a, b, steps + 2)
    ),
    "rows and columns have changed places: each row is a code, (steps, D).": lambda a, b, steps: walk(a, b, steps).T,
    "a doesn't fade: what is added to it is t * (b - a), or a weighs 1 - t.": (
        lambda a, b, steps: torch.linspace(1, 0, steps).unsqueeze(1) * a + b
    ),
}


def walk_cases() -> list[tuple]:
    random = torch.Generator().manual_seed(2)
    return [(*torch.randn(2, width, generator=random), steps) for width, steps in ((4, 3), (2, 8))]


# --- the draw, functions of (mean, log_variance, epsilon)


def draw(mean: Tensor, log_variance: Tensor, epsilon: Tensor) -> Tensor:
    return mean + (0.5 * log_variance).exp() * epsilon


DRAW = {
    "epsilon is multiplied by the variance: the deviation is its root, exp(log_variance / 2).": (
        lambda mean, log_variance, epsilon: mean + log_variance.exp() * epsilon
    ),
    "epsilon is multiplied by the log-variance itself: it can be negative, exp makes a deviation of it.": (
        lambda mean, log_variance, epsilon: mean + log_variance * epsilon
    ),
    "epsilon is multiplied by half the log-variance: that is the logarithm of the deviation, exp is missing.": (
        lambda mean, log_variance, epsilon: mean + 0.5 * log_variance * epsilon
    ),
    "epsilon is added as it is: every code then has deviation 1, whatever the encoder says.": (
        lambda mean, log_variance, epsilon: mean + epsilon
    ),
    "the mean is multiplied by the deviation as well: only epsilon is.": (
        lambda mean, log_variance, epsilon: (mean + epsilon) * (0.5 * log_variance).exp()
    ),
    "it is divided by the deviation: a wide region must give draws far from its mean.": (
        lambda mean, log_variance, epsilon: mean + (-0.5 * log_variance).exp() * epsilon
    ),
    "there is no draw: epsilon isn't used.": lambda mean, log_variance, epsilon: mean.clone(),
    "the mean is missing.": lambda mean, log_variance, epsilon: (0.5 * log_variance).exp() * epsilon,
    "the variance is added: epsilon is multiplied by the deviation.": (
        lambda mean, log_variance, epsilon: mean + epsilon + (0.5 * log_variance).exp(),
        lambda mean, log_variance, epsilon: mean + epsilon + log_variance.exp(),
    ),
    "the root is taken of the log-variance: exp comes first, its root is the deviation.": (
        lambda mean, log_variance, epsilon: mean + log_variance.abs().sqrt() * epsilon
    ),
    "log_variance is multiplied by 2: half of it is the logarithm of the deviation.": (
        lambda mean, log_variance, epsilon: mean + (2 * log_variance).exp() * epsilon
    ),
    "softplus makes the deviation: it is exp(log_variance / 2).": (
        lambda mean, log_variance, epsilon: mean + F.softplus(log_variance) * epsilon
    ),
}


def normal_cases() -> list[tuple]:
    """Means and log-variances (B, D) of both signs."""
    random = torch.Generator().manual_seed(3)
    return [
        (2 * torch.randn(count, width, generator=random), 1.5 * torch.randn(count, width, generator=random) - 0.5)
        for count, width in ((2, 3), (5, 4))
    ]


def draw_cases() -> list[tuple]:
    random = torch.Generator().manual_seed(4)
    return [(*case, torch.randn(case[0].shape, generator=random)) for case in normal_cases()]


# --- the KL divergence, functions of (mean, log_variance)


def half_sum(*terms: Tensor) -> Tensor:
    """Half the sum of the terms, over all directions: (B, D) each -> (B,)."""
    return 0.5 * sum(terms).sum(dim=1)


KL = {
    "the sign is turned round: a KL divergence is never negative.": lambda m, v: -kl_to_standard_normal(m, v),
    "the half is missing.": lambda m, v: 2 * kl_to_standard_normal(m, v),
    "the half is only before the first term: it belongs before the whole bracket.": (
        lambda m, v: (0.5 * v.exp() + m.square() - 1 - v).sum(dim=1)
    ),
    "the log-variance stands where the variance belongs: take its exp.": lambda m, v: half_sum(v, m.square() - 1, -v),
    "exp(log_variance / 2) stands where the variance belongs: that is the deviation.": (
        lambda m, v: half_sum((0.5 * v).exp(), m.square() - 1, -v)
    ),
    "log_variance was taken for the logarithm of the deviation: exp of it is the variance already, and the last term "
    "has no 2.": lambda m, v: kl_to_standard_normal(m, 2 * v),
    "the log-variance is added: it is subtracted, or the prior itself would not be the cheapest.": (
        lambda m, v: half_sum(v.exp(), m.square() - 1, v)
    ),
    "the 1 is missing: the prior itself (mean 0, variance 1) must cost nothing, and this gives half a nat for each "
    "direction.": (lambda m, v: half_sum(v.exp(), m.square(), -v)),
    "the mean isn't squared: a mean of -2 must cost as much as one of 2.": lambda m, v: half_sum(v.exp(), m - 1, -v),
    "the directions are averaged: they add up, each costs its own nats.": (
        lambda m, v: kl_to_standard_normal(m, v) / m.shape[1]
    ),
    "the pictures are averaged as well: the result is one number for each picture, (B,).": (
        lambda m, v: kl_to_standard_normal(m, v).mean()
    ),
    "the pictures are summed as well: the result is one number for each picture, (B,).": (
        lambda m, v: kl_to_standard_normal(m, v).sum()
    ),
    "exp(log_variance) is squared: it is the variance already, sigma squared.": (
        lambda m, v: half_sum((2 * v).exp(), m.square() - 1, -v)
    ),
    "the pictures are summed and the directions kept apart: directions are dimension 1.": (
        lambda m, v: 0.5 * (v.exp() + m.square() - 1 - v).sum(dim=0)
    ),
    "the two distributions have changed places: it is the divergence of N(mean, variance) from N(0, 1).": (
        lambda m, v: half_sum((1 + m.square()) / v.exp(), v, -torch.ones_like(v))
    ),
    "the 1 is added: it is subtracted, or the prior itself would cost a nat for each direction.": (
        lambda m, v: half_sum(v.exp(), m.square() + 1, -v)
    ),
    "the mean counts twice: its square has no factor inside the bracket.": (
        lambda m, v: half_sum(v.exp(), 2 * m.square() - 1, -v)
    ),
    "the mean is missing: a region far from 0 costs something, too.": lambda m, v: half_sum(
        v.exp() - 1, torch.zeros_like(m), -v
    ),
    "the result is in bits: it is in nats, with the natural logarithm.": (
        lambda m, v: kl_to_standard_normal(m, v) / math.log(2)
    ),
}

EXERCISES: dict[str, Exercise] = {
    "denoising": Function(
        reference=denoising_loss,
        cases=denoising_cases,
        mistakes=DENOISING,
        praise="noise in what is seen, none in what is asked for.",
        gradients={"the network": 0},
    ),
    "grey": Number(
        right=0.3,
        because="a squared error is smallest at the mean, 0.3 * 1 + 0.7 * 0: a dark grey that no picture has there.",
        slips={
            0.0: "the more frequent value was taken: that is what an absolute error would paint, a squared one paints "
            "the mean.",
            0.5: "the middle between black and white was taken: how often each of them occurs counts as well.",
            0.7: "black and white have changed places: white is 1, and 30 % of the pictures are white there.",
            30.0: "the answer is in per cent: the values of a pixel go from 0 to 1.",
        },
    ),
    "pca": Function(
        reference=there_and_back,
        cases=pca_cases,
        mistakes=PCA,
        praise="no linear autoencoder of this width has a smaller squared error on `train`.",
        tolerance=1e-3,
    ),
    "walk": Function(
        reference=walk,
        cases=walk_cases,
        mistakes=WALK,
        praise="a straight line from a to b in equal strides, with both ends.",
    ),
    "draw": Function(
        reference=draw,
        cases=draw_cases,
        mistakes=DRAW,
        praise="and the gradient gets to both, since epsilon was drawn outside.",
        gradients={"mean": 0, "log_variance": 1},
    ),
    "kl": Function(
        reference=kl_to_standard_normal,
        cases=normal_cases,
        mistakes=KL,
        praise="nothing for the prior itself, and more for every region that says something about the picture.",
        gradients={"mean": 0, "log_variance": 1},
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
