"""The attributes of a start tag: what extraction asks of them, in one pass over their bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from corpus.kernels.markup_scan import equals, is_person, is_space, match_cues, style_hides
from corpus.kernels.markup_tree import FNV_PRIME, HAS_IMAGE_TEXT, HIDDEN, IMG, LINK, PERSON, A

_CLASS = np.frombuffer(b"class", np.uint8)
_ID = np.frombuffer(b"id", np.uint8)
_ROLE = np.frombuffer(b"role", np.uint8)
_ITEMPROP = np.frombuffer(b"itemprop", np.uint8)
_STYLE = np.frombuffer(b"style", np.uint8)
_HREF = np.frombuffer(b"href", np.uint8)
_HIDDEN = np.frombuffer(b"hidden", np.uint8)
_ALT = np.frombuffer(b"alt", np.uint8)
_SLUG_BORDERS = 3  # hyphens and underscores between words, from which an id is made of the words of a heading


@njit(cache=True, nogil=True)
def read_attributes(data: Any, first: int, key: Any, number: int, goto: Any, accepts: Any) -> Any:
    """Read the attributes of a start tag whose name ends before ``data[first]``.

    ``key`` and ``number`` are the name's hash and tag number, ``goto`` and
    ``accepts`` the cue automaton. Returns (position of the closing ">", node
    flags, cues, signature, self-closing); the position is at least
    ``data.size`` where the tag is not closed. The id of a heading, or one of
    four words and more, is an anchor made from a heading's text and gives no cues.
    """
    size = data.size
    j = first
    flags = 0
    cues = np.uint64(0)
    signature = np.uint32((key ^ np.uint32(1)) * FNV_PRIME)
    self_closing = False
    heading = first >= 3 and data[first - 3] == 60 and (data[first - 2] | 32) == 104 and 49 <= data[first - 1] <= 54
    while j < size:
        while j < size and (is_space(data[j]) or data[j] == 47):
            self_closing = data[j] == 47
            j += 1
        if j >= size or data[j] == 62:
            break
        name_start = j
        j += 1
        while j < size and data[j] != 61 and data[j] != 62 and data[j] != 47 and not is_space(data[j]):
            j += 1
        name_stop = j
        while j < size and is_space(data[j]):
            j += 1
        value_start = value_stop = j
        if j < size and data[j] == 61:
            j += 1
            while j < size and is_space(data[j]):
                j += 1
            if j < size and (data[j] == 34 or data[j] == 39):
                quote = data[j]
                value_start = j + 1
                j += 1
                while j < size and data[j] != quote:
                    j += 1
                value_stop = j
                j += 1
            else:
                value_start = j
                while j < size and data[j] != 62 and not is_space(data[j]):
                    j += 1
                value_stop = j
        self_closing = False
        length = name_stop - name_start
        if length == 5:
            if equals(data, name_start, name_stop, _CLASS):
                cues |= match_cues(data, value_start, value_stop, goto, accepts)
                for k in range(value_start, value_stop):
                    byte = data[k]
                    if is_space(byte):
                        if k > value_start:
                            break
                        continue
                    if not 48 <= byte <= 57:
                        signature = np.uint32((signature ^ np.uint32(byte)) * FNV_PRIME)
            elif equals(data, name_start, name_stop, _STYLE) and style_hides(data, value_start, value_stop):
                flags |= HIDDEN
        elif length == 2 and equals(data, name_start, name_stop, _ID):
            if not (heading or _is_slug(data, value_start, value_stop)):
                cues |= match_cues(data, value_start, value_stop, goto, accepts)
        elif (length == 8 and equals(data, name_start, name_stop, _ITEMPROP)) or (
            length == 4 and equals(data, name_start, name_stop, _ROLE)
        ):
            cues |= match_cues(data, value_start, value_stop, goto, accepts)
        elif length == 4 and number == A and equals(data, name_start, name_stop, _HREF):
            flags |= LINK
            if is_person(data, value_start, value_stop):
                flags |= PERSON
        elif length == 6 and equals(data, name_start, name_stop, _HIDDEN):
            flags |= HIDDEN
        elif length == 3 and number == IMG and value_stop > value_start and equals(data, name_start, name_stop, _ALT):
            flags |= HAS_IMAGE_TEXT
    return j, flags, cues, signature, self_closing


@njit(cache=True, nogil=True)
def _is_slug(data: Any, start: int, stop: int) -> bool:
    """Whether an id has four words or more (numbers are none), or letters other than ASCII's."""
    borders = 0
    for i in range(start, stop):
        if data[i] >= 128:
            return True
        borders += (data[i] == 45 or data[i] == 95) and i + 1 < stop and 97 <= data[i + 1] | 32 <= 122
    return borders >= _SLUG_BORDERS
