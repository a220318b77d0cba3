"""The clinic: programs that run, print a falling loss and are wrong. The symptom is measured, and then it must be gone.

An answer is the program itself, so a check runs it: the broken one with the student's ruler and with its own, the
mended one with two of its own. The first is that of the symptom; the second measures what the program was for, since
there are many ways to lose a symptom.
"""

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.metrics import average_precision_score
from torch import Tensor, nn

from ssl_course.checks.engine import Answer, Choice, Essay, Exercise, Verdict, attempt, blank, is_number, open_
from ssl_course.data import load
from ssl_course.methods.simclr import nt_xent
from ssl_course.networks import small_cnn

Problem = Callable[..., str | None]  # of what a program returns: what is wrong with it, or None


@dataclass(frozen=True)
class Symptom:
    """Measured on the broken program: the answer is (program, ruler), and the ruler takes what the program returns.

    Attributes:
        ruler: the right measurement.
        sick: from which values on (smallest, largest) the program counts as broken.
        means: what such a value says.
        healthy: makes what a program without the symptom returns: the ruler must notice the difference.
        as_well: other rulers that are right.
    """

    ruler: Callable[..., float]
    sick: tuple[float, float]
    means: str
    healthy: Callable[[], tuple]
    as_well: Sequence[Callable[..., float]] = ()

    def judge(self, answer: Answer) -> Verdict:
        if not isinstance(answer, tuple) or len(answer) != 2 or not all(map(callable, answer)):
            return open_() if blank(answer) else Verdict("wrong", "hand over the program and your function.")
        values, verdict = attempt(self._measure_all, *answer)
        if verdict is not None:
            return verdict
        found, true = values
        if not is_number(found):
            return Verdict(
                "wrong", f"the function must return a number, not {type(found).__name__}: is there a `return`?"
            )
        if not any(near(found, value) for value in true):
            told = f"you measure {float(found):.3g}, it is {true[0]:.3g}"
            return Verdict("wrong", f"{told}: {slip(float(found), true)}compare with what is asked.")
        if (verdict := self._on_the_healthy(answer[1], [near(found, value) for value in true])) is not None:
            return verdict
        if not self.sick[0] <= true[0] <= self.sick[1]:
            return Verdict("wrong", f"{true[0]:.3g} is not what the broken program gives: has it been changed already?")
        return Verdict("right", f"{true[0]:.3g}. {self.means}")

    def _on_the_healthy(self, ruler: Callable, fitting: list[bool]) -> Verdict | None:
        """What is said if the student's ruler, on the healthy, is none of those that fitted on the broken program."""
        values, verdict = attempt(self._measure_all, self.healthy, ruler)
        if verdict is not None:
            return verdict
        found, true = values
        pairs = zip(fitting, true, strict=True)
        if is_number(found) and any(fits and near(found, value) for fits, value in pairs):
            return None
        measured = f"{float(found):.3g}" if is_number(found) else type(found).__name__
        return Verdict(
            "wrong",
            f"right for this program, but of a healthy one you measure {measured} where it is {true[0]:.3g}: the "
            "function must measure what it is given.",
        )

    def _measure_all(self, program: Callable, ruler: Callable) -> tuple[object, list[float]]:
        result = as_tuple(program())
        found = ruler(*result)
        found = found.detach() if isinstance(found, Tensor) else found
        found = found.item() if isinstance(found, np.ndarray) and found.size == 1 else found
        return found, [float(right(*result)) for right in (self.ruler, *self.as_well)]


@dataclass(frozen=True)
class Second:
    """The second ruler: what the program was for.

    Attributes:
        ruler: the measurement.
        least: the smallest value of a program that does its work.
        told: the value in words, with a place {value} in them.
        lacking: what is said of a smaller value.
    """

    ruler: Callable[..., float]
    least: float
    told: str
    lacking: str


@dataclass(frozen=True)
class Mended:
    """The mended program: it is run, the symptom must be gone, and it must do what it is for.

    Attributes:
        ruler: the measurement of the symptom.
        healthy: which values (smallest, largest) a right program gives.
        still: what it means if the value isn't there.
        because: what was wrong.
        second: the second ruler.
        problems: other mistakes by name, looked for first; the broken program has none of them.
        also: what else must hold once the symptom is gone.
    """

    ruler: Callable[..., float]
    healthy: tuple[float, float]
    still: str
    because: str
    second: Second
    problems: Sequence[Problem] = ()
    also: Sequence[Problem] = ()

    def judge(self, answer: Answer) -> Verdict:
        if blank(answer):
            return open_()
        if not callable(answer):
            return Verdict("wrong", "hand over your program itself, without brackets.")
        result, verdict = attempt(answer)
        if verdict is not None:
            return verdict
        if result is None:
            return Verdict("wrong", "it returns nothing: it must return the same things as the broken program.")
        measured, verdict = attempt(self._measure, as_tuple(result))
        if verdict is not None and verdict.state == "open":
            return verdict
        if verdict is not None:
            kinds = ", ".join(type(part).__name__ for part in as_tuple(result))
            return Verdict(
                "wrong",
                f"the check tries what it returns, and {verdict.sentence} It must return the same things as the broken "
                f"program, and returns {kinds}.",
            )
        value, worth, problem = measured
        if problem is not None:
            return Verdict("wrong", problem)
        if not self.healthy[0] <= value <= self.healthy[1]:
            return Verdict("wrong", f"the symptom is still there ({value:.3g}): {self.still}")
        told = self.second.told.format(value=f"{worth:.3g}")
        if not worth >= self.second.least:
            return Verdict("wrong", f"the symptom is gone ({value:.3g}), but {told}: {self.second.lacking}")
        return Verdict("right", f"the symptom is gone ({value:.3g}), and {told}. {self.because}")

    def _measure(self, result: tuple) -> tuple[float, float, str | None]:
        if (problem := first_problem(self.problems, result)) is not None:
            return math.nan, math.nan, problem
        value = float(self.ruler(*result))
        if not self.healthy[0] <= value <= self.healthy[1]:
            return value, math.nan, None
        problem = first_problem(self.also, result)
        told = None if problem is None else f"the symptom is gone ({value:.3g}), but {problem}"
        return value, float(self.second.ruler(*result)), told


def first_problem(problems: Sequence[Problem], result: tuple) -> str | None:
    return next((said for problem in problems if (said := problem(*result)) is not None), None)


def near(found: object, true: float) -> bool:
    """Whether a measured number is the true one; not-a-number never is."""
    return abs(float(found) - true) <= 0.02 * max(1.0, abs(true))


def slip(found: float, true: Sequence[float]) -> str:
    """What is said of a number that is the true one in another dress; nothing of others."""
    dresses = {
        "the sign is turned round; ": lambda value: -value,
        "that is in per cent; ": lambda value: 100 * value,
        "that isn't in per cent; ": lambda value: value / 100,
        "it is taken from 1; ": lambda value: 1 - value,
    }
    for said, dress in dresses.items():
        if any(abs(found - dress(value)) <= 1e-3 * abs(found) for value in true):
            return said
    return ""


def as_tuple(result: object) -> tuple:
    return result if isinstance(result, tuple) else (result,)


# --- vectors: what a picture shows (B, 8), and beside it eight numbers of chance


def draw(count: int, seed: int) -> Tensor:
    return torch.randn(count, 8, generator=torch.Generator().manual_seed(seed))


def view(pictures: Tensor) -> Tensor:
    return torch.cat([pictures + 0.3 * torch.randn(len(pictures), 8), 2 * torch.randn(len(pictures), 8)], dim=1)


@torch.no_grad()
def two_views(net: nn.Module, pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Outputs (N, D) for two views of all pictures, drawn as in the notebook."""
    torch.manual_seed(1)
    return net(view(pictures)), net(view(pictures))


def partners_above_strangers(net: nn.Module, data: Tensor, step: int = -1) -> float:
    z1, z2 = two_views(net, data)
    strangers = F.cosine_similarity(z1, z2.roll(step, dims=0)).mean()
    return (F.cosine_similarity(z1, z2).mean() - strangers).item()


def partners_above_the_previous(net: nn.Module, data: Tensor) -> float:
    return partners_above_strangers(net, data, step=1)


def partners_above_all(net: nn.Module, data: Tensor) -> float:
    """The same with all strangers, and not with one of them."""
    z1, z2 = (F.normalize(z, dim=1) for z in two_views(net, data))
    cosines = z1 @ z2.T  # (N, N)
    partners = cosines.diagonal()
    strangers = (cosines.sum() - partners.sum()) / (cosines.numel() - len(partners))
    return (partners.mean() - strangers).item()


def found_partners(net: nn.Module, data: Tensor) -> float:
    z1, z2 = (F.normalize(z, dim=1) for z in two_views(net, data))
    return 100 * ((z1 @ z2.T).argmax(dim=1) == torch.arange(len(z1))).float().mean().item()


def found_by_the_other(net: nn.Module, data: Tensor) -> float:
    """The same, asked by the second views."""
    z1, z2 = (F.normalize(z, dim=1) for z in two_views(net, data))
    return 100 * ((z2 @ z1.T).argmax(dim=1) == torch.arange(len(z1))).float().mean().item()


def second_to_last(ruler: Callable[..., float]) -> Callable[..., float]:
    """A ruler of (net, data), for programs that return another thing before these two."""
    return lambda first, net, data: ruler(net, data)


def first_and_last(ruler: Callable[..., float]) -> Callable[..., float]:
    """The same for programs that return another thing between them."""
    return lambda net, between, data: ruler(net, data)


FOUND = "{value} % of the pictures find their partner"
UNTRAINED = "has the network been trained, and on the right thing?"


# --- 1 and 2: losses


def contrastive_losses(z1: Tensor, z2: Tensor) -> list[Tensor]:
    """What a right loss may give: NT-Xent, or one view looking for the other, either way or both."""
    own = torch.arange(len(z1))
    logits = F.normalize(z1, dim=1) @ F.normalize(z2, dim=1).T / 0.2
    one, other = F.cross_entropy(logits, own), F.cross_entropy(logits.T, own)
    means = [nt_xent(z1, z2, 0.2), one, other, (one + other) / 2]
    return [*means, one + other, *(mean * len(z1) for mean in means), 2 * len(z1) * means[0]]


def spoiled_losses(z1: Tensor, z2: Tensor) -> dict[str, list[Tensor]]:
    """Known mistakes in words, and what they give."""
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    own, partner, count = torch.eye(len(z), dtype=torch.bool), torch.arange(len(z)).roll(len(z1)), len(z1)
    scores = z @ z.T / 0.2
    masked = scores.masked_fill(own, float("-inf"))
    raw = torch.cat([z1, z2])
    lengthy = (raw @ raw.T / 0.2).masked_fill(own, float("-inf"))
    flat = F.normalize(raw, dim=0)
    columns = (flat @ flat.T / 0.2).masked_fill(own, float("-inf"))
    others = [nt_xent(z1, z2, temperature) for temperature in (0.05, 0.07, 0.1, 0.15, 0.3, 0.4, 0.5, 1.0, 5.0)]
    itself = "a view is still its own candidate: with a cosine of 1 it stands before all others in its row"
    return {
        itself: [F.cross_entropy(scores, partner)],
        "a view's own score is set to 0, which leaves it a candidate: it must be minus infinity": [
            F.cross_entropy(scores.masked_fill(own, 0), partner)
        ],
        "the vectors aren't brought to length 1, so the temperature means nothing": [
            F.cross_entropy(lengthy, partner),
            F.cross_entropy(z1 @ z2.T / 0.2, torch.arange(count)),
        ],
        "the vectors are normalised down the columns: each row must get length 1": [F.cross_entropy(columns, partner)],
        "the softmax is taken twice: cross_entropy takes it by itself": [
            F.cross_entropy(masked.softmax(dim=1), partner)
        ],
        "the temperature isn't 0.2 any more": others,
    }


def no_contrastive_loss(objective: Callable, net: nn.Module, data: Tensor) -> str | None:
    torch.manual_seed(2)
    z1 = torch.randn(12, 8)
    z2 = z1 + torch.randn(12, 8)
    given = float(objective(z1.clone(), z2.clone()))

    def same(values: Sequence[Tensor]) -> bool:
        return any(abs(given - float(value)) <= 1e-3 * max(1, abs(float(value))) for value in values)

    right = contrastive_losses(z1, z2)
    if same(right):
        return None
    named = next((words for words, values in spoiled_losses(z1, z2).items() if same(values)), None)
    told = named or "the loss is another one"
    return f"{told}. (For vectors of chance it is {given:.4g}, NT-Xent at 0.2 gives {float(right[0]):.4g}.)"


# --- 3: triplets


def wrong_triplets(criterion: Callable, net: nn.Module, data: Tensor) -> float:
    anchor, positive = two_views(net, data)
    near = (anchor - positive).norm(dim=1)
    return 100 * ((anchor - positive.roll(-1, dims=0)).norm(dim=1) < near).float().mean().item()


def wrong_triplets_with_the_previous(criterion: Callable, net: nn.Module, data: Tensor) -> float:
    anchor, positive = two_views(net, data)
    near = (anchor - positive).norm(dim=1)
    return 100 * ((anchor - positive.roll(1, dims=0)).norm(dim=1) < near).float().mean().item()


@torch.no_grad()
def no_hinge(criterion: Callable, net: nn.Module, data: Tensor) -> str | None:
    """Swapped distances, a missing hinge and a margin of the wrong sign, none of which depends on what is averaged."""
    anchor, step = torch.zeros(20, 8), F.normalize(torch.ones(20, 8), dim=1)
    good = float(criterion(anchor, anchor + 0.1 * step, anchor + 9 * step))
    bad = float(criterion(anchor, anchor + 9 * step, anchor + 0.1 * step))
    close = float(criterion(anchor, anchor, anchor + 0.5 * step))
    if not bad > good:
        return "it is the wrong way round: a positive that is far away must cost more than one that is near."
    if abs(good) > 1e-4:
        return (
            f"a triplet that is right by far must cost nothing, and it costs {good:.3g}: what lies below 0 must count "
            "as 0, or the network goes on pushing what is far away already."
        )
    if not close > 0:
        return "a negative that is only just farther away than the positive must cost something: where is the margin?"
    return None


@torch.no_grad()
def one_pays_for_another(criterion: Callable, net: nn.Module, data: Tensor) -> str | None:
    anchor, step = torch.zeros(20, 8), F.normalize(torch.ones(20, 8), dim=1)
    far = torch.full((20, 1), 9.0)
    far[0] = 0.5
    if not float(criterion(anchor, anchor + step, anchor + far * step)) > 0:
        return "one wrong triplet among nineteen right ones costs nothing: each has to be forgiven by itself."
    return None


@torch.no_grad()
def right_triplets(criterion: Callable, net: nn.Module, data: Tensor) -> float:
    """In how many triplets of new pictures, in per cent, the positive is the near one."""
    return 100 - wrong_triplets(criterion, net, draw(1000, 21))


# --- 4: pairs


@torch.no_grad()
def ordered_pairs(net: nn.Module, pairs: Callable) -> float:
    a, b, same = pairs(1000, seed=1)
    distance = (net(a) - net(b)).norm(dim=1)
    return 100 * (distance[same].unsqueeze(1) < distance[~same]).float().mean().item()


def honest_pairs(count: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(seed + 100)
    a, other, noise = torch.randn(3, count, 16, generator=random)
    same = torch.rand(count, generator=random) < 0.5
    return a, torch.where(same.unsqueeze(1), a, other) + 0.3 * noise, same


def ordered_honest_pairs(net: nn.Module, pairs: Callable) -> float:
    return ordered_pairs(net, honest_pairs)


def pairs_that_tell(net: nn.Module, pairs: Callable) -> str | None:
    """A label must be told by a and b together, and by no number of one of them alone."""
    a, b, same = pairs(2000, seed=3)
    if a.shape != (2000, 16) or b.shape != a.shape or same.shape != (2000,):
        return f"a and b must be (count, 16), got {tuple(a.shape)} and {tuple(b.shape)}."
    if not 0.4 < same.float().mean() < 0.6:
        return "half of the pairs should belong together."
    for name, part in (("a", a), ("b", b)):
        told = (part[same].mean(dim=0) - part[~same].mean(dim=0)).abs() + (
            part[same].std(dim=0) - part[~same].std(dim=0)
        ).abs()
        if told.max() > 0.4:
            place = int(told.argmax())
            return f"number {place} of {name} gives the answer away by itself: a label has no place among the inputs."
    noise, other = (b - a)[same].std(dim=0), (b - a)[~same].std(dim=0)
    if noise.min() < 0.2 or noise.max() > 0.45:
        spread = f"{float(noise.min()):.2g} to {float(noise.max()):.2g}"
        return f"between partners lies noise of {spread} in the sixteen numbers, and not of 0.3 in all."
    if other.min() < 1:
        return "in some numbers strangers are as near to each other as partners: take another vector for all sixteen."
    again, fresh = pairs(200, seed=3)[0], pairs(200, seed=4)[0]
    return "pairs of another seed are the same pairs." if torch.equal(again, fresh) else None


# --- 5 and 6: evaluations


@torch.no_grad()
def percent_right(model: nn.Module, pixels: Tensor, labels: Tensor) -> float:
    return 100 * (model.eval()(pixels).argmax(dim=1) == labels).float().mean().item()


def shapes(split: str) -> tuple[Tensor, Tensor]:
    """The notebook's 300 images, (300, 3, 32, 32) in [0, 1], and their labels."""
    images = load("shapes", split, size=300, seed=0)
    return images.images.float() / 255, images.labels


def reported_too_high(reported: float, model: nn.Module, test: object) -> float:
    return reported - percent_right(model, test.images.float() / 255, test.labels)


def knows_its_own(reported: float, model: nn.Module, test: object) -> float:
    return percent_right(model, *shapes("train"))


def fitted_on_the_test(reported: float, model: nn.Module, test: object) -> str | None:
    train, labels = shapes("train")
    given = test.images.float() / 255
    if given.shape[1:] == train.shape[1:] and bool((torch.cdist(given.flatten(1), train.flatten(1)) < 1e-3).any()):
        return "among the images that you call the test are training images."
    own, others = percent_right(model, train, labels), percent_right(model, *shapes("test"))
    if others > max(own - 20, 40):
        return (
            f"it is right on {others:.0f} % of the test images and on {own:.0f} % of the training images: it has been "
            "fitted on what it is tested on."
        )
    return None


def reported_too_low(reported: float, model: nn.Module, train: object) -> float:
    return percent_right(model, normalised(train.images.float() / 255), train.labels) - reported


def normalised(pixels: Tensor) -> Tensor:
    mean, deviation = pixels.mean(dim=(0, 2, 3), keepdim=True), pixels.std(dim=(0, 2, 3), keepdim=True)
    return (pixels - mean) / deviation


IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # mean and deviation of red, green and blue


def best_form(model: nn.Module, pixels: Tensor, labels: Tensor) -> float:
    """Per cent right, where nobody knows in which form a mended program gives the images to its model.

    As they are, normalised by their own numbers, to [-1, 1], or by ImageNet's: the best form is the one of training.
    """
    mean, deviation = (torch.tensor(numbers).view(3, 1, 1) for numbers in IMAGENET)
    forms = pixels, normalised(pixels), 2 * pixels - 1, (pixels - mean) / deviation
    return max(percent_right(model, form, labels) for form in forms)


def reported_below_the_best(reported: float, model: nn.Module, train: object) -> float:
    return best_form(model, train.images.float() / 255, train.labels) - reported


def knows_them_in_some_form(reported: float, model: nn.Module, train: object) -> float:
    return best_form(model, *shapes("train"))


# --- 7: crops


def difference_of_views(encoder: nn.Module, view1: Tensor, view2: Tensor) -> float:
    return (view1 - view2).abs().mean().item()


def no_crops(encoder: nn.Module, view1: Tensor, view2: Tensor) -> str | None:
    """Crops are smooth, differ in colour from image to image, and are alike where they are of one image."""
    if view1.ndim != 4 or view1.shape != view2.shape:
        return f"two batches of views were expected, got {tuple(view1.shape)} and {tuple(view2.shape)}."
    for view in (view1, view2):
        steps = (view[..., 1:] - view[..., :-1]).abs().mean()
        spread = (view - view.mean(dim=(2, 3), keepdim=True)).abs().mean()
        if steps > 0.6 * spread or view.mean(dim=(2, 3)).std(dim=0).mean() < 0.05:
            return "a view is noise: both must be crops of the images."
    if not enlarged(view1) or not enlarged(view2):
        return "a view isn't enlarged: both must be parts of the images, brought to 32 x 32."
    coarse = [F.adaptive_avg_pool2d(view, 4).flatten(1) for view in (view1, view2)]  # (B, 48) each
    alike = F.cosine_similarity(*(part - part.mean(dim=0) for part in coarse)).mean()
    return "row i of the two views isn't the same image: crop the same batch twice." if alike < 0.12 else None


def enlarged(view: Tensor) -> bool:
    """Whether pixels lie on lines between others, as they do where an image has been enlarged bilinearly."""
    bends = (view[..., 2:] - 2 * view[..., 1:-1] + view[..., :-2]).abs().mean()
    steps = (view[..., 1:] - view[..., :-1]).abs().mean()
    return bool(bends < 1.25 * steps)  # 1.4 in the images as they are, 1.1 at most in crops


@torch.no_grad()
def found_crops(encoder: nn.Module, view1: Tensor, view2: Tensor) -> float:
    """How many of 300 test images, in per cent, are found again by another crop of 20 x 20."""
    pixels, _ = shapes("test")
    torch.manual_seed(1)
    encoder.train()  # the few steps of training are too few for batch norm's running means
    z1, z2 = (F.normalize(encoder(cropped(pixels, 20)), dim=1) for _ in range(2))
    return 100 * ((z1 @ z2.T).argmax(dim=1) == torch.arange(len(z1))).float().mean().item()


def cropped(pixels: Tensor, size: int) -> Tensor:
    left, top = (int(torch.randint(33 - size, ())) for _ in range(2))
    return F.interpolate(pixels[..., top : top + size, left : left + size], (32, 32), mode="bilinear")


# --- 8: a probe


def largest_change(start: dict, encoder: nn.Module, classifier: nn.Module) -> float:
    now = encoder.state_dict()
    return max((now[name].float() - start[name].float()).abs().max().item() for name in start)


def another_start(start: dict, encoder: nn.Module, classifier: nn.Module) -> str | None:
    """The state that is returned as the start must be one from before training: that of seed 0."""
    torch.manual_seed(0)
    true = small_cnn(8).state_dict()
    if start.keys() != true.keys():
        return "`start` must be the whole state_dict() of the encoder."
    moved = max((true[name].float() - start[name].float()).abs().max().item() for name in true)
    if moved > 1e-5:
        return "`start` isn't the encoder's state from before training: take it, as a copy, before the loop."
    return None


@torch.no_grad()
def probed(start: dict, encoder: nn.Module, classifier: nn.Module) -> float:
    pixels, labels = shapes("train")
    return 100 * (classifier.eval()(encoder.eval()(pixels)).argmax(dim=1) == labels).float().mean().item()


# --- 9: a schedule


def idle_steps(rates: Sequence[float], net: nn.Module, data: Tensor) -> float:
    return 100 * sum(rate < 0.01 * max(rates) for rate in rates) / len(rates)


def idle_steps_by_the_first(rates: Sequence[float], net: nn.Module, data: Tensor) -> float:
    return 100 * sum(rate < 0.01 * rates[0] for rate in rates) / len(rates)


def no_schedule(rates: Sequence[float], net: nn.Module, data: Tensor) -> str | None:
    """A schedule falls from its highest rate to nearly 0, whether it is stepped in batches or in epochs."""
    rates = [float(rate) for rate in rates]
    highest, last = max(rates), rates[-1]
    if highest <= 0 or len(rates) < 10:
        return f"{len(rates)} rates up to {highest:g} are no schedule of a whole run."
    peak = next(place for place, rate in enumerate(rates) if rate > 0.999 * highest)  # a wave comes back to it
    if any(later > 1.001 * earlier + 1e-6 * highest for earlier, later in itertools.pairwise(rates[peak:])):
        return "the rate goes up and down like a wave: half a wave is what a cosine schedule has."
    if last > 0.999 * highest:
        return f"the rate never falls: at the end it is {last:g}, as at its highest. Keep the schedule, and mend it."
    if last > 0.1 * highest:
        return f"at the end the rate is {last:g} still, of {highest:g}: the schedule is longer than the run."
    return None


# --- 10: BYOL


def weights_of(net: nn.Module) -> Tensor:
    """All weights in one long vector."""
    return torch.cat([part.detach().flatten() for part in net.parameters()])


def follows(online: nn.Module, target: nn.Module, data: Tensor) -> str | None:
    """The target must lie between the start and the online network, nearer to the latter."""
    torch.manual_seed(0)
    start, there, here = (weights_of(net) for net in (a_head(), target, online))
    away = float((there - here).norm() / (start - here).norm())
    if away > 0.95:
        return "the target never follows: it is where it was at the start. Keep its moving average."
    if away < 0.005:
        return "the target is the online network: of 0.99 and 0.01, which belongs to the target itself?"
    if away > 0.7:
        return "the target has gone its own way: it must follow the online network, and nothing else."
    return None


# --- 11: workers


@torch.no_grad()
def looks_at_pictures(net: nn.Module, data: Tensor, step: int = -1) -> float:
    torch.manual_seed(1)
    pictures, colours = view(data).split(8, dim=1)
    z = net(torch.cat([pictures, colours], dim=1))
    recoloured = net(torch.cat([pictures, colours.roll(step, dims=0)], dim=1))
    exchanged = net(torch.cat([pictures.roll(step, dims=0), colours], dim=1))
    return (F.cosine_similarity(z, recoloured).mean() - F.cosine_similarity(z, exchanged).mean()).item()


def looks_at_the_previous(net: nn.Module, data: Tensor) -> float:
    return looks_at_pictures(net, data, step=1)


# --- 12: a large batch


class Counting(nn.Module):
    """A small network that remembers how many rows it has been given at once while gradients are on."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(16, 32), nn.Tanh(), nn.Linear(32, 8))
        self.register_buffer("most", torch.zeros(()))

    def forward(self, views: Tensor) -> Tensor:
        if torch.is_grad_enabled():
            self.most.fill_(max(float(self.most), len(views)))
        return self.body(views)


def true_gradient(net: nn.Module, view1: Tensor, view2: Tensor) -> tuple[float, list[Tensor]]:
    """The loss of a whole batch and its gradient at each weight."""
    weights = list(net.parameters())
    loss = nt_xent(net(view1), net(view2), 0.1)
    return loss.item(), list(torch.autograd.grad(loss, weights))


def asked_gradient(step: Callable) -> tuple[float, float, float]:
    """A step's error of the gradient and of the loss, and how many rows it gave the network at once."""
    torch.manual_seed(4)
    net = Counting()
    view1, view2 = view(draw(128, 5)), view(draw(128, 5))
    loss, right = true_gradient(net, view1, view2)
    net.most.zero_()
    said, gradient = step(net, view1, view2)
    return _error(gradient, right), abs(float(said) - loss), float(net.most)


def gradient_error(step: Callable, net: nn.Module, data: Tensor) -> float:
    """The error of the gradient at the student's network, which may live in another process: it is built again here."""
    torch.manual_seed(1)
    view1, view2 = view(data[:128]), view(data[:128])
    own = a_head()
    own.load_state_dict(net.state_dict())
    return _error(step(net, view1, view2)[1], true_gradient(own, view1, view2)[1])


def a_head() -> nn.Module:
    """The notebook's `head()`."""
    return nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 8))


def _error(gradient: Sequence[Tensor], right: Sequence[Tensor]) -> float:
    found, true = (torch.cat([slope.detach().flatten() for slope in slopes]) for slopes in (gradient, right))
    return ((found - true).norm() / true.norm()).item()


def error_on_another(step: Callable, net: nn.Module, data: Tensor) -> float:
    return asked_gradient(step)[0]


def too_many_at_once(step: Callable, net: nn.Module, data: Tensor) -> str | None:
    _, off, most = asked_gradient(step)
    if most > 16:
        return f"{most:.0f} views go through the network at once with gradients on, and the machine holds 16."
    if off > 0.01:
        return f"the loss that is returned is {off:.3g} away from that of the whole batch."
    return None


def found_in_a_thousand(step: Callable, net: nn.Module, data: Tensor) -> float:
    return found_partners(net, draw(1024, 77))


# --- 13: an average


def behind(network: nn.Module, averaged: nn.Module) -> float:
    train = shapes("train")
    return percent_right(network, *train) - percent_right(averaged, *train)


def average_is_right(network: nn.Module, averaged: nn.Module) -> float:
    return percent_right(averaged, *shapes("train"))


def no_average(network: nn.Module, averaged: nn.Module) -> str | None:
    mine, theirs = weights_of(averaged), weights_of(network)
    away = float((mine - theirs).norm() / theirs.norm())
    if away < 0.02:
        return (
            "the average is the network itself, or nearly: nothing is averaged. Of 0.9 and 0.1, which share belongs to "
            "the average?"
        )
    return None


# --- 14: a softmax too many


def most_sure(net: nn.Module, losses: Sequence[float]) -> float:
    torch.manual_seed(1)
    with torch.no_grad():
        return net(view(draw(1000, 0))).softmax(dim=1).max().item()


@torch.no_grad()
def as_trained(net: nn.Module, losses: Sequence[float]) -> tuple[float, float]:
    """How far the reported loss is from that of the outputs, and the largest probability that the loss saw.

    A network may end in a softmax, if the loss takes the logarithm of its output and nothing else: of outputs that may
    be probabilities already, that reading counts that fits the losses.
    """
    torch.manual_seed(0)
    data = draw(1000, 0)
    outputs, right = net(view(data)), data.argmax(dim=1)
    readings = [outputs.softmax(dim=1)]
    if outputs.min() >= 0 and (outputs.sum(dim=1) - 1).abs().max() < 1e-3:
        readings.append(outputs)
    last = sum(map(float, losses[-20:])) / 20
    gaps = [abs(-(shares.gather(1, right.unsqueeze(1)) + 1e-9).log().mean().item() - last) for shares in readings]
    return min(gaps), readings[gaps.index(min(gaps))].max().item()


def most_sure_as_trained(net: nn.Module, losses: Sequence[float]) -> float:
    return as_trained(net, losses)[1]


@torch.no_grad()
def answers_new_pictures(net: nn.Module, losses: Sequence[float]) -> float:
    torch.manual_seed(5)
    fresh = draw(2000, 31)
    return 100 * (net(view(fresh)).argmax(dim=1) == fresh.argmax(dim=1)).float().mean().item()


@torch.no_grad()
def another_loss(net: nn.Module, losses: Sequence[float]) -> str | None:
    if min(map(float, losses)) < 0:
        return "a cross-entropy can't be negative: nll_loss takes logarithms of probabilities, log_softmax makes them."
    gap, _ = as_trained(net, losses)
    if gap > 0.25:
        return f"the loss it reports isn't the cross-entropy of its outputs: they are {gap:.2g} apart."
    return None


# --- 15: h and z


def worth(network: nn.Module) -> float:
    """As in the notebook: per cent of 1,000 new pictures that a linear classifier calls rightly bright or dark."""
    torch.manual_seed(3)
    outputs, bright = [], []
    for seed in (11, 12):
        pictures = draw(1000, seed)
        with torch.no_grad():
            outputs.append(network(view(pictures)))
        bright.append(pictures.norm(dim=1) > 2.7)
    mean, deviation = outputs[0].mean(dim=0), outputs[0].std(dim=0) + 1e-6
    h, new = (F.pad((part - mean) / deviation, (0, 1), value=1.0) for part in outputs)
    target = h.T @ (2 * bright[0].float() - 1)
    classifier = torch.linalg.solve(h.T @ h + 0.1 * torch.eye(h.shape[1]), target)
    return 100 * ((new @ classifier > 0) == bright[1]).float().mean().item()


def worth_more(reported: float, encoder: nn.Module, model: nn.Module) -> float:
    return worth(encoder) - reported


def found_by_the_model(reported: float, encoder: nn.Module, model: nn.Module) -> float:
    return found_partners(model, draw(256, 0))


def another_encoder(reported: float, encoder: nn.Module, model: nn.Module) -> str | None:
    value = worth(encoder)
    if value < 66:
        return f"the encoder's output is worth {value:.0f} %, hardly more than before training: which network is it?"
    return None


# --- 16: accuracy where defects are rare


def inspected(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """The notebook's features (count, 8) and labels (count,); every twentieth photograph has a scratch."""
    h = torch.randn(count, 8, generator=torch.Generator().manual_seed(seed))
    labels = (torch.arange(count) % 20 == 0).long()
    h[:, 0] += 1.2 * labels
    return h, labels


def a_blind_model(labels: Tensor) -> Tensor:
    """Scores of a model that calls everything good, drawn as in the notebook."""
    torch.manual_seed(1)
    return -1 - torch.rand(len(labels))


def praise_of_the_blind(measure: Callable, model: nn.Module, test: tuple[Tensor, Tensor]) -> float:
    return float(measure(a_blind_model(test[1]), test[1]))


def on_another_test(measure: Callable, model: nn.Module, test: tuple[Tensor, Tensor]) -> str | None:
    share = test[1].float().mean()
    if not 0.04 <= share <= 0.06:
        return f"{100 * share:.0f} % of your test are defects: it must stay as the line is, five in a hundred."
    return None


def no_measure(measure: Callable, model: nn.Module, test: tuple[Tensor, Tensor]) -> str | None:
    """Zero alarms, which a measure mustn't stumble over."""
    value, verdict = attempt(measure, a_blind_model(test[1]), test[1])
    if verdict is not None and verdict.state != "open":
        return f"of a model that never rings, {verdict.sentence} Say 0 of it."
    if verdict is None and (not is_number(value) or not math.isfinite(value)):
        told = f"{float(value):g}" if is_number(value) else type(value).__name__
        return f"of a model that never rings the measure says {told}: a number is needed, and one near 0."
    return None


def made_up_scores(rings: Tensor) -> Tensor:
    torch.manual_seed(2)
    return torch.where(rings, 0.05, -1.05) + torch.rand(len(rings))  # near 0 on both sides


def easily_pleased(measure: Callable, model: nn.Module, test: tuple[Tensor, Tensor]) -> str | None:
    """What the measure says of four models that everybody can judge."""
    places = torch.arange(1000)
    bad = places % 20 == 0
    rings = bad, places >= 0, places % 10 == 0, places % 40 == 0
    names = "that is perfect", "that always rings", "half of whose alarms are false", "that misses every other scratch"
    told = []
    for name, alarm in zip(names, rings, strict=True):
        value, verdict = attempt(measure, made_up_scores(alarm), bad.long())
        if verdict is not None:
            return f"asked about a model {name}, {verdict.sentence}"
        if not is_number(value) or not math.isfinite(value):
            return f"of a model {name} it says {value}: a number is needed."
        told.append(float(value))
    perfect, always, fickle, forgetful = told
    if 0.9 <= perfect <= 1.1:
        return "of a perfect model it says 1: return per cent, since that is what the program prints."
    if not 99 <= perfect <= 101:
        return (
            f"of a perfect model it says {perfect:.0f} %, and not 100 (its scores are above 0 for scratches, and for "
            "nothing else)."
        )
    if always > 40:
        return f"of a model that always rings it says {always:.0f} %: false alarms must count as well."
    if forgetful > 90:
        return f"of a model that misses every other scratch it says {forgetful:.0f} %: missed ones must count."
    if fickle > 85:
        return (
            f"of a model half of whose alarms are false it says {fickle:.0f} %: the many good photographs hide its "
            "false alarms, as in the accuracy. Compare them with the number of alarms."
        )
    if min(fickle, forgetful) < 20:
        return (
            "of a model that finds half of the scratches, or finds all with as many false alarms, it says as little as "
            f"{min(fickle, forgetful):.0f} %: that is far better than nothing."
        )
    return None


@torch.no_grad()
def puts_scratches_first(measure: Callable, model: nn.Module, test: tuple[Tensor, Tensor]) -> float:
    h, labels = inspected(4000, 9)
    return 100 * average_precision_score(labels, model(h).flatten())


# --- 17: a threshold


def scored(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """The notebook's scores (count,) and labels (count,)."""
    labels = (torch.arange(count) % 20 == 0).long()
    return torch.randn(count, generator=torch.Generator().manual_seed(seed)) + 4 * labels, labels


def price(scores: Tensor, labels: Tensor, line: float) -> float:
    missed, false = (labels[scores < line] == 1).sum(), (labels[scores >= line] == 0).sum()
    return (50 * missed + false).item() / len(labels)


def weeks() -> list[tuple]:
    """Labelled and test photographs, and those of tomorrow, as the notebook draws them."""
    return [(scored(100, seed), scored(100, 1000 + seed), scored(4000, 2000 + seed)) for seed in range(20)]


def dearer_than_reported(decide: Callable) -> float:
    gaps = []
    for known, test, tomorrow in weeks():
        line, reported = decide(known, test)
        gaps.append(price(*tomorrow, line) - float(reported))
    return sum(gaps) / len(gaps)


def no_decision(decide: Callable) -> str | None:
    decided = decide(scored(100, 7), scored(100, 8))
    if not isinstance(decided, tuple | list) or len(decided) != 2 or not all(map(is_number, decided)):
        return "decide must return two numbers, the threshold and the price that is reported."
    return "the threshold or the price is nan." if any(math.isnan(part) for part in decided) else None


def reported_wrongly(decide: Callable) -> str | None:
    """Exchanged values, and a report that isn't what a threshold costs which the test had no say in."""
    known, test, other = scored(100, 7), scored(100, 8), scored(100, 9)
    line, reported = map(float, decide(known, test))
    true = price(*test, line)
    if abs(price(*test, reported) - line) <= 1e-3 < abs(reported - true):
        return "the price comes first in what is returned: first the threshold, then its price."
    if same_line(line, decide(known, other)[0]) and all(
        abs(reported - price(*part, line)) > 1e-3 for part in (known, test)
    ):
        return f"{reported:.2f} is reported where the threshold costs {true:.2f} on the test: report that."
    return None


def not_for_these_prices(decide: Callable) -> str | None:
    """What is chosen has to be about the cheapest on the labelled, whichever of equally good lines it is."""
    more = 0.0
    for known, test, _ in weeks():
        scores = sorted({*known[0].tolist(), math.inf})
        more += price(*known, decide(known, test)[0]) - min(price(*known, line) for line in scores)
    if more / len(weeks()) > 0.1:
        return (
            f"on the labelled photographs the threshold costs {more / len(weeks()):.2f} more than the cheapest: it has "
            "to be chosen by these prices."
        )
    return None


def decided_by_others(decide: Callable) -> str | None:
    """The threshold depends on the labelled photographs alone, and the report on the test alone."""
    known, (scores, labels) = scored(100, 7), scored(100, 8)
    line, reported = decide(known, (scores, labels))
    others = [(known, other) for other in ((scores + 3, labels), (scores, labels.roll(7)), (scores - 3, labels))]
    others += [(chosen_by, other) for chosen_by, other, _ in weeks()]
    for chosen_by, other in others:
        before = line if chosen_by is known else decide(chosen_by, (scores, labels))[0]
        if not same_line(decide(chosen_by, other)[0], before):
            return "the threshold still changes with the test photographs: only `known` may choose it."
    if same_line(decide((known[0] + 10, known[1]), (scores, labels))[0], line):
        return "the threshold is the same whatever the labelled photographs are: choose the cheapest on them."
    if abs(float(reported) - price(scores, labels, line)) > 1e-3:
        true = price(scores, labels, line)
        return f"{float(reported):.2f} is reported where the threshold costs {true:.2f} on the test: report that."
    return None


def same_line(line: float, other: float) -> bool:
    """Both may be infinite."""
    return float(line) == float(other) or abs(float(line) - float(other)) < 1e-5


def saved(decide: Callable) -> float:
    """Per cent of the price of always ringing (0.95)."""
    prices = [price(*tomorrow, decide(known, test)[0]) for known, test, tomorrow in weeks()]
    return 100 * (1 - sum(prices) / len(prices) / 0.95)


# --- 18: a scaler


def a_day(seed: int, count: int = 200) -> tuple[Tensor, Tensor]:
    """The notebook's features (count, 16) of a day, and labels (count,)."""
    random = torch.Generator().manual_seed(seed)
    labels = (torch.arange(count) % 20 == 0).long()
    lamp = 2 * torch.randn(16, generator=random)
    h = lamp + torch.randn(count, 16, generator=random)
    h = h + 2 * labels.unsqueeze(1) * torch.randn(count, 16, generator=random)
    return h * 10 ** torch.linspace(-1, 1, 16), labels


def days() -> list[tuple[Tensor, Tensor, Tensor]]:
    """Good photographs of a day, the photographs of another, and their labels."""
    made = []
    for seed in range(10, 22, 2):
        (h, labels), (test, truth) = a_day(seed, 100), a_day(seed + 1)
        made.append((h[labels == 0], test, truth))
    return made


def precision_of(z: Tensor, truth: Tensor) -> float:
    return 100 * average_precision_score(truth, z.norm(dim=1))


def one_by_one(scaled: Callable, train: Tensor, test: Tensor) -> Tensor:
    return torch.cat([scaled(train.clone(), one.clone())[1] for one in test.split(1)])


def better_together(scaled: Callable) -> float:
    gaps = [
        precision_of(scaled(train.clone(), test.clone())[1], truth)
        - precision_of(one_by_one(scaled, train, test), truth)
        for train, test, truth in days()
    ]
    return sum(gaps) / len(gaps)


def alone_on_the_line(scaled: Callable) -> float:
    values = [precision_of(one_by_one(scaled, train, test), truth) for train, test, truth in days()]
    return sum(values) / len(values)


def no_numbers(scaled: Callable) -> str | None:
    train, test, _ = days()[0]
    both = scaled(train.clone(), test.clone())
    shapes_ = [part.shape if isinstance(part, Tensor) else None for part in both]
    if shapes_ != [train.shape, test.shape]:
        return "it must return both tensors, the training's and the test's, in their shapes."
    if not torch.isfinite(scaled(train.clone(), test[:1].clone())[1]).all():
        return "of a single photograph it makes nan: one has no deviation. Those of the training photographs are known."
    return None


def scaled_apart(scaled: Callable) -> str | None:
    """Both parts get the same numbers, which don't depend on the test."""
    train, test, _ = days()[0]
    first, second = scaled(train.clone(), train.clone())
    if not torch.allclose(first, second, rtol=1e-3, atol=1e-3):
        return "the same photographs become other numbers in training than in the test: scale both in the same way."
    both = scaled(train.clone(), test.clone())
    if not torch.allclose(first, both[0], rtol=1e-3, atol=1e-3):
        return "the training photographs become other numbers when the test is another."
    if not torch.allclose(both[1], one_by_one(scaled, train, test), rtol=1e-3, atol=1e-3):
        return "a photograph by itself becomes other numbers than among others: the test still has a say."
    return None


def unscaled(scaled: Callable) -> str | None:
    """What the program promises of its training photographs."""
    train, test, _ = days()[0]
    first = scaled(train.clone(), test.clone())[0]
    means, deviations = first.mean(dim=0), first.std(dim=0)
    for name, found, wrong in (
        ("mean", means, means.abs() > 0.5),
        ("deviation", deviations, (deviations - 1.1).abs() > 0.55),
    ):
        if wrong.any():
            return (
                f"among the scaled training photographs a feature has the {name} {found[wrong][0]:.2f}: each feature "
                "has to have mean 0 and deviation 1 there, or nearly."
            )
    return None


# --- 19: a causal mask


WORTH_KNOWING = math.log(4) + 0.7 * math.log(0.7) + 0.3 * math.log(0.1)  # nats a word, from the two words before it


@functools.cache
def texts(count: int, seed: int, length: int = 10) -> Tensor:
    """The notebook's texts (count, length): the word two places before plus 1, with chance 0.7."""
    random = torch.Generator().manual_seed(seed)
    words = torch.randint(4, (count, length), generator=random)
    for place in range(2, length):
        follows = torch.rand(count, generator=random) < 0.6
        words[:, place] = torch.where(follows, (words[:, place - 2] + 1) % 4, words[:, place])
    return words


@torch.no_grad()
def looks_ahead(net: nn.Module) -> float:
    first, second = texts(500, 1), texts(500, 2).clone()
    second[:, :6] = first[:, :6]
    one, other = (net(words)[:, :6].softmax(dim=2) for words in (first, second))
    return (one - other).abs().max().item()


@torch.no_grad()
def who_moves_whom(net: nn.Module) -> Tensor:
    """Whether the output at place i is another one when word j is another one, bool (10, 10)."""
    words = texts(100, 3)
    before = net(words).softmax(dim=2)  # (N, 10, 4)
    moved = []
    for place in range(words.shape[1]):
        others = words.clone()
        others[:, place] = (others[:, place] + 1) % 4
        moved.append((net(others).softmax(dim=2) - before).abs().amax(dim=(0, 2)) > 1e-4)
    return torch.stack(moved, dim=1)


@torch.no_grad()
def no_reader(net: nn.Module) -> str | None:
    """Masks with a row of nothing, and those that look ahead and not back."""
    if not net(texts(100, 3)).isfinite().all():
        return "its outputs are nan: some place sees nothing, not even itself, and a softmax over nothing is nan."
    moves = who_moves_whom(net)
    if moves.triu(1).any() and not moves.tril(-1).any():
        return "the mask is the wrong way round: a place sees what comes after it, and nothing of what was before."
    return None


@torch.no_grad()
def ahead_elsewhere(net: nn.Module) -> str | None:
    """A look ahead behind the first six places, a look back that is missing, and answers about another word."""
    moves = who_moves_whom(net)
    if (ahead := moves.triu(1)).any():
        place, word = ahead.nonzero()[0].tolist()
        return f"the output at place {place} still changes with the word at place {word}, which comes later."
    words = texts(500, 3)
    if (net(words).argmax(dim=2) == words).float().mean() > 0.9:
        return "at each place it tells the word of that place, which it has been given: it has to tell the next one."
    if not moves.tril(-1).any():
        return "no place sees any word before its own. It may see them all."
    return None


@torch.no_grad()
def told_of_texts(net: nn.Module) -> float:
    """How much of what can be known of a word it knows, in per cent; a guess is 0."""
    words = texts(1000, 4)
    loss = F.cross_entropy(net(words)[:, 1:-1].flatten(0, 1), words[:, 2:].flatten()).item()
    return share_known(loss)


def share_known(loss: float) -> float:
    """Per cent of what can be known of a word, of a loss in nats a word; whoever knows less than nothing has 0."""
    return 100 * max(0.0, math.log(4) - loss) / WORTH_KNOWING


KNOWN = "it knows {value} % of what can be known of the next word"


# --- 20: padding


def padded(count: int, seed: int) -> Tensor:
    """The notebook's texts (count, 20) of the words 1 to 4, and 0 behind them."""
    chance = torch.rand(count, 1, generator=torch.Generator().manual_seed(seed))
    return (texts(count, seed, 20) + 1) * (torch.arange(20) < 3.1 + 16.9 * chance**3)


@torch.no_grad()
def guesses(net: nn.Module, seed: int) -> tuple[Tensor, Tensor]:
    """Logits (1000, 18, 5), and what is right (1000, 18)."""
    words = padded(1000, seed)
    return net(5 * words[:, :-2] + words[:, 1:-1]), words[:, 2:]


def cost_of_words(logits: Tensor, right: Tensor, *, padding_too: bool = True) -> float:
    """Nats a real word; padding is one of five answers, or none of four."""
    real = right > 0
    shown, words = logits[real], right[real]
    return (F.cross_entropy(shown, words) if padding_too else F.cross_entropy(shown[:, 1:], words - 1)).item()


def dearer_words(word_loss: Callable, net: nn.Module, *, padding_too: bool = True) -> float:
    logits, right = guesses(net, 1)
    reported = float(word_loss(logits.clone(), right.clone()))
    return cost_of_words(logits, right, padding_too=padding_too) - reported


def dearer_as_trained(word_loss: Callable, net: nn.Module) -> float:
    return dearer_words(word_loss, net, padding_too=padding_is_an_answer(word_loss))


def padding_is_an_answer(word_loss: Callable) -> bool:
    """A loss may leave padding out among the answers as well: then nobody trains what the network says of it."""
    return abs(given_loss(word_loss) - word_losses()[0][1]) > 1e-3


def some_words() -> tuple[Tensor, Tensor]:
    """Logits of chance (6, 8, 5) and words (6, 8), with 8, 1, 3, 5, 8 and 2 real words in a row."""
    random = torch.Generator().manual_seed(5)
    logits = 2 * torch.randn(6, 8, 5, generator=random)
    words = torch.randint(1, 5, (6, 8), generator=random)
    return logits, words * (torch.arange(8) < torch.tensor([[8], [1], [3], [5], [8], [2]]))


def word_losses() -> tuple[list[float], dict[str, float]]:
    """What a right loss may give for these, with or without padding among the answers; and mistakes in words."""
    logits, words = some_words()
    costs = F.cross_entropy(logits.transpose(1, 2), words, reduction="none")  # (6, 8)
    real = words > 0
    ended = F.pad(real[:, :-1], (1, 0), value=True)  # and the first padding
    unended = F.pad(real[:, 1:], (0, 1), value=False)
    full, number = real.all(dim=1), real.sum()
    among_words = F.cross_entropy(logits[real][:, 1:], words[real] - 1)
    slips = {
        "each text counts as much as any other, however short: it is a mean of the texts' means, and has to be one "
        "mean over all real words": (costs * real).sum(dim=1) / real.sum(dim=1),
        "each place counts as much as any other, however few texts are so long: it has to be one mean over all "
        "real words": (costs * real).sum(dim=0) / real.sum(dim=0),
        "padding is left out of the sum, and is still in the number by which the sum is divided": costs * real,
        "it is a sum and no mean: with larger batches it would be larger": (costs * real).sum(),
        "it is the sum over a text and no mean over words: long texts cost more": (costs * real).sum() / len(words),
        "the first padding behind each text is still counted: go by the word that is told, not by the one before it": (
            costs[ended]
        ),
        "the last word of each text isn't counted any more": costs[unended],
        "texts with padding are left out as a whole, with their real words": costs[full],
        "only padding is counted": costs[~real],
    }
    right = [float(costs[real].sum() / number), among_words.item()]
    return right, {sentence: values.mean().item() for sentence, values in slips.items()}


def given_loss(word_loss: Callable) -> float:
    logits, words = some_words()
    return float(word_loss(logits.clone(), words.clone()))


def spoiled_mean(word_loss: Callable, net: nn.Module) -> str | None:
    given, (right, slips) = given_loss(word_loss), word_losses()
    for sentence, value in slips.items():
        if abs(given - value) <= 1e-3 * max(1, value):
            return f"{sentence}. (For a batch of chance it is {given:.4g}, and should be {right[0]:.4g}.)"
    return None


def no_word_loss(word_loss: Callable, net: nn.Module) -> str | None:
    given, (right, _) = given_loss(word_loss), word_losses()
    if any(abs(given - value) <= 1e-3 for value in right):
        return None
    return f"for a batch of chance the loss is {given:.4g}, and should be {right[0]:.4g}: the mean over all real words."


def told_of_padded(word_loss: Callable, net: nn.Module) -> float:
    loss = cost_of_words(*guesses(net, 4), padding_too=padding_is_an_answer(word_loss))
    return share_known(loss)


# --- 21: negatives


@functools.cache
def signal(seed: int, length: int = 4000) -> Tensor:
    """The notebook's frames (length, 16): eight numbers that change slowly, and eight that change fast."""
    random = torch.Generator().manual_seed(seed)
    keeps = torch.tensor([0.99] * 8 + [0.6] * 8)
    frames = torch.randn(length, 16, generator=random)
    for time in range(1, length):
        frames[time] = keeps * frames[time - 1] + (1 - keeps**2).sqrt() * frames[time]
    return frames


@torch.no_grad()
def finds_among_far(others: Callable, net: nn.Module, predictor: nn.Module) -> float:
    torch.manual_seed(1)
    frames, present = signal(1), torch.randint(1000, (1000,))
    candidates = torch.cat([present.unsqueeze(1) + 1, torch.randint(2000, 4000, (1000, 7))], dim=1)
    z = F.normalize(net(frames[candidates]), dim=2)
    expected = F.normalize(predictor(net(frames[present])), dim=1)
    return 100 * ((z @ expected.unsqueeze(2)).squeeze(2).argmax(dim=1) == 0).float().mean().item()


@torch.no_grad()
def keeps_what_is_slow(others: Callable, net: nn.Module, predictor: nn.Module) -> float:
    """How much more alike features are that lie five frames apart than those that lie 500 apart: the mean cosine."""
    h = net(signal(2))
    near, far = (F.cosine_similarity(h[:3000], h[apart : 3000 + apart]).mean().item() for apart in (5, 500))
    return near - far


def asked_places(others: Callable, length: int = 4000) -> tuple[Tensor, Tensor]:
    """Presents (B,) everywhere in a signal, and what is given as places of their negatives."""
    torch.manual_seed(3)
    present = torch.randint(length - 10, (1000,))
    return present, torch.as_tensor(others(present.clone(), length))


def no_negatives(others: Callable, net: nn.Module, predictor: nn.Module) -> str | None:
    """Places in a wrong form, fewer of them, and the right answer among them."""
    for length in (4000, 1000):
        present, places = asked_places(others, length)
        if places.ndim != 2 or len(places) != len(present) or places.is_floating_point():
            kind = f"{str(places.dtype).removeprefix('torch.')} {tuple(places.shape)}"
            return f"`others` must return whole numbers, a row of seven for each question: for 1000 it gives {kind}."
        if places.shape[1] != 7:
            return (
                f"there are {places.shape[1]} negatives for each question, and not 7: with another number "
                "the loss can't be compared. They have to be moved, and to stay as many."
            )
        if places.min() < 0 or places.max() >= length:
            return (
                f"in a signal of {length} frames you name places from {int(places.min())} to {int(places.max())}: they "
                f"must be within it, 0 to {length - 1}."
            )
        different = sum(len(set(row)) for row in places.tolist()) / len(places)
        if different < 6:
            return f"the seven negatives of a question must be seven frames: on average only {different:.2g} differ."
        right = (places == present.unsqueeze(1) + 1).any(dim=1).float().mean()
        if right > 0.1:
            return f"for {100 * right:.0f} % of the questions the right answer is among the negatives."
    return None


def near_negatives(others: Callable, net: nn.Module, predictor: nn.Module) -> str | None:
    present, places = asked_places(others)
    near = ((places - present.unsqueeze(1)).abs() < 99).float().mean()  # whether counted from the present or the next
    if near > 0:
        return f"{100 * float(near):.2g} % of the negatives are still less than 100 frames away from the present."
    return None


# --- 22: an order


STEADY = ([0, 1, 2, 3], [3, 2, 1, 0])
MIXED = [order for order in itertools.permutations(range(4)) if list(order) not in STEADY]


def films(count: int, seed: int) -> Tensor:
    """The notebook's films (count, 4, 8): where something is (two numbers), and how it looks (six)."""
    random = torch.Generator().manual_seed(seed)
    start, step = torch.randn(2, count, 1, 2, generator=random)
    looks = torch.randn(count, 1, 6, generator=random).expand(-1, 4, -1)
    return torch.cat([start + step * torch.arange(4).unsqueeze(1), looks], dim=2)


def drawn(count: int) -> tuple[Tensor, Tensor]:
    steady = torch.rand(count) < 0.5
    straight = torch.tensor(STEADY)[torch.randint(2, (count,))]
    mixed = torch.tensor(MIXED)[torch.randint(len(MIXED), (count,))]
    return torch.where(steady.unsqueeze(1), straight, mixed), steady.long()


@torch.no_grad()
def right_about(film: Tensor, asked: Callable, encoder: nn.Module, verifier: nn.Module) -> float:
    """Per cent of right answers about films; the questions are drawn as in the notebook."""
    torch.manual_seed(1)
    order, steady = drawn(len(film))
    said = verifier(asked(encoder, film, order)).argmax(dim=1)
    return 100 * (said == steady).float().mean().item()


def right_about_still(asked: Callable, encoder: nn.Module, verifier: nn.Module) -> float:
    return right_about(films(1000, 1)[:, :1].expand(-1, 4, -1), asked, encoder, verifier)


def right_about_moving(asked: Callable, encoder: nn.Module, verifier: nn.Module) -> float:
    return right_about(films(1000, 2), asked, encoder, verifier)


@torch.no_grad()
def shuffled_otherwise(asked: Callable, encoder: nn.Module, verifier: nn.Module) -> str | None:
    """Shuffled not at all, twice, or there and back; by another order than the film's own, and with other films."""
    torch.manual_seed(4)
    film, (order, _), (another, _) = films(40, 3), drawn(40), drawn(40)
    kept = (torch.rand(40) < 0.5) & (torch.arange(40) > 0)  # of the others, with the first, all is changed
    h = asked(encoder, film, order)
    if not same_values(asked(encoder, film, order), h):
        return "the same question gives other features each time: `order` is drawn already, and nothing else has to be."
    if same_values(asked(encoder, film, another), h):
        return "nothing is shuffled: whatever the order is, the features are the same."
    if not same_values(asked(encoder, torch.where(kept[:, None, None], film, films(40, 5)), order)[kept], h[kept]):
        return "what is asked about a film depends on the other films: their frames get mixed."
    if not same_values(asked(encoder, film, torch.where(kept[:, None], order, another))[kept], h[kept]):
        return "films get the orders of other films, and the answers are about their own."
    shown = encoder(film.take_along_dim(order.unsqueeze(2), dim=1))
    if same_values(shown.take_along_dim(order.unsqueeze(2), dim=1), h):
        return (
            "the frames are shuffled, and then their features once more, so that these stand in other places than they "
            "were shown in: once is enough."
        )
    if same_values(shown.take_along_dim(order.argsort(dim=1).unsqueeze(2), dim=1), h):
        return (
            "after the encoder the features are put back into the order of the film, and each still tells where it was "
            "shown."
        )
    return None


def same_values(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(one, other, atol=1e-4)


# --- 23: pictures and captions


def captions_of(pictures: Tensor) -> Tensor:
    grammar = torch.randn(8, 12, generator=torch.Generator().manual_seed(5))
    return pictures @ grammar + 0.3 * torch.randn(len(pictures), 12)


@torch.no_grad()
def pictures_and_captions(net: nn.Module, reader: nn.Module, seed: int = 1) -> tuple[Tensor, Tensor]:
    """Both outputs (256, D) for new pictures, drawn as in the notebook."""
    torch.manual_seed(1)
    new = draw(256, seed)
    return net(view(new)), reader(captions_of(new))


def captions_above_strangers(pair_loss: Callable, net: nn.Module, reader: nn.Module, step: int = -1) -> float:
    z, t = pictures_and_captions(net, reader)
    return (F.cosine_similarity(z, t).mean() - F.cosine_similarity(z, t.roll(step, dims=0)).mean()).item()


def captions_that_find(pair_loss: Callable, net: nn.Module, reader: nn.Module) -> float:
    z, t = pictures_and_captions(net, reader, seed=2)
    return found_rows(t, z)


def found_rows(z1: Tensor, z2: Tensor) -> float:
    """How many rows of z1 are nearest, by cosine, to the row of z2 with the same number, in per cent."""
    cosines = F.normalize(z1, dim=1) @ F.normalize(z2, dim=1).T
    return 100 * (cosines.argmax(dim=1) == torch.arange(len(z1))).float().mean().item()


def sides(logits: Tensor, row_labels: Tensor, column_labels: Tensor) -> tuple[Tensor, Tensor]:
    return F.cross_entropy(logits, row_labels), F.cross_entropy(logits.T, column_labels)


def pair_losses(logits: Tensor, places: Tensor) -> tuple[Tensor, dict[str, list[Tensor]]]:
    """The sum of the right loss's two sides, and what mistakes give, by what is said of them."""
    owners, counted = places.argsort(), torch.arange(len(places))
    rows, columns = sides(logits, places, owners)
    spoiled = {
        "the captions no longer look for their pictures: both sides belong in it.": [rows],
        "the pictures no longer look for their captions: both sides belong in it.": [columns],
        "both lists are right, and each is on the wrong side.": [*both(*sides(logits, owners, places))],
        "0, 1, 2, ... is right only where the captions come in the order of the pictures.": [
            *both(rows, sides(logits, counted, counted)[1]),
            *both(*sides(logits, counted, counted)),
            *both(sides(logits, counted, counted)[0], columns),
        ],
        "both sides look along the rows: one of the two needs the logits transposed.": [
            *both(rows, F.cross_entropy(logits, owners)),
            2 * rows,
        ],
        "it is summed over the pairs: the mean of each side is what is asked of it.": [
            *(len(places) * loss for loss in both(rows, columns))
        ],
        "the sum of both sides is divided by 4: it is their mean.": [(rows + columns) / 4],
        "the softmax is taken twice: cross_entropy takes it by itself.": [
            *both(F.cross_entropy(logits.softmax(1), places), F.cross_entropy(logits.T.softmax(1), owners)),
        ],
        "the sign is turned round: a loss is minus the log of a share.": [*(-loss for loss in both(rows, columns))],
    }
    return rows + columns, spoiled


def both(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """The mean and the sum of two sides."""
    return (one + other) / 2, one + other


def some_logits() -> tuple[Tensor, Tensor]:
    """Logits (12, 12) of chance, and an order of chance that isn't its own inverse."""
    random = torch.Generator().manual_seed(4)
    return 3 * torch.randn(12, 12, generator=random), torch.randperm(12, generator=random)


def given_pair_loss(pair_loss: Callable) -> float:
    loss = pair_loss(*some_logits())
    if not is_number(loss):
        raise TypeError("pair_loss must return one number, as a tensor")
    return float(loss)


def spoiled_pairs(pair_loss: Callable, net: nn.Module, reader: nn.Module) -> str | None:
    given = given_pair_loss(pair_loss)
    right, spoiled = pair_losses(*some_logits())
    if any(abs(given - value) <= 1e-3 for value in (right, right / 2)):  # the mean of both sides, or the sum
        return None
    return next((said for said, values in spoiled.items() if any(abs(given - value) <= 1e-3 for value in values)), None)


def no_pair_loss(pair_loss: Callable, net: nn.Module, reader: nn.Module) -> str | None:
    logits, places = some_logits()
    logits.requires_grad_()
    right, given = pair_losses(logits, places)[0] / 2, given_pair_loss(pair_loss)
    if any(abs(given - value) <= 1e-3 for value in (right, 2 * right)):
        slopes = [torch.autograd.grad(loss, logits)[0].flatten() for loss in (pair_loss(logits, places), right)]
        alike = F.cosine_similarity(*slopes, dim=0) > 0.999
        return None if alike else "a part of pair_loss gives no gradient: is one of the sides detached?"
    return f"for logits of chance in an order of chance pair_loss says {given:.3g}, where it is {right:.3g}."


# --- 24: a student and its teacher


def alike_strangers(followed: Callable, net: nn.Module, data: Tensor, step: int = -1) -> float:
    z1, z2 = two_views(net, data)
    return F.cosine_similarity(z1, z2.roll(step, dims=0)).mean().item()


def alike_all(followed: Callable, net: nn.Module, data: Tensor) -> float:
    """The same with all strangers, and not with one of them."""
    z1, z2 = (F.normalize(z, dim=1) for z in two_views(net, data))
    cosines = z1 @ z2.T
    return ((cosines.sum() - cosines.diagonal().sum()) / (cosines.numel() - len(cosines))).item()


def new_teacher(followed: Callable) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]]:
    """Weights by name: what a teacher becomes, what it was, and those of the net that it follows."""
    torch.manual_seed(6)
    net, old = a_head(), {name: weight.detach().clone() for name, weight in a_head().named_parameters()}
    new = followed({name: weight.clone() for name, weight in old.items()}, net)
    if not isinstance(new, dict) or new.keys() != old.keys() or any(new[name].shape != old[name].shape for name in old):
        raise TypeError("followed must return a dictionary with the weights of the teacher, by the same names")
    return new, old, dict(net.named_parameters())


def no_teacher(followed: Callable, net: nn.Module, data: Tensor) -> str | None:
    """Teachers with other weights than nine tenths of their own and one tenth of the net's."""
    new, old, leads = new_teacher(followed)
    for share, said in {
        1.0: "the teacher stays as it was: one tenth of the net's weights must come to it at each step.",
        0.0: "the teacher is the net: nine tenths of its own weights must stay.",
        0.1: "of the two shares, nine tenths belong to the teacher's own weights.",
    }.items():
        if all(torch.allclose(new[name], share * old[name] + (1 - share) * leads[name], atol=1e-5) for name in old):
            return said
    if not all(torch.allclose(new[name], 0.9 * old[name] + 0.1 * leads[name], atol=1e-5) for name in old):
        return "the teacher's weights aren't nine tenths of its own and one tenth of the net's, name by name."
    return None


def way_back(followed: Callable, net: nn.Module, data: Tensor) -> str | None:
    """Teachers some of whose weights still hang on the net's."""
    new, _, leads = new_teacher(followed)
    for name, weight in new.items():
        if not weight.requires_grad:
            continue
        slopes = torch.autograd.grad(weight.sum(), list(leads.values()), allow_unused=True)
        if any(slope is not None for slope in slopes):
            return f"a gradient still gets from the teacher's {name} to the net."
    return None


def moved_net(followed: Callable, net: nn.Module, data: Tensor) -> str | None:
    """Who writes into the net instead of the teacher."""
    torch.manual_seed(6)
    before, old = a_head(), {name: weight.detach().clone() for name, weight in a_head().named_parameters()}
    after = a_head()
    after.load_state_dict(before.state_dict())
    followed(old, after)
    if not torch.equal(weights_of(before), weights_of(after)):
        return "it changes the net's own weights: the teacher follows, and the net is moved by the optimizer alone."
    return None


# --- 25: prototypes


@torch.no_grad()
def largest_prototype(dino_loss: Callable, net: nn.Module) -> float:
    torch.manual_seed(1)
    outputs = net(view(draw(1000, 1)))
    return 100 * outputs.argmax(dim=1).bincount().max().item() / len(outputs)


def found_by_prototypes(dino_loss: Callable, net: nn.Module) -> float:
    return found_partners(net, draw(256, 2))


def cost_of(aim: Tensor, told: Tensor) -> Tensor:
    return -(aim * told).sum(dim=1).mean()


def cost_of_telling(aim: Tensor, told: Tensor) -> Tensor:
    return cost_of(aim.softmax(dim=1), told.log_softmax(dim=1))


def right_dino_losses() -> list[float]:
    """The cross-entropy, and the divergence, which is less by what the student can't change."""
    teacher, student, centre = some_outputs()
    aim = (teacher - centre) / 0.04
    right = cost_of_telling(aim, student / 0.1)
    return [float(right), float(right - cost_of_telling(aim, aim))]


def dino_losses(teacher: Tensor, student: Tensor, centre: Tensor) -> tuple[Tensor, dict[str, list[Tensor]]]:
    """The right loss, and what mistakes give, by what is said of them."""
    held = teacher - centre
    spoiled = {
        "the centre is subtracted from the student, too: its output is compared as it is.": [
            cost_of_telling(held / 0.04, (student - centre) / 0.1)
        ],
        "the centre isn't used at all, so nothing holds back a prototype that everything gets.": [
            cost_of_telling(teacher / 0.04, student / 0.1)
        ],
        "the centre is added to the teacher's output, which makes the favourite stronger.": [
            cost_of_telling((teacher + centre) / 0.04, student / 0.1)
        ],
        "the centre is added to the student's output, and still nothing is taken from the teacher's.": [
            cost_of_telling(teacher / 0.04, (student + centre) / 0.1)
        ],
        "the centre is a mean of outputs: subtract it before they are divided by the temperature.": [
            cost_of_telling(teacher / 0.04 - centre, student / 0.1),
            cost_of_telling(teacher - centre / 0.04, student / 0.1),
        ],
        "the centre is a mean of outputs, and no probability: subtract it before the softmax.": [
            -(((teacher / 0.04).softmax(1) - centre) * (student / 0.1).log_softmax(1)).sum(1).mean()
        ],
        "the temperatures are exchanged: the teacher is the surer of the two, at 0.04.": [
            cost_of_telling(held / 0.1, student / 0.04)
        ],
        "both have the same temperature now: 0.04 is the teacher's, and 0.1 the student's.": [
            cost_of_telling(held / 0.04, student / 0.04),
            cost_of_telling(held / 0.1, student / 0.1),
        ],
        "the temperatures are missing or multiplied: outputs are divided by 0.04 and by 0.1.": [
            cost_of_telling(held, student),
            cost_of_telling(held * 0.04, student * 0.1),
        ],
        "the softmax is over the batch: it is over a picture's 32 prototypes, dim=1.": [
            cost_of(((teacher - centre) / 0.04).softmax(dim=0), (student / 0.1).log_softmax(dim=0))
        ],
        "the log is missing: the teacher's probabilities weigh the student's logarithms.": [
            cost_of((held / 0.04).softmax(dim=1), (student / 0.1).softmax(dim=1))
        ],
        "the teacher's are probabilities, without a log.": [
            cost_of((held / 0.04).log_softmax(dim=1), (student / 0.1).log_softmax(dim=1))
        ],
        "the sign is lost: a good answer must cost less than a bad one.": [
            -cost_of_telling(held / 0.04, student / 0.1)
        ],
        "the mean is over all numbers: sum over the prototypes, and take the mean over pictures.": [
            cost_of_telling(held / 0.04, student / 0.1) / teacher.shape[1]
        ],
        "it is summed over the pictures: take their mean.": [
            cost_of_telling(held / 0.04, student / 0.1) * len(teacher)
        ],
        "the centre of this batch is subtracted: the running one is handed over.": [
            cost_of_telling((teacher - teacher.mean(dim=0)) / 0.04, student / 0.1)
        ],
        "the teacher names one prototype alone: it gives shares, at 0.04.": [
            F.cross_entropy(student / 0.1, held.argmax(dim=1))
        ],
        "the teacher is subtracted from the centre: it is the other way round.": [
            cost_of_telling(-held / 0.04, student / 0.1)
        ],
        "the centre is added to the student's output: that is compared as it is.": [
            cost_of_telling(held / 0.04, (student + centre) / 0.1)
        ],
        "teacher and student are exchanged: the teacher's probabilities weigh the student's logarithms.": [
            cost_of_telling((student - centre) / 0.04, teacher / 0.1),
            cost_of_telling(student / 0.1, held / 0.04),
            cost_of_telling(student / 0.04, held / 0.1),
        ],
    }
    return cost_of_telling(held / 0.04, student / 0.1), spoiled


def some_outputs() -> tuple[Tensor, Tensor, Tensor]:
    """A teacher's and a student's outputs (16, 32), and a centre (32,), of chance."""
    random = torch.Generator().manual_seed(5)
    teacher, student = 0.2 * torch.randn(2, 16, 32, generator=random)
    return teacher, student, 0.2 * torch.randn(32, generator=random)


def given_dino_loss(dino_loss: Callable) -> float:
    loss = dino_loss(*some_outputs())
    if not is_number(loss):
        raise TypeError("dino_loss must return one number, as a tensor")
    return float(loss)


def spoiled_prototypes(dino_loss: Callable, net: nn.Module) -> str | None:
    given = given_dino_loss(dino_loss)
    spoiled = dino_losses(*some_outputs())[1]
    if min(abs(given - right) for right in right_dino_losses()) <= 1e-3:
        return None
    return next((said for said, values in spoiled.items() if any(abs(given - value) <= 1e-3 for value in values)), None)


def no_dino_loss(dino_loss: Callable, net: nn.Module) -> str | None:
    right, given = right_dino_losses(), given_dino_loss(dino_loss)
    if min(abs(given - value) for value in right) <= 1e-3:
        return None
    return f"for outputs of chance dino_loss says {given:.3g}, where it is {right[0]:.3g}."


# --- 26: what is hidden


def patches(pictures: Tensor) -> Tensor:
    return torch.stack([view(pictures) for _ in range(6)], dim=1)


@torch.no_grad()
def moved_aims(shown: Callable, net: nn.Module, teacher: nn.Module, norm: Callable = Tensor.abs) -> float:
    torch.manual_seed(1)
    hidden = torch.rand(256, 6).argsort(dim=1) < 3
    first, second = patches(draw(256, 1)), patches(draw(256, 2))
    second[~hidden] = first[~hidden]
    one, other = (teacher(shown(pictures, hidden)[1]) for pictures in (first, second))
    return norm(one - other)[hidden].mean().item()


@torch.no_grad()
def found_by_patches(shown: Callable, net: nn.Module, teacher: nn.Module) -> float:
    torch.manual_seed(1)
    pictures = draw(256, 2)
    return found_rows(net(patches(pictures)).mean(dim=1), net(patches(pictures)).mean(dim=1))


def some_shown(shown: Callable, pictures: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Pictures (8, 6, 16), what is hidden of them (8, 6), and what student and teacher get."""
    random = torch.Generator().manual_seed(7)
    hidden = torch.rand(8, 6, generator=random).argsort(dim=1) < 3
    pictures = torch.randn(8, 6, 16, generator=random) if pictures is None else pictures
    torch.manual_seed(0)  # some hide with noise
    pair = shown(pictures.clone(), hidden.clone())
    if not isinstance(pair, tuple | list) or len(pair) != 2 or any(part.shape != pictures.shape for part in pair):
        raise TypeError("shown must return two, what the student gets and what the teacher, each (B, 6, 16)")
    return pictures, hidden, *pair


def hidden_otherwise(shown: Callable, net: nn.Module, teacher: nn.Module) -> str | None:
    """What the student may see, and what the teacher must see."""
    pictures, hidden, context, whole = some_shown(shown)
    if torch.equal(context, pictures):
        return "the student sees all: what it has to tell must be hidden from it."
    if torch.equal(context[hidden], pictures[hidden]):
        return "the wrong patches are hidden: True in `hidden` means that the student must not see it."
    if torch.equal(whole[hidden], pictures[hidden]) and not torch.equal(whole, pictures):
        return "the teacher sees the hidden patches and not all of the others: it must get the picture as it is."
    if not torch.equal(context[~hidden], pictures[~hidden]):
        return "the student must get the patches that aren't hidden as they are, each in its place."
    if not torch.equal(whole, pictures) and not torch.equal(whole, context):  # the latter is the symptom
        return "the teacher gets neither the picture as it is nor what the student gets: what has been changed in it?"
    return None


def hidden_still(shown: Callable, net: nn.Module, teacher: nn.Module) -> str | None:
    """What the student gets in place of the hidden patches must not depend on them."""
    pictures, hidden, context, _ = some_shown(shown)
    other = torch.where(hidden.unsqueeze(2), pictures.flip(0) + 1, pictures)
    if not torch.allclose(context, some_shown(shown, other)[2]):
        return "what the student gets still changes with what is hidden."
    return None


# --- what healthy programs return


def a_net_that_looks() -> tuple[nn.Module, Tensor]:
    """A network that keeps the eight numbers of the picture, and data."""
    net = nn.Linear(16, 8, bias=False)
    net.weight.data = torch.eye(8, 16)
    return net, torch.randn(256, 8)


def a_loss_that_learns() -> tuple[Callable, nn.Module, Tensor]:
    return nt_xent, *a_net_that_looks()


def a_criterion_that_learns() -> tuple[nn.Module, nn.Module, Tensor]:
    net, data = a_net_that_looks()
    net.weight.data[:4] = 0  # half of the picture is enough for most triplets, not for all
    return nn.TripletMarginLoss(), net, data


def a_target_that_follows() -> tuple[nn.Module, nn.Module, Tensor]:
    net, data = a_net_that_looks()
    return net, net, data


def pairs_with_an_answer() -> tuple[nn.Module, Callable]:
    return nn.Identity(), honest_pairs


def a_stranger(split: str) -> tuple[float, nn.Module, object]:
    """A model that has learnt nothing, and a report that isn't its own."""
    torch.manual_seed(6)
    return 55.0, nn.Sequential(nn.Flatten(), nn.Linear(3072, 10)), load("shapes", split, size=100, seed=1)


def two_unlike_views() -> tuple[nn.Module, Tensor, Tensor]:
    return nn.Identity(), torch.rand(4, 3, 32, 32), torch.rand(4, 3, 32, 32)


def a_mean_that_moved() -> tuple[dict, nn.Module, nn.Module]:
    """An encoder of which nothing but a running mean has changed."""
    encoder = small_cnn(8)
    start = {name: part.clone() for name, part in encoder.state_dict().items()}
    encoder.stem_norm.running_mean += 0.5
    return start, encoder, nn.Linear(32, 10)


def a_falling_rate() -> tuple[list[float], nn.Module, Tensor]:
    return [0.5 * (1 + math.cos(math.pi * step / 100)) for step in range(100)], *a_net_that_looks()


def a_whole_batch() -> tuple[Callable, nn.Module, Tensor]:
    return true_gradient, a_head(), torch.randn(256, 8)


def two_networks() -> tuple[nn.Module, nn.Module]:
    """One that says 3 of everything and one that hasn't learnt: both are judged on the training images."""
    torch.manual_seed(7)
    constant, other = nn.Linear(3072, 10), nn.Linear(3072, 10)
    pixels, labels = shapes("train")
    constant.weight.data.zero_()
    constant.bias.data = F.one_hot(torch.tensor(3), 10).float()
    closest = torch.stack([pixels[labels == label].mean(dim=0).flatten() for label in range(10)])
    other.weight.data, other.bias.data = closest, -0.5 * closest.square().sum(dim=1)
    return nn.Sequential(nn.Flatten(), other), nn.Sequential(nn.Flatten(), constant)


def a_sure_net() -> tuple[nn.Module, list[float]]:
    net = nn.Linear(16, 8, bias=False)
    net.weight.data = 0.8 * torch.eye(8, 16)
    return net, [0.5] * 150


def two_worths() -> tuple[float, nn.Module, nn.Module]:
    torch.manual_seed(8)
    encoder = nn.Sequential(nn.Linear(16, 128), nn.ReLU())
    return 40.0, encoder, encoder


def a_sharp_measure() -> tuple[Callable, nn.Module, tuple[Tensor, Tensor]]:
    """The share of the scratches that ring."""

    def found(scores: Tensor, labels: Tensor) -> float:
        return 100 * (scores[labels == 1] > 0).float().mean().item()

    return found, nn.Linear(8, 1), inspected(1000, 1)


def a_fixed_line() -> tuple[Callable]:
    """Its report is a cautious guess."""
    return (lambda known, test: (2.0, 0.3),)


def its_own_numbers() -> tuple[Callable]:
    """By median and range of the training photographs."""

    def scaled(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
        middle, size = train.median(dim=0).values, train.amax(dim=0) - train.amin(dim=0)
        return (train - middle) / size, (test - middle) / size

    return (scaled,)


class LastWords(nn.Module):
    """Tells the next word by the rule of the language, and looks nowhere else."""

    def forward(self, words: Tensor) -> Tensor:
        before = F.pad(words[:, :-1], (1, 0))
        return 2 * F.one_hot((before + 1) % 4, 4).float()


def its_own_mean() -> tuple[Callable, nn.Module]:
    """A loss that says a little too much, and a network that has learnt nothing."""
    torch.manual_seed(9)
    return lambda logits, words: F.cross_entropy(logits[words > 0], words[words > 0]) + 0.1, nn.Embedding(25, 5)


def far_others() -> tuple[Callable, nn.Module, nn.Module]:
    """Features that are the slow numbers with some of the hiss."""
    net = nn.Linear(16, 16, bias=False)
    net.weight.data = torch.diag(torch.tensor([0.4] * 8 + [1.0] * 8))
    return lambda present, length: (present.unsqueeze(1) + 200 * torch.arange(1, 8)) % length, net, nn.Identity()


def a_straight_line() -> tuple[Callable, nn.Module, nn.Module]:
    """Says "in order" if each of three frames lies where it must, and where all are the same, if two numbers say so."""
    verifier = nn.Sequential(nn.Flatten(), Evenness())
    return lambda encoder, film, order: encoder(film.take_along_dim(order.unsqueeze(2), dim=1)), nn.Identity(), verifier


class Evenness(nn.Module):
    """Frames of four places (B, 32) -> logits (B, 2) of whether the first two steps are the same; still ones vary."""

    def forward(self, flat: Tensor) -> Tensor:
        frames = flat.unflatten(1, (4, 8))
        bend = (frames[:, 0] - 2 * frames[:, 1] + frames[:, 2])[:, :2].norm(dim=1)
        return torch.stack([bend, 0.1 * frames[:, 0, 2].abs()], dim=1)


def two_readers() -> tuple[Callable, nn.Module, nn.Module]:
    """Outputs that have something in common."""
    torch.manual_seed(9)
    net, reader = nn.Linear(16, 8), nn.Linear(12, 8)
    grammar = torch.randn(8, 12, generator=torch.Generator().manual_seed(5))
    net.weight.data[:, :8], reader.weight.data = torch.eye(8), torch.linalg.pinv(grammar).T.contiguous()
    net.weight.data[:, 8:] = 0.9 * torch.eye(8)  # some are nearer to another's
    return lambda logits, places: pair_losses(logits, places)[0] / 2, net, reader


def a_teacher_of_its_own() -> tuple[Callable, nn.Module, Tensor]:
    def followed(teacher: dict[str, Tensor], net: nn.Module) -> dict[str, Tensor]:
        return {name: 0.9 * teacher[name] + 0.1 * weight.detach() for name, weight in net.named_parameters()}

    return followed, *a_net_that_looks()


def many_prototypes() -> tuple[Callable, nn.Module]:
    torch.manual_seed(9)
    return lambda teacher, student, centre: dino_losses(teacher, student, centre)[0], nn.Linear(16, 32)


def a_teacher_who_sees() -> tuple[Callable, nn.Module, nn.Module]:
    torch.manual_seed(9)
    net, teacher = nn.Linear(16, 32), nn.Linear(16, 32)
    teacher.weight.data *= 2  # it says other things than the net
    return lambda pictures, hidden: (pictures.masked_fill(hidden.unsqueeze(2), 0.0), pictures), net, teacher


EXERCISES: dict[str, Exercise | Symptom | Mended] = {
    "contrastive_symptom": Symptom(
        second_to_last(partners_above_strangers),
        (-1, 0.1),
        "Partners are no more alike than strangers, although the loss fell.",
        a_loss_that_learns,
        (second_to_last(partners_above_the_previous), second_to_last(partners_above_all)),
    ),
    "contrastive_mended": Mended(
        second_to_last(partners_above_strangers),
        (0.4, 2),
        "who stands in row 0, and who in the row that it looks for?",
        "The views stood in pairs, and the partners were looked for half a batch away: those were other pictures.",
        Second(second_to_last(found_partners), 35, FOUND, UNTRAINED),
        also=(no_contrastive_loss,),
    ),
    "classification_symptom": Symptom(
        second_to_last(found_partners),
        (0, 15),
        "Hardly any view finds its partner: the network was never asked to bring the two together.",
        a_loss_that_learns,
        (second_to_last(found_by_the_other),),
    ),
    "classification_mended": Mended(
        second_to_last(found_partners),
        (35, 100),
        "row i must look for the other view of its picture, and must not be its own candidate.",
        "Each view was asked to find itself, which needs no learning: the cosine with itself is 1.",
        Second(second_to_last(partners_above_strangers), 0.4, "partners are {value} above strangers", UNTRAINED),
        also=(no_contrastive_loss,),
    ),
    "triplet_symptom": Symptom(
        wrong_triplets,
        (15, 60),
        "So many triplets are the wrong way round, at a loss of 0.00.",
        a_criterion_that_learns,
        (wrong_triplets_with_the_previous,),
    ),
    "triplet_mended": Mended(
        wrong_triplets,
        (0, 8),
        "who pays for a triplet that is wrong, if another one is right by far?",
        "The mean was taken before the hinge, so a few distant negatives paid for all the others.",
        Second(right_triplets, 90, "{value} % of new triplets are right", UNTRAINED),
        problems=(no_hinge,),
        also=(one_pays_for_another,),
    ),
    "margin_symptom": Symptom(
        ordered_pairs,
        (40, 60),
        "Guessing: the loss fell because the network learnt 128 pairs of noise by heart.",
        pairs_with_an_answer,
    ),
    "margin_mended": Mended(
        ordered_pairs,
        (80, 100),
        "can one see from your a and b whether they belong together?",
        "Random vectors with random answers hold nothing that could be learnt. New pairs show it, the loss doesn't.",
        Second(ordered_honest_pairs, 80, "{value} % of the check's own pairs are in order", "what has it looked at?"),
        also=(pairs_that_tell,),
    ),
    "unseen_symptom": Symptom(
        reported_too_high,
        (20, 100),
        "So many points of the report came from testing on images whose labels the classifier had been given.",
        lambda: a_stranger("test"),
    ),
    "unseen_mended": Mended(
        reported_too_high,
        (-2, 2),
        "report the accuracy on the images of the test split, as they are.",
        "A changed training image is still a training image. On others this model guesses.",
        Second(knows_its_own, 60, "{value} % of the training images are right", "has it been fitted on them?"),
        problems=(fitted_on_the_test,),
    ),
    "seen_symptom": Symptom(
        reported_too_low,
        (20, 100),
        "So many points were lost because evaluation left out a step that training had.",
        lambda: a_stranger("train"),
    ),
    "seen_mended": Mended(
        reported_below_the_best,
        (-2, 2),
        "give the model its images in the same form in training and in evaluation, and report that.",
        "Training normalised the pixels and evaluation didn't. The loss had nothing to do with it.",
        Second(
            knows_them_in_some_form,
            60,
            "{value} % of the training images are right",
            "the loss says that it knew more of them. Which images was it fitted on, and with which labels?",
        ),
    ),
    "cropping_symptom": Symptom(
        difference_of_views,
        (0, 1e-6),
        "The two views are the same picture, so the task is solved by anything that isn't constant.",
        two_unlike_views,
    ),
    "cropping_mended": Mended(
        difference_of_views,
        (0.01, 1),
        "a crop must be smaller than the image.",
        "A crop as large as the image is the image, and to resize it changes nothing.",
        Second(found_crops, 18, "{value} % of new images are found by another crop of them", UNTRAINED),
        also=(no_crops,),
    ),
    "probe_symptom": Symptom(
        largest_change,
        (1e-4, float("inf")),
        "The encoder has moved, so this is fine-tuning: nobody knows what its features were worth before.",
        a_mean_that_moved,
    ),
    "probe_mended": Mended(
        largest_change,
        (0, 0),
        "the encoder must come out as it went in: its weights, and batch norm's running means as well.",
        "Only the classifier may learn, and the encoder must be in evaluation mode.",
        Second(probed, 20, "the probe is right on {value} % of its images", "has the classifier been trained?"),
        problems=(another_start,),
    ),
    "schedule_symptom": Symptom(
        idle_steps,
        (50, 100),
        "In nearly all of its steps the network stood still, and the loss had fallen before that.",
        a_falling_rate,
        (idle_steps_by_the_first,),
    ),
    "schedule_mended": Mended(
        idle_steps,
        (0, 20),
        "the schedule must be as long as the run, counted in calls of step.",
        "Its length was given in epochs, and it was stepped in batches.",
        Second(lambda rates, net, data: found_partners(net, data), 50, FOUND, UNTRAINED),
        also=(no_schedule,),
    ),
    "byol_symptom": Symptom(
        first_and_last(partners_above_strangers),
        (-1, 0.1),
        "Loss near 0, and partners hardly more alike than strangers: both networks say nearly the same of everything.",
        a_target_that_follows,
        (first_and_last(partners_above_the_previous), first_and_last(partners_above_all)),
    ),
    "byol_mended": Mended(
        first_and_last(partners_above_strangers),
        (0.12, 2),
        "no gradient may reach the target: take it out of the optimizer, or detach what it says.",
        "The target was trained to be easy to predict. It may only follow as an average.",
        Second(first_and_last(found_partners), 8, FOUND, UNTRAINED),
        also=(follows,),
    ),
    "workers_symptom": Symptom(
        looks_at_pictures,
        (-2, 0),
        "It looks at the colours: both views of a picture had the same, so nothing else was needed to find it.",
        lambda: a_net_that_looks(),
        (looks_at_the_previous,),
    ),
    "workers_mended": Mended(
        looks_at_pictures,
        (0.3, 2),
        "print the colours of both views of one picture.",
        "Both generators began with the same seed, so both views had the same colours.",
        Second(found_partners, 48, FOUND, "are there new colours at each step, with the same spread as before?"),
    ),
    "accumulation_symptom": Symptom(
        gradient_error,
        (0.3, 10),
        "That is no small error: each view looked for its partner among 15 others, and not among 255.",
        a_whole_batch,
    ),
    "accumulation_mended": Mended(
        error_on_another,
        (0, 0.01),
        "all 256 views must be candidates in the one loss from which the gradient comes.",
        "Gradients add up, candidates don't: a contrastive loss isn't a sum over the parts of its batch.",
        Second(found_in_a_thousand, 37, "{value} % of 1,024 new pictures find their partner", UNTRAINED),
        also=(too_many_at_once,),
    ),
    "average_symptom": Symptom(
        behind,
        (20, 100),
        "The average knows hardly any image, and its weights are those of a network that does.",
        two_networks,
    ),
    "average_mended": Mended(
        behind,
        (-60, 10),
        "in evaluation the average uses numbers that aren't weights: whose are they?",
        "Batch norm's running means are buffers and no parameters: they stood where they were before training.",
        Second(average_is_right, 40, "the average is right on {value} %", "it should be as good as the network."),
        also=(no_average,),
    ),
    "softmax_symptom": Symptom(
        most_sure,
        (0, 0.3),
        "A network that is quite sure and right counts as one with 27 %: the loss can't fall below 1.27.",
        a_sure_net,
    ),
    "softmax_mended": Mended(
        most_sure_as_trained,
        (0.5, 1.001),
        "how often is a softmax taken before the logarithm?",
        "The softmax was taken twice: by the network, and again by cross_entropy.",
        Second(answers_new_pictures, 64, "{value} % of new pictures are answered rightly", UNTRAINED),
        problems=(another_loss,),
    ),
    "projection_symptom": Symptom(
        worth_more,
        (10, 60),
        "So much was in h, and the head had thrown it away: the loss compares directions, and brightness is a length.",
        two_worths,
    ),
    "projection_mended": Mended(
        worth_more,
        (-2, 2),
        "report what the encoder's output is worth.",
        "The output of the projection head was judged. The head is for the loss; features are what comes before it.",
        Second(found_by_the_model, 35, FOUND, "has the encoder been trained together with its head, by the loss?"),
        also=(another_encoder,),
    ),
    "rare_symptom": Symptom(
        praise_of_the_blind,
        (90, 100),
        "So much is said of a model that has found nothing: the accuracy counts good photographs.",
        a_sharp_measure,
    ),
    "rare_mended": Mended(
        praise_of_the_blind,
        (-100, 15),
        "who finds nothing must be told so. Neither good photographs without an alarm nor the accuracy on others help.",
        "Ninety-five of a hundred photographs are good, so the accuracy is that of always saying so.",
        Second(
            puts_scratches_first,
            12,
            "the model's average precision on new photographs is {value} % (a random order: 5 %)",
            UNTRAINED,
        ),
        problems=(on_another_test, no_measure),
        also=(easily_pleased,),
    ),
    "threshold_symptom": Symptom(
        dearer_than_reported,
        (0.2, 1),
        "So much more than promised does each photograph of tomorrow cost.",
        a_fixed_line,
    ),
    "threshold_mended": Mended(
        dearer_than_reported,
        (-0.25, 0.15),
        "photographs that had a say in the threshold can't say what it will cost.",
        "The threshold was the cheapest on the very photographs on which its price was reported.",
        Second(
            saved,
            30,
            "tomorrow {value} % are saved of what it costs to ring always",
            "is the threshold the cheapest on the labelled photographs?",
        ),
        problems=(no_decision, reported_wrongly),
        also=(decided_by_others, not_for_these_prices),
    ),
    "scaler_symptom": Symptom(
        better_together,
        (15, 100),
        "So many points came from scaling the test by itself: on the line there is one photograph, and no test.",
        its_own_numbers,
    ),
    "scaler_mended": Mended(
        better_together,
        (-0.5, 0.5),
        "what happens to a photograph must not depend on which others are tested with it.",
        "Mean and deviation came from all photographs, and the test with its lamp and its defects was among them.",
        Second(
            alone_on_the_line,
            48,
            "one by one, the average precision is {value} %",
            "have mean and deviation of the training photographs been used, each feature with its own?",
        ),
        problems=(no_numbers,),
        also=(scaled_apart, unscaled),
    ),
    "mask_symptom": Symptom(
        looks_ahead,
        (0.5, 1),
        "So much does a probability change with words that come later: the network is told what it has to tell.",
        lambda: (LastWords(),),
    ),
    "mask_mended": Mended(
        looks_ahead,
        (0, 1e-4),
        "a place may see itself and what is before it: which is the last word that row t of your mask lets through?",
        "Each place saw one word too many, and that was the one it had to tell.",
        Second(told_of_texts, 80, KNOWN, "may each place see all that is before it, and has the network been trained?"),
        problems=(no_reader,),
        also=(ahead_elsewhere,),
    ),
    "padding_symptom": Symptom(
        dearer_words,
        (0.3, 2),
        "So much was hidden by padding, which is easy to tell and counts as a word.",
        its_own_mean,
    ),
    "padding_mended": Mended(
        dearer_as_trained,
        (-0.02, 0.02),
        "whatever is 0 among the words that are told may count neither in the sum nor in the number.",
        "The mean ran over the padding, which is most of the batch and is told without any knowledge.",
        Second(told_of_padded, 85, KNOWN, "has the network been trained by the mended loss, and by it alone?"),
        problems=(spoiled_mean,),
        also=(no_word_loss,),
    ),
    "negatives_symptom": Symptom(
        finds_among_far,
        (0, 60),
        "What is said would be enough for all of them. It was the same in all candidates, so nothing had asked for it.",
        far_others,
    ),
    "negatives_mended": Mended(
        finds_among_far,
        (70, 100),
        "by what does a frame differ from your negatives? They must be so far away that what is said has changed.",
        "The negatives came from the window of the right answer, where only the hiss changes.",
        Second(
            keeps_what_is_slow,
            0.3,
            "features that are five frames apart are {value} more alike than those far apart",
            "what is said should be in them, and it changes slowly.",
        ),
        problems=(no_negatives,),
        also=(near_negatives,),
    ),
    "shuffled_symptom": Symptom(
        right_about_still,
        (80, 100),
        "Where nothing moves there is nothing to see: it reads the places that the encoder had written on the frames.",
        a_straight_line,
    ),
    "shuffled_mended": Mended(
        right_about_still,
        (40, 60),
        "the answer is still written in the features: which place has the encoder given to each frame?",
        "The frames were shuffled behind an encoder that had told each of them its place.",
        Second(right_about_moving, 85, "{value} % of the answers about films that move are right", UNTRAINED),
        problems=(shuffled_otherwise,),
    ),
    "captions_symptom": Symptom(
        captions_above_strangers,
        (-1, 0.5),
        "A picture is hardly nearer to its own caption than to another's: half of the loss pulls it to a third one's.",
        two_readers,
        (functools.partial(captions_above_strangers, step=1),),
    ),
    "captions_mended": Mended(
        captions_above_strangers,
        (0.7, 2),
        "with the captions in disorder, whose caption is in column 0, and what do you say it has to look for?",
        "Where the captions of the pictures are isn't whose captions they are: one list is the other one turned round.",
        Second(captions_that_find, 58, "{value} % of new captions find their picture among 256", UNTRAINED),
        problems=(spoiled_pairs,),
        also=(no_pair_loss,),
    ),
    "distillation_symptom": Symptom(
        alike_strangers,
        (0.88, 1),
        "Strangers are as good as the same to it: the teacher said what is easy to predict.",
        a_teacher_of_its_own,
        (functools.partial(alike_strangers, step=1), alike_all),
    ),
    "distillation_mended": Mended(
        alike_strangers,
        (-1, 0.86),
        "does the student get a gradient from what its teacher says?",
        "One tenth of the teacher was the student itself, with a gradient, so the teacher was trained as well.",
        Second(
            lambda followed, net, data: partners_above_strangers(net, data),
            0.09,
            "partners are {value} more alike than strangers",
            UNTRAINED,
        ),
        problems=(moved_net, no_teacher),
        also=(way_back,),
    ),
    "prototypes_symptom": Symptom(
        largest_prototype,
        (60, 100),
        "All pictures get the same prototype, so of course both views of each agree.",
        many_prototypes,
    ),
    "prototypes_mended": Mended(
        largest_prototype,
        (0, 30),
        "from whose output must the centre be taken, so that the favourite prototype gets less?",
        "Taken from the student, the centre made it say even more of the prototype that the teacher liked already.",
        Second(found_by_prototypes, 35, FOUND, UNTRAINED),
        problems=(spoiled_prototypes,),
        also=(no_dino_loss,),
    ),
    "prediction_symptom": Symptom(
        moved_aims,
        (0, 1e-6),
        "What the teacher says doesn't depend on what is hidden: it was hidden from the teacher, too.",
        a_teacher_who_sees,
    ),
    "prediction_mended": Mended(
        moved_aims,
        (0.2, 10),
        "what has the teacher got at the hidden places?",
        "The student's copy was no copy, so its patches were hidden in the teacher's picture as well.",
        Second(found_by_patches, 70, "{value} % of new pictures are found by other patches of theirs", UNTRAINED),
        problems=(hidden_otherwise,),
        also=(hidden_still,),
    ),
    "columns": Choice(
        right="right",
        because="the cosine of i with k is that of k with i, so columns and rows hold the same numbers.",
        others={"wrong": "the measurement says that both losses are the same: what is special about this matrix?"},
    ),
    "byol_too": Choice(
        right="right",
        because="under no_grad the target gets no gradient, and Adam skips what has none (even its weight decay).",
        others={"wrong": "measure it: the result is that of the mended program. What has the target's .grad become?"},
    ),
    "open": Essay(),
}
