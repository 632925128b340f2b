"""Running a chain of steps over batches: balances, removals, isolation of errors, timing."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from corpus.errors import BuildError, WudaoError
from corpus.schema import DEAD_LETTERS, REJECTS
from corpus.steps.interface import Outcome, Removal, Step
from pipelines.passes.ledger import Ledger

# Steps whose rows are records; behind extract they are documents.
RECORD_STEPS = ("decode", "extract")


@dataclass
class StepTimes:
    """Seconds and bytes per step, for the table that keeps the slowest step in sight."""

    wall: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)

    def add(self, name: str, wall: float, cpu: float) -> None:
        """Add one measurement of step ``name``."""
        self.wall[name] = self.wall.get(name, 0.0) + wall
        self.cpu[name] = self.cpu.get(name, 0.0) + cpu


class Clock:
    """Context manager that adds what its body took to ``times``."""

    def __init__(self, times: StepTimes, name: str) -> None:
        self.times, self.name = times, name

    def __enter__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), time.thread_time()

    def __exit__(self, *_: object) -> None:
        self.times.add(self.name, time.perf_counter() - self.wall, time.thread_time() - self.cpu)


@dataclass
class Chain:
    """A sequence of steps with the accounts of everything that went through it."""

    steps: Sequence[Step]
    keep_rejects: bool = False
    ledger: Ledger = field(default_factory=Ledger)
    times: StepTimes = field(default_factory=StepTimes)
    rejects: list[pa.RecordBatch] = field(default_factory=list)  # schema REJECTS
    dead_letters: list[pa.RecordBatch] = field(default_factory=list)  # schema DEAD_LETTERS

    def run(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Send ``batch`` through all steps and return the documents that are kept."""
        for step in self.steps:
            if batch.num_rows == 0 and step.name not in RECORD_STEPS:
                break
            with Clock(self.times, step.name):
                outcome = apply_isolated(step, batch)
            self._account(step, batch, outcome)
            batch = outcome.batch
        return batch

    def _account(self, step: Step, batch: pa.RecordBatch, outcome: Outcome) -> None:
        """Count what a step did; every row that went in must have come out or been removed.

        A record gives documents or is removed, never both. A document may be
        cut into parts, of which some go on and some are removed: each part
        counts as a document from there on.
        """
        produced = outcome.batch.num_rows
        removed = {removal.row for removal in outcome.removals}
        went_on, covered, both = _balance(outcome, batch.num_rows, removed)
        of_records = step.name in RECORD_STEPS
        if covered != batch.num_rows or (of_records and (both or len(removed) != len(outcome.removals))):
            raise BuildError(
                f"step {step.name}: {batch.num_rows} rows in, {went_on} on, {len(removed)} removed; the step has a bug"
            )
        if step.name == "extract":
            self.ledger.with_documents += went_on
            self.ledger.documents += produced
        elif not of_records:
            self.ledger.documents += produced + len(outcome.removals) - batch.num_rows
        by_kind: dict[str, list[Removal]] = {}
        for removal in outcome.removals:
            by_kind.setdefault(removal.kind, []).append(removal)
        for kind, removals in by_kind.items():
            self._record(step, batch, kind, removals, of_records)

    def _record(self, step: Step, batch: pa.RecordBatch, kind: str, removals: list[Removal], of_records: bool) -> None:
        """Count removals of one kind and write down those that must be."""
        ledger = self.ledger
        reasons = [removal.reason for removal in removals]
        if kind == "skipped" and of_records:
            ledger.skipped.update(reasons)
        elif kind == "quarantined":
            (ledger.quarantined if of_records else ledger.document_quarantined).update(reasons)
            said = {
                "step": pa.repeat(pa.scalar(step.name), len(removals)),
                "reason": pa.array(reasons),
                "detail": pa.array([removal.detail or removal.reason for removal in removals]),
                "reproducible": pa.repeat(pa.scalar(True), len(removals)),
            }
            if of_records:
                said["part"] = pa.repeat(pa.scalar(-1), len(removals))
            self.dead_letters.append(_rows(batch, removals, said, DEAD_LETTERS))
        elif kind == "dropped" and not of_records:
            ledger.dropped.update(reasons)
            said = {
                "step": pa.repeat(pa.scalar(step.name), len(removals)),
                "reason": pa.array(reasons),
                "score": pa.array([removal.score for removal in removals], pa.float32()),
                "threshold": pa.array([removal.threshold for removal in removals], pa.float32()),
            }
            if not self.keep_rejects:
                said["text"] = pa.nulls(len(removals))
            self.rejects.append(_rows(batch, removals, said, REJECTS))
        else:
            raise BuildError(f"step {step.name}: a removal of kind '{kind}' is not possible here; this is a bug")

    def reject_table(self) -> pa.Table:
        """Return what rules removed (schema REJECTS)."""
        return pa.Table.from_batches(self.rejects, REJECTS)

    def dead_letter_table(self) -> pa.Table:
        """Return what could not be processed (schema DEAD_LETTERS)."""
        return pa.Table.from_batches(self.dead_letters, DEAD_LETTERS)


def _balance(outcome: Outcome, rows: int, removed: set[int]) -> tuple[int, int, int]:
    """Return how many of ``rows`` input rows went on, how many went on or were removed, and how many did both."""
    if outcome.origin is not None:
        origins = set(outcome.origin.to_pylist())
        return len(origins), len(origins | removed), len(origins & removed)
    went_on = rows - len(removed)
    if outcome.batch.num_rows != went_on or not all(0 <= row < rows for row in removed):
        return 0, -1, 0  # rows were lost, or came from nowhere
    return went_on, rows, 0


def _rows(
    batch: pa.RecordBatch, removals: Sequence[Removal], said: Mapping[str, pa.Array], schema: pa.Schema
) -> pa.RecordBatch:
    """Return a row of ``schema`` for each removal: what is ``said`` of them, else what ``batch`` says, else null."""
    known = [field.name for field in schema if field.name not in said and field.name in batch.schema.names]
    taken = batch.select(known).take(pa.array([removal.row for removal in removals], pa.int64()))
    columns = [
        said[field.name] if field.name in said
        else taken.column(field.name) if field.name in known
        else pa.nulls(len(removals))
        for field in schema
    ]  # fmt: skip
    arrays = [column.cast(field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def apply_isolated(step: Step, batch: pa.RecordBatch) -> Outcome:
    """Apply ``step``; where it raises, halve the batch until the row that makes it raise stands alone.

    Any exception of a step is caught here, and only here: this is the place
    where an unknown defect becomes a dead letter instead of a lost build.
    """
    try:
        return step.apply(batch)
    except WudaoError:
        raise
    except Exception as error:  # noqa: BLE001 - the boundary described above
        if batch.num_rows <= 1:
            detail = f"{type(error).__name__}: {str(error)[:300]}"
            removal = Removal(0, "quarantined", f"{step.name}_error", detail=detail)
            empty = step.apply(batch.slice(0, 0)).batch
            return Outcome(empty, [removal], pa.array([], pa.int32()))
    middle = batch.num_rows // 2
    left = apply_isolated(step, batch.slice(0, middle))
    right = apply_isolated(step, batch.slice(middle))
    return _join(left, right, middle, batch.num_rows)


def _join(left: Outcome, right: Outcome, middle: int, rows: int) -> Outcome:
    import numpy as np

    def origin(outcome: Outcome, size: int) -> np.ndarray:
        if outcome.origin is not None:
            return np.asarray(outcome.origin.to_numpy())
        removed = {removal.row for removal in outcome.removals}
        return np.array([row for row in range(size) if row not in removed], dtype=np.int32)

    table = pa.Table.from_batches([left.batch, right.batch.cast(left.batch.schema)])
    batch = table.combine_chunks().to_batches()
    joined = batch[0] if batch else left.batch
    removals = left.removals + [removal._replace(row=removal.row + middle) for removal in right.removals]
    origins = np.concatenate([origin(left, middle), origin(right, rows - middle) + middle])
    return Outcome(joined, removals, pa.array(origins, pa.int32()))
