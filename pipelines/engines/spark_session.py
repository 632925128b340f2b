"""The tables of duplicate detection in Spark SQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pyarrow as pa

from corpus.dedupe.session import BatchFunction

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

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


# A partition of so many rows sorts in memory, its exploded bands included, and is worth its scheduling.
ROWS_PER_PARTITION = 100_000
PARTITIONS = "spark.sql.shuffle.partitions"
# Below one partition the queries take less time than compiling them, and nothing is left to adapt.
INTERPRETED = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
}
# What object stores are called here and by Hadoop, whose connector for them has a name of its own.
HADOOP_SCHEMES = {"s3": ("s3", "s3a"), "gcs": ("gs",)}


def size_queries(spark: SparkSession, rows: int, chosen: Collection[str]) -> None:
    """Set up queries for tables of ``rows`` rows; properties in ``chosen`` are the user's and stay."""
    settings = {PARTITIONS: str(max(1, -(-rows // ROWS_PER_PARTITION)))}
    for name, value in INTERPRETED.items():
        if rows <= ROWS_PER_PARTITION:
            settings[name] = value
        elif name not in chosen:
            spark.conf.unset(name)
    for name, value in settings.items():
        if name not in chosen:
            spark.conf.set(name, value)


def hadoop_url(spark: SparkSession, place: str) -> str | None:
    """Return the path or URL ``place`` as Hadoop names it, None where it has no file system for the protocol."""
    scheme, separator, rest = place.partition("://")
    if not separator:
        # A bare path would mean fs.defaultFS, which may be HDFS. Hadoop takes no percent-escapes.
        return f"file://{Path(place).absolute()}"
    return next((f"{name}://{rest}" for name in HADOOP_SCHEMES.get(scheme, (scheme,)) if _opens(spark, name)), None)


def _opens(spark: SparkSession, scheme: str) -> bool:
    jvm: Any = spark._jvm
    try:
        jvm.org.apache.hadoop.fs.FileSystem.getFileSystemClass(scheme, spark._jsc.hadoopConfiguration())
    except Exception as error:  # py4j wraps whatever Java throws
        if any(sign in str(error) for sign in ("UnsupportedFileSystem", "ClassNotFound", "No FileSystem")):
            return False
        raise
    return True


def _spark_type(kind: pa.DataType) -> str:
    return f"ARRAY<{_spark_type(kind.value_type)}>" if pa.types.is_list(kind) else _TYPES[kind]


def spark_schema(schema: pa.Schema) -> str:
    """Return ``schema`` in Spark's DDL: 32- and 64-bit integers, float, string, binary and lists of them."""
    return ", ".join(f"`{field.name}` {_spark_type(field.type)}" for field in schema)


class SparkSQLSession:
    """A :class:`corpus.dedupe.session.Session` over the running Spark session ``spark``.

    Tables are local checkpoints on the executors' disks: a lost executor fails
    the pass, which then starts again. With ``folder`` (a path or URL that
    driver and executors share) they are Parquet there, and a lost executor
    costs no more than a stage. Either cuts the plan: cached tables would carry
    the plans of all before them, which grow without bound. Use as a context
    manager: leaving it frees the tables.
    """

    def __init__(self, spark: SparkSession, folder: str | None = None) -> None:
        self.spark = spark
        self._folder = None if folder is None else f"{folder.rstrip('/')}/dedupe-{uuid4().hex}"
        self._tables: dict[str, DataFrame] = {}

    def __enter__(self) -> SparkSQLSession:
        self.spark.sql(_KEY64)
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self._tables):
            self.drop(name)
        if self._folder is not None:
            self._delete(self._folder)

    def _delete(self, path: str) -> None:
        # Hadoop's file system, since the folder may be on HDFS or in an object store; only the JVM side offers it.
        jvm: Any = self.spark._jvm
        place = jvm.org.apache.hadoop.fs.Path(path)
        place.getFileSystem(self.spark._jsc.hadoopConfiguration()).delete(place, True)

    def _store(self, name: str, frame: DataFrame) -> None:
        if self._folder is not None:
            frame.write.parquet(f"{self._folder}/{name}")
            frame = self.spark.read.parquet(f"{self._folder}/{name}")
        else:
            from pyspark import StorageLevel

            frame = frame.localCheckpoint(True, StorageLevel.DISK_ONLY)
        frame.createOrReplaceTempView(name)
        self._tables[name] = frame

    def read_parquet(self, name: str, paths: Sequence[str], columns: str = "*") -> None:
        """Make the Parquet files ``paths`` known as view ``name`` with the expressions ``columns``."""
        frame = self.spark.read.parquet(*paths)
        frame.createOrReplaceTempView(f"{name}_files")
        self.view(name, f"SELECT {columns} FROM {name}_files")  # noqa: S608

    def create(self, name: str, select: str) -> None:
        """Store the result of ``select`` as table ``name``."""
        self._store(name, self.spark.sql(select))

    def view(self, name: str, select: str) -> None:
        """Give ``select`` a name without running it."""
        self.spark.sql(select).createOrReplaceTempView(name)

    def register(self, name: str, table: pa.Table) -> None:
        """Make an Arrow table known as ``name``."""
        self._store(name, self.spark.createDataFrame(table, spark_schema(table.schema)))

    def count(self, name: str) -> int:
        """Return the number of rows of ``name``."""
        return int(self.spark.table(name).count())

    def drop(self, name: str) -> None:
        """Forget table or view ``name``; free its storage."""
        self.spark.catalog.dropTempView(name)
        # Spark frees a local checkpoint when the last reference to its frame is gone.
        if self._tables.pop(name, None) is not None and self._folder is not None:
            self._delete(f"{self._folder}/{name}")

    def explode_shared(self, name: str, select: str) -> None:
        """Give the rows (k, h) of ``select`` a name: the window that reads them groups them once."""
        self.view(name, f"SELECT k, explode(bands) AS h FROM ({select}) t")  # noqa: S608

    def arrow(self, select: str) -> pa.RecordBatchReader:
        """Bring the result of ``select`` to the driver (raise ``spark.driver.maxResultSize`` for large ones)."""
        return self.spark.sql(select).toArrow().to_reader()

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
        frame = self.spark.sql(select)
        if partition_by is not None:
            from pyspark.sql.functions import expr

            order = [expr(partition_by)]
            for column in order_by:
                key, _, direction = column.partition(" ")
                order.append(expr(key).desc() if direction == "DESC" else expr(key).asc())
            frame = frame.repartition(partition_by).sortWithinPartitions(*order)
        self._store(name, frame.mapInArrow(function, spark_schema(schema)))
