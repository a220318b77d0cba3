"""Logistic regression by torch, for features that are on a GPU: scikit-learn's works on the processor alone.

The objective and where it stops are those of `evaluate.fit_probe`, so both give the same classifier up to rounding.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

STEPS = 1000  # of L-BFGS at most
TOLERANCE = 1e-3  # of the largest entry of the gradient


def fit(features: Tensor, labels: Tensor, *, strength: float, tolerance: float = TOLERANCE) -> tuple[Tensor, Tensor]:
    """Weights (classes, D) and biases (classes,) that minimise cross-entropy with an L2 penalty of the weights.

    Args:
        features: (N, D), standardised, on any device.
        labels: (N,), from 0 to the number of classes - 1, on the same device.
        strength: inverse of the penalty, scikit-learn's C.
        tolerance: where to stop.
    """
    classes, penalty = int(labels.max()) + 1, 1 / (2 * strength * len(features))
    if classes == 2:  # there scikit-learn has one row of weights, which are the difference of these two
        penalty = 2 * penalty
    weight = torch.zeros(classes, features.shape[1], device=features.device, requires_grad=True)
    bias = torch.zeros(classes, device=features.device, requires_grad=True)
    solver = torch.optim.LBFGS(
        [weight, bias],
        max_iter=STEPS,
        tolerance_grad=tolerance,
        tolerance_change=0,
        history_size=10,
        line_search_fn="strong_wolfe",
    )

    def loss() -> Tensor:
        solver.zero_grad()
        value = F.cross_entropy(F.linear(features, weight, bias), labels) + penalty * weight.square().sum()
        value.backward()
        return value

    solver.step(loss)
    return weight.detach(), bias.detach()


@torch.inference_mode(False)
def accuracy(
    train_features: Tensor, train_labels: Tensor, test_features: Tensor, test_labels: Tensor, *, strength: float
) -> float:
    """Share of the test features (M, D) whose label the classifier of the training features (N, D) gives, in [0, 1].

    All on one device; features are standardised by the training set's mean and deviation.
    """
    train_features, test_features = (part.detach().clone().float() for part in (train_features, test_features))
    mean, deviation = train_features.mean(dim=0), train_features.std(dim=0, correction=0)
    deviation = torch.where(deviation > 1e-6 * mean.abs(), deviation, 1.0)  # a constant feature stays one
    names, places = train_labels.unique(return_inverse=True)  # (classes,), (N,)
    with torch.autocast(train_features.device.type, enabled=False):
        weight, bias = fit((train_features - mean) / deviation, places.clone(), strength=strength)
        scores = F.linear((test_features - mean) / deviation, weight, bias)  # (M, classes)
    return int((names[scores.argmax(dim=1)] == test_labels).sum()) / len(test_labels)
