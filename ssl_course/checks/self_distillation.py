"""Exercises of lesson 13: the centre's memory, DINO's loss and its slope, even shares, logs, where a head looks."""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import normalize

from ssl_course.checks.engine import Choice, Exercise, Function, Number, by_hand


def drawn(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


# --- How long the centre takes

GAP, DECAY, SHARP, SOFT, SMALL = 0.2, 0.9, 0.04, 0.1, 2.0


def updates(gap: float, temperature: float, decay: float = DECAY) -> float:
    """After how many updates e^(what is left of the gap, by the temperature) is `SMALL`; not rounded."""
    return math.log(math.log(SMALL) * temperature / gap) / math.log(decay)


MEMORY = math.ceil(updates(GAP, SHARP))

# --- The loss of each picture, each a function of (student, teacher, centre, tau_s, tau_t)


def logs_of(scores: Tensor, temperature: float, dim: int = 2) -> Tensor:
    return (scores / temperature).log_softmax(dim=dim)


def different(table: Tensor) -> Tensor:
    """The mean over all pairs of different views, of a table (G, V, B): (B,)."""
    large, every = table.shape[:2]
    other = ~torch.eye(large, every, dtype=torch.bool)
    return table[other].mean(dim=0)


def paired(
    *,
    answer: Callable = lambda teacher, centre, tau_s, tau_t: logs_of(teacher - centre, tau_t).exp(),
    logs: Callable = lambda student, centre, tau_s, tau_t: logs_of(student, tau_s),
    finish: Callable = different,
    held: bool = True,
):
    """The losses with something else for: the teacher's shares, the student's logs, how pairs are brought together."""

    def losses(student, teacher, centre, tau_s, tau_t):
        targets = answer(teacher.detach() if held else teacher, centre, tau_s, tau_t)  # (G, B, K)
        return finish(-torch.einsum("gbk,vbk->gvb", targets, logs(student, centre, tau_s, tau_t)))

    return losses


picture_losses = paired()


def same_left_out(table: Tensor) -> Tensor:
    """All pairs but those of one view are summed, and divided by the number of all pairs."""
    every = table.shape[1]
    return different(table) * (every - 1) / every


def student_teaches(student, teacher, centre, tau_s, tau_t):
    shares = logs_of(student, tau_s).exp()
    return different(-torch.einsum("vbk,gbk->gvb", shares, logs_of(teacher.detach() - centre, tau_t)))


def distance(student, teacher, centre, tau_s, tau_t):
    return picture_losses(student, teacher, centre, tau_s, tau_t) - own_entropy(teacher, centre, tau_t)


def own_entropy(teacher: Tensor, centre: Tensor, tau_t: float) -> Tensor:
    """The entropy of what the teacher says, mean over its views: (B,)."""
    return torch.special.entr(logs_of(teacher - centre, tau_t).exp()).sum(dim=2).mean(dim=0)


def large_alone(student, teacher, *others):
    return picture_losses(student[: len(teacher)], teacher, *others)


def flipped(student, teacher, centre, tau_s, tau_t):
    """The large views in turned order stand beside the teacher's."""
    shares = logs_of(teacher.detach() - centre, tau_t).exp()
    return -(shares * logs_of(student[: len(teacher)], tau_s).flip(0)).sum(dim=2).mean(dim=0)


def later(table: Tensor) -> Tensor:
    """Only the pairs of the table (G, V, B) in which the student's view comes after the teacher's."""
    after = torch.ones(table.shape[:2], dtype=torch.bool).triu(1)
    return table[after].mean(dim=0)


def divided_by(number: Callable):
    """The sum over all pairs of different views, divided by another number than theirs."""
    return lambda table: different(table) * len(table) * (table.shape[1] - 1) / number(*table.shape[:2])


LOSSES = {
    "a view teaches itself: only pairs of different views count.": paired(finish=lambda table: table.mean(dim=(0, 1))),
    "a view's pair with itself is left out of the sum, but still counted in the number of pairs.": paired(
        finish=same_left_out
    ),
    "the pairs are summed: asked for is their mean.": paired(
        finish=lambda table: different(table) * len(table) * (table.shape[1] - 1)
    ),
    "the mean goes over the pictures, too: each picture keeps its own loss.": paired(
        finish=lambda table: different(table).mean()
    ),
    "not all of the teacher's views teach: its shape says how many there are.": (
        lambda student, teacher, *others: picture_losses(student, teacher[:1], *others),
        lambda student, teacher, *others: picture_losses(student, teacher[:2], *others),
    ),
    "only the student's large views count: the small ones have to say what the teacher says as well.": (
        large_alone,
        lambda student, teacher, *others: flipped(student, teacher, *others),
    ),
    "each view is compared with itself alone: only pairs of different views count.": paired(
        finish=lambda table: table[range(len(table)), range(len(table))].mean(dim=0)
    ),
    "a pair counts only if the student's view comes after the teacher's: both orders count.": paired(finish=later),
    "the sum over the pairs isn't divided by their number: each of the teacher's G views has V - 1 others.": tuple(
        paired(finish=divided_by(number))
        for number in (
            lambda large, every: every - 1,
            lambda large, every: every,
            lambda large, every: large,
            lambda large, every: every * (every - 1),
            lambda large, every: every**2,
            lambda large, every: max(1, large * (large - 1)),
        )
    ),
    "the centre isn't used: it is taken from the teacher's scores.": paired(
        answer=lambda teacher, centre, tau_s, tau_t: logs_of(teacher, tau_t).exp()
    ),
    "the mean of this batch is taken away: the centre is handed over, and remembers many.": (
        lambda student, teacher, centre, *taus: picture_losses(student, teacher, teacher.mean(dim=(0, 1)), *taus)
    ),
    "the centre is added: it is taken away from the teacher's scores.": paired(
        answer=lambda teacher, centre, tau_s, tau_t: logs_of(teacher + centre, tau_t).exp()
    ),
    "the centre is taken from the student, too: only the teacher is held back by it.": paired(
        logs=lambda student, centre, tau_s, tau_t: logs_of(student - centre, tau_s)
    ),
    "the centre is taken from the student and not from the teacher.": paired(
        answer=lambda teacher, centre, tau_s, tau_t: logs_of(teacher, tau_t).exp(),
        logs=lambda student, centre, tau_s, tau_t: logs_of(student - centre, tau_s),
    ),
    "the centre is taken after the division: scores less centre come first, and then the temperature.": paired(
        answer=lambda teacher, centre, tau_s, tau_t: (teacher / tau_t - centre).softmax(dim=2)
    ),
    "the teacher has the student's temperature: its own is what sharpens.": paired(
        answer=lambda teacher, centre, tau_s, tau_t: logs_of(teacher - centre, tau_s).exp()
    ),
    "the student has the teacher's temperature.": paired(
        logs=lambda student, centre, tau_s, tau_t: logs_of(student, tau_t)
    ),
    "the two temperatures are exchanged.": paired(
        answer=lambda teacher, centre, tau_s, tau_t: logs_of(teacher - centre, tau_s).exp(),
        logs=lambda student, centre, tau_s, tau_t: logs_of(student, tau_t),
    ),
    "the scores are multiplied by the temperatures: divide by them.": paired(
        answer=lambda teacher, centre, tau_s, tau_t: logs_of(teacher - centre, 1 / tau_t).exp(),
        logs=lambda student, centre, tau_s, tau_t: logs_of(student, 1 / tau_s),
    ),
    "the student's scores aren't divided by their temperature.": paired(
        logs=lambda student, centre, tau_s, tau_t: logs_of(student, 1)
    ),
    "the teacher's scores aren't divided by their temperature.": paired(
        answer=lambda teacher, centre, tau_s, tau_t: logs_of(teacher - centre, 1).exp()
    ),
    "the log is missing: the cross-entropy has the logs of the student's shares.": paired(
        logs=lambda student, centre, tau_s, tau_t: logs_of(student, tau_s).exp()
    ),
    "no temperature is used at all.": paired(
        answer=lambda teacher, centre, tau_s, tau_t: logs_of(teacher - centre, 1).exp(),
        logs=lambda student, centre, tau_s, tau_t: logs_of(student, 1),
    ),
    "the student teaches: the shares are the teacher's, the logs the student's.": student_teaches,
    "it is the distance (KL): the cross-entropy still has the entropy of the target in it.": distance,
    "the sign is wrong: a logarithm of a share is negative, and the loss isn't.": paired(
        finish=lambda table: -different(table)
    ),
    "the mean goes over the prototypes: their terms are summed.": lambda student, *others: (
        picture_losses(student, *others) / student.shape[2]
    ),
    "the softmax is over the pictures: each picture's shares over the prototypes sum to 1.": paired(
        answer=lambda teacher, centre, tau_s, tau_t: logs_of(teacher - centre, tau_t, 1).exp(),
        logs=lambda student, centre, tau_s, tau_t: logs_of(student, tau_s, 1),
    ),
    "the softmax is over the views: each picture's shares over the prototypes sum to 1.": paired(
        answer=lambda teacher, centre, tau_s, tau_t: logs_of(teacher - centre, tau_t, 0).exp(),
        logs=lambda student, centre, tau_s, tau_t: logs_of(student, tau_s, 0),
    ),
    "the teacher's most liked prototype alone is the target: its shares are.": paired(
        answer=lambda teacher, centre, tau_s, tau_t: (
            teacher - centre == (teacher - centre).amax(dim=2, keepdim=True)
        ).float()
    ),
}


def loss_cases() -> list[tuple]:
    """Views that are alike; small ones in the first case, a teacher that sees all in the second."""
    cases = []
    for every, large, count, width, seed in ((4, 2, 5, 7, 1), (3, 3, 4, 6, 5)):
        says = drawn(count, width, seed=seed)
        student = 0.3 * says + 0.2 * drawn(every, count, width, seed=seed + 1)
        teacher = 0.3 * says + 0.2 * drawn(large, count, width, seed=seed + 2)
        cases.append((student, teacher, 0.15 * drawn(width, seed=seed + 3), 0.3, 0.17))
    return cases


def teacher_is_held(answer: Callable) -> str | None:
    """Refuse a loss that would move the teacher's scores."""
    for student, teacher, *others in loss_cases():
        leaf = teacher.requires_grad_()
        losses = answer(student.requires_grad_().clone(), leaf.clone(), *others)
        (slope,) = torch.autograd.grad(losses.sum(), leaf, allow_unused=True)
        if slope is not None and slope.abs().max() > 1e-7:
            return (
                "the values are right, but a gradient arrives at the teacher's scores: then the teacher would learn "
                "to say what is easy to guess. Let it end there."
            )
    return None


# --- The slope at the student's scores, each a function of (scores, targets, temperature)


def sloped(*, told: Callable = lambda s: s.softmax(dim=1), target: Callable = lambda p: p.mean(dim=0), scale=None):
    """(told - target) / (temperature * B), with something else for each."""

    def slope(scores, targets, temperature):
        gap = told(scores / temperature) - target(targets)
        return gap * (1 / (temperature * len(scores)) if scale is None else scale(temperature, len(scores)))

    return slope


slope = sloped()


def only_own(scores, targets, temperature):
    return -targets.mean(dim=0) / (temperature * len(scores))


def at_the_shares(scores, targets, temperature):
    return -targets.mean(dim=0) / (scores / temperature).softmax(dim=1) / len(scores)


def value(scores, targets, temperature):
    return -(targets * (scores / temperature).log_softmax(dim=1)).sum(dim=2).mean()


SLOPE = {
    "the temperature is missing in front: the scores are divided by it before the softmax.": sloped(
        scale=lambda temperature, count: 1 / count
    ),
    "it is multiplied by the temperature: how does s / temperature move with s?": sloped(
        scale=lambda temperature, count: temperature / count
    ),
    "it isn't divided by the number of pictures: the loss is a mean over them.": sloped(
        scale=lambda temperature, count: 1 / temperature
    ),
    "it is divided by the temperature twice: once is enough.": sloped(
        scale=lambda temperature, count: 1 / (temperature**2 * count)
    ),
    "the temperature is used nowhere, neither in the softmax nor in front.": (
        lambda scores, targets, temperature: slope(scores, targets, 1.0)
    ),
    "the scores are multiplied by the temperature before the softmax: divide by it.": (
        lambda scores, targets, temperature: slope(scores * temperature**2, targets, temperature)
    ),
    "the log of the student's shares is there: the slope has the shares themselves.": sloped(
        told=lambda s: s.log_softmax(dim=1)
    ),
    "only the student's shares are there: where are the targets?": sloped(target=lambda p: 0.0),
    "the teacher's views are still apart: their mean is compared.": sloped(target=lambda p: p),
    "neither the temperature nor the number of pictures stands in front.": sloped(scale=lambda temperature, count: 1),
    "the sign is turned round: against this slope, the student would move away from its teacher.": (
        lambda *given: -slope(*given)
    ),
    "the teacher's views are summed: the loss is a mean over them.": sloped(target=lambda p: p.sum(dim=0)),
    "the student's shares count once only: they are there for each of the teacher's views, as the targets are.": (
        lambda scores, targets, temperature: (
            ((scores / temperature).softmax(dim=1) - targets.sum(dim=0)) / (temperature * len(scores) * len(targets))
        )
    ),
    "it is divided by the number of views once more: the mean of the targets has done that.": (
        lambda scores, targets, temperature: slope(scores, targets, temperature) / len(targets)
    ),
    "the whole is summed over the teacher's views: the loss is a mean over them.": (
        lambda scores, targets, temperature: len(targets) * slope(scores, targets, temperature)
    ),
    "only the first of the teacher's views counts.": sloped(target=lambda p: p[0]),
    "only the last of the teacher's views counts.": sloped(target=lambda p: p[-1]),
    "the teacher's shares are rounded to its most liked prototype.": sloped(
        target=lambda p: torch.nn.functional.one_hot(p.mean(dim=0).argmax(dim=1), p.shape[2]).to(p.dtype)
    ),
    "the student's shares are made without the temperature.": (
        lambda scores, targets, temperature: (scores.softmax(dim=1) - targets.mean(dim=0)) / (temperature * len(scores))
    ),
    "the targets pass through a softmax again: they are shares already.": (
        sloped(target=lambda p: p.softmax(dim=2).mean(dim=0)),
        lambda scores, targets, temperature: sloped(target=lambda p: (p / temperature).softmax(dim=2).mean(dim=0))(
            scores, targets, temperature
        ),
    ),
    "the softmax is over the pictures: each picture's shares over the prototypes sum to 1.": sloped(
        told=lambda s: s.softmax(dim=0)
    ),
    "only the score in front of the log moves: every score is in the sum below it, too.": only_own,
    "it is the slope at the shares: asked for is that at the scores.": at_the_shares,
    "the scores are compared with the shares: the softmax is missing.": sloped(told=lambda s: s),
    "it is divided by the number of prototypes, too: their terms are summed.": lambda scores, *others: (
        slope(scores, *others) / scores.shape[1]
    ),
    "it is divided by the number of prototypes instead of that of the pictures.": lambda scores, *others: (
        slope(scores, *others) * len(scores) / scores.shape[1]
    ),
    "it is the loss: asked for is how it moves with each score.": value,
}


def slope_cases() -> list[tuple]:
    cases = []
    for views, count, width, temperature, seed in ((3, 4, 6, 0.4, 1), (2, 5, 3, 1.7, 7)):
        targets = (1.5 * drawn(views, count, width, seed=seed)).softmax(dim=2)
        cases.append((drawn(count, width, seed=seed + 1), targets, temperature))
    return cases


# --- A centre that follows, each a function of (says, decay)


def followed(
    *,
    keep: Callable = lambda decay, step: decay,
    of: Callable = lambda scores, centre: scores,
    mean: Callable = lambda scores: scores.mean(dim=(0, 1)),
    late: bool = False,
    first: bool = False,
):
    """The centres of all steps, with something else for: what is kept of the old one, of what the mean is taken."""

    def centres(says, decay):
        centre, used = mean(says[0]) if first else torch.zeros(says.shape[3]), []
        for step, scores in enumerate(says, 1):
            before, kept = centre, keep(decay, step)
            centre = kept * centre + (1 - kept) * mean(of(scores, centre))
            used.append(centre if late else before)
        return torch.stack(used)

    return centres


centres = followed()


def slower(decay: float, step: int) -> float:
    return max(decay, 1 - 1 / step)


def what_is_left(scores: Tensor, centre: Tensor) -> Tensor:
    return scores - centre


def leaky(says: Tensor, decay: float) -> Tensor:
    """The old centre is kept whole, and a part of the mean is added."""
    centre, used = torch.zeros(says.shape[3]), []
    for scores in says:
        used.append(centre)
        centre = centre + (1 - decay) * scores.mean(dim=(0, 1))
    return torch.stack(used)


def by_what_has_come(says: Tensor, decay: float) -> Tensor:
    """Each centre by the sum of the weights in it, as Adam does with its means."""
    weights = 1 - decay ** torch.arange(len(says))
    return centres(says, decay) / weights.where(weights > 0, torch.ones(())).unsqueeze(1)


def last_for_all(says: Tensor, decay: float) -> Tensor:
    """What a list of one tensor shows that is changed in place: the last centre, in each row."""
    return followed(late=True)(says, decay)[-1].repeat(len(says), 1)


CENTRE = {
    "both slips are still there: it gets slower with every step, and goes only half of the way.": followed(
        keep=slower, of=what_is_left
    ),
    "it still gets slower with every step: late on, hardly anything of a new mean counts.": (
        followed(keep=slower),
        followed(keep=lambda decay, step: slower(decay, step + 1)),
    ),
    "it still goes only half of the way: of what is the mean taken?": followed(of=what_is_left),
    "the centre is still taken from the scores before their mean, and what is kept isn't right either: the decay says "
    "it.": tuple(
        followed(keep=keep, of=what_is_left)
        for keep in (
            lambda decay, step: 1 - 1 / step,
            lambda decay, step: min(decay, 1 - 1 / step),
            lambda decay, step: 1 - decay,
        )
    ),
    "it is an ordinary mean of all steps so far: that gets slower with every step.": (
        followed(keep=lambda decay, step: 1 - 1 / step),
        followed(keep=lambda decay, step: 1 - 1 / (step + 1)),
    ),
    "it begins as an ordinary mean: from the first step on, the decay says what is kept.": (
        followed(keep=lambda decay, step: min(decay, 1 - 1 / step)),
        followed(keep=lambda decay, step: min(decay, 1 - 1 / (step + 1))),
        followed(keep=lambda decay, step: decay * (1 - 1 / step)),
    ),
    "it is divided by 1 - decay to the power of the step, as in Adam: nobody asked for that.": by_what_has_come,
    "the decay isn't the one that is handed over, but 0.9.": lambda says, decay: centres(says, 0.9),
    "the decay and the rest of it are exchanged: it is the old centre's share.": followed(
        keep=lambda decay, step: 1 - decay
    ),
    "nothing of the old centre is kept.": (
        followed(keep=lambda decay, step: 0.0),
        followed(keep=lambda decay, step: 0.0, late=True),
    ),
    "nothing of the old centre is lost, so it grows without end: it keeps a share of it.": leaky,
    "the centres after the steps are returned: asked for are those that each step used.": (
        followed(late=True),
        followed(late=True, keep=slower),
        followed(late=True, of=what_is_left),
        followed(late=True, keep=slower, of=what_is_left),
    ),
    "all rows are the same: a centre that is changed in place is one tensor. Make a new one in each step.": (
        last_for_all
    ),
    "it starts with the first step's mean: it starts at 0.": followed(first=True),
    "only the first of the teacher's views counts.": followed(mean=lambda scores: scores[0].mean(dim=0)),
    "a sum is taken: the mean goes over views and pictures.": (
        followed(mean=lambda scores: scores.sum(dim=0).mean(dim=0)),
        followed(mean=lambda scores: scores.mean(dim=0).sum(dim=0)),
        followed(mean=lambda scores: scores.sum(dim=(0, 1))),
    ),
    "the mean is of the shares: it is of the scores, from which it will be taken away.": followed(
        of=lambda scores, centre: scores.softmax(dim=2)
    ),
}


def centre_cases() -> list[tuple]:
    """Long enough for an ordinary mean to become slow, with a change in the middle; views and steps differ."""
    cases = []
    for steps, count, width, decay, seed in ((30, 3, 4, 0.8, 1), (24, 5, 3, 0.7, 5)):
        liked = drawn(2, width, seed=seed).repeat_interleave(steps // 2, dim=0)  # (steps, K)
        says = liked[:, None, None] + 0.5 * drawn(steps, 2, count, width, seed=seed + 1)
        cases.append((says, decay))
    return cases


# --- Even shares, each a function of (scores, temperature, rounds)


def columns(q: Tensor) -> Tensor:
    return q / q.sum(dim=0, keepdim=True)


def rows(q: Tensor) -> Tensor:
    return q / q.sum(dim=1, keepdim=True)


def evened(
    *,
    start: Callable = lambda scores, temperature: (scores / temperature).exp(),
    one_round: Callable = lambda q: rows(columns(q)),
    count: Callable = lambda rounds: rounds,
    finish: Callable = lambda q: q,
):
    """Shares with something else for: where it begins, what a round is, how many there are, what is done at the end."""

    def shares(scores, temperature, rounds):
        q = start(scores, temperature)
        for _ in range(count(rounds)):
            q = one_round(q)
        return finish(q)

    return shares


even_shares = evened()


def softened(q: Tensor) -> Tensor:
    """A round with a softmax where a sum is divided by."""
    return q.softmax(dim=0).softmax(dim=1)


def halves(scores: Tensor, temperature: float, rounds: int) -> Tensor:
    """Columns in the first round, rows in the second, and so on."""
    q = (scores / temperature).exp()
    for number in range(rounds):
        q = q / q.sum(dim=number % 2, keepdim=True)
    return q


EVEN = {
    "a round ends with the prototypes: then a picture's shares don't sum to 1.": evened(
        one_round=lambda q: columns(rows(q))
    ),
    "only the rows are divided: that is a softmax, and a prototype may still get everything.": evened(one_round=rows),
    "only the columns are divided: then a picture's shares don't sum to 1.": evened(one_round=columns),
    "each prototype gets 1 in all: with B pictures and K prototypes, each gets B / K, and each picture has 1.": evened(
        finish=columns
    ),
    "all shares together sum to 1: each picture's do.": (
        evened(finish=lambda q: q / q.sum()),
        evened(one_round=lambda q: q / q.sum()),
    ),
    "each picture has B / K in all: its shares sum to 1.": evened(finish=lambda q: q * len(q) / q.shape[1]),
    "both sums are of the same table: the rows' sums are taken when the columns have been divided.": evened(
        one_round=lambda q: q / q.sum(dim=0) / q.sum(dim=1, keepdim=True)
    ),
    "it is divided by the mean: divide by the sum.": evened(
        one_round=lambda q: q / q.mean(dim=0) / (q / q.mean(dim=0)).mean(dim=1, keepdim=True)
    ),
    "it is divided by the length, the root of the sum of squares: F.normalize does that unless p=1.": evened(
        one_round=lambda q: normalize(normalize(q, dim=0), dim=1)
    ),
    "all shares are nearly the same, 1 / K: is there an exponential in each round? It makes the table, and no more.": (
        evened(start=lambda scores, temperature: scores / temperature, one_round=softened),
        evened(start=lambda scores, temperature: scores, one_round=softened),
        evened(one_round=softened),
    ),
    "a round is only half a round: it has a division of the columns *and* one of the rows.": halves,
    "nothing is divided: it is the table with which the rounds begin.": evened(count=lambda rounds: 0),
    "it begins with a softmax, which divides the rows once more, before the first round.": evened(
        start=lambda scores, temperature: (scores / temperature).softmax(dim=1)
    ),
    "each row's largest score is taken away first, which changes where the rounds begin: take the whole table's.": (
        evened(start=lambda scores, temperature: ((scores - scores.amax(dim=1, keepdim=True)) / temperature).exp())
    ),
    "the temperature isn't used.": evened(start=lambda scores, temperature: scores.exp()),
    "the scores are multiplied by the temperature: divide by it.": evened(
        start=lambda scores, temperature: (scores * temperature).exp()
    ),
    "the exponential is missing: scores can be negative, shares can't.": evened(
        start=lambda scores, temperature: scores / temperature
    ),
    "there is one round only (first all columns, then all rows comes to the same: take turns).": evened(
        count=lambda rounds: 1
    ),
    "there is one round too few.": evened(count=lambda rounds: rounds - 1),
    "there is one round too many.": evened(count=lambda rounds: rounds + 1),
    "pictures and prototypes are exchanged in the result: a row is a picture.": evened(finish=lambda q: q.T),
    "the shares are rounded to each picture's largest.": evened(
        finish=lambda q: (q == q.amax(dim=1, keepdim=True)).to(q.dtype)
    ),
}


def even_cases() -> list[tuple]:
    """Some prototypes are liked by all; more pictures than prototypes, and the other way round."""
    first = 0.3 * drawn(12, 5, seed=1) + torch.tensor([0.9, 0.5, 0.0, 0.0, -0.3])
    second = 0.4 * drawn(6, 8, seed=2) + 0.6 * drawn(8, seed=3)
    return [(first, 0.3, 3), (second, 0.25, 4)]


# --- Where a head looks, each a function of (known_maps, known_masks, new_maps, new_masks, mass)


def fewest(maps: Tensor, mass: float) -> Tensor:
    """The fewest patches of each map (…, R, C) that hold this share of it, bool."""
    flat = maps.flatten(-2)
    held, order = flat.sort(dim=-1, descending=True)
    before = held.cumsum(dim=-1) - held
    return torch.zeros_like(flat, dtype=torch.bool).scatter(-1, order, before < mass).view_as(maps)


def too_few(maps: Tensor, mass: float) -> Tensor:
    flat = maps.flatten(-2)
    held, order = flat.sort(dim=-1, descending=True)
    return torch.zeros_like(flat, dtype=torch.bool).scatter(-1, order, held.cumsum(dim=-1) <= mass).view_as(maps)


def too_many(maps: Tensor, mass: float) -> Tensor:
    flat = maps.flatten(-2)
    held, order = flat.sort(dim=-1, descending=True)
    needed = ((held.cumsum(dim=-1) - held) < mass).sum(dim=-1, keepdim=True)
    first = torch.arange(flat.shape[-1]) <= needed
    return torch.zeros_like(flat, dtype=torch.bool).scatter(-1, order, first).view_as(maps)


def not_put_back(maps: Tensor, mass: float) -> Tensor:
    held = maps.flatten(-2).sort(dim=-1, descending=True).values
    return (held.cumsum(dim=-1) - held < mass).view_as(maps)


def put_elsewhere(maps: Tensor, mass: float) -> Tensor:
    """What is kept of the sorted list is put where each patch of the map stands in that list's order."""
    held, order = maps.flatten(-2).sort(dim=-1, descending=True)
    kept = held.cumsum(dim=-1) - held < mass
    return torch.zeros_like(kept).scatter(-1, order.argsort(dim=-1), kept).view_as(maps)


def share_of_patches(maps: Tensor, mass: float, whole: Callable = round) -> Tensor:
    flat = maps.flatten(-2)
    count = whole(mass * flat.shape[-1])
    best = flat.topk(count, dim=-1).indices
    return torch.zeros_like(flat, dtype=torch.bool).scatter(-1, best, True).view_as(maps)


def weakest(maps: Tensor, mass: float) -> Tensor:
    flat = maps.flatten(-2)
    held, order = flat.sort(dim=-1)
    before = held.cumsum(dim=-1) - held
    return torch.zeros_like(flat, dtype=torch.bool).scatter(-1, order, before < mass).view_as(maps)


def over(found: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
    """Patches in both, and in either; each (…)."""
    return (found & true).sum(dim=(-2, -1)), (found | true).sum(dim=(-2, -1))


def iou(found: Tensor, true: Tensor) -> Tensor:
    both, either = over(found, true)
    return both / either  # (…)


def recall(found: Tensor, true: Tensor) -> Tensor:
    return (found & true).sum(dim=(-2, -1)) / true.expand_as(found).sum(dim=(-2, -1))


def precision(found: Tensor, true: Tensor) -> Tensor:
    return (found & true).sum(dim=(-2, -1)) / found.sum(dim=(-2, -1))


def dice(found: Tensor, true: Tensor) -> Tensor:
    return 2 * iou(found, true) / (1 + iou(found, true))


def looked(*, keep: Callable = fewest, compare: Callable = iou, finish: Callable | None = None):
    """The IoU of the head that is best on known pictures, on new ones, with something else for a part.

    `finish` gets the tables of known (N, heads) and new pictures (M, heads), and gives the number.
    """

    def number(known_maps, known_masks, new_maps, new_masks, mass):
        known = compare(keep(known_maps, mass), known_masks[:, None])
        new = compare(keep(new_maps, mass), new_masks[:, None])
        if finish is not None:
            return float(finish(known, new))
        return float(new[:, known.mean(dim=0).argmax()].mean())

    return number


head_overlap = looked()


def heads_averaged(known_maps, known_masks, new_maps, new_masks, mass):
    return float(iou(fewest(new_maps.mean(dim=1), mass), new_masks).mean())


def by_choice(choose: Callable):
    """The head with the largest score: of the IoU (N, heads), the patches in both and those in either."""

    def number(known_maps, known_masks, new_maps, new_masks, mass):
        both, either = over(fewest(known_maps, mass), known_masks[:, None])
        head = choose(both / either, both, either).argmax()
        return float(iou(fewest(new_maps[:, head], mass), new_masks).mean())

    return number


def all_in_one(known_maps, known_masks, new_maps, new_masks, mass, pooled=False):
    both, either = over(fewest(known_maps, mass), known_masks[:, None])
    head = (both.sum(dim=0) / either.sum(dim=0) if pooled else (both / either).mean(dim=0)).argmax()
    both, either = over(fewest(new_maps[:, head], mass), new_masks)
    return float(both.sum() / either.sum())


OVERLAP = {
    "the head is chosen on the new pictures: with their outlines it can't be tested there.": looked(
        finish=lambda known, new: new.mean(dim=0).max()
    ),
    "each new picture gets the head that is best for it: with enough heads, chance does that.": looked(
        finish=lambda known, new: new.amax(dim=1).mean()
    ),
    "the number is of the known pictures: choose there, and report on the new ones.": looked(
        finish=lambda known, new: known.mean(dim=0).max()
    ),
    "known and new pictures are exchanged.": lambda known_maps, known_masks, new_maps, new_masks, mass: head_overlap(
        new_maps, new_masks, known_maps, known_masks, mass
    ),
    "it is the mean over all heads: one is chosen.": looked(finish=lambda known, new: new.mean()),
    "the maps of all heads are averaged: one head is chosen.": heads_averaged,
    "it is the number of a head: return what that head reaches on the new pictures.": looked(
        finish=lambda known, new: known.mean(dim=0).argmax()
    ),
    "the head is chosen on known and new pictures together: with the new ones' outlines it can't be tested there.": (
        looked(finish=lambda known, new: new[:, torch.cat([known, new]).mean(dim=0).argmax()].mean()),
        looked(finish=lambda known, new: new[:, (known.mean(dim=0) + new.mean(dim=0)).argmax()].mean()),
    ),
    "the worst head is chosen.": looked(finish=lambda known, new: new[:, known.mean(dim=0).argmin()].mean()),
    "the head isn't chosen by its mean IoU on the known pictures, but by how often it is the best, by its best or "
    "middle picture, by patches that are summed over all pictures, or by another measure.": (
        by_choice(lambda table, both, either: table.argmax(dim=1).bincount(minlength=table.shape[1])),
        by_choice(lambda table, both, either: both.sum(dim=0) / either.sum(dim=0)),
        by_choice(lambda table, both, either: table.amax(dim=0)),
        by_choice(lambda table, both, either: table.median(dim=0).values),
        by_choice(lambda table, both, either: (2 * table / (1 + table)).mean(dim=0)),
    ),
    "it is always the first head: choose on the known pictures.": looked(finish=lambda known, new: new[:, 0].mean()),
    "a share of the patches is kept: asked for are as many as hold this share of the attention.": (
        looked(keep=share_of_patches),
        looked(keep=lambda maps, mass: share_of_patches(maps, mass, math.floor)),
        looked(keep=lambda maps, mass: share_of_patches(maps, mass, math.ceil)),
    ),
    "one patch too few is kept: together they must hold the whole share.": looked(keep=too_few),
    "one patch too many is kept: the fewest that hold the share are enough.": looked(keep=too_many),
    "the kept patches aren't put back in their places: a place in the sorted list isn't one in the map.": (
        looked(keep=not_put_back),
        looked(keep=put_elsewhere),
    ),
    "each patch is kept or not by itself: count what the strongest ones hold together.": (
        looked(keep=lambda maps, mass: maps >= mass * maps.amax(dim=(-2, -1), keepdim=True)),
        looked(keep=lambda maps, mass: maps > mass),
        looked(keep=lambda maps, mass: maps > maps.mean(dim=(-2, -1), keepdim=True)),
    ),
    "what is left is kept: the kept patches hold a share of `mass`, not the others.": (
        lambda known_maps, known_masks, new_maps, new_masks, mass: head_overlap(
            known_maps, known_masks, new_maps, new_masks, 1 - mass
        )
    ),
    "the share isn't the one that is handed over, but 0.6.": (
        lambda known_maps, known_masks, new_maps, new_masks, mass: head_overlap(
            known_maps, known_masks, new_maps, new_masks, 0.6
        )
    ),
    "the weakest patches come first: the fewest patches are the strongest ones.": looked(keep=weakest),
    "patches are summed over all pictures before they are divided: each picture has its own IoU.": (
        all_in_one,
        lambda known_maps, known_masks, *new: all_in_one(known_maps, known_masks, *new, pooled=True),
    ),
    "it is divided by the outline's patches alone: a map that keeps the whole picture would be perfect.": looked(
        compare=recall
    ),
    "it is divided by the kept patches alone: a map of one patch could be perfect.": looked(compare=precision),
    "it is twice the patches in both, by the sum of the two sizes (Dice): asked for is both by either.": looked(
        compare=dice
    ),
    "it is divided by the sum of the two sizes: patches in both are counted twice there.": looked(
        compare=lambda found, true: dice(found, true) / 2
    ),
    "patches that are right to be left out count as well: asked for is both by either.": looked(
        compare=lambda found, true: (found == true).float().mean(dim=(-2, -1))
    ),
    "the new pictures' IoUs are summed: asked for is their mean.": looked(
        finish=lambda known, new: new[:, known.mean(dim=0).argmax()].sum()
    ),
    "it is in per cent: give a number from 0 to 1.": lambda *given: 100 * head_overlap(*given),
    "it is rounded: return the number as it is.": (
        lambda *given: round(head_overlap(*given), 2),
        lambda *given: round(head_overlap(*given), 3),
    ),
}


def looks(count: int, size: tuple[int, int], strengths: tuple[float, ...], seed: int) -> tuple[Tensor, Tensor]:
    """Maps of heads that lie on a disc, each as much as its strength says, and the disc."""
    middle = 2.5 + 0.5 * drawn(count, 2, seed=seed)
    reach = 1.3 + 0.3 * drawn(count, 1, seed=seed + 1).abs()
    grid = torch.cartesian_prod(torch.arange(size[0]), torch.arange(size[1])).float()
    masks = (torch.cdist(middle, grid) < reach).view(count, *size)
    logits = torch.tensor(strengths)[:, None, None] * masks[:, None]
    logits = logits + drawn(count, len(strengths), *size, seed=seed + 2)
    return logits.flatten(2).softmax(dim=2).view_as(logits), masks


def scattered(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Maps of four heads that lie here and there, and outlines in pieces."""
    masks = drawn(count, 5, 4, seed=seed + 100) > 0.7
    masks[:, 2, 2] = True
    logits = 1.5 * drawn(count, 4, 5, 4, seed=seed) + 0.4 * masks[:, None]
    return logits.flatten(2).softmax(dim=2).view_as(logits), masks


def overlap_cases() -> list[tuple]:
    """One head is the best on the known pictures and another one on the new ones; in the last two they are close, so
    that it shows by what the head is chosen."""
    known, new = (0.7, 2.2, 1.2, 0.2), (0.7, 1.3, 2.4, 0.2)
    first = *looks(7, (6, 5), known, 4), *looks(9, (6, 5), new, 7), 0.6
    known, new = (0.7, 2.2, 0.2), (2.0, 1.1, 0.2)
    second = *looks(8, (8, 8), known, 24), *looks(5, (8, 8), new, 27), 0.45
    third, fourth = ((*scattered(6, one), *scattered(5, other), 0.5) for one, other in ((632, 633), (52, 1003)))
    return [first, second, third, fourth]


EXERCISES: dict[str, Exercise] = {
    "memory": Number(
        right=float(MEMORY),
        because="after n updates 0.2 · 0.9ⁿ of the advantage is left, and the quotient is e to 5 · 0.9ⁿ. It is below 2 "
        "where 0.9ⁿ < log 2 / 5, from n = 19 on: twice the ten steps that one would call the centre's memory.",
        slips={
            updates(GAP, SHARP): "it isn't rounded yet: the first whole number of updates is asked for.",
            MEMORY - 1.0: "it is rounded down: after 18 updates the quotient is still a little above 2.",
            MEMORY + 1.0: "one too many: count the updates, not the steps with the first one.",
            10.0: "the memory is 1 / (1 - 0.9) steps: then a third of the advantage is left, and e to the power of it "
            "by the temperature is more than 2.",
            float(math.ceil(updates(GAP, SOFT))): "it is the student's temperature: the teacher's is 0.04.",
            7.0: "the score's advantage is halved: the quotient is what shall be below 2.",
            41.0: "the quotient itself shrinks by a tenth each step: the score does, in the exponent.",
            16.0: "the quotient is below e there: what is left, by the temperature, must be below the log of 2.",
            27.0: "the logarithm is that to base 10: e to the power of it is the quotient, so take the natural one.",
            9.0: "the quotient is what stands in the exponent: it is e to the power of that.",
            0.0: "the scores aren't divided by the temperature before they go into the exponent.",
            1.0: "the decay is exchanged with the rest of it: nine tenths of the old centre are kept.",
        },
        tolerance=0.005,
    ),
    "losses": Function(
        reference=picture_losses,
        cases=loss_cases,
        mistakes=LOSSES,
        praise="the same as the package's in the mean, with a loss for each picture, and the teacher is left alone.",
        probes=[teacher_is_held],
        gradients={"the student's scores": 0},
    ),
    "slope": Function(
        reference=slope,
        cases=slope_cases,
        mistakes=SLOPE,
        praise="what the student says less what its teachers say on average, by the temperature and the number of "
        "pictures.",
        probes=[by_hand(lambda: slope_cases()[0])],
        tolerance=1e-5,
    ),
    "centre": Function(
        reference=centres,
        cases=centre_cases,
        mistakes=CENTRE,
        praise="it goes all of the way, and as fast in the last steps as in the first.",
    ),
    "even": Function(
        reference=even_shares,
        cases=even_cases,
        mistakes=EVEN,
        praise="each picture's shares sum to 1, and each prototype gets nearly as much as any other.",
    ),
    "logs": Choice(
        right="c",
        because="run 1 moves at the beginning, as the centre does, and then not in the last figure: nobody there "
        "learns but the student. Runs 2 and 3 are the two collapses, and only in run 4 do answers get surer while "
        "they stay spread.",
        others={
            "a": "look at run 1's entropies after 50 steps and later: a teacher that follows its student would move.",
            "b": "the two collapses are exchanged: sure answers, the same for all, need sharpening; uniform ones need "
            "a centre.",
            "d": "the lowest loss isn't the best run here: compare run 2's of_mean with its entropy.",
        },
    ),
    "overlap": Function(
        reference=head_overlap,
        cases=overlap_cases,
        mistakes=OVERLAP,
        praise="chosen on one set of pictures and tested on another.",
    ),
    "confound": Choice(
        right="b",
        because="in these pictures no shape is far from the middle, so a map that never sees a picture can lie on "
        "them. Where the shapes are moved, only a head that sees them follows.",
        others={
            "a": "that would be so if it were tested on the pictures by which it was chosen. These are others.",
            "c": "more seeds would raise the untrained networks' best a little; these lie between 0.14 and 0.23.",
            "d": "another share changes the number, for all rows of a table alike. It doesn't say what the head sees.",
        },
    ),
}
