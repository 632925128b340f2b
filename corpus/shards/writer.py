"""Writing Arrow IPC and Parquet files whose bytes depend on their rows only."""

from __future__ import annotations

import hashlib
from typing import Any, BinaryIO, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from corpus.shards.content_hash import ContentHash
from corpus.storage import Store

BATCH_BYTES = 8 << 20
BATCH_ROWS = 8192


class HashingSink:
    """A binary sink that counts and, unless not ``hashed``, hashes what passes through."""

    closed = False

    def __init__(self, stream: BinaryIO, *, hashed: bool = True) -> None:
        self._stream = stream
        self._state = hashlib.sha256()
        self._hashed = hashed
        self.size = 0

    def write(self, data: Any) -> int:
        """Write a buffer."""
        view = memoryview(data)
        self._stream.write(view)
        if self._hashed:
            self._state.update(view)
        self.size += view.nbytes
        return view.nbytes

    def flush(self) -> None:
        """Flush the stream below."""
        self._stream.flush()

    def sha256(self) -> str:
        """Return the hash of everything written, in hex."""
        return self._state.hexdigest()


class ShardWriter:
    """Writes batches of any size as an Arrow file with batch borders that depend on the rows alone.

    Rows are gathered until ``batch_bytes`` of ``sized_by`` or ``batch_rows``
    are reached; so the same rows give the same bytes however they arrive.
    ``batch_rows`` 0 means one batch for the whole shard. Without ``hashed``
    there are no hashes of content and file: for files that nothing verifies.
    """

    def __init__(
        self,
        store: Store,
        name: str,
        schema: pa.Schema,
        *,
        layout: Literal["file", "stream"] = "stream",
        compression: str | None = "zstd",
        compression_level: int | None = None,
        sized_by: str = "text",
        batch_bytes: int = BATCH_BYTES,
        batch_rows: int = BATCH_ROWS,
        hashed: bool = True,
    ) -> None:
        self.name, self.schema = name, schema
        self.rows = 0  # written and pending
        self.batches: list[dict[str, int]] = []
        self._sized_by, self._batch_bytes, self._batch_rows = sized_by, batch_bytes, batch_rows
        self._pending: list[pa.RecordBatch] = []
        self._pending_rows = 0
        self._pending_bytes = 0
        self._hash = ContentHash(schema) if hashed else None
        self._raw = store.open_write(name)
        self._sink = HashingSink(self._raw, hashed=hashed)
        codec = pa.Codec(compression, compression_level) if compression else None
        options = pa.ipc.IpcWriteOptions(compression=codec, use_threads=False)
        make = pa.ipc.new_stream if layout == "stream" else pa.ipc.new_file
        self._file = pa.PythonFile(self._sink, mode="w")
        self._writer = make(self._file, schema, options=options)

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows; columns are taken by name and cast to the schema."""
        if batch.num_rows == 0:
            return
        batch = _conformed(batch, self.schema)
        sizes = _sizes(batch.column(self._sized_by))
        start = 0
        while start < batch.num_rows:
            room_rows = self._batch_rows - self._pending_rows if self._batch_rows else batch.num_rows
            room_bytes = self._batch_bytes - self._pending_bytes
            reach = np.cumsum(sizes[start : start + room_rows])
            take = min(int(np.searchsorted(reach, room_bytes)) + 1, len(reach)) if self._batch_rows else len(reach)
            self._pending.append(batch.slice(start, take))
            self._pending_rows += take
            self.rows += take
            self._pending_bytes += int(reach[take - 1])
            start += take
            if self._batch_rows and (
                self._pending_rows >= self._batch_rows or self._pending_bytes >= self._batch_bytes
            ):
                self._emit()

    def _emit(self) -> None:
        if not self._pending:
            return
        joined = pa.concat_batches(self._pending)  # of a single one too: slice offsets would reach the file
        self._writer.write_batch(joined)
        if self._hash is not None:
            self._hash.update(joined)
        self.batches.append({"rows": joined.num_rows, "bytes": self._pending_bytes})
        self._pending, self._pending_rows, self._pending_bytes = [], 0, 0

    def close(self) -> dict[str, Any]:
        """Finish the file and return its entry: name, rows, bytes and, where hashed, sha256 and content hash."""
        self._emit()
        self._writer.close()
        self._sink.flush()
        self._raw.close()
        entry = {"path": self.name, "rows": self.rows, "bytes": self._sink.size}
        if self._hash is not None:
            entry |= {"sha256": self._sink.sha256(), "content_hash": self._hash.hexdigest()}
        return entry


def _conformed(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return ``batch`` with the columns of ``schema``, cast where their types are others.

    Raises ValueError for a null in a column that may have none.
    """
    columns = [batch.column(field.name) for field in schema]
    if all(
        column.type == field.type and (field.nullable or not column.null_count)
        for column, field in zip(columns, schema, strict=True)
    ):
        return pa.RecordBatch.from_arrays(columns, schema=schema)
    return batch.select(schema.names).cast(schema)


def _sizes(array: pa.Array) -> np.ndarray:
    import pyarrow.compute as pc

    if pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
        lengths = pc.list_value_length(array)
        width = array.type.value_type.bit_width // 8
    elif pa.types.is_string(array.type) or pa.types.is_large_string(array.type) or pa.types.is_large_binary(array.type):
        lengths, width = pc.binary_length(array), 1
    else:
        return np.ones(len(array), np.int64)
    return np.asarray(lengths.fill_null(0).cast(pa.int64()).to_numpy() * width)


def write_parquet(store: Store, name: str, table: pa.Table, row_group_size: int = 1 << 17) -> dict[str, Any] | None:
    """Write ``table`` as Parquet (zstd) and return its entry; an empty table writes nothing and returns None."""
    if table.num_rows == 0:
        return None
    # Strings repeat: paths, reasons, hosts. Keys, hashes and numbers hardly do, and building a dictionary that is
    # given up when it is full takes as long as writing them.
    repeating = [field.name for field in table.schema if pa.types.is_string(field.type)]
    raw = store.open_write(name)
    sink = HashingSink(raw)
    pq.write_table(
        table,
        pa.PythonFile(sink, mode="w"),
        compression="zstd",
        use_dictionary=repeating,
        row_group_size=row_group_size,
    )
    raw.close()
    return {"path": name, "rows": table.num_rows, "bytes": sink.size, "sha256": sink.sha256()}
