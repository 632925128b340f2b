"""What the quality signals are made of, counted over whole documents.

:func:`measure` decodes each document (:mod:`corpus.kernels.utf8`), finds the lexicon's terms
(:mod:`corpus.kernels.term_search`), walks over its characters once (:mod:`corpus.kernels.text_walk`),
then over its units and lines (:mod:`corpus.kernels.text_units`, :mod:`corpus.kernels.repetition`).
All results are integers; the shares made of them are in :mod:`corpus.quality.signals`.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from corpus.kernels import character_classes as cc
from corpus.kernels import text_counts as tc
from corpus.kernels.repetition import MAX_N, make_scratch, ngram_repetition, repeated_lines
from corpus.kernels.term_search import find_terms
from corpus.kernels.text_counts import Lexicon, Tables
from corpus.kernels.text_units import PLACES, count_units
from corpus.kernels.text_walk import walk
from corpus.kernels.utf8 import decode


@njit(cache=True, nogil=True)
def measure(data: NDArray[np.uint8], offsets: NDArray[np.int64], tables: Tables, lexicon: Lexicon) -> NDArray[np.int64]:
    """Return the counts of every document, shape [documents, tc.WIDTH].

    ``data[offsets[i]:offsets[i + 1]]`` is valid UTF-8. Each row depends on its own document only.
    """
    n_documents = offsets.shape[0] - 1
    out = np.zeros((n_documents, tc.WIDTH), dtype=np.int64)
    longest = 0
    for d in range(n_documents):
        longest = max(longest, offsets[d + 1] - offsets[d])
    scratch = make_scratch(longest + 2)
    kinds = np.zeros(cc.CLASS_MASK + 1, dtype=np.int64)
    seen = np.zeros(PLACES, dtype=np.int32)
    n_terms = lexicon.category.shape[0]
    term_document = np.full(n_terms, -1, dtype=np.int64)
    term_count = np.zeros(n_terms, dtype=np.int64)
    for d in range(n_documents):
        row = out[d]
        n_points = decode(
            data, offsets[d], offsets[d + 1], lexicon.entries, lexicon.automaton, scratch.codes, scratch.infos
        )
        n_hits = find_terms(n_points, d, lexicon, row, scratch, term_document, term_count)
        n_units, n_lines = walk(n_points, n_hits, row, scratch, kinds)
        count_units(scratch.units, n_units, tables, seen, row)
        row[tc.UNITS] = n_units
        row[tc.LINES] = n_lines
        lines, chars = repeated_lines(scratch, n_lines)
        row[tc.DUPLICATE_LINES] = lines
        row[tc.DUPLICATE_LINE_CHARS] = chars
        ngram_repetition(scratch, n_units)
        for n in range(2, MAX_N + 1):
            row[tc.TOP + n - 2] = scratch.top[n]
            row[tc.COVERED + n - 2] = scratch.covered[n]
    return out
