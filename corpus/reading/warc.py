"""WARC and WET files (ISO 28500, versions 0.17 to 1.1), plain, gzip or zstd.

The framing is read here and not by FastWARC, which ends silently at some
records and gives no way on behind damage. Every byte of the file belongs to
a record, to the blank lines between records, or to a quarantined stretch.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO
from urllib.parse import urlsplit

from corpus.config.input import InputSettings
from corpus.reading.dates import epoch_seconds
from corpus.reading.headers import (
    BLANK_LINE,
    MAX_HEADER_BYTES,
    first,
    joined,
    media_type,
    parse_fields,
    reservations,
    status_of,
)
from corpus.reading.piece import Piece
from corpus.reading.records import Item, Quarantined, Record, Skipped
from corpus.reading.stream import InputStream

_VERSION = re.compile(rb"WARC/\d+\.\d+[ \t]*\r{0,2}\n")
_VERSION_INSIDE = re.compile(rb"\nWARC/\d+\.\d+[ \t]*\r{0,2}\n")
_LONGEST_VERSION = 32
_BLANKS = re.compile(rb"[\r\n]+")
_HTML = frozenset(["text/html", "application/xhtml+xml", "application/vnd.wap.xhtml+xml"])
_UNDECLARED = frozenset(["", "application/octet-stream", "unknown/unknown", "content/unknown", "*/*"])
_MARKUP = re.compile(rb"<(?:!doctype\s+html|html|head|body|meta|title|div|table|p)\b", re.IGNORECASE)
_SNIFFED = 1024
# What our crawler has learnt of the whole site (tdmrep.json, ai.txt) and this response does not say itself.
_OPT_OUT_FIELD = "wudao-opt-out"
_RESERVATION = re.compile(r"[a-z0-9][a-z0-9.:_-]{0,63}")
# File, offset and length of a record that was fetched out of a larger archive (pipelines/crawl/member.py).
_SOURCE_FIELD = "wudao-source"
_SOURCE = re.compile(r"([\w./=+-]{1,512}) (\d{1,18}) \d{1,18}", re.ASCII)


def read(raw: BinaryIO, piece: Piece, settings: InputSettings) -> Iterator[Item]:
    """Yield one item for each WARC record, and one for each stretch of bytes that is none."""
    stream = InputStream(raw, max_decoded=settings.max_decompressed_bytes)
    while True:
        stream.cursor += _skip_blanks(stream)
        if stream.ahead(_LONGEST_VERSION) == 0:
            if stream.broken is None:
                return
            yield Quarantined(*stream.broken)
            stream.resume()
        elif _VERSION.match(stream.window, stream.cursor):
            yield _next_record(stream, settings)
        else:
            yield _unframed(stream, "not_a_record", "Bytes outside of any WARC record.")


def _skip_blanks(stream: InputStream, distance: int = 0) -> int:
    """Return the distance from the cursor to the first byte from ``distance`` on that is no CR or LF."""
    while True:
        match = _BLANKS.match(stream.window, stream.cursor + distance)
        distance = match.end() - stream.cursor if match else distance
        if stream.cursor + distance < len(stream.window) or not stream.fill():
            return distance


def _unframed(stream: InputStream, reason: str, detail: str, offset: int | None = None) -> Quarantined:
    """Consume bytes up to the next version line, a break or the end, as one stretch that begins at ``offset``."""
    offset = stream.offset if offset is None else offset
    begin = stream.position
    stream.cursor += 1
    while (found := _VERSION.search(stream.window, stream.cursor)) is None:
        stream.cursor = max(stream.cursor, len(stream.window) - _LONGEST_VERSION)
        if not stream.fill():
            stream.cursor = len(stream.window)
            break
    if found is not None:
        stream.cursor = found.start()
    detail = f"{detail} {stream.position - begin} bytes are passed over."
    if found is None and stream.broken is not None:
        detail = f"{detail} {stream.broken.detail}"
        stream.resume()
    return Quarantined(offset, reason, detail)


def _next_record(stream: InputStream, settings: InputSettings) -> Item:
    """Consume one record, whose version line lies at the cursor. The caller skips the blank lines behind it."""
    offset = stream.offset
    header_size = _header_size(stream)
    if header_size == 0:
        # No header before the last version line in reach can end well either: going on there keeps the cost linear.
        last = stream.window.rfind(b"\nWARC/", stream.cursor, stream.cursor + MAX_HEADER_BYTES)
        stream.cursor = max(stream.cursor, last)
        return _unframed(stream, "malformed_warc_header", "The WARC header does not end.", offset)
    fields = parse_fields(stream.take(stream.cursor, stream.cursor + header_size))
    url = (first(fields, "warc-target-uri") or "").strip("<> ") or None
    declared = first(fields, "content-length") or ""
    if not (declared.isascii() and declared.isdigit() and len(declared) < 19):
        stream.cursor += header_size - 1
        return _unframed(stream, "malformed_warc_header", f"Content-Length is {declared[:40]!r}.", offset)._replace(
            url=url
        )
    length = int(declared)
    if length > settings.max_record_bytes:
        stream.cursor += header_size
        if stream.discard(length) < length:
            return _cut_short(stream, offset, url, length)
        return Quarantined(offset, "record_too_large", f"{length} bytes are more than max_record_bytes.", url)

    size = header_size + length
    complete = stream.ahead(size) == size
    if not complete or not _followed_by_record(stream, size):
        # Either Content-Length is too large and the block has swallowed the next record, or (where no record is
        # inside) the block is good and what follows it is quarantined for itself.
        inside = _VERSION_INSIDE.search(
            stream.window, stream.cursor + header_size, stream.cursor + size + _LONGEST_VERSION
        )
        if inside:
            stream.cursor = inside.start() + 1
            return Quarantined(offset, "wrong_content_length", "Another record begins inside the declared length.", url)
        if not complete:
            stream.cursor = len(stream.window)
            return _cut_short(stream, offset, url, length)
    begin = stream.cursor + header_size
    stream.cursor += size
    return _classify(stream.take(begin, begin + length), fields, offset, url)


def _header_size(stream: InputStream) -> int:
    """Return the size of the header block at the cursor with its blank line, 0 where it does not end."""
    known = 0
    while True:
        end = BLANK_LINE.search(stream.window, stream.cursor + max(0, known - 3), stream.cursor + MAX_HEADER_BYTES)
        if end:
            return end.end() - stream.cursor
        known = len(stream.window) - stream.cursor
        if known >= MAX_HEADER_BYTES or not stream.fill():
            return 0


def _followed_by_record(stream: InputStream, size: int) -> bool:
    """Return whether blank lines and then a record, a break or the end of the file follow ``size`` bytes ahead."""
    size = _skip_blanks(stream, size)
    ahead = stream.ahead(size + _LONGEST_VERSION) - size
    if ahead < _LONGEST_VERSION:
        return ahead == 0 or _VERSION.match(stream.window, stream.cursor + size) is not None
    return _VERSION.match(stream.window, stream.cursor + size) is not None


def _cut_short(stream: InputStream, offset: int, url: str | None, length: int) -> Quarantined:
    """Return the item for a record whose block of ``length`` bytes the break or the file's end cuts."""
    broken = stream.broken
    if broken is None:
        return Quarantined(offset, "truncated_record", f"The file ends before the {length} bytes of the record.", url)
    stream.resume()
    return Quarantined(offset, broken.reason, broken.detail, url)


def _classify(block: bytes, fields: dict[str, list[str]], offset: int, url: str | None) -> Item:
    kind = (first(fields, "warc-type") or "").lower()
    content_type = first(fields, "content-type")
    if kind not in ("response", "resource", "conversion"):
        return Skipped(f"warc_{kind}" if kind in _OTHER_TYPES else "warc_other")
    if media_type(content_type) == "text/dns" or (url or "").startswith("dns:"):
        return Skipped("dns")
    if not block:
        return Skipped("empty_body")
    if url and _is_robots(url):
        return Skipped("robots_txt")
    path, offset = _source(fields) or (None, offset)
    record = Record(
        offset,
        "html",
        block,
        path=path,
        url=url,
        record_id=first(fields, "warc-record-id"),
        fetched_at=epoch_seconds(first(fields, "warc-date")),
        http_content_type=content_type,
        opt_out=_archived_reservations(fields),
    )
    if kind == "response" and (media_type(content_type) == "application/http" or status_of(block) is not None):
        return _from_http(record)
    return _by_media_type(record)


_OTHER_TYPES = frozenset(["warcinfo", "request", "metadata", "revisit", "continuation"])


def _is_robots(url: str) -> bool:
    try:
        return urlsplit(url).path == "/robots.txt"
    except ValueError:
        return False


def _from_http(record: Record) -> Item:
    """Return ``record``, whose payload is a whole HTTP response, with the body as payload."""
    block = record.payload
    status = status_of(block)
    if status is None:
        return _malformed(record, "The response has no HTTP status line.")
    if status != 200:
        return Skipped("http_status")
    end = BLANK_LINE.search(block, 0, MAX_HEADER_BYTES)
    if end is None:
        if len(block) < MAX_HEADER_BYTES:
            return Skipped("empty_body")
        return _malformed(record, "The HTTP header does not end.")
    if end.end() == len(block):
        return Skipped("empty_body")
    fields = parse_fields(block[: end.end()])
    return _by_media_type(
        record._replace(
            payload=block[end.end() :],
            http_content_type=first(fields, "content-type"),
            http_content_encoding=joined(fields, "content-encoding"),
            http_transfer_encoding=joined(fields, "transfer-encoding"),
            opt_out=sorted({*(record.opt_out or ()), *(reservations(fields) or ())}) or None,
        )
    )


def _malformed(record: Record, detail: str) -> Quarantined:
    return Quarantined(record.offset, "malformed_http", detail, record.url, record.path)


def _archived_reservations(fields: dict[str, list[str]]) -> list[str] | None:
    """Return the reservations that the WARC header names, sorted and distinct, or None. What is no name is ignored."""
    names = (joined(fields, _OPT_OUT_FIELD) or "").lower().split(",")
    return sorted({name.strip() for name in names if _RESERVATION.fullmatch(name.strip())}) or None


def _source(fields: dict[str, list[str]]) -> tuple[str, int] | None:
    """Return the file and the offset where the record lay before it was fetched, None where it does not say."""
    told = _SOURCE.fullmatch((first(fields, _SOURCE_FIELD) or "").strip())
    return (told.group(1), int(told.group(2))) if told else None


def _by_media_type(record: Record) -> Item:
    kind = media_type(record.http_content_type)
    if kind in _HTML:
        return record
    if kind == "text/plain":
        return record._replace(format="text")
    if kind in _UNDECLARED or "/" not in kind:
        # An encoded body does not show what it is: the decode step undoes it, and what is no markup yields no text.
        if record.http_content_encoding or _MARKUP.search(record.payload, 0, _SNIFFED):
            return record
        return Skipped("undeclared_media_type")
    return Skipped("media_type")
