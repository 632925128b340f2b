"""What the rows of a corpus say that its manifest does not add up: lengths, scores, hosts, years, single documents."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from corpus.schema import SIGNAL_PREFIX
from corpus.shards.view import Dataset

MAX_SHARDS: Final = 64
MAX_ROWS: Final = 2_000_000  # of the shards read; their numbers are held, 4 bytes each
MAX_HOSTS: Final = 200_000  # names held; above, those seen least often are let go
SHOWN: Final = 10  # documents drawn, and biggest clusters
EXCERPT: Final = 200  # characters
YEARS: Final = (1900, 2100)  # outside it is no year of a page
NUMBERS: Final = ("n_chars", "quality", "cluster_size")
_COLUMNS: Final = ("doc_key", "host", "published_at", "fetched_at", "opt_out", *NUMBERS)
_SHOWN_COLUMNS: Final = (
    "doc_key",
    "url",
    "title",
    "source_type",
    "language",
    "n_chars",
    "quality",
    "cluster_size",
    "text",
)


class Place(NamedTuple):
    """A row of the corpus, in the order in which documents are drawn: by key."""

    key: bytes
    shard: int
    row: int


class Document(NamedTuple):
    """A published document as it is shown. ``excerpt``: the first :data:`EXCERPT` characters of the scrubbed text."""

    place: Place
    shard_path: str
    url: str | None
    title: str | None
    source_type: str | None
    language: str | None
    n_chars: int
    quality: float
    cluster_size: int
    excerpt: str


@dataclass
class Rows:
    """What the rows of ``shards`` of the corpus's ``of_shards`` say."""

    shards: int = 0
    of_shards: int = 0
    rows: int = 0
    numbers: dict[str, NDArray[np.float32]] = field(default_factory=dict)  # by column, signals without prefix
    hosts: Counter[str] = field(default_factory=Counter)
    without_host: int = 0
    hosts_let_go: bool = False
    years: Counter[int] = field(default_factory=Counter)  # of publication
    without_year: int = 0
    fetched: tuple[str, str] | None = None  # first and last day, ISO 8601
    opt_out: Counter[str] = field(default_factory=Counter)
    drawn: list[Document] = field(default_factory=list)
    largest: list[Document] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether every shard was read."""
        return self.shards == self.of_shards


def read_rows_of(dataset: Dataset, signals: Sequence[str], max_shards: int = MAX_SHARDS) -> Rows:
    """Return what the rows of ``dataset`` say, of at most ``max_shards`` shards and about :data:`MAX_ROWS` rows.

    Which shards depends on their number alone: every k-th. ``signals``: names
    without prefix, those the shards do not have are left out.
    """
    parts = dataset.manifest.root["parts"]
    count, rows = sum(part["shards"] for part in parts), sum(part["rows"] for part in parts)
    wanted = min(count, max_shards, max(1, MAX_ROWS * count // rows) if rows else count)
    chosen = {place * count // wanted for place in range(wanted)}
    reader = _Reader(Rows(of_shards=count), signals)
    entries: dict[int, dict[str, Any]] = {}
    for position, entry in enumerate(dataset.manifest.shards()):
        if position in chosen:
            entries[position] = entry
            reader.found.shards += 1
            reader.read(dataset, position, entry)
    return reader.finish(dataset, entries)


class _Reader:
    """Adds up batches."""

    def __init__(self, found: Rows, signals: Sequence[str]) -> None:
        self.found = found
        self._signals = signals
        self._numbers: dict[str, list[NDArray[np.float32]]] = {}
        self._drawn: list[Place] = []
        self._largest: list[tuple[int, Place]] = []
        self._fetched: list[Any] = []

    def read(self, dataset: Dataset, shard: int, entry: dict[str, Any]) -> None:
        """Add one shard; its text is not read."""
        first = 0
        for batch in dataset.batches(entry, [*_COLUMNS, *(SIGNAL_PREFIX + name for name in self._signals)]):
            self._add(batch, shard, first)
            first += batch.num_rows
        if len(self.found.hosts) > MAX_HOSTS:
            self.found.hosts = Counter(dict(_most(self.found.hosts, MAX_HOSTS // 2)))
            self.found.hosts_let_go = True

    def _add(self, batch: pa.RecordBatch, shard: int, first: int) -> None:
        found = self.found
        found.rows += batch.num_rows
        for name in (*NUMBERS, *self._signals):
            column = name if name in NUMBERS else SIGNAL_PREFIX + name
            if column in batch.schema.names:
                values = pc.drop_null(batch.column(column)).to_numpy(zero_copy_only=False).astype(np.float32)
                self._numbers.setdefault(name, []).append(values)
        hosts = batch.column("host")
        found.without_host += hosts.null_count
        found.hosts.update(_counted(pc.drop_null(hosts)))
        self._add_dates(batch)
        found.opt_out.update(_counted(batch.column("opt_out").flatten()))
        keys = batch.column("doc_key").to_pylist()
        places = (Place(key, shard, first + row) for row, key in enumerate(keys))
        self._drawn = heapq.nsmallest(SHOWN, [*self._drawn, *heapq.nsmallest(SHOWN, places)])
        sizes = batch.column("cluster_size").to_numpy(zero_copy_only=False)
        least = -self._largest[-1][0] if len(self._largest) == SHOWN else 2
        for row in np.flatnonzero(sizes >= least).tolist():
            self._largest.append((-int(sizes[row]), Place(keys[row], shard, first + row)))
        self._largest = heapq.nsmallest(SHOWN, self._largest)

    def _add_dates(self, batch: pa.RecordBatch) -> None:
        published = batch.column("published_at")
        known = pc.drop_null(pc.year(published))
        years = {year: count for year, count in _counted(known).items() if YEARS[0] <= year < YEARS[1]}
        self.found.years.update(years)
        self.found.without_year += batch.num_rows - sum(years.values())
        bounds = pc.min_max(pc.drop_null(batch.column("fetched_at"))).as_py()
        self._fetched += [value for value in bounds.values() if value is not None]

    def finish(self, dataset: Dataset, entries: dict[int, dict[str, Any]]) -> Rows:
        """Read the documents that are shown and return everything."""
        found = self.found
        found.numbers = {name: np.concatenate(values) for name, values in self._numbers.items()}
        if self._fetched:
            first, last = min(self._fetched), max(self._fetched)
            found.fetched = (first.date().isoformat(), last.date().isoformat())
        largest = [place for _, place in self._largest]
        shown = dict(_documents(dataset, entries, {*self._drawn, *largest}))
        found.drawn = [shown[place] for place in self._drawn]
        found.largest = [shown[place] for place in largest]
        return found


def _documents(
    dataset: Dataset, entries: dict[int, dict[str, Any]], wanted: set[Place]
) -> Iterator[tuple[Place, Document]]:
    by_shard: dict[int, list[Place]] = {}
    for place in sorted(wanted):
        by_shard.setdefault(place.shard, []).append(place)
    for shard, places in sorted(by_shard.items()):
        first, last = 0, max(place.row for place in places)
        for batch in dataset.batches(entries[shard], _SHOWN_COLUMNS):
            for place in places:
                if first <= place.row < first + batch.num_rows:
                    yield place, _document(place, entries[shard]["path"], batch.slice(place.row - first, 1))
            first += batch.num_rows
            if first > last:
                break


def _document(place: Place, path: str, row: pa.RecordBatch) -> Document:
    text = pc.utf8_slice_codeunits(row.column("text"), 0, EXCERPT)[0].as_py()
    told = {name: row.column(name)[0].as_py() for name in _SHOWN_COLUMNS if name not in ("doc_key", "text")}
    return Document(place, path, excerpt=text, **told)


def _counted(values: pa.Array) -> dict[Any, int]:
    return {entry["values"]: entry["counts"] for entry in pc.value_counts(values).to_pylist()}


def _most(counts: Counter[str], size: int) -> list[tuple[str, int]]:
    return heapq.nsmallest(size, counts.items(), key=lambda one: (-one[1], one[0]))
