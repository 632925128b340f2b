"""Replacing some values of an Arrow column; what lies between them is copied in stretches, not value by value."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from corpus.kernels.buffers import Bytes, Offsets, view_of


def replace_values(data: Bytes, offsets: Offsets, changed: Mapping[int, bytes]) -> tuple[Bytes, Offsets]:
    """Return the buffers (:func:`corpus.kernels.buffers.text_buffers`) with row ``i`` of ``changed`` as its value.

    Without changes they are the given ones. Both can be written to, as those of an array that was just made: a kernel
    takes no other types of arrays than it is compiled for.
    """
    if not changed:
        return data, offsets
    view = view_of(data)
    lengths = np.diff(offsets)
    pieces: list[bytes | memoryview] = []
    start = int(offsets[0])
    for row in sorted(changed):
        pieces += (view[start : offsets[row]], changed[row])
        lengths[row] = len(changed[row])
        start = int(offsets[row + 1])
    pieces.append(view[start : offsets[-1]])
    borders = np.zeros(len(offsets), dtype=np.int64)
    np.cumsum(lengths, out=borders[1:])
    return np.frombuffer(bytearray().join(pieces), dtype=np.uint8), borders
