"""Aho-Corasick automaton over code points, as flat arrays that numba kernels walk.

Transitions from the root are a direct table, all others one hash table keyed by
(state, code point): a list of 100,000 words costs some megabytes, where a dense
table would cost gigabytes. Matching folds full-width forms to ASCII and ASCII
to lower case.

Source: A. V. Aho and M. J. Corasick, "Efficient string matching", CACM 18(6), 1975.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

_MIX = 0x9E3779B97F4A7C15


class Automaton(NamedTuple):
    """The automaton's arrays; states are numbered breadth first, 0 is the root."""

    root: NDArray[np.int32]  # [65536] next state from the root by folded BMP code point
    keys: NDArray[np.int64]  # [2^k] state << 21 | code point, -1 empty
    targets: NDArray[np.int32]  # [2^k] next state
    fail: NDArray[np.int32]  # [states] longest proper suffix that is a state
    output: NDArray[np.int32]  # [states] first term that ends here, -1 none
    chain: NDArray[np.int32]  # [states] nearest proper suffix that is a state with an output, 0 none
    hits: NDArray[np.int32]  # [states] the state itself where it has an output, else chain
    sibling: NDArray[np.int32]  # [terms] next term with the same string, -1 none


@njit(cache=True, nogil=True, inline="always")
def fold(code: int) -> int:
    """Return the code point as matching sees it: full-width ASCII narrowed, A-Z lowered."""
    if 0xFF01 <= code <= 0xFF5E:
        code -= 0xFEE0
    if 65 <= code <= 90:
        code += 32
    return code


@njit(cache=True, nogil=True, inline="always")
def slot_of(key: int, mask: int) -> int:
    """Return the first slot to probe for ``key`` in a table of ``mask + 1`` slots."""
    mixed = np.uint64(key) * np.uint64(_MIX)
    return int(np.int64((mixed >> np.uint64(32)) & np.uint64(mask)))


@njit(cache=True, nogil=True)
def next_state(automaton: Automaton, state: int, code: int) -> int:
    """Return the state after reading the folded ``code``."""
    while state != 0:
        key = (int(state) << 21) | code
        mask = automaton.keys.shape[0] - 1
        slot = slot_of(key, mask)
        while automaton.keys[slot] != -1:
            if automaton.keys[slot] == key:
                return int(automaton.targets[slot])
            slot = (slot + 1) & mask
        state = int(automaton.fail[state])
    return int(automaton.root[code]) if code < 65536 else 0


def build(terms: Sequence[str]) -> Automaton:
    """Return the automaton that finds ``terms`` (folded); a term's index is its number.

    Raises ``ValueError`` for an empty term. Terms that fold to the same string
    are all reported. Characters beyond the BMP may appear anywhere but first.
    """
    children: list[dict[int, int]] = [{}]
    output = [-1]
    sibling = np.full(max(len(terms), 1), -1, dtype=np.int32)
    for number, term in enumerate(terms):
        if not term:
            raise ValueError("an empty term matches everywhere")
        state = 0
        for character in term:
            code = int(fold.py_func(ord(character)))
            if code not in children[state]:
                children.append({})
                output.append(-1)
                children[state][code] = len(children) - 1
            state = children[state][code]
        sibling[number] = output[state]
        output[state] = number
    states = len(children)
    fail = np.zeros(states, dtype=np.int32)
    chain = np.zeros(states, dtype=np.int32)
    queue = deque(children[0].values())
    while queue:
        state = queue.popleft()
        suffix = int(fail[state])
        chain[state] = suffix if output[suffix] >= 0 else chain[suffix]
        for code, child in children[state].items():
            back = suffix
            while back and code not in children[back]:
                back = int(fail[back])
            fail[child] = children[back].get(code, 0)
            queue.append(child)
    keys, targets = _hash_edges(children)
    root = np.zeros(65536, dtype=np.int32)
    for code, child in children[0].items():
        if code >= 65536:
            raise ValueError(f"a term may not begin with a character beyond the BMP: U+{code:X}")
        root[code] = child
    ends = np.array(output, dtype=np.int32)
    hits = np.where(ends >= 0, np.arange(states, dtype=np.int32), chain)
    return Automaton(root, keys, targets, fail, ends, chain, hits, sibling)


def _hash_edges(children: list[dict[int, int]]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    edges = [(state << 21 | code, child) for state, row in enumerate(children) if state for code, child in row.items()]
    size = 64
    while size < 3 * len(edges):
        size *= 2
    keys = np.full(size, -1, dtype=np.int64)
    targets = np.zeros(size, dtype=np.int32)
    for key, child in edges:
        mixed = (key * _MIX) & 0xFFFFFFFFFFFFFFFF
        slot = (mixed >> 32) & (size - 1)
        while keys[slot] != -1:
            slot = (slot + 1) & (size - 1)
        keys[slot] = key
        targets[slot] = child
    return keys, targets
