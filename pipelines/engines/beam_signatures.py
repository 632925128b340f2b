"""What Beam workers read from the signature files of splits, and from the files of earlier builds' indexes.

An earlier build's file of ordinal n stands as split -1 - n, as in SQL.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from corpus.storage import Store
from pipelines.engines.beam_batches import ELEMENT_ROWS, Tables
from pipelines.engines.interface import Signed

FILES: Final = pa.schema(
    [
        pa.field("split", pa.int64(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("build", pa.string()),  # null: this one
    ]
)
NARROW: Final = pa.schema(
    [
        pa.field("split", pa.int32(), nullable=False),
        pa.field("row", pa.int32(), nullable=False),
        pa.field("doc_key", pa.binary(), nullable=False),
        pa.field("content_hash", pa.binary(), nullable=False),
        pa.field("quality", pa.int32(), nullable=False),
        pa.field("n_chars", pa.int32(), nullable=False),
        pa.field("k", pa.int64(), nullable=False),  # key64 of doc_key
        pa.field("component", pa.binary()),  # that an earlier build gave; null: a document of this build
        pa.field("build", pa.string()),
    ]
)
BUCKETS: Final = pa.schema([pa.field("k", pa.int64(), nullable=False), pa.field("h", pa.int64(), nullable=False)])
SKETCHES: Final = pa.schema(
    [pa.field("k", pa.int64(), nullable=False), pa.field("sketch", pa.binary(), nullable=False)]
)


def worklist(signed: Signed) -> list[dict[str, object]]:
    """Return one row of FILES for each file."""
    new: list[dict[str, object]] = [
        {"split": split, "path": path, "build": None} for split, path in sorted(signed.splits.items())
    ]
    return new + [
        {"split": -1 - ordinal, "path": one.path, "build": one.build} for ordinal, one in enumerate(signed.earlier)
    ]


def key64(column: pa.Array, first: int) -> NDArray[np.int64]:
    """Return 8 bytes of each 16-byte value, from byte ``first`` (1-based), as in :mod:`corpus.dedupe.session`."""
    raw = column.cast(pa.binary(16))
    matrix = np.frombuffer(raw.buffers()[1], np.uint8)[raw.offset * 16 : (raw.offset + len(raw)) * 16].reshape(-1, 16)
    window = np.ascontiguousarray(matrix[:, first - 1 : first + 7])
    return (window.view(">u8").reshape(-1).astype(np.uint64) ^ np.uint64(1 << 63)).view(np.int64)


def _read(tables: Tables, columns: Sequence[str]) -> Iterator[tuple[dict[str, object], pa.RecordBatch]]:
    """Yield the batches of the files that ``tables`` name, each with its row of FILES."""
    for file in tables["files"].to_pylist():
        folder, _, name = str(file["path"]).rpartition("/")
        held = [one for one in columns if one != "component" or file["split"] < 0]
        with Store(folder).open_read(name) as stream, pq.ParquetFile(stream, pre_buffer=False) as parquet:
            for batch in parquet.iter_batches(ELEMENT_ROWS, columns=held, use_threads=False):
                yield file, batch


@dataclass(frozen=True)
class ReadNarrow:
    """The columns that repeats, contents and ranks need: some 60 bytes a document."""

    first: int

    def __call__(self, tables: Tables) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Yield rows of NARROW."""
        names = ("row", "doc_key", "content_hash", "quality", "n_chars", "component")
        for file, batch in _read(tables, names):
            rows = batch.num_rows
            columns = {
                "split": pa.array(np.full(rows, file["split"], np.int32)),
                "k": pa.array(key64(batch.column("doc_key"), self.first)),
                "build": pa.array([file["build"]] * rows, pa.string()),
                "component": pa.nulls(rows, pa.binary()),
            }
            columns |= {name: batch.column(name) for name in batch.schema.names}
            arrays = [columns[field.name].cast(field.type) for field in NARROW]
            yield "signatures", pa.RecordBatch.from_arrays(arrays, schema=NARROW)


@dataclass(frozen=True)
class ReadBands:
    """A row (k, h) for each band of each node: what is not ``absorbed`` (split, row)."""

    first: int

    def __call__(self, tables: Tables) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Yield rows of BUCKETS."""
        absorbed = np.unique(tables["absorbed"]["row"].to_numpy())
        for _, batch in _read(tables, ("row", "doc_key", "bands")):
            node = pa.array(~np.isin(batch.column("row").to_numpy(), absorbed))
            bands, keys = batch.column("bands").filter(node), batch.column("doc_key").filter(node)
            owners = bands.value_parent_indices().to_numpy()
            columns = [pa.array(key64(keys, self.first)[owners]), bands.flatten()]
            yield "bucket_rows", pa.RecordBatch.from_arrays(columns, schema=BUCKETS)


@dataclass(frozen=True)
class ReadSketches:
    """The sketch of each ``wanted`` row (split, row, k). A file of which nothing is wanted is not read."""

    def __call__(self, tables: Tables) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Yield rows of SKETCHES."""
        wanted = tables["wanted"]
        if not wanted.num_rows:
            return
        rows, keys = wanted["row"].to_numpy(), wanted["k"].to_numpy()
        order = np.argsort(rows)
        rows, keys = rows[order], keys[order]
        for _, batch in _read(tables, ("row", "signature")):
            own = batch.column("row").to_numpy()
            place = np.minimum(np.searchsorted(rows, own), len(rows) - 1)
            found = rows[place] == own
            columns = [pa.array(keys[place[found]]), batch.column("signature").filter(pa.array(found))]
            yield "candidate_sketches", pa.RecordBatch.from_arrays(columns, schema=SKETCHES)
