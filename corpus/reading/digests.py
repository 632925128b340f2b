"""Content digests of input files, kept so that unchanged files are not read again to plan."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import orjson

from corpus.identity import KEY_BYTES
from corpus.reading.files import InputFile
from corpus.storage import Store

_CHUNK = 1 << 20
# A file changed this recently may change again within the resolution of its time stamp, so its digest is not kept
# (the "racy" entries of git's index).
_SETTLED_NS = 2_000_000_000


class DigestCache:
    """Digests of files by (URI, size, version). Empty when made; :meth:`load` and :meth:`save` keep it as JSON."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, str, str]] = {}

    def load(self, path: Path) -> None:
        """Take over what ``path`` holds. A missing or unreadable cache file only costs time."""
        try:
            rows = orjson.loads(path.read_bytes())
            self._known.update({uri: (int(size), str(version), str(value)) for uri, size, version, value in rows})
        except (FileNotFoundError, ValueError, TypeError):
            return

    def save(self, path: Path) -> None:
        """Write the cache to ``path`` in one step."""
        rows = [[uri, *entry] for uri, entry in sorted(self._known.items())]
        Store(path.parent).write_atomic(path.name, orjson.dumps(rows))

    def digest(self, file: InputFile) -> str:
        """Return the digest of ``file`` as hex: of its content if local, of size and version if remote."""
        if not file.local:
            return hashlib.blake2b(f"{file.size}:{file.version}".encode(), digest_size=KEY_BYTES).hexdigest()
        known = self._known.get(file.uri)
        if known is not None and known[:2] == (file.size, file.version):
            return known[2]
        state = hashlib.blake2b(digest_size=KEY_BYTES)
        with open(file.uri, "rb") as raw:
            while chunk := raw.read(_CHUNK):
                state.update(chunk)
        value = state.hexdigest()
        if time.time_ns() - int(file.version) > _SETTLED_NS:
            self._known[file.uri] = (file.size, file.version, value)
        return value
