"""Recognisers that are called together, and the prefilters over their expressions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from corpus.pii.places import Need, Search, needs, searches
from corpus.pii.prefilter import UNKNOWN, Hits, HyperscanPrefilter, Prefilter, Re2Prefilter, make_prefilter
from corpus.pii.shadow import Anchors, Shadows
from corpus.pii.spans import Span
from corpus.pii.windows import windows
from corpus.pii.windows_kernel import code_points_before, gather_windows

Due = dict[int, dict[int, list[int]] | None]
"""Recogniser -> its expressions that may match (None: all) -> code points where they may end (none: anywhere)."""

Regions = npt.NDArray[np.int64]
"""Stretches of shadows: (row, first byte, byte behind it), in order, bytes of all shadows."""


class _Tier(NamedTuple):
    """Expressions that one prefilter looks for at the same places."""

    search: Search
    prefilter: Prefilter
    numbers: npt.NDArray[np.int64]  # of its expressions


class RecognizerGroup:
    """Matchers of rules and foreign Presidio recognisers, in a fixed order. ``prefilter``: as in the settings.

    ``everywhere``: whole batches are searched, so it is worth knowing the pairs of characters that expressions need.
    """

    def __init__(self, recognizers: Sequence[Any], prefilter: str, everywhere: bool = True) -> None:
        self.recognizers = list(recognizers)
        self._places: list[tuple[int, int]] = []  # number of an expression -> (recogniser, its expression)
        expressions: list[str] = []
        found: list[Need] = []
        for number, recognizer in enumerate(self.recognizers):
            if hasattr(recognizer, "find"):
                for place, sought in enumerate(recognizer.sought):
                    self._places += [(number, place)] * len(sought)
                    expressions += sought
                    if prefilter != "none":
                        found += [needs(expression, recognizer.widths[place], everywhere) for expression in sought]
        self._unconditional = [n for n, recognizer in enumerate(self.recognizers) if not hasattr(recognizer, "find")]
        self._tiers: list[_Tier] = []
        self.anchors: Anchors | None = None
        if prefilter != "none":
            made, self.anchors = searches(found)
            for search, numbers in made:
                of_tier = _choose_prefilter(prefilter, [expressions[number] for number in numbers])
                self._tiers.append(_Tier(search, of_tier, np.array(numbers, dtype=np.int64)))

    @property
    def prefilter_name(self) -> str:
        """``hyperscan``, ``re2`` or ``none``."""
        return self._tiers[0].prefilter.name if self._tiers else "none"

    def due(self, shadows: Shadows, rows: npt.NDArray[np.int64], regions: Regions | None = None) -> dict[int, Due]:
        """Return row -> what may match there, for the ``rows`` of ``shadows`` (ascending) where anything may.

        With ``regions``, of these rows, only what ends in one of them has to be told.
        """
        if not self._tiers:
            return {row: dict.fromkeys(range(len(self.recognizers))) for row in rows.tolist()}
        found = [self._hits(tier, shadows, rows, regions) for tier in self._tiers]
        texts, expressions, ends = (np.concatenate(columns) for columns in zip(*found, strict=True))
        order = np.lexsort((ends, texts))
        texts, expressions, ends = texts[order], expressions[order], ends[order]
        points = code_points_before(shadows.data, shadows.borders, texts, ends)
        due: dict[int, Due] = {row: dict.fromkeys(self._unconditional) for row in rows.tolist() if self._unconditional}
        for row, expression, point in zip(texts.tolist(), expressions.tolist(), points.tolist(), strict=True):
            recognizer, place = self._places[expression]
            by_place = due.setdefault(row, {}).setdefault(recognizer, {})
            if by_place is None:
                continue
            known = by_place.get(place)
            if point == UNKNOWN:
                by_place[place] = []  # the first of its row: anywhere, whatever follows
            elif known is None:
                by_place[place] = [point]
            elif known:
                known.append(point)
        return {row: dict(sorted(due[row].items())) for row in sorted(due)}

    def _hits(self, tier: _Tier, shadows: Shadows, rows: npt.NDArray[np.int64], regions: Regions | None) -> Hits:
        """Return the hits of one tier: rows, numbers of expressions, bytes of the row."""
        if tier.search.everywhere and regions is None and len(rows) == len(shadows.borders) - 1:
            found = tier.prefilter.hits(shadows.data, shadows.borders)
            return Hits(found.texts, tier.numbers[found.expressions], found.ends)
        if not tier.search.everywhere:
            regions = tier.search.regions(shadows, rows)
        elif regions is None:
            regions = np.stack([rows, shadows.borders[rows], shadows.borders[rows + 1] - 1], axis=1)
        if not len(regions):
            return Hits.of([])
        data, borders = gather_windows(shadows.data, regions)
        found = tier.prefilter.hits(data, borders)
        texts = regions[found.texts, 0]
        begins = regions[found.texts, 1] - shadows.borders[texts]
        ends = np.where(found.ends == UNKNOWN, UNKNOWN, found.ends + begins)
        return Hits(texts, tier.numbers[found.expressions], ends)

    def find(self, text: str, due: Due) -> list[Span]:
        """Return what the recognisers that are due find in shadow ``text``."""
        spans: list[Span] = []
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
                    place: windows(ends, recognizer.widths[place], len(text)) for place, ends in expressions.items()
                }
            spans.extend(Span(*finding) for finding in recognizer.find(text, within))
        return spans


def _choose_prefilter(choice: str, expressions: Sequence[str]) -> Prefilter:
    """Return the prefilter that the settings ask for."""
    makers: dict[str, Callable[[Sequence[str]], Prefilter]] = {
        "auto": make_prefilter,
        "hyperscan": HyperscanPrefilter,
        "re2": Re2Prefilter,
    }
    return makers[choice](expressions)
