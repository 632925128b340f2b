"""Token shards for a published corpus: one tokenizer, one manifest."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from corpus.config.build import BuildConfig
from corpus.errors import BuildError
from corpus.shards.label_codes import MAX_DOMAINS
from corpus.shards.manifest import TOKEN_SHARDS, Manifest, write_manifest
from corpus.storage import Store
from pipelines.passes.publish import SPLIT_NAMES
from pipelines.passes.reports import Report
from pipelines.passes.task import Item
from pipelines.passes.tokenise import TokeniseTask, TrainTokenizerTask, copy_tokenizer, find_tokenizer, load_tokenizer


def tokenise(
    config: BuildConfig,
    output: Store,
    manifest: Manifest,
    run: Callable[[Any, list[Item]], Mapping[str, Report]],
) -> Manifest:
    """Train the tokenizer that the configuration asks for, or take the one it names, and tokenise every shard.

    Raises BuildError where the corpus has more domains than a token row has bits for, or nothing to train on, and
    ConfigError where no tokenizer lies where the configuration says.
    """
    tables = manifest.root["tables"]
    if len(tables["domains"]) > MAX_DOMAINS:
        raise BuildError(
            f"{manifest.store.root}: {len(tables['domains'])} domains, and token shards hold {MAX_DOMAINS} at most; "
            "name fewer in label.domains and build again"
        )
    folder = find_tokenizer(config.tokenizer_path) if config.tokenizer_path is not None else None
    if folder is None and not manifest.root["totals"]["rows"]:
        raise BuildError(
            f"{manifest.store.root}: nothing was published, so there is no text to train a tokenizer on; "
            "build with --no-tokens, then see why with `wudao inspect OUTPUT --dropped`"
        )
    if folder is None:
        train = TrainTokenizerTask(manifest.store.root, output.path("tokenizer"), config.tokenizer)
        item = train.item(manifest)
        folder = output.path(f"tokenizer/{run(train, [item])[item.fingerprint]['folder']}")
    tokenizer = load_tokenizer(folder)
    folder = _within_reach(folder, output, tokenizer.sha256)
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
        "tokenizer": {**tokenizer.meta, "sha256": tokenizer.sha256, "path": _reference(folder, output)},
        "dtype": "uint32" if tokenizer.padded_vocab_size > 1 << 16 else "uint16",
        "tables": tables,
        "totals": totals,
    }
    return write_manifest(output.sub("tokens"), TOKEN_SHARDS, shards, root)


def _within_reach(folder: str, output: Store, sha256: str) -> str:
    """Return where workers and readers find the artifact: beside a remote corpus, wherever it came from."""
    source = Store(folder)
    if source.local and output.local:
        return source.root
    if source.root.startswith(output.path("tokenizer/")):
        return folder
    target = output.sub("tokenizer", f"given-{sha256[:12]}")
    copy_tokenizer(source, target)
    return target.root


def _reference(folder: str, output: Store) -> str:
    """Return the path of the artifact relative to the token shards."""
    if output.local:
        return os.path.relpath(folder, output.path("tokens"))
    return f"../tokenizer/{folder.rstrip('/').rpartition('/')[2]}"


def _place(item: Item) -> dict[str, Any]:
    shard = item.payload["shard"]
    return {"index": shard["index"], "split": shard["split"]}
