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


@njit(cache=True, nogil=True)
def read_attributes(data: Any, first: int, key: Any, number: int, goto: Any, accepts: Any) -> Any:
    """Read the attributes of a start tag whose name ends before ``data[first]``.

    ``key`` and ``number`` are the name's hash and tag number, ``goto`` and
    ``accepts`` the cue automaton. Returns (position of the closing ">", node
    flags, cues, signature, self-closing); the position is at least
    ``data.size`` where the tag is not closed.
    """
    size = data.size
    j = first
    flags = 0
    cues = np.uint64(0)
    signature = np.uint32((key ^ np.uint32(1)) * FNV_PRIME)
    self_closing = False
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
        elif (
            (length == 2 and equals(data, name_start, name_stop, _ID))
            or (length == 8 and equals(data, name_start, name_stop, _ITEMPROP))
            or (length == 4 and equals(data, name_start, name_stop, _ROLE))
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
