import functools

import pytest
import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression

from ssl_course import evaluate, load, logistic
from ssl_course.evaluate import judge, knn_accuracy, linear_probe, to_judge
from ssl_course.networks import small_cnn

on_a_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")


def mixed(count, *, classes=4, width=12, seed=0):
    """Features (count, width) of clusters that overlap, each feature with a scale and a mean of its own; labels."""
    random = torch.Generator().manual_seed(seed)
    labels = torch.randint(classes, (count,), generator=random)
    features = 2 * F.one_hot(labels, width).float() + torch.randn(count, width, generator=random)
    return features * torch.logspace(-2, 2, width) + torch.linspace(-5, 5, width), labels


@pytest.mark.parametrize("classes", [2, 3, 4])
@pytest.mark.parametrize("strength", [0.001, 0.1, 10.0])
def test_weights_are_those_of_scikit_learn(strength, classes):
    features, labels = mixed(500, classes=classes)
    features = (features - features.mean(dim=0)) / features.std(dim=0, correction=0)
    weight, bias = logistic.fit(features, labels, strength=strength, tolerance=1e-6)
    theirs = LogisticRegression(C=strength, tol=1e-8, max_iter=5000).fit(features.double().numpy(), labels.numpy())
    coef, intercept = (torch.from_numpy(part).float() for part in (theirs.coef_, theirs.intercept_))
    bias = bias - bias.mean()  # a constant for all classes changes nothing
    if classes == 2:
        weight, bias = weight[1:] - weight[:1], bias[1:] - bias[:1]
    torch.testing.assert_close(weight, coef, rtol=0, atol=2e-3)
    torch.testing.assert_close(bias, intercept - intercept.mean() * (classes > 2), rtol=0, atol=2e-3)


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("strength", [0.001, 0.1])
def test_accuracy_is_that_of_the_probe_on_the_processor(strength, classes):
    known, new = mixed(120, classes=classes), mixed(2000, classes=classes, seed=1)
    expected = linear_probe(*known, *new, strength=strength)
    assert 0.3 < expected < 0.98
    assert logistic.accuracy(*known, *new, strength=strength) == pytest.approx(expected, abs=0.003)


def test_labels_need_not_count_from_0_without_gaps_and_a_constant_feature_does_no_harm():
    (features, labels), (new, new_labels) = mixed(500), mixed(500, seed=1)
    plain = logistic.accuracy(features, labels, new, new_labels, strength=0.1)
    features = torch.cat([features, torch.full((500, 1), 0.1)], dim=1)  # whose mean is a rounding away from it
    new = torch.cat([new, torch.full((500, 1), 0.2)], dim=1)
    assert logistic.accuracy(features, 3 * labels + 2, new, 3 * new_labels + 2, strength=0.1) == plain
    assert logistic.accuracy(features, 3 * labels + 2, new, new_labels, strength=0.1) < 0.5


@pytest.mark.parametrize(
    "inside", [torch.no_grad, torch.inference_mode, functools.partial(torch.autocast, "cpu", torch.bfloat16)]
)
def test_it_works_inside_of_what_turns_gradients_off_or_rounds(inside):
    known, new = mixed(200), mixed(200, seed=1)
    expected = logistic.accuracy(*known, *new, strength=0.1)
    with inside():
        found = logistic.accuracy(*(part.clone() for part in (*known, *new)), strength=0.1)
    assert found == expected > 0.6


class Elsewhere(torch.Tensor):
    """A tensor that says it isn't on the CPU."""

    is_cpu = False


def test_features_that_are_elsewhere_are_judged_there(monkeypatch):
    known, new = mixed(200), mixed(200, seed=1)
    asked = []
    monkeypatch.setattr(logistic, "accuracy", lambda *given, strength: asked.append(strength) or 0.25)
    moved = known[0].as_subclass(Elsewhere)
    assert linear_probe(moved, known[1], *new, strength=0.3) == 0.25
    assert linear_probe(*known, *new) != 0.25
    assert asked == [0.3]
    with pytest.raises(ValueError, match="a linear probe needs images of at least two classes, got one"):
        linear_probe(moved, torch.zeros_like(known[1]), *new)


def test_only_features_that_are_to_stay_do(monkeypatch):
    asked = []
    extract = evaluate.extract_features
    monkeypatch.setattr(
        evaluate, "extract_features", lambda *given, stay=False: asked.append(stay) or extract(*given, stay=stay)
    )
    train, test = load("shapes", size=40), load("shapes", "test")[:20]
    judge(small_cnn(), train, test)
    to_judge(small_cnn(), train, test)
    assert asked == [True, True, False, False]


@on_a_gpu
def test_a_gpu_judges_as_the_processor_does():
    encoder, train, test = small_cnn(), load("shapes", size=1000), load("shapes", "test")
    expected = judge(encoder, train, test)
    found = judge(encoder.cuda(), train, test)
    assert found == pytest.approx(expected, abs=0.01)
    known = to_judge(encoder, train, test, stay=True)
    assert {part.device.type for part in known} == {"cuda"}
    assert found["knn"] == knn_accuracy(*known)
    assert {part.device.type for part in to_judge(encoder, train, test)} == {"cpu"}
