"""Token shards for tests, in the layout that the ``tokenise`` pass writes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from corpus.schema import tokens_schema

VOCAB = 320
EOD = 300
TOKENIZER: dict[str, Any] = {
    "name": "test-320",
    "kind": "glm",
    "sha256": "a" * 64,
    "pieces": 300,
    "vocab_size": 311,
    "padded_vocab_size": VOCAB,
    "special_ids": {
        "eod": EOD,
        "pad": EOD,
        "sep": 301,
        "cls": 302,
        "mask": 303,
        "sop": 306,
        "eop": 307,
        "smask": 308,
        "gmask": 309,
        "dblock": 310,
    },
    "sentence_end_ids": [19],
}
DOMAINS = ["medical", "legal"]


def documents(count: int, seed: int, longest: int = 60) -> list[list[int]]:
    """Return documents of a small language: most tokens follow from the one before, every tenth one is a full stop."""
    random = np.random.default_rng(seed)
    result = []
    for _ in range(count):
        size = int(random.integers(2, longest))
        tokens = [int(random.integers(20, 300))]
        for i in range(1, size):
            following = 20 + (tokens[-1] * 7 + 3) % 280
            tokens.append(19 if i % 10 == 9 else following if random.random() < 0.9 else int(random.integers(20, 300)))
        result.append([*tokens, EOD])
    return result


def write_shards(
    folder: Path,
    shards: list[tuple[str, list[list[int]], list[int]]],
    *,
    wide: bool = False,
    prompts: int = 0,
    tokenizer: dict[str, Any] | None = None,
) -> Path:
    """Write shards given as (split, documents, domain codes) with their manifest."""
    pytest.importorskip("orjson")
    from corpus.shards.manifest import TOKEN_SHARDS, write_manifest
    from corpus.storage import Store

    schema = tokens_schema(wide)
    entries = []
    for index, (split, docs, codes) in enumerate(shards):
        n = len(docs)
        keys = [hashlib.blake2b(f"{index} {i}".encode(), digest_size=16).digest() for i in range(n)]
        columns = {
            "tokens": docs,
            "doc_key": keys,
            "domain": codes,
            "domain_mask": [0] * n,
            "source_type": [-1] * n,
            "n_chars": [len(d) for d in docs],
            "quality": [0.5] * n,
            "cluster_size": [1] * n,
            "prompt_len": [min(prompts, len(d)) for d in docs],
        }
        batch = pa.record_batch([pa.array(columns[f.name], f.type) for f in schema], schema=schema)
        path = folder / f"{split}-{index:05d}.arrow"
        path.parent.mkdir(parents=True, exist_ok=True)
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
            writer.write_batch(batch)
        data = path.read_bytes()
        lengths = np.array([len(d) for d in docs])
        code = np.array([len(DOMAINS) if c < 0 else c for c in codes])
        entries.append(
            {
                "index": index,
                "path": path.name,
                "split": split,
                "rows": n,
                "bytes": len(data),
                "sha256": hashlib.sha256(data).hexdigest(),
                "content_hash": hashlib.sha256(data).hexdigest()[:32],
                "n_chars": int(lengths.sum()),
                "tokens": int(lengths.sum()),
                "domain_rows": np.bincount(code, minlength=3).tolist(),
                "domain_tokens": np.bincount(code, weights=lengths, minlength=3).astype(int).tolist(),
            }
        )
    root = {
        "kind": "tokens",
        "tokenizer": tokenizer or TOKENIZER,
        "dtype": "uint32" if wide else "uint16",
        "tables": {"domains": DOMAINS, "source_types": ["news"]},
        "totals": {},
    }
    write_manifest(Store(folder), TOKEN_SHARDS, entries, root)
    return folder


def three_shards(seed: int = 0) -> list[tuple[str, list[list[int]], list[int]]]:
    """Two training shards with domains and one for validation."""
    random = np.random.default_rng(seed)
    return [
        ("train", documents(300, seed + 1), random.integers(-1, 2, 300).tolist()),
        ("train", documents(217, seed + 2), random.integers(-1, 2, 217).tolist()),
        ("valid", documents(60, seed + 3), [-1] * 60),
    ]
