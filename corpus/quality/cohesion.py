"""Whether neighbouring characters belong together: a table of unlikely pairs, made by ``wudao quality cohesion``.

Shuffled words keep what each word is and lose what stands beside it. The table
holds, for every pair of frequent characters and marks, how much rarer the pair is than its two symbols suggest:
the negative part of their pointwise mutual information (Church and Hanks 1990),
for next neighbours and for those after next. A text is then held against
itself: the penalties of its neighbours, divided by those of the same symbols
taken from a half and a third of the text away. That is about 1 for shuffled
characters, above a half for shuffled words, below it for running text, whatever
its subject: what the table knows little about weighs little on both sides.

An artifact, never made inside a build: a build that names the same file gets
the same values. All of it is integer counts and IEEE divisions, so the same
texts give the same bytes.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from corpus.kernels import character_classes as cc
from corpus.kernels.buffers import text_buffers
from corpus.kernels.neighbours import (
    AFTER_NEXT,
    DIGITS,
    GAP,
    LETTERS,
    OTHER,
    PLANE,
    count_pairs,
    count_symbols,
    weigh_neighbours,
)
from corpus.labels.sampling import DiverseSample, Entry, text_rank

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = 1
ALPHABET = 1024  # symbols with a row of their own; rarer ones share OTHER
# Added to observed and expected share of a pair: one that is expected three times in a million pairs or less says
# little. Leave-sources-out, 1 to 10 in a million do about equally well (benchmarks/quality.py).
SMOOTHING = 3e-6
LEVELS = 16  # of a next neighbour's penalty in one bit; that of the one after next has half the weight
HEAD_CHARS = 1_500  # of a document that are learnt from, so that a few books do not fill the table
# With 2 M, genuine texts of some kinds come near shuffled ones; from 8 M on more text changes little.
MIN_SYMBOLS = 2_000_000
MIN_TEXT = 60  # symbols; a shorter text has too few neighbours for a value
QUANTUM = 4
QUOTES = dict(zip("「」『』﹁﹂﹃﹄", "“”‘’“”‘’", strict=True))  # one mark, two conventions
MIN_PENALTY = 2.0  # mean of a distant pair; running text has 4 to 9, lists of names 0.4: little known of the symbols
MOST = 2.0  # a text that avoids every likely neighbour is no worse than a shuffled one


@cache
def raw_symbols() -> NDArray[np.uint16]:
    """Return what each code point of the basic plane is before an alphabet is chosen, uint16[65536].

    A Han character stands for its simplified form, a full-width mark for its
    half-width one.
    """
    from corpus.kernels.hash_form_tables import TABLE_PATH

    kinds = cc.classes() & np.uint16(cc.CLASS_MASK)
    codes = np.arange(PLANE)
    table = np.full(PLANE, OTHER, dtype=np.uint16)
    own = np.isin(kinds, (cc.HAN, cc.RARE_HAN, cc.PUNCTUATION))
    table[own] = codes[own]
    table[kinds == cc.DIGIT] = DIGITS
    table[np.isin(kinds, (cc.LATIN, cc.LETTER))] = LETTERS
    table[np.isin(kinds, (cc.SPACE, cc.NEWLINE))] = GAP
    full_width = np.arange(0xFF01, 0xFF5F)
    table[full_width] = table[full_width - 0xFEE0]
    for mark, same in QUOTES.items():
        table[ord(mark)] = ord(same)
    with np.load(TABLE_PATH) as stored:
        pairs = stored["traditional"].astype(np.int64)
    pairs = pairs[(pairs < PLANE).all(axis=1)]
    table[pairs[:, 0]] = pairs[:, 1]
    return table


@dataclass(frozen=True, slots=True)
class CohesionTable:
    """What an artifact holds."""

    alphabet: NDArray[np.uint16]  # the raw symbols by place, LETTERS and those below first
    penalties: NDArray[np.uint16]  # [places * places] see corpus.kernels.neighbours
    learnt_symbols: int  # that were counted

    def symbols(self) -> NDArray[np.uint16]:
        """Return the place of each code point of the basic plane, uint16[65536]."""
        places = np.full(PLANE, OTHER, dtype=np.uint16)
        places[self.alphabet] = np.arange(len(self.alphabet), dtype=np.uint16)
        return places[raw_symbols()]


def draw(documents: Iterable[tuple[str, str]], size: int) -> list[str]:
    """Return the beginnings of at most ``size`` of the ``documents`` (group, text), spread over groups.

    Which ones depends on the texts alone, not on their order.
    """
    sample = DiverseSample(size)
    for group, text in documents:
        sample.add(Entry(group, text_rank(text), text[:HEAD_CHARS]))
    return [entry.text for entry in sample.entries()]


def learn(texts: pa.Array, least: int = MIN_SYMBOLS) -> CohesionTable:
    """Return the table that ``texts`` (large_string) teach; their order makes no difference.

    Raises ``ValueError`` where they have fewer than ``least`` symbols.
    """
    data, offsets = text_buffers(texts)
    counts = count_symbols(data, offsets, raw_symbols())
    total = int(counts.sum())
    if total < least:
        raise ValueError(f"{total:,} characters to learn from; at least {least:,} are needed")
    frequent = np.argsort(-counts[LETTERS + 1 :], kind="stable")[: ALPHABET - LETTERS - 1] + LETTERS + 1
    frequent = frequent[counts[frequent] > 0]
    alphabet = np.concatenate([np.arange(LETTERS + 1), frequent]).astype(np.uint16)
    empty = CohesionTable(alphabet, np.zeros(len(alphabet) ** 2, dtype=np.uint16), total)
    next_to, after_next = count_pairs(data, offsets, empty.symbols(), len(alphabet))
    packed = _penalties(next_to, LEVELS) | _penalties(after_next, LEVELS // 2) << np.uint16(AFTER_NEXT)
    return CohesionTable(alphabet, packed.reshape(-1), total)


def _penalties(pairs: NDArray[np.int64], levels: int) -> NDArray[np.uint16]:
    """Return how much rarer each pair is than chance, in ``levels`` steps a bit, 0..255."""
    total = pairs.sum()
    smoothing = SMOOTHING * total
    expected = pairs.sum(axis=1)[:, None].astype(np.float64) * pairs.sum(axis=0)[None, :] / max(total, 1)
    ratio = (expected + smoothing) / (pairs + smoothing)
    # Square roots and products are the same on every machine, logarithms are not.
    step = 2.0
    for _ in range(levels.bit_length() - 1):
        step = float(np.sqrt(step))
    bounds = np.multiply.accumulate(np.full(255, step))
    found: NDArray[np.uint16] = np.searchsorted(bounds, ratio, side="right").astype(np.uint16)
    # What stands beside a number, a foreign word or a gap need not belong to it: tables, lists, verse, dialogues.
    found[: LETTERS + 1, :] = found[:, : LETTERS + 1] = 0
    return found


def write_table(table: CohesionTable, path: str | Path) -> None:
    """Write an artifact; the same table gives the same bytes."""
    buffer = io.BytesIO()
    np.savez(
        buffer,
        format=np.int64(FORMAT),
        alphabet=table.alphabet,
        penalties=table.penalties,
        learnt_symbols=np.int64(table.learnt_symbols),
    )
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(buffer.getvalue())


def read_table(path: str | Path) -> CohesionTable:
    """Return the table of an artifact. Raises ``OSError`` or, where the file is none, ``ValueError``."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            if int(stored["format"]) != FORMAT:
                raise ValueError("written in another format; make it again")
            table = CohesionTable(stored["alphabet"], stored["penalties"], int(stored["learnt_symbols"]))
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: not a cohesion table: {error}") from error
    places = len(table.alphabet)
    fits = table.alphabet.dtype == np.uint16 and LETTERS < places < PLANE and table.penalties.shape == (places**2,)
    if not fits or table.penalties.dtype != np.uint16 or len(np.unique(table.alphabet)) != places:
        raise ValueError(f"{path}: not a cohesion table: its arrays do not fit each other")
    return table


class Cohesion:
    """A table, ready to measure texts."""

    def __init__(self, table: CohesionTable) -> None:
        self._symbols = table.symbols()
        self._penalties = table.penalties

    def incohesion(self, data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the signal ``incohesion`` of each text ``data[offsets[i]:offsets[i + 1]]``.

        0 for a text of fewer than ``MIN_TEXT`` symbols, and for one whose
        symbols would hardly be unlikely in any order.
        """
        n, near, distant = weigh_neighbours(data, offsets, self._symbols, self._penalties).T.astype(np.float64)
        told = (n >= MIN_TEXT) & (distant >= 2 * n * MIN_PENALTY)
        ratio = np.divide(2 * n * near, (n - 1) * distant, out=np.zeros_like(n), where=told)
        values: NDArray[np.float64] = np.minimum(np.round(ratio, QUANTUM), MOST)
        return values
