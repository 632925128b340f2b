"""Compiled: code points in UTF-8, and runs of digits, numerals and look-alikes that become one number.

See :mod:`corpus.pii.shadow` for what and why; :mod:`corpus.pii.shadow_kernel` finds the runs.
"""

from __future__ import annotations

import numpy as np
from numba import njit

# Classes of code points.
PLAIN, DROP, NUMERAL, CIRCLED, CONFUSABLE, DIGIT, SEPARATOR, FOLDED = range(8)

MIN_RUN = 7  # digits of the shortest number looked for (a landline without its area code)
MIN_LETTER_RUN, MAX_LETTER_RUN = 11, 19  # mobile .. bank card: O and l count as digits in such tokens only
MIN_LETTER_RUN_DIGITS = 5
LONG_EDGE = 3  # a numeral segment at the edge of a run is part of the number from this length on
COMPLETE = (11, 15, 16, 18, 19)  # lengths of whole numbers: mobile, IMEI, card, resident ID, card


@njit(cache=True, nogil=True, inline="always")
def decode(data, at):  # type: ignore[no-untyped-def]
    """Return (code point, bytes) of valid UTF-8 at ``at``."""
    first = np.int64(data[at])
    if first < 0x80:
        return first, 1
    if first < 0xE0:
        return ((first & 0x1F) << 6) | (np.int64(data[at + 1]) & 0x3F), 2
    if first < 0xF0:
        point = ((first & 0x0F) << 12) | ((np.int64(data[at + 1]) & 0x3F) << 6) | (np.int64(data[at + 2]) & 0x3F)
        return point, 3
    high = ((first & 0x07) << 18) | ((np.int64(data[at + 1]) & 0x3F) << 12)
    return high | ((np.int64(data[at + 2]) & 0x3F) << 6) | (np.int64(data[at + 3]) & 0x3F), 4


@njit(cache=True, nogil=True, inline="always")
def three_bytes(data, at):  # type: ignore[no-untyped-def]
    """Return the code point of three bytes of UTF-8 at ``at``."""
    return (
        ((np.int64(data[at]) & 0x0F) << 12) | ((np.int64(data[at + 1]) & 0x3F) << 6) | (np.int64(data[at + 2]) & 0x3F)
    )


@njit(cache=True, nogil=True, inline="always")
def encode(point, out, at):  # type: ignore[no-untyped-def]
    """Write ``point`` as UTF-8 at ``at``; return the place after it."""
    if point < 0x80:
        out[at] = point
        return at + 1
    if point < 0x800:
        out[at] = 0xC0 | (point >> 6)
        out[at + 1] = 0x80 | (point & 0x3F)
        return at + 2
    if point < 0x10000:
        out[at] = 0xE0 | (point >> 12)
        out[at + 1] = 0x80 | ((point >> 6) & 0x3F)
        out[at + 2] = 0x80 | (point & 0x3F)
        return at + 3
    out[at] = 0xF0 | (point >> 18)
    out[at + 1] = 0x80 | ((point >> 12) & 0x3F)
    out[at + 2] = 0x80 | ((point >> 6) & 0x3F)
    out[at + 3] = 0x80 | (point & 0x3F)
    return at + 4


@njit(cache=True, nogil=True, inline="always")
def is_alnum(byte):  # type: ignore[no-untyped-def]
    return 48 <= byte <= 57 or 65 <= byte <= 90 or 97 <= byte <= 122


@njit(cache=True, nogil=True)
def _fold_run(out, start, end, kind, target, digits, others, letters):  # type: ignore[no-untyped-def]
    """Fold the numerals, circled digits and letters of the run ``out[start:end]`` in place; return its new end.

    ``digits``, ``others`` (numerals and circled) and ``letters`` count the run's members.
    """
    total = digits + others + letters
    if total < MIN_RUN or (
        letters > 0 and (total < MIN_LETTER_RUN or total > MAX_LETTER_RUN or digits < MIN_LETTER_RUN_DIGITS)
    ):
        return end
    complete = False
    for length in COMPLETE:
        complete = complete or total == length
    read = start
    write = start
    while read < end:
        point, size = decode(out, read)
        wanted = kind[point]
        if wanted == NUMERAL or wanted == CIRCLED:  # noqa: SIM109  # a tuple is slower in numba
            # A segment is a maximal stretch of the same class; separators belong to it.
            stop = read
            count = 0
            while stop < end:
                inner, step = decode(out, stop)
                if kind[inner] == wanted:
                    count += 1
                elif kind[inner] != SEPARATOR:
                    break
                stop += step
            interior = read > start and stop < end
            short_edge = LONG_EDGE if wanted == NUMERAL else 2
            fold = complete or interior or count >= short_edge
            while read < stop:
                inner, step = decode(out, read)
                write = encode(target[inner] if fold else inner, out, write)
                read += step
        else:
            write = encode(target[point] if wanted == CONFUSABLE else point, out, write)
            read += size
    return write


@njit(cache=True, nogil=True)
def end_run(out, start, end, write, kind, target, digits, others, letters):  # type: ignore[no-untyped-def]
    """Fold the run ``out[start:end]``, move what stands behind it up to ``write``; return the new end of the text."""
    new_end = _fold_run(out, start, end, kind, target, digits, others, letters)
    if new_end != end:
        for at in range(end, write):
            out[new_end + at - end] = out[at]
    return write - (end - new_end)
