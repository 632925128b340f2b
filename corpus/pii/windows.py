"""Where in a text an expression can match, from the places that the prefilter reports.

The prefilter says where matches of a widened expression end. A match of the expression itself lies no further from
such a place than its width (:func:`corpus.pii.expressions.max_width`), so it is looked for in those windows only: a
long text with one trigger word is not searched from end to end.

:func:`matches` gives what ``finditer`` over the whole text gives. The windows do not touch each other, and every
place where the expression matches lies inside one. The slice that is searched reaches further than the window by
the width on both sides, so what a look-around misses at the slice's ends can only make a match outside the
window, which is left out and cannot overlap one inside.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

Windows = list[tuple[int, int]]
"""Disjoint intervals of code points, ascending."""


def windows(places: Sequence[int], width: int | None, length: int) -> Windows | None:
    """Return the windows round ``places`` in a text of ``length`` characters.

    None: all of the text, where there are no places, no ``width``, or the windows are most of it.
    """
    if not places or width is None or 2 * width >= length:
        return None
    found: Windows = []
    for place in sorted(places):
        low, high = max(0, place - width), min(length, place + width)
        if found and low <= found[-1][1]:
            found[-1] = (found[-1][0], high)
        else:
            found.append((low, high))
    covered = sum(high - low + 2 * width for low, high in found)
    return found if covered < length else None


def matches(compiled: Any, text: str, within: Windows | None, width: int) -> Iterator[Any]:
    """Yield the matches of the ``regex`` pattern ``compiled`` in ``text``; ``within``: its windows, None for all."""
    if within is None:
        yield from compiled.finditer(text)
        return
    for low, high in within:
        for match in compiled.finditer(text, max(0, low - width), min(len(text), high + width)):
            if low <= match.start() and match.end() <= high:
                yield match
