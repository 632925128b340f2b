"""An fsspec file system that runs full or becomes read-only, for tests: ``limited://`` is the local disk otherwise.

A file beside the folder says how much may lie there, so that worker processes
see at once what a test decides. Like a disk, and unlike an object store, it
leaves the part of a file that still fitted.
"""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

from fsspec.implementations.local import LocalFileSystem

RULES = ".rules.json"


class LimitedFiles(LocalFileSystem):
    """``limited:///folder/…``: the nearest ``.rules.json`` above a path rules what may be written."""

    protocol = ("limited", "local")

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        return super()._strip_protocol(str(path).removeprefix("limited://"))

    def pipe_file(self, path: str, value: bytes, **kwargs: Any) -> None:
        """Write ``value``, or as much of it as there is room for."""
        room = _room(path)
        self.makedirs(os.path.dirname(path), exist_ok=True)
        Path(path).write_bytes(value[: max(0, room)])
        if len(value) > room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)

    def put_file(self, lpath: str, rpath: str, **kwargs: Any) -> None:
        """Copy a file of the local disk."""
        self.pipe_file(rpath, Path(lpath).read_bytes())

    def rm_file(self, path: str) -> None:
        """Delete a file, where that is allowed."""
        _room(path)
        super().rm_file(path)


def _room(path: str) -> int:
    folder = next(parent for parent in Path(path).parents if (parent / RULES).exists())
    rules = json.loads((folder / RULES).read_bytes())
    if rules["read_only"]:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)
    used = sum(one.stat().st_size for one in folder.rglob("*") if one.is_file() and one.name != RULES)
    return int(rules["bytes"]) - used
