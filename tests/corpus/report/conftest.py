"""A finished build written by hand: three shards of invented documents, a summary, what was removed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest

from corpus.config.build import BuildConfig
from corpus.quality.signals import SIGNALS
from corpus.schema import DEAD_LETTERS, REJECTS, SIGNAL_PREFIX, SOURCE_TYPES, corpus_schema
from corpus.shards.manifest import TEXT_SHARDS, write_manifest
from corpus.shards.statistics import ShardStatistics
from corpus.shards.writer import ShardWriter, write_parquet
from corpus.storage import Store

SHARDS = (("train", 20), ("train", 16), ("valid", 6))
TEXT = "渡口的老船工收了缆绳，对岸的灯一盏一盏亮起来，赶集的人挑着空担子等最后一班船。"
DUPLICATES = pa.schema(
    [("url", pa.string()), ("kind", pa.string()), ("similarity", pa.float32()), ("build", pa.string())]
)


def key(number: int) -> bytes:
    return hashlib.blake2b(f"document {number}".encode(), digest_size=16).digest()


def document(number: int) -> dict[str, Any]:
    """Return row ``number``; document 7 stands for the biggest cluster."""
    return {
        "doc_key": key(number),
        "part": 0,
        "url": f"https://site{number % 4}.example/{number}",
        "host": f"site{number % 4}.example",
        "path": "a.jsonl",
        "offset": number,
        "fetched_at": 1_600_000_000 + 86_400 * number,
        "published_at": 1_600_000_000 if number % 3 else None,
        "charset": "utf-8",
        "page_kind": "article",
        "title": f"渡口札记之{number}",
        "opt_out": ["noai"] if number == 5 else [],
        "language": "zh",
        "script": "hans",
        "source_type": "blog" if number % 2 else "news",
        "domains": [{"name": "travel", "score": 0.9}] if number % 5 else [],
        **{SIGNAL_PREFIX + name: 0.1 for name in SIGNALS},
        "quality": 0.5 + number % 10 / 20,
        "n_chars": len(TEXT) * (1 + number % 6),
        "cluster_size": 40 if number == 7 else 2 if number % 9 == 0 else 1,
        "pii": [{"kind": "CN_MOBILE", "count": 2}] if number == 3 else [],
        "text": TEXT * (1 + number % 6),
    }


def reject(number: int, reason: str, score: float | None) -> dict[str, Any]:
    place = {"path": "a.jsonl", "offset": 1000 + number, "part": 0, "url": f"https://site1.example/gone/{number}"}
    return {**place, "step": "quality", "reason": reason, "score": score}


def letter(number: int) -> dict[str, Any]:
    told = {"step": "read", "reason": "malformed_json", "detail": "秘密的原文不应出现", "reproducible": True}
    return {"path": "b.jsonl", "offset": 100 * number, "part": -1, **told}


def write_build(
    output: Path,
    change: Callable[[int, dict[str, Any]], dict[str, Any]] = lambda _, row: row,
    config: dict[str, Any] | None = None,
) -> Path:
    """Write the build into ``output``; ``change`` returns what stands in the place of a row."""
    store, work = Store(output).sub("corpus"), Store(output).sub("work")
    schema = corpus_schema(list(SIGNALS))
    entries, totals, number = [], ShardStatistics(), 0
    for index, (split, count) in enumerate(SHARDS):
        rows = [change(one, document(one)) for one in range(number, number + count)]
        number += count
        writer = ShardWriter(store, f"{split}/{index}.arrow", schema, batch_rows=7)
        batch = pa.RecordBatch.from_pylist(rows, schema)
        writer.write(batch)
        totals.add(batch)
        told = {"index": index, "split": split, "domain_rows": [0], "source_type_rows": [0]}
        entry = writer.close()
        entries.append({**entry, **told, "n_chars": sum(row["n_chars"] for row in rows)})
    counts = totals.to_json()
    columns = {name: values for name, values in counts.items() if isinstance(values, dict)}
    by_split = {name: sum(rows for split, rows in SHARDS if split == name) for name in ("train", "valid")}
    root = {
        "kind": "text",
        "config_hash": "c0",
        "input_hash": "1a",
        "tables": {"domains": ["travel"], "source_types": list(SOURCE_TYPES)},
        "totals": {
            "rows": number,
            "n_chars": counts["n_chars"],
            "text_bytes": counts["text_bytes"],
            "bytes": sum(entry["bytes"] for entry in entries),
            "by_split": by_split,
            "columns": columns,
        },
    }
    manifest = write_manifest(store, TEXT_SHARDS, entries, root)
    rejects = [reject(one, "too_short", 20 + one) for one in range(8)] + [reject(9, "language", 0.2)]
    letters = [letter(one) for one in range(5)]
    twins = [
        {"url": f"https://site2.example/twin/{one}", "kind": "near", "similarity": 0.8 + one / 100, "build": None}
        for one in range(6)
    ]
    removed = {
        "rejects": [write_parquet(work, "rejects/a.parquet", pa.Table.from_pylist(rejects, REJECTS))],
        "dead_letters": [write_parquet(work, "dead_letters/a.parquet", pa.Table.from_pylist(letters, DEAD_LETTERS))],
        "duplicates": [write_parquet(work, "duplicates/a.parquet", pa.Table.from_pylist(twins, DUPLICATES))],
    }
    summary = {
        "funnel": {
            "read": number + 15 + 8,
            "with_documents": number + 15,
            "skipped": {"no_text": 3},
            "quarantined": {"malformed_json": 5},
            "documents": number + 15,
            "dropped": {"too_short": 8, "language": 1},
            "document_quarantined": {},
            "duplicates": {"near": 6},
            "published": number,
        },
        "removed": removed,
        "root_hash": manifest.root_hash,
        "tokens_root_hash": None,
        "seconds": {"ingest": 3.5, "publish": 1.0},
        "step_seconds": {"quality": {"cpu": 2.0, "wall": 2.5}, "read": {"cpu": 0.001, "wall": 0.002}},
        "read_bytes": 10_000_000,
        "config": BuildConfig.model_validate(config or {}).model_dump(mode="json"),
        "environment": {"pyarrow": "1.2.3"},
    }
    (output / "build.json").write_bytes(orjson.dumps(summary))
    return output


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    return write_build(tmp_path / "渡口")


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return a function (change of rows, configuration) -> output of another build."""
    return lambda *arguments, **named: write_build(tmp_path / "other", *arguments, **named)
