"""What an engine offers. Nothing else in the project knows which one runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from corpus.config.dedupe import DedupeSettings
from corpus.config.section import Section
from corpus.dedupe.session import Session
from corpus.storage import Store
from pipelines.passes.reports import Report
from pipelines.passes.task import Item, Progress, Task

OnReport = Callable[[Item, Report], None]
OnProgress = Callable[[str, Progress], None]  # fingerprint of the item, its latest sign of life


@dataclass(frozen=True)
class EarlierFile:
    """A file of an earlier build's index."""

    path: str  # absolute path or URL
    rows: int
    build: str


@dataclass(frozen=True)
class Signed:
    """What duplicates are looked for in: Parquet files of signatures, by absolute path or URL."""

    splits: Mapping[int, str]  # split ordinal -> file
    rows: int  # in all of them
    earlier: Sequence[EarlierFile] = ()


class SplitSession(Session, Protocol):
    """A session that also reads the Parquet files of splits."""

    def register_splits(self, name: str, files: Mapping[int, str], columns: Sequence[str]) -> None:
        """Make ``columns`` of the Parquet ``files`` (ordinal -> path or URL) known as view ``name``, with ``split``."""


class Engine(Protocol):
    """Runs functions over splits, and finds duplicates in tables that need not fit into memory."""

    name: str

    def expect(self, steps: Sequence[tuple[str, Section]]) -> None:
        """Hear which steps (name, settings) the tasks to come will load, so as to load them beforehand, or not.

        The first call counts.
        """

    def run(self, task: Task, work: Store, items: Sequence[Item], on_report: OnReport, on_progress: OnProgress) -> None:
        """Run and commit ``task`` on every item, in any order, and call ``on_report`` once for each.

        Survives the death of a worker. Raises BuildError where an item cannot be done.
        """

    def clusters(
        self, signed: Signed, settings: DedupeSettings, scratch: Store
    ) -> AbstractContextManager[Iterator[pa.RecordBatch]]:
        """Find duplicates; give the rows of :data:`corpus.schema.CLUSTERS` in order of split and row.

        What it spills lies below ``scratch`` and is gone afterwards.
        """

    def close(self) -> None:
        """Stop the workers."""
