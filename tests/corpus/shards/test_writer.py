"""Shard files: the same rows give the same bytes, however they arrive."""

from __future__ import annotations

import itertools
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.shards.writer import ShardWriter, write_parquet
from corpus.storage import Store

SCHEMA = pa.schema([pa.field("doc_key", pa.binary(4)), pa.field("text", pa.large_string())])


def write(store: Store, name: str, rows: list[str], cuts: list[int], **options: object) -> dict:
    writer = ShardWriter(store, name, SCHEMA, batch_bytes=64, batch_rows=4, **options)  # type: ignore[arg-type]
    batch = pa.RecordBatch.from_pylist([{"doc_key": b"%04d" % i, "text": text} for i, text in enumerate(rows)], SCHEMA)
    borders = sorted({0, *[cut for cut in cuts if cut <= len(rows)], len(rows)})
    for start, stop in itertools.pairwise(borders):
        writer.write(batch.slice(start, stop - start))
    return writer.close()


@given(
    st.lists(st.text(alphabet="条款第一款之规定", max_size=30), max_size=20), st.lists(st.integers(0, 20), max_size=6)
)
def test_bytes_depend_on_rows_alone(tmp_path_factory: object, rows: list[str], cuts: list[int]) -> None:
    folder: Path = tmp_path_factory.mktemp("shards")  # type: ignore[attr-defined]
    store = Store(folder)
    whole = write(store, "whole.arrow", rows, [])
    pieces = write(store, "pieces.arrow", rows, cuts)
    assert (folder / "whole.arrow").read_bytes() == (folder / "pieces.arrow").read_bytes()
    assert whole["content_hash"] == pieces["content_hash"]
    assert pa.ipc.open_stream(folder / "whole.arrow").read_all().column("text").to_pylist() == rows


def test_the_content_hash_survives_another_compression(tmp_path: Path) -> None:
    store = Store(tmp_path)
    rows = ["本院认为，被告应当承担违约责任。"] * 9
    zstd = write(store, "a.arrow", rows, [], compression="zstd")
    plain = write(store, "b.arrow", rows, [], compression=None)
    assert zstd["sha256"] != plain["sha256"]
    assert zstd["content_hash"] == plain["content_hash"]


def test_a_null_where_none_may_be_is_refused(tmp_path: Path) -> None:
    schema = pa.schema([pa.field("text", pa.large_string(), nullable=False), pa.field("n_chars", pa.int32())])
    writer = ShardWriter(Store(tmp_path), "a.arrow", schema)
    writer.write(pa.RecordBatch.from_pydict({"n_chars": pa.array([2], pa.int64()), "text": ["合同"]}))
    with pytest.raises(ValueError, match="null"):
        writer.write(pa.RecordBatch.from_pydict({"text": pa.array([None], pa.large_string()), "n_chars": [None]}))
    writer.close()
    assert pa.ipc.open_stream(tmp_path / "a.arrow").read_all().to_pylist() == [{"text": "合同", "n_chars": 2}]


def test_an_empty_table_writes_no_parquet(tmp_path: Path) -> None:
    assert write_parquet(Store(tmp_path), "none.parquet", SCHEMA.empty_table()) is None
    assert not (tmp_path / "none.parquet").exists()


def test_files_that_nothing_verifies_are_not_hashed(tmp_path: Path) -> None:
    entry = write(Store(tmp_path), "a.arrow", ["合同", "判决"], [], hashed=False)
    assert entry == {"path": "a.arrow", "rows": 2, "bytes": (tmp_path / "a.arrow").stat().st_size}


def test_parquet_dictionaries_are_for_strings_only(tmp_path: Path) -> None:
    keys = pa.array([b"%04d" % i for i in range(900)], pa.binary(4))
    table = pa.table({"doc_key": keys, "reason": ["太短"] * 900, "offset": range(900)})
    entry = write_parquet(Store(tmp_path), "rejects.parquet", table)
    assert entry is not None
    assert pq.read_table(tmp_path / "rejects.parquet").equals(table)
    group = pq.read_metadata(tmp_path / "rejects.parquet").row_group(0)
    assert [group.column(place).has_dictionary_page for place in range(3)] == [False, True, False]
    assert group.column(2).statistics.max == 899
