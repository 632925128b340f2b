"""What an engine offers. Nothing else in the project knows which one runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from corpus.dedupe.session import Session
from corpus.storage import Store
from pipelines.passes.reports import Report
from pipelines.passes.task import Item, Progress, Task

OnReport = Callable[[Item, Report], None]
OnProgress = Callable[[str, Progress], None]  # fingerprint of the item, its latest sign of life


class SplitSession(Session, Protocol):
    """A session that also reads the Parquet files of splits."""

    def register_splits(self, name: str, files: Mapping[int, str]) -> None:
        """Make the Parquet ``files`` (split ordinal -> path or URL) known as view ``name`` with a column ``split``."""


class Engine(Protocol):
    """Runs functions over splits, and opens SQL sessions over tables that need not fit into memory."""

    name: str

    def run(self, task: Task, work: Store, items: Sequence[Item], on_report: OnReport, on_progress: OnProgress) -> None:
        """Run and commit ``task`` on every item, in any order, and call ``on_report`` once for each.

        Survives the death of a worker. Raises BuildError where an item cannot be done.
        """

    def session(self, scratch: Store) -> AbstractContextManager[SplitSession]:
        """Open a SQL session for dedupe; what it spills lies below ``scratch`` and is gone afterwards."""

    def close(self) -> None:
        """Stop the workers."""
