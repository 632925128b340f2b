"""What duplicate detection asks of a relational engine.

The statements are written once, in the SQL that DuckDB and Spark SQL share
(docs/decisions/near-duplicates.md). Beside standard SQL a session provides the
scalar function ``key64(bytes, first)``:
the 8 bytes of ``bytes`` from byte ``first`` (1-based) as a big-endian integer
with the sign bit flipped, a BIGINT whose order is that of the bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import pyarrow as pa

BatchFunction = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]


class Session(Protocol):
    """Named tables in an engine. Names are created once and dropped when no longer needed."""

    def create(self, name: str, select: str) -> None:
        """Store the result of ``select`` as table ``name``."""

    def view(self, name: str, select: str) -> None:
        """Give ``select`` a name without running it."""

    def register(self, name: str, table: pa.Table) -> None:
        """Make an Arrow table known as ``name``."""

    def count(self, name: str) -> int:
        """Return the number of rows of ``name``."""

    def drop(self, name: str) -> None:
        """Forget table or view ``name``; free its storage."""

    def explode_shared(self, name: str, select: str) -> None:
        """Make ``name`` (k, h) of ``select`` (k BIGINT, bands list of BIGINT): a row for each element h of bands.

        Elements that occur once in all may be left out, as it suits the engine.
        """

    def arrow(self, select: str) -> pa.RecordBatchReader:
        """Stream the result of ``select`` to this process."""

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
        """Store what ``function`` makes of the batches of ``select`` as table ``name`` of ``schema``.

        The engine may run ``function`` many times, each over a part of the
        rows. With ``partition_by`` (a column) all rows of one value reach the
        same run, one value after the other, each in the order of ``order_by``
        (columns, each with or without ``DESC``).
        """
