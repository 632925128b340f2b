"""Remote signature files beside the database that reads them."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from corpus import remote, remote_files

DOWNLOADS_AT_ONCE = 8


def local_copies(files: Mapping[int, str], folder: Path) -> dict[int, str]:
    """Return ``files`` (ordinal -> path or URL) with every remote one replaced by a copy in ``folder``.

    Dedupe reads signatures several times over, and DuckDB's own remote reads
    are not tried again. What lies here is as large as the signatures are on
    the store: some 200 bytes per document. Raises OSError where the disk is full.
    """
    placed = {
        ordinal: str(folder / f"{ordinal:08d}.parquet") if remote.is_remote(path) else path
        for ordinal, path in files.items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [ordinal for ordinal, path in files.items() if remote.is_remote(path)]
    with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
        for _ in pool.map(lambda ordinal: remote_files.download(files[ordinal], placed[ordinal]), wanted):
            pass
    return placed
