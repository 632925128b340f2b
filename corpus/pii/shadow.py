"""Shadow text: the form in which personal information is looked for.

People hide numbers from filters: full-width digits, circled digits, Chinese numerals, the letters O and l
for 0 and 1, zero-width characters. The shadow of a text undoes that, so that recognisers need to know plain
ASCII only. Two kinds of change exist:

* a code point is *folded* into exactly one other code point;
* a code point is *dropped* (zero-width characters, variation selectors, bidirectional controls).

So a position in the shadow maps back to the original exactly: the n-th code point of the shadow is the n-th
original code point that is not dropped. Separators inside numbers are kept, the recognisers' expressions
allow them: removing them here would weld neighbouring numbers together.

Chinese numerals, circled digits and letters are folded only inside a long run of digits
(:data:`MIN_RUN`): 二〇二四年, ①②③ as list marks and "Ol" in words stay.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from corpus.pii.digit_runs import CIRCLED, CONFUSABLE, DIGIT, DROP, FOLDED, NUMERAL, PLAIN, SEPARATOR
from corpus.pii.pairs import PairTables, pair_tables
from corpus.pii.shadow_kernel import (
    CLUSTER,
    KEPT,
    MAX_CLUSTER,
    OTHERWISE,
    PAIR,
    SEPARATORS,
    STRETCH,
    VISIBLE,
    fold_batch,
)

TABLES = Path(__file__).parent / "tables"
CODE_POINTS, BEYOND_THREE_BYTES = 0x110000, 0x10000  # the latter: four bytes of UTF-8 from here on

# Places that there is room for at first; a text with more is gone through twice.
LEAST_PLACES, BYTES_PER_PLACE = 256, 32

CLASSES = {
    "fold": PLAIN,
    "drop": DROP,
    "numeral": NUMERAL,
    "circled": CIRCLED,
    "confusable": CONFUSABLE,
}


class FoldingTables:
    """Code point tables: ``kind`` (class per code point, uint8) and ``target`` (folded code point, int32)."""

    def __init__(self, kind: npt.NDArray[np.uint8], target: npt.NDArray[np.int32]) -> None:
        self.kind = kind
        self.target = target


@functools.cache
def folding_tables() -> FoldingTables:
    """Return the tables from ``tables/folding.tsv``: lines of ``class, first, last, target of first``.

    Code points are hexadecimal; the target of the n-th code point of a range is target + n, or target itself
    where the line ends in ``=`` (many to one). ``drop`` lines have no target.
    """
    kind = np.zeros(CODE_POINTS, dtype=np.uint8)
    target = np.arange(CODE_POINTS, dtype=np.int32)
    for line in (TABLES / "folding.tsv").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        name, first, last, *rest = line.split("\t")
        low, high = int(first, 16), int(last, 16)
        kind[low : high + 1] = CLASSES[name]
        if name == "drop":
            continue
        goal = int(rest[0], 16)
        target[low : high + 1] = goal if rest[1:] == ["="] else np.arange(goal, goal + high - low + 1)
    for line in (TABLES / "traditional.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            target[ord(line[0])] = ord(line[1])
    plain = kind == PLAIN
    kind[plain & (target != np.arange(CODE_POINTS))] = FOLDED
    kind[plain & (target >= ord("0")) & (target <= ord("9"))] = DIGIT
    for mark in SEPARATORS:
        kind[plain & (target == ord(mark))] = SEPARATOR
    return FoldingTables(kind, target)


class Shadows(NamedTuple):
    """The shadows of a batch of texts.

    Shadow i is UTF-8 in ``data[borders[i]:borders[i + 1] - 1]``, and a line feed stands behind it.
    """

    data: npt.NDArray[np.uint8]
    borders: npt.NDArray[np.int64]
    dropped: npt.NDArray[np.bool_]  # the text lost code points: positions need :func:`origin_map`
    # kind -> (row, first byte, byte behind it, kind, strength) of what corpus.pii.digits and corpus.pii.pairs look for;
    # with each kind the clusters of MAX_CLUSTER digits: see corpus.pii.shadow_kernel.fold_batch
    places: tuple[npt.NDArray[np.int64], ...]

    def text(self, row: int) -> memoryview:
        """Return the UTF-8 of shadow ``row``, without a copy."""
        view: memoryview = self.data.data
        return view[self.borders[row] : self.borders[row + 1] - 1]


class Anchors(NamedTuple):
    """The pairs that are looked for while shadows are made."""

    pairs: PairTables
    ways: npt.NDArray[np.uint8]  # how the loop takes a code point: see corpus.pii.shadow_kernel

    @classmethod
    def of(cls, pairs: PairTables) -> Anchors:
        """Return the anchors of ``pairs``."""
        tables = folding_tables()
        ways = np.zeros(CODE_POINTS, dtype=np.uint8)
        short = ways[:BEYOND_THREE_BYTES]
        kind, target, right = (table[: len(short)] for table in (tables.kind, tables.target, pairs.right))
        one_or_three = np.ones(len(short), dtype=np.bool_)
        one_or_three[0x80:0x800] = False  # two bytes
        short[(kind == PLAIN) & (right == 0) & one_or_three] = KEPT
        short[:0x80] = OTHERWISE
        visible = (target > ord(" ")) & (target < 0x7F) & ((kind == PLAIN) | (kind == FOLDED))
        short[visible & one_or_three] = VISIBLE
        return cls(pairs, ways)


@functools.cache
def _no_anchors() -> Anchors:
    return Anchors.of(pair_tables([]))


def shadow_batch(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], anchors: Anchors | None = None
) -> Shadows:
    """Return the shadows of a batch, and the places of ``anchors`` in them.

    ``data`` and ``offsets`` are an Arrow string array's buffers: document i is UTF-8 in
    ``data[offsets[i]:offsets[i + 1]]``. A shadow is never longer than its text.
    """
    tables, anchors = folding_tables(), anchors or _no_anchors()
    size = max(LEAST_PLACES, int(offsets[-1] - offsets[0]) // BYTES_PER_PLACE)
    while True:
        places = np.empty((size, 5), dtype=np.int64)
        out, borders, dropped, size = fold_batch(
            data, offsets, tables.kind, tables.target, *anchors.pairs, anchors.ways, places
        )
        if size <= len(places):
            return Shadows(out, borders, dropped, _by_kind(places[:size]))


def _by_kind(places: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], ...]:
    kinds, folded = places[:, 3], (places[:, 3] == CLUSTER) & (places[:, 4] == MAX_CLUSTER)
    return tuple(places[(kinds == kind) | folded] for kind in (CLUSTER, STRETCH, PAIR))


def shadow(text: str) -> str:
    """Return the shadow of one text."""
    data = np.frombuffer(text.encode("utf-8", "replace"), dtype=np.uint8)
    return str(shadow_batch(data, np.array([0, len(data)], dtype=np.int64)).text(0), "utf-8")


def origin_map(text: str) -> npt.NDArray[np.int64]:
    """Return the original position of each code point of ``text``'s shadow, and ``len(text)`` at the end."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    kept = np.flatnonzero(folding_tables().kind[points] != DROP)
    return np.append(kept, len(text))
