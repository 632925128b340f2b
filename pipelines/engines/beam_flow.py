"""Tables as PCollections of Arrow record batches, grouped by hash of a key and worked on with SQL, on any Beam runner.

A relational step needs the rows of one key in one place, not a Python object
for each row. So rows travel as record batches (bytes), cut by the hash of an
int64 key into partitions; ``CoGroupByKey`` brings one partition of every input
together, and a function over Arrow tables does the rest: mostly the statements
of :mod:`corpus.dedupe.statements`, which DuckDB runs inside the worker over
the partition alone. (Beam's own DataFrames work in the same way.)

What is kept for the next pipeline is written as Arrow files under names that
nobody else uses. Their list is committed behind a grouping, by one small
sealed report: a bundle that Beam runs again leaves files that no list names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import apache_beam as beam
import orjson
import pyarrow as pa

from corpus.errors import BuildError
from corpus.storage import Store
from pipelines.engines.beam_batches import Hashed, Ranged, Rows, Tables, decode, elements, encode
from pipelines.engines.beam_kept import Kept, KeptFile, ReadKept, commit_lists
from pipelines.engines.beam_statements import Reduce, Statements
from pipelines.passes.reports import committed

ROWS_PER_CHUNK = 1000  # rows of a worklist in one element
KEPT = "kept"

TableFunction = Callable[[Tables], Iterator[tuple[str, pa.RecordBatch]]]


class Work(beam.DoFn):  # type: ignore[misc]
    """Runs a function over the tables of one partition; ``keep`` names the outputs that are written to ``store``."""

    def __init__(
        self,
        function: TableFunction,
        inputs: Mapping[str, pa.Schema],
        outputs: Mapping[str, pa.Schema],
        keep: Iterable[str],
        store: Store,
    ) -> None:
        self._function, self._inputs, self._outputs = function, dict(inputs), dict(outputs)
        self._keep, self._store = frozenset(keep), store

    def process(self, element: tuple[int, Mapping[str, Iterable[bytes]]]) -> Iterator[Any]:
        """Yield the batches of each output under its name, and an entry for each file written."""
        partition, groups = element
        tables = {name: decode(groups.get(name, ()), schema) for name, schema in self._inputs.items()}
        writers: dict[str, KeptFile] = {}
        for name, batch in self._function(tables):
            if batch.num_rows == 0:
                continue
            batch = batch.cast(self._outputs[name])
            if name in self._keep:
                if name not in writers:
                    writers[name] = KeptFile(self._store, name, partition, batch.schema)
                writers[name].write(batch)
            for piece in elements(batch):
                yield beam.pvalue.TaggedOutput(name, encode(piece))
        for writer in writers.values():
            yield beam.pvalue.TaggedOutput(KEPT, writer.close())


class ReadWorklist(beam.DoFn):  # type: ignore[misc]
    """Yields the rows of one chunk of a worklist."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def process(self, name: str) -> Iterator[Any]:
        """Yield the JSON rows of file ``name``."""
        yield from orjson.loads(self._store.read_bytes(name))


@dataclass
class Flow:
    """One pipeline under construction over kept tables."""

    pipeline: Any
    kept: Kept
    name: str
    _entries: list[Any] = field(default_factory=list)
    _schemas: dict[str, pa.Schema] = field(default_factory=dict)

    def worklist(self, label: str, rows: Sequence[Any]) -> Any:
        """Return a PCollection of the JSON values ``rows``, spread over workers.

        They travel through the store: a pipeline description has a limit (20 MB on Dataflow).
        """
        names = []
        for number, start in enumerate(range(0, len(rows), ROWS_PER_CHUNK)):
            names.append(f"worklists/{self.name}-{label}-{number:05d}.json")
            self.kept.store.write_atomic(names[-1], orjson.dumps(list(rows[start : start + ROWS_PER_CHUNK])))
        created = self.pipeline | f"list {label}" >> beam.Create(names, reshuffle=False)
        read = created | f"read list {label}" >> beam.ParDo(ReadWorklist(self.kept.store))
        return read | f"spread {label}" >> beam.Reshuffle()

    def read(self, name: str) -> Rows:
        """Return kept table ``name``."""
        listed = self.worklist(f"files of {name}", self.kept.files.get(name, []))
        batches = listed | f"read {name}" >> beam.ParDo(ReadKept(self.kept.store)).with_output_types(bytes)
        return Rows(batches, self.kept.schemas[name])

    def group(
        self,
        label: str,
        inputs: Mapping[str, tuple[Rows, Hashed | Ranged]],
        function: TableFunction,
        outputs: Mapping[str, pa.Schema] | None = None,
        keep: Sequence[str] = (),
    ) -> dict[str, Rows]:
        """Bring partitions of ``inputs`` together, run ``function`` on each, return its outputs.

        ``outputs`` are their schemas (found out where ``function`` is Statements). Those in ``keep`` are written too.
        """
        cut = {name: rows.cut(f"{name} for {label}", place) for name, (rows, place) in inputs.items()}
        grouped = cut | f"group {label}" >> beam.CoGroupByKey()
        return self.work(
            label, grouped, {name: rows.schema for name, (rows, _) in inputs.items()}, function, outputs, keep
        )

    def work(
        self,
        label: str,
        grouped: Any,
        inputs: Mapping[str, pa.Schema],
        function: TableFunction,
        outputs: Mapping[str, pa.Schema] | None = None,
        keep: Sequence[str] = (),
    ) -> dict[str, Rows]:
        """Run ``function`` on grouped elements (partition, {input: batches}); see :meth:`group`."""
        if outputs is None:
            if not isinstance(function, Statements):
                raise TypeError(f"{label}: name the schemas of the outputs")
            outputs = function.schemas(inputs)
        done = grouped | label >> beam.ParDo(Work(function, inputs, outputs, keep, self.kept.store)).with_outputs(
            *outputs, KEPT
        )
        if keep:
            self._entries.append(done[KEPT])
            self._schemas |= {name: outputs[name] for name in keep}
        return {name: Rows(done[name], schema) for name, schema in outputs.items()}

    def each(self, label: str, rows: Rows, function: Statements) -> dict[str, Rows]:
        """Run ``function`` on every batch of ``rows`` alone, as table ``rows``."""
        alone = rows.batches | f"alone {label}" >> beam.Map(lambda batch: (0, {"rows": [batch]}))
        return self.work(label, alone, {"rows": rows.schema}, function)

    def combine(self, label: str, rows: Rows, place: Hashed, select: str, keep: str | None = None) -> Rows:
        """Reduce ``rows``, before and behind the shuffle, by ``select`` over table ``rows``: see :class:`Reduce`."""
        combined = rows.cut(label, place) | f"combine {label}" >> beam.CombinePerKey(Reduce(rows.schema, select))
        grouped = combined | f"combined {label}" >> beam.MapTuple(lambda partition, parts: (partition, {"rows": parts}))
        name = keep or "rows"
        whole = Statements({name: "SELECT * FROM rows"})
        return self.work(label, grouped, {"rows": rows.schema}, whole, {name: rows.schema}, [keep] if keep else [])[
            name
        ]

    def run(self) -> None:
        """Run the pipeline and take note of what it kept."""
        commit_lists(self.pipeline, self._entries, self.kept.store, self.name)
        finish(self.pipeline, self.name)
        found = committed(self.kept.store, "beam", [self.name])
        if self.name not in found:
            raise BuildError(f"dedupe on Beam: {self.name} ended without a report; run the same command again")
        for name, schema in self._schemas.items():
            self.kept.schemas[name] = schema
            self.kept.files[name] = [one for one in found[self.name]["rows"] if one["table"] == name]


def finish(pipeline: Any, name: str) -> None:
    """Run ``pipeline`` to its end. Raises BuildError with the cause where it does not get there."""
    from apache_beam.runners.runner import PipelineState

    try:
        state = pipeline.run().wait_until_finish()
    except Exception as error:
        raise BuildError(f"{name} on Beam: {cause(error)}; mend that and run the same command again") from error
    # Some runners return None from a run that they have waited for already.
    if state not in (None, PipelineState.DONE):
        raise BuildError(f"{name} on Beam: the pipeline ended as {state}; look at the runner's log")


def cause(error: BaseException) -> str:
    """Return the last line of what went wrong first, in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    named = [line for line in lines if "Error" in line]
    return (named or lines or [type(error).__name__])[-1][:300]
