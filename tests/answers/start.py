"""Answers to the exercises of lesson 00 as students write them: right ones, and each known mistake made once."""

import statistics

import numpy as np
import torch
import torch.nn.functional as F


def by_autograd(weight, h, labels, strength):
    leaf = weight.clone().requires_grad_()
    loss = F.cross_entropy(F.linear(h, leaf), labels) + 0.5 * strength * leaf.pow(2).sum()
    loss.backward()
    return leaf.grad


def probe_loss(weight, h, labels, strength):
    return F.cross_entropy(h @ weight.T, labels) + strength / 2 * weight.square().sum()


def by_grad(weight, h, labels, strength):
    leaf = weight.detach().clone().requires_grad_()
    return torch.autograd.grad(probe_loss(leaf, h, labels, strength), leaf)[0]


def by_functional(*given):
    return torch.func.grad(probe_loss)(*given)


def by_logarithms(weight, h, labels, strength=0.0, **unused):
    logits = h.double() @ weight.double().T
    p = (logits - torch.logsumexp(logits, dim=1, keepdim=True)).exp()
    ones = F.one_hot(labels, p.shape[1])
    return strength * weight + (h.double().T @ (p - ones)).T / len(labels)


def image_after_image(weight, h, labels, strength, *, own=1, sign=1):
    total = torch.zeros_like(weight)
    for x, y in zip(h, labels, strict=True):
        p = torch.exp(weight @ x) / torch.exp(weight @ x).sum()
        p[y] -= own
        total += torch.outer(p, x)
    return sign * total / h.shape[0] + strength * weight


def class_after_class(weight, h, labels, strength):
    p = torch.softmax(h @ weight.T, 1)
    rows = [((p[:, k] - (labels == k).float())[:, None] * h).mean(0) for k in range(len(weight))]
    return torch.stack(rows) + strength * weight


def by_einsum(weight, h, labels, strength):
    error = (weight @ h.T).T.softmax(-1)
    error[torch.arange(len(h)), labels] -= 1
    return torch.einsum("nk,nd->kd", error, h).div(len(h)).add(weight, alpha=strength)


def in_numpy(weight, h, labels, strength):
    w, x, y = weight.double().numpy(), h.double().numpy(), labels.numpy()
    z = x @ w.T
    p = np.exp(z - z.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    return torch.from_numpy((p - np.eye(len(w))[y]).T @ x / len(x) + strength * w).float()


def softmax_error(weight, h, labels, dim=1):
    return torch.softmax(h @ weight.T, dim) - torch.eye(len(weight))[labels]


def from_error(change):
    """A gradient with another error table, (weight, h, labels) -> (N, K)."""
    return lambda weight, h, labels, strength: change(weight, h, labels).T @ h / len(h) + strength * weight


def in_loops(train, test, *, mirror=True):
    found = []
    for image in test:
        others = [image, image.flip(-1)] if mirror else [image]
        found.append(any(torch.equal(one, other) for one in others for other in train))
    return torch.tensor(found)


def in_a_set(train, test, *, axis=-1, exact=True):
    known = {tuple(image.flatten().tolist()) for image in train}
    says = []
    for image in test:
        mirrored = tuple(image.flip(axis).flatten().tolist()) in known
        says.append(mirrored or (exact and tuple(image.flatten().tolist()) in known))
    return torch.tensor(says)


def by_distance(train, test):
    flat = train.flatten(1).double()
    both = [torch.cdist(part.flatten(1).double(), flat).min(1).values for part in (test, test.flip(3))]
    return torch.minimum(*both) < 1e-3


def by_differences(train, test):
    bank = torch.cat([train, train.flip(3)]).int()
    return ((test.int()[:, None] - bank[None]).abs().sum((2, 3, 4)) == 0).sum(1) > 0


def with_numpy(train, test):
    bank = np.concatenate([train.numpy(), train.numpy()[..., ::-1]])
    return torch.from_numpy(np.array([(bank == image).all((1, 2, 3)).any() for image in test.numpy()]))


def same_number(train, test):
    says = torch.zeros(len(test), dtype=torch.bool)
    for number, (one, other) in enumerate(zip(train, test, strict=False)):
        says[number] = torch.equal(one, other) or torch.equal(one, other.flip(2))
    return says


def columns(images, *, axis=3):
    """The mean column (or row) of the pixels that differ from the upper left one."""
    corner = images[:, :, 0, 0].view(-1, 3, 1, 1)
    mask = ((images - corner).abs().amax(1) > 0.1).float()  # (B, H, W)
    line = mask.sum(1 if axis == 3 else 2)  # (B, 32)
    return (line * torch.arange(32.0)).sum(1) / line.sum(1)


def in_four(images):
    return (columns(images) - 13).div(1.5).long().clamp(0, 3)


def left_or_right(images):
    return (columns(images) > 15.5).long()


def by_halves(images):
    """Which half of the picture holds more of the shape, and by much or by little."""
    corner = images[:, :, :1, :1]
    different = (images - corner).abs().sum((1, 2))
    share = different[:, 16:].sum(1) / different.sum(1)
    return (share > 0.3).long() + (share > 0.5).long() + (share > 0.7).long()


def by_edges(images):
    """The middle between the first and the last column that isn't ground."""
    says = []
    for image in images:
        hit = ((image - image[:, :1, :1]).abs().amax(0) > 0.1).any(0).nonzero().flatten()
        says.append(int(float(hit[0] + hit[-1]) / 2 > 15.5))
    return torch.tensor(says)


def brightness(images):
    return torch.bucketize(images.mean((1, 2, 3)), torch.tensor([0.35, 0.5, 0.65]))


def in_place(images):
    says = left_or_right(images)
    images.zero_()
    return says


RUNS = [0.83, 0.795, 0.861]
UNEVEN = [0.6, 0.9, 0.87, 0.81]

RIGHT = {
    "start.units": ["c", "(c)", "answer: c"],
    "start.gradient": [by_logarithms, image_after_image, class_after_class, by_einsum, in_numpy],
    "start.leaked": [in_loops, in_a_set, by_distance, by_differences, with_numpy],
    "start.luck": [59.3, "59 %", "about 60", 58.0, "60,5"],
    "start.confound": ["b", "row b", "B)"],
    "start.log": ["d", "D", "it is d"],
    "start.pretext": [in_four, left_or_right, by_halves, by_edges, lambda images: in_four(images).int()],
    "start.runs": [
        (RUNS, statistics.mean(RUNS), statistics.stdev(RUNS)),
        (torch.tensor(RUNS), torch.tensor(RUNS).mean(), torch.tensor(RUNS).std()),
        (dict(enumerate(RUNS)), np.mean(RUNS), np.std(RUNS, ddof=1)),
        (np.array(UNEVEN), round(float(np.mean(UNEVEN)), 3), round(float(np.std(UNEVEN, ddof=1)), 3)),
        [tuple(UNEVEN), sum(UNEVEN) / 4, statistics.stdev(UNEVEN)],
    ],
}
# By exercise: a few words of the sentence that must name the mistake, and an answer that makes it.
WRONG = {
    "start.units": [("far larger than all others", "a"), ("divided out again", "b"), ("which of the two", "d")],
    "start.gradient": [
        ("autograd has made them", by_autograd),
        ("autograd has made them", by_grad),
        ("autograd has made them", by_functional),
        ("penalty has no part", lambda weight, h, labels, strength: class_after_class(weight, h, labels, 0)),
        (
            "summed over the images",
            lambda weight, h, labels, strength: softmax_error(weight, h, labels).T @ h + strength * weight,
        ),
        (
            "divided by N as well",
            lambda weight, h, labels, strength: (softmax_error(weight, h, labels).T @ h + strength * weight) / len(h),
        ),
        ("counts twice", lambda weight, h, labels, strength: by_autograd(weight, h, labels, 2 * strength)),
        ("counts half", lambda weight, h, labels, strength: by_autograd(weight, h, labels, strength / 2)),
        ("penalty's sign", lambda weight, h, labels, strength: by_einsum(weight, h, labels, -strength)),
        ("sign is turned round: prob", lambda *given: image_after_image(*given, sign=-1)),
        ("sign is turned round: prob", lambda *given: -by_autograd(*given)),
        ("labels have no part", lambda *given: image_after_image(*given, own=0)),
        ("softmax is missing", from_error(lambda w, h, y: h @ w.T - torch.eye(len(w))[y])),
        ("over the images (dim=0)", from_error(lambda w, h, y: softmax_error(w, h, y, dim=0))),
        (
            "images and classes",
            lambda w, h, y, strength: (softmax_error(w, h, y).T @ h) / (h.shape[0] * w.shape[0]) + strength * w,
        ),
        ("the gradient at h", lambda w, h, y, strength: softmax_error(w, h, y) @ w / len(h)),
        ("shape (3, 4) was expected", lambda *given: by_autograd(*given).T),
        ("not a mistake that is known", lambda *given: 3 * by_autograd(*given)),
    ],
    "start.leaked": [
        ("mirrored copies aren't found", lambda train, test: in_loops(train, test, mirror=False)),
        ("only mirrored copies", lambda train, test: in_a_set(train, test, exact=False)),
        ("top to bottom", lambda train, test: in_a_set(train, test, axis=-2)),
        ("upside down count", lambda train, test: in_a_set(train, test) | in_a_set(train, test, axis=1)),
        ("of the same number", same_number),
        ("turned round", lambda train, test: ~in_loops(train, test)),
        ("one equal pixel", lambda train, test: (test[:, None] == train[None]).flatten(2).any(2).any(1)),
        (
            "without their places",
            lambda train, test: (test.sum((1, 2, 3))[:, None] == train.sum((1, 2, 3))[None]).any(1),
        ),
        (
            "without their places",
            lambda train, test: torch.tensor([float(t.float().mean()) in train.float().mean((1, 2, 3)) for t in test]),
        ),
        (
            "without their places",
            lambda train, test: torch.tensor(
                [sorted(t.flatten().tolist()) in [sorted(x.flatten().tolist()) for x in train] for t in test]
            ),
        ),
        ("the test images were asked about", lambda train, test: in_loops(test, train)),
        ("shape (5,) was expected", lambda train, test: in_loops(train, test).nonzero().flatten()),
    ],
    "start.luck": [
        ("the mean of all twenty", 50),
        ("one deviation", "55"),
        ("that is a share", 0.6),
        ("one in 700", 65),
        ("10 is √100", 68.7),
        ("is not it", 75),
    ],
    "start.confound": [("widths differ", "a"), ("labels differ", "c"), ("best of many", "d")],
    "start.log": [("near guessing, 10", "a"), ("those of other images", "b"), ("features noisy", "c")],
    "start.pretext": [
        ("is there a `return`", lambda images: None),
        ("one pseudo-label for each image", lambda images: in_four(images).view(-1, 1)),
        ("make them with `.long()`", lambda images: in_four(images).float()),
        ("from 0 to 3 were expected", lambda images: in_four(images) + 1),
        ("the same pseudo-label", lambda images: torch.zeros(len(images)).long()),
        ("drawn at random", lambda images: torch.randint(4, (len(images),))),
        ("in place: work on copies", in_place),
        ("depends on the others in its batch", lambda images: torch.arange(len(images)) * 4 // len(images)),
        (
            "another number of pseudo-labels",
            lambda images: left_or_right(images)[: max(len(images), 1200)].repeat(1200 // len(images)),
        ),
        ("asks for y", lambda images: torch.bucketize(columns(images, axis=2), torch.tensor([14.0, 15.5, 17.0]))),
        ("brightness or colour", brightness),
    ],
    "start.runs": [
        ("three things were expected", 0.83),
        ("must be a list of numbers", ("0.8, 0.9, 0.7", 0.8, 0.1)),
        ("only 2 runs", ([0.8, 0.9], 0.85, 0.0707)),
        ("not per cent", ([83.0, 79.5, 86.1], 82.87, 3.3)),
        ("the same seed", ([0.83, 0.83, 0.83], 0.83, 0.0)),
        ("untrained encoder's", ([0.03, 0.05, 0.01], 0.03, 0.02)),
        ("best run", (RUNS, max(RUNS), statistics.stdev(RUNS))),
        ("last run", (UNEVEN, UNEVEN[-1], statistics.stdev(UNEVEN))),
        ("the median", ([*RUNS[::-1], 0.4], torch.tensor([*RUNS, 0.4]).median(), 0.2)),
        ("isn't the mean", (RUNS, 0.7, 0.03)),
        ("divided by the number of runs", (RUNS, statistics.mean(RUNS), np.std(RUNS))),
        ("error of the mean", (RUNS, statistics.mean(RUNS), statistics.stdev(RUNS) / 3**0.5)),
        ("it is the variance", (UNEVEN, statistics.mean(UNEVEN), statistics.variance(UNEVEN))),
        ("worst run to the best", (RUNS, statistics.mean(RUNS), max(RUNS) - min(RUNS))),
        ("isn't the deviation", (RUNS, statistics.mean(RUNS), 0.2)),
    ],
}
