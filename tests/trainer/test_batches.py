"""Batches of every objective: the same for any number of ranks and workers, and after a resume."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from token_datasets import configuration
from trainer_token_shards import EOD, TOKENIZER

from corpus.errors import ConfigError
from trainer import manifest
from trainer.loader import BatchBuilder, Loader
from trainer.objectives import Batch


def identity(batch: Batch) -> Batch:
    return batch


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


def test_glm_needs_a_glm_tokenizer(make_shards: Callable[..., Path]) -> None:
    special = {k: v for k, v in TOKENIZER["special_ids"].items() if k in ("eod", "pad")}
    folder = make_shards(tokenizer={**TOKENIZER, "name": "cpm-x", "special_ids": special})
    with pytest.raises(ConfigError, match="'cpm-x', which has no cls, mask"):
        BatchBuilder(manifest.read_manifest(str(folder)), "train", configuration("glm"))
