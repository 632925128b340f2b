"""Pairs of neighbouring characters of which every match of an expression holds one, read off the expression.

Most texts hold no personal information, and most expressions none of the pairs that they need: a name after 原告 needs
原 and 告 side by side, a house number a digit before 号, an e-mail address something beside @. The loop that makes the
shadow looks each pair of characters up in a table, and only what lies round a pair that counts is searched. This is
the idea of Cox, "Regular Expression Matching with a Trigram Index" (2012), for windows in place of documents.

A concatenation can be cut between any two of its parts: every match holds a pair of a character that the left part can
end with and one that the right part can start with. Of all cuts the one is taken whose pairs are least likely.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from corpus.pii.edges import REPEATS, Ranges, constants, first, last, parsed

CODE_POINTS = 0x110000
# How often a code point of a kind stands in Chinese text: rough orders of magnitude, they only choose between cuts.
HAN, DIGIT, LETTER, PUNCTUATION, OTHER = 1 / 3000, 1 / 300, 1 / 600, 1 / 50, 1 / 1000
SPREAD = 40.0  # letters, digits and blanks stand beside their like: words of other languages, numbers
TWICE = 40.0  # the same mark stands twice: rules of tables, comments in code
COMMON = frozenset(map(ord, "\t\n,.:;()-、。"))

# (first, last, likelihood of each, 1 for letters, digits and the blank)
_LIKELY = (
    (ord(" "), ord(" "), PUNCTUATION, 1),
    (ord("0"), ord("9"), DIGIT, 1),
    (ord("A"), ord("Z"), LETTER, 1),
    (ord("a"), ord("z"), LETTER, 1),
    (0x4E00, 0x9FFF, HAN, 0),
    *((mark, mark, PUNCTUATION, 0) for mark in sorted(COMMON)),
)

Cut = tuple[Ranges, Ranges]
"""Code points of which one stands on the left, and of which one stands on the right."""


class Pairs(NamedTuple):
    """Cuts of which every match holds a pair, and how likely two neighbouring characters are such a pair."""

    likelihood: float
    cuts: list[Cut]


def needed_pairs(expression: str) -> Pairs | None:
    """Return the least likely pairs of which every match of ``expression`` holds one, None where none are known.

    Look-aheads and look-behinds count as parts: the pair may lie in what they read.
    """
    tree = parsed(expression)
    return None if tree.state.flags & re.IGNORECASE else _of_sequence(tree)


def _better(left: Pairs | None, right: Pairs | None) -> Pairs | None:
    if left is None or right is None:
        return left or right
    return right if right.likelihood < left.likelihood else left


def _of_sequence(items: Sequence[Any]) -> Pairs | None:
    """Return the least likely choice of a concatenation."""
    best: Pairs | None = None
    items = list(items)
    for place, (code, argument) in enumerate(items):
        best = _better(best, _of_item(code, argument))
        if place:
            best = _better(best, _between(items[:place], items[place:]))
    return best


def _between(left: Sequence[Any], right: Sequence[Any]) -> Pairs | None:
    ends, left_empty = last(left)
    starts, right_empty = first(right)
    if left_empty or right_empty:
        return None
    return Pairs(_likelihood(ends, starts), [(ends, starts)])


def _of_item(code: Any, argument: Any) -> Pairs | None:
    """Return the least likely choice of one parsed item."""
    if code is constants.SUBPATTERN:
        return None if argument[1] & re.IGNORECASE else _of_sequence(argument[3])
    if code is constants.ATOMIC_GROUP:
        return _of_sequence(argument)
    if code is constants.ASSERT:
        return _of_sequence(argument[1])
    if code is constants.BRANCH:
        choices = [_of_sequence(branch) for branch in argument[1]]
        if any(choice is None for choice in choices):
            return None
        known = [choice for choice in choices if choice is not None]
        return Pairs(sum(c.likelihood for c in known), [cut for c in known for cut in c.cuts])
    if code in REPEATS and argument[0] >= 1:
        body = list(argument[2])
        best = _of_sequence(body)
        return _better(best, _between(body, body)) if argument[0] >= 2 else best
    return None


def _likelihood(ends: Ranges, starts: Ranges) -> float:
    (words_left, others_left), (words_right, others_right) = _shares(ends), _shares(starts)
    value = (words_left + others_left) * (words_right + others_right) + (SPREAD - 1) * words_left * words_right
    return value * (TWICE if ends & starts else 1.0)


@functools.lru_cache(maxsize=4096)
def _shares(ranges: Ranges) -> tuple[float, float]:
    """Return how likely a character is a letter, digit or blank of ``ranges``, and something else of them."""
    words = others = 0.0
    for low, high in ranges:
        left = high - low + 1
        for start, end, likelihood, of_words in _LIKELY:
            if low <= end and start <= high:
                size = min(high, end) - max(low, start) + 1
                left -= size
                words += size * likelihood * of_words
                others += size * likelihood * (1 - of_words)
        others += left * OTHER
    return words, min(1.0, others)


class PairTables(NamedTuple):
    """Which pairs of code points count: ``reach[left[a], right[b]]`` code points round a b, 0 where none do."""

    left: npt.NDArray[np.uint16]
    right: npt.NDArray[np.uint16]  # 0: no pair ends with the code point
    reach: npt.NDArray[np.int64]


def pair_tables(cuts: Sequence[tuple[Cut, int]]) -> PairTables:
    """Return the tables of ``cuts``, each with its reach.

    Code points that take part in the same cuts form one class.
    """
    sides = [_classes([cut[side] for cut, _ in cuts]) for side in (0, 1)]
    (left, of_left), (right, of_right) = sides
    reach = np.zeros((len(of_left), len(of_right)), dtype=np.int64)
    for number, (_, width) in enumerate(cuts):
        rows = [place for place, members in enumerate(of_left) if number in members]
        columns = [place for place, members in enumerate(of_right) if number in members]
        block = np.ix_(rows, columns)
        reach[block] = np.maximum(reach[block], width)
    return PairTables(left, right, reach)


def _classes(sets: Sequence[Ranges]) -> tuple[npt.NDArray[np.uint16], list[frozenset[int]]]:
    """Return (class of each code point, the numbers of the ``sets`` that hold each class)."""
    borders: dict[int, list[tuple[int, bool]]] = {0: []}
    for number, ranges in enumerate(sets):
        for low, high in ranges:
            borders.setdefault(low, []).append((number, True))
            borders.setdefault(high + 1, []).append((number, False))
    table = np.zeros(CODE_POINTS, dtype=np.uint16)
    known: dict[frozenset[int], int] = {frozenset(): 0}
    members: list[int] = [0] * len(sets)  # ranges of one set may overlap
    edges = sorted(borders)
    for start, stop in zip(edges, [*edges[1:], CODE_POINTS], strict=True):
        for number, opens in borders[start]:
            members[number] += 1 if opens else -1
        if start >= CODE_POINTS:
            break
        inside = frozenset(number for number, count in enumerate(members) if count)
        table[start:stop] = known.setdefault(inside, len(known))
    return table, sorted(known, key=known.__getitem__)
