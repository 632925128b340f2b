"""Tables that one pipeline leaves for the next: Arrow files in a store, listed in one sealed report.

A bundle that Beam runs again leaves files that no list names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import apache_beam as beam
import pyarrow as pa

from corpus.storage import Store
from pipelines.engines.beam_batches import ELEMENT_ROWS, elements, encode
from pipelines.passes.reports import commit
from pipelines.passes.task import attempt_name

FILE_ROWS = ELEMENT_ROWS * 16  # of a table that the driver makes


class KeptFile:
    """One partition of a kept table, written under a name that no other attempt has."""

    def __init__(self, store: Store, table: str, partition: int, schema: pa.Schema) -> None:
        self._entry = {"table": table, "partition": partition, "rows": 0}
        self._entry["path"] = f"{table}/{partition:06d}-{attempt_name()}.arrow"
        self._stream = store.open_write(str(self._entry["path"]))
        self._writer = pa.ipc.new_stream(self._stream, schema)

    def write(self, batch: pa.RecordBatch) -> None:
        """Append a batch."""
        self._writer.write_batch(batch)
        self._entry["rows"] += batch.num_rows

    def close(self) -> dict[str, Any]:
        """Finish the file and return its entry."""
        self._writer.close()
        self._stream.close()
        return self._entry


@dataclass
class Kept:
    """What pipelines left in ``store``: tables as lists of Arrow files."""

    store: Store
    files: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    schemas: dict[str, pa.Schema] = field(default_factory=dict)

    def rows(self, name: str) -> int:
        """Return the rows of table ``name``."""
        return sum(one["rows"] for one in self.files.get(name, ()))

    def batches(self, name: str) -> Iterator[pa.RecordBatch]:
        """Yield the batches of table ``name`` in order of its partitions."""
        for entry in sorted(self.files.get(name, ()), key=lambda one: (one["partition"], one["path"])):
            yield from read_kept(self.store, entry["path"])

    def table(self, name: str) -> pa.Table:
        """Return table ``name`` as a whole."""
        return pa.Table.from_batches(self.batches(name), self.schemas[name])

    def add(self, name: str, table: pa.Table) -> None:
        """Write a table that the driver made, in files of at most FILE_ROWS rows."""
        self.schemas[name], self.files[name] = table.schema, []
        for partition, start in enumerate(range(0, table.num_rows, FILE_ROWS)):
            file = KeptFile(self.store, name, partition, table.schema)
            for batch in table.slice(start, FILE_ROWS).to_batches(max_chunksize=ELEMENT_ROWS):
                file.write(batch)
            self.files[name].append(file.close())

    def forget(self, name: str) -> None:
        """Delete the files of table ``name``."""
        for entry in self.files.pop(name, ()):
            self.store.delete(entry["path"])


def read_kept(store: Store, path: str) -> Iterator[pa.RecordBatch]:
    """Yield the batches of one kept file."""
    with store.open_read(path) as stream, pa.ipc.open_stream(stream) as reader:
        yield from reader


class ReadKept(beam.DoFn):  # type: ignore[misc]
    """Reads the kept file of an entry."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def process(self, entry: dict[str, Any]) -> Iterator[bytes]:
        """Yield its batches, encoded."""
        for batch in read_kept(self._store, entry["path"]):
            for piece in elements(batch):
                yield encode(piece)


class CommitList(beam.DoFn):  # type: ignore[misc]
    """Commits everything that reached it as one report."""

    def __init__(self, store: Store, name: str) -> None:
        self._store, self._name = store, name

    def process(self, element: tuple[int, Iterable[Any]]) -> None:
        """Write the report; of several attempts readers take one, all say the same."""
        rows = [row for row in element[1] if row is not None]
        commit(self._store, "beam", self._name, attempt_name(), {"rows": rows})


def commit_lists(pipeline: Any, collections: Sequence[Any], store: Store, name: str) -> None:
    """Commit the elements (JSON values) of ``collections`` as one report named ``name`` in ``store``, even if none."""
    one = pipeline | f"always {name}" >> beam.Create([None], reshuffle=False)
    keyed = (
        [one, *collections]
        | f"all of {name}" >> beam.Flatten()
        | f"one place {name}" >> beam.Map(lambda entry: (0, entry))
    )
    keyed | f"gather {name}" >> beam.GroupByKey() | f"commit {name}" >> beam.ParDo(CommitList(store, name))
