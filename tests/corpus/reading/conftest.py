"""A reader that checks schemas and balance on the way."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from corpus.config.input import InputSettings
from corpus.reading import plan_splits, read_split
from corpus.reading.digests import DigestCache
from corpus.schema import DEAD_LETTERS, RECORDS

# pytest's importlib mode leaves test folders off the path; reading_archives lies beside the tests.
sys.path.append(str(Path(__file__).parent))


@dataclass
class Reading:
    """Everything that a build would read."""

    records: list[dict[str, Any]] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    quarantined: list[dict[str, Any]] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)
    n_read: int = 0
    batches: list[int] = field(default_factory=list)

    @property
    def payloads(self) -> list[bytes]:
        return [record["payload"] for record in self.records]


@pytest.fixture
def read():
    """Return a function that plans and reads paths, and asserts schemas and balance of each batch."""

    def run(*paths: Path | str, **settings: Any) -> Reading:
        section = InputSettings(paths=[str(path) for path in paths], **settings)
        plan = plan_splits(section, DigestCache())
        reading = Reading(refused=plan.refused.to_pylist())
        for split in plan.splits:
            for batch in read_split(split, section):
                assert batch.records.schema == RECORDS
                assert batch.quarantined.schema == DEAD_LETTERS
                batch.records.validate(full=True)
                rows = batch.records.num_rows + sum(batch.skipped.values()) + batch.quarantined.num_rows
                assert batch.n_read == rows
                reading.n_read += batch.n_read
                reading.records += batch.records.to_pylist()
                reading.skipped.update(batch.skipped)
                reading.quarantined += batch.quarantined.to_pylist()
                reading.batches.append(batch.n_read)
        return reading

    return run
