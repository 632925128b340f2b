"""Counts a document's characters, lines, clauses, contacts and lexicon matches into one row.

:func:`walk` takes the document's code points as :func:`corpus.kernels.utf8.decode` wrote them,
each with its entry of the class table, and goes from run to run: characters that are units of
their own (Han, kana, hangul), letters and digits, everything else one by one. The units of the
text are collected on the way.

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
from corpus.kernels.aho_corasick import fold_ascii
from corpus.kernels.repetition import Scratch
from corpus.kernels.text_events import (
    HAS_CUE,
    close_document,
    close_line,
    is_closing_quote,
    is_contact,
    is_latin1_row,
    is_ornament,
)
from corpus.kernels.text_units import PARTED

COMMON = cc.CLASS_MASK | cc.MOJIBAKE  # of an entry; all but cc.HAN is counted apart
FAR = 1 << 40  # beyond every place of a text


@njit(cache=True, nogil=True)
def walk(
    n_points: int,
    n_hits: int,
    row: NDArray[np.int64],
    scratch: Scratch,
    kinds: NDArray[np.int64],
) -> tuple[int, int]:
    """Count one document into ``row``; return the numbers of (units, lines) written to ``scratch``.

    ``scratch.codes[:n_points]`` and ``scratch.infos[:n_points]`` are the document, a line end behind
    it; ``scratch.hit_ends[:n_hits]`` and ``scratch.hit_flags[:n_hits]`` the terms found in it.
    """
    # Arrays by their own names: each access through a tuple inside the loop would count references.
    codes, infos, hit_ends, hit_flags = scratch.codes, scratch.infos, scratch.hit_ends, scratch.hit_flags
    units, line_hashes, line_lengths = scratch.units, scratch.line_hashes, scratch.line_lengths
    kinds[:] = 0
    parted = PARTED  # 0 where the unit before this one stands directly before it
    mojibake = 0
    n_units = 0
    n_lines = 0
    run = 0  # hash of the open letter-digit run, 0 none
    digits = 0  # length of the open digit run
    digit_head = 0
    hit = 0  # the next one
    hit_end = int(np.int64(hit_ends[0])) if n_hits > 0 else FAR
    cue = -1000  # number of code points up to the end of the last contact cue
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
    place = 0
    while place <= n_points:  # the line end behind the last character closes everything
        code = int(np.int64(codes[np.uint64(place)]))
        entry = int(np.int64(infos[np.uint64(place)])) & 0xFFFF
        kind = entry & cc.CLASS_MASK
        if hit_end <= place and (digits > 0 or kind == cc.NEWLINE):
            while hit_end <= place:
                flags = int(np.int64(hit_flags[hit]))
                line_flags |= flags
                if flags & HAS_CUE:
                    cue = hit_end + 1
                hit += 1
                hit_end = int(np.int64(hit_ends[hit])) if hit < n_hits else FAR

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
                row[tc.CONTACTS] += is_contact(digits, digit_head, place - digits - cue)
                digits = 0
                digit_head = 0
            if clause_units == 0:
                clause_first = entry
            if line_chars == 0:
                line_first = entry
            begin = place
            first_unit = n_units
            uncommon = 0
            info = int(np.int64(infos[np.uint64(place)]))
            while info & cc.WORD:
                code = int(np.int64(codes[np.uint64(place)]))
                units[np.uint64(n_units)] = code
                n_units += 1
                line_hash = line_hash * 1000003 + code
                uncommon += info & COMMON != cc.HAN
                place += 1
                previous_entry = info
                info = int(np.int64(infos[np.uint64(place)]))
            units[np.uint64(first_unit)] |= np.int32(parted)
            parted = 0
            previous = code
            count = place - begin
            kinds[cc.HAN] += count
            line_han += count
            if uncommon > 0:
                for at in range(begin, place):
                    info = int(np.int64(infos[np.uint64(at)]))
                    kind = info & cc.CLASS_MASK
                    kinds[np.uint64(kind)] += 1
                    kinds[cc.HAN] -= 1
                    line_han -= kind > cc.RARE_HAN
                    mojibake += info & cc.MOJIBAKE != 0
            clause_units += count
            previous_entry &= 0xFFFF
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
            if digits > 0 and kind != cc.DIGIT:
                row[tc.CONTACTS] += is_contact(digits, digit_head, place - digits - cue)
                digits = 0
                digit_head = 0
            begin = place
            while entry & cc.RUN:
                code = int(np.int64(codes[np.uint64(place)]))
                kind = entry & cc.CLASS_MASK
                if digits > 0 and kind != cc.DIGIT:
                    break  # what the digits were is decided above, after the terms up to here
                kinds[np.uint64(kind)] += 1
                folded = fold_ascii(code)
                run = ((run * 31 + folded) & 0x3FFFFFFF) | 0x40000000
                line_hash = line_hash * 1000003 + folded
                if code >= 0x80 and (entry & cc.MOJIBAKE or is_latin1_row(code, previous)):
                    mojibake += 1
                if kind == cc.DIGIT:
                    if digits < 2:
                        digit_head = digit_head * 10 + (code & 15) % 10
                    digits += 1
                previous = code
                previous_entry = entry
                place += 1
                entry = int(np.int64(infos[np.uint64(place)])) & 0xFFFF
            line_chars += place - begin
            line_last = previous_entry
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
            row[tc.CONTACTS] += is_contact(digits, digit_head, min(place, n_points - 1) - digits - cue)
            digits = 0
            digit_head = 0
        place += 1
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
