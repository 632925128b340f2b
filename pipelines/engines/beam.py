"""The Beam engine: the same tasks as everywhere behind a Reshuffle; the tables of dedupe as transforms.

Tasks commit by report as on the local engine, so that a bundle which the
runner tries again, or twice at once, disturbs nothing. Each DoFn runs its
items in a supervised child process: a record that kills its worker costs that
record only, and the bundle never fails for it.

Without ``--runner`` (or with DirectRunner) pipelines run in this process on
the FnApiRunner (less a defect: beam_runner.py), which is what DirectRunner
itself takes for batch pipelines where it cannot download a runner; with
``--direct_running_mode=multi_processing`` in worker processes of their own.
Everything else passes through to Beam.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from corpus.config.build import RunSettings
from corpus.config.dedupe import DedupeSettings
from corpus.config.section import Section
from corpus.errors import BuildError, MissingDependency
from corpus.storage import Store
from pipelines.engines.code_identity import code_identity
from pipelines.engines.committed import CommitWatcher
from pipelines.engines.interface import OnProgress, OnReport, Signed
from pipelines.passes.reports import committed
from pipelines.passes.task import Item, Task, attempt_name

IN_PROCESS = "pipelines.engines.beam_runner.UntimedRunner"
DIRECT = {"direct", "directrunner", "fnapirunner"}


def split_arguments(given: Sequence[str]) -> list[str]:
    """Return Beam's arguments one by one; each of ``given`` may hold several, quoted as in a shell."""
    return [argument for one in given for argument in shlex.split(one)]


def pipeline_arguments(given: Sequence[str], workers: int) -> list[str]:
    """Return the arguments of a pipeline: ``given``, and for a run in this process ``workers`` threads."""
    arguments = split_arguments(given)
    runner = "direct"
    kept: list[str] = []
    waiting = iter(arguments)
    for argument in waiting:
        name, equals, value = argument.partition("=")
        if name == "--runner":
            runner = value if equals else next(waiting, "")
        else:
            kept.append(argument)
    if runner.rpartition(".")[2].lower() not in DIRECT:
        return [f"--runner={runner}", *kept]
    names = {argument.partition("=")[0] for argument in kept}
    if "--direct_running_mode" not in names:
        kept.append(f"--direct_running_mode={'multi_threading' if workers > 1 else 'in_memory'}")
    if "--direct_num_workers" not in names and "--direct_running_mode=in_memory" not in kept:
        kept.append(f"--direct_num_workers={workers}")
    return [f"--runner={IN_PROCESS}", *kept]


class BeamEngine:
    """Runs tasks and dedupe as Beam pipelines, on the runner that ``run.beam_args`` name."""

    name = "beam"

    def __init__(self, settings: RunSettings) -> None:
        self._settings = settings

    def expect(self, steps: Sequence[tuple[str, Section]]) -> None:
        """See :class:`pipelines.engines.interface.Engine`. Workers are elsewhere, and load when they are asked."""

    def run(self, task: Task, work: Store, items: Sequence[Item], on_report: OnReport, on_progress: OnProgress) -> None:
        """See :class:`pipelines.engines.interface.Engine`."""
        pipeline = self._pipeline()
        from pipelines.engines.beam_flow import Flow, finish
        from pipelines.engines.beam_kept import Kept, commit_lists
        from pipelines.engines.beam_tasks import run_items

        scratch = work.sub("scratch", f"beam-{attempt_name()}")
        watcher = CommitWatcher(work, task.name, items, on_report)
        watcher.start()
        try:
            # Few transforms know the order of their elements; the heaviest first helps those that do.
            ordered = sorted(items, key=lambda item: (-item.weight, item.fingerprint))
            rows = [[item.fingerprint, item.payload, item.weight] for item in ordered]
            listed = Flow(pipeline, Kept(scratch), task.name).worklist("items", rows)
            limits = (self._settings.stall_seconds, self._settings.worker_memory)
            expected = None if self._in_process() else code_identity()
            commit_lists(pipeline, [run_items(listed, task, work, limits, expected)], scratch, "outcome")
            finish(pipeline, task.name)
            outcomes = committed(scratch, "beam", ["outcome"])
        finally:
            watcher.stop()
            _delete(scratch)
        failed = [message for _, message in outcomes.get("outcome", {}).get("rows", []) if message is not None]
        if failed:
            raise BuildError(min(failed))
        watcher.look()

    @contextmanager
    def clusters(self, signed: Signed, settings: DedupeSettings, scratch: Store) -> Iterator[Iterator[pa.RecordBatch]]:
        """See :class:`pipelines.engines.interface.Engine`. ``scratch`` must be reachable from every worker."""
        self._pipeline()
        from pipelines.engines.beam_clusters import beam_clusters

        try:
            yield beam_clusters(self._pipeline, signed, settings, scratch)
        finally:
            _delete(scratch)

    def close(self) -> None:
        """Nothing lives on between pipelines."""

    def _in_process(self) -> bool:
        return f"--runner={IN_PROCESS}" in pipeline_arguments(self._settings.beam_args, 1)

    def _pipeline(self) -> Any:
        try:
            import apache_beam as beam
            from apache_beam.options.pipeline_options import PipelineOptions
        except ImportError:
            raise MissingDependency("the beam engine needs apache-beam: pip install 'wudao-corpus[beam]'") from None
        from pipelines.engines.beam_runner import EXPERIMENT, asks_for_timed_flush

        workers = self._settings.workers or len(os.sched_getaffinity(0))
        given = " ".join(self._settings.beam_args)
        try:
            options = PipelineOptions(pipeline_arguments(self._settings.beam_args, workers))
            pipeline = beam.Pipeline(options=options)
        except (ValueError, RuntimeError, ImportError, SystemExit) as error:
            raise BuildError(f"--beam-args {given!r} is not understood by Beam ({error}); mend them") from None
        if asks_for_timed_flush(options):
            raise BuildError(f"--beam-args {given!r}: Beam loses elements with {EXPERIMENT}; leave that experiment out")
        return pipeline


def _delete(scratch: Store) -> None:
    for name in list(scratch.names()):
        scratch.delete(name)
    if scratch.local:
        import shutil

        shutil.rmtree(scratch.root, ignore_errors=True)
