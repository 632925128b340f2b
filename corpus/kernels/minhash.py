"""MinHash signatures, verification sketches and content hashes of hash forms, compiled.

For each document, given as code points of its hash form:

- **shingle hashes**: 32-bit hashes of its character k-grams, multilinear over
  the code points with Murmur3's finaliser, so that the loop vectorises;
- **MinHash** (Broder 1997): for every permutation of the 32-bit hashes the
  smallest value. One multiplication serves four permutations, see
  :class:`Seeds`. The permutations are the outer loop, a block of shingles that
  stays in the L1 cache the inner one;
- **bands**: a 64-bit hash of each band's values and the band's index;
- **sketch**: one-permutation hashing (Li, Owen, Zhang 2012) cut to a few bits
  (Li, König 2010), see :mod:`corpus.kernels.minwise`;
- **content hash**: MurmurHash3 x64 128 of the hash form as UTF-32-LE.

tests/corpus/kernels/test_minhash.py defines each in plain Python.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from corpus.kernels.minwise import VALUE_BITS

BLOCK: Final = 2048  # shingle hashes a block: 8 KiB, a quarter of a small L1 cache
LANES: Final = 32  # the inner loop runs over whole multiples of this, filled up by repeating one hash
EMPTY_BIN: Final = 0xFFFFFFFF
PERMUTATIONS_A_PRODUCT: Final = 4


class Seeds(NamedTuple):
    """Constants of the hash functions, drawn once from a counter-based generator.

    With ``g = len(scales)``, permutation ``k * g + i`` of hash ``h`` is, for
    ``a = scales[i]``, ``a * h + shifts[0, i]`` (k = 0), its complement (1),
    ``a * h + shifts[1, i]`` (2) and its complement (3), all mod 2**32. A
    permutation and its complement never choose the same shingle; two shifts of
    one product do so with a chance of 2 / (n + 1) among n shingles, which widens
    the variance of the estimate by as much: 1.3 % of its error at 76 shingles,
    nothing in long texts. The four stand ``g`` apart, so that no band of up to
    ``g`` rows has two of them.
    """

    multipliers: NDArray[np.uint32]  # one for each character of a shingle, odd
    scales: NDArray[np.uint32]  # [g], odd
    shifts: NDArray[np.uint32]  # [2, g]


def seeds(shingle: int, permutations: int, seed: int) -> Seeds:
    """Return the constants for ``seed``; they do not depend on numpy's version (Philox raw output is stable)."""
    groups = -(-permutations // PERMUTATIONS_A_PRODUCT)
    raw = np.random.Philox(key=seed).random_raw(shingle + 3 * groups).astype(np.uint64) >> np.uint64(32)
    values = raw.astype(np.uint32)
    return Seeds(
        multipliers=values[:shingle] | np.uint32(1),
        scales=values[shingle : shingle + groups] | np.uint32(1),
        shifts=values[shingle + groups :].reshape(2, groups),
    )


@njit(inline="always")
def mix32(value: Any) -> Any:
    """Murmur3's 32-bit finaliser (Appleby 2011)."""
    # Numba widens uint32 arithmetic to uint64; the casts keep it, and the vector lanes, at 32 bits.
    value = np.uint32((value ^ (value >> np.uint32(16))) * np.uint32(0x85EBCA6B))
    value = np.uint32((value ^ (value >> np.uint32(13))) * np.uint32(0xC2B2AE35))
    return np.uint32(value ^ (value >> np.uint32(16)))


@njit(inline="always")
def mix64(value: Any) -> Any:
    """Murmur3's 64-bit finaliser (Appleby 2011)."""
    value ^= value >> np.uint64(33)
    value *= np.uint64(0xFF51AFD7ED558CCD)
    value ^= value >> np.uint64(33)
    value *= np.uint64(0xC4CEB9FE1A85EC53)
    return value ^ (value >> np.uint64(33))


@njit(cache=True, nogil=True)
def _shingle_block(code_points: Any, first: int, count: int, multipliers: Any, hashes: Any) -> int:
    """Hash the ``count`` shingles from ``first`` into ``hashes``; return their number filled up to LANES."""
    start = code_points[first : first + count]
    multiplier = multipliers[0]
    for index in range(count):
        hashes[index] = np.uint32(start[index] * multiplier)
    for part in range(1, len(multipliers)):
        multiplier = multipliers[part]
        shifted = code_points[first + part : first + part + count]
        for index in range(count):
            hashes[index] = np.uint32(hashes[index] + np.uint32(shifted[index] * multiplier))
    for index in range(count):
        hashes[index] = mix32(hashes[index])
    padded = (count + LANES - 1) // LANES * LANES
    for index in range(count, padded):
        hashes[index] = hashes[0]
    return padded


@njit(cache=True, nogil=True)
def _permute_block(hashes: Any, padded: int, scales: Any, shifts: Any, minima: Any) -> None:
    """Lower ``minima`` (PERMUTATIONS_A_PRODUCT * len(scales)) by the block's values under every permutation."""
    groups = len(scales)
    for group in range(groups):
        scale = scales[group]
        first, second = shifts[0, group], shifts[1, group]
        # The complement's smallest value is the complement of the largest: one product, no further arithmetic.
        lowest, highest = minima[group], np.uint32(~minima[groups + group])
        other_lowest, other_highest = minima[2 * groups + group], np.uint32(~minima[3 * groups + group])
        for index in range(padded):
            product = np.uint32(hashes[index] * scale)
            value = np.uint32(product + first)
            other = np.uint32(product + second)
            lowest, highest = min(lowest, value), max(highest, value)
            other_lowest, other_highest = min(other_lowest, other), max(other_highest, other)
        minima[group], minima[groups + group] = lowest, np.uint32(~highest)
        minima[2 * groups + group], minima[3 * groups + group] = other_lowest, np.uint32(~other_highest)


@njit(cache=True, nogil=True)
def _bin_block(hashes: Any, count: int, shift: Any, mask: Any, bins: Any) -> None:
    """Keep the smallest low part of the hashes in each bin; the high bits choose the bin."""
    for index in range(count):
        value = hashes[index]
        place = value >> shift
        bins[place] = min(bins[place], np.uint32(value & mask))  # always stored: a branch would be a coin toss


@njit(cache=True, nogil=True)
def _pack_bins(bins: Any, codes: Any, out: Any) -> None:
    """Write each bin as VALUE_BITS bits: 0 empty, else 1 + its mixed minimum scaled to the values left; empty it.

    Bin ``part * len(out) + place`` goes to bits ``part * VALUE_BITS`` and up of byte ``place``.
    """
    values = np.uint32((1 << VALUE_BITS) - 1)
    for index in range(len(bins)):
        low = bins[index]
        code = np.uint32(np.uint32(np.uint32(mix32(low) >> np.uint32(16)) * values) >> np.uint32(16))
        codes[index] = np.uint8(0) if low == np.uint32(EMPTY_BIN) else np.uint8(code + np.uint32(1))
        bins[index] = np.uint32(EMPTY_BIN)
    size = len(out)
    out[:] = codes[:size]
    for part in range(1, 8 // VALUE_BITS):
        shift = np.uint8(part * VALUE_BITS)
        for place in range(size):
            out[place] = np.uint8(out[place] | np.uint8(codes[part * size + place] << shift))


@njit(cache=True, nogil=True)
def _band_hashes(minima: Any, bands: int, rows: int, out: Any) -> None:
    for band in range(bands):
        state = mix64(np.uint64(band) + np.uint64(0x9E3779B97F4A7C15))
        for row in range(rows):
            state = mix64(state ^ np.uint64(minima[band * rows + row]))
        out[band] = np.int64(state)


@njit(cache=True, nogil=True)
def sign(
    code_points: Any,
    offsets: Any,
    multipliers: Any,
    scales: Any,
    shifts: Any,
    min_shingles: int,
    bands: int,
    rows: int,
    bin_bits: int,
    minima: Any,
    band_hashes: Any,
    sketches: Any,
    shingles: Any,
) -> None:
    """Sign n documents, document i being ``code_points[offsets[i]:offsets[i + 1]]``.

    Writes ``minima`` (n x permutations, uint32), ``band_hashes`` (n x bands,
    int64), ``sketches`` (n x 2**bin_bits * VALUE_BITS / 8, uint8) and
    ``shingles`` (n, int64: how many, repeated ones counted). Rows of documents
    with fewer than ``min_shingles`` are left alone but for ``shingles``.
    """
    length = len(multipliers)
    hashes = np.empty(BLOCK, dtype=np.uint32)
    lowest = np.empty(PERMUTATIONS_A_PRODUCT * len(scales), dtype=np.uint32)
    bins = np.full(1 << bin_bits, np.uint32(EMPTY_BIN), dtype=np.uint32)
    codes = np.empty(1 << bin_bits, dtype=np.uint8)
    bin_shift = np.uint32(32 - bin_bits)
    mask = np.uint32((1 << (32 - bin_bits)) - 1)
    for document in range(len(offsets) - 1):
        start = offsets[document]
        count = max(offsets[document + 1] - start - length + 1, 0)
        shingles[document] = count
        if count < min_shingles or count == 0:
            continue
        lowest[:] = np.uint32(0xFFFFFFFF)
        for first in range(0, count, BLOCK):
            size = min(BLOCK, count - first)
            padded = _shingle_block(code_points, start + first, size, multipliers, hashes)
            _permute_block(hashes, padded, scales, shifts, lowest)
            _bin_block(hashes, size, bin_shift, mask, bins)
        minima[document] = lowest[: minima.shape[1]]
        _band_hashes(lowest, bands, rows, band_hashes[document])
        _pack_bins(bins, codes, sketches[document])


@njit(inline="always")
def _rotate(value: Any, bits: int) -> Any:
    return (value << np.uint64(bits)) | (value >> np.uint64(64 - bits))


@njit(cache=True, nogil=True)
def content_hashes(code_points: Any, offsets: Any, out: Any) -> None:
    """Write MurmurHash3 x64 128 (seed 0) of each document's UTF-32-LE to ``out`` (n x 2, uint64: h1, h2)."""
    c1 = np.uint64(0x87C37B91114253D5)
    c2 = np.uint64(0x4CF5AD432745937F)
    for document in range(len(offsets) - 1):
        place = np.uint64(offsets[document])  # unsigned: no test for an index from the end
        count = offsets[document + 1] - offsets[document]
        h1 = np.uint64(0)
        h2 = np.uint64(0)
        for _ in range(count // 4):
            k1 = np.uint64(code_points[place]) | np.uint64(code_points[place + np.uint64(1)]) << np.uint64(32)
            k2 = np.uint64(code_points[place + np.uint64(2)])
            k2 |= np.uint64(code_points[place + np.uint64(3)]) << np.uint64(32)
            place += np.uint64(4)
            h1 ^= _rotate(k1 * c1, 31) * c2
            h1 = (_rotate(h1, 27) + h2) * np.uint64(5) + np.uint64(0x52DCE729)
            h2 ^= _rotate(k2 * c2, 33) * c1
            h2 = (_rotate(h2, 31) + h1) * np.uint64(5) + np.uint64(0x38495AB5)
        rest = count % 4
        if rest == 3:
            h2 ^= _rotate(np.uint64(code_points[place + np.uint64(2)]) * c2, 33) * c1
        if rest:
            k1 = np.uint64(code_points[place])
            if rest > 1:
                k1 |= np.uint64(code_points[place + np.uint64(1)]) << np.uint64(32)
            h1 ^= _rotate(k1 * c1, 31) * c2
        size = np.uint64(4 * count)
        h1 ^= size
        h2 ^= size
        h1 += h2
        h2 += h1
        h1 = mix64(h1)
        h2 = mix64(h2)
        h1 += h2
        h2 += h1
        out[document, 0] = h1
        out[document, 1] = h2
