"""Exercises of lesson 07: equal cost, judges without the usual faults, spread over seeds and draws, floors, CKA."""

import math
from functools import partial
from itertools import combinations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssl_course.checks.engine import Choice, Essay, Exercise, Function, Number
from ssl_course.evaluate import linear_cka, linear_probe

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


# --- the difference of two methods in standard errors, seed by seed, functions of (a, b), accuracies (n,)


def paired(a: Tensor, b: Tensor) -> float:
    difference = a - b  # (n,)
    return float(difference.mean().abs() / (difference.std() / len(a) ** 0.5))


def gap(a: Tensor, b: Tensor) -> Tensor:
    return (a.mean() - b.mean()).abs()


def unpaired(a: Tensor, b: Tensor) -> Tensor:
    return gap(a, b) / ((a.var() + b.var()) / len(a)).sqrt()


PAIRED = {
    "the runs aren't paired: take the difference of each seed's two runs first, and the deviation of these; "
    "what the seed does to both then cancels.": unpaired,
    "the deviation isn't divided by the root of n: it is that of one difference, and a mean of n is surer.": (
        lambda a, b: gap(a, b) / (a - b).std()
    ),
    "it is divided by n, not by its root: four times as many seeds halve the error.": (
        lambda a, b: gap(a, b) / ((a - b).std() / len(a))
    ),
    "the squares are divided by n: with a few seeds take n - 1, the sample deviation, or the spread comes out too "
    "small.": lambda a, b: gap(a, b) / ((a - b).std(correction=0) / len(a) ** 0.5),
    "brackets are missing: the difference is divided by the deviation and then by the root, a / b / c is not "
    "a / (b / c).": lambda a, b: gap(a, b) / (a - b).std() / len(a) ** 0.5,
    "both methods' runs are counted: n is the number of differences, one for each seed.": (
        lambda a, b: gap(a, b) / ((a - b).std() / (2 * len(a)) ** 0.5)
    ),
    "the variance stands where the deviation belongs: a standard error has the unit of an accuracy.": (
        lambda a, b: gap(a, b) / ((a - b).var() / len(a) ** 0.5),
        lambda a, b: gap(a, b) / ((a - b).var() / len(a)),
    ),
    "the signs are dropped seed by seed: average the differences as they are, and drop the sign of the mean.": (
        lambda a, b: (a - b).abs().mean() / ((a - b).abs().std() / len(a) ** 0.5),
        lambda a, b: (a - b).abs().mean() / ((a - b).std() / len(a) ** 0.5),
    ),
    "the runs are sorted before they are paired: then a good run of one stands beside a good run of the other, "
    "whatever their seeds.": lambda a, b: paired(a.sort().values, b.sort().values),
    "the best runs are compared: the best of several is luck as well, compare the means.": (
        lambda a, b: (a.max() - b.max()).abs() / ((a - b).std() / len(a) ** 0.5)
    ),
    "the sign is kept: a distance is positive, whichever is better.": (
        lambda a, b: (a - b).mean() / ((a - b).std() / len(a) ** 0.5),
        lambda a, b: (b - a).mean() / ((a - b).std() / len(a) ** 0.5),
    ),
}


def paired_cases() -> list[tuple]:
    return [
        (torch.tensor([71.0, 74.0, 72.5]), torch.tensor([78.0, 79.0, 80.5])),
        (torch.tensor([64.0, 61.0, 66.5, 63.0, 62.0]), torch.tensor([59.0, 62.5, 58.0, 60.5, 57.0])),
        (torch.tensor([31.0, 36.0, 28.5, 33.0]), torch.tensor([30.0, 35.5, 27.5, 31.0])),
    ]


# --- above, below or a tie with each one's own floor, functions of (runs, floor_of)


def verdicts(runs: dict[str, Tensor], floor_of: dict[str, str], *, errors=paired, limit=2.0) -> tuple[int, int, int]:
    """How many methods are above their floor, below it, or tie with it."""
    above = below = ties = 0
    for name, floor in floor_of.items():
        better = bool(runs[name].mean() > runs[floor].mean())
        apart = float(errors(runs[name], runs[floor])) > limit
        above, below, ties = above + (apart and better), below + (apart and not better), ties + (not apart)
    return above, below, ties


def one_floor(runs: dict[str, Tensor], floor_of: dict[str, str]) -> tuple[int, int, int]:
    return verdicts(runs, dict.fromkeys(floor_of, next(iter(floor_of.values()))))


def swapped(runs: dict[str, Tensor], floor_of: dict[str, str]) -> tuple[int, int, int]:
    above, below, ties = verdicts(runs, floor_of)
    return below, above, ties


VERDICTS = {
    "every method is compared with the same floor: one has another network, and the floor of that one is its own.": (
        one_floor
    ),
    "no tie is told: whoever has the larger mean counts as better, whatever the spread.": (
        lambda runs, floor_of: verdicts(runs, floor_of, limit=0.0)
    ),
    "the runs aren't paired: runs of one seed share images and first weights, so take differences seed by seed.": (
        lambda runs, floor_of: verdicts(runs, floor_of, errors=unpaired)
    ),
    "the deviation of the differences isn't divided by the root of n: a mean of n differences is surer than one.": (
        lambda runs, floor_of: verdicts(runs, floor_of, errors=lambda a, b: gap(a, b) / (a - b).std())
    ),
    "above and below are swapped: first the methods that are better than their floor.": swapped,
    "a tie is called below: what the seeds can't tell is neither above nor below.": (
        lambda runs, floor_of: (
            verdicts(runs, floor_of)[0],
            verdicts(runs, floor_of)[1] + verdicts(runs, floor_of)[2],
            0,
        )
    ),
}


def verdict_cases() -> list[tuple]:
    cases = []
    for count in (4, 3):
        small = torch.tensor([50.0, 54.0, 47.0, 53.0])[:count]
        large = torch.tensor([20.0, 24.0, 19.0, 21.0])[:count]
        runs = {"floor": small, "large floor": large, "b": large + torch.tensor([18.0, 19.0, 18.0, 19.0])[:count]}
        runs |= {"c": small - torch.tensor([6.0, 7.0, 6.5, 6.0])[:count]}
        runs |= {"d": small + torch.tensor([5.0, -3.0, 4.0, -4.0])[:count]}
        if count == 4:
            runs |= {"a": small + torch.tensor([2.0, 3.0, 2.5, 2.5]), "e": small + torch.tensor([1.0, -0.5, 4.0, 3.0])}
            runs |= {"f": small + torch.tensor([3.0, 6.0, 1.0, 5.0])}
        else:
            runs |= {"a": small - torch.tensor([3.0, 4.0, 2.0])}
        methods = sorted(set(runs) - {"floor", "large floor"})
        cases.append((runs, {name: "large floor" if name == "b" else "floor" for name in methods}))
    return cases


# --- a number with its spread, functions of (features, labels, test_features, test_labels, draws)


def spread(
    features: Tensor, labels: Tensor, test_features: Tensor, test_labels: Tensor, draws: list[Tensor]
) -> tuple[float, float, float]:
    """Mean, deviation and standard error of the linear probe over some draws of labelled images."""
    return told(scores(features, labels, test_features, test_labels, draws))


def scores(features, labels, test_features, test_labels, draws, *, own: bool = False) -> Tensor:
    """The linear probe for each draw; `own`: on the images that it was fitted to."""
    values = []
    for draw in draws:
        judged = (features[draw], labels[draw]) if own else (test_features, test_labels)
        values.append(linear_probe(features[draw], labels[draw], *judged))
    return torch.tensor(values, dtype=torch.float64)


def told(values: Tensor) -> tuple[float, float, float]:
    deviation = float(values.std())
    return float(values.mean()), deviation, deviation / len(values) ** 0.5


SPREAD = {
    "the probe is judged on the images that it was fitted to: ask it about the test images.": (
        lambda *given: told(scores(*given, own=True))
    ),
    "the squares are divided by n, as numpy's std does: with a few draws take n - 1.": lambda *given: (
        float(scores(*given).mean()),
        float(scores(*given).std(correction=0)),
        float(scores(*given).std(correction=0)) / len(given[-1]) ** 0.5,
    ),
    "the standard error is the deviation divided by n: divide by the root of n.": lambda *given: (
        *spread(*given)[:2],
        spread(*given)[1] / len(given[-1]),
    ),
    "the standard error is the deviation itself: the mean of n draws is surer than one draw.": lambda *given: (
        *spread(*given)[:2],
        spread(*given)[1],
    ),
    "the best draw is reported: report the mean.": lambda *given: (float(scores(*given).max()), *spread(*given)[1:]),
    "deviation and standard error are swapped.": lambda *given: tuple(spread(*given)[place] for place in (0, 2, 1)),
}


def spread_cases() -> list[tuple]:
    labels, test_labels = torch.arange(60) % 3, torch.arange(90) % 3
    centres = drawn(3, 5, seed=13)
    features = centres[labels] + 1.2 * drawn(60, 5, seed=14)
    test_features = centres[test_labels] + 1.2 * drawn(90, 5, seed=15)
    order = torch.randperm(20, generator=torch.Generator().manual_seed(16))
    draws = [(3 * part.view(-1, 1) + torch.arange(3)).flatten() for part in order.split(4)]  # 4 of each class
    return [(features, labels, test_features, test_labels, draws)]


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
    "paired": Function(
        reference=paired,
        cases=paired_cases,
        mistakes=PAIRED,
        praise="a mean difference of less than about two of these (with three seeds: four) is called a tie.",
    ),
    "floors": Function(
        reference=verdicts,
        cases=verdict_cases,
        mistakes=VERDICTS,
        praise="each method beside the floor of its own network, and ties called ties.",
    ),
    "confound": Choice(
        right="c",
        because="one of the two trained on with labels for 10 passes and the other for 4, so the difference is that of "
        "pre-training and of longer training in one. With 10 passes for both it would be that of pre-training.",
        others={
            "a": "that one is pre-trained and the other isn't is the question itself: it is what is compared.",
            "b": "the labelled images are the same 400 in both: that is as it should be.",
            "d": "the rates differ, but both were chosen in the same way, from the same three, on validation images: "
            "each gets the rate that suits it.",
            "e": "the seconds differ because something else does: what takes longer here?",
        },
    ),
    "spread": Function(
        reference=spread,
        cases=spread_cases,
        mistakes=SPREAD,
        praise="a number with its spread: others can now say whether theirs is another one.",
    ),
    "cka": Function(
        reference=partial(linear_cka, debiased=False),
        cases=cka_cases,
        mistakes=CKA,
        praise="the same as `linear_cka(…, debiased=False)`: turning, scaling and shifting either changes nothing.",
    ),
    "noise": Number(
        right=0.161,
        tolerance=0.012,
        because="√(D E) / √((N + D)(N + E)): the numerator holds D E squares of size N, and in the denominator stand "
        "D numbers of size N² and about D² of size N. So never read such a value without its floor.",
        slips={
            0.0: "noise had nothing in common with noise at all: but squares of chance correlations can't cancel, and "
            "there are D E of them.",
            0.2: "only the diagonals of XᵀX and YᵀY were counted, √(D E) / N: off them stand D² and E² numbers of size "
            "N, which aren't few here.",
            0.026: "the value was squared once too often: the norm of XᵀY is squared, those below are multiplied.",
            0.04: "the root was forgotten: D E / N² is the square of what the diagonals alone give.",
            1.0: "noise equalled noise: 1 is for features that can be turned into each other.",
        },
    ),
    "open": Essay(
        question='Somebody shows this figure and says: "After equally many passes, VICReg clearly beats SimCLR." The '
        "numbers are the means of lesson 07. What is wrong with the figure and with the sentence, and what would you "
        "ask to see?",
    ),
}
