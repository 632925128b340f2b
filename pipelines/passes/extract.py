"""The extract pass of a subset: chosen rows become shards of their own, or addresses of a view; token rows follow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from corpus.parquet import read_parquet
from corpus.shards.content_hash import ContentHash
from corpus.shards.quota import Border, taken
from corpus.shards.statistics import ShardStatistics
from corpus.shards.view import Dataset, read_rows, write_addresses
from corpus.shards.writer import ShardWriter
from corpus.storage import Store
from pipelines.passes.reports import Report, fingerprint
from pipelines.passes.select import Place
from pipelines.passes.task import Announce, Isolation, Item, Progress

VERSION = 1


@dataclass(frozen=True)
class ExtractTask:
    """Writes one shard of a subset from candidates of one or several shards.

    ``corpus`` and ``tokens`` are bases, never views. ``copy`` false writes a
    view. ``domains`` is the number of domains in the corpus's table.
    """

    output: str
    corpus: Place
    tokens: Place | None
    copy: bool
    domains: int
    compression_level: int
    name: str = "extract"

    def item(self, split: str, pieces: Sequence[dict[str, Any]], borders: Sequence[Border | None]) -> Item:
        """Return the item of consecutive candidate files.

        A piece has ``file`` (below work), ``digest`` (of the chosen addresses),
        ``content`` (content hashes of the text and token shard) and ``weight`` (bytes).
        """
        addresses = [[piece["content"], piece["digest"]] for piece in pieces]
        form = ["copy", self.compression_level] if self.copy else ["view", self.corpus.root_hash]
        mark = fingerprint(self.name, VERSION, form, split, self.domains, addresses)
        payload = {"split": split, "files": [piece["file"] for piece in pieces], "borders": list(borders)}
        return Item(mark, payload, sum(piece["weight"] for piece in pieces))

    def run(self, item: Item, attempt: str, isolation: Isolation, announce: Announce) -> Report:
        """Write text and token rows of one shard and return their entries."""
        split = item.payload["split"]
        name = f"{split}/{item.fingerprint}-{attempt}"
        shards, rows = chosen_addresses(Store(self.output).sub("work"), item.payload["files"], item.payload["borders"])
        statistics = ShardStatistics()
        announce(Progress(0, 1, 0, 0, 0))
        text = self._sink("corpus", name, self.corpus.open(), shards, rows, "text")
        for ordinal, batch in enumerate(chosen_rows(self.corpus.open(), shards, rows)):
            announce(Progress(ordinal, ordinal + 1, statistics.rows, statistics.rows, statistics.text_bytes))
            text.write(batch)
            statistics.add(batch)
        report = {
            "shard": text.close() | {"split": split, "n_chars": statistics.n_chars},
            "token_shard": None,
            "statistics": statistics.to_json(),
            "ledger": {"documents": statistics.rows, "kept": statistics.rows},
            "files": {},
            "read_bytes": statistics.text_bytes,
        }
        if self.tokens is not None:
            tokens = self._sink("tokens", name, self.tokens.open(), shards, rows, "tokens")
            counts = TokenCounts(self.domains)
            for batch in chosen_rows(self.tokens.open(), shards, rows):
                announce(Progress(0, 1, statistics.rows, statistics.rows, statistics.text_bytes))
                tokens.write(batch)
                counts.add(batch)
            report["token_shard"] = tokens.close() | {"split": split} | counts.to_json()
        return report

    def _sink(
        self, kind: str, name: str, base: Dataset, shards: NDArray[Any], rows: NDArray[Any], sized_by: str
    ) -> ShardWriter | AddressSink:
        schema = base.schema(base.base_shards[int(shards[0])])
        store = Store(self.output).sub(kind)
        if not self.copy:
            return AddressSink(store, f"{name}.parquet", schema, shards, rows)
        if kind == "tokens":
            return ShardWriter(store, f"{name}.arrow", schema, compression=None, sized_by=sized_by, batch_rows=0)
        return ShardWriter(store, f"{name}.arrow", schema, compression="zstd", compression_level=self.compression_level)


class AddressSink:
    """Takes the rows of a view's shard as a :class:`ShardWriter` would, and keeps their hash and addresses only."""

    def __init__(self, store: Store, name: str, schema: pa.Schema, shards: NDArray[Any], rows: NDArray[Any]) -> None:
        self._store, self._name, self._schema = store, name, schema
        self._shards, self._rows = shards, rows
        self._hash = ContentHash(schema)

    def write(self, batch: pa.RecordBatch) -> None:
        """Add the rows of ``batch`` to the hash."""
        self._hash.update(batch)

    def close(self) -> dict[str, Any]:
        """Write the addresses and return the entry."""
        entry = write_addresses(self._store, self._name, self._shards, self._rows)
        return entry | {"content_hash": self._hash.hexdigest()}


class TokenCounts:
    """Adds up the rows of a token shard for its manifest entry."""

    def __init__(self, domains: int) -> None:
        self._rows = np.zeros(domains + 1, np.int64)  # by domain; the last: none
        self._tokens = np.zeros(domains + 1, np.int64)
        self._n_chars = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Add the rows of ``batch`` (schema of token shards)."""
        none = len(self._rows) - 1
        domain = batch.column("domain").to_numpy().astype(np.int64)
        domain = np.where(domain < 0, none, domain)
        lengths = pc.list_value_length(batch.column("tokens")).to_numpy()
        self._rows += np.bincount(domain, minlength=none + 1)
        np.add.at(self._tokens, domain, lengths)
        self._n_chars += pc.sum(batch.column("n_chars")).as_py() or 0

    def to_json(self) -> dict[str, Any]:
        """Return the counts under the names of the manifest's columns."""
        return {
            "n_chars": self._n_chars,
            "tokens": int(self._tokens.sum()),
            "domain_rows": self._rows.tolist(),
            "domain_tokens": self._tokens.tolist(),
        }


def chosen_addresses(
    work: Store, files: Sequence[str], borders: Sequence[Border | None]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return (shards, rows) of the candidates in ``files`` that lie before their borders, in order."""
    tables = [table.filter(pa.array(taken(table, borders))) for table in candidate_tables(work, files)]
    joined = pa.concat_tables(tables)
    return joined.column("shard").to_numpy(), joined.column("row").to_numpy()


def candidate_tables(work: Store, files: Sequence[str]) -> Iterator[pa.Table]:
    """Yield the candidates in each of ``files``."""
    for name in files:
        with work.open_read(name) as stream:
            yield read_parquet(stream)


def chosen_rows(base: Dataset, shards: NDArray[Any], rows: NDArray[Any]) -> Iterator[pa.RecordBatch]:
    """Yield the rows at ascending addresses of ``base``."""
    for shard, places in base.located(shards, rows):
        for _, batch in read_rows(base.base.store, shard, places):
            yield batch
