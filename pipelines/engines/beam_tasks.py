"""Tasks over items as a Beam transform."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import apache_beam as beam

from corpus.storage import Store
from pipelines.engines.code_identity import difference
from pipelines.engines.committed import run_bundle
from pipelines.engines.supervisor import Supervisor
from pipelines.passes.task import Item, Task


class RunItem(beam.DoFn):  # type: ignore[misc]
    """Runs and commits one item in a supervised child process; yields [fingerprint, what stopped it or null]."""

    def __init__(self, task: Task, work: Store, limits: tuple[float, int], expected: Mapping[str, str] | None) -> None:
        self._task, self._work, self._limits, self._expected = task, work, limits, expected
        self._supervisor: Supervisor | None = None

    def setup(self) -> None:
        """Make the supervisor, which starts its child at the first item."""
        self._supervisor = Supervisor(*self._limits)

    def process(self, row: list[Any]) -> Iterator[list[str | None]]:
        """Run one item (fingerprint, payload, weight), unless this worker's code differs from the driver's."""
        assert self._supervisor is not None
        if self._expected is not None and (other := difference(self._expected)) is not None:
            refused = f"{self._task.name}: the workers' environment is not the driver's ({other}); mend their image"
            yield [str(row[0]), refused]
            return
        for mark, message in run_bundle(self._supervisor, [Item(*row)], self._task, self._work):
            yield [mark, message]

    def teardown(self) -> None:
        """End the child."""
        if self._supervisor is not None:
            self._supervisor.close()
            self._supervisor = None


def run_items(
    listed: Any, task: Task, work: Store, limits: tuple[float, int], expected: Mapping[str, str] | None
) -> Any:
    """Run the items of ``listed`` wherever the runner puts them and return their outcomes.

    ``expected`` is the driver's code identity where workers have code of their own, else null.
    """
    return listed | f"run {task.name}" >> beam.ParDo(RunItem(task, work, limits, expected))
