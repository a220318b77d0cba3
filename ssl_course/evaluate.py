"""How good are features? A linear probe, nearest neighbours, a few labels, fine-tuning.

Everything here takes features that `extract_features` made: in evaluation mode, without augmentation, in order.
"""

import copy
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from ssl_course import logistic, shapes
from ssl_course.data import ImageSet
from ssl_course.features import (
    alignment,
    check_features,
    collapsed,
    effective_rank,
    extract_features,
    feature_deviation,
    uniformity,
)
from ssl_course.folders import enumerated
from ssl_course.methods.supervised import Supervised
from ssl_course.samples import Samples, described
from ssl_course.train import pretrain

__all__ = [
    "alignment",
    "draw_labels",
    "effective_rank",
    "extract_features",
    "factor_scores",
    "feature_deviation",
    "few_label_curve",
    "fine_tune",
    "fit_probe",
    "judge",
    "knn_accuracy",
    "linear_cka",
    "linear_probe",
    "probe_scores",
    "raw_pixels",
    "to_judge",
    "uniformity",
]

DIRECTED = tuple(shapes.CLASSES.index(name) for name in ("crescent", "arrow", "heart"))  # one angle, one look


def linear_probe(
    train_features: Tensor, train_labels: Tensor, test_features: Tensor, test_labels: Tensor, *, strength: float = 0.1
) -> float:
    """Accuracy on the test features of a linear classifier fitted to the training features, in [0, 1].

    Multinomial logistic regression on features standardised by the training set's mean and deviation: scikit-learn's,
    and for features on a GPU that of `logistic`, which works there.

    Args:
        train_features, test_features: (N, D) and (M, D), on one device with their labels.
        train_labels, test_labels: (N,) and (M,).
        strength: inverse of the L2 penalty, scikit-learn's C.

    Raises:
        ValueError: if shapes don't fit, a feature isn't finite, labels aren't whole numbers from 0, or the training
            labels are of one class only.
    """
    if not train_features.is_cpu:
        _check_probe(train_features, train_labels, test_features, test_labels)
        return logistic.accuracy(train_features, train_labels, test_features, test_labels, strength=strength)
    probe = fit_probe(train_features, train_labels, test_features, test_labels, strength=strength)
    with threadpool_limits(1, user_api="blas"):
        return float(probe.score(test_features.numpy(), test_labels.numpy()))


def fit_probe(
    train_features: Tensor,
    train_labels: Tensor,
    test_features: Tensor,
    test_labels: Tensor,
    *,
    strength: float = 0.1,
    balanced: bool = False,
) -> Pipeline:
    """The classifier of `linear_probe`, fitted on the CPU to the training features; the test features are only checked.

    `balanced`: whether a mistake on a rare class weighs as much more as the class is rarer.
    """
    _check_probe(train_features, train_labels, test_features, test_labels)
    settings = {"C": strength, "max_iter": 1000, "tol": 1e-3, "class_weight": "balanced" if balanced else None}
    probe = make_pipeline(StandardScaler(), LogisticRegression(**settings))
    with threadpool_limits(1, user_api="blas"):  # several threads would mostly wait for each other: 3 to 8 times slower
        return probe.fit(train_features.numpy(), train_labels.numpy())


def _check_probe(train_features: Tensor, train_labels: Tensor, test_features: Tensor, test_labels: Tensor) -> None:
    _check(train_features, train_labels, test_features, test_labels)
    if len(train_labels.unique()) < 2:
        raise ValueError("a linear probe needs images of at least two classes, got one")


def probe_scores(probe: Pipeline, features: Tensor) -> np.ndarray:
    """What a fitted probe says of features (N, D): the probability of each class that it knows (N, classes)."""
    return probe.predict_proba(features.numpy())


def knn_accuracy(
    train_features: Tensor,
    train_labels: Tensor,
    test_features: Tensor,
    test_labels: Tensor,
    *,
    k: int = 20,
    temperature: float = 0.07,
) -> float:
    """Accuracy of a vote of the k nearest training features by cosine, each weighted exp(cosine / temperature).

    Shapes and devices as in `linear_probe`. k is cut to the number of training features.

    Source: Wu et al. 2018, Unsupervised Feature Learning via Non-Parametric Instance Discrimination, section 3.4.

    Raises:
        ValueError: as `linear_probe`, or if k or temperature isn't positive.
    """
    _check(train_features, train_labels, test_features, test_labels)
    if k < 1 or not temperature > 0:
        raise ValueError(f"k and temperature must be positive, got {k} and {temperature}")
    bank = F.normalize(train_features.float(), dim=1)
    names, places = train_labels.unique(return_inverse=True)  # (classes,), (N,)
    right = 0
    for features, labels in zip(test_features.split(1000), test_labels.split(1000), strict=True):
        cosine = F.normalize(features.float(), dim=1) @ bank.T  # (M, N)
        nearest, index = cosine.topk(min(k, len(bank)), dim=1)  # (M, k)
        weights = ((nearest - nearest[:, :1]) / temperature).exp()  # the nearest has 1: not all of them underflow
        votes = torch.zeros(len(features), len(names), device=bank.device)
        votes.scatter_add_(1, places[index], weights)  # (M, classes)
        right += int((names[votes.argmax(dim=1)] == labels).sum())
    return right / len(test_labels)


def few_label_curve(
    train_features: Tensor,
    train_labels: Tensor,
    test_features: Tensor,
    test_labels: Tensor,
    *,
    fractions: Sequence[float] = (0.01, 0.1, 1.0),
    draws: int = 5,
    seed: int = 0,
) -> list[dict]:
    """The linear probe when only a share of the labels is known.

    Each share is drawn `draws` times, as even over the classes as it goes and at least one of each (all labels: once).
    A draw depends on seed, share and its number alone, not on the other shares.

    Returns:
        One dict per share: fraction, labels (how many), accuracy (mean), deviation (over the draws), draws.
    """
    _check(train_features, train_labels, test_features, test_labels)
    if draws < 1:
        raise ValueError(f"draws must be at least 1, got {draws}")
    curve = []
    for fraction in fractions:
        if not 0 < fraction <= 1:
            raise ValueError(f"fractions must be in (0, 1], got {fraction}")
        scores = []
        for draw in range(1 if fraction == 1 else draws):
            chosen = draw_labels(train_labels, fraction, draw, seed=seed)
            scores.append(linear_probe(train_features[chosen], train_labels[chosen], test_features, test_labels))
        row = {"fraction": fraction, "labels": len(chosen), "accuracy": float(np.mean(scores))}
        curve.append(row | {"deviation": float(np.std(scores)), "draws": len(scores)})
    return curve


def draw_labels(labels: Tensor, fraction: float, draw: int = 0, *, seed: int = 0) -> Tensor:
    """Indices of a share of each class, at least one of each: the labels (N,) that are known, in ascending order.

    A draw depends on seed, share and its number alone.
    """
    random = np.random.default_rng((seed, round(1e9 * fraction), draw))
    chosen = []
    for label in labels.unique():
        members = (labels == label).nonzero().flatten()
        count = max(1, round(fraction * len(members)))
        chosen.append(members[torch.from_numpy(random.permutation(len(members))[:count])])
    return torch.cat(chosen).sort().values


def fine_tune(
    encoder: nn.Module, train: ImageSet | Samples, test: ImageSet | Samples, *, epochs: int, **arguments
) -> float:
    """Accuracy on `test` of a copy of the encoder and a linear classifier, both trained with the labels of `train`.

    The encoder itself is left as it is. Further arguments are those of `pretrain` (and `augment`, as in `Supervised`;
    none by default for what isn't an image); `seed` decides the classifier's first weights too.

    Raises:
        ValueError: if one of the sets has no labels, their classes differ, or as `pretrain`.
        KeyboardInterrupt: if training was stopped by hand: half a training is no result.
    """
    _check_comparable(train, test)
    augment = arguments.pop("augment", None if isinstance(train, ImageSet) else nn.Identity())
    names = torch.arange(len(train.classes)) if train.classes else train.labels.unique()
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(arguments.get("seed", 0))
        model = Supervised(copy.deepcopy(encoder), len(names), augment=augment)
    places = type(train)(train.data, torch.searchsorted(names, train.labels))
    if pretrain(model, places, epochs=epochs, **{"watch": False} | arguments).interrupted:
        raise KeyboardInterrupt("fine-tuning was stopped by hand")
    scores = model.classifier.cpu()(extract_features(model.encoder, test.data))
    return float((names[scores.argmax(dim=1)] == test.labels).float().mean())


def factor_scores(
    train_features: Tensor, train_factors: dict[str, Tensor], test_features: Tensor, test_factors: dict[str, Tensor]
) -> dict[str, float]:
    """How well each known factor of the built-in data can be read linearly from features: R^2 on the test set.

    Ridge regression on standardised features. Angles, directions and hues are read as cosine and sine; the angle of
    images within each of DIRECTED separately, since other shapes look the same at several angles, and averaged.

    Args:
        train_features, test_features: (N, D) and (M, D).
        train_factors, test_factors: `ImageSet.factors` of the same images.

    Returns:
        One number per factor but the class: 1 when it can be read exactly, 0 when the features say nothing of it
        (a fit that is worse than guessing the mean counts as 0).

    Raises:
        ValueError: if there are no factors, or features don't fit or aren't finite.
    """
    if not train_factors or not test_factors:
        raise ValueError("only the built-in data has known factors")
    for features, factors, name in ((train_features, train_factors, "train"), (test_features, test_factors, "test")):
        check_features(features, name)
        if any(len(values) != len(features) for values in factors.values()):
            raise ValueError(f"{name} features and factors must be of the same images, got {len(features)} features")
    names = [name for name in train_factors if name not in ("class", "angle")]
    targets = [_as_targets(name, train_factors[name]) for name in names]
    fitted = _ridge(train_features, torch.cat(targets, dim=1), test_features)
    scores, column = {}, 0
    for name, target in zip(names, targets, strict=True):
        prediction = fitted[:, column : column + target.shape[1]]
        scores[name] = _r_squared(prediction, _as_targets(name, test_factors[name]))
        column += target.shape[1]
    if "angle" not in train_factors:
        return scores
    angles = []
    for label in DIRECTED:
        known, asked = train_factors["class"] == label, test_factors["class"] == label
        if known.sum() > 1 and asked.sum() > 1:
            target = _as_targets("angle", train_factors["angle"][known])
            prediction = _ridge(train_features[known], target, test_features[asked])
            angles.append(_r_squared(prediction, _as_targets("angle", test_factors["angle"][asked])))
    return scores | {"angle": float(np.mean(angles)) if angles else float("nan")}


def linear_cka(a: Tensor, b: Tensor, *, debiased: bool = True) -> float:
    """How alike two encoders see the same images: 1 for features equal up to rotation and scale, near 0 for unrelated.

    Args:
        a, b: features (N, D) and (N, E); row i of both is image i, N at least 4 (2 if not debiased).
        debiased: whether unrelated features score 0 on average, at any N; the value may then fall a little below 0.
            The plain measure of the paper doesn't: for noise it is about sqrt(D * E) / N where D and E are small.

    Source: Kornblith et al. 2019, Similarity of Neural Network Representations Revisited, equation 3 with a linear
    kernel; debiased with the unbiased estimator HSIC_1 of Song et al. 2012, Feature Selection via Dependence
    Maximization, as in Nguyen et al. 2021, Do Wide and Deep Networks Learn the Same Things?

    Raises:
        ValueError: if the numbers of rows differ or are too small, a feature isn't finite, or all features of one are
            equal.
    """
    least = 4 if debiased else 2
    if a.ndim != 2 or b.ndim != 2 or len(a) != len(b) or len(a) < least:
        got = f"{tuple(a.shape)} and {tuple(b.shape)}"
        raise ValueError(f"features must be (N, D) and (N, E) with N at least {least}, got {got}")
    check_features(a, "the first"), check_features(b, "the second")
    if collapsed(a) or collapsed(b):
        raise ValueError("all features are equal: there is nothing to compare")
    a, b = (_centred(part) for part in (a, b))
    overlap = _unbiased_hsic if debiased else _biased_hsic
    own = overlap(a, a), overlap(b, b)
    if min(own) <= 1e-12 * len(a) ** 2:
        raise ValueError(
            "all images are equally far from one another in one of the features: there is nothing to compare"
        )
    return float(overlap(a, b) / (own[0] * own[1]).sqrt())


def _centred(features: Tensor) -> Tensor:
    """Features less their mean, in float64 and of length 1 on average, so that no product overflows."""
    centred = features.double() - features.double().mean(dim=0)
    return centred / centred.square().sum(dim=1).mean().sqrt()


def _biased_hsic(a: Tensor, b: Tensor) -> Tensor:
    """The overlap of two centred linear kernels, the sum over all pairs of images of k(i, j) l(i, j)."""
    if min(a.shape[1], b.shape[1]) > len(a):
        return ((a @ a.T) * (b @ b.T)).sum()  # the same number from smaller tables
    return (a.T @ b).square().sum()


def _unbiased_hsic(a: Tensor, b: Tensor) -> Tensor:
    """The same over pairs of different images and without bias, up to the factor 1 / (N (N - 3)).

    HSIC_1 of Song et al. 2012 for the kernels K = a a^T and L = b b^T with zeros on their diagonals, without
    building them: the features are centred, so the sums of their rows are -k(i, i) and -l(i, i).
    """
    count = len(a)
    k, m = a.square().sum(dim=1), b.square().sum(dim=1)  # the diagonals, (N,)
    trace = _biased_hsic(a, b) - k @ m
    return trace + k.sum() * m.sum() / ((count - 1) * (count - 2)) - 2 * (k @ m) / (count - 2)


def raw_pixels(images: Tensor) -> Tensor:
    """The images or clips themselves as features: uint8 (N, C, H, W) -> float32 (N, C * H * W) in [0, 1].

    Raises:
        ValueError: if they are tokens or sounds, whose raw features are no pixels.
    """
    if images.dtype != torch.uint8:
        raise ValueError(f"only images and clips have pixels, got {described(images)}: give features of your own")
    return images.flatten(1).float() / 255


def judge(encoder: nn.Module | None, train: ImageSet, test: ImageSet) -> dict[str, float]:
    """Linear probe and k-NN accuracy of an encoder, the two columns of every table; None judges the raw pixels.

    Raises:
        ValueError: if one of the sets has no labels, or their classes differ.
    """
    known = to_judge(encoder, train, test, stay=True)
    return {"linear_probe": linear_probe(*known), "knn": knn_accuracy(*known)}


def to_judge(
    encoder: nn.Module | None, train: ImageSet, test: ImageSet, *, stay: bool = False
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What `linear_probe` and its like take: features and labels of both sets; `stay`: on the encoder's device."""
    _check_comparable(train, test)
    found = []
    for part in (train, test):
        features = raw_pixels(part.data) if encoder is None else extract_features(encoder, part.data, stay=stay)
        found += [features, part.labels.to(features.device)]
    return tuple(found)


def _as_targets(name: str, values: Tensor) -> Tensor:
    """A factor as one column, or as cosine and sine if it goes round: (N,) -> (N, 1) or (N, 2)."""
    values = values.double()
    turns = {"angle": 360.0, "direction": 360.0, "hue": 1.0, "ground_hue": 1.0}.get(name)
    if turns is None:
        return values.unsqueeze(1)
    radians = 2 * torch.pi * values / turns
    return torch.stack([radians.cos(), radians.sin()], dim=1)


def _ridge(train_features: Tensor, targets: Tensor, test_features: Tensor) -> Tensor:
    model = make_pipeline(StandardScaler(), RidgeCV(alphas=np.logspace(-1, 4, 6), alpha_per_target=True))
    model.fit(train_features.double().numpy(), targets.numpy())
    prediction = torch.from_numpy(model.predict(test_features.double().numpy()))
    return prediction.view(len(test_features), -1)


def _r_squared(prediction: Tensor, target: Tensor) -> float:
    error, spread = (prediction - target).square().sum(), (target - target.mean(dim=0)).square().sum()
    return float((1 - error / spread).clamp(min=0))


def _check_comparable(train: ImageSet, test: ImageSet) -> None:
    """Both sets need labels, and a label must mean the same in both."""
    for images, name in ((train, "train"), (test, "test")):
        if images.labels is None:
            raise ValueError(
                f"judging features needs labels, and the {len(images)} {name} images have none (a flat folder?): "
                "sort them into one folder per class"
            )
    if train.classes and test.classes and tuple(train.classes) != tuple(test.classes):
        raise ValueError(
            f"train and test images have different classes, {_difference(train.classes, test.classes)}: load both as "
            "splits of one folder (FOLDER/train/CLASS and FOLDER/test/CLASS), so that a label means the same in both"
        )
    known = train.classes or test.classes
    for images, name in ((train, "train"), (test, "test")):
        if known and len(images) and int(images.labels.max()) >= len(known):
            raise ValueError(f"{name} labels go to {int(images.labels.max())}, but there are {len(known)} classes")


def _difference(train: Sequence[str], test: Sequence[str]) -> str:
    only = {
        "train": [name for name in train if name not in test],
        "test": [name for name in test if name not in train],
    }
    said = [f"{enumerated(names)} only in {part}" for part, names in only.items() if names]
    return " and ".join(said) or f"the same in another order ({enumerated(train)} and {enumerated(test)})"


def _check(train_features: Tensor, train_labels: Tensor, test_features: Tensor, test_labels: Tensor) -> None:
    for features, labels, name in ((train_features, train_labels, "train"), (test_features, test_labels, "test")):
        if features.ndim != 2 or labels.shape != (len(features),) or not len(features):
            got = f"{tuple(features.shape)} and {tuple(labels.shape)}"
            raise ValueError(f"{name} features and labels must be (N, D) and (N,) with N at least 1, got {got}")
        check_features(features, name)
        if labels.is_floating_point() or labels.is_complex() or int(labels.min()) < 0:
            got = f"{labels.dtype} from {labels.min():g}"
            raise ValueError(f"{name} labels must be whole numbers that count from 0, got {got}")
    if train_features.shape[1] != test_features.shape[1]:
        raise ValueError(
            f"train and test features differ in width: {train_features.shape[1]} and {test_features.shape[1]}"
        )
