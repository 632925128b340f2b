"""The tables that drive extraction: elements, class cues; compiled to arrays for the kernels.

Elements come from ``tags.tsv``, cues from ``cues.tsv``. A cue is a role that
site builders give to parts of a page through class and id names ("comment",
"nav", "post_body"); its patterns are matched together by one Aho-Corasick
automaton with a dense transition table, over an alphabet of two borders,
letters and digits (everything else in a value is a word border).
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from corpus.kernels import markup_tree

_ALPHABET = 38  # token border, word border, a-z, 0-9
_FLAGS = {
    "block": markup_tree.BLOCK,
    "void": markup_tree.VOID,
    "raw": markup_tree.RAW,
    "unseen": markup_tree.UNSEEN,
    "closes_p": markup_tree.CLOSES_P,
    "barrier": markup_tree.BARRIER,
    "head_only": markup_tree.HEAD_ONLY,
    "formatting": markup_tree.FORMATTING,
}
_PIECES = re.compile(r"[a-z]+|[0-9]+")


def _rows(name: str) -> list[list[str]]:
    text = (files("corpus.extraction") / name).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]


def _symbols(pattern: str) -> list[int]:
    """Return a pattern of ``cues.tsv`` as symbols of the automaton's alphabet."""
    whole = pattern[0] == "="
    begins_token = whole or pattern[0] == "^"
    open_left = pattern[0] == "*"
    open_right = pattern[-1] == "*"
    out: list[int] = [0, 1] if begins_token else ([] if open_left else [1])
    for position, piece in enumerate(_PIECES.findall(pattern)):
        if position:
            out.append(1)
        out.extend(ord(c) - 95 if c.isalpha() else ord(c) - 20 for c in piece)
    if not open_right:
        out.append(1)
    if whole:
        out.append(0)
    return out


@dataclass(frozen=True)
class Vocabulary:
    """Compiled tables; make one with :func:`load`."""

    tag_names: tuple[str, ...]  # by tag number; 0 is text, 1 any other element
    tag_keys: NDArray[np.uint32]
    tag_values: NDArray[np.int16]
    tag_flags: NDArray[np.uint32]
    cue_names: tuple[str, ...]  # bit i of a node's cues
    goto: NDArray[np.int32]
    accepts: NDArray[np.uint64]

    @cached_property
    def tag_numbers(self) -> dict[str, int]:
        """Tag number by name."""
        return {name: number for number, name in enumerate(self.tag_names)}

    def cues(self, *names: str) -> np.uint64:
        """Return the mask of the named cues."""
        mask = 0
        for name in names:
            mask |= 1 << self.cue_names.index(name)
        return np.uint64(mask)

    def tags(self, *names: str) -> NDArray[np.bool_]:
        """Return a table by tag number that is true for the named elements."""
        table = np.zeros(len(self.tag_names), dtype=np.bool_)
        for name in names:
            table[self.tag_numbers[name]] = True
        return table


def load() -> Vocabulary:
    """Read and compile the package's tables."""
    rows = _rows("tags.tsv")
    names = ["#text", "#other", *(row[0] for row in rows)]
    if tuple(names[2 : 2 + len(markup_tree.STRUCTURAL)]) != markup_tree.STRUCTURAL:
        raise ValueError("tags.tsv: the first rows must be markup_tree.STRUCTURAL in order")
    flags = np.zeros(len(names), dtype=np.uint32)
    slots = 1 << (2 * len(names)).bit_length()
    keys = np.zeros(slots, dtype=np.uint32)
    values = np.full(slots, -1, dtype=np.int16)
    for number, row in enumerate(rows, start=2):
        for flag in row[1].split() if len(row) > 1 else ():
            flags[number] |= _FLAGS[flag]
        key = markup_tree.name_hash(row[0])
        slot = key & (slots - 1)
        while values[slot] >= 0:
            slot = (slot + 1) & (slots - 1)
        keys[slot], values[slot] = key, number
    cue_rows = _rows("cues.tsv")
    goto, accepts = _automaton([(1 << bit, row[1].split()) for bit, row in enumerate(cue_rows)])
    return Vocabulary(tuple(names), keys, values, flags, tuple(row[0] for row in cue_rows), goto, accepts)


def _automaton(cues: list[tuple[int, list[str]]]) -> tuple[NDArray[np.int32], NDArray[np.uint64]]:
    """Return the transition table (states x alphabet) and the cue mask of each state."""
    children: list[dict[int, int]] = [{}]
    masks = [0]
    for mask, patterns in cues:
        for pattern in patterns:
            state = 0
            for symbol in _symbols(pattern):
                if symbol not in children[state]:
                    children[state][symbol] = len(children)
                    children.append({})
                    masks.append(0)
                state = children[state][symbol]
            masks[state] |= mask
    goto = np.zeros((len(children), _ALPHABET), dtype=np.int32)
    fail = [0] * len(children)
    queue: deque[int] = deque()
    for symbol, child in children[0].items():
        goto[0, symbol] = child
        queue.append(child)
    while queue:
        state = queue.popleft()
        masks[state] |= masks[fail[state]]
        for symbol in range(_ALPHABET):
            child = children[state].get(symbol, -1)
            if child < 0:
                goto[state, symbol] = goto[fail[state], symbol]
            else:
                fail[child] = int(goto[fail[state], symbol])
                goto[state, symbol] = child
                queue.append(child)
    return goto, np.array(masks, dtype=np.uint64)
