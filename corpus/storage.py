"""Files under one root, local or on an object store, through fsspec.

A store never renames: tasks write under names that nobody else uses, and the
small files that readers trust (reports, manifests) appear whole or not at all
(:meth:`Store.write_atomic`). Credentials come from the environment only.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, TypeVar, cast

from corpus.errors import StorageError

PRIVATE_MODE = 0o700
RETRIES = 6
FIRST_DELAY_S = 0.2

Result = TypeVar("Result")


class Store:
    """A folder addressed by path or URL; names inside it use "/" and never begin with one."""

    def __init__(self, root: str | Path) -> None:
        self.root = str(root)
        self.local = "://" not in self.root or self.root.startswith("file://")
        if self.local:
            self.root = os.path.abspath(self.root.removeprefix("file://"))
        self._filesystem: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {"root": self.root, "local": self.local, "_filesystem": None}

    @property
    def filesystem(self) -> Any:
        """The fsspec filesystem of a remote root, opened at first use."""
        if self._filesystem is None:
            import fsspec

            try:
                self._filesystem = fsspec.filesystem(self.root.split("://", 1)[0])
            except (ImportError, ValueError) as error:
                raise StorageError(f"{self.root}: {error}") from error
        return self._filesystem

    def sub(self, *names: str) -> Store:
        """Return the store of a folder inside this one."""
        return Store(self.path("/".join(names)))

    def path(self, name: str) -> str:
        """Return the absolute path or URL of ``name``."""
        return str(Path(self.root) / PurePosixPath(name)) if self.local else f"{self.root.rstrip('/')}/{name}"

    def make_private(self) -> None:
        """Create the folder with mode 0700; on an object store access is the bucket's policy."""
        if self.local:
            os.makedirs(self.root, exist_ok=True)
            os.chmod(self.root, PRIVATE_MODE)

    def open_write(self, name: str) -> BinaryIO:
        """Open ``name`` for writing; its folders are made. The caller's name must be unique to it."""
        path = self.path(name)
        if self.local:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            return open(path, "wb")
        return cast(BinaryIO, self._retry(lambda: self.filesystem.open(path, "wb"), name))

    def open_read(self, name: str) -> BinaryIO:
        """Open ``name`` for reading at random places."""
        path = self.path(name)
        if self.local:
            return open(path, "rb")
        return cast(BinaryIO, self._retry(lambda: self.filesystem.open(path, "rb"), name))

    def arrow_source(self, name: str) -> Any:
        """Return ``name`` as something that pyarrow reads: a memory map where it is local."""
        import pyarrow as pa

        return pa.memory_map(self.path(name)) if self.local else pa.PythonFile(self.open_read(name), mode="r")

    def read_bytes(self, name: str) -> bytes:
        """Return the whole of ``name``."""
        if self.local:
            return Path(self.path(name)).read_bytes()
        return cast(bytes, self._retry(lambda: self.filesystem.cat_file(self.path(name)), name))

    def write_atomic(self, name: str, data: bytes) -> None:
        """Write a small file so that a reader sees all of it or none.

        Locally by a link of a finished temporary file into place; object
        stores make an object visible only when it is whole.
        """
        path = self.path(name)
        if not self.local:
            self._retry(lambda: self.filesystem.pipe_file(path, data), name)
            return
        os.makedirs(os.path.dirname(path), exist_ok=True)
        temporary = f"{path}.{secrets.token_hex(4)}.tmp"
        try:
            with open(temporary, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, path)
        finally:
            if os.path.exists(temporary):
                os.unlink(temporary)

    def exists(self, name: str) -> bool:
        """Return whether ``name`` exists."""
        if self.local:
            return os.path.exists(self.path(name))
        return bool(self._retry(lambda: self.filesystem.exists(self.path(name)), name))

    def size(self, name: str) -> int:
        """Return the bytes of ``name``."""
        if self.local:
            return os.path.getsize(self.path(name))
        return int(self._retry(lambda: self.filesystem.size(self.path(name)), name))

    def names(self, folder: str = "") -> Iterator[str]:
        """Yield every file below ``folder``, relative to the root, sorted; nothing if it does not exist."""
        if self.local:
            top = self.path(folder) if folder else self.root
            found = [
                os.path.relpath(os.path.join(base, name), self.root).replace(os.sep, "/")
                for base, _, files in os.walk(top)
                for name in files
            ]
        else:
            top = self.path(folder).rstrip("/") if folder else self.root.rstrip("/")
            prefix = self.filesystem._strip_protocol(self.root).rstrip("/") + "/"
            try:
                listed = self._retry(lambda: self.filesystem.find(top), folder)
            except FileNotFoundError:
                listed = []
            found = [name.removeprefix(prefix) for name in listed]
        yield from sorted(found)

    def delete(self, name: str) -> None:
        """Delete one file; it is no error if it is already gone."""
        if self.local:
            Path(self.path(name)).unlink(missing_ok=True)
            return
        try:
            self._retry(lambda: self.filesystem.rm_file(self.path(name)), name)
        except FileNotFoundError:
            return

    def free_bytes(self) -> int | None:
        """Return the free space of a local root's file system, None for a remote one."""
        if not self.local:
            return None
        import shutil

        folder = Path(self.root)
        while not folder.exists():
            folder = folder.parent
        return shutil.disk_usage(folder).free

    def _retry(self, call: Callable[[], Result], name: str) -> Result:
        """Run a remote call with exponential backoff; what is absent or forbidden fails at once."""
        delay = FIRST_DELAY_S
        for attempt in range(RETRIES):
            try:
                return call()
            except (FileNotFoundError, PermissionError, IsADirectoryError, NotImplementedError):
                raise
            except OSError as error:
                if attempt == RETRIES - 1:
                    raise StorageError(f"{self.path(name)}: {error} (after {RETRIES} tries)") from error
                time.sleep(delay)
                delay *= 2
        raise AssertionError("unreachable")
