"""With which characters a match of an expression can start and end, read off the expression."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from importlib import import_module
from typing import Any

# The standard library's own parser of regular expressions: sre_parse under the name that it has had since 3.11.
parser: Any = import_module("re._parser")
constants: Any = import_module("re._constants")

Ranges = frozenset[tuple[int, int]]
"""Code points, as (first, last) of each stretch."""

ANYTHING: Ranges = frozenset({(0, 0x10FFFF)})
REPEATS = (constants.MAX_REPEAT, constants.MIN_REPEAT, constants.POSSESSIVE_REPEAT)
_NOT_PYTHON = re.compile(r"(\\[^K])|\\K|^\(\?r\)", re.DOTALL)  # an escape is kept, \K and (?r) are not


@functools.lru_cache(maxsize=512)
def parsed(expression: str) -> Any:
    """Return ``expression`` as the standard library's parser reads it, without ``\\K`` and ``(?r)``.

    Raises re.error for one that this parser does not know.
    """
    return parser.parse(_NOT_PYTHON.sub(lambda match: match[1] or "", expression))


def first(items: Sequence[Any]) -> tuple[Ranges, bool]:
    """Return (code points that can stand where a match of the concatenation starts, whether it can be empty)."""
    return _edge(items, 1)


def last(items: Sequence[Any]) -> tuple[Ranges, bool]:
    """Return (code points that can stand where a match of the concatenation ends, whether it can be empty)."""
    return _edge(items, -1)


def _edge(items: Sequence[Any], direction: int) -> tuple[Ranges, bool]:
    """Return :func:`first` (``direction`` 1) or :func:`last` (-1)."""
    found: Ranges = frozenset()
    for code, argument in list(items)[::direction]:
        of_item, optional = _edge_of(code, argument, direction)
        found |= of_item
        if not optional:
            return found, False
    return found, True


def _edge_of(code: Any, argument: Any, direction: int) -> tuple[Ranges, bool]:
    """Return :func:`_edge` of one parsed item."""
    if code is constants.LITERAL:
        return frozenset({(argument, argument)}), False
    if code is constants.IN:
        return _members(argument), False
    if code is constants.SUBPATTERN:
        return (ANYTHING, True) if argument[1] & re.IGNORECASE else _edge(argument[3], direction)
    if code is constants.ATOMIC_GROUP:
        return _edge(argument, direction)
    if code is constants.BRANCH:
        branches = [_edge(branch, direction) for branch in argument[1]]
        return frozenset().union(*(found for found, _ in branches)), any(optional for _, optional in branches)
    if code in REPEATS:
        found, optional = _edge(argument[2], direction)
        return found, optional or argument[0] == 0
    if code is constants.ASSERT and argument[0] == direction:
        # What a look-ahead at the start reads stands there, whatever the parts after it.
        found, optional = _edge(argument[1], direction)
        return (frozenset(), True) if optional else (found, False)
    if code in (constants.AT, constants.ASSERT, constants.ASSERT_NOT):
        return frozenset(), True
    return ANYTHING, code not in (constants.ANY, constants.NOT_LITERAL)


def _members(parts: Any) -> Ranges:
    found: set[tuple[int, int]] = set()
    for code, argument in parts:
        if code is constants.LITERAL:
            found.add((argument, argument))
        elif code is constants.RANGE:
            found.add((int(argument[0]), int(argument[1])))
        else:
            return ANYTHING
    return frozenset(found)
