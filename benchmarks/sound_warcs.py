"""Reads WARC files of a crawl with two libraries, and asserts that both find them sound."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastwarc.warc import ArchiveIterator as FastIterator
from warcio.archiveiterator import ArchiveIterator


def sound_records(folder: Path) -> Iterator[tuple[str, str | None, Any]]:
    """Yield (type, URL, warcio's record) of every record below ``folder``, where only finished WARC files may lie.

    warcio checks the digests of payloads and blocks, FastWARC those of blocks again; both count the same records.
    """
    for path in sorted(folder.glob("*")):
        assert path.name.endswith(".warc.gz"), path
        count = 0
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, check_digests="raise"):
                record.raw_stream.read()
                count += 1
                yield record.rec_type, record.rec_headers.get_header("WARC-Target-URI"), record
        with path.open("rb") as stream:
            sound = [record.verify_block_digest() for record in FastIterator(stream, parse_http=False)]
        assert all(sound), path
        assert len(sound) == count, path
