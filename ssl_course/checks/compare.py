"""Exercises of lesson 07: equal cost, a linear probe without the usual faults, spread over seeds, a table."""

import math
from functools import partial
from itertools import combinations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssl_course.checks.engine import Choice, Essay, Exercise, Function
from ssl_course.evaluate import linear_cka

STEPS, RATE = 20, 0.5


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


# --- passes at equal cost, functions of (simclr_passes, simclr_cost, cost)


def passes(simclr_passes: int, simclr_cost: float, cost: float) -> int:
    return max(1, round(simclr_passes * simclr_cost / cost))


PASSES = {
    "the ratio is upside down: a method whose step costs less may make more passes, so divide by its cost.": (
        lambda count, simclr, cost: max(1, round(count * cost / simclr))
    ),
    "every method makes SimCLR's passes: that is equal in passes, not in cost.": lambda count, simclr, cost: count,
    "the passes of SimCLR are left out: it spends that cost in each of them.": (
        lambda count, simclr, cost: max(1, round(simclr / cost))
    ),
    "the number is cut off: take the nearest whole number.": (
        lambda count, simclr, cost: max(1, int(count * simclr / cost))
    ),
    "the number is rounded up: take the nearest whole number.": (
        lambda count, simclr, cost: math.ceil(count * simclr / cost)
    ),
    "the ratio of the costs is rounded first: multiply by the passes before rounding.": (
        lambda count, simclr, cost: max(1, count * round(simclr / cost))
    ),
    "nothing is rounded: passes are whole numbers, take the nearest one.": (
        lambda count, simclr, cost: max(1, count * simclr / cost)
    ),
    "a method that costs much gets no pass at all: at least one is due to it.": (
        lambda count, simclr, cost: round(count * simclr / cost)
    ),
}

# --- features for a probe, functions of (encoder, loader, augment)


class Shuffled:
    """Batches of images and labels, in a new order at each round, as a DataLoader with shuffle=True gives them."""

    def __init__(self, images: Tensor, labels: Tensor, size: int):
        self.images, self.labels, self.size, self.rounds = images, labels, size, 0

    def __iter__(self):
        self.rounds += 1
        random = torch.Generator().manual_seed(self.rounds)
        for rows in torch.randperm(len(self.images), generator=random).split(self.size):
            yield self.images[rows], self.labels[rows]


def darker(images: Tensor) -> Tensor:
    """Stands for random augmentation: half as bright, and mirrored."""
    return images.flip(3) / 2


def toy_encoder(*layers: nn.Module) -> nn.Sequential:
    """A linear map of images (B, 3, 2, 2) to 5 features, with the same weights at every call, and further layers."""
    linear = nn.Linear(12, 5)
    linear.weight.data, linear.bias.data = drawn(5, 12, seed=1), drawn(5, seed=2)
    return nn.Sequential(nn.Flatten(), linear, *layers)


def with_batch_norm() -> nn.Sequential:
    norm = nn.BatchNorm1d(5)
    norm.running_mean, norm.running_var = drawn(5, seed=3), 1 + drawn(5, seed=4).square()
    return toy_encoder(norm)


def collect(encoder: nn.Module, loader: Shuffled, augment, faults: tuple[str, ...] = ()) -> tuple[Tensor, Tensor]:
    """Features (N, D) and labels (N,) of one round through the loader, with some of the faults."""
    encoder.train("training mode" in faults)
    change = augment if "views" in faults else (lambda images: images)
    with torch.no_grad():
        rounds = [(encoder(change(images)), labels) for images, labels in loader]
    if "two rounds" in faults:
        return torch.cat([h for h, _ in rounds]), torch.cat([labels for _, labels in loader])
    return torch.cat([h for h, _ in rounds]), torch.cat([labels for _, labels in rounds])


COLLECTING = {
    "training mode": "the encoder is left in training mode, so batch norm takes mean and variance from each batch and "
    "an image's features depend on its neighbours: call encoder.eval() first",
    "views": "the encoder sees augmented images: a probe judges the features of the images as they are",
    "two rounds": "features and labels come from two rounds through the loader, which shuffles anew each time: take "
    "both from the same round, or the labels belong to other images",
}


def faulty(faults: tuple[str, ...]):
    return lambda encoder, loader, augment: collect(encoder, loader, augment, faults)


COLLECT = {
    "; and as if ".join(COLLECTING[fault] for fault in faults) + ".": faulty(faults)
    for count in (1, 2, 3)
    for faults in combinations(COLLECTING, count)
}


def collect_cases() -> list[tuple]:
    images, labels = drawn(11, 3, 2, 2, seed=5), torch.arange(11)
    return [(with_batch_norm(), Shuffled(images, labels, 4), darker)]


def keeps_no_graph(answer) -> str | None:
    if any(part.requires_grad for part in answer(*collect_cases()[0])):
        return (
            "the features keep the graph of the encoder, in memory and for the optimiser: nothing is trained here, so "
            "compute them under torch.no_grad()."
        )
    return None


# --- the probe, functions of (encoder, classifier, images, labels, test_images)


def levels(h: Tensor) -> tuple[Tensor, Tensor]:
    return h.mean(dim=0), h.std(dim=0)


def common_level(h: Tensor) -> tuple[Tensor, Tensor]:
    return h.mean(), h.std()


def by_variance(h: Tensor) -> tuple[Tensor, Tensor]:
    return h.mean(dim=0), h.var(dim=0)


def by_population(h: Tensor) -> tuple[Tensor, Tensor]:
    return h.mean(dim=0), h.std(dim=0, correction=0)


def train_probe(
    encoder, classifier, images, labels, test_images, *, trained="classifier", zero=True, levels=levels, twice=False
) -> tuple:
    """Steps of gradient descent; the levels of the training features, and the standardised features of both parts."""
    parts = {"classifier": [classifier], "both": [encoder, classifier], "encoder": [encoder]}[trained]
    optimiser = torch.optim.SGD([weight for part in parts for weight in part.parameters()], lr=RATE)
    for _ in range(STEPS):
        h = encoder(images) if trained != "classifier" else encoder(images).detach()
        mean, deviation = levels(h)
        logits = classifier((h - mean) / deviation)
        loss = F.cross_entropy(logits.softmax(dim=1) if twice else logits, labels)
        if zero:
            optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return mean, deviation, (h - mean) / deviation, encoder(test_images)


def probe(encoder, classifier, images, labels, test_images, **options) -> Tensor:
    """Logits of the test images (M, classes)."""
    mean, deviation, _, h = train_probe(encoder, classifier, images, labels, test_images, **options)
    return classifier((h - mean) / deviation)


def own_levels(encoder, classifier, images, labels, test_images, **options):
    h = train_probe(encoder, classifier, images, labels, test_images, **options)[3]
    mean, deviation = levels(h)
    return classifier((h - mean) / deviation)


def common_levels(encoder, classifier, images, labels, test_images):
    """Standardised by training and test images together, in training too."""
    h = encoder(torch.cat([images, test_images])).detach()
    mean, deviation = levels(h)
    h = (h - mean) / deviation
    optimiser = torch.optim.SGD(classifier.parameters(), lr=RATE)
    for _ in range(STEPS):
        loss = F.cross_entropy(classifier(h[: len(images)]), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return classifier(h[len(images) :])


def raw_test(*given):
    return given[1](train_probe(*given)[3])


def of_training_images(*given):
    return given[1](train_probe(*given)[2])


PROBE = {
    "the encoder isn't frozen, and the test features are scaled by their own mean and deviation: give the optimiser "
    "the classifier's weights alone, and use the mean and deviation of the training features.": (
        lambda *given: own_levels(*given, trained="both")
    ),
    "the encoder isn't frozen: the optimiser has its weights, too, and then the labels have made the features that "
    "they judge.": lambda *given: probe(*given, trained="both"),
    "the test features are scaled by their own mean and deviation: everything that is fitted, these included, comes "
    "from the training part.": own_levels,
    "mean and deviation are taken from training and test images together: the test part has helped to fit.": (
        common_levels
    ),
    "only the training features are scaled: the classifier expects test features on the same scale.": raw_test,
    "the features aren't standardised: take off the mean of the training features and divide by their deviation.": (
        lambda *given: probe(*given, levels=lambda h: (torch.zeros(()), torch.ones(())))
    ),
    "the encoder is trained and the classifier isn't: it is the other way round.": (
        lambda *given: probe(*given, trained="encoder")
    ),
    "the gradients of all steps add up: call optimiser.zero_grad() before each backward().": (
        lambda *given: probe(*given, zero=False)
    ),
    "the features are divided by their variance: divide by its root, std.": lambda *given: probe(
        *given, levels=by_variance
    ),
    "the squares are divided by their number, as numpy's std does: torch's divides by one less.": (
        lambda *given: probe(*given, levels=by_population)
    ),
    "one mean and one deviation stand for all features, mean() without dim: each feature has its own, dim=0.": (
        lambda *given: probe(*given, levels=common_level)
    ),
    "the softmax is taken twice: cross_entropy takes it of the logits by itself, so hand over the logits.": (
        lambda *given: probe(*given, twice=True)
    ),
    "the probabilities of the test images are returned: the logits were asked for.": (
        lambda *given: probe(*given).softmax(dim=1)
    ),
    "the classifier is asked about the training images: a probe is judged on test images.": of_training_images,
}


def probe_cases() -> list[tuple]:
    classifier = nn.Linear(5, 3)
    classifier.weight.data, classifier.bias.data = 0.1 * drawn(3, 5, seed=6), torch.zeros(3)
    labels = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])
    images = drawn(8, 3, 2, 2, seed=7) + labels.view(-1, 1, 1, 1)
    return [(toy_encoder(), classifier, images, labels, 2 * drawn(5, 3, 2, 2, seed=8) + 1)]


def leaves_the_encoder(answer) -> str | None:
    given = probe_cases()[0]
    before = [weight.detach().clone() for weight in given[0].parameters()]
    answer(*given)
    if any(not torch.equal(old, new) for old, new in zip(before, given[0].parameters(), strict=True)):
        return "the encoder's weights are others than before: freeze it, the optimiser must not have them."
    return None


# --- the number to report, functions of (validation, test), accuracies (epochs,)

REPORT = {
    "the pass is chosen by the test accuracy: the best of many test results is too good, by luck alone. Choose by "
    "validation, then read off the test.": lambda validation, test: test.max(),
    "the validation accuracy is reported: it was used for the choice, so it is too good. Report the test accuracy of "
    "the chosen pass.": lambda validation, test: validation.max(),
    "the last pass is reported: the choice by validation isn't made.": lambda validation, test: test[-1],
    "the number of the pass is returned: its test accuracy was asked for.": (
        lambda validation, test: int(validation.argmax())
    ),
    "the pass is chosen by validation and test together: the test has then a say in the choice.": (
        lambda validation, test: test[(validation + test).argmax()]
    ),
    "the mean over all passes is reported: only the chosen one counts.": lambda validation, test: test.mean(),
    "the pass with the lowest validation accuracy is chosen: take the highest.": (
        lambda validation, test: test[validation.argmin()]
    ),
}


def report_cases() -> list[tuple]:
    return [
        (torch.tensor([0.61, 0.78, 0.74, 0.70]), torch.tensor([0.60, 0.71, 0.79, 0.73])),
        (torch.tensor([0.40, 0.52, 0.57, 0.55, 0.50]), torch.tensor([0.55, 0.44, 0.48, 0.53, 0.46])),
        (torch.tensor([0.50, 0.66, 0.62]), torch.tensor([0.64, 0.70, 0.67])),
    ]


# --- the difference of two methods in standard errors, functions of (a, b), accuracies (n,)


def apart(a: Tensor, b: Tensor) -> float:
    return float((a.mean() - b.mean()).abs() / ((a.var() + b.var()) / len(a)).sqrt())


def gap(a: Tensor, b: Tensor) -> Tensor:
    return (a.mean() - b.mean()).abs()


APART = {
    "the deviations aren't divided by the root of n: they are those of one run, and a mean of n runs is surer.": (
        lambda a, b: gap(a, b) / (a.var() + b.var()).sqrt()
    ),
    "it is divided by n, not by its root: four times as many seeds halve the error.": (
        lambda a, b: gap(a, b) / ((a.var() + b.var()).sqrt() / len(a))
    ),
    "the squares are divided by n: with a few seeds take n - 1, the sample deviation, or the spread comes out too "
    "small.": lambda a, b: gap(a, b) / ((a.var(correction=0) + b.var(correction=0)) / len(a)).sqrt(),
    "brackets are missing: the difference is divided by the root and then multiplied, a / b / c is not a / (b / c).": (
        lambda a, b: gap(a, b) / (a.var() + b.var()).sqrt() / len(a) ** 0.5
    ),
    "it is divided by the seeds of both methods together: n is the number of one method's.": (
        lambda a, b: gap(a, b) / ((a.var() + b.var()) / (len(a) + len(b))).sqrt()
    ),
    "variances stand where deviations belong: s squared is the variance, so don't square it again.": (
        lambda a, b: gap(a, b) / ((a.var() ** 2 + b.var() ** 2) / len(a)).sqrt()
    ),
    "the two deviations are added: add their squares, then take the root.": (
        lambda a, b: gap(a, b) / ((a.std() + b.std()) / len(a) ** 0.5)
    ),
    "deviations stand where variances belong: square both before adding.": (
        lambda a, b: gap(a, b) / ((a.std() + b.std()) / len(a)).sqrt()
    ),
    "only the first method's deviation is used: both means are uncertain.": (
        lambda a, b: gap(a, b) / (a.var() / len(a)).sqrt()
    ),
    "the root of the sum of squares is missing: a standard error has the unit of an accuracy.": (
        lambda a, b: gap(a, b) / ((a.var() + b.var()) / len(a))
    ),
    "the spread is taken over the runs of both methods in one: that counts their difference as luck. Take it within "
    "each.": lambda a, b: gap(a, b) / (2 * torch.cat([a, b]).var() / len(a)).sqrt(),
    "the best runs are compared: the best of several is luck as well, compare the means.": (
        lambda a, b: (a.max() - b.max()).abs() / ((a.var() + b.var()) / len(a)).sqrt()
    ),
    "the sign is kept: a distance is positive, whichever is better.": (
        lambda a, b: (a.mean() - b.mean()) / ((a.var() + b.var()) / len(a)).sqrt(),
        lambda a, b: (b.mean() - a.mean()) / ((a.var() + b.var()) / len(a)).sqrt(),
    ),
}


def apart_cases() -> list[tuple]:
    return [
        (torch.tensor([71.0, 74.0, 77.5]), torch.tensor([78.0, 80.0, 79.5])),
        (torch.tensor([64.0, 61.0, 66.5, 63.0, 62.0]), torch.tensor([59.0, 63.5, 58.0, 60.5, 57.0])),
    ]


# --- linear CKA, functions of (x, y)


def uncentred(x: Tensor, y: Tensor) -> Tensor:
    return (x.T @ y).norm() ** 2 / ((x.T @ x).norm() * (y.T @ y).norm())


def centre(x: Tensor) -> Tensor:
    return x - x.mean(dim=0)


CKA = {
    "the features aren't centred: a mean that all images share then makes any two encoders alike.": uncentred,
    "each image's features are centred (dim=1): each feature must be, over the images (dim=0).": (
        lambda x, y: uncentred(x - x.mean(dim=1, keepdim=True), y - y.mean(dim=1, keepdim=True))
    ),
    "one mean over all numbers is taken off: each feature has its own, over the images (dim=0).": (
        lambda x, y: uncentred(x - x.mean(), y - y.mean())
    ),
    "only one of the two is centred.": lambda x, y: uncentred(centre(x), y),
    "brackets are missing in the denominator: a / b * c is (a / b) * c. Write a / (b * c).": (
        lambda x, y: (
            (centre(x).T @ centre(y)).norm() ** 2 / (centre(x).T @ centre(x)).norm() * (centre(y).T @ centre(y)).norm()
        )
    ),
    "the norm of the numerator isn't squared: then the scale of the features would count.": (
        lambda x, y: uncentred(centre(x), centre(y)) / (centre(x).T @ centre(y)).norm()
    ),
    "the denominator holds the norms of X and Y: it holds those of the products XᵀX and YᵀY.": (
        lambda x, y: (centre(x).T @ centre(y)).norm() ** 2 / (centre(x).norm() * centre(y).norm())
    ),
    "the denominator holds the squared norms of X and Y: it holds the norms of the products XᵀX and YᵀY.": (
        lambda x, y: ((centre(x).T @ centre(y)).norm() / (centre(x).norm() * centre(y).norm())) ** 2
    ),
}


def cka_cases() -> list[tuple]:
    x = drawn(9, 4, seed=9) * torch.tensor([2.0, 1.0, 0.5, 1.5])
    y = torch.cat([x @ drawn(4, 2, seed=10), drawn(9, 1, seed=11)], dim=1)
    return [(x + 1, y - 2), (x[:6] + drawn(4, seed=12), y[:6] + 0.5), (x + 1, x.roll(1, 1).abs())]


EXERCISES: dict[str, Exercise] = {
    "passes": Function(
        reference=passes,
        cases=lambda: [(3, 204, 23), (3, 204, 273), (3, 204, 102), (1, 204, 900), (5, 100, 30)],
        mistakes=PASSES,
        praise="the same work for all, within half a pass.",
    ),
    "features": Function(
        reference=collect,
        cases=collect_cases,
        mistakes=COLLECT,
        praise="evaluation mode, images as they are, and each label beside its own features.",
        probes=[keeps_no_graph],
    ),
    "probe": Function(
        reference=probe,
        cases=probe_cases,
        mistakes=PROBE,
        praise="only the classifier was fitted, and only with the training part.",
        probes=[leaves_the_encoder],
        tolerance=1e-3,
    ),
    "report": Function(
        reference=lambda validation, test: float(test[validation.argmax()]),
        cases=report_cases,
        mistakes=REPORT,
        praise="the test was asked once, after everything was chosen.",
    ),
    "apart": Function(
        reference=apart,
        cases=apart_cases,
        mistakes=APART,
        praise="a difference of less than about two of these is no difference.",
    ),
    "factors": Choice(
        right="c",
        because="the angle survives in h, though the views are turned: being invariant in the loss, after the head, "
        "isn't being invariant in the features.",
        others={
            "a": "look at a row whose views are turned by up to 180 degrees, and at its column angle: it isn't 0.",
            "b": "crops move the shape and change its size in the views of all these methods, and yet x and size "
            "can be read from their features: to say what it is, h must first know where it is.",
            "d": "the pixels determine the place of the shape completely. R² of a linear regression says what can be "
            "read linearly: no single pixel says where it is.",
        },
    ),
    "cka": Function(
        reference=partial(linear_cka, debiased=False),
        cases=cka_cases,
        mistakes=CKA,
        praise="the same as `linear_cka(…, debiased=False)`: turning, scaling and shifting either changes nothing.",
    ),
    "open": Essay(
        question='Somebody shows this figure and says: "After equally many passes, VICReg clearly beats SimCLR." The '
        "numbers are the means of lesson 07. What is wrong with the figure and with the sentence, and what would you "
        "ask to see?",
    ),
}
