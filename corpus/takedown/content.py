"""Hash forms of whole columns: content hashes, and substrings that spacing and width cannot hide."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpus.identity import KEY_BYTES
from corpus.kernels.buffers import text_buffers
from corpus.kernels.hash_form import HashForm, hash_form

GROUP_BYTES = 1 << 18  # text formed in one go: scratch memory is 4 bytes per byte
WIDTH = 4  # bytes of a code point in a hash form


@lru_cache(maxsize=1)
def _form() -> HashForm:
    """Return the hash form's tables, read once per process."""
    form = HashForm()
    form.load()
    return form


def _groups(column: pa.Array) -> Iterator[tuple[int, NDArray[np.uint32], NDArray[np.int64]]]:
    """Yield (first row, code points, offsets) of runs of about GROUP_BYTES, at least one row each."""
    data, offsets = text_buffers(column)
    first = 0
    while first < len(offsets) - 1:
        last = int(np.searchsorted(offsets, offsets[first] + GROUP_BYTES, side="right")) - 1
        after = max(first + 1, last)
        yield (first, *_form().of(data, offsets[first : after + 1]))
        first = after


def content_hashes(column: pa.Array) -> pa.Array:
    """Return the 128-bit hash of each row's hash form, as in signatures; null where nothing is left of the text."""
    from corpus.kernels.minhash import content_hashes as hash_contents

    out = np.zeros((len(column), 2), np.uint64)
    empty = np.zeros(len(column), bool)
    for first, points, offsets in _groups(column):
        after = first + len(offsets) - 1
        hash_contents(points, offsets, out[first:after])
        empty[first:after] = np.diff(offsets) == 0
    validity = pa.py_buffer(np.packbits(~empty, bitorder="little"))
    return pa.Array.from_buffers(pa.binary(KEY_BYTES), len(column), [validity, pa.py_buffer(out)])


class Needle:
    """A string that is looked for by hash form: width, script, case, spaces and punctuation do not count."""

    def __init__(self, text: str) -> None:
        self.form = hash_form(text)
        self._bytes = self.form.encode("utf-32-le")

    def rows(self, column: pa.Array) -> list[int]:
        """Return the rows of a string column that hold it, ascending."""
        found: list[int] = []
        for first, points, offsets in _groups(column):
            data = points.tobytes()
            at = data.find(self._bytes)
            while at >= 0:
                place, rest = divmod(at, WIDTH)
                row = int(np.searchsorted(offsets, place, side="right")) - 1
                if rest or place + len(self.form) > offsets[row + 1]:  # not on a border, or across two rows
                    at = data.find(self._bytes, at + 1)
                    continue
                found.append(first + row)
                at = data.find(self._bytes, int(offsets[row + 1]) * WIDTH)
        return found

    def places(self, text: str) -> list[tuple[int, int]]:
        """Return (start, end) in code points of every occurrence in ``text``, without overlaps."""
        formed: list[str] = []
        origin: list[int] = []
        known: dict[str, str] = {}
        for position, char in enumerate(text):
            if char not in known:
                known[char] = hash_form(char)
            formed.append(known[char])
            origin.extend([position] * len(known[char]))
        joined = "".join(formed)
        found = []
        at = joined.find(self.form)
        while at >= 0:
            found.append((origin[at], origin[at + len(self.form) - 1] + 1))
            at = joined.find(self.form, at + len(self.form))
        return found
