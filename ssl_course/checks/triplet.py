"""Exercises of lesson 03: margins for pairs and triplets, mining, collapse, and the way to InfoNCE."""

import math
from itertools import combinations

import torch
import torch.nn.functional as F
from torch import Tensor

from ssl_course.checks.engine import Choice, Essay, Exercise, Function, Number
from ssl_course.methods.moco import info_nce
from ssl_course.methods.triplet import contrastive_margin, semi_hard_negatives, triplet_margin

INFINITE = float("inf")


def pairs(count: int, width: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Pairs (count, width) at distances from 0.2 to 2, and which of them belong together: about every third."""
    random = torch.Generator().manual_seed(seed)
    z = torch.randn(count, width, generator=random)
    step = F.normalize(torch.randn(count, width, generator=random), dim=1)
    far = torch.linspace(0.2, 2, count)[torch.randperm(count, generator=random)].unsqueeze(1)
    return z, z + far * step, torch.arange(count) % 3 == 0


def triplets(count: int, width: int = 6, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Anchors, positives and negatives (count, width): the negatives lie from nearer to much farther."""
    random = torch.Generator().manual_seed(seed)
    anchor, *steps = torch.randn(3, count, width, generator=random)
    return anchor, anchor + 0.3 * steps[0], anchor + torch.linspace(0.1, 0.9, count).unsqueeze(1) * steps[1]


def distances(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).square().sum(dim=1)  # (B,)


# --- The margin for pairs, each a function of (z1, z2, same, margin)


def of_pairs(pull, push):
    """A loss of pairs made of what it says of equal and of different ones, both functions of distance and margin."""

    def loss(z1, z2, same, margin):
        distance = (z1 - z2).norm(dim=1)  # (B,)
        return torch.where(same, pull(distance, margin), push(distance, margin)).mean()

    return loss


def squared(distance, margin):
    return distance**2


def pushed(distance, margin):
    return F.relu(margin - distance) ** 2


def kinds_apart(z1, z2, same, margin):
    distance = (z1 - z2).norm(dim=1)
    return distance[same].square().mean() + F.relu(margin - distance[~same]).square().mean()


def one_distance_for_all(z1, z2, same, margin):
    distance = (z1 - z2).norm()
    return torch.where(same, distance**2, F.relu(margin - distance) ** 2).mean()


def with_absolute_values(z1, z2, same, margin):
    distance = (z1 - z2).abs().sum(dim=1)
    return torch.where(same, distance**2, F.relu(margin - distance) ** 2).mean()


def squares_averaged(z1, z2, same, margin):
    return contrastive_margin(z1 / z1.shape[1] ** 0.5, z2 / z2.shape[1] ** 0.5, same, margin)


PAIRS = {
    "same and different are swapped: pairs that belong together are the ones to pull.": of_pairs(pushed, squared),
    "the margin stands outside of the clamp: clamp margin - distance as a whole, or it is a constant.": of_pairs(
        squared, lambda distance, margin: (F.relu(-distance) + margin) ** 2
    ),
    "the clamp is missing: different pairs beyond the margin would be pulled back to it.": of_pairs(
        squared, lambda distance, margin: (margin - distance) ** 2
    ),
    "the push is turned round: it has to act on different pairs inside the margin, not beyond it.": of_pairs(
        squared, lambda distance, margin: F.relu(distance - margin) ** 2
    ),
    "the distances aren't squared: both the pull and the push are squares.": of_pairs(
        lambda distance, margin: distance, lambda distance, margin: F.relu(margin - distance)
    ),
    "the margin is compared with the squared distance: take margin - distance first, and square that.": of_pairs(
        squared, lambda distance, margin: F.relu(margin - distance**2)
    ),
    "different pairs have no loss: nothing would keep all points from falling into one.": of_pairs(
        squared, lambda distance, margin: 0 * distance
    ),
    "the losses are summed: take the mean over all pairs.": lambda z1, z2, same, margin: (
        len(z1) * contrastive_margin(z1, z2, same, margin)
    ),
    "equal and different pairs have a mean each: here every pair of the batch counts the same.": kinds_apart,
    "there is a factor of one half: the paper has it, the formula above doesn't.": lambda z1, z2, same, margin: (
        contrastive_margin(z1, z2, same, margin) / 2
    ),
    "softplus stands where the clamp belongs: it is never 0, so different pairs would be pushed for ever.": of_pairs(
        squared, lambda distance, margin: F.softplus(margin - distance) ** 2
    ),
    "margin and distance are squared one by one: take margin - distance first, and square that.": of_pairs(
        squared, lambda distance, margin: F.relu(margin**2 - distance**2)
    ),
    "only the pull is squared: the push is a square, too.": of_pairs(
        squared, lambda distance, margin: F.relu(margin - distance)
    ),
    "there is one distance for all pairs: norm() and sum() without dim=1 run over the whole table.": (
        one_distance_for_all
    ),
    "the distance is a sum of absolute values: it is the root of the sum of the squares.": with_absolute_values,
    "the squares are averaged over the dimensions: a distance is the root of their sum.": squares_averaged,
}

# --- The triplet loss, each a function of (anchor, positive, negative, margin)


def of_triplets(rule):
    """A loss of triplets made of a rule that says it from near, far and margin."""
    return lambda a, p, n, margin: rule(distances(a, p), distances(a, n), margin)


def active_alone(near, far, margin):
    terms = F.relu(near - far + margin)
    return terms[terms > 0].mean()


def plain(anchor, positive, negative, margin):
    near, far = (anchor - positive).norm(dim=1), (anchor - negative).norm(dim=1)
    return F.relu(near - far + margin).mean()


def from_the_positive(anchor, positive, negative, margin):
    return F.relu(distances(anchor, positive) - distances(positive, negative) + margin).mean()


def mean_of_the_squares(anchor, positive, negative, margin):
    near, far = (anchor - positive).square().mean(dim=1), (anchor - negative).square().mean(dim=1)
    return F.relu(near - far + margin).mean()


def all_in_one(anchor, positive, negative, margin):
    near, far = (anchor - positive).square().sum(), (anchor - negative).square().sum()
    return F.relu(near - far + margin)


def all_averaged(anchor, positive, negative, margin):
    near, far = (anchor - positive).square().mean(), (anchor - negative).square().mean()
    return F.relu(near - far + margin)


def of_unit_vectors(anchor, positive, negative, margin):
    anchor, positive, negative = (F.normalize(z, dim=1) for z in (anchor, positive, negative))
    return triplet_margin(anchor, positive, negative, margin)


def of_cosines(anchor, positive, negative, margin):
    return F.relu(F.cosine_similarity(anchor, negative) - F.cosine_similarity(anchor, positive) + margin).mean()


TRIPLETS = {
    "the two distances are swapped: it is near - far, so that the positive is pulled and the negative pushed.": (
        of_triplets(lambda near, far, margin: F.relu(far - near + margin).mean())
    ),
    "the margin stands outside of the clamp: there it is a constant, and no triplet has to reach it.": of_triplets(
        lambda near, far, margin: F.relu(near - far).mean() + margin
    ),
    "the clamp is missing: negatives that are far enough would be pushed on for ever.": of_triplets(
        lambda near, far, margin: (near - far + margin).mean()
    ),
    "the mean comes before the clamp: clamp each triplet by itself, or easy ones pay for hard ones.": of_triplets(
        lambda near, far, margin: F.relu((near - far + margin).mean())
    ),
    "the distances aren't squared: the loss above is one of squared distances.": plain,
    "the margin is subtracted: it has to be added, since the negative must be farther by it.": of_triplets(
        lambda near, far, margin: F.relu(near - far - margin).mean()
    ),
    "the margin isn't used: add it to near - far before the clamp.": of_triplets(
        lambda near, far, margin: F.relu(near - far).mean()
    ),
    "the negative's distance is taken from the positive: both are distances from the anchor.": from_the_positive,
    "the squares are averaged over the dimensions: a squared distance is their sum.": mean_of_the_squares,
    "the mean is taken over the active triplets alone: here easy ones count, with a loss of 0.": of_triplets(
        active_alone
    ),
    "the losses are summed: take the mean over the triplets.": of_triplets(
        lambda near, far, margin: F.relu(near - far + margin).sum()
    ),
    "softplus stands where the clamp belongs: it is never 0, and here a triplet beyond the margin costs nothing.": (
        of_triplets(lambda near, far, margin: F.softplus(near - far + margin).mean()),
        of_triplets(lambda near, far, margin: F.softplus(near - far).mean()),
    ),
    "the hinge is squared: the distances are, and the clamped difference stays as it is.": of_triplets(
        lambda near, far, margin: F.relu(near - far + margin).square().mean()
    ),
    "there is one distance for the whole batch: sum() and mean() without dim=1 run over all triplets.": (
        all_in_one,
        all_averaged,
    ),
    "the vectors are scaled to length 1 first: here they are taken as they come.": of_unit_vectors,
    "cosines stand where the squared distances belong: here the vectors have any length.": of_cosines,
    "there is a factor of one half: the formula above has none.": of_triplets(
        lambda near, far, margin: F.relu(near - far + margin).mean() / 2
    ),
}

# --- Mining, each a function of the table of distances (B, B)


def hidden(table: Tensor, value: float) -> Tensor:
    """The table with the images' own places on the diagonal filled."""
    return table.masked_fill(torch.eye(len(table), dtype=torch.bool), value)


def semi_hard(table: Tensor) -> Tensor:
    """The nearest image beyond the positive for each row, or else the farthest: columns (B,)."""
    return semi_hard_negatives(table.diagonal(), hidden(table, INFINITE))


def beyond(table: Tensor) -> Tensor:
    return table.masked_fill(table <= table.diagonal().unsqueeze(1), INFINITE)


def or_else(table: Tensor, otherwise: Tensor) -> Tensor:
    """The nearest beyond, and another column where nothing is beyond."""
    found = beyond(table)
    return torch.where(found.isinf().all(dim=1), otherwise, found.argmin(dim=1))


def itself(table):
    return table.masked_fill(table < table.diagonal().unsqueeze(1), INFINITE).argmin(dim=1)


def nearer_side(table):
    return table.masked_fill(table >= table.diagonal().unsqueeze(1), -INFINITE).argmax(dim=1)


def either_side(table):
    return hidden((table - table.diagonal().unsqueeze(1)).abs(), INFINITE).argmin(dim=1)


def in_the_window(margin: float):
    """FaceNet's rule: only negatives beyond the positive and within the margin are semi-hard."""

    def mined(table):
        near = table.diagonal().unsqueeze(1)
        inside = table.masked_fill((table <= near) | (table >= near + margin), INFINITE)
        farthest = hidden(table, -INFINITE).argmax(dim=1)
        return torch.where(inside.isinf().all(dim=1), farthest, inside.argmin(dim=1))

    return mined


def against_the_columns(*, itself: bool):
    """The comparison without `unsqueeze`: entry (i, k) with the positive of k; `itself`: rows may pick themselves."""

    def mined(table):
        found = table.masked_fill(table <= table.diagonal(), INFINITE)
        farthest = (table if itself else hidden(table, -INFINITE)).argmax(dim=1)
        return torch.where(found.isinf().all(dim=1), farthest, found.argmin(dim=1))

    return mined


def columns_unfilled(table):
    return table.masked_fill(table <= table.diagonal(), INFINITE).argmin(dim=1)


def diagonal_dropped(table):
    """The columns as they are numbered when each row's own place is taken out."""
    chosen = semi_hard(table)
    return chosen - (chosen > torch.arange(len(table))).long()


def the_distance(table):
    return table.gather(1, semi_hard(table).unsqueeze(1)).squeeze(1)


MINING = {
    "the hardest are picked: the nearest of all other images, not the nearest beyond the positive.": lambda table: (
        hidden(table, INFINITE).argmin(dim=1)
    ),
    "the easiest are picked: the farthest of all, where semi-hard asks for the nearest beyond the positive.": (
        lambda table: hidden(table, -INFINITE).argmax(dim=1)
    ),
    "the nearest of the whole row is picked, the image itself among them: leave out what isn't beyond the positive.": (
        lambda table: table.argmin(dim=1)
    ),
    "each row picks its own image: its distance is the positive's, so beyond must mean greater, not equal.": itself,
    "an image becomes its own negative where nothing lies beyond the positive: leave the diagonal out there, too.": (
        lambda table: or_else(table, table.argmax(dim=1))
    ),
    "rows where nothing lies beyond the positive get column 0: argmin of nothing but infinities is 0.": lambda table: (
        beyond(table).argmin(dim=1)
    ),
    "where nothing lies beyond the positive the nearest is picked: the farthest is the one that is least hard.": (
        lambda table: or_else(table, hidden(table, INFINITE).argmin(dim=1))
    ),
    "the farthest of the nearer side is picked: semi-hard negatives lie beyond the positive.": nearer_side,
    "the one whose distance is most like the positive's is picked, on either side: only those beyond count.": (
        either_side
    ),
    "the columns are read as anchors: row i holds the distances of anchor i.": lambda table: semi_hard(table.T),
    "the distance of the negative is returned, not its column.": the_distance,
    "each distance is compared with the positive of its column: the diagonal needs the shape (B, 1), by "
    "`unsqueeze(1)` or `[:, None]`, for row i to be compared with the positive of anchor i.": (
        against_the_columns(itself=False),
        against_the_columns(itself=True),
        columns_unfilled,
    ),
    "only negatives within a margin of the positive are candidates: that is FaceNet's window, and here every one "
    "beyond the positive counts.": tuple(in_the_window(margin) for margin in (0.1, 0.2, 0.3, 0.5, 1.0)),
    "the columns are counted without the diagonal: those behind an image's own place need 1 more.": diagonal_dropped,
    "the farthest beyond the positive is picked: the nearest of them is semi-hard.": lambda table: table.masked_fill(
        table <= table.diagonal().unsqueeze(1), -INFINITE
    ).argmax(dim=1),
}


def tables() -> list[tuple]:
    """Three tables: partners near, in the middle, and so far that in some rows nothing is beyond."""
    random, cases = torch.Generator().manual_seed(3), []
    for count, near in ((5, 0.1), (7, 2.0), (6, 3.4)):
        table = 4 * torch.rand(count, count, generator=random)
        own = near + 0.6 * torch.rand(count, generator=random)
        cases.append((torch.where(torch.eye(count, dtype=torch.bool), own, table),))
    return cases


# --- A function to mend, of (z1, z2, margin): three slips and each of their combinations


def mended(z1, z2, margin, *slips: str):
    """The triplet loss with the next image's view as negative; with the slips that are named."""
    z1, z2 = (F.normalize(z, dim=0 if "axis" in slips else 1) for z in (z1, z2))
    negative = z2.roll(-1, dims=1 if "stranger" in slips else 0)
    near, far = distances(z1, z2), distances(z1, negative)
    return triplet_margin(z1, negative, z2, margin) if "sign" in slips else F.relu(near - far + margin).mean()


SLIPS = {
    "axis": "each column is scaled to length 1 instead of each row",
    "stranger": "the numbers within a vector are moved on, not the images, so that no negative is another image's view",
    "sign": "near and far are swapped in the last line",
}


def image_before(z1, z2, margin):
    z1, z2 = F.normalize(z1, dim=1), F.normalize(z2, dim=1)
    return triplet_margin(z1, z2, z2.roll(1, dims=0), margin)


def one_view_scaled(z1, z2, margin, which: int):
    """The repaired loss, with one of the views left as it comes."""
    if which == 1:
        z1 = F.normalize(z1, dim=1)
    else:
        z2 = F.normalize(z2, dim=1)
    return triplet_margin(z1, z2, z2.roll(-1, dims=0), margin)


def still_broken() -> dict:
    found = {}
    for count, start in ((3, "all three slips are still there:"), (2, "two slips are left:"), (1, "one slip is left:")):
        for slips in combinations(SLIPS, count):
            sentence = f"{start} {'; and '.join(SLIPS[slip] for slip in slips)}."
            found[sentence] = lambda z1, z2, margin, slips=slips: mended(z1, z2, margin, *slips)
    return found | {
        "the negative is view 2 of the image before: roll(-1) brings the next one.": image_before,
        "z2 isn't scaled to length 1: both views are.": lambda z1, z2, margin: one_view_scaled(z1, z2, margin, 1),
        "z1 isn't scaled to length 1: both views are.": lambda z1, z2, margin: one_view_scaled(z1, z2, margin, 2),
    }


# --- The softmax over two candidates, each a function of (anchor, positive, negative, temperature)


def two_candidates(anchor, positive, negative, temperature):
    """Each anchor chooses between its positive and its own negative: the mean of info_nce with one negative each."""
    rows = zip(anchor.split(1), positive.split(1), negative.split(1), strict=True)
    return torch.stack([info_nce(*row, temperature) for row in rows]).mean()


def of_logits(rule, *, normalise: bool = True):
    """A loss of the two logits; not normalised ones are plain products."""

    def loss(anchor, positive, negative, temperature):
        parts = (F.normalize(z, dim=1) if normalise else z for z in (anchor, positive, negative))
        a, p, n = parts
        return rule((a * p).sum(dim=1) / temperature, (a * n).sum(dim=1) / temperature)

    return loss


def of_products(scale):
    """A loss of the logits that a rule makes of (anchor, other, temperature)."""
    return lambda a, p, n, temperature: F.softplus(scale(a, n, temperature) - scale(a, p, temperature)).mean()


def bracket_missing(a, b, temperature):
    return (a * b).sum(dim=1) / a.norm(dim=1) * b.norm(dim=1) / temperature


def one_length(a, b, temperature):
    return (a * b).sum(dim=1) / (a.norm() * b.norm()) / temperature


def softmax_twice(a, p, n, temperature):
    cosines = torch.stack([F.cosine_similarity(a, p), F.cosine_similarity(a, n)], dim=1)  # (B, 2)
    return -(cosines / temperature).softmax(dim=1).log_softmax(dim=1)[:, 0].mean()


TWO = {
    "the cosines are multiplied by the temperature instead of divided.": (
        lambda a, p, n, temperature: two_candidates(a, p, n, 1 / temperature)
    ),
    "the temperature isn't used: divide the cosines by it.": lambda a, p, n, temperature: two_candidates(a, p, n, 1.0),
    "the vectors aren't scaled to length 1: a cosine is the product of vectors of length 1.": of_logits(
        lambda own, other: F.softplus(other - own).mean(), normalise=False
    ),
    "the negative counts as the right answer: the positive is right, and distances need a minus sign.": of_logits(
        lambda own, other: F.softplus(own - other).mean()
    ),
    "squared distances are divided by the temperature as if they were cosines: they are twice as large.": of_logits(
        lambda own, other: F.softplus(2 * (other - own)).mean()
    ),
    "it is still the hinge, which has a corner: the softmax has none, in place of the clamp comes softplus.": of_logits(
        lambda own, other: F.relu(other - own).mean()
    ),
    "the positive is missing from the denominator: the softmax sums over both candidates.": of_logits(
        lambda own, other: (other - own).mean()
    ),
    "the probability itself is returned: the loss is minus its logarithm.": of_logits(
        lambda own, other: torch.sigmoid(own - other).mean()
    ),
    "the logarithm is taken of the mean probability: take it for each anchor, then the mean.": of_logits(
        lambda own, other: -torch.sigmoid(own - other).mean().log()
    ),
    "each anchor chooses among the negatives of all: here it has only its own.": info_nce,
    "the losses are summed: take the mean over the anchors.": (
        lambda a, p, n, temperature: len(a) * two_candidates(a, p, n, temperature)
    ),
    "a bracket is missing in the cosine: x / |a| * |b| multiplies by |b|; it is x / (|a| * |b|).": of_products(
        bracket_missing
    ),
    "all vectors are divided by one common length: norm() without dim=1 is the length of the whole table.": (
        of_products(one_length)
    ),
    "only the anchors are scaled to length 1: a cosine needs both its vectors to be.": of_products(
        lambda a, b, temperature: (F.normalize(a, dim=1) * b).sum(dim=1) / temperature
    ),
    "the anchors aren't scaled to length 1: a cosine needs both its vectors to be.": of_products(
        lambda a, b, temperature: (a * F.normalize(b, dim=1)).sum(dim=1) / temperature
    ),
    "each column is scaled to length 1 instead of each row: F.normalize takes dim=1 here.": of_products(
        lambda a, b, temperature: (F.normalize(a, dim=0) * F.normalize(b, dim=0)).sum(dim=1) / temperature
    ),
    "the softmax is taken twice: cross_entropy takes it by itself, give it the logits.": softmax_twice,
    "the cosines are divided by the temperature's square: divide once, not both vectors.": (
        lambda a, p, n, temperature: two_candidates(a, p, n, temperature**2)
    ),
    "the division by the temperature comes after the loss: it belongs to the cosines, before the softmax.": (
        lambda a, p, n, temperature: two_candidates(a, p, n, 1.0) / temperature
    ),
    "the temperature is a fixed number: use the argument.": tuple(
        lambda a, p, n, temperature, fixed=fixed: two_candidates(a, p, n, fixed)
        for fixed in (0.05, 0.07, 0.1, 0.2, 0.5)
    ),
    "the logarithm has base 2: it is the natural one.": (
        lambda a, p, n, temperature: two_candidates(a, p, n, temperature) / math.log(2)
    ),
}

EXERCISES: dict[str, Exercise] = {
    "pairs": Function(
        reference=contrastive_margin,
        cases=lambda: [(*pairs(7, 3, 1), 1.0), (*pairs(10, 4, 2), 0.7), (*pairs(5, 2, 3), 1.6)],
        mistakes=PAIRS,
        praise="the same as the package's, at three margins.",
        gradients={"z1": 0, "z2": 1},
    ),
    "triplet": Function(
        reference=triplet_margin,
        cases=lambda: [(*triplets(7, seed=1), 0.5), (*triplets(5, seed=2), 0.2), (*triplets(9, 4, seed=3), 1.0)],
        mistakes=TRIPLETS,
        praise="the same as the package's, at three margins.",
        gradients={"anchor": 0, "positive": 1, "negative": 2},
    ),
    "active": Number(
        right=5 / 8,
        because="five of the eight are inside the margin. The other three have a gradient of exactly 0.",
        slips={
            1 / 8: "the margin was forgotten: a triplet is active until far is larger than near by 0.5.",
            3 / 8: "the easy ones were counted: they are the ones that teach nothing.",
            4 / 8: "only the semi-hard ones were counted: the hard one is active, too.",
            5.0: "that is how many they are: the share is out of eight.",
            62.5: "that is in percent: the share is a number from 0 to 1.",
            0.25625: "that is the mean loss: count the triplets whose loss is above 0.",
        },
        tolerance=0.001,
    ),
    "semi_hard": Function(
        reference=semi_hard,
        cases=tables,
        mistakes=MINING,
        praise="the nearest beyond the positive, never the image itself, and the farthest where nothing is beyond.",
        whole=True,
    ),
    "mend": Function(
        reference=mended,
        cases=lambda: [(*triplets(5, 7, seed=seed)[:2], margin) for seed, margin in ((1, 2.5), (2, 1.0), (3, 1.5))],
        mistakes=still_broken(),
        praise="all three slips are found: the axis, the negative, and the sign.",
        gradients={"z1": 0, "z2": 1},
    ),
    "collapse": Choice(
        right="c",
        because="the loss comes down to its margin and stays there while the points draw together: near = far = 0.",
        others={
            "a": "a loss that stays high under semi-hard mining is normal: here the points spread, so the run learns.",
            "b": "its points are spread. What ends here is the teaching: hardly a triplet is active any more.",
            "d": "it passes through the margin and goes on, and its points spread: a collapse stays at the margin.",
        },
    ),
    "two_candidates": Function(
        reference=two_candidates,
        cases=lambda: [(*triplets(count, seed=count), temperature) for count, temperature in ((3, 0.1), (6, 0.4))],
        mistakes=TWO,
        praise="this is InfoNCE with a single negative: lesson 04 only adds more of them.",
        gradients={"anchor": 0, "positive": 1, "negative": 2},
    ),
    "open": Essay(
        question="You have 500 hours of film from wild-life cameras in a forest, without labels, and want features "
        "that tell animals apart. The cameras don't move. You want to train with triplets, and to take the positives "
        "from time rather than from random views. What is a positive, what a negative? Which negatives are false ones? "
        "What could the network use to solve the task without looking at any animal, and what do you do about it? "
        "Would you mine?"
    ),
}
