"""How a worker process comes to be: as a fresh interpreter, or as a fork of a template that has everything loaded.

See ``docs/decisions/forked-workers.md``.
"""

from __future__ import annotations

import json
import os
import pickle
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, Protocol

from corpus.config.section import Section

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "ARROW_NUM_THREADS")
# jemalloc (inside Arrow) starts a thread of its own; a template must have none.
ONE_THREAD = {"JE_ARROW_MALLOC_CONF": "background_thread:false"}
MESSAGE_BYTES = 256
LOAD_LIMIT_S = 900.0  # kernels may have to be compiled first
ANSWER_LIMIT_S = 10.0


class WorkerProcess(Protocol):
    """A running worker. ``subprocess.Popen`` is one."""

    @property
    def pid(self) -> int:
        """Its process id."""

    def kill(self) -> None:
        """End it with SIGKILL; nothing happens where it has ended."""

    def wait(self) -> int | None:
        """Wait until it has ended and return its exit status, negative for a signal; None where nobody knows."""


# Starts a worker and returns it with the connection to it.
StartWorker = Callable[[], tuple[WorkerProcess, Connection]]


def worker_environment() -> dict[str, str]:
    """Return the environment of workers: one thread each, and this process's path of modules."""
    environment = dict(os.environ) | dict.fromkeys(THREAD_VARIABLES, "1")
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    return environment


def start_fresh() -> tuple[WorkerProcess, Connection]:
    """Start a worker as an interpreter of its own, which loads what it needs itself. See :data:`StartWorker`."""
    ours, theirs = socket.socketpair()
    with theirs:
        process: subprocess.Popen[bytes] = subprocess.Popen(
            [sys.executable, "-m", "pipelines.engines.worker", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            env=worker_environment(),
        )
    return process, Connection(ours.detach())


class _Forked:
    """A worker that a template forked. The handle (a pidfd) means this process even where its id is used again."""

    def __init__(self, pid: int, handle: int, status_of: Callable[[int], int | None]) -> None:
        self.pid = pid
        self._handle: int | None = handle
        self._status_of = status_of
        self._status: int | None = None

    def kill(self) -> None:
        if self._handle is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    def wait(self) -> int | None:
        if self._handle is not None:
            ended = select.poll()
            ended.register(self._handle, select.POLLIN)
            ended.poll()
            os.close(self._handle)
            self._handle = None
            self._status = self._status_of(self.pid)
        return self._status


class Template:
    """A process that loads ``steps`` (name, settings) at once and forks workers on request. Thread-safe.

    Where it cannot be had (no Linux, too old a kernel), or has died, workers are started fresh.
    """

    def __init__(self, steps: Sequence[tuple[str, Section]]) -> None:
        self._lock = threading.Lock()
        self._ended: dict[int, int] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        if not hasattr(os, "pidfd_open"):
            return
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "pipelines.engines.template", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.PIPE,
                env=worker_environment() | ONE_THREAD,
            )
        assert self._process.stdin is not None
        with suppress(BrokenPipeError), self._process.stdin as stream:
            pickle.dump(list(steps), stream)

    def start_worker(self) -> tuple[WorkerProcess, Connection]:
        """Return a fork, or a fresh interpreter where there is no template. See :data:`StartWorker`."""
        with self._lock:
            # Where a template dies over a request its worker may live: a pair of sockets is never used a second time.
            ours, theirs = socket.socketpair()
            with ours, theirs:
                forked = self._fork(theirs)
                if forked is not None:
                    return forked, Connection(ours.detach())
        return start_fresh()

    def close(self) -> None:
        """End the template. Workers that it forked live on."""
        if (process := self._process) is not None:
            process.kill()  # before the lock: its holder may be waiting for an answer
        with self._lock:
            self._give_up()

    def _fork(self, theirs: socket.socket) -> WorkerProcess | None:
        if self._control is None:
            return None
        try:
            socket.send_fds(self._control, [b"fork"], [theirs.fileno()])
        except OSError:
            self._give_up()
            return None
        while (message := self._receive(LOAD_LIMIT_S)) is not None:
            (kind, pid), handles = message
            if kind == "forked":
                return _Forked(pid, handles[0], self._status)
        return None

    def _status(self, pid: int) -> int | None:
        with self._lock:
            while pid not in self._ended and self._receive(ANSWER_LIMIT_S) is not None:
                pass
            return self._ended.pop(pid, None)

    def _receive(self, limit_s: float) -> tuple[list[Any], list[int]] | None:
        """Return the template's next message with its descriptors, having noted who ended; None where it is gone."""
        if self._control is None:
            return None
        self._control.settimeout(limit_s)
        try:
            data, handles, _, _ = socket.recv_fds(self._control, MESSAGE_BYTES, 1)
        except OSError:
            data = b""
        if not data:
            self._give_up()
            return None
        message = json.loads(data)
        if message[0] == "ended":
            self._ended[message[1]] = message[2]
        return message[:2], handles

    def _give_up(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
