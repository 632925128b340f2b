"""Whatever bytes come: nothing is raised, everything is counted, batches do not depend on luck."""

from __future__ import annotations

import gzip
import io
from datetime import UTC, datetime

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from reading_archives import http, members, page, warc_record

from corpus.config.input import InputSettings
from corpus.reading.dates import epoch_seconds
from corpus.reading.formats import FORMATS, reader
from corpus.reading.piece import Piece
from corpus.reading.records import Batcher

SETTINGS = InputSettings(max_record_bytes=1 << 16, max_decompressed_bytes=1 << 22, batch_rows=7, batch_bytes=1 << 12)
ARCHIVE = [warc_record(http(page(number)), url=f"http://a.cn/{number}") for number in range(6)]
ROWS = b'{"text": "\xe5\xa5\xbd", "refs": [{"a": 1}, {"b": 2}]}'
SAMPLES = {
    "warc": [b"".join(ARCHIVE), members(*ARCHIVE), b"".join(map(zstandard.compress, ARCHIVE))],
    "jsonl": [(ROWS + b"\n") * 9, gzip.compress((ROWS + b"\n") * 9), zstandard.compress((ROWS + b"\n") * 9)],
    "wudao": [b"[" + b",\n".join([ROWS] * 9) + b"]"],
    "html": [page(1), gzip.compress(page(1))],
    "text": [page(1)],
}


def read_bytes(data: bytes, name: str) -> list[tuple[int, int, dict[str, int], int]]:
    piece = Piece("a", "a", name, 0, len(data), len(data), "")
    batcher = Batcher(SETTINGS.batch_bytes, SETTINGS.batch_rows)
    batches = [*batcher.batches("a", reader(name)(io.BytesIO(data), piece, SETTINGS)), *batcher.rest()]
    for batch in batches:
        assert batch.n_read == batch.records.num_rows + sum(batch.skipped.values()) + batch.quarantined.num_rows
    return [(batch.n_read, batch.records.num_rows, batch.skipped, batch.quarantined.num_rows) for batch in batches]


@given(
    data=st.binary(max_size=2000),
    name=st.sampled_from(sorted(FORMATS)),
    head=st.sampled_from([b"", b"WARC/1.0\r\n", b"[{", b"\x1f\x8b\x08\0"]),
)
@settings(max_examples=150, deadline=None)
def test_random_bytes(data, name, head):
    batches = read_bytes(head + data, name)
    assert batches == read_bytes(head + data, name)
    if (head + data).strip() and name in ("warc", "html", "text"):
        assert batches


@pytest.mark.parametrize("name", sorted(SAMPLES))
@given(data=st.data())
@settings(max_examples=80, deadline=None)
def test_mutated_files(name, data):
    sample = bytearray(data.draw(st.sampled_from(SAMPLES[name])))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(sample) - 1))
        match data.draw(st.sampled_from(["flip", "cut", "insert", "truncate"])):
            case "flip":
                sample[place] ^= data.draw(st.integers(1, 255))
            case "cut":
                del sample[place : place + data.draw(st.integers(1, 200))]
            case "insert":
                sample[place:place] = data.draw(st.binary(min_size=1, max_size=50))
            case "truncate":
                del sample[place:]
        if not sample:
            return
    read_bytes(bytes(sample), name)


@given(place=st.integers(3, len(SAMPLES["warc"][1]) - 1), value=st.integers(1, 255))
@settings(max_examples=150, deadline=None)
def test_a_flipped_byte_in_a_gzip_archive_never_loses_a_record_silently(place, value):
    sample = bytearray(SAMPLES["warc"][1])
    sample[place] ^= value
    batches = read_bytes(bytes(sample), "warc")
    records = sum(batch[1] for batch in batches)
    assert records >= len(ARCHIVE) - 1
    assert records == len(ARCHIVE) or sum(batch[3] for batch in batches) >= 1


@given(moment=st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2100, 1, 1)))
def test_dates_in_every_notation(moment):
    moment = moment.replace(microsecond=0)
    seconds = int(moment.replace(tzinfo=UTC).timestamp())
    for text in (moment.isoformat() + "Z", f"{moment:%Y/%m/%d %H:%M:%S}", f"{moment:%Y年%m月%d日 %H时%M分%S秒}"):
        assert epoch_seconds(text) == seconds
    assert epoch_seconds(seconds * 1000 if seconds > 10**8 else seconds) == seconds
    assert epoch_seconds(moment.strftime("%a, %d %b %Y %H:%M:%S GMT")) == seconds


@given(value=st.one_of(st.text(max_size=70), st.floats(), st.integers(), st.none(), st.lists(st.integers())))
def test_no_date_raises(value):
    result = epoch_seconds(value)
    assert result is None or abs(result) < 1 << 40
