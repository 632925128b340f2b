"""The shards that a manifest names: damage is named, a take-down is obeyed, object stores go through the cache."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from token_datasets import SMALL, dataset, split_documents
from trainer_token_shards import three_shards, write_shards

from corpus.errors import ConfigError, CorruptionError
from trainer import manifest
from trainer.data import TokenDataset


def test_damaged_missing_and_foreign_shards_are_named(make_shards: Callable[..., Path]) -> None:
    folder = make_shards()
    found = manifest.read_manifest(str(folder))
    manifest.verify(found, "full")
    path = folder / found.shards[1].path
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(CorruptionError, match=r"train-00001\.arrow: its sha256"):
        manifest.verify(found, "auto")
    manifest.verify(found, "size")
    path.write_bytes(data[:-64])
    with pytest.raises(CorruptionError, match=r"train-00001\.arrow: \d+ bytes instead of"):
        manifest.verify(found, "size")
    path.unlink()
    with pytest.raises(CorruptionError, match="is missing"):
        manifest.verify(found, "size")
    (folder / "x.arrow").write_bytes(b"not arrow")
    with pytest.raises(CorruptionError, match="not a token shard"):
        manifest.open_shard(folder / "x.arrow")
    with pytest.raises(ConfigError, match="name the folder of token shards"):
        manifest.read_manifest(str(folder / "nowhere"))
    with pytest.raises(ConfigError, match="'test' split holds no tokens"):
        dataset(folder, split="test")


def renamed_parts(folder: Path, parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Let the parts of a manifest name the shards ``new-…``."""
    result = []
    for part in parts:
        path = folder / part["path"]
        path = path.with_stem(f"new-{path.stem}")
        table = pq.read_table(path)
        paths = pa.array([f"new-{name}" for name in table["path"].to_pylist()])
        table = table.set_column(table.schema.get_field_index("path"), "path", paths)
        pq.write_table(table, path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        result.append({**part, "path": f"manifest/{path.name}", "sha256": digest})
    return result


def test_a_decided_take_down_counts_before_it_is_completed(tmp_path: Path) -> None:
    """The journal's manifest is read, not the one it is about to replace: removed documents are not trained on."""
    from corpus.shards.journal import JOURNAL_NAME, commit, finish
    from corpus.storage import Store

    output = Store(tmp_path)
    before = write_shards(tmp_path / "tokens", three_shards())
    removed = set(map(tuple, three_shards()[0][1][:100]))
    left = [(split, [d for d in docs if tuple(d) not in removed], codes) for split, docs, codes in three_shards()]
    left = [(split, docs, codes[: len(docs)]) for split, docs, codes in left]
    after = write_shards(tmp_path / "rewritten", left)
    for path in after.rglob("*"):  # new files beside the old ones, as a take-down writes them
        if path.is_file() and path.name != "manifest.json":
            target = before / path.relative_to(after).with_stem(f"new-{path.stem}")
            target.write_bytes(path.read_bytes())
    root = json.loads((after / "manifest.json").read_bytes())
    root["parts"] = renamed_parts(before, root["parts"])
    output.write_atomic("takedown/a.0.staged", json.dumps(root).encode())

    def documents_of(folder: Path) -> set[tuple[int, ...]]:
        data = dataset(folder)
        stream, _ = data.streams[0].read(0, data.tokens)
        return set(split_documents(stream.tolist()))

    assert removed <= documents_of(before)
    commit(output, {"tokens/manifest.json": "takedown/a.0.staged"}, ["tokens/train-00000.arrow"])
    decided = documents_of(before)
    assert not removed & decided
    assert finish(output)
    assert not output.exists(JOURNAL_NAME)
    assert documents_of(before) == decided


def test_object_store_shards_come_through_the_cache(make_shards: Callable[..., Path], tmp_path: Path) -> None:
    import fsspec

    folder = make_shards()
    memory = fsspec.filesystem("memory")
    for path in folder.rglob("*"):
        if path.is_file():
            memory.pipe(f"/tokens-test/{path.relative_to(folder).as_posix()}", path.read_bytes())
    found = manifest.read_manifest("memory://tokens-test", str(tmp_path / "cache"))
    remote, _ = TokenDataset(found, "train", 32, SMALL).read(0, 10)
    local, _ = dataset(folder).read(0, 10)
    assert np.array_equal(remote, local)
    assert len(list((tmp_path / "cache").glob("*.arrow"))) == 2
