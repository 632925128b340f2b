"""The compiled loop that makes shadow text out of UTF-8. See :mod:`corpus.pii.shadow` for what and why."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from corpus.pii.digit_runs import (
    CONFUSABLE,
    DIGIT,
    DROP,
    MIN_RUN,
    NUMERAL,
    PLAIN,
    SEPARATOR,
    decode,
    encode,
    end_run,
    is_alnum,
    three_bytes,
)

SEPARATORS = " \t-.·*_~/"  # marks that people put between the digits of one number
CLUSTER_GAP = 3  # separators between two digits of one cluster
MAX_CLUSTER = 255
LEAST_CLUSTER = 4  # digits of the smallest cluster whose place is kept
LEAST_STRETCH = 7  # characters of the shortest stretch of visible ASCII whose place is kept

CLUSTER, STRETCH, PAIR = range(3)  # kinds of places
# How the loop takes a code point outside a run of digits: as any other, copied as it is (three bytes, ends no pair), or
# as a visible ASCII character that it is or becomes and that is no digit and no separator.
OTHERWISE, KEPT, VISIBLE = range(3)
LINE_FEED = 10  # behind every text, so that one scan over many meets a border of line and word between them


@njit(cache=True, nogil=True, inline="always")
def _note(places, size, row, begin, end, kind, strength):  # type: ignore[no-untyped-def]
    """Write a place where there is room for it; return the number of places, with or without room."""
    if size < len(places):
        places[size, 0] = row
        places[size, 1] = begin
        places[size, 2] = end
        places[size, 3] = kind
        places[size, 4] = strength
    return size + 1


@njit(cache=True, nogil=True)
def fold_batch(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    kind: npt.NDArray[np.uint8],
    target: npt.NDArray[np.int32],
    left: npt.NDArray[np.uint16],
    right: npt.NDArray[np.uint16],
    reach: npt.NDArray[np.int64],
    ways: npt.NDArray[np.uint8],
    places: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.bool_], int]:
    """Return (bytes, borders, dropped, number of places) and fill ``places``; where it is too short it must be larger.

    ``data`` and ``offsets`` are as in :func:`corpus.pii.shadow.shadow_batch`.

    ``left``, ``right`` and ``reach`` are those of :class:`corpus.pii.pairs.PairTables`; ``ways`` says how to take each
    code point. A place is (row, first byte, byte behind it, kind, strength) with bytes of all shadows: a CLUSTER of so
    many digits, a STRETCH of so many visible ASCII characters, a PAIR with its reach. Where digits were made out of
    other characters there is a cluster of MAX_CLUSTER digits, so that whatever needs something is looked for there;
    other places inside it may have moved.
    """
    rows = len(offsets) - 1
    n_places = 0
    out = np.empty(max(1, offsets[rows] - offsets[0] + rows), dtype=np.uint8)
    borders = np.zeros(rows + 1, dtype=np.int64)
    dropped = np.zeros(rows, dtype=np.bool_)
    write = 0
    for row in range(rows):
        read = offsets[row]
        end = offsets[row + 1]
        begin = write
        run_start = -1  # place in out of the run's first member
        run_end = -1  # place in out after its last member
        digits = 0
        others = 0
        letters = 0
        separators = 0
        cluster = 0  # digits of the current cluster
        cluster_from = write
        cluster_to = write
        gap = CLUSTER_GAP + 1  # characters since its last digit
        stretch = 0  # characters of the current stretch
        stretch_from = write
        previous = np.int64(0)  # the code point before, as written
        while True:
            if read >= end:
                break
            if run_start < 0:
                # Nearly all of a text: characters that are no part of a number, one lookup each.
                lead = data[read]
                if lead >= 0xE0 and lead < 0xF0:
                    point = three_bytes(data, read)
                    way = ways[point]
                    if way == KEPT:
                        out[write] = lead
                        out[write + 1] = data[read + 1]
                        out[write + 2] = data[read + 2]
                        write += 3
                        read += 3
                        previous = point
                        gap = CLUSTER_GAP + 1
                        if stretch > 0:
                            if stretch >= LEAST_STRETCH:
                                n_places = _note(places, n_places, row, stretch_from, write - 3, STRETCH, stretch)
                            stretch = 0
                        continue
                    length = 3
                else:
                    point = np.int64(lead)
                    way = ways[point] if lead < 0x80 else OTHERWISE
                    length = 1
                if way == VISIBLE:
                    point = np.int64(target[point])
                    ends = right[point]
                    if ends > 0:
                        width = reach[left[previous], ends]
                        if width != 0:
                            n_places = _note(places, n_places, row, write, write + 1, PAIR, width)
                    if stretch == 0:
                        stretch_from = write
                    stretch += 1
                    gap = CLUSTER_GAP + 1
                    out[write] = point
                    write += 1
                    read += length
                    previous = point
                    continue
            point, size = decode(data, read)
            read += size
            member = kind[point]
            if member == DROP:
                dropped[row] = True
                continue
            if member == CONFUSABLE and run_start < 0 and write > begin and is_alnum(out[write - 1]):
                member = PLAIN
            in_run = NUMERAL <= member <= DIGIT
            emitted = point
            if in_run:
                if run_start < 0:
                    run_start = write
                    digits = others = letters = 0
                if member == DIGIT:
                    emitted = np.int64(target[point])
                    if gap > CLUSTER_GAP:
                        if cluster >= LEAST_CLUSTER:
                            n_places = _note(places, n_places, row, cluster_from, cluster_to, CLUSTER, cluster)
                        cluster = 0
                        cluster_from = write
                    cluster += 1
                    gap = 0
                    digits += 1
                else:
                    gap = CLUSTER_GAP + 1
                    if member == CONFUSABLE:
                        letters += 1
                    else:
                        others += 1
                separators = 0
            else:
                if run_start >= 0 and member == SEPARATOR and separators < 2:
                    separators += 1
                    emitted = np.int64(target[point])
                    gap += 1
                else:
                    if run_start >= 0:
                        if others + letters > 0 and digits + others + letters >= MIN_RUN:
                            touches = separators == 0 and point < 0x80 and is_alnum(point)
                            if not (letters > 0 and touches):
                                write = end_run(out, run_start, run_end, write, kind, target, digits, others, letters)
                                n_places = _note(places, n_places, row, run_start, write, CLUSTER, MAX_CLUSTER)
                                cluster_from = min(cluster_from, run_start)
                                stretch_from = min(stretch_from, run_start)
                        run_start = -1
                        separators = 0
                    emitted = np.int64(target[point]) if member >= SEPARATOR else point
                    gap = gap + 1 if member == SEPARATOR else CLUSTER_GAP + 1
            at = write
            write = encode(emitted, out, write)
            if in_run:
                run_end = write
                if member == DIGIT:
                    cluster_to = write
            if emitted > 0x20 and emitted < 0x7F:
                if stretch == 0:
                    stretch_from = at
                stretch += 1
            elif stretch > 0:
                if stretch >= LEAST_STRETCH:
                    n_places = _note(places, n_places, row, stretch_from, at, STRETCH, stretch)
                stretch = 0
            ends = right[emitted]
            if ends > 0:
                width = reach[left[previous], ends]
                if width != 0:
                    n_places = _note(places, n_places, row, at, write, PAIR, width)
            previous = emitted
        if run_start >= 0 and others + letters > 0 and digits + others + letters >= MIN_RUN:
            write = end_run(out, run_start, run_end, write, kind, target, digits, others, letters)
            n_places = _note(places, n_places, row, run_start, write, CLUSTER, MAX_CLUSTER)
            cluster_from = min(cluster_from, run_start)
            stretch_from = min(stretch_from, run_start)
        if cluster >= LEAST_CLUSTER:
            n_places = _note(places, n_places, row, cluster_from, cluster_to, CLUSTER, cluster)
        if stretch >= LEAST_STRETCH:
            n_places = _note(places, n_places, row, stretch_from, write, STRETCH, stretch)
        out[write] = LINE_FEED
        write += 1
        borders[row + 1] = write
    return out, borders, dropped, n_places
