"""The worker process: takes (task, item, isolation) from its supervisor, runs and commits it, says how far it is.

Started as ``python -m pipelines.engines.worker FD``, or forked by a template (:mod:`pipelines.engines.template`);
ends when the process of its supervisor does.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
import traceback
from multiprocessing.connection import Connection

from corpus.errors import WudaoError, io_sentence
from pipelines.lean_imports import import_lean
from pipelines.passes.task import Progress, run_and_commit

ANNOUNCE_EVERY_S = 0.2


class _Announcer:
    """Sends signs of life to the parent; single records in isolation always, others a few times a second."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._last = 0.0
        self._ordinal = -1

    def __call__(self, progress: Progress) -> None:
        # Every new place is sent: the parent must know where a worker died.
        now = time.monotonic()
        if (
            progress.ordinal != self._ordinal
            or progress.until != progress.ordinal
            or now - self._last > ANNOUNCE_EVERY_S
        ):
            self._connection.send(("progress", progress))
            self._last, self._ordinal = now, progress.ordinal


def serve(connection: Connection) -> None:
    """Answer the parent's requests until it closes the connection."""
    while True:
        try:
            task, work, item, isolation = connection.recv()
        except EOFError:
            return
        try:
            report = run_and_commit(task, work, item, isolation, _Announcer(connection))
            connection.send(("report", report))
        except BrokenPipeError:
            return
        except WudaoError as error:
            connection.send(("error", str(error)))
        except OSError as error:
            connection.send(("error", io_sentence(error)))
        except Exception:  # noqa: BLE001 - reported to the parent, which stops the build with it
            connection.send(("bug", traceback.format_exc()))


def _end_with_parent(connection: Connection) -> None:
    """Wait until the other end of the socket is gone, then end this process, whatever its other threads do.

    A worker that hangs in a library has nobody left to end it.
    """
    poll = select.poll()
    poll.register(connection.fileno(), 0)  # a hang-up is reported without being asked for
    poll.poll()
    os._exit(1)


def work_for(connection: Connection) -> None:
    """Be the worker of the process at the other end of ``connection``, until it closes it or ends."""
    # Ctrl-C reaches the whole process group: only the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, args=(connection,), daemon=True).start()
    serve(connection)


def main() -> None:
    """Entry point; the argument is the file descriptor of a socket to the parent."""
    import_lean(kernels=True)
    try:
        work_for(Connection(int(sys.argv[1])))
    except (BrokenPipeError, ConnectionResetError):
        sys.exit(1)


if __name__ == "__main__":
    main()
