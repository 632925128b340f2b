"""What a step is: a pure function over Arrow record batches.

A step takes a batch and returns the rows that go on, with columns added or
filled, and a :class:`Removal` for every row that does not. Rows never
disappear: the runner (:mod:`pipelines.passes.steps`) checks the balance after
each step and fails the build where it does not hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import pyarrow as pa


class Removal(NamedTuple):
    """Why row ``row`` of a step's input does not go on."""

    row: int
    kind: str  # "skipped" (not a document), "dropped" (a rule's decision), "quarantined" (could not be processed)
    reason: str  # code in snake_case, stable, counted in the funnel
    score: float | None = None  # for "dropped": the value that missed its threshold
    threshold: float | None = None
    detail: str = ""  # for "quarantined": one sentence for a person


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of a step over one batch.

    ``origin`` names the input row of each output row (ascending; repeated
    where a record yields several parts). None means: the input rows without
    the removed ones, in order.
    """

    batch: pa.RecordBatch
    removals: list[Removal]
    origin: pa.Int32Array | None = None


class Step(Protocol):
    """One transformation. Construct with its configuration section; no I/O in the constructor."""

    name: str
    version: int  # raise it whenever the output for any input may change: it is part of every fingerprint

    def load(self) -> None:
        """Load models, tables and compiled kernels. Called once per worker before the first batch."""

    def artifacts(self) -> dict[str, str]:
        """Return name -> sha256 of every file outside the package that output depends on."""

    def apply(self, batch: pa.RecordBatch) -> Outcome:
        """Return the outcome for ``batch``. Must be deterministic and independent of how rows are batched."""


def set_column(batch: pa.RecordBatch, name: str, values: pa.Array) -> pa.RecordBatch:
    """Return ``batch`` with column ``name`` replaced, or appended where it does not exist."""
    index = batch.schema.get_field_index(name)
    if index >= 0:
        return batch.set_column(index, name, values)
    return batch.append_column(name, values)


def set_columns(batch: pa.RecordBatch, columns: Mapping[str, pa.Array]) -> pa.RecordBatch:
    """Return ``batch`` with ``columns`` replaced, or appended where they do not exist, all at once."""
    arrays = {name: columns.get(name, array) for name, array in zip(batch.schema.names, batch.columns, strict=True)}
    return pa.RecordBatch.from_pydict(arrays | dict(columns))


def keep_rows(batch: pa.RecordBatch, removals: list[Removal]) -> pa.RecordBatch:
    """Return ``batch`` without the removed rows."""
    if not removals:
        return batch
    import numpy as np

    mask = np.ones(batch.num_rows, dtype=bool)
    mask[[removal.row for removal in removals]] = False
    return batch.filter(pa.array(mask))


Settings = Any
