"""Bands and rows from a target threshold, and the S-curve that they draw.

Two documents of similarity s share a band of r rows with probability s**r and
one of b bands with ``1 - (1 - s**r)**b`` (Leskovec, Rajaraman, Ullman, Mining
of Massive Datasets, 3.4). The choice is datasketch's search: minimise the
weighted sum of the area under the curve below the threshold (false candidates)
and of the area above the curve beyond it (missed pairs).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from corpus.config.dedupe import DedupeSettings


@dataclass(frozen=True, slots=True)
class BandShape:
    """``bands`` groups of ``rows`` MinHash values each."""

    bands: int
    rows: int

    @property
    def permutations(self) -> int:
        """MinHash values that the bands use."""
        return self.bands * self.rows

    def probability(self, similarity: float) -> float:
        """Chance that a pair of Jaccard similarity ``similarity`` becomes a candidate."""
        return float(1.0 - (1.0 - similarity**self.rows) ** self.bands)


@cache
def _gauss_legendre(nodes: int = 64) -> tuple[np.ndarray, np.ndarray]:
    return np.polynomial.legendre.leggauss(nodes)


def _integral(shape: BandShape, low: float, high: float) -> float:
    """Area under the S-curve between two similarities. Exact for the polynomial up to degree 127, else to 1e-9."""
    points, weights = _gauss_legendre()
    similarity = (high - low) / 2 * points + (high + low) / 2
    curve = 1.0 - (1.0 - similarity**shape.rows) ** shape.bands
    return float((high - low) / 2 * (weights @ curve))


def false_candidate_area(shape: BandShape, threshold: float) -> float:
    """Area under the S-curve below the threshold: datasketch's false positive probability."""
    return _integral(shape, 0.0, threshold)


def missed_pair_area(shape: BandShape, threshold: float) -> float:
    """Area above the S-curve beyond the threshold: datasketch's false negative probability."""
    return (1.0 - threshold) - _integral(shape, threshold, 1.0)


def _shapes(permutations: int) -> Iterator[BandShape]:
    for bands in range(1, permutations + 1):
        for rows in range(1, permutations // bands + 1):
            yield BandShape(bands, rows)


@cache
def best_shape(threshold: float, permutations: int, miss_weight: float) -> BandShape:
    """Return the bands and rows of least weighted error; the first in (bands, rows) order among equals."""
    errors = (
        (
            (1.0 - miss_weight) * false_candidate_area(shape, threshold)
            + miss_weight * missed_pair_area(shape, threshold),
            shape,
        )
        for shape in _shapes(permutations)
    )
    return min(errors, key=lambda pair: round(pair[0], 12))[1]


def band_shape(settings: DedupeSettings) -> BandShape:
    """Return the bands and rows that ``settings`` ask for."""
    return best_shape(settings.threshold, settings.permutations, settings.miss_weight)
