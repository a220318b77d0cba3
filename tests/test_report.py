import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, balanced_accuracy_score

from ssl_course.evaluate import fit_probe, linear_probe, probe_scores
from ssl_course.report import class_report, class_table


def drawn(count, share, distance, seed):
    """Features (N, 4) of which the first speaks of a rare class, at some distance, and labels (N,)."""
    generator = torch.Generator().manual_seed(seed)
    labels = (torch.arange(count) < share * count).long()
    features = torch.randn(count, 4, generator=generator)
    features[:, 0] += distance * labels
    return features, labels


def test_a_rare_class_that_is_never_found_shows():
    report = class_report(*drawn(400, 0.05, 0, 0), *drawn(200, 0.05, 0, 1), ("good", "scratched"))
    assert report["majority"] == report["accuracy"] == 0.95
    assert report["balanced_accuracy"] == 0.5
    row = report["classes"]["scratched"]
    assert (row["test"], row["found"], row["missed"], row["false_alarms"]) == (10, 0, 10, 0)
    assert row["average_precision"] < 0.2


def test_the_numbers_are_those_of_scikit_learn():
    known, new = drawn(400, 0.2, 2, 0), drawn(300, 0.2, 2, 1)
    report = class_report(*known, *new, recall=0.8)
    scores = probe_scores(fit_probe(*known, *new), new[0])
    said, true = scores.argmax(axis=1), new[1].numpy()
    assert report["accuracy"] == linear_probe(*known, *new) != report["majority"]
    assert report["majority"] == pytest.approx(0.8)
    assert report["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(true, said))
    for label, row in enumerate(report["classes"].values()):
        assert row["average_precision"] == average_precision_score(true == label, scores[:, label])
        assert row["found"] == ((said == label) & (true == label)).sum()
        assert row["false_alarms"] == ((said == label) & (true != label)).sum()
        assert row["found"] + row["missed"] == row["test"]


def test_precision_at_a_recall_is_the_best_threshold_that_finds_so_many():
    known, new = drawn(400, 0.2, 2, 0), drawn(300, 0.2, 2, 1)
    row = class_report(*known, *new, recall=0.8)["classes"]["1"]
    score, own = probe_scores(fit_probe(*known, *new), new[0])[:, 1], new[1].numpy() == 1
    reached = [own[score >= at].mean() for at in score if own[score >= at].sum() >= 0.8 * own.sum()]
    assert row["precision_at_recall"] == pytest.approx(max(reached))
    perfect = class_report(*drawn(400, 0.2, 50, 0), *drawn(300, 0.2, 50, 1))["classes"]["1"]
    assert perfect["precision_at_recall"] == perfect["average_precision"] == 1


def test_a_class_without_a_test_image_is_named():
    known, (features, labels) = drawn(100, 0.2, 2, 0), drawn(50, 0, 2, 1)
    with pytest.warns(UserWarning, match="no test image of scratched: nothing is known of how it is found"):
        report = class_report(*known, features, labels, ("good", "scratched"))
    assert report["classes"]["scratched"]["average_precision"] is None
    assert report["balanced_accuracy"] == report["accuracy"]


def test_a_class_that_training_never_saw_is_missed():
    features, labels = drawn(60, 0.2, 2, 1)
    report = class_report(*drawn(100, 0.2, 2, 0), features, torch.where(labels == 1, 2, 0), ("a", "b", "c"))
    assert (report["classes"]["c"]["found"], report["classes"]["c"]["missed"]) == (0, 12)
    assert report["classes"]["c"]["average_precision"] is None


def test_the_table_names_the_worst_first():
    report = class_report(*drawn(400, 0.05, 0, 0), *drawn(200, 0.05, 0, 1), ("good", "scratched"))
    head, first, second = class_table(report).splitlines()
    assert first.split()[:5] == ["scratched", "10", "0", "10", "0"]
    assert second.split()[:5] == ["good", "190", "190", "0", "10"]
    assert len({len(line) for line in (head, first, second)}) == 1
    assert class_table(report, most=1).splitlines()[-1] == "… and 1 more, found more often"


@pytest.mark.parametrize("recall", [0, 1.1, np.nan])
def test_a_recall_that_says_nothing_is_refused(recall):
    with pytest.raises(ValueError, match="recall must be in"):
        class_report(*drawn(100, 0.2, 2, 0), *drawn(50, 0.2, 2, 1), recall=recall)


def test_a_balanced_probe_finds_a_rare_class_that_another_gives_up():
    generator = torch.Generator().manual_seed(0)
    labels = (torch.arange(400) % 20 == 0).long()  # 5 %
    features = torch.randn(400, 2, generator=generator) + 1.2 * labels.unsqueeze(1)
    known, new = (features[:200], labels[:200]), (features[200:], labels[200:])
    plain = class_report(*known, *new, ("good", "defect"))
    balanced = class_report(*known, *new, ("good", "defect"), balanced=True)
    assert balanced["classes"]["defect"]["found"] > plain["classes"]["defect"]["found"]
    assert balanced["balanced_accuracy"] > plain["balanced_accuracy"]
