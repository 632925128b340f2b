"""Stores: local folders and fsspec URLs behave alike."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from corpus.errors import StorageError
from corpus.storage import Store


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store(tmp_path / "out") if request.param == "local" else Store(f"memory://{tmp_path.name}")


def test_files_appear_under_their_names(store: Store) -> None:
    store.write_atomic("reports/a.json", b"{}")
    with store.open_write("shards/b.arrow") as stream:
        stream.write(b"abc")
    assert list(store.names()) == ["reports/a.json", "shards/b.arrow"]
    assert store.read_bytes("shards/b.arrow") == b"abc"
    assert store.size("shards/b.arrow") == 3
    store.delete("shards/b.arrow")
    store.delete("shards/b.arrow")
    assert not store.exists("shards/b.arrow")
    assert list(store.names("nowhere")) == []


def test_a_sub_store_is_the_same_place(store: Store) -> None:
    store.sub("work", "reports").write_atomic("x", b"1")
    assert store.read_bytes("work/reports/x") == b"1"


def test_intermediates_are_private(tmp_path: Path) -> None:
    work = Store(tmp_path / "work")
    work.make_private()
    assert stat.S_IMODE((tmp_path / "work").stat().st_mode) == 0o700


def test_an_unknown_protocol_is_one_sentence() -> None:
    with pytest.raises(StorageError, match="nosuch"):
        Store("nosuch://bucket/x").exists("y")
