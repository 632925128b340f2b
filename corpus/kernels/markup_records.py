"""Records that users wrote: comments under a text, whatever their elements are called.

All take the arrays of :class:`corpus.kernels.markup.Tree`; a mask ``skip`` is 1 for nodes that are left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from corpus.kernels.markup_tree import PERSON, TEXT, TR

_LEAST = 5  # records of one form that make a list of comments
_LONGEST = 600  # characters of such a record, on average: longer ones are articles with their authors
_LONGEST_BUTTON = 8  # characters of a button's text, with a count
_BUTTONS = ("回复".encode(), "回覆".encode(), "举报".encode(), "檢舉".encode(), b"Reply", b"reply", b"REPLY")


@njit(cache=True, nogil=True)
def mark_records(data: Any, tree: Any, skip: Any, text: Any, root: int, heading: int) -> int:
    """Set ``skip`` on runs of records by users: five or more siblings of one signature, most of them signed.

    A record is signed by a link to a user's page or by a button to reply or to
    report. What holds node ``heading`` (-1 for none) is no record, nor is a
    row of a table. Returns the characters left out.
    """
    signed = np.zeros(tree.tag.size, np.bool_)
    count = 0
    for i in range(root + 1, tree.end[root]):
        if skip[i]:
            continue
        if tree.tag[i] == TEXT:
            signed[i] = 0 < tree.chars[i] <= _LONGEST_BUTTON and _is_button(data, tree.start[i], tree.stop[i])
        else:
            signed[i] = tree.flags[i] & PERSON != 0
        count += signed[i]
    if count < _LEAST:
        return 0
    for i in range(tree.end[root] - 1, root, -1):
        if signed[i]:
            signed[tree.parent[i]] = True
    lost = 0
    for i in range(root, tree.end[root]):
        if tree.tag[i] == TEXT or skip[i] or (i != root and not signed[i]):
            continue
        # Majority vote over the children's signatures.
        candidate = np.uint32(0)
        votes = 0
        child = i + 1
        while child < tree.end[i]:
            if _may_be_record(tree, skip, text, child, heading):
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
        records = 0
        size = 0
        child = i + 1
        while child < tree.end[i]:
            if _may_be_record(tree, skip, text, child, heading) and tree.signature[child] == candidate:
                items += 1
                records += signed[child]
                size += text[child]
            child = tree.end[child]
        if records < _LEAST or 10 * records < 8 * items or size > _LONGEST * items:
            continue
        child = i + 1
        while child < tree.end[i]:
            if _may_be_record(tree, skip, text, child, heading) and tree.signature[child] == candidate:
                lost += text[child]
                for k in range(child, tree.end[child]):
                    skip[k] = 1
            child = tree.end[child]
    return lost


@njit(cache=True, nogil=True)
def _may_be_record(tree: Any, skip: Any, text: Any, node: int, heading: int) -> bool:
    number = tree.tag[node]
    record: bool = (
        number != TEXT and number != TR and not skip[node] and text[node] > 0 and not node <= heading < tree.end[node]
    )
    return record


@njit(cache=True, nogil=True)
def _is_button(data: Any, start: int, stop: int) -> bool:
    """Whether a text begins with the name of a button to reply or to report."""
    while start < stop and data[start] <= 32:
        start += 1
    for name in _BUTTONS:
        if stop - start < len(name):
            continue
        same = True
        for k in range(len(name)):
            if data[start + k] != name[k]:
                same = False
                break
        if same:
            return True
    return False
