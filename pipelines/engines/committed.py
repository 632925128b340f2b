"""What engines that schedule tasks elsewhere have in common: items run supervised there, reports are looked at here."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence

from corpus.errors import WudaoError
from corpus.storage import Store
from pipelines.engines.interface import OnReport
from pipelines.engines.supervisor import Supervisor
from pipelines.passes.reports import committed
from pipelines.passes.task import Item, Progress, Task

POLL_S = 1.0
LONGEST_POLL_S = 60.0


def run_bundle(
    supervisor: Supervisor, bundle: Sequence[Item], task: Task, work: Store
) -> Iterator[tuple[str, str | None]]:
    """Run and commit every item of ``bundle``; yield its fingerprint and what stopped it, if anything did.

    What another attempt of the scheduler has committed already is not done again. Ends at the first failure.
    """
    done = committed(work, task.name, [item.fingerprint for item in bundle])
    for item in bundle:
        try:
            if item.fingerprint not in done:
                supervisor.run(task, work, item, _ignore)
            yield item.fingerprint, None
        except WudaoError as error:
            yield item.fingerprint, str(error)
            return


def _ignore(progress: Progress) -> None:
    """Signs of life stay on the worker; the driver counts reports."""


class CommitWatcher(threading.Thread):
    """Hands over the reports of ``items`` as they are committed, by a listing now and then."""

    def __init__(self, work: Store, name: str, items: Sequence[Item], on_report: OnReport) -> None:
        super().__init__(daemon=True)
        self._work, self._pass, self._on_report = work, name, on_report
        self._waiting = {item.fingerprint: item for item in items}
        self._stopped = threading.Event()

    def run(self) -> None:
        """Look until stopped, less and less often."""
        delay = POLL_S
        while not self._stopped.wait(delay):
            # The last look, in the caller's thread, meets again what keeps this one from seeing.
            with contextlib.suppress(OSError, WudaoError):
                self.look()
            delay = min(delay * 1.5, LONGEST_POLL_S)

    def look(self) -> None:
        """Hand over what is new."""
        for mark, report in committed(self._work, self._pass, self._waiting).items():
            self._on_report(self._waiting.pop(mark), report)

    def stop(self) -> None:
        """End the watching; a look that is under way is waited for."""
        self._stopped.set()
        self.join()
