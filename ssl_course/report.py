"""What one accuracy hides where classes are uneven: each class's own numbers beside what the largest has for free."""

import warnings
from collections.abc import Sequence

import numpy as np
from sklearn.metrics import average_precision_score, precision_recall_curve
from torch import Tensor

from ssl_course.evaluate import fit_probe, probe_scores
from ssl_course.folders import enumerated


def class_report(
    train_features: Tensor,
    train_labels: Tensor,
    test_features: Tensor,
    test_labels: Tensor,
    classes: Sequence[str] = (),
    *,
    recall: float = 0.9,
    balanced: bool = False,
) -> dict:
    """How a linear probe does on each class.

    Args:
        train_features, test_features: (N, D) and (M, D).
        train_labels, test_labels: (N,) and (M,), whole numbers from 0.
        classes: the names behind the labels; default the numbers.
        recall: share of a class that has to be found, for the precision that this costs.
        balanced: whether the probe weighs all classes alike, however rare.

    Returns:
        majority: share of the test images in its largest class, the accuracy of always saying its name.
        accuracy: as `linear_probe`.
        balanced_accuracy: mean share found over the classes that have test images.
        classes: for each name: test (how many images), found, missed, false_alarms (images of others given its name),
            average_precision (area under precision over recall, by the probe's probability; a random order has the
            class's share) and precision_at_recall. The last two are None for a class without an example in training
            or test.

    Raises:
        ValueError: as `linear_probe`, or if recall isn't in (0, 1].
    """
    if not 0 < recall <= 1:
        raise ValueError(f"recall must be in (0, 1], got {recall}")
    probe = fit_probe(train_features, train_labels, test_features, test_labels, balanced=balanced)
    scores, known = probe_scores(probe, test_features), probe.classes_.tolist()
    said, true = np.asarray(known)[scores.argmax(axis=1)], test_labels.numpy()
    names = list(classes) or [str(label) for label in range(int(max(train_labels.max(), test_labels.max())) + 1)]
    rows = {}
    for label, name in enumerate(names):
        own, found = true == label, int(((said == label) & (true == label)).sum())
        row = {"test": int(own.sum()), "found": found, "missed": int(own.sum()) - found}
        row |= {"false_alarms": int((said == label).sum()) - found, "average_precision": None}
        row |= {"precision_at_recall": None}
        if own.any() and label in known:
            score = scores[:, known.index(label)]
            row["average_precision"] = float(average_precision_score(own, score))
            precision, share, _ = precision_recall_curve(own, score)
            row["precision_at_recall"] = float(precision[share >= recall].max())
        rows[name] = row
    if missing := [name for name, row in rows.items() if not row["test"]]:
        warnings.warn(f"no test image of {enumerated(missing)}: nothing is known of how it is found", stacklevel=2)
    seen = [row for row in rows.values() if row["test"]]
    return {
        "majority": max(row["test"] for row in seen) / len(true),
        "accuracy": float((said == true).mean()),
        "balanced_accuracy": float(np.mean([row["found"] / row["test"] for row in seen])),
        "classes": rows,
    }


def class_table(report: dict, *, recall: float = 0.9, most: int = 20) -> str:
    """A report as text, the classes that are found worst first, `most` of them."""
    rows = sorted(report["classes"].items(), key=lambda item: item[1]["found"] / max(1, item[1]["test"]))
    width = max(8, *(len(name) for name, _ in rows[:most]))
    at = f"precision at {100 * recall:.0f} % found"
    lines = [
        f"{'class':<{width}}{'test':>7}{'found':>7}{'missed':>8}{'false alarms':>14}{'average precision':>19}{at:>27}"
    ]
    for name, row in rows[:most]:
        numbers = (
            "-" if row[key] is None else f"{row[key]:.2f}" for key in ("average_precision", "precision_at_recall")
        )
        counts = f"{row['test']:>7}{row['found']:>7}{row['missed']:>8}{row['false_alarms']:>14}"
        lines.append(f"{name:<{width}}{counts}{next(numbers):>19}{next(numbers):>27}")
    if len(rows) > most:
        lines.append(f"… and {len(rows) - most} more, found more often")
    return "\n".join(lines)
