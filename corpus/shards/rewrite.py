"""Shards without some of their rows: the files that change, and the manifest that names them.

Only shards that lose rows are rewritten, under new names; nothing that a
manifest names is touched. Rows keep their order, so token row i still belongs
to text row i when the same rows go from both. A shard that loses all rows
leaves the manifest, and those behind it move up, as in a build that never had
the rows: both have the same root hash.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from corpus.errors import CorruptionError
from corpus.shards.manifest import TEXT_SHARDS, TOKEN_SHARDS, Manifest, write_parts
from corpus.shards.reader import read_shard
from corpus.shards.statistics import ShardStatistics
from corpus.shards.writer import ShardWriter
from corpus.storage import Store

Rows = NDArray[np.int64]
Seen = Callable[[pa.RecordBatch], None]


@dataclass
class Rewrite:
    """A dataset without some rows. ``root`` is written by nobody yet: it is the new manifest.json."""

    root: dict[str, Any]
    replaced: list[dict[str, Any]] = field(default_factory=list)  # per shard: entry before, entry after (None: empty)
    removed: ShardStatistics = field(default_factory=ShardStatistics)

    def obsolete(self, old: Manifest) -> list[str]:
        """Return the files that the old manifest names and the new one does not, relative to the dataset."""
        kept = {part["path"] for part in self.root["parts"]}
        shards = [one["before"]["path"] for one in self.replaced]
        return shards + [part["path"] for part in old.root["parts"] if part["path"] not in kept]


def without_rows(
    store: Store, shard: dict[str, Any], rows: Rows, name: str, on_kept: Seen, on_gone: Seen, **options: Any
) -> dict[str, Any] | None:
    """Write ``shard`` without ``rows`` (ascending) to file ``name`` and return its entry; None where none are left.

    ``options`` are those of ShardWriter. Raises CorruptionError for a row that the shard does not have.
    """
    writer: ShardWriter | None = None
    first = 0
    for batch in read_shard(store, shard):
        if writer is None:
            writer = ShardWriter(store, name, batch.schema, **options)
        low, high = np.searchsorted(rows, [first, first + batch.num_rows])
        keep = np.ones(batch.num_rows, bool)
        keep[rows[low:high] - first] = False
        kept = batch.filter(pa.array(keep))
        writer.write(kept)
        on_kept(kept)
        on_gone(batch.filter(pa.array(~keep)))
        first += batch.num_rows
    if len(rows) and rows[-1] >= first:
        raise CorruptionError(f"{store.path(shard['path'])}: it has no row {int(rows[-1])}; run `wudao verify`")
    if writer is None:
        return None
    entry = writer.close()
    if not entry["rows"]:
        store.delete(name)
        return None
    return entry


def rewrite_text(
    manifest: Manifest, rows: Mapping[int, Rows], mark: str, level: int, on_gone: Seen | None = None
) -> Rewrite:
    """Return the text dataset without ``rows`` (shard index -> rows, ascending).

    ``mark`` goes into the names of new files; ``level`` is zstd's. ``on_gone`` sees the rows that go.
    """
    tables = manifest.root["tables"]
    result = Rewrite({})
    entries: list[dict[str, Any]] = []
    for shard in manifest.shards():
        if shard["index"] not in rows:
            entries.append(shard)
            continue
        kept = ShardStatistics()

        def gone(batch: pa.RecordBatch) -> None:
            if batch.num_rows:
                result.removed.add(batch)
                if on_gone is not None:
                    on_gone(batch)

        def stayed(batch: pa.RecordBatch, kept: ShardStatistics = kept) -> None:
            if batch.num_rows:
                kept.add(batch)

        name = f"{shard['split']}/{mark}-{shard['index']:05d}.arrow"
        entry = without_rows(
            manifest.store, shard, rows[shard["index"]], name, stayed, gone, compression="zstd", compression_level=level
        )
        if entry is not None:
            counts = kept.to_json()
            entry |= {"split": shard["split"], "n_chars": counts["n_chars"]}
            entry["domain_rows"] = [counts["domain"].get(one, 0) for one in (*tables["domains"], "none")]
            entry["source_type_rows"] = [counts["source_type"].get(one, 0) for one in (*tables["source_types"], "none")]
            entries.append(entry)
        result.replaced.append({"before": shard, "after": entry})
    entries = _renumbered(entries)
    totals = _lowered(manifest.root["totals"], entries, ("rows", "n_chars", "bytes"))
    if "by_split" in totals:
        totals["by_split"] = {name: _sum(entries, "rows", name) for name in totals["by_split"]}
    if "text_bytes" in totals:
        totals["text_bytes"] -= result.removed.text_bytes
    if "columns" in totals:
        totals["columns"] = _without(totals["columns"], result.removed.to_json())
    result.root = write_parts(manifest.store, TEXT_SHARDS, entries, _body(manifest) | {"totals": totals})
    return result


def rewrite_tokens(manifest: Manifest, rows: Mapping[int, Rows], mark: str, corpus_root_hash: str) -> Rewrite:
    """Return the token dataset without ``rows``, belonging to the corpus of ``corpus_root_hash``."""
    names = [*manifest.root["tables"]["domains"], "none"]
    result = Rewrite({})
    entries: list[dict[str, Any]] = []
    for shard in manifest.shards():
        if shard["index"] not in rows:
            entries.append(shard)
            continue
        counts = _TokenCounts(len(names))
        entry = without_rows(
            manifest.store,
            shard,
            rows[shard["index"]],
            f"{shard['split']}/{mark}-{shard['index']:05d}.arrow",
            counts.add,
            lambda batch: None,
            compression=None,
            sized_by="tokens",
            batch_rows=0,
        )
        if entry is not None:
            entry |= {"split": shard["split"]} | counts.to_json()
            entries.append(entry)
        result.replaced.append({"before": shard, "after": entry})
    entries = _renumbered(entries)
    totals = _lowered(manifest.root["totals"], entries, ("rows", "tokens", "bytes", "n_chars"))
    if "by_split" in totals:
        totals["by_split"] = {
            split: {key: _sum(entries, key, split) for key in ("rows", "tokens")} for split in totals["by_split"]
        }
    if "domain_tokens" in totals:
        totals["domain_tokens"] = {
            name: sum(one["domain_tokens"][i] for one in entries) for i, name in enumerate(names)
        }
    body = _body(manifest) | {"corpus_root_hash": corpus_root_hash, "totals": totals}
    result.root = write_parts(manifest.store, TOKEN_SHARDS, entries, body)
    return result


class _TokenCounts:
    """Counts over token rows, as :mod:`pipelines.passes.tokenise` makes them."""

    def __init__(self, domains: int) -> None:
        self._rows = np.zeros(domains, np.int64)
        self._tokens = np.zeros(domains, np.int64)
        self._characters = 0

    def add(self, batch: pa.RecordBatch) -> None:
        if not batch.num_rows:
            return
        domain = batch.column("domain").to_numpy().astype(np.int64)
        domain[domain < 0] = len(self._rows) - 1
        lengths = pc.list_value_length(batch.column("tokens")).to_numpy()
        self._rows += np.bincount(domain, minlength=len(self._rows))
        np.add.at(self._tokens, domain, lengths)
        self._characters += pc.sum(batch.column("n_chars")).as_py() or 0

    def to_json(self) -> dict[str, Any]:
        counts = {"n_chars": self._characters, "tokens": int(self._tokens.sum())}
        return counts | {"domain_rows": self._rows.tolist(), "domain_tokens": self._tokens.tolist()}


def _renumbered(entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [entry | {"index": index} for index, entry in enumerate(entries)]


def _body(manifest: Manifest) -> dict[str, Any]:
    return {key: value for key, value in manifest.root.items() if key not in ("parts", "root_hash", "schema_version")}


def _sum(entries: Sequence[dict[str, Any]], key: str, split: str) -> int:
    return sum(entry[key] for entry in entries if entry["split"] == split)


def _lowered(totals: dict[str, Any], entries: Sequence[dict[str, Any]], names: Sequence[str]) -> dict[str, Any]:
    return totals | {name: sum(entry[name] for entry in entries) for name in names if name in totals}


def _without(columns: dict[str, dict[str, int]], removed: dict[str, Any]) -> dict[str, dict[str, int]]:
    """Return the counts per value less those of the removed rows; what falls to zero is left out."""
    lowered = {}
    for name, counts in columns.items():
        rest = Counter(counts)
        rest.subtract(removed.get(name, {}))
        lowered[name] = {value: count for value, count in rest.most_common() if count}
    return lowered
