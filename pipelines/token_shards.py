"""Token shards for a published corpus: one tokenizer, one manifest."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from corpus.config.build import BuildConfig
from corpus.errors import BuildError
from corpus.shards.manifest import TOKEN_SHARDS, Manifest, write_manifest
from corpus.storage import Store
from pipelines.passes.publish import SPLIT_NAMES
from pipelines.passes.reports import Report
from pipelines.passes.task import Item
from pipelines.passes.tokenise import TokeniseTask, TrainTokenizerTask


def tokenise(
    config: BuildConfig,
    output: Store,
    manifest: Manifest,
    run: Callable[[Any, list[Item]], dict[str, Report]],
) -> Manifest:
    """Train the tokenizer that the configuration asks for, or take the one it names, and tokenise every shard."""
    from tokenizer_training import load

    if not output.local:
        raise BuildError(
            f"{output.root}: tokenizers are trained on local folders; build without tokenising, then `wudao tokenise`"
        )
    folder = config.tokenizer_path
    if folder is None:
        train = TrainTokenizerTask(manifest.store.root, output.path("tokenizer"), config.tokenizer)
        item = train.item(manifest)
        folder = os.path.join(output.path("tokenizer"), run(train, [item])[item.fingerprint]["folder"])
    tokenizer = load(folder)
    tables = manifest.root["tables"]
    task = TokeniseTask(
        manifest.store.root,
        output.path("tokens"),
        folder,
        tokenizer.sha256,
        tuple(tables["domains"]),
        tuple(tables["source_types"]),
    )
    items = [task.item(shard) for shard in manifest.shards()]
    reports = run(task, items)
    shards = [{**reports[item.fingerprint]["shard"], **_place(item)} for item in items]
    totals: dict[str, Any] = {
        name: sum(shard[name] for shard in shards) for name in ("rows", "tokens", "bytes", "n_chars")
    }
    totals["by_split"] = {
        name: {key: sum(shard[key] for shard in shards if shard["split"] == name) for key in ("rows", "tokens")}
        for name in SPLIT_NAMES
    }
    names = [*tables["domains"], "none"]
    totals["domain_tokens"] = {name: sum(shard["domain_tokens"][i] for shard in shards) for i, name in enumerate(names)}
    root = {
        "kind": "tokens",
        "corpus_root_hash": manifest.root_hash,
        "tokenizer": {
            **tokenizer.meta,
            "sha256": tokenizer.sha256,
            "path": os.path.relpath(folder, output.path("tokens")),
        },
        "dtype": "uint32" if tokenizer.padded_vocab_size > 1 << 16 else "uint16",
        "tables": tables,
        "totals": totals,
    }
    return write_manifest(output.sub("tokens"), TOKEN_SHARDS, shards, root)


def _place(item: Item) -> dict[str, Any]:
    shard = item.payload["shard"]
    return {"index": shard["index"], "split": shard["split"]}
