"""The hash form of a text: what two texts must share to count as the same.

Simplified characters (OpenCC ``t2s``, one by one), NFKC, case-folded, without
punctuation, symbols, spaces, control and format characters. Letters, digits,
ideographs and combining marks stay. :func:`hash_form` is the definition in
plain Python; :class:`HashForm` makes the same over Arrow string buffers with
one table look-up per character (``hash_form_tables.py`` builds the table).
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from corpus.kernels.hash_form_tables import CODE_POINTS, CONTEXT, DROPPED, SEQUENCE, TABLE_PATH

_NEEDS_CONTEXT: Final = -1  # length reported for a document that only the plain reference can do


@cache
def _reference_tables() -> tuple[dict[int, int], dict[int, int | str | None]]:
    """Return (traditional -> simplified, character -> what is left of it) for ``str.translate``."""
    with np.load(TABLE_PATH) as table:
        simplified = {int(source): int(target) for source, target in table["traditional"]}
        dropped: dict[int, int | str | None] = {
            int(code): None for code, value in zip(table["codes"], table["values"], strict=True) if value == DROPPED
        }
    return simplified, dropped


def hash_form(text: str) -> str:
    """Return the hash form of ``text``. The definition; some 10 MB/s."""
    simplified, dropped = _reference_tables()
    return unicodedata.normalize("NFKC", text).translate(simplified).casefold().translate(dropped)


@njit(cache=True, nogil=True)
def _hash_forms(
    data: Any, offsets: Any, table: Any, sequences: Any, code_points: Any, starts: Any, lengths: Any
) -> None:
    """Write each document's hash form to ``code_points`` from ``starts``; its length, or -1, to ``lengths``."""
    for document in range(len(offsets) - 1):
        position = offsets[document]
        end = offsets[document + 1]
        out = starts[document]
        first = out
        length = 0
        while position < end:
            byte = np.uint32(data[position])
            if byte < 0x80:
                code = byte
                position += 1
            elif byte >= 0xE0 and byte < 0xF0:
                code = (
                    (byte & np.uint32(0x0F)) << np.uint32(12)
                    | (np.uint32(data[position + 1]) & np.uint32(0x3F)) << np.uint32(6)
                    | (np.uint32(data[position + 2]) & np.uint32(0x3F))
                )
                position += 3
            elif byte < 0xE0:
                code = (byte & np.uint32(0x1F)) << np.uint32(6) | (np.uint32(data[position + 1]) & np.uint32(0x3F))
                position += 2
            else:
                code = (
                    (byte & np.uint32(0x07)) << np.uint32(18)
                    | (np.uint32(data[position + 1]) & np.uint32(0x3F)) << np.uint32(12)
                    | (np.uint32(data[position + 2]) & np.uint32(0x3F)) << np.uint32(6)
                    | (np.uint32(data[position + 3]) & np.uint32(0x3F))
                )
                position += 4
            value = table[code]
            if value < CONTEXT:
                code_points[out] = value
                out += np.int64(value != DROPPED)
            elif value >= SEQUENCE:
                size = (value >> np.uint32(24)) & np.uint32(0x7F)
                source = np.int64(value & np.uint32(0xFFFFFF))
                for index in range(size):
                    code_points[out] = sequences[source + index]
                    out += 1
            else:
                length = _NEEDS_CONTEXT
                break
        lengths[document] = length if length < 0 else out - first


@njit(cache=True, nogil=True)
def _compact(code_points: Any, starts: Any, lengths: Any, offsets: Any) -> None:
    """Move each document's code points down so that they follow each other, as ``offsets`` tells."""
    for document in range(len(lengths)):
        source = starts[document]
        target = offsets[document]
        for index in range(lengths[document]):
            code_points[target + index] = code_points[source + index]


class HashForm:
    """Makes hash forms of documents in Arrow string buffers."""

    def __init__(self) -> None:
        self._table: NDArray[np.uint32] = np.empty(0, dtype=np.uint32)
        self._sequences: NDArray[np.uint32] = np.empty(0, dtype=np.uint32)

    def load(self) -> None:
        """Read the table (4.4 MB in memory) and compile or fetch the kernels."""
        with np.load(TABLE_PATH) as stored:
            self._table = np.arange(CODE_POINTS, dtype=np.uint32)
            self._table[stored["codes"]] = stored["values"]
            self._sequences = stored["sequences"]
        self.of(np.zeros(0, dtype=np.uint8), np.zeros(1, dtype=np.int64))

    def of(self, data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """Return (code points, offsets) of the hash forms of n documents.

        ``data`` is valid UTF-8, ``offsets`` (n + 1) are byte offsets into it.
        The result's offsets (n + 1) count code points. Scratch memory: 4 bytes
        for each byte of text, so call it for some hundred KB at a time.
        """
        starts = offsets[:-1] - offsets[0]
        code_points = np.empty(int(offsets[-1] - offsets[0]), dtype=np.uint32)
        lengths = np.empty(len(starts), dtype=np.int64)
        _hash_forms(data, offsets, self._table, self._sequences, code_points, starts, lengths)
        by_reference: dict[int, NDArray[np.uint32]] = {}
        for document in np.nonzero(lengths < 0)[0].tolist():
            text = data[offsets[document] : offsets[document + 1]].tobytes().decode()
            form = np.frombuffer(hash_form(text).encode("utf-32-le"), dtype=np.uint32)
            by_reference[document] = form
            lengths[document] = len(form)
        form_offsets = np.zeros(len(starts) + 1, dtype=np.int64)
        np.cumsum(lengths, out=form_offsets[1:])
        if not by_reference:
            _compact(code_points, starts, lengths, form_offsets)
            return code_points[: form_offsets[-1]], form_offsets
        pieces = [
            by_reference[document] if document in by_reference else code_points[start : start + length]
            for document, (start, length) in enumerate(zip(starts.tolist(), lengths.tolist(), strict=True))
        ]
        return np.concatenate(pieces), form_offsets
