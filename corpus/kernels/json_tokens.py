"""The tokens of JSON (RFC 8259), one compiled function each, over bytes whose last is LF.

Each takes the position of a token's first byte and gives the one behind its
last, or -1 where it is not certain that every strict parser takes it. None
reads past the next LF: a string holds no raw LF, and no other token does.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

LF = 0x0A
QUOTE = 0x22
BACKSLASH = 0x5C
COMMA = 0x2C
COLON = 0x3A
OPEN_ARRAY = 0x5B
CLOSE_ARRAY = 0x5D
OPEN_OBJECT = 0x7B
CLOSE_OBJECT = 0x7D

MAX_DEPTH = 64
# Digits of a number up to which no parser finds it out of range: in front of the point, behind it, of the exponent.
_INTEGER_DIGITS = 18
_FRACTION_DIGITS = 40
_EXPONENT_DIGITS = 2


@njit(cache=True, nogil=True)
def skip_spaces(data: NDArray[np.uint8], at: int) -> int:
    """Return the first position from ``at`` that is neither space, tab nor CR."""
    while data[at] == 0x20 or data[at] == 0x09 or data[at] == 0x0D:
        at += 1
    return at


@njit(cache=True, nogil=True)
def skip_word(data: NDArray[np.uint8], at: int) -> int:
    """Skip null, true or false."""
    if data[at] == 0x6E:
        found = data[at + 1] == 0x75 and data[at + 2] == 0x6C and data[at + 3] == 0x6C
        return at + 4 if found else -1
    if data[at] == 0x74:
        found = data[at + 1] == 0x72 and data[at + 2] == 0x75 and data[at + 3] == 0x65
        return at + 4 if found else -1
    if data[at] == 0x66:
        found = data[at + 1] == 0x61 and data[at + 2] == 0x6C and data[at + 3] == 0x73 and data[at + 4] == 0x65
        return at + 5 if found else -1
    return -1


@njit(cache=True, nogil=True)
def _digits(data: NDArray[np.uint8], at: int, most: int) -> int:
    """Skip one to ``most`` digits."""
    start = at
    while data[at] >= 0x30 and data[at] <= 0x39:
        at += 1
    return at if 0 < at - start <= most else -1


@njit(cache=True, nogil=True)
def skip_number(data: NDArray[np.uint8], at: int) -> tuple[int, bool]:
    """Skip a number; return also whether it is an integer in the one form that Python would write."""
    is_negative = data[at] == 0x2D
    if is_negative:
        at += 1
    is_zero = data[at] == 0x30
    start = at
    at = _digits(data, at, _INTEGER_DIGITS)
    if at < 0 or (is_zero and at > start + 1):
        return -1, False
    is_integer = not (is_zero and is_negative)
    if data[at] == 0x2E:
        is_integer = False
        at = _digits(data, at + 1, _FRACTION_DIGITS)
        if at < 0:
            return -1, False
    if data[at] == 0x65 or data[at] == 0x45:
        is_integer = False
        at += 1
        if data[at] == 0x2B or data[at] == 0x2D:
            at += 1
        at = _digits(data, at, _EXPONENT_DIGITS)
    return at, is_integer


@njit(cache=True, nogil=True)
def _hex4(data: NDArray[np.uint8], at: int) -> int:
    """Return the number that four hexadecimal digits at ``at`` write, -1 where there are none."""
    code = 0
    for place in range(4):
        digit = int(np.int64(data[at + place]))
        if 0x30 <= digit <= 0x39:
            digit -= 0x30
        elif 0x41 <= digit <= 0x46:
            digit -= 0x41 - 10
        elif 0x61 <= digit <= 0x66:
            digit -= 0x61 - 10
        else:
            return -1
        code = code << 4 | digit
    return code


@njit(cache=True, nogil=True)
def _escape(data: NDArray[np.uint8], at: int) -> tuple[int, int]:
    """Return the code point that the escape at ``at`` (its backslash) means and the bytes that it takes, or (-1, 0).

    Half a surrogate pair is no code point.
    """
    kind = data[at + 1]
    if kind in (QUOTE, BACKSLASH, 0x2F):
        return int(np.int64(kind)), 2
    if kind == 0x6E:  # n
        return 0x0A, 2
    if kind == 0x72:  # r
        return 0x0D, 2
    if kind == 0x74:  # t
        return 0x09, 2
    if kind == 0x62:  # b
        return 0x08, 2
    if kind == 0x66:  # f
        return 0x0C, 2
    if kind != 0x75:  # u
        return -1, 0
    code = _hex4(data, at + 2)
    if code < 0xD800 or code > 0xDFFF:
        return code, 6
    if code > 0xDBFF or data[at + 6] != BACKSLASH or data[at + 7] != 0x75:
        return -1, 0
    low = _hex4(data, at + 8)
    if low < 0xDC00 or low > 0xDFFF:
        return -1, 0
    return 0x10000 + ((code - 0xD800) << 10 | (low - 0xDC00)), 12


@njit(cache=True, nogil=True)
def _is_tail(data: NDArray[np.uint8], at: int, count: int) -> bool:
    """Whether ``count`` continuation bytes of UTF-8 begin at ``at``."""
    place = 0
    while place < count and data[at + place] & 0xC0 == 0x80:
        place += 1
    return place == count


@njit(cache=True, nogil=True)
def _character(data: NDArray[np.uint8], at: int) -> int:
    """Return how many bytes the character at ``at``, beyond ASCII, takes; 0 where it is no UTF-8 (RFC 3629)."""
    first, second = data[at], data[at + 1]
    if first < 0xE0:
        return 2 if first >= 0xC2 and _is_tail(data, at + 1, 1) else 0
    if first < 0xF0:
        if (first == 0xE0 and second < 0xA0) or (first == 0xED and second > 0x9F):
            return 0
        return 3 if _is_tail(data, at + 1, 2) else 0
    if first > 0xF4 or (first == 0xF0 and second < 0x90) or (first == 0xF4 and second > 0x8F):
        return 0
    return 4 if _is_tail(data, at + 1, 3) else 0


@njit(cache=True, nogil=True)
def skip_string(data: NDArray[np.uint8], at: int) -> tuple[int, int, bool]:
    """Go through the string whose first byte behind the quote is ``at``.

    Return the position of the closing quote, the bytes of the string without
    escapes, and whether it has any.
    """
    start, saved = at, 0
    while True:
        byte = data[np.uint64(at)]
        if byte >= 0x80:
            # Almost all of Chinese, its punctuation too; the general way takes three times as long.
            is_plain = byte & 0xF0 == 0xE0 and byte != 0xE0 and byte != 0xED
            if is_plain and (data[np.uint64(at + 1)] & 0xC0) == 0x80 and (data[np.uint64(at + 2)] & 0xC0) == 0x80:
                at += 3
                continue
            step = _character(data, at)
            if step == 0:
                return -1, 0, False
            at += step
        elif byte > QUOTE and byte != BACKSLASH:
            at += 1
        elif byte == QUOTE:
            return at, at - start - saved, saved > 0
        elif byte == BACKSLASH:
            code, taken = _escape(data, at)
            if code < 0:
                return -1, 0, False
            at += taken
            saved += taken - _width(code)
        elif byte < 0x20:
            return -1, 0, False
        else:
            at += 1


@njit(cache=True, nogil=True)
def _width(code: int) -> int:
    """Return how many bytes of UTF-8 code point ``code`` takes."""
    if code < 0x80:
        return 1
    if code < 0x800:
        return 2
    return 3 if code < 0x10000 else 4


@njit(cache=True, nogil=True)
def write_string(data: NDArray[np.uint8], at: int, end: int, out: NDArray[np.uint8], to: int) -> None:
    """Write the inside of a string, which :func:`skip_string` took, without escapes to ``out`` from ``to``."""
    while at < end:
        byte = data[np.uint64(at)]
        if byte != BACKSLASH:
            out[np.uint64(to)] = byte
            at += 1
            to += 1
            continue
        code, taken = _escape(data, at)
        at += taken
        width = _width(code)
        if width == 1:
            out[to] = code
        else:
            for place in range(width - 1, 0, -1):
                out[to + place] = 0x80 | (code & 0x3F)
                code >>= 6
            out[to] = (0xF00 >> width & 0xFF) | code
        to += width


@njit(cache=True, nogil=True)
def skip_nested(data: NDArray[np.uint8], at: int, stack: NDArray[np.uint8]) -> int:
    """Skip an array or an object. ``stack`` has room for ``MAX_DEPTH`` brackets."""
    depth = 0
    while True:
        # A value begins here.
        first = data[at]
        if first in (OPEN_ARRAY, OPEN_OBJECT):
            if depth == MAX_DEPTH:
                return -1
            stack[depth] = first
            depth += 1
            at = skip_spaces(data, at + 1)
            if data[at] != first + 2:  # the closing bracket is two behind the opening one in ASCII
                if first == OPEN_OBJECT:
                    at = _skip_key(data, at)
                    if at < 0:
                        return -1
                continue
        else:
            if first == QUOTE:
                at = skip_string(data, at + 1)[0]
                at = at + 1 if at >= 0 else -1
            elif first == 0x2D or (first >= 0x30 and first <= 0x39):
                at = skip_number(data, at)[0]
            else:
                at = skip_word(data, at)
            if at < 0:
                return -1
            at = skip_spaces(data, at)
        # What is behind a value, or an empty container, begins here.
        while data[at] == stack[depth - 1] + 2:
            depth -= 1
            if depth == 0:
                return at + 1
            at = skip_spaces(data, at + 1)
        if data[at] != COMMA:
            return -1
        at = skip_spaces(data, at + 1)
        if stack[depth - 1] == OPEN_OBJECT:
            at = _skip_key(data, at)
            if at < 0:
                return -1


@njit(cache=True, nogil=True)
def _skip_key(data: NDArray[np.uint8], at: int) -> int:
    """Skip a key, its colon and the spaces behind."""
    if data[at] != QUOTE:
        return -1
    at = skip_string(data, at + 1)[0]
    if at < 0:
        return -1
    at = skip_spaces(data, at + 1)
    return skip_spaces(data, at + 1) if data[at] == COLON else -1
