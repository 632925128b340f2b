"""Decode: content and transfer encodings, whole, cut, broken, lying and hostile."""

from __future__ import annotations

import gzip

import brotli
import pytest
from decode_pages import CODINGS, HANS, HANT, chunked, noise_bytes, one, page, record, run

from corpus.config.decode import DecodeSettings
from corpus.steps.decode import Decode

LONG = "".join(f"第{number}条　{HANS[number % 30 :]}" for number in range(3000))


@pytest.mark.parametrize("coding", CODINGS)
def test_content_codings(step: Decode, coding: str) -> None:
    body = CODINGS[coding](HANS.encode("gbk"))
    assert one(step, body, http_content_encoding=coding, http_content_type="text/html; charset=gbk")["content"] == HANS


@pytest.mark.parametrize("coding", CODINGS)
def test_truncated_streams_keep_what_decodes(step: Decode, coding: str) -> None:
    body = CODINGS[coding](LONG.encode())
    content = str(one(step, body[: len(body) * 3 // 4], http_content_encoding=coding)["content"]).rstrip("\ufffd")
    assert len(content) > len(LONG) // 4
    assert LONG.startswith(content)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_corrupt_streams_keep_what_comes_before(step: Decode, coding: str) -> None:
    body = bytearray(CODINGS[coding](LONG.encode()))
    middle = len(body) // 2
    body[middle : middle + 40] = b"\xff" * 40
    content = str(one(step, bytes(body), http_content_encoding=coding)["content"])
    assert content[: len(LONG) // 4] == LONG[: len(LONG) // 4]


@pytest.mark.parametrize("coding", [*CODINGS, "identity", "utf-8", "gzip, br"])
def test_lying_coding_headers_keep_plain_text(step: Decode, coding: str) -> None:
    assert one(step, page(HANS).encode(), http_content_encoding=coding)["content"] == page(HANS)


def test_codings_are_undone_last_first(step: Decode) -> None:
    body = brotli.compress(gzip.compress(HANS.encode()))
    assert one(step, body, http_content_encoding="gzip, br")["content"] == HANS


def test_gzip_without_a_header_and_members_in_a_row(step: Decode) -> None:
    assert one(step, gzip.compress(HANS.encode()) + gzip.compress(HANT.encode()))["content"] == HANS + HANT


@pytest.mark.parametrize("cut", [0, 3, 7, 40])
def test_chunks_whole_and_cut(step: Decode, cut: int) -> None:
    body = chunked(HANS.encode())
    content = str(one(step, body[: len(body) - cut], http_transfer_encoding="chunked")["content"])
    assert HANS.startswith(content.rstrip("\ufffd"))
    assert len(content) > len(HANS) - 20


def test_chunked_header_on_an_unframed_body(step: Decode) -> None:
    assert one(step, page(HANS).encode(), http_transfer_encoding="chunked")["content"] == page(HANS)


def test_chunked_gzip(step: Decode) -> None:
    body = chunked(gzip.compress(HANS.encode()))
    row = one(step, body, http_transfer_encoding="chunked", http_content_encoding="gzip")
    assert row["content"] == HANS


def test_broken_chunk_frame_keeps_the_rest(step: Decode) -> None:
    body = b"5\r\nabcde\r\nnot a size\r\n" + HANS.encode()
    assert HANS in str(one(step, body, http_transfer_encoding="chunked")["content"])


def test_bombs_are_quarantined() -> None:
    step = Decode(DecodeSettings(max_bytes=1 << 20, expansion_floor=1 << 16))
    step.load()
    nested = gzip.compress(gzip.compress(b"\0" * (1 << 22)))
    rows = [record(CODINGS[coding](b"\0" * (1 << 22)), http_content_encoding=coding) for coding in CODINGS]
    outcome = run(step, *rows, record(nested, http_content_encoding="gzip, gzip"), record(HANS.encode()))
    assert {(removal.kind, removal.reason) for removal in outcome.removals} == {("quarantined", "decompression_budget")}
    assert len(outcome.removals) == len(rows) + 1
    assert outcome.batch.column("content").to_pylist() == [HANS]


def test_undecodable_coding_is_quarantined(step: Decode) -> None:
    noise = noise_bytes(4000)
    outcome = run(step, record(noise, http_content_encoding="br"))
    assert [(removal.kind, removal.reason) for removal in outcome.removals] == [("quarantined", "content_encoding")]
