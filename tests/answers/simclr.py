"""Answers to the exercises of lesson 04 as students write them: right ones, and each known mistake made once."""

import math

import numpy as np
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


def no_normalise(z1, z2, temperature):
    """Cosines by their definition, all pairs at once."""
    z = torch.cat([z1, z2])
    cosines = F.cosine_similarity(z[:, None], z[None, :], dim=2) / temperature
    keep = ~torch.eye(len(z), dtype=torch.bool)
    partner = torch.cat([cosines.diagonal(len(z1)), cosines.diagonal(-len(z1))])
    return (torch.logsumexp(cosines[keep].view(len(z), -1), dim=1) - partner).mean()


def in_double(z1, z2, temperature):
    z = F.normalize(torch.vstack((z1, z2)).double())
    logits = torch.einsum("id,jd->ij", z, z) / temperature
    logits -= torch.diag_embed(torch.full((len(z),), 1e12, dtype=torch.float64))
    labels = torch.tensor([(i + len(z1)) % len(z) for i in range(len(z))])
    return F.nll_loss(logits.log_softmax(-1), labels)


def class_of_the_loss(z1, z2, temperature):
    """Written as a module, with the rows of the two views interleaved."""

    class Loss(torch.nn.Module):
        def forward(self, z):
            z = torch.nn.functional.normalize(z, p=2, dim=-1)
            logits = z.mm(z.t()).div(temperature)
            logits = logits.masked_fill(torch.eye(z.shape[0]).bool(), -torch.inf)
            return torch.nn.CrossEntropyLoss()(logits, torch.arange(z.shape[0]) ^ 1)

    return Loss()(torch.stack([z1, z2], dim=1).flatten(0, 1))


def roots_of_the_temperature(z1, z2, temperature):
    z = torch.cat([z1, z2])
    z = z / (z.square().sum(1, keepdim=True).sqrt() * temperature**0.5)
    logits = z @ z.T
    logits.fill_diagonal_(float("-inf"))
    return F.cross_entropy(logits, torch.arange(len(z)).roll(-len(z1)), reduction="sum") / len(z)


def without_a_graph(z1, z2, temperature):
    with torch.no_grad():
        return loop(z1, z2, temperature)


def through_numpy(z1, z2, temperature):
    return loop(torch.from_numpy(z1.numpy()), torch.from_numpy(z2.numpy()), temperature)


def logits_of(z1, z2, temperature, diagonal=-1e9):
    z = unit(torch.cat([z1, z2]))
    return (z @ z.T / temperature).fill_diagonal_(diagonal)


def labelled(labels, diagonal=-1e9):
    return lambda a, b, t: F.cross_entropy(logits_of(a, b, t, diagonal), torch.tensor(labels(len(a))))


def plain_product(z):
    """NT-Xent of vectors as they are, by a function of (z1, z2, temperature)."""

    def loss(z1, z2, temperature):
        rows = z(z1, z2, temperature)
        logits = (rows @ rows.T).fill_diagonal_(-torch.inf)
        return F.cross_entropy(logits, torch.arange(len(rows)).roll(len(z1)))

    return loss


def minus_one_among_cosines(z1, z2, temperature):
    z = unit(torch.cat([z1, z2]))
    cosines = z @ z.T
    cosines.fill_diagonal_(-1)
    return F.cross_entropy(cosines / temperature, torch.arange(len(z)).roll(len(z1)))


def two_softmaxes(z1, z2, temperature):
    return F.cross_entropy(F.softmax(logits_of(z1, z2, temperature), dim=1), torch.arange(2 * len(z1)).roll(len(z1)))


def shop(queue, keys):
    """The queue as a list."""
    rows = list(queue.detach()) + list(keys.detach())
    return torch.stack(rows[len(keys) :])


def rolled(queue, keys):
    keys = keys.detach()[-len(queue) :]
    queue = queue.roll(-len(keys), dims=0)
    queue[-len(keys) :] = keys
    return queue


def placed(queue, keys):
    result = torch.empty_like(queue)
    kept = max(0, len(queue) - len(keys))
    result[:kept] = queue[len(queue) - kept :]
    result[kept:] = keys.detach()[len(keys) - (len(queue) - kept) :]
    return result


def ring(queue, keys):
    """As MoCo's own code does it: the newest overwrite the oldest in their place."""
    for place, key in enumerate(keys.detach()):
        queue[place % len(queue)] = key
    return queue


def with_numpy(queue, keys):
    rows = np.concatenate([queue.numpy(), keys.detach().numpy()])
    return torch.from_numpy(rows[-len(queue) :].copy())


@torch.no_grad()
def under_no_grad(queue, keys):
    return torch.vstack((queue, keys)).narrow(0, len(keys), len(queue))


def pair_of_calls(augment, images):
    first = augment(images)
    second = augment(images)
    return first, second


def both_at_once(augment, images):
    return augment(torch.cat([images, images])).chunk(2)


def one_image_at_a_time(augment, images):
    return tuple(torch.stack([augment(image) for image in images]) for _ in range(2))


def interleaved(augment, images):
    views = augment(images.repeat_interleave(2, dim=0))
    return views[0::2], views[1::2]


def second_first(augment, images):
    second = augment(images)
    return augment(images.clone()), second


def one_call(augment, images):
    views = augment(images)
    return [views, views]


def chained(augment, images):
    first = augment(images)
    return first, augment(first)


RIGHT = {
    "simclr.partner": [
        lambda count: torch.fft.fftshift(torch.arange(2 * count)),
        lambda count: torch.cat([torch.arange(count, 2 * count), torch.arange(count)]),
        lambda count: torch.tensor([(row + count) % (2 * count) for row in range(2 * count)]),
        lambda count: (torch.arange(2 * count) + count) % (2 * count),
        lambda count: torch.arange(2 * count).view(2, count).flip(0).flatten(),
        lambda count: torch.from_numpy(np.roll(np.arange(2 * count), count)),
        lambda count: torch.eye(2 * count).roll(count, 0).argmax(dim=1).int(),
    ],
    "simclr.nt_xent": [
        loop,
        in_halves,
        with_exponentials,
        no_normalise,
        in_double,
        class_of_the_loss,
        roots_of_the_temperature,
    ],
    "simclr.guessing": [
        "log(127) = 4.84",
        "about 4.844",
        "4.844 nats",
        "4.84.",
        math.log(127),
        torch.tensor(127.0).log(),
        4.844,
        4.84,
        "4,84",
        np.log(127),
    ],
    "simclr.temperature": [
        "answer b",
        "option b",
        "It is b",
        "b - the nearest",
        "statement b",
        "b",
        "B",
        " b ",
        "b)",
        "(b)",
        "B.",
        ["b"],
    ],
    "simclr.two_views": [
        lambda augment, images: map(augment, (images, images)),
        lambda augment, images: augment(images.repeat(2, 1, 1, 1)).unflatten(0, (2, -1)),
        lambda augment, images: torch.stack([augment(images), augment(images)]),
        pair_of_calls,
        both_at_once,
        one_image_at_a_time,
        interleaved,
        second_first,
        lambda augment, images: [augment(images) for _ in range(2)],
        lambda augment, images: tuple(map(augment, (images, images))),
    ],
    "simclr.queue": [
        shop,
        rolled,
        placed,
        ring,
        with_numpy,
        under_no_grad,
        lambda queue, keys: torch.cat([keys.detach().flip(0), queue.flip(0)])[: len(queue)],
    ],
    "simclr.curve": ["run c", "Run C", "c", "C", "c ", "c.", "c: at log(127)"],
}
# By exercise: a few words of the sentence that must name the mistake, and an answer that makes it.
WRONG = {
    "simclr.partner": [
        ("numbers of the images", lambda count: torch.cat([torch.arange(count)] * 2)),
        ("view 1, view 2, view 1", lambda count: torch.tensor([r + 1 - 2 * (r % 2) for r in range(2 * count)])),
        ("its own partner", lambda count: torch.tensor(list(range(2 * count)))),
        ("isn't turned back", lambda count: torch.arange(count, 3 * count)),
        ("order is turned round", lambda count: torch.arange(2 * count - 1, -1, -1)),
        ("moved on by one", lambda count: torch.cat([torch.tensor([2 * count - 1]), torch.arange(2 * count - 1)])),
        ("whole numbers", lambda count: torch.arange(2.0 * count).roll(count)),
    ],
    "simclr.nt_xent": [
        (
            "aren't the partners",
            labelled(lambda count: [(row + 4) % (2 * count) for row in range(2 * count)], -torch.inf),
        ),
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
        ("other kind", lambda a, b, t: -(unit(a) @ unit(b).T / t).log_softmax(1).diag().mean()),
        ("divides only a part", lambda a, b, t: loop(a, b, 1) + (1 - 1 / t) * (unit(a) * unit(b)).sum(1).mean()),
        ("divides only a part", lambda a, b, t: loop(a, b, t) - (1 - 1 / t) * (unit(a) * unit(b)).sum(1).mean()),
        ("before the logarithm", early_mean),
        ("all candidates of a row", every_candidate),
        ("base 2", lambda a, b, t: loop(a, b, t) * math.log2(math.e)),
        ("set to -1", lambda a, b, t: F.cross_entropy(logits_of(a, b, t, -1.0), torch.arange(2 * len(a)).roll(len(a)))),
        ("set to -1", minus_one_among_cosines),
        ("taken twice", two_softmaxes),
        ("0 to B - 1 twice", labelled(lambda count: [*range(count)] * 2)),
        ("0 to B - 1 twice", labelled(lambda count: [*range(count)] * 2, -torch.inf)),
        ("roll(1)", labelled(lambda count: [2 * count - 1, *range(2 * count - 1)])),
        ("only one of the two", plain_product(lambda a, b, t: torch.cat([unit(a), b]) / t**0.5)),
        ("only one of the two", plain_product(lambda a, b, t: torch.cat([a, unit(b)]) / t**0.5)),
        ("one common length", plain_product(lambda a, b, t: torch.cat([a, b]) / torch.cat([a, b]).norm() / t**0.5)),
        ("fixed number", lambda a, b, t: loop(a, b, 0.5)),
        ("fixed number", lambda a, b, t: loop(a, b, 0.07)),
        ("by its square", plain_product(lambda a, b, t: unit(torch.cat([a, b])) / t)),
        ("comes after the loss", lambda a, b, t: loop(a, b, 1) / t),
        ("no gradient gets to z1 and z2", without_a_graph),
        ("no gradient gets to z1 and z2", lambda a, b, t: loop(a, b, t).detach()),
        ("no gradient gets to z1 and z2", lambda a, b, t: loop(torch.tensor(a.tolist()), torch.tensor(b.tolist()), t)),
        ("no gradient gets to z2", lambda a, b, t: loop(a, b.detach(), t)),
        ("no gradient gets to z1,", lambda a, b, t: loop(a.detach(), b, t)),
        ("the gradient at z1 isn't", lambda a, b, t: loop(a, b, t) / 2 + loop(a.detach(), b, t) / 2),
        ("cut the gradient", lambda a, b, t: loop(a, b, t).item()),
        (
            "stay a tensor",
            lambda a, b, t: torch.tensor(np.mean(loop(*(torch.from_numpy(z.numpy()) for z in (a, b)), t).numpy())),
        ),
    ],
    "simclr.guessing": [
        ("counted as a candidate", math.log(128)),
        ("one view of each image", math.log(64)),
        ("one view of each other image", math.log(63)),
        ("base 2", math.log2(127)),
        ("base 10", math.log10(127)),
        ("counted as a candidate", 4.85),
        ("probability", 1 / 127),
    ],
    "simclr.temperature": [("larger, not smaller", "a"), ("common summand", "c"), ("who gets it", "d")],
    "simclr.two_views": [
        ("shape (5, 3, 4, 4)", lambda augment, images: (augment(images)[:4], augment(images)[:4])),
        ("not a mistake that is known", lambda augment, images: (augment(images), augment(images.flip(0)))),
        ("same one", one_call),
        ("made from the first", chained),
        ("image itself", lambda augment, images: (images.clone(), augment(images))),
        ("isn't called", lambda augment, images: (images, images.clone())),
    ],
    "simclr.queue": [
        ("newest leave and", lambda queue, keys: torch.cat([queue[: max(0, len(queue) - len(keys))], keys])),
        ("newest of the queue leave", lambda queue, keys: torch.vstack([keys, queue]).narrow(0, 0, len(queue))),
        ("aren't in", lambda queue, keys: queue.roll(-len(keys), dims=0)),
        ("isn't cut", lambda queue, keys: torch.stack([*queue[len(keys) :], *keys])),
        ("nothing has left", lambda queue, keys: torch.stack([*queue, *keys])),
        ("keep their gradient", lambda queue, keys: torch.cat([queue, keys])[-len(queue) :]),
    ],
    "simclr.curve": [("run that learns", "a"), ("can't come from equal", "b")],
}
