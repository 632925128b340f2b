"""Stores: local folders and fsspec URLs behave alike."""

from __future__ import annotations

import os
import signal
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


def test_what_a_killed_write_left_is_known(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write_atomic("build.json", b"{}")
    (tmp_path / "notes.tmp").write_bytes(b"somebody's own")
    child = os.fork()
    if child == 0:
        os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[assignment]
        store.write_atomic("build.json", b"[]")
    os.waitpid(child, 0)
    (left,) = store.unfinished()
    assert left.startswith("build.json.")
    assert store.read_bytes(left) == b"[]"
    assert store.read_bytes("build.json") == b"{}"
    assert Store("memory://nowhere").unfinished() == Store(tmp_path / "nowhere").unfinished() == []


def test_an_unknown_protocol_is_one_sentence() -> None:
    with pytest.raises(StorageError, match="nosuch"):
        Store("nosuch://bucket/x").exists("y")
