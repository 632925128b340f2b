"""JSON Lines: one object a line, plain, gzip or zstd."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from corpus.config.input import InputSettings
from corpus.reading.fields import FieldMap
from corpus.reading.json_columns import JsonLines
from corpus.reading.json_values import JsonFault, parse_object
from corpus.reading.piece import Piece
from corpus.reading.records import Item, Quarantined
from corpus.reading.stream import InputStream

# Lines are cut out of blocks of at most this size; a longer one is read by itself. What is found of each line takes
# some 250 bytes, and a block may be nothing but line ends.
_BLOCK_BYTES = 1 << 19
_BOM = b"\xef\xbb\xbf"


def read(raw: BinaryIO, piece: Piece, settings: InputSettings) -> Iterator[Item]:
    """Yield one item for each line that is not blank and begins in the piece.

    ``offset`` is the byte offset of the line in the decoded file.
    """
    # One byte earlier, so that a line that begins exactly at the start is told from one that only continues there.
    first = max(0, piece.start - 1)
    raw.seek(first)
    stream = InputStream(raw, start=first, max_decoded=settings.max_decompressed_bytes)
    end = piece.end if stream.codec == "none" else None
    fields = FieldMap(settings)
    lines = JsonLines(fields)
    most = min(_BLOCK_BYTES, settings.max_record_bytes)
    # Where single records are asked for, each must be out before the next is parsed: it may end the process.
    is_single = settings.batch_rows == 1
    if piece.start > 0 and _consume_line(stream) is None:
        return
    if piece.start == 0 and stream.ahead(3) == 3 and stream.window.startswith(_BOM):
        stream.cursor += 3
    while end is None or stream.position < end:
        stream.ahead(_BLOCK_BYTES)
        last = stream.window.rfind(b"\n", stream.cursor, stream.cursor + most)
        if last < 0:
            item = _odd_line(stream, fields, settings.max_record_bytes)
            if item is None:
                return
            yield item
            continue
        offset = stream.position
        size = last + 1 - stream.cursor
        block = np.frombuffer(
            stream.window, np.uint8, size, stream.cursor
        ).copy()  # a view would hold the window's size
        stream.cursor = last + 1
        if not is_single:
            yield from lines.items(block, offset, end, piece.path)
            continue
        for line in block.tobytes()[:-1].split(b"\n"):
            if end is not None and offset >= end:
                return
            if line and not line.isspace():
                yield _parse(line, fields, offset)
            offset += len(line) + 1


def _parse(line: bytes, fields: FieldMap, offset: int) -> Item:
    row = parse_object(line)
    if isinstance(row, JsonFault):
        return Quarantined(offset, "malformed_json", row.detail)
    return fields.record(row, offset)


def _odd_line(stream: InputStream, fields: FieldMap, limit: int) -> Item | None:
    """Consume a line that no LF ends within the block: too long, cut by damage, or the file's last. None: no line."""
    offset = stream.position
    size = _line_size(stream, limit)
    if size is None:
        _consume_line(stream)
        return Quarantined(offset, "record_too_large", "The line is longer than max_record_bytes.")
    broken = stream.broken
    if broken is not None and stream.cursor + size == len(stream.window):
        stream.resume()
        return Quarantined(offset, broken.reason, broken.detail)
    line = stream.take(stream.cursor, stream.cursor + size)
    stream.cursor += size
    return _parse(line, fields, offset) if line and not line.isspace() else None


def _line_size(stream: InputStream, limit: int) -> int | None:
    """Return the size of the line at the cursor with its LF (without one at the end), None if above ``limit``."""
    known = 0
    while True:
        found = stream.window.find(b"\n", stream.cursor + known)
        if found >= 0:
            size = found + 1 - stream.cursor
            return size if size <= limit + 1 else None
        known = len(stream.window) - stream.cursor
        if known > limit:
            return None
        if not stream.fill():
            return known


def _consume_line(stream: InputStream) -> int | None:
    """Move behind the next LF in bounded memory and return the position; None where the bytes end first."""
    while True:
        found = stream.window.find(b"\n", stream.cursor)
        if found >= 0:
            stream.cursor = found + 1
            return stream.position
        stream.cursor = len(stream.window)
        if not stream.fill():
            return None
