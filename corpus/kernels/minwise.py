"""Similarity of two documents from their verification sketches.

A sketch is a one-permutation hash (Li, Owen, Zhang 2012, "One Permutation
Hashing"): the 32-bit shingle hashes fall into 2**bin_bits bins by their high
bits, and each bin keeps its smallest hash. Each bin is then cut to a few bits
(Li, König 2010, "b-Bit Minwise Hashing"), 0 standing for an empty bin. One
pass over the shingles makes it, and for texts with fewer shingles than bins it
is nearly the whole set, so that short texts are compared almost exactly.

Estimate: with ``equal`` bins equal and not empty, ``both`` not empty in both,
``any`` not empty in one or both, and c = 1 / (2**value_bits - 1) the chance
that two different minima look alike,
``J = (equal - c * both) / ((1 - c) * any)``.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

VALUE_BITS: Final = 2  # bits a bin: 1,024 bins of 2 bits err less than 512 of 4 or 256 of 8 in the same 256 bytes
COLLISION: Final = 1 / ((1 << VALUE_BITS) - 1)
SIMILARITY_STEPS: Final = 10_000  # similarities are quantised to 1e-4 before they meet a threshold
_LOW_BITS: Final = 0x5555555555555555


@njit(inline="always")
def _ones(word: Any) -> Any:
    """Number of set bits (Wilkes, Wheeler, Gill; LLVM turns it into POPCNT)."""
    word -= (word >> np.uint64(1)) & np.uint64(0x5555555555555555)
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56))


@njit(inline="always")
def similarity(left: Any, right: Any) -> Any:
    """Return the estimated Jaccard similarity of two sketches (uint64 words) in steps of 1e-4, 0..10,000."""
    low = np.uint64(_LOW_BITS)
    equal = np.int64(0)
    both = np.int64(0)
    either = np.int64(0)
    for index in range(len(left)):
        a = left[index]
        b = right[index]
        different = a ^ b
        same = ~(different | (different >> np.uint64(1))) & low
        filled_a = (a | (a >> np.uint64(1))) & low
        filled_b = (b | (b >> np.uint64(1))) & low
        equal += _ones(same & filled_a)
        both += _ones(filled_a & filled_b)
        either += _ones(filled_a | filled_b)
    if either == 0:
        return np.int64(0)
    # In integers: (equal - both / 3) / (2 / 3 * either) = (3 * equal - both) / (2 * either), rounded down.
    return max(np.int64(0), (3 * equal - both) * SIMILARITY_STEPS // (2 * either))


@njit(cache=True, nogil=True)
def pair_similarities(left: Any, right: Any, out: Any) -> None:
    """Write the similarity of row i of ``left`` and of ``right`` (n x words, uint64) to ``out`` (n, int64)."""
    for row in range(len(left)):
        out[row] = similarity(left[row], right[row])


def similarities(left: NDArray[np.uint64], right: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the similarities of the rows of two sketch matrices (n x words, uint64) in steps of 1e-4."""
    out = np.empty(len(left), dtype=np.int64)
    pair_similarities(left, right, out)
    return out
