"""Clusters in which something was removed on request."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpus.config.build import BuildConfig
from corpus.schema import CLUSTERS
from corpus.storage import Store
from corpus.takedown.tombstones import NAME, Stone, Tombstones
from pipelines.tombstoned import copies_of_removed

KEEPER, REMOVED, OTHER = b"k" * 16, b"r" * 16, b"o" * 16


@pytest.fixture
def output(tmp_path: Path) -> Store:
    """Two splits; row 1 of the second, a near-duplicate, is the one removed; a cluster of others lies in the first."""
    work = tmp_path / "work"
    work.mkdir()
    for name, keys in (("s0", [OTHER, b"p" * 16]), ("s1", [KEEPER, REMOVED])):
        rows = {"row": pa.array([0, 1], pa.int32()), "doc_key": pa.array(keys, pa.binary(16))}
        pq.write_table(
            pa.table(rows | {"content_hash": pa.array([key[::-1] for key in keys], pa.binary(16))}), work / name
        )
    members = [
        {
            "split": split,
            "row": row,
            "kind": kind,
            "keeper": keeper,
            "similarity": 0.9,
            "cluster_size": 2,
            "component": keeper,
        }
        for split, keeper in ((0, OTHER), (1, KEEPER))
        for row, kind in ((0, "keeper"), (1, "near"))
    ]
    pq.write_table(pa.Table.from_pylist(members, schema=CLUSTERS), work / "clusters")
    return Store(tmp_path)


@pytest.mark.parametrize("stone", [("key", REMOVED), ("content", REMOVED[::-1])])
def test_the_keeper_of_a_removed_near_duplicate_is_a_copy(output: Store, stone: Stone) -> None:
    config = BuildConfig.model_validate({})
    signatures = [("m0", {"path": "s0"}), ("m1", {"path": "s1"})]
    clusters = {"splits": {mark: {"path": "clusters"} for mark in ("m0", "m1")}}
    assert copies_of_removed(config, output, signatures, clusters) == ()
    output.write_atomic(NAME, Tombstones().with_stones([stone], "").to_bytes())
    assert copies_of_removed(config, output, signatures, clusters) == (KEEPER.hex(),)


def test_tombstones_of_another_corpus_count_where_the_configuration_names_them(output: Store) -> None:
    output.write_atomic("elsewhere/list.parquet", Tombstones().with_stones([("key", REMOVED)], "").to_bytes())
    config = BuildConfig.model_validate({"tombstones": output.path("elsewhere/list.parquet")})
    clusters = {"splits": {"m1": {"path": "clusters"}}}
    signatures = [("m0", None), ("m1", {"path": "s1"})]
    assert copies_of_removed(config, output, signatures, clusters) == (KEEPER.hex(),)
