"""Compiled hyperscan databases kept on disk: compiling those of the packaged rules costs every worker seconds.

A database is named by a digest over its expressions and flags, hyperscan's version and the processor features that
hyperscan compiles for, so a changed rule, library or machine finds nothing and compiles anew. hyperscan trusts the
bytes that it loads, so they come from a folder and a file that belong to this user and that nobody else may write; and
a digest before the bytes tells a damaged file. Whatever is wrong with a file, it is as if it were not there.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import stat
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

SUFFIX = ".hsdb"
DIGEST_SIZE = 32  # bytes of blake2b before the database
MOST_FILES = 64  # databases kept, the newest; one configuration has about ten
MOST_BYTES = 1 << 28  # a larger file is not read
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def cache_folders() -> Iterator[Path]:
    """Yield where databases may be kept, the preferred place first: beside this module, else the user's cache."""
    yield Path(__file__).resolve().parent / "__pycache__" / "hyperscan"
    home = os.environ.get("XDG_CACHE_HOME")
    with contextlib.suppress(RuntimeError):  # a user without a home directory
        yield (Path(home) if home else Path.home() / ".cache") / "wudao-corpus" / "hyperscan"


def compiled(expressions: Sequence[bytes], flags: int) -> Any:
    """Return the hyperscan database of ``expressions``, each known by its place, from the cache or compiled now.

    Raises ImportError where hyperscan is not installed.
    """
    import hyperscan

    folder = next((folder for folder in cache_folders() if _is_private(folder)), None)
    path = folder / f"{_key(expressions, flags)}{SUFFIX}" if folder is not None else None
    payload = read_private(path) if path is not None else None
    if payload is not None:
        with contextlib.suppress(hyperscan.error):  # another version's or machine's, or damaged where it was made
            database = hyperscan.loadb(payload, hyperscan.HS_MODE_BLOCK)
            database.scratch = hyperscan.Scratch(database)
            return database
    database = _compile(expressions, flags)
    if path is not None:
        with contextlib.suppress(OSError):  # a full disk: the next worker compiles too
            write_private(path, hyperscan.dumpb(database))
            _prune(path.parent)
    return database


def read_private(path: Path) -> bytes | None:
    """Return what :func:`write_private` has stored, None for a file that is missing, damaged or somebody else's."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or not _is_own(status) or status.st_size > MOST_BYTES:
            return None
        content = stream.read()
    digest, payload = content[:DIGEST_SIZE], content[DIGEST_SIZE:]
    return payload if digest == _digest(payload) else None


def write_private(path: Path, payload: bytes) -> None:
    """Store ``payload`` at ``path``, readable for this user only, all of it or nothing.

    Raises OSError where that cannot be written.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent)  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(_digest(payload) + payload)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def _compile(expressions: Sequence[bytes], flags: int) -> Any:
    import hyperscan

    database = hyperscan.Database()
    count = len(expressions)
    database.compile(expressions=list(expressions), ids=list(range(count)), elements=count, flags=[flags] * count)
    return database


def _key(expressions: Sequence[bytes], flags: int) -> str:
    """Return the name of a database."""
    state = hashlib.blake2b(digest_size=20)
    # The information on a database names hyperscan's version and the features of this processor that it has used.
    for part in (_compile([b"a"], 0).info(), platform.machine().encode(), str(flags).encode(), *expressions):
        state.update(len(part).to_bytes(8, "big") + part)
    return state.hexdigest()


def _is_private(folder: Path) -> bool:
    """Whether ``folder``, made now if need be, is this user's and can be written by nobody else."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = os.lstat(folder)
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and _is_own(status) and os.access(folder, os.W_OK)


def _is_own(status: os.stat_result) -> bool:
    return status.st_uid == os.geteuid() and not status.st_mode & OTHERS_WRITE


def _digest(payload: bytes) -> bytes:
    return hashlib.blake2b(payload, digest_size=DIGEST_SIZE).digest()


def _prune(folder: Path) -> None:
    """Delete all but the newest databases; another process may be doing the same."""
    ages = []
    for path in folder.glob(f"*{SUFFIX}"):
        with contextlib.suppress(FileNotFoundError):
            ages.append((path.stat().st_mtime_ns, path))
    for _, path in sorted(ages, reverse=True)[MOST_FILES:]:
        path.unlink(missing_ok=True)
