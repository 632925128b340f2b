"""Which of very many 64-bit values occur more than once, in two bits a slot.

Most band hashes occur once and can lead to no candidate. Grouping them all is
the dearest part of duplicate detection on one machine; two passes over two bit
arrays drop nearly all of them for the cost of two cache misses a value. The
answer is a superset: a value that shares its slot with another one stays.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

SLOTS_PER_VALUE: Final = 8  # at most one in 8 single values stays by chance
LARGEST_SLOT_BITS: Final = 33  # 2 GiB in the two arrays: enough for 10**9 values at that rate


@njit(cache=True, nogil=True)
def _add(values: Any, shift: Any, once: Any, twice: Any) -> None:
    for index in range(len(values)):
        slot = (np.uint64(values[index]) * np.uint64(0x9E3779B97F4A7C15)) >> shift
        word = slot >> np.uint64(6)
        bit = np.uint64(1) << (slot & np.uint64(63))
        twice[word] |= once[word] & bit
        once[word] |= bit


@njit(cache=True, nogil=True)
def _contains(values: Any, shift: Any, twice: Any, out: Any) -> None:
    for index in range(len(values)):
        slot = (np.uint64(values[index]) * np.uint64(0x9E3779B97F4A7C15)) >> shift
        out[index] = (twice[slot >> np.uint64(6)] >> (slot & np.uint64(63))) & np.uint64(1)


class RepeatedValues:
    """Learns a stream of int64 values; tells which may have occurred twice. Never misses one that did."""

    def __init__(self, expected: int) -> None:
        """Make room for about ``expected`` values: 2 bytes each, rounded up to a power of two."""
        bits = min(max(int(expected * SLOTS_PER_VALUE - 1).bit_length(), 10), LARGEST_SLOT_BITS)
        self._shift = np.uint64(64 - bits)
        self._once: NDArray[np.uint64] = np.zeros(1 << (bits - 6), dtype=np.uint64)
        self._twice: NDArray[np.uint64] = np.zeros(1 << (bits - 6), dtype=np.uint64)

    def add(self, values: NDArray[np.int64]) -> None:
        """Learn ``values``."""
        _add(values, self._shift, self._once, self._twice)

    def contains(self, values: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return for each value whether it may have been added twice."""
        out = np.empty(len(values), dtype=np.bool_)
        _contains(values, self._shift, self._twice, out)
        return out
