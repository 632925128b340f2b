"""Rendering of a parsed page to text: one linear pass over the nodes that are kept."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from corpus.kernels.markup_scan import is_space
from corpus.kernels.markup_tree import (
    ANNOTATION,
    BLOCK,
    BR,
    HAS_IMAGE_TEXT,
    IMG,
    PRE,
    SCRIPT,
    SPACE_BEFORE,
    TD,
    TEXT,
    TH,
)  # fmt: skip

POST_MARK = 0x1E  # record separator: written before the line with which a post begins
_MARGIN = 4  # bytes that a node may add to its text: two line breaks and a mark, or the signs around a formula
_DOLLAR, _NEWLINE, _TAB, _BLANK = 36, 10, 9, 32


@njit(cache=True, nogil=True)
def render(data: Any, tree: Any, skip: Any, starts: Any, has_block: Any, tag_flags: Any, root: int) -> Any:
    """Return the UTF-8 text of the subtree ``root`` as bytes; entities are left as they stand.

    White space is collapsed as a browser does, except in ``pre``; a block
    begins and ends a line, ``br`` ends one, the cells of a row without blocks
    are separated by a tab, a formula's TeX stands between dollar signs.
    Elements in ``starts`` begin with ``POST_MARK``. ``skip`` and ``starts``
    are masks over nodes.
    """
    last = tree.end[root]
    size = 16
    for i in range(root, last):
        if not skip[i]:
            size += _MARGIN
            if tree.tag[i] == TEXT or tree.tag[i] == IMG:
                size += tree.stop[i] - tree.start[i]
    out = np.empty(size, np.uint8)
    at = 0
    # Open blocks: where they end, and whether they are blocks (1) or pre (2).
    ends = np.empty(1024, np.int32)
    kinds = np.empty(1024, np.uint8)
    depth = 0
    breaks = 0
    pres = 0
    space = False
    tab = False
    mark = False
    i = root
    while i < last:
        while depth > 0 and i >= ends[depth - 1]:
            depth -= 1
            if kinds[depth] & 1:
                breaks = max(breaks, 1)
            if kinds[depth] & 2:
                pres -= 1
        number = tree.tag[i]
        if tree.flags[i] & SPACE_BEFORE:
            space = True
        if skip[i]:
            if number != TEXT and tag_flags[number] & BLOCK:
                breaks = max(breaks, 1)
            i = tree.end[i]
            continue
        if starts[i]:
            mark = True
            breaks = max(breaks, 1)
        start = tree.start[i]
        stop = tree.stop[i]
        formula = number in (ANNOTATION, SCRIPT)
        if formula:
            if i + 1 < tree.end[i] and tree.tag[i + 1] == TEXT:
                start = tree.start[i + 1]
                stop = tree.stop[i + 1]
            else:
                stop = start
        elif number == IMG and tree.flags[i] & HAS_IMAGE_TEXT:
            start, stop = _tex_of_image(data, start, stop)
            formula = stop > start
        if number == TEXT or formula:
            while formula and start < stop and is_space(data[start]):
                start += 1
            while formula and start < stop and is_space(data[stop - 1]):
                stop -= 1
            first = True
            for k in range(start, stop):
                byte = data[k]
                if pres > 0 and not formula:
                    if byte == 13:
                        continue
                    if byte == _NEWLINE:
                        breaks += 1
                        space = False
                        tab = False
                        continue
                elif is_space(byte) and not formula:
                    space = True
                    continue
                elif is_space(byte):
                    byte = _BLANK
                if breaks > 0:
                    if at > 0:
                        out[at] = _NEWLINE
                        at += 1
                        if breaks > 1 and pres > 0:
                            out[at] = _NEWLINE
                            at += 1
                    breaks = 0
                elif tab:
                    out[at] = _TAB
                    at += 1
                elif space and at > 0:
                    out[at] = _BLANK
                    at += 1
                tab = False
                space = False
                if mark:
                    out[at] = POST_MARK
                    at += 1
                    mark = False
                if formula and first:
                    out[at] = _DOLLAR
                    at += 1
                first = False
                out[at] = byte
                at += 1
            if formula and stop > start:
                out[at] = _DOLLAR
                at += 1
            i = tree.end[i]
            continue
        kind = 0
        if number == BR:
            breaks = breaks + 1 if pres > 0 else max(breaks, 1)
        elif (number in (TD, TH)) and not has_block[i]:
            tab = True
        elif tag_flags[number] & BLOCK:
            breaks = max(breaks, 1)
            kind = 1
        if number == PRE:
            kind |= 2
        if kind and tree.end[i] > i + 1 and depth < ends.size:
            pres += kind >> 1
            ends[depth] = tree.end[i]
            kinds[depth] = kind
            depth += 1
        i += 1
    return out[:at]


@njit(cache=True, nogil=True)
def render_each(data: Any, tree: Any, nothing: Any, has_block: Any, tag_flags: Any, roots: Any) -> Any:
    """Return (bytes, offsets) with the text of each of the subtrees ``roots``, as :func:`render` writes it.

    ``nothing`` is a mask of zeros: no node is skipped, none begins a post.
    """
    offsets = np.zeros(roots.size + 1, np.int64)
    out = np.empty(0, np.uint8)
    for number in range(roots.size):
        text = render(data, tree, nothing, nothing, has_block, tag_flags, roots[number])
        at = offsets[number]
        if at + text.size > out.size:
            wider = np.empty(2 * (at + text.size), np.uint8)
            wider[:at] = out[:at]
            out = wider
        out[at : at + text.size] = text
        offsets[number + 1] = at + text.size
    return out, offsets


@njit(cache=True, nogil=True)
def _tex_of_image(data: Any, start: int, stop: int) -> tuple[int, int]:
    """Where the TeX source of a formula image lies in its attributes (``alt``), or an empty range."""
    formula = False
    for i in range(start, stop - 5):
        # eeimg (Zhihu), ?tex= and latex (renderers of several sites)
        if (
            (data[i] == 101 and data[i + 1] == 101 and data[i + 2] == 105 and data[i + 3] == 109)
            or (data[i] == 63 and data[i + 1] == 116 and data[i + 2] == 101 and data[i + 3] == 120)
            or (
                data[i] == 108
                and data[i + 1] == 97
                and data[i + 2] == 116
                and data[i + 3] == 101
                and data[i + 4] == 120
            )
        ):
            formula = True
            break
    if formula:
        for i in range(start, stop - 5):
            if data[i] == 97 and data[i + 1] == 108 and data[i + 2] == 116 and data[i + 3] == 61:
                quote = data[i + 4]
                if quote == 34 or quote == 39:
                    end = i + 5
                    while end < stop and data[end] != quote:
                        end += 1
                    return i + 5, end
    return start, start
