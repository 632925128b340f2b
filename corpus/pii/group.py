"""Recognisers that are called together, and the prefilters over their expressions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from corpus.pii.digits import digit_cluster
from corpus.pii.expressions import widen
from corpus.pii.prefilter import UNKNOWN, HyperscanPrefilter, Prefilter, Re2Prefilter, make_prefilter
from corpus.pii.shadow import Shadows
from corpus.pii.shadow_kernel import MAX_CLUSTER, gather_texts
from corpus.pii.spans import Span
from corpus.pii.windows import windows

# Digits that a text must hold close together for an expression of the tier to be looked for: dates with a time have
# 8 and 12, phone numbers 9 to 11, identity and card numbers 15 to 19.
TIERS = (0, 4, 6, 9, 15)

Due = dict[int, dict[int, list[int]] | None]
"""Recogniser -> its expressions that may match (None: all) -> bytes at which widened matches end (none: anywhere)."""


class RecognizerGroup:
    """Matchers of rules and foreign Presidio recognisers, in a fixed order. ``prefilter``: as in the settings."""

    def __init__(self, recognizers: Sequence[Any], prefilter: str) -> None:
        self.recognizers = list(recognizers)
        self._places: list[tuple[int, int]] = []  # number of an expression -> (recogniser, its expression)
        expressions: list[str] = []
        for number, recognizer in enumerate(self.recognizers):
            for place, pattern in enumerate(recognizer.patterns if hasattr(recognizer, "find") else ()):
                self._places.append((number, place))
                expressions.append(pattern.regex)
        self._unconditional = [n for n, recognizer in enumerate(self.recognizers) if not hasattr(recognizer, "find")]
        self._tiers: list[tuple[int, Prefilter, list[int]]] = []  # digits needed, prefilter, its expressions' numbers
        needs = [digit_cluster(widen(expression)) for expression in expressions]
        for low, high in zip(TIERS, (*TIERS[1:], MAX_CLUSTER + 1), strict=True):
            numbers = [number for number, need in enumerate(needs) if low <= need < high]
            made = _choose_prefilter(prefilter, [expressions[number] for number in numbers]) if numbers else None
            if made is not None:
                self._tiers.append((low, made, numbers))

    @property
    def prefilter_name(self) -> str:
        """``hyperscan``, ``re2`` or ``none``."""
        return self._tiers[0][1].name if self._tiers else "none"

    def due(self, shadows: Shadows, rows: npt.NDArray[np.int64]) -> dict[int, Due]:
        """Return row -> what may match there, for the ``rows`` of ``shadows`` (ascending) where anything may."""
        if not self._tiers:
            return {row: dict.fromkeys(range(len(self.recognizers))) for row in rows.tolist()}
        found: dict[int, dict[int, list[int]]] = {}  # row -> expression -> ends
        for needed, prefilter, places in self._tiers:
            chosen = rows[shadows.clusters[rows] >= needed]
            if not len(chosen):
                continue
            whole = len(chosen) == len(shadows.clusters)
            data, borders = (
                (shadows.data, shadows.borders) if whole else gather_texts(shadows.data, shadows.borders, chosen)
            )
            numbers = chosen.tolist()
            for hit in prefilter.hits(data, borders):
                ends = found.setdefault(numbers[hit.text], {}).setdefault(places[hit.expression], [])
                if hit.end != UNKNOWN:
                    ends.append(hit.end)
        if self._unconditional:
            for row in rows.tolist():
                found.setdefault(row, {})
        return {row: self._by_recognizer(found[row]) for row in sorted(found)}

    def _by_recognizer(self, by_expression: Mapping[int, list[int]]) -> Due:
        due: Due = dict.fromkeys(self._unconditional)
        for number in sorted(by_expression):
            recognizer, place = self._places[number]
            expressions = due.setdefault(recognizer, {})
            if expressions is not None:
                expressions[place] = by_expression[number]
        return due

    def find(self, text: str, data: memoryview, due: Due) -> list[Span]:
        """Return what the recognisers that are due find in shadow ``text``, whose UTF-8 is ``data``."""
        spans: list[Span] = []
        reached = _code_points(data, (ends for by_place in due.values() for ends in (by_place or {}).values()))
        for number, expressions in due.items():
            recognizer = self.recognizers[number]
            if not hasattr(recognizer, "find"):
                results = recognizer.analyze(text, recognizer.supported_entities, None)
                spans.extend(
                    Span(r.start, r.end, r.entity_type, round(float(r.score), 4), recognizer.name) for r in results
                )
                continue
            within = None
            if expressions is not None:
                within = {
                    place: windows([reached[end] for end in ends], recognizer.widths[place], len(text))
                    for place, ends in expressions.items()
                }
            spans.extend(Span(*finding) for finding in recognizer.find(text, within))
        return spans


def _code_points(data: memoryview, ends: Iterable[Sequence[int]]) -> dict[int, int]:
    """Return place in UTF-8 -> code points before it, for all ``ends``.

    hyperscan may round a long bounded repetition in a prefilter and then end a match, one too many, inside a code
    point: that code point counts as reached.
    """
    reached: dict[int, int] = {}
    at = count = 0
    for end in sorted({end for some in ends for end in some}):
        border = end
        while border < len(data) and data[border] & 0xC0 == 0x80:
            border += 1
        if border > at:
            count += len(str(data[at:border], "utf-8"))
            at = border
        reached[end] = count
    return reached


def _choose_prefilter(choice: str, expressions: Sequence[str]) -> Prefilter | None:
    """Return the prefilter that the settings ask for."""
    if choice == "none":
        return None
    makers: dict[str, Callable[[Sequence[str]], Prefilter]] = {
        "auto": make_prefilter,
        "hyperscan": HyperscanPrefilter,
        "re2": Re2Prefilter,
    }
    return makers[choice](expressions)
