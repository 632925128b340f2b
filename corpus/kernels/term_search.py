"""Finds the terms of a lexicon in a text; a filter spares the automaton most places.

Every third character of Chinese prose begins some term, and hardly any goes on
with its second one. Where no term begins, an automaton at its root stays there:
what it would remember of the character is forgotten at the next.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from corpus.kernels.aho_corasick import Automaton
from corpus.kernels.repetition import Scratch
from corpus.kernels.text_counts import Lexicon
from corpus.kernels.text_events import score_hits

EVERY = 0xFFFFFFFFFFFFFFFF
SLOTS = 63  # mask: a second symbol's bit in the 64 of the first


@njit(cache=True, nogil=True)
def find_followers(automaton: Automaton, alphabet: int) -> NDArray[np.uint64]:
    """Return 64 bits for each symbol 0..``alphabet``: which second symbols, modulo 64, a term goes on with.

    All bits are set for a symbol that is a term by itself, none for one that
    begins no term.
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
    return followers


@njit(cache=True, nogil=True)
def possible_beginnings(
    infos: NDArray[np.uint32], n_points: int, followers: NDArray[np.uint64], places: NDArray[np.int32]
) -> int:
    """Write to ``places`` where a term may begin, by the symbols there and behind; return how many they are.

    ``infos[n_points]`` is the entry of a line end. Without a branch on the data: the answer is a coin toss.
    """
    count = 0
    symbol = int(np.int64(infos[0])) >> 16
    for place in range(n_points):
        following = int(np.int64(infos[np.uint64(place + 1)])) >> 16
        places[np.uint64(count)] = place
        count += int(np.int64(followers[np.uint64(symbol)] >> np.uint64(following & SLOTS) & np.uint64(1)))
        symbol = following
    return count


@njit(cache=True, nogil=True)
def term_begins(
    infos: NDArray[np.uint32],
    place: int,
    base: NDArray[np.int32],
    check: NDArray[np.int32],
    out_start: NDArray[np.int32],
) -> bool:
    """Say whether a whole term begins at ``place``. The last three arrays are the automaton's.

    A character that is in no term, as the line end behind the text, ends the search.
    """
    state = int(np.int64(base[0])) + (int(np.int64(infos[np.uint64(place)])) >> 16)
    if check[state] != 0:
        return False
    while out_start[state] == out_start[state + 1]:
        place += 1
        symbol = int(np.int64(infos[np.uint64(place)])) >> 16
        target = int(np.int64(base[state])) + symbol
        if symbol == 0 or check[target] != state:
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


@njit(cache=True, nogil=True)
def find_terms(
    n_points: int,
    document: int,
    lexicon: Lexicon,
    row: NDArray[np.int64],
    scratch: Scratch,
    term_document: NDArray[np.int64],
    term_count: NDArray[np.int64],
) -> int:
    """Give points for every term of one document; return how many of those that :func:`walk` must know there are.

    They go to ``scratch.hit_ends`` (place of the last character, ascending) and ``scratch.hit_flags``.
    """
    automaton, followers = lexicon.automaton, lexicon.followers
    base, check, fail, out_start = automaton.base, automaton.check, automaton.fail, automaton.out_start
    infos, places = scratch.infos, scratch.candidates
    hits = 0
    begin = 0  # the automaton has read everything before
    for index in range(possible_beginnings(infos, n_points, followers, places)):
        place = int(np.int64(places[index]))
        if place < begin or not term_begins(infos, place, base, check, out_start):
            continue
        state = 0
        begin = place
        symbol = int(np.int64(infos[np.uint64(begin)])) >> 16
        while symbol != 0:
            state = advance(state, symbol, base, check, fail)
            if state == 0:
                break
            if out_start[state] != out_start[state + 1]:
                flags = score_hits(state, document, lexicon, row, term_document, term_count)
                if flags != 0:
                    scratch.hit_ends[hits] = begin
                    scratch.hit_flags[hits] = flags
                    hits += 1
            begin += 1
            symbol = int(np.int64(infos[np.uint64(begin)])) >> 16
        begin += 1
    return hits
