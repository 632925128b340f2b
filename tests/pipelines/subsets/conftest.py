"""A small corpus with token shards, written shard by shard: no build, no kernels."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest
from rich.console import Console

from corpus.config.load import load_config
from corpus.schema import SOURCE_TYPES, corpus_schema, tokens_schema
from corpus.shards.manifest import TEXT_SHARDS, TOKEN_SHARDS, write_manifest
from corpus.shards.statistics import ShardStatistics
from corpus.shards.writer import ShardWriter
from corpus.storage import Store
from pipelines.derivation import Derivation, Parent
from pipelines.passes.task import Isolation, run_and_commit

DOMAINS = ("medical", "legal", "finance")
SENTENCES = {
    "medical": "患者入院后出现发热、咳嗽，医生建议做血常规和胸片检查，并按时服用退烧药。",
    "legal": "原告请求人民法院判令被告承担违约责任，并赔偿由此造成的经济损失和律师费。",
    "finance": "央行下调存款准备金率，债券收益率走低，基金经理认为股票市场的流动性将改善。",
    "none": "周末的早晨，老人们在河边的柳树下下棋，孩子们追着一只风筝跑过石桥。",
}
SHARDS = (("train", 30), ("train", 24), ("train", 1), ("valid", 12))


def document(number: int) -> dict[str, Any]:
    """Return row ``number``: every fourth without a domain, some with two, scores from 0.5 to 0.95."""
    kinds = ("medical", "legal", "finance", "none")
    kind = kinds[number % 4]
    score = round(0.5 + 0.05 * (number % 10), 2)
    domains = [] if kind == "none" else [{"name": kind, "score": score}]
    if number % 7 == 0 and kind == "medical":
        domains.append({"name": "legal", "score": 0.5})
    text = "\n".join(f"{SENTENCES[kind]}（第{number}篇，第{line}段）" for line in range(1 + number % 5))
    return {
        "doc_key": hashlib.blake2b(f"document {number}".encode(), digest_size=16).digest(),
        "part": 0,
        "url": f"https://site{number % 5}.example/{number}",
        "host": f"site{number % 5}.example",
        "record_id": str(number),
        "path": "a.jsonl",
        "offset": number,
        "fetched_at": 1_600_000_000 + 86_400 * number,
        "charset": "utf-8",
        "charset_source": "given",
        "page_kind": "text",
        "title": f"第{number}篇" if number % 3 else None,
        "page_hints": [],
        "language": "zh",
        "language_score": 0.99,
        "script": "hans",
        "source_type": SOURCE_TYPES[number % 3] if number % 5 else None,
        "domains": domains,
        "signal_lines": float(1 + number % 5),
        "quality": round(0.3 + (number % 13) * 0.05, 2),
        "n_chars": len(text),
        "cluster_size": 1 + number % 2,
        "pii": [{"kind": "email", "count": 1}] if number % 11 == 0 else [],
        "text": text,
    }


def write_corpus(output: Path, first: int = 0) -> Path:
    """Write the corpus below ``output`` and return it; documents are numbered from ``first``."""
    store = Store(output)
    schema, wide = corpus_schema(["lines"]), tokens_schema(False)
    texts, tokens, number = [], [], first
    columns: dict[str, Any] = {}
    for index, (split, rows) in enumerate(SHARDS):
        table = pa.Table.from_pylist([document(number + row) for row in range(rows)], schema=schema)
        number += rows
        text = ShardWriter(store, f"corpus/{split}/s{index}.arrow", schema, batch_rows=10)
        token = ShardWriter(
            store, f"tokens/{split}/s{index}.arrow", wide, compression=None, sized_by="tokens", batch_rows=0
        )
        counts = ShardStatistics()
        for batch in table.to_batches():
            text.write(batch)
            counts.add(batch)
            token.write(token_rows(batch))
        told = counts.to_json()
        for name, value in told.items():
            if isinstance(value, dict):
                for key, count in value.items():
                    columns.setdefault(name, {}).setdefault(key, 0)
                    columns[name][key] += count
        names = [*DOMAINS, "none"]
        entry = text.close()
        texts.append(
            entry
            | {
                "path": entry["path"].removeprefix("corpus/"),
                "index": index,
                "split": split,
                "n_chars": told["n_chars"],
            }
            | {"domain_rows": [told["domain"].get(name, 0) for name in names]}
            | {"source_type_rows": [told["source_type"].get(name, 0) for name in (*SOURCE_TYPES, "none")]}
        )
        entry = token.close()
        tokens.append(
            entry
            | {
                "path": entry["path"].removeprefix("tokens/"),
                "index": index,
                "split": split,
                "n_chars": told["n_chars"],
            }
            | {"tokens": sum(len(row["text"]) for row in table.to_pylist())}
            | {"domain_rows": texts[-1]["domain_rows"], "domain_tokens": [0] * 4}
        )
    tables = {"domains": list(DOMAINS), "source_types": list(SOURCE_TYPES)}
    rows = sum(shard["rows"] for shard in texts)
    root = {"kind": "text", "config_hash": "c", "input_hash": "i", "tables": tables, "environment": {}}
    totals = {"rows": rows, "columns": columns, "n_chars": sum(s["n_chars"] for s in texts)}
    corpus = write_manifest(store.sub("corpus"), TEXT_SHARDS, texts, root | {"totals": totals})
    store.write_atomic("tokenizer/test/meta.json", b"{}")
    tokenizer = {"kind": "test", "sha256": "0", "padded_vocab_size": 65536, "path": "../tokenizer/test"}
    token_root = {"kind": "tokens", "corpus_root_hash": corpus.root_hash, "dtype": "uint16", "tokenizer": tokenizer}
    split_tokens = {name: {"tokens": sum(s["tokens"] for s in tokens if s["split"] == name)} for name, _ in SHARDS}
    totals = {"rows": rows, "tokens": sum(one["tokens"] for one in tokens), "by_split": split_tokens}
    write_manifest(store.sub("tokens"), TOKEN_SHARDS, tokens, token_root | {"tables": tables, "totals": totals})
    counters = ("skipped", "quarantined", "dropped", "document_quarantined", "duplicates")
    empty: dict[str, dict[str, int]] = {name: {} for name in counters}
    funnel = {"read": rows, "with_documents": rows, "documents": rows, "published": rows, **empty}
    store.write_atomic("build.json", orjson.dumps({"funnel": funnel, "removed": {}}))
    return output


def token_rows(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return token rows: one token per UTF-16 unit."""
    rows = []
    for row in batch.to_pylist():
        names = [one["name"] for one in row["domains"]]
        rows.append(
            {
                "tokens": [ord(char) & 0xFFFF for char in row["text"]],
                "doc_key": row["doc_key"],
                "domain": DOMAINS.index(names[0]) if names else -1,
                "domain_mask": sum(1 << DOMAINS.index(name) for name in names),
                "source_type": SOURCE_TYPES.index(row["source_type"]) if row["source_type"] else -1,
                "n_chars": row["n_chars"],
                "quality": row["quality"],
                "cluster_size": row["cluster_size"],
                "prompt_len": 0,
            }
        )
    return pa.RecordBatch.from_pylist(rows, schema=tokens_schema(False))


@pytest.fixture(scope="session")
def small_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of a corpus of 67 documents in 4 shards, with token shards."""
    return write_corpus(tmp_path_factory.mktemp("small") / "out")


@pytest.fixture(scope="session")
def other_corpus() -> Callable[[Path], Path]:
    """Return a function that writes the same corpus to another folder."""
    return write_corpus


class InProcessEngine:
    """Runs tasks here, in reverse order: results must not depend on it."""

    name = "in-process"

    def __init__(self) -> None:
        self.ran: list[str] = []

    def run(self, task: Any, work: Store, items: Any, on_report: Any, on_progress: Any) -> None:
        """See :class:`pipelines.engines.interface.Engine`."""
        for item in reversed(items):
            self.ran.append(task.name)
            report = run_and_commit(task, work, item, Isolation(), lambda progress: None)
            on_report(item, report)

    def clusters(self, signed: Any, settings: Any, scratch: Store) -> Any:
        """Finding duplicates is no part of a subset: asking for it fails the test."""
        pytest.fail("a subset asked the engine for duplicates")

    def close(self) -> None:
        """Nothing runs."""


@pytest.fixture(scope="session")
def derive() -> Callable[..., Derivation]:
    """Return a function (corpus, output, overrides) -> derivation on an engine in this process."""

    def make(corpus: Path, output: Path, *overrides: str) -> Derivation:
        settings = load_config(None, [f"output={json.dumps(str(output))}", *overrides])
        console = Console(file=io.StringIO(), soft_wrap=True)
        return Derivation(settings, InProcessEngine(), console, Parent.open(str(corpus)))

    return make
