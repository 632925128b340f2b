"""Pairs of neighbouring symbols of a text: counting them, and weighing how unlikely they are.

A text is read as a row of symbols: characters, marks, and one symbol for every
run of digits, of letters, of spaces and line ends, and of what is none of these.
Which code point is which symbol is a table's business (:mod:`corpus.quality.cohesion`).
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

OTHER, GAP, DIGITS, LETTERS = range(4)  # of these, equal neighbours count as one
NOTHING = 0xFFFF  # before the first symbol
PLANE = 65536
NEAR = 0xFF  # an entry of the penalties: next neighbours in the low byte, those after next in the high one
AFTER_NEXT = 8
COUNTS = 3  # symbols, penalty of neighbours, penalty of distant pairs


@njit(cache=True, nogil=True)
def read_symbols(
    data: NDArray[np.uint8], start: int, end: int, table: NDArray[np.uint16], out: NDArray[np.uint16]
) -> int:
    """Write the symbols of one text to ``out`` and return how many they are."""
    position, n, previous = start, 0, NOTHING
    while position < end:
        byte = data[np.uint64(position)]
        if 0xE0 <= byte < 0xF0:
            second = np.uint64(data[np.uint64(position + 1)]) & np.uint64(0x3F)
            third = np.uint64(data[np.uint64(position + 2)]) & np.uint64(0x3F)
            code = (np.uint64(byte) & np.uint64(0x0F)) << np.uint64(12) | second << np.uint64(6) | third
            symbol = int(np.int64(table[code]))
            position += 3
        elif byte < 0x80:
            symbol = int(np.int64(table[np.uint64(byte)]))
            position += 1
        elif byte < 0xE0:
            second = np.uint64(data[np.uint64(position + 1)]) & np.uint64(0x3F)
            symbol = int(np.int64(table[(np.uint64(byte) & np.uint64(0x1F)) << np.uint64(6) | second]))
            position += 2
        else:
            symbol = OTHER
            position += 4
        if symbol == previous and symbol <= LETTERS:
            continue
        out[np.uint64(n)] = symbol
        previous = symbol
        n += 1
    return n


@njit(cache=True, nogil=True)
def _longest(offsets: NDArray[np.int64]) -> int:
    longest = 0
    for d in range(offsets.shape[0] - 1):
        longest = max(longest, offsets[d + 1] - offsets[d])
    return longest


@njit(cache=True, nogil=True)
def count_symbols(data: NDArray[np.uint8], offsets: NDArray[np.int64], table: NDArray[np.uint16]) -> NDArray[np.int64]:
    """Return the occurrences of each symbol, int64[65536], in the texts ``data[offsets[i]:offsets[i + 1]]``."""
    counts = np.zeros(PLANE, dtype=np.int64)
    symbols = np.empty(_longest(offsets) + 1, dtype=np.uint16)
    for d in range(offsets.shape[0] - 1):
        for i in range(read_symbols(data, offsets[d], offsets[d + 1], table, symbols)):
            counts[symbols[i]] += 1
    return counts


@njit(cache=True, nogil=True)
def count_pairs(
    data: NDArray[np.uint8], offsets: NDArray[np.int64], table: NDArray[np.uint16], size: int
) -> NDArray[np.int64]:
    """Return int64[2, size, size]: how often one symbol stands next before another, and how often one but next.

    What a gap or an unknown symbol parts is not next but one.
    """
    counts = np.zeros((2, size, size), dtype=np.int64)
    symbols = np.empty(_longest(offsets) + 1, dtype=np.uint16)
    for d in range(offsets.shape[0] - 1):
        n = read_symbols(data, offsets[d], offsets[d + 1], table, symbols)
        for i in range(n - 1):
            counts[0, symbols[i], symbols[i + 1]] += 1
        for i in range(n - 2):
            if symbols[i + 1] > GAP:
                counts[1, symbols[i], symbols[i + 2]] += 1
    return counts


@njit(cache=True, nogil=True)
def weigh_neighbours(
    data: NDArray[np.uint8], offsets: NDArray[np.int64], table: NDArray[np.uint16], penalties: NDArray[np.uint16]
) -> NDArray[np.int64]:
    """Return int64[texts, COUNTS] by the ``penalties`` of pairs, uint16[size * size].

    The second column sums the penalties of every symbol with the next and the
    next but one, the third those of the same symbols with the ones that stand
    a half and a third of the text away, as if those were the neighbours (so it
    has each symbol twice).
    """
    out = np.zeros((offsets.shape[0] - 1, COUNTS), dtype=np.int64)
    size = np.uint64(np.sqrt(penalties.shape[0]) + 0.5)
    symbols = np.empty(_longest(offsets) + 1, dtype=np.uint16)
    for d in range(offsets.shape[0] - 1):
        n = read_symbols(data, offsets[d], offsets[d + 1], table, symbols)
        near, distant = np.int64(0), np.int64(0)
        half, third = n // 2, n // 3
        for i in range(n):
            row = np.uint64(symbols[np.uint64(i)]) * size
            if i + 1 < n:
                between = np.uint64(symbols[np.uint64(i + 1)])
                near += np.int64(penalties[row + between] & np.uint16(NEAR))
                if i + 2 < n and between > np.uint64(GAP):
                    near += np.int64(penalties[row + np.uint64(symbols[np.uint64(i + 2)])] >> np.uint16(AFTER_NEXT))
            for step in (half, third):
                j = i + step
                if j >= n:
                    j -= n
                entry = penalties[row + np.uint64(symbols[np.uint64(j)])]
                distant += np.int64(entry & np.uint16(NEAR)) + np.int64(entry >> np.uint16(AFTER_NEXT))
        out[d, 0] = n
        out[d, 1] = near
        out[d, 2] = distant
    return out
