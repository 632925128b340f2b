"""One pass over UTF-8 text that counts everything the quality signals need.

:func:`measure` walks the bytes of each document once: character classes, lines,
clauses, contacts and lexicon matches are counted on the way, and the text's
units (a Han, kana or hangul character, or a run of letters and digits) are
collected for :mod:`corpus.kernels.repetition`. All results are integers; the
shares made of them are in :mod:`corpus.quality.signals`.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from corpus.kernels import character_classes as cc
from corpus.kernels import text_counts as tc
from corpus.kernels.aho_corasick import fold_ascii, next_state, symbol_beyond
from corpus.kernels.repetition import MAX_N, Scratch, make_scratch, ngram_repetition, repeated_lines
from corpus.kernels.text_counts import Lexicon, Tables
from corpus.kernels.text_events import (
    HAS_CUE,
    HAS_NAVIGATION,
    HAS_READ_MORE,
    astral_entry,
    close_clause,
    is_closing_quote,
    is_contact,
    is_latin1_row,
    is_ornament,
    score_hits,
)


@njit(cache=True, nogil=True)
def measure(data: NDArray[np.uint8], offsets: NDArray[np.int64], tables: Tables, lexicon: Lexicon) -> NDArray[np.int64]:
    """Return the counts of every document, shape [documents, tc.WIDTH].

    ``data[offsets[i]:offsets[i + 1]]`` is valid UTF-8. Each row depends on its own document only.
    """
    n_documents = offsets.shape[0] - 1
    out = np.zeros((n_documents, tc.WIDTH), dtype=np.int64)
    longest = 0
    for d in range(n_documents):
        longest = max(longest, offsets[d + 1] - offsets[d])
    scratch = make_scratch(longest + 2)
    seen = np.zeros(65536, dtype=np.int32)  # occurrences in the document in hand
    n_terms = lexicon.category.shape[0]
    term_document = np.full(n_terms, -1, dtype=np.int64)
    term_count = np.zeros(n_terms, dtype=np.int64)
    for d in range(n_documents):
        row = out[d]
        n_units, n_lines = _walk(
            data, offsets[d], offsets[d + 1], d, tables, lexicon, row, scratch, seen, term_document, term_count
        )
        for unit in scratch.units[:n_units]:
            if unit < 65536:
                seen[unit] = 0
        row[tc.UNITS] = n_units
        lines, chars = repeated_lines(scratch, n_lines)
        row[tc.DUPLICATE_LINES] = lines
        row[tc.DUPLICATE_LINE_CHARS] = chars
        ngram_repetition(scratch, n_units)
        for n in range(2, MAX_N + 1):
            row[tc.TOP + n - 2] = scratch.top[n]
            row[tc.COVERED + n - 2] = scratch.covered[n]
    return out


@njit(cache=True, nogil=True, inline="always")
def _term_begins(
    symbol: int,
    symbols: NDArray[np.uint16],
    base: NDArray[np.int32],
    check: NDArray[np.int32],
    out_start: NDArray[np.int32],
    data: NDArray[np.uint8],
    position: int,
    end: int,
) -> bool:
    """Say whether a term may begin with ``symbol`` and the character at ``data[position]`` (UTF-8).

    Every seventh character of Chinese prose begins some term, and hardly any goes on with its second one. Where none
    does, the automaton's state behind the two is the one that the second alone leads to.
    """
    state = int(base[0]) + symbol
    if check[state] != 0:
        return False
    if out_start[state] != out_start[state + 1]:
        return True
    if position >= end:
        return False
    byte = int(data[position])
    if byte < 0x80:
        following = byte
    elif byte < 0xE0:
        following = (byte & 0x1F) << 6 | int(data[position + 1]) & 0x3F
    elif byte < 0xF0:
        following = (byte & 0x0F) << 12 | (int(data[position + 1]) & 0x3F) << 6 | int(data[position + 2]) & 0x3F
    else:
        return True
    second = int(symbols[following])
    return second != 0 and check[int(base[state]) + second] == state


@njit(cache=True, nogil=True)
def _walk(
    data: NDArray[np.uint8],
    position: int,
    end: int,
    document: int,
    tables: Tables,
    lexicon: Lexicon,
    row: NDArray[np.int64],
    scratch: Scratch,
    seen: NDArray[np.int32],
    term_document: NDArray[np.int64],
    term_count: NDArray[np.int64],
) -> tuple[int, int]:
    """Count one document into ``row``; return the numbers of (units, lines) written to ``scratch``."""
    # Arrays by their own names: each access through a tuple inside the loop would count references.
    automaton, classes = lexicon.automaton, tables.classes
    symbols, base, check, out_start = automaton.symbols, automaton.base, automaton.check, automaton.out_start
    function_index, unlikely = tables.function_index, tables.unlikely
    units, line_hashes, line_lengths = scratch.units, scratch.line_hashes, scratch.line_lengths
    kinds = np.zeros(16, dtype=np.int64)
    functions = 0
    function = 0  # number of the function character just read, 0 none
    mojibake = 0
    n_units = 0
    n_lines = 0
    n_points = 0
    run = 0  # hash of the open letter-digit run, 0 none
    digits = 0  # length of the open digit run
    digit_head = 0
    state = 0
    cue = -1000  # code point number of the last contact cue
    collisions = 0
    distinct = 0
    spaces = 0  # white space directly before
    # the open line
    line_chars = 0
    line_han = 0
    line_hash = 0
    line_separators = 0
    line_first = 0
    line_last = 0
    line_flags = 0
    # the open clause
    clause_units = 0
    clause_first = 0
    clause_last = 0
    clause = np.array([1, 0, 0], dtype=np.int64)  # follows a mark or line end; follows a mark; units since the last one
    previous = 0
    previous_entry = 0
    repeat = 1
    done = False
    while not done:
        # Most of Chinese text: characters that are units of their own, one after the other, where no term begins.
        if state == 0 and run == 0 and spaces == 0 and digits == 0:
            begin = position
            first = 0
            while position < end:
                byte = int(data[position])
                if byte < 0xE0 or byte >= 0xF0:
                    break
                code = (byte & 0x0F) << 12 | (int(data[position + 1]) & 0x3F) << 6 | int(data[position + 2]) & 0x3F
                entry = int(classes[code])
                if not entry & cc.WORD:
                    break
                symbol = int(symbols[code])
                if symbol != 0 and _term_begins(symbol, symbols, base, check, out_start, data, position + 3, end):
                    break
                if position == begin:
                    first = entry
                position += 3
                kind = entry & cc.CLASS_MASK
                kinds[kind] += 1
                units[n_units] = code
                n_units += 1
                mark = int(seen[code])
                seen[code] = mark + 1
                distinct += mark == 0
                collisions += 2 * mark
                follower = 0
                if entry & cc.FUNCTION:
                    functions += 1
                    follower = int(function_index[code])
                    if unlikely[function, follower]:
                        row[tc.UNLIKELY] += 1
                function = follower
                line_han += kind <= cc.RARE_HAN
                mojibake += (entry & cc.MOJIBAKE) != 0
                line_hash = line_hash * 1000003 + code
                previous = code
                previous_entry = entry
            if position > begin:
                count = (position - begin) // 3
                n_points += count
                if clause_units == 0:
                    clause_first = first
                clause_units += count
                clause_last = previous_entry
                if line_chars == 0:
                    line_first = first
                line_chars += count
                line_last = previous_entry
        if position >= end:
            code = 10
            done = True
        else:
            byte = int(data[position])
            if 0xE0 <= byte < 0xF0:
                code = (byte & 0x0F) << 12 | (int(data[position + 1]) & 0x3F) << 6 | int(data[position + 2]) & 0x3F
                position += 3
            elif byte < 0x80:
                code = byte
                position += 1
            elif byte < 0xE0:
                code = (byte & 0x1F) << 6 | int(data[position + 1]) & 0x3F
                position += 2
            else:
                code = (byte & 0x07) << 18 | (int(data[position + 1]) & 0x3F) << 12
                code |= (int(data[position + 2]) & 0x3F) << 6 | int(data[position + 3]) & 0x3F
                position += 4
            n_points += 1
        entry = int(classes[code]) if code < 65536 else astral_entry(code)
        kind = entry & cc.CLASS_MASK
        kinds[kind] += 1

        symbol = int(symbols[code]) if code < 65536 else symbol_beyond(automaton, code)
        state = next_state(automaton, state, symbol) if symbol != 0 else 0
        if out_start[state] != out_start[state + 1]:
            found = score_hits(state, document, lexicon, row, term_document, term_count)
            line_flags |= found
            if found & HAS_CUE:
                cue = n_points

        if entry & cc.WORD:
            if run != 0:
                units[n_units] = run
                n_units += 1
                clause_units += 1
                run = 0
            if spaces > 0:
                # One space beside letters or digits is typography; between Han, or more of it, it parts pieces.
                if previous_entry & cc.WORD:
                    close_clause(row, clause, clause_units, clause_first, clause_last, 0)
                    clause_units = 0
                spaces = 0
            if digits > 0:
                row[tc.CONTACTS] += is_contact(digits, digit_head, n_points - 1 - digits - cue)
                digits = 0
                digit_head = 0
            units[n_units] = code
            n_units += 1
            if code < 65536:
                mark = int(seen[code])
                seen[code] = mark + 1
                distinct += mark == 0
                collisions += 2 * mark
            if entry & cc.FUNCTION:
                functions += 1
                follower = int(function_index[code])
                if unlikely[function, follower]:
                    row[tc.UNLIKELY] += 1
                function = follower
            else:
                function = 0
            line_han += kind <= cc.RARE_HAN
            mojibake += (entry & cc.MOJIBAKE) != 0
            if clause_units == 0:
                clause_first = entry
            clause_units += 1
            clause_last = entry
            line_hash = line_hash * 1000003 + code
            if line_chars == 0:
                line_first = entry
            line_chars += 1
            line_last = entry
            previous = code
            previous_entry = entry
            continue

        function = 0
        if run != 0 and not entry & cc.RUN:
            units[n_units] = run
            n_units += 1
            clause_units += 1
            run = 0
        if entry & cc.BREAK or kind == cc.NEWLINE or (kind == cc.SPACE and spaces > 0):
            # A closing quotation mark ends a quotation, not a clause: 的 may follow it.
            mark_flags = 0 if is_closing_quote(code) else entry & (cc.SEPARATOR | cc.TERMINAL)
            close_clause(row, clause, clause_units, clause_first, clause_last, mark_flags | (kind == cc.NEWLINE))
            clause_units = 0
            clause_last = 0
        if kind == cc.SPACE:
            spaces += 1
        else:
            spaces = 0

        if entry & cc.RUN:
            folded = fold_ascii(code)
            run = ((run * 31 + folded) & 0x3FFFFFFF) | 0x40000000
            if clause_units == 0:
                clause_first = 0
            clause_last = 0
            line_hash = line_hash * 1000003 + folded
        else:
            if kind > cc.NEWLINE:
                line_hash = line_hash * 1000003 + code
                if entry & cc.SEPARATOR:
                    line_separators += 1
                    if previous_entry & cc.SEPARATOR and code != previous:
                        row[tc.DOUBLED] += 1
                elif entry & cc.TERMINAL:
                    line_separators += 1
                if entry & cc.LENTICULAR:
                    row[tc.LENTICULAR] += 1
                if code == previous:
                    repeat += 1
                    if repeat >= 4 and is_ornament(code):
                        row[tc.REPEATED_MARKS] += 4 if repeat == 4 else 1
                else:
                    repeat = 1

        if entry & cc.MOJIBAKE or is_latin1_row(code, previous):
            mojibake += 1
        if kind == cc.DIGIT:
            if digits < 2:
                digit_head = digit_head * 10 + (code & 15) % 10
            digits += 1
        elif digits > 0:
            row[tc.CONTACTS] += is_contact(digits, digit_head, n_points - 1 - digits - cue)
            digits = 0
            digit_head = 0

        if kind == cc.NEWLINE:
            if line_chars > 0:
                line_hashes[n_lines] = line_hash
                line_lengths[n_lines] = line_chars
                n_lines += 1
                if line_chars < tc.SHORT_LINE:
                    row[tc.SHORT_LINES] += 1
                terminal = line_last & (cc.TERMINAL | cc.ELLIPSIS)
                if terminal:
                    row[tc.TERMINAL_LINES] += 1
                    row[tc.TERMINAL_CHARS] += line_chars
                if line_separators == 0:
                    row[tc.BARE_CHARS] += line_chars
                if line_first & cc.BULLET:
                    row[tc.BULLET_LINES] += 1
                if line_last & cc.ELLIPSIS:
                    row[tc.ELLIPSIS_LINES] += 1
                if line_chars <= tc.LABEL_LINE:
                    if line_flags & HAS_NAVIGATION:
                        row[tc.NAVIGATION_LINES] += 1
                    if line_flags & HAS_READ_MORE:
                        row[tc.READ_MORE_LINES] += 1
                if line_han * 5 >= line_chars:
                    row[tc.PROSE_CHARS] += line_chars
                    row[tc.PROSE_HAN] += line_han
            line_chars = 0
            line_han = 0
            line_hash = 0
            line_separators = 0
            line_flags = 0
            line_last = 0
            state = 0
        elif kind != cc.SPACE:
            if line_chars == 0:
                line_first = entry
            line_chars += 1
            # three dots are an ellipsis too
            line_last = entry if code != 46 or previous != 46 else entry | cc.ELLIPSIS
        if kind != cc.SPACE:
            previous = code
            previous_entry = entry

    row[tc.CODE_POINTS] = n_points
    row[tc.SPACE] = kinds[cc.SPACE] + kinds[cc.NEWLINE] - 1
    row[tc.CHARS] = n_points - row[tc.SPACE]
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
    row[tc.FUNCTION] = functions
    row[tc.MOJIBAKE] = mojibake
    row[tc.WORDS] = row[tc.HAN] + row[tc.KANA] + row[tc.HANGUL]
    row[tc.COLLISIONS] = collisions
    row[tc.DISTINCT_WORDS] = distinct
    row[tc.LINES] = n_lines
    return n_units, n_lines
