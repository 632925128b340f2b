"""The tables of duplicate detection in DuckDB: one machine, out of core."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

import duckdb
import pyarrow as pa

from corpus.dedupe.repetition import RepeatedValues
from corpus.dedupe.session import BatchFunction
from corpus.errors import StorageError

BATCH_ROWS = 65_536
# How DuckDB tells of a full disk: the system's words, or its own limit, 90 % of what was free at the start.
_FULL = ("No space left on device", "Disk quota exceeded", "max_temp_directory_size")
BANDS_EXPECTED = 16  # sizes a filter; with more bands more of the single values pass it

KEY64 = (
    "CREATE OR REPLACE MACRO key64(bytes, first) AS "
    "xor(CAST(CAST(bytes[first:first + 7] AS BIT) AS BIGINT), -9223372036854775808)"
)


def quoted(name: str) -> str:
    """Return ``name`` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


class DuckDBSession:
    """A :class:`corpus.dedupe.session.Session` over a database file in ``folder``.

    ``memory_limit`` (DuckDB's notation, "4GB") bounds its buffers; it exceeds
    them by some 0.5 GB. What does not fit spills to ``folder``. Results do not
    depend on ``threads``. Use as a context manager.
    """

    def __init__(self, folder: Path, memory_limit: str = "4GB", threads: int | None = None) -> None:
        self._folder = folder
        self._memory_limit = memory_limit
        self._threads = threads
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._views: set[str] = set()

    def __enter__(self) -> DuckDBSession:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._database.unlink(missing_ok=True)
        connection = duckdb.connect(str(self._database))
        connection.execute(f"SET memory_limit = '{self._memory_limit}'")
        connection.execute(f"SET temp_directory = '{self._folder / 'spill'}'")
        connection.execute("SET preserve_insertion_order = false")
        if self._threads is not None:
            connection.execute(f"SET threads = {self._threads}")
        connection.execute(KEY64)
        self._connection = connection
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.connection.close()
        except duckdb.Error as closing:  # it writes what is left, for which a full disk has no room either
            error = error or closing
        self._connection = None
        self._database.unlink(missing_ok=True)
        if error is not None and any(sign in str(error) for sign in _FULL):
            raise StorageError(
                f"{self._folder}: no space is left for the tables of dedupe; free some, or raise run.memory_limit, "
                "and run the same command again"
            ) from error

    @property
    def _database(self) -> Path:
        return self._folder / "dedupe.duckdb"

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The open connection."""
        if self._connection is None:
            raise RuntimeError("the DuckDB session is not open: use it as a context manager")
        return self._connection

    def read_parquet(self, name: str, paths: Sequence[str], columns: str = "*") -> None:
        """Make the Parquet files ``paths`` known as view ``name`` with the expressions ``columns``."""
        files = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
        self.view(name, f"SELECT {columns} FROM read_parquet([{files}])")  # noqa: S608 - paths are quoted above

    def create(self, name: str, select: str) -> None:
        """Store the result of ``select`` as table ``name``."""
        self.connection.execute(f"CREATE TABLE {quoted(name)} AS {select}")

    def view(self, name: str, select: str) -> None:
        """Give ``select`` a name without running it."""
        self.connection.execute(f"CREATE VIEW {quoted(name)} AS {select}")
        self._views.add(name)

    def register(self, name: str, table: pa.Table) -> None:
        """Make an Arrow table known as ``name``; it is copied into the database."""
        self._store(name, table.schema, pa.RecordBatchReader.from_batches(table.schema, table.to_batches()))

    def _store(self, name: str, schema: pa.Schema, batches: pa.RecordBatchReader) -> None:
        incoming = f"incoming_{name}"
        self.connection.register(incoming, batches)
        try:
            self.connection.execute(f"CREATE TABLE {quoted(name)} AS SELECT * FROM {quoted(incoming)}")  # noqa: S608
        finally:
            self.connection.unregister(incoming)

    def count(self, name: str) -> int:
        """Return the number of rows of ``name``."""
        rows = self.connection.execute(f"SELECT count(*) FROM {quoted(name)}").fetchall()  # noqa: S608
        return int(rows[0][0])

    def drop(self, name: str) -> None:
        """Forget table or view ``name``; free its storage."""
        kind = "VIEW" if name in self._views else "TABLE"
        self.connection.execute(f"DROP {kind} IF EXISTS {quoted(name)}")
        self._views.discard(name)

    def explode_shared(self, name: str, select: str) -> None:
        """Make table ``name`` (k, h) without nearly all h that occur once: two passes over ``select``."""
        rows = self.connection.execute(f"SELECT count(*) FROM ({select}) t").fetchall()  # noqa: S608
        repeated = RepeatedValues(int(rows[0][0]) * BANDS_EXPECTED)
        for batch in self.arrow(f"SELECT bands FROM ({select}) t"):  # noqa: S608
            repeated.add(batch.column(0).flatten().to_numpy())
        schema = pa.schema([("k", pa.int64()), ("h", pa.int64())])

        def shared(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                bands = batch.column("bands")
                values = bands.flatten()
                kept = pa.array(repeated.contains(values.to_numpy()))
                keys = batch.column("k").take(bands.value_parent_indices())
                yield pa.RecordBatch.from_arrays([keys.filter(kept), values.filter(kept)], schema=schema)

        self.map_arrow(name, select, shared, schema)

    def arrow(self, select: str) -> pa.RecordBatchReader:
        """Stream the result of ``select``, at most 65,536 rows a batch. A cursor of its own runs it."""
        return self.connection.cursor().sql(select).to_arrow_reader(BATCH_ROWS)

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
        """Stream ``select`` through ``function``, once, and store the result as table ``name``."""
        if partition_by is not None:
            select = f"SELECT * FROM ({select}) t ORDER BY {', '.join([partition_by, *order_by])}"  # noqa: S608
        result = pa.RecordBatchReader.from_batches(schema, function(self.arrow(select)))
        self._store(name, schema, result)
