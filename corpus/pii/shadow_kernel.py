"""The compiled loop that makes shadow text out of UTF-8. See :mod:`corpus.pii.shadow` for what and why."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

# Classes of code points.
PLAIN, DROP, NUMERAL, CIRCLED, CONFUSABLE, DIGIT, SEPARATOR, FOLDED = range(8)

MIN_RUN = 7  # digits of the shortest number looked for (a landline without its area code)
MIN_LETTER_RUN, MAX_LETTER_RUN = 11, 19  # mobile .. bank card: O and l count as digits in such tokens only
MIN_LETTER_RUN_DIGITS = 5
LONG_EDGE = 3  # a numeral segment at the edge of a run is part of the number from this length on
CLUSTER_GAP = 4  # ASCII characters between two digits of one cluster: ") - "
MAX_CLUSTER = 255
MIDDLE_DOT = 0xB7
LEAST_CLUSTER = 4  # digits of the smallest cluster whose place is kept
LINE_FEED = 10  # behind every text, so that one scan over many meets a border of line and word between them
COMPLETE = (11, 15, 16, 18, 19)  # lengths of whole numbers: mobile, IMEI, card, resident ID, card


@njit(cache=True, nogil=True, inline="always")
def _decode(data, at):  # type: ignore[no-untyped-def]
    """Return (code point, bytes) of valid UTF-8 at ``at``."""
    first = np.int64(data[at])
    if first < 0x80:
        return first, 1
    if first < 0xE0:
        return ((first & 0x1F) << 6) | (np.int64(data[at + 1]) & 0x3F), 2
    if first < 0xF0:
        point = ((first & 0x0F) << 12) | ((np.int64(data[at + 1]) & 0x3F) << 6) | (np.int64(data[at + 2]) & 0x3F)
        return point, 3
    high = ((first & 0x07) << 18) | ((np.int64(data[at + 1]) & 0x3F) << 12)
    return high | ((np.int64(data[at + 2]) & 0x3F) << 6) | (np.int64(data[at + 3]) & 0x3F), 4


@njit(cache=True, nogil=True, inline="always")
def _encode(point, out, at):  # type: ignore[no-untyped-def]
    """Write ``point`` as UTF-8 at ``at``; return the place after it."""
    if point < 0x80:
        out[at] = point
        return at + 1
    if point < 0x800:
        out[at] = 0xC0 | (point >> 6)
        out[at + 1] = 0x80 | (point & 0x3F)
        return at + 2
    if point < 0x10000:
        out[at] = 0xE0 | (point >> 12)
        out[at + 1] = 0x80 | ((point >> 6) & 0x3F)
        out[at + 2] = 0x80 | (point & 0x3F)
        return at + 3
    out[at] = 0xF0 | (point >> 18)
    out[at + 1] = 0x80 | ((point >> 12) & 0x3F)
    out[at + 2] = 0x80 | ((point >> 6) & 0x3F)
    out[at + 3] = 0x80 | (point & 0x3F)
    return at + 4


@njit(cache=True, nogil=True, inline="always")
def _is_alnum(byte):  # type: ignore[no-untyped-def]
    return 48 <= byte <= 57 or 65 <= byte <= 90 or 97 <= byte <= 122


@njit(cache=True, nogil=True)
def _fold_run(out, start, end, kind, target, digits, others, letters):  # type: ignore[no-untyped-def]
    """Fold the numerals, circled digits and letters of the run ``out[start:end]`` in place; return its new end.

    ``digits``, ``others`` (numerals and circled) and ``letters`` count the run's members.
    """
    total = digits + others + letters
    if total < MIN_RUN or (
        letters > 0 and (total < MIN_LETTER_RUN or total > MAX_LETTER_RUN or digits < MIN_LETTER_RUN_DIGITS)
    ):
        return end
    complete = False
    for length in COMPLETE:
        complete = complete or total == length
    read = start
    write = start
    while read < end:
        point, size = _decode(out, read)
        wanted = kind[point]
        if wanted == NUMERAL or wanted == CIRCLED:  # noqa: SIM109  # a tuple is slower in numba
            # A segment is a maximal stretch of the same class; separators belong to it.
            stop = read
            count = 0
            while stop < end:
                inner, step = _decode(out, stop)
                if kind[inner] == wanted:
                    count += 1
                elif kind[inner] != SEPARATOR:
                    break
                stop += step
            interior = read > start and stop < end
            short_edge = LONG_EDGE if wanted == NUMERAL else 2
            fold = complete or interior or count >= short_edge
            while read < stop:
                inner, step = _decode(out, read)
                write = _encode(target[inner] if fold else inner, out, write)
                read += step
        else:
            write = _encode(target[point] if wanted == CONFUSABLE else point, out, write)
            read += size
    return write


@njit(cache=True, nogil=True)
def fold_batch(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    kind: npt.NDArray[np.uint8],
    target: npt.NDArray[np.int32],
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Return (bytes, borders, dropped, clusters); arguments as in :func:`corpus.pii.shadow.shadow_batch`.

    A cluster is (row, first byte, byte behind it, digits) with bytes of all shadows. Where digits were made out of
    other characters, there is one of MAX_CLUSTER digits, so that whatever needs some is looked for there; clusters
    inside it may have lost their place.
    """
    rows = len(offsets) - 1
    places = np.empty(((offsets[rows] - offsets[0]) // 2 + rows + 1, 4), dtype=np.int64)
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
        while read < end:
            first = data[read]
            if run_start < 0 and first >= 0xE4 and first <= 0xEE:
                # Most of Chinese text: one lookup, three bytes copied.
                point = (
                    ((np.int64(first) & 0x0F) << 12)
                    | ((np.int64(data[read + 1]) & 0x3F) << 6)
                    | (np.int64(data[read + 2]) & 0x3F)
                )
                if kind[point] == PLAIN:
                    out[write] = first
                    out[write + 1] = data[read + 1]
                    out[write + 2] = data[read + 2]
                    write += 3
                    read += 3
                    gap = CLUSTER_GAP + 1
                    continue
                size = 3
            else:
                point, size = _decode(data, read)
            read += size
            member = kind[point]
            if member == DROP:
                dropped[row] = True
                continue
            if member == CONFUSABLE and run_start < 0 and write > begin and _is_alnum(out[write - 1]):
                member = PLAIN
            if member == DIGIT or member == NUMERAL or member == CIRCLED or member == CONFUSABLE:  # noqa: SIM109
                if run_start < 0:
                    run_start = write
                    digits = others = letters = 0
                if member == DIGIT:
                    if gap > CLUSTER_GAP:
                        if cluster >= LEAST_CLUSTER:
                            places[n_places] = (row, cluster_from, cluster_to, cluster)
                            n_places += 1
                        cluster = 0
                        cluster_from = write
                    cluster += 1
                    gap = 0
                    digits += 1
                    write = _encode(np.int64(target[point]), out, write)
                    cluster_to = write
                else:
                    gap = gap + 1 if member == CONFUSABLE else CLUSTER_GAP + 1
                    if member == CONFUSABLE:
                        letters += 1
                    else:
                        others += 1
                    write = _encode(point, out, write)
                separators = 0
                run_end = write
                continue
            if run_start >= 0:
                if member == SEPARATOR and separators < 2:
                    separators += 1
                    gap += 1
                    write = _encode(np.int64(target[point]), out, write)
                    continue
                if others + letters > 0 and digits + others + letters >= MIN_RUN:
                    touches = separators == 0 and point < 0x80 and _is_alnum(point)
                    if not (letters > 0 and touches):
                        new_end = _fold_run(out, run_start, run_end, kind, target, digits, others, letters)
                        places[n_places] = (row, run_start, new_end, MAX_CLUSTER)
                        n_places += 1
                        cluster_from = min(cluster_from, run_start)
                        if new_end != run_end:
                            for at in range(run_end, write):
                                out[new_end + at - run_end] = out[at]
                            write -= run_end - new_end
                run_start = -1
                separators = 0
            emitted = np.int64(target[point]) if member >= SEPARATOR else point
            gap = gap + 1 if emitted < 0x80 or emitted == MIDDLE_DOT else CLUSTER_GAP + 1
            write = _encode(emitted, out, write)
        if run_start >= 0 and others + letters > 0 and digits + others + letters >= MIN_RUN:
            new_end = _fold_run(out, run_start, run_end, kind, target, digits, others, letters)
            places[n_places] = (row, run_start, new_end, MAX_CLUSTER)
            n_places += 1
            cluster_from = min(cluster_from, run_start)
            if new_end != run_end:
                for at in range(run_end, write):
                    out[new_end + at - run_end] = out[at]
                write -= run_end - new_end
        if cluster >= LEAST_CLUSTER:
            places[n_places] = (row, cluster_from, cluster_to, cluster)
            n_places += 1
        out[write] = LINE_FEED
        write += 1
        borders[row + 1] = write
    return out, borders, dropped, places[:n_places].copy()


@njit(cache=True, nogil=True)
def widen_windows(
    data: npt.NDArray[np.uint8], borders: npt.NDArray[np.int64], windows: npt.NDArray[np.int64], width: int
) -> npt.NDArray[np.int64]:
    """Return ``windows``, of (row, first byte, byte behind it), wider by ``width`` code points on both sides.

    They stay inside their rows. ``windows`` are in order of row and first byte; those that touch become one.
    """
    out = np.empty((len(windows), 3), dtype=np.int64)
    size = 0
    for place in range(len(windows)):
        row = windows[place, 0]
        limit = borders[row + 1] - 1
        low = min(windows[place, 1], limit)
        high = min(windows[place, 2], limit)
        left = width
        while low > borders[row] and left > 0:
            low -= 1
            left -= data[low] & 0xC0 != 0x80
        while low > borders[row] and data[low] & 0xC0 == 0x80:
            low -= 1
        left = width
        while high < limit and (left > 0 or data[high] & 0xC0 == 0x80):
            left -= data[high] & 0xC0 != 0x80
            high += 1
        if size and out[size - 1, 0] == row and low <= out[size - 1, 2]:
            out[size - 1, 1] = min(low, out[size - 1, 1])
            out[size - 1, 2] = max(high, out[size - 1, 2])
        else:
            out[size] = (row, low, high)
            size += 1
    return out[:size]


@njit(cache=True, nogil=True)
def gather_windows(
    data: npt.NDArray[np.uint8], windows: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return (bytes, borders) of the ``windows``, of (row, first byte, byte behind it), a line feed behind each."""
    borders = np.zeros(len(windows) + 1, dtype=np.int64)
    for place in range(len(windows)):
        borders[place + 1] = borders[place] + windows[place, 2] - windows[place, 1] + 1
    out = np.empty(borders[len(windows)], dtype=np.uint8)
    for place in range(len(windows)):
        begin = windows[place, 1]
        to = borders[place]
        for at in range(windows[place, 2] - begin):
            out[to + at] = data[begin + at]
        out[borders[place + 1] - 1] = LINE_FEED
    return out, borders


@njit(cache=True, nogil=True)
def code_points_before(
    data: npt.NDArray[np.uint8],
    borders: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """Return how many code points of its row stand before each of ``ends``, bytes of a row; -1 stays -1.

    ``rows``, and within a row ``ends``, are in ascending order. hyperscan may round a long bounded repetition in a
    prefilter and then end a match, one too many, inside a code point: that code point counts.
    """
    counts = np.empty(len(ends), dtype=np.int64)
    row = -1
    at = 0
    count = 0
    for place in range(len(ends)):
        if rows[place] != row:
            row = rows[place]
            at = borders[row]
            count = 0
        if ends[place] < 0:
            counts[place] = -1
            continue
        border = borders[row] + ends[place]
        limit = borders[row + 1] - 1
        while border < limit and data[border] & 0xC0 == 0x80:
            border += 1
        for byte in range(at, border):
            count += data[byte] & 0xC0 != 0x80
        at = max(at, border)
        counts[place] = count
    return counts
