"""Measures of subtrees of a parsed page: text, links, prose.

All take the arrays of :class:`corpus.kernels.markup.Tree`; a mask ``skip`` is 1 for nodes that are left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from corpus.kernels.markup_tree import BLOCK, LINK, PRE, TEXT, UNSEEN

_UNPUNCTUATED = 1000  # characters up to which a line without sentence punctuation is prose
_SENTENCE = 500  # characters that each sentence punctuation mark speaks for


@njit(cache=True, nogil=True)
def measure(tree: Any, tag_flags: Any) -> Any:
    """Return (text, links, stops, anchors, has_block) per node, over its subtree and without unseen elements.

    ``text``: code points other than white space; ``links``: those inside a
    link; ``stops``: sentence punctuation outside links; ``anchors``: number of
    links; ``has_block``: whether a block element lies inside.
    """
    n = tree.tag.size
    text = np.zeros(n, np.int32)
    links = np.zeros(n, np.int32)
    stops = np.zeros(n, np.int32)
    anchors = np.zeros(n, np.int32)
    has_block = np.zeros(n, np.bool_)
    state = np.zeros(n, np.uint8)  # 1 inside a link, 2 unseen
    for i in range(1, n):
        above = state[tree.parent[i]]
        if tree.tag[i] == TEXT:
            if above & 2:
                continue
            text[i] = tree.chars[i]
            if above & 1:
                links[i] = tree.chars[i]
            else:
                stops[i] = tree.stops[i]
            continue
        if tag_flags[tree.tag[i]] & UNSEEN:
            above |= 2
        if tree.flags[i] & LINK:
            if not above & 2:
                anchors[i] = 1
            above |= 1
        state[i] = above
    for i in range(n - 1, 0, -1):
        above = tree.parent[i]
        text[above] += text[i]
        links[above] += links[i]
        stops[above] += stops[i]
        anchors[above] += anchors[i]
        if has_block[i] or (tag_flags[tree.tag[i]] & BLOCK and tree.tag[i] != TEXT):
            has_block[above] = True
    return text, links, stops, anchors, has_block


@njit(cache=True, nogil=True)
def linked_headings(tree: Any, heading_tags: Any) -> Any:
    """Return per node the number of headings under it that hold a link or stand in one."""
    n = tree.tag.size
    count = np.zeros(n, np.int32)
    within = np.zeros(n, np.uint8)  # 1 inside a link, 2 inside a heading
    for i in range(1, n):
        if tree.tag[i] == TEXT:
            continue
        above = within[tree.parent[i]]
        here = above
        if tree.flags[i] & LINK:
            here |= 1
        if heading_tags[tree.tag[i]]:
            here |= 2
        if here == 3 and above != 3:
            count[i] = 1
        within[i] = here
    for i in range(n - 1, 0, -1):
        count[tree.parent[i]] += count[i]
    return count


@njit(cache=True, nogil=True)
def cue_mass(tree: Any, text: Any, links: Any, root: int, heading: int, masks: Any) -> Any:
    """Return (count, mass, siblings) per mask over the outermost elements under ``root`` whose cues meet it.

    ``mass`` is their text outside links, ``siblings`` the size of the largest
    group of one signature. What holds node ``heading`` is a wrapper, not an
    item, and is entered.
    """
    count = np.zeros(masks.size, np.int64)
    mass = np.zeros(masks.size, np.int64)
    siblings = np.zeros(masks.size, np.int64)
    for m in range(masks.size):
        candidate = np.uint32(0)
        votes = 0
        i = root + 1
        while i < tree.end[root]:
            if tree.tag[i] != TEXT and tree.cues[i] & masks[m] and text[i] > 0 and not i <= heading < tree.end[i]:
                count[m] += 1
                mass[m] += text[i] - links[i]
                if votes == 0:
                    candidate = tree.signature[i]
                    votes = 1
                    siblings[m] = max(siblings[m], 1)
                elif tree.signature[i] == candidate:
                    votes += 1
                    siblings[m] = max(siblings[m], votes)
                else:
                    votes -= 1
                i = tree.end[i]
            else:
                i += 1
    return count, mass, siblings


@njit(cache=True, nogil=True)
def remaining(tree: Any, skip: Any, root: int) -> Any:
    """Return (text, links) per node under ``root`` without what is skipped."""
    n = tree.tag.size
    text = np.zeros(n, np.int32)
    links = np.zeros(n, np.int32)
    linked = np.zeros(n, np.bool_)
    for i in range(root + 1, tree.end[root]):
        above = tree.parent[i]
        if skip[i]:
            continue
        if tree.tag[i] == TEXT:
            text[i] = tree.chars[i]
            if linked[above]:
                links[i] = tree.chars[i]
        else:
            linked[i] = linked[above] or tree.flags[i] & LINK != 0
    for i in range(tree.end[root] - 1, root, -1):
        text[tree.parent[i]] += text[i]
        links[tree.parent[i]] += links[i]
    return text, links


@njit(cache=True, nogil=True)
def score(tree: Any, skip: Any, tag_flags: Any, root: int, least: int) -> Any:
    """Return the prose under each node, in characters.

    A block counts with the characters outside links of its inline content when
    they are ``least`` or more, are punctuated like a sentence or stand in
    ``pre``, and when at most half of that content is links. What is far longer
    than its punctuation allows (a list of keywords) counts for that length only.
    """
    n = tree.tag.size
    value = np.zeros(n, np.int32)
    own = np.zeros(n, np.int32)
    own_links = np.zeros(n, np.int32)
    own_stops = np.zeros(n, np.int32)
    block = np.zeros(n, np.int32)  # nearest block at or above
    linked = np.zeros(n, np.bool_)
    block[root] = root
    for i in range(root + 1, tree.end[root]):
        above = tree.parent[i]
        if skip[i]:
            continue
        if tree.tag[i] == TEXT:
            home = block[above]
            own[home] += tree.chars[i]
            if linked[above]:
                own_links[home] += tree.chars[i]
            else:
                own_stops[home] += tree.stops[i]
            continue
        linked[i] = linked[above] or tree.flags[i] & LINK != 0
        block[i] = i if tag_flags[tree.tag[i]] & BLOCK else block[above]
    for i in range(tree.end[root] - 1, root - 1, -1):
        plain = own[i] - own_links[i]
        if 2 * own_links[i] <= own[i] and (plain >= least or own_stops[i] > 0 or tree.tag[i] == PRE):
            if tree.tag[i] != PRE:
                plain = min(plain, _UNPUNCTUATED + _SENTENCE * own_stops[i])
            value[i] += plain
        if i > root:
            value[tree.parent[i]] += value[i]
    return value
