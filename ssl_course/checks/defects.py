"""Exercises of lesson 08b: precision and recall, average precision, tiles, prices, distances, the strangest tile."""

import functools
import itertools
import math
from collections.abc import Iterable

import torch
from torch import Tensor

from ssl_course.checks.engine import Choice, Essay, Exercise, Function, Number, Stopped, Unfit, attempt, is_number


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


# --- precision and recall, functions of (labels, scores, threshold)


def shares(labels: Tensor, alarm: Tensor) -> tuple[float, float]:
    found = int((alarm & (labels == 1)).sum())
    return found / int(alarm.sum()), found / int((labels == 1).sum())


def precision_recall(labels: Tensor, scores: Tensor, threshold: float) -> tuple[float, float]:
    return shares(labels, scores >= threshold)


def counted(labels: Tensor, scores: Tensor, threshold: float) -> tuple[int, int, int, int]:
    """Found and missed defects, false alarms, and good ones without an alarm."""
    alarm, bad = scores >= threshold, labels == 1
    return tuple(int(part.sum()) for part in (alarm & bad, ~alarm & bad, alarm & ~bad, ~alarm & ~bad))


def from_counts(precision, recall):
    """Functions of the four counts (found, missed, false, quiet)."""
    return lambda *given: (precision(*counted(*given)), recall(*counted(*given)))


def the_precision(found, missed, false, quiet):
    return found / (found + false)


def the_recall(found, missed, false, quiet):
    return found / (found + missed)


COUNTS = {
    "a score at the threshold is no alarm: the rule has `>=`, since the threshold often is one of the scores.": (
        lambda labels, scores, threshold: shares(labels, scores > threshold)
    ),
    "the alarm rings below the threshold: a high score is strange.": (
        lambda labels, scores, threshold: shares(labels, scores <= threshold)
    ),
    "the two values are exchanged: precision first, then recall.": from_counts(the_recall, the_precision),
    "precision is the accuracy: it looks at the alarms alone. Good photographs without an alarm have no place in it.": (
        from_counts(lambda found, missed, false, quiet: (found + quiet) / (found + missed + false + quiet), the_recall)
    ),
    "the good photographs are taken for what is looked for: the defects are, so count those with label 1.": (
        lambda labels, scores, threshold: shares(1 - labels, scores < threshold)
    ),
    "precision is divided by all photographs: divide it by the number of alarms.": from_counts(
        lambda found, missed, false, quiet: found / (found + missed + false + quiet), the_recall
    ),
    "recall is divided by all photographs: divide it by the number of defects.": from_counts(
        the_precision, lambda found, missed, false, quiet: found / (found + missed + false + quiet)
    ),
    "the share of false alarms among the alarms is returned: precision is the share of right ones, 1 minus it.": (
        from_counts(lambda *counts: 1 - the_precision(*counts), the_recall)
    ),
    "the share of the missed is returned: recall is the share of the found, 1 minus it.": (
        from_counts(the_precision, lambda *counts: 1 - the_recall(*counts))
    ),
    "recall is the share of the good photographs without an alarm: it is about the defects.": (
        from_counts(the_precision, lambda found, missed, false, quiet: quiet / (false + quiet))
    ),
    "the shares are in per cent: return numbers from 0 to 1.": (
        from_counts(lambda *counts: 100 * the_precision(*counts), lambda *counts: 100 * the_recall(*counts))
    ),
    "found defects and false alarms are returned as counts: divide them.": (
        from_counts(lambda found, missed, false, quiet: found, lambda found, missed, false, quiet: false)
    ),
}


def counts_cases() -> list[tuple]:
    """A score stands at the threshold in each; one has a single defect, one only negative scores."""
    labels = torch.tensor([0, 1, 0, 0, 1, 0, 1, 0, 0, 1, 0, 0])
    scores = torch.tensor([0.1, 0.9, 0.5, 0.2, 0.5, 0.7, 0.3, 0.6, 0.0, 0.8, 0.4, 0.15])
    alone = torch.tensor([0, 0, 1, 0, 0, 0, 0])
    return [
        (labels, scores, 0.5),
        (alone, torch.tensor([3.0, 2.0, 2.5, -1.0, 2.5, 0.0, 1.0]), 2.5),
        (labels.flip(0), scores - 4, -3.75 + 0.25),
    ]


# --- average precision, functions of (labels, scores)


def in_order(labels: Tensor, scores: Tensor) -> Tensor:
    return labels[scores.argsort(descending=True)]


def ranks(labels: Tensor) -> Tensor:
    return torch.arange(1.0, len(labels) + 1)


def precisions(ordered: Tensor) -> Tensor:
    """The precision at each place of the list."""
    return ordered.cumsum(dim=0) / ranks(ordered)


def average_precision(labels: Tensor, scores: Tensor) -> float:
    ordered = in_order(labels, scores)
    return precisions(ordered)[ordered == 1].mean().item()


def by_trapezoids(labels, scores):
    ordered = in_order(labels, scores)
    precision = torch.cat([torch.ones(1), precisions(ordered)])
    recall = torch.cat([torch.zeros(1), ordered.cumsum(dim=0) / ordered.sum()])
    return torch.trapezoid(precision, recall)


def ordered_pairs(labels, scores):
    """Area under the ROC curve."""
    return (scores[labels == 1].unsqueeze(1) > scores[labels == 0]).float().mean()


def best_from_here(labels, scores):
    ordered = in_order(labels, scores)
    best = precisions(ordered).flip(0).cummax(dim=0).values.flip(0)
    return best[ordered == 1].mean()


AVERAGE = {
    "the list begins with the lowest score: the strangest photograph comes first.": (
        lambda labels, scores: average_precision(labels, -scores)
    ),
    "the labels aren't brought into the order of the scores.": (
        lambda labels, scores: precisions(labels)[labels == 1].mean()
    ),
    "the precision is averaged over all places: only over those at which a defect stands.": (
        lambda labels, scores: precisions(in_order(labels, scores)).mean()
    ),
    "the sum is divided by the number of photographs: divide it by the number of defects.": (
        lambda labels, scores: average_precision(labels, scores) * labels.float().mean()
    ),
    "the defect itself isn't counted: at its own place it has been found.": (
        lambda labels, scores: ((in_order(labels, scores).cumsum(0) - 1) / ranks(labels))[
            in_order(labels, scores) == 1
        ].mean()
    ),
    "1 / place is averaged: at the third defect three have been found, so it is 3 / place.": (
        lambda labels, scores: (1 / ranks(labels))[in_order(labels, scores) == 1].mean()
    ),
    "the area is made of trapezoids: the curve goes in steps, one for each defect, as scikit-learn's does.": (
        by_trapezoids
    ),
    "the area under another curve (ROC) is returned: that one looks fine when defects are rare.": ordered_pairs,
    "the best precision from there on is taken (interpolated): take that of the place itself.": best_from_here,
    "the precision at one place is returned, that of as many alarms as there are defects: average it over all places "
    "with a defect.": lambda labels, scores: precisions(in_order(labels, scores))[int(labels.sum()) - 1],
    "the sum isn't divided by the number of defects.": (
        lambda labels, scores: average_precision(labels, scores) * labels.sum()
    ),
}


def average_cases() -> list[tuple]:
    """No two scores are equal; the second case has negative scores, the third a single defect."""
    labels = torch.tensor([0, 1, 0, 0, 1, 0, 1, 0, 0, 1])
    scores = torch.tensor([0.35, 0.9, 0.8, 0.2, 0.7, 0.65, 0.1, 0.3, 0.05, 0.6])
    return [(labels, scores), (labels.roll(4), scores.flip(0) - 3), (labels.roll(3)[:5], scores[:5])]


# --- where tiles begin, functions of (length, size, stride)


def starts(length: int, size: int, stride: int) -> list[int]:
    """The corner of the last tile is at length - size."""
    return [*range(0, length - size, stride), length - size]


def moved_to_the_edge(length, size, stride):
    regular = list(range(0, length - size + 1, stride))
    return [*regular[:-1], length - size]


def evenly(length, size, stride):
    count = len(starts(length, size, stride))
    return [round(place * (length - size) / max(count - 1, 1)) for place in range(count)]


def edge_if(left, length, size, stride):
    """The regular tiles, and one at the edge if something is left."""
    return [*range(0, length - size + 1, stride), *([length - size] if left else [])]


STARTS = {
    "what is left at the end is left out: add a tile that lies at the edge.": (
        lambda length, size, stride: list(range(0, length - size + 1, stride))
    ),
    "the tile at the edge is always added: where the strides fit, it is there already and would come twice.": (
        lambda length, size, stride: [*range(0, length - size + 1, stride), length - size]
    ),
    "the last tiles run over the edge: a tile begins at length - size at the latest.": (
        lambda length, size, stride: list(range(0, length, stride)),
        lambda length, size, stride: [stride * place for place in range(math.ceil((length - size) / stride) + 1)],
    ),
    "range leaves out its end: a tile that begins at length - size still fits.": (
        lambda length, size, stride: list(range(0, length - size, stride))
    ),
    "the last regular tile is moved to the edge: that leaves a gap before it. Add one.": moved_to_the_edge,
    "the tiles are spread evenly: they begin every `stride` pixels, and only the last may be nearer.": evenly,
    "the tiles lie edge to edge: they begin every `stride` pixels, not every `size`.": (
        lambda length, size, stride: starts(length, size, size)
    ),
    "the last tile begins at length - stride: it is `size` long.": (
        lambda length, size, stride: [*range(0, length - stride, stride), length - stride]
    ),
    "the ends of the tiles are returned: return where they begin.": (
        lambda length, size, stride: [start + size for start in starts(length, size, stride)]
    ),
    "whether something is left is asked of `length`: the last tile begins at length - size, so ask that.": (
        lambda length, size, stride: edge_if(length % stride, length, size, stride),
        lambda length, size, stride: edge_if(length % size, length, size, stride),
        lambda length, size, stride: edge_if((length - size) % stride and length % size, length, size, stride),
        lambda length, size, stride: edge_if((length - size) % stride or length % stride, length, size, stride),
    ),
    "the first tile, at 0, is missing.": (
        lambda length, size, stride: starts(length, size, stride)[1:],
        lambda length, size, stride: [*range(stride, length - size, stride), length - size],
    ),
}


def as_list(result: object, *given: int) -> list[int]:
    """The places as a list, whatever holds them."""
    if isinstance(result, str | bytes | dict) or not isinstance(result, Iterable):
        raise Unfit(f"a list of whole numbers was expected, got {type(result).__name__}.")
    if isinstance(result, Tensor) and result.ndim != 1:
        raise Unfit(f"a list of whole numbers was expected, got a tensor {tuple(result.shape)}.")
    places, verdict = attempt(list, itertools.islice(result, 10_000))  # a generator runs only now
    if verdict is not None:
        raise Stopped(verdict)
    if not all(is_number(place) for place in places):
        raise Unfit("a list of whole numbers was expected, and some of these aren't numbers.")
    if any(float(place) != int(place) for place in places if math.isfinite(place)):
        raise Unfit("a tile begins at a whole pixel: return whole numbers.")
    if not all(hasattr(place, "__index__") for place in places) or (
        isinstance(result, Tensor) and result.is_floating_point()
    ):
        raise Unfit("these are whole, but floats: a slice doesn't take 25.0. Divide by //, or use int().")
    if not places:
        raise Unfit("the list is empty: one tile always fits, at 0.")
    if sorted(places) != places:
        raise Unfit("the places don't ascend: sort them.")
    return [float(place) for place in places]


def starts_cases() -> list[tuple]:
    """Where the strides fit, where they don't, where a single tile fits, where tiles lie edge to edge, and where one
    of length and length - size can be divided by what the other can't."""
    fitting = [(100, 40, 25), (96, 64, 32), (64, 64, 32), (70, 20, 20), (101, 30, 14)]
    return [*fitting, (21, 10, 10), (100, 50, 30), (5, 1, 1), (90, 50, 30), (5, 3, 2)]


# --- the cheapest threshold, functions of (labels, scores, missed, false)


def price(labels: Tensor, scores: Tensor, threshold: float, missed: float, false: float) -> float:
    alarm = scores.double() >= float(threshold)
    return (missed * int(((labels == 1) & ~alarm).sum()) + false * int(((labels == 0) & alarm).sum())) / len(labels)


def lines(scores: Tensor, least: float = float("inf")) -> list[float]:
    """All thresholds that make a difference; the last one never rings."""
    return [*scores.tolist(), least]


def cheapest(labels: Tensor, scores: Tensor, missed: float, false: float) -> float:
    return min(lines(scores), key=lambda line: price(labels, scores, line, missed, false))


def as_if(missed_price, false_price, pick=min):
    """The cheapest threshold at other prices, which are functions of (missed, false); of equal ones in any order."""

    def answer(labels, scores, missed, false, order=None):
        prices = missed_price(missed, false), false_price(missed, false)
        tried = lines(scores) if order is None else sorted(lines(scores), reverse=order)
        return pick(tried, key=lambda line: price(labels, scores, line, *prices))

    return answer, functools.partial(answer, order=True), functools.partial(answer, order=False)


def above(labels, scores, missed, false):
    """The line is right for `>`, and is used with `>=`."""

    def cost(line):
        alarm = scores > line
        return missed * int(((labels == 1) & ~alarm).sum()) + false * int(((labels == 0) & alarm).sum())

    return min(lines(scores, float("-inf")), key=cost)


def by_shares(labels, scores, missed, false, order=None):
    """Counts replaced by shares of each class."""
    bad = float(labels.float().mean())
    return as_if(lambda *_: missed / bad, lambda *_: false / (1 - bad))[0](labels, scores, missed, false, order=order)


def least(labels, scores, missed, false):
    return price(labels, scores, cheapest(labels, scores, missed, false), missed, false)


def one_by_one(labels, scores, missed, false):
    """A running sum over the sorted scores."""
    order = scores.argsort(descending=True, stable=True)
    ordered = labels[order]
    costs = missed * (ordered.sum() - ordered.cumsum(0)) + false * (1 - ordered).cumsum(0)
    return float(scores[order][costs.argmin()]) if costs.min() < missed * ordered.sum() else math.inf


def on_a_grid(labels, scores, missed, false, count=100):
    grid = torch.linspace(float(scores.min()), float(scores.max()), count, dtype=torch.float64).tolist()
    return min([*grid, math.inf], key=lambda line: price(labels, scores, line, missed, false))


def best_f(labels, scores, missed, false):
    def harmonic(line):
        alarm = scores >= line
        return 2 * int((alarm & (labels == 1)).sum()) / int(alarm.sum() + labels.sum())

    return max(scores.tolist(), key=harmonic)


CHEAPEST = {
    "the two prices are exchanged: `missed` is paid for a defect without an alarm.": as_if(
        lambda missed, false: false, lambda missed, false: missed
    ),
    "the prices are ignored, which gives the best accuracy: multiply each count by its price.": as_if(
        lambda missed, false: 1, lambda missed, false: 1
    ),
    "`false` is ignored: each false alarm costs that much, and not 1.": as_if(
        lambda missed, false: missed, lambda missed, false: 1
    ),
    "`missed` is ignored: each missed defect costs that much, and not 1.": as_if(
        lambda missed, false: 1, lambda missed, false: false
    ),
    "the threshold is rounded: the next score may lie in between. Return it as it is.": (
        lambda labels, scores, missed, false: round(cheapest(labels, scores, missed, false), 2),
        lambda labels, scores, missed, false: round(cheapest(labels, scores, missed, false), 1),
    ),
    "equal scores are taken one by one: at a threshold all of them ring, or none.": one_by_one,
    "the threshold is chosen for `>`: a score at the threshold is an alarm, `>=`.": above,
    "no threshold above all scores is tried: if false alarms are dear, to ring never may be cheapest. Add infinity.": (
        lambda labels, scores, missed, false: min(
            scores.tolist(), key=lambda line: price(labels, scores, line, missed, false)
        )
    ),
    "only the missed ones are paid for: then the lowest threshold is cheapest, and everything rings.": (
        lambda labels, scores, missed, false: float(scores.min())
    ),
    "only the false alarms are paid for: then it is cheapest never to ring.": (
        lambda labels, scores, missed, false: float("inf")
    ),
    "the dearest threshold is returned: take the smallest price.": as_if(
        lambda missed, false: missed, lambda missed, false: false, max
    ),
    "the threshold is the one with the best F score, which knows no prices.": best_f,
    "the shares of each class are paid for: count photographs, since there are many good ones.": (
        by_shares,
        functools.partial(by_shares, order=True),
        functools.partial(by_shares, order=False),
    ),
    "the threshold is the lowest score of a defect: that misses none, at any price.": (
        lambda labels, scores, missed, false: float(scores[labels == 1].min())
    ),
    "the number of the photograph is returned: return its score.": (
        lambda labels, scores, missed, false: lines(scores).index(cheapest(labels, scores, missed, false))
    ),
    "the price is returned: return the threshold that reaches it.": (
        lambda labels, scores, missed, false: least(labels, scores, missed, false),
        lambda labels, scores, missed, false: len(labels) * least(labels, scores, missed, false),
    ),
    "thresholds are tried on a grid: two scores may lie between its lines. Try the scores themselves.": tuple(
        functools.partial(on_a_grid, count=count) for count in (10, 11, 20, 21, 50, 51, 100, 101, 200, 201)
    ),
}


def paid(result: object, labels: Tensor, scores: Tensor, missed: float, false: float) -> tuple[float]:
    """What the threshold costs a photograph: any threshold is right that costs the least."""
    if math.isnan(float(result)):
        raise Unfit("the threshold is nan, which nothing can be compared with.")
    return (price(labels, scores, float(result), missed, false),)


def cheapest_cases() -> list[tuple]:
    """Scores in quarters, which float32 holds exactly; some are equal, two lie near each other beside a far one.

    Either price is the dear one, and neither is always 1; in some to ring never is cheapest. One has 400 scores.
    """
    many = (torch.arange(400) % 5 == 0).long()
    labels = torch.tensor([0, 0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0])
    scores = torch.tensor([1.25, 3, 6.5, 2.25, 3.25, 0.5, 4.5, 2, 5.75, 0.75, 2.75, 0.25, 4, 5, 1.5, 5.25])
    tied = torch.tensor([1.0, 2, 2, 1, 2, 3, 1, 3, 1, 0, 2, 1, 1, 3, 0, 1])
    near = torch.tensor([9.0, 9.25, 9.5, 9, 9.75, 9.25, 9.25, 0, 9, 9.75, 9.25, 9.5, 9, 600, 9.25, 9])
    return [
        (labels, scores, 3.0, 1.0),
        (labels, scores, 50.0, 1.0),
        (labels.roll(3), scores - 7, 1.0, 4.0),
        (labels.roll(5), 20 - scores, 1.5, 2.5),
        (labels, scores, 20.0, 10.0),
        (labels, scores, 2.75, 1.25),
        (labels, tied, 2.5, 1.5),
        (labels.roll(1), tied, 4.0, 1.5),
        (labels, near, 2.5, 1.0),
        (labels.roll(5), 20 - scores, 2.0, 1.5),
        (many, drawn(400, seed=7) + 1.5 * many, 3.0, 2.0),
        (torch.tensor([1, 0, 0, 0, 0]), torch.tensor([2.0, 2, 2, 2, 1]), 2.0, 1.0),
        (torch.tensor([0, 1]), torch.tensor([2.0, 1.5]), 1.0, 5.0),
    ]


# --- the distance to the normal, functions of (normal, new, ridge)


def distances(difference: Tensor, covariance: Tensor) -> Tensor:
    return (difference * torch.linalg.solve(covariance, difference.T).T).sum(dim=1).sqrt()


def mahalanobis(normal: Tensor, new: Tensor, ridge: float, correction: int = 1) -> Tensor:
    return distances(new - normal.mean(dim=0), spread(normal, ridge, correction))


def spread(normal: Tensor, ridge: float, correction: int = 1) -> Tensor:
    return torch.cov(normal.T, correction=correction) + ridge * torch.eye(normal.shape[1])


def centred(normal: Tensor, new: Tensor) -> Tensor:
    return new - normal.mean(dim=0)


def all_pairs(normal: Tensor, new: Tensor, ridge: float) -> Tensor:
    difference = centred(normal, new)
    return difference @ torch.linalg.inv(spread(normal, ridge)) @ difference.T


DISTANCE = {
    "the root isn't taken: these are the squares.": lambda normal, new, ridge: mahalanobis(normal, new, ridge).square(),
    "the covariance isn't inverted: wide directions must count less, not more.": (
        lambda normal, new, ridge: distances(centred(normal, new), torch.linalg.inv(spread(normal, ridge)))
    ),
    "the mean of the new ones is subtracted: the middle is that of the normal ones.": (
        lambda normal, new, ridge: distances(new - new.mean(dim=0), spread(normal, ridge))
    ),
    "no mean is subtracted: the distance is to the middle of the normal ones, not to 0.": (
        lambda normal, new, ridge: distances(new, spread(normal, ridge))
    ),
    "the covariance is that of the new ones: what is normal is said by the normal ones.": (
        lambda normal, new, ridge: distances(centred(normal, new), spread(new, ridge))
    ),
    "the ridge is left out.": lambda normal, new, ridge: mahalanobis(normal, new, 0.0),
    "the ridge is added to all numbers of the covariance: to the diagonal alone, `ridge * torch.eye(D)`.": (
        lambda normal, new, ridge: distances(centred(normal, new), spread(normal, 0.0) + ridge)
    ),
    "each feature is divided by its own deviation: that leaves out how they go together.": (
        lambda normal, new, ridge: distances(centred(normal, new), spread(normal, ridge).diagonal().diag())
    ),
    "each tile is multiplied with every other: only a tile with itself is asked, which stands on the diagonal.": (
        lambda normal, new, ridge: all_pairs(normal, new, ridge).sqrt(),
        lambda normal, new, ridge: all_pairs(normal, new, ridge).abs().sqrt(),
        lambda normal, new, ridge: all_pairs(normal, new, ridge),
    ),
    "the ridge is added to the inverse: add it before the matrix is inverted.": (
        lambda normal, new, ridge: distances(
            centred(normal, new),
            torch.linalg.inv(torch.linalg.inv(spread(normal, 0.0)) + ridge * torch.eye(normal.shape[1])),
        )
    ),
    "the plain distance is returned, without the covariance.": lambda normal, new, ridge: centred(normal, new).norm(
        dim=1
    ),
    "the squares are divided by their number, N: torch.cov and np.cov divide by N - 1.": (
        lambda normal, new, ridge: mahalanobis(normal, new, ridge, correction=0)
    ),
    "each number of the covariance is inverted by itself: the inverse of the matrix is meant.": (
        lambda normal, new, ridge: distances(centred(normal, new), torch.linalg.inv(1 / spread(normal, ridge)))
    ),
    "the inverse of the covariance is taken twice: once is enough.": (
        lambda normal, new, ridge: distances(centred(normal, new), spread(normal, ridge) @ spread(normal, ridge))
    ),
}


def distance_cases() -> list[tuple]:
    """Features that go together, of unequal spread, far from 0."""
    mix, level = torch.tensor([[2.0, 1.5, 0.3], [0.0, 0.8, -0.4], [0.0, 0.0, 0.5]]), torch.tensor([3.0, -1.0, 0.5])
    normal, new = level + drawn(9, 3, seed=1) @ mix, level + 1 + 2 * drawn(5, 3, seed=2)
    return [(normal, new, 0.1), (normal[:6, :2] - 2, new[:4, :2], 0.3)]


# --- the score of a photograph, functions of (scores, photo)


def strangest(scores: Tensor, photo: Tensor) -> Tensor:
    return torch.stack([scores[photo == number].max() for number in photo.unique()])


def of_each(judge):
    """A value of each photograph's tiles, photographs sorted."""
    return lambda scores, photo: torch.stack([judge(scores[photo == number]) for number in photo.unique()])


def as_they_come(scores, photo):
    order = dict.fromkeys(photo.tolist())
    return torch.stack([scores[photo == number].max() for number in order])


def by_position(scores, photo):
    """As if each photograph had as many tiles, one after the other."""
    return torch.stack([part.max() for part in scores.tensor_split(len(photo.unique()))])


STRANGEST = {
    "the mean of the tiles is taken: one strange tile among many good ones drowns in it.": of_each(torch.mean),
    "the sum of the tiles is taken: a photograph with more tiles would be stranger.": of_each(torch.sum),
    "the lowest score is taken: the strangest tile has the highest.": of_each(torch.min),
    "the median of the tiles is taken: one strange tile can't move it at all.": of_each(torch.median),
    "scores below 0 count as 0: the largest is looked for from 0 on. Begin with minus infinity.": of_each(
        lambda part: part.max().clamp(min=0)
    ),
    "the photographs are in the order in which they come: sort them by their number.": as_they_come,
    "the tiles are taken as they lie, so many for each photograph: `photo` says where each belongs.": by_position,
    "the place of the tile is returned: return its score.": of_each(lambda part: part.argmax().float()),
    "the size of the score decides, without its sign: far below 0 is very normal.": (
        of_each(lambda part: part[part.abs().argmax()]),
        of_each(lambda part: part.abs().max()),
    ),
    "the photographs come from the highest number down: they are sorted ascending.": (
        lambda scores, photo: strangest(scores, photo).flip(0)
    ),
    "each tile gets the score of its photograph: return one for each photograph.": (
        lambda scores, photo: strangest(scores, photo)[photo.unique(return_inverse=True)[1]]
    ),
    "the numbers without a photograph get a score, too: return one for each that is there.": (
        lambda scores, photo: torch.full((int(photo.max()) + 1,), -1e9).scatter_reduce(0, photo, scores, "amax"),
        lambda scores, photo: torch.zeros(int(photo.max()) + 1).scatter_reduce(
            0, photo, scores, "amax", include_self=False
        ),
    ),
}


def strangest_cases() -> list[tuple]:
    """Photographs with gaps in their numbers, in no order, with more or fewer tiles; some have only negative scores."""
    photo = torch.tensor([7, 7, 2, 7, 2, 9, 9, 9, 9, 2, 4, 4, 7])
    scores = torch.tensor([-1.0, 3.2, -0.5, 0.4, -2.5, 0.3, 1.1, -4.0, 0.2, -1.5, -0.2, -3.0, 1.7])
    return [(scores, photo), (scores.flip(0) - 0.1, photo), (scores[:6] - 5, photo[:6])]


EXERCISES: dict[str, Exercise] = {
    "counts": Function(
        reference=precision_recall,
        cases=counts_cases,
        mistakes=COUNTS,
        praise="of the alarms, how many are right; of the defects, how many are found.",
    ),
    "average": Function(
        reference=average_precision,
        cases=average_cases,
        mistakes=AVERAGE,
        praise="the precision at each defect, averaged: no threshold, and good photographs at the end don't count.",
    ),
    "starts": Function(
        reference=starts,
        cases=starts_cases,
        mistakes=STARTS,
        praise="nothing is left out, and nothing comes twice.",
        measure=as_list,
    ),
    "cheapest": Function(
        reference=cheapest,
        cases=cheapest_cases,
        mistakes=CHEAPEST,
        praise="no other threshold costs less on these photographs.",
        measure=paid,
        parts=("price of your threshold a photograph",),
    ),
    "distance": Function(
        reference=mahalanobis,
        cases=distance_cases,
        mistakes=DISTANCE,
        praise="in each direction in units of the normal spread.",
    ),
    "strangest": Function(
        reference=strangest,
        cases=strangest_cases,
        mistakes=STRANGEST,
        praise="a photograph is as strange as its strangest tile.",
    ),
    "tiles": Number(
        right=1 - 0.99**49,
        because="1 - 0.99 ** 49: all 49 tiles have to keep quiet. Tiles that overlap err together, so it is less.",
        slips={
            0.49: "the chances are added, 49 * 0.01: a photograph with two alarms counts twice. How likely is it that "
            "all keep quiet?",
            0.99**49: "this is the share of photographs without an alarm: take what is left of 1.",
            0.01: "this is the share of tiles: a photograph has 49 chances.",
            49 * 0.01 * 0.99**48: "this is the chance of exactly one alarm: two and more count, too.",
            38.9: 'the share is in per cent: write 0.389, or "38.9 %" with its sign.',
            39.0: 'the share is in per cent, and rounded: write 0.39, or "39 %" with its sign.',
            1.0: "0.01 ** 49 is the chance that all tiles ring, and this is the rest: the opposite of at least one "
            "alarm is none.",
            1 - 0.99**7: "only the 7 tiles along one side are counted: there are 7 * 7.",
        },
        tolerance=0.001,
    ),
    "confound": Choice(
        right="c",
        because="whatever tells the days apart (the lamp, dust, the warmth of the camera) sorts these photographs as "
        "well as scratches would. Take good ones on Friday and defects on Monday, and look at each day alone.",
        others={
            "a": "that is true of the accuracy. Average precision has 0.05 for a random order.",
            "b": "average precision has no threshold, so none was chosen. Look at where the two columns differ.",
            "d": "of 30 defects one moves it by a few points, and not from 0.05 to 0.97. Look at where the two columns "
            "differ.",
        },
    ),
    "open": Essay(
        question="You have 5,000 photographs without labels, a model that scores them, and money for 100 labels. Until "
        "now only three defects are known. Which photographs do you have labelled, and why these? And how do you judge "
        "the model, and tell your boss, while so few defects are known?",
    ),
}
