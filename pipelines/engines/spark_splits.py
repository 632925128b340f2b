"""A Spark session that reads the Parquet files of splits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from corpus.parquet import read_parquet
from corpus.storage import Store
from pipelines.engines.spark_session import SparkSQLSession, hadoop_url


@dataclass(frozen=True)
class ReadSplits:
    """Reads files of (split, path) rows in Python workers, through fsspec as every task does."""

    schema: pa.Schema  # split, then the columns to read

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the rows of every file that ``batches`` name."""
        for batch in batches:
            for split, path in zip(batch.column("split").to_pylist(), batch.column("path").to_pylist(), strict=True):
                folder, _, name = path.rpartition("/")
                with Store(folder).open_read(name) as stream:
                    table = read_parquet(stream, self.schema.names[1:])
                table = table.add_column(0, "split", pa.array([split] * table.num_rows, pa.int32()))
                yield from table.select(self.schema.names).cast(self.schema).to_batches()


class SparkSplits:
    """``session`` with the files of splits; all else is the session's. See :class:`interface.SplitSession`."""

    def __init__(self, session: SparkSQLSession) -> None:
        self._session = session

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def register_splits(self, name: str, files: Mapping[int, str], columns: Sequence[str]) -> None:
        """See :class:`pipelines.engines.interface.SplitSession`.

        Spark reads what Hadoop has a file system for, column by column, as
        often as a query asks. Of other stores Python workers make a table once.
        """
        spark = self._session.spark
        urls = [hadoop_url(spark, path) for path in files.values()]
        named = [url for url in urls if url is not None]
        if len(named) < len(urls):
            self._read_in_python(name, files, columns)
            return
        # A file's base name is unique and stands for it: Spark writes the rest in its own way.
        names = [path.rsplit("/", 1)[-1] for path in files.values()]
        self._session.register(
            f"{name}_files", pa.table({"filename": names, "ordinal": pa.array(list(files), pa.int32())})
        )
        spark.read.parquet(*named).createOrReplaceTempView(f"{name}_rows")
        rows = f"(SELECT *, substring_index(input_file_name(), '/', -1) AS filename FROM {name}_rows)"  # noqa: S608
        joined = f"{rows} s JOIN {name}_files f ON s.filename = f.filename"
        listed = ", ".join("s." + column for column in columns)
        self._session.view(name, f"SELECT f.ordinal AS split, {listed} FROM {joined}")  # noqa: S608 - names are ours

    def _read_in_python(self, name: str, files: Mapping[int, str], columns: Sequence[str]) -> None:
        folder, _, first = next(iter(files.values())).rpartition("/")
        with Store(folder).open_read(first) as stream:
            written = pq.read_schema(stream)
        fields = [written.field(column) for column in columns]
        plain = [
            pa.field(one.name, pa.binary() if pa.types.is_fixed_size_binary(one.type) else one.type) for one in fields
        ]
        listed = pa.table({"split": pa.array(list(files), pa.int32()), "path": list(files.values())})
        self._session.register(f"{name}_files", listed)
        schema = pa.schema([pa.field("split", pa.int32()), *plain])
        self._session.map_arrow(name, f"SELECT split, path FROM {name}_files", ReadSplits(schema), schema)  # noqa: S608
        self._session.drop(f"{name}_files")
