"""Common Crawl by its columnar index: choose records, coalesce ranges, fetch them; two passes on an engine.

The WARC files that come out hold the records as Common Crawl compressed them,
each with a header field that says where it lies there, so that ``ingest``
reads them like any other; ``provenance/`` says the same as a table.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import duckdb
import orjson
import pyarrow as pa
from rich.console import Console

from corpus.config.commoncrawl import CommonCrawlSettings
from corpus.errors import BuildError
from corpus.shards.writer import write_parquet
from corpus.storage import Store
from pipelines.crawl.clock import Clock, SystemClock
from pipelines.crawl.ranges import SELECTION, RangeTask
from pipelines.crawl.ranges import VERSION as RANGES_VERSION
from pipelines.crawl.selection import SELECTED, SelectTask, index_files, read_selected
from pipelines.crawl.summary import COMMON_CRAWL_SUMMARY
from pipelines.engines.interface import Engine
from pipelines.lock import exclusive
from pipelines.passes.reports import Ordered, Report, commit, committed, fingerprint
from pipelines.passes.task import Item, Task, attempt_name
from pipelines.progress import PassProgress
from pipelines.space import check_space

READ_ROWS = 65_536
GB = 1e9
# What decides which ranges are fetched, and where from. The rest changes how, or (the index) is told by the selection.
_PLANNED = {"data", "max_records", "gap_bytes", "range_bytes", "task_bytes"}


@dataclass
class Estimate:
    """What a selection costs."""

    records: int = 0
    record_bytes: int = 0
    requests: int = 0
    request_bytes: int = 0  # with the bytes between records that are fetched and discarded
    tasks: int = 0
    files: int = 0

    def cost(self, settings: CommonCrawlSettings) -> float:
        """Return the price in USD. Over HTTPS Common Crawl asks for nothing; over S3 a reader's account pays."""
        if not settings.data.startswith("s3://"):
            return 0.0
        return self.request_bytes / GB * settings.price_per_gb + self.requests / 1000 * settings.price_per_1000_requests


@dataclass
class CommonCrawl:
    """Fetches what ``settings`` select into the folder ``output``."""

    settings: CommonCrawlSettings
    output: str
    engine: Engine
    console: Console
    memory_limit: str = "2GB"
    clock: Clock = field(default_factory=SystemClock)

    def dry_run(self) -> Estimate:
        """Print and return what :meth:`run` would fetch. The index is read, and what it selects kept for that run."""
        with self._held() as (_, work):
            estimate = Estimate()
            for _ in self._tasks(self._selected(work, self._select(work)), estimate):
                pass
        self._print(estimate)
        self.console.print("dry run: nothing but the index was read", highlight=False)
        return estimate

    def run(self) -> dict[str, Any]:
        """Fetch, and return the summary that ``commoncrawl.json`` holds. A rerun goes on where the last one stopped.

        Raises
        ------
        ConfigError
            where no index is named, or it has not the columns of Common Crawl's.
        StorageError
            where the index or the records cannot be had at present; what was fetched stays.
        BuildError
            where another run holds ``output``, it has no room, or the account does not balance.
        """
        with self._held() as (store, work):
            plan = self._plan(store, work)
            items = [Item(one["fingerprint"], one, one["bytes"]) for one in plan["items"]]
            reports = self._run_pass(RangeTask(self.settings, self.output, self.clock), work, items)
            return self._summarise(store, plan, reports)

    @contextmanager
    def _held(self) -> Iterator[tuple[Store, Store]]:
        store = Store(self.output)
        work = store.sub("work")
        work.make_private()
        with exclusive(work, f"{store.root}: another crawl is running here; wait for it or choose another output"):
            yield store, work

    def _run_pass(self, task: Task, work: Store, items: list[Item]) -> Ordered:
        """Run what has no report yet, and return (fingerprint, report) of all ``items`` in their order."""
        reports = committed(work, task.name, [item.fingerprint for item in items])
        todo = [item for item in items if item.fingerprint not in reports]
        resumed = f", {len(items) - len(todo)} done before" if len(todo) < len(items) else ""
        self.console.print(f"{task.name}: {len(todo)} splits to run{resumed}", highlight=False)
        with PassProgress(self.console, task.name, sum(item.weight for item in todo), len(todo)) as progress:

            def on_report(item: Item, report: Report) -> None:
                reports[item.fingerprint] = report
                ledger = report["ledger"]
                progress.done(item.fingerprint, ledger["documents"], ledger["kept"], report["read_bytes"])

            if todo:
                self.engine.run(task, work, todo, on_report, progress.seen)
        missing = [item.fingerprint for item in items if item.fingerprint not in reports]
        if missing:
            raise BuildError(
                f"{task.name}: {len(missing)} splits came back without a report; run the same command again"
            )
        return Ordered((item.fingerprint for item in items), reports)

    def _summarise(self, store: Store, plan: Report, done: Ordered) -> dict[str, Any]:
        reports = [report for _, report in done]
        quarantined: dict[str, int] = {}
        for report in reports:
            for reason, count in report["quarantined"].items():
                quarantined[reason] = quarantined.get(reason, 0) + count
        summary = {
            "selected": sum(report["selected"] for report in reports),
            "stored": sum(report["stored"] for report in reports),
            "quarantined": dict(sorted(quarantined.items())),
            "requests": sum(report["requests"] for report in reports),
            "fetched_bytes": sum(report["read_bytes"] for report in reports),
            "warcs": [report["warc"] for report in reports if report["warc"]],
            "provenance": [
                report["files"]["provenance"]["path"] for report in reports if report["files"]["provenance"]
            ],
            "quarantine": [
                report["files"]["quarantine"]["path"] for report in reports if report["files"]["quarantine"]
            ],
            "settings": self.settings.model_dump(mode="json"),
        }
        if summary["selected"] != plan["records"] or summary["selected"] != summary["stored"] + sum(
            quarantined.values()
        ):
            raise BuildError(
                f"{plan['records']} records selected, {summary['stored']} stored, {sum(quarantined.values())} "
                "quarantined; this is a bug"
            )
        store.write_atomic(COMMON_CRAWL_SUMMARY, orjson.dumps(summary, option=orjson.OPT_INDENT_2) + b"\n")
        self.console.print(
            f"{summary['stored']:,} records stored, {sum(quarantined.values()):,} quarantined, "
            f"{summary['fetched_bytes'] / 1e6:,.1f} MB in {summary['requests']:,} requests",
            highlight=False,
        )
        return summary

    # -- what to fetch -------------------------------------------------------------------------------------------

    def _select(self, work: Store) -> Ordered:
        """Run the selection on the engine and return the report of each index file."""
        files = index_files(self.settings)
        size = sum(file.size for file in files)
        self.console.print(
            f"   index  {len(files):,} Parquet files of {size / 1e6:,.1f} MB; only the columns needed are read",
            highlight=False,
        )
        task = SelectTask(self.settings, self.output)
        return self._run_pass(task, work, [task.item(file) for file in files])

    def _plan(self, store: Store, work: Store) -> Report:
        """Return the tasks: those of an earlier run with the same selection and settings, or new ones."""
        selected = self._select(work)
        planned = self.settings.model_dump(mode="json", include=_PLANNED)
        mark = fingerprint("commoncrawl", RANGES_VERSION, [mark for mark, _ in selected], planned)
        known = committed(work, "selection", [mark])
        if mark in known:
            return known[mark]
        estimate = Estimate()
        items = []
        for table in self._tasks(self._selected(work, selected), estimate):
            # The content names the task: fetched ranges stay valid when the index grows around them.
            split = fingerprint("ranges", RANGES_VERSION, self.settings.data, table.to_pydict())
            write_parquet(work, f"ranges/{split}.parquet", table)
            size = sum(table.column("length").to_pylist())
            items.append({"fingerprint": split, "selection": f"ranges/{split}.parquet", "bytes": size})
        self._print(estimate)
        said = check_space(store, estimate.record_bytes, sum(store.sizes("warc").values()) if store.local else 0)
        if said is not None:
            self.console.print(said, highlight=False)
        plan = {"items": items, "records": estimate.records}
        commit(work, "selection", mark, attempt_name(), plan)
        return plan

    def _tasks(self, records: Iterator[tuple[str, int, int, str | None]], estimate: Estimate) -> Iterator[pa.Table]:
        """Yield one table of SELECTION for each task and count in ``estimate``. A range never spans two tasks."""
        settings = self.settings
        rows: list[tuple[int, str, int, int, str | None]] = []
        number = start = end = task_bytes = 0
        current = ""
        for filename, offset, length, url in records:
            joins = (
                filename == current
                and offset <= end + settings.gap_bytes
                and max(end, offset + length) - start <= settings.range_bytes
            )
            if joins:
                estimate.request_bytes += max(end, offset + length) - end
                end = max(end, offset + length)
            else:
                if task_bytes >= settings.task_bytes:
                    yield _table(rows)
                    rows, number, task_bytes = [], 0, 0
                    estimate.tasks += 1
                number += 1
                estimate.files += filename != current
                current, start, end = filename, offset, offset + length
                estimate.requests += 1
                estimate.request_bytes += length
            rows.append((number, filename, offset, length, url))
            task_bytes += length
            estimate.records += 1
            estimate.record_bytes += length
        if rows:
            estimate.tasks += 1
            yield _table(rows)

    def _selected(self, work: Store, reports: Ordered) -> Iterator[tuple[str, int, int, str | None]]:
        """Yield filename, offset, length and URL of the records wanted, by filename and offset, each place once."""
        limit = f"LIMIT {self.settings.max_records}" if self.settings.max_records else ""
        batches = read_selected(work, [report for _, report in reports])
        with duckdb.connect() as database:
            database.execute("SET memory_limit = $limit", {"limit": self.memory_limit})
            database.execute("SET temp_directory = $folder", {"folder": tempfile.gettempdir()})
            database.register("selected", pa.RecordBatchReader.from_batches(SELECTED, batches))
            rows = database.sql(
                f"""
                SELECT filename, "offset", max(length) AS length, min(url) AS url
                FROM selected GROUP BY filename, "offset" ORDER BY filename, "offset" {limit}
                """  # noqa: S608 - a whole number of the configuration
            ).to_arrow_reader(READ_ROWS)
            for batch in rows:
                yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)

    def _print(self, estimate: Estimate) -> None:
        settings = self.settings
        if not estimate.records:
            self.console.print(
                "no record of the index is wanted; look at commoncrawl.languages, hosts and url_pattern",
                highlight=False,
            )
            return
        paid = f"{settings.price_per_gb:g} a GB, {settings.price_per_1000_requests:g} per 1,000 requests"
        basis = paid if settings.data.startswith("s3://") else "HTTPS is free of charge"
        lines = {
            "records": f"{estimate.records:,} in {estimate.files:,} WARC files, "
            f"{estimate.record_bytes / 1e6:,.1f} MB compressed",
            "requests": f"{estimate.requests:,} in {estimate.tasks:,} tasks, {estimate.request_bytes / 1e6:,.1f} MB "
            "with the gaps between records",
            "from": settings.data,
            "cost": f"about {estimate.cost(settings):,.2f} USD ({basis})",
        }
        if settings.bytes_per_second:
            hours = estimate.request_bytes / settings.bytes_per_second / 3600
            lines["time"] = f"{hours:,.1f} h for one task after the other at commoncrawl.bytes_per_second"
        for name, value in lines.items():
            self.console.print(f"{name:>8}  {value}", highlight=False)


def _table(rows: list[tuple[int, str, int, int, str | None]]) -> pa.Table:
    columns = list(zip(*rows, strict=True))
    return pa.table([pa.array(column, kind.type) for column, kind in zip(columns, SELECTION, strict=True)], SELECTION)
