"""A found span, and how overlaps between kinds are settled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Span(NamedTuple):
    """Personal information in a text: code points ``start`` to ``end`` of the text as given."""

    start: int
    end: int
    kind: str
    score: float  # 0..1
    rule: str  # name of the recogniser


def settle(spans: Sequence[Span], order: Sequence[str]) -> list[Span]:
    """Return non-overlapping spans, by position.

    Of overlapping ones the kind that stands first in ``order`` wins (unknown kinds come last, by name), then the
    higher score, the longer span, the earlier one, the rule's name: a total order, so the result does not depend
    on the order of ``spans``.
    """
    rank = {kind: index for index, kind in enumerate(order)}
    ordered = sorted(
        spans, key=lambda s: (rank.get(s.kind, len(rank)), s.kind, -s.score, s.start - s.end, s.start, s.rule)
    )
    kept: list[Span] = []
    for span in ordered:
        if all(span.end <= other.start or other.end <= span.start for other in kept):
            kept.append(span)
    return sorted(kept)
