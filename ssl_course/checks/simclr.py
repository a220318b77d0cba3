"""Exercises of lesson 04: the contrastive loss, its candidates, its views, and MoCo's queue."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ssl_course.checks.engine import Choice, Essay, Exercise, Function, Number
from ssl_course.methods.simclr import nt_xent


def views(count: int, width: int = 8, noise: float = 0.6, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two correlated sets of vectors (count, width) of other lengths than 1: partners are near, strangers aren't."""
    random = torch.Generator().manual_seed(seed)
    z = torch.randn(count, width, generator=random)
    other = z + noise * torch.randn(count, width, generator=random)
    return 3 * z, 0.5 * other


def similarities(z1: Tensor, z2: Tensor, temperature: float, *, normalise: bool = True) -> Tensor:
    z = torch.cat([z1, z2])
    z = F.normalize(z, dim=1) if normalise else z
    return z @ z.T / temperature  # (2B, 2B)


def partners(count: int) -> Tensor:
    return torch.arange(2 * count).roll(count)


def masked(logits: Tensor, value: float = float("-inf")) -> Tensor:
    return logits.masked_fill(torch.eye(len(logits), dtype=torch.bool), value)


# --- NT-Xent and its mistakes, each a function of (z1, z2, temperature)


def unmasked(z1, z2, temperature):
    return F.cross_entropy(similarities(z1, z2, temperature), partners(len(z1)))


def zero_on_the_diagonal(z1, z2, temperature):
    return F.cross_entropy(masked(similarities(z1, z2, temperature), 0.0), partners(len(z1)))


def next_row(z1, z2, temperature):
    right = torch.arange(2 * len(z1)) ^ 1
    return F.cross_entropy(masked(similarities(z1, z2, temperature)), right)


def itself(z1, z2, temperature):
    return F.cross_entropy(similarities(z1, z2, temperature), torch.arange(2 * len(z1)))


def not_normalised(z1, z2, temperature):
    return F.cross_entropy(masked(similarities(z1, z2, temperature, normalise=False)), partners(len(z1)))


def normalised_over_the_batch(z1, z2, temperature):
    z = F.normalize(torch.cat([z1, z2]), dim=0)
    return F.cross_entropy(masked(z @ z.T / temperature), partners(len(z1)))


def multiplied(z1, z2, temperature):
    return nt_xent(z1, z2, 1 / temperature)


def temperature_forgotten(z1, z2, temperature):
    return nt_xent(z1, z2, 1.0)


def summed(z1, z2, temperature):
    return 2 * len(z1) * nt_xent(z1, z2, temperature)


def over_images(z1, z2, temperature):
    return 2 * nt_xent(z1, z2, temperature)


def minus(z1, z2, temperature):
    return -nt_xent(z1, z2, temperature)


def positives_alone(z1, z2, temperature):
    return -(F.cosine_similarity(z1, z2) / temperature).mean()


def positive_left_out(z1, z2, temperature):
    logits = masked(similarities(z1, z2, temperature))
    rows = torch.arange(len(logits))
    own = logits[rows, partners(len(z1))]
    others = logits.index_put((rows, partners(len(z1))), torch.tensor(float("-inf")))
    return (others.logsumexp(dim=1) - own).mean()


def one_direction(z1, z2, temperature):
    logits = masked(similarities(z1, z2, temperature))[: len(z1)]
    return F.cross_entropy(logits, partners(len(z1))[: len(z1)])


def other_views_only(z1, z2, temperature):
    logits = F.normalize(z1, dim=1) @ F.normalize(z2, dim=1).T / temperature
    rows = torch.arange(len(z1))
    return (F.cross_entropy(logits, rows) + F.cross_entropy(logits.T, rows)) / 2


def one_of_the_others(z1, z2, temperature):
    logits = F.normalize(z1, dim=1) @ F.normalize(z2, dim=1).T / temperature
    return F.cross_entropy(logits, torch.arange(len(z1)))


def half_tempered(positives: bool):
    """The temperature divides the partner's cosine alone, or those of the candidates alone."""

    def loss(z1, z2, temperature):
        cosines = masked(similarities(z1, z2, 1.0))
        own = cosines[torch.arange(len(cosines)), partners(len(z1))]
        scaled = cosines / temperature
        above, below = (own / temperature, cosines) if positives else (own, scaled)
        return (below.logsumexp(dim=1) - above).mean()

    return loss


def log_of_the_mean(z1, z2, temperature):
    logits = masked(similarities(z1, z2, temperature))
    return -logits.softmax(dim=1)[torch.arange(len(logits)), partners(len(z1))].mean().log()


def mean_over_candidates(z1, z2, temperature):
    shares = masked(similarities(z1, z2, temperature)).log_softmax(dim=1)
    return -shares[~torch.eye(len(shares), dtype=torch.bool)].mean()


def share_twice(z1, z2, temperature):
    logits = masked(similarities(z1, z2, temperature))
    return F.cross_entropy(logits.softmax(dim=1), partners(len(z1)))


def looking_for(labels, value=float("-inf")):
    """NT-Xent with other right answers, and another value on the diagonal (None: not masked)."""

    def loss(z1, z2, temperature):
        logits = similarities(z1, z2, temperature)
        return F.cross_entropy(logits if value is None else masked(logits, value), labels(len(z1)))

    return loss


def minus_one(z1, z2, temperature):
    return F.cross_entropy(masked(similarities(z1, z2, temperature), -1.0), partners(len(z1)))


def minus_one_as_cosine(z1, z2, temperature):
    return F.cross_entropy(masked(similarities(z1, z2, 1.0), -1.0) / temperature, partners(len(z1)))


def scaled_as(scale):
    """NT-Xent of vectors that were scaled by a rule of both views, (2B, D)."""

    def loss(z1, z2, temperature):
        z = scale(z1, z2)
        return F.cross_entropy(masked(z @ z.T / temperature), partners(len(z1)))

    return loss


def one_scaled(first: bool):
    return scaled_as(
        lambda z1, z2: torch.cat([F.normalize(z1, dim=1) if first else z1, z2 if first else F.normalize(z2, dim=1)])
    )


def base_two(z1, z2, temperature):
    return nt_xent(z1, z2, temperature) / math.log(2)


NT_XENT = {
    "an image counts as its own negative: the diagonal isn't masked, so the softmax has 2B candidates, not 2B - 1.": (
        unmasked
    ),
    "the diagonal is set to 0, not to minus infinity: exp(0) = 1 is still a candidate.": zero_on_the_diagonal,
    "the diagonal is set to -1, not to minus infinity: at a high temperature that is a candidate like any stranger.": (
        minus_one_as_cosine,
        minus_one,
    ),
    "the softmax is taken twice: cross_entropy takes it of the logits by itself, so hand over the logits.": share_twice,
    "the right answers aren't the partners, for instance 0 to B - 1 twice: in cat([z1, z2]) they are B to 2B - 1, and "
    "then 0 to B - 1.": tuple(
        looking_for(lambda count: torch.arange(count).repeat(2), value)
        for value in (float("-inf"), -1e9, -1e4, None, 0.0)
    ),
    "the right answers are moved on by one place, roll(1): the partner lies B places on.": (
        looking_for(lambda count: torch.arange(2 * count).roll(1)),
        looking_for(lambda count: torch.arange(2 * count).roll(-1)),
    ),
    "row i looks for its neighbour i + 1: in cat([z1, z2]) the partner of row i is i + B.": next_row,
    "each row looks for itself: the right answer of row i is i + B (and i - B in the second half).": itself,
    "the vectors aren't scaled to length 1, so long ones count for more.": not_normalised,
    "only one of the two views is scaled to length 1: both have to be.": (one_scaled(True), one_scaled(False)),
    "all vectors are divided by one common length: norm() without dim=1 is the length of the whole table.": (
        scaled_as(lambda z1, z2: torch.cat([z1, z2]) / torch.cat([z1, z2]).norm()),
        scaled_as(lambda z1, z2: torch.cat([z1 / z1.norm(), z2 / z2.norm()])),
    ),
    "each column is scaled to length 1 instead of each row: an image's vector is dim=1.": normalised_over_the_batch,
    "the cosines are multiplied by the temperature instead of divided.": multiplied,
    "the temperature isn't used.": temperature_forgotten,
    "the temperature is a fixed number in the function: divide by the one that is handed over.": tuple(
        lambda z1, z2, temperature, fixed=fixed: nt_xent(z1, z2, fixed)
        for fixed in (0.5, 0.1, 0.07, 0.2, 0.05, 0.3, 0.01)
    ),
    "both factors of the product are divided by the temperature: that divides the cosine by its square.": (
        lambda z1, z2, temperature: nt_xent(z1, z2, temperature**2)
    ),
    "the temperature comes after the loss: it belongs to the cosines, before the softmax.": (
        lambda z1, z2, temperature: nt_xent(z1, z2, 1.0) / temperature,
        lambda z1, z2, temperature: nt_xent(z1, z2, 1.0) * temperature,
    ),
    "the losses are summed: take the mean over all 2B rows.": summed,
    "the sum is divided by B: there are 2B rows, each with its own loss.": over_images,
    "the sign is turned round: minimising it would push partners apart.": minus,
    "only the positives are there, without the denominator: nothing would push other images away.": positives_alone,
    "the partner is missing from the denominator: the sum goes over all candidates, the right one included.": (
        positive_left_out
    ),
    "only view 1 looks for view 2: the other direction is missing.": one_direction,
    "each view chooses among the B views of the other kind: the other views of its own kind are candidates, too.": (
        other_views_only,
        one_of_the_others,
    ),
    "the temperature divides only a part: the partner's cosine above and all cosines below are divided by it.": (
        half_tempered(True),
        half_tempered(False),
    ),
    "the mean is taken before the logarithm: first the logarithm of each view's share, then the mean.": log_of_the_mean,
    "the mean goes over all candidates of a row: only the partner's entry belongs to the loss.": mean_over_candidates,
    "the logarithm is to base 2: nats take the natural one.": base_two,
}


def nt_xent_cases() -> list[tuple]:
    """Low temperatures, and a high one, at which whatever stands on the diagonal would show."""
    sizes = ((2, 0.1), (5, 0.2), (8, 0.07), (6, 0.7))
    return [(*views(count, seed=count), temperature) for count, temperature in sizes]


# --- MoCo's queue, a function of (queue, keys)


def enqueue(queue: Tensor, keys: Tensor) -> Tensor:
    """The newest keys at the end, as many of the oldest gone from the front."""
    return torch.cat([queue, keys.detach()])[len(keys) :]


QUEUE = {
    "a batch that is longer than the queue isn't cut: only its newest keys fit.": lambda q, k: torch.cat(
        [q[len(k) :], k]
    ),
    "the newest leave and the oldest stay: first in, first out.": lambda q, k: torch.cat([q[: -len(k)], k]),
    "the keys are put in, but the newest of the queue leave: the oldest, in row 0, must go.": (
        lambda q, k: torch.cat([k, q])[: len(q)]
    ),
    "the oldest are gone, but the keys aren't in.": lambda q, k: torch.cat([q[len(k) :], q[: len(k)]]),
    "nothing has left: the queue must stay as long as it was.": lambda q, k: torch.cat([q, k]),
}


def in_any_order(result: Tensor, queue: Tensor, keys: Tensor) -> tuple[Tensor]:
    """The rows by size: a ring, where the newest overwrite the oldest in their place, holds the same keys."""
    return (result[result[:, 0].argsort()],)


def queue_cases() -> list[tuple]:
    """Batches shorter than the queue, as long, and longer."""
    sizes = ((6, 2), (4, 3), (4, 4), (3, 5))
    return [(torch.arange(2.0 * k).view(k, 2), -torch.arange(1.0, 2 * b + 1).view(b, 2)) for k, b in sizes]


def keeps_no_graph(answer) -> str | None:
    queue, keys = torch.randn(6, 3), torch.randn(2, 3, requires_grad=True)
    if answer(queue, keys).requires_grad:
        return (
            "the keys keep their gradient: store keys.detach(), or every step holds on to the graphs of all before it."
        )
    return None


# --- two views, a function of (augment, images)


def two_views(augment, images: Tensor) -> tuple[Tensor, Tensor]:
    return augment(images), augment(images)


class Counted:
    """An augmentation whose draws can be told apart: it doubles each image and adds a number that no other draw has."""

    def __init__(self):
        self.draws = 0

    def __call__(self, images: Tensor) -> Tensor:
        count = len(images) if images.ndim == 4 else 1
        numbers = torch.arange(self.draws + 1.0, self.draws + count + 1)
        self.draws += count
        return 2 * images + (numbers.view(-1, 1, 1, 1) if images.ndim == 4 else numbers)


def origins(views: tuple[Tensor, Tensor], augment: Counted, images: Tensor) -> tuple:
    """How far the views are from a draw of the image, smaller first, and how many draws there are: 0, 0 and 2B."""
    rests = [(view - 2 * images).flatten(1) for view in views]  # the number of the draw, if made from the image
    spreads = [float(rest.std(dim=1).max()) for rest in rests]
    draws = torch.cat(rests).mean(dim=1).mul(1000).round().unique()
    return min(spreads), max(spreads), len(draws)


def same_twice(augment, images):
    view = augment(images)
    return view, view


def view_of_a_view(augment, images):
    view = augment(images)
    return view, augment(view)


VIEWS = {
    "both views are the same one: call augment twice, it draws anew each time.": same_twice,
    "the second view is made from the first: both must start from the image.": view_of_a_view,
    "the first view is the image itself: SimCLR changes both.": lambda augment, images: (images, augment(images)),
    "no view is changed: augment isn't called.": lambda augment, images: (images, images),
}

EXERCISES: dict[str, Exercise] = {
    "partner": Function(
        reference=partners,
        cases=lambda: [(1,), (3,), (5,)],
        mistakes={
            "the rows were thought to lie view 1, view 2, view 1, view 2: here all of view 1 come first.": (
                lambda count: torch.arange(2 * count) ^ 1
            ),
            "both halves are 0 to B - 1, the numbers of the images: the partners of the first half are B to 2B - 1.": (
                lambda count: torch.arange(count).repeat(2)
            ),
            "each row is its own partner.": lambda count: torch.arange(2 * count),
            "the second half isn't turned back: row B + i belongs to row i.": (
                lambda count: torch.arange(2 * count) + count
            ),
            "the rows are moved on by one place: the partner lies `count` places on.": (
                lambda count: torch.arange(2 * count).roll(1),
                lambda count: torch.arange(2 * count).roll(-1),
            ),
            "the order is turned round: row i belongs to B + i, whatever the other images are.": (
                lambda count: torch.arange(2 * count).flip(0)
            ),
        },
        praise="row i and row i + B are the two views of image i.",
        whole=True,
    ),
    "nt_xent": Function(
        reference=nt_xent,
        cases=nt_xent_cases,
        mistakes=NT_XENT,
        praise="the same as the package's, at four temperatures, and so is its gradient.",
        gradients={"z1": 0, "z2": 1},
    ),
    "guessing": Number(
        right=math.log(2 * 64 - 1),
        because="log(2B - 1): 127 candidates, all equally likely. A loss that stays there is a collapse.",
        slips={
            math.log(128): "the view itself was counted as a candidate: 2B - 1 are left.",
            math.log(64): "only one view of each image was counted: there are two.",
            math.log(63): "only one view of each other image was counted: there are two, and the partner.",
            math.log10(127): "the logarithm is to base 10: the loss is in nats.",
            math.log2(127): "the logarithm is to base 2: the loss is in nats.",
            1 / 127: "that is the probability of a lucky guess: the loss is minus its logarithm.",
        },
        tolerance=0.0005,
    ),
    "temperature": Choice(
        right="b",
        because="dividing by a small number spreads the logits: the softmax looks at the nearest strangers alone.",
        others={
            "a": "a small temperature makes the differences between the logits larger, not smaller.",
            "c": "a common factor of all logits isn't a common summand: softmax forgets only the latter.",
            "d": "the loss still has a minimum and a gradient; what changes is who gets it.",
        },
    ),
    "two_views": Function(
        reference=two_views,
        cases=lambda: [(Counted(), torch.rand(5, 3, 4, 4, generator=torch.Generator().manual_seed(1)))],
        mistakes=VIEWS,
        praise="two draws from the same image.",
        measure=origins,
        parts=(
            "what one view has besides a draw of the image",
            "what the other view has besides it",
            "how many draws there are",
        ),
    ),
    "queue": Function(
        reference=enqueue,
        cases=queue_cases,
        mistakes=QUEUE,
        praise="first in, first out, and no graph is kept.",
        probes=[keeps_no_graph],
        measure=in_any_order,
        parts=("the keys in the queue",),
        in_place=True,
    ),
    "curve": Choice(
        right="c",
        because="at log(2B - 1) from beginning to end with a rank of 1: all projections are the same.",
        others={
            "a": "a loss that falls slowly while the rank grows is a run that learns.",
            "b": "a loss far below guessing can't come from equal projections: they have exactly the loss of guessing.",
        },
    ),
    "open": Essay(
        question="You want features of satellite pictures for finding out what grows on a field. Which of these random "
        "changes would you use, and which not: turning by any angle, mirroring, crops that keep 20 % of the area, "
        "changes of hue, grayscale, blur? Give a reason for each, in words.",
    ),
}
