"""Aho-Corasick automaton over folded characters, as flat arrays for the scan kernel.

Aho & Corasick, Communications of the ACM 18(6), 1975; transitions in a double
array (Aoe, IEEE Trans. Software Eng. 15(9), 1989). The alphabet is compacted
to the characters that occur in some term; every other character returns the
automaton to its root. Folding (script, width, case) lies in the alphabet
table and costs nothing at scan time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numba as nb
import numpy as np
import numpy.typing as npt

from corpus.labels.folding import BMP, fold, fold_table

MAX_TERM_CHARS = 60  # the kernel keeps the last 64 characters' word flags in one integer

# Conditions on a match, bits of Automaton.term_flags.
HEAD = 1  # counts only where it starts within the first HEAD_CHARS characters
LINE_START = 2  # counts only as the first characters of a line
LEFT_WORD = 4  # the term begins with an ASCII letter or digit: none may stand before it
RIGHT_WORD = 8  # the same for its end
TAIL = 16  # counts only where nothing but white space follows in the line
HEAD_CHARS = 120


@dataclass(frozen=True, slots=True)
class Automaton:
    """Flat arrays of the automaton. States are int32, 0 is the root; ``outputs`` lists term ids per state."""

    class_of: npt.NDArray[np.uint16]  # code point of the basic plane -> class, 0 = in no term
    base: npt.NDArray[np.int32]
    check: npt.NDArray[np.int32]
    fail: npt.NDArray[np.int32]
    out_start: npt.NDArray[np.int32]  # per state, into out_terms
    out_terms: npt.NDArray[np.int32]
    term_chars: npt.NDArray[np.int32]
    term_flags: npt.NDArray[np.uint8]


def _is_word(char: str) -> bool:
    return char.isascii() and char.isalnum()


def build_automaton(terms: Sequence[str], flags: Sequence[int] | None = None) -> Automaton:
    """Return the automaton of ``terms`` (folded here); term ids are their indices.

    Equal folded terms with other flags may stand side by side. Errors:
    ``ValueError`` for an empty or over-long term, or one with characters
    beyond the basic plane.
    """
    folded = [fold(term) for term in terms]
    for term in folded:
        if not 0 < len(term) <= MAX_TERM_CHARS or any(ord(char) >= BMP for char in term):
            raise ValueError(f"a term needs 1 to {MAX_TERM_CHARS} characters of the basic plane: {term!r}")
    classes = {char: index for index, char in enumerate(sorted({char for term in folded for char in term}), 1)}
    children, ends = _trie(folded, classes)
    order, fail = _failures(children)
    outputs: list[list[int]] = [sorted(ends[node]) for node in range(len(children))]
    for node in order:
        outputs[node] = outputs[node] + outputs[fail[node]]
    base, check, slot_of = _double_array(children, len(classes))
    size = len(base)
    fail_slots = np.zeros(size, np.int32)
    by_slot: list[list[int]] = [[] for _ in range(size)]
    for node, slot in enumerate(slot_of):
        fail_slots[slot] = slot_of[fail[node]]
        by_slot[slot] = outputs[node]
    out_start = np.zeros(size + 1, np.int32)
    np.cumsum([len(found) for found in by_slot], out=out_start[1:])
    term_flags = np.array(flags if flags is not None else [0] * len(folded), np.uint8)
    for index, term in enumerate(folded):
        term_flags[index] |= (LEFT_WORD if _is_word(term[0]) else 0) | (RIGHT_WORD if _is_word(term[-1]) else 0)
    return Automaton(
        class_of=_alphabet(classes),
        base=base,
        check=check,
        fail=fail_slots,
        out_start=out_start,
        out_terms=np.array([term for found in by_slot for term in found], np.int32),
        term_chars=np.array([len(term) for term in folded], np.int32),
        term_flags=term_flags,
    )


def _alphabet(classes: dict[str, int]) -> npt.NDArray[np.uint16]:
    by_folded = np.zeros(BMP, np.uint16)
    for char, index in classes.items():
        by_folded[ord(char)] = index
    return by_folded[fold_table()]


def _trie(terms: list[str], classes: dict[str, int]) -> tuple[list[dict[int, int]], list[list[int]]]:
    children: list[dict[int, int]] = [{}]
    ends: list[list[int]] = [[]]
    for index, term in enumerate(terms):
        node = 0
        for char in term:
            step = classes[char]
            following = children[node].get(step)
            if following is None:
                following = len(children)
                children[node][step] = following
                children.append({})
                ends.append([])
            node = following
        ends[node].append(index)
    return children, ends


def _failures(children: list[dict[int, int]]) -> tuple[list[int], list[int]]:
    """Return the nodes below the root in breadth-first order, and every node's failure node."""
    fail = [0] * len(children)
    queue = deque(children[0].values())
    order: list[int] = []
    while queue:
        node = queue.popleft()
        order.append(node)
        for step, child in children[node].items():
            back = fail[node]
            while back and step not in children[back]:
                back = fail[back]
            fail[child] = children[back].get(step, 0)
            queue.append(child)
    return order, fail


def _double_array(
    children: list[dict[int, int]], alphabet: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], list[int]]:
    """Place every node in the double array, widest nodes first; return base, check and each node's slot.

    ``check[base[s] + c] == s`` says that state s has a child by class c. The
    arrays end ``alphabet + 1`` beyond the last base, so that the kernel needs
    no bounds test.
    """
    order = sorted(range(len(children)), key=lambda n: (-len(children[n]), n))
    steps = [step for node in order for step in sorted(children[node])]
    starts = np.zeros(len(order) + 1, np.int64)
    np.cumsum([len(children[node]) for node in order], out=starts[1:])
    places = _place(starts, np.array(steps, np.int64), alphabet)
    place_of = dict(zip(order, places.tolist(), strict=True))
    slot_of = [0] * len(children)
    for node, below in enumerate(children):
        for step, child in below.items():
            slot_of[child] = place_of[node] + step
    size = int(places.max(initial=0)) + alphabet + 2
    base = np.zeros(size, np.int32)
    check = np.full(size, -1, np.int32)
    for node, below in enumerate(children):
        base[slot_of[node]] = place_of[node]
        for child in below.values():
            check[slot_of[child]] = slot_of[node]
    return base, check, slot_of


@nb.njit(cache=True, nogil=True)
def _place(starts, steps, alphabet):  # type: ignore[no-untyped-def]
    """Return each node's base by first fit; node i has the classes ``steps[starts[i]:starts[i + 1]]`` (ascending)."""
    taken = np.zeros(2 * (len(steps) + alphabet) + 4, np.bool_)
    taken[0] = True  # the root
    places = np.zeros(len(starts) - 1, np.int64)
    first_free = 1
    for node in range(len(places)):
        start, end = starts[node], starts[node + 1]
        if start == end:
            continue
        while taken[first_free]:
            first_free += 1
        place = max(first_free - steps[start], 1)
        fits = False
        while not fits:
            if place + alphabet + 1 >= len(taken):
                wider = np.zeros(2 * len(taken), np.bool_)
                wider[: len(taken)] = taken
                taken = wider
            fits = True
            for index in range(start, end):
                if taken[place + steps[index]]:
                    fits = False
                    place += 1
                    break
        places[node] = place
        for index in range(start, end):
            taken[place + steps[index]] = True
    return places
