"""jieba 0.42.1's word segmentation (accurate mode, HMM on), compiled.

A port of ``jieba.Tokenizer.cut`` and ``jieba.finalseg.cut`` as their defaults
run them: the same dictionary and HMM tables, read from the installed jieba
package (MIT licence), the same floating-point operations in the same order,
the same ties (``max`` over tuples: the longer word, the later state letter).
Only the data structures differ: a trie over characters in one hash table
instead of a dictionary of prefixes, arrays instead of dictionaries of states.
"""

from __future__ import annotations

import importlib.metadata
import importlib.resources
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from math import log
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from tokenizer_training import double_array

JIEBA_VERSION = "0.42.1"
HAN_FIRST, HAN_LAST = 0x4E00, 0x9FD5  # jieba's \u4E00-\u9FD5
_IMPOSSIBLE = -3.14e100  # finalseg.MIN_FLOAT
_STATES = "BEMS"  # alphabetical, so that the larger index wins a tie as the later letter does
_B, _E, _M, _S = range(4)
_FIBONACCI = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio (Knuth 6.4): spreads consecutive keys
_NO_WORD = 1.0  # in Dictionary.weight; every log probability is negative


class Dictionary(NamedTuple):
    """jieba's tables as arrays."""

    edges: npt.NDArray[np.uint64]  # open addressing: parent node << 21 | code point, 0: empty
    nodes: npt.NDArray[np.int32]  # the child node that the edge in the same slot leads to
    weight: npt.NDArray[np.float64]  # per node: log(frequency) - log(total), or _NO_WORD
    unknown: float  # the same for a character that is no word: log(1) - log(total)
    start: npt.NDArray[np.float64]  # (4,)
    transition: npt.NDArray[np.float64]  # (4, 4): from, to
    emission: npt.NDArray[np.float64]  # (HAN_LAST - HAN_FIRST + 1, 4)


class Scratch(NamedTuple):
    """Working memory for documents of up to ``len(points) - 1`` code points."""

    points: npt.NDArray[np.int32]
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
        np.empty(n, np.uint8),
        np.empty(n, np.float64),
        np.empty(n, np.int32),
        np.empty((n, 4), np.int8),
    )


@lru_cache(maxsize=1)
def load_dictionary() -> Dictionary:
    """Read jieba's dictionary and HMM tables and build the trie (about 2 s, then cached for the process).

    Raises:
        ModuleNotFoundError: jieba is not installed.
        RuntimeError: another version than 0.42.1 is.
    """
    version = importlib.metadata.version("jieba")
    if version != JIEBA_VERSION:
        raise RuntimeError(f"the cpm tokenizer is defined by jieba {JIEBA_VERSION}, but {version} is installed")
    frequency: dict[str, int] = {}
    total = 0
    # jieba.Tokenizer.gen_pfdict: the last entry of a word counts, its total is the sum of all entries.
    for line in (importlib.resources.files("jieba") / "dict.txt").read_bytes().decode("utf-8").splitlines():
        word, count = line.strip().split(" ")[:2]
        frequency[word] = int(count)
        total += int(count)
    log_total = log(total)
    words = sorted(frequency)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum([len(word) for word in words])])
    symbols = np.frombuffer("".join(words).encode("utf-32-le"), np.int32)
    parent, label, _, _, value = double_array.link(symbols, offsets, np.arange(len(words), dtype=np.int32))
    weights = np.array([log(frequency[w]) - log_total if frequency[w] else _NO_WORD for w in words] + [_NO_WORD])
    keys, nodes = _hash_edges(parent, label, 2 ** int(np.ceil(np.log2(2 * parent.size))))
    start, transition, emission = _hmm()
    return Dictionary(keys, nodes, weights[value], log(1) - log_total, start, transition, emission)


@njit(cache=True, nogil=True)
def _edge(parent, point):  # type: ignore[no-untyped-def]
    return np.uint64(parent) << np.uint64(21) | np.uint64(point)


@njit(cache=True, nogil=True)
def _slot(edge, size):  # type: ignore[no-untyped-def]
    return np.int64((edge * _FIBONACCI) >> np.uint64(32)) & (size - 1)


@njit(cache=True)
def _hash_edges(parent, label, size):  # type: ignore[no-untyped-def]
    edges = np.zeros(size, np.uint64)
    nodes = np.full(size, -1, np.int32)
    for node in range(1, parent.size):
        edge = _edge(parent[node], label[node])
        slot = _slot(edge, size)
        while edges[slot] != 0:
            slot = (slot + 1) & (size - 1)
        edges[slot] = edge
        nodes[slot] = node
    return edges, nodes


@njit(cache=True, nogil=True)
def _child(edges, nodes, parent, point):  # type: ignore[no-untyped-def]
    """Return the child of node ``parent`` by ``point``, or -1."""
    edge = _edge(parent, point)
    slot = _slot(edge, edges.size)
    while edges[slot] != edge:
        if edges[slot] == 0:
            return -1
        slot = (slot + 1) & (edges.size - 1)
    return nodes[slot]


def _hmm() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    from jieba.finalseg.prob_emit import P as emit
    from jieba.finalseg.prob_start import P as start
    from jieba.finalseg.prob_trans import P as trans

    emission = np.full((HAN_LAST - HAN_FIRST + 1, 4), _IMPOSSIBLE)
    for y, state in enumerate(_STATES):
        for character, value in emit[state].items():
            if HAN_FIRST <= ord(character) <= HAN_LAST:
                emission[ord(character) - HAN_FIRST, y] = value
    transition = np.array([[trans[a].get(b, _IMPOSSIBLE) for b in _STATES] for a in _STATES])
    return np.array([start[state] for state in _STATES]), transition, emission


@njit(cache=True, nogil=True)
def _is_han(point):  # type: ignore[no-untyped-def]
    return 0x4E00 <= point <= 0x9FD5


@njit(cache=True, nogil=True)
def _is_digit(point):  # type: ignore[no-untyped-def]
    return 48 <= point <= 57


@njit(cache=True, nogil=True)
def _is_alphanumeric(point):  # type: ignore[no-untyped-def]
    return 48 <= point <= 57 or 65 <= point <= 90 or 97 <= point <= 122


@njit(cache=True, nogil=True)
def _in_block(point):  # type: ignore[no-untyped-def]
    """jieba.re_han_default: [\u4e00-\u9fd5a-zA-Z0-9+#&._%-]."""
    if _is_han(point) or _is_alphanumeric(point):
        return True
    return point == 43 or point == 35 or point == 38 or point == 46 or point == 95 or point == 37 or point == 45


@njit(cache=True, nogil=True)
def _decode(data, begin, stop, points, begins):  # type: ignore[no-untyped-def]
    """Write the code points of valid UTF-8 ``data[begin:stop]`` and their byte offsets; return their number."""
    n = 0
    i = begin
    while i < stop:
        b = np.int32(data[i])
        begins[n] = i
        if b < 0x80:
            points[n] = b
            i += 1
        elif b < 0xE0:
            points[n] = (b & 0x1F) << 6 | (data[i + 1] & 0x3F)
            i += 2
        elif b < 0xF0:
            points[n] = (b & 0x0F) << 12 | np.int32(data[i + 1] & 0x3F) << 6 | (data[i + 2] & 0x3F)
            i += 3
        else:
            points[n] = (
                (b & 0x07) << 18
                | np.int32(data[i + 1] & 0x3F) << 12
                | np.int32(data[i + 2] & 0x3F) << 6
                | (data[i + 3] & 0x3F)
            )
            i += 4
        n += 1
    begins[n] = stop
    return n


@njit(cache=True, nogil=True)
def _viterbi(points, a, b, hmm_start, transition, emission, back, starts):  # type: ignore[no-untyped-def]
    """finalseg.__cut over the Han characters ``a..b``: mark where words start."""
    vb, ve, vm, vs = 0.0, 0.0, 0.0, 0.0
    e = points[a] - 0x4E00
    vb = hmm_start[0] + emission[e, 0]
    ve = hmm_start[1] + emission[e, 1]
    vm = hmm_start[2] + emission[e, 2]
    vs = hmm_start[3] + emission[e, 3]
    for t in range(a + 1, b):
        e = points[t] - 0x4E00
        # Each state has two predecessors (finalseg.PrevStatus); on a tie the later letter wins.
        p, q = ve + transition[1, 0] + emission[e, 0], vs + transition[3, 0] + emission[e, 0]
        nb, back[t, 0] = (q, 3) if q >= p else (p, 1)
        p, q = vb + transition[0, 1] + emission[e, 1], vm + transition[2, 1] + emission[e, 1]
        ne, back[t, 1] = (q, 2) if q >= p else (p, 0)
        p, q = vb + transition[0, 2] + emission[e, 2], vm + transition[2, 2] + emission[e, 2]
        nm, back[t, 2] = (q, 2) if q >= p else (p, 0)
        p, q = ve + transition[1, 3] + emission[e, 3], vs + transition[3, 3] + emission[e, 3]
        ns, back[t, 3] = (q, 3) if q >= p else (p, 1)
        vb, ve, vm, vs = nb, ne, nm, ns
    y = 3 if vs >= ve else 1
    for t in range(b - 1, a, -1):
        starts[t] = 1 if (y == 0 or y == 3) else 0
        y = back[t, y]
    starts[a] = 1


@njit(cache=True, nogil=True)
def _recognise(points, a, b, hmm_start, transition, emission, back, starts):  # type: ignore[no-untyped-def]
    """finalseg.cut over ``a..b``, a run of characters that the dictionary left single."""
    i = a
    while i < b:
        starts[i] = 1
        if _is_han(points[i]):
            j = i + 1
            while j < b and _is_han(points[j]):
                j += 1
            _viterbi(points, i, j, hmm_start, transition, emission, back, starts)
        elif _is_alphanumeric(points[i]):  # [a-zA-Z0-9]+(?:\.\d+)?%?
            j = i + 1
            while j < b and _is_alphanumeric(points[j]):
                j += 1
            if j + 1 < b and points[j] == 46 and _is_digit(points[j + 1]):
                j += 2
                while j < b and _is_digit(points[j]):
                    j += 1
            if j < b and points[j] == 37:
                j += 1
            starts[i + 1 : j] = 0
        else:  # what lies between two matches stays one word
            j = i + 1
            while j < b and not _is_han(points[j]) and not _is_alphanumeric(points[j]):
                j += 1
            starts[i + 1 : j] = 0
        i = j


@njit(cache=True, nogil=True)
def _is_word(points, a, b, edges, nodes, weight):  # type: ignore[no-untyped-def]
    state = 0
    for i in range(a, b):
        state = _child(edges, nodes, state, points[i])
        if state < 0:
            return False
    return weight[state] < 0.0


@njit(cache=True, nogil=True)
def _flush(points, a, b, edges, nodes, weight, hmm_start, transition, emission, back, starts):  # type: ignore[no-untyped-def]
    if b - a == 1:
        starts[a] = 1
    elif b > a:
        if _is_word(points, a, b, edges, nodes, weight):
            starts[a:b] = 1
        else:
            _recognise(points, a, b, hmm_start, transition, emission, back, starts)


@njit(cache=True, nogil=True)
def _cut_block(points, a, b, edges, nodes, weight, unknown, hmm_start, transition, emission, route, end, back, starts):  # type: ignore[no-untyped-def]
    """Tokenizer.__cut_DAG over ``a..b``."""
    route[b] = 0.0
    for k in range(b - 1, a - 1, -1):
        state = 0
        best = -np.inf
        best_end = -1
        for i in range(k, b):
            state = _child(edges, nodes, state, points[i])
            if state < 0:
                break
            w = weight[state]
            if w < 0.0:
                score = w + route[i + 1]
                if score >= best:
                    best = score
                    best_end = i + 1
        if best_end < 0:
            best = unknown + route[k + 1]
            best_end = k + 1
        route[k] = best
        end[k] = best_end
    x = a
    pending = a
    while x < b:
        y = end[x]
        if y - x > 1:
            _flush(points, pending, x, edges, nodes, weight, hmm_start, transition, emission, back, starts)
            starts[x] = 1
            starts[x + 1 : y] = 0
            pending = y
        x = y
    _flush(points, pending, b, edges, nodes, weight, hmm_start, transition, emission, back, starts)


@njit(cache=True, nogil=True)
def segment(data, begin, stop, dictionary, memory):  # type: ignore[no-untyped-def]
    """Segment UTF-8 ``data[begin:stop]``; ``memory.starts[i]`` is 1 where code point i starts a word.

    Returns the number of code points; ``memory.begins`` holds their byte offsets.
    """
    points, starts = memory.points, memory.starts
    n = _decode(data, begin, stop, points, memory.begins)
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
        _cut_block(
            points,
            i,
            j,
            dictionary.edges,
            dictionary.nodes,
            dictionary.weight,
            dictionary.unknown,
            dictionary.start,
            dictionary.transition,
            dictionary.emission,
            memory.route,
            memory.end,
            memory.back,
            starts,
        )
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
