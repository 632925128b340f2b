"""Documents as lines of words, the input of word-embedding trainers, over Arrow string buffers.

Words are those of :mod:`tokenizer_training.segmentation`, separated by single
spaces; each line of a document that has any word is one line. White space of
every kind separates and is not a word itself.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from corpus.kernels.buffers import text_buffers
from tokenizer_training.jieba_tables import load_dictionary
from tokenizer_training.segmentation import scratch, segment

_NEWLINE, _SPACE = 10, 32


@njit(cache=True, nogil=True)
def _is_space(point):  # type: ignore[no-untyped-def]
    """White space and invisible separators (Unicode Zs, Zl, Zp, controls, zero-width space, BOM)."""
    return (
        point <= 32
        or 0x7F <= point <= 0xA0
        or point == 0x1680
        or 0x2000 <= point <= 0x200B
        or 0x2028 <= point <= 0x202F
        or point == 0x205F
        or point == 0x3000
        or point == 0xFEFF
    )


@njit(cache=True, nogil=True)
def _write_lines(data, offsets, dictionary, memory, out):  # type: ignore[no-untyped-def]
    """Write the lines of all documents to ``out`` and return their bytes; ``out`` has room for 2 bytes per byte."""
    size = 0
    for document in range(len(offsets) - 1):
        begin, stop = offsets[document], offsets[document + 1]
        n = segment(data, begin, stop, dictionary, memory)
        line = size
        for i in range(n):
            point = memory.points[i]
            if point == _NEWLINE:
                if size > line:
                    out[size] = _NEWLINE
                    size += 1
                    line = size
                continue
            if _is_space(point):
                continue
            after_space = i > 0 and _is_space(memory.points[i - 1])
            if size > line and (memory.starts[i] or after_space):
                out[size] = _SPACE
                size += 1
            for position in range(memory.begins[i], memory.begins[i + 1]):
                out[size] = data[position]
                size += 1
        if size > line:
            out[size] = _NEWLINE
            size += 1
    return size


def segmented_lines(texts: pa.Array) -> bytes:
    """Return the lines of a (large) string array, in UTF-8, each ended by a line feed.

    Raises:
        ModuleNotFoundError: jieba, whose dictionary is used, is not installed.
    """
    data, offsets = text_buffers(texts)
    if len(offsets) < 2:
        return b""
    longest = int(np.diff(offsets).max())
    room = 2 * int(offsets[-1] - offsets[0]) + len(texts)
    out: npt.NDArray[np.uint8] = np.empty(room, np.uint8)
    size = _write_lines(data, offsets, load_dictionary(), scratch(longest), out)
    return out[:size].tobytes()
