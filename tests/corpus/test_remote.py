"""Remote files: what may pass is tried again, what may not fails at once, and nothing appears in part."""

from __future__ import annotations

import errno
import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given
from hypothesis import strategies as st

from corpus import remote, remote_files
from corpus.errors import MissingDependency, StorageError
from corpus.storage import Store, discarded_on_failure

TEXT = "春江潮水连海平，海上明月共潮生。滟滟随波千万里，何处春江无月明。".encode()


class Moody(MemoryFileSystem):
    """A memory file system that fails as often as it is told, then works."""

    protocol = "moody"
    failures: ClassVar[list[Exception]] = []
    calls = 0

    def _mood(self) -> None:
        type(self).calls += 1
        if self.failures:
            raise self.failures.pop(0)

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **kwargs: Any) -> bytes:
        self._mood()
        data: bytes = super().cat_file(path, start=start, end=end)
        return data

    def pipe_file(self, path: str, value: bytes, **kwargs: Any) -> None:
        self._mood()
        super().pipe_file(path, value)

    def put_file(self, lpath: str, rpath: str, **kwargs: Any) -> None:
        self._mood()
        super().put_file(lpath, rpath)

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.replace("moody://", "memory://")))


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Register ``moody://``; collect the pauses instead of waiting."""
    fsspec.register_implementation("moody", Moody, clobber=True)
    waited: list[float] = []
    monkeypatch.setattr(remote.time, "sleep", waited.append)
    Moody.failures, Moody.calls = [], 0
    return waited


@pytest.fixture
def store(request: pytest.FixtureRequest) -> Store:
    return Store(f"moody://{request.node.name}")


PASSING = [
    lambda: OSError(errno.EBUSY, "Please reduce your request rate."),
    lambda: ConnectionResetError(errno.ECONNRESET, "reset"),
    lambda: TimeoutError(),
    lambda: OSError("no number at all"),
]


@pytest.mark.parametrize("failure", PASSING)
def test_what_may_pass_is_tried_again_with_growing_pauses(
    failure: Callable[[], Exception], store: Store, pauses: list[float]
) -> None:
    Moody.failures = [failure() for _ in range(remote.TRIES - 1)]
    store.write_atomic("诗.txt", TEXT)
    assert store.read_bytes("诗.txt") == TEXT
    assert len(pauses) == remote.TRIES - 1
    assert all(b > 1.5 * a for a, b in pairwise(pauses))


def test_the_budget_ends_in_one_sentence(store: Store, pauses: list[float]) -> None:
    Moody.failures = [OSError(errno.EBUSY, "Slow\n Down") for _ in range(99)]
    with pytest.raises(StorageError) as caught:
        store.write_atomic("a", TEXT)
    assert Moody.calls == remote.TRIES
    assert str(caught.value).startswith(f"{store.path('a')}: ")
    assert "(after 5 tries); run the same command again" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (PermissionError("Access Denied"), errno.EACCES),
        (FileNotFoundError("gone"), errno.ENOENT),
        (OSError(errno.ENOSPC, "full"), errno.ENOSPC),
        (OSError(errno.EROFS, "read-only"), errno.EROFS),
    ],
)
def test_what_does_not_pass_fails_at_once_with_number_and_place(
    failure: OSError, code: int, store: Store, pauses: list[float]
) -> None:
    store.write_atomic("a", TEXT)
    Moody.failures, Moody.calls = [failure], 0
    with pytest.raises(OSError, match="a") as caught:
        store.read_bytes("a")
    assert (caught.value.errno, caught.value.filename) == (code, store.path("a"))
    assert (Moody.calls, pauses) == (1, [])


def test_a_read_that_comes_short_is_tried_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.write_atomic("a", TEXT)
    whole = Moody.cat_file
    answers = iter([TEXT[:5], TEXT])
    monkeypatch.setattr(Moody, "cat_file", lambda *_, **__: next(answers))
    with store.open_read("a") as stream:
        assert stream.read() == TEXT
    monkeypatch.setattr(Moody, "cat_file", whole)


@given(data=st.binary(max_size=300), seed=st.integers(0, 1 << 20), buffer=st.integers(1, 64))
def test_any_seek_and_read_is_that_of_a_local_file(data: bytes, seed: int, buffer: int) -> None:
    import io

    rng = random.Random(seed)
    system = MemoryFileSystem()
    system.pipe_file("/seek", data)
    raw = remote_files._RangeReader(system, "/seek", "memory://seek", len(data))
    ours, plain = io.BufferedReader(raw, buffer), io.BytesIO(data)
    for _ in range(12):
        if rng.random() < 0.4:
            offset = rng.randrange(len(data) + 10)
            assert ours.seek(offset) == plain.seek(offset)
        else:
            size = rng.randrange(80)
            assert ours.read(size) == plain.read(size)


@pytest.mark.parametrize("size", [0, 10, 3_000])
def test_a_file_appears_when_it_is_closed(store: Store, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_files, "MEMORY_BYTES", 1_000)
    Moody.failures = [OSError(errno.EBUSY, "busy")]
    stream = store.open_write("big")
    for start in range(0, size, 7):
        stream.write(TEXT[:7] if start + 7 <= size else TEXT[: size - start])
    assert not store.exists("big")
    stream.close()
    assert store.size("big") == size


def test_a_file_that_is_not_finished_never_appears(store: Store) -> None:
    stream = store.open_write("dropped")
    stream.write(TEXT)
    del stream

    def fail() -> None:
        with store.open_write("failed") as stream:
            stream.write(TEXT)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert list(store.names()) == []


@pytest.mark.parametrize("place", ["local", "moody"])
def test_a_failed_block_leaves_nothing_behind(place: str, store: Store, tmp_path: Path) -> None:
    target = Store(tmp_path) if place == "local" else store

    def fail() -> None:
        with discarded_on_failure():
            with target.open_write("done") as stream:
                stream.write(TEXT)
            target.open_write("half").write(TEXT)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert list(target.names()) == []
    with discarded_on_failure(), target.open_write("kept") as stream:
        stream.write(TEXT)
    assert list(target.names()) == ["kept"]


def test_where_files_appear_at_once_a_small_one_is_moved_into_place(tmp_path: Path) -> None:
    store = Store(f"local://{tmp_path}/out")
    store.write_atomic("reports/a.json", b"1")
    store.write_atomic("reports/a.json", b"2")
    assert store.read_bytes("reports/a.json") == b"2"
    assert list(store.names()) == ["reports/a.json"]
    assert store.sizes() == {"reports/a.json": 1}


def test_stores_that_speak_s3_are_read_as_s3(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(fsspec.core, "url_to_fs", lambda url, **_: asked.append(url) or (MemoryFileSystem(), "x"))
    remote.locate("cos://桶/a")
    remote.locate("s3://桶/a")
    assert asked == ["s3://桶/a", "s3://桶/a"]


def test_a_missing_package_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: object, **__: object) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "url_to_fs", absent)
    with pytest.raises(MissingDependency, match=r"pip install 'wudao-corpus\[s3\]'"):
        Store("s3://bucket/x").exists("y")


def test_a_path_may_leave_the_folder() -> None:
    assert Store("s3://bucket/out/tokens").sub("../tokenizer/a").root == "s3://bucket/out/tokenizer/a"
