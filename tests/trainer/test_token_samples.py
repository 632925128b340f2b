"""Samples are a function of (seed, index): order, packing, mixing, ranks, resume."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from trainer_token_shards import EOD, TOKENIZER, three_shards, write_shards

from corpus.errors import ConfigError, CorruptionError
from trainer import manifest
from trainer.config import DataConfig, ObjectiveConfig, TrainConfig
from trainer.data import TokenDataset, mixing_pattern
from trainer.loader import BatchBuilder, Loader
from trainer.objectives import Batch
from trainer.presets import preset

SMALL = DataConfig(extent_documents=16, block_extents=4, seed=7)


def dataset(folder: Path, length: int = 32, split: str = "train", **changes: object) -> TokenDataset:
    return TokenDataset(
        manifest.read_manifest(str(folder)),
        split,
        length,
        dataclasses.replace(SMALL, **changes),  # type: ignore[arg-type]
    )


def split_documents(stream: list[int]) -> list[tuple[int, ...]]:
    result, document = [], []
    for token in stream:
        document.append(token)
        if token == EOD:
            result.append(tuple(document))
            document = []
    return result


def test_an_epoch_holds_every_document_once_and_the_next_one_in_another_order(make_shards: Callable[..., Path]) -> None:
    data = dataset(make_shards())
    expected = Counter(tuple(d) for split, docs, _ in three_shards() if split == "train" for d in docs)
    stream = data.streams[0]
    first, _ = stream.read(0, stream.total)
    second, _ = stream.read(stream.total, stream.total)
    assert Counter(split_documents(first.tolist())) == expected
    assert Counter(split_documents(second.tolist())) == expected
    assert first.tolist() != second.tolist()


def test_samples_are_the_windows_of_the_stream_in_shuffled_order(make_shards: Callable[..., Path]) -> None:
    data = dataset(make_shards())
    stream = data.streams[0]
    count = data.tokens // 32 + 40  # beyond the end of the first epoch
    tokens, silent = data.read(0, count)
    assert silent is None
    windows = stream.windows(0, count, 32)
    run, _ = stream.read(0, (int(windows.max()) + 1) * 32 + 1)
    for row, window in zip(tokens, windows.tolist(), strict=True):
        assert np.array_equal(row, run[window * 32 : window * 32 + 33])
    assert windows.tolist() != sorted(windows.tolist())
    group = stream.total // 9 // 32  # nine blocks of four extents
    assert sorted(windows[:group].tolist()) == list(range(group))
    assert len(set(windows.tolist())) == count


def test_a_sample_does_not_depend_on_what_was_read_before(make_shards: Callable[..., Path]) -> None:
    folder = make_shards()
    whole, _ = dataset(folder).read(0, 64)
    fresh = dataset(folder)
    for index in np.random.default_rng(0).permutation(64):
        one, _ = fresh.read(int(index), 1)
        assert np.array_equal(one[0], whole[index])


def test_seed_changes_the_order_and_the_cached_index_does_not(make_shards: Callable[..., Path], tmp_path: Path) -> None:
    folder = make_shards()
    plain, _ = dataset(folder).read(0, 20)
    other, _ = dataset(folder, seed=8).read(0, 20)
    assert not np.array_equal(plain, other)
    cache = str(tmp_path / "cache")
    dataset(folder, cache=cache).read(0, 20)
    assert list((tmp_path / "cache").glob("index-*.npz"))
    assert np.array_equal(dataset(folder, cache=cache).read(0, 20)[0], plain)


def test_uint32_shards_give_the_same_samples(make_shards: Callable[..., Path]) -> None:
    narrow, _ = dataset(make_shards("narrow")).read(0, 20)
    wide, _ = dataset(make_shards("wide", wide=True)).read(0, 20)
    assert narrow.dtype == np.uint16
    assert wide.dtype == np.uint32
    assert np.array_equal(narrow, wide)


def test_prompts_bear_no_loss(make_shards: Callable[..., Path]) -> None:
    data = dataset(make_shards(prompts=2), shuffle_samples=1)
    tokens, silent = data.read(0, 50)
    assert silent is not None
    starts = np.concatenate([[True], tokens[:, :-1].ravel() == EOD])[: tokens[:, :-1].size].reshape(50, 32)
    assert np.array_equal(silent[:, :-1] & starts, starts)
    first = np.flatnonzero(starts.ravel())
    lengths = np.diff(first)
    assert silent[:, :-1].ravel()[first[:-1] + 1].all()
    assert not silent[:, :-1].ravel()[first[:-1][lengths > 2] + 2].any()


def test_mixing_follows_the_weights_at_every_prefix() -> None:
    weights = [0.5, 0.3, 0.2]
    pattern = mixing_pattern(weights)
    drawn = np.cumsum(pattern[:, None] == np.arange(3), axis=0)
    wanted = np.arange(1, pattern.size + 1)[:, None] * np.bincount(pattern) / pattern.size
    assert np.abs(drawn - wanted).max() <= 1.0
    assert np.bincount(pattern) / pattern.size == pytest.approx(weights, abs=1 / 4096)
    assert mixing_pattern([3.0]).tolist() == [0]
    assert (np.bincount(mixing_pattern([1.0, 1e-9])) > 0).all()


def test_domains_are_mixed_by_weight(make_shards: Callable[..., Path]) -> None:
    folder = make_shards()
    data = dataset(folder, weights={"medical": 3.0, "none": 1.0}, shuffle_samples=1)
    by_document = {
        tuple(d): c
        for split, docs, codes in three_shards()
        if split == "train"
        for d, c in zip(docs, codes, strict=True)
    }
    tokens, _ = data.read(0, 400)
    assert Counter(data._pattern.tolist())[0] == 3 * Counter(data._pattern.tolist())[1]
    pattern = data._pattern[np.arange(400) % data._pattern.size]
    for stream, code in ((0, 0), (1, -1)):
        for document in split_documents(tokens[pattern == stream, :-1].ravel().tolist())[1:]:
            assert by_document[document] == code
    parts = np.concatenate([data.read(i, 25)[0] for i in range(0, 400, 25)])
    assert np.array_equal(parts, tokens)
    with pytest.raises(ConfigError, match="no domain 'medcial'"):
        dataset(folder, weights={"medcial": 1.0})


def identity(batch: Batch) -> Batch:
    return batch


def configuration(kind: str, **data: object) -> TrainConfig:
    config = preset("glm-tiny" if kind == "glm" else "cpm-tiny")
    return dataclasses.replace(
        config,
        objective=dataclasses.replace(config.objective, kind=kind, length=48),
        data=dataclasses.replace(SMALL, **data),  # type: ignore[arg-type]
        optim=dataclasses.replace(config.optim, batch=16, micro_batch=4),
    )


@pytest.mark.parametrize("kind", ["causal", "glm", "mlm"])
def test_world_sizes_consume_identical_samples(kind: str, make_shards: Callable[..., Path]) -> None:
    folder = make_shards()
    config = configuration(kind)
    shards = manifest.read_manifest(str(folder))
    steps = []
    for world in (1, 2, 4):
        per_rank = []
        for rank in range(world):
            with Loader(BatchBuilder(shards, "train", config), config, rank, world, identity) as loader:
                per_rank.append(list(loader.batches(consumed=32, steps=3)))
        merged = [[batch for rank in per_rank for batch in rank[step]] for step in range(3)]
        steps.append([np.concatenate([batch.ids for batch in step]) for step in merged])
    for step in range(3):
        assert np.array_equal(steps[0][step], steps[1][step])
        assert np.array_equal(steps[0][step], steps[2][step])


def test_resumed_loader_goes_on_where_it_stopped(make_shards: Callable[..., Path]) -> None:
    config = configuration("glm")
    builder = BatchBuilder(manifest.read_manifest(str(make_shards())), "train", config)
    with Loader(builder, config, 0, 1, identity) as loader:
        whole = list(loader.batches(0, 6))
    with Loader(builder, config, 0, 1, identity) as loader:
        rest = list(loader.batches(3 * 16, 3))
    for a, b in zip(whole[3:], rest, strict=True):
        assert all(
            np.array_equal(x.ids, y.ids) and np.array_equal(x.targets, y.targets) for x, y in zip(a, b, strict=True)
        )


@pytest.mark.slow
def test_worker_processes_build_the_same_batches(make_shards: Callable[..., Path]) -> None:
    folder = make_shards()
    results = []
    for workers in (0, 2):
        config = configuration("glm", workers=workers)
        builder = BatchBuilder(manifest.read_manifest(str(folder)), "train", config)
        with Loader(builder, config, 0, 1, identity) as loader:
            results.append([batch.ids for step in loader.batches(0, 3) for batch in step])
    assert all(np.array_equal(a, b) for a, b in zip(*results, strict=True))


def test_causal_targets_do_not_cross_documents(make_shards: Callable[..., Path]) -> None:
    batch = BatchBuilder(manifest.read_manifest(str(make_shards())), "train", configuration("causal")).build(0, 8)
    ends = batch.ids == EOD
    assert (batch.targets[ends] == -100).all()
    inside = ~ends
    assert np.array_equal(batch.targets[:, :-1][inside[:, :-1]], batch.ids[:, 1:][inside[:, :-1]])
    assert (batch.positions[:, 1:][ends[:, :-1]] == 0).all()
    assert (np.diff(batch.segment, axis=1)[ends[:, :-1]] == 1).all()


def test_mlm_masks_its_share(make_shards: Callable[..., Path]) -> None:
    batch = BatchBuilder(manifest.read_manifest(str(make_shards())), "train", configuration("mlm")).build(0, 32)
    chosen = batch.targets != -100
    assert chosen.mean() == pytest.approx(0.14, abs=0.02)
    assert (batch.ids[chosen] == TOKENIZER["special_ids"]["mask"]).mean() == pytest.approx(0.8, abs=0.1)
    q = np.arange(batch.ids.shape[1])
    assert (batch.context_end > q).all()
    same = batch.segment[:, :-1] == batch.segment[:, 1:]
    assert (batch.context_end[:, :-1][same] == batch.context_end[:, 1:][same]).all()


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


def test_glm_needs_a_glm_tokenizer(make_shards: Callable[..., Path]) -> None:
    special = {k: v for k, v in TOKENIZER["special_ids"].items() if k in ("eod", "pad")}
    folder = make_shards(tokenizer={**TOKENIZER, "name": "cpm-x", "special_ids": special})
    with pytest.raises(ConfigError, match="'cpm-x', which has no cls, mask"):
        BatchBuilder(manifest.read_manifest(str(folder)), "train", configuration("glm"))


def test_objective_configuration_is_checked() -> None:
    from trainer.config import check

    good = preset("glm-large")
    check(good, world=8)
    with pytest.raises(ConfigError, match="cannot be divided by 3 ranks"):
        check(good, world=3)
    with pytest.raises(ConfigError, match="needs 1026 positions"):
        check(dataclasses.replace(good, objective=ObjectiveConfig(kind="glm", length=1025)), world=1)
    with pytest.raises(ConfigError, match=r"needs model\.positions=block2d"):
        check(dataclasses.replace(preset("cpm-109m"), objective=ObjectiveConfig(kind="glm", length=512)), world=1)
    with pytest.raises(ConfigError, match="no preset 'gpt-5'"):
        preset("gpt-5")
    with pytest.raises(ConfigError, match="optim has no 'learning_rate'"):
        good.override(["optim.learning_rate=1"])
    with pytest.raises(ConfigError, match="'fast' is not a value"):
        good.override(["optim.lr=fast"])
    assert good.override(["optim.lr=1", 'data.weights={"legal": 2}', "run.compile=null"]).optim.lr == 1.0
