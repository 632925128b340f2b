"""Decode: any bytes at all, in any batches, and pages mutated by the thousand."""

from __future__ import annotations

import gzip
import random

import pyarrow as pa
import pytest
from decode_pages import CODINGS, HANS, HANT, JA, KO, chunked, page, record, run
from hypothesis import given
from hypothesis import strategies as st

from corpus.config.decode import DecodeSettings
from corpus.schema import RECORDS
from corpus.steps.decode import Decode


def test_independent_of_batching(step: Decode) -> None:
    texts = [HANS.encode(), HANS.encode("gbk"), b"", HANT.encode("big5"), gzip.compress(HANS.encode()), b"plain"]
    rows = [record(body, http_content_encoding="gzip" if body[:1] == b"\x1f" else "") for body in texts]
    whole = run(step, *rows).batch.to_pylist()
    single = [row for item in rows for row in run(step, item).batch.to_pylist()]
    batch = pa.RecordBatch.from_pylist(rows * 2, schema=RECORDS).slice(3, 6)
    assert whole == single
    assert step.apply(batch).batch.num_rows == 5


def test_clean_utf8_batches_share_the_payload_buffer(step: Decode) -> None:
    batch = pa.RecordBatch.from_pylist([record(HANS.encode()), record(page(HANT).encode())], schema=RECORDS)
    content = step.apply(batch).batch.column("content")
    assert content.buffers()[2].address == batch.column("payload").buffers()[2].address


@given(st.lists(st.text(min_size=1).filter(lambda text: not text.startswith(("\ufeff", "\ufffe"))), max_size=6))
def test_any_utf8_text_survives_without_controls(texts: list[str]) -> None:
    step = _loaded()
    texts = [HANS + "".join(c for c in text if c.isprintable()) for text in texts]
    outcome = run(step, *(record(text.encode()) for text in texts))
    assert outcome.batch.column("content").to_pylist() == texts


@given(st.lists(st.binary(max_size=300), max_size=8), st.sampled_from(["", "gzip", "deflate", "br", "zstd"]))
def test_any_bytes_balance(payloads: list[bytes], coding: str) -> None:
    outcome = run(_loaded(), *(record(payload, http_content_encoding=coding) for payload in payloads))
    assert outcome.batch.num_rows + len(outcome.removals) == len(payloads)
    outcome.batch.validate(full=True)


_STEPS: list[Decode] = []


def _loaded() -> Decode:
    if not _STEPS:
        _STEPS.append(Decode(DecodeSettings()))
        _STEPS[0].load()
    return _STEPS[0]


def mutate(body: bytes, source: random.Random) -> bytes:
    """Return ``body`` with bits flipped, a piece cut out or doubled, or its end cut off."""
    data = bytearray(body)
    for _ in range(source.randrange(1, 8)):
        if not data:
            break
        at = source.randrange(len(data))
        action = source.randrange(4)
        if action == 0:
            data[at] ^= 1 << source.randrange(8)
        elif action == 1:
            del data[at : at + source.randrange(1, 20)]
        elif action == 2:
            data[at:at] = data[at : at + source.randrange(1, 50)]
        else:
            del data[len(data) - source.randrange(min(len(data), 30)) :]
    return bytes(data)


def check_mutated(count: int) -> None:
    step = _loaded()
    source = random.Random(20261123)
    bodies = [
        page(HANS, "gbk").encode("gbk"), page(HANT).encode("big5"), page(HANS).encode(), page(JA).encode("shift_jis"),
        page(KO).encode("euc_kr"), page(HANS).encode("utf-16"), page(HANS).encode("gb18030"),
    ]  # fmt: skip
    codings = ["", *CODINGS]
    for start in range(0, count, 100):
        rows = []
        for _ in range(start, min(start + 100, count)):
            coding = source.choice(codings)
            body = source.choice(bodies)
            body = CODINGS[coding](body) if coding else body
            framed = source.random() < 0.2
            rows.append(
                record(
                    mutate(chunked(body) if framed else body, source),
                    http_content_encoding=coding,
                    http_transfer_encoding="chunked" if framed else "",
                    http_content_type=source.choice(["", "text/html; charset=gbk", "text/html; charset=\ufffd"]),
                )
            )
        outcome = run(step, *rows)
        assert outcome.batch.num_rows + len(outcome.removals) == len(rows)
        outcome.batch.validate(full=True)


def test_mutated_pages() -> None:
    check_mutated(600)


@pytest.mark.slow
def test_twenty_thousand_mutated_pages() -> None:
    check_mutated(20_000)


@pytest.mark.slow
@pytest.mark.parametrize("body", [b"<" * 50_000_000, "字".encode() * 17_000_000, "字".encode("gbk") * 25_000_000])
def test_fifty_megabyte_lines(step: Decode, body: bytes) -> None:
    assert run(step, record(body)).batch.num_rows == 1
