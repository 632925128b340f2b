"""Weighted term hits and character statistics of every document, one pass over the UTF-8 buffer."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numba as nb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.kernels.aho_corasick import next_state
from corpus.kernels.buffers import text_buffers
from corpus.labels.terms import HEAD, HEAD_CHARS, LEFT_WORD, LINE_START, RIGHT_WORD, TAIL, Terms

# Columns of Scan.characters.
KINDS = (
    "other", "han", "latin", "digit", "newline", "question", "exclamation", "full_stop", "comma", "space",
    "colon", "bracket", "quote", "code", "ellipsis", "enumeration",
)  # fmt: skip
_MEMBERS = {
    "newline": "\n\r",
    "question": "?？",
    "exclamation": "!！",
    "full_stop": "。．",
    "comma": ",，",
    "space": " \t\u3000\u00a0",
    "colon": ":：",
    "bracket": "【】[]",
    "quote": '“”‘’「」『』"',
    "code": "{}<>=#*`|\\$_;^&@/",
    "ellipsis": "…~～",
    "enumeration": "、；",
}
# A term that occurs n times counts 1 + ln n times, at most as if 16 times; in sixteenths, so sums stay integers.
UNIT = 16
MAX_COUNT = 16
SATURATION = np.array([0] + [round(UNIT * (1 + math.log(n))) for n in range(1, MAX_COUNT + 1)], np.int64)


def _kind_table() -> npt.NDArray[np.uint8]:
    table = np.zeros(0x10000, np.uint8)
    table[0x3400:0x4DC0] = table[0x4E00:0xA000] = table[0xF900:0xFB00] = KINDS.index("han")
    for first, last, kind in (("a", "z", "latin"), ("A", "Z", "latin"), ("0", "9", "digit"), ("０", "９", "digit")):
        table[ord(first) : ord(last) + 1] = KINDS.index(kind)
    for kind, members in _MEMBERS.items():
        for char in members:
            table[ord(char)] = KINDS.index(kind)
    return table


KIND_OF = _kind_table()


@dataclass(frozen=True, slots=True)
class Channels:
    """What terms vote for: term t adds ``weight[e]`` to ``channel[e]`` for e in ``start[t]:start[t + 1]``."""

    count: int
    start: npt.NDArray[np.int32]
    channel: npt.NDArray[np.int32]
    weight: npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Scan:
    """Result for n documents: ``mass`` int64[n, channels] in sixteenths, ``distinct`` int32[n, channels] (terms
    with a positive weight), ``characters`` int32[n, len(KINDS)]."""

    mass: npt.NDArray[np.int64]
    distinct: npt.NDArray[np.int32]
    characters: npt.NDArray[np.int32]


def scan(column: pa.Array, terms: Terms, channels: Channels) -> Scan:
    """Return hits and character counts of a string column (null = empty)."""
    data, offsets = text_buffers(column)
    rows = len(offsets) - 1
    mass = np.zeros((rows, channels.count), np.int64)
    distinct = np.zeros((rows, channels.count), np.int32)
    characters = np.zeros((rows, len(KINDS)), np.int32)
    _scan(
        data, offsets, KIND_OF, terms.automaton, terms.chars, terms.flags,
        channels.start, channels.channel, channels.weight, SATURATION, mass, distinct, characters,
    )  # fmt: skip
    return Scan(mass, distinct, characters)


@nb.njit(cache=True, nogil=True, inline="always")
def _is_word_byte(byte):  # type: ignore[no-untyped-def]
    return (48 <= byte <= 57) or (65 <= byte <= 90) or (97 <= byte <= 122)


@nb.njit(cache=True, nogil=True, inline="always")
def _blank_to_line_end(data, place, end):  # type: ignore[no-untyped-def]
    while place < end and (data[place] == 32 or data[place] == 9 or data[place] == 13):
        place += 1
    return place >= end or data[place] == 10


@nb.njit(cache=True, nogil=True)
def _scan(  # type: ignore[no-untyped-def]
    data, offsets, kind_of, automaton, term_chars, term_flags,
    entry_start, entry_channel, entry_weight, saturation, mass, distinct, characters,
):  # fmt: skip
    terms = len(term_chars)
    counts = np.zeros(terms, np.int32)
    touched = np.empty(terms, np.int32)
    limit = len(saturation) - 1
    histogram = np.zeros(characters.shape[1], np.int32)
    for row in range(len(offsets) - 1):
        place = offsets[row]
        end = offsets[row + 1]
        state = 0
        hits = 0
        index = 0  # characters read
        line = 0  # index of the line's first character
        words = np.uint64(0)  # bit k: the character k places back is an ASCII letter or digit
        histogram[:] = 0
        while place < end:
            byte = data[place]
            word = False
            if byte < 0x80:
                code = np.int32(byte)
                place += 1
                word = _is_word_byte(byte)
            elif byte >= 0xE0 and byte < 0xF0 and place + 2 < end:
                code = (
                    (np.int32(byte & 0x0F) << 12)
                    | (np.int32(data[place + 1] & 0x3F) << 6)
                    | np.int32(data[place + 2] & 0x3F)
                )
                place += 3
            elif byte >= 0xC0 and byte < 0xE0 and place + 1 < end:
                code = (np.int32(byte & 0x1F) << 6) | np.int32(data[place + 1] & 0x3F)
                place += 2
            elif byte >= 0xF0 and place + 3 < end:
                code = np.int32(0xFFFF)  # beyond the basic plane: U+FFFF is no character and has class 0
                place += 4
            else:
                code = np.int32(0xFFFF)
                place += 1
            histogram[kind_of[code]] += 1
            words = (words << np.uint64(1)) | np.uint64(word)
            index += 1
            symbol = int(automaton.symbols[code])
            if symbol == 0:
                state = 0
            else:
                state = next_state(automaton, state, symbol)
                for out in range(automaton.out_start[state], automaton.out_start[state + 1]):
                    term = automaton.out_terms[out]
                    flags = term_flags[term]
                    if flags:
                        start = index - term_chars[term]
                        if flags & HEAD and start >= HEAD_CHARS:
                            continue
                        if flags & LINE_START and start != line:
                            continue
                        if flags & LEFT_WORD and (words >> np.uint64(term_chars[term])) & np.uint64(1):
                            continue
                        if flags & RIGHT_WORD and place < end and _is_word_byte(data[place]):
                            continue
                        if flags & TAIL and not _blank_to_line_end(data, place, end):
                            continue
                    if counts[term] == 0:
                        touched[hits] = term
                        hits += 1
                    counts[term] += 1
            if code == 10:
                line = index
        for kind in range(len(histogram)):
            characters[row, kind] = histogram[kind]
        for hit in range(hits):
            term = touched[hit]
            factor = saturation[min(counts[term], limit)]
            counts[term] = 0
            for entry in range(entry_start[term], entry_start[term + 1]):
                channel = entry_channel[entry]
                mass[row, channel] += factor * entry_weight[entry]
                if entry_weight[entry] > 0:
                    distinct[row, channel] += 1
