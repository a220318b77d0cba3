"""Exercises of lesson 03: margins for pairs and triplets, their gradient, mining, collapse, and fair comparisons."""

import math
import statistics
from itertools import combinations

import torch
import torch.nn.functional as F
from torch import Tensor

from ssl_course.checks.engine import Choice, Essay, Exercise, Function, Number, by_hand
from ssl_course.methods.triplet import choose_negatives, contrastive_margin, semi_hard_negatives, triplet_margin

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


# --- The gradient of the triplet loss, written out, each a function of (anchor, positive, negative, margin)


def gradients(anchor, positive, negative, margin):
    """The gradients of triplet_margin at anchor, positive and negative, (B, D) each, by autograd."""
    leaves = [z.detach().clone().requires_grad_() for z in (anchor, positive, negative)]
    return torch.autograd.grad(triplet_margin(*leaves, margin), leaves)


def sloped(rule, *, factor=2.0):
    """Gradients made of a rule (a, p, n) -> three directions, for the active triplets, as a mean over all."""

    def found(anchor, positive, negative, margin):
        active = (distances(anchor, positive) - distances(anchor, negative) + margin > 0).float().unsqueeze(1)
        return tuple(factor * active * part / len(anchor) for part in rule(anchor, positive, negative))

    return found


def directions(a, p, n):
    return n - p, p - a, a - n


def scaled(factor):
    """The right gradients, each triplet's times a factor made of (difference, margin, B)."""

    def found(anchor, positive, negative, margin):
        difference = distances(anchor, positive) - distances(anchor, negative)
        weight = factor(difference, margin, len(anchor)).unsqueeze(1)
        return tuple(2 * weight * part / len(anchor) for part in directions(anchor, positive, negative))

    return found


def of_plain_distances(anchor, positive, negative, margin):
    near, far = ((anchor - z).norm(dim=1, keepdim=True) for z in (positive, negative))
    pull, push = (anchor - positive) / near, (anchor - negative) / far
    active = (near - far + margin > 0) / len(anchor)
    return active * (pull - push), -active * pull, active * push


def step(values):
    return (values > 0).float()


GRADIENTS = {
    "the factor 2 is missing: the derivative of a square has it.": sloped(directions, factor=1.0),
    "all signs are turned round: this is the direction of descent, and the gradient points uphill.": sloped(
        directions, factor=-2.0
    ),
    "it isn't divided by the number of triplets: the loss is a mean.": scaled(
        lambda difference, margin, count: count * step(difference + margin)
    ),
    "it is divided by the number of active triplets: the mean is over all of them.": scaled(
        lambda difference, margin, count: step(difference + margin) * count / step(difference + margin).sum()
    ),
    "triplets beyond the margin have a gradient, too: behind the corner of the hinge it is 0.": scaled(
        lambda difference, margin, count: torch.ones_like(difference)
    ),
    "the margin is missing where it is decided who is active: far must be larger than near by the margin.": scaled(
        lambda difference, margin, count: step(difference)
    ),
    "each triplet is weighted by its loss: the slope of a hinge is 0 or 1, however large the loss is.": scaled(
        lambda difference, margin, count: F.relu(difference + margin)
    ),
    "the anchor is only pulled: it stands in both distances, so two parts add up.": sloped(
        lambda a, p, n: (a - p, p - a, a - n)
    ),
    "the anchor is only pushed: it stands in both distances, so two parts add up.": sloped(
        lambda a, p, n: (n - a, p - a, a - n)
    ),
    "the anchor's gradient has the wrong sign: 2 (a - p) - 2 (a - n).": sloped(lambda a, p, n: (p - n, p - a, a - n)),
    "the positive's gradient has the wrong sign: the inner derivative of a - p with respect to p is -1.": sloped(
        lambda a, p, n: (n - p, a - p, a - n)
    ),
    "the negative's gradient has the wrong sign: far is subtracted, and the inner derivative is -1, too.": sloped(
        lambda a, p, n: (n - p, p - a, n - a)
    ),
    "the signs of positive and negative are both wrong: the inner derivative of a - p with respect to p is -1.": sloped(
        lambda a, p, n: (n - p, a - p, n - a)
    ),
    "positive and negative are in the wrong order: anchor, positive, negative.": sloped(
        lambda a, p, n: (n - p, a - n, p - a)
    ),
    "these are the gradients of plain distances: the loss above is one of squared distances.": of_plain_distances,
}


# --- All triplets of a batch, each a function of (z1, z2, margin)


def table(z1: Tensor, z2: Tensor) -> Tensor:
    """Squared distances of all views 1 to all views 2 on the sphere, (B, B)."""
    return 2 - 2 * F.normalize(z1, dim=1) @ F.normalize(z2, dim=1).T


def two_views(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Vectors (count, 4) and their partners, near enough for some triplets to be easy and far enough for hard ones."""
    z1, noise = torch.randn(2, count, 4, generator=torch.Generator().manual_seed(seed))
    return z1, 0.6 * z1 + noise


def others(count: int) -> Tensor:
    return ~torch.eye(count, dtype=torch.bool)


def batch_all(z1, z2, margin):
    """The mean of the triplet loss over all anchors of view 1 and all strangers of view 2."""
    far = table(z1, z2)
    terms = F.relu(far.diagonal().unsqueeze(1) - far + margin)  # (B, B)
    return terms[others(len(z1))].mean()


def of_table(rule):
    """A loss made of a rule (near (B, 1), far (B, B), margin) -> terms (B, B), averaged over the strangers."""

    def loss(z1, z2, margin):
        far = table(z1, z2)
        return rule(far.diagonal().unsqueeze(1), far, margin)[others(len(z1))].mean()

    return loss


def active_ones(z1, z2, margin):
    far = table(z1, z2)
    terms = F.relu(far.diagonal().unsqueeze(1) - far + margin)[others(len(z1))]
    return terms[terms > 0].mean()


def unscaled(z1, z2, margin):
    far = (z1.unsqueeze(1) - z2.unsqueeze(0)).square().sum(dim=2)
    return F.relu(far.diagonal().unsqueeze(1) - far + margin)[others(len(z1))].mean()


def within_a_view(z1, z2, margin):
    far = table(z1, z1)
    return F.relu(table(z1, z2).diagonal().unsqueeze(1) - far + margin)[others(len(z1))].mean()


def mean_first(z1, z2, margin):
    far = table(z1, z2)
    return F.relu((far.diagonal().unsqueeze(1) - far + margin)[others(len(z1))].mean())


def plain_table(z1, z2, margin):
    far = (F.normalize(z1, dim=1).unsqueeze(1) - F.normalize(z2, dim=1).unsqueeze(0)).norm(dim=2)
    return F.relu(far.diagonal().unsqueeze(1) - far + margin)[others(len(z1))].mean()


def one_negative(mining):
    """Only one negative for each anchor, chosen as the lesson's ways of mining do."""

    def loss(z1, z2, margin):
        far = table(z1, z2)
        near = far.diagonal()
        chosen = choose_negatives(near, hidden(far, INFINITE), mining)
        return F.relu(near - far.gather(1, chosen.unsqueeze(1)).squeeze(1) + margin).mean()

    return loss


BATCH = {
    "an image is its own negative: leave out the diagonal, also where you divide.": lambda z1, z2, margin: F.relu(
        table(z1, z2).diagonal().unsqueeze(1) - table(z1, z2) + margin
    ).mean(),
    "the sum is without the diagonal, and it is divided by B * B: there are B * (B - 1) triplets.": (
        lambda z1, z2, margin: batch_all(z1, z2, margin) * (len(z1) - 1) / len(z1)
    ),
    "the sum is divided by B: there are B * (B - 1) triplets.": (
        lambda z1, z2, margin: batch_all(z1, z2, margin) * (len(z1) - 1)
    ),
    "the losses are summed: take the mean over all triplets.": (
        lambda z1, z2, margin: batch_all(z1, z2, margin) * len(z1) * (len(z1) - 1)
    ),
    "the mean is over the active triplets alone: here those beyond the margin count, with a loss of 0.": active_ones,
    "each distance is compared with the positive of its column: near needs the shape (B, 1), by `unsqueeze(1)`.": (
        lambda z1, z2, margin: batch_all(z2, z1, margin)
    ),
    "near and far are swapped: it is near - far + margin.": of_table(
        lambda near, far, margin: F.relu(far - near + margin)
    ),
    "the clamp is missing: triplets beyond the margin would be pushed on for ever.": of_table(
        lambda near, far, margin: near - far + margin
    ),
    "the margin isn't used: add it before the clamp.": of_table(lambda near, far, margin: F.relu(near - far)),
    "the mean comes before the clamp: clamp each triplet by itself.": mean_first,
    "the vectors aren't scaled to length 1: here they are to be, one by one.": unscaled,
    "the negatives are of view 1, like the anchor: take them from view 2.": within_a_view,
    "the distances aren't squared: the loss is one of squared distances.": plain_table,
    "cosines stand where squared distances belong: near - far is 2 (cos(a, n) - cos(a, p)).": of_table(
        lambda near, far, margin: F.relu((near - far) / 2 + margin)
    ),
    "each anchor has one negative, the hardest: here all B - 1 count.": one_negative("hard"),
    "each anchor has one negative, the semi-hard one: here all B - 1 count.": one_negative("semi-hard"),
}


# --- A difference over seeds, each a function of (one, other, seeds)


def paired_difference(one, other, seeds):
    """Mean and standard deviation of one(seed) - other(seed) over the seeds."""
    differences = [one(seed) - other(seed) for seed in seeds]
    return statistics.mean(differences), statistics.stdev(differences)


def of_results(rule):
    """Mean and spread made of a rule of both lists of results."""
    return lambda one, other, seeds: rule([one(seed) for seed in seeds], [other(seed) for seed in seeds])


def gaps(a, b):
    return [x - y for x, y in zip(a, b, strict=True)]


def noisy(level: float, own: float, shared: float, *, shift: float = 0.0):
    """A made-up run: what a seed does to every run alike, and what it does to this one."""
    return lambda seed: level + shared * math.sin(5 * seed + 1) + own * math.cos(3 * seed + shift)


def run_pairs() -> list[tuple]:
    return [
        (noisy(67, 1.0, 6.0), noisy(55, 1.5, 6.0, shift=1), [0, 1, 2]),
        (noisy(40, 2.0, 4.0), noisy(43, 1.0, 4.0, shift=2), [3, 4, 5, 6]),
    ]


PAIRED = {
    "the two are subtracted the wrong way round: one - other.": of_results(
        lambda a, b: (-statistics.mean(gaps(a, b)), statistics.stdev(gaps(a, b)))
    ),
    "the spread is that of unrelated runs, the root of both variances' sum: subtract seed by seed first, and what a "
    "seed does to both drops out.": of_results(
        lambda a, b: (statistics.mean(gaps(a, b)), math.hypot(statistics.stdev(a), statistics.stdev(b)))
    ),
    "the two deviations are subtracted: take the deviation of the differences.": (
        of_results(lambda a, b: (statistics.mean(gaps(a, b)), statistics.stdev(a) - statistics.stdev(b))),
        of_results(lambda a, b: (statistics.mean(gaps(a, b)), abs(statistics.stdev(a) - statistics.stdev(b)))),
    ),
    "the spread is that of one method alone: take the deviation of the differences.": (
        of_results(lambda a, b: (statistics.mean(gaps(a, b)), statistics.stdev(a))),
        of_results(lambda a, b: (statistics.mean(gaps(a, b)), statistics.stdev(b))),
    ),
    "the deviation is divided by n: with so few seeds it must be n - 1 (statistics.stdev, or numpy's ddof=1).": (
        of_results(lambda a, b: (statistics.mean(gaps(a, b)), statistics.pstdev(gaps(a, b))))
    ),
    "the spread is the standard error, which says how well the mean is known: asked for is the deviation.": of_results(
        lambda a, b: (statistics.mean(gaps(a, b)), statistics.stdev(gaps(a, b)) / len(a) ** 0.5)
    ),
    "the spread is the variance: take its root.": of_results(
        lambda a, b: (statistics.mean(gaps(a, b)), statistics.variance(gaps(a, b)))
    ),
    "the spread is the range, which grows with the number of seeds: take the standard deviation.": of_results(
        lambda a, b: (statistics.mean(gaps(a, b)), max(gaps(a, b)) - min(gaps(a, b)))
    ),
    "the best seeds are compared: the luck of the best grows with the number of trials.": (
        of_results(lambda a, b: (max(a) - max(b), statistics.stdev(gaps(a, b)))),
        of_results(lambda a, b: (max(gaps(a, b)), statistics.stdev(gaps(a, b)))),
    ),
    "the median is returned: asked for is the mean.": of_results(
        lambda a, b: (statistics.median(gaps(a, b)), statistics.stdev(gaps(a, b)))
    ),
    "only the first seed is used: run every one of them.": (
        lambda one, other, seeds: (one(seeds[0]) - other(seeds[0]), 0.0),
    ),
    "the seed is never handed on: every run is seed 0.": lambda one, other, seeds: (one(0) - other(0), 0.0),
    "the two get different seeds: a pair shares its seed.": (
        lambda one, other, seeds: of_results(lambda a, b: (statistics.mean(gaps(a, b)), statistics.stdev(gaps(a, b))))(
            one, lambda seed: other(seed + 1), seeds
        ),
        lambda one, other, seeds: of_results(
            lambda a, b: (statistics.mean(gaps(a, b[::-1])), statistics.stdev(gaps(a, b[::-1])))
        )(one, other, seeds),
    ),
    "the seeds' numbers are replaced by 0, 1, 2 …: use those that are given.": (
        lambda one, other, seeds: paired_difference(one, other, range(len(seeds)))
    ),
}

REPORTED = 0.8  # deviation of z, semi-hard less hard, in the set's short training

EXERCISES: dict[str, Exercise] = {
    "triplet": Function(
        reference=triplet_margin,
        cases=lambda: [(*triplets(7, seed=1), 0.5), (*triplets(5, seed=2), 0.2), (*triplets(9, 4, seed=3), 1.0)],
        mistakes=TRIPLETS,
        praise="the same as the package's, at three margins.",
        gradients={"anchor": 0, "positive": 1, "negative": 2},
    ),
    "semi_hard": Function(
        reference=semi_hard,
        cases=tables,
        mistakes=MINING,
        praise="the nearest beyond the positive, never the image itself, and the farthest where nothing is beyond.",
        whole=True,
    ),
    "pairs": Function(
        reference=contrastive_margin,
        cases=lambda: [(*pairs(7, 3, 1), 1.0), (*pairs(10, 4, 2), 0.7), (*pairs(5, 2, 3), 1.6)],
        mistakes=PAIRS,
        praise="the same as the package's, at three margins.",
        gradients={"z1": 0, "z2": 1},
    ),
    "gradient": Function(
        reference=gradients,
        cases=lambda: [(*triplets(7, seed=4), 0.5), (*triplets(5, 4, seed=5), 2.0), (*triplets(6, 3, seed=6), 0.2)],
        mistakes=GRADIENTS,
        praise="the same as autograd's, at all three points.",
        probes=[by_hand(lambda: (*triplets(7, seed=4), 0.5))],
    ),
    "poles": Number(
        right=0.5 * 4 / 9,
        because="4 of the 9 others lie at the anchor's own pole: near = far = 0 costs the margin, and the 5 at the "
        "other pole, 4 away, cost nothing. Semi-hard mining looks beyond the positive, finds the other pole, and "
        "its loss is exactly 0: one bit about the image, and a loss of zero.",
        slips={
            0.25: "the anchor's own image was counted: only the 9 others can be its negative.",
            0.5: "all negatives were put at the anchor's own pole: that is the loss of a collapse, or of hard mining.",
            0.0: "that is the loss under semi-hard mining, which passes over all at distance 0: here it is random.",
            0.5 * 5 / 9: "the poles were mixed up: the 5 at the other pole are far away and cost nothing.",
            4 / 9: "that is the share of active triplets: each of them costs the margin.",
            0.5 - 4 * 5 / 9: "the clamp is missing: a triplet beyond the margin costs 0, not less than 0.",
            2.0: "that is a mean of distances: put near and far into the loss.",
        },
        tolerance=0.004,
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
        because="z has no deviation left and the loss stands at the margin, but h is spread, and probes far above the "
        "floor: mend the mining, and don't say that nothing was learnt.",
        others={
            "a": "a loss that stays high under semi-hard mining is normal: z is spread, and the probe is the best.",
            "b": "its z is spread. Nothing has collapsed: its questions are so easy that hardly a triplet is active.",
            "d": "it passes through the margin and goes on, and its z spreads: a collapse stays at the margin.",
            "e": "here the encoder has collapsed, too: h has no deviation, and the probe guesses.",
        },
    ),
    "confound": Choice(
        right="c",
        because="passes are equal, steps aren't: 138 of the large batch against 561. Train the random run with batches "
        "of 32, and with the same seeds, before you say what mining is worth.",
        others={
            "a": "a margin that both share can't make the difference between them.",
            "b": "a deviation of 2 over three seeds is far too small to make 16 points.",
            "d": "losses of two ways of mining can't be compared, but nobody did: the claim is about the probe.",
            "e": "both probes see as many labelled images, so neither has an advantage.",
        },
    ),
    "paired": Function(
        reference=paired_difference,
        cases=run_pairs,
        mistakes=PAIRED,
        praise="mean and deviation of the differences, seed by seed.",
    ),
    "report": Number(
        right=REPORTED,
        because="and its spread over the seeds is many times smaller: that difference is no luck.",
        slips={
            -REPORTED: "it was subtracted the wrong way round: semi-hard - hard.",
            0.0: "nothing differs between the two: is mining handed on to the method?",
        },
        tolerance=0.17,
    ),
    "batch_all": Function(
        reference=batch_all,
        cases=lambda: [(*two_views(5 + seed, seed), margin) for seed, margin in ((0, 0.5), (1, 1.0), (2, 1.5))],
        mistakes=BATCH,
        praise="all B * (B - 1) triplets, each clamped by itself.",
        gradients={"z1": 0, "z2": 1},
    ),
    "open": Essay(
        question="You have 500 hours of film from wild-life cameras in a forest, without labels, and want features "
        "that tell animals apart. The cameras don't move. You want to train with triplets, and to take the positives "
        "from time rather than from random views. What is a positive, what a negative? Which negatives are false ones? "
        "What could the network use to solve the task without looking at any animal, and what do you do about it? "
        "Would you mine?"
    ),
}
