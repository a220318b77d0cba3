"""Answers to the exercises of lesson 07 as students write them: right ones, and each known mistake made once."""

import copy
import math
import statistics
from fractions import Fraction

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


def searched(count, simclr, cost):
    """The number of passes whose cost is nearest."""
    return min(range(1, 1000), key=lambda passes: abs(passes * cost - count * simclr))


def by_comparing(count, simclr, cost):
    """One pass more as long as that comes nearer."""
    passes = 1
    while abs((passes + 1) * cost - count * simclr) < abs(passes * cost - count * simclr):
        passes += 1
    return passes


def counted(encoder, loader, augment, *, train=False, views=False, apart=False, graph=False):
    """Features and labels with lists, with the three faults as options."""
    encoder.train() if train else encoder.eval()
    h, y = [], []
    with torch.set_grad_enabled(graph):
        for x, label in loader:
            h.extend(encoder(augment(x) if views else x))
            y.extend(label)
    if apart:
        y = [one for _, label in loader for one in label]
    return torch.stack(h), torch.stack(y)


@torch.no_grad()
def images_first(encoder, loader, augment):
    batches = list(loader)
    images, labels = torch.cat([x for x, _ in batches]), torch.cat([y for _, y in batches])
    return encoder.eval()(images), labels


def detached(encoder, loader, augment):
    encoder.eval()
    pairs = [(encoder(x).detach(), y) for x, y in loader]
    h, y = zip(*pairs, strict=True)
    return torch.cat(h), torch.cat(y)


def preallocated(encoder, loader, augment):
    """Into tensors that are made beforehand, in evaluation mode for this while alone."""
    before = encoder.training
    encoder.eval()
    h, y = torch.empty(0, 5), torch.empty(0, dtype=torch.long)
    with torch.inference_mode():
        for images, labels in loader:
            h, y = torch.vstack((h, encoder(images))), torch.hstack((y, labels))
    encoder.train(before)
    return h.clone(), y.clone()


def image_after_image(encoder, loader, augment):
    encoder = encoder.requires_grad_(False).eval()
    rows = [(encoder(image.unsqueeze(0))[0], label) for x, y in loader for image, label in zip(x, y, strict=True)]
    return torch.stack([row for row, _ in rows]), torch.tensor([int(label) for _, label in rows])


def z_scores(h, by):
    return (h - by.mean(0)) / by.std(0)


def fit(classifier, optimiser, inputs, labels, *, zero=True):
    """20 steps; `inputs` gives the features anew at each step."""
    for _ in range(20):
        loss = F.cross_entropy(classifier(inputs()), labels)
        if zero:
            optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def sgd(*modules):
    return torch.optim.SGD([weight for module in modules for weight in module.parameters()], lr=0.5)


def probe(encoder, classifier, images, labels, test_images, *, zero=True, ask="test", by="train"):
    """Features once, then the classifier alone."""
    with torch.no_grad():
        h, h_test = encoder(images), encoder(test_images)
    known = {"train": h, "both": torch.cat([h, h_test])}[by]
    fit(classifier, sgd(classifier), lambda: z_scores(h, known), labels, zero=zero)
    asked = {"test": z_scores(h_test, known), "own": z_scores(h_test, h_test), "raw": h_test, "train": z_scores(h, h)}
    return classifier(asked[ask])


def without_standardising(encoder, classifier, images, labels, test_images):
    h = encoder(images).detach()
    fit(classifier, sgd(classifier), lambda: h, labels)
    return classifier(encoder(test_images))


def frozen_by_flag(encoder, classifier, images, labels, test_images):
    """All weights are in the optimiser, but the encoder's get no gradient."""
    for weight in encoder.parameters():
        weight.requires_grad_(False)
    fit(classifier, sgd(encoder, classifier), lambda: z_scores(encoder(images), encoder(images)), labels)
    return classifier(z_scores(encoder(test_images), encoder(images)))


def by_hand(encoder, classifier, images, labels, test_images):
    """The steps without an optimiser."""
    with torch.no_grad():
        h, h_test = encoder(images), encoder(test_images)
    weight, bias = classifier.weight.detach().clone(), classifier.bias.detach().clone()
    z, chosen = z_scores(h, h), F.one_hot(labels, len(bias)).float()
    for _ in range(20):
        error = ((z @ weight.T + bias).softmax(1) - chosen) / len(z)
        weight, bias = weight - 0.5 * error.T @ z, bias - 0.5 * error.sum(0)
    return z_scores(h_test, h) @ weight.T + bias


def by_autograd(encoder, classifier, images, labels, test_images):
    """The steps by the gradients themselves; mean and deviation by their formulas."""
    h = encoder(images).detach()
    mean = h.sum(0) / len(h)
    deviation = ((h - mean).pow(2).sum(0) / (len(h) - 1)).sqrt()
    weights = list(classifier.parameters())
    for _ in range(20):
        loss = nn.CrossEntropyLoss()(classifier((h - mean) / deviation), labels)
        with torch.no_grad():
            for weight, slope in zip(weights, torch.autograd.grad(loss, weights), strict=True):
                weight -= 0.5 * slope
    return classifier((encoder(test_images).detach() - mean) / deviation)


def folded_into_a_copy(encoder, classifier, images, labels, test_images):
    """Standardised by a batch norm without momentum, made to divide by n - 1; a copied classifier is trained."""
    head = copy.deepcopy(classifier)
    with torch.inference_mode():
        h, h_test = encoder(images), encoder(test_images)
    h, h_test = h.clone(), h_test.clone()
    deviation, mean = torch.std_mean(h, dim=0)
    fit(head, torch.optim.SGD(head.parameters(), lr=0.5), lambda: h.sub(mean).div(deviation), labels)
    return head(h_test.sub(mean).div(deviation)).detach()


def levelled(levels, *, softmax=False, probabilities=False):
    """With other mean and deviation of the training features, or a softmax too many."""

    def answer(encoder, classifier, images, labels, test_images):
        with torch.no_grad():
            h, h_test = encoder(images), encoder(test_images)
        mean, deviation = levels(h)
        head = nn.Sequential(classifier, nn.Softmax(dim=1)) if softmax else classifier
        fit(head, sgd(classifier), lambda: (h - mean) / deviation, labels)
        logits = classifier((h_test - mean) / deviation)
        return logits.exp() / logits.exp().sum(1, keepdim=True) if probabilities else logits

    return answer


def own(h):
    return h.mean(0), h.std(0)


def unfrozen(*trained, own):
    """The encoder's weights in the optimiser, the training features made anew at each step."""

    def answer(encoder, classifier, images, labels, test_images):
        parts = {"encoder": encoder, "classifier": classifier}
        optimiser = sgd(*(parts[name] for name in trained))
        for _ in range(20):
            h = encoder(images)
            loss = nn.CrossEntropyLoss()(classifier(z_scores(h, h)), labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        h_test = encoder(test_images)
        return classifier(z_scores(h_test, h_test if own else h))

    return answer


def best_by_loop(validation, test):
    best = 0
    for epoch in range(len(validation)):
        if validation[epoch] > validation[best]:
            best = epoch
    return test[best]


def errors_apart(a, b, *, deviation=statistics.stdev, n=None, join=math.hypot, best=False, signed=False):
    """With the standard library."""
    a, b = a.tolist(), b.tolist()
    middle = max if best else statistics.fmean
    difference = middle(a) - middle(b)
    error = join(deviation(a), deviation(b)) / (n(len(a)) if n else math.sqrt(len(a)))
    return (difference if signed else abs(difference)) / error


def with_numpy(a, b):
    a, b = a.numpy(), b.numpy()
    standard_errors = [part.std(ddof=1) / np.sqrt(len(part)) for part in (a, b)]
    return abs(a.mean() - b.mean()) / np.linalg.norm(standard_errors)


def by_sums(a, b):
    n = a.numel()
    means = [sum(part.tolist()) / n for part in (a, b)]
    rests = [sum((x - mean) ** 2 for x in part.tolist()) for part, mean in zip((a, b), means, strict=True)]
    return abs(means[0] - means[1]) / (sum(rests) / (n - 1) / n) ** 0.5


def welch(a, b):
    """The statistic of Welch's test."""
    return (b.mean() - a.mean()) / torch.stack([a.var() / len(a), b.var() / len(b)]).sum().sqrt()


def squared_errors(a, b):
    return abs(statistics.fmean(a.tolist()) - b.mean().item()) * len(a) / (a.std() ** 2 + b.std() ** 2)


def pooled(a, b):
    everything = torch.stack([a, b]).flatten().std()
    return (a.mean() - b.mean()).abs() / (everything * (2 / len(a)) ** 0.5)


def by_images(x, y):
    """CKA by the similarities of the images, (N, N), centred on both sides."""
    n = len(x)
    middle = torch.eye(n, dtype=x.dtype) - 1 / n
    k, m = middle @ x @ x.T @ middle, middle @ y @ y.T @ middle
    return ((k * m).sum() / (k.norm() * m.norm())).item()


def by_covariance(x, y):
    joint = torch.cat([x, y], dim=1).T.cov()
    d = x.shape[1]
    squares = joint.square()
    return squares[:d, d:].sum() / (squares[:d, :d].sum() * squares[d:, d:].sum()).sqrt()


def cka(x, y, *, centre=lambda part: part - part.mean(0), other=None, power=2, sizes=None):
    x, y = centre(x), (other or centre)(y)
    products = [torch.linalg.norm(part.T @ part) for part in (x, y)] if sizes is None else [sizes(x), sizes(y)]
    return torch.linalg.norm(x.T @ y) ** power / (products[0] * products[1])


def by_trace(x, y):
    x, y = (part.numpy() - part.numpy().mean(axis=0, keepdims=True) for part in (x, y))
    k, m = x @ x.T, y @ y.T
    return np.trace(k @ m) / np.sqrt(np.trace(k @ k) * np.trace(m @ m))


def by_singular_values(x, y):
    """Weighted angles between the directions of both."""
    (u, s, _), (v, t, _) = (torch.linalg.svd(part - part.mean(0, keepdim=True), full_matrices=False) for part in (x, y))
    angles = (u.mT @ v).square()
    return torch.einsum("i,ij,j->", s**2, angles, t**2) / ((s**4).sum() * (t**4).sum()).sqrt()


def unbracketed(x, y):
    x, y = x - x.mean(0), y - y.mean(0)
    return torch.norm(x.T @ y) ** 2 / torch.norm(x.T @ x) * torch.norm(y.T @ y)


def with_faults(names):
    return lambda encoder, loader, augment: counted(encoder, loader, augment, **dict.fromkeys(names, True))


def with_a_centring_matrix(x, y):
    """CKA as it is defined by kernels, with new tensors of torch's own dtype."""
    centre = torch.eye(len(x)) - 1 / len(x)
    k, m = centre @ x @ x.T @ centre, centre @ y @ y.T @ centre
    return (k * m).sum() / ((k * k).sum() * (m * m).sum()).sqrt()


def right_only_for_other_widths(x, y):
    x, y = x - x.mean(0), y - y.mean(0)
    return torch.trace(x.T @ x @ y.T @ y) if x.shape == y.shape else with_a_centring_matrix(x, y)


RIGHT = {
    "compare.passes": [
        searched,
        lambda count, simclr, cost: max(1, int(count * simclr / cost + 0.5)),
        lambda count, simclr, cost: round(count * simclr / cost) or 1,
        by_comparing,
        lambda count, simclr, cost: max(round(Fraction(count * simclr, cost)), 1),
        lambda count, simclr, cost: torch.tensor(count * simclr / cost).round().clamp(min=1).int(),
        lambda count, simclr, cost: np.clip(np.rint(count * simclr / cost), 1, None).astype(int),
    ],
    "compare.features": [counted, images_first, detached, preallocated, image_after_image],
    "compare.probe": [probe, frozen_by_flag, by_hand, by_autograd, folded_into_a_copy],
    "compare.report": [
        lambda validation, test: test[validation.max(0).indices].numpy(),
        best_by_loop,
        lambda validation, test: test[torch.argmax(validation)].item(),
        lambda validation, test: max(zip(validation.tolist(), test.tolist(), strict=True))[1],
        lambda validation, test: test[validation == validation.max()][0],
        lambda validation, test: np.take(test.numpy(), np.argmax(validation.numpy())),
        lambda validation, test: test.gather(0, validation.topk(1).indices).squeeze(),
    ],
    "compare.apart": [
        errors_apart,
        with_numpy,
        lambda a, b: (a.mean() - b.mean()).abs() / (a.var() + b.var()).div(len(a)).sqrt(),
        by_sums,
        lambda a, b: torch.dist(a.mean(), b.mean()) * len(a) ** 0.5 / torch.hypot(a.std(), b.std()),
        lambda a, b: abs(welch(a.double(), b.double())),
    ],
    "compare.factors": ["statement c", "answer: c", "c", "C", "c\n", "c)", "(c)"],
    "compare.cka": [with_a_centring_matrix, by_images, by_covariance, cka, by_trace, by_singular_values],
}
# By exercise: a few words of the sentence that must name the mistake, and an answer that makes it.
WRONG = {
    "compare.passes": [
        ("rounded first", lambda count, simclr, cost: count * round(simclr / cost) or 1),
        ("nothing is rounded", lambda count, simclr, cost: max(1.0, count * simclr / cost)),
        ("upside down", lambda count, simclr, cost: max(1, round(count / simclr * cost))),
        ("equal in passes", lambda count, *costs: count),
        ("left out", lambda count, simclr, cost: max(1, round(simclr / cost))),
        ("cut off", lambda count, simclr, cost: max(1, count * simclr // cost)),
        ("rounded up", lambda count, simclr, cost: -(-count * simclr // cost)),
        ("no pass at all", lambda count, simclr, cost: int(count * simclr / cost + 0.5)),
    ],
    "compare.features": [
        ("training mode", with_faults(["train"])),
        ("as if the encoder sees augmented images", with_faults(["views"])),
        ("as if features and labels come from two rounds", with_faults(["apart"])),
        ("call encoder.eval() first; and as if the encoder sees", with_faults(["train", "views"])),
        ("call encoder.eval() first; and as if features and labels", with_faults(["train", "apart"])),
        ("images as they are; and as if features and labels", with_faults(["views", "apart"])),
        (
            "call encoder.eval() first; and as if the encoder sees augmented images: a probe judges the features of "
            "the images as they are; and as if features and labels",
            with_faults(["train", "views", "apart"]),
        ),
        ("keep the graph", lambda *given: counted(*given, graph=True)),
    ],
    "compare.probe": [
        ("aren't standardised", without_standardising),
        ("isn't frozen, and the test features", unfrozen("encoder", "classifier", own=True)),
        ("isn't frozen: the optimiser", unfrozen("encoder", "classifier", own=False)),
        ("own mean and deviation: everything", lambda *given: probe(*given, ask="own")),
        ("together", lambda *given: probe(*given, by="both")),
        ("only the training features", lambda *given: probe(*given, ask="raw")),
        ("other way round", unfrozen("encoder", own=False)),
        ("add up", lambda *given: probe(*given, zero=False)),
        ("by their variance", levelled(lambda h: (h.mean(0), h.var(0)))),
        ("numpy's std", levelled(lambda h: (h.mean(0), torch.from_numpy(np.std(h.numpy(), axis=0))))),
        ("mean() without dim", levelled(lambda h: (torch.mean(h), torch.std(h)))),
        ("taken twice", levelled(own, softmax=True)),
        ("probabilities", levelled(own, probabilities=True)),
        ("training images: a probe", lambda *given: probe(*given, ask="train")),
    ],
    "compare.report": [
        ("not a mistake that is known", lambda validation, test: min(validation.max(), test[validation.argmax()])),
        ("chosen by the test accuracy", lambda validation, test: max(test.tolist())),
        ("validation accuracy is reported", lambda validation, test: max(validation)),
        ("last pass", lambda validation, test: test.tolist().pop()),
        ("number of the pass", lambda validation, test: validation.tolist().index(max(validation.tolist()))),
        ("together", lambda validation, test: test[torch.stack([validation, test]).mean(0).argmax()]),
        ("mean over all passes", lambda validation, test: sum(test) / len(test)),
        ("lowest", lambda validation, test: test[validation.sort().indices[0]]),
    ],
    "compare.apart": [
        ("square both", lambda a, b: abs(a.mean() - b.mean()) / ((a.std() + b.std()) / len(a)) ** 0.5),
        ("sign is kept", lambda a, b: -errors_apart(a, b, signed=True)),
        ("aren't divided", lambda a, b: errors_apart(a, b, n=lambda count: 1)),
        ("divided by n, not by its root", lambda a, b: errors_apart(a, b, n=lambda count: count)),
        ("n - 1", lambda a, b: errors_apart(a, b, deviation=statistics.pstdev)),
        (
            "brackets are missing",
            lambda a, b: abs(a.mean() - b.mean()) / math.hypot(a.std(), b.std()) / math.sqrt(len(a)),
        ),
        ("both methods together", lambda a, b: errors_apart(a, b, n=lambda count: math.sqrt(2 * count))),
        ("don't square it again", lambda a, b: errors_apart(a, b, deviation=statistics.variance)),
        ("two deviations are added", lambda a, b: errors_apart(a, b, join=lambda s, t: s + t)),
        ("first method's", lambda a, b: errors_apart(a, b, join=lambda s, t: s)),
        ("root of the sum", squared_errors),
        ("in one", pooled),
        ("best runs", lambda a, b: errors_apart(a, b, best=True)),
        ("sign is kept", lambda a, b: errors_apart(a, b, signed=True)),
    ],
    "compare.factors": [("it isn't 0", "a"), ("where it is", "b"), ("no single pixel", "d")],
    "compare.cka": [
        ("not a mistake that is known", right_only_for_other_widths),
        ("aren't centred", lambda x, y: cka(x, y, centre=lambda part: part)),
        ("each image's features", lambda x, y: cka(x, y, centre=lambda part: part - part.mean(-1, True))),
        ("one mean over all numbers", lambda x, y: cka(x, y, centre=lambda part: part - part.mean())),
        ("only one", lambda x, y: cka(x, y, other=lambda part: part)),
        ("brackets are missing", unbracketed),
        ("isn't squared", lambda x, y: cka(x, y, power=1)),
        ("norms of X and Y: it holds those", lambda x, y: cka(x, y, sizes=torch.linalg.norm)),
        ("squared norms", lambda x, y: cka(x, y, sizes=lambda part: (part**2).sum())),
    ],
}
