"""Answers to the exercises of lesson 04 as students write them: right ones, and each known mistake made once."""

import math

import torch
import torch.nn.functional as F


def unit(z):
    return z / z.norm(dim=1, keepdim=True)


def loop(z1, z2, temperature, *, skip_own=True, partner=None, mean=True):
    """NT-Xent one view after the other, with the parts that mistakes are made in as options."""
    z, count = unit(torch.cat([z1, z2])), len(z1)
    losses = []
    for i in range(2 * count):
        right = partner(i, count) if partner else (i + count) % (2 * count)
        scores = [z[i] @ z[k] / temperature for k in range(2 * count) if k != i or not skip_own]
        losses.append(torch.stack(scores).logsumexp(0) - z[i] @ z[right] / temperature)
    return torch.stack(losses).mean() if mean else torch.stack(losses).sum()


def in_halves(z1, z2, temperature):
    """Written with the four blocks of the matrix of cosines."""
    z1, z2 = unit(z1), unit(z2)
    infinite = torch.diag(torch.full((len(z1),), float("inf")))
    first = torch.cat([z1 @ z2.T / temperature, z1 @ z1.T / temperature - infinite], dim=1)
    second = torch.cat([z2 @ z1.T / temperature, z2 @ z2.T / temperature - infinite], dim=1)
    rows = torch.arange(len(z1))
    return (F.cross_entropy(first, rows) + F.cross_entropy(second, rows)) / 2


def with_exponentials(z1, z2, temperature):
    z = unit(torch.cat([z1, z2]))
    powers = (z @ z.T / temperature).exp()
    positive = (unit(z1) * unit(z2)).sum(1).div(temperature).exp().repeat(2)
    return -(positive / (powers.sum(1) - powers.diag())).log().mean()


def columns(z1, z2, temperature):
    z = torch.cat([z1, z2])
    z = z / z.norm(dim=0)
    logits = (z @ z.T / temperature).fill_diagonal_(-1e9)
    return F.cross_entropy(logits, torch.arange(len(z)).roll(len(z1)))


def long_vectors(z1, z2, temperature):
    z = torch.cat([z1, z2])
    logits = (z @ z.T / temperature).fill_diagonal_(-1e9)
    return F.cross_entropy(logits, torch.arange(len(z)).roll(len(z1)))


def zero_diagonal(z1, z2, temperature):
    z = unit(torch.cat([z1, z2]))
    logits = (z @ z.T / temperature) * (1 - torch.eye(len(z)))
    return F.cross_entropy(logits, torch.arange(len(z)).roll(len(z1)))


def decoupled(z1, z2, temperature):
    z, count = unit(torch.cat([z1, z2])), len(z1)
    powers = (z @ z.T / temperature).exp()
    losses = []
    for i in range(2 * count):
        right = (i + count) % (2 * count)
        negatives = powers[i].sum() - powers[i, i] - powers[i, right]
        losses.append(-(powers[i, right] / negatives).log())
    return torch.stack(losses).mean()


def clip(z1, z2, temperature):
    logits = unit(z1) @ unit(z2).T / temperature
    return 0.5 * (-logits.log_softmax(0).diag().mean() - logits.log_softmax(1).diag().mean())


def first_half(z1, z2, temperature):
    z = unit(torch.cat([z1, z2]))
    logits = (z @ z.T / temperature).fill_diagonal_(-1e9)[: len(z1)]
    return -logits.log_softmax(1)[range(len(z1)), range(len(z1), 2 * len(z1))].mean()


def positives(z1, z2, temperature):
    return -torch.einsum("bd,bd->b", unit(z1), unit(z2)).mean() / temperature


def early_mean(z1, z2, temperature):
    z = unit(torch.cat([z1, z2]))
    powers = (z @ z.T / temperature).exp()
    own = powers.diagonal(len(z1)).repeat(2)
    return -torch.log(torch.mean(own / (powers.sum(1) - powers.diagonal())))


def every_candidate(z1, z2, temperature):
    z, count = unit(torch.cat([z1, z2])), 2 * len(z1)
    logits = (z @ z.T / temperature).fill_diagonal_(float("-inf"))
    total = logits.logsumexp(1).repeat_interleave(count - 1)
    return (total - logits[logits.isfinite()]).mean()


def shop(queue, keys):
    """The queue as a list."""
    rows = list(queue.detach()) + list(keys.detach())
    return torch.stack(rows[len(keys) :])


def rolled(queue, keys):
    queue = queue.roll(-len(keys), dims=0)
    queue[-len(keys) :] = keys.detach()
    return queue


def placed(queue, keys):
    result = torch.empty_like(queue)
    kept = len(queue) - len(keys)
    result[:kept] = queue[len(keys) :]
    result[kept:] = keys.detach()
    return result


def pair_of_calls(augment, images):
    first = augment(images)
    second = augment(images)
    return first, second


def one_call(augment, images):
    views = augment(images)
    return [views, views]


def chained(augment, images):
    first = augment(images)
    return first, augment(first)


RIGHT = {
    "simclr.partner": [
        lambda count: torch.cat([torch.arange(count, 2 * count), torch.arange(count)]),
        lambda count: torch.tensor([(row + count) % (2 * count) for row in range(2 * count)]),
        lambda count: (torch.arange(2 * count) + count) % (2 * count),
    ],
    "simclr.nt_xent": [loop, in_halves, with_exponentials],
    "simclr.guessing": [math.log(127), torch.tensor(127.0).log(), 4.844],
    "simclr.temperature": ["b", "B", " b "],
    "simclr.two_views": [
        pair_of_calls,
        lambda augment, images: [augment(images) for _ in range(2)],
        lambda augment, images: tuple(map(augment, (images, images))),
    ],
    "simclr.queue": [shop, rolled, placed],
    "simclr.curve": ["c", "C", "c "],
}
# By exercise: a few words of the sentence that must name the mistake, and an answer that makes it.
WRONG = {
    "simclr.partner": [
        ("view 1, view 2, view 1", lambda count: torch.tensor([r + 1 - 2 * (r % 2) for r in range(2 * count)])),
        ("its own partner", lambda count: torch.tensor(list(range(2 * count)))),
        ("isn't turned back", lambda count: torch.arange(count, 3 * count)),
        ("order is turned round", lambda count: torch.arange(2 * count - 1, -1, -1)),
    ],
    "simclr.nt_xent": [
        ("own negative", lambda a, b, t: loop(a, b, t, skip_own=False)),
        ("exp(0) = 1", zero_diagonal),
        ("neighbour i + 1", lambda a, b, t: loop(a, b, t, partner=lambda i, count: i + 1 - 2 * (i % 2))),
        ("looks for itself", lambda a, b, t: loop(a, b, t, skip_own=False, partner=lambda i, count: i)),
        ("length 1", long_vectors),
        ("each column", columns),
        ("multiplied by the temperature", lambda a, b, t: loop(a, b, 1 / t)),
        ("isn't used", lambda a, b, t: loop(a, b, 1)),
        ("summed", lambda a, b, t: loop(a, b, t, mean=False)),
        ("divided by B", lambda a, b, t: loop(a, b, t, mean=False) / len(a)),
        ("sign", lambda a, b, t: -loop(a, b, t)),
        ("without the denominator", positives),
        ("missing from the denominator", decoupled),
        ("other direction", first_half),
        ("other kind", clip),
        ("before the logarithm", early_mean),
        ("all candidates of a row", every_candidate),
        ("base 2", lambda a, b, t: loop(a, b, t) * math.log2(math.e)),
    ],
    "simclr.guessing": [
        ("counted as a candidate", math.log(128)),
        ("one view of each image", math.log(64)),
        ("one view of each other image", math.log(63)),
        ("base 2", math.log2(127)),
        ("probability", 1 / 127),
    ],
    "simclr.temperature": [("larger, not smaller", "a"), ("common summand", "c"), ("who gets it", "d")],
    "simclr.two_views": [
        ("same one", one_call),
        ("made from the first", chained),
        ("image itself", lambda augment, images: (images.clone(), augment(images))),
        ("isn't called", lambda augment, images: (images, images.clone())),
    ],
    "simclr.queue": [
        ("newest leave", lambda queue, keys: torch.cat([queue[: len(queue) - len(keys)], keys])),
        ("at the front", lambda queue, keys: torch.cat([keys, queue[: len(queue) - len(keys)]])),
        ("aren't in", lambda queue, keys: queue.roll(-len(keys), dims=0)),
        ("order of the new keys", lambda queue, keys: torch.stack([*queue[len(keys) :], *list(keys)[::-1]])),
        ("keep their gradient", lambda queue, keys: torch.cat([queue[len(keys) :], keys])),
    ],
    "simclr.curve": [("run that learns", "a"), ("can't come from equal", "b")],
}
