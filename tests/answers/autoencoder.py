"""Answers to the exercises of lesson 02 as students write them: right ones, and each known mistake made once."""

import math

import numpy as np
import torch
from sklearn.decomposition import PCA
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


class Loss(torch.nn.MSELoss):
    """A class whose target needs no gradient, in double."""

    def forward(self, rebuild, images, noise):
        with torch.no_grad():
            seen = torch.minimum(torch.maximum(images + noise, torch.zeros(())), torch.ones(()))
        return super().forward(rebuild(seen).double(), images.detach().double())


def one_picture_at_a_time(rebuild, images, noise):
    total = 0.0
    for image, disturbance in zip(images, noise, strict=True):
        seen = torch.from_numpy(np.clip(image.numpy() + disturbance.numpy(), 0, 1))
        difference = (rebuild(seen[None])[0] - image).flatten()
        total = total + difference @ difference / len(difference)
    return total / len(images)


def network_without_a_gradient(rebuild, images, noise):
    with torch.no_grad():
        painted = rebuild((images + noise).clamp(0, 1))
    return (painted - images).pow(2).mean()


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


def with_numpy(train, pictures, width):
    x, y = train.double().numpy(), pictures.double().numpy()
    vh = np.linalg.svd(x - x.mean(0))[2]
    code = (y - x.mean(0)) @ vh[:width].T
    return torch.from_numpy(code @ vh[:width] + x.mean(0)).float()


def with_scikit_learn(train, pictures, width):
    fitted = PCA(width).fit(train.numpy())
    return torch.tensor(fitted.inverse_transform(fitted.transform(pictures.numpy())))


def by_what_is_left_out(train, pictures, width):
    """The pictures without their share along the directions that aren't kept."""
    mean = train.mean(0)
    _, vectors = torch.linalg.eig(torch.cov(train.T))
    values = torch.linalg.eigvals(torch.cov(train.T)).real
    left = vectors.real[:, values.argsort(descending=True)[width:]]
    x = pictures - mean
    return pictures - torch.einsum("md,dk,ek->me", x, left, left)


def with_axes(train, pictures, axes):
    mean = train.mean(0)
    return (pictures - mean) @ axes @ axes.T + mean


def standard(train, pictures, width):
    mean, scale = train.mean(0), train.std(0, correction=0)
    _, vectors = torch.linalg.eigh(torch.corrcoef(train.T))
    return (pictures - mean) / scale @ vectors[:, -width:] @ vectors[:, -width:].T * scale + mean


def standard_left(train, pictures, width):
    mean, scale = train.mean(0), train.std(0)
    _, vectors = torch.linalg.eigh(torch.corrcoef(train.T))
    return (pictures - mean) / scale @ vectors[:, -width:] @ vectors[:, -width:].T + mean


def other_mean(train, pictures, width, *, mean_of):
    x = train - mean_of(train)
    vh = torch.linalg.svd(x, full_matrices=False)[2][:width]
    return (pictures - mean_of(pictures)) @ vh.T @ vh + mean_of(pictures)


def number_mean(train, pictures, width):
    mean = float(train.mean())
    _, vectors = torch.linalg.eigh((train - mean).T @ (train - mean))
    return (pictures - mean) @ vectors[:, -width:] @ vectors[:, -width:].T + mean


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


def in_numpy(a, b, steps):
    return torch.from_numpy(np.linspace(a.numpy(), b.numpy(), steps))


def by_einsum(a, b, steps):
    t = torch.arange(steps, dtype=torch.float64) / (steps - 1)
    weights = torch.stack([1 - t, t], dim=1)
    return torch.einsum("sk,kd->sd", weights, torch.stack([a, b]).double()).float()


def lerped(a, b, steps):
    return torch.stack([a.lerp(b, float(t)) for t in torch.linspace(0, 1, steps)])


def arc(a, b, steps):
    angle = math.acos((a @ b) / (a.norm() * b.norm()))
    rows = []
    for k in range(steps):
        t = k / (steps - 1)
        rows.append((math.sin((1 - t) * angle) * a + math.sin(t * angle) * b) / math.sin(angle))
    return torch.stack(rows)


# --- the draw


def without_gradient(mean, log_variance, epsilon):
    with torch.no_grad():
        return mean + log_variance.exp().sqrt() * epsilon


def with_rsample(mean, log_variance, epsilon):
    """The distribution's own transform of the noise."""
    deviation = Normal(mean, log_variance.exp().pow(0.5)).stddev
    return torch.einsum("bd,bd->bd", deviation, epsilon) + mean


def drawn_in_double(mean, log_variance, epsilon):
    rows = zip(mean.double(), log_variance.double(), epsilon.double(), strict=True)
    return torch.stack([m + torch.sqrt(torch.exp(v)) * e for m, v, e in rows]).float()


# --- the KL divergence


def with_distributions(mean, log_variance):
    return kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum(1)


def as_in_the_paper(mean, log_variance):
    return -0.5 * torch.sum(1 + log_variance - mean**2 - torch.exp(log_variance), dim=-1)


def number_by_number(mean, log_variance, *, variance=torch.exp, half=0.5, log=-1, one=1, power=2):
    """In loops, with the parts that mistakes are made in as options."""
    result = []
    for means, logs in zip(mean, log_variance, strict=True):
        terms = [variance(v) + m**power - one + log * v for m, v in zip(means, logs, strict=True)]
        result.append(half * sum(terms))
    return torch.stack(result)


def with_expm1(mean, log_variance):
    """In double, and exact near the prior."""
    m, v = mean.double(), log_variance.double()
    return (0.5 * (torch.einsum("bd,bd->b", m, m) + torch.expm1(v).sum(1) - v.sum(1))).float()


def with_the_deviation(mean, log_variance):
    deviation = torch.exp(log_variance / 2)
    each = -torch.log(deviation) + (deviation**2 + mean**2) / 2 - 1 / 2  # (B, D)
    return each @ torch.ones(mean.shape[1])


def swapped(mean, log_variance):
    return kl_divergence(Normal(0.0, 1.0), Normal(mean, (log_variance / 2).exp())).sum(1)


def half_of_the_first(mean, log_variance):
    return torch.sum(0.5 * log_variance.exp() + mean**2 - 1 - log_variance, 1)


RIGHT = {
    "autoencoder.denoising": [denoise, picture_by_picture, as_a_norm, Loss(), one_picture_at_a_time],
    "autoencoder.grey": [0.3, "0.3", torch.tensor(0.3)],
    "autoencoder.pca": [
        with_covariance,
        one_direction_at_a_time,
        with_lowrank,
        with_numpy,
        with_scikit_learn,
        by_what_is_left_out,
    ],
    "autoencoder.walk": [step_by_step, outer, by_columns, in_numpy, by_einsum, lerped],
    "autoencoder.draw": [
        lambda mean, log_variance, epsilon: mean + log_variance.exp().sqrt() * epsilon,
        lambda mean, log_variance, epsilon: epsilon * torch.exp(log_variance / 2) + mean,
        lambda mean, log_variance, epsilon: torch.addcmul(mean, math.e ** (0.5 * log_variance), epsilon),
        with_rsample,
        drawn_in_double,
    ],
    "autoencoder.kl": [with_distributions, as_in_the_paper, number_by_number, with_expm1, with_the_deviation],
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
        ("what is painted is cut", lambda r, x, n: denoise(lambda seen: r(seen).clip(0, 1), x, n)),
        ("one half", lambda r, x, n: denoise(r, x, n) / 2),
        ("noise is what is asked for", lambda r, x, n: (r((x + n).clamp(0, 1)) - n).pow(2).mean()),
        ("subtracted", lambda r, x, n: denoise(r, x, -n)),
        ("no gradient gets to the network", network_without_a_gradient),
        ("no gradient gets to the network", lambda r, x, n: denoise(r, x, n).detach()),
        ("no gradient gets to the network", lambda r, x, n: torch.tensor(denoise(r, x, n).item())),
        ("cut the gradient", lambda r, x, n: denoise(r, x, n).item()),
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
        ("changed places", lambda t, p, k: with_axes(t, p, torch.linalg.svd(t - t.mean(0)).Vh[:, :k])),
        ("changed places", lambda t, p, k: with_axes(t, p, torch.linalg.svd(t - t.mean(0)).Vh.T[:k].T)),
        ("one number", number_mean),
        ("own mean", lambda t, p, k: other_mean(t, p, k, mean_of=lambda x: x.mean(1, keepdim=True))),
        ("divided by their deviation", standard),
        ("divided by their deviation", standard_left),
        ("isn't used", lambda t, p, k: with_covariance(t, p, t.shape[1])),
        ("too few", lambda t, p, k: with_covariance(t, p, k - 1)),
        ("too many", lambda t, p, k: with_covariance(t, p, k + 1)),
    ],
    "autoencoder.walk": [
        ("from b to a", lambda a, b, steps: outer(a, b, steps).flip(0)),
        ("never gets to b", lambda a, b, steps: step_by_step(a, b, steps + 1)[:-1]),
        ("doesn't begin at a", lambda a, b, steps: step_by_step(a, b, steps + 1)[1:]),
        ("doesn't fade", lambda a, b, steps: torch.stack([a + k / (steps - 1) * b for k in range(steps)])),
        ("the middle between a and b", lambda a, b, steps: torch.stack([0.5 * a + 0.5 * b] * steps)),
        ("slerp", arc),
        ("slerp", lambda a, b, steps: arc(a / a.norm(), b / b.norm(), steps)),
        (
            "slerp",
            lambda a, b, steps: arc(a / a.norm(), b / b.norm(), steps) * outer(a.norm()[None], b.norm()[None], steps),
        ),
        ("neither end", lambda a, b, steps: step_by_step(a, b, steps + 2)[1:-1]),
        ("one row too many", lambda a, b, steps: step_by_step(a, b, steps + 1)),
        ("two rows too many", lambda a, b, steps: step_by_step(a, b, steps + 2)),
        ("rows and columns", lambda a, b, steps: outer(a, b, steps).T),
        ("t * (b - a)", lambda a, b, steps: torch.stack([b + (1 - k / (steps - 1)) * a for k in range(steps)])),
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
        ("variance is added", lambda m, v, e: m + e + v.exp().sqrt()),
        ("root is taken of the log-variance", lambda m, v, e: m + v.abs() ** 0.5 * e),
        ("multiplied by 2", lambda m, v, e: m + v.exp() ** 2 * e),
        ("softplus", lambda m, v, e: m + (1 + v.exp()).log() * e),
        ("no gradient gets to mean and log_variance", without_gradient),
        ("no gradient gets to log_variance,", lambda m, v, e: m + v.detach().exp().sqrt() * e),
    ],
    "autoencoder.kl": [
        ("sign", lambda m, v: -as_in_the_paper(m, v)),
        ("the half is missing", lambda m, v: number_by_number(m, v, half=1)),
        ("only before the first term", half_of_the_first),
        ("take its exp", lambda m, v: number_by_number(m, v, variance=lambda log: log)),
        ("that is the deviation", lambda m, v: number_by_number(m, v, variance=lambda log: torch.exp(log / 2))),
        ("logarithm of the deviation", lambda m, v: with_distributions(m, 2 * v)),
        ("log-variance is added", lambda m, v: number_by_number(m, v, log=1)),
        ("the 1 is missing", lambda m, v: number_by_number(m, v, one=0)),
        ("isn't squared", lambda m, v: number_by_number(m, v, power=1)),
        ("directions are averaged", lambda m, v: -0.5 * torch.mean(1 + v - m**2 - v.exp(), dim=1)),
        ("pictures are averaged as well", lambda m, v: with_distributions(m, v).mean()),
        ("pictures are summed as well", lambda m, v: -0.5 * torch.sum(1 + v - m**2 - v.exp())),
        (
            "is squared: it is the variance already",
            lambda m, v: number_by_number(m, v, variance=lambda u: torch.exp(u) ** 2),
        ),
        ("pictures are summed and", lambda m, v: -0.5 * torch.sum(1 + v - m**2 - v.exp(), dim=0)),
        ("changed places", swapped),
        ("1 is added", lambda m, v: number_by_number(m, v, one=-1)),
        ("counts twice", lambda m, v: number_by_number(2**0.5 * m, v)),
        ("mean is missing", lambda m, v: number_by_number(0 * m, v)),
        ("in bits", lambda m, v: as_in_the_paper(m, v) / math.log(2)),
        ("no gradient gets to mean and log_variance", lambda m, v: as_in_the_paper(m, v).detach()),
        ("no gradient gets to log_variance,", lambda m, v: as_in_the_paper(m, v.detach())),
        ("the gradient at log_variance isn't", lambda m, v: as_in_the_paper(m, v.detach()) + 0 * v.sum()),
    ],
    "autoencoder.table": [("both terms are at work", "a"), ("weighs little", "c")],
}
