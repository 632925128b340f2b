"""What the text kernel does at single events: a mark, a term found, a run of digits, the end of a line."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from corpus.kernels import character_classes as cc
from corpus.kernels import text_counts as tc
from corpus.kernels.text_counts import Lexicon

HAS_NAVIGATION, HAS_READ_MORE, HAS_CUE = 1, 2, 4  # what score_hits found


@njit(cache=True, nogil=True, inline="always")
def astral_entry(code: int) -> int:
    """Return the table entry of a code point beyond the BMP: Han extension, mathematical letter or symbol."""
    if code >= 0x20000:
        return cc.RARE_HAN | cc.WORD
    if 0x1D400 <= code <= 0x1D7FF:
        return cc.LETTER | cc.RUN
    return cc.SYMBOL


@njit(cache=True, nogil=True, inline="always")
def is_ornament(code: int) -> bool:
    """Say whether a row of this mark is advertising rather than layout (rules, leaders, code)."""
    if code < 128:
        return code in (33, 63)
    return not (0x2010 <= code <= 0x2015 or 0x2500 <= code <= 0x257F or code in (0x2026, 0xB7, 0xFF3F, 0x22EF, 0x30FB))


@njit(cache=True, nogil=True)
def score_hits(
    state: int,
    document: int,
    lexicon: Lexicon,
    row: NDArray[np.int64],
    term_document: NDArray[np.int64],
    term_count: NDArray[np.int64],
) -> int:
    """Give points for every term that ends in ``state``; return what kinds they were."""
    automaton = lexicon.automaton
    flags = 0
    for place in range(automaton.out_start[state], automaton.out_start[state + 1]):
        term = automaton.out_terms[place]
        category = lexicon.category[term]
        if term_document[term] != document:
            term_document[term] = document
            term_count[term] = 0
            if category == tc.LISTED:
                row[tc.DISTINCT_LISTED] += 1
        term_count[term] += 1
        if term_count[term] <= tc.TERM_LIMIT or category == tc.URL:
            row[tc.POINTS + category] += lexicon.points[term]
        if category == tc.CONTACT:
            flags |= HAS_CUE
        elif category == tc.NAVIGATION:
            flags |= HAS_NAVIGATION
        elif category == tc.READ_MORE:
            flags |= HAS_READ_MORE
    return flags


@njit(cache=True, nogil=True, inline="always")
def is_closing_quote(code: int) -> bool:
    return code in (0x2019, 0x201D, 0x300D, 0x300F)


@njit(cache=True, nogil=True, inline="always")
def is_latin1_row(code: int, previous: int) -> bool:
    """Say whether two different Latin-1 characters stand side by side, as they do where bytes were read as Latin-1."""
    if not (0x80 <= code <= 0xFF and 0x80 <= previous <= 0xFF) or code == previous:
        return False
    return code not in (0xA0, 0xB7) and previous not in (0xA0, 0xB7)


@njit(cache=True, nogil=True, inline="always")
def is_contact(digits: int, head: int, distance: int) -> int:
    """Say (0 or 1) whether a run of digits is a mobile number, or stands within reach of a contact cue."""
    return int((digits == 11 and 13 <= head <= 19) or (5 <= digits <= 12 and distance <= tc.CUE_REACH))


@njit(cache=True, nogil=True)
def close_line(
    row: NDArray[np.int64], chars: int, han: int, separators: int, first: int, last: int, flags: int
) -> None:
    """Count a line of ``chars`` characters, ``han`` of them Han. ``first``, ``last``: table entries of its ends."""
    if chars < tc.SHORT_LINE:
        row[tc.SHORT_LINES] += 1
    if last & (cc.TERMINAL | cc.ELLIPSIS):
        row[tc.TERMINAL_LINES] += 1
        row[tc.TERMINAL_CHARS] += chars
    if separators == 0:
        row[tc.BARE_CHARS] += chars
    if first & cc.BULLET:
        row[tc.BULLET_LINES] += 1
    if last & cc.ELLIPSIS:
        row[tc.ELLIPSIS_LINES] += 1
    if chars <= tc.LABEL_LINE:
        if flags & HAS_NAVIGATION:
            row[tc.NAVIGATION_LINES] += 1
        if flags & HAS_READ_MORE:
            row[tc.READ_MORE_LINES] += 1
    if han * 5 >= chars:
        row[tc.PROSE_CHARS] += chars
        row[tc.PROSE_HAN] += han


@njit(cache=True, nogil=True)
def close_document(row: NDArray[np.int64], kinds: NDArray[np.int64], points: int) -> None:
    """Fill in what follows from the characters of each class; the line end that closes the last line is not counted."""
    row[tc.CODE_POINTS] = points
    row[tc.SPACE] = kinds[cc.SPACE] + kinds[cc.NEWLINE] - 1
    row[tc.CHARS] = points - row[tc.SPACE]
    row[tc.HAN] = kinds[cc.HAN] + kinds[cc.RARE_HAN]
    row[tc.RARE_HAN] = kinds[cc.RARE_HAN]
    row[tc.KANA] = kinds[cc.KANA]
    row[tc.HANGUL] = kinds[cc.HANGUL]
    row[tc.LATIN] = kinds[cc.LATIN]
    row[tc.LETTERS] = kinds[cc.LETTER]
    row[tc.DIGITS] = kinds[cc.DIGIT]
    row[tc.PUNCTUATION] = kinds[cc.PUNCTUATION]
    row[tc.SYMBOLS] = kinds[cc.SYMBOL]
    row[tc.BROKEN] = kinds[cc.BROKEN]
    row[tc.WORDS] = row[tc.HAN] + row[tc.KANA] + row[tc.HANGUL]
