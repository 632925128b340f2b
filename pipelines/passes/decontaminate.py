"""The decontaminate pass: which documents of a shard hold evaluation items, and which remain."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from corpus.decontamination.items import read_items
from corpus.decontamination.ngrams import Match, NgramIndex
from corpus.schema import REJECTS
from corpus.shards.selection import CANDIDATES
from corpus.shards.writer import write_parquet
from corpus.storage import Store
from pipelines.passes.reports import Report, fingerprint
from pipelines.passes.select import Place, candidates, token_lengths
from pipelines.passes.task import Announce, Isolation, Item, Progress

VERSION = 1
STEP, REASON = "decontaminate", "contaminated"
MAX_EXCERPT = 200
COLUMNS = ("doc_key", "path", "offset", "part", "url", "n_chars", "text")

# One row for each document and evaluation item that share n-grams.
CONTAMINATION = pa.schema(
    [
        pa.field("doc_key", pa.binary(16), nullable=False),
        pa.field("shard", pa.int32(), nullable=False),  # of the base of the corpus
        pa.field("row", pa.int32(), nullable=False),
        pa.field("url", pa.string()),
        pa.field("file", pa.string(), nullable=False),  # of evaluation items
        pa.field("item", pa.int64(), nullable=False),  # its number there, from 1
        pa.field("ngrams", pa.int32(), nullable=False),
        pa.field("longest", pa.int32(), nullable=False),  # characters of the hash form
        pa.field("excerpt", pa.string(), nullable=False),  # of the longest run, hash form
    ]
)


@dataclass(frozen=True)
class DecontaminateTask:
    """Compares one shard with the items in ``files``."""

    output: str
    corpus: Place
    tokens: Place | None
    files: tuple[str, ...]
    digest: str  # of their content
    size: int
    max_items: int
    name: str = "decontaminate"

    def item(self, shard: dict[str, Any], token_shard: dict[str, Any] | None) -> Item:
        """Return the item of a text shard and the token shard of the same rows."""
        contents = [shard["content_hash"], token_shard["content_hash"] if token_shard else None]
        settings = [self.digest, self.size, self.max_items]
        mark = fingerprint(self.name, VERSION, settings, contents, shard["index"], shard["path"])
        return Item(mark, {"shard": shard, "token_shard": token_shard}, shard["bytes"])

    def run(self, item: Item, attempt: str, isolation: Isolation, announce: Announce) -> Report:
        """Write the matches of one shard, the rejected documents and the candidates that remain."""
        announce(Progress(0, 1, 0, 0, 0))
        index = _index(self.files, self.digest, self.size, self.max_items)
        shard, token_shard = item.payload["shard"], item.payload["token_shard"]
        lengths = token_lengths(self.tokens, token_shard)
        matched: list[dict[str, Any]] = []
        rejects: list[dict[str, Any]] = []
        kept: list[pa.RecordBatch] = []
        first = read = 0
        for ordinal, (base, places, batch) in enumerate(self.corpus.open().addressed(shard, COLUMNS)):
            announce(Progress(ordinal, ordinal + 1, first, first - len(rejects), read))
            matches = index.matches(batch.column("text"))
            rows = sorted({match.row for match in matches})
            columns = {name: batch.column(name).take(pa.array(rows, pa.int64())).to_pylist() for name in COLUMNS[:5]}
            by_row = {row: {name: columns[name][place] for name in columns} for place, row in enumerate(rows)}
            matched += [
                self._contamination(index, match, by_row[match.row], base, int(places[match.row])) for match in matches
            ]
            most = {match.row: 0 for match in matches}
            for match in matches:
                most[match.row] = max(most[match.row], match.ngrams)
            rejects += [
                by_row[row]
                | {"step": STEP, "reason": REASON, "score": float(most[row]), "threshold": 1.0, "text": None}
                for row in rows
            ]
            clean = np.setdiff1d(np.arange(batch.num_rows), np.array(rows, np.int64))
            kept.append(
                candidates(
                    base, places[clean], batch.column("n_chars").take(pa.array(clean)),
                    np.zeros(len(clean), np.uint64), np.zeros(len(clean), np.int8),
                    None if lengths is None else lengths[first + clean],
                )
            )  # fmt: skip
            first += batch.num_rows
            read += batch.column("text").nbytes
        work, stem = Store(self.output).sub("work"), f"{item.fingerprint}-{attempt}"
        tables = {
            "contamination": pa.Table.from_pylist(matched, schema=CONTAMINATION),
            "rejects": pa.Table.from_pylist(rejects, schema=REJECTS),
            "candidates": pa.Table.from_batches(kept, CANDIDATES),
        }
        files = {kind: write_parquet(work, f"{kind}/{stem}.parquet", table) for kind, table in tables.items()}
        return {
            "read": first,
            "found": first - len(rejects),
            "ledger": {"documents": first, "kept": first - len(rejects)},
            "too_short": index.too_short,
            "templates": index.templates,
            "items": len(index.items),
            "files": files,
            "read_bytes": read,
        }

    def _contamination(
        self, index: NgramIndex, match: Match, row: dict[str, Any], shard: int, place: int
    ) -> dict[str, Any]:
        items = index.items
        return {
            "doc_key": row["doc_key"],
            "shard": shard,
            "row": place,
            "url": row["url"],
            "file": items.files[items.file_of[match.item]],
            "item": items.numbers[match.item],
            "ngrams": match.ngrams,
            "longest": match.longest,
            "excerpt": match.excerpt[:MAX_EXCERPT],
        }


@lru_cache(maxsize=1)
def _index(files: tuple[str, ...], digest: str, size: int, max_items: int) -> NgramIndex:
    """Return the index of ``files``, built once per worker; ``digest`` only names their content."""
    index = NgramIndex(read_items(files), size, max_items)
    index.load()
    return index
