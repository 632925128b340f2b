"""Decoding UTF-8 known to be valid, with an entry of a table for each character."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from corpus.kernels.aho_corasick import Automaton, symbol_beyond
from corpus.kernels.text_events import astral_entry


@njit(cache=True, nogil=True)
def decode(
    data: NDArray[np.uint8],
    position: int,
    end: int,
    entries: NDArray[np.uint32],
    automaton: Automaton,
    codes: NDArray[np.int32],
    infos: NDArray[np.uint32],
) -> int:
    """Write the code points of ``data[position:end]`` to ``codes`` and their entries to ``infos``; return their number.

    An entry holds class and flags in its lower half, the character's symbol in the automaton in the
    upper one; ``entries`` [65536] has those of the basic plane. A line end (LF) is written behind the last.
    """
    count = 0
    while position < end:
        byte = int(np.int64(data[np.uint64(position)]))
        if byte < 0x80:
            code = byte
            position += 1
        elif byte < 0xE0:
            code = (byte & 0x1F) << 6 | (int(np.int64(data[np.uint64(position + 1)])) & 0x3F)
            position += 2
        elif byte < 0xF0:
            code = (byte & 0x0F) << 12 | (int(np.int64(data[np.uint64(position + 1)])) & 0x3F) << 6
            code |= int(np.int64(data[np.uint64(position + 2)])) & 0x3F
            position += 3
        else:
            code = (byte & 0x07) << 18 | (int(np.int64(data[np.uint64(position + 1)])) & 0x3F) << 12
            code |= (int(np.int64(data[np.uint64(position + 2)])) & 0x3F) << 6
            code |= int(np.int64(data[np.uint64(position + 3)])) & 0x3F
            position += 4
            codes[np.uint64(count)] = code
            infos[np.uint64(count)] = np.uint32(astral_entry(code) | symbol_beyond(automaton, code) << 16)
            count += 1
            continue
        codes[np.uint64(count)] = code
        infos[np.uint64(count)] = entries[np.uint64(code)]
        count += 1
    codes[np.uint64(count)] = 10
    infos[np.uint64(count)] = entries[10]
    return count
