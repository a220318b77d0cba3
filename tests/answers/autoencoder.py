"""Answers to the exercises of lesson 02 as students write them: right ones, and each known mistake made once."""

import math

import torch
import torch.nn.functional as F
from torch.distributions import Normal, kl_divergence

# --- the denoising loss


def denoise(rebuild, images, noise, *, see=1, ask=0, paint=0, power=2):
    """With the places where noise may be added as options."""

    def disturbed(pictures, much):
        return torch.clip(pictures + noise, 0, 1) if much else pictures

    difference = disturbed(rebuild(disturbed(images, see)), paint) - disturbed(images, ask)
    return (difference.abs() ** power).mean()


def picture_by_picture(rebuild, images, noise):
    painted = rebuild(torch.clamp(images + noise, min=0, max=1))
    return torch.stack([(p - x).pow(2).mean() for p, x in zip(painted, images, strict=True)]).mean()


def as_a_norm(rebuild, images, noise):
    painted = rebuild((images + noise).clamp(0, 1))
    return torch.linalg.vector_norm(painted - images) ** 2 / images.numel()


# --- PCA


def with_covariance(train, pictures, width, *, largest=True, centre=True, add=True, take=True):
    """With the eigenvectors of the covariance."""
    mean = train.mean(0)
    x = train - mean if centre else train
    _, vectors = torch.linalg.eigh(x.T @ x)  # smallest first
    vectors = vectors[:, -width:] if largest else vectors[:, :width]
    code = (pictures - mean if take else pictures) @ vectors
    return code @ vectors.T + (mean if add else 0)


def one_direction_at_a_time(train, pictures, width):
    mean = train.mean(0)
    _, _, rows = torch.linalg.svd(train - mean)
    result = mean.expand(len(pictures), -1).clone()
    for row in rows[:width]:
        result += ((pictures - mean) @ row).unsqueeze(1) * row
    return result


def with_lowrank(train, pictures, width):
    torch.manual_seed(0)
    _, _, v = torch.pca_lowrank(train, q=min(train.shape))
    mean = train.mean(dim=0, keepdim=True)
    return mean + (pictures - mean) @ v[:, :width] @ v[:, :width].T


def never(train, pictures, width):
    _, vectors = torch.linalg.eigh(train.T @ train)
    return pictures @ vectors[:, -width:] @ vectors[:, -width:].T


def shifted(train, pictures, width):
    """As if the pictures had the mean of the training pictures already."""
    mean, own = train.mean(0), pictures.mean(0)
    return with_covariance(train, pictures - own + mean, width) - mean + own


# --- the walk


def step_by_step(a, b, steps):
    return torch.stack([a + (b - a) * k / (steps - 1) for k in range(steps)])


def outer(a, b, steps):
    t = torch.linspace(0, 1, steps)
    return torch.outer(1 - t, a) + torch.outer(t, b)


def by_columns(a, b, steps):
    return torch.stack([torch.linspace(x, y, steps) for x, y in zip(a.tolist(), b.tolist(), strict=True)], dim=1)


# --- the draw


def without_gradient(mean, log_variance, epsilon):
    with torch.no_grad():
        return mean + log_variance.exp().sqrt() * epsilon


# --- the KL divergence


def with_distributions(mean, log_variance):
    return kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum(1)


def as_in_the_paper(mean, log_variance):
    return -0.5 * torch.sum(1 + log_variance - mean**2 - torch.exp(log_variance), dim=-1)


def number_by_number(mean, log_variance, *, variance=torch.exp, half=0.5, log=-1, one=1, power=2):
    """One number after the other, with the parts that mistakes are made in as options."""
    result = []
    for means, logs in zip(mean, log_variance, strict=True):
        terms = [variance(v) + m**power - one + log * v for m, v in zip(means, logs, strict=True)]
        result.append(half * sum(terms))
    return torch.stack(result)


def swapped(mean, log_variance):
    return kl_divergence(Normal(0.0, 1.0), Normal(mean, (log_variance / 2).exp())).sum(1)


def half_of_the_first(mean, log_variance):
    return torch.sum(0.5 * log_variance.exp() + mean**2 - 1 - log_variance, 1)


RIGHT = {
    "autoencoder.denoising": [denoise, picture_by_picture, as_a_norm],
    "autoencoder.grey": [0.3, "0.3", torch.tensor(0.3)],
    "autoencoder.pca": [with_covariance, one_direction_at_a_time, with_lowrank],
    "autoencoder.walk": [step_by_step, outer, by_columns],
    "autoencoder.draw": [
        lambda mean, log_variance, epsilon: mean + log_variance.exp().sqrt() * epsilon,
        lambda mean, log_variance, epsilon: epsilon * torch.exp(log_variance / 2) + mean,
        lambda mean, log_variance, epsilon: torch.addcmul(mean, math.e ** (0.5 * log_variance), epsilon),
    ],
    "autoencoder.kl": [with_distributions, as_in_the_paper, number_by_number],
    "autoencoder.table": ["b", "B", "b "],
}
# By exercise: a few words of the sentence that must name the mistake, and an answer that makes it.
WRONG = {
    "autoencoder.denoising": [
        ("compared with the noisy one", lambda r, x, n: denoise(r, x, n, ask=1)),
        ("noise is in the target", lambda r, x, n: denoise(r, x, n, see=0, ask=1)),
        ("no noise anywhere", lambda r, x, n: denoise(r, x, n, see=0)),
        ("added to what is painted", lambda r, x, n: denoise(r, x, n, see=0, paint=1)),
        ("isn't cut", lambda r, x, n: (r(x + n) - x).pow(2).mean()),
        ("summed over each picture", lambda r, x, n: (r((x + n).clamp(0, 1)) - x).pow(2).sum((1, 2, 3)).mean()),
        ("absolute value", lambda r, x, n: denoise(r, x, n, power=1)),
        ("root", lambda r, x, n: denoise(r, x, n) ** 0.5),
    ],
    "autoencoder.grey": [
        ("more frequent value", 0),
        ("middle between black and white", 0.5),
        ("changed places", 0.7),
        ("per cent", 30),
    ],
    "autoencoder.pca": [
        ("no mean is subtracted anywhere", never),
        ("points at the mean picture", lambda t, p, k: with_covariance(t, p, k, centre=False)),
        ("finding the directions only", lambda t, p, k: with_covariance(t, p, k, take=False, add=False)),
        ("isn't added again", lambda t, p, k: with_covariance(t, p, k, add=False)),
        ("wasn't subtracted from `pictures`", lambda t, p, k: with_covariance(t, p, k, take=False)),
        ("smallest variance", lambda t, p, k: with_covariance(t, p, k, largest=False)),
        ("directions and mean come from `pictures`", lambda t, p, k: with_covariance(p, p, k)),
        ("the mean is that of `pictures`", shifted),
    ],
    "autoencoder.walk": [
        ("from b to a", lambda a, b, steps: outer(a, b, steps).flip(0)),
        ("never gets to b", lambda a, b, steps: step_by_step(a, b, steps + 1)[:-1]),
        ("doesn't begin at a", lambda a, b, steps: step_by_step(a, b, steps + 1)[1:]),
        ("doesn't fade", lambda a, b, steps: torch.stack([a + k / (steps - 1) * b for k in range(steps)])),
        ("the middle between a and b", lambda a, b, steps: torch.stack([0.5 * a + 0.5 * b] * steps)),
    ],
    "autoencoder.draw": [
        ("by the variance", lambda m, v, e: m + torch.exp(v) * e),
        ("log-variance itself", lambda m, v, e: torch.addcmul(m, v, e)),
        ("half the log-variance", lambda m, v, e: m + v / 2 * e),
        ("added as it is", lambda m, v, e: e + m),
        ("multiplied by the deviation as well", lambda m, v, e: v.exp().sqrt() * (m + e)),
        ("divided by the deviation", lambda m, v, e: m + e / v.exp().sqrt()),
        ("there is no draw", lambda m, v, e: m + 0 * e),
        ("the mean is missing", lambda m, v, e: v.exp().sqrt() * e),
        ("no gradient gets to mean and log_variance", without_gradient),
        ("no gradient gets to log_variance,", lambda m, v, e: m + v.detach().exp().sqrt() * e),
    ],
    "autoencoder.kl": [
        ("sign", lambda m, v: -as_in_the_paper(m, v)),
        ("the half is missing", lambda m, v: number_by_number(m, v, half=1)),
        ("only before the first term", half_of_the_first),
        ("take its exp", lambda m, v: number_by_number(m, v, variance=lambda log: log)),
        ("that is the deviation", lambda m, v: number_by_number(m, v, variance=lambda log: math.exp(log / 2))),
        ("logarithm of the deviation", lambda m, v: with_distributions(m, 2 * v)),
        ("log-variance is added", lambda m, v: number_by_number(m, v, log=1)),
        ("the 1 is missing", lambda m, v: number_by_number(m, v, one=0)),
        ("isn't squared", lambda m, v: number_by_number(m, v, power=1)),
        ("directions are averaged", lambda m, v: -0.5 * torch.mean(1 + v - m**2 - v.exp(), dim=1)),
        ("pictures are averaged as well", lambda m, v: with_distributions(m, v).mean()),
        ("pictures are summed as well", lambda m, v: -0.5 * torch.sum(1 + v - m**2 - v.exp())),
        (
            "is squared: it is the variance already",
            lambda m, v: number_by_number(m, v, variance=lambda u: math.exp(u) ** 2),
        ),
        ("pictures are summed and", lambda m, v: -0.5 * torch.sum(1 + v - m**2 - v.exp(), dim=0)),
        ("changed places", swapped),
    ],
    "autoencoder.table": [("both terms are at work", "a"), ("weighs little", "c")],
}

# --- more slips


def columns_of_v(train, pictures, width):
    mean = train.mean(0)
    _, _, v = torch.linalg.svd(train - mean)
    return (pictures - mean) @ v[:, :width] @ v[:, :width].T + mean


def scaled_first(train, pictures, width):
    mean, deviation = train.mean(0), train.std(0)
    return with_covariance((train - mean) / deviation, (pictures - mean) / deviation, width) * deviation + mean


def one_mean(train, pictures, width):
    mean = train.mean()
    v = torch.linalg.svd(train - mean, full_matrices=False)[2][:width]
    return (pictures - mean) @ v.T @ v + mean


def around(a, b, steps):
    angle = torch.acos(torch.dot(a, b) / (a.norm() * b.norm()))
    rows = []
    for t in torch.linspace(0, 1, steps):
        rows.append((torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle))
    return torch.stack(rows)


WRONG["autoencoder.denoising"] += [
    ("painted is cut", lambda r, x, n: (r((x + n).clamp(0, 1)).clip(0, 1) - x).pow(2).mean()),
    ("gradient", lambda r, x, n: denoise(r, x, n).detach()),
    ("gradient", lambda r, x, n: torch.tensor(denoise(r, x, n).item())),
]
WRONG["autoencoder.pca"] += [
    ("columns of `Vh`", columns_of_v),
    ("deviations first", scaled_first),
    ("the mean is one number", one_mean),
]
WRONG["autoencoder.walk"] += [("circle", around)]


# --- unusual right answers


def denoise_in_doubles(r, x, n):
    difference = r(torch.clamp(x + n, 0.0, 1.0)).double() - x.double()
    return torch.einsum("...,...->", difference.flatten(), difference.flatten()) / x.numel()


def denoise_in_a_loop(r, x, n):
    seen = torch.minimum(torch.maximum(x + n, torch.zeros(())), torch.ones(()))
    return sum(F.mse_loss(made, true) for made, true in zip(r(seen), x, strict=True)) / len(x)


def by_torchs_own(mean, log_variance):
    from torch.distributions import Independent, Normal, kl_divergence

    own = Independent(Normal(mean, log_variance.div(2).exp()), 1)
    prior = Independent(Normal(torch.zeros_like(mean), torch.ones_like(mean)), 1)
    return kl_divergence(own, prior)


def in_a_comprehension(mean, log_variance):
    return torch.stack([0.5 * (v.exp() + m * m - v - 1).sum() for m, v in zip(mean, log_variance, strict=True)])


RIGHT["autoencoder.denoising"] += [denoise_in_doubles, denoise_in_a_loop]
RIGHT["autoencoder.kl"] += [by_torchs_own, in_a_comprehension]
