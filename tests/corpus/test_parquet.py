"""The project's own Parquet files: columns, bounds by row group, and no thread that outlives the reader."""

from __future__ import annotations

import io
import threading
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.parquet import read_parquet


def written(table: pa.Table, rows: int) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=rows)
    return sink.getvalue()


numbers = st.integers(0, 30)


@given(
    st.lists(st.tuples(numbers, numbers), max_size=40),
    st.integers(1, 9),
    st.dictionaries(st.sampled_from(["split", "row"]), st.tuples(numbers, numbers)),
    st.sampled_from([None, ["row"], ["text"], ["text", "split"]]),
)
def test_bounds_select_the_rows_that_a_scan_of_the_whole_selects(
    rows: list[tuple[int, int]], group: int, within: dict[str, tuple[int, int]], columns: list[str] | None
) -> None:
    schema = pa.schema([("split", pa.int32()), ("row", pa.int32()), ("text", pa.string())])
    held = [{"split": split, "row": row, "text": f"第{split}卷第{row}行"} for split, row in rows]
    found = read_parquet(written(pa.Table.from_pylist(held, schema), group), columns, within)
    wanted = [one for one in held if all(first <= one[name] < last for name, (first, last) in within.items())]
    assert found.column_names == (columns or schema.names)
    assert found.to_pylist() == pa.Table.from_pylist(wanted, schema).select(found.column_names).to_pylist()


def test_row_groups_outside_the_bounds_are_not_read() -> None:
    class Counting(io.BytesIO):
        taken = 0

        def read(self, size: int | None = -1) -> bytes:
            data = super().read(size)
            self.taken += len(data)
            return data

    table = pa.table({"split": pa.array(sorted([*range(50)] * 2000), pa.int32()), "text": ["春眠不觉晓"] * 100_000})
    data = written(table, 2000)
    one, every = Counting(data), Counting(data)
    assert read_parquet(one, within={"split": (7, 8)}).num_rows == 2000
    assert read_parquet(every).num_rows == 100_000
    assert one.taken < every.taken


def test_bytes_that_are_no_parquet_are_refused() -> None:
    with pytest.raises(pa.ArrowInvalid):
        read_parquet(b"\xe4\xb8\xad\xe6\x96\x87 not Parquet")


def test_only_the_calling_thread_touches_the_source() -> None:
    class Watched(io.BytesIO):
        readers: ClassVar[set[int]] = set()

        def read(self, size: int | None = -1) -> bytes:
            self.readers.add(threading.get_ident())
            return super().read(size)

    source = Watched(written(pa.table({"text": ["处处闻啼鸟"] * 5000, "row": range(5000)}), 100))
    assert read_parquet(source, within={"row": (150, 4000)}).num_rows == 3850
    assert source.readers == {threading.get_ident()}
