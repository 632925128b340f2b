"""Compiled loops over JSON Lines: where the fields of each line lie, and their values without escapes.

A line is *plain* where every strict parser of JSON takes it and the fields
asked for are of kinds that these loops know. Others are *odd*: nothing is said
about them, and a general parser decides. So what the loops do not know costs
time and never a record.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from corpus.kernels.json_tokens import (
    BACKSLASH,
    CLOSE_OBJECT,
    COLON,
    COMMA,
    LF,
    MAX_DEPTH,
    OPEN_ARRAY,
    OPEN_OBJECT,
    QUOTE,
    skip_nested,
    skip_number,
    skip_spaces,
    skip_string,
    skip_word,
    write_string,
)

# What a line is.
PLAIN = 0
BLANK = 1
ODD = 2

# Columns of a found value.
START = 0  # first byte, of a string the one behind its quote
END = 1  # behind the last byte
SIZE = 2  # bytes of the value without escapes
KIND = 3
COLUMNS = 4

# Kinds of values.
NONE = 0  # the line has no such field, or it is null or ""
STRING = 1  # without escapes
ESCAPED = 2
INTEGER = 3  # as Python would write it
VOID = 4  # true, false, an array or an object
_OTHER_NUMBER = 5  # as a field it makes a line odd
_OBJECT = 6

# The role of a name that is the first part of dotted names: an object there makes a line odd.
HEAD = -1


@njit(cache=True, nogil=True)
def _value(data: NDArray[np.uint8], at: int, stack: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """Return the position behind the value that begins at ``at`` (-1 where it is odd), its end, size and kind."""
    first = data[at]
    if first == QUOTE:
        end, size, is_escaped = skip_string(data, at + 1)
        return (end + 1 if end >= 0 else -1), end, size, NONE if size == 0 else (ESCAPED if is_escaped else STRING)
    if first == 0x2D or (first >= 0x30 and first <= 0x39):
        end, is_integer = skip_number(data, at)
        return end, end, end - at, INTEGER if is_integer else _OTHER_NUMBER
    if first in (OPEN_OBJECT, OPEN_ARRAY):
        return skip_nested(data, at, stack), at, 0, _OBJECT if first == OPEN_OBJECT else VOID
    return skip_word(data, at), at, 0, NONE if first == 0x6E else VOID  # null or not


@njit(cache=True, nogil=True)
def _is_same(data: NDArray[np.uint8], start: int, names: NDArray[np.uint8], name: int, size: int) -> bool:
    place = 0
    while place < size and data[start + place] == names[name + place]:
        place += 1
    same: bool = place == size
    return same


@njit(cache=True, nogil=True)
def _may_be_blank(data: NDArray[np.uint8], at: int, end: int) -> bool:
    """Whether a string, from behind its quote, may be nothing but ASCII white space."""
    while at < end:
        if data[at] == BACKSLASH:
            escape = data[at + 1]
            if escape == 0x75:  # u
                low: bool = data[at + 2] == 0x30 and data[at + 3] == 0x30
                return low
            if escape != 0x6E and escape != 0x72 and escape != 0x74 and escape != 0x66:  # n, r, t, f
                return False
            at += 2
        elif data[at] == 0x20:
            at += 1
        else:
            return False
    return True


@njit(cache=True, nogil=True)
def find_fields(
    data: NDArray[np.uint8],
    names: NDArray[np.uint8],
    borders: NDArray[np.int64],
    by_size: NDArray[np.int64],
    roles: NDArray[np.int64],
    ranks: NDArray[np.int64],
    payloads: int,
    starts: NDArray[np.int64],
    status: NDArray[np.uint8],
    found: NDArray[np.int64],
) -> None:
    """Find the named fields of every line of ``data``, whose last byte is LF.

    Name ``i`` is ``names[borders[i]:borders[i + 1]]``; the names of ``n`` bytes
    are ``by_size[n]`` to ``by_size[n + 1]``. ``roles[i]`` is a row of
    ``found`` (the first ``payloads`` of them hold strings only, and a plain line
    has one that is not blank) or ``HEAD``; of the names of one role the one of
    the lowest ``ranks[i]`` that has a value counts. Of line ``i`` ``starts[i]``
    is the first byte and ``status[i]`` what it is; ``found[:, i]`` (roles x
    ``COLUMNS``) is void where it is not plain.
    """
    best = np.empty(len(found), np.int64)
    seen = np.full(len(roles), -1, np.int64)
    stack = np.empty(MAX_DEPTH, np.uint8)
    at = 0
    for line in range(len(status)):
        starts[line] = at
        for role in range(len(found)):
            found[role, line, KIND] = NONE
            best[role] = len(roles)
        status[line] = ODD
        at = skip_spaces(data, at)
        if data[at] == LF:
            status[line] = BLANK
        separator = OPEN_OBJECT
        while data[at] == separator:
            separator = COMMA
            at = skip_spaces(data, at + 1)
            if data[at] != QUOTE:  # an empty object too, which has no payload
                break
            key = at + 1
            end, _, is_escaped = skip_string(data, key)
            if end < 0 or is_escaped:
                break
            at = skip_spaces(data, end + 1)
            if data[at] != COLON:
                break
            start = skip_spaces(data, at + 1)
            behind, last, bytes_, kind = _value(data, start, stack)
            if behind < 0:
                break
            at = skip_spaces(data, behind)
            size = end - key
            is_known = True
            if size + 1 < len(by_size):
                for name in range(by_size[size], by_size[size + 1]):
                    if not _is_same(data, key, names, borders[name], size):
                        continue
                    role = roles[name]
                    # Which of two fields of one name counts is a parser's own choice.
                    if seen[name] == line or (role == HEAD and kind == _OBJECT):
                        is_known = False
                    seen[name] = line
                    if role == HEAD or kind == NONE:
                        continue
                    if kind == _OTHER_NUMBER or (role < payloads and kind != STRING and kind != ESCAPED):
                        is_known = False
                    if ranks[name] < best[role]:
                        best[role] = ranks[name]
                        found[role, line, START] = start + 1 if kind != INTEGER else start
                        found[role, line, END] = last
                        found[role, line, SIZE] = bytes_
                        found[role, line, KIND] = VOID if kind == _OBJECT else kind
            if not is_known:
                break
            if data[at] == CLOSE_OBJECT:
                at = skip_spaces(data, at + 1)
                if data[at] == LF:
                    status[line] = _status(data, found, line, payloads)
                break
        while data[at] != LF:
            at += 1
        at += 1
    starts[len(status)] = at


@njit(cache=True, nogil=True)
def _status(data: NDArray[np.uint8], found: NDArray[np.int64], line: int, payloads: int) -> int:
    """Return what a line is that a strict parser takes."""
    for role in range(payloads):
        if found[role, line, KIND] != NONE:
            return ODD if _may_be_blank(data, found[role, line, START], found[role, line, END]) else PLAIN
    return ODD


@njit(cache=True, nogil=True)
def write_values(
    data: NDArray[np.uint8], values: NDArray[np.int64], offsets: NDArray[np.int64], out: NDArray[np.uint8]
) -> None:
    """Write value ``i`` of ``values`` (n x ``COLUMNS``) without escapes to ``out[offsets[i]:offsets[i + 1]]``."""
    for row in range(len(values)):
        start, end, to = values[row, START], values[row, END], offsets[row]
        if values[row, KIND] == ESCAPED:
            write_string(data, start, end, out, to)
        elif offsets[row + 1] > to:
            out[to : to + end - start] = data[start:end]
