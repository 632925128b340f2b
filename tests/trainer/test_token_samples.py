"""Samples are a function of (seed, index): order, packing, mixing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from token_datasets import dataset, split_documents
from trainer_token_shards import EOD, three_shards

from corpus.errors import ConfigError
from trainer.data import mixing_pattern


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
