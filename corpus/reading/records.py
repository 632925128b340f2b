"""What readers yield, and how it becomes record batches.

A reader is a generator over one piece of a file. Everything that it meets in
the file is one item: a :class:`Record`, a :class:`Skipped` or a
:class:`Quarantined`; records that follow each other may come as columns, in
one :class:`Rows`. So the balance *read = records + skipped + quarantined*
holds by construction, and :class:`Batcher` counts it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.schema import DEAD_LETTERS, RECORDS


class Record(NamedTuple):
    """One raw record; the fields are those of :data:`corpus.schema.RECORDS`."""

    offset: int
    format: str
    payload: bytes
    url: str | None = None
    record_id: str | None = None
    fetched_at: int | None = None  # seconds since 1970, UTC
    http_content_type: str | None = None
    http_content_encoding: str | None = None
    http_transfer_encoding: str | None = None
    opt_out: list[str] | None = None
    title: str | None = None
    published_at: int | None = None  # seconds since 1970, UTC
    given_label: str | None = None
    path: str | None = None  # where the record says that it lay in another file, ``offset`` is there; else None


class Rows(NamedTuple):
    """Records that lie behind each other in one file, as columns: what as many :class:`Record` would say."""

    records: pa.RecordBatch  # schema RECORDS
    sizes: npt.NDArray[np.int64]  # bytes of each payload


class Skipped(NamedTuple):
    """A record that is well-formed but no document. ``reason`` is a code in snake_case."""

    reason: str


class Quarantined(NamedTuple):
    """Bytes that could not be read as a record. ``detail`` is one sentence for a person."""

    offset: int
    reason: str
    detail: str
    url: str | None = None
    path: str | None = None  # see Record


Item = Record | Rows | Skipped | Quarantined


@dataclass(frozen=True, slots=True)
class ReadBatch:
    """Part of what a split holds: ``n_read == records.num_rows + sum(skipped.values()) + quarantined.num_rows``."""

    records: pa.RecordBatch  # schema RECORDS
    skipped: dict[str, int]  # reason -> count, sorted by reason
    quarantined: pa.RecordBatch  # schema DEAD_LETTERS, step "read"
    n_read: int


def dead_letters(rows: list[tuple[str, Quarantined]]) -> pa.RecordBatch:
    """Return (path, quarantined item) pairs as a batch of schema ``DEAD_LETTERS``."""
    columns = {
        "path": [item.path or path for path, item in rows],
        "offset": [item.offset for _, item in rows],
        "part": [-1] * len(rows),
        "url": [item.url for _, item in rows],
        "step": ["read"] * len(rows),
        "reason": [item.reason for _, item in rows],
        "detail": [item.detail for _, item in rows],
        "reproducible": [True] * len(rows),
    }
    return pa.RecordBatch.from_arrays(
        [pa.array(columns[column.name], column.type) for column in DEAD_LETTERS], schema=DEAD_LETTERS
    )


@dataclass(slots=True)
class Batcher:
    """Collects items and cuts batches at ``max_bytes`` of payload or ``max_rows`` rows.

    Borders are a function of the sequence of items only. Quarantined rows
    count as rows; skipped items only count.
    """

    max_bytes: int
    max_rows: int
    _rows: list[Record] = dataclass_field(default_factory=list)  # not yet columns
    _paths: list[tuple[str, int]] = dataclass_field(default_factory=list)  # file -> how many of _rows, in order
    _parts: list[pa.RecordBatch] = dataclass_field(default_factory=list)  # records in front of _rows
    _quarantined: list[tuple[str, Quarantined]] = dataclass_field(default_factory=list)
    _skipped: dict[str, int] = dataclass_field(default_factory=dict)
    _part_rows: int = 0
    _bytes: int = 0
    _read: int = 0

    def batches(self, path: str, items: Iterator[Item]) -> Iterator[ReadBatch]:
        """Take all of ``items``, which lie in the file ``path``, and yield the batches that fill up meanwhile."""
        before = len(self._rows)
        for item in items:
            if isinstance(item, Rows):
                self._paths.append((path, len(self._rows) - before))
                self._make_columns()
                before = 0
                yield from self._take(item)
                continue
            self._read += 1
            if isinstance(item, Record):
                self._rows.append(item)
                self._bytes += len(item.payload)
            elif isinstance(item, Skipped):
                self._skipped[item.reason] = self._skipped.get(item.reason, 0) + 1
            else:
                self._quarantined.append((path, item))
            if self._is_full():
                self._paths.append((path, len(self._rows) - before))
                yield self._cut()
                before = 0
        self._paths.append((path, len(self._rows) - before))

    def rest(self) -> Iterator[ReadBatch]:
        """Yield the last batch, if anything is left."""
        if self._read:
            yield self._cut()

    def _is_full(self) -> bool:
        rows = self._part_rows + len(self._rows) + len(self._quarantined)
        return self._bytes >= self.max_bytes or rows >= self.max_rows

    def _take(self, rows: Rows) -> Iterator[ReadBatch]:
        """Add ``rows``, behind which no row of ``_rows`` may be pending, with the borders that single records give."""
        start, end = 0, len(rows.sizes)
        while start < end:
            room = self.max_rows - self._part_rows - len(self._quarantined)
            reach = np.cumsum(rows.sizes[start : start + room])
            taken = min(int(np.searchsorted(reach, self.max_bytes - self._bytes)) + 1, len(reach))
            self._parts.append(rows.records.slice(start, taken))
            self._part_rows += taken
            self._read += taken
            self._bytes += int(reach[taken - 1])
            start += taken
            if self._is_full():
                yield self._cut()

    def _make_columns(self) -> None:
        """Turn ``_rows`` into a part."""
        if self._rows:
            columns: dict[str, Sequence[Any]] = dict(zip(Record._fields, zip(*self._rows, strict=True), strict=True))
            read = (path for path, rows in self._paths for _ in range(rows))
            columns["path"] = [own or path for own, path in zip(columns["path"], read, strict=True)]
            arrays = [pa.array(columns[column.name], column.type) for column in RECORDS]
            self._parts.append(pa.RecordBatch.from_arrays(arrays, schema=RECORDS))
            self._part_rows += len(self._rows)
        self._rows, self._paths = [], []

    def _cut(self) -> ReadBatch:
        self._make_columns()
        records = pa.concat_batches(self._parts or [pa.RecordBatch.from_pylist([], schema=RECORDS)])
        batch = ReadBatch(records, dict(sorted(self._skipped.items())), dead_letters(self._quarantined), self._read)
        self._parts, self._quarantined, self._skipped = [], [], {}
        self._part_rows = self._bytes = self._read = 0
        return batch
