"""Exercises of lesson 00: what makes a judgement of an encoder worth believing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
    Verdict,
    attempt,
    blank,
    by_hand,
    is_number,
    open_,
)
from ssl_course.data import load
from ssl_course.evaluate import extract_features, factor_scores
from ssl_course.networks import small_cnn
from ssl_course.train import pretrain


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


# --- the probe's gradient, functions of (weight, h, labels, strength)


def probe_gradient(weight: Tensor, h: Tensor, labels: Tensor, strength: float) -> Tensor:
    return errors(weight, h, labels).T @ h / len(h) + strength * weight


def errors(weight: Tensor, h: Tensor, labels: Tensor) -> Tensor:
    """Probabilities less ones at the labels, (N, K)."""
    return (h @ weight.T).softmax(dim=1) - F.one_hot(labels, len(weight))


GRADIENT = {
    "the penalty has no part in it: the derivative of λ/2 · ‖W‖² is λW.": (
        lambda weight, h, labels, strength: errors(weight, h, labels).T @ h / len(h)
    ),
    "the gradient is summed over the images: the loss is a mean, so divide by their number N.": (
        lambda weight, h, labels, strength: errors(weight, h, labels).T @ h + strength * weight
    ),
    "the penalty is divided by N as well: it stands beside the mean, not in it.": (
        lambda weight, h, labels, strength: (errors(weight, h, labels).T @ h + strength * weight) / len(h)
    ),
    "the penalty counts twice: the 2 of the square and the 1/2 before it cancel.": (
        lambda weight, h, labels, strength: probe_gradient(weight, h, labels, 2 * strength)
    ),
    "the penalty counts half: the 2 of the square and the 1/2 before it cancel.": (
        lambda weight, h, labels, strength: probe_gradient(weight, h, labels, strength / 2)
    ),
    "the penalty's sign is turned round: a step against the gradient must make W smaller.": (
        lambda weight, h, labels, strength: probe_gradient(weight, h, labels, -strength)
    ),
    "the sign is turned round: probabilities minus ones, not ones minus probabilities.": (
        lambda weight, h, labels, strength: -errors(weight, h, labels).T @ h / len(h) + strength * weight,
        lambda weight, h, labels, strength: -probe_gradient(weight, h, labels, strength),
    ),
    "the labels have no part in it: take 1 off the probability of each image's own class.": (
        lambda weight, h, labels, strength: (h @ weight.T).softmax(dim=1).T @ h / len(h) + strength * weight
    ),
    "the softmax is missing: the logits themselves stand where the probabilities belong.": (
        lambda weight, h, labels, strength: (
            (h @ weight.T - F.one_hot(labels, len(weight))).T @ h / len(h) + strength * weight
        )
    ),
    "the softmax runs over the images (dim=0): it runs over the classes (dim=1).": (
        lambda weight, h, labels, strength: (
            ((h @ weight.T).softmax(dim=0) - F.one_hot(labels, len(weight))).T @ h / len(h) + strength * weight
        )
    ),
    "the mean is taken over images and classes: F.cross_entropy divides by N alone.": (
        lambda weight, h, labels, strength: errors(weight, h, labels).T @ h / (len(h) * len(weight)) + strength * weight
    ),
    "it is the gradient at h: the one at W was asked for.": (
        lambda weight, h, labels, strength: errors(weight, h, labels) @ weight / len(h)
    ),
}


def gradient_cases() -> list[tuple]:
    return [
        (drawn(3, 4, seed=1), drawn(6, 4, seed=2), torch.tensor([0, 2, 1, 1, 0, 2]), 0.5),
        (drawn(4, 2, seed=3), 2 * drawn(5, 2, seed=4), torch.tensor([3, 0, 0, 1, 2]), 0.2),
        (torch.zeros(2, 3), drawn(7, 3, seed=5), torch.tensor([0, 1, 1, 1, 0, 1, 1]), 1.0),
    ]


# --- test images that the training part knows, functions of (train, test), uint8 images (N, C, H, W) and (M, C, H, W)


def equal(train: Tensor, test: Tensor) -> Tensor:
    """Which pairs are equal in every pixel, (M, N)."""
    return (test.flatten(1).unsqueeze(1) == train.flatten(1).unsqueeze(0)).all(dim=2)


def leaked(train: Tensor, test: Tensor) -> Tensor:
    return (equal(train, test) | equal(train, test.flip(3))).any(dim=1)


def position_by_position(train: Tensor, test: Tensor) -> Tensor:
    count = min(len(train), len(test))
    found = torch.zeros(len(test), dtype=torch.bool)
    for one in (test, test.flip(3)):
        found[:count] |= (train[:count] == one[:count]).flatten(1).all(dim=1)
    return found


def seen_in_training(train: Tensor, test: Tensor) -> Tensor:
    """For each training image whether it is in the test part: the question the other way round, cut to M."""
    return leaked(test, train)


def by_bag_of_pixels(train: Tensor, test: Tensor) -> Tensor:
    return equal(train.flatten(1).sort().values, test.flatten(1).sort().values).any(dim=1)


LEAKED = {
    "mirrored copies aren't found: compare with test.flip(3) as well.": (
        lambda train, test: equal(train, test).any(dim=1)
    ),
    "only mirrored copies are found: exact ones leak, too.": (
        lambda train, test: equal(train, test.flip(3)).any(dim=1)
    ),
    "images are mirrored top to bottom, dim 2: left and right change places along dim 3.": (
        lambda train, test: (equal(train, test) | equal(train, test.flip(2))).any(dim=1)
    ),
    "images turned upside down count as well: only left and right were asked for.": (
        lambda train, test: (equal(train, test) | equal(train, test.flip(3)) | equal(train, test.flip(2))).any(dim=1)
    ),
    "each test image is compared only with the training image of the same number: compare it with all.": (
        position_by_position
    ),
    "the answer is turned round: True means that the image is known.": lambda train, test: ~leaked(train, test),
    "one equal pixel is enough for it: all must be equal.": (
        lambda train, test: (test.flatten(1).unsqueeze(1) == train.flatten(1).unsqueeze(0)).any(dim=2).any(dim=1)
    ),
    "the pixels are compared without their places (sums, means or sorted values): another image may have the same.": (
        by_bag_of_pixels,
        lambda train, test: torch.isin(test.flatten(1).sum(dim=1), train.flatten(1).sum(dim=1)),
        lambda train, test: torch.isin(test.float().mean(dim=(1, 2, 3)), train.float().mean(dim=(1, 2, 3))),
    ),
    "it says of each training image whether the test part has it: the test images were asked about.": (
        seen_in_training
    ),
}


def leaked_cases() -> list[tuple]:
    def images(count: int, seed: int) -> Tensor:
        return torch.randint(256, (count, 3, 4, 4), generator=torch.Generator().manual_seed(seed)).byte()

    train, test = images(7, 1), images(5, 2)
    test[1], test[3] = train[5], train[6].flip(1)  # a copy, and one that is upside down
    others = images(6, 4)
    others[0], others[4] = train[0], train[3].flip(2)  # a copy at its old place, and a mirrored one
    others[5] = train[2].flatten().roll(5).view(3, 4, 4)  # the same pixels at other places
    longer = images(9, 5)
    longer[2], longer[8] = train[1].flip(2), train[2]
    return [(train, test), (train, others), (train, longer)]


# --- a pretext task, a function of images (B, 3, 32, 32) in [0, 1]


class Pretext(nn.Module):
    """Encoder and a classifier for pseudo-labels that a function makes from the images."""

    def __init__(self, encoder: nn.Module, pseudo_labels: Callable[[Tensor], Tensor], classes: int):
        super().__init__()
        self.encoder, self.pseudo_labels = encoder, pseudo_labels
        self.classifier = nn.Linear(encoder.dim, classes)

    def views(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return images, self.pseudo_labels(images)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(self.classifier(self.encoder(images)), labels)


def quarters_of_x(images: Tensor) -> Tensor:
    """In which of four strips the shape lies: the mean column of what differs from the corner's colour."""
    different = (images - images[:, :, :1, :1]).abs().sum(dim=(1, 2))  # (B, W)
    column = (different * torch.arange(images.shape[3])).sum(dim=1) / different.sum(dim=1)  # (B,)
    return torch.bucketize(column, torch.tensor([14.0, 15.5, 17.0]))


@dataclass(frozen=True)
class Task:
    """An exercise whose answer makes pseudo-labels: an encoder is trained on them, and must know more of a factor.

    Attributes:
        factor: which one must be readable from the trained encoder.
        enough: the R^2 that it must reach.
        floor: about what the untrained encoder has.
        other: a factor that is easily taken for it.
    """

    factor: str
    enough: float
    floor: float
    other: str

    def judge(self, answer: Answer) -> Verdict:
        if blank(answer):
            return open_()
        if not callable(answer):
            return Verdict("wrong", "a function was expected: pass it without brackets.")
        train = load("shapes", size=1200, seed=5)
        images = train.images.float() / 255
        kept = images.clone()
        twice, verdict = attempt(lambda: (answer(images), answer(kept.clone())))
        if verdict is not None:
            return verdict
        labels, again = twice
        problem = self._form(labels, again, len(images)) or self._looks(answer, kept, images, labels)
        return Verdict("wrong", problem) if problem else self._trained(train.images, labels.long())

    def _form(self, labels: object, again: object, count: int) -> str | None:
        if labels is None:
            return "it returns nothing: is there a `return` at its end?"
        if not isinstance(labels, Tensor) or tuple(labels.shape) != (count,):
            got = f"a tensor {tuple(labels.shape)}" if isinstance(labels, Tensor) else type(labels).__name__
            return f"one pseudo-label for each image was expected, a tensor ({count},), got {got}."
        if labels.is_floating_point() or labels.is_complex():
            return "pseudo-labels are classes: whole numbers were expected, make them with `.long()`."
        if labels.long().min() < 0 or labels.long().max() > 3:
            return f"pseudo-labels from 0 to 3 were expected, got {int(labels.min())} to {int(labels.max())}."
        if len(labels.unique()) == 1:
            return "all images get the same pseudo-label: a constant answer solves the task, and teaches nothing."
        if not isinstance(again, Tensor) or not torch.equal(labels, again):
            return "the same images get other pseudo-labels the second time: what is drawn at random can't be learnt."
        return None

    def _looks(self, answer: Callable, kept: Tensor, images: Tensor, labels: Tensor) -> str | None:
        if not torch.equal(kept, images):
            return "it changes the images in place: work on copies, the encoder needs them as they are."
        few, verdict = attempt(answer, kept[600:].clone())
        if verdict is not None:
            return verdict.sentence
        if not isinstance(few, Tensor) or few.shape != labels[600:].shape:
            return "with a smaller batch it gives another number of pseudo-labels: one for each image is needed."
        if (few == labels[600:]).float().mean() < 0.9:
            return (
                "an image's pseudo-label depends on the others in its batch, on its place there or on chance: the "
                "network sees one image at a time."
            )
        return None

    def _trained(self, images: Tensor, labels: Tensor) -> Verdict:
        scores = factors_after(images, labels)
        reached, other = scores[self.factor], scores[self.other]
        told = f"R² of {self.factor} is {reached:.2f} (untrained about {self.floor})"
        if reached >= self.enough:
            return Verdict("right", f"{told}: nobody wrote a label, and the network knows where the shape is.")
        if other >= self.enough:
            return Verdict("wrong", f"looks as if it asks for {self.other}: {told}, that of {self.other} {other:.2f}.")
        if scores["ground"] > 0.9 and scores["contrast"] > 0.88:
            return Verdict("wrong", f"looks as if it asks for brightness or colour, which were known before: {told}.")
        return Verdict("wrong", f"{told}; {self.enough} is asked for: can your pseudo-label be told from the place?")


def factors_after(images: Tensor, labels: Tensor) -> dict[str, float]:
    """R^2 of the factors after four passes over images uint8 (N, 3, 32, 32) with their pseudo-labels (N,)."""
    by_image = {image.numpy().tobytes(): label for image, label in zip(images, labels, strict=True)}

    def looked_up(batch: Tensor) -> Tensor:
        whole = (255 * batch).round().byte().contiguous()
        return torch.stack([by_image[image.numpy().tobytes()] for image in whole])

    torch.manual_seed(0)
    method = Pretext(small_cnn(16), looked_up, 4)
    quiet = {"device": "cpu", "precision": "fp32", "threads": 1, "watch": False, "progress": False}
    pretrain(method, images, epochs=4, batch_size=30, lr=2e-3, **quiet)
    known, asked = load("shapes", size=1000, seed=6), load("shapes", "test", size=400, seed=6)
    h = [extract_features(method.encoder, part.images) for part in (known, asked)]
    return factor_scores(h[0], known.factors, h[1], asked.factors)


# --- a report of several runs: what each gave, their mean and their deviation


@dataclass(frozen=True)
class Runs:
    """An exercise whose answer is (values, mean, deviation) of runs that the student has made.

    Attributes:
        least: how many runs there must be.
        floor: up to here, a value is that of an untrained network.
    """

    least: int
    floor: float

    def judge(self, answer: Answer) -> Verdict:
        if blank(answer) or (isinstance(answer, tuple) and any(map(blank, answer))):
            return open_("not yet: make the runs, and put their values, mean and deviation into the cell above.")
        if not isinstance(answer, tuple | list) or len(answer) != 3:
            return Verdict("wrong", "three things were expected: (values, mean, deviation).")
        numbers = list(reading_of(answer[0]))
        if not all(map(is_number, [*numbers, answer[1], answer[2]])) or not numbers:
            return Verdict("wrong", "the values must be a list of numbers, mean and deviation a number each.")
        values = torch.tensor([float(value) for value in numbers], dtype=torch.float64)
        problem = self._values(values) or summary_problem(values, float(answer[1]), float(answer[2]))
        if problem:
            return Verdict("wrong", problem)
        return Verdict("right", f"{float(answer[1]):.3f} ± {float(answer[2]):.3f} over {len(values)} seeds.")

    def _values(self, values: Tensor) -> str | None:
        if len(values) < self.least:
            return f"only {len(values)} runs: a spread needs at least {self.least}."
        if not values.isfinite().all() or values.max() > 1:
            return "R² is at most 1: not per cent, and no nan."
        if len(values.unique()) < len(values):
            return (
                "looks as if runs were made with the same seed: their values are equal to the last digit. Set "
                "torch.manual_seed(seed) before the network is made, and hand the seed to pretrain."
            )
        if values.mean() <= self.floor:
            return f"a mean of {values.mean():.2f} is about the untrained encoder's: was the trained one judged?"
        return None


def reading_of(values: object) -> Sequence:
    """The numbers of a list, a tuple, a tensor or an array, or of the values of a dict."""
    if isinstance(values, dict):
        values = values.values()
    if isinstance(values, str | bytes) or not hasattr(values, "__iter__"):
        return []
    if isinstance(values, Tensor) and (values.ndim != 1 or values.is_complex() or values.layout != torch.strided):
        return []
    return list(values)


SPREADS = {
    "the squares are divided by the number of runs: with a few runs take one less, as `std` of torch does.": (
        lambda values: values.std(correction=0)
    ),
    "it is the error of the mean, deviation / √n: the deviation of the runs was asked for.": (
        lambda values: values.std() / len(values) ** 0.5
    ),
    "it is the variance: its root, the deviation, has the unit of the values.": lambda values: values.var(),
    "it is the distance from the worst run to the best: the deviation was asked for.": (
        lambda values: values.max() - values.min()
    ),
}
CENTRES = {
    "the best run is reported in place of the mean.": lambda values: values.max(),
    "the last run is reported in place of the mean.": lambda values: values[-1],
    "the median is reported in place of the mean.": lambda values: values.median(),
}


def summary_problem(values: Tensor, mean: float, deviation: float) -> str | None:
    """What is wrong with a mean and a deviation of values (n,), both to three decimals at least."""
    for found, right, slips, name in (
        (mean, values.mean(), CENTRES, "mean"),
        (deviation, values.std(), SPREADS, "deviation"),
    ):
        if abs(found - float(right)) <= 6e-4:
            continue
        for sentence, slip in slips.items():
            if abs(found - float(slip(values))) <= 6e-4:
                return f"looks as if {sentence}"
        return f"{found:.4g} isn't the {name} of these values."
    return None


EXERCISES: dict[str, Exercise | Task | Runs] = {
    "units": Choice(
        right="c",
        because="cosines look at the numbers as they are, and one feature now decides the direction. The probe first "
        "divides each feature by its deviation on the training part, so the factor is gone.",
        others={
            "a": "k-NN by cosine sees the numbers as they are, and one of them is now far larger than all others.",
            "b": "the probe standardises each feature: what is multiplied is divided out again.",
            "d": "it is the other way round: which of the two standardises?",
        },
    ),
    "gradient": Function(
        reference=probe_gradient,
        cases=gradient_cases,
        mistakes=GRADIENT,
        praise="probabilities minus ones, times features, averaged, and the penalty's pull towards 0.",
        probes=[by_hand(lambda: gradient_cases()[0])],
    ),
    "leaked": Function(
        reference=leaked,
        cases=leaked_cases,
        mistakes=LEAKED,
        praise="a test image that training has seen, even in a mirror, measures memory.",
    ),
    "luck": Number(
        right=59.31,
        because="50 and 1.86 deviations of 5 points: twice more than most people expect, and nothing was learnt.",
        slips={
            50.0: "that is the mean of all twenty: the best of them lies above it.",
            55.0: "one deviation, 5 points, is what a single one strays. The best of twenty strays further.",
            0.593: "that is a share: per cent were asked for.",
            65.0: "three deviations: one in 700 gets so far, not the best of twenty.",
            68.7: "10 is √100: the count of right answers has the deviation √(100 · ½ · ½) = 5.",
        },
        tolerance=0.027,
    ),
    "confound": Choice(
        right="b",
        because="one thing differs, and the difference is many times the deviation.",
        others={
            "a": "the widths differ: a wider untrained network gives the probe more numbers, and a higher floor.",
            "c": "the labels differ: with ten times as many, the same features probe better.",
            "d": "the best of many on the test images: luck is in one of the two numbers and not in the other.",
        },
    ),
    "log": Choice(
        right="d",
        because="an untrained network can't find the class, but it finds the same image again. With k = 1 that is all "
        "it takes; a linear classifier can't remember 2,000 images, so the probe betrays less.",
        others={
            "a": "then k-NN and probe would both be near guessing, 10 %.",
            "b": "then k-NN would be near guessing: its votes would be those of other images.",
            "c": "training mode makes features noisy: no number gets better by it.",
        },
    ),
    "pretext": Task(factor="x", enough=0.65, floor=0.05, other="y"),
    "runs": Runs(least=3, floor=0.2),
    "open": Essay(
        question="We trained twelve variants of our method. The best of them reaches 63.4 % on the test images (linear "
        "probe on features that were standardised over all images, one seed each). The untrained encoder reaches 18 %. "
        "So learning without labels more than triples the accuracy. What do you object to, and what would you ask to "
        "see before you believe it?",
    ),
}
