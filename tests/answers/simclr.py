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


def by_hand(query, keys, temperature):
    """Key by key."""
    powers = [math.exp(float(key @ query) / temperature) for key in keys]
    total = torch.zeros(len(query))
    for power, key in zip(powers, keys, strict=True):
        total += power / sum(powers) * key
    return (total - keys[0]) / temperature


def from_the_logits(query, keys, temperature):
    slope = torch.softmax(keys @ query / temperature, 0)
    slope[0] -= 1
    return keys.T @ slope / temperature


def as_differences(query, keys, temperature):
    """Every key as seen from the own one."""
    apart = keys - keys[:1]
    weights = torch.exp(apart @ query / temperature)
    return (weights / weights.sum()) @ apart / temperature


def by_autograd(query, keys, temperature):
    query = query.clone().requires_grad_()
    loss = F.cross_entropy((keys @ query / temperature)[None], torch.tensor([0]))
    return torch.autograd.grad(loss, query)[0]


def by_backward(query, keys, temperature):
    query = query.clone().requires_grad_()
    logits = keys @ query / temperature
    (logits.logsumexp(0) - logits[0]).backward()
    return query.grad


def by_functional(q, k, t):
    return torch.func.grad(lambda x: (k @ x / t).logsumexp(0) - k[0] @ x / t)(q)


def by_differences(query, keys, temperature, step=1e-5):
    query, keys = query.double(), keys.double()
    steps = step * torch.eye(len(query), dtype=torch.float64)

    def loss(moved):
        logits = moved @ keys.T / temperature
        return logits.logsumexp(1) - logits[:, 0]

    return (loss(query + steps) - loss(query - steps)).float() / (2 * step)


def column_vectors(query, keys, temperature):
    shares = torch.softmax(torch.mm(keys, query[:, None]) / temperature, dim=0)
    return ((shares * keys).sum(0) - keys[0]).div(temperature)


def keyed(query, keys, temperature, *, own=0, sign=1.0, scale=None, every=True):
    """The gradient at the query with options for mistakes."""
    cosines = keys @ query / temperature
    shares = cosines.softmax(0) if scale is None else scale(keys @ query, temperature)
    pushed = shares @ keys if every else shares[1:] @ keys[1:]
    return sign * (pushed - keys[own]) / temperature


def one_way(a, b, memory, temperature):
    own = (unit(a) * unit(b)).sum(1, keepdim=True)
    logits = torch.cat([own, unit(a) @ unit(memory).T], 1) / temperature
    return (logits.logsumexp(1) - logits[:, 0]).mean()


def stepped(loss=None, after=None):
    """A step with a memory; by default it is right."""

    def step(z1, z2, memory, temperature):
        value = (one_way(z1, z2, memory, temperature) + one_way(z2, z1, memory, temperature)) / 2
        if loss is not None:
            value = loss(z1, z2, memory, temperature)
        new = torch.cat([memory, z1.detach(), z2.detach()])[2 * len(z1) :] if after is None else after(z1, z2, memory)
        return value, new

    return step


def both_at_once(z1, z2, memory, temperature):
    queries, keys = torch.cat([z1, z2]), torch.cat([z2, z1])
    return one_way(queries, keys, memory, temperature), torch.vstack([memory[len(queries) :], queries.detach()])


def a_ring(z1, z2, memory, temperature):
    loss = 0.5 * one_way(z1, z2, memory, temperature) + 0.5 * one_way(z2, z1, memory, temperature)
    memory = memory.clone()
    memory[: 2 * len(z1)] = torch.cat([z1, z2]).detach()
    return loss, memory


def unit_memory(z1, z2, memory, temperature):
    with torch.no_grad():
        new = torch.cat([memory, unit(z2), unit(z1)])[-len(memory) :]
    return both_at_once(z1, z2, memory, temperature)[0], new


def in_place(z1, z2, memory, temperature):
    loss = both_at_once(z1, z2, memory, temperature)[0]
    memory.copy_(torch.cat([memory, z1.detach(), z2.detach()])[-len(memory) :])
    return [loss, memory]


def late(z1, z2, memory, temperature):
    return both_at_once(z1, z2, torch.cat([memory, z1, z2])[-len(memory) :], temperature)[0]


def strangers_of_the_batch(z1, z2, memory, temperature):
    return loop(z1, z2, temperature)


def cut(z1, z2, memory, temperature):
    loss, memory = both_at_once(z1, z2, memory, temperature)
    return loss.detach(), memory


def half_cut(z1, z2, memory, temperature):
    """As MoCo has it: no gradient through the keys."""
    loss = (one_way(z1, z2.detach(), memory, temperature) + one_way(z2, z1.detach(), memory, temperature)) / 2
    return loss, both_at_once(z1, z2, memory, temperature)[1]


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
    "simclr.queue": [
        shop,
        rolled,
        placed,
        ring,
        with_numpy,
        under_no_grad,
        lambda queue, keys: torch.cat([keys.detach().flip(0), queue.flip(0)])[: len(queue)],
    ],
    "simclr.gradient": [
        by_hand,
        from_the_logits,
        as_differences,
        by_differences,
        column_vectors,
        lambda q, k, t: torch.einsum("k,kd->d", (k @ q / t).softmax(0), k).sub(k[0]).div(t),
        lambda q, k, t: (k.T @ torch.exp(k @ q / t - (k @ q / t).logsumexp(0)) - k[0]) / t,
        keyed,
    ],
    "simclr.memory": [
        stepped(),
        both_at_once,
        a_ring,
        unit_memory,
        in_place,
        lambda z1, z2, memory, temperature: (
            both_at_once(z2, z1, memory, temperature)[0],
            torch.stack([*memory, *z1.detach(), *z2.detach()][2 * len(z1) :]),
        ),
        lambda z1, z2, m, t: tuple(part for part in both_at_once(z1 * 5, z2 / 5, m * 2, t)),
    ],
    "simclr.views": [
        lambda: {"crop": 0.5, "rotation": 180.0, "jitter": 0.2, "grayscale": 0.0},
        lambda: {"rotation": 180, "jitter": 0.1, "grayscale": 0, "flip": 0.0, "crop": 1.0},
        lambda: {"rotation": 180.0, "jitter": 0.3, "jitter_probability": 0.5, "grayscale": 0.0, "crop": 0.4},
        lambda: {"rotation": 120.0, "jitter": 0.15, "grayscale": 0.0, "crop": 0.3, "blur": 0.3},
        lambda: {"crop": 0.6, "ratio": 1.0, "flip": 0.5, "rotation": 180.0, "jitter": 0.25, "grayscale": 0.0},
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
        ("the partner was left out", math.log(126)),
        ("all candidates were counted", math.log(1279)),
        ("the classes were counted", math.log(10)),
        ("another image of the same class is a stranger", 0),
        ("base 2", math.log2(127)),
        ("base 10", math.log10(127)),
        ("counted as a candidate", 4.85),
        ("probability", 1 / 127),
    ],
    "simclr.temperature": [("different scales", "a"), ("most of the way", "c"), ("every collapsed run", "d")],
    "simclr.gradient": [
        ("autograd has made them", by_autograd),
        ("autograd has made them", by_backward),
        ("autograd has made them", by_functional),
        ("sign is turned round", lambda q, k, t: keyed(q, k, t, sign=-1.0)),
        ("temperature outside is missing", lambda q, k, t: (k @ q / t).softmax(0) @ k - k[0]),
        ("multiplied by the temperature outside", lambda q, k, t: t * ((k @ q / t).softmax(0) @ k - k[0])),
        ("softmax without the temperature", lambda q, k, t: keyed(q, k, t, scale=lambda c, t: F.softmax(c, 0))),
        (
            "multiplied by the temperature in the softmax",
            lambda q, k, t: keyed(q, k, t, scale=lambda c, t: (c * t).softmax(0)),
        ),
        ("the same share", lambda q, k, t: (k.mean(0) - k[0]) / t),
        ("divide by their sum", lambda q, k, t: ((k @ q / t).exp() @ k - k[0]) / t),
        ("strangers alone", lambda q, k, t: ((k[1:] @ q / t).softmax(0) @ k[1:] - k[0]) / t),
        ("with weight 1", lambda q, k, t: keyed(q, k, t, every=False)),
        ("only the own key pulls", lambda q, k, t: ((k @ q / t).softmax(0)[0] - 1) * k[0] / t),
        ("only the push", lambda q, k, t: (k @ q / t).softmax(0) @ k / t),
        ("at the logits", lambda q, k, t: (k @ q / t).softmax(0) - torch.eye(len(k))[0]),
        ("at the logits", lambda q, k, t: ((k @ q / t).softmax(0) - torch.eye(len(k))[0]) / t),
        ("not a mistake that is known", lambda q, k, t: keyed(q, k, t, own=1)),
    ],
    "simclr.queue": [
        ("newest leave and", lambda queue, keys: torch.cat([queue[: max(0, len(queue) - len(keys))], keys])),
        ("newest of the queue leave", lambda queue, keys: torch.vstack([keys, queue]).narrow(0, 0, len(queue))),
        ("aren't in", lambda queue, keys: queue.roll(-len(keys), dims=0)),
        ("isn't cut", lambda queue, keys: torch.stack([*queue[len(keys) :], *keys])),
        ("nothing has left", lambda queue, keys: torch.stack([*queue, *keys])),
        ("keep their gradient", lambda queue, keys: torch.cat([queue, keys])[-len(queue) :]),
    ],
    "simclr.memory": [
        ("only view 1 looks", stepped(one_way)),
        ("only view 2 looks", stepped(lambda a, b, m, t: one_way(b, a, m, t))),
        ("directions are added", stepped(lambda a, b, m, t: one_way(a, b, m, t) + one_way(b, a, m, t))),
        ("after this batch was put in", stepped(late)),
        ("strangers are those of the batch", stepped(strangers_of_the_batch)),
        ("fixed number", stepped(lambda a, b, m, t: both_at_once(a, b, m, 0.1)[0])),
        ("stays as it was", stepped(after=lambda a, b, m: m.clone())),
        ("only one of the two views", stepped(after=lambda a, b, m: torch.cat([m[len(a) :], a.detach()]))),
        ("only one of the two views", stepped(after=lambda a, b, m: torch.cat([m[len(b) :], b.detach()]))),
        ("stays as it was", stepped(after=lambda a, b, m: torch.cat([m, a, b])[: len(m)].detach())),
        ("newest leave", stepped(after=lambda a, b, m: torch.cat([m[: len(m) - 2 * len(a)], a, b]).detach())),
        ("nothing has left", stepped(after=lambda a, b, m: torch.cat([m, a, b]).detach())),
        ("memory keeps a gradient", stepped(after=lambda a, b, m: torch.cat([m, a, b])[-len(m) :])),
        ("no gradient gets through the loss", cut),
        ("gradient at z1 isn't", half_cut),
    ],
    "simclr.views": [
        ("the colour is gone", lambda: {"crop": 0.5, "rotation": 180.0, "jitter": 0.2, "grayscale": 0.2}),
        ("the colour is gone", lambda: {"crop": 0.5, "rotation": 180.0, "jitter": 1.0, "grayscale": 0.0}),
        ("the leaves lie at all angles", lambda: {"crop": 0.5, "rotation": 15.0, "jitter": 0.2, "grayscale": 0.0}),
        ("equally bright", lambda: {"crop": 0.5, "rotation": 180.0, "jitter": 0.0, "grayscale": 0.0}),
        ("crops so small", lambda: {"crop": 0.08, "rotation": 180.0, "jitter": 0.2, "grayscale": 0.0}),
        ("nothing is changed", lambda: {"crop": 1.0, "flip": 0.0, "jitter": 0.0, "grayscale": 0.0}),
        ("Augment refuses", lambda: {"crops": 0.5}),
        ("a dict of settings", lambda: [0.5, 180.0]),
    ],
    "simclr.curve": [("run that learns", "a"), ("a harder task", "b")],
}
