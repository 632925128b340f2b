"""What the text kernel counts: the columns of its result, and the tables and limits it works with."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from corpus.kernels import character_classes
from corpus.kernels.aho_corasick import Automaton
from corpus.kernels.repetition import MAX_N

# What a lexicon term counts for; the order is the order of the columns points_*.
CATEGORIES = (
    "gambling", "pornography", "services", "games", "promotion", "placeholder", "listed",
    "reporting", "health", "navigation", "read_more", "contact", "url",
)  # fmt: skip
COUNTS = (
    "code_points", "chars", "space", "han", "rare_han", "kana", "hangul", "latin", "letters", "digits", "punctuation",
    "symbols", "broken", "function", "mojibake", "lenticular", "repeated_marks", "doubled_separators",
    "lines", "short_lines", "terminal_lines", "terminal_chars", "bare_chars", "loose_units", "bullet_lines",
    "ellipsis_lines",
    "navigation_lines", "read_more_lines", "prose_chars", "prose_han", "duplicate_lines", "duplicate_line_chars",
    "clauses", "misplaced_clauses", "unlikely_pairs", "run_on_units", "contacts", "units", "words",
    "distinct_words", "collisions",
    "distinct_listed",
)  # fmt: skip
# The columns by name.
(
    CODE_POINTS, CHARS, SPACE, HAN, RARE_HAN, KANA, HANGUL, LATIN, LETTERS, DIGITS, PUNCTUATION, SYMBOLS,
    BROKEN, FUNCTION, MOJIBAKE, LENTICULAR, REPEATED_MARKS, DOUBLED, LINES, SHORT_LINES, TERMINAL_LINES,
    TERMINAL_CHARS, BARE_CHARS, LOOSE, BULLET_LINES, ELLIPSIS_LINES, NAVIGATION_LINES, READ_MORE_LINES,
    PROSE_CHARS, PROSE_HAN, DUPLICATE_LINES, DUPLICATE_LINE_CHARS, CLAUSES, MISPLACED, UNLIKELY, RUN_ON,
    CONTACTS, UNITS, WORDS, DISTINCT_WORDS, COLLISIONS, DISTINCT_LISTED,
) = range(len(COUNTS))  # fmt: skip
NAVIGATION, READ_MORE, CONTACT, URL, LISTED = (
    CATEGORIES.index(name) for name in ("navigation", "read_more", "contact", "url", "listed")
)
INDEX = {name: position for position, name in enumerate(COUNTS)}
POINTS = len(COUNTS)  # points per category
TOP = POINTS + len(CATEGORIES)  # occurrences of the commonest 2..10-gram
COVERED = TOP + MAX_N - 1  # units inside repeated 2..10-grams
WIDTH = COVERED + MAX_N - 1

SHORT_LINE = 10  # characters; CT-LLM and Chinese-C4 work with 5-10 for Chinese, FineWeb's 30 is for letters
LABEL_LINE = 20  # a navigation or read-more line is no longer than this
RUN_ON_SPAN = 60  # units without comma, stop or line end; the longest clauses of genuine statutes stay below
MIN_CLAUSE = 2  # units: shorter clauses say nothing about word order
CUE_REACH = 8  # an account number follows its cue within this many code points
TERM_LIMIT = 3  # occurrences of one term that earn points, so that one topic word cannot condemn a text


class Tables(NamedTuple):
    """The function characters of :mod:`corpus.kernels.character_classes`."""

    function_index: NDArray[np.uint8]  # [65537] the last for all that is no character of the basic plane
    unlikely: NDArray[np.bool_]


def load_tables() -> Tables:
    """Return the tables that :func:`measure` reads."""
    index, unlikely = character_classes.unlikely_pairs()
    return Tables(np.append(index, np.uint8(0)), unlikely)


class Lexicon(NamedTuple):
    """An automaton, what its terms count for, and what tells most characters that no term begins with them."""

    automaton: Automaton
    entries: NDArray[np.uint32]  # [65536] class and flags of a code point, its symbol in the upper 16 bits
    followers: NDArray[np.uint64]  # [symbols] see corpus.kernels.term_search
    category: NDArray[np.int32]  # [terms] index into CATEGORIES
    points: NDArray[np.int32]  # [terms]
