"""The template process: loads the steps of a build once, then forks a worker for each request.

Started as ``python -m pipelines.engines.template FD`` with the steps, pickled, on its standard input; FD is a socket
of packets to the process that wants workers. A request is ``fork`` with the descriptor of the worker's socket; the
answers, in JSON, are ``["forked", pid]`` with a pidfd and, whenever a worker has ended, ``["ended", pid, status]``.

It has one thread, holds no worker's socket, and ends when the other side does; the workers notice that themselves.
"""

from __future__ import annotations

import gc
import json
import os
import pickle
import select
import signal
import socket
import sys
import traceback
from collections.abc import Iterable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from pipelines.engines.worker import work_for
from pipelines.lean_imports import import_lean


def main() -> None:
    """Entry point; the argument is the file descriptor of the socket."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole process group: the driver decides
    control = socket.socket(fileno=int(sys.argv[1]))
    try:
        steps = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that started this one
    except (EOFError, pickle.UnpicklingError):
        return  # which has ended
    _close_input()
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:
        return  # a kernel without pidfds
    _load(steps)
    if len(os.listdir("/proc/self/task")) != 1:
        return  # a fork would lose the other threads, whatever they held: workers are started fresh
    gc.collect()
    gc.freeze()  # so that no collection in a worker writes to, and so copies, the pages that all share
    with suppress(BrokenPipeError, ConnectionResetError):
        serve(control)


def serve(control: socket.socket) -> None:
    """Fork workers and bury them until the other end of ``control`` is closed."""
    poll = select.poll()
    poll.register(control, select.POLLIN)
    workers: dict[int, int] = {}  # pidfd -> pid
    while True:
        for ready, _ in poll.poll():
            if ready in workers:
                pid = workers.pop(ready)
                poll.unregister(ready)
                os.close(ready)
                _, status = os.waitpid(pid, 0)
                control.send(json.dumps(["ended", pid, os.waitstatus_to_exitcode(status)]).encode())
                continue
            request, descriptors, _, _ = socket.recv_fds(control, 16, 1)
            if not request:
                return
            pid = os.fork()
            if pid == 0:
                _become_worker(descriptors[0], control, workers)
            os.close(descriptors[0])
            handle = os.pidfd_open(pid)
            workers[handle] = pid
            poll.register(handle, select.POLLIN)
            socket.send_fds(control, [json.dumps(["forked", pid]).encode()], [handle])


def _become_worker(descriptor: int, control: socket.socket, others: Iterable[int]) -> NoReturn:
    """Work for the process at the other end of ``descriptor``; never return to the template's loop."""
    status = 1
    try:
        # A copy of the template's end would hide its death from the driver.
        control.close()
        for handle in others:
            os.close(handle)
        work_for(Connection(descriptor))
        status = 0
    except (BrokenPipeError, ConnectionResetError):
        pass
    except BaseException:  # noqa: BLE001 - nothing may unwind into the template's frames
        traceback.print_exc()
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _close_input() -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


def _load(steps: Iterable[tuple[str, Any]]) -> None:
    import_lean(kernels=True)
    import pipelines.passes.ingest
    import pipelines.passes.publish  # noqa: F401 - what tasks import when they arrive
    from pipelines.passes.loading import loaded_step

    for name, settings in steps:
        try:
            loaded_step(name, settings)
        except Exception:  # noqa: BLE001, S112 - the worker that needs the step says what is wrong with it
            continue


if __name__ == "__main__":
    main()
