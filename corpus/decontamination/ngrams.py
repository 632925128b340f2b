"""Shared character n-grams, found by a compiled scan over the hash form of documents.

The hash form (:mod:`corpus.kernels.hash_form`) has neither punctuation nor
spaces, one script and one width, so that a copy with other typography is found.
n-grams are looked up by a rolling polynomial hash (Karp and Rabin, IBM J. Res.
Dev. 31(2), 1987) modulo 2**64 in an open-addressing table behind a bit filter,
and compared character by character: a match is never a collision.

Brown et al. 2020 (GPT-3, appendix C) compare 13-grams of words; 13 characters
are what the corpora built for Chinese take over from it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from corpus.decontamination.items import EvaluationItems
from corpus.kernels.buffers import text_buffers
from corpus.kernels.hash_form import HashForm

NGRAM = 13
MAX_ITEMS = 10  # an n-gram of more items is their template ("根据上文，下列说法正确的是…"), and proves nothing
CHUNK_BYTES = 1 << 20
_FILTER_BITS = 16  # of the bit filter for each n-gram: one look-up in sixteen passes by chance
_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd: every character reaches every higher bit
_SPREAD = np.uint64(0xD6E8FEB86659FD93)
_ONE = np.uint64(1)


@njit(cache=True, nogil=True)
def _hashes(points, offsets, size, power):  # type: ignore[no-untyped-def]
    """Return, for each point, the hash of the n-gram that begins there; 0 where its text ends before."""
    hashes = np.zeros(len(points), np.uint64)
    for text in range(len(offsets) - 1):
        begin, end = offsets[text], offsets[text + 1]
        value = np.uint64(0)
        for position in range(begin, end):
            first = position - size + 1
            if first > begin:
                value -= (np.uint64(points[first - 1]) + _ONE) * power
            value = value * _BASE + np.uint64(points[position]) + _ONE
            if first >= begin:
                hashes[first] = value
    return hashes


@njit(cache=True, nogil=True)
def _same(left, a, right, b, size):  # type: ignore[no-untyped-def]
    for index in range(size):  # noqa: SIM110 - numba compiles no generator
        if left[a + index] != right[b + index]:
            return False
    return True


@njit(cache=True, nogil=True)
def _slot(value, keys, places, grams, points, first, size):  # type: ignore[no-untyped-def]
    """Return the slot that holds the n-gram at ``points[first]``, or the empty one where it would go."""
    mask = np.uint64(len(keys) - 1)
    slot = ((value * _SPREAD) >> np.uint64(20)) & mask
    while places[np.int64(slot)] >= 0:
        index = np.int64(slot)
        if keys[index] == value and _same(grams, places[index], points, first, size):
            break
        slot = (slot + _ONE) & mask
    return np.int64(slot)


@njit(cache=True, nogil=True)
def _bit(value, bits):  # type: ignore[no-untyped-def]
    return ((value * _SPREAD) >> np.uint64(8)) & np.uint64(len(bits) * 64 - 1)


@njit(cache=True, nogil=True)
def _insert(points, offsets, hashes, item_of, size, keys, places, owners, counts, bits):  # type: ignore[no-untyped-def]
    """Enter every n-gram of the pieces; ``counts`` becomes the number of different items that hold it."""
    for piece in range(len(offsets) - 1):
        for first in range(offsets[piece], offsets[piece + 1] - size + 1):
            value = hashes[first]
            slot = _slot(value, keys, places, points, points, first, size)
            if places[slot] < 0:
                places[slot] = first
                keys[slot] = value
                bit = _bit(value, bits)
                bits[np.int64(bit >> np.uint64(6))] |= _ONE << (bit & np.uint64(63))
            if owners[slot] != item_of[piece]:
                owners[slot] = item_of[piece]
                counts[slot] += 1


@njit(cache=True, nogil=True)
def _scan(points, offsets, hashes, size, keys, places, counts, bits, grams, max_items, found):  # type: ignore[no-untyped-def]
    """Write (document, place in it, place of the n-gram in ``grams``) of each match; return how many there are.

    Matches beyond ``len(found)`` are counted only.
    """
    matches = 0
    for document in range(len(offsets) - 1):
        begin = offsets[document]
        for first in range(begin, offsets[document + 1] - size + 1):
            value = hashes[first]
            bit = _bit(value, bits)
            if not (bits[np.int64(bit >> np.uint64(6))] >> (bit & np.uint64(63))) & _ONE:
                continue
            slot = _slot(value, keys, places, grams, points, first, size)
            if places[slot] >= 0 and counts[slot] <= max_items:
                if matches < len(found):
                    found[matches, 0] = document
                    found[matches, 1] = first - begin
                    found[matches, 2] = places[slot]
                matches += 1
    return matches


@dataclass(frozen=True)
class Match:
    """What one document shares with one item: n-grams, and the longest run of them in characters of the hash form."""

    row: int
    item: int
    ngrams: int
    longest: int
    excerpt: str  # the longest run


class NgramIndex:
    """The n-grams of evaluation items. ``too_short`` items have no piece of ``size`` characters and are never found."""

    def __init__(self, items: EvaluationItems, size: int = NGRAM, max_items: int = MAX_ITEMS) -> None:
        self.items = items
        self._size, self._max_items = size, max_items

    def load(self) -> None:
        """Build the table: about 40 bytes for each n-gram."""
        self._form = HashForm()
        self._form.load()
        self._power = np.uint64(pow(int(_BASE), self._size - 1, 1 << 64))
        self._grams, offsets = self._forms(pa.array(self.items.pieces, pa.large_string()))
        lengths = np.maximum(np.diff(offsets) - self._size + 1, 0)
        item_of = np.array(self.items.item_of, np.int64)
        reached = np.zeros(len(self.items), np.bool_)
        reached[item_of[lengths > 0]] = True
        self.too_short = int((~reached).sum())
        room = 1 << max(4, int(2 * lengths.sum()).bit_length())
        self._keys = np.zeros(room, np.uint64)
        self._places = np.full(room, -1, np.int64)
        self._counts = np.zeros(room, np.int32)
        self._bits = np.zeros(max(1, room * _FILTER_BITS // 4 // 64), np.uint64)
        owners = np.full(room, -1, np.int64)
        _insert(
            self._grams, offsets, _hashes(self._grams, offsets, self._size, self._power), item_of, self._size,
            self._keys, self._places, owners, self._counts, self._bits,
        )  # fmt: skip
        self._piece_offsets, self._item_of = offsets, item_of
        self.templates = int((self._counts > self._max_items).sum())

    def _forms(self, texts: pa.Array) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        data, offsets = text_buffers(texts)
        return self._form.of(data, offsets)

    def matches(self, texts: pa.Array) -> list[Match]:
        """Return what the documents of a (large) string column share with the items, by row, then item."""
        _, offsets = text_buffers(texts)
        found: list[Match] = []
        start = 0
        while start < len(texts):
            # The hash form needs four bytes for each byte of text.
            reach = np.searchsorted(offsets, offsets[start] + CHUNK_BYTES, side="right") - 1
            stop = max(int(reach), start + 1)
            found += self._matches(texts.slice(start, stop - start), start)
            start = stop
        return found

    def _matches(self, texts: pa.Array, first_row: int) -> list[Match]:
        points, offsets = self._forms(texts)
        hashes = _hashes(points, offsets, self._size, self._power)
        events = np.empty((0, 3), np.int64)
        for _ in range(2):
            count = _scan(
                points, offsets, hashes, self._size, self._keys, self._places, self._counts, self._bits,
                self._grams, self._max_items, events,
            )  # fmt: skip
            if count <= len(events):
                break
            events = np.empty((count, 3), np.int64)
        if not len(events):
            return []
        pieces = np.searchsorted(self._piece_offsets, events[:, 2], side="right") - 1
        owners = self._item_of[pieces]
        order = np.lexsort((events[:, 1], owners, events[:, 0]))
        events, owners = events[order], owners[order]
        same = (np.diff(events[:, 0]) == 0) & (np.diff(owners) == 0)
        groups = np.flatnonzero(np.concatenate([[True], ~same, [True]]))
        result = []
        for low, high in zip(groups[:-1].tolist(), groups[1:].tolist(), strict=True):
            places = events[low:high, 1]
            runs = np.flatnonzero(np.concatenate([[True], np.diff(places) != 1, [True]]))
            widths = np.diff(runs)
            best = int(widths.argmax())
            document, place = int(events[low, 0]), int(places[runs[best]])
            longest = int(widths[best]) + self._size - 1
            begin = int(offsets[document]) + place
            excerpt = points[begin : begin + longest].astype("<u4").tobytes().decode("utf-32-le")
            result.append(Match(first_row + document, int(owners[low]), high - low, longest, excerpt))
        return result
