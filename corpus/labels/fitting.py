"""Fitting of the small linear models: softmax and logistic regression by full-batch Newton and gradient steps."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from corpus.labels.domains import Floats, sigmoid
from corpus.labels.source_types import softmax


def fit_logistic(features: Floats, targets: Floats, weights: Floats, ridge: float = 1.0) -> Floats:
    """Return float64[k], the ridge logistic regression of ``targets`` on ``features`` float64[n, k] (Newton, 50 steps).

    ``targets`` float64[n] lie in 0..1 (probabilities will do), ``weights`` are
    per row; the penalty spares the first column, the intercept.
    """
    beta = np.zeros(features.shape[1])
    penalty = np.full(features.shape[1], ridge)
    penalty[0] = 1e-6
    for _ in range(50):
        chances = sigmoid(features @ beta)
        gradient = features.T @ (weights * (targets - chances)) - penalty * beta
        curvature = (features * (weights * np.maximum(chances * (1 - chances), 1e-6))[:, None]).T @ features
        step = np.linalg.solve(curvature + np.diag(penalty), gradient)
        size = np.abs(step).max()
        beta = beta + step * min(1.0, 2.0 / size) if size > 0 else beta
        if size < 1e-8:
            break
    return np.asarray(beta, np.float64)


def fit_softmax(
    features: Floats,
    targets: npt.NDArray[np.int64],
    classes: int,
    weights: Floats,
    ridge: float = 1e-3,
    steps: int = 600,
) -> tuple[Floats, Floats]:
    """Return ``(weights float64[k, classes], bias float64[classes])`` of a ridge softmax regression.

    Full-batch gradient descent with Nesterov momentum on standardised columns; deterministic.
    """
    mean = np.average(features, axis=0, weights=weights)
    spread = np.sqrt(np.average((features - mean) ** 2, axis=0, weights=weights)) + 1e-6
    scaled = np.concatenate([(features - mean) / spread, np.ones((len(features), 1))], axis=1)
    wanted = np.eye(classes)[targets]
    share = (weights / weights.sum())[:, None]
    beta = np.zeros((scaled.shape[1], classes))
    look = beta
    # The largest curvature of the mean softmax loss is at most half the largest eigenvalue of the second moment.
    rate = 1.0 / (0.5 * float(np.linalg.eigvalsh((scaled * share).T @ scaled).max()) + ridge)
    for step in range(steps):
        slope = scaled.T @ (share * (softmax(scaled @ look) - wanted)) + ridge * look
        following = look - rate * slope
        look = following + step / (step + 3) * (following - beta)
        beta = following
    coefficients = beta[:-1] / spread[:, None]
    return coefficients, beta[-1] - mean @ coefficients
