"""The tables of duplicate detection in Spark SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import uuid4

import pyarrow as pa

from corpus.dedupe.session import BatchFunction

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_TYPES = {
    pa.int32(): "INT",
    pa.int64(): "BIGINT",
    pa.float32(): "FLOAT",
    pa.string(): "STRING",
    pa.binary(): "BINARY",
}

_KEY64 = (
    "CREATE OR REPLACE TEMPORARY FUNCTION key64(value BINARY, place INT) RETURNS BIGINT RETURN "
    "CAST(CAST(conv(hex(substr(value, place, 8)), 16, 10) AS DECIMAL(20, 0)) - 9223372036854775808BD AS BIGINT)"
)


def spark_schema(schema: pa.Schema) -> str:
    """Return ``schema`` in Spark's DDL."""
    return ", ".join(f"`{field.name}` {_TYPES[field.type]}" for field in schema)


class SparkSQLSession:
    """A :class:`corpus.dedupe.session.Session` over a running Spark session.

    Tables are Parquet folders below ``folder`` (a path or URL that driver and
    executors share), so that a lost executor costs one stage and lineage stays
    short. Use as a context manager: leaving it deletes the tables.
    """

    def __init__(self, spark: SparkSession, folder: str) -> None:
        self._spark = spark
        self._folder = f"{folder.rstrip('/')}/dedupe-{uuid4().hex}"
        self._stored: set[str] = set()

    def __enter__(self) -> SparkSQLSession:
        self._spark.sql(_KEY64)
        return self

    def __exit__(self, *_: object) -> None:
        self._delete(self._folder)

    def _path(self, name: str) -> str:
        return f"{self._folder}/{name}"

    def _delete(self, path: str) -> None:
        # Hadoop's file system, since the folder may be on HDFS or in an object store; pyspark reaches it through the JVM.
        jvm = self._spark._jvm  # noqa: SLF001
        place = jvm.org.apache.hadoop.fs.Path(path)
        place.getFileSystem(self._spark._jsc.hadoopConfiguration()).delete(place, True)  # noqa: SLF001

    def _known(self, name: str) -> None:
        self._stored.add(name)
        self._spark.read.parquet(self._path(name)).createOrReplaceTempView(name)

    def read_parquet(self, name: str, paths: Sequence[str], columns: str = "*") -> None:
        """Make the Parquet files ``paths`` known as view ``name`` with the expressions ``columns``."""
        frame = self._spark.read.parquet(*paths)
        frame.createOrReplaceTempView(f"{name}_files")
        self.view(name, f"SELECT {columns} FROM {name}_files")  # noqa: S608

    def create(self, name: str, select: str) -> None:
        """Store the result of ``select`` as table ``name``."""
        self._spark.sql(select).write.parquet(self._path(name))
        self._known(name)

    def view(self, name: str, select: str) -> None:
        """Give ``select`` a name without running it."""
        self._spark.sql(select).createOrReplaceTempView(name)

    def register(self, name: str, table: pa.Table) -> None:
        """Make an Arrow table known as ``name``; it is stored like any other."""
        self._spark.createDataFrame(table, spark_schema(table.schema)).write.parquet(self._path(name))
        self._known(name)

    def count(self, name: str) -> int:
        """Return the number of rows of ``name``."""
        return int(self._spark.table(name).count())

    def drop(self, name: str) -> None:
        """Forget table or view ``name``; free its storage."""
        self._spark.catalog.dropTempView(name)
        if name in self._stored:
            self._stored.discard(name)
            self._delete(self._path(name))

    def arrow(self, select: str) -> pa.RecordBatchReader:
        """Bring the result of ``select`` to the driver (raise ``spark.driver.maxResultSize`` for large ones)."""
        return self._spark.sql(select).toArrow().to_reader()

    def map_arrow(
        self,
        name: str,
        select: str,
        function: BatchFunction,
        schema: pa.Schema,
        *,
        partition_by: str | None = None,
        order_by: Sequence[str] = (),
    ) -> None:
        """Run ``function`` in Python workers over the partitions of ``select``; store the result as table ``name``."""
        frame = self._spark.sql(select)
        if partition_by is not None:
            from pyspark.sql.functions import expr

            order = [expr(partition_by)]
            for column in order_by:
                key, _, direction = column.partition(" ")
                order.append(expr(key).desc() if direction == "DESC" else expr(key).asc())
            frame = frame.repartition(partition_by).sortWithinPartitions(*order)
        frame.mapInArrow(function, spark_schema(schema)).write.parquet(self._path(name))
        self._known(name)
