"""The select pass of a subset: which rows of a shard satisfy the conditions, their ranks and sizes. No text moves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from corpus.shards.manifest import read_manifest
from corpus.shards.selection import CANDIDATES, RowFilter, Selection
from corpus.shards.view import Dataset
from corpus.shards.writer import write_parquet
from corpus.storage import Store
from pipelines.passes.reports import Report, fingerprint
from pipelines.passes.task import Announce, Isolation, Item, Progress

VERSION = 1


@dataclass(frozen=True)
class Place:
    """Where a dataset lies and which content it had when the pass was planned."""

    root: str
    root_hash: str

    @classmethod
    def of(cls, dataset: Dataset) -> Place:
        """Return the place of ``dataset``."""
        return cls(dataset.manifest.store.root, dataset.manifest.root_hash)

    def open(self) -> Dataset:
        """Return the dataset, opened once per worker."""
        return _opened(self)


@lru_cache(maxsize=4)
def _opened(place: Place) -> Dataset:
    return Dataset.of(read_manifest(Store(place.root)))


@dataclass(frozen=True)
class SelectTask:
    """Evaluates a selection on one shard of a corpus or view."""

    output: str
    corpus: Place
    tokens: Place | None
    selection: Selection
    name: str = "select"

    def item(self, shard: dict[str, Any], token_shard: dict[str, Any] | None) -> Item:
        """Return the item of a text shard and the token shard of the same rows."""
        contents = [shard["content_hash"], token_shard["content_hash"] if token_shard else None]
        # Candidates hold addresses: the same rows at another place are another result.
        mark = fingerprint(self.name, VERSION, self.selection.conditions(), contents, shard["index"], shard["path"])
        return Item(mark, {"shard": shard, "token_shard": token_shard}, shard["bytes"])

    def run(self, item: Item, attempt: str, isolation: Isolation, announce: Announce) -> Report:
        """Write the candidates of one shard and return how many there are."""
        shard, token_shard = item.payload["shard"], item.payload["token_shard"]
        corpus = self.corpus.open()
        row_filter = RowFilter(self.selection, corpus.schema(shard))
        lengths = token_lengths(self.tokens, token_shard)
        tables: list[pa.RecordBatch] = []
        first = found = read = 0
        for ordinal, (index, places, batch) in enumerate(corpus.addressed(shard, row_filter.columns)):
            announce(Progress(ordinal, ordinal + 1, first, found, read))
            rows, rank, strata = row_filter.candidates(batch)
            tables.append(
                candidates(index, places[rows], batch.column("n_chars").take(pa.array(rows)), rank, strata,
                           None if lengths is None else lengths[first + rows])
            )  # fmt: skip
            first += batch.num_rows
            found += len(rows)
            read += batch.nbytes
        table = pa.Table.from_batches(tables, CANDIDATES)
        entry = write_parquet(Store(self.output).sub("work"), f"candidates/{item.fingerprint}-{attempt}.parquet", table)
        return {
            "read": first,
            "found": found,
            "ledger": {"documents": first, "kept": found},
            "files": {"candidates": entry},
            "read_bytes": read,
        }


def token_lengths(place: Place | None, token_shard: dict[str, Any] | None) -> NDArray[np.int64] | None:
    """Return the number of tokens of each row of a token shard, None without one."""
    if place is None or token_shard is None:
        return None
    batches = place.open().batches(token_shard, ["tokens"])
    lengths = [pc.list_value_length(batch.column("tokens")).to_numpy() for batch in batches]
    return np.concatenate([np.zeros(0, np.int64), *lengths]).astype(np.int64)


def candidates(
    shard: int,
    rows: NDArray[np.int64],
    n_chars: pa.Array,
    rank: NDArray[np.uint64],
    strata: NDArray[np.int8],
    tokens: NDArray[np.int64] | None,
) -> pa.RecordBatch:
    """Return a batch of candidates (:data:`corpus.shards.selection.CANDIDATES`) of one base shard."""
    count = len(rows)
    columns = [
        pa.array(np.full(count, shard, np.int32)),
        pa.array(rows.astype(np.int32)),
        pa.array(rank),
        pa.array(strata),
        n_chars.cast(pa.int64()),
        pa.array(tokens if tokens is not None else np.zeros(count, np.int64)),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=CANDIDATES)
