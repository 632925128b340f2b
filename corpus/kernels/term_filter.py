"""Says at most places of a text that no term begins there, without walking the automaton.

Every third character of Chinese prose begins some term, and hardly any goes on
with its second one. Where no term begins, an automaton at its root stays there:
what it would remember of the character is forgotten at the next.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from corpus.kernels.aho_corasick import Automaton
from corpus.kernels.utf8 import code_at

EVERY = 0xFFFFFFFFFFFFFFFF
SLOTS = 63  # mask: a second symbol's bit in the 64 of the first


@njit(cache=True, nogil=True)
def find_followers(automaton: Automaton, alphabet: int) -> NDArray[np.uint64]:
    """Return 64 bits for each symbol 0..``alphabet``: which second symbols, modulo 64, a term goes on with.

    All bits are set for a symbol that is a term by itself, none for one that
    begins no term. A character beyond the basic plane is looked up as symbol 0.
    """
    base, check, out_start = automaton.base, automaton.check, automaton.out_start
    followers = np.zeros(alphabet + 1, dtype=np.uint64)
    for first in range(1, alphabet + 1):
        state = int(np.int64(base[0])) + first
        if check[state] != 0:
            continue
        if out_start[state] != out_start[state + 1]:
            followers[first] = np.uint64(EVERY)
            continue
        for second in range(1, alphabet + 1):
            if check[int(np.int64(base[state])) + second] == state:
                followers[first] |= np.uint64(1) << np.uint64(second & SLOTS)
        for symbol in automaton.beyond_symbols:
            if check[int(np.int64(base[state])) + int(np.int64(symbol))] == state:
                followers[first] |= np.uint64(1)
    return followers


@njit(cache=True, nogil=True)
def term_begins(
    symbol: int,
    symbols: NDArray[np.uint16],
    base: NDArray[np.int32],
    check: NDArray[np.int32],
    out_start: NDArray[np.int32],
    data: NDArray[np.uint8],
    position: int,
    end: int,
) -> bool:
    """Say whether a term begins with ``symbol`` and goes on with the text at ``data[position:end]`` (UTF-8).

    The arrays are the automaton's. True is also returned where the text leaves
    the basic plane; never False where a term begins.
    """
    state = int(np.int64(base[0])) + symbol
    if check[state] != 0:
        return False
    while out_start[state] == out_start[state + 1]:
        if position >= end:
            return False
        code = code_at(data, position)
        if code >= 0x10000:
            return True
        position += 1 + (code >= 0x80) + (code >= 0x800)
        following = int(np.int64(symbols[code]))
        target = int(np.int64(base[state])) + following
        if following == 0 or check[target] != state:
            return False
        state = target
    return True


@njit(cache=True, nogil=True)
def advance(state: int, symbol: int, base: NDArray[np.int32], check: NDArray[np.int32], fail: NDArray[np.int32]) -> int:
    """Return the automaton's state after ``symbol``: ``next_state`` with the arrays by their own names."""
    target = int(np.int64(base[state])) + symbol
    while check[target] != state:
        if state == 0:
            return 0
        state = int(np.int64(fail[state]))
        target = int(np.int64(base[state])) + symbol
    return target
