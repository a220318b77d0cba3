"""The clinic: programs that run, print a falling loss and are wrong. The symptom is measured, and then it must be gone.

An answer is the program itself, so a check runs it: the broken one with the student's ruler and with its own, the
mended one with its own.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from ssl_course.checks.engine import (
    Answer,
    Choice,
    Essay,
    Exercise,
    Unfit,
    Verdict,
    attempt,
    blank,
    brief,
    fixed_state,
    is_number,
    open_,
)


@dataclass(frozen=True)
class Symptom:
    """Measured on the broken program: the answer is (program, ruler), and the ruler takes what the program returns.

    Attributes:
        ruler: the right measurement.
        sick: from which values on (smallest, largest) the program counts as broken.
        means: what such a value says.
    """

    ruler: Callable[..., float]
    sick: tuple[float, float]
    means: str

    def judge(self, answer: Answer) -> Verdict:
        if not isinstance(answer, tuple) or len(answer) != 2 or not all(map(callable, answer)):
            return open_() if blank(answer) else Verdict("wrong", "hand over the program and your function.")
        program, ruler = answer
        result, verdict = attempt(lambda: as_tuple(program()))
        if verdict is None:
            found, verdict = attempt(ruler, *result)
        if verdict is not None:
            return verdict
        if not is_number(found):
            return Verdict(
                "wrong", f"the function must return a number, not {type(found).__name__}: is there a `return`?"
            )
        true, verdict = measured(self.ruler, result)
        if verdict is not None:
            return verdict
        if abs(float(found) - true) > 0.02 * max(1.0, abs(true)):
            return Verdict("wrong", f"you measure {float(found):.3g}, it is {true:.3g}: compare with what is asked.")
        if not self.sick[0] <= true <= self.sick[1]:
            return Verdict("wrong", f"{true:.3g} is not what the broken program gives: has it been changed already?")
        return Verdict("right", f"{true:.3g}. {self.means}")


@dataclass(frozen=True)
class Mended:
    """The mended program: it is run, and the symptom must be gone.

    Attributes:
        ruler: the measurement of the symptom.
        healthy: which values (smallest, largest) a right program gives.
        still: what it means if the value isn't there.
        because: what was wrong.
    """

    ruler: Callable[..., float]
    healthy: tuple[float, float]
    still: str
    because: str

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
        value, verdict = measured(self.ruler, as_tuple(result))
        if verdict is not None:
            return verdict
        if not self.healthy[0] <= value <= self.healthy[1]:
            return Verdict("wrong", f"the symptom is still there ({value:.3g}): {self.still}")
        return Verdict("right", f"the symptom is gone ({value:.3g}). {self.because}")


def measured(ruler: Callable[..., float], result: tuple) -> tuple[float | None, Verdict | None]:
    """What a ruler says of a program's result, or the verdict that says why it can't be measured."""
    try:
        with fixed_state():
            return ruler(*result), None
    except Unfit as unfit:
        return None, Verdict("wrong", str(unfit))
    except Exception as error:  # a result of another form; the rulers themselves are tried on every program
        sentence = "it must return the same things as the broken program, in the same order."
        return None, Verdict("wrong", f"what it returns can't be measured ({brief(error)}): {sentence}")


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
    forms = (pixels, (pixels - mean) / deviation)  # training and evaluation may normalise both, or neither
    return max(percent_right(model, form, train.labels) for form in forms) - reported


def difference_of_views(view1, view2) -> float:
    """How far two views are apart; Unfit if they aren't of the same pictures, as their mean colours tell."""
    colours = torch.stack([view.mean(dim=(2, 3)).flatten() for view in (view1, view2)])  # (2, B C)
    if not torch.corrcoef(colours)[0, 1] > 0.5:
        raise Unfit("the two views don't show the same pictures: both must be crops of one batch.")
    return (view1 - view2).abs().mean().item()


def largest_change(start, encoder) -> float:
    now = encoder.state_dict()
    return max((now[name].float() - start[name].float()).abs().max().item() for name in start)


def rises(rates) -> float:
    return float(sum(later > earlier for earlier, later in itertools.pairwise(rates)))


def rises_of_one_that_falls(rates) -> float:
    """In how many steps the rate rises; Unfit if it never falls."""
    if not min(rates) < max(rates) / 2:
        raise Unfit("the rate hardly changes: a schedule takes it from its largest value to nearly 0.")
    return rises(rates)


EXERCISES: dict[str, Exercise | Symptom | Mended] = {
    "contrastive_symptom": Symptom(
        partners_above_strangers,
        (-1, 0.1),
        "Partners are no more alike than strangers, although the loss fell and fell.",
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
    ),
    "triplet_mended": Mended(
        notices_a_swap,
        (0.05, 100),
        "the value that is returned must depend on near and far.",
        "What was returned was the size of the vectors. It falls, for a network can always make them smaller.",
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
        reported_too_low,
        (-2, 2),
        "give the model its images in the same form in training and in evaluation, and report that.",
        "Training normalised the pixels and evaluation didn't. The loss had nothing to do with it.",
    ),
    "cropping_symptom": Symptom(
        difference_of_views,
        (0, 1e-6),
        "The two views are the same picture, so the task is solved by anything that isn't constant.",
    ),
    "cropping_mended": Mended(
        difference_of_views,
        (0.01, 1),
        "a crop must be smaller than the image.",
        "A crop as large as the image is the image, and to resize it changes nothing.",
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
        rises_of_one_that_falls,
        (0, 0),
        "the length of the schedule must be the number of times that step is called.",
        "One half wave over the whole run: T_max is epochs times steps in an epoch.",
    ),
    "byol_symptom": Symptom(
        partners_above_strangers,
        (-1, 0.12),
        "Loss near 0, and partners hardly more alike than strangers: both networks say nearly the same of everything.",
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
