"""Reading shards through their manifest, and finding the root folders of a build."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from corpus.errors import CorruptionError
from corpus.shards.manifest import Manifest, read_manifest
from corpus.shards.view import Dataset, unreadable
from corpus.storage import Store


def open_corpus(place: str) -> Manifest:
    """Return the manifest of a corpus: ``place`` is a build's output folder or its ``corpus`` folder."""
    store = Store(place)
    if not store.exists("manifest.json") and store.exists("corpus/manifest.json"):
        store = store.sub("corpus")
    return read_manifest(store)


def open_dataset(place: str) -> Dataset:
    """Return the text dataset of a build's or a subset's output folder, or of its ``corpus`` folder."""
    return Dataset.of(open_corpus(place))


def read_shard(store: Store, shard: dict[str, Any]) -> Iterator[pa.RecordBatch]:
    """Yield the record batches of one shard; CorruptionError where Arrow cannot read it, or the shard is a view's."""
    if shard["path"].endswith(".parquet"):
        raise CorruptionError(
            f"{store.root}: a view has no shards of its own; copy it with `wudao extract VIEW -o OUT`"
        )
    try:
        with pa.ipc.open_stream(store.arrow_source(shard["path"])) as reader:
            yield from reader
    except (pa.ArrowInvalid, OSError) as error:
        raise unreadable(store, shard, error) from error


def read_corpus(manifest: Manifest, split: str | None = None) -> Iterator[pa.RecordBatch]:
    """Yield every record batch of a corpus or view in order, of one split where ``split`` names it."""
    dataset = Dataset.of(manifest)
    for shard in manifest.shards():
        if split is None or shard["split"] == split:
            yield from dataset.batches(shard)
