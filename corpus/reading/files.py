"""Input paths to files: folders, globs and URLs, with names that do not depend on where the input lies."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, BinaryIO, NamedTuple

from corpus import remote, remote_files
from corpus.errors import WudaoError

_GLOB = frozenset("*?[")
# Files that jobs and downloads leave beside their data (Hadoop, Spark, Databricks, browsers).
_JOB_FILES = ("_SUCCESS", "_temporary", "_metadata", "_common_metadata", "_started", "_committed", "_delta_log")
_UNFINISHED = (".crc", ".tmp", ".part", ".crdownload", ".swp", "~")


class InputError(WudaoError):
    """The input cannot be read as asked; the message is one sentence for a person."""


class InputFile(NamedTuple):
    """One file: ``path`` below its input root ("/" separated), where it is, its size, and its state.

    ``version`` changes whenever the content may have: the modification time
    in nanoseconds of local files, the etag or time that remote storage gives.
    """

    path: str
    uri: str
    size: int
    version: str
    local: bool


def list_files(paths: list[str]) -> list[InputFile]:
    """Return the files that ``paths`` name, each once, sorted by path.

    Paths are relative to the folder named, or to the longest folder of a glob
    without wildcards; a file named by itself has its name. Where two inputs
    have the same relative path, the later input's gets ``@N/`` in front, N the
    place of the input in the list, from 1.

    Raises
    ------
    InputError
        where a path does not exist, a glob matches nothing, or no file is found.
    """
    found: dict[str, InputFile] = {}
    taken: set[str] = set()
    for number, given in enumerate(paths, start=1):
        files = sorted(_expand(given))
        for file in files:
            if file.uri in found:
                continue
            path = file.path if file.path not in taken else f"@{number}/{file.path}"
            while path in taken:
                path = f"@{number}/{path}"
            taken.add(path)
            found[file.uri] = file._replace(path=path)
    if not found:
        raise InputError(
            f"There is no file to read in {', '.join(paths)}."
            if paths
            else "no input: name files, folders, globs or URLs with -i, or in input.paths"
        )
    return sorted(found.values())


def open_file(uri: str) -> BinaryIO:
    """Open ``uri`` for reading at random places; remote reads are repeated where the store is busy."""
    return remote_files.open_read(uri) if remote.is_remote(uri) else open(uri.removeprefix("file://"), "rb")


def read_head(uri: str, size: int) -> bytes:
    """Return the first ``size`` bytes of a file."""
    if remote.is_remote(uri):
        return remote_files.read_start(uri, size)
    with open(uri.removeprefix("file://"), "rb") as raw:
        return raw.read(size)


def size_of(raw: BinaryIO) -> int:
    """Return the size of an open file; its position goes to the start."""
    size = raw.seek(0, os.SEEK_END)
    raw.seek(0)
    return size


def _expand(given: str) -> Iterator[InputFile]:
    if remote.is_remote(given):
        yield from _remote(given)
    else:
        yield from _local(given, os.path.abspath(os.path.expanduser(given.removeprefix("file://"))))


def _local(given: str, path: str) -> Iterator[InputFile]:
    if os.path.isdir(path):
        names = _walk(path)
        root = path
    elif os.path.isfile(path):
        names = iter([path])
        root = os.path.dirname(path)
    elif _GLOB & set(path):
        root = _fixed_folder(path)
        matches = sorted(glob.glob(path, recursive=True))
        if not matches:
            raise InputError(f"{given}: nothing matches this glob; mend it, or name a file, folder or URL.")
        names = (name for match in matches for name in (_walk(match) if os.path.isdir(match) else [match]))
    else:
        raise InputError(f"{given}: this input does not exist; name a file, folder, glob or URL that does.")
    for name in names:
        relative = os.path.relpath(name, root).replace(os.sep, "/")
        if _is_hidden(relative) or not os.path.isfile(name):
            continue
        status = os.stat(name)
        yield InputFile(_utf8(relative), os.path.abspath(name), status.st_size, str(status.st_mtime_ns), True)


def _walk(root: str) -> Iterator[str]:
    """Yield the files below ``root``. Links to folders come last, and a folder reached before is not entered again."""
    visited: set[str] = set()
    pending = [root]
    links: list[str] = []
    while pending or links:
        folder = pending.pop() if pending else links.pop(0)
        real = os.path.realpath(folder)
        if real in visited:
            continue
        visited.add(real)
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.is_file():
                    yield entry.path
                elif entry.is_dir():
                    (links if entry.is_symlink() else pending).append(entry.path)


def _remote(given: str) -> Iterator[InputFile]:
    system, path = remote.locate(given)

    def listed() -> tuple[str, dict[str, dict[str, Any]]]:
        system.invalidate_cache()
        if _GLOB & set(path):
            return _fixed_folder(path), system.glob(path, detail=True)
        told = system.info(path)
        if told["type"] == "directory":
            return path, system.find(path, detail=True)
        return path.rpartition("/")[0], {path: told}

    try:
        root, infos = remote.attempt(listed, given)
    except FileNotFoundError as error:
        raise InputError(f"{given}: this input does not exist; name a file, folder, glob or URL that does.") from error
    if not infos and _GLOB & set(path):
        raise InputError(f"{given}: nothing matches this glob; mend it, or name a file, folder or URL.")
    for name, info in infos.items():
        relative = name[len(root) :].lstrip("/") if name.startswith(root) else name
        if info.get("type") == "file" and not _is_hidden(relative):
            if info.get("size") is None:
                raise InputError(f"The server of {given} does not say how large it is; download it first.")
            yield InputFile(_utf8(relative), system.unstrip_protocol(name), int(info["size"]), _version(info), False)


def _version(info: dict[str, object]) -> str:
    """Return what identifies the content of a remote file: its etag or checksum, else its time of change."""
    for key in ("ETag", "etag", "md5Hash", "content_md5", "checksum", "crc32c", "generation", "version_id"):
        if info.get(key):
            return f"{key}={info[key]}"
    for key in ("LastModified", "last_modified", "mtime", "updated", "modified", "created"):
        if info.get(key):
            return f"{key}={info[key]}"
    return ""


def _fixed_folder(pattern: str) -> str:
    """Return the longest folder in front of a glob that has no wildcard."""
    parts = pattern.split("/")
    fixed = next(index for index, part in enumerate(parts) if _GLOB & set(part))
    return "/".join(parts[:fixed]) or "/"


def _is_hidden(path: str) -> bool:
    """Return whether ``path`` is a job's marker, unfinished, a checksum or hidden, or lies below such a folder."""
    parts = PurePosixPath(path).parts
    return any(part.startswith((".", *_JOB_FILES)) for part in parts) or path.endswith(_UNFINISHED)


def _utf8(path: str) -> str:
    """Return a file name that UTF-8 can hold: bytes of other encodings become \\xNN."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
