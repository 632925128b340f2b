"""The supervised worker: a record that kills its process costs that record only."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from corpus.errors import BuildError
from corpus.storage import Store
from pipelines.engines.supervisor import Supervisor
from pipelines.passes.reports import Report, committed
from pipelines.passes.task import Announce, Isolation, Item, Progress

RECORDS, BATCH = 40, 16


@dataclass(frozen=True)
class PoisonTask:
    """Goes through records in batches as ingest does; some of them end the process."""

    deadly: dict[int, str]
    flag: str = ""
    name: str = "poison"

    def run(self, item: Item, attempt: str, isolation: Isolation, announce: Announce) -> Report:
        done, poison = [], []
        low, high = isolation.suspects or (0, 0)
        start = 0
        while start < RECORDS:
            alone = low <= start < high or start in isolation.poison
            stop = start + 1 if alone else min(start + BATCH, RECORDS)
            if start in isolation.poison:
                poison.append(start)
                start = stop
                continue
            announce(Progress(start, stop, 0, 0, 0))
            for record in range(start, stop):
                self._process(record)
                done.append(record)
            start = stop
        return {"done": done, "poison": poison}

    def _process(self, record: int) -> None:
        how = self.deadly.get(record)
        if how == "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        elif how == "hang":
            time.sleep(600)
        elif how == "memory":
            held = bytearray(600 << 20)
            held[:: 1 << 12] = b"x" * len(held[:: 1 << 12])
            time.sleep(600)
        elif how == "once" and not os.path.exists(self.flag):
            Path(self.flag).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        elif how == "raise":
            raise ValueError("a defect")


@pytest.fixture
def supervisor(request: pytest.FixtureRequest) -> Iterator[Supervisor]:
    # A worker that only starts is silent too: the limit is short where a test waits for it, never short of a start.
    one = Supervisor(stall_seconds=getattr(request, "param", 600), memory_bytes=500 << 20)
    yield one
    one.close()


@pytest.mark.parametrize(("deadly"), [{20: "segfault"}, {0: "segfault", 1: "segfault", 39: "segfault"}])
def test_exactly_the_deadly_records_are_isolated(
    supervisor: Supervisor, tmp_path: Path, deadly: dict[int, str]
) -> None:
    work = Store(tmp_path)
    report = supervisor.run(PoisonTask(deadly), work, Item("ab", {}), lambda progress: None)
    assert report["poison"] == sorted(deadly)
    assert report["done"] == [record for record in range(RECORDS) if record not in deadly]
    assert committed(work, "poison", ["ab"])["ab"] == report


@pytest.mark.slow
@pytest.mark.parametrize("supervisor", [30], indirect=True)
@pytest.mark.parametrize("how", ["hang", "memory"])
def test_a_record_that_hangs_or_swallows_memory_is_isolated(supervisor: Supervisor, tmp_path: Path, how: str) -> None:
    report = supervisor.run(PoisonTask({17: how}), Store(tmp_path), Item("ab", {}), lambda progress: None)
    assert report["poison"] == [17]


def test_a_worker_that_somebody_else_killed_loses_nothing(supervisor: Supervisor, tmp_path: Path) -> None:
    task = PoisonTask({20: "once"}, str(tmp_path / "killed"))
    report = supervisor.run(task, Store(tmp_path), Item("ab", {}), lambda progress: None)
    assert report["poison"] == []
    assert report["done"] == list(range(RECORDS))


def test_a_defect_stops_the_build_and_names_the_split(supervisor: Supervisor, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="split ab"):
        supervisor.run(PoisonTask({3: "raise"}), Store(tmp_path), Item("ab", {}), lambda progress: None)


@dataclass(frozen=True)
class LongTask:
    """Says once that it has begun, as the training of a tokenizer does."""

    one_computation: bool
    name: str = "long"

    def run(self, item: Item, attempt: str, isolation: Isolation, announce: Announce) -> Report:
        announce(Progress(0, 1, 0, 0, 0))
        time.sleep(4)
        return {"done": True}


@pytest.mark.parametrize("supervisor", [2], indirect=True)
def test_one_long_computation_is_not_taken_for_a_stalled_record(supervisor: Supervisor, tmp_path: Path) -> None:
    assert supervisor.run(LongTask(True), Store(tmp_path), Item("ab", {}), lambda progress: None)["done"]


def test_a_worker_that_hangs_ends_with_its_parent(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-m", "pipelines.engines.worker", str(theirs.fileno())]
    environment = dict(os.environ) | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    worker = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=environment)
    theirs.close()
    try:
        with Connection(ours.detach()) as connection:
            connection.send((PoisonTask({0: "hang"}), Store(tmp_path), Item("ab", {}), Isolation()))
            assert connection.recv()[0] == "progress"
        assert worker.wait(timeout=120) == 1
    finally:
        worker.kill()
        worker.wait()
