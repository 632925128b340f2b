"""jieba 0.42.1's word segmentation (accurate mode, HMM on), compiled.

A port of ``jieba.Tokenizer.cut`` as its defaults run it: the same dictionary,
the same floating-point operations in the same order, the same ties (``max``
over tuples: the longer word). Only the data structures differ: a double-array
trie over characters instead of a dictionary of prefixes.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from tokenizer_training.jieba_tables import load_dictionary
from tokenizer_training.unknown_words import is_alphanumeric, is_han, recognise


class Scratch(NamedTuple):
    """Working memory for documents of up to ``len(points) - 1`` code points."""

    points: npt.NDArray[np.int32]
    symbols: npt.NDArray[np.int32]
    begins: npt.NDArray[np.int32]
    starts: npt.NDArray[np.uint8]
    route: npt.NDArray[np.float64]
    end: npt.NDArray[np.int32]
    back: npt.NDArray[np.int8]


def scratch(points: int) -> Scratch:
    """Return working memory for documents of up to ``points`` code points."""
    n = points + 1
    return Scratch(
        np.empty(n, np.int32),
        np.empty(n, np.int32),
        np.empty(n, np.int32),
        np.empty(n, np.uint8),
        np.empty(n, np.float64),
        np.empty(n, np.int32),
        np.empty((n, 4), np.int8),
    )


@njit(cache=True, nogil=True)
def decode(data, i):  # type: ignore[no-untyped-def]
    """Return the code point at ``data[i]``, where a character of valid UTF-8 begins, and its bytes."""
    b = np.int32(data[i])
    if b < 0x80:
        return b, 1
    if b < 0xE0:
        return (b & 0x1F) << 6 | np.int32(data[i + 1] & 0x3F), 2
    low = np.int32(data[i + 1] & 0x3F) << 6 | np.int32(data[i + 2] & 0x3F)
    if b < 0xF0:
        return (b & 0x0F) << 12 | low, 3
    return (b & 0x07) << 18 | low << 6 | np.int32(data[i + 3] & 0x3F), 4


@njit(cache=True, nogil=True)
def _in_block(point):  # type: ignore[no-untyped-def]
    """jieba.re_han_default: [\u4e00-\u9fd5a-zA-Z0-9+#&._%-]."""
    if is_han(point) or is_alphanumeric(point):
        return True
    return point == 43 or point == 35 or point == 38 or point == 46 or point == 95 or point == 37 or point == 45


@njit(cache=True, nogil=True)
def _is_word(symbols, a, b, dictionary):  # type: ignore[no-untyped-def]
    cells = dictionary.cells
    state = 0
    for i in range(a, b):
        t = cells[state, 0] + symbols[i]
        if t < 0 or t >= cells.shape[0] or cells[t, 1] != state:
            return False
        state = t
    return dictionary.weights[state, 1] < 0.0


@njit(cache=True, nogil=True)
def _flush(a, b, dictionary, memory):  # type: ignore[no-untyped-def]
    """Treat ``a..b``, a run of characters that the best route leaves single."""
    if b - a == 1:
        memory.starts[a] = 1
    elif b > a:
        if _is_word(memory.symbols, a, b, dictionary):
            memory.starts[a:b] = 1
        else:
            recognise(
                memory.points,
                a,
                b,
                dictionary.start,
                dictionary.transition,
                dictionary.emission,
                memory.back,
                memory.starts,
            )


@njit(cache=True, nogil=True)
def _cut_block(a, b, dictionary, memory):  # type: ignore[no-untyped-def]
    """Tokenizer.__cut_DAG over ``a..b``."""
    cells, weights = dictionary.cells, dictionary.weights
    symbols, route, end, starts = memory.symbols, memory.route, memory.end, memory.starts
    states = cells.shape[0]
    root = cells[0, 0]
    route[b] = 0.0
    for k in range(b - 1, a - 1, -1):
        state = 0
        base = root
        best = -np.inf
        best_end = -1
        for i in range(k, b):
            t = base + symbols[i]
            if t < 0 or t >= states or cells[t, 1] != state:
                break
            state = t
            base = cells[t, 0]
            w = weights[t, 1]
            if w < 0.0:
                score = w + route[i + 1]
                if score >= best:
                    best = score
                    best_end = i + 1
        if best_end < 0:
            best = dictionary.unknown + route[k + 1]
            best_end = k + 1
        route[k] = best
        end[k] = best_end
    x = a
    pending = a
    while x < b:
        y = end[x]
        if y - x > 1:
            _flush(pending, x, dictionary, memory)
            starts[x] = 1
            starts[x + 1 : y] = 0
            pending = y
        x = y
    _flush(pending, b, dictionary, memory)


@njit(cache=True, nogil=True)
def segment(data, begin, stop, dictionary, memory):  # type: ignore[no-untyped-def]
    """Segment UTF-8 ``data[begin:stop]``; ``memory.starts[i]`` is 1 where code point i starts a word.

    Returns the number of code points; ``memory.begins`` holds their byte offsets.
    """
    points, symbols, begins, starts = memory.points, memory.symbols, memory.begins, memory.starts
    table = dictionary.symbols
    n = 0
    at = begin
    while at < stop:
        point, length = decode(data, at)
        points[n], symbols[n], begins[n] = point, table[point], at
        n += 1
        at += length
    begins[n] = stop
    i = 0
    while i < n:
        if not _in_block(points[i]):
            starts[i] = 1
            if points[i] == 13 and i + 1 < n and points[i + 1] == 10:  # "\r\n" is one word
                starts[i + 1] = 0
                i += 1
            i += 1
            continue
        j = i + 1
        while j < n and _in_block(points[j]):
            j += 1
        _cut_block(i, j, dictionary, memory)
        i = j
    return n


def cut(text: str) -> list[str]:
    """Return the words of ``text`` exactly as ``jieba.lcut(text)`` does."""
    memory = scratch(len(text))
    data = np.frombuffer(text.encode("utf-8"), np.uint8)
    n = segment(data, 0, data.size, load_dictionary(), memory)
    borders = [*np.flatnonzero(memory.starts[:n]).tolist(), n]
    return [text[a:b] for a, b in pairwise(borders)]


def join_words(texts: Iterable[str], space: str = "▂", newline: str = "▃") -> Iterable[str]:
    """Yield each text as CPM feeds it to SentencePiece: words joined by spaces, spaces and newlines replaced."""
    table = str.maketrans({" ": space, "\n": newline})
    for text in texts:
        yield " ".join(word.translate(table) for word in cut(text))
