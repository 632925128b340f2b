"""Files behind fsspec URLs: every read is of an exact range, and a written file appears whole or not at all."""

from __future__ import annotations

import errno
import io
import os
import random
import shutil
import tempfile
from collections.abc import Callable
from typing import Any, BinaryIO, cast

from corpus.errors import StorageError
from corpus.remote import attempt, locate

READ_BYTES = 8 << 20  # of one ranged read; web archives and shards are read front to back
MEMORY_BYTES = 16 << 20  # what a file being written holds in memory; the rest goes to the temporary folder
# Elsewhere an object appears when it is whole; here a file appears when it is opened, and a rename is atomic.
RENAMING = frozenset({"file", "local", "hdfs", "webhdfs", "sftp", "ssh", "smb"})


def open_read(url: str) -> BinaryIO:
    """Open ``url`` for reading at random places; every read is of the exact range, and is tried again by itself.

    Raises FileNotFoundError where it does not exist.
    """
    return read_at(*locate(url), url)


def read_at(system: Any, path: str, url: str) -> BinaryIO:
    """Open ``path`` of a file system that is already there; see :func:`open_read`."""
    told = attempt(lambda: system.info(path), url)
    if told.get("type") == "directory":
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), url)
    if told.get("size") is None:
        raise StorageError(f"{url}: its server does not say how large it is; download it first")
    return cast(BinaryIO, io.BufferedReader(_RangeReader(system, path, url, int(told["size"])), READ_BYTES))


def read_start(url: str, size: int) -> bytes:
    """Return the first ``size`` bytes of ``url``, fewer where it has fewer; an empty range is not asked for."""
    if not size:
        return b""
    system, path = locate(url)
    return cast(bytes, attempt(lambda: system.cat_file(path, start=0, end=size), url))


class _RangeReader(io.RawIOBase):
    """Reads ranges of an object that does not change while it is read."""

    def __init__(self, system: Any, path: str, url: str, size: int) -> None:
        self._system, self._path, self._url, self._size = system, path, url, size
        self._position = 0

    def readable(self) -> bool:
        """Return true."""
        return True

    def seekable(self) -> bool:
        """Return true."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to ``offset`` and return the position."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fill ``buffer`` as far as the object goes."""
        view = memoryview(buffer).cast("B")
        start = self._position
        stop = min(start + len(view), self._size)
        if stop <= start:
            return 0
        data = attempt(lambda: self._exactly(start, stop), self._url)
        view[: len(data)] = data
        self._position = stop
        return len(data)

    def _exactly(self, start: int, stop: int) -> bytes:
        data: bytes = self._system.cat_file(self._path, start=start, end=stop)
        if len(data) != stop - start:
            raise OSError(errno.EIO, f"{len(data)} bytes came for {stop - start}")
        return data


class RemoteWriter(io.BufferedIOBase):
    """Gathers a file and uploads it when it is closed; one that is dropped unclosed leaves nothing behind.

    Up to ``MEMORY_BYTES`` stay in memory, more goes to an unnamed place in the
    temporary folder (TMPDIR): so an upload can be repeated as a whole.
    """

    def __init__(self, system: Any, path: str, url: str) -> None:
        self._system, self._path, self._url = system, path, url
        self._memory: io.BytesIO | None = io.BytesIO()
        self._file: Any = None
        self._size = 0

    def writable(self) -> bool:
        """Return true."""
        return True

    def tell(self) -> int:
        """Return the number of bytes written."""
        return self._size

    def write(self, data: Any) -> int:
        """Add bytes. Raises OSError where the temporary folder is full."""
        view = memoryview(data).cast("B")
        try:
            if self._memory is not None and self._size + len(view) > MEMORY_BYTES:
                self._spill()
            (self._file if self._memory is None else self._memory).write(view)
        except OSError as error:
            raise OSError(error.errno, error.strerror, tempfile.gettempdir()) from error
        self._size += len(view)
        return len(view)

    def _spill(self) -> None:
        assert self._memory is not None
        self._file = tempfile.NamedTemporaryFile(prefix="wudao-upload-")  # noqa: SIM115 - closed with this object
        self._file.write(self._memory.getbuffer())
        self._memory = None

    def close(self) -> None:
        """Upload what was written; the object is there, whole, when this returns."""
        if self.closed:
            return
        try:
            if self._memory is not None:
                upload(self._system, self._path, self._url, self._memory.getvalue())
            else:
                self._file.flush()
                _put(lambda: self._system.put_file(self._file.name, self._path), self._system, self._path, self._url)
        finally:
            self.discard()

    def discard(self) -> None:
        """Forget what was written."""
        if self._file is not None:
            self._file.close()
        self._memory = None
        super().close()

    def __exit__(self, kind: Any, *_: Any) -> None:
        """Upload, or forget everything where the block failed."""
        if kind is None:
            self.close()
        else:
            self.discard()

    def __del__(self) -> None:
        if not self.closed:
            self.discard()


def upload(system: Any, path: str, url: str, data: bytes) -> None:
    """Write a small file in one piece: a reader sees all of it or none."""
    protocols = {system.protocol} if isinstance(system.protocol, str) else set(system.protocol)
    if not protocols & RENAMING:
        _put(lambda: system.pipe_file(path, data), system, path, url)
        return
    staged = f"{path}.{random.SystemRandom().getrandbits(32):08x}.tmp"

    def replace() -> None:
        system.pipe_file(staged, data)
        if "local" not in protocols and system.exists(path):
            system.rm_file(path)  # these do not rename onto an existing file
        system.mv(staged, path)

    try:
        _put(replace, system, path, url)
    except (OSError, StorageError):
        remove(system, staged, url)
        raise


def remove(system: Any, path: str, url: str) -> None:
    """Delete one file; it is no error if it is already gone."""
    try:
        attempt(lambda: system.rm_file(path), url)
    except FileNotFoundError:
        return


def download(url: str, target: str) -> None:
    """Copy ``url`` to the local file ``target``. Raises OSError where the disk is full."""
    with open_read(url) as source, open(target, "wb") as sink:
        try:
            shutil.copyfileobj(source, sink, READ_BYTES)
            sink.flush()
        except OSError as error:
            raise OSError(error.errno, error.strerror, error.filename or target) from error


def _put(call: Callable[[], object], system: Any, path: str, url: str) -> None:
    try:
        attempt(call, url)
    except FileNotFoundError:
        # Object stores have no folders; where there are some, this one is made now.
        attempt(lambda: system.makedirs(system._parent(path), exist_ok=True), url)
        try:
            attempt(call, url)
        except FileNotFoundError as error:
            raise StorageError(f"{url}: its bucket or folder does not exist; create it, or choose another") from error
