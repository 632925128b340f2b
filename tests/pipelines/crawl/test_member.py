"""Records as gzip members: what is unsound is told, and a header field goes in without compressing again."""

from __future__ import annotations

import gzip
import io
import struct
import zlib

import pytest
from fastwarc.warc import ArchiveIterator as FastArchive
from hypothesis import given
from hypothesis import strategies as st
from miniature_common_crawl import record
from warcio.archiveiterator import ArchiveIterator

from corpus.config.input import InputSettings
from corpus.reading.piece import Piece
from corpus.reading.records import Record
from corpus.reading.warc import read
from pipelines.crawl.member import inflated, with_source

NAME = "crawl-data/CC-MAIN-2026-47/segments/1/warc/CC-MAIN-00000.warc.gz"


def test_members_are_checked() -> None:
    url, member = record(1, 1)
    assert inflated(member, len(member), url) == gzip.decompress(member)
    assert inflated(member[:-1], len(member), url) == "short_range"
    assert inflated(member[:-4], len(member) - 4, url) == "not_one_member"
    assert inflated(member + member, 2 * len(member), url) == "not_one_member"
    assert inflated(member, len(member), "http://other.example/") == "another_record"
    assert inflated(b"x" * 9, 9, url) == "corrupt_gzip"
    text = gzip.compress(b"hello")
    assert inflated(text, len(text), url) == "not_a_record"


@given(
    st.text(max_size=3000),
    st.integers(0, 9),
    st.sampled_from([b"", b"name", b"comment"]),
    st.booleans(),
    st.booleans(),
    st.integers(0, 10**12),
)
def test_the_field_is_added_to_any_member(
    text: str, level: int, label: bytes, extra: bool, checked: bool, offset: int
) -> None:
    block = b"WARC/1.1\r\nWARC-Type: response\r\n\r\n" + text.encode()
    deflater = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    flags = {b"": 0, b"name": 8, b"comment": 16}[label] | (4 if extra else 0) | (2 if checked else 0)
    header = struct.pack("<BBBBIBB", 31, 139, 8, flags, 1234, 0, 3)
    header += struct.pack("<H5s", 5, b"ab\x01\x00z") if extra else b""
    header += label + b"\0" if label else b""
    header += struct.pack("<H", zlib.crc32(header) & 0xFFFF) if checked else b""
    body = deflater.compress(block) + deflater.flush()
    member = header + body + struct.pack("<II", zlib.crc32(block), len(block))
    assert inflated(member, len(member), None) == block
    out = with_source(member, block, NAME, offset)
    head = f"WARC/1.1\r\nWUDAO-Source: {NAME} {offset} {len(member)}\r\nWUDAO-Source-Version: ".encode()
    assert gzip.decompress(out) == head + block
    assert body in out


def test_every_reader_reads_the_record_as_before() -> None:
    pairs = [record(number, 2) for number in range(5)]
    plain = b"".join(member for _, member in pairs)
    marked = b"".join(with_source(m, gzip.decompress(m), NAME, 1000 * n) for n, (_, m) in enumerate(pairs))
    for archive in (plain, marked):
        read_by_warcio = [
            (one.rec_headers["WARC-Target-URI"], one.raw_stream.read())
            for one in ArchiveIterator(io.BytesIO(archive), no_record_parse=True)
        ]
        read_by_fastwarc = [
            (one.headers["WARC-Target-URI"], one.reader.read())
            for one in FastArchive(io.BytesIO(archive), parse_http=False)
        ]
        assert [url for url, _ in pairs] == [url for url, _ in read_by_warcio] == [url for url, _ in read_by_fastwarc]
        assert [block for _, block in read_by_warcio] == [block for _, block in read_by_fastwarc]
    ours, before = (list(read(io.BytesIO(one), _piece(one), InputSettings())) for one in (marked, plain))
    assert [one.offset for one in ours if isinstance(one, Record)] == [0, 1000, 2000, 3000, 4000]
    for after, plain_one in zip(ours, before, strict=True):
        assert isinstance(after, Record)
        assert isinstance(plain_one, Record)
        assert (after.path, plain_one.path) == (NAME, None)
        assert after._replace(path=None, offset=0) == plain_one._replace(offset=0)


@pytest.mark.parametrize("told", ["a b c", "../x", f"{NAME} 12", f"{NAME} -1 5", "x" * 600 + " 1 2", ""])
def test_what_is_no_place_is_ignored(told: str) -> None:
    block = gzip.decompress(record(1, 1)[1]).replace(b"WARC-Type", b"WUDAO-Source: %s\r\nWARC-Type" % told.encode(), 1)
    (item,) = read(io.BytesIO(block), _piece(block), InputSettings())
    assert isinstance(item, Record)
    assert (item.path, item.offset) == (None, 0)


def _piece(data: bytes) -> Piece:
    return Piece("x.warc.gz", "x.warc.gz", "warc", 0, len(data), len(data), "")
