"""One pass over the UTF-8 bytes of a document: character classes, lines, clauses, contacts and lexicon matches.

The text's units (a Han, kana or hangul character, or a run of letters and
digits) are collected on the way.

Two habits of the compiler shape the loops. An index of type uint64 spares the test
for negative ones. An array that an ``inline="always"`` function takes is counted in
and out at each call, an atomic operation each: only functions of scalars are inlined so.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from corpus.kernels import character_classes as cc
from corpus.kernels import text_counts as tc
from corpus.kernels.aho_corasick import fold_ascii, symbol_beyond
from corpus.kernels.repetition import Scratch
from corpus.kernels.term_filter import SLOTS, advance, term_begins
from corpus.kernels.text_counts import Lexicon
from corpus.kernels.text_events import (
    HAS_CUE,
    astral_entry,
    close_document,
    close_line,
    is_closing_quote,
    is_contact,
    is_latin1_row,
    is_ornament,
    score_hits,
)
from corpus.kernels.text_units import PARTED
from corpus.kernels.utf8 import code_at, entry_at

COMMON = cc.CLASS_MASK | cc.MOJIBAKE  # of an entry; all but cc.HAN is counted apart


@njit(cache=True, nogil=True)
def walk(
    data: NDArray[np.uint8],
    position: int,
    end: int,
    document: int,
    lexicon: Lexicon,
    row: NDArray[np.int64],
    scratch: Scratch,
    kinds: NDArray[np.int64],
    term_document: NDArray[np.int64],
    term_count: NDArray[np.int64],
) -> tuple[int, int]:
    """Count one document into ``row``; return the numbers of (units, lines) written to ``scratch``."""
    # Arrays by their own names: each access through a tuple inside the loop would count references.
    automaton, entries, followers = lexicon.automaton, lexicon.entries, lexicon.followers
    symbols, base, check, fail = automaton.symbols, automaton.base, automaton.check, automaton.fail
    out_start = automaton.out_start
    units, line_hashes, line_lengths = scratch.units, scratch.line_hashes, scratch.line_lengths
    kinds[:] = 0
    parted = PARTED  # 0 where the unit before this one stands directly before it
    mojibake = 0
    n_units = 0
    n_lines = 0
    n_points = 0
    run = 0  # hash of the open letter-digit run, 0 none
    digits = 0  # length of the open digit run
    digit_head = 0
    state = 0
    cue = -1000  # code point number of the last contact cue
    spaces = 0  # white space directly before
    # the open line
    line_chars = line_han = line_hash = line_separators = line_flags = line_first = line_last = 0
    # the open clause
    clause_units = clause_first = clause_last = 0
    after_mark = True  # it follows a mark or line end
    after_close = False  # it follows a mark
    span = 0  # units since the last mark or line end
    clauses = misplaced = loose = run_on = 0
    previous = 0
    previous_entry = 0
    repeat = 1
    done = False
    while not done:
        if position >= end:
            code = 10
            done = True
        else:
            code = code_at(data, position)
            position += 1 + (code >= 0x80) + (code >= 0x800) + (code >= 0x10000)
            n_points += 1
        if code < 65536:
            info = int(np.int64(entries[code]))
            entry = info & 0xFFFF
            symbol = info >> 16
        else:
            entry = astral_entry(code)
            symbol = symbol_beyond(automaton, code)
        kind = entry & cc.CLASS_MASK
        if symbol == 0:
            state = 0
        elif state != 0 or (
            followers[symbol] != 0 and term_begins(symbol, symbols, base, check, out_start, data, position, end)
        ):
            state = advance(state, symbol, base, check, fail)
            if out_start[state] != out_start[state + 1]:
                found = score_hits(state, document, lexicon, row, term_document, term_count)
                line_flags |= found
                if found & HAS_CUE:
                    cue = n_points

        if entry & cc.WORD:
            if run != 0:
                units[np.uint64(n_units)] = run
                n_units += 1
                clause_units += 1
                run = 0
            if spaces > 0:
                # One space beside letters or digits is typography; between Han, or more of it, it parts pieces.
                if previous_entry & cc.WORD:
                    if not after_close:
                        loose += clause_units
                    if clause_units > 0:
                        after_close = False
                    after_mark = False
                    span += clause_units
                    clause_units = 0
                spaces = 0
            if digits > 0:
                row[tc.CONTACTS] += is_contact(digits, digit_head, n_points - 1 - digits - cue)
                digits = 0
                digit_head = 0
            if clause_units == 0:
                clause_first = entry
            if line_chars == 0:
                line_first = entry
            begin = n_units
            following = 0
            if state == 0:
                following = entry_at(data, position, end, entries)
            while True:  # most of Chinese text: such characters one after the other, where no term begins
                units[np.uint64(n_units)] = code | parted
                n_units += 1
                parted = 0
                line_hash = line_hash * 1000003 + code
                if entry & COMMON != cc.HAN:
                    kind = entry & cc.CLASS_MASK
                    kinds[np.uint64(kind)] += 1
                    kinds[cc.HAN] -= 1
                    line_han -= kind > cc.RARE_HAN
                    mojibake += entry & cc.MOJIBAKE != 0
                if not following & cc.WORD:
                    break
                info = following
                following = entry_at(data, position + 3, end, entries)
                likely = followers[np.uint64(info >> 16)] >> np.uint64((following >> 16) & SLOTS) & np.uint64(1)
                if likely and term_begins(info >> 16, symbols, base, check, out_start, data, position + 3, end):
                    break
                code = (int(np.int64(data[np.uint64(position)])) & 0x0F) << 12
                code |= (int(np.int64(data[np.uint64(position + 1)])) & 0x3F) << 6
                code |= int(np.int64(data[np.uint64(position + 2)])) & 0x3F
                entry = info & 0xFFFF
                position += 3
            previous = code
            previous_entry = entry
            count = n_units - begin
            kinds[cc.HAN] += count
            n_points += count - 1
            line_han += count
            clause_units += count
            clause_last = previous_entry
            line_chars += count
            line_last = previous_entry
            continue

        parted = PARTED
        if entry & cc.RUN:
            if clause_units == 0:
                clause_first = 0
            clause_last = 0
            spaces = 0
            if line_chars == 0:
                line_first = entry
            following = 0
            if state == 0:
                following = entry_at(data, position, end, entries)
            while True:
                kinds[np.uint64(kind)] += 1
                folded = fold_ascii(code)
                run = ((run * 31 + folded) & 0x3FFFFFFF) | 0x40000000
                line_hash = line_hash * 1000003 + folded
                line_chars += 1
                if code >= 0x80 and (entry & cc.MOJIBAKE or is_latin1_row(code, previous)):
                    mojibake += 1
                if kind == cc.DIGIT:
                    if digits < 2:
                        digit_head = digit_head * 10 + (code & 15) % 10
                    digits += 1
                elif digits > 0:
                    row[tc.CONTACTS] += is_contact(digits, digit_head, n_points - 1 - digits - cue)
                    digits = 0
                    digit_head = 0
                previous = code
                if not following & cc.RUN:
                    break
                code = int(np.int64(data[np.uint64(position)]))
                if code >= 0x80:
                    break
                info = following
                following = entry_at(data, position + 1, end, entries)
                likely = followers[np.uint64(info >> 16)] >> np.uint64((following >> 16) & SLOTS) & np.uint64(1)
                if likely and term_begins(info >> 16, symbols, base, check, out_start, data, position + 1, end):
                    break
                entry = info & 0xFFFF
                kind = entry & cc.CLASS_MASK
                position += 1
                n_points += 1
            line_last = entry
            previous_entry = entry
            continue

        kinds[np.uint64(kind)] += 1
        if run != 0:
            units[np.uint64(n_units)] = run
            n_units += 1
            clause_units += 1
            run = 0
        if entry & cc.BREAK or kind == cc.NEWLINE or (kind == cc.SPACE and spaces > 0):
            # A closing quotation mark ends a quotation, not a clause: 的 may follow it.
            mark_flags = 0 if is_closing_quote(code) else entry & (cc.SEPARATOR | cc.TERMINAL)
            if mark_flags != 0:
                # Only real clause borders tell about word order: after code or a bracket anything may stand.
                if clause_units >= tc.MIN_CLAUSE and after_mark:
                    clauses += 1
                    misplaced += clause_first & cc.ENCLITIC != 0 or clause_last & cc.PROCLITIC != 0
                after_close = True
            else:
                if not after_close:
                    loose += clause_units
                if clause_units > 0:
                    after_close = False
            span += clause_units
            after_mark = mark_flags != 0 or kind == cc.NEWLINE
            if after_mark:
                if span > tc.RUN_ON_SPAN:
                    run_on += span
                span = 0
            clause_units = 0
            clause_last = 0
        if entry & cc.MOJIBAKE or is_latin1_row(code, previous):
            mojibake += 1
        if digits > 0:
            row[tc.CONTACTS] += is_contact(digits, digit_head, n_points - 1 - digits - cue)
            digits = 0
            digit_head = 0
        if kind == cc.SPACE:
            spaces += 1
            continue
        spaces = 0
        if kind == cc.NEWLINE:
            if line_chars > 0:
                line_hashes[n_lines] = line_hash
                line_lengths[n_lines] = line_chars
                n_lines += 1
                close_line(row, line_chars, line_han, line_separators, line_first, line_last, line_flags)
            line_chars = line_han = line_hash = line_separators = line_flags = line_last = 0
            state = 0
        else:
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
            if line_chars == 0:
                line_first = entry
            line_chars += 1
            # three dots are an ellipsis too
            line_last = entry if code != 46 or previous != 46 else entry | cc.ELLIPSIS
        previous = code
        previous_entry = entry

    row[tc.CLAUSES] = clauses
    row[tc.MISPLACED] = misplaced
    row[tc.LOOSE] = loose
    row[tc.RUN_ON] = run_on
    row[tc.MOJIBAKE] = mojibake
    close_document(row, kinds, n_points)
    return n_units, n_lines
