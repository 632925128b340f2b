"""The Spark engine: the same tasks as everywhere, scheduled by Spark; the tables of dedupe in Spark SQL.

Tasks commit by report as on the local engine, so Spark's retries and
speculative attempts never disturb each other: two attempts write different
files, and readers take one of the reports. Each Spark task runs its items in
a supervised child process, so that a record that kills its worker costs that
record only and never fails the Spark stage.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus.config.build import RunSettings
from corpus.errors import BuildError, MissingDependency, WudaoError
from corpus.storage import Store
from pipelines.engines.interface import OnProgress, OnReport, SplitSession
from pipelines.passes.reports import committed
from pipelines.passes.task import Item, Progress, Task

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# A Python task costs Spark about 0.1 s of a core, so items are bundled: but no more than keeps every core busy.
TASKS_PER_CORE = 8
POLL_S = 1.0
DEFAULTS = {
    "spark.sql.execution.arrow.maxRecordsPerBatch": "65536",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.memory": "2g",
    "spark.sql.shuffle.partitions": "8",
    "spark.python.worker.reuse": "true",
}


class SparkEngine:
    """Runs tasks on Spark: ``local[*]``, standalone, YARN or Kubernetes, by the master's URL."""

    name = "spark"

    def __init__(self, settings: RunSettings) -> None:
        self._settings = settings
        self._spark: SparkSession | None = None
        self._scratch: tempfile.TemporaryDirectory[str] | None = None

    @property
    def spark(self) -> SparkSession:
        """The Spark session, started at first use."""
        if self._spark is None:
            self._spark = self._start()
        return self._spark

    def run(self, task: Task, work: Store, items: Sequence[Item], on_report: OnReport, on_progress: OnProgress) -> None:
        """See :class:`pipelines.engines.interface.Engine`. The heaviest items start first."""
        context = self.spark.sparkContext
        ordered = sorted(items, key=lambda item: (-item.weight, item.fingerprint))
        count = min(len(ordered), max(context.defaultParallelism, 1) * TASKS_PER_CORE)
        # Striped, so that each Spark task gets heavy and light items.
        bundles = [ordered[start::count] for start in range(count)]
        limits = (self._settings.stall_seconds, self._settings.worker_memory)
        watcher = _Watcher(work, task.name, {item.fingerprint for item in items}, on_progress)
        watcher.start()
        try:
            outcomes = (
                context.parallelize(bundles, len(bundles))
                .mapPartitions(lambda held: _run_bundles(held, task, work, limits))
                .collect()
            )
        except Exception as error:
            raise _translated(task.name, error) from error
        finally:
            watcher.stop()
        failed = [message for _, message in outcomes if message is not None]
        if failed:
            raise BuildError(failed[0])
        reports = committed(work, task.name, [item.fingerprint for item in items])
        for item in items:
            if item.fingerprint in reports:
                on_report(item, reports[item.fingerprint])

    @contextmanager
    def session(self, scratch: Store) -> Iterator[SplitSession]:
        """See :class:`pipelines.engines.interface.Engine`."""
        from pipelines.engines.spark_session import SparkSQLSession

        with SparkSQLSession(self.spark) as session:
            yield _SparkSplits(session)

    def close(self) -> None:
        """Stop Spark."""
        if self._spark is not None:
            self._spark.stop()
            self._spark = None
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None

    def _start(self) -> SparkSession:
        try:
            from pyspark.sql import SparkSession
        except ImportError:
            raise MissingDependency("the spark engine needs pyspark: pip install 'wudao-corpus[spark]'") from None
        from pipelines.engines.java import java_home

        self._scratch = tempfile.TemporaryDirectory(prefix="wudao-spark-")
        os.environ["JAVA_HOME"] = java_home(Path(self._scratch.name))
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)
        builder = SparkSession.builder.appName("wudao")
        builder = builder.master(self._settings.master or f"local[{self._settings.workers or '*'}]")
        for key, value in (DEFAULTS | self._settings.conf).items():
            builder = builder.config(key, value)
        try:
            spark: SparkSession = builder.getOrCreate()
        except Exception as error:
            raise _translated("spark", error) from error
        spark.sparkContext.setLogLevel("ERROR")
        return spark


class _SparkSplits:
    """A Spark session that also reads the Parquet files of splits; all else is the session's."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def register_splits(self, name: str, files: Mapping[int, str]) -> None:
        """See :class:`pipelines.engines.interface.SplitSession`. A file's base name is unique and stands for it."""
        import pyarrow as pa

        names = [path.rsplit("/", 1)[-1] for path in files.values()]
        ordinals = pa.table({"filename": names, "ordinal": pa.array(list(files), pa.int32())})
        self._session.register(f"{name}_files", ordinals)
        frame = self._session.spark.read.parquet(*files.values())
        frame.createOrReplaceTempView(f"{name}_rows")
        rows = f"(SELECT *, substring_index(input_file_name(), '/', -1) AS filename FROM {name}_rows)"  # noqa: S608
        columns = "s.row, s.doc_key, s.content_hash, s.quality, s.n_chars, s.bands, s.signature"
        joined = f"{rows} s JOIN {name}_files f ON s.filename = f.filename"
        self._session.view(name, f"SELECT f.ordinal AS split, {columns} FROM {joined}")  # noqa: S608 - names are ours


def _run_bundles(
    bundles: Iterable[Sequence[Item]], task: Task, work: Store, limits: tuple[float, int]
) -> Iterator[tuple[str, str | None]]:
    """Run and commit every item of ``bundles``; yield its fingerprint and what stopped it, if anything did."""
    from pipelines.engines.supervisor import Supervisor

    supervisor = Supervisor(*limits)
    try:
        for bundle in bundles:
            # Another attempt of this Spark task may have finished some of them.
            done = committed(work, task.name, [item.fingerprint for item in bundle])
            for item in bundle:
                try:
                    if item.fingerprint not in done:
                        supervisor.run(task, work, item, _ignore)
                    yield item.fingerprint, None
                except WudaoError as error:
                    yield item.fingerprint, str(error)
                    return
    finally:
        supervisor.close()


def _ignore(progress: Progress) -> None:
    """Signs of life stay on the worker; the driver counts reports."""


class _Watcher(threading.Thread):
    """Tells the driver's progress how many items are committed, by one listing now and then."""

    def __init__(self, work: Store, name: str, marks: set[str], on_progress: OnProgress) -> None:
        super().__init__(daemon=True)
        self._work, self._name, self._marks, self._on_progress = work, name, marks, on_progress
        self._stopped = threading.Event()

    def run(self) -> None:
        delay = POLL_S
        while not self._stopped.wait(delay):
            done = {name.rsplit("/", 1)[-1].split("-", 1)[0] for name in self._work.names(f"reports/{self._name}")}
            self._on_progress("spark", Progress(len(done & self._marks), 0, 0, 0, 0))
            delay = min(delay * 1.5, 60)

    def stop(self) -> None:
        """End the watching."""
        self._stopped.set()
        self.join(POLL_S)


def _translated(name: str, error: Exception) -> BuildError:
    """Return Spark's failure as one sentence: the first line that names a cause."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    causes = [line for line in lines if "Exception" in line or "Error" in line]
    cause = (causes or lines or [type(error).__name__])[0]
    return BuildError(f"{name} on Spark: {cause[:300]}; mend that and run the same command again")
