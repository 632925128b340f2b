"""Fitting of the small logistic models by Newton steps."""

from __future__ import annotations

import numpy as np

from corpus.labels.domains import Floats, sigmoid


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
