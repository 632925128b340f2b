"""SQL over the tables of one partition, run by DuckDB inside the worker."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import duckdb
import pyarrow as pa

from pipelines.engines.beam_batches import ELEMENT_ROWS, HELD_BYTES, Tables, decode, elements, encode
from pipelines.engines.duckdb_session import KEY64
from pipelines.passes.task import attempt_name


class Statements:
    """Statements over the tables of one partition: ``steps`` make tables, ``outputs`` are what comes out."""

    def __init__(self, outputs: Mapping[str, str], steps: Sequence[tuple[str, str]] = ()) -> None:
        self.outputs, self.steps = dict(outputs), tuple(steps)
        self._database: duckdb.DuckDBPyConnection | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"outputs": self.outputs, "steps": self.steps, "_database": None}

    def __call__(self, tables: Tables) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Yield (name of output, batch)."""
        with self._cursor() as cursor:
            for name, table in tables.items():
                cursor.register(name, table)
            for name, select in self.steps:
                cursor.execute(f"CREATE TEMP TABLE {name} AS {select}")
            for name, select in self.outputs.items():
                for batch in cursor.sql(select).to_arrow_reader(ELEMENT_ROWS):
                    yield name, batch

    def schemas(self, inputs: Mapping[str, pa.Schema]) -> dict[str, pa.Schema]:
        """Return the schema of each output: that of the statements over no rows."""
        with self._cursor() as cursor:
            for name, schema in inputs.items():
                cursor.register(name, schema.empty_table())
            for name, select in self.steps:
                cursor.execute(f"CREATE TEMP TABLE {name} AS {select}")
            return {name: cursor.sql(select).to_arrow_table().schema for name, select in self.outputs.items()}

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        """Return a connection with views and tables of its own. Opening a database costs ten times as much as this."""
        if self._database is None:
            spill = (
                f"{tempfile.gettempdir()}/wudao-beam-{attempt_name()}"  # made when something spills, removed behind it
            )
            self._database = duckdb.connect(config={"threads": 1, "temp_directory": spill})
            self._database.execute(KEY64)
        return self._database.cursor()


class Reduce(beam.CombineFn):  # type: ignore[misc]
    """Reduces batches by a statement over table ``rows`` that may be applied again to its own result.

    An accumulator is (batches, their bytes, bytes from which it is reduced).
    """

    def __init__(self, schema: pa.Schema, select: str) -> None:
        self._schema, self._reduce = schema, Statements({"rows": select})

    def create_accumulator(self) -> tuple[list[bytes], int, int]:
        """Return an empty accumulator."""
        return [], 0, HELD_BYTES

    def add_input(self, accumulator: tuple[list[bytes], int, int], element: bytes) -> tuple[list[bytes], int, int]:
        """Take up one batch."""
        parts, size, limit = accumulator
        parts.append(element)
        size += len(element)
        return (parts, size, limit) if size <= limit else self._reduced(parts)

    def merge_accumulators(self, accumulators: Iterable[tuple[list[bytes], int, int]]) -> tuple[list[bytes], int, int]:
        """Put accumulators together."""
        merged = self.create_accumulator()
        for parts, _, _ in accumulators:
            for part in parts:
                merged = self.add_input(merged, part)
        return merged

    def compact(self, accumulator: tuple[list[bytes], int, int]) -> tuple[list[bytes], int, int]:
        """Reduce before the accumulator travels."""
        return self._reduced(accumulator[0])

    def extract_output(self, accumulator: tuple[list[bytes], int, int]) -> list[bytes]:
        """Return the batches of the result."""
        return self._reduced(accumulator[0])[0]

    def _reduced(self, parts: list[bytes]) -> tuple[list[bytes], int, int]:
        batches = (batch.cast(self._schema) for _, batch in self._reduce({"rows": decode(parts, self._schema)}))
        reduced = [encode(piece) for batch in batches for piece in elements(batch)]
        size = sum(map(len, reduced))
        return reduced, size, max(HELD_BYTES, 2 * size)
