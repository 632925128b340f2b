"""Sizes and mixes: exact, nested, independent of how candidates are cut into files."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import ConfigError
from corpus.shards.quota import decide, taken
from corpus.shards.selection import CANDIDATES, Selection, domain_mask, parse_count, parse_mix, ranks


def table(count: int, seed: int, strata: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    # Ranks crowd into few bins, some are equal: borders fall between rows of one rank.
    rank = (rng.integers(0, 3, count).astype(np.uint64) << np.uint64(48)) | rng.integers(0, 4, count).astype(np.uint64)
    columns = [
        pa.array(rng.integers(0, 3, count), pa.int32()),
        pa.array(np.arange(count), pa.int32()),
        pa.array(rank),
        pa.array(rng.integers(0, strata, count), pa.int8()),
        pa.array(rng.integers(0, 50, count), pa.int64()),
        pa.array(rng.integers(0, 30, count), pa.int64()),
    ]
    return pa.Table.from_arrays(columns, schema=CANDIDATES)


def kept(whole: pa.Table, selection: Selection, cuts: list[int]) -> pa.Table:
    edges = sorted({0, whole.num_rows, *(cut % (whole.num_rows + 1) for cut in cuts)})
    pieces = [whole.slice(a, b - a) for a, b in itertools.pairwise(edges)] or [whole]
    quota = decide(lambda: pieces, selection, has_tokens=True)
    return pa.concat_tables([piece.filter(pa.array(taken(piece, quota.borders))) for piece in pieces])


@given(st.integers(0, 60), st.integers(0, 9), st.integers(1, 80), st.lists(st.integers(0, 99), max_size=4))
def test_a_sample_is_exact_nested_and_independent_of_files(count: int, seed: int, size: int, cuts: list[int]) -> None:
    whole = table(count, seed, 1)
    found = kept(whole, Selection(sample=size), cuts)
    assert found.num_rows == min(size, count)
    assert found.equals(kept(whole, Selection(sample=size), []))
    smaller = set(kept(whole, Selection(sample=max(1, size // 2)), cuts).column("row").to_pylist())
    assert smaller <= set(found.column("row").to_pylist())


@given(st.integers(0, 60), st.integers(0, 9), st.integers(1, 900), st.lists(st.integers(0, 99), max_size=4))
def test_tokens_never_exceed_what_was_asked_and_no_further_document_fits(
    count: int, seed: int, size: int, cuts: list[int]
) -> None:
    whole = table(count, seed, 1)
    found = kept(whole, Selection(tokens=size), cuts)
    total = sum(found.column("tokens").to_pylist())
    assert total <= size
    if found.num_rows < count:
        assert total + max(whole.column("tokens").to_pylist()) > size


@given(st.integers(1, 60), st.integers(0, 9), st.lists(st.integers(0, 99), max_size=4))
def test_the_largest_mix_that_every_stratum_can_fill(count: int, seed: int, cuts: list[int]) -> None:
    whole = table(count, seed, 3)
    mix = (("legal", 0.25), ("medical", 0.25), ("*", 0.5))
    found = kept(whole, Selection(mix=mix), cuts)
    sizes = whole.column("tokens").to_numpy()
    strata = whole.column("stratum").to_numpy()
    available = [int(sizes[strata == index].sum()) for index in range(3)]
    total = min(available[0] * 4, available[1] * 4, available[2] * 2)
    for index, (_, share) in enumerate(mix):
        inside = found.column("stratum").to_numpy() == index
        got = int(found.column("tokens").to_numpy()[inside].sum())
        assert got <= round(total * share + 1)
        assert got > total * share - 31


def test_everything_without_a_size() -> None:
    whole = table(20, 1, 1)
    assert kept(whole, Selection(), [3]).num_rows == 20


def test_counts_and_mixes_as_they_are_written() -> None:
    written = {"300k": 300_000, "2.5M": 2_500_000, "10B": 10**10, "0.1B": 10**8, "1_000": 1000, "7": 7, "1t": 10**12}
    assert {text: parse_count(text) for text in written} == written
    assert parse_mix("medical=0.3, finance=0.2,*=0.5") == (("medical", 0.3), ("finance", 0.2), ("*", 0.5))
    for text in ("", "B", "ten", "-1", "0", "1e400", "nan"):
        with pytest.raises(ConfigError):
            parse_count(text)
    for text in ("", "medical", "medical=2", "medical=0.5", "a=0.5,a=0.5", "a=x,*=1", "a=nan,*=0.5", "=1"):
        with pytest.raises(ConfigError):
            parse_mix(text)


def test_a_score_at_the_threshold_counts() -> None:
    domains = pa.array(
        [
            [{"name": "legal", "score": 0.8}],
            [{"name": "legal", "score": 0.7999}],
            [],
            None,
            [{"name": "food", "score": 1.0}],
        ],
        pa.list_(pa.struct([("name", pa.string()), ("score", pa.float32())])),
    )
    assert domain_mask(domains, ["legal"], 0.8).tolist() == [True, False, False, False, False]
    assert domain_mask(domains.slice(1), ["legal", "food"], 0.0).tolist() == [True, False, False, True]


def test_ranks_depend_on_key_and_seed_alone_and_are_uniform() -> None:
    keys = pa.array([n.to_bytes(16, "big") for n in range(4000)], pa.binary(16))
    all_ranks = ranks(keys, 0)
    assert (ranks(keys.slice(1000, 500), 0) == all_ranks[1000:1500]).all()
    assert (ranks(keys, 1) != all_ranks).all()
    share = (all_ranks < np.uint64(2**63)).mean()
    assert 0.46 < share < 0.54
    assert len(ranks(keys.slice(0, 0), 0)) == 0
