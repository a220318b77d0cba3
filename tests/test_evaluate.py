import copy
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ssl_course import ImageSet, evaluate, load
from ssl_course.evaluate import (
    _as_targets,
    alignment,
    effective_rank,
    extract_features,
    factor_scores,
    feature_deviation,
    few_label_curve,
    fine_tune,
    judge,
    knn_accuracy,
    linear_cka,
    linear_probe,
    raw_pixels,
    uniformity,
)
from ssl_course.networks import small_cnn


@pytest.fixture(autouse=True)
def one_thread():
    """These tensors are so small that several threads would only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def clusters(count, *, noise=0.3, classes=4, width=8):
    """Features (count, width) around one direction per class, and their labels."""
    labels = torch.arange(count) % classes
    return 3 * F.one_hot(labels, width).float() + noise * torch.randn(count, width), labels


# --- linear probe and nearest neighbours


@pytest.mark.parametrize("measure", [linear_probe, knn_accuracy])
def test_separable_features_are_told_apart_without_a_mistake(measure):
    assert measure(*clusters(200), *clusters(100)) == 1.0


@pytest.mark.parametrize("measure", [linear_probe, knn_accuracy])
def test_shuffled_labels_leave_chance(measure):
    features, labels = clusters(400)
    test_features, test_labels = clusters(400)
    shuffled = labels[torch.randperm(400)]
    assert measure(features, shuffled, test_features, test_labels[torch.randperm(400)]) == pytest.approx(0.25, abs=0.1)


def test_the_probe_is_fitted_to_the_training_set_only():
    features, labels = clusters(200)
    test_features, test_labels = clusters(1000)
    whole = linear_probe(features, labels, test_features, (test_labels + 1) % 4)
    assert whole == 0.0
    parts = [linear_probe(features, labels, test_features[i : i + 1], test_labels[i : i + 1]) for i in range(3)]
    assert parts == [1.0, 1.0, 1.0]


def test_the_probe_does_not_mind_the_scale_of_a_feature():
    scale = torch.tensor([1e-3, 1, 1e3, 1, 1, 1, 1, 1])
    features, labels = clusters(200, noise=1.0)
    test_features, test_labels = clusters(200, noise=1.0)
    plain = linear_probe(features, labels, test_features, test_labels)
    scaled = linear_probe(features * scale, labels, test_features * scale, test_labels)
    assert scaled == pytest.approx(plain, abs=0.011)


def test_a_probe_of_one_class_is_refused():
    features, labels = clusters(20)
    with pytest.raises(ValueError, match="a linear probe needs images of at least two classes, got one"):
        linear_probe(features, torch.zeros_like(labels), features, labels)


def wu_accuracy(train_features, train_labels, test_features, test_labels, k, temperature):
    """Wu et al. 2018, section 3.4, one image at a time: w_c = sum of exp(s_i / temperature) over neighbours of c."""
    right = 0
    for feature, label in zip(test_features.double(), test_labels.tolist(), strict=True):
        cosines = [float(F.cosine_similarity(feature, other, dim=0)) for other in train_features.double()]
        votes = {}
        for cosine, voted in sorted(zip(cosines, train_labels.tolist(), strict=True), reverse=True)[:k]:
            votes[voted] = votes.get(voted, 0.0) + math.exp(cosine / temperature)
        right += max(votes, key=votes.get) == label
    return right / len(test_labels)


@pytest.mark.parametrize(("k", "temperature"), [(1, 0.07), (5, 0.07), (20, 0.07), (20, 10.0), (60, 0.5)])
def test_knn_is_the_formula_of_wu_et_al(k, temperature):
    train, test = clusters(60, noise=3.0), clusters(40, noise=3.0)
    expected = wu_accuracy(*train, *test, k, temperature)
    assert 0.25 < expected < 0.95  # neither chance nor easy: a wrong weight would show
    assert knn_accuracy(*train, *test, k=k, temperature=temperature) == pytest.approx(expected)


def test_a_near_neighbour_outvotes_two_far_ones_only_at_a_low_temperature():
    bank, labels = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.6, -0.8]]), torch.tensor([1, 0, 0])
    query, label = torch.tensor([[5.0, 0.0]]), torch.tensor([1])
    assert knn_accuracy(bank, labels, query, label, k=3, temperature=0.07) == 1.0
    assert knn_accuracy(bank, labels, query, label, k=3, temperature=10) == 0.0


def test_knn_at_a_very_low_temperature_is_the_nearest_neighbour_however_far():
    bank, labels = torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]]), torch.tensor([0, 0, 1])
    assert knn_accuracy(bank, labels, torch.tensor([[-1.0, 0.0]]), torch.tensor([1]), k=3, temperature=1e-3) == 1.0


def test_k_larger_than_the_training_set_means_all_of_it():
    train, test = clusters(30, noise=2.0), clusters(50, noise=2.0)
    assert knn_accuracy(*train, *test, k=5000) == knn_accuracy(*train, *test, k=30)


def test_knn_is_the_same_for_more_test_images_than_go_through_at_once():
    train, (features, labels) = clusters(50, noise=2.0), clusters(1500, noise=2.0)
    halves = [knn_accuracy(*train, features[part], labels[part]) for part in (slice(750), slice(750, 1500))]
    assert knn_accuracy(*train, features, labels) == pytest.approx(sum(halves) / 2)


@pytest.mark.parametrize("bad", [{"k": 0}, {"k": -1}, {"temperature": 0.0}, {"temperature": float("nan")}])
def test_knn_refuses_a_k_or_temperature_that_is_not_positive(bad):
    with pytest.raises(ValueError, match="k and temperature must be positive, got"):
        knn_accuracy(*clusters(20), *clusters(20), **bad)


@pytest.mark.parametrize("measure", [linear_probe, knn_accuracy, few_label_curve])
def test_features_and_labels_that_do_not_fit_are_refused(measure):
    features, labels = clusters(20)
    with pytest.raises(ValueError, match=r"train features and labels must be .* got \(20, 8\) and \(5,\)"):
        measure(features, labels[:5], features, labels)
    with pytest.raises(ValueError, match=r"test features and labels must be .* got \(20, 2, 4\) and \(20,\)"):
        measure(features, labels, features.view(20, 2, 4), labels)
    with pytest.raises(ValueError, match=r"test .* with N at least 1, got \(0, 8\) and \(0,\)"):
        measure(features, labels, features[:0], labels[:0])
    with pytest.raises(ValueError, match="differ in width: 8 and 5"):
        measure(features, labels, features[:, :5], labels)


@pytest.mark.parametrize("measure", [linear_probe, knn_accuracy, few_label_curve])
@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("part", ["train", "test"])
def test_features_that_are_not_finite_are_not_judged(measure, broken, part):
    (features, labels), others = clusters(20), clusters(20)
    features[3, 2] = broken
    given = (features, labels, *others) if part == "train" else (*others, features, labels)
    with pytest.raises(ValueError, match=rf"{part} features must be finite, got 1 of 160 numbers that aren't"):
        measure(*given)


@pytest.mark.parametrize("measure", [effective_rank, feature_deviation, uniformity])
def test_collapse_of_features_that_are_not_finite_is_not_measured(measure):
    with pytest.raises(ValueError, match="features must be finite, got 3 of 8 numbers"):
        measure(torch.tensor([[1.0, math.nan, 2.0, 3.0], [math.inf, 0.0, -math.inf, 1.0]]))


def test_alignment_and_factors_of_features_that_are_not_finite_are_not_measured():
    good, bad, factors = torch.randn(4, 2), torch.full((4, 2), math.nan), load("shapes", size=4).factors
    with pytest.raises(ValueError, match="z2 features must be finite, got 8 of 8"):
        alignment(good, bad)
    with pytest.raises(ValueError, match="test features must be finite, got 8 of 8"):
        factor_scores(good, factors, bad, factors)


@pytest.mark.parametrize("measure", [linear_probe, knn_accuracy, few_label_curve])
@pytest.mark.parametrize("labels", [-1 + torch.arange(20) % 4, (torch.arange(20) % 4).float(), torch.full((20,), -100)])
def test_labels_that_do_not_count_from_0_are_refused(measure, labels):
    with pytest.raises(ValueError, match="labels must be whole numbers that count from 0, got torch"):
        measure(torch.randn(20, 8), labels, *clusters(20))
    with pytest.raises(ValueError, match="test labels must be whole numbers that count from 0, got torch"):
        measure(*clusters(20), torch.randn(20, 8), labels)


@pytest.mark.parametrize("measure", [linear_probe, knn_accuracy])
@pytest.mark.parametrize("factor", [10**9, 2**40, 7])
def test_large_labels_cost_no_more_memory_than_small_ones(measure, factor):
    train, test = clusters(60, noise=2.0), clusters(60, noise=2.0)
    assert measure(train[0], factor * train[1], test[0], factor * test[1]) == measure(*train, *test)


def test_as_many_classes_as_images_cost_no_square_of_memory():
    features, labels = torch.randn(200_000, 8), torch.arange(200_000)  # a row of zeros and a one for each: 160 GB
    assert knn_accuracy(features, labels, features[:5], labels[:5], k=1) == 1.0


def test_a_class_that_only_the_test_has_is_never_right():
    train, (features, labels) = clusters(40), clusters(40)
    assert knn_accuracy(*train, features, torch.where(labels == 3, 9, labels)) == 0.75


def test_the_probe_is_fitted_until_it_converges():
    """One of thirty directions carries the class, and mixing hides it: five iterations reach 0.71, twenty 0.81."""
    torch.manual_seed(1)
    labels = torch.arange(400) % 2
    mixing = torch.randn(30, 30) @ torch.diag(torch.logspace(0, -1.5, 30))
    features = torch.cat([torch.randn(400, 29), 4.0 * labels[:, None] + torch.randn(400, 1)], dim=1) @ mixing.T
    known = features[:200], labels[:200], features[200:], labels[200:]
    fitted = newton_accuracy(*known, strength=10)
    assert fitted > 0.82
    assert linear_probe(*known, strength=10) == pytest.approx(fitted, abs=0.01)


def test_the_judges_measure_what_the_course_says_if_nothing_else_is_asked():
    train, test = clusters(100, noise=3.0, width=50), clusters(300, noise=3.0, width=50)
    assert knn_accuracy(*train, *test) == pytest.approx(wu_accuracy(*train, *test, 20, 0.07))
    assert linear_probe(*train, *test) == linear_probe(*train, *test, strength=0.1)
    assert linear_probe(*train, *test) != linear_probe(*train, *test, strength=10)


def newton_accuracy(features, labels, test_features, test_labels, strength):
    """Logistic regression of two classes by 50 steps of Newton's method, on standardised features, in float64."""
    mean, deviation = features.double().mean(0), features.double().std(0, unbiased=False)
    x, new = (F.pad((part.double() - mean) / deviation, (0, 1), value=1) for part in (features, test_features))
    penalty = torch.eye(x.shape[1], dtype=torch.float64) / strength
    penalty[-1, -1] = 0  # the bias is free
    weights = torch.zeros(x.shape[1], dtype=torch.float64)
    for _ in range(50):
        p = torch.sigmoid(x @ weights)
        gradient = x.T @ (p - labels) + penalty @ weights
        weights -= torch.linalg.solve((x.T * (p * (1 - p))) @ x + penalty, gradient)
    return float(((new @ weights > 0) == test_labels.bool()).double().mean())


# --- few labels


def test_the_few_label_curve_counts_its_labels_and_draws():
    curve = few_label_curve(*clusters(400), *clusters(100), fractions=(0.01, 0.1, 1.0), draws=3)
    assert [row["fraction"] for row in curve] == [0.01, 0.1, 1.0]
    assert [row["labels"] for row in curve] == [4, 40, 400]
    assert [row["draws"] for row in curve] == [3, 3, 1]
    assert all(set(row) == {"fraction", "labels", "accuracy", "deviation", "draws"} for row in curve)


def test_every_class_keeps_a_label_however_few():
    features = torch.eye(10).repeat(11, 1)[:101]
    labels = torch.arange(10).repeat(11)[:101]
    (row,) = few_label_curve(features, labels, torch.eye(10), torch.arange(10), fractions=(1e-6,), draws=2)
    assert (row["labels"], row["accuracy"]) == (10, 1.0)


def test_all_labels_are_drawn_once_and_give_the_linear_probe():
    train, test = clusters(100, noise=3.0), clusters(100, noise=3.0)
    (row,) = few_label_curve(*train, *test, fractions=(1,), draws=7)
    assert row["accuracy"] == linear_probe(*train, *test)
    assert (row["draws"], row["deviation"]) == (1, 0.0)


def test_the_draws_differ_and_the_seed_decides_them():
    train, test = clusters(200, noise=3.0), clusters(200, noise=3.0)
    one, same, other = (few_label_curve(*train, *test, fractions=(0.05,), draws=3, seed=seed)[0] for seed in (0, 0, 1))
    assert one == same
    assert one["deviation"] > 0
    assert one["accuracy"] != other["accuracy"]


def test_a_draw_does_not_depend_on_the_other_shares():
    train, test = clusters(200, noise=3.0), clusters(200, noise=3.0)
    (alone,) = few_label_curve(*train, *test, fractions=(0.05,), draws=3, seed=4)
    after = few_label_curve(*train, *test, fractions=(0.02, 0.1, 0.05), draws=3, seed=4)[-1]
    (more,) = few_label_curve(*train, *test, fractions=(0.05,), draws=4, seed=4)
    assert alone == after
    assert more["accuracy"] != alone["accuracy"]
    assert alone["deviation"] > 0  # the draws differ


def test_two_shares_do_not_draw_the_same_images(monkeypatch):
    drawn = []
    monkeypatch.setattr(evaluate, "linear_probe", lambda known, *_: drawn.append(set(known[:, 0].tolist())) or 0.5)
    places, labels = torch.arange(400.0)[:, None], torch.arange(400) % 2
    few_label_curve(places, labels, places, labels, fractions=(0.1, 0.2), draws=2)
    small, large = drawn[0], drawn[2]
    assert (len(small), len(large)) == (40, 80)
    assert len(small & large) < 25  # 8 by chance; all 40 if both shares were drawn from one shuffle


@pytest.mark.parametrize("bad", [{"fractions": (0,)}, {"fractions": (1.5,)}, {"draws": 0}])
def test_impossible_fractions_and_draws_are_refused(bad):
    with pytest.raises(ValueError, match=r"fractions must be in \(0, 1\], got|draws must be at least 1, got 0"):
        few_label_curve(*clusters(20), *clusters(20), **bad)


# --- extract_features


@pytest.fixture(scope="module")
def images():
    return load("shapes", size=60).images


def settled(encoder, images):
    """The encoder after its batch norms have seen some images, as after training."""
    encoder.train()
    with torch.no_grad():
        for _ in range(5):
            encoder(images[:20].float() / 255)
    return encoder


def test_features_are_the_encoder_in_evaluation_mode_in_order(images):
    encoder = settled(small_cnn(4), images)
    expected = copy.deepcopy(encoder).eval()(images.float() / 255)
    features = extract_features(encoder, images)
    assert (features.dtype, features.requires_grad) == (torch.float32, False)
    torch.testing.assert_close(features, expected.detach())


def test_features_do_not_depend_on_the_batch_size_or_the_neighbours(images):
    encoder = settled(small_cnn(4), images)
    whole = extract_features(encoder, images)
    torch.testing.assert_close(extract_features(encoder, images, batch_size=7), whole)
    torch.testing.assert_close(extract_features(encoder, images.flip(0)), whole.flip(0))


def test_extracting_changes_no_weight_no_statistic_and_no_mode(images):
    encoder = settled(small_cnn(4), images)
    encoder.blocks[0].eval()  # a frozen part has its own mode
    encoder.blocks[1].first_norm.eval()
    before, modes = copy.deepcopy(encoder.state_dict()), [module.training for module in encoder.modules()]
    extract_features(encoder, images)
    assert [module.training for module in encoder.modules()] == modes
    assert {True, False} == set(modes)
    for name, value in encoder.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_the_modes_come_back_after_an_error_too(images):
    encoder = nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(5, 2)).train()
    with pytest.raises(RuntimeError):
        extract_features(encoder, images)
    assert all(module.training for module in encoder.modules())


def test_pixels_reach_the_encoder_in_0_to_1(images):
    pixels = extract_features(nn.Flatten(), images)
    torch.testing.assert_close(pixels, raw_pixels(images))
    assert (float(pixels.min()), float(pixels.max())) == (0.0, 1.0)


def test_features_that_are_not_finite_are_refused(images):
    encoder = small_cnn(4)
    with torch.no_grad():
        encoder.stem.weight[0, 0, 0, 0] = float("nan")
    with pytest.raises(ValueError, match=r"the encoder's features are not finite: .* go back to an earlier checkpoint"):
        extract_features(encoder, images)


@pytest.mark.parametrize("kind", ["float", "one image", "none", "ImageSet"])
def test_only_uint8_images_are_taken(images, kind):
    given = {"float": images / 255, "one image": images[0], "none": images[:0], "ImageSet": ImageSet(images)}[kind]
    with pytest.raises(ValueError, match=r"images must be a uint8 tensor \(N, C, H, W\) with N at least 1, got"):
        extract_features(small_cnn(4), given)


# --- collapse measures


@pytest.mark.parametrize("row", [torch.ones(8), torch.zeros(8), 1e6 * torch.randn(8), 1e-6 * torch.randn(8)])
def test_equal_features_have_rank_one_and_no_deviation(row):
    features = row.repeat(50, 1)
    assert effective_rank(features) == pytest.approx(1.0)
    assert feature_deviation(features) == pytest.approx(0.0, abs=1e-6)


def test_features_equal_up_to_float32_rounding_have_rank_one():
    row = torch.randn(1, 32, dtype=torch.float64)
    rounded = (row * (1 + 6e-8 * torch.randn(200, 32, dtype=torch.float64))).float()
    assert len(rounded.unique(dim=0)) > 100
    assert effective_rank(rounded) == 1.0


@pytest.mark.parametrize("scale", [1e-5, 1.0, 1e5])
def test_features_in_all_directions_alike_have_full_rank(scale):
    features = scale * torch.cat([torch.eye(6), -torch.eye(6)])
    assert effective_rank(features) == pytest.approx(6.0, rel=1e-5)
    assert effective_rank(scale * torch.randn(5000, 6)) == pytest.approx(6.0, rel=0.01)


def test_two_singular_values_give_the_exponential_of_their_entropy():
    features = torch.tensor([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]])  # singular values in proportion 3 : 1
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert effective_rank(features) == pytest.approx(math.exp(entropy))
    assert effective_rank(features + 100) == pytest.approx(math.exp(entropy), rel=1e-4)  # the mean is taken off


def test_deviation_is_one_when_directions_fill_the_sphere_and_ignores_length():
    features = torch.randn(5000, 16)
    assert feature_deviation(features) == pytest.approx(1.0, abs=0.02)
    assert feature_deviation(features * torch.rand(5000, 1)) == pytest.approx(feature_deviation(features))
    assert feature_deviation(features.abs() * torch.rand(5000, 1)) < 0.7  # one orthant only


def test_alignment_is_the_mean_squared_distance_of_directions():
    z1, z2 = torch.randn(10, 5), torch.randn(10, 5)
    total = 0.0
    for a, b in zip(z1, z2, strict=True):
        total += float((a / a.norm() - b / b.norm()).norm() ** 2)
    assert alignment(z1, z2) == pytest.approx(total / 10, rel=1e-5)
    assert alignment(z1, 7 * z1) == pytest.approx(0.0, abs=1e-6)
    assert alignment(z1, -z1) == pytest.approx(4.0)


def test_uniformity_is_the_log_of_the_mean_potential_over_pairs():
    z = torch.randn(8, 5, dtype=torch.float64)
    unit = z / z.norm(dim=1, keepdim=True)
    pairs = [math.exp(-2 * float((unit[i] - unit[j]).square().sum())) for i in range(8) for j in range(i)]
    assert uniformity(z) == pytest.approx(math.log(sum(pairs) / len(pairs)))
    assert uniformity(torch.ones(8, 5)) == pytest.approx(0.0, abs=1e-6)
    assert uniformity(torch.tensor([[1.0, 0.0], [-1.0, 0.0]])) == pytest.approx(-8.0)


@pytest.mark.parametrize("measure", [effective_rank, feature_deviation, uniformity])
@pytest.mark.parametrize("shape", [(1, 4), (0, 4), (4,), (3, 4, 2)])
def test_collapse_needs_two_rows_of_features(measure, shape):
    with pytest.raises(ValueError, match=r"features must be \(N, D\) with N at least 2, got"):
        measure(torch.zeros(shape))


def test_alignment_refuses_views_of_different_shapes():
    with pytest.raises(ValueError, match=r"one shape, got \(4, 3\) and \(5, 3\)"):
        alignment(torch.zeros(4, 3), torch.zeros(5, 3))


# --- a whole encoder


def test_judge_gives_the_two_columns_of_a_table():
    train, test = load("shapes", size=100), load("shapes", "test", size=50)
    encoder = small_cnn(4)
    features = extract_features(encoder, train.images), extract_features(encoder, test.images)
    known = features[0], train.labels, features[1], test.labels
    assert judge(encoder, train, test) == {"linear_probe": linear_probe(*known), "knn": knn_accuracy(*known)}


def test_judge_of_no_encoder_is_of_the_raw_pixels():
    whole = load("shapes", size=90)
    small = ImageSet(whole.images[:, :, ::8, ::8], whole.labels)
    train, test = small[:60], small[60:]
    pixels = raw_pixels(train.images), train.labels, raw_pixels(test.images), test.labels
    assert pixels[0].shape == (60, 3 * 4 * 4)
    assert judge(None, train, test) == {"linear_probe": linear_probe(*pixels), "knn": knn_accuracy(*pixels)}


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("evaluation", [judge, lambda *sets: fine_tune(*sets, epochs=1)])
def test_images_without_labels_are_refused(split, evaluation):
    sets = {"train": load("shapes", size=20), "test": load("shapes", "test", size=20)}
    sets[split] = ImageSet(sets[split].images)
    with pytest.raises(ValueError, match=f"needs labels, and the 20 {split} images have none .* one folder per class"):
        evaluation(small_cnn(4), sets["train"], sets["test"])


def coloured(classes, labels=None, count=24):
    """Images of one colour per class, by name, so that a probe is right without a mistake if the names are."""
    colours = {"ant": (250, 20, 20), "bee": (20, 250, 20), "cat": (20, 20, 250)}
    labels = torch.arange(count) % len(classes) if labels is None else labels
    pixels = torch.tensor([colours[classes[int(label)]] for label in labels], dtype=torch.uint8)
    return ImageSet(pixels[:, :, None, None].repeat(1, 1, 4, 4), labels, classes)


EVALUATIONS = [judge, lambda _, *sets: fine_tune(small_cnn(2), *sets, **SHORT | {"epochs": 1})]
OTHER_CLASSES = {
    "a class less": (("ant", "cat"), "bee only in train"),
    "a class more": (("ant", "bee", "cat", "dog"), "dog only in test"),
    "another class": (("ant", "bee", "fox"), "cat only in train and fox only in test"),
    "another order": (("cat", "bee", "ant"), "the same in another order"),
    "another case": (("Ant", "bee", "cat"), "ant only in train and Ant only in test"),
}


@pytest.mark.parametrize("evaluation", EVALUATIONS, ids=["judge", "fine_tune"])
@pytest.mark.parametrize("case", OTHER_CLASSES)
def test_images_of_other_classes_are_not_compared_as_bare_numbers(evaluation, case):
    train, (classes, said) = coloured(("ant", "bee", "cat")), OTHER_CLASSES[case]
    test = ImageSet(train.images, train.labels % len(classes), classes)
    with pytest.raises(
        ValueError, match=f"train and test images have different classes, {said}.*: load both as splits"
    ):
        evaluation(None, train, test)


def test_the_same_classes_are_judged_and_a_set_without_names_is_taken_by_its_numbers():
    train, test = coloured(("ant", "bee", "cat")), coloured(("ant", "bee", "cat"), torch.tensor([2, 2, 0]))
    assert judge(None, train, test)["linear_probe"] == 1.0
    assert judge(None, train, ImageSet(test.images, test.labels))["linear_probe"] == 1.0


@pytest.mark.parametrize("evaluation", EVALUATIONS, ids=["judge", "fine_tune"])
@pytest.mark.parametrize("part", ["train", "test"])
def test_labels_without_names_must_be_among_the_other_sets_classes(evaluation, part):
    named = coloured(("ant", "bee", "cat"))
    sets = {"train": named, "test": named} | {part: ImageSet(named.images, named.labels + 5)}
    with pytest.raises(ValueError, match=f"{part} labels go to 7, but there are 3 classes"):
        evaluation(None, sets["train"], sets["test"])


SHORT = {"epochs": 2, "batch_size": 20, "augment": nn.Identity(), "device": "cpu", "progress": False}


def on_light_ground(split, size):
    """Built-in images with an easier question, so that seconds are enough: is the ground dark or light?"""
    shapes = load("shapes", split, size=size)
    return ImageSet(shapes.images, (shapes.factors["ground"] > 0.5).long(), ("dark", "light"))


def test_fine_tuning_beats_chance_and_leaves_the_encoder_untouched():
    train, test, encoder = on_light_ground("train", 200), on_light_ground("test", 100), small_cnn(4).train()
    before = copy.deepcopy(encoder.state_dict())
    assert fine_tune(encoder, train, test, **SHORT) > 0.65  # chance is about 0.5
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())
    assert encoder.training
    assert all(parameter.grad is None for parameter in encoder.parameters())


def test_fine_tuning_trains_the_encoder_and_not_the_classifier_alone():
    class Blank(nn.Module):
        """Says nothing of its images until it is trained: all its features are a bias."""

        dim = 4

        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(3, 4)
            nn.init.zeros_(self.linear.weight)

        def forward(self, images):
            return self.linear(10 * images.mean(dim=(2, 3)))

    labels = torch.tensor([0, 1]).repeat(50)
    images = (20 + 200 * labels).to(torch.uint8).view(100, 1, 1, 1).repeat(1, 3, 4, 4)
    sets = ImageSet(images, labels, ("dark", "light"))
    assert fine_tune(Blank(), sets, sets, **SHORT | {"lr": 0.1, "epochs": 10}) > 0.9


def test_fine_tuning_is_judged_on_the_test_images():
    """Trained to tell dark from light; in the test, light is called dark, so every right answer is a wrong one."""
    train, test = on_light_ground("train", 200), on_light_ground("test", 100)
    options = SHORT | {"epochs": 4, "lr": 2e-2}
    right = fine_tune(small_cnn(4), train, test, **options)
    assert right > 0.8
    swapped = ImageSet(test.images, 1 - test.labels, test.classes)
    assert fine_tune(small_cnn(4), train, swapped, **options) == pytest.approx(1 - right)


def test_fine_tuning_starts_from_the_encoders_weights():
    """An encoder that passes on the mean of each channel, and one that passes on nothing, hardly trained further."""

    class Channels(nn.Module):
        dim = 3

        def __init__(self, weight):
            super().__init__()
            self.linear = nn.Linear(3, 3, bias=False)
            self.linear.weight.data = weight * torch.eye(3)

        def forward(self, images):
            return self.linear(images.mean(dim=(2, 3)))

    images, options = coloured(("ant", "bee", "cat"), count=60), SHORT | {"epochs": 40, "lr": 2e-2}
    knows, nothing = Channels(10.0), Channels(0.0)
    for parameter in (*knows.parameters(), *nothing.parameters()):
        parameter.requires_grad_(False)
    assert fine_tune(knows, images, images, **options) == 1.0
    assert fine_tune(nothing, images, images, **options) < 0.4


@pytest.mark.parametrize("classes", [(), ("dark", "light")])
def test_an_interrupted_fine_tuning_is_no_result(classes):
    images = ImageSet(on_light_ground("train", 60).images, torch.arange(60) % 2, classes)

    def stop(record):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="fine-tuning was stopped by hand"):
        fine_tune(small_cnn(2), images, images, **SHORT, on_epoch=stop)


def test_large_labels_cost_fine_tuning_no_more_than_small_ones():
    images = on_light_ground("train", 60).images
    sets = [ImageSet(images, factor * (torch.arange(60) % 3)) for factor in (1, 10**9)]
    scores = [fine_tune(small_cnn(2), part, part, **SHORT) for part in sets]
    assert scores[0] == scores[1]


def test_fine_tuning_with_the_same_seed_gives_the_same_accuracy():
    train, encoder = load("shapes", size=100), small_cnn(2)
    scores = []
    for noise in (1, 2):
        torch.manual_seed(noise)  # what was drawn before doesn't matter
        scores.append(fine_tune(encoder, train, train, **SHORT, seed=5))
    assert scores[0] == scores[1]


# --- known factors, and the similarity of two encoders


def known_factors(count=400):
    drawn = load("shapes", size=count)
    return drawn.factors


def features_of(factors, *names):
    """Features from which exactly these factors can be read linearly, turned at random."""
    columns = torch.cat([_as_targets(name, factors[name]) for name in names], dim=1)
    mixed = torch.cat([columns, torch.randn(len(columns), 4, dtype=torch.float64)], dim=1)
    rotation, _ = torch.linalg.qr(torch.randn(mixed.shape[1], mixed.shape[1], dtype=torch.float64))
    return (mixed @ rotation).float()


def split_scores(features, factors, half=300):
    first, second = (
        {name: values[part] for name, values in factors.items()} for part in (slice(half), slice(half, None))
    )
    return factor_scores(features[:half], first, features[half:], second)


@pytest.mark.parametrize("present", [("x", "size"), ("hue",), ("ground", "ground_hue"), ("contrast", "y")])
def test_factor_scores_find_what_is_in_the_features_and_only_that(present):
    factors = known_factors()
    torch.manual_seed(0)
    scores = split_scores(features_of(factors, *present), factors)
    assert set(scores) == set(factors) - {"class"}
    assert all(scores[name] > 0.95 for name in present)
    absent = set(scores) - set(present) - ({"contrast", "ground"} if {"contrast", "ground"} & set(present) else set())
    assert all(scores[name] < 0.2 for name in absent)  # contrast and ground go together: dark ground, light shape


def test_the_angle_is_read_within_each_class_that_has_one():
    factors = known_factors(3000)
    turned = factors["angle"] + 100.0 * factors["class"]  # each class has its own zero
    radians = torch.deg2rad(turned.double())
    features = torch.stack([radians.cos(), radians.sin()], dim=1).float()
    assert split_scores(features, factors, 2000)["angle"] > 0.99


def test_factors_that_are_only_noise_score_zero_and_never_less():
    factors = known_factors()
    assert all(0 <= score < 0.1 for score in split_scores(torch.randn(400, 3), factors).values())


def test_images_without_factors_have_no_scores():
    with pytest.raises(ValueError, match="only the built-in data has known factors"):
        factor_scores(torch.randn(4, 2), {}, torch.randn(4, 2), {})


def cka_by_kernels(a, b):
    """Equation 3 of Kornblith et al. 2019 with centred Gram matrices."""
    count = len(a)
    centring = torch.eye(count, dtype=torch.float64) - 1 / count
    k, m = (centring @ (part.double() @ part.double().T) @ centring for part in (a, b))
    return float((k * m).sum() / (k.norm() * m.norm()))


def unbiased_hsic(a, b):
    """HSIC_1 of Song et al. 2012, image by image."""
    count = len(a)
    k, m = ((part.double() @ part.double().T).tolist() for part in (a, b))
    trace = rows = 0.0
    whole = [0.0, 0.0]
    for i in range(count):
        k[i][i] = m[i][i] = 0.0
        trace += sum(k[i][j] * m[j][i] for j in range(count) if j != i)
        whole = [whole[0] + sum(k[i]), whole[1] + sum(m[i])]
        rows += sum(k[i]) * sum(m[i])
    terms = trace + whole[0] * whole[1] / ((count - 1) * (count - 2)) - 2 * rows / (count - 2)
    return terms / (count * (count - 3))


def related(count=30):
    a = torch.randn(count, 5)
    return a, torch.cat([a[:, :2], torch.randn(count, 6)], dim=1)


@pytest.mark.parametrize("count", [30, 5, 4])
def test_linear_cka_is_the_unbiased_formula(count):
    a, b = related(count)
    for shift in (0.0, 3.0):  # the estimator takes care of the mean itself
        moved = a.double() + shift
        slow = unbiased_hsic(moved, b) / math.sqrt(unbiased_hsic(moved, moved) * unbiased_hsic(b, b))
        assert linear_cka(a, b) == pytest.approx(slow, abs=1e-9)
    assert linear_cka(a, b) == pytest.approx(linear_cka(b, a))


@pytest.mark.parametrize("count", [30, 5, 4])
def test_linear_cka_without_the_correction_is_the_papers_formula(count):
    a, b = related(count)
    assert linear_cka(a, b, debiased=False) == pytest.approx(cka_by_kernels(a, b), abs=1e-9)


@pytest.mark.parametrize("columns", [128, 3072])
def test_linear_cka_of_independent_noise_is_about_zero_however_wide(columns):
    a, b = torch.randn(1000, 128), torch.randn(1000, columns)
    assert abs(linear_cka(a, b)) < 0.02
    assert linear_cka(a, b, debiased=False) > 0.1


def test_linear_cka_of_noise_is_zero_on_average_at_few_images_too():
    scores = [linear_cka(torch.randn(12, 4), torch.randn(12, 4)) for _ in range(300)]
    assert abs(sum(scores) / len(scores)) < 0.03
    assert min(scores) < 0


@pytest.mark.parametrize("debiased", [True, False])
@pytest.mark.parametrize("scale", [1e-20, 3.0, 1e20])
def test_linear_cka_ignores_rotation_scale_and_shift_and_not_a_single_stretched_direction(debiased, scale):
    a = torch.randn(50, 4, dtype=torch.float64)
    rotation, _ = torch.linalg.qr(torch.randn(4, 4, dtype=torch.float64))
    assert linear_cka(a, a, debiased=debiased) == pytest.approx(1)
    assert linear_cka(a, scale * (a @ rotation + 7), debiased=debiased) == pytest.approx(1)
    assert linear_cka(a, a * torch.tensor([10.0, 1, 1, 1], dtype=torch.float64), debiased=debiased) < 0.9


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (torch.randn(4, 2), torch.randn(5, 2), r"got \(4, 2\) and \(5, 2\)"),
        (torch.randn(3, 2), torch.randn(3, 2), "with N at least 4"),
        (torch.randn(4, 2) / 0, torch.randn(4, 2), "the first features must be finite"),
        (torch.eye(9), torch.randn(9, 2), "all images are equally far from one another"),
        (torch.ones(4, 2), torch.randn(4, 2), "all features are equal"),
    ],
)
def test_linear_cka_refuses(a, b, message):
    with pytest.raises(ValueError, match=message):
        linear_cka(a, b)


def test_a_draw_has_the_share_of_every_class_and_at_least_one():
    labels = torch.tensor([0] * 40 + [1] * 20 + [2])
    chosen = evaluate.draw_labels(labels, 0.1, seed=3)
    assert labels[chosen].bincount().tolist() == [4, 2, 1]
    assert torch.equal(chosen, evaluate.draw_labels(labels, 0.1, seed=3))
    others = [evaluate.draw_labels(labels, 0.1, 1, seed=3), evaluate.draw_labels(labels, 0.1, seed=4)]
    assert not any(torch.equal(chosen, other) for other in others)
