"""Files under one root, local or on an object store, through fsspec.

A store never renames what readers may see: tasks write under names that nobody
else uses, and the small files that readers trust (reports, manifests) appear
whole or not at all (:meth:`Store.write_atomic`). Credentials come from the
environment only.
"""

from __future__ import annotations

import io
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, NamedTuple, cast

from corpus import remote, remote_files
from corpus.errors import StorageError

PRIVATE_MODE = 0o700
BUFFER_BYTES = 1 << 20
REQUESTS_AT_ONCE = 8
TEMPORARY = re.compile(r"\.[0-9a-f]{8}\.tmp$")  # end of the name that write_atomic writes under


class Store:
    """A folder addressed by path or URL; names inside it use "/" and never begin with one."""

    def __init__(self, root: str | Path) -> None:
        self.root = str(root)
        self.local = not remote.is_remote(self.root)
        if self.local:
            self.root = os.path.abspath(self.root.removeprefix("file://"))
        self._opened: tuple[int, Any, str] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"root": self.root, "local": self.local, "_opened": None}

    def _open(self) -> tuple[Any, str]:
        """Return the fsspec file system of a remote root and the root's path in it, opened at first use."""
        # A forked child must not use the connections of its parent.
        if self._opened is None or self._opened[0] != os.getpid():
            system, path = remote.locate(self.root)
            self._opened = (os.getpid(), system, path.rstrip("/"))
        return self._opened[1:]

    @property
    def filesystem(self) -> Any:
        """The fsspec filesystem of a remote root."""
        return self._open()[0]

    def _place(self, name: str) -> tuple[Any, str, str]:
        system, root = self._open()
        return system, f"{root}/{name}", self.path(name)

    def sub(self, *names: str) -> Store:
        """Return the store of a folder inside this one; ``..`` leaves it."""
        return Store(self.path("/".join(names)))

    def path(self, name: str) -> str:
        """Return the absolute path or URL of ``name``."""
        if self.local:
            return str(Path(self.root) / PurePosixPath(name))
        protocol, _, place = f"{self.root.rstrip('/')}/{name}".partition("://")
        if ".." not in name:
            return f"{protocol}://{place}"
        return f"{protocol}:/{os.path.normpath('/' + place)}"

    def make_private(self) -> None:
        """Create the folder with mode 0700; on an object store access is the bucket's policy."""
        if self.local:
            os.makedirs(self.root, exist_ok=True)
            os.chmod(self.root, PRIVATE_MODE)

    def open_write(self, name: str) -> BinaryIO:
        """Open ``name`` for writing; its folders are made. The caller's name must be unique to it.

        A remote file is there once it is closed, never in part.
        """
        if self.local:
            path = self.path(name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            stream = cast(BinaryIO, io.BufferedWriter(_NamedFile(path, "wb"), BUFFER_BYTES))
        else:
            stream = cast(BinaryIO, remote_files.RemoteWriter(*self._place(name)))
        if (opened := _opened_for_writing.get()) is not None:
            opened.append(Opened(self, name, stream))
        return stream

    def open_read(self, name: str) -> BinaryIO:
        """Open ``name`` for reading at random places."""
        return open(self.path(name), "rb") if self.local else remote_files.read_at(*self._place(name))

    def arrow_source(self, name: str) -> Any:
        """Return ``name`` as something that pyarrow reads: a memory map where it is local."""
        import pyarrow as pa

        return pa.memory_map(self.path(name)) if self.local else pa.PythonFile(self.open_read(name), mode="r")

    def read_bytes(self, name: str) -> bytes:
        """Return the whole of ``name``."""
        if self.local:
            return Path(self.path(name)).read_bytes()
        system, path, url = self._place(name)
        return cast(bytes, remote.attempt(lambda: system.cat_file(path), url))

    def write_atomic(self, name: str, data: bytes) -> None:
        """Write a small file so that a reader sees all of it or none.

        Locally a finished temporary file takes the place of an old one; object
        stores make an object visible only when it is whole.
        """
        if not self.local:
            remote_files.upload(*self._place(name), data)
            return
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        temporary = f"{path}.{secrets.token_hex(4)}.tmp"
        try:
            with _NamedFile(temporary, "wb") as stream:
                written = 0
                while written < len(data):
                    written += stream.write(data[written:])
                os.fsync(stream.fileno())
            os.replace(temporary, path)
        finally:
            if os.path.exists(temporary):
                os.unlink(temporary)

    def unfinished(self) -> list[str]:
        """Return the files right below the root that a killed :meth:`write_atomic` left: never read, in nobody's way.

        Object stores have none.
        """
        if not self.local or not os.path.isdir(self.root):
            return []
        return sorted(name for name in os.listdir(self.root) if TEMPORARY.search(name))

    def exists(self, name: str) -> bool:
        """Return whether ``name`` exists."""
        if self.local:
            return os.path.exists(self.path(name))
        system, path, url = self._place(name)
        # fsspec's exists() takes every error for a no, and a busy store is not an empty one.
        try:
            remote.attempt(lambda: system.info(path), url)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def size(self, name: str) -> int:
        """Return the bytes of ``name``."""
        if self.local:
            return os.path.getsize(self.path(name))
        system, path, url = self._place(name)
        return int(remote.attempt(lambda: system.info(path), url)["size"])

    def names(self, folder: str = "") -> Iterator[str]:
        """Yield every file below ``folder``, relative to the root, sorted; nothing if it does not exist."""
        yield from self.sizes(folder)

    def sizes(self, folder: str = "") -> dict[str, int]:
        """Return the bytes of every file below ``folder`` by name (relative to the root, sorted): one listing.

        An object store lists 1,000 objects a request.
        """
        found: dict[str, int] = {}
        if self.local:
            for base, _, files in os.walk(self.path(folder) if folder else self.root):
                for one in files:
                    path = os.path.join(base, one)
                    try:
                        found[os.path.relpath(path, self.root).replace(os.sep, "/")] = os.lstat(path).st_size
                    except FileNotFoundError:  # another attempt's temporary file, gone since
                        continue
            return dict(sorted(found.items()))
        system, root = self._open()
        top = f"{root}/{folder}".rstrip("/")

        def listed() -> Any:
            system.invalidate_cache()
            return system.find(top, detail=True)

        try:
            infos = remote.attempt(listed, self.path(folder))
        except FileNotFoundError:
            return {}
        found = {name[len(root) + 1 :]: int(info["size"] or 0) for name, info in infos.items() if name != top}
        return dict(sorted(found.items()))

    def delete(self, name: str) -> None:
        """Delete one file; it is no error if it is already gone."""
        if self.local:
            Path(self.path(name)).unlink(missing_ok=True)
        else:
            remote_files.remove(*self._place(name))

    def delete_all(self, names: Iterable[str]) -> None:
        """Delete files, several requests at once on a remote store."""
        if self.local:
            for name in names:
                self.delete(name)
            return
        self._open()
        with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
            for _ in pool.map(self.delete, names):
                pass

    def free_bytes(self) -> int | None:
        """Return the free space of a local root's file system, None for a remote one."""
        if not self.local:
            return None
        import shutil

        folder = Path(self.root)
        while not folder.exists():
            folder = folder.parent
        return shutil.disk_usage(folder).free


class Opened(NamedTuple):
    """A file that was opened for writing, or written by another program."""

    store: Store
    name: str
    stream: BinaryIO | None = None

    def undo(self) -> None:
        """Close and delete it; what is in the way of that is not told."""
        if self.stream is not None:
            with suppress(OSError, StorageError):
                getattr(self.stream, "discard", self.stream.close)()
        with suppress(OSError, StorageError):
            self.store.delete(self.name)


_opened_for_writing: ContextVar[list[Opened] | None] = ContextVar("opened_for_writing", default=None)


@contextmanager
def discarded_on_failure() -> Iterator[list[Opened]]:
    """Delete what the block opens for writing, in any store, where the block fails.

    Gives the list of these files; what is taken from it stays.
    Without it every rerun on a full disk would leave more behind.
    """
    opened: list[Opened] = []
    token = _opened_for_writing.set(opened)
    try:
        yield opened
    except BaseException:
        for one in opened:
            one.undo()
        raise
    finally:
        _opened_for_writing.reset(token)


def discard_on_failure(store: Store) -> None:
    """Let the :func:`discarded_on_failure` around the caller also delete the files that lie in ``store`` now."""
    if (opened := _opened_for_writing.get()) is not None:
        opened.extend(Opened(store, name) for name in store.names())


class _NamedFile(io.FileIO):
    """A file whose errors say its name: "no space left" alone tells nobody where."""

    def write(self, data: Any) -> int:
        """Write bytes; see :meth:`io.RawIOBase.write`."""
        try:
            return super().write(data)
        except OSError as error:
            raise OSError(error.errno, error.strerror, self.name) from error
