"""Exercises of lesson 05: BYOL's loss, what is held fixed, the moving average, and how to see a collapse."""

import copy
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssl_course.checks.engine import Choice, Essay, Exercise, Function, Unfit, brief
from ssl_course.checks.simclr import views
from ssl_course.methods.byol import decay_at, regression_loss
from ssl_course.networks import MovingAverage

# --- The loss, each a function of (prediction, target)


def scaled(prediction: Tensor, target: Tensor, dim: int = 1) -> tuple[Tensor, Tensor]:
    return F.normalize(prediction, dim=dim), F.normalize(target, dim=dim)


def squares(p: Tensor, t: Tensor) -> Tensor:
    return (p - t).square().sum(dim=1)  # (B,)


def one_long_vector(p, t):
    return 2 - 2 * F.cosine_similarity(p.flatten(), t.flatten(), dim=0)


def as_a_cosine(over):
    """2 - 2 cos with another cosine, a function of the products (B,) and of both lengths (B,)."""

    def loss(p, t):
        return (2 - 2 * over((p * t).sum(dim=1), p.norm(dim=1), t.norm(dim=1))).mean()

    return loss


def not_squared(p, t):
    return (scaled(p, t)[0] - scaled(p, t)[1]).norm(dim=1).mean()


LOSS = {
    "the vectors aren't scaled to length 1: the network could lower the loss by making them short.": (
        lambda p, t: squares(p, t).mean()
    ),
    "only the predictions are scaled to length 1: the targets have to be as well.": (
        lambda p, t: squares(F.normalize(p, dim=1), t).mean()
    ),
    "only the targets are scaled to length 1: the predictions have to be as well.": (
        lambda p, t: squares(p, F.normalize(t, dim=1)).mean()
    ),
    "each column is scaled to length 1 instead of each row: an image's vector is dim=1.": (
        lambda p, t: squares(*scaled(p, t, dim=0)).mean(),
        lambda p, t: (2 - 2 * F.cosine_similarity(p, t, dim=0)).mean(),
    ),
    "brackets are missing in the cosine: a / b * c is (a / b) * c, so it is multiplied by a length: a / (b * c).": (
        as_a_cosine(lambda product, mine, theirs: product / mine * theirs),
        as_a_cosine(lambda product, mine, theirs: product / theirs * mine),
    ),
    "all vectors are divided by one common length: norm() without dim=1 is the length of the whole table.": (
        lambda p, t: squares(p / p.norm(), t / t.norm()).mean(),
        lambda p, t: 2 - 2 * ((p * t).sum(dim=1) / (p.norm() * t.norm())).mean(),
    ),
    "every prediction is compared with the targets of all images: the product of both tables holds the cosines of "
    "all pairs, and only its diagonal belongs to the loss.": (
        lambda p, t: (2 - 2 * F.normalize(p, dim=1) @ F.normalize(t, dim=1).T).mean()
    ),
    "it is 1 - cos: multiplied out, the squared distance is 2 - 2 cos.": lambda p, t: regression_loss(p, t) / 2,
    "it is minus the cosine, SimSiam's way to write it: BYOL's is 2 - 2 cos.": (
        lambda p, t: regression_loss(p, t) / 2 - 1
    ),
    "the sign is turned round: 2 + 2 cos is smallest when prediction and target point in opposite directions.": (
        lambda p, t: 4 - regression_loss(p, t)
    ),
    "the mean goes over all numbers: sum the squares over the dimensions, and take the mean over the images.": (
        lambda p, t: F.mse_loss(*scaled(p, t))
    ),
    "the sum goes over the images and the mean over the dimensions: it is the other way round.": (
        lambda p, t: (scaled(p, t)[0] - scaled(p, t)[1]).square().sum(dim=0).mean()
    ),
    "the losses are summed: take the mean over the images.": lambda p, t: len(p) * regression_loss(p, t),
    "the distance isn't squared: the loss is the mean of squared distances.": not_squared,
    "only one of the two lengths is divided out of the cosine: the other could lower the loss.": (
        lambda p, t: (2 - 2 * (F.normalize(p, dim=1) * t).sum(dim=1)).mean(),
        lambda p, t: (2 - 2 * (p * F.normalize(t, dim=1)).sum(dim=1)).mean(),
    ),
    "the whole batch is taken as one long vector: each image has a cosine of its own.": one_long_vector,
}

# --- The loss of both directions, each a function of (online, predictor, target, view1, view2)


def both_ways(online, predictor, target, view1, view2):
    loss = regression_loss(predictor(online(view1)), target(view2).detach())
    return loss + regression_loss(predictor(online(view2)), target(view1).detach())


def target_trained(online, predictor, target, view1, view2):
    loss = regression_loss(predictor(online(view1)), target(view2))
    return loss + regression_loss(predictor(online(view2)), target(view1))


def prediction_held(online, predictor, target, view1, view2):
    loss = regression_loss(predictor(online(view1)).detach(), target(view2))
    return loss + regression_loss(predictor(online(view2)).detach(), target(view1))


def encoder_held(online, predictor, target, view1, view2):
    return both_ways(lambda view: online(view).detach(), predictor, target, view1, view2)


def one_way(online, predictor, target, view1, view2):
    return regression_loss(predictor(online(view1)), target(view2).detach())


def own_view(online, predictor, target, view1, view2):
    return one_way(online, predictor, target, view1, view1) + one_way(online, predictor, target, view2, view2)


def one_held(first: bool):
    """Only one of the two targets is held fixed."""

    def loss(online, predictor, target, view1, view2):
        t1, t2 = target(view1), target(view2)
        t1, t2 = (t1.detach(), t2) if first else (t1, t2.detach())
        return regression_loss(predictor(online(view1)), t2) + regression_loss(predictor(online(view2)), t1)

    return loss


def predicted_target(online, predictor, target, view1, view2):
    return both_ways(online, predictor, lambda view: predictor(target(view)), view1, view2)


BOTH = {
    "the target isn't held fixed: take target(view).detach(), or the loss moves it towards the prediction.": (
        target_trained
    ),
    "only one of the two targets is held fixed: .detach() is missing in the other direction.": (
        one_held(True),
        one_held(False),
    ),
    "the wrong side is held fixed: the prediction has to learn, and the target counts as a constant.": prediction_held,
    "the online network is held fixed: only the predictor would learn, and the encoder is what is kept.": encoder_held,
    "nothing has a gradient: hold the target fixed alone, not the whole computation.": (
        lambda *parts: both_ways(*parts).detach()
    ),
    "only view 1 predicts view 2: the other direction is missing.": (
        one_way,
        lambda *parts: 2 * one_way(*parts),
    ),
    "each view predicts itself: from view 1 comes the prediction of what the target says of view 2.": own_view,
    "the mean of the two directions is taken: BYOL adds them.": lambda *parts: both_ways(*parts) / 2,
    "the target side has the predictor, too: only the online side has one.": predicted_target,
    "the predictor is missing: the prediction is predictor(online(view)).": (
        lambda online, predictor, target, view1, view2: both_ways(online, nn.Identity(), target, view1, view2)
    ),
    "the target network isn't used: it is the slow copy that says what to predict.": (
        lambda online, predictor, target, view1, view2: both_ways(online, predictor, online, view1, view2)
    ),
    "the two networks are swapped: the prediction is the online network's.": (
        lambda online, predictor, target, view1, view2: both_ways(target, predictor, online, view1, view2)
    ),
}


def both_cases() -> list[tuple]:
    cases = []
    for count in (3, 6):
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(count)
            networks = nn.Linear(8, 4), nn.Linear(4, 4), nn.Linear(8, 4)
        cases.append((*networks, *views(count, seed=count)))
    return cases


def gradients(loss: Tensor, online, predictor, target, view1, view2) -> tuple:
    """The loss, and the length of its gradient with respect to the weights of each network."""
    loss = torch.as_tensor(loss)
    if loss.ndim or not loss.requires_grad:
        return (loss.detach(), *[torch.zeros(())] * 3)
    found = []
    for network in (online, predictor, target):
        weights = [weight for weight in network.parameters() if weight.requires_grad]  # the answer may freeze some
        if not weights:
            found.append(torch.zeros(()))
            continue
        try:
            parts = torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True, materialize_grads=True)
        except RuntimeError as error:  # of autograd, which gets through the reference
            raise Unfit(f"backward() stops with {brief(error)}.") from error
        found.append(torch.cat([part.flatten() for part in parts]).norm())
    return (loss.detach(), *found)


# --- The copy at the beginning, each a function of (online)


def fixed_copy(online: nn.Module) -> nn.Module:
    return copy.deepcopy(online).requires_grad_(False)


def both_frozen(online):
    online.requires_grad_(False)
    return copy.deepcopy(online)


def new_statistics(online):
    target = fixed_copy(online)
    for part in target.modules():
        if isinstance(part, nn.BatchNorm1d):
            part.reset_running_stats()
    return target


COPY = {
    "target and online are one network under two names: `=` doesn't copy, and copy.copy keeps the same weights.": (
        lambda online: online
    ),
    "target and online are one network, and now it is frozen: copy first, then freeze the copy alone.": (
        lambda online: online.requires_grad_(False)
    ),
    "batch norm's running mean and variance are as in a new network: they belong to what must be copied.": (
        new_statistics
    ),
    "the target still asks for gradients: freeze the copy with requires_grad_(False).": copy.deepcopy,
    "the online network is frozen as well: copy first, then freeze the copy alone.": both_frozen,
    "the online network is left in evaluation mode: it has to stay as it is, ready to be trained.": (
        lambda online: fixed_copy(online.eval()),
        lambda online: fixed_copy(online.eval()).train(),
    ),
}


def after_a_step(target: nn.Module, online: nn.Module) -> tuple:
    """The target's numbers, the same after all the online ones have moved, how many weights can be trained, and what
    has become of the online network.
    """
    alike(target, online)
    first = numbers(target), running(target)
    kept = torch.cat([numbers(online), running(online)]), online.training
    asking = [sum(weight.requires_grad for weight in network.parameters()) for network in (target, online)]
    with torch.no_grad():
        for value in (*online.parameters(), *online.buffers()):
            value.add_(1)
    return *first, torch.cat([numbers(target), running(target)]), *asking, *kept


def alike(result: nn.Module, online: nn.Module) -> None:
    """Refuse networks of another kind, whose numbers can't be compared."""
    shapes = [[value.shape for value in network.state_dict().values()] for network in (result, online)]
    if shapes[0] != shapes[1]:
        raise Unfit(f"a network like the one handed over must be returned, got {type(result).__name__}.")


def numbers(network: nn.Module) -> Tensor:
    return torch.cat([weight.detach().flatten() for weight in network.parameters()])


def running(network: nn.Module) -> Tensor:
    """What batch norm keeps: mean and variance."""
    return torch.cat([value.flatten() for value in network.buffers() if value.is_floating_point()])


def toy(seed: int) -> nn.Module:
    """Six numbers: four weights, and the mean and the variance that a batch norm keeps."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        network = nn.Sequential(nn.Linear(2, 1, bias=False), nn.BatchNorm1d(1))
        for value in network.state_dict().values():
            if value.is_floating_point():
                value.copy_(1 + torch.rand_like(value))
    return network


# --- The moving average, each a function of (target, online, decay) that changes and returns the target


def follow(target: nn.Module, online: nn.Module, decay: float) -> nn.Module:
    average = MovingAverage(target, decay)
    average.update(online)
    target.load_state_dict(average.copy.state_dict())
    return target


def moved(weight, *, buffers=None, recorded=False):
    """An update that makes each new weight of mine, theirs and decay, and each running number likewise."""

    @torch.set_grad_enabled(recorded)
    def update(target, online, decay):
        for kind, rule in (("parameters", weight), ("buffers", buffers or weight)):
            for mine, theirs in zip(getattr(target, kind)(), getattr(online, kind)(), strict=True):
                mine.copy_(rule(mine, theirs, decay))
        return target

    return update


def kept(mine, theirs, decay):
    return mine


def mean(mine, theirs, decay):
    return decay * mine + (1 - decay) * theirs


def complement(mine, theirs, decay):
    return decay * theirs + (1 - decay) * mine


def online_follows(rule):
    """The online network is moved by an update, in place of the target."""

    def update(target, online, decay):
        rule(online, target, decay)
        return target

    return update


FOLLOW = {
    "the average is recorded for the gradient, so the target holds on to every step before: update it under "
    "torch.no_grad().": moved(mean, recorded=True),
    "the average is recorded for the gradient (update it under torch.no_grad()), and batch norm's running mean and "
    "variance are left out.": moved(mean, buffers=kept, recorded=True),
    "the average is recorded for the gradient (update it under torch.no_grad()), and decay and 1 - decay have changed "
    "places.": moved(complement, recorded=True),
    "the average is recorded for the gradient (update it under torch.no_grad()), and both slips are still there.": (
        moved(complement, buffers=kept, recorded=True)
    ),
    "both slips are still there: decay and 1 - decay have changed places, and batch norm's numbers are left out.": (
        moved(complement, buffers=kept)
    ),
    "decay and 1 - decay have changed places: decay is the share of the old target that stays.": moved(complement),
    "batch norm's running mean and variance are left out: they are buffers, and parameters() doesn't list them.": (
        moved(mean, buffers=kept)
    ),
    "batch norm's running mean and variance are taken over as they are: average them like the weights.": moved(
        mean, buffers=lambda mine, theirs, decay: theirs
    ),
    "the decay is a fixed number in the function: take the one that is handed over.": tuple(
        lambda target, online, decay, fixed=fixed: follow(target, online, fixed) for fixed in (0.9, 0.99)
    ),
    "the weights are as they should be, but decay and 1 - decay have changed places for batch norm's numbers.": moved(
        mean, buffers=complement
    ),
    "the weights stay as they were: only batch norm's running mean and variance follow.": moved(kept, buffers=mean),
    "it goes the wrong way round: the online network follows the target, and has to be left alone.": (
        online_follows(follow),
        online_follows(moved(mean, buffers=kept)),
        online_follows(moved(complement, buffers=kept)),
    ),
    "the target stays as it is: `mine = ...` only gives a new tensor that name, mine.copy_(...) writes into the old.": (
        moved(kept)
    ),
    "the target becomes the online network at once: the decay isn't used.": moved(lambda mine, theirs, decay: theirs),
    "the online weights are added in full: both shares, decay and 1 - decay, must sum to 1.": moved(
        lambda mine, theirs, decay: decay * mine + theirs
    ),
    "the target only shrinks: the share of the online network is missing.": moved(
        lambda mine, theirs, decay: decay * mine
    ),
    "it is the plain mean of both: the decay isn't used.": moved(lambda mine, theirs, decay: (mine + theirs) / 2),
}


def state(result: nn.Module, target: nn.Module, online: nn.Module, decay: float) -> tuple:
    """The numbers of what is returned and of the online network, and how many weights are recorded."""
    alike(result, online)
    recorded = sum(weight.requires_grad for weight in result.parameters())
    return numbers(result), running(result), recorded, numbers(online), running(online)


def moves_the_target(answer) -> str | None:
    target = toy(1).requires_grad_(False)
    before = numbers(target)
    result = answer(target, toy(2), 0.5)
    if torch.equal(before, numbers(target)):
        return (
            "the values are right, but they are in a new network: the training loop keeps hold of the target that it "
            "has handed over, so change that one in place."
        )
    if not torch.equal(numbers(result), numbers(target)):
        return "the network that is returned isn't the target: return the target itself."
    return None


# --- The decay's way to 1, each a function of (progress, base)

DECAY = {
    "it falls from 1 to the base: the target is worth little at the start, and has to forget quickly then.": (
        lambda progress, base: decay_at(1 - progress, base)
    ),
    "it is the share of the online network, 1 - decay: the decay is what is kept of the old target.": (
        lambda progress, base: 1 - decay_at(progress, base)
    ),
    "it rises along a straight line: it should follow half a cosine, flat at both ends.": (
        lambda progress, base: base + (1 - base) * progress
    ),
    "the angle is the progress itself: half a turn is pi, so take math.cos(math.pi * progress).": (
        lambda progress, base: 1 - (1 - base) * (math.cos(progress) + 1) / 2
    ),
    "the base is a fixed number in the function: take the one that is handed over.": tuple(
        lambda progress, base, fixed=fixed: decay_at(progress, fixed) for fixed in (0.9, 0.99, 0.996)
    ),
    "brackets are missing: cos + 1 / 2 adds a half, and (cos + 1) / 2 is what is asked for.": (
        lambda progress, base: 1 - (1 - base) * math.cos(math.pi * progress) + 1 / 2
    ),
    "it stays at the base: it has to rise, and be 1 when progress is 1.": lambda progress, base: base,
    "the cosine isn't halved: cos + 1 goes from 2 to 0, so the decay would start below the base.": (
        lambda progress, base: 1 - (1 - base) * (math.cos(math.pi * progress) + 1)
    ),
    "the 1 isn't added to the cosine: it goes down to -1, and the decay would rise above 1.": (
        lambda progress, base: 1 - (1 - base) * math.cos(math.pi * progress) / 2
    ),
    "the base is multiplied by the cosine's share: that goes down from the base to 0.": (
        lambda progress, base: base * (math.cos(math.pi * progress) + 1) / 2
    ),
    "the cosine takes a quarter of a turn: it has to take half a turn, so that it is flat at both ends.": (
        lambda progress, base: 1 - (1 - base) * math.cos(math.pi * progress / 2)
    ),
    "the angle is in degrees: math.cos takes radians, half a turn is pi.": (
        lambda progress, base: 1 - (1 - base) * (math.cos(180 * progress) + 1) / 2
    ),
}

EXERCISES: dict[str, Exercise] = {
    "loss": Function(
        reference=regression_loss,
        cases=lambda: [views(count, width, seed=count) for count, width in ((3, 8), (6, 4), (5, 7))],
        mistakes=LOSS,
        praise="from 0 for the same direction to 4 for the opposite one, the same as the package's.",
        gradients={"prediction": 0, "target": 1},
    ),
    "copy": Function(
        reference=fixed_copy,
        cases=lambda: [(toy(1),), (toy(2),)],
        mistakes=COPY,
        praise="equal at first, with weights of its own, and no gradient is asked for.",
        measure=after_a_step,
        parts=(
            "the target's weights",
            "the target's running mean and variance",
            "the target's numbers after a step of the online network",
            "weights of the target that ask for gradients",
            "weights of the online network that ask for gradients",
            "the online network's numbers",
            "whether the online network is in training mode",
        ),
    ),
    "both_ways": Function(
        reference=both_ways,
        cases=both_cases,
        mistakes=BOTH,
        praise="both directions, and the target is held fixed: it gets no gradient.",
        measure=gradients,
        parts=(
            "the loss",
            "length of the gradient at the online network",
            "length of the gradient at the predictor",
            "length of the gradient at the target",
        ),
    ),
    "follow": Function(
        reference=follow,
        cases=lambda: [(toy(2 * n).requires_grad_(False), toy(2 * n + 1), decay) for n, decay in ((1, 0.9), (2, 0.7))],
        mistakes=FOLLOW,
        praise="a slow copy of all its numbers, and the online network is as it was.",
        probes=[moves_the_target],
        measure=state,
        parts=(
            "the target's weights",
            "the target's running mean and variance",
            "weights of the target that are recorded for the gradient",
            "the online network's weights",
            "the online network's running mean and variance",
        ),
    ),
    "decay": Function(
        reference=decay_at,
        cases=lambda: [(0.0, 0.9), (0.25, 0.5), (0.6, 0.8), (1.0, 0.9)],
        mistakes=DECAY,
        praise="from the base to 1, slowly at first and slowly at the end.",
    ),
    "clouds": Choice(
        right="c",
        because="its points go round a ring, so they point evenly in all directions of two dimensions, and fourteen of "
        "the sixteen are lost. Only the rank sees that.",
        others={
            "a": "nothing is lost here: all sixteen dimensions are in use.",
            "b": "seen from the origin all of these lie in nearly the same direction, so the deviation is close to 0: "
            "it does notice.",
            "d": "the points lie in one corner, so the deviation is smaller, but all sixteen dimensions are in use.",
        },
    ),
    "table": Choice(
        right="b",
        because="the lowest loss, a deviation as good as any, and three directions of 128: a partial collapse, which "
        "neither the loss nor the deviation shows.",
        others={
            "a": "its rank is as high as any and its probe is good: this is no collapse.",
            "c": "a high loss is no collapse. This fits a target that never moves: an untrained network is hard to "
            "predict, and copying it teaches less.",
            "d": "its rank and its probe are high: without a predictor, hardly any directions would be left.",
        },
    ),
    "open": Essay(
        question='A colleague writes: "I have made BYOL simpler. There is no target network: both views go through the '
        "same encoder and head, and I minimise $2 - 2\\cos$ of the two, with gradients through both. It is twice as "
        'fast, and after ten minutes the loss is 0.01, where BYOL was still at 0.6!" Answer: what has probably '
        "happened, why did the loss invite it, which numbers do you ask for, what values do you expect, and which "
        "lines would you change first?",
    ),
}
