"""Repeated n-grams and repeated lines of one document in near-linear time.

An n-gram can only be repeated where the (n-1)-gram at the same place is. The
levels 2..10 are therefore a chain: level n looks only at the places whose
(n-1)-gram may occur twice, which after level 4 are few in ordinary prose. Each
level first counts by a small hash and keeps the places whose count is two or
more, without a branch on the data; only levels 5..10, whose coverage is wanted,
then look their few places up in a table. An n-gram is identified by a 64-bit
hash of its units.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

MAX_N = 10
FIRST_COVERED = 5  # coverage is measured from here on, the commonest n-gram below
_MIX = 0x9E3779B97F4A7C15
_STEP = 0xD6E8FEB86659FD93


class Scratch(NamedTuple):
    """Work space for documents of up to ``len(units)`` units; contents mean nothing between calls."""

    codes: NDArray[np.int32]  # the code points
    infos: NDArray[np.uint32]  # their entries: class, flags and symbol
    hit_ends: NDArray[np.int32]  # last character of each term that the walk must know
    hit_flags: NDArray[np.uint8]
    units: NDArray[np.int32]
    line_hashes: NDArray[np.int64]
    line_lengths: NDArray[np.int32]
    slots: NDArray[np.int32]  # hash table: place + 1 of the first occurrence, 0 empty
    marks: NDArray[np.int32]  # occurrences by small hash
    hashes: NDArray[np.uint64]  # of the n-gram that begins here
    active: NDArray[np.int32]  # places still looked at
    candidates: NDArray[np.int32]  # places that may hold the commonest n-gram
    counts: NDArray[np.int32]  # occurrences, at the first place
    top: NDArray[np.int64]
    covered: NDArray[np.int64]


@njit(cache=True, nogil=True)
def make_scratch(room: int) -> Scratch:
    """Return work space for documents of up to ``room`` units and lines."""
    capacity = 64
    while capacity < 2 * room:
        capacity *= 2
    return Scratch(
        np.empty(room, dtype=np.int32),
        np.empty(room, dtype=np.uint32),
        np.empty(room, dtype=np.int32),
        np.empty(room, dtype=np.uint8),
        np.empty(room, dtype=np.int32),
        np.empty(room, dtype=np.int64),
        np.empty(room, dtype=np.int32),
        np.empty(capacity, dtype=np.int32),
        np.empty(2 * capacity, dtype=np.int32),
        np.empty(room, dtype=np.uint64),
        np.empty(room + 1, dtype=np.int32),
        np.empty(room + 1, dtype=np.int32),
        np.empty(room, dtype=np.int32),
        np.zeros(MAX_N + 1, dtype=np.int64),
        np.zeros(MAX_N + 1, dtype=np.int64),
    )


@njit(cache=True, nogil=True)
def _bits_for(entries: int) -> int:
    bits = 4
    while (1 << bits) < entries:
        bits += 1
    return bits


@njit(cache=True, nogil=True)
def ngram_repetition(scratch: Scratch, n_units: int) -> None:
    """Fill ``scratch.top[2..4]`` and ``scratch.covered[5..10]`` from ``scratch.units[:n_units]``.

    ``top[n]`` is the number of occurrences of the commonest n-gram, 0 without
    one. ``covered[n]`` counts the units that lie inside an n-gram seen before,
    each unit once.
    """
    for n in range(2, MAX_N + 1):
        scratch.top[n] = 1 if n_units >= n else 0
        scratch.covered[n] = 0
    active = scratch.active
    n_active = max(n_units - 1, 0)
    for n in range(2, MAX_N + 1):
        bits = _bits_for(4 * n_active)
        fullest = _count_pairs(scratch, n_active, bits) if n == 2 else _count_marks(scratch, n_active, bits, n)
        n_active, n_fullest, second = _keep_repeated(scratch, n_active, bits, fullest)
        if n >= FIRST_COVERED:
            scratch.covered[n] = _coverage(scratch, n_active, n)
        elif scratch.marks[fullest] > 1:
            scratch.top[n] = _commonest(scratch, n_active, bits, n_fullest, second)
        # The next n-gram must fit behind its first place.
        while n_active > 0 and active[n_active - 1] > n_units - n - 1:
            n_active -= 1
        if n_active == 0:
            break


@njit(cache=True, nogil=True)
def _count_pairs(scratch: Scratch, n_active: int, bits: int) -> int:
    """Make the first ``n_active`` places active and count their pairs; return a slot with the largest mark."""
    units, active, hashes, marks = scratch.units, scratch.active, scratch.hashes, scratch.marks
    shift = np.uint64(64 - bits)
    marks[: 1 << bits] = 0
    largest = np.int32(0)
    fullest = np.uint64(0)
    value = np.uint64(units[0] + 1) * np.uint64(_MIX)
    for i in range(n_active):
        mixed = value ^ (value >> np.uint64(29))
        value = np.uint64(units[i + 1] + 1) * np.uint64(_MIX)
        pair = mixed * np.uint64(_STEP) + value
        hashes[i] = pair
        active[i] = i
        slot = (pair * np.uint64(_MIX)) >> shift
        mark = np.int32(marks[slot] + 1)
        marks[slot] = mark
        if mark > largest:
            largest = mark
            fullest = slot
    return int(np.int64(fullest))


@njit(cache=True, nogil=True)
def _count_marks(scratch: Scratch, n_active: int, bits: int, n: int) -> int:
    """Hash the n-grams of the active places and count them by small hash; return a slot with the largest mark."""
    units, active, hashes, marks = scratch.units, scratch.active, scratch.hashes, scratch.marks
    shift = np.uint64(64 - bits)
    marks[: 1 << bits] = 0
    largest = np.int32(0)
    fullest = np.uint64(0)
    for a in range(n_active):
        i = int(np.int64(active[a]))
        value = hashes[np.uint64(i)]
        # Shift and multiply: the next unit meets other bits, and the order of units counts.
        mixed = value ^ (value >> np.uint64(29))
        value = mixed * np.uint64(_STEP) + np.uint64(units[np.uint64(i + n - 1)] + 1) * np.uint64(_MIX)
        hashes[np.uint64(i)] = value
        slot = (value * np.uint64(_MIX)) >> shift
        mark = np.int32(marks[slot] + 1)
        marks[slot] = mark
        if mark > largest:
            largest = mark
            fullest = slot
    return int(np.int64(fullest))


@njit(cache=True, nogil=True)
def _keep_repeated(scratch: Scratch, n_active: int, bits: int, fullest: int) -> tuple[int, int, int]:
    """Keep in ``scratch.active`` the places whose mark says two or more.

    Return how many they are, how many places of slot ``fullest`` are now in
    ``scratch.candidates``, and the largest mark of any other slot.
    """
    active, hashes, marks, candidates = scratch.active, scratch.hashes, scratch.marks, scratch.candidates
    shift = np.uint64(64 - bits)
    full = np.uint64(fullest)
    kept = 0
    n_fullest = 0
    second = np.int32(0)
    for a in range(n_active):
        i = active[a]
        slot = (hashes[np.uint64(i)] * np.uint64(_MIX)) >> shift
        mark = marks[slot]
        active[np.uint64(kept)] = i
        kept += mark > 1
        if slot == full:
            candidates[np.uint64(n_fullest)] = i
            n_fullest += 1
        else:
            second = max(second, mark)
    return kept, n_fullest, int(np.int64(second))


@njit(cache=True, nogil=True)
def _commonest(scratch: Scratch, n_active: int, bits: int, n_fullest: int, second: int) -> int:
    """Return the occurrences of the commonest n-gram among the active places.

    A mark is the sum over the n-grams that share it. The n-grams of the largest
    mark, those of the first ``n_fullest`` candidates, give a lower bound; only
    where the mark of some other slot (``second`` at most) is above it, the
    places with such marks are counted out.
    """
    active, hashes, marks = scratch.active, scratch.hashes, scratch.marks
    bound = _most_occurrences(scratch, n_fullest)
    if bound >= second:
        return bound
    shift = np.uint64(64 - bits)
    n_candidates = 0
    for a in range(n_active):
        i = active[a]
        scratch.candidates[np.uint64(n_candidates)] = i
        n_candidates += marks[(hashes[np.uint64(i)] * np.uint64(_MIX)) >> shift] > bound
    return max(bound, _most_occurrences(scratch, n_candidates))


@njit(cache=True, nogil=True)
def _most_occurrences(scratch: Scratch, n_candidates: int) -> int:
    """Return the largest number of ``scratch.candidates`` with one hash."""
    hashes, slots, candidates, counts = scratch.hashes, scratch.slots, scratch.candidates, scratch.counts
    first_hash = hashes[np.uint64(candidates[0])]
    alike = 1
    while alike < n_candidates and hashes[np.uint64(candidates[alike])] == first_hash:
        alike += 1
    if alike == n_candidates:
        return alike
    bits = _bits_for(2 * n_candidates)
    mask = (1 << bits) - 1
    shift = np.uint64(64 - bits)
    slots[: mask + 1] = 0
    best = 0
    for c in range(n_candidates):
        i = candidates[c]
        value = hashes[np.uint64(i)]
        slot = int(np.int64((value * np.uint64(_MIX)) >> shift))
        first = slots[slot] - 1
        while first >= 0 and hashes[first] != value:
            slot = (slot + 1) & mask
            first = slots[slot] - 1
        if first < 0:
            slots[slot] = i + 1
            counts[i] = 1
            best = max(best, 1)
        else:
            counts[first] += 1
            best = max(best, counts[first])
    return best


@njit(cache=True, nogil=True)
def _coverage(scratch: Scratch, n_active: int, n: int) -> int:
    """Return the units inside n-grams seen before, among the active places."""
    active, hashes, slots = scratch.active, scratch.hashes, scratch.slots
    bits = _bits_for(2 * n_active)
    mask = (1 << bits) - 1
    shift = np.uint64(64 - bits)
    slots[: mask + 1] = 0
    cover = 0
    end = 0
    for a in range(n_active):
        i = active[a]
        value = hashes[i]
        slot = int(np.int64((value * np.uint64(_MIX)) >> shift))
        first = slots[slot] - 1
        while first >= 0 and hashes[first] != value:
            slot = (slot + 1) & mask
            first = slots[slot] - 1
        if first < 0:
            slots[slot] = i + 1
        else:
            cover += i + n - max(i, end)
            end = i + n
    return cover


@njit(cache=True, nogil=True)
def repeated_lines(scratch: Scratch, n_lines: int) -> tuple[int, int]:
    """Return (lines, characters in lines) that repeat an earlier one of ``scratch.line_hashes[:n_lines]``."""
    hashes, lengths, slots = scratch.line_hashes, scratch.line_lengths, scratch.slots
    bits = _bits_for(2 * n_lines)
    mask = (1 << bits) - 1
    shift = np.uint64(64 - bits)
    slots[: mask + 1] = 0
    lines = 0
    characters = 0
    for i in range(n_lines):
        slot = int(np.int64((np.uint64(hashes[i]) * np.uint64(_MIX)) >> shift))
        while slots[slot] != 0 and hashes[slots[slot] - 1] != hashes[i]:
            slot = (slot + 1) & mask
        if slots[slot] != 0:
            lines += 1
            characters += lengths[i]
        else:
            slots[slot] = i + 1
    return lines, characters
