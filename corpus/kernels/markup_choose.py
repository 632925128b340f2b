"""The container of a text, what to prune from it, and where its posts begin.

All take the arrays of :class:`corpus.kernels.markup.Tree`; a mask ``skip`` is 1 for nodes that are left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from corpus.kernels.markup_tree import BLOCK, LI, LINK, TD, TEXT, TH, TR


@njit(cache=True, nogil=True)
def best_container(
    tree: Any,
    skip: Any,
    value: Any,
    text: Any,
    prefer: Any,
    article: int,
    root: int,
    heading: int,
    bonus: float,
    near: float,
    weight: float,
) -> int:
    """Return the element that would have the best F1 if the page's prose were exactly its main text.

    With V the prose under an element, T the text left under it and V0 all
    prose, that is V / (T + weight * V0). ``bonus`` times that get elements
    whose cues meet ``prefer`` (of several siblings, the element that holds them)
    and elements of tag ``article`` that hold the page's heading (node
    ``heading``, -1 for none); ``near`` times those that hold it or stand up to
    three levels beside it. Ties go to the deeper element.
    """
    node = heading
    while article >= 0 and node > root:
        if tree.tag[node] == article and 4 * value[node] >= value[root]:
            root = node
        node = tree.parent[node]
    best = root
    best_score = 0.0
    whole = max(1, value[root])
    distance = np.full(tree.tag.size, 4, np.int32)
    node = heading
    while node >= root:
        distance[node] = 0
        node = tree.parent[node]
    hinted = np.zeros(tree.tag.size, np.int32)  # prose of the children that cues prefer
    largest = np.zeros(tree.tag.size, np.int32)  # of one of them
    only = -1  # the one element of tag ``article`` that has prose
    for i in range(root, tree.end[root]):
        if tree.tag[i] == article and not skip[i] and value[i] > 0:
            only = i if only == -1 else -2
    if only >= 0:
        for i in range(only, tree.end[only]):
            if i == heading or (tree.cues[i] & prefer and value[i] > 0):
                only = -1
                break
    for i in range(root + 1, tree.end[root]):
        if tree.tag[i] != TEXT and not skip[i] and tree.cues[i] & prefer:
            hinted[tree.parent[i]] += value[i]
            largest[tree.parent[i]] = max(largest[tree.parent[i]], value[i])
    for i in range(root, tree.end[root]):
        if distance[i] > 0 and i > root:
            distance[i] = min(4, distance[tree.parent[i]] + 1)
        if tree.tag[i] == TEXT or skip[i] or value[i] == 0:
            continue
        points = value[i] / (max(text[i], 1) + weight * whole)
        hint = tree.cues[i] & prefer and not (i > root and _are_several(tree.parent[i], hinted, largest))
        if hint or i == only or (_are_several(i, hinted, largest) and 10 * hinted[i] > 7 * value[i]):
            points *= bonus
        if heading >= 0:
            points *= near if distance[i] < 4 else 1.0
        if points >= best_score:
            best_score = points
            best = i
    return best


@njit(cache=True, nogil=True)
def _are_several(node: int, hinted: Any, largest: Any) -> bool:
    """Whether the children of ``node`` that cues prefer share its text: the largest holds at most three quarters."""
    several: bool = 4 * largest[node] <= 3 * hinted[node] and hinted[node] > 0
    return several


@njit(cache=True, nogil=True)
def lift(
    tree: Any, value: Any, text: Any, links: Any, prefer: Any, containers: Any, node: int, root: int, purity: float
) -> int:
    """Return the container to which ``node`` belongs.

    That is the node itself or, for an element that is a piece of a text
    (``containers`` is false for its tag), the nearest container above; from
    there on up, the last ancestor whose cues meet ``prefer``, of whose text
    outside links at least ``purity`` is prose, and which adds more than links.
    """
    while node > root and not containers[tree.tag[node]]:
        node = tree.parent[node]
    above = tree.parent[node]
    while above > root:
        prose = value[above] >= purity * (text[above] - links[above])
        gain = 10 * (value[above] - value[node]) >= text[above] - text[node]
        if tree.cues[above] & prefer and prose and gain:
            node = above
        above = tree.parent[above]
    return node


@njit(cache=True, nogil=True)
def prune_links(
    data: Any,
    tree: Any,
    skip: Any,
    text: Any,
    links: Any,
    anchors: Any,
    has_block: Any,
    value: Any,
    tag_flags: Any,
    root: int,
    limit: float,
    whole_lists: bool,
) -> None:
    """Set ``skip`` on blocks under ``root`` whose text is mostly links (more than ``limit``), largest first.

    Cells count as blocks from three links on; with ``whole_lists`` the items of
    a list, and the rows of a table of plain cells, stay where it stays.

    A block with a third of the root's prose stays (where the root has little
    prose: of its text), and one whose links show their addresses.
    """
    for i in range(root + 1, tree.end[root]):
        if skip[tree.parent[i]]:
            skip[i] = 1
            continue
        cell = (tree.tag[i] == TD or tree.tag[i] == TH) and anchors[i] >= 3
        if skip[i] or tree.tag[i] == TEXT or not (tag_flags[tree.tag[i]] & BLOCK or cell):
            continue
        if whole_lists and ((tree.tag[i] == TR and not has_block[i]) or tree.tag[i] == LI):
            continue
        if 3 * value[i] > value[root] or (3 * text[i] > text[root] and 4 * value[root] < text[root]):
            continue
        if text[i] > 0 and links[i] > limit * text[i] and not _shows_address(data, tree, i):
            skip[i] = 1


@njit(cache=True, nogil=True)
def _shows_address(data: Any, tree: Any, node: int) -> bool:
    """Whether the text of the first link under ``node`` is an address (references are, related links never)."""
    for i in range(node, tree.end[node]):
        if tree.flags[i] & LINK and tree.tag[i] != TEXT:
            for k in range(i + 1, tree.end[i]):
                if tree.tag[k] == TEXT and tree.chars[k] > 0:
                    at = tree.start[k]
                    while at < tree.stop[k] and data[at] <= 32:
                        at += 1
                    shown: bool = at + 4 < tree.stop[k] and (
                        (data[at] == 104 and data[at + 1] == 116 and data[at + 2] == 116 and data[at + 3] == 112)
                        or (data[at] == 119 and data[at + 1] == 119 and data[at + 2] == 119 and data[at + 3] == 46)
                    )
                    return shown
    return False


@njit(cache=True, nogil=True)
def post_starts(tree: Any, skip: Any, text: Any, root: int, body_cue: Any, item_cue: Any, reply_cue: Any) -> Any:
    """Return 1 for each element under ``root`` at which a post begins.

    Those are the outermost elements whose cues meet ``body_cue`` where there
    are two or more with most of the root's text; else siblings of one
    signature whose cues meet ``item_cue`` or that hold an element of
    ``body_cue`` or ``reply_cue``, at every level (replies nest).
    """
    starts = np.zeros(tree.tag.size, np.uint8)
    count = 0
    covered = 0
    i = root + 1
    while i < tree.end[root]:
        if (
            tree.tag[i] != TEXT
            and not skip[i]
            and tree.cues[i] & body_cue
            and text[i] > 0
            and 5 * text[i] < 4 * text[root]
        ):
            starts[i] = 1
            count += 1
            covered += text[i]
            i = tree.end[i]
        else:
            i += 1
    if count >= 2 and 10 * covered >= 6 * text[root]:
        return starts
    starts[:] = 0
    below = tree.cues.copy()
    for i in range(tree.end[root] - 1, root, -1):
        below[tree.parent[i]] |= below[i] & (body_cue | reply_cue)
    for i in range(root, tree.end[root]):
        if tree.tag[i] == TEXT or skip[i] or text[i] == 0:
            continue
        candidate = np.uint32(0)
        votes = 0
        child = i + 1
        while child < tree.end[i]:
            item = tree.cues[child] & item_cue or below[child] & (body_cue | reply_cue)
            if tree.tag[child] != TEXT and not skip[child] and text[child] > 0 and item:
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
        count = 0
        child = i + 1
        while child < tree.end[i]:
            if not skip[child] and text[child] > 0 and tree.signature[child] == candidate:
                count += 1
            child = tree.end[child]
        if count < 2:
            continue
        child = i + 1
        while child < tree.end[i]:
            if not skip[child] and text[child] > 0 and tree.signature[child] == candidate:
                starts[child] = 1
            child = tree.end[child]
    return starts


@njit(cache=True, nogil=True)
def leads(tree: Any, skip: Any, value: Any, text: Any, heading: int, root: int, most: int) -> Any:
    """Return the elements of prose between a page's heading and the container of its text: its lead or abstract.

    Outermost elements of at most ``most`` characters, of which seven tenths are prose.
    """
    out = np.empty(4, np.int32)
    count = 0
    i = tree.end[heading]
    while i < root and count < out.size:
        if tree.end[i] > root:  # holds the container
            i += 1
            continue
        fits = 15 <= text[i] <= most and 10 * value[i] >= 7 * text[i]
        if tree.tag[i] != TEXT and not skip[i] and fits:
            out[count] = i
            count += 1
        if tree.tag[i] == TEXT or skip[i] or fits:
            i = tree.end[i]
        else:
            i += 1
    return out[:count]
