"""Aho-Corasick automaton over folded characters, as flat arrays that numba kernels walk.

Transitions lie in a double array: a list of 100,000 words costs some megabytes,
where a dense table would cost gigabytes, and a step is two look-ups. The
alphabet is compacted to the characters that occur in some term; every other
character leads back to the root. Folding (case, width, script) lies in the
alphabet table and costs nothing while matching.

Sources: A. V. Aho and M. J. Corasick, "Efficient string matching", CACM 18(6),
1975; J. Aoe, "An efficient digital search algorithm by using a double-array
structure", IEEE Transactions on Software Engineering 15(9), 1989.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

BMP = 0x10000
LONG_SEARCH = 256  # slots that were tried for one node


class Automaton(NamedTuple):
    """The automaton's arrays; 0 is the root. State s has a child by symbol c where ``check[base[s] + c] == s``."""

    symbols: NDArray[np.uint16]  # [65536] symbol of a code point of the basic plane, folded; 0: in no term
    beyond: NDArray[np.int64]  # code points beyond the basic plane that occur in terms, ascending
    beyond_symbols: NDArray[np.uint16]  # their symbols
    base: NDArray[np.int32]  # [states]
    check: NDArray[np.int32]  # [states] parent, -1 where there is no state
    fail: NDArray[np.int32]  # [states] longest proper suffix that is a state
    out_start: NDArray[np.int32]  # [states + 1] into out_terms
    out_terms: NDArray[np.int32]  # numbers of the terms that end in each state, longest first


@njit(cache=True, nogil=True)
def symbol_beyond(automaton: Automaton, code: int) -> int:
    """Return the symbol of a code point beyond the basic plane, 0 where no term has it."""
    place = int(np.searchsorted(automaton.beyond, code))
    if place < len(automaton.beyond) and automaton.beyond[place] == code:
        return int(automaton.beyond_symbols[place])
    return 0


@njit(cache=True, nogil=True)
def next_state(automaton: Automaton, state: int, symbol: int) -> int:
    """Return the state after reading ``symbol``, which is not 0 (0 leads to the root).

    The terms that end there are ``out_terms[out_start[state]:out_start[state + 1]]``.
    """
    target = int(automaton.base[state]) + symbol
    while automaton.check[target] != state:
        if state == 0:
            return 0
        state = int(automaton.fail[state])
        target = int(automaton.base[state]) + symbol
    return target


@njit(cache=True, nogil=True, inline="always")
def fold_ascii(code: int) -> int:
    """Return a code point with full-width ASCII narrowed and A-Z lowered."""
    if 0xFF01 <= code <= 0xFF5E:
        code -= 0xFEE0
    if 65 <= code <= 90:
        code += 32
    return code


def ascii_folding() -> NDArray[np.uint16]:
    """Return :func:`fold_ascii` of the basic plane, as :func:`build` wants it."""
    return np.array([fold_ascii.py_func(code) for code in range(BMP)], np.uint16)


def build(terms: Sequence[str], fold: NDArray[np.uint16]) -> Automaton:
    """Return the automaton that finds ``terms``; a term's index is its number.

    ``fold`` holds the folded code point of every one of the basic plane; terms
    and text are compared folded, and terms that fold to the same string are all
    reported. Raises ``ValueError`` for an empty term.
    """
    codes = [[int(fold[code]) if (code := ord(char)) < BMP else code for char in term] for term in terms]
    if not all(codes):
        raise ValueError("an empty term matches everywhere")
    alphabet = {code: symbol for symbol, code in enumerate(sorted({code for term in codes for code in term}), 1)}
    children, ends = _trie([[alphabet[code] for code in term] for term in codes])
    order, fail = _failures(children)
    for node in order:
        ends[node] = ends[node] + ends[fail[node]]
    base, check, slots = _double_array(children, len(alphabet))
    size = len(base)
    fail_slots = np.zeros(size, np.int32)
    fail_slots[slots] = slots[fail]
    ending: list[list[int]] = [[]] * size
    for node, slot in enumerate(slots.tolist()):
        ending[slot] = ends[node]
    out_start = np.zeros(size + 1, np.int32)
    np.cumsum([len(found) for found in ending], out=out_start[1:])
    out_terms = np.array([term for found in ending for term in found], np.int32)
    return Automaton(*_symbols(alphabet, fold), base, check, fail_slots, out_start, out_terms)


def _symbols(
    alphabet: dict[int, int], fold: NDArray[np.uint16]
) -> tuple[NDArray[np.uint16], NDArray[np.int64], NDArray[np.uint16]]:
    by_folded = np.zeros(BMP, np.uint16)
    for code, symbol in alphabet.items():
        if code < BMP:
            by_folded[code] = symbol
    beyond = sorted(code for code in alphabet if code >= BMP)
    return by_folded[fold], np.array(beyond, np.int64), np.array([alphabet[code] for code in beyond], np.uint16)


def _trie(terms: list[list[int]]) -> tuple[list[dict[int, int]], list[list[int]]]:
    """Return each node's children by symbol, and the numbers of the terms that end in it."""
    children: list[dict[int, int]] = [{}]
    ends: list[list[int]] = [[]]
    for number, term in enumerate(terms):
        node = 0
        for symbol in term:
            following = children[node].get(symbol)
            if following is None:
                following = len(children)
                children[node][symbol] = following
                children.append({})
                ends.append([])
            node = following
        ends[node].append(number)
    return children, ends


def _failures(children: list[dict[int, int]]) -> tuple[list[int], NDArray[np.int64]]:
    """Return the nodes below the root in breadth-first order, and every node's failure node."""
    fail = [0] * len(children)
    queue = deque(children[0].values())
    order: list[int] = []
    while queue:
        node = queue.popleft()
        order.append(node)
        for symbol, child in children[node].items():
            back = fail[node]
            while back and symbol not in children[back]:
                back = fail[back]
            fail[child] = children[back].get(symbol, 0)
            queue.append(child)
    return order, np.array(fail, np.int64)


def _double_array(
    children: list[dict[int, int]], alphabet: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]:
    """Place every node, widest first; return base, check and each node's slot.

    The arrays end ``alphabet + 1`` beyond the last base, so that the kernel
    needs no bounds test.
    """
    widths = np.array([len(below) for below in children], np.int64)
    order = np.argsort(-widths, kind="stable")
    symbols = [symbol for node in order.tolist() for symbol in sorted(children[node])]
    starts = np.zeros(len(order) + 1, np.int64)
    np.cumsum(widths[order], out=starts[1:])
    places = np.zeros(len(children), np.int64)
    places[order] = _place(starts, np.array(symbols, np.int64), alphabet)
    slots = np.zeros(len(children), np.int64)
    for node, below in enumerate(children):
        for symbol, child in below.items():
            slots[child] = places[node] + symbol
    size = int(places.max(initial=0)) + alphabet + 2
    base = np.zeros(size, np.int32)
    check = np.full(size, -1, np.int32)
    base[slots] = places
    for node, below in enumerate(children):
        for child in below.values():
            check[slots[child]] = slots[node]
    return base, check, slots


@njit(cache=True, nogil=True)
def _place(starts: NDArray[np.int64], symbols: NDArray[np.int64], alphabet: int) -> NDArray[np.int64]:
    """Return each node's base; node i has the children ``symbols[starts[i]:starts[i + 1]]`` (ascending).

    First fit, nodes of many children first. Where a search was long, the next
    nodes of that size begin behind it: some slots stay empty, and the time
    stays linear.
    """
    free = np.arange(2 * (len(symbols) + alphabet) + 4)  # the next free slot at or behind each, by path halving
    free[0] = 1  # the root
    places = np.zeros(len(starts) - 1, np.int64)
    low = 0
    children = -1
    for node in range(len(places)):
        start, end = starts[node], starts[node + 1]
        if start == end:
            continue
        if end - start != children:
            children = end - start
            low = 0
        slot = _next_free(free, max(low, symbols[start] + 1))
        tries = 0
        fits = False
        while not fits:
            place = slot - symbols[start]
            if place + alphabet + 1 >= len(free):
                free = np.append(free, np.arange(len(free), 2 * len(free)))
            fits = True
            for index in range(start + 1, end):
                if free[place + symbols[index]] != place + symbols[index]:
                    fits = False
                    break
            if not fits:
                slot = _next_free(free, slot + 1)
                tries += 1
        if tries > LONG_SEARCH:
            low = slot
        places[node] = slot - symbols[start]
        for index in range(start, end):
            free[places[node] + symbols[index]] += 1
    return places


@njit(cache=True, nogil=True)
def _next_free(free: NDArray[np.int64], slot: int) -> int:
    while free[slot] != slot:
        free[slot] = free[free[slot]]
        slot = free[slot]
    return slot
