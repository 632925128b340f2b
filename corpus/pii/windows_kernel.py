"""Compiled loops over windows of shadows: made wider, cut out, and counted in code points."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from corpus.pii.shadow_kernel import CLUSTER, LINE_FEED, MAX_CLUSTER, PAIR


@njit(cache=True, nogil=True, inline="always")
def _back(data, at, limit, points):  # type: ignore[no-untyped-def]
    """Go back from ``at`` by so many code points, not beyond ``limit``; return (place, code points that are left)."""
    while at > limit and points > 0:
        at -= 1
        points -= data[at] & 0xC0 != 0x80
    while at > limit and data[at] & 0xC0 == 0x80:
        at -= 1
    return at, points


@njit(cache=True, nogil=True, inline="always")
def _forth(data, at, limit, points):  # type: ignore[no-untyped-def]
    """Go on from ``at`` by so many code points, not beyond ``limit``; return (place, code points that are left)."""
    while at < limit and (points > 0 or data[at] & 0xC0 == 0x80):
        points -= data[at] & 0xC0 != 0x80
        at += 1
    return at, points


@njit(cache=True, nogil=True)
def place_windows(
    data: npt.NDArray[np.uint8],
    borders: npt.NDArray[np.int64],
    places: npt.NDArray[np.int64],
    wanted: npt.NDArray[np.bool_],
    kind: int,
    least: int,
    reach: int,
    width: int,
) -> npt.NDArray[np.int64]:
    """Return disjoint windows, of (row, first byte, byte behind it), round the ``places`` that count.

    Those count that are of ``kind``, at least so strong, and in a ``wanted`` row, with ``reach`` code points on both
    sides (a PAIR with its own up to that), and clusters of MAX_CLUSTER digits with ``width``.
    ``places`` are in order of row, and nearly in order within a row: a window then takes in a little more than it must.
    """
    out = np.empty((len(places), 3), dtype=np.int64)
    size = 0
    row = np.int64(-1)  # of the open window
    low = high = first = limit = np.int64(0)
    held = np.int64(0)  # code points that the open window holds before ``first``
    more = np.int64(0)  # code points that it still goes on behind ``high``
    for place in range(len(places)):
        strength = places[place, 4]
        if places[place, 3] == CLUSTER and strength == MAX_CLUSTER:
            points = np.int64(width)
        elif places[place, 3] == kind and strength >= least:
            points = min(strength, np.int64(reach)) if kind == PAIR else np.int64(reach)
        else:
            continue
        if not wanted[places[place, 0]]:
            continue
        border = borders[places[place, 0]]
        end_of_row = borders[places[place, 0] + 1] - 1
        begin = min(places[place, 1], end_of_row)
        end = min(places[place, 2], end_of_row)
        joined = False
        if places[place, 0] == row:
            high, more = _forth(data, high, min(begin, limit), more)
            if high >= begin:
                joined = True
                if begin < first:
                    low, _ = _back(data, min(low, begin), border, points)
                    first, held = begin, points  # what it held before the former first is not all before this one
                elif points > held:
                    low, _ = _back(data, low, border, points - held)
                    held = points
            else:
                start, left = _back(data, begin, high, points)
                if start <= high:
                    joined = True
                    if left > 0 and left > held:
                        low, _ = _back(data, low, border, left - held)
                        held = left
        if joined:
            high = max(high, end)
            more = max(more, points)
            while size and out[size - 1, 0] == row and low <= out[size - 1, 2]:
                low = min(low, out[size - 1, 1])
                size -= 1
        else:
            if row >= 0:
                high, more = _forth(data, high, limit, more)
                out[size] = (row, low, high)
                size += 1
            row, first, high, more, held, limit = places[place, 0], begin, end, points, points, end_of_row
            low, _ = _back(data, begin, border, points)
    if row >= 0:
        high, more = _forth(data, high, limit, more)
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
        behind = borders[place + 1] - 1
        out[borders[place] : behind] = data[windows[place, 1] : windows[place, 2]]
        out[behind] = LINE_FEED
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
