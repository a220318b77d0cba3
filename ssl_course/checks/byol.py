"""Exercises of lesson 05: BYOL's loss, what is held fixed, the moving average, and how to see a collapse."""

import copy
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssl_course.checks.engine import (
    Answer,
    Choice,
    Essay,
    Exercise,
    Function,
    Number,
    Stopped,
    Unfit,
    Verdict,
    blank,
    brief,
    by_hand,
    guarded,
    is_number,
    open_,
)
from ssl_course.checks.simclr import views
from ssl_course.features import effective_rank, feature_deviation
from ssl_course.methods.barlow_twins import barlow_twins_loss
from ssl_course.methods.byol import regression_loss
from ssl_course.methods.vicreg import vicreg_loss
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


# --- The gradient of the loss at the predictions, each a function of (prediction, target)


def slope(prediction: Tensor, target: Tensor) -> Tensor:
    """The gradient of `regression_loss` at the predictions, by hand: (B, D)."""
    p, t = scaled(prediction, target)
    return across(t, p) * (-2) / (lengths(prediction) * len(prediction))


def lengths(vectors: Tensor) -> Tensor:
    return vectors.norm(dim=1, keepdim=True)  # (B, 1)


def across(vectors: Tensor, unit: Tensor) -> Tensor:
    """What is left of each vector when its part along a unit vector is taken off."""
    return vectors - (vectors * unit).sum(dim=1, keepdim=True) * unit


SLOPE = {
    "the sign is turned round: a step against this gradient would turn the prediction away from the target.": (
        lambda p, t: -slope(p, t)
    ),
    "it isn't divided by the number of images: the loss is their mean.": lambda p, t: slope(p, t) * len(p),
    "the factor 2 is missing: the loss is 2 - 2 cos.": lambda p, t: slope(p, t) / 2,
    "the prediction's length is missing: the loss sees p / |p|, so twice as long a prediction turns half as fast.": (
        lambda p, t: slope(p, t) * lengths(p)
    ),
    "it is divided by the squared length: one of the two is already in p / |p|.": lambda p, t: slope(p, t) / lengths(p),
    "the part along the prediction isn't taken off: to make p longer changes no cosine, so nothing of the gradient "
    "points along p.": (
        lambda p, t: -2 * F.normalize(t, dim=1) / (lengths(p) * len(p)),
        lambda p, t: 2 * (F.normalize(p, dim=1) - F.normalize(t, dim=1)) / (lengths(p) * len(p)),
    ),
    "the length is taken as a constant: it is 2 (p/|p| - t/|t|), as if the scaling had no slope of its own.": (
        lambda p, t: 2 * (F.normalize(p, dim=1) - F.normalize(t, dim=1)) / len(p),
        lambda p, t: -2 * F.normalize(t, dim=1) / len(p),
    ),
    "the target isn't scaled to length 1.": lambda p, t: slope(p, t) * lengths(t),
    "what is taken off is cos times p, and it has to be cos times p / |p|.": (
        lambda p, t: -2 * (F.normalize(t, dim=1) - F.cosine_similarity(p, t).unsqueeze(1) * p) / (lengths(p) * len(p))
    ),
    "it is the gradient at the target, which is held fixed: asked for is that at the prediction.": (
        lambda p, t: slope(t, p)
    ),
}


# --- A loss of one's own, which must learn from two views


@dataclass(frozen=True)
class Learned:
    """What a linear map has become by training with a loss: numbers about its projections of new images.

    Attributes:
        size: their deviation over that before training.
        deviation: their `feature_deviation`, 0 when all point in one direction.
        rank: their effective rank, 1 to 4.
        readable: how much of the four shared signals can be read from them, 0 to 1; `floor` is that before training.
    """

    size: float
    deviation: float
    rank: float
    readable: float
    floor: float


NOISE = (0.05, 0.1, 0.2, 0.4)  # variance of what the views add to each of the four signals


def two_views(count: int, random: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Four shared signals (N, 4) and two views (N, 12): eight numbers are noise, and a fixed rotation mixes all."""
    mixing = torch.linalg.qr(torch.randn(12, 12, generator=torch.Generator().manual_seed(7)))[0]
    signals = torch.randn(count, 4, generator=random)
    made = []
    for _ in range(2):
        noise = torch.randn(count, 4, generator=random) * torch.tensor(NOISE).sqrt()
        made.append(torch.cat([signals + noise, torch.randn(count, 8, generator=random)], dim=1) @ mixing)
    return signals, *made


def readable(signals: Tensor, z: Tensor) -> float:
    """The share of the signals that a linear fit reads from projections, mean over the four."""
    inputs = torch.cat([z, torch.ones(len(z), 1)], dim=1)
    error = signals - inputs @ torch.linalg.pinv(inputs) @ signals
    return float(1 - (error.var(dim=0) / signals.var(dim=0)).mean())


def learn(loss: Callable, steps: int = 400) -> Learned:
    """Train a linear layer from 12 to 4 numbers with a loss of two views' projections.

    Raises:
        Unfit: if the loss isn't a finite number with a gradient.
    """
    random = torch.Generator().manual_seed(0)
    network = nn.Linear(12, 4)
    with torch.no_grad():
        network.weight.copy_(torch.randn(4, 12, generator=random) / 12**0.5)
        network.bias.fill_(0.1)
    signals, *new = two_views(2000, random)
    with torch.no_grad():
        before, floor = network(new[0]).std(dim=0).mean(), readable(signals, network(new[0]))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.05)
    for step in range(steps):
        _, view1, view2 = two_views(128, random)
        value = loss(network(view1), network(view2))
        problem = not_a_loss(value, step)
        if problem:
            raise Unfit(problem)
        optimizer.zero_grad()
        value.backward()
        if network.weight.grad is None or not network.weight.grad.isfinite().all():
            raise Unfit(f"the gradient is nan or inf in step {step + 1}: is there a root or log of 0?")
        optimizer.step()
    with torch.no_grad():
        z = network(new[0])
    size, deviation = float(z.std(dim=0).mean() / before), feature_deviation(z)
    return Learned(size, deviation, effective_rank(z), readable(signals, z), floor)


def not_a_loss(value: object, step: int) -> str | None:
    if not isinstance(value, Tensor) or value.numel() != 1 or value.is_complex():
        return "a loss is one number, a tensor (): it gets z1 and z2, each (B, D)."
    if not value.requires_grad:
        return "the loss has no gradient: is all of it detached, or made anew from numbers?"
    if not value.isfinite():
        return f"the loss is nan or inf in step {step + 1}: is there a log of 0, or a division by 0?"
    return None


OWN_LOSS: dict[str, Callable[[Learned], bool]] = {
    "all images get nearly the same z, a complete collapse: nothing keeps them spread out.": (
        lambda found: min(found.size, found.deviation) < 0.1
    ),
    "partners are pushed apart: the part that compares the two views has its sign turned round.": (
        lambda found: found.readable < found.floor - 0.15
    ),
    "the directions of z have become copies of each other, a dimensional collapse: nothing keeps them unlike.": (
        lambda found: found.rank < 2
    ),
    "what the two views share is no better readable than before training: does anything bring partners together?": (
        lambda found: found.readable < found.floor + 0.15
    ),
}
PRINTED = {"Barlow Twins": barlow_twins_loss, "VICReg": vicreg_loss}


@dataclass(frozen=True)
class OwnLoss:
    """An exercise whose answer is a loss of (z1, z2) that the lesson hasn't printed, judged by what it teaches.

    Attributes:
        mistakes: what is said of a loss, and whether what it has taught is like that. The first that fits is said.
        enough: how far what is readable must rise above the floor.
    """

    mistakes: Mapping[str, Callable[[Learned], bool]]
    enough: float = 0.4

    def judge(self, answer: Answer) -> Verdict:
        if blank(answer):
            return open_()
        if not callable(answer):
            return Verdict("wrong", "a function was expected: pass it without brackets.")
        try:
            if named := self._printed(guarded(answer)):
                return Verdict("wrong", f"this is the loss of {named}, which the lesson prints: find another.")
            found = learn(guarded(answer))
        except Stopped as stop:
            return stop.verdict
        except Unfit as unfit:
            return Verdict("wrong", str(unfit))
        except RuntimeError as error:  # of autograd, inside the student's loss
            return Verdict("wrong", f"backward() stops with {brief(error)}.")
        told = f"(Readable: {found.readable:.2f}, before {found.floor:.2f}; rank {found.rank:.1f} of 4.)"
        for sentence, fits in self.mistakes.items():
            if fits(found):
                return Verdict("wrong", f"looks as if {sentence} {told}")
        if found.readable < found.floor + self.enough:
            return Verdict("wrong", f"it learns, but not enough: some of the four signals are lost. {told}")
        return Verdict("right", f"it learns what the views share, and doesn't collapse. {told}")

    def _printed(self, answer: Callable) -> str | None:
        """The lesson's loss that this one is, up to a factor."""
        pairs = [views(40, 4, seed=seed) for seed in (1, 2, 3)]
        with torch.no_grad():
            given = torch.stack([self._value(answer(*pair)) for pair in pairs])
            for name, loss in PRINTED.items():
                ratios = given / torch.stack([loss(*pair) for pair in pairs])
                if ratios.std() < 1e-3 * ratios.mean().abs():
                    return name
        return None

    @staticmethod
    def _value(value: object) -> Tensor:
        if not isinstance(value, Tensor) or value.numel() != 1 or value.is_complex():
            raise Unfit("a loss is one number, a tensor (): it gets z1 and z2, each (B, D).")
        return value.detach().float().reshape(())


# --- A measurement with its spread: a dict of lists by seed, and what is said of them

RANKS = {"with": (40.0, 128.0), "without": (1.0, 22.0)}  # what short runs on any machine give


@dataclass(frozen=True)
class Report:
    """An exercise whose answer is a dict: ranks of z "with" and "without" the covariance, a number for each seed, and
    the "mean" of their paired differences with its "error".

    Attributes:
        mistakes: what a wrong report looks like, and whether one does. The first that fits is said.
    """

    mistakes: Mapping[str, Callable[[dict], bool]]
    keys: tuple[str, ...] = ("with", "without", "mean", "error")
    praise: str = field(default="")

    def judge(self, answer: Answer) -> Verdict:
        if blank(answer):
            return open_()
        if not isinstance(answer, dict) or set(answer) != set(self.keys):
            return Verdict("wrong", f"a dict with the keys {', '.join(self.keys)} was expected.")
        report = dict(answer)
        for key in ("with", "without"):
            values = report[key].tolist() if hasattr(report[key], "tolist") else report[key]
            if not isinstance(values, list | tuple) or not all(map(is_number, values)):
                return Verdict("wrong", f"{key!r} must be a list with one number for each seed.")
            report[key] = [float(value) for value in values]
        for key in ("mean", "error"):
            if not is_number(report[key]):
                return Verdict("wrong", f"{key!r} must be a number.")
            report[key] = float(report[key])
        for sentence, fits in self.mistakes.items():
            if fits(report):
                return Verdict("wrong", f"looks as if {sentence}")
        return Verdict("right", self.praise)


def differences(report: dict) -> list[float]:
    return [one - other for one, other in zip(report["with"], report["without"], strict=True)]


def near(value: float, true: float) -> bool:
    """Equal up to rounding to one decimal, or to three digits."""
    return abs(value - true) <= max(0.051, 5e-3 * abs(true))


def paired_error(report: dict) -> float:
    return statistics.stdev(differences(report)) / len(report["with"]) ** 0.5


def unpaired_error(report: dict) -> float:
    return sum(statistics.variance(report[key]) / len(report[key]) for key in ("with", "without")) ** 0.5


def claims(report: dict, error: float) -> bool:
    """Whether a report has this wrong error, and not the right one."""
    return near(report["error"], error) and not near(report["error"], paired_error(report))


def outside(report: dict, key: str) -> bool:
    low, high = RANKS[key]
    return not all(low <= value <= high for value in report[key])


REPORT: dict[str, Callable[[dict], bool]] = {
    "the two lists have different lengths: a pair is two runs of one seed.": (
        lambda report: len(report["with"]) != len(report["without"])
    ),
    "there are fewer than three seeds.": lambda report: len(report["with"]) < 3,
    "the seed isn't used: all runs of a list are equal.": (
        lambda report: any(max(report[key]) - min(report[key]) < 1e-6 for key in ("with", "without"))
    ),
    'the lists are swapped, or the term was taken out of the wrong runs: "with" has the lower ranks.': (
        lambda report: statistics.mean(report["with"]) < statistics.mean(report["without"])
    ),
    "the ranks aren't those of z on test images after training: measured on h, or untrained, or not ranks?": (
        lambda report: outside(report, "with") or outside(report, "without")
    ),
    "the mean isn't that of the differences with - without.": (
        lambda report: not near(report["mean"], statistics.mean(differences(report)))
    ),
    "the error is the differences' standard deviation: that of their mean is it divided by the root of their number.": (
        lambda report: claims(report, statistics.stdev(differences(report)))
    ),
    "the deviation is divided by n and not by n - 1: it is that of a sample (statistics.stdev, or torch's std).": (
        lambda report: claims(report, statistics.pstdev(differences(report)) / len(report["with"]) ** 0.5)
    ),
    "the error is that of two unpaired groups: take the differences first, and then their spread.": (
        lambda report: claims(report, unpaired_error(report))
    ),
    "the error isn't the standard error of the mean difference.": (
        lambda report: not near(report["error"], paired_error(report))
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
    "gradient": Function(
        reference=slope,
        cases=lambda: [views(count, width, seed=count) for count, width in ((3, 8), (6, 4))],
        mistakes=SLOPE,
        praise="across the prediction, towards the target, and the smaller the longer p is.",
        probes=[by_hand(lambda: views(4, 6, seed=1))],
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
    "own_loss": OwnLoss(mistakes=OWN_LOSS),
    "survive": Number(
        right=4.0,
        because="at the end p = w and (1 + s) w^2 - w + 0.05 = 0, which has roots as long as 4 (1 + s) 0.05 is at most "
        "1. Beyond that only w = 0 is left.",
        slips={
            1.5: "the factor 2 is lost: the loss's slope for w is twice the lesson's, and the decay's 0.1 w isn't.",
            19.0: "the 4 of b^2 - 4ac is missing.",
            5.0: "it is 1 + s: take the 1 off.",
            0.1: "it is the w at which both roots meet, and s was asked for.",
            9.0: "the 4 has become a 2: the roots are real as long as b^2 is at least 4ac.",
        },
        tolerance=0.05,
    ),
    "spread": Report(
        mistakes=REPORT,
        praise="the covariance keeps directions apart, and your difference stands with the error that belongs to it.",
    ),
    "confound": Choice(
        right="b",
        because="at equal cost SimSiam affords a third pass, so half as many steps again, in runs so short that every "
        "step counts. Compare at equal steps, or much longer, seed by seed.",
        others={
            "a": "the costs are equal, up to a tenth: that is why SimSiam has a pass more.",
            "c": "both encoders are the same network; heads and predictors are thrown away before the probe.",
            "d": "the probe reads features and never sees a loss. A constant factor in it hardly matters to AdamW, "
            "either.",
        },
    ),
    "log": Choice(
        right="b",
        because="two directions of z are left of 128. The loss of a is as low, but its z keeps more than ten.",
        others={
            "a": "a low loss is no alarm by itself: more than ten directions of z are in use.",
            "c": "a high loss is no collapse. It fits a target that never moves: is after_step called?",
            "d": "it is slow (is the learning rate too low?), but its rank goes up.",
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
