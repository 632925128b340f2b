"""A tolerant HTML parser that writes a page as flat arrays, in one pass and without recursion.

The tree is a struct of arrays in document order: node ``i`` is an element or a
run of text, its descendants are exactly the nodes ``i + 1 .. end[i] - 1``, so
that every later question about a page (link density, score of a container,
rendering) is one linear loop. Nothing recurses, the stack of open elements is
bounded, and time is linear in the input: tags nested 10^5 deep or a line of
50 MB cost what their bytes cost.

Tree construction follows the HTML standard (section 13.2.6) where it decides
where text belongs: implied end tags, void and raw-text elements, tables as
scope borders, formatting elements closed across blocks. It leaves out what
only matters to a renderer: foster parenting and the reopening of formatting
elements.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from corpus.kernels.markup_attributes import read_attributes
from corpus.kernels.markup_scan import after_raw_text, count_text, is_space, lower, skip_declaration
from corpus.kernels.markup_stack import before_element, end_element
from corpus.kernels.markup_tree import (
    BODY,
    BR,
    FNV_OFFSET,
    FNV_PRIME,
    HEAD,
    HTML,
    OTHER,
    PRE,
    RAW,
    SPACE_BEFORE,
    TABLE,
    TD,
    TEXT,
    UNSEEN,
    VOID,
    P,
    find_tag,
)


@njit(cache=True, nogil=True)
def parse(
    data: Any, tag_keys: Any, tag_values: Any, tag_flags: Any, goto: Any, accepts: Any, max_nodes: int, max_depth: int
) -> Any:
    """Parse the UTF-8 bytes of a page and return the fields of :class:`~corpus.kernels.markup_tree.Tree` as a tuple.

    ``tag_keys``/``tag_values`` are an open-addressing table (size a power of
    two) from :func:`~corpus.kernels.markup_tree.name_hash` to tag number, ``tag_flags`` the flags by tag
    number, ``goto``/``accepts`` the cue automaton. Elements deeper than
    ``max_depth`` become siblings; after ``max_nodes`` nodes the rest of the
    page is left out. Time and memory are linear in ``data``.
    """
    size = data.size
    estimate = 4
    for i in range(size):
        if data[i] == 60:
            estimate += 2
    capacity = min(estimate, max_nodes)
    tag = np.zeros(capacity, np.int16)
    flags = np.zeros(capacity, np.uint8)
    parent = np.zeros(capacity, np.int32)
    end = np.zeros(capacity, np.int32)
    start = np.zeros(capacity, np.int32)
    stop = np.zeros(capacity, np.int32)
    chars = np.zeros(capacity, np.int32)
    stops = np.zeros(capacity, np.int32)
    cues = np.zeros(capacity, np.uint64)
    signature = np.zeros(capacity, np.uint32)

    stack = np.zeros(max_depth + 2, np.int32)
    names = np.zeros(max_depth + 2, np.uint32)
    open_count = np.zeros(tag_flags.size, np.int32)
    top = 0  # stack[0] is the root
    tag[0] = OTHER
    parent[0] = -1
    count = 1
    overflow = 0  # elements open beyond the depth limit
    deepest = 0
    space = 0
    truncated = False
    seen_html = False
    seen_body = False

    i = 0
    while i < size:
        if count >= capacity - 1:
            truncated = count >= max_nodes - 1
            break
        byte = data[i]
        if byte != 60 or i + 1 >= size:
            # A run of text up to the next "<" that opens something.
            j = i + 1
            while j < size and data[j] != 60:
                j += 1
            blank = True
            for k in range(i, j):
                if not is_space(data[k]):
                    blank = False
                    break
            if blank and open_count[PRE] == 0:
                space = SPACE_BEFORE
            else:
                if not blank and open_count[HEAD] > 0 and tag[stack[top]] == HEAD:
                    open_count[HEAD] -= 1
                    top -= 1
                tag[count] = TEXT
                flags[count] = space
                parent[count] = stack[top]
                start[count] = i
                stop[count] = j
                chars[count], stops[count] = count_text(data, i, j)
                count += 1
                space = 0
            i = j
            continue

        following = data[i + 1]
        if following == 33 or following == 63:
            i = skip_declaration(data, i)
            continue
        closing = following == 47
        j = i + 2 if closing else i + 1
        if j >= size or not ((97 <= data[j] <= 122) or (65 <= data[j] <= 90)):
            if closing:  # "</" followed by anything else is a bogus comment
                while j < size and data[j] != 62:
                    j += 1
                i = j + 1
                continue
            # A lone "<" is text: emit it with what follows.
            j = i + 1
            while j < size and data[j] != 60:
                j += 1
            tag[count] = TEXT
            flags[count] = space
            parent[count] = stack[top]
            start[count] = i
            stop[count] = j
            chars[count], stops[count] = count_text(data, i, j)
            count += 1
            space = 0
            i = j
            continue
        key = FNV_OFFSET
        while j < size and data[j] != 62 and data[j] != 47 and not is_space(data[j]):
            key = np.uint32((key ^ np.uint32(lower(data[j]))) * FNV_PRIME)
            j += 1
        number = find_tag(key, tag_keys, tag_values)
        kind = tag_flags[number]

        if closing:
            while j < size and data[j] != 62:
                j += 1
            i = j + 1
            if number == BR or (number == P and open_count[P] == 0):
                tag[count] = BR
                flags[count] = space
                parent[count] = stack[top]
                count += 1
                space = 0
                continue
            if overflow > 0 and number != TABLE and number != TD and number != BODY and number != HTML:
                overflow -= 1
                continue
            top = end_element(number, key, top, stack, names, open_count, tag, tag_flags)
            continue

        attributes_start = j
        j, attribute_flags, node_cues, node_signature, self_closing = read_attributes(
            data, j, key, number, goto, accepts
        )
        attributes_stop = min(j, size)
        i = attributes_stop + 1
        if number in (HTML, BODY):
            if (number == HTML and seen_html) or (number == BODY and seen_body):
                continue
            seen_html = seen_html or number == HTML
            seen_body = seen_body or number == BODY
        top = before_element(number, top, stack, open_count, tag, tag_flags)
        node = count
        tag[node] = number
        flags[node] = space | attribute_flags
        parent[node] = stack[top]
        start[node] = attributes_start
        stop[node] = attributes_stop
        cues[node] = node_cues
        signature[node] = node_signature
        count += 1
        space = 0

        if kind & RAW and not (self_closing and number == OTHER):
            # Everything up to the matching end tag is one run of text, never markup.
            j = after_raw_text(data, i, attributes_start)
            if j > i and count < capacity - 1:
                tag[count] = TEXT
                parent[count] = node
                start[count] = i
                stop[count] = j
                if not (kind & UNSEEN):
                    chars[count], stops[count] = count_text(data, i, j)
                count += 1
            while j < size and data[j] != 62:
                j += 1
            i = j + 1
            continue
        if kind & VOID or (self_closing and number == OTHER):
            continue
        if top + overflow + 1 > deepest:
            deepest = top + overflow + 1
        if top >= max_depth:
            overflow += 1
            continue
        top += 1
        stack[top] = node
        names[top] = key
        open_count[number] += 1

    for node in range(count):
        end[node] = node + 1
    for node in range(count - 1, 0, -1):
        above = parent[node]
        if end[node] > end[above]:
            end[above] = end[node]
    return (
        tag[:count], flags[:count], parent[:count], end[:count], start[:count], stop[:count], chars[:count],
        stops[:count], cues[:count], signature[:count], deepest, truncated,
    )  # fmt: skip
