"""The terms of lexicons, and the conditions on where they count, for the scan kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from corpus.kernels.aho_corasick import Automaton, build
from corpus.labels.folding import BMP, fold, fold_table

MAX_TERM_CHARS = 60  # the kernel keeps the last 64 characters' word flags in one integer

# Conditions on a match, bits of Terms.flags.
HEAD = 1  # counts only where it starts within the first HEAD_CHARS characters
LINE_START = 2  # counts only as the first characters of a line
LEFT_WORD = 4  # the term begins with an ASCII letter or digit: none may stand before it
RIGHT_WORD = 8  # the same for its end
TAIL = 16  # counts only where nothing but white space follows in the line
HEAD_CHARS = 120


class Terms(NamedTuple):
    """What the scan looks for. Term ids are places in the arrays."""

    automaton: Automaton
    chars: npt.NDArray[np.int32]  # [terms] length in characters
    flags: npt.NDArray[np.uint8]  # [terms] conditions


def build_terms(terms: Sequence[str], flags: Sequence[int] | None = None) -> Terms:
    """Return ``terms`` (folded here) ready to be scanned for; their ids are their indices.

    Equal folded terms with other flags may stand side by side. Errors:
    ``ValueError`` for an empty or over-long term, or one with characters
    beyond the basic plane.
    """
    folded = [fold(term) for term in terms]
    for term in folded:
        if not 0 < len(term) <= MAX_TERM_CHARS or max(map(ord, term)) >= BMP:
            raise ValueError(f"a term needs 1 to {MAX_TERM_CHARS} characters of the basic plane: {term!r}")
    marks = np.array(flags if flags is not None else [0] * len(folded), np.uint8)
    for index, term in enumerate(folded):
        marks[index] |= (LEFT_WORD if _is_word(term[0]) else 0) | (RIGHT_WORD if _is_word(term[-1]) else 0)
    return Terms(build(folded, fold_table()), np.array([len(term) for term in folded], np.int32), marks)


def _is_word(char: str) -> bool:
    return char.isascii() and char.isalnum()
