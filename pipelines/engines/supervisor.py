"""One supervised worker process: runs items, survives the worker's death, isolates the record that caused it.

Every engine runs its tasks through a supervisor (the local engine has one per
core, a Spark or Beam task makes its own), so that a record that kills its
process costs that record only, everywhere in the same way.

After a death the item runs again with the records of the last announced batch
taken one by one; the record in hand at the next death is the poison. A worker
that somebody else killed just runs through the second time.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection

from corpus.errors import BuildError
from corpus.storage import Store
from pipelines.engines.worker_start import StartWorker, WorkerProcess, start_fresh
from pipelines.passes.reports import Report
from pipelines.passes.task import Isolation, Item, Progress, Task, is_one_computation

POLL_S = 0.5
MAX_DEATHS = 200  # per item; a split with so many poison records has another problem
MAX_SILENT_DEATHS = 3  # deaths before the worker says anything at all


class Death(Exception):
    """The worker ended without an answer."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class Supervisor:
    """Owns one worker process at a time. Not thread-safe."""

    def __init__(self, stall_seconds: float, memory_bytes: int, start: StartWorker = start_fresh) -> None:
        self._stall_seconds, self._memory_bytes, self._start = stall_seconds, memory_bytes, start
        self._process: WorkerProcess | None = None
        self._connection: Connection | None = None

    def run(self, task: Task, work: Store, item: Item, on_progress: Callable[[Progress], None]) -> Report:
        """Run ``item`` to its report, through as many workers as it takes."""
        isolation = Isolation()
        silent = 0
        for _ in range(MAX_DEATHS):
            last: list[Progress] = []

            def seen(progress: Progress, last: list[Progress] = last) -> None:
                last[:] = [progress]
                on_progress(progress)

            try:
                return self._attempt(task, work, item, isolation, seen)
            except Death as death:
                self.close()
                if not last:
                    silent += 1
                    if silent >= MAX_SILENT_DEATHS:
                        raise BuildError(
                            f"{task.name}: a worker died {silent} times before its first record ({death.cause}); "
                            "check memory limits and the installation, then run the same command again"
                        ) from None
                    continue
                isolation = _next_isolation(isolation, last[0], death.cause)
        raise BuildError(
            f"{task.name}: split {item.fingerprint} killed its worker {MAX_DEATHS} times; exclude its input"
        )

    def close(self) -> None:
        """End the worker."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _attempt(
        self, task: Task, work: Store, item: Item, isolation: Isolation, seen: Callable[[Progress], None]
    ) -> Report:
        connection = self._connect()
        try:
            connection.send((task, work, item, isolation))
        except (BrokenPipeError, ConnectionResetError):
            raise Death(self._cause()) from None
        heard = time.monotonic()
        stall_seconds = math.inf if is_one_computation(task) else self._stall_seconds
        while True:
            try:
                if not connection.poll(POLL_S):
                    self._check_limits(heard, stall_seconds)
                    continue
                kind, value = connection.recv()
            except (EOFError, ConnectionResetError, BrokenPipeError):
                raise Death(self._cause()) from None
            heard = time.monotonic()
            if kind == "progress":
                seen(value)
            elif kind == "report":
                report: Report = value
                return report
            elif kind == "error":
                raise BuildError(value)
            else:
                raise BuildError(f"{task.name}: a defect in this program stopped split {item.fingerprint}:\n{value}")

    def _check_limits(self, heard: float, stall_seconds: float) -> None:
        assert self._process is not None
        if time.monotonic() - heard > stall_seconds:
            self._process.kill()
            raise Death(f"no progress for {stall_seconds:g} s")
        held = _resident_bytes(self._process.pid)
        if held is not None and held > self._memory_bytes:
            self._process.kill()
            raise Death(f"more than {self._memory_bytes >> 20} MiB of memory")

    def _cause(self) -> str:
        if self._process is None:
            return "worker gone"
        code = self._process.wait()
        if code is None:
            return "its exit status is not known"
        return f"signal {-code}" if code < 0 else f"exit status {code}"

    def _connect(self) -> Connection:
        if self._connection is None:
            self._process, self._connection = self._start()
        return self._connection


def _next_isolation(isolation: Isolation, last: Progress, cause: str) -> Isolation:
    """Return how to try again after a death with ``last`` the last sign of life.

    A record is poison when it stood alone at two deaths: one may be somebody
    else's ``kill``.
    """
    low, high = isolation.suspects or (0, 0)
    reading = last.until == last.ordinal
    if reading and not isolation.one_by_one:
        return replace(isolation, one_by_one=True)
    if not reading and not (last.until == last.ordinal + 1 and low <= last.ordinal < high):
        return replace(isolation, suspects=(last.ordinal, last.until))
    if isolation.blamed != (last.ordinal, reading):
        return replace(isolation, blamed=(last.ordinal, reading))
    if reading:
        return replace(isolation, stop=last.ordinal)
    poison = {**isolation.poison, last.ordinal: f"the worker died twice on this record ({cause})"}
    return replace(isolation, poison=poison, suspects=(last.ordinal + 1, high))


def _resident_bytes(pid: int) -> int | None:
    """Return the resident memory of a process where the system tells it in /proc, else None."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as stream:
            return int(stream.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None
