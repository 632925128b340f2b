"""A hash of what rows say, independent of batches, compression and file format.

Each column (and each child of a nested one) feeds three streams of bytes:
validity, lengths and values, in row order. How rows were cut into batches
cannot show, and a change of the compression library cannot either.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

DIGEST_BYTES = 32


class ContentHash:
    """Accumulates batches of one schema and gives a 32-byte BLAKE2b digest."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._rows = 0
        self._streams: dict[str, hashlib.blake2b] = {}

    def update(self, batch: pa.RecordBatch) -> None:
        """Add the rows of ``batch``."""
        self._rows += batch.num_rows
        for field in self._schema:
            self._feed(field.name, batch.column(field.name))

    def hexdigest(self) -> str:
        """Return the digest of all rows so far, in hex."""
        total = hashlib.blake2b(digest_size=DIGEST_BYTES)
        total.update(self._rows.to_bytes(8, "little"))
        for field in self._schema:
            total.update(f"{field.name}\0{field.type}\0".encode())
        for name in sorted(self._streams):
            total.update(name.encode() + b"\0" + self._streams[name].digest())
        return total.hexdigest()

    def _add(self, stream: str, data: object) -> None:
        if stream not in self._streams:
            self._streams[stream] = hashlib.blake2b(digest_size=DIGEST_BYTES)
        self._streams[stream].update(data)  # type: ignore[arg-type]

    def _feed(self, name: str, array: pa.Array) -> None:
        kind = array.type
        if array.null_count:
            self._add(f"{name}/valid", array.is_valid().to_numpy(zero_copy_only=False).astype(np.uint8))
        else:
            self._add(f"{name}/valid", np.ones(len(array), np.uint8))
        if (
            pa.types.is_string(kind)
            or pa.types.is_large_string(kind)
            or pa.types.is_binary(kind)
            or pa.types.is_large_binary(kind)
        ):
            self._feed_bytes(name, array)
        elif pa.types.is_fixed_size_binary(kind):
            filled = array.fill_null(b"\0" * kind.byte_width) if array.null_count else array
            start = filled.offset * kind.byte_width
            self._add(f"{name}/values", filled.buffers()[1][start : start + len(filled) * kind.byte_width])
        elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
            lengths = pc.list_value_length(array).fill_null(0).cast(pa.int64())
            self._add(f"{name}/lengths", lengths.to_numpy())
            self._feed(f"{name}/item", array.flatten())
        elif pa.types.is_struct(kind):
            for index in range(kind.num_fields):
                self._feed(f"{name}/{kind.field(index).name}", pc.struct_field(array, index))
        elif pa.types.is_timestamp(kind):
            self._feed_numbers(name, array.cast(pa.int64()))
        else:
            self._feed_numbers(name, array)

    def _feed_numbers(self, name: str, array: pa.Array) -> None:
        filled = array.fill_null(0) if array.null_count else array
        self._add(f"{name}/values", np.ascontiguousarray(filled.to_numpy(zero_copy_only=False)))

    def _feed_bytes(self, name: str, array: pa.Array) -> None:
        wide = pa.large_binary()
        plain = array.cast(pa.large_string()).view(wide) if pa.types.is_string(array.type) else array.cast(wide)
        if plain.null_count:
            plain = plain.fill_null(b"")
        offsets = np.frombuffer(plain.buffers()[1], np.int64)[plain.offset : plain.offset + len(plain) + 1]
        if len(plain) == 0:
            return
        self._add(f"{name}/lengths", np.diff(offsets))
        # Where no value has a byte, Arrow gives an empty buffer or none as it likes: neither may show.
        if offsets[-1] > offsets[0]:
            self._add(f"{name}/values", plain.buffers()[2][int(offsets[0]) : int(offsets[-1])])


def content_hash(schema: pa.Schema, batches: list[pa.RecordBatch]) -> str:
    """Return the content hash of ``batches`` in hex."""
    state = ContentHash(schema)
    for batch in batches:
        state.update(batch)
    return state.hexdigest()
