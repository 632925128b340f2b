"""Where in a batch an expression has to be looked for: round what every match of it holds.

Three things are noted while shadows are made (:mod:`corpus.pii.shadow_kernel`): clusters of digits and stretches of
visible ASCII (:mod:`corpus.pii.digits`), and pairs of characters (:mod:`corpus.pii.pairs`). Expressions that need the
same are looked for together, in windows round it; what is left is looked for everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from corpus.pii.digits import Stretch, ascii_stretch, digit_cluster
from corpus.pii.expressions import EDGES, widen
from corpus.pii.pairs import Pairs, needed_pairs, pair_tables
from corpus.pii.shadow import Anchors, Shadows
from corpus.pii.shadow_kernel import CLUSTER, LEAST_CLUSTER, LEAST_STRETCH, PAIR, STRETCH
from corpus.pii.windows_kernel import place_windows

# Digits that a text must hold close together for an expression of the tier to be looked for: years have 4,
# dates and phone numbers 6 to 12, identity and card numbers 15 to 19.
DIGIT_TIERS = (LEAST_CLUSTER, 6, 15)
MOST_COVERED = 0.1  # share of a text that the windows round pairs may take by their likelihood
# Code points that expressions with pairs reach: those of phrases, and those of addresses of pages and mail.
REACH_TIERS = (0, 64)
LITERAL = 1e-5  # pairs less likely than this are words, which an automaton finds as fast by itself


class Need(NamedTuple):
    """What every match of one expression holds."""

    width: int | None  # code points that a match can cover, None: unknown
    digits: int  # in one cluster
    stretch: Stretch
    pairs: Pairs | None


class Search(NamedTuple):
    """Where the expressions of one tier are looked for: round places of ``kind`` that are strong enough."""

    everywhere: bool
    kind: int
    least: int
    reach: int  # code points round a place; PAIR places have their own up to that
    width: int  # code points that a match of any expression can cover

    def regions(self, shadows: Shadows, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the stretches of shadows, of (row, first byte, byte behind it), that hold every match in ``rows``."""
        wanted = np.zeros(len(shadows.borders) - 1, dtype=np.bool_)
        wanted[rows] = True
        return place_windows(
            shadows.data,
            shadows.borders,
            shadows.places[self.kind],
            wanted,
            self.kind,
            self.least,
            self.reach,
            self.width,
        )


def needs(expression: str, width: int | None, everywhere: bool) -> Need:
    """Return what ``expression`` needs, as far as it decides where to look; without ``everywhere`` digits only."""
    need = Need(width, 0, Stretch(0, False), None)
    if width is None:  # then nothing tells how far from its place a match begins
        return need
    need = need._replace(digits=digit_cluster(widen(expression)))
    if need.digits >= LEAST_CLUSTER or not everywhere:
        return need
    need = need._replace(stretch=ascii_stretch(expression))
    return need if _is_stretch(need) else need._replace(pairs=needed_pairs(expression))


def _is_stretch(need: Need) -> bool:
    return need.stretch.whole and need.stretch.size >= LEAST_STRETCH


def searches(found: Sequence[Need]) -> tuple[list[tuple[Search, list[int]]], Anchors | None]:
    """Return the tiers, each with the numbers of its expressions, and the pairs that shadows have to note for them."""
    tiers: dict[tuple[int, int, bool] | None, list[int]] = {}
    for number, need in enumerate(found):
        tiers.setdefault(_tier(need), []).append(number)
    made = []
    for tier in sorted(tiers, key=lambda tier: tier or (-1, 0, False)):
        kind, least, whole = tier or (-1, 0, False)
        widths = [found[number].width for number in tiers[tier]]
        width = max(width or 0 for width in widths)
        made.append((Search(tier is None, kind, least, EDGES if whole else width, width), tiers[tier]))
    cuts = [
        (cut, need.width)
        for need in found
        if need.pairs is not None and need.width is not None and (_tier(need) or (0,))[0] == PAIR
        for cut in need.pairs.cuts
    ]
    return made, Anchors.of(pair_tables(cuts)) if cuts else None


def _tier(need: Need) -> tuple[int, int, bool] | None:
    """Return (kind of place, strength, whether a match is nothing but the place), None: everywhere."""
    if need.digits >= LEAST_CLUSTER:
        return CLUSTER, max(tier for tier in DIGIT_TIERS if tier <= need.digits), False
    if _is_stretch(need):
        return STRETCH, LEAST_STRETCH, True
    if need.pairs is None or need.width is None or need.pairs.likelihood < LITERAL:
        return None
    if need.pairs.likelihood * 2 * need.width > MOST_COVERED:
        return None
    return PAIR, max(tier for tier in REACH_TIERS if tier <= need.width), False
