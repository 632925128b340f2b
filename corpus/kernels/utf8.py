"""Reading single characters of UTF-8 known to be valid."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def code_at(data: NDArray[np.uint8], position: int) -> int:
    """Return the code point that begins at ``position``."""
    byte = int(np.int64(data[np.uint64(position)]))
    if byte < 0x80:
        return byte
    second = int(np.int64(data[np.uint64(position + 1)])) & 0x3F
    if byte < 0xE0:
        return (byte & 0x1F) << 6 | second
    third = int(np.int64(data[np.uint64(position + 2)])) & 0x3F
    if byte < 0xF0:
        return (byte & 0x0F) << 12 | second << 6 | third
    return (byte & 0x07) << 18 | second << 12 | third << 6 | int(np.int64(data[np.uint64(position + 3)])) & 0x3F


@njit(cache=True, nogil=True)
def entry_at(data: NDArray[np.uint8], position: int, end: int, entries: NDArray[np.uint32]) -> int:
    """Return the entry of the character at ``position``, 0 at the end and beyond the basic plane."""
    if position >= end:
        return 0
    byte = int(np.int64(data[np.uint64(position)]))
    if byte < 0x80:
        return int(np.int64(entries[byte]))
    if byte < 0xE0:
        return int(np.int64(entries[(byte & 0x1F) << 6 | np.int64(data[np.uint64(position + 1)]) & 0x3F]))
    if byte >= 0xF0:
        return 0
    code = (byte & 0x0F) << 12 | (int(np.int64(data[np.uint64(position + 1)])) & 0x3F) << 6
    return int(np.int64(entries[code | np.int64(data[np.uint64(position + 2)]) & 0x3F]))
