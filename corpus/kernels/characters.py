"""Compiled normalisation of UTF-8 text: one pass, driven by a class for each code point."""

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np
import numpy.typing as npt
from numba import njit

# Classes of code points; ORDINARY is everything else.
ORDINARY = 0
HAN = 1  # Han and Chinese punctuation: no space between two of them
NEWLINE = 2
SPACE = 3
TAB = 4
REMOVED = 5
JOINER = 6  # ZWJ, ZWNJ: kept between two characters of a script or of emoji that they shape
SELECTOR = 7  # variation selectors and tags: kept after emoji
SHAPED = 8  # emoji and letters of scripts with joining or conjunct forms
QUOTE = 9  # quotation marks, dashes, ellipsis: Chinese beside a Chinese character, Latin beside a Latin one
CLASS_MASK = 0x0F
COMPOSES = 0x80  # NFC may change the character, or it may compose with what is before it: ask unicodedata

# What a record needs beyond the compiled pass.
CLEAN = 0
NEEDS_NFC = 1
HAS_REFERENCE = 2

_RANGES = (
    (SPACE, "\x20\x20 \xa0\xa0 \u1680\u1680 \u2000\u200a \u202f\u202f \u205f\u205f \u3000\u3000"),
    (NEWLINE, "\x0a\x0d \x85\x85 \u2028\u2029"),
    (
        REMOVED,  # controls, soft hyphen, zero width, marks and isolates of direction, fillers, private use, specials
        "\x00\x08 \x0e\x1f \x7f\x84 \x86\x9f \xad\xad \u034f\u034f \u061c\u061c \u115f\u1160 \u17b4\u17b5 \u180e\u180e"
        " \u200b\u200b \u200e\u200f \u202a\u202e \u2060\u206f \u3164\u3164 \ue000\uf8ff \ufdd0\ufdef \ufeff\ufeff"
        " \uffa0\uffa0 \ufff0\uffff \U000e0080\U000e00ff \U000e01f0\U000e0fff \U000f0000\U0010ffff",
    ),
    (
        HAN,  # radicals, punctuation but the ideographic space, Han with compatibility forms, vertical and full forms
        "\u2e80\u2fdf \u3001\u301f \u3021\u303f \u3400\u4dbf \u4e00\u9fff \uf900\ufaff \ufe10\ufe19 \ufe30\ufe4f"
        " \uff01\uff0f \uff1a\uff20 \uff3b\uff40 \uff5b\uff65 \U00020000\U0003ffff",
    ),
    (
        SHAPED,  # Arabic to Sinhala, Myanmar, Khmer, Mongolian, emoji
        "\u0600\u08ff \u0900\u0dff \u1000\u109f \u1780\u17b3 \u17b6\u17ff \u1800\u180a \u1810\u18af"
        " \u231a\u23ff \u2600\u27bf \u2b00\u2bff \U0001f000\U0001faff",
    ),
    (QUOTE, "\u2014\u2015 \u2018\u2019 \u201c\u201d \u2026\u2026"),
    (SELECTOR, "\ufe00\ufe0f \U000e0001\U000e007f \U000e0100\U000e01ef"),
)


@cache
def classes() -> npt.NDArray[np.uint8]:
    """Return the class of every code point, ``[0x110000]``, with :data:`COMPOSES` where NFC is not sure to keep it.

    The flag follows the interpreter's own ``unicodedata``, which is asked about
    the flagged documents: a character is flagged if it has a combining class, if
    its NFC is not itself, or if it is the second half of a canonical
    composition (NFC_Quick_Check "no" and "maybe" of UAX #15).
    """
    table = np.zeros(0x110000, dtype=np.uint8)
    for code_class, ranges in _RANGES:
        for pair in ranges.split(" ") if code_class != SPACE else _split_pairs(ranges):
            table[ord(pair[0]) : ord(pair[1]) + 1] = code_class
    table[0x09] = TAB
    table[0x200C : 0x200D + 1] = JOINER
    # Hangul syllables, Han and private use are unchanged by NFC and compose with nothing before them.
    for first, last in ((0x80, 0x33FF), (0xA000, 0xABFF), (0xF900, 0x1FFFF), (0x2F800, 0x2FA1F)):
        for code in range(first, last + 1):
            character = chr(code)
            if unicodedata.combining(character) or not unicodedata.is_normalized("NFC", character):
                table[code] |= COMPOSES
            decomposition = unicodedata.decomposition(character)
            if decomposition and not decomposition.startswith("<") and " " in decomposition:
                table[int(decomposition.split()[1], 16)] |= COMPOSES
    table[0x1161:0x1176] |= COMPOSES  # hangul vowels and final consonants compose by rule, not by table
    table[0x11A8:0x11C3] |= COMPOSES
    return table


def _split_pairs(ranges: str) -> list[str]:
    """Split a list of ranges that itself holds the space character."""
    return [ranges[start : start + 2] for start in range(0, len(ranges), 3)]


@njit(cache=True, nogil=True)
def inspect(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    table: npt.NDArray[np.uint8],
    needs: npt.NDArray[np.uint8],
) -> None:
    """Fill ``needs[n]`` with the flags :data:`NEEDS_NFC` and :data:`HAS_REFERENCE` of each of ``n`` texts."""
    for record in range(len(offsets) - 1):
        position = offsets[record]
        end = offsets[record + 1]
        flags = 0
        while position < end:
            first = np.int64(data[np.uint64(position)])
            if first < 0x80:
                if first == 0x26 and position + 3 < end:
                    after = data[position + 1]
                    letter = after | 0x20
                    if after == 0x23 or (letter >= 0x61 and letter <= 0x7A):
                        flags |= HAS_REFERENCE
                position += 1
                continue
            if first >= 0xE4 and first <= 0xE9:  # U+4000..U+9FFF: Han, which nothing composes with
                position += 3
                continue
            code = 0
            if first < 0xE0:
                code = (first & 0x1F) << 6 | (data[position + 1] & 0x3F)
                position += 2
            elif first < 0xF0:
                code = (first & 0x0F) << 12 | (data[position + 1] & 0x3F) << 6 | (data[position + 2] & 0x3F)
                position += 3
            else:
                code = (first & 0x07) << 18 | (data[position + 1] & 0x3F) << 12
                code |= (data[position + 2] & 0x3F) << 6 | (data[position + 3] & 0x3F)
                position += 4
            if table[code] & 0x80:
                flags |= NEEDS_NFC
        needs[record] = flags


@njit(cache=True, nogil=True)
def clean(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    table: npt.NDArray[np.uint8],
    han_spaces: bool,
    indentation: bool,
    blank_lines: int,
    one_line: bool,
    out: npt.NDArray[np.uint8],
    out_offsets: npt.NDArray[np.int64],
) -> None:
    """Write the cleaned texts to ``out`` (as long as ``data`` suffices) and their borders to ``out_offsets``.

    ``blank_lines`` is the most that stays of a run; ``one_line`` turns line
    ends into spaces (titles).
    """
    written = 0
    out_offsets[0] = 0
    for record in range(len(offsets) - 1):
        position = offsets[record]
        end = offsets[record + 1]
        start = written
        last = ORDINARY  # class of the last character written
        newlines = 0  # line ends since then
        spaces = 0  # spaces since the last character or line end
        tabs = 0
        indent = position  # where the white space of the current line begins
        joiner = 0  # bytes of a joiner that waits for what follows
        while position < end:
            first = np.int64(data[np.uint64(position)])
            if newlines + spaces + tabs + joiner == 0 and written > start:  # inside a run, the usual case
                if first >= 0xE4 and first <= 0xE9:  # U+4000..U+9FFF
                    out[np.uint64(written)] = first
                    out[np.uint64(written + 1)] = data[np.uint64(position + 1)]
                    out[np.uint64(written + 2)] = data[np.uint64(position + 2)]
                    written += 3
                    position += 3
                    last = HAN
                    continue
                if first > 0x20 and first < 0x7F:
                    out[np.uint64(written)] = first
                    written += 1
                    position += 1
                    last = ORDINARY
                    continue
            length = 1
            if first < 0x80:
                code = first
            elif first < 0xE0:
                code = (first & 0x1F) << 6 | (data[position + 1] & 0x3F)
                length = 2
            elif first < 0xF0:
                code = (first & 0x0F) << 12 | (data[position + 1] & 0x3F) << 6 | (data[position + 2] & 0x3F)
                length = 3
            else:
                code = (first & 0x07) << 18 | (data[position + 1] & 0x3F) << 12
                code |= (data[position + 2] & 0x3F) << 6 | (data[position + 3] & 0x3F)
                length = 4
            kind = table[code] & CLASS_MASK
            if kind >= NEWLINE and kind <= SELECTOR:
                position += length
                if kind == SPACE:
                    spaces += 1
                    joiner = 0
                elif kind == NEWLINE:
                    if one_line:
                        spaces += 1
                    else:
                        if code == 0x0D and position < end and data[position] == 0x0A:
                            position += 1
                        newlines += 1
                        spaces = 0
                        tabs = 0
                        indent = position
                    joiner = 0
                elif kind == TAB:
                    tabs += 1
                    joiner = 0
                elif kind == JOINER:
                    joiner = length if last == SHAPED and spaces + tabs + newlines == 0 else 0
                elif kind == SELECTOR and last == SHAPED and spaces + tabs + newlines + joiner == 0:
                    for index in range(position - length, position):
                        out[written] = data[index]
                        written += 1
                else:
                    joiner = 0
                continue

            if written > start:
                if newlines > 0:
                    out[written] = 0x0A
                    written += 1
                    for _ in range(min(newlines - 1, blank_lines)):
                        out[written] = 0x0A
                        written += 1
                elif tabs > 0:
                    out[written] = 0x20 if one_line else 0x09
                    written += 1
                elif spaces > 0:
                    # HAN is 1, QUOTE 9: two of them, one at least a Chinese character.
                    is_chinese = last & 7 == HAN and kind & 7 == HAN and last + kind < 2 * QUOTE
                    if not (han_spaces and is_chinese):
                        out[written] = 0x20
                        written += 1
                if newlines > 0 and spaces + tabs > 0 and indentation and code < 0x80:
                    for index in range(indent, position):
                        if data[index] == 0x20 or data[index] == 0x09:
                            out[written] = data[index]
                            written += 1
            if joiner > 0:
                if kind == SHAPED and spaces + tabs + newlines == 0:
                    for index in range(position - joiner, position):
                        out[written] = data[index]
                        written += 1
                joiner = 0
            newlines = 0
            spaces = 0
            tabs = 0
            for index in range(position, position + length):
                out[written] = data[index]
                written += 1
            position += length
            last = kind
        out_offsets[record + 1] = written
