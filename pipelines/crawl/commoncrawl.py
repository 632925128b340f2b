"""Common Crawl by its columnar index: choose records, coalesce ranges, fetch them as tasks on an engine.

The WARC files that come out hold the records as Common Crawl compressed them,
so that ``ingest`` reads them like any other; ``provenance/`` says for each
where it lies in Common Crawl.
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

from corpus.config.crawl import CommonCrawlSettings
from corpus.errors import BuildError, ConfigError
from corpus.reading.files import list_files
from corpus.shards.writer import write_parquet
from corpus.storage import Store
from pipelines.crawl.clock import Clock, SystemClock
from pipelines.crawl.ranges import SELECTION, RangeTask
from pipelines.engines.interface import Engine
from pipelines.passes.reports import Report, commit, committed, fingerprint
from pipelines.passes.task import Item, attempt_name
from pipelines.progress import PassProgress

# ruff: noqa: S608 - what is put into statements are quoted values of the configuration

SUMMARY_NAME = "commoncrawl.json"
MIME_TYPES = ("text/html", "application/xhtml+xml", "text/plain")
READ_ROWS = 65_536
GB = 1e9


@dataclass
class Estimate:
    """What a selection costs."""

    records: int = 0
    record_bytes: int = 0
    requests: int = 0
    request_bytes: int = 0  # with the bytes between records that are fetched and discarded
    tasks: int = 0
    files: set[str] = field(default_factory=set)

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
        """Print and return what :meth:`run` would fetch; nothing but the index is read."""
        estimate = Estimate()
        for _ in self._tasks(estimate):
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
        BuildError
            where the account does not balance.
        """
        store = Store(self.output)
        work = store.sub("work")
        work.make_private()
        plan = self._plan(work)
        task = RangeTask(self.settings, self.output, self.clock)
        items = [Item(one["fingerprint"], one, one["bytes"]) for one in plan["items"]]
        reports = committed(work, task.name, [item.fingerprint for item in items])
        todo = [item for item in items if item.fingerprint not in reports]
        resumed = f", {len(items) - len(todo)} done before" if len(todo) < len(items) else ""
        self.console.print(f"{len(todo)} tasks to run{resumed}", highlight=False)
        with PassProgress(self.console, "ranges", sum(item.weight for item in todo), len(todo)) as progress:

            def on_report(item: Item, report: Report) -> None:
                reports[item.fingerprint] = report
                ledger = report["ledger"]
                progress.done(item.fingerprint, ledger["documents"], ledger["kept"], report["read_bytes"])

            if todo:
                self.engine.run(task, work, todo, on_report, progress.seen)
        return self._summarise(store, plan, [reports[item.fingerprint] for item in items])

    def _summarise(self, store: Store, plan: Report, reports: list[Report]) -> dict[str, Any]:
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
        store.write_atomic(SUMMARY_NAME, orjson.dumps(summary, option=orjson.OPT_INDENT_2) + b"\n")
        self.console.print(
            f"{summary['stored']:,} records stored, {sum(quarantined.values()):,} quarantined, "
            f"{summary['fetched_bytes'] / 1e6:,.1f} MB in {summary['requests']:,} requests",
            highlight=False,
        )
        return summary

    # -- what to fetch -------------------------------------------------------------------------------------------

    def _plan(self, work: Store) -> Report:
        """Return the tasks: those of an earlier run with the same index and settings, or new ones."""
        files = [[file.path, file.size, file.version] for file in list_files(self._index())]
        chosen = self.settings.model_dump(mode="json", exclude={"bytes_per_second", "max_tries", "index"})
        mark = fingerprint("commoncrawl", files, chosen)
        known = committed(work, "selection", [mark]).get(mark)
        if known is not None:
            return known
        estimate = Estimate()
        items = []
        for table in self._tasks(estimate):
            # The content names the task: fetched ranges stay valid when the index grows around them.
            split = fingerprint("ranges", self.settings.data, table.to_pydict())
            write_parquet(work, f"selected/{split}.parquet", table)
            size = sum(table.column("length").to_pylist())
            items.append({"fingerprint": split, "selection": f"selected/{split}.parquet", "bytes": size})
        self._print(estimate)
        plan = {"items": items, "records": estimate.records}
        commit(work, "selection", mark, attempt_name(), plan)
        return plan

    def _index(self) -> list[str]:
        if not self.settings.index:
            raise ConfigError("commoncrawl.index names nothing; give the Parquet files of the columnar index")
        return self.settings.index

    def _tasks(self, estimate: Estimate) -> Iterator[pa.Table]:
        """Yield one table of SELECTION for each task and count in ``estimate``. A range never spans two tasks."""
        settings = self.settings
        rows: list[tuple[int, str, int, int, str | None]] = []
        number = start = end = task_bytes = 0
        current = ""
        for filename, offset, length, url in self._records():
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
                current, start, end = filename, offset, offset + length
                estimate.requests += 1
                estimate.request_bytes += length
                estimate.files.add(filename)
            rows.append((number, filename, offset, length, url))
            task_bytes += length
            estimate.records += 1
            estimate.record_bytes += length
        if rows:
            estimate.tasks += 1
            yield _table(rows)

    def _records(self) -> Iterator[tuple[str, int, int, str | None]]:
        """Yield filename, offset, length and URL of the records wanted, by filename and offset, each place once."""
        settings = self.settings
        with self._database() as database:
            files = [file.uri for file in list_files(self._index())]
            for protocol in {uri.split("://", 1)[0] for uri in files if "://" in uri}:
                import fsspec

                database.register_filesystem(fsspec.filesystem(protocol))
            listed = ", ".join(_quoted(uri) for uri in files)
            languages = ", ".join(_quoted(language) for language in settings.languages)
            spoken = "string_split(content_languages, ',')"
            conditions = [
                "fetch_status = 200",
                "warc_record_length > 0",
                f"content_mime_detected IN ({', '.join(map(_quoted, MIME_TYPES))})",
                f"list_has_any({spoken}, [{languages}])" if settings.any_language else f"{spoken}[1] IN ({languages})",
            ]
            if settings.hosts:
                conditions.append(f"({' OR '.join(f'url_host_name GLOB {_quoted(host)}' for host in settings.hosts)})")
            if settings.url_pattern:
                conditions.append(f"regexp_matches(url, {_quoted(settings.url_pattern)})")
            limit = f"LIMIT {settings.max_records}" if settings.max_records else ""
            try:
                batches = database.sql(
                    f"""
                    SELECT warc_filename, CAST(warc_record_offset AS BIGINT) AS place,
                           CAST(max(warc_record_length) AS BIGINT) AS length, min(url) AS url
                    FROM read_parquet([{listed}], union_by_name = true)
                    WHERE {" AND ".join(conditions)}
                    GROUP BY warc_filename, place ORDER BY warc_filename, place {limit}
                    """
                ).to_arrow_reader(READ_ROWS)
                for batch in batches:
                    yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
            except (duckdb.BinderException, duckdb.InvalidInputException) as error:
                reason = str(error).splitlines()[0]
                raise ConfigError(f"the index cannot be read as Common Crawl's columnar index: {reason}") from error

    @contextmanager
    def _database(self) -> Iterator[duckdb.DuckDBPyConnection]:
        connection = duckdb.connect()
        try:
            connection.execute(f"SET memory_limit = {_quoted(self.memory_limit)}")
            connection.execute(f"SET temp_directory = {_quoted(tempfile.gettempdir())}")
            yield connection
        finally:
            connection.close()

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
            "records": f"{estimate.records:,} in {len(estimate.files):,} WARC files, "
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


def _paths(reports: list[Report], name: str) -> list[str]:
    return [report["files"][name]["path"] for report in reports if report["files"][name]]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
