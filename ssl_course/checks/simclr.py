"""Exercises of lesson 04: the contrastive loss and its gradient, candidates, views, and a memory of old keys."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ssl_course.augment import Augment
from ssl_course.checks.engine import Choice, Essay, Exercise, Function, Number, Unfit, by_hand
from ssl_course.methods.moco import info_nce
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


# --- the gradient of InfoNCE at the query, a function of (query, keys, temperature)


def gradient(query: Tensor, keys: Tensor, temperature: float) -> Tensor:
    """The expected key less the own one, divided by the temperature: query (D,), keys (1 + K, D), own key first."""
    shares = (keys @ query / temperature).softmax(dim=0)  # (1 + K,)
    return (shares @ keys - keys[0]) / temperature


def shares_of(scale):
    """The gradient with other weights of the keys, a function of (cosines, temperature)."""
    return lambda query, keys, temperature: (scale(keys @ query, temperature) @ keys - keys[0]) / temperature


def strangers_alone(query, keys, temperature):
    shares = (keys[1:] @ query / temperature).softmax(dim=0)
    return (shares @ keys[1:] - keys[0]) / temperature


def without_own_share(query, keys, temperature):
    shares = (keys @ query / temperature).softmax(dim=0)
    return (shares[1:] @ keys[1:] - keys[0]) / temperature


def pull_alone(query, keys, temperature):
    shares = (keys @ query / temperature).softmax(dim=0)
    return (shares[0] - 1) * keys[0] / temperature


def push_alone(query, keys, temperature):
    return (keys @ query / temperature).softmax(dim=0) @ keys / temperature


def at_the_logits(query, keys, temperature):
    shares = (keys @ query / temperature).softmax(dim=0)
    return shares - F.one_hot(torch.tensor(0), len(keys))


GRADIENT = {
    "the sign is turned round: the gradient points where the loss grows, so away from the own key.": (
        lambda q, k, t: -gradient(q, k, t)
    ),
    "the temperature outside is missing: the logits are cosines / temperature, so the chain rule gives 1 / temperature."
    "": lambda q, k, t: t * gradient(q, k, t),
    "it is multiplied by the temperature outside instead of divided.": lambda q, k, t: t * t * gradient(q, k, t),
    "the shares come from a softmax without the temperature.": shares_of(lambda c, t: c.softmax(dim=0)),
    "the cosines are multiplied by the temperature in the softmax instead of divided.": shares_of(
        lambda c, t: (c * t).softmax(dim=0)
    ),
    "all keys have the same share: the nearest ones weigh most, by the softmax.": shares_of(
        lambda c, t: torch.full_like(c, 1 / len(c))
    ),
    "the shares are the exponentials themselves: divide by their sum.": shares_of(lambda c, t: (c / t).exp()),
    "the softmax runs over the strangers alone: the own key is a candidate, too.": strangers_alone,
    "the own key is pulled with weight 1: its own share is in the sum as well, so the pull fades as it is found.": (
        without_own_share
    ),
    "only the own key pulls: the strangers push, each with its share.": pull_alone,
    "only the push is there: the logarithm's other part, the own key's logit, has a gradient, too.": push_alone,
    "this is the gradient at the logits, one number for each key: go on by the chain rule to the query.": (
        at_the_logits,
        lambda q, k, t: at_the_logits(q, k, t) / t,
    ),
}


def gradient_cases() -> list[tuple]:
    cases = []
    for seed, (count, temperature) in enumerate(((4, 0.2), (7, 0.1), (5, 0.7))):
        vectors = F.normalize(views(count + 1, 6, seed=seed)[0], dim=1)
        query = F.normalize(vectors[0] + 0.5 * vectors[1], dim=0)  # near its key, but not on it
        cases.append((query, vectors[1:], temperature))
    return cases


# --- a memory without a second network, a function of (z1, z2, memory, temperature)


def remember(z1: Tensor, z2: Tensor, memory: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """The loss of both directions among the remembered strangers, and the memory after it."""
    loss = (info_nce(z1, z2, memory, temperature) + info_nce(z2, z1, memory, temperature)) / 2
    return loss, torch.cat([memory, z1.detach(), z2.detach()])[-len(memory) :]


def remembering(loss=None, update=None):
    """`remember` with another loss, or another memory after it."""

    def step(z1, z2, memory, temperature):
        right = remember(z1, z2, memory, temperature)
        value = right[0] if loss is None else loss(z1, z2, memory, temperature)
        return value, right[1] if update is None else update(z1, z2, memory)

    return step


def among_the_new(z1, z2, memory, temperature):
    new = torch.cat([memory, z1, z2])[-len(memory) :]
    return (info_nce(z1, z2, new, temperature) + info_nce(z2, z1, new, temperature)) / 2


REMEMBER = {
    "only view 1 looks for view 2: take the mean of both directions.": remembering(info_nce),
    "only view 2 looks for view 1: take the mean of both directions.": remembering(
        lambda a, b, m, t: info_nce(b, a, m, t)
    ),
    "the two directions are added: take their mean.": remembering(lambda a, b, m, t: 2 * remember(a, b, m, t)[0]),
    "the loss looks in the memory after this batch was put in: there each view meets itself and its partner as "
    "strangers.": remembering(among_the_new),
    "the strangers are those of the batch, and the memory isn't asked.": remembering(
        lambda a, b, m, t: nt_xent(a, b, t)
    ),
    "the temperature is a fixed number in the function: divide by the one that is handed over.": tuple(
        remembering(lambda a, b, m, t, fixed=fixed: remember(a, b, m, fixed)[0]) for fixed in (0.07, 0.1, 0.2, 0.5, 1.0)
    ),
    "the memory stays as it was: this batch has to go in.": remembering(update=lambda a, b, m: m),
    "only one of the two views is remembered: put in both.": (
        remembering(update=lambda a, b, m: torch.cat([m, a])[-len(m) :]),
        remembering(update=lambda a, b, m: torch.cat([m, b])[-len(m) :]),
    ),
    "the newest leave and the oldest stay: the oldest, in row 0, must go.": remembering(
        update=lambda a, b, m: torch.cat([m[: -2 * len(a)], a, b])
    ),
    "nothing has left: the memory must stay as long as it was.": remembering(
        update=lambda a, b, m: torch.cat([m, a, b])
    ),
}


def memory_cases() -> list[tuple]:
    cases = []
    for seed, (count, length, temperature) in enumerate(((2, 6, 0.3), (3, 9, 0.15), (4, 8, 0.7))):
        memory = F.normalize(views(length, seed=seed + 5)[0], dim=1)
        cases.append((*views(count, seed=seed), memory, temperature))
    return cases


def rows_remembered(result: tuple, *arguments: object) -> tuple:
    """The loss, and the directions in the memory in any order."""
    loss, memory = result
    unit = F.normalize(memory.detach().float(), dim=1)
    return loss, unit[unit[:, 0].argsort()]


def remembers_no_graph(answer) -> str | None:
    z1, z2 = (z.requires_grad_() for z in views(3, seed=1))
    loss, memory = answer(z1, z2, F.normalize(views(8, seed=2)[0], dim=1), 0.2)
    if isinstance(memory, Tensor) and memory.requires_grad:
        return "the memory keeps a gradient: put in z.detach(), or every step holds on to the graphs of all before it."
    if not (isinstance(loss, Tensor) and loss.requires_grad):
        return "no gradient gets through the loss: it must stay a tensor, and z1 and z2 in it must not be detached."
    slopes = torch.autograd.grad(loss, (z1, z2), allow_unused=True)
    expected = torch.autograd.grad(remember(z1, z2, F.normalize(views(8, seed=2)[0], dim=1), 0.2)[0], (z1, z2))
    for name, slope, right in zip(("z1", "z2"), slopes, expected, strict=True):
        if slope is None or not torch.allclose(slope, right, rtol=1e-3, atol=1e-4):
            return f"the values are right, but the gradient at {name} isn't: in the loss nothing is detached."
    return None


# --- views for a task, a function without arguments that returns settings of `Augment`

YELLOW, GREEN = (0.65, 0.6, 0.2), (0.3, 0.6, 0.25)  # a sick leaf and a sound one


def leaves(count: int = 64) -> tuple[Tensor, Tensor]:
    """Pictures (2 count, 3, 32, 32) of a bar that lies level on dark ground: half of them yellow, half green."""
    images = torch.full((2 * count, 3, 32, 32), 0.1)
    for half, colour in enumerate((YELLOW, GREEN)):
        images[half * count : (half + 1) * count, :, 12:20, 6:26] = torch.tensor(colour).view(3, 1, 1)
    return images, torch.arange(2 * count) // count


def greenness(images: Tensor) -> Tensor:
    """How much more green than red there is in the bright part of each picture, by its brightness, (N,)."""
    bright = images.mean(dim=1, keepdim=True)
    weights = (bright > bright.amax(dim=(2, 3), keepdim=True) / 2).float()
    red, green, _ = ((images * weights).sum(dim=(2, 3)) / weights.sum(dim=(2, 3)).clamp(min=1)).unbind(dim=1)
    return (green - red) / (green + red).clamp(min=1e-6)


def what_views_do(settings: object, *arguments: object) -> tuple:
    """Four numbers, each 1 if all is well: colour survives, any angle occurs, brightness varies, the leaf stays in."""
    if not isinstance(settings, dict):
        raise Unfit(f"a dict of settings was expected, such as dict(crop=0.5), got {type(settings).__name__}.")
    try:
        augment = Augment(**settings)
    except (TypeError, ValueError) as error:
        raise Unfit(f"Augment refuses these settings: {error}.") from None
    images, sick = leaves()
    seen = augment(images, generator=torch.Generator().manual_seed(0))
    middle = (greenness(images[:1]) + greenness(images[-1:])) / 2
    tellable = ((greenness(seen) > middle) == (sick == 1)).float().mean() >= 0.97
    bright = seen.mean(dim=1).flatten(1).amax(dim=1).view(2, -1)  # (2, N) of the brightest pixel, for each colour
    return (
        int(tellable),
        int(augment.rotation >= 90),
        int(bright.std(dim=1).min() > 0.005),
        int(augment.crop >= 0.3),
    )


def my_views() -> dict:
    return {"crop": 0.5, "rotation": 180.0, "jitter": 0.2, "grayscale": 0.0}


def with_setting(**changes):
    return lambda: my_views() | changes


LEAVES = {
    "the colour is gone in some views, and it is what tells sick from sound: no grayscale, and hardly any hue.": (
        with_setting(grayscale=0.5)
    ),
    "the leaves lie at all angles, and these views leave the angle as it is: the features will sort leaves by it.": (
        with_setting(rotation=0.0)
    ),
    "these views are all equally bright, so the features may sort the leaves by the hour of day: a little jitter.": (
        with_setting(jitter=0.0)
    ),
    "crops so small often show no leaf at all, or only its middle: keep more of the area.": with_setting(crop=0.1),
    "nothing is changed: both views are the same, so every task is solved by comparing pixels.": with_setting(
        crop=1.0, rotation=0.0, jitter=0.0, grayscale=0.0, flip=0.0
    ),
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
    "gradient": Function(
        reference=gradient,
        cases=gradient_cases,
        mistakes=GRADIENT,
        praise="pulled to the own key, pushed from each stranger by its share, and by 1 / temperature.",
        probes=[by_hand(lambda: gradient_cases()[0])],
    ),
    "guessing": Number(
        right=math.log(2 * 64 - 1),
        because="log(127): 126 strangers of the own class stand where the partner stands; nothing tells them apart.",
        slips={
            math.log(128): "the view itself was counted as a candidate: it is masked.",
            math.log(64): "only one view of each image of the class was counted: there are two.",
            math.log(63): "only one view of each other image was counted: there are two, and the partner.",
            math.log(126): "the partner was left out: it is one of those among which the view has to choose.",
            math.log(2 * 640 - 1): "all candidates were counted: those of other classes are far away.",
            math.log(10): "the classes were counted: the loss asks for the partner, not for the class.",
            0.0: "the class was taken for the answer: to the loss, another image of the same class is a stranger.",
            math.log10(127): "the logarithm is to base 10: the loss is in nats.",
            math.log2(127): "the logarithm is to base 2: the loss is in nats.",
            1 / 127: "that is the probability of a lucky guess: the loss is minus its logarithm.",
        },
        tolerance=0.0005,
    ),
    "temperature": Choice(
        right="b",
        because="dividing by 1 leaves even a perfect run at log(1 + 126 exp(-64 / 63)) = 3.85; by 0.1, at 0.005.",
        others={
            "a": "the losses have different scales: look what each could reach at its own temperature.",
            "c": "at a low temperature the loss can nearly reach 0, so at 3.9 most of the way is still to go.",
            "d": "both are below log(127) = 4.84, which every collapsed run has, whatever its temperature.",
        },
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
    "memory": Function(
        reference=remember,
        cases=memory_cases,
        mistakes=REMEMBER,
        praise="both directions, strangers from the memory, first in, first out, and no graph is kept.",
        probes=[remembers_no_graph],
        measure=rows_remembered,
        parts=("the loss", "what is remembered"),
        in_place=True,
    ),
    "views": Function(
        reference=my_views,
        cases=lambda: [()],
        mistakes=LEAVES,
        praise="the colour stays, and angle, place, size and brightness don't help to find the partner.",
        measure=what_views_do,
        parts=(
            "sick and sound leaves can be told apart in the views",
            "leaves at all angles",
            "brightness varies",
            "a crop keeps enough of the leaf",
        ),
    ),
    "curve": Choice(
        right="c",
        because="within one pass it is near 0.27, the lowest value there is: partners are equal, since both views are "
        "the same picture. The random changes are missing, or drawn once for both.",
        others={
            "a": "a loss that falls slowly while the probe rises is a run that learns.",
            "b": "a queue with the keys of a better network makes a harder task: the loss rises, and so does the "
            "probe.",
        },
    ),
    "open": Essay(
        question="Report the six numbers as you would in a paper: the mean and the spread for each length. Do they say "
        "that a longer memory is better? What else differs between the two, and which run would you add before you "
        "write that sentence?",
    ),
}
