"""Answers to the exercises of lesson 07 as students write them: right ones, and each known mistake made once."""

import copy
import math
import statistics
from fractions import Fraction

import numpy as np
import torch
import torch.nn.functional as F
from scipy import stats
from torch import nn

from ssl_course.evaluate import linear_probe


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


def errors_apart(a, b, *, deviation=statistics.stdev, root=math.sqrt, signed=False, order=list):
    """With the standard library."""
    differences = [x - y for x, y in zip(order(a.tolist()), order(b.tolist()), strict=True)]
    difference = statistics.fmean(differences)
    return (difference if signed else abs(difference)) / (deviation(differences) / root(len(differences)))


def with_numpy(a, b):
    differences = a.numpy() - b.numpy()
    return np.abs(differences.mean()) / (differences.std(ddof=1) / np.sqrt(len(differences)))


def by_sums(a, b):
    d, n = (a - b).double(), a.numel()
    rest = (d.square().sum() - d.sum().square() / n) / (n - 1)
    return (d.sum().abs() / n) / (rest / n).sqrt()


def by_test(a, b):
    """The statistic of the paired t-test."""
    return abs(stats.ttest_rel(a.numpy(), b.numpy()).statistic)


def by_covariance_of_both(a, b):
    """The variance of a difference: two variances less twice the covariance."""
    table = torch.stack([a, b]).double().cov()
    variance = table[0, 0] + table[1, 1] - 2 * table[0, 1]
    return torch.dist(a.double().mean(), b.double().mean()) / (variance / a.numel()).sqrt()


def without_pairs(a, b):
    return abs(stats.ttest_ind(a.numpy(), b.numpy()).statistic)


def count_verdicts(runs, floor_of, *, errors=errors_apart, limit=2):
    signs = []
    for name in floor_of:
        a, b = runs[name], runs[floor_of[name]]
        signs.append(0 if errors(a, b) <= limit else 1 if a.sum() > b.sum() else -1)
    return signs.count(1), signs.count(-1), signs.count(0)


def verdicts_by_signed(runs, floor_of):
    values = [errors_apart(runs[name], runs[floor], signed=True) for name, floor in floor_of.items()]
    values = np.array(values)
    return int((values > 2).sum()), int((values < -2).sum()), int((np.abs(values) <= 2).sum())


def verdicts_as_tensor(runs, floor_of):
    t = torch.tensor([float(errors_apart(runs[n], runs[f], signed=True)) for n, f in floor_of.items()])
    return [(t > 2).sum(), (t < -2).sum(), (t.abs() <= 2).sum()]


def verdicts_with_sets(runs, floor_of):
    above = {name for name in floor_of if errors_apart(runs[name], runs[floor_of[name]], signed=True) > 2}
    below = {name for name in floor_of if errors_apart(runs[floor_of[name]], runs[name], signed=True) > 2}
    return len(above), len(below), len(set(floor_of) - above - below)


def verdicts_by_test(runs, floor_of):
    found = {"above": 0, "below": 0, "tie": 0}
    for name, floor in floor_of.items():
        t = stats.ttest_rel(runs[name].numpy(), runs[floor].numpy()).statistic
        found["above" if t > 2 else "below" if t < -2 else "tie"] += 1
    return tuple(found.values())


def first_floor(runs, floor_of):
    return count_verdicts(runs, dict.fromkeys(floor_of, "floor"))


def by_hand_spread(h, y, h_test, y_test, draws, *, own=False, deviation=statistics.stdev, share=math.sqrt, best=False):
    values = [linear_probe(h[d], y[d], *((h[d], y[d]) if own else (h_test, y_test))) for d in draws]
    middle = max(values) if best else statistics.fmean(values)
    return middle, deviation(values), deviation(values) / share(len(values))


def spread_with_numpy(h, y, h_test, y_test, draws):
    values = np.array([linear_probe(h[draw], y[draw], h_test, y_test) for draw in draws])
    return values.mean(), values.std(ddof=1), values.std(ddof=1) / np.sqrt(values.size)


def spread_with_scipy(h, y, h_test, y_test, draws):
    values = [linear_probe(h[draw], y[draw], h_test, y_test) for draw in draws]
    return np.mean(values), np.std(values, ddof=1), stats.sem(values)


def spread_with_torch(h, y, h_test, y_test, draws):
    values = torch.tensor([linear_probe(h[draw], y[draw], h_test, y_test) for draw in draws])
    return values.mean(), values.std(), values.var().div(len(values)).sqrt()


def spread_by_squares(h, y, h_test, y_test, draws):
    n, total, squares = 0, 0.0, 0.0
    for draw in draws:
        value = linear_probe(h[draw], y[draw], h_test, y_test)
        n, total, squares = n + 1, total + value, squares + value**2
    deviation = ((squares - total**2 / n) / (n - 1)) ** 0.5
    return [total / n, deviation, deviation * n**-0.5]


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
    "compare.paired": [errors_apart, with_numpy, by_sums, by_test, by_covariance_of_both],
    "compare.floors": [
        count_verdicts,
        verdicts_by_signed,
        verdicts_as_tensor,
        verdicts_with_sets,
        verdicts_by_test,
    ],
    "compare.confound": ["c", "C)", "(c)", "answer: c"],
    "compare.spread": [
        by_hand_spread,
        spread_with_numpy,
        spread_with_scipy,
        spread_with_torch,
        spread_by_squares,
    ],
    "compare.noise": [0.161, "0.16", 40 / (220 * 280) ** 0.5, np.float64(0.159), "about 0.155", torch.tensor(0.1612)],
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
    "compare.paired": [
        ("aren't paired", without_pairs),
        ("isn't divided by the root", lambda a, b: errors_apart(a, b, root=lambda count: 1)),
        ("divided by n, not by its root", lambda a, b: errors_apart(a, b, root=lambda count: count)),
        ("n - 1", lambda a, b: errors_apart(a, b, deviation=statistics.pstdev)),
        ("brackets are missing", lambda a, b: abs((a - b).mean()) / (a - b).std() / math.sqrt(len(a))),
        ("both methods' runs", lambda a, b: errors_apart(a, b, root=lambda count: math.sqrt(2 * count))),
        ("variance stands", lambda a, b: errors_apart(a, b, deviation=statistics.variance)),
        ("variance stands", lambda a, b: errors_apart(a, b, deviation=statistics.variance, root=lambda count: count)),
        ("signs are dropped", lambda a, b: errors_apart((a - b).abs(), torch.zeros_like(a))),
        ("signs are dropped", lambda a, b: (a - b).abs().mean() / (a - b).std() * len(a) ** 0.5),
        ("sorted before", lambda a, b: errors_apart(a, b, order=sorted)),
        ("best runs", lambda a, b: abs(max(a) - max(b)) / ((a - b).std() / len(a) ** 0.5)),
        ("sign is kept", lambda a, b: errors_apart(a, b, signed=True)),
        ("sign is kept", lambda a, b: -errors_apart(a, b, signed=True)),
        ("not a mistake that is known", lambda a, b: float(a.median() - b.median())),
    ],
    "compare.floors": [
        ("same floor", first_floor),
        ("no tie is told", lambda runs, floor_of: count_verdicts(runs, floor_of, limit=0)),
        ("aren't paired", lambda runs, floor_of: count_verdicts(runs, floor_of, errors=without_pairs)),
        (
            "isn't divided by the root",
            lambda runs, floor_of: count_verdicts(
                runs, floor_of, errors=lambda a, b: errors_apart(a, b, root=lambda count: 1)
            ),
        ),
        ("swapped", lambda runs, floor_of: tuple(count_verdicts(runs, floor_of)[place] for place in (1, 0, 2))),
        (
            "called below",
            lambda runs, floor_of: (
                count_verdicts(runs, floor_of)[0],
                len(floor_of) - count_verdicts(runs, floor_of)[0],
                0,
            ),
        ),
        ("3 values were expected", lambda runs, floor_of: count_verdicts(runs, floor_of)[:2]),
        ("not a mistake that is known", lambda runs, floor_of: (len(floor_of), 0, 0)),
    ],
    "compare.confound": [
        ("the question itself", "a"),
        ("same 400", "b"),
        ("chosen in the same way", "d"),
        ("what takes longer", "e"),
    ],
    "compare.spread": [
        ("fitted to", lambda *given: by_hand_spread(*given, own=True)),
        ("n - 1", lambda *given: by_hand_spread(*given, deviation=statistics.pstdev)),
        ("divided by n: divide by the root", lambda *given: by_hand_spread(*given, share=lambda count: count)),
        ("deviation itself", lambda *given: by_hand_spread(*given, share=lambda count: 1)),
        ("best draw", lambda *given: by_hand_spread(*given, best=True)),
        ("swapped", lambda *given: tuple(by_hand_spread(*given)[place] for place in (0, 2, 1))),
        ("3 values were expected", lambda *given: by_hand_spread(*given)[:2]),
    ],
    "compare.noise": [
        ("can't cancel", 0),
        ("only the diagonals", "0.2"),
        ("once too often", 0.026),
        ("root was forgotten", 0.04),
        ("noise equalled noise", 1),
        ("not a slip", 0.5),
    ],
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
