"""WuDaoCorpora 2.0 as released: ``part-*.json``, each one JSON array of hundreds of MB.

Objects hold ``id, uniqueKey, titleUkey, dataType, title, content``. The array
is never parsed whole. The end of an object is guessed by its look (``}``, a
comma, ``{``, a quote) and settled by parsing: where the parser says that the
object goes on, the next candidate is tried; where it says that the object is
broken, it is quarantined and the next candidate begins the next object. A
guess is nearly always right, so the cost is that of one parse per object.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from corpus.config.input import InputSettings
from corpus.reading.fields import FieldMap
from corpus.reading.json_values import JsonFault, parse_object
from corpus.reading.piece import Piece
from corpus.reading.records import Item, Quarantined
from corpus.reading.stream import InputStream

# Between two objects of an array; the comma is missing in files of concatenated objects. Bounded, since a run of
# blanks would cost its square.
_BORDER = re.compile(rb"\}[ \t\r\n]{0,16},?[ \t\r\n]{0,16}(?=\{[ \t\r\n]{0,16}[\"}])")
_LONGEST_BORDER = 64
_OPENING = b"[ \t\r\n,\xef\xbb\xbf"
# An object with more inner borders than this (nested arrays of objects) is treated as broken: each costs one parse.
_MAX_ATTEMPTS = 256


def read(raw: BinaryIO, piece: Piece, settings: InputSettings) -> Iterator[Item]:
    """Yield one item for each object of the array, and one for each stretch that is no object.

    ``offset`` is the byte offset of the object's ``{`` in the decoded file.
    """
    stream = InputStream(raw, max_decoded=settings.max_decompressed_bytes)
    fields = FieldMap(settings, id_first="uniqueKey")
    while True:
        while stream.ahead(1) and stream.window[stream.cursor] in _OPENING:
            stream.cursor += 1
        if not stream.ahead(1):
            if stream.broken is None:
                return
            yield Quarantined(*stream.broken)
            stream.resume()
            continue
        if stream.window[stream.cursor] == ord("]"):
            stream.cursor += 1
            continue
        yield _next_object(stream, fields, settings.max_record_bytes)


def _next_object(stream: InputStream, fields: FieldMap, limit: int) -> Item:
    offset = stream.position
    searched = 0  # bytes ahead of the cursor that hold no further border
    first_next: int | None = None  # where the object after the first border would begin
    fault = JsonFault("No object begins here.", False)
    for _ in range(_MAX_ATTEMPTS):
        border = _find_border(stream, searched, limit)
        if border is None:
            return _last_object(stream, fields, offset, limit, first_next)
        end, following = border
        row = parse_object(stream.take(stream.cursor, stream.cursor + end))
        if not isinstance(row, JsonFault):
            stream.cursor += following
            return fields.record(row, offset)
        first_next = first_next or following
        fault = row
        if not row.truncated:
            break
        searched = end
    stream.cursor += first_next or 0
    return Quarantined(offset, "malformed_json", fault.detail)


def _find_border(stream: InputStream, searched: int, limit: int) -> tuple[int, int] | None:
    """Return (end of object, begin of the next), relative to the cursor; None if ``limit`` or the bytes end first."""
    known = searched
    while True:
        found = _BORDER.search(stream.window, stream.cursor + known)
        if found:
            return found.start() + 1 - stream.cursor, found.end() - stream.cursor
        size = len(stream.window) - stream.cursor
        if size > limit or not stream.fill():
            return None
        known = max(searched, size - _LONGEST_BORDER)


def _last_object(stream: InputStream, fields: FieldMap, offset: int, limit: int, first_next: int | None) -> Item:
    """Return the item for what lies ahead when no further border was found: the last object, or one too long."""
    size = len(stream.window) - stream.cursor
    if size > limit and first_next is None:
        _discard_to_border(stream)
        return Quarantined(offset, "record_too_large", "The object is longer than max_record_bytes.")
    rest = stream.take(stream.cursor, stream.cursor + size)
    broken = stream.broken
    end = rest.rfind(b"}") + 1
    row = (
        parse_object(rest[:end]) if not rest[end:].strip(b" \t\r\n],") else JsonFault("The object does not end.", True)
    )
    if not isinstance(row, JsonFault):
        stream.cursor += end
        return fields.record(row, offset)
    if first_next is not None:
        stream.cursor += first_next
        return Quarantined(offset, "malformed_json", row.detail)
    stream.cursor += size
    if broken is None:
        return Quarantined(offset, "truncated_json" if row.truncated else "malformed_json", row.detail)
    stream.resume()
    return Quarantined(offset, broken.reason, broken.detail)


def _discard_to_border(stream: InputStream) -> None:
    while True:
        found = _BORDER.search(stream.window, stream.cursor)
        if found:
            stream.cursor = found.end()
            return
        stream.cursor = max(stream.cursor, len(stream.window) - _LONGEST_BORDER)
        if not stream.fill():
            stream.cursor = len(stream.window)
            return
