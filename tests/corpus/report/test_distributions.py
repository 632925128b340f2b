"""Histograms lose no document of those in their range."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from corpus.report.sections.distributions import length_histogram


@example([9_999_985])  # its logarithm in single precision is 7
@example([10**power for power in range(10)])
@given(st.lists(st.integers(0, 2_000_000_000), min_size=1, max_size=50))
def test_every_length_lies_in_a_bin(lengths: list[int]) -> None:
    histogram = length_histogram(np.array(lengths, np.float32))
    assert histogram.kept.sum() == len(lengths)
    assert len(histogram.edges) == len(histogram.kept) + 1
    assert (np.diff(histogram.edges) > 0).all()
    assert len(histogram.kept) <= 80


def test_the_axis_begins_and_ends_with_a_power_of_ten() -> None:
    edges = length_histogram(np.array([180, 420, 999], np.float32)).edges
    assert (round(edges[0]), round(edges[-1])) == (100, 1000)
    assert round(length_histogram(np.array([1000], np.float32)).edges[-1]) == 10_000
