"""Double-array tries over characters, built and walked in compiled code.

Aoe (1989): the child of state ``s`` by symbol ``c`` is ``t = base[s] + c``,
and it exists iff ``check[t] == s``. Symbols are characters, numbered by how
often they occur in the keys: one random access per character, and what a
caller keeps with a key lies in the same 16 bytes. Bases may be negative, so
that every free cell can be used; callers check bounds. Nodes are placed by
falling number of children (the many nodes with one child fill the holes that
the few large ones leave), each at the first free cells that fit.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

ROOT = 0
BASE, CHECK, FIRST, SECOND = range(4)  # columns of CharacterTrie.cells
_CODE_POINTS = 0x110000
_TRIALS = 4096  # free cells tried for a node before it goes to the end of the array
_LEAF = 2**30  # base of a state without children: every step leaves the array


class CharacterTrie(NamedTuple):
    """``cells[s]`` is base, check and two words that the key ending at ``s`` brought (or the default ones)."""

    symbols: npt.NDArray[np.int32]  # code point -> symbol, 0: in no key
    cells: npt.NDArray[np.int32]  # (states, 4)


@njit(cache=True)
def _link(symbols, offsets, values):  # type: ignore[no-untyped-def]
    """Return the trie of sorted keys as nodes, breadth first: (parent, symbol, first child, children, value)."""
    nodes = symbols.size + 1
    low, high, depth = np.zeros(nodes, np.int32), np.zeros(nodes, np.int32), np.zeros(nodes, np.int32)
    parent, label = np.zeros(nodes, np.int32), np.zeros(nodes, np.int32)
    first, count = np.zeros(nodes, np.int32), np.zeros(nodes, np.int32)
    value = np.full(nodes, -1, np.int32)
    high[0] = offsets.size - 1
    tail = 1
    head = 0
    while head < tail:
        lo, hi, d = low[head], high[head], depth[head]
        if lo < hi and offsets[lo + 1] - offsets[lo] == d:
            value[head] = values[lo]
            lo += 1
        first[head] = tail
        for key in range(lo, hi):
            symbol = symbols[offsets[key] + d]
            if count[head] == 0 or label[tail - 1] != symbol:
                parent[tail], label[tail], depth[tail], low[tail] = head, symbol, d + 1, key
                count[head] += 1
                tail += 1
            high[tail - 1] = key + 1
        head += 1
    return parent[:tail], label[:tail], first[:tail], count[:tail], value[:tail]


@njit(cache=True)
def _grow(old, size):  # type: ignore[no-untyped-def]
    new = np.zeros(size, old.dtype)
    new[: old.size] = old
    return new


@njit(cache=True)
def _place(label, first, count, order):  # type: ignore[no-untyped-def]
    """Return (base per node, cells used): every node's children on cells of their own."""
    capacity = 2 * label.size + 2
    taken = np.zeros(capacity, np.uint8)
    following = np.arange(1, capacity + 1).astype(np.int32)  # doubly linked free cells, headed by cell 0, the root's
    previous = np.arange(-1, capacity - 1).astype(np.int32)
    base = np.full(label.size, _LEAF, np.int32)
    used = 1
    for node in order:
        n = count[node]
        if n == 0:
            break
        head = first[node]
        span = label[head + n - 1] - label[head]
        cell = following[0]
        trials = 0
        while True:
            if trials == _TRIALS:
                cell = max(cell, used)
            while cell + span + 1 >= capacity:
                grown = 2 * capacity + span
                taken = _grow(taken, grown)
                following = _grow(following, grown)
                previous = _grow(previous, grown)
                for new in range(capacity, grown):
                    following[new] = new + 1
                    previous[new] = new - 1
                capacity = grown
            offset = cell - label[head]
            fits = True
            for i in range(head, head + n):
                if taken[offset + label[i]] == 1:
                    fits = False
                    break
            if fits:
                break
            cell = following[cell]
            trials += 1
        base[node] = offset
        for i in range(head, head + n):
            t = offset + label[i]
            taken[t] = 1
            following[previous[t]] = following[t]
            if following[t] < capacity:
                previous[following[t]] = previous[t]
            used = max(used, t + 1)
    return base, used


@njit(cache=True)
def _assemble(parent, label, value, base, used, words, default):  # type: ignore[no-untyped-def]
    cells = np.full((used, 4), -1, np.int32)
    cell = np.zeros(parent.size, np.int32)
    for node in range(parent.size):
        t = 0
        if node > 0:
            t = base[parent[node]] + label[node]
            cells[t, 1] = cell[parent[node]]
        cell[node] = t
        cells[t, 0] = base[node]
        cells[t, 2:] = words[value[node]] if value[node] >= 0 else default
    return cells


def build(keys: list[str], words: npt.NDArray[np.int32], default: npt.NDArray[np.int32]) -> CharacterTrie:
    """Return the trie of ``keys`` (unique, non-empty), each with its row of ``words`` ``(keys, 2)``.

    ``default`` ``(2,)`` stands at states where no key ends.
    """
    if not keys or not all(keys):
        raise ValueError("a double array needs at least one key, and no empty one")
    counts = Counter(character for key in keys for character in key)
    ranked = sorted(counts, key=lambda character: (-counts[character], character))
    number = {ord(character): i + 1 for i, character in enumerate(ranked)}
    # Numbers as characters, so that Python's own string order is the order of symbols.
    numbered = [key.translate(number) for key in keys]
    order = sorted(range(len(keys)), key=numbered.__getitem__)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum([len(numbered[i]) for i in order])])
    labels = np.frombuffer("".join(numbered[i] for i in order).encode("utf-32-le", "surrogatepass"), np.int32)
    parent, label, first, count, value = _link(labels, offsets, np.array(order, np.int32))
    base, used = _place(label, first, count, np.argsort(-count, kind="stable"))
    symbols = np.zeros(_CODE_POINTS, np.int32)
    symbols[list(number)] = list(number.values())
    return CharacterTrie(symbols, _assemble(parent, label, value, base, used, words, default))
