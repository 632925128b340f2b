"""Arrow record batches as elements of PCollections, cut into partitions by a key."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue
from numpy.typing import NDArray

ELEMENT_BYTES = 4 << 20  # a batch as one element: well below the 80 MB that Dataflow allows
ELEMENT_ROWS = 1 << 16
HELD_BYTES = 32 << 20  # rows that a bundle gathers before it cuts them into partitions

Tables = Mapping[str, pa.Table]


def encode(batch: pa.RecordBatch) -> bytes:
    """Return ``batch`` as bytes, without its schema."""
    return bytes(batch.serialize())


def decode(parts: Iterable[bytes], schema: pa.Schema) -> pa.Table:
    """Return the batches in ``parts`` as one table of ``schema``."""
    batches = [pa.ipc.read_record_batch(pa.py_buffer(part), schema) for part in parts]
    return pa.Table.from_batches(batches, schema)


def elements(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Cut ``batch`` into pieces that are good elements."""
    if batch.num_rows == 0:
        return
    rows = max(1, min(ELEMENT_ROWS, ELEMENT_BYTES * batch.num_rows // max(1, batch.nbytes)))
    for start in range(0, batch.num_rows, rows):
        yield batch.slice(start, rows)


def mixed(keys: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return well-mixed 64-bit values of integer keys (SplitMix64's finaliser)."""
    values = keys.astype(np.uint64)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


@dataclass(frozen=True)
class Hashed:
    """Partition of a row: by the hash of its integer column ``key``."""

    key: str
    partitions: int

    def __call__(self, table: pa.Table) -> NDArray[np.int64]:
        """Return the partition of each row."""
        partitions: NDArray[np.int64] = (mixed(table[self.key].to_numpy()) % np.uint64(self.partitions)).astype(
            np.int64
        )
        return partitions


@dataclass(frozen=True)
class Ranged:
    """Partition of a row: by the range, of ``width`` values, that its integer column ``key`` falls into."""

    key: str
    width: int

    def __call__(self, table: pa.Table) -> NDArray[np.int64]:
        """Return the partition of each row."""
        partitions: NDArray[np.int64] = table[self.key].to_numpy().astype(np.int64) // self.width
        return partitions


class Cut(beam.DoFn):  # type: ignore[misc]
    """Cuts batches into (partition, batch). A bundle's rows are gathered first, so that pieces are not tiny."""

    def __init__(self, schema: pa.Schema, place: Hashed | Ranged) -> None:
        self._schema, self._place = schema, place

    def start_bundle(self) -> None:
        """Forget what an earlier bundle left."""
        self._held: list[bytes] = []
        self._bytes = 0

    def process(self, element: bytes) -> Iterator[tuple[int, bytes]]:
        """Gather one batch."""
        self._held.append(element)
        self._bytes += len(element)
        if self._bytes >= HELD_BYTES:
            yield from self._flush()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        """Hand over what is left."""
        for one in self._flush():
            yield WindowedValue(one, GlobalWindow().max_timestamp(), (GlobalWindow(),))

    def _flush(self) -> Iterator[tuple[int, bytes]]:
        table = decode(self._held, self._schema)
        self._held, self._bytes = [], 0
        if not table.num_rows:
            return
        partitions = self._place(table)
        order = np.argsort(partitions, kind="stable")
        table = table.take(pa.array(order)).combine_chunks()
        sorted_partitions = partitions[order]
        borders = [0, *(np.flatnonzero(np.diff(sorted_partitions)) + 1).tolist(), table.num_rows]
        for start, stop in itertools.pairwise(borders):
            for batch in table.slice(start, stop - start).to_batches():
                for piece in elements(batch):
                    yield int(sorted_partitions[start]), encode(piece)


@dataclass(frozen=True)
class Rows:
    """A table in the making: a PCollection of encoded batches of ``schema``."""

    batches: Any
    schema: pa.Schema

    def cut(self, label: str, place: Hashed | Ranged) -> Any:
        """Return (partition, batch) elements."""
        cut = beam.ParDo(Cut(self.schema, place)).with_output_types(tuple[int, bytes])
        return self.batches | f"cut {label}" >> cut
