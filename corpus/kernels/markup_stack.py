"""The stack of open elements: what an end tag closes, and what a start tag closes before it opens.

Rules of the HTML standard's tree construction (section 13.2.6), as far as they
decide where text belongs. ``stack[1 .. top]`` are the open nodes, ``names``
their names' hashes, ``open_count`` how many are open by tag number. Every
function returns the new ``top``.
"""

from __future__ import annotations

from typing import Any

from numba import njit

from corpus.kernels.markup_tree import (
    BARRIER,
    BLOCK,
    BODY,
    CAPTION,
    CLOSES_P,
    DD,
    DL,
    DT,
    HEAD,
    HEAD_ONLY,
    HTML,
    LI,
    OL,
    OPTION,
    OTHER,
    SELECT,
    TABLE,
    TBODY,
    TD,
    TFOOT,
    TH,
    THEAD,
    TR,
    UL,
    A,
    P,
)


@njit(cache=True, nogil=True)
def close_from(level: int, top: int, stack: Any, open_count: Any, tag: Any) -> int:
    """Close the element at ``level`` and all inside it."""
    for k in range(level, top + 1):
        open_count[tag[stack[k]]] -= 1
    return level - 1


@njit(cache=True, nogil=True)
def close_inline(level: int, top: int, stack: Any, names: Any, open_count: Any, tag: Any) -> int:
    """Close the inline element at ``level`` alone: the blocks inside it stay open."""
    open_count[tag[stack[level]]] -= 1
    for k in range(level, top):
        stack[k] = stack[k + 1]
        names[k] = names[k + 1]
    return top - 1


@njit(cache=True, nogil=True)
def end_element(
    number: int, key: Any, top: int, stack: Any, names: Any, open_count: Any, tag: Any, tag_flags: Any
) -> int:
    """Follow an end tag: close what it names, unless a barrier or a table lies between."""
    if open_count[number] == 0 or number in (HTML, BODY):
        return top
    level = top
    blocks_between = False
    while level > 0:
        element = tag[stack[level]]
        if element == number and (number != OTHER or names[level] == key):
            break
        if (tag_flags[element] & BARRIER and not (tag_flags[number] & BARRIER)) or (
            element == TABLE and number != TABLE
        ):
            return top
        if tag_flags[element] & BLOCK:
            blocks_between = True
        level -= 1
    if level == 0:
        return top
    if blocks_between and not (tag_flags[number] & BLOCK):
        return close_inline(level, top, stack, names, open_count, tag)
    return close_from(level, top, stack, open_count, tag)


@njit(cache=True, nogil=True)
def _sibling(number: int, top: int, stack: Any, tag: Any, tag_flags: Any) -> int:
    """Return the level of the open list item, term, option or link that a new one ends, 0 for none."""
    level = top
    while level > 0:
        element = tag[stack[level]]
        if element == number or (number == DT and element == DD) or (number == DD and element == DT):
            return level
        if (
            tag_flags[element] & BARRIER
            or element == SELECT
            or (number == LI and (element in (UL, OL)))
            or (number != A and number != LI and element == DL)
        ):
            return 0
        level -= 1
    return 0


@njit(cache=True, nogil=True)
def _table_part(number: int, top: int, stack: Any, tag: Any) -> int:
    """Return the level of the outermost part of the current table that a new cell, row or section ends, 0 for none."""
    level = top
    best = 0
    while level > 0:
        element = tag[stack[level]]
        if element == TABLE:
            break
        if number in (TD, TH):
            if element in (TR, TBODY):
                break
            if element in (TD, TH):
                return level
        elif number == TR:
            if element in (TBODY, THEAD, TFOOT):
                break
            if element == TR:
                best = level
        elif element in (TBODY, THEAD, TFOOT):
            best = level
        if element == CAPTION:
            best = level
        level -= 1
    return best


@njit(cache=True, nogil=True)
def before_element(number: int, top: int, stack: Any, open_count: Any, tag: Any, tag_flags: Any) -> int:
    """Close what a start tag of ``number`` ends by being there: head, paragraph, sibling item, cell or row."""
    if open_count[HEAD] > 0 and not (tag_flags[number] & HEAD_ONLY) and number != HEAD:
        for k in range(1, top + 1):
            if tag[stack[k]] == HEAD:
                top = close_from(k, top, stack, open_count, tag)
                break
    if tag_flags[number] & CLOSES_P and open_count[P] > 0:
        level = top
        while level > 0 and tag[stack[level]] != P and not (tag_flags[tag[stack[level]]] & BARRIER):
            level -= 1
        if level > 0 and tag[stack[level]] == P:
            top = close_from(level, top, stack, open_count, tag)
    level = 0
    if number in (LI, DT, DD, OPTION) or (number == A and open_count[A] > 0):
        level = _sibling(number, top, stack, tag, tag_flags)
    elif TR <= number <= TFOOT and open_count[TABLE] > 0:
        level = _table_part(number, top, stack, tag)
    if level > 0:
        top = close_from(level, top, stack, open_count, tag)
    return top
