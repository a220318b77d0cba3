"""Answers to the exercises of lesson 02 as students write them: right ones, and each known mistake made once."""

import math
import statistics

import numpy as np
import torch
import torch.nn.functional as F
from scipy.stats import sem
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


# --- the gradient of the VAE's loss


def by_autograd(weights, picture, mean, log_variance, epsilon, deviation):
    mean, log_variance = mean.clone().requires_grad_(), log_variance.clone().requires_grad_()
    code = mean + (log_variance / 2).exp() * epsilon
    loss = ((code @ weights - picture) ** 2).sum() / (2 * deviation**2)
    loss = loss + kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum()
    return torch.autograd.grad(loss, (mean, log_variance))


def the_loss(weights, picture, mean, log_variance, epsilon, deviation):
    rebuilt = (mean + torch.exp(log_variance / 2) * epsilon) @ weights
    kl = (mean.square() + log_variance.exp() - 1 - log_variance).sum() / 2
    return (rebuilt - picture).square().sum() / (2 * deviation**2) + kl


def by_backward(weights, picture, mean, log_variance, epsilon, deviation):
    mean, log_variance = (part.clone().requires_grad_() for part in (mean, log_variance))
    the_loss(weights, picture, mean, log_variance, epsilon, deviation).backward()
    return mean.grad, log_variance.grad


def by_functional(*given):
    return torch.func.grad(the_loss, argnums=(2, 3))(*given)


def by_chain(weights, picture, mean, log_variance, epsilon, deviation, **unused):
    """Through the code: first the slope there, then what the two make of it."""
    variance = log_variance.exp()
    code = mean + variance.sqrt() * epsilon
    at_code = torch.stack([weights @ gap for gap in code @ weights - picture]) / deviation**2
    return mean + at_code, torch.mul(at_code, code - mean) / 2 + (variance - 1) / 2


def by_differences(weights, picture, mean, log_variance, epsilon, deviation, h=1e-5):
    """Central differences, in double."""
    w, x, m, v, e = (part.double() for part in (weights, picture, mean, log_variance, epsilon))

    def loss(m, v):
        rebuilt = (m + torch.exp(v / 2) * e) @ w
        return (rebuilt - x).pow(2).sum() / (2 * deviation**2) + (v.exp() + m**2 - 1 - v).sum() / 2

    slopes = torch.zeros(2, *m.shape, dtype=torch.float64)
    for b in range(m.shape[0]):
        for d in range(m.shape[1]):
            step = torch.zeros_like(m)
            step[b, d] = h
            slopes[0, b, d] = (loss(m + step, v) - loss(m - step, v)) / (2 * h)
            slopes[1, b, d] = (loss(m, v + step) - loss(m, v - step)) / (2 * h)
    return tuple(slopes.float())


def picture_by_picture_gradient(weights, picture, mean, log_variance, epsilon, deviation):
    first, second = [], []
    for x, m, v, e in zip(picture, mean, log_variance, epsilon, strict=True):
        sigma = v.exp().sqrt()
        residual = weights.T @ (m + sigma * e) - x
        at_code = weights @ residual / deviation / deviation
        first.append(m + at_code)
        second.append((at_code * sigma * e + v.exp() - 1) / 2)
    return torch.stack(first), torch.stack(second)


def with_einsum(weights, picture, mean, log_variance, epsilon, deviation):
    sigma = torch.exp(0.5 * log_variance)
    residual = torch.einsum("bd,dp->bp", mean + sigma * epsilon, weights) - picture
    at_code = torch.einsum("bp,dp->bd", residual, weights) * deviation**-2
    return [torch.add(at_code, mean), torch.sinh(log_variance / 2) * sigma + at_code * (sigma * epsilon / 2)]


def options_of_the_gradient(
    weights, picture, mean, log_variance, epsilon, deviation, *, kl=1, build=1, half=0.5, sigma=1, draw=1, one=1,
    own=1, power=2, epsilon_first=False, half_kl=0.5, seen=1, per=1,
):  # fmt: skip
    """With the places of mistakes as options."""
    s = (0.5 * log_variance).exp()
    r = ((mean + seen * s * epsilon) @ weights - picture) @ weights.mT / deviation**power * build
    first = r * (epsilon if epsilon_first else 1) + kl * own * mean
    second = half * r * (s if sigma else 1) * (epsilon if draw else 1) + kl * half_kl * (s**2 - one)
    return first / per, second / per


def another(**options):
    return lambda *given: options_of_the_gradient(*given, **options)


def at_sigma(w, x, m, v, e, s):
    sigma = torch.exp(v / 2)
    r = ((m + sigma * e) @ w - x) @ w.T / s**2
    return m + r, r * e + sigma - 1 / sigma


def at_the_variance(w, x, m, v, e, s):
    first, second = picture_by_picture_gradient(w, x, m, v, e, s)
    return first, second / v.exp()


def averaged(*given):
    return tuple(part / given[1].shape[0] for part in by_autograd(*given))


# --- the KL divergence from any prior


def with_distributions(mean, log_variance, prior_mean, prior_log_variance):
    region = Normal(mean, (log_variance / 2).exp())
    return kl_divergence(region, Normal(prior_mean, (prior_log_variance / 2).exp())).sum(1)


def with_deviations(mean, log_variance, prior_mean, prior_log_variance):
    own, prior = log_variance.exp().sqrt(), prior_log_variance.exp().sqrt()
    each = torch.log(prior / own) + (own**2 + (mean - prior_mean) ** 2) / (2 * prior**2) - 1 / 2
    return each @ torch.ones(mean.shape[1])


def standardised_first(mean, log_variance, prior_mean, prior_log_variance):
    """Seen from the prior, the prior is the standard normal."""
    m, v = (mean - prior_mean) * (-prior_log_variance / 2).exp(), log_variance - prior_log_variance
    return -0.5 * torch.sum(1 + v - m**2 - v.exp(), dim=-1)


def number_by_number(mean, log_variance, prior_mean, prior_log_variance):
    result = []
    for row in zip(mean, log_variance, prior_mean, prior_log_variance, strict=True):
        terms = [((v - w).exp() + (m - p) ** 2 / w.exp() - 1 - v + w) / 2 for m, v, p, w in zip(*row, strict=True)]
        result.append(sum(terms))
    return torch.stack(result)


def in_double(mean, log_variance, prior_mean, prior_log_variance):
    m, v, p, w = (part.double() for part in (mean, log_variance, prior_mean, prior_log_variance))
    return (0.5 * (torch.expm1(v - w) - (v - w) + (m - p).square() * torch.exp(-w)).sum(dim=1)).float()


def divergence(m, v, p, w, *, half=0.5, wide=None, far=None, log=None, one=1):
    wide = (v - w).exp() if wide is None else wide
    far = (m - p) ** 2 / w.exp() if far is None else far
    log = v - w if log is None else log
    return half * (wide + far - one - log).sum(1)


# --- pixels that are erased


def with_where(images, share):
    return torch.where(torch.rand(images.shape[0], 1, *images.shape[2:]) < share, 0.0, images)


def with_bernoulli(images, share):
    kept = torch.bernoulli(torch.full_like(images[:, 0], 1 - share))
    return torch.einsum("bchw,bhw->bchw", images, kept)


def exactly_as_many(images, share):
    seen = images.clone().flatten(2)
    for picture in seen:
        picture[:, torch.randperm(seen.shape[2])[: round(share * seen.shape[2])]] = 0
    return seen.view(images.shape)


def pixel_by_pixel(images, share):
    mask = np.random.default_rng(0).random((len(images), *images.shape[2:])) < share
    return images.masked_fill(torch.from_numpy(mask).unsqueeze(1), 0)


def dropout_without_its_scale(images, share):
    return images * (F.dropout(torch.ones(len(images), 1, *images.shape[2:]), share) > 0)


def a_block(images, share):
    seen = images.clone()
    high = int(images.shape[2] * share**0.5)
    seen[:, :, 3 : 3 + high, 2 : 2 + high] = 0
    for number, picture in enumerate(images):
        seen[number] = torch.roll(seen[number] - picture, (number % 5, number % 3), (1, 2)) * 0 + picture
        top = int(torch.randint(images.shape[2] - high, ()))
        seen[number, :, top : top + high, top : top + high] = 0
    return seen


# --- paired differences


def with_statistics(first, second):
    differences = [a - b for a, b in zip(first.tolist(), second.tolist(), strict=True)]
    return statistics.mean(differences), statistics.stdev(differences) / math.sqrt(len(differences))


def with_scipy(first, second):
    differences = (first - second).numpy()
    return float(differences.mean()), float(sem(differences))


def by_formula(first, second):
    d, n = first - second, len(first)
    return d.sum() / n, ((d - d.sum() / n).square().sum() / (n * (n - 1))).sqrt()


def with_covariance_of_columns(first, second):
    c = torch.cov(torch.stack([first, second]))
    return first.mean() - second.mean(), ((c[0, 0] + c[1, 1] - 2 * c[0, 1]) / len(first)) ** 0.5


def in_numpy_pairs(first, second):
    d = first.numpy() - second.numpy()
    return d.mean(), np.std(d, ddof=1) / np.sqrt(d.shape[0])


def report(error, middle=torch.mean):
    return lambda a, b: (middle(a - b), error(a - b, a, b))


RIGHT = {
    "autoencoder.denoising": [denoise, picture_by_picture, as_a_norm, Loss(), one_picture_at_a_time],
    "autoencoder.grey": [0.21, "0.3 * 0.7 = 0.21", torch.tensor(0.21)],
    "autoencoder.pca": [
        with_covariance,
        one_direction_at_a_time,
        with_lowrank,
        with_numpy,
        with_scikit_learn,
        by_what_is_left_out,
    ],
    "autoencoder.gradient": [
        by_differences,
        by_chain,
        picture_by_picture_gradient,
        with_einsum,
        options_of_the_gradient,
    ],
    "autoencoder.kl": [with_distributions, with_deviations, standardised_first, number_by_number, in_double],
    "autoencoder.erase": [
        with_where,
        with_bernoulli,
        exactly_as_many,
        pixel_by_pixel,
        dropout_without_its_scale,
    ],
    "autoencoder.paired": [with_statistics, with_scipy, by_formula, with_covariance_of_columns, in_numpy_pairs],
    "autoencoder.log": ["c", "C", "c)"],
    "autoencoder.confound": ["b", "B", "(b)"],
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
        ("this is what is painted", 0.3),
        ("how often the pixel is black", 0.7),
        ("middle between black and white", 0.25),
        ("sharp guess", 0.42),
        ("root", 0.458),
        ("something remains", 0),
        ("per cent", 21),
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
    "autoencoder.gradient": [
        ("autograd has made them", by_autograd),
        ("autograd has made them", by_backward),
        ("autograd has made them", by_functional),
        ("KL divergence is left out", another(kl=0)),
        ("rebuilding is left out", another(build=0)),
        ("gradient at sigma", at_sigma),
        ("gradient at the variance", at_the_variance),
        ("half of d sigma", another(half=1)),
        ("sigma is missing", another(sigma=0)),
        ("epsilon is missing", another(draw=0)),
        ("epsilon stands in the gradient at mean", another(epsilon_first=True)),
        ("-1 is missing", another(one=0)),
        ("half is missing in the KL part", another(half_kl=1)),
        ("KL part at mean has a factor of 2", another(own=2)),
        ("KL part at mean has a factor of one half", another(own=0.5)),
        ("isn't squared", another(power=1)),
        ("deviation is missing", another(power=0)),
        ("rebuilding's part has a factor of 2", another(build=2)),
        ("rebuilding's part has a factor of one half", another(build=0.5)),
        ("sign of the rebuilding's part", another(build=-1)),
        ("painted from the mean", another(seen=0)),
        ("pictures are averaged", averaged),
    ],
    "autoencoder.kl": [
        ("prior isn't used: this is", lambda m, v, p, w: -0.5 * (1 + v - m**2 - v.exp()).sum(1)),
        ("changed places", lambda m, v, p, w: with_distributions(p, w, m, v)),
        ("isn't divided by the prior's variance", lambda m, v, p, w: divergence(m, v, p, w, far=(m - p) ** 2)),
        ("region's own variance", lambda m, v, p, w: divergence(m, v, p, w, far=(m - p) ** 2 / v.exp())),
        ("prior's deviation", lambda m, v, p, w: divergence(m, v, p, w, far=(m - p) ** 2 / torch.exp(w / 2))),
        ("means are added", lambda m, v, p, w: divergence(m, v, p, w, far=(m + p) ** 2 / w.exp())),
        ("means isn't squared", lambda m, v, p, w: divergence(m, v, p, w, far=(m - p) / w.exp())),
        ("prior's mean isn't used", lambda m, v, p, w: with_distributions(m, v, 0 * p, w)),
        ("variance isn't divided", lambda m, v, p, w: divergence(m, v, p, w, wide=v.exp())),
        ("deviations stand", lambda m, v, p, w: divergence(m, v, p, w, wide=torch.exp(v / 2) / torch.exp(w / 2))),
        ("turned round: it is the region's", lambda m, v, p, w: divergence(m, v, p, w, wide=w.exp() / v.exp())),
        ("logarithm's sign", lambda m, v, p, w: divergence(m, v, p, w, log=w - v)),
        ("prior's logarithm is missing", lambda m, v, p, w: divergence(m, v, p, w, log=v)),
        ("1 is missing", lambda m, v, p, w: divergence(m, v, p, w, one=0)),
        ("half is missing", lambda m, v, p, w: divergence(m, v, p, w, half=1)),
        ("sign is turned round: a KL", lambda m, v, p, w: -with_distributions(m, v, p, w)),
        ("directions are averaged", lambda m, v, p, w: standardised_first(m, v, p, w) / m.shape[1]),
        ("summed or averaged", lambda m, v, p, w: with_distributions(m, v, p, w).mean()),
        ("summed or averaged", lambda m, v, p, w: with_distributions(m, v, p, w).sum()),
        ("in bits", lambda m, v, p, w: number_by_number(m, v, p, w) / math.log(2)),
        ("no gradient gets to mean and log_variance", lambda *given: with_distributions(*given).detach()),
        ("no gradient gets to log_variance,", lambda m, v, p, w: with_distributions(m, v.detach(), p, w)),
    ],
    "autoencoder.erase": [
        ("share is kept", lambda x, share: x * (torch.rand_like(x[:, :1]) < share)),
        ("scaled up", lambda x, share: x * F.dropout(torch.ones_like(x[:, :1]), share)),
        ("scaled up", torch.nn.functional.dropout),
        ("each colour", lambda x, share: x.masked_fill(torch.rand_like(x) < share, 0)),
        ("same pixels", lambda x, share: x * (torch.rand(x.shape[2:]) > share)),
        ("whole pictures", lambda x, share: x * (torch.rand(len(x)) > share).view(-1, 1, 1, 1)),
        ("one block", a_block),
        ("are grey", lambda x, share: torch.where(torch.rand_like(x[:, :1]) < share, torch.tensor(0.5), x)),
        ("noise is added", lambda x, share: x + (torch.rand_like(x[:, :1]) < share) * (0.1 + torch.rand_like(x))),
        ("darker", lambda x, share: x - share * x),
        ("nothing is erased", lambda x, share: x.clone()),
        ("in place", lambda x, share: x.masked_fill_(torch.rand_like(x[:, :1]) < share, 0)),
    ],
    "autoencoder.paired": [
        ("aren't paired", report(lambda d, a, b: ((a.var() + b.var()) / len(a)) ** 0.5)),
        ("aren't paired", report(lambda d, a, b: (a.var() + b.var()) ** 0.5)),
        ("isn't divided by the root", report(lambda d, a, b: torch.std(d))),
        ("divided by the number of seeds", report(lambda d, a, b: torch.std(d) / len(d))),
        ("divided by n", report(lambda d, a, b: d.std(correction=0) / math.sqrt(len(d)))),
        ("variance stands", report(lambda d, a, b: d.var() / math.sqrt(len(d)))),
        ("variance of the mean", report(lambda d, a, b: d.var() / len(d))),
        ("sign is turned", lambda a, b: with_statistics(b, a)),
        ("lose their signs", lambda a, b: by_formula((a - b).abs(), torch.zeros_like(a))),
        ("median", report(lambda d, a, b: by_formula(a, b)[1], torch.median)),
        ("best seed", lambda a, b: (max(a) - max(b), by_formula(a, b)[1])),
        ("t value", report(lambda d, a, b: by_formula(a, b)[0] / by_formula(a, b)[1])),
        ("whole range", report(lambda d, a, b: max(d) - min(d))),
    ],
    "autoencoder.log": [("after a collapse", "a"), ("larger beta", "b"), ("too high a rate", "d")],
    "autoencoder.confound": [("seeds agree", "a"), ("don't overlap", "c"), ("are the same", "d")],
    "autoencoder.table": [("both terms are at work", "a"), ("weighs little", "c")],
}
