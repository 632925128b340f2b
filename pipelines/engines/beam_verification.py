"""The two steps of duplicate detection that are not SQL, over the tables of one partition."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import duckdb
import pyarrow as pa

from corpus.dedupe import statements
from corpus.dedupe.clusters import lead_undecided
from corpus.dedupe.verification import LED, PAIRS, LeadComponents, VerifyPairs
from pipelines.engines.beam_batches import ELEMENT_ROWS, Tables
from pipelines.engines.beam_statements import Statements

ASSIGNED: Final = pa.schema(
    [
        pa.field("k", pa.int64(), nullable=False),
        pa.field("component", pa.int64(), nullable=False),
        pa.field("leader", pa.int64(), nullable=False),
        pa.field("similarity", pa.int32(), nullable=False),
    ]
)


@dataclass(frozen=True)
class Verified:
    """Joins the right sketch to candidate pairs and verifies them."""

    join: Statements
    verify: VerifyPairs

    def __call__(self, tables: Tables) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Yield the near pairs of one partition."""
        for pairs in self.verify(batch for _, batch in self.join(tables)):
            yield "near_pairs", pairs


@dataclass(frozen=True)
class Led:
    """Cuts the components of one partition around leaders, to the end: see corpus.dedupe.verification."""

    lead: LeadComponents

    def __call__(self, tables: Tables) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Yield rows of ASSIGNED."""
        with duckdb.connect(config={"threads": 1}) as connection:
            connection.register("ranked", tables["ranked"])
            order = ", ".join(("component", *statements.RANK_ORDER))
            ordered = connection.sql(f"SELECT * FROM ranked ORDER BY {order}").to_arrow_reader(ELEMENT_ROWS)  # noqa: S608
            led = pa.Table.from_batches(self.lead(ordered), LED)
        undecided = led.filter(led["leader"].is_null())
        decided = led.filter(led["leader"].is_valid())
        yield from _batches(decided)
        if undecided.num_rows:
            inside = Statements({"pairs": statements.UNDECIDED_PAIRS})
            found = inside({"undecided": undecided, "near_pairs": tables["near_pairs"]})
            pairs = pa.Table.from_batches([batch.cast(PAIRS) for _, batch in found], PAIRS)
            yield from _batches(lead_undecided(undecided, pairs))


def _batches(table: pa.Table) -> Iterator[tuple[str, pa.RecordBatch]]:
    for batch in table.select(ASSIGNED.names).to_batches(max_chunksize=ELEMENT_ROWS):
        yield "assigned", batch
