"""The clinic: programs that run, print a falling loss and are wrong. The symptom is measured, and then it must be gone.

An answer is the program itself, so a check runs it: the broken one with the student's ruler and with its own, the
mended one with its own.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from ssl_course.checks.engine import Answer, Choice, Essay, Exercise, Verdict, attempt, blank, is_number, open_


@dataclass(frozen=True)
class Symptom:
    """Measured on the broken program: the answer is (program, ruler), and the ruler takes what the program returns.

    Attributes:
        ruler: the right measurement.
        sick: from which values on (smallest, largest) the program counts as broken.
        means: what such a value says.
        healthy: makes what a program without the symptom returns, where the symptom's value is near 0: the ruler must
            notice the difference.
    """

    ruler: Callable[..., float]
    sick: tuple[float, float]
    means: str
    healthy: Callable[[], tuple] | None = None

    def judge(self, answer: Answer) -> Verdict:
        if not isinstance(answer, tuple) or len(answer) != 2 or not all(map(callable, answer)):
            return open_() if blank(answer) else Verdict("wrong", "hand over the program and your function.")
        values, verdict = attempt(self._measure_twice, *answer)
        if verdict is not None:
            return verdict
        found, true = values
        if not is_number(found):
            return Verdict(
                "wrong", f"the function must return a number, not {type(found).__name__}: is there a `return`?"
            )
        if not near(found, true):
            return Verdict("wrong", f"you measure {float(found):.3g}, it is {true:.3g}: compare with what is asked.")
        if self.healthy is not None and (verdict := self._on_the_healthy(answer[1])) is not None:
            return verdict
        if not self.sick[0] <= true <= self.sick[1]:
            return Verdict("wrong", f"{true:.3g} is not what the broken program gives: has it been changed already?")
        return Verdict("right", f"{true:.3g}. {self.means}")

    def _on_the_healthy(self, ruler: Callable) -> Verdict | None:
        values, verdict = attempt(self._measure_twice, self.healthy, ruler)
        if verdict is not None:
            return verdict
        found, true = values
        if is_number(found) and near(found, true):
            return None
        measured = f"{float(found):.3g}" if is_number(found) else type(found).__name__
        return Verdict(
            "wrong",
            f"right for this program, but of a healthy one you measure {measured} where it is {true:.3g}: the function "
            "must measure what it is given.",
        )

    def _measure_twice(self, program: Callable, ruler: Callable) -> tuple[object, float]:
        result = as_tuple(program())
        return ruler(*result), self.ruler(*result)


@dataclass(frozen=True)
class Mended:
    """The mended program: it is run, and the symptom must be gone.

    Attributes:
        ruler: the measurement of the symptom.
        healthy: which values (smallest, largest) a right program gives.
        still: what it means if the value isn't there.
        because: what was wrong.
        also: what else must hold of what the program returns: says what is wrong, or None.
    """

    ruler: Callable[..., float]
    healthy: tuple[float, float]
    still: str
    because: str
    also: Callable[..., str | None] | None = None

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
        if verdict is not None:
            kinds = ", ".join(type(part).__name__ for part in as_tuple(result))
            return Verdict("wrong", f"it must return the same things as the broken program, and returns {kinds}.")
        value, problem = measured
        if not self.healthy[0] <= value <= self.healthy[1]:
            return Verdict("wrong", f"the symptom is still there ({value:.3g}): {self.still}")
        if problem is not None:
            return Verdict("wrong", f"the symptom is gone ({value:.3g}), but {problem}")
        return Verdict("right", f"the symptom is gone ({value:.3g}). {self.because}")

    def _measure(self, result: tuple) -> tuple[float, str | None]:
        value = float(self.ruler(*result))
        return value, None if self.also is None else self.also(*result)


def near(found: object, true: float) -> bool:
    """Whether a measured number is the true one; not-a-number never is."""
    return abs(float(found) - true) <= 0.02 * max(1.0, abs(true))


def as_tuple(result: object) -> tuple:
    return result if isinstance(result, tuple) else (result,)


# --- the rulers


def two_views(net, data):
    """Outputs (N, D) for two views of all the data, scaled to length 1."""
    torch.manual_seed(1)
    noise = [torch.cat([data + 0.3 * torch.randn(len(data), 8), 2 * torch.randn(len(data), 8)], dim=1) for _ in "12"]
    with torch.no_grad():
        return [F.normalize(net(view), dim=1) for view in noise]


def partners_above_strangers(net, data) -> float:
    z1, z2 = two_views(net, data)
    return ((z1 * z2).sum(dim=1).mean() - (z1 * z2.roll(1, dims=0)).sum(dim=1).mean()).item()


def found_partners(net, data) -> float:
    z1, z2 = two_views(net, data)
    return 100 * ((z1 @ z2.T).argmax(dim=1) == torch.arange(len(z1))).float().mean().item()


def notices_a_swap(criterion, net) -> float:
    torch.manual_seed(1)
    anchor, positive, negative = torch.randn(3, 20, 8)
    return (criterion(anchor, positive, negative) - criterion(anchor, negative, positive)).abs().item()


@torch.no_grad()
def ordered_pairs(net, pairs) -> float:
    a, b, same = pairs(1000, seed=1)
    distance = (net(a) - net(b)).norm(dim=1)
    return 100 * (distance[same].unsqueeze(1) < distance[~same]).float().mean().item()


@torch.no_grad()
def percent_right(model, pixels, labels) -> float:
    return 100 * (model.eval()(pixels).argmax(dim=1) == labels).float().mean().item()


def reported_too_high(reported, model, test) -> float:
    return reported - percent_right(model, test.images.float() / 255, test.labels)


def reported_too_low(reported, model, train) -> float:
    pixels = train.images.float() / 255
    mean, deviation = pixels.mean(dim=(0, 2, 3), keepdim=True), pixels.std(dim=(0, 2, 3), keepdim=True)
    return percent_right(model, (pixels - mean) / deviation, train.labels) - reported


IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # mean and deviation of red, green and blue


def reported_below_the_best(reported, model, train) -> float:
    """The same, where nobody knows in which form a mended program gives the images to its model.

    As they are, normalised by their own numbers, to [-1, 1], or by ImageNet's: the best form is the one of training.
    """
    pixels = train.images.float() / 255
    mean, deviation = (torch.tensor(numbers).view(3, 1, 1) for numbers in IMAGENET)
    others = [
        percent_right(model, form, train.labels) for form in (pixels, 2 * pixels - 1, (pixels - mean) / deviation)
    ]
    return max(reported_too_low(reported, model, train), *(other - reported for other in others))


def knows_little(reported, model, train) -> str | None:
    if reported < 20:
        return f"{float(reported):.0f} % is hardly more than guessing, on images whose labels it was given."
    return None


def difference_of_views(view1, view2) -> float:
    return (view1 - view2).abs().mean().item()


def no_crops(view1, view2) -> str | None:
    """Crops are smooth, differ in colour from image to image, and are alike where they are of one image."""
    if view1.ndim != 4 or view1.shape != view2.shape:
        return f"two batches of views were expected, got {tuple(view1.shape)} and {tuple(view2.shape)}."
    for view in (view1, view2):
        steps = (view[..., 1:] - view[..., :-1]).abs().mean()
        spread = (view - view.mean(dim=(2, 3), keepdim=True)).abs().mean()
        if steps > 0.6 * spread or view.mean(dim=(2, 3)).std(dim=0).mean() < 0.05:
            return "a view is noise: both must be crops of the images."
    coarse = [F.adaptive_avg_pool2d(view, 4).flatten(1) for view in (view1, view2)]  # (B, 48) each
    alike = F.cosine_similarity(*(part - part.mean(dim=0) for part in coarse)).mean()
    return "row i of the two views isn't the same image: crop the same batch twice." if alike < 0.12 else None


def largest_change(start, encoder) -> float:
    now = encoder.state_dict()
    return max((now[name].float() - start[name].float()).abs().max().item() for name in start)


def rises(rates) -> float:
    return float(sum(later > earlier for earlier, later in itertools.pairwise(rates)))


def no_schedule(rates) -> str | None:
    """A cosine schedule begins high and ends near 0, whether it is stepped in batches or in epochs."""
    first, last = float(rates[0]), float(rates[-1])
    if first <= 0 or len(rates) < 10:
        return f"{len(rates)} rates from {first:g} on are no schedule of a whole run."
    if first == last:
        return f"the rate never falls: it is {first:g} from the first step to the last. Keep the schedule, and mend it."
    if last > 0.1 * first:
        return f"at the end the rate is {last:g} still, of {first:g} at first: the schedule is longer than the run."
    return None


def near_costs_more(criterion, net) -> str | None:
    """A loss on triplets must be smaller when the positive is the near one."""
    torch.manual_seed(2)
    anchor, negative, step = torch.randn(3, 20, 8)
    if not criterion(anchor, anchor + 0.1 * step, negative) < criterion(anchor, negative, anchor + 0.1 * step):
        return "it is the wrong way round: a positive that is far away must cost more than one that is near."
    return None


# --- what healthy programs return


def a_net_that_looks() -> tuple[nn.Module, torch.Tensor]:
    """A network that keeps the eight numbers of the picture, and data."""
    net = nn.Linear(16, 8, bias=False)
    net.weight.data = torch.eye(8, 16)
    return net, torch.randn(256, 8)


def a_loss_that_notices() -> tuple[nn.Module, nn.Module]:
    return nn.TripletMarginLoss(), nn.Identity()


def two_unlike_views() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.rand(4, 3, 32, 32), torch.rand(4, 3, 32, 32)


EXERCISES: dict[str, Exercise | Symptom | Mended] = {
    "contrastive_symptom": Symptom(
        partners_above_strangers,
        (-1, 0.1),
        "Partners are no more alike than strangers, although the loss fell and fell.",
        a_net_that_looks,
    ),
    "contrastive_mended": Mended(
        partners_above_strangers,
        (0.4, 2),
        "which of the two, sum and positives, belongs above the line of the fraction?",
        "Numerator and denominator were swapped: the loss was lowest when the positives were as small as they can be.",
    ),
    "classification_symptom": Symptom(
        found_partners,
        (0, 15),
        "Hardly any view finds its partner: the network was never asked to bring the two together.",
    ),
    "classification_mended": Mended(
        found_partners,
        (35, 100),
        "row i must look for the other view of its image, and must not be its own candidate.",
        "Each view was asked to find itself, which needs no learning: the cosine with itself is 1.",
    ),
    "triplet_symptom": Symptom(
        notices_a_swap,
        (0, 0),
        "Positive and negative can change places and it doesn't notice: near and far don't reach the return.",
        a_loss_that_notices,
    ),
    "triplet_mended": Mended(
        notices_a_swap,
        (0.05, 100),
        "the value that is returned must depend on near and far.",
        "What was returned was the size of the vectors. It falls, for a network can always make them smaller.",
        near_costs_more,
    ),
    "margin_symptom": Symptom(
        ordered_pairs,
        (40, 60),
        "Guessing: the loss fell because the network learnt 128 pairs of noise by heart.",
    ),
    "margin_mended": Mended(
        ordered_pairs,
        (80, 100),
        "can one see from your a and b whether they belong together?",
        "Random vectors with random answers hold nothing that could be learnt. New pairs show it, the loss doesn't.",
    ),
    "unseen_symptom": Symptom(
        reported_too_high,
        (5, 100),
        "So many points of the report came from testing on images whose labels the classifier had been given.",
    ),
    "unseen_mended": Mended(
        reported_too_high,
        (-2, 2),
        "report the accuracy on the images of the test split, as they are.",
        "A changed training image is still a training image.",
    ),
    "seen_symptom": Symptom(
        reported_too_low,
        (8, 100),
        "So many points were lost because evaluation left out a step that training had.",
    ),
    "seen_mended": Mended(
        reported_below_the_best,
        (-2, 2),
        "give the model its images in the same form in training and in evaluation, and report that.",
        "Training normalised the pixels and evaluation didn't. The loss had nothing to do with it.",
        knows_little,
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
        no_crops,
    ),
    "probe_symptom": Symptom(
        largest_change,
        (1e-4, float("inf")),
        "The encoder has moved, so this is fine-tuning: nobody knows what its features were worth before.",
    ),
    "probe_mended": Mended(
        largest_change,
        (0, 0),
        "the encoder must come out as it went in: its weights, and batch norm's running means as well.",
        "Only the classifier may learn, and the encoder must be in evaluation mode.",
    ),
    "schedule_symptom": Symptom(
        rises,
        (1, float("inf")),
        "The rate goes up and down like a wave: its length was given in epochs and it is stepped in batches.",
    ),
    "schedule_mended": Mended(
        rises,
        (0, 0),
        "the length of the schedule must be the number of times that step is called.",
        "One half wave over the whole run: T_max is epochs times steps in an epoch.",
        no_schedule,
    ),
    "byol_symptom": Symptom(
        partners_above_strangers,
        (-1, 0.12),
        "Loss near 0, and partners hardly more alike than strangers: both networks say nearly the same of everything.",
        a_net_that_looks,
    ),
    "byol_mended": Mended(
        partners_above_strangers,
        (0.18, 2),
        "no gradient may reach the target: take it out of the optimizer, or detach what it says.",
        "The target was trained to be easy to predict. It may only follow as an average.",
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
