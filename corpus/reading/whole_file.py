"""Files that are one document each: HTML pages and plain text, plain, gzip or zstd."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from corpus.config.input import InputSettings
from corpus.reading.records import Item, Quarantined, Record, Skipped
from corpus.reading.stream import InputStream


def read_whole(raw: BinaryIO, settings: InputSettings, kind: str) -> Iterator[Item]:
    """Yield the one item of the file; a damaged file is quarantined whole, since half a page is no document."""
    stream = InputStream(raw, max_decoded=settings.max_decompressed_bytes)
    limit = settings.max_record_bytes
    if stream.ahead(limit + 1) > limit:
        yield Quarantined(0, "record_too_large", "The file is longer than max_record_bytes.")
    elif stream.broken is not None:
        yield Quarantined(0, stream.broken.reason, stream.broken.detail)
    else:
        payload = stream.take(stream.cursor, len(stream.window))
        yield Record(0, kind, payload) if payload.strip() else Skipped("empty_body")
