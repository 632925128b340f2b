"""Byte ranges of Common Crawl's WARC files: fetched, checked record by record, written on as they were compressed."""

from __future__ import annotations

import errno
import re
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import groupby
from typing import Any

import pyarrow as pa

from corpus import remote
from corpus.config.commoncrawl import CommonCrawlSettings
from corpus.errors import StorageError
from corpus.parquet import read_parquet
from corpus.shards.writer import write_parquet
from corpus.storage import Store
from pipelines.crawl.clock import Clock, SystemClock
from pipelines.crawl.member import inflated, with_source
from pipelines.crawl.part import Part, parts_folder
from pipelines.passes.reports import Report, fingerprint
from pipelines.passes.task import Announce, Isolation, Item, Progress

VERSION = 2  # of the bytes that a task writes
HEARTBEAT_S = 1.0
SAFE_NAME = re.compile(r"(?!/)(?!.*(?:^|/)\.\.?(?:/|$))[\w./=+-]{1,512}", re.ASCII)
_CRAWL = re.compile(r"crawl-data/([^/]+)/")

# One row a record wanted, in order of file and offset; ``range`` numbers the requests of a task.
SELECTION = pa.schema(
    [
        pa.field("range", pa.int32(), nullable=False),
        pa.field("filename", pa.string(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("length", pa.int64(), nullable=False),
        pa.field("url", pa.string()),
    ]
)
# Where each record of a WARC file of ours comes from.
PROVENANCE = pa.schema(
    [
        pa.field("warc", pa.string(), nullable=False),
        pa.field("warc_offset", pa.int64(), nullable=False),
        pa.field("crawl", pa.string()),  # CC-MAIN-…, null where the file name does not tell
        pa.field("source_filename", pa.string(), nullable=False),
        pa.field("source_offset", pa.int64(), nullable=False),
        pa.field("length", pa.int64(), nullable=False),  # there; here the header field comes to it
        pa.field("url", pa.string()),
    ]
)
# Records that the index names and that cannot be used.
QUARANTINE = pa.schema(
    [
        pa.field("source_filename", pa.string(), nullable=False),
        pa.field("source_offset", pa.int64(), nullable=False),
        pa.field("length", pa.int64(), nullable=False),
        pa.field("url", pa.string()),
        pa.field("reason", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True)
class _Fetched:
    data: bytes = b""  # shorter than asked for where the file ends
    requests: int = 0
    failure: str | None = None  # why no record of the range can be had


class _BeyondTheFile(Exception):
    """A range behind the end of its file."""


@dataclass(frozen=True)
class RangeTask:
    """Fetches the ranges of one selection file into one WARC file."""

    settings: CommonCrawlSettings
    output: str
    clock: Clock = field(default_factory=SystemClock)
    name: str = "ranges"

    def run(self, item: Item, attempt: str, isolation: Isolation, announce: Announce) -> Report:
        """Fetch the ranges of ``item``, going on behind the last one that an earlier attempt finished."""
        output = Store(self.output)
        work = output.sub("work")
        with work.open_read(item.payload["selection"]) as stream:
            rows: list[dict[str, Any]] = read_parquet(stream).to_pylist()
        with Part(parts_folder(output), item.fingerprint).opened() as part:
            lines = list(part.lines)
            if not part.finished:
                part.watch(lines.append)
                done = {line["range"] for line in lines if line["type"] == "range"}
                throttle = _Throttle(self.settings.bytes_per_second, self.clock)
                ranges = {number: list(group) for number, group in groupby(rows, key=lambda row: row["range"])}
                todo = {number: group for number, group in ranges.items() if number not in done}

                def beat(finished: int) -> None:
                    announce(Progress(finished, finished, finished, finished, part.size))

                beat(len(done))
                for finished, (number, fetching) in enumerate(self._fetch_all(todo), start=len(done)):
                    while not wait([fetching], HEARTBEAT_S).done:
                        beat(finished)
                    fetched = fetching.result()
                    throttle.spent(len(fetched.data))
                    self._take(part, number, ranges[number], fetched)
                    beat(finished + 1)
            bad = [record for line in lines for record in line.get("bad", ())]
            stored = [record for line in lines for record in line.get("records", ())]
            # The records alone name the file, since names order the documents: the corpus is the same from whichever
            # copy of Common Crawl they come.
            held = [(record["source_filename"], record["source_offset"], record["length"]) for record in stored]
            warc_name = f"warc/{fingerprint('warc', VERSION, held)}.warc.gz"
            size = part.finish(output, warc_name)
        records = [record | {"warc": warc_name} for record in stored]
        stem = f"{item.fingerprint}-{attempt}.parquet"
        return {
            "selected": len(rows),
            "stored": len(records),
            "quarantined": dict(sorted(Counter(record["reason"] for record in bad).items())),
            "requests": sum(line.get("requests", 0) for line in lines),
            "read_bytes": sum(line.get("fetched", 0) for line in lines),
            "ledger": {"documents": len(rows), "kept": len(records)},
            "warc": {"path": warc_name, "bytes": size, "records": len(records)} if size else None,
            "files": {
                "provenance": write_parquet(output, f"provenance/{stem}", pa.Table.from_pylist(records, PROVENANCE)),
                "quarantine": write_parquet(work, f"quarantine/{stem}", pa.Table.from_pylist(bad, QUARANTINE)),
            },
        }

    def _fetch_all(self, ranges: dict[int, list[dict[str, Any]]]) -> Iterator[tuple[int, Future[_Fetched]]]:
        """Start fetching ``ranges``, no more than ``connections`` at a time, and yield them in their order."""
        waiting: deque[tuple[int, Future[_Fetched]]] = deque()
        with ThreadPoolExecutor(self.settings.connections) as pool:
            try:
                for number, rows in ranges.items():
                    end = max(row["offset"] + row["length"] for row in rows)
                    waiting.append((number, pool.submit(self._fetch, rows[0]["filename"], rows[0]["offset"], end)))
                    if len(waiting) >= self.settings.connections:
                        yield waiting.popleft()
                while waiting:
                    yield waiting.popleft()
            finally:
                for _, fetching in waiting:
                    fetching.cancel()

    @staticmethod
    def _take(part: Part, number: int, rows: list[dict[str, Any]], fetched: _Fetched) -> None:
        """Append the sound records of a range to ``part``, and note what became of all."""
        start = rows[0]["offset"]
        records: list[dict[str, Any]] = []
        bad: list[dict[str, Any]] = []
        data = fetched.data
        position = part.size
        for row in rows:
            member = data[row["offset"] - start : row["offset"] - start + row["length"]]
            record = fetched.failure or inflated(member, row["length"], row["url"])
            source = {"source_filename": row["filename"], "source_offset": row["offset"]}
            source |= {"length": row["length"], "url": row["url"]}
            if isinstance(record, bytes):
                crawl = _CRAWL.match(row["filename"])
                records.append(source | {"warc_offset": position, "crawl": crawl and crawl.group(1)})
                member = with_source(member, record, row["filename"], row["offset"])
                part.append(member)
                position += len(member)
            else:
                bad.append(source | {"reason": record})
        note = {"type": "range", "range": number, "requests": fetched.requests, "fetched": len(data)}
        part.note(note | {"records": records, "bad": bad})

    def _fetch(self, filename: str, start: int, end: int) -> _Fetched:
        """Request bytes [start, end) until they are all there, with the waits of :func:`corpus.remote.attempt`.

        Raises StorageError where the server does not answer: that passes, and the records are no worse for it.
        """
        if not SAFE_NAME.fullmatch(filename):
            return _Fetched(failure="unsafe_filename")
        url = f"{self.settings.data.rstrip('/')}/{filename}"
        system, path = remote.locate(url)
        requests = 0
        best: bytes | None = None

        def request() -> bytes:
            nonlocal requests, best
            requests += 1
            try:
                data: bytes = system.cat_file(path, start=start, end=end)
            except Exception as error:
                if _is_beyond(error):
                    raise _BeyondTheFile from error
                raise
            best = max(best or b"", data, key=len)
            if len(data) < end - start:
                raise OSError(errno.EIO, f"{len(data)} bytes came for {end - start}")
            return data

        try:
            data = remote.attempt(request, url, self.settings.max_tries, self.clock.pause)
        except FileNotFoundError:
            return _Fetched(requests=requests, failure="not_found")
        except _BeyondTheFile:
            return _Fetched(requests=requests, failure="beyond_the_file")
        except PermissionError as error:
            raise StorageError(
                f"{url}: access is denied; over s3:// Common Crawl answers accounts of AWS only: set their credentials "
                "(docs/object-stores.md), or set commoncrawl.data to https://data.commoncrawl.org"
            ) from error
        except StorageError:
            if best is None:
                raise
            return _Fetched(best, requests)  # every answer ended early, so the file does
        if len(data) > end - start:
            return _Fetched(requests=requests, failure="ranges_ignored")
        return _Fetched(data, requests)


def _is_beyond(error: Exception) -> bool:
    """Return whether a server said that a range is not in the file: over HTTP by status, of S3 s3fs makes EINVAL."""
    status = getattr(error, "status", None) == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
    return status or (isinstance(error, OSError) and error.errno == errno.EINVAL)


class _Throttle:
    """Keeps a task at or below a mean of ``rate`` bytes per second (None: no limit)."""

    def __init__(self, rate: float | None, clock: Clock) -> None:
        self._rate, self._clock = rate, clock
        self._began = clock.now()
        self._bytes = 0

    def spent(self, count: int) -> None:
        """Wait until ``count`` more bytes are within the rate."""
        self._bytes += count
        if self._rate is not None:
            early = self._bytes / self._rate - (self._clock.now() - self._began)
            if early > 0:
                self._clock.pause(early)
