"""Bands and rows, and the S-curve that explains them."""

from __future__ import annotations

import pytest

from corpus.config.dedupe import DedupeSettings
from corpus.dedupe.explain import explain
from corpus.dedupe.parameters import (
    BandShape,
    band_shape,
    best_shape,
    false_candidate_area,
    missed_pair_area,
)


@pytest.mark.parametrize(
    ("threshold", "permutations", "miss_weight", "shape"),
    [
        (0.8, 128, 0.5, (9, 13)),  # what datasketch 2.0.0 chooses with its default weights
        (0.5, 128, 0.5, (25, 5)),
        (0.9, 128, 0.5, (5, 25)),
        (0.8, 112, 0.98, (16, 7)),
        (0.8, 112, 0.95, (14, 8)),  # FineWeb's
    ],
)
def test_search_is_that_of_datasketch(
    threshold: float, permutations: int, miss_weight: float, shape: tuple[int, int]
) -> None:
    assert best_shape(threshold, permutations, miss_weight) == BandShape(*shape)


def test_shape_agrees_with_datasketch_where_installed() -> None:
    lsh = pytest.importorskip("datasketch.lsh")
    for threshold in (0.6, 0.75, 0.85):
        for weights in ((0.5, 0.5), (0.1, 0.9)):
            expected = lsh._optimal_param(threshold, 96, *weights)
            assert best_shape(threshold, 96, weights[1]) == BandShape(*expected)


def test_areas_are_those_of_the_curve() -> None:
    shape = BandShape(14, 8)
    steps = 20_000
    below = sum(shape.probability((step + 0.5) / steps) for step in range(int(0.8 * steps))) / steps
    above = sum(1 - shape.probability((step + 0.5) / steps) for step in range(int(0.8 * steps), steps)) / steps
    assert false_candidate_area(shape, 0.8) == pytest.approx(below, abs=1e-6)
    assert missed_pair_area(shape, 0.8) == pytest.approx(above, abs=1e-6)


def test_explanation_of_the_default() -> None:
    told = explain(DedupeSettings())
    assert told.shape == band_shape(DedupeSettings()) == BandShape(16, 7)
    assert told.recall_at_threshold == pytest.approx(0.977, abs=0.001)
    assert told.shape.probability(told.half) == pytest.approx(0.5)
    assert [similarity for similarity, _ in told.curve][:2] == [0.0, 0.05]
    assert told.curve[-1] == (1.0, 1.0)
    assert told.shuffle_bytes == 256
    assert told.sketch_bytes == 256
    assert told.sketch_error < 0.017
