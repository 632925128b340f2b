"""What the tests of fetching from the miniature Common Crawl share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from corpus.config.input import InputSettings
from corpus.reading import plan_splits, read_split
from corpus.reading.digests import DigestCache
from pipelines.crawl.clock import SystemClock


@dataclass(frozen=True)
class NoPause(SystemClock):
    """Waits for nothing and writes down what it was asked for."""

    pauses: list[float]

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)


def read_urls(output: Path) -> list[str]:
    settings = InputSettings(paths=[str(output / "warc")])
    return [
        url
        for split in plan_splits(settings, DigestCache()).splits
        for batch in read_split(split, settings)
        for url in batch.records.column("url").to_pylist()
    ]
