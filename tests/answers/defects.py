"""Answers to the exercises of lesson 08b as students write them: right ones, and each known mistake made once."""

import itertools
import math
import statistics

import numpy as np
import torch
from scipy.spatial.distance import cdist
from sklearn.metrics import (
    auc,
    average_precision_score,
    precision_recall_curve,
    precision_score,
    recall_score,
    roc_auc_score,
)

# --- precision and recall


def table(labels, scores, threshold):
    """Photograph by photograph: how many of each (defect, alarm)."""
    counts = {(bad, rings): 0 for bad in (0, 1) for rings in (False, True)}
    for label, score in zip(labels.tolist(), scores.tolist(), strict=True):
        counts[label, score >= threshold] += 1
    return counts


def in_a_loop(labels, scores, threshold):
    counts = table(labels, scores, threshold)
    return counts[1, True] / (counts[1, True] + counts[0, True]), counts[1, True] / (counts[1, True] + counts[1, False])


def of_scikit(labels, scores, threshold):
    alarm = (scores >= threshold).numpy()
    return precision_score(labels.numpy(), alarm), recall_score(labels.numpy(), alarm)


def by_sets(labels, scores, threshold):
    bad = {place for place, label in enumerate(labels) if label}
    alarms = {place for place, score in enumerate(scores) if not score < threshold}
    return [len(bad & alarms) / len(alarms), len(bad & alarms) / len(bad)]


def in_float64(labels, scores, threshold):
    alarm = (scores.double() >= threshold).double()
    return alarm @ labels.double() / alarm.sum(), alarm @ labels.double() / labels.sum()


def by_choosing(labels, scores, threshold):
    return labels[scores >= threshold].float().mean(), (scores[labels == 1] >= threshold).float().mean()


def in_numpy_counts(labels, scores, threshold):
    labels, alarm = labels.numpy().astype(bool), scores.numpy() >= threshold
    return np.logical_and(labels, alarm).sum() / alarm.sum(), np.logical_and(labels, alarm).sum() / labels.sum()


def with_counts(answer):
    """An answer made of found, missed, false and quiet."""

    def given(*arguments):
        counts = table(*arguments)
        return answer(counts[1, True], counts[1, False], counts[0, True], counts[0, False])

    return given


# --- average precision


def walked(labels, scores, *, ascending=False, value=lambda found, place: found / place, mean=None):
    """Down the list with a counter."""
    found, values = 0, []
    order = sorted(range(len(scores)), key=lambda i: scores[i].item(), reverse=not ascending)
    for place, i in enumerate(order, start=1):
        if labels[i] == 1:
            found += 1
            values.append(value(found, place))
    return sum(values) / (len(values) if mean is None else mean(labels))


def of_sums(labels, scores):
    """Each defect asks who is above it."""
    bad = scores[labels == 1]
    above = (scores[None] >= bad[:, None]).sum(1)
    bad_above = (bad[None] >= bad[:, None]).sum(1)
    return (bad_above / above).mean().item()


def of_the_curve(labels, scores):
    precision, recall, _ = precision_recall_curve(labels, scores)
    return -np.sum(np.diff(recall) * precision[:-1])


def sorted_in_numpy(labels, scores):
    ordered = labels.numpy()[np.argsort(-scores.numpy().astype(np.float64))]
    return (np.cumsum(ordered) / np.arange(1, len(ordered) + 1) * ordered).sum() / ordered.sum()


def of_places(labels, scores):
    """The k-th defect of the list at place p gives k / p."""
    places = labels[scores.sort(descending=True).indices].nonzero().flatten() + 1
    return (torch.arange(1, len(places) + 1) / places).mean()


def sorted_backwards(labels, scores):
    ordered = labels[scores.argsort()].flip(0).double()
    return ((ordered.cumsum(0) / torch.arange(1, len(ordered) + 1)) @ ordered / ordered.sum()).item()


def everywhere(labels, scores):
    ordered = labels[scores.argsort(descending=True)]
    return np.mean([ordered[:place].float().mean() for place in range(1, len(labels) + 1)])


def interpolated(labels, scores):
    precision, recall, _ = precision_recall_curve(labels, scores)
    highest = np.maximum.accumulate(precision[:-1])
    return float((-np.diff(recall) * highest).sum())


def of_the_first(labels, scores):
    count = int(labels.sum())
    return labels[scores.topk(count).indices].float().mean()


# --- tiles


def stepping(length, size, stride):
    places, at = [], 0
    while at + size < length:
        places.append(at)
        at += stride
    places.append(length - size)
    return places


def of_unfold(length, size, stride):
    pixels = torch.arange(length).unfold(0, size, stride)[:, 0].tolist()
    return pixels + [length - size] * (pixels[-1] != length - size)


def clamped(length, size, stride):
    count = math.ceil((length - size) / stride) + 1
    return torch.arange(count).mul(stride).clamp(max=length - size)


def of_a_set(length, size, stride):
    return sorted({*range(0, length - size, stride), length - size})


def in_numpy_places(length, size, stride):
    return np.unique(np.minimum(np.arange(0, length - size + stride, stride), length - size))


def yielding(length, size, stride):
    for start in range(0, length, stride):
        yield min(start, length - size)
        if start + size >= length:
            return


def as_a_tuple(length, size, stride):
    return tuple(stepping(length, size, stride))


def counting(length, size, stride):
    return list(itertools.takewhile(lambda start: start + size <= length, itertools.count(0, stride)))


def broken_generator(length, size, stride):
    yield 0
    raise KeyError("tile")


def pairs_of(normal, new, ridge):
    inverse = torch.linalg.inv(torch.cov(normal.T) + ridge * torch.eye(normal.shape[1]))
    return (new - normal.mean(0)) @ inverse @ (new - normal.mean(0)).T


def ridge_later(normal, new, ridge):
    inverse = torch.linalg.inv(torch.cov(normal.T)) + ridge * torch.eye(normal.shape[1])
    away = new - normal.mean(0)
    return torch.einsum("md,de,me->m", away, inverse, away).sqrt()


# --- the cheapest threshold


def cost(labels, scores, line, missed, false):
    total = 0
    for label, score in zip(labels.tolist(), scores.tolist(), strict=True):
        total += missed if label and score < line else 0
        total += false if not label and score >= line else 0
    return total


def best_of(candidates, labels, scores, missed, false, key=cost):
    costs = [key(labels, scores, line, missed, false) for line in candidates]
    return candidates[costs.index(min(costs))]


def tried(labels, scores, missed, false):
    return best_of([*scores.tolist(), 1e9], labels, scores, missed, false)


def between(labels, scores, missed, false):
    """In the middle of neighbours, and beyond both ends."""
    known = sorted(scores.double().tolist())
    middles = [(a + b) / 2 for a, b in itertools.pairwise(known)]
    return best_of([known[0] - 1, *middles, known[-1] + 1], labels, scores, missed, false)


def at_defects(labels, scores, missed, false):
    """Only the scores of defects can be cheapest, or none."""
    return best_of([*scores[labels == 1], torch.tensor(torch.inf)], labels, scores, missed, false)


def in_one_table(labels, scores, missed, false):
    candidates = torch.cat([scores.sort(descending=True).values, scores.max()[None] + 1])
    alarm = scores[None] >= candidates[:, None]  # (candidates, N)
    costs = missed * (~alarm & (labels == 1)).sum(1) + false * (alarm & (labels == 0)).sum(1)
    return candidates[costs.argmin()]


def running_total(labels, scores, missed, false):
    """From the top of the list down: each photograph that begins to ring changes the price."""
    order = np.argsort(-scores.numpy())
    change = np.where(labels.numpy()[order] == 1, -missed, false)
    totals = np.concatenate([[0], np.cumsum(change)])
    best = int(totals.argmin())
    return np.inf if best == 0 else scores.numpy()[order][best - 1]


def splitting(labels, scores, missed, false):
    ranked = sorted(zip((-scores).tolist(), range(len(scores)), labels.tolist(), strict=True))
    bill, best, line = missed * int(labels.sum()), missed * int(labels.sum()), math.inf
    for score, _, label in ranked:
        bill += -missed if label else false
        if bill < best:
            best, line = bill, -score
    return line


def last_of_the_equal(labels, scores, missed, false):
    return best_of([torch.inf, *sorted(scores.tolist(), reverse=True)][::-1], labels, scores, missed, false)


def rings_above(labels, scores, line, missed, false):
    return cost(labels, scores, math.nextafter(line, math.inf), missed, false)


def by_f(labels, scores, missed, false):
    def harmonic(line):
        precision, recall = in_a_loop(labels, scores, line)
        return 0 if precision + recall == 0 else 2 * precision * recall / (precision + recall)

    return max(scores.tolist(), key=harmonic)


def dearest(labels, scores, missed, false):
    return max([*scores.tolist(), 1e9], key=lambda line: cost(labels, scores, line, missed, false))


def of_rates(labels, scores, missed, false):
    def rates(line):
        wrong = ((labels == 1) & (scores < line)).sum() / (labels == 1).sum()
        rung = ((labels == 0) & (scores >= line)).sum() / (labels == 0).sum()
        return missed * wrong + false * rung

    return min([*scores.tolist(), 1e9], key=rates)


# --- the distance


def one_by_one(normal, new, ridge):
    middle = normal.mean(0)
    inverse = torch.linalg.inv(normal.T.cov() + ridge * torch.eye(normal.shape[1]))
    return torch.stack([((h - middle) @ inverse @ (h - middle)).sqrt() for h in new])


def of_numpy(normal, new, ridge):
    covariance = np.cov(normal.numpy(), rowvar=False) + ridge * np.identity(normal.shape[1])
    difference = new.numpy() - normal.numpy().mean(axis=0)
    return torch.from_numpy(np.sqrt(np.einsum("md,de,me->m", difference, np.linalg.inv(covariance), difference)))


def of_scipy(normal, new, ridge):
    inverse = np.linalg.inv(np.cov(normal.T) + ridge * np.eye(normal.shape[1]))
    return torch.from_numpy(cdist(new, normal.mean(0, keepdim=True), "mahalanobis", VI=inverse)[:, 0])


def by_cholesky(normal, new, ridge):
    h = normal.double() - normal.double().mean(0)
    factor = torch.linalg.cholesky(h.T @ h / (len(h) - 1) + ridge * torch.eye(h.shape[1]).double())
    white = torch.linalg.solve_triangular(factor, (new.double() - normal.double().mean(0)).T, upper=False)
    return white.norm(dim=0)


def by_directions(normal, new, ridge):
    """Along each eigenvector, in units of its spread."""
    values, vectors = torch.linalg.eigh(torch.cov(normal.T))
    return (((new - normal.mean(0)) @ vectors) / (values + ridge).sqrt()).square().sum(1).sqrt().float()


def measured(normal, new, ridge, *, middle=None, change=lambda covariance: covariance, of=None, unit=None, ddof=1):
    """In numpy, with one thing done otherwise."""
    known = (normal if of is None else of).numpy()
    covariance = np.cov(known.T, ddof=ddof) + ridge * (np.eye(known.shape[1]) if unit is None else unit)
    difference = new.numpy() - (normal.mean(0).numpy() if middle is None else middle)
    return torch.tensor([d @ np.linalg.inv(change(covariance)) @ d for d in difference]).sqrt()


# --- the strangest tile


def in_a_dict(scores, photo, *, better=max, order=sorted):
    best = {}
    for score, number in zip(scores.tolist(), photo.tolist(), strict=True):
        best[number] = better(best[number], score) if number in best else score
    return torch.tensor([best[number] for number in order(best)])


def scattered(scores, photo):
    _, place = photo.unique(return_inverse=True)
    return torch.full((int(place.max()) + 1,), -torch.inf).scatter_reduce(0, place, scores, "amax")


def masked(scores, photo):
    same = photo[None] == photo.unique()[:, None]  # (N, T)
    return torch.where(same, scores, -torch.inf).amax(1)


def of_numpy_maximum(scores, photo):
    numbers, place = np.unique(photo.numpy(), return_inverse=True)
    best = np.full(len(numbers), -np.inf)
    np.maximum.at(best, place, scores.numpy())
    return torch.from_numpy(best)


def sorted_first(scores, photo):
    """By score, then stably by photograph: the last of each is its strangest."""
    order = scores.argsort()
    order = order[photo[order].argsort(stable=True)]
    last = torch.cat([photo[order].diff() != 0, torch.tensor([True])])
    return scores[order][last]


def by_group(value, groups=lambda photo: sorted(set(photo.tolist()))):
    return lambda scores, photo: torch.tensor([value(scores[photo == number].tolist()) for number in groups(photo)])


def back_to_tiles(scores, photo):
    return torch.stack([scores[photo == number].max() for number in photo])


def from_zero(scores, photo):
    place = photo.unique(return_inverse=True)[1]
    return torch.zeros(len(photo.unique())).scatter_reduce(0, place, scores, "amax")


def in_rows(scores, photo):
    return torch.stack([part.max() for part in torch.tensor_split(scores, len(set(photo.tolist())))])


def with_gaps(scores, photo, start=0.0):
    best = torch.full((int(photo.max()) + 1,), start)
    for number in photo.unique():
        best[number] = scores[photo == number].max()
    return best


RIGHT = {
    "defects.counts": [in_a_loop, of_scikit, by_sets, in_float64, by_choosing, in_numpy_counts],
    "defects.average": [
        walked,
        of_sums,
        of_the_curve,
        sorted_in_numpy,
        of_places,
        sorted_backwards,
        lambda labels, scores: average_precision_score(labels, scores),
        lambda labels, scores: walked(labels.flip(0), scores.flip(0).double()),
    ],
    "defects.starts": [
        stepping,
        of_unfold,
        clamped,
        of_a_set,
        in_numpy_places,
        yielding,
        as_a_tuple,
        lambda *given: [torch.tensor(start) for start in stepping(*given)],
    ],
    "defects.cheapest": [
        tried,
        between,
        at_defects,
        in_one_table,
        last_of_the_equal,
        lambda *given: np.float64(tried(*given)) - 1e-4,  # a little below its score is as cheap
    ],
    "defects.distance": [one_by_one, of_numpy, of_scipy, by_cholesky, by_directions, measured],
    "defects.strangest": [
        in_a_dict,
        scattered,
        masked,
        of_numpy_maximum,
        sorted_first,
        by_group(max),
        lambda scores, photo: in_a_dict(scores.flip(0), photo.flip(0)).double(),
    ],
    "defects.tiles": [1 - 0.99**49, 0.389, "38.9 %", "0,389", 0.39, torch.tensor(0.3889), np.float64(0.388), "39 %"],
    "defects.confound": ["c", "C", " c ", "c)", "**c**", "(c)"],
}
# By exercise: a few words of the sentence that must name the mistake, and an answer that makes it.
WRONG = {
    "defects.counts": [
        ("at the threshold is no alarm", lambda labels, scores, line: in_a_loop(labels, scores, line + 1e-6)),
        ("rings below", lambda labels, scores, line: in_a_loop(labels, -scores, -line)),
        ("exchanged", lambda *given: by_sets(*given)[::-1]),
        ("is the accuracy", with_counts(lambda tp, fn, fp, tn: ((tp + tn) / (tp + fn + fp + tn), tp / (tp + fn)))),
        ("taken for what is looked for", with_counts(lambda tp, fn, fp, tn: (tn / (tn + fn), tn / (tn + fp)))),
        ("precision is divided by all", with_counts(lambda tp, fn, fp, tn: (tp / (tp + fn + fp + tn), tp / (tp + fn)))),
        ("recall is divided by all", with_counts(lambda tp, fn, fp, tn: (tp / (tp + fp), tp / (tp + fn + fp + tn)))),
        ("share of false alarms", with_counts(lambda tp, fn, fp, tn: (fp / (tp + fp), tp / (tp + fn)))),
        ("share of the missed", with_counts(lambda tp, fn, fp, tn: (tp / (tp + fp), fn / (tp + fn)))),
        ("good photographs without an alarm", with_counts(lambda tp, fn, fp, tn: (tp / (tp + fp), tn / (tn + fp)))),
        ("in per cent", lambda *given: tuple(100 * share for share in in_a_loop(*given))),
        ("as counts", with_counts(lambda tp, fn, fp, tn: (tp, fp))),
        ("2 values were expected", lambda *given: in_a_loop(*given)[0]),
        ("not a mistake that is known", with_counts(lambda tp, fn, fp, tn: (tp / (tp + fp), 0.5))),
    ],
    "defects.average": [
        ("begins with the lowest", lambda labels, scores: walked(labels, scores, ascending=True)),
        ("into the order", lambda labels, scores: walked(labels, -torch.arange(len(scores)))),
        ("over all places", everywhere),
        ("number of photographs", lambda labels, scores: walked(labels, scores, mean=len)),
        (
            "itself isn't counted",
            lambda labels, scores: walked(labels, scores, value=lambda found, place: (found - 1) / place),
        ),
        ("1 / place", lambda labels, scores: walked(labels, scores, value=lambda found, place: 1 / place)),
        ("trapezoids", lambda labels, scores: auc(*precision_recall_curve(labels, scores)[1::-1])),
        ("(ROC)", lambda labels, scores: roc_auc_score(labels, scores)),
        ("interpolated", interpolated),
        ("as many alarms", of_the_first),
        ("isn't divided", lambda labels, scores: walked(labels, scores, mean=lambda labels: 1)),
        ("not a mistake that is known", lambda labels, scores: walked(labels[:-1], scores[:-1]) / 2),
    ],
    "defects.starts": [
        ("is left out", counting),
        ("come twice", lambda length, size, stride: [*counting(length, size, stride), length - size]),
        ("run over the edge", lambda length, size, stride: np.arange(0, length, stride)),
        (
            "run over the edge",
            lambda length, size, stride: [k * stride for k in range(len(stepping(length, size, stride)))],
        ),
        ("range leaves out its end", lambda length, size, stride: stepping(length, size, stride)[:-1]),
        (
            "moved to the edge",
            lambda length, size, stride: [*counting(length, size, stride)[:-1], length - size],
        ),
        (
            "spread evenly",
            lambda length, size, stride: (
                np.linspace(0, length - size, len(stepping(length, size, stride))).round().astype(int)
            ),
        ),
        ("edge to edge", lambda length, size, stride: stepping(length, size, size)),
        ("begins at length - stride", lambda length, size, stride: of_a_set(length, stride, stride)),
        ("the ends of the tiles", lambda length, size, stride: torch.tensor(stepping(length, size, stride)) + size),
        ("the first tile", lambda length, size, stride: stepping(length, size, stride)[1:]),
        ("whole pixel", lambda *given: [start + 0.5 for start in stepping(*given)]),
        ("a list of whole numbers", lambda *given: len(stepping(*given))),
        ("a list of whole numbers", lambda *given: "0, 1, 2"),
        ("aren't numbers", lambda *given: [(start,) for start in stepping(*given)]),
        ("a tensor (2, 3)", lambda *given: torch.zeros(2, 3)),
        ("it stops with KeyError", broken_generator),
        ("not a mistake that is known", lambda *given: itertools.count()),
        ("a slice doesn't take", lambda *given: [float("nan")]),
        ("a slice doesn't take", lambda *given: map(float, stepping(*given))),
        ("don't ascend", lambda *given: stepping(*given)[::-1]),
        (
            "is asked of `length`",
            lambda length, size, stride: counting(length, size, stride) + [length - size] * bool(length % stride),
        ),
    ],
    "defects.cheapest": [
        ("exchanged", lambda labels, scores, missed, false: tried(labels, scores, false, missed)),
        ("best accuracy", lambda labels, scores, missed, false: tried(labels, scores, 1, 1)),
        (
            "chosen for `>`",
            lambda labels, scores, *prices: best_of([*scores.tolist(), -1e9], labels, scores, *prices, key=rings_above),
        ),
        ("above all scores", lambda labels, scores, *prices: best_of(scores.tolist(), labels, scores, *prices)),
        ("everything rings", lambda labels, scores, missed, false: -math.inf),
        ("never to ring", lambda labels, scores, missed, false: 1e9),
        ("dearest", dearest),
        ("F score", by_f),
        ("shares of each class", of_rates),
        ("lowest score of a defect", lambda labels, scores, missed, false: scores[labels.bool()].amin()),
        ("number of the photograph", lambda labels, scores, *prices: in_place(labels, scores, *prices)),
        (
            "the price is returned",
            lambda labels, scores, *prices: cost(labels, scores, tried(labels, scores, *prices), *prices) / len(labels),
        ),
        ("is nan", lambda *given: torch.tensor(torch.nan)),
        ("price of your threshold", running_total),  # splits equal scores
        ("equal scores", splitting),
        ("`false` is ignored", lambda labels, scores, missed, false: tried(labels, scores, missed, 1)),
        ("`missed` is ignored", lambda labels, scores, missed, false: tried(labels, scores, 1, false)),
        (
            "on a grid",
            lambda labels, scores, *prices: best_of(
                [*np.linspace(scores.min(), scores.max(), 101), math.inf], labels, scores, *prices
            ),
        ),
        ("is rounded", lambda *given: round(float(tried(*given)), 2)),
    ],
    "defects.distance": [
        ("root isn't taken", lambda *given: measured(*given) ** 2),
        ("isn't inverted", lambda *given: measured(*given, change=np.linalg.inv)),
        ("mean of the new ones", lambda normal, new, r: measured(normal, new, r, middle=new.numpy().mean(0))),
        ("no mean is subtracted", lambda *given: measured(*given, middle=0)),
        ("that of the new ones", lambda normal, new, ridge: measured(normal, new, ridge, of=new)),
        ("ridge is left out", lambda normal, new, ridge: one_by_one(normal, new, 0)),
        ("all numbers of the covariance", lambda *given: measured(*given, unit=1)),
        ("its own deviation", lambda *given: measured(*given, change=lambda c: np.diag(np.diag(c)))),
        ("stands on the diagonal", lambda *given: pairs_of(*given).abs().sqrt()),
        ("added to the inverse", ridge_later),
        ("plain distance", lambda normal, new, ridge: torch.cdist(new, normal.mean(0)[None])[:, 0]),
        ("N - 1", lambda *given: measured(*given, ddof=0)),
        ("inverted by itself", lambda *given: measured(*given, change=lambda c: np.linalg.inv(1 / c))),
        ("taken twice", lambda *given: measured(*given, change=lambda c: c @ c)),
        ("it stops with", lambda normal, new, ridge: (new - normal.mean(0)) @ torch.cov(normal).inverse()),
        ("not a mistake that is known", lambda normal, new, ridge: one_by_one(normal, new, 10 * ridge)),
    ],
    "defects.strangest": [
        ("mean of the tiles", by_group(statistics.fmean)),
        ("sum of the tiles", by_group(sum)),
        ("lowest score", by_group(min)),
        ("median", by_group(statistics.median_low)),
        ("from 0 on", from_zero),
        ("in which they come", lambda scores, photo: in_a_dict(scores, photo, order=list)),
        ("as they lie", in_rows),
        ("place of the tile", by_group(lambda part: float(part.index(max(part))))),
        ("without its sign", by_group(lambda part: max(part, key=abs))),
        ("without its sign", by_group(lambda part: max(map(abs, part)))),
        ("from the highest number down", lambda scores, photo: in_a_dict(scores, photo).flip(0)),
        ("each tile gets", back_to_tiles),
        ("numbers without a photograph", with_gaps),
        ("numbers without a photograph", lambda scores, photo: with_gaps(scores, photo, -1e9)),
        ("not a mistake that is known", by_group(lambda part: sorted(part)[-2:][0])),
    ],
    "defects.tiles": [
        ("added", 49 / 100),
        ("without an alarm", 0.611),
        ("share of tiles", 0.01),
        ("exactly one", 0.303),
        ("in per cent", 38.9),
        ("in per cent", 39),
        ("all tiles ring", 1 - 0.01**49),
        ("along one side", 0.068),
        ("not a slip that is known", 0.75),
    ],
    "defects.confound": [
        ("true of the accuracy", "a"),
        ("has no threshold", "b"),
        ("a few points", "d"),
        ("one of", "the day"),
    ],
}


def in_place(labels, scores, missed, false):
    line = tried(labels, scores, missed, false)
    return [*scores.tolist(), 1e9].index(line)
