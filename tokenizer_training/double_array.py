"""Double-array tries over bytes, built and walked in compiled code.

Aoe (1989): the child of state ``s`` by symbol ``c`` is ``t = base[s] + c``,
and it exists iff ``check[t] == s``. One random access per byte. Bases may be
negative, so that every free cell can be used; :func:`child` checks bounds.
Nodes are placed by falling number of children (the many nodes with one child
fill the holes that the few large ones leave), each at the first free cells
that fit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

ROOT = 0
_TRIALS = 4096  # free cells tried for a node before it goes to the end of the array
_LEAF = 2**30  # base of a state without children: every step leaves the array


class DoubleArray(NamedTuple):
    """``units[s] = (base, check)``; ``value[s]`` is the key's value where a key ends at ``s``, else -1."""

    units: npt.NDArray[np.int32]  # (states, 2)
    value: npt.NDArray[np.int32]  # (states,)


@njit(cache=True, nogil=True)
def child(units, state, symbol):  # type: ignore[no-untyped-def]
    """Return the child of ``state`` by ``symbol``, or -1."""
    t = units[state, 0] + symbol
    if t < 0 or t >= units.shape[0] or units[t, 1] != state:
        return -1
    return t


@njit(cache=True)
def link(symbols, offsets, values):  # type: ignore[no-untyped-def]
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
def _assemble(parent, label, value, base, used):  # type: ignore[no-untyped-def]
    units = np.full((used, 2), -1, np.int32)
    values = np.full(used, -1, np.int32)
    cell = np.zeros(parent.size, np.int32)
    units[0, 0] = base[0]
    for node in range(1, parent.size):
        t = base[parent[node]] + label[node]
        cell[node] = t
        units[t, 0] = base[node]
        units[t, 1] = cell[parent[node]]
        values[t] = value[node]
    return units, values


def build(keys: list[bytes], values: list[int]) -> DoubleArray:
    """Return the trie of ``keys`` (unique, non-empty) with their ``values`` (>= 0); the symbols are bytes."""
    order = sorted(range(len(keys)), key=keys.__getitem__)
    lengths = np.fromiter((len(keys[i]) for i in order), np.int64, len(order))
    if len(order) == 0 or lengths.min() == 0:
        raise ValueError("a double array needs at least one key, and no empty one")
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    symbols = np.frombuffer(b"".join(keys[i] for i in order), np.uint8).astype(np.int32)
    parent, label, first, count, value = link(symbols, offsets, np.array([values[i] for i in order], np.int32))
    base, used = _place(label, first, count, np.argsort(-count, kind="stable"))
    return DoubleArray(*_assemble(parent, label, value, base, used))
