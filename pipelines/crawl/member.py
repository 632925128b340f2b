"""One record as Common Crawl stores it, a gzip member: is it sound, and where it came from, written into it.

The record is not compressed again. Its member begins with a stored block
instead, which holds a version line, the field ``WUDAO-Source`` and the name of
a field whose value is the version line that the record began with:

    WARC/1.0
    WUDAO-Source: crawl-data/…/CC-MAIN-….warc.gz 123456 7890
    WUDAO-Source-Version: WARC/1.0
    WARC-Type: response
    …

So the place travels with the record, through every reader of WARC files, and
``corpus/reading/warc.py`` makes it the document's location.
"""

from __future__ import annotations

import re
import struct
import zlib

MAX_RECORD_BYTES = 64 << 20  # decompressed; Common Crawl cuts payloads at 5 MiB
SOURCE_HEADER = "WUDAO-Source"  # file name, offset, length
VERSION_HEADER = "WUDAO-Source-Version"

_TARGET = re.compile(rb"(?i)^WARC-Target-URI:[ \t]*<?([^\r\n>]*)", re.MULTILINE)
_VERSION = re.compile(rb"WARC/\d+\.\d+(?=\r\n)")
_FIXED_HEADER = 10  # bytes of a gzip header without optional fields (RFC 1952, 2.3)
_FHCRC, _FEXTRA, _FNAME, _FCOMMENT = 2, 4, 8, 16
_TRAILER = 8  # CRC-32 and size
_OWN_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"


def inflated(member: bytes, length: int, url: str | None) -> bytes | str:
    """Return the record in ``member``, or a code that says why it is not one whole member with the record of ``url``.

    ``length`` is what the index says of the member; a ``url`` of None is not compared.
    """
    if len(member) < length:
        return "short_range"
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        record = inflater.decompress(member, MAX_RECORD_BYTES)
    except zlib.error:
        return "corrupt_gzip"
    if inflater.unconsumed_tail:
        return "record_too_large"
    if not inflater.eof or inflater.unused_data:
        return "not_one_member"
    if not _VERSION.match(record):
        return "not_a_record"
    target = _TARGET.search(record, 0, record.find(b"\r\n\r\n") + 1 or len(record))
    if url is not None and (target is None or target.group(1).decode("utf-8", "replace").strip() != url):
        return "another_record"
    return record


def with_source(member: bytes, record: bytes, filename: str, offset: int) -> bytes:
    """Return ``member``, which holds ``record``, with the place where it lies in Common Crawl as a header field.

    ``filename`` must have no white space. The compressed bytes are taken over: distances in them go backwards from
    where they are used, so that bytes in front change nothing but checksum and size.
    """
    version = record[: record.index(b"\r")]
    source = f"{SOURCE_HEADER}: {filename} {offset} {len(member)}\r\n{VERSION_HEADER}: ".encode("ascii")
    head = version + b"\r\n" + source
    stored = struct.pack("<BHH", 0, len(head), len(head) ^ 0xFFFF) + head  # RFC 1951, 3.2.4; more blocks follow
    trailer = struct.pack("<II", zlib.crc32(record, zlib.crc32(head)), (len(head) + len(record)) & 0xFFFFFFFF)
    return _OWN_HEADER + stored + member[_header_size(member) : -_TRAILER] + trailer


def _header_size(member: bytes) -> int:
    """Return the bytes of the gzip header of a sound member (RFC 1952, 2.3)."""
    flags, at = member[3], _FIXED_HEADER
    if flags & _FEXTRA:
        at += 2 + int.from_bytes(member[at : at + 2], "little")
    for flag in (_FNAME, _FCOMMENT):
        if flags & flag:
            at = member.index(b"\0", at) + 1
    return at + 2 if flags & _FHCRC else at
