"""Progress of a pass on a terminal: documents/s, MB/s, ETA; a few log lines where there is none."""

from __future__ import annotations

import threading
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from pipelines.passes.task import Progress

LOG_EVERY_S = 30.0


class PassProgress:
    """Shows one pass. Thread-safe: engines report from several threads."""

    def __init__(self, console: Console, name: str, total_bytes: int, items: int) -> None:
        self._console, self._name = console, name
        self._items, self._items_done = items, 0
        self._total = max(total_bytes, 1)
        self._finished_bytes = 0
        self._weights: dict[str, int] = {}
        self._live: dict[str, Progress] = {}
        self._documents = self._kept = self._read = 0
        self._lock = threading.Lock()
        self._start = self._logged = time.monotonic()
        self._bar: Bar | None = None

    def __enter__(self) -> PassProgress:
        if self._console.is_terminal and self._items:
            self._bar = Bar(
                TextColumn("{task.description:>9}"),
                BarColumn(),
                TextColumn("{task.fields[rates]}"),
                TimeRemainingColumn(),
                console=self._console,
                transient=True,
            )
            self._bar.start()
            self._bar_task = self._bar.add_task(self._name, total=self._items, rates="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def seen(self, mark: str, progress: Progress) -> None:
        """Take a sign of life of a running item."""
        with self._lock:
            self._live[mark] = progress
            self._show()

    def done(self, mark: str, documents: int, kept: int, read_bytes: int) -> None:
        """Take the end of an item."""
        with self._lock:
            self._live.pop(mark, None)
            self._items_done += 1
            self._documents += documents
            self._kept += kept
            self._read += read_bytes
            self._show()

    def _show(self) -> None:
        seconds = max(time.monotonic() - self._start, 1e-3)
        documents = self._documents + sum(one.documents for one in self._live.values())
        kept = self._kept + sum(one.kept for one in self._live.values())
        megabytes = (self._read + sum(one.bytes for one in self._live.values())) / 1e6
        rates = ""
        if documents or megabytes:  # not of a pass that reads none, such as training a tokenizer
            rates = f"{documents:,} documents ({documents / seconds:,.0f}/s), {megabytes / seconds:.1f} MB/s, "
            rates += f"kept {kept:,}, dropped {documents - kept:,}"
        if self._bar is not None:
            self._bar.update(self._bar_task, completed=self._items_done, rates=rates)
        elif time.monotonic() - self._logged > LOG_EVERY_S:
            self._logged = time.monotonic()
            told = f"{self._name}: {self._items_done}/{self._items} splits"
            self._console.print(f"{told}, {rates}" if rates else told, highlight=False)
