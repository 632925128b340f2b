"""Byte-level scans of markup: white space, attribute values, class cues, counts of text."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

_PERSON_PATHS = tuple(np.frombuffer(path, np.uint8) for path in (
    b"/user", b"/u/", b"/member", b"/profile", b"/people/", b"/author", b"/space", b"/@", b"uid=", b"/home/main",
    b"/uid",
))  # fmt: skip


@njit(cache=True, nogil=True, inline="always")
def is_space(byte: int) -> bool:
    return byte == 32 or (9 <= byte <= 13)


@njit(cache=True, nogil=True, inline="always")
def lower(byte: int) -> int:
    return byte + 32 if 65 <= byte <= 90 else byte


@njit(cache=True, nogil=True)
def equals(data: Any, start: int, stop: int, word: Any) -> bool:
    """Whether data[start:stop] is ``word`` (lower-case bytes), ignoring ASCII case."""
    if stop - start != word.size:
        return False
    for i in range(word.size):  # noqa: SIM110 numba compiles no generators
        if lower(data[start + i]) != word[i]:
            return False
    return True


@njit(cache=True, nogil=True)
def match_cues(data: Any, start: int, stop: int, goto: Any, accepts: Any) -> Any:
    """Run the cue automaton over an attribute value; see corpus/extraction/cues.py for the alphabet."""
    found = np.uint64(0)
    state = goto[goto[0, 0], 1]  # token border, then word border
    previous = 0  # 0 border, 1 lower-case letter, 2 digit, 3 upper-case letter
    for i in range(start, stop):
        byte = data[i]
        if is_space(byte):
            if previous != 0:
                state = goto[state, 1]
                found |= accepts[state]
            state = goto[state, 0]
            found |= accepts[state]
            state = goto[state, 1]
            previous = 0
            continue
        if 97 <= byte <= 122:
            if previous == 2:
                state = goto[state, 1]
                found |= accepts[state]
            state = goto[state, byte - 95]
            previous = 1
        elif 65 <= byte <= 90:
            if previous == 1 or previous == 2:
                state = goto[state, 1]
                found |= accepts[state]
            state = goto[state, byte - 63]
            previous = 3
        elif 48 <= byte <= 57:
            if previous == 1 or previous == 3:
                state = goto[state, 1]
                found |= accepts[state]
            state = goto[state, byte - 20]
            previous = 2
        else:
            if previous != 0:
                state = goto[state, 1]
            previous = 0
        found |= accepts[state]
    if previous != 0:
        state = goto[state, 1]
        found |= accepts[state]
    return found | accepts[goto[state, 0]]


@njit(cache=True, nogil=True)
def count_text(data: Any, start: int, stop: int) -> tuple[int, int]:
    """Code points other than white space, and sentence punctuation, in data[start:stop]."""
    chars = 0
    stops = 0
    i = start
    while i < stop:
        byte = data[i]
        if byte < 128:
            if byte == 38:  # an entity counts as one character
                j = i + 1
                while j < stop and j < i + 10 and (is_alnum(data[j]) or data[j] == 35):
                    j += 1
                if j < stop and data[j] == 59 and j > i + 1:
                    # &nbsp; is white space
                    if not (j == i + 5 and data[i + 1] == 110 and data[i + 2] == 98):
                        chars += 1
                    i = j + 1
                    continue
            if byte > 32:
                chars += 1
                if (
                    byte == 44
                    or byte == 33
                    or byte == 63
                    or byte == 59
                    or (byte == 46 and (i + 1 >= stop or is_space(data[i + 1])))
                ):
                    stops += 1
            i += 1
        elif byte >= 0xC0:
            width = 2 if byte < 0xE0 else (3 if byte < 0xF0 else 4)
            if width == 3 and i + 2 < stop:
                second = data[i + 1]
                third = data[i + 2]
                if byte == 0xE3 and second == 0x80:
                    if third == 0x80:  # ideographic space
                        i += 3
                        continue
                    if third <= 0x82:  # 、。
                        stops += 1
                elif (byte == 0xEF and second == 0xBC) and (
                    third == 0x8C or third == 0x81 or third == 0x9F or third == 0x9B or third == 0x9A  # ，！？；：
                ):
                    stops += 1
            elif width == 2 and byte == 0xC2 and i + 1 < stop and data[i + 1] == 0xA0:
                i += 2
                continue
            chars += 1
            i += width
        else:
            i += 1
    return chars, stops


@njit(cache=True, nogil=True, inline="always")
def is_alnum(byte: int) -> bool:
    return (97 <= byte <= 122) or (65 <= byte <= 90) or (48 <= byte <= 57)


@njit(cache=True, nogil=True)
def style_hides(data: Any, start: int, stop: int) -> bool:
    """Whether an inline style holds ``display: none``."""
    i = start
    while i + 11 < stop:
        if (
            lower(data[i]) == 100
            and lower(data[i + 1]) == 105
            and lower(data[i + 2]) == 115
            and lower(data[i + 6]) == 121
        ):
            j = i + 7
            while j < stop and is_space(data[j]):
                j += 1
            if j < stop and data[j] == 58:
                j += 1
                while j < stop and is_space(data[j]):
                    j += 1
                if j + 4 <= stop and lower(data[j]) == 110 and lower(data[j + 1]) == 111 and lower(data[j + 2]) == 110:
                    return True
        i += 1
    return False


@njit(cache=True, nogil=True)
def is_person(data: Any, start: int, stop: int) -> bool:
    """Whether an address names a user's page, by the paths that forum and blog software uses."""
    for i in range(start, stop):
        if data[i] == 47 or data[i] == 117:
            for path in _PERSON_PATHS:
                if i + path.size <= stop:
                    same = True
                    for k in range(path.size):
                        if lower(data[i + k]) != path[k]:
                            same = False
                            break
                    if same:
                        return True
    return False


@njit(cache=True, nogil=True)
def skip_declaration(data: Any, first: int) -> int:
    """Return where the comment, doctype, CDATA mark or processing instruction at ``data[first]`` ends."""
    size = data.size
    j = first + 2
    if data[first + 1] == 33 and first + 3 < size and data[first + 2] == 45 and data[first + 3] == 45:
        j = first + 4
        if j < size and data[j] == 62:
            return j + 1
        while j + 2 < size and not (data[j] == 45 and data[j + 1] == 45 and (data[j + 2] == 62 or data[j + 2] == 33)):
            j += 1
        if j + 2 >= size:
            return int(size)
        j += 2
    while j < size and data[j] != 62:
        j += 1
    return j + 1


@njit(cache=True, nogil=True)
def after_raw_text(data: Any, first: int, name_stop: int) -> int:
    """Return where the raw text from ``first`` ends: at the end tag of that name, or with the data."""
    size = data.size
    name_start = name_stop
    while data[name_start - 1] != 60:
        name_start -= 1
    length = name_stop - name_start
    for j in range(first, size):
        if data[j] == 60 and j + 1 + length < size and data[j + 1] == 47:
            same = True
            for m in range(length):
                if lower(data[j + 2 + m]) != lower(data[name_start + m]):
                    same = False
                    break
            if same:
                return j
    return int(size)
