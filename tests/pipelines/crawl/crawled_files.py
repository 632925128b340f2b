"""What a crawl left behind: requests in the server's log, records and documents in the WARC files."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from sound_warcs import sound_records

from corpus.config.input import InputSettings
from corpus.reading import plan_splits, read_split
from corpus.reading.digests import DigestCache


def requests(server: Any) -> Counter[str]:
    return Counter(f"http://{request.host}{request.target}" for request in server.site.log)


def records(output: Path) -> list[tuple[str, str | None, Any]]:
    """Return (type, URL, record) of every record, each checked."""
    return list(sound_records(output / "warc"))


def documents(output: Path) -> dict[str, Any]:
    """Return what ingest reads, by URL."""
    settings = InputSettings(paths=[str(output / "warc")])
    rows = {}
    for split in plan_splits(settings, DigestCache()).splits:
        for batch in read_split(split, settings):
            assert batch.quarantined.num_rows == 0
            for row in batch.records.to_pylist():
                assert row["url"] not in rows
                rows[row["url"]] = row
    return rows
