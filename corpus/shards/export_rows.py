"""Rows of a corpus as Parquet and JSON Lines files for other programs.

In these formats a ``doc_key`` is 32 hex digits and a score the shortest decimal
that means the stored float32; nothing else changes.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import zstandard

from corpus.storage import Store

FLOAT_DIGITS = 6  # float32 holds six significant digits, and scores lie between 0 and 1
ROW_GROUP_BYTES = 64 << 20  # what readers hold in memory at once
ZSTD_LEVEL = 3


@contextmanager
def whole_file(store: Store, name: str) -> Iterator[BinaryIO]:
    """Open ``name`` for writing so that it appears whole, under a name of the user's, even if two attempts write it."""
    if not store.local:
        with store.open_write(name) as stream:  # an object appears when it is closed
            yield stream
        return
    temporary = f"{name}.{secrets.token_hex(6)}.part"
    try:
        with store.open_write(temporary) as stream:
            yield stream
        os.replace(store.path(temporary), store.path(name))
    finally:
        store.delete(temporary)


def with_hex_keys(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return ``batch`` with ``doc_key`` as a string of hex digits."""
    index = batch.schema.get_field_index("doc_key")
    if index < 0:
        return batch
    keys = pa.array([key.hex() for key in batch.column(index).to_pylist()], pa.string())
    return batch.set_column(index, pa.field("doc_key", pa.string(), nullable=False), keys)


def write_parquet_rows(stream: BinaryIO, batches: Iterable[pa.RecordBatch]) -> int:
    """Write ``batches`` as one Parquet file (zstd, row groups of about 64 MB) and return the number of rows."""
    writer: pq.ParquetWriter | None = None
    held: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in map(with_hex_keys, batches):
        if writer is None:
            writer = pq.ParquetWriter(pa.PythonFile(stream, mode="w"), batch.schema, compression="zstd")
        held.append(batch)
        rows += batch.num_rows
        size += batch.nbytes
        if size >= ROW_GROUP_BYTES:
            writer.write_table(pa.Table.from_batches(held))
            held, size = [], 0
    if writer is not None:
        if held:
            writer.write_table(pa.Table.from_batches(held))
        writer.close()
    return rows


def write_json_lines(stream: BinaryIO, batches: Iterable[pa.RecordBatch]) -> int:
    """Write one JSON object a line, without null values, compressed with zstd; return the number of rows."""
    rows = 0
    with zstandard.ZstdCompressor(level=ZSTD_LEVEL).stream_writer(stream, closefd=False) as packed:
        for batch in batches:
            for row in json_rows(batch):
                packed.write(orjson.dumps(row) + b"\n")
                rows += 1
    return rows


def json_rows(batch: pa.RecordBatch) -> Iterator[dict[str, Any]]:
    """Yield the rows of ``batch`` as JSON values without nulls."""
    plain = with_hex_keys(batch)
    columns = {name: _plain(plain.column(name)).to_pylist() for name in plain.schema.names}
    for values in zip(*columns.values(), strict=True):
        yield {name: value for name, value in zip(columns, values, strict=True) if value is not None}


def _plain(array: pa.Array) -> pa.Array:
    """Return ``array`` with floats as rounded doubles and times as ISO 8601 strings, at any depth."""
    kind = array.type
    if pa.types.is_float32(kind):
        return pc.round(array.cast(pa.float64()), FLOAT_DIGITS)
    if pa.types.is_timestamp(kind):
        return pc.strftime(array, format="%Y-%m-%dT%H:%M:%SZ")
    if pa.types.is_list(kind):
        lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy()
        offsets = np.zeros(len(array) + 1, np.int32)
        np.cumsum(lengths, out=offsets[1:])
        mask = array.is_null() if array.null_count else None
        return pa.ListArray.from_arrays(pa.array(offsets), _plain(array.flatten()), mask=mask)
    if pa.types.is_struct(kind):
        names = [kind.field(index).name for index in range(kind.num_fields)]
        return pa.StructArray.from_arrays([_plain(child) for child in array.flatten()], names=names)
    return array
