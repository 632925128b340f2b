"""What is no content by itself: unseen, hidden, marked by a cue, names, teasers.

All take the arrays of :class:`corpus.kernels.markup.Tree`; a mask ``skip`` is 1 for nodes that are left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from corpus.kernels.markup_tree import ANNOTATION, BLOCK, HIDDEN, LINK, MATH, PERSON, PRE, SCRIPT, TEXT, UNSEEN


@njit(cache=True, nogil=True)
def unseen(tree: Any, tag_flags: Any) -> Any:
    """Return 1 for each element that is never shown as text, and all below it."""
    skip = np.zeros(tree.tag.size, np.uint8)
    for i in range(1, tree.tag.size):
        if skip[tree.parent[i]] or (tree.tag[i] != TEXT and tag_flags[tree.tag[i]] & UNSEEN):
            skip[i] = 1
    return skip


@njit(cache=True, nogil=True)
def show_formulas(data: Any, tree: Any, skip: Any) -> None:
    """Keep one form of each formula: its TeX source where the page has it (MathML annotation, MathJax script)."""
    for i in range(1, tree.tag.size):
        number = tree.tag[i]
        if number == SCRIPT and _names_tex(data, tree.start[i], tree.stop[i]):
            skip[i] = 0
            for k in range(i + 1, tree.end[i]):
                skip[k] = 0
        elif number == ANNOTATION:
            top = tree.parent[i]
            while top > 0 and tree.tag[top] != MATH:
                top = tree.parent[top]
            if top == 0 or skip[top]:
                continue
            above = tree.parent[top]
            tree.flags[above] &= ~np.uint8(HIDDEN)
            for k in range(top + 1, tree.end[top]):
                skip[k] = not (k <= i < tree.end[k] or i < k < tree.end[i])


@njit(cache=True, nogil=True)
def _names_tex(data: Any, start: int, stop: int) -> bool:
    """Whether an element's attributes hold ``math/tex``."""
    for i in range(start, stop - 7):
        if data[i] == 109 and data[i + 1] == 97 and data[i + 4] == 47 and data[i + 5] == 116 and data[i + 7] == 120:
            return True
    return False


@njit(cache=True, nogil=True)
def exclude(
    data: Any, tree: Any, skip: Any, text: Any, links: Any, root: int, heading: int, tag_flags: Any, drop_tags: Any,
    masks: Any, limits: Any,
) -> None:  # fmt: skip
    """Set ``skip`` on each node under ``root`` that is not content by itself: hidden, or marked by a dropped cue.

    ``masks`` holds eight cue masks: dropped; dropped when small; kept unless
    dropped by name too; speaking for content; dropped although inline; line numbers;
    of the dropped, those that a cue speaking for content overrules; those that
    keep a small element.
    ``limits`` holds the shares of the root's text outside links above which a
    dropped element is kept (without, with a cue that speaks for content) and
    the characters up to which an element is small. What holds node ``heading``
    (-1 for none) is never left out; inside ``pre`` only line numbers are.
    """
    whole = max(1, text[root] - links[root])
    code = 0  # end of the pre that the loop is in
    for i in range(root + 1, tree.end[root]):
        if skip[tree.parent[i]]:
            skip[i] = 1
            continue
        if skip[i] or tree.tag[i] == TEXT or i <= heading < tree.end[i]:
            continue
        cues = tree.cues[i]
        if cues & masks[5] and _only_digits(data, tree, i):
            skip[i] = 1
            continue
        if i < code:
            continue
        if tree.tag[i] == PRE:
            code = tree.end[i]
        if cues & masks[2] and not cues & masks[0]:
            continue
        plain = text[i] - links[i]
        if plain > (limits[1] if cues & masks[3] else limits[0]) * whole:
            continue
        dropped = masks[0] if tag_flags[tree.tag[i]] & BLOCK else masks[4]
        if cues & masks[3]:
            dropped &= ~masks[6]
        if (
            tree.flags[i] & HIDDEN
            or drop_tags[tree.tag[i]]
            or cues & dropped
            or (cues & masks[1] and text[i] <= limits[2] and not cues & masks[7])
        ):
            skip[i] = 1


@njit(cache=True, nogil=True)
def _only_digits(data: Any, tree: Any, node: int) -> bool:
    for i in range(node, tree.end[node]):
        if tree.tag[i] == TEXT:
            for k in range(tree.start[i], tree.stop[i]):
                if not (48 <= data[k] <= 57 or data[k] <= 32):
                    return False
    return True


@njit(cache=True, nogil=True)
def drop_names(tree: Any, skip: Any, tag_flags: Any, root: int, most: int) -> None:
    """Set ``skip`` on links to users' pages, unless they stand in a sentence.

    A block's direct text counts as a sentence when it holds more than ``most``
    characters outside links or any sentence punctuation.
    """
    n = tree.tag.size
    plain = np.zeros(n, np.int32)
    stops = np.zeros(n, np.int32)
    block = np.zeros(n, np.int32)
    linked = np.zeros(n, np.bool_)
    block[root] = root
    for i in range(root + 1, tree.end[root]):
        above = tree.parent[i]
        if tree.tag[i] == TEXT:
            if not linked[above] and not skip[i]:
                plain[block[above]] += tree.chars[i]
                stops[block[above]] += tree.stops[i]
            continue
        linked[i] = linked[above] or tree.flags[i] & LINK != 0
        block[i] = i if tag_flags[tree.tag[i]] & BLOCK else block[above]
    for i in range(root + 1, tree.end[root]):
        if skip[tree.parent[i]]:
            skip[i] = 1
        elif tree.flags[i] & PERSON and tree.tag[i] != TEXT:
            home = block[tree.parent[i]]
            if plain[home] <= most and stops[home] == 0:
                skip[i] = 1


@njit(cache=True, nogil=True)
def mark_teasers(
    tree: Any,
    skip: Any,
    text: Any,
    links: Any,
    anchors: Any,
    has_block: Any,
    headings: Any,
    spare: Any,
    root: int,
    least_link: int,
    deep: bool,
) -> int:
    """Set ``skip`` on runs of teasers: three or more siblings of one signature, linked headlines with little text.

    Elements whose cues meet ``spare`` are left alone, with ``deep`` those that hold such an element too. Returns
    the characters left out.
    """
    lost = 0
    below = tree.cues.copy()
    if deep:
        for i in range(tree.end[root] - 1, root, -1):
            below[tree.parent[i]] |= below[i]
    for i in range(root, tree.end[root]):
        if tree.tag[i] == TEXT or skip[i] or anchors[i] < 3:
            continue
        # Majority vote over the children's signatures.
        candidate = np.uint32(0)
        votes = 0
        child = i + 1
        while child < tree.end[i]:
            if tree.tag[child] != TEXT and not skip[child] and text[child] > 0:
                if votes == 0:
                    candidate = tree.signature[child]
                    votes = 1
                elif tree.signature[child] == candidate:
                    votes += 1
                else:
                    votes -= 1
            child = tree.end[child]
        if votes == 0:
            continue
        items = 0
        teasers = 0
        long_teasers = 0
        child = i + 1
        while child < tree.end[i]:
            if tree.tag[child] != TEXT and not skip[child] and text[child] > 0 and tree.signature[child] == candidate:
                items += 1
                if (
                    has_block[child]
                    and anchors[child] >= 1
                    and text[child] <= 600
                    and links[child] >= least_link
                    and not below[child] & spare
                ):
                    if 1 <= headings[child] <= 2:
                        long_teasers += 1
                    if text[child] <= 400 and 6 * links[child] >= text[child]:
                        teasers += 1
            child = tree.end[child]
        few = teasers < 3 or 4 * teasers < 3 * items
        if few and (long_teasers < 6 or 10 * long_teasers < 9 * items):
            continue
        child = i + 1
        while child < tree.end[i]:
            if tree.tag[child] != TEXT and tree.signature[child] == candidate and not skip[child]:
                lost += text[child]
                for k in range(child, tree.end[child]):
                    skip[k] = 1
            child = tree.end[child]
    return lost
