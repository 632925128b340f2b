"""The Spark engine: the same tasks as everywhere, scheduled by Spark; the tables of dedupe in Spark SQL.

Tasks commit by report as on the local engine, so Spark's retries and
speculative attempts never disturb each other: two attempts write different
files, and readers take one of the reports. Each Spark task runs its items in
a supervised child process, so that a record that kills its worker costs that
record only and never fails the Spark stage.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from corpus.config.build import RunSettings
from corpus.config.dedupe import DedupeSettings
from corpus.config.section import Section
from corpus.errors import BuildError, MissingDependency, WudaoError
from corpus.storage import Store
from pipelines.engines.code_identity import code_identity, difference
from pipelines.engines.committed import CommitWatcher, run_bundle
from pipelines.engines.interface import OnProgress, OnReport, Signed
from pipelines.engines.sql_clusters import sql_clusters
from pipelines.passes.task import Item, Task

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# A Python task costs Spark about 0.1 s of a core, so items are bundled: but no more than keeps every core busy.
TASKS_PER_CORE = 8
PYTHON_PROPERTY = "spark.pyspark.python"
JAVA_OPTIONS_PROPERTY = "spark.driver.extraJavaOptions"
DEFAULTS = {
    "spark.sql.execution.arrow.maxRecordsPerBatch": "65536",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.memory": "2g",
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

    def expect(self, steps: Sequence[tuple[str, Section]]) -> None:
        """See :class:`pipelines.engines.interface.Engine`. Workers are elsewhere, and load when they are asked."""

    def run(self, task: Task, work: Store, items: Sequence[Item], on_report: OnReport, on_progress: OnProgress) -> None:
        """See :class:`pipelines.engines.interface.Engine`. The heaviest items start first."""
        context = self.spark.sparkContext
        ordered = sorted(items, key=lambda item: (-item.weight, item.fingerprint))
        count = min(len(ordered), max(context.defaultParallelism, 1) * TASKS_PER_CORE)
        # Striped, so that each Spark task gets heavy and light items.
        bundles = [ordered[start::count] for start in range(count)]
        limits = (self._settings.stall_seconds, self._settings.worker_memory)
        # Threads of one machine run the driver's own code; workers elsewhere must prove that they have the same.
        expected = None if _within_driver(context.master) else code_identity()
        watcher = CommitWatcher(work, task.name, items, on_report)
        watcher.start()
        try:
            outcomes = (
                context.parallelize(bundles, len(bundles))
                .mapPartitions(lambda held: _run_bundles(held, task, work, limits, expected))
                .collect()
            )
        except Exception as error:
            raise _translated(task.name, error) from error
        finally:
            watcher.stop()
        failed = [message for _, message in outcomes if message is not None]
        if failed:
            raise BuildError(failed[0])
        watcher.look()

    @contextmanager
    def clusters(self, signed: Signed, settings: DedupeSettings, scratch: Store) -> Iterator[Iterator[pa.RecordBatch]]:
        """See :class:`pipelines.engines.interface.Engine`.

        On a cluster tables lie below ``scratch`` where Hadoop can write there,
        so that a lost executor costs a stage; else on the executors' disks.
        """
        from pipelines.engines.spark_session import SparkSQLSession, hadoop_url, size_queries
        from pipelines.engines.spark_splits import SparkSplits

        try:
            spark = self.spark
            folder = None if _within_driver(spark.sparkContext.master) else hadoop_url(spark, scratch.root)
            size_queries(spark, signed.rows, set(self._settings.conf))
            with SparkSQLSession(spark, folder) as session:
                yield sql_clusters(SparkSplits(session), signed, settings)
        except WudaoError:
            raise
        except Exception as error:
            if not _of_spark(error):
                raise
            raise _translated("dedupe", error) from error
        finally:
            if scratch.local:
                shutil.rmtree(scratch.root, ignore_errors=True)

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
        from pipelines.engines.java import driver_options, java_home

        self._scratch = tempfile.TemporaryDirectory(prefix="wudao-spark-")
        scratch = Path(self._scratch.name)
        os.environ["JAVA_HOME"] = java_home(scratch)
        warehouse = {"spark.sql.warehouse.dir": str(scratch / "warehouse")}  # Spark's own is the current folder
        conf = DEFAULTS | warehouse | self._settings.conf
        conf[JAVA_OPTIONS_PROPERTY] = driver_options(scratch, conf.get(JAVA_OPTIONS_PROPERTY, ""))
        # Of these two PySpark reads the variable only; spark-submit would have turned the property into it.
        os.environ["PYSPARK_PYTHON"] = conf.get(PYTHON_PROPERTY) or os.environ.get("PYSPARK_PYTHON") or sys.executable
        os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)
        builder = SparkSession.builder.appName("wudao")
        builder = builder.master(self._settings.master or f"local[{self._settings.workers or '*'}]")
        for key, value in conf.items():
            builder = builder.config(key, value)
        try:
            spark: SparkSession = builder.getOrCreate()
        except Exception as error:
            raise _translated("spark", error) from error
        return spark


def _run_bundles(
    bundles: Iterable[Sequence[Item]],
    task: Task,
    work: Store,
    limits: tuple[float, int],
    expected: Mapping[str, str] | None,
) -> Iterator[tuple[str, str | None]]:
    """Run bundles on a worker, unless its code differs from the driver's (``expected``): see :func:`run_bundle`."""
    from pipelines.engines.supervisor import Supervisor

    if expected is not None and (other := difference(expected)) is not None:
        yield "", f"{task.name}: the workers' environment is not the driver's ({other}); make cluster-env again"
        return
    supervisor = Supervisor(*limits)
    try:
        for bundle in bundles:
            yield from run_bundle(supervisor, bundle, task, work)
    finally:
        supervisor.close()


def _within_driver(master: str | None) -> bool:
    """Return whether the executor is the driver's own JVM."""
    return master is not None and (master == "local" or master.startswith("local["))


def _of_spark(error: Exception) -> bool:
    return type(error).__module__.partition(".")[0] in ("pyspark", "py4j")


def _translated(name: str, error: Exception) -> BuildError:
    """Return Spark's failure as one sentence: the first line that names a cause."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    causes = [line for line in lines if "Exception" in line or "Error" in line]
    cause = (causes or lines or [type(error).__name__])[0].lstrip(": ")
    return BuildError(f"{name} on Spark: {cause[:300]}; mend that and run the same command again")
