"""Reading this project's own Parquet files, in the calling thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq


def read_parquet(
    source: BinaryIO | bytes,
    columns: Sequence[str] | None = None,
    within: Mapping[str, tuple[int, int]] | None = None,
) -> pa.Table:
    """Return the ``columns`` (None: all) of ``source``, of all rows or of those ``within`` bounds.

    ``within`` maps the name of an integer column to its first value and to the one behind its last. Row groups whose
    statistics exclude them are not read. Raises pyarrow.ArrowInvalid where ``source`` is not Parquet.

    ``pyarrow.parquet.read_table`` is not used: it scans in threads of Arrow's own, which may still hold ``source``, a
    Python object, when the interpreter ends; the process then dies of SIGABRT (apache/arrow issue 34314).
    """
    bounds = dict(within or {})
    read = None if columns is None else list(dict.fromkeys([*columns, *bounds]))
    with pq.ParquetFile(pa.BufferReader(source) if isinstance(source, bytes) else source, pre_buffer=False) as file:
        groups = [group for group in range(file.num_row_groups) if _may_hold(file.metadata.row_group(group), bounds)]
        table = file.read_row_groups(groups, columns=read, use_threads=False)
    for name, (first, last) in bounds.items():
        values = table.column(name)
        table = table.filter(pc.and_(pc.greater_equal(values, first), pc.less(values, last)))
    return table if columns is None else table.select(list(columns))


def _may_hold(group: pq.RowGroupMetaData, bounds: Mapping[str, tuple[int, int]]) -> bool:
    for place in range(group.num_columns if bounds else 0):
        column = group.column(place)
        bound, statistics = bounds.get(column.path_in_schema), column.statistics
        if bound is None or statistics is None or not statistics.has_min_max:
            continue
        if statistics.max < bound[0] or statistics.min >= bound[1]:
            return False
    return True
