"""Running a chain of steps over batches: balances, removals, isolation of errors, timing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

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
    rejects: list[dict[str, Any]] = field(default_factory=list)
    dead_letters: list[dict[str, Any]] = field(default_factory=list)

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
        recorded = [removal for removal in outcome.removals if removal.kind != "skipped"]
        places = iter(_places(batch, [removal.row for removal in recorded]))
        for removal in outcome.removals:
            self._record(step, batch, removal, of_records, places)

    def _record(
        self, step: Step, batch: pa.RecordBatch, removal: Removal, of_records: bool, places: Iterator[dict[str, Any]]
    ) -> None:
        ledger = self.ledger
        if removal.kind == "skipped" and of_records:
            ledger.skipped[removal.reason] += 1
        elif removal.kind == "quarantined":
            (ledger.quarantined if of_records else ledger.document_quarantined)[removal.reason] += 1
            row = next(places)
            part = -1 if of_records else row["part"]
            self.dead_letters.append(
                {
                    **{name: row[name] for name in ("path", "offset", "url")},
                    "part": part,
                    "step": step.name,
                    "reason": removal.reason,
                    "detail": removal.detail or removal.reason,
                    "reproducible": True,
                }
            )
        elif removal.kind == "dropped" and not of_records:
            ledger.dropped[removal.reason] += 1
            reject = {
                **next(places),
                "step": step.name,
                "reason": removal.reason,
                "score": removal.score,
                "threshold": removal.threshold,
                "text": batch.column("text")[removal.row].as_py() if self.keep_rejects else None,
            }
            self.rejects.append(reject)
        else:
            raise BuildError(
                f"step {step.name}: a removal of kind '{removal.kind}' is not possible here; this is a bug"
            )

    def reject_table(self) -> pa.Table:
        """Return what rules removed (schema REJECTS)."""
        return pa.Table.from_pylist(self.rejects, schema=REJECTS)

    def dead_letter_table(self) -> pa.Table:
        """Return what could not be processed (schema DEAD_LETTERS)."""
        return pa.Table.from_pylist(self.dead_letters, schema=DEAD_LETTERS)


def _balance(outcome: Outcome, rows: int, removed: set[int]) -> tuple[int, int, int]:
    """Return how many of ``rows`` input rows went on, how many went on or were removed, and how many did both."""
    if outcome.origin is not None:
        origins = set(outcome.origin.to_pylist())
        return len(origins), len(origins | removed), len(origins & removed)
    went_on = rows - len(removed)
    if outcome.batch.num_rows != went_on or not all(0 <= row < rows for row in removed):
        return 0, -1, 0  # rows were lost, or came from nowhere
    return went_on, rows, 0


def _places(batch: pa.RecordBatch, rows: Sequence[int]) -> list[dict[str, Any]]:
    """Return key and place of each of ``rows``; what the batch does not say is None."""
    if not rows:
        return []
    names = ("doc_key", "path", "offset", "part", "url")
    known = batch.select([name for name in names if name in batch.schema.names]).take(pa.array(rows, pa.int64()))
    return [{name: row.get(name) for name in names} for row in known.to_pylist()]


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
