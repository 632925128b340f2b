"""Splits long documents at paragraph borders instead of dropping them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

_SENTENCE_ENDS = "。！？!?…；;"


def split_long(batch: pa.RecordBatch, max_chars: int) -> tuple[pa.RecordBatch, NDArray[np.int32] | None]:
    """Return ``batch`` with every text of at most ``max_chars`` code points, and each row's input row.

    The second value is None where nothing was split. Part 0 keeps the document's
    ``doc_key`` and ``part``. The payload is not at hand here, so part k > 0 gets
    the key ``digest(doc_key, b"long", k)``, a function of the document's identity
    and the part's number alone, and the number ``part | k << 16``, which stays
    distinct from the parts of a page (below 65,536) and increases in text order.
    """
    import numpy as np
    import pyarrow as pa

    from corpus.identity import digest
    from corpus.steps.interface import set_column

    texts = batch.column("text")
    # A code point takes at least one byte: a text of few bytes cannot be too long.
    suspects = np.flatnonzero(_byte_lengths(texts) > max_chars)
    pieces = {int(row): split_text(texts[int(row)].as_py(), max_chars) for row in suspects}
    pieces = {row: parts for row, parts in pieces.items() if len(parts) > 1}
    if not pieces:
        return batch, None
    copies = np.ones(batch.num_rows, dtype=np.int64)
    for row, parts in pieces.items():
        copies[row] = len(parts)
    origin = np.repeat(np.arange(batch.num_rows, dtype=np.int32), copies)
    taken = batch.take(pa.array(origin))
    keyed = "doc_key" in batch.schema.names
    text_column = taken.column("text").to_pylist()
    keys = taken.column("doc_key").to_pylist() if keyed else []
    numbers = taken.column("part").to_pylist() if keyed else []
    for row, parts in pieces.items():
        first = int(np.searchsorted(origin, row))
        for number, part in enumerate(parts):
            text_column[first + number] = part
            if keyed and number:
                keys[first + number] = digest(keys[first], b"long", number.to_bytes(4, "little"))
                numbers[first + number] |= number << 16
    taken = set_column(taken, "text", pa.array(text_column, pa.large_string()))
    if keyed:
        taken = set_column(taken, "doc_key", pa.array(keys, batch.schema.field("doc_key").type))
        taken = set_column(taken, "part", pa.array(numbers, pa.int32()))
    return taken, origin


def split_text(text: str, max_chars: int) -> list[str]:
    """Return ``text`` in as few parts of at most ``max_chars`` code points as its borders allow.

    A part ends at the last empty line within reach, else at the last line end,
    else after the last sentence end, else at the limit. White space at the
    borders belongs to no part; nothing else is lost.
    """
    parts = []
    start = 0
    while len(text) - start > max_chars:
        stop = start + max_chars
        cut = text.rfind("\n\n", start + 1, stop)
        if cut < 0:
            cut = text.rfind("\n", start + 1, stop)
        if cut < 0:
            cut = max(text.rfind(mark, start + 1, stop) for mark in _SENTENCE_ENDS) + 1 or stop
        part = text[start:cut].strip()
        if part:
            parts.append(part)
        start = cut
        while start < len(text) and text[start].isspace():
            start += 1
    rest = text[start:].strip() if parts else text
    if rest:
        parts.append(rest)
    return parts


def _byte_lengths(texts: pa.Array) -> NDArray[np.int64]:
    import numpy as np

    from corpus.kernels.buffers import text_buffers

    _, offsets = text_buffers(texts)
    return np.diff(offsets)
