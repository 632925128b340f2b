"""The local engine: one supervised worker process per core, forked from a template, and DuckDB for tables. No JVM."""

from __future__ import annotations

import os
import queue
import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from corpus.config.build import RunSettings
from corpus.config.dedupe import DedupeSettings
from corpus.config.section import Section
from corpus.storage import Store
from pipelines.engines.supervisor import Supervisor
from pipelines.engines.worker_start import Template, start_fresh

if TYPE_CHECKING:
    import pyarrow as pa

    from pipelines.engines.interface import OnProgress, OnReport, Signed
    from pipelines.passes.task import Item, Task


class LocalEngine:
    """Runs tasks in worker processes that survive each other's death."""

    name = "local"

    def __init__(self, settings: RunSettings) -> None:
        self._settings = settings
        self._workers = settings.workers or len(os.sched_getaffinity(0))
        self._supervisors: list[Supervisor] = []
        self._template: Template | None = None

    def expect(self, steps: Sequence[tuple[str, Section]]) -> None:
        """See :class:`pipelines.engines.interface.Engine`. Loading begins at once, beside whatever the driver does."""
        if self._template is None:
            self._template = Template(steps)

    def run(self, task: Task, work: Store, items: Sequence[Item], on_report: OnReport, on_progress: OnProgress) -> None:
        """See :class:`pipelines.engines.interface.Engine`. The heaviest items start first."""
        waiting: queue.SimpleQueue[Item] = queue.SimpleQueue()
        for item in sorted(items, key=lambda item: (-item.weight, item.fingerprint)):
            waiting.put(item)
        failures: list[BaseException] = []
        lock = threading.Lock()

        def work_off(supervisor: Supervisor) -> None:
            while not failures:
                try:
                    item = waiting.get_nowait()
                except queue.Empty:
                    return
                try:
                    report = supervisor.run(task, work, item, partial(on_progress, item.fingerprint))
                    with lock:
                        on_report(item, report)
                except BaseException as error:  # noqa: BLE001 - handed to the caller's thread below
                    failures.append(error)

        count = min(self._workers, len(items))
        while len(self._supervisors) < count:
            start = start_fresh if self._template is None else self._template.start_worker
            self._supervisors.append(Supervisor(self._settings.stall_seconds, self._settings.worker_memory, start))
        threads = [threading.Thread(target=work_off, args=(one,), daemon=True) for one in self._supervisors[:count]]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        except KeyboardInterrupt:
            self.close()
            raise
        if failures:
            raise failures[0]

    @contextmanager
    def clusters(self, signed: Signed, settings: DedupeSettings, scratch: Store) -> Iterator[Iterator[pa.RecordBatch]]:
        """See :class:`pipelines.engines.interface.Engine`."""
        from pipelines.engines.local_session import LocalSession
        from pipelines.engines.sql_clusters import sql_clusters

        folder = Path(scratch.root) if scratch.local else Path(tempfile.mkdtemp(prefix="wudao-dedupe-"))
        folder.mkdir(parents=True, exist_ok=True)
        try:
            session = LocalSession(folder, memory_limit=self._settings.memory_limit, threads=self._workers)
            with session:
                yield sql_clusters(session, signed, settings)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """End the workers."""
        for supervisor in self._supervisors:
            supervisor.close()
        self._supervisors.clear()
        if self._template is not None:
            self._template.close()
            self._template = None
