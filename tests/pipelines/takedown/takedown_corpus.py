"""A small corpus with tokens, and what the tests ask of it before and after a take-down."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
from rich.console import Console

from corpus.config.build import BuildConfig
from corpus.schema import SOURCE_TYPES, tokens_schema
from corpus.shards.manifest import TOKEN_SHARDS, write_manifest
from corpus.shards.reader import open_corpus, read_corpus, read_shard
from corpus.shards.writer import ShardWriter
from corpus.storage import Store
from corpus.takedown.request import Request
from pipelines.build import Build
from pipelines.engines.registry import make_engine
from pipelines.takedown.removal import remove
from pipelines.takedown.search import find

MakeConfig = Callable[..., BuildConfig]
NEWS3 = "https://news0.example/3"
PHONE = "13907314582"


def build(config: BuildConfig) -> dict[str, Any]:
    engine = make_engine(config.run)
    try:
        Build(config, engine, Console(file=StringIO())).run()
    finally:
        engine.close()
    summary: dict[str, Any] = orjson.loads((Path(config.output) / "build.json").read_bytes())
    return summary


def write_tokens(output: Path) -> None:
    """Write token shards with one token per character, in place of a tokenizer's."""
    corpus = open_corpus(str(output))
    store = Store(output).sub("tokens")
    shards = []
    names = [*corpus.root["tables"]["domains"], "none"]
    for shard in corpus.shards():
        name = f"{shard['split']}/t{shard['index']}.arrow"
        writer = ShardWriter(store, name, tokens_schema(False), compression=None, sized_by="tokens", batch_rows=0)
        counts, lengths = [0] * len(names), [0] * len(names)
        for batch in read_shard(corpus.store, shard):
            rows = [
                {
                    "tokens": [ord(char) & 0xFFFF for char in row["text"]],
                    "doc_key": row["doc_key"],
                    "domain": -1,
                    "domain_mask": 0,
                    "source_type": -1,
                    "n_chars": row["n_chars"],
                    "quality": row["quality"],
                    "cluster_size": row["cluster_size"],
                    "prompt_len": 0,
                }
                for row in batch.to_pylist()
            ]
            counts[-1] += len(rows)
            lengths[-1] += sum(len(row["tokens"]) for row in rows)
            writer.write(pa.RecordBatch.from_pylist(rows, schema=tokens_schema(False)))
        entry = writer.close() | {"index": shard["index"], "split": shard["split"], "n_chars": shard["n_chars"]}
        shards.append(entry | {"tokens": lengths[-1], "domain_rows": counts, "domain_tokens": lengths})
    totals: dict[str, Any] = {name: sum(one[name] for one in shards) for name in ("rows", "tokens", "bytes", "n_chars")}
    totals["domain_tokens"] = dict.fromkeys(names, 0) | {"none": totals["tokens"]}
    root = {"kind": "tokens", "corpus_root_hash": corpus.root_hash, "dtype": "uint16", "tokenizer": {"path": "../x"}}
    tables = {"domains": names[:-1], "source_types": list(SOURCE_TYPES)}
    write_manifest(store, TOKEN_SHARDS, shards, root | {"tables": tables, "totals": totals})


def published(output: Path) -> dict[str, str]:
    """Return url (or key) -> text of what is published."""
    rows = (row for batch in read_corpus(open_corpus(str(output))) for row in batch.to_pylist())
    return {row["url"] or row["doc_key"].hex(): row["text"] for row in rows}


def taken(output: Path, **criteria: tuple[str, ...]) -> dict[str, Any]:
    store = Store(output)
    return remove(store, find(store, Request(**criteria)))


def files(output: Path) -> dict[str, bytes]:
    return {name: Store(output).read_bytes(name) for name in Store(output).names() if not name.startswith("work/")}
