"""Compiled loops over undecoded bytes: UTF-8 validity, and the cost of bytes under a charset's table."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit, uint64

# Columns of what scan_utf8 finds per record.
ERRORS = 0  # maximal invalid subsequences (Unicode 15, 3.9 U+FFFD substitution), a cut last character apart
MULTIBYTE = 1  # valid characters of two bytes or more
WIDE = 2  # valid characters of three or four bytes
CUT = 3  # 1: the record ends inside a character
NULS = 4  # bytes 0x00
CONTROLS = 5  # bytes that no text holds: C0 without tab, line ends, form feed and escape
ESCAPES = 6  # bytes 0x1B
FIELDS = 7

_HIGH = uint64(0x8080808080808080)
_SPACE = uint64(0x2020202020202020)


@njit(cache=True, nogil=True)
def _count_controls(byte: int, found: npt.NDArray[np.int64]) -> None:
    if byte == 0x1B:
        found[ESCAPES] += 1
    elif byte < 0x20 and byte != 0x0A and byte != 0x0D and byte != 0x09 and byte != 0x0C:
        found[CONTROLS] += 1
        if byte == 0:
            found[NULS] += 1


@njit(cache=True, nogil=True)
def scan_utf8(
    data: npt.NDArray[np.uint8],
    words: npt.NDArray[np.uint64],
    offsets: npt.NDArray[np.int64],
    found: npt.NDArray[np.int64],
) -> None:
    """Fill ``found[n, FIELDS]`` with what the bytes of each of ``n`` records are as UTF-8.

    ``words`` is ``data`` as 64-bit words (a view, the last odd bytes left off):
    ASCII is skipped eight bytes at a time.
    """
    n_words = len(words)
    for record in range(len(offsets) - 1):
        position = offsets[record]
        end = offsets[record + 1]
        row = found[record]
        multibyte = 0
        wide = 0
        errors = 0
        while position < end:
            first = data[uint64(position)]
            if first < 0x80:
                if first < 0x20:
                    _count_controls(first, row)
                position += 1
                while (position & 7) == 0 and position + 8 <= end and (position >> 3) < n_words:
                    word = words[position >> 3]
                    # A byte below 0x20 or above 0x7F anywhere in the word ends the run.
                    if ((word | (word - _SPACE)) & _HIGH) != uint64(0):
                        break
                    position += 8
                continue
            # Almost all of Chinese, its punctuation too.
            is_plain = first & 0xF0 == 0xE0 and first != 0xE0 and first != 0xED and position + 2 < end
            if is_plain and (data[uint64(position + 1)] & 0xC0) == 0x80 and (data[uint64(position + 2)] & 0xC0) == 0x80:
                multibyte += 1
                wide += 1
                position += 3
                continue
            low = 0x80
            high = 0xBF
            if first >= 0xC2 and first <= 0xDF:
                need = 1
            elif first >= 0xE0 and first <= 0xEF:
                need = 2
                if first == 0xE0:
                    low = 0xA0
                elif first == 0xED:
                    high = 0x9F
            elif first >= 0xF0 and first <= 0xF4:
                need = 3
                if first == 0xF0:
                    low = 0x90
                elif first == 0xF4:
                    high = 0x8F
            else:
                errors += 1
                position += 1
                continue
            position += 1
            taken = 0
            while taken < need and position < end and data[position] >= low and data[position] <= high:
                low = 0x80
                high = 0xBF
                taken += 1
                position += 1
            if taken == need:
                multibyte += 1
                if need > 1:
                    wide += 1
            elif position == end:
                row[CUT] = 1
            else:
                errors += 1
        row[ERRORS] = errors
        row[MULTIBYTE] = multibyte
        row[WIDE] = wide


# Columns of what walk finds.
COST = 0  # sixteenths of a bit
CHARACTERS = 1  # characters that are not ASCII
BROKEN = 2  # bytes that begin no character, a cut last character apart
ASCII = 3  # ASCII characters
WALK_FIELDS = 4

_FOUR_BYTE_COST = 24 * 16
_ERROR_COST = 20 * 16
LAYOUT_PAIRS = 0
LAYOUT_GB18030 = 1
LAYOUT_EUC_JP = 2
LAYOUT_LATIN = 3  # one byte a character; one beyond ASCII stands alone between ASCII letters
LAYOUT_ALPHABET = 4  # one byte a character; one beyond ASCII stands among its like

_NEIGHBOUR_COST = 8 * 16  # odds of 256 to 1 against the other kind of neighbour


@njit(cache=True, nogil=True)
def walk(
    data: npt.NDArray[np.uint8],
    single: npt.NDArray[np.int16],
    double: npt.NDArray[np.int16],
    layout: int,
    found: npt.NDArray[np.int64],
) -> None:
    """Read ``data`` as the charset of the tables and fill ``found``: cost, characters, broken bytes, ASCII characters.

    ``single[256]`` and ``double[65536]`` are costs in sixteenths of a bit, 0
    for what is no character (see :mod:`corpus.charset.build_tables`).
    """
    end = len(data)
    position = 0
    cost = 0
    characters = 0
    broken = 0
    ascii_characters = 0
    while position < end:
        first = data[position]
        if single[first] > 0:
            cost += single[first]
            if first >= 0x80:
                characters += 1
                if position > 0:
                    before = data[position - 1]
                    is_letter = (before | 0x20) >= 0x61 and (before | 0x20) <= 0x7A
                    if (layout == LAYOUT_LATIN and before >= 0x80) or (layout == LAYOUT_ALPHABET and is_letter):
                        cost += _NEIGHBOUR_COST
            else:
                ascii_characters += 1
                after_high = position > 0 and data[position - 1] >= 0x80
                is_letter = (first | 0x20) >= 0x61 and (first | 0x20) <= 0x7A
                if layout == LAYOUT_ALPHABET and after_high and is_letter:
                    cost += _NEIGHBOUR_COST
            position += 1
            continue
        if position + 1 == end:
            break
        second = data[position + 1]
        pair = double[np.int64(first) << 8 | second]
        if pair > 0:
            cost += pair
            characters += 1
            position += 2
            continue
        if layout == LAYOUT_GB18030 and first > 0x80 and first < 0xFF and second >= 0x30 and second <= 0x39:
            if position + 3 >= end:
                break
            third = data[position + 2]
            fourth = data[position + 3]
            # Planes 0 (0x81..0x84) and 1 to 16 (0x90..0xE3); between and beyond nothing is assigned.
            assigned = first <= 0x84 or (first >= 0x90 and first <= 0xE3)
            if assigned and third > 0x80 and third < 0xFF and fourth >= 0x30 and fourth <= 0x39:
                cost += _FOUR_BYTE_COST
                characters += 1
                position += 4
                continue
        elif layout == LAYOUT_EUC_JP and first == 0x8F and second >= 0xA1:
            if position + 2 >= end:
                break
            if data[position + 2] >= 0xA1:
                cost += _FOUR_BYTE_COST
                characters += 1
                position += 3
                continue
        cost += _ERROR_COST
        broken += 1
        position += 1
    found[COST] = cost
    found[CHARACTERS] = characters
    found[BROKEN] = broken
    found[ASCII] = ascii_characters
