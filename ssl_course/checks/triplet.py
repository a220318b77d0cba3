"""Exercises of lesson 03: margins for pairs and triplets, mining, collapse, and the way to InfoNCE."""

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
    "softplus stands where the clamp belongs: pairs beyond the margin would be pushed on.": of_pairs(
        squared, lambda distance, margin: F.softplus(margin - distance) ** 2
    ),
    "there is a factor of one half: the paper has it, the formula above doesn't.": lambda z1, z2, same, margin: (
        contrastive_margin(z1, z2, same, margin) / 2
    ),
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
    "softplus stands where the clamp belongs: easy triplets would never have a loss of 0.": of_triplets(
        lambda near, far, margin: F.softplus(near - far + margin).mean()
    ),
    "the losses are summed: take the mean over the triplets.": of_triplets(
        lambda near, far, margin: F.relu(near - far + margin).sum()
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


def the_distance(table):
    return table.gather(1, semi_hard(table).unsqueeze(1)).squeeze(1)


def compared_along_columns(table):
    found = table.masked_fill(table <= table.diagonal(), INFINITE)
    otherwise = hidden(table, -INFINITE).argmax(dim=1)
    return torch.where(found.isinf().all(dim=1), otherwise, found.argmin(dim=1))


def within(width: float):
    """FaceNet's window: beyond the positive, but by less than the margin."""

    def window(table):
        found = beyond(table)
        outside = found >= table.diagonal().unsqueeze(1) + width
        found = found.masked_fill(outside, INFINITE)
        return torch.where(found.isinf().all(dim=1), hidden(table, -INFINITE).argmax(dim=1), found.argmin(dim=1))

    return window


MINING = {
    "distances are compared with the positive of their column: near needs `unsqueeze(1)`, so that row i is compared "
    "with the positive of anchor i.": compared_along_columns,
    "only negatives within a margin beyond the positive are allowed (FaceNet's window): here any beyond will do.": (
        within(0.1),
        within(0.2),
        within(0.5),
        within(1.0),
    ),
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


def one_side_scaled(z1, z2, margin, scaled: int = 0):
    parts = [F.normalize(z, dim=1) if number == scaled else z for number, z in enumerate((z1, z2))]
    return triplet_margin(parts[0], parts[1], parts[1].roll(-1, dims=0), margin)


def still_broken() -> dict:
    found = {
        "the negative is the image before: any stranger would do in training, but the broken function takes the next "
        "one (`roll` by -1), and so should yours.": image_before,
        "only one of the two views is scaled to length 1.": (
            one_side_scaled,
            lambda z1, z2, margin: one_side_scaled(z1, z2, margin, 1),
        ),
    }
    for count, start in ((3, "all three slips are still there:"), (2, "two slips are left:"), (1, "one slip is left:")):
        for slips in combinations(SLIPS, count):
            sentence = f"{start} {'; and '.join(SLIPS[slip] for slip in slips)}."
            found[sentence] = lambda z1, z2, margin, slips=slips: mended(z1, z2, margin, *slips)
    return found


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


def softmax_twice(anchor, positive, negative, temperature):
    logits = torch.stack([F.cosine_similarity(anchor, other) for other in (positive, negative)], dim=1) / temperature
    return F.cross_entropy(logits.softmax(dim=1), torch.zeros(len(anchor), dtype=torch.long))


def brackets_forgotten(anchor, positive, negative, temperature):
    own, other = ((anchor * z).sum(dim=1) / anchor.norm(dim=1) * z.norm(dim=1) for z in (positive, negative))
    return F.softplus((other - own) / temperature).mean()


def always_at(temperature: float):
    return lambda a, p, n, _: two_candidates(a, p, n, temperature)


TWO = {
    "softmax is taken twice: `cross_entropy` takes the logits and makes the softmax itself.": softmax_twice,
    "brackets are missing: a.b / |a| * |b| multiplies by the second length, a.b / (|a| |b|) divides by both.": (
        brackets_forgotten
    ),
    "the temperature is a fixed number: use the argument.": tuple(map(always_at, (0.05, 0.07, 0.1, 0.15, 0.2, 0.5))),
    "the loss is divided by the temperature: the cosines are, before the softmax.": (
        lambda a, p, n, temperature: two_candidates(a, p, n, 1.0) / temperature
    ),
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
    "open": Essay(),
}
