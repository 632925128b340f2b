"""Parquet files: one row is one record. Splits are ranges of row groups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from corpus.config.input import InputSettings
from corpus.reading.fields import FieldMap
from corpus.reading.piece import Piece
from corpus.reading.records import Item, Quarantined

# Rows decoded at once, unless they are so long that this many would exceed batch_bytes.
_MAX_ROWS = 1024


def read(raw: BinaryIO, piece: Piece, settings: InputSettings) -> Iterator[Item]:
    """Yield one item for each row of the piece's row groups; ``offset`` is the row's number in the file.

    A row group that does not decode is one quarantined item from its first
    lost row on: its rows cannot be told apart.
    """
    try:
        file = pq.ParquetFile(raw, pre_buffer=False)  # else threads of Arrow read it, and may outlive it
    except (pa.ArrowException, OSError, ValueError) as error:
        yield Quarantined(-1, "corrupt_parquet", _one_line(error))
        return
    fields = FieldMap(settings)
    wanted = fields.columns()
    columns = [name for name in file.schema_arrow.names if name in wanted]
    metadata = file.metadata
    row = sum(metadata.row_group(group).num_rows for group in range(min(piece.start, metadata.num_row_groups)))
    for group in range(piece.start, min(piece.end, metadata.num_row_groups)):
        layout = metadata.row_group(group)
        if layout.total_byte_size > settings.max_decompressed_bytes:
            yield Quarantined(row, "decompressed_too_large", f"Row group {group} exceeds max_decompressed_bytes.")
        else:
            yield from _rows(file, group, columns, fields, row, settings)
        row += layout.num_rows


def _rows(
    file: pq.ParquetFile, group: int, columns: list[str], fields: FieldMap, row: int, settings: InputSettings
) -> Iterator[Item]:
    layout = file.metadata.row_group(group)
    mean_bytes = max(1, layout.total_byte_size // max(1, layout.num_rows))
    size = max(1, min(_MAX_ROWS, settings.batch_bytes // mean_bytes))
    last = row + layout.num_rows - 1
    try:
        for batch in file.iter_batches(batch_size=size, row_groups=[group], columns=columns, use_threads=False):
            if not columns:
                batch = pa.RecordBatch.from_pylist([{}] * batch.num_rows)
            for values in batch.to_pylist():
                yield fields.record(values, row)
                row += 1
    except (pa.ArrowException, OSError, ValueError) as error:
        yield Quarantined(row, "corrupt_parquet", f"Rows {row} to {last} are lost: {_one_line(error)}")


def row_group_bytes(raw: BinaryIO) -> list[int]:
    """Return the uncompressed size of each row group; one entry for a file whose footer cannot be read."""
    try:
        metadata = pq.read_metadata(raw)
    except (pa.ArrowException, OSError, ValueError):
        return [0]
    return [metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups)]


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
