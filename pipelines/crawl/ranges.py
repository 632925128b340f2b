"""Byte ranges of Common Crawl's WARC files: fetched, checked record by record, written on unchanged."""

from __future__ import annotations

import re
import zlib
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from itertools import groupby
from typing import Any

import pyarrow as pa

from corpus.config.crawl import CommonCrawlSettings
from corpus.errors import StorageError
from corpus.parquet import read_parquet
from corpus.shards.writer import write_parquet
from corpus.storage import Store
from pipelines.crawl.clock import Clock, SystemClock
from pipelines.crawl.part import Part, parts_folder
from pipelines.passes.reports import Report
from pipelines.passes.task import Announce, Isolation, Item, Progress

MAX_RECORD_BYTES = 64 << 20  # decompressed; Common Crawl cuts payloads at 5 MiB
HEARTBEAT_S = 1.0
FIRST_DELAY_S, LONGEST_DELAY_S = 1.0, 300.0
_SAFE_NAME = re.compile(r"(?!/)(?!.*(?:^|/)\.\.?(?:/|$))[\w./=+-]{1,512}")
_TARGET = re.compile(rb"(?i)^WARC-Target-URI:[ \t]*<?([^\r\n>]*)", re.MULTILINE)

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
        pa.field("source_filename", pa.string(), nullable=False),
        pa.field("source_offset", pa.int64(), nullable=False),
        pa.field("length", pa.int64(), nullable=False),
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
        unique = item.fingerprint if output.local else f"{item.fingerprint}-{attempt}"
        warc_name = f"warc/{unique}.warc.gz"
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
            size = part.finish(output, warc_name)
        records = [record | {"warc": warc_name} for line in lines for record in line.get("records", ())]
        bad = [record for line in lines for record in line.get("bad", ())]
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
            reason = fetched.failure or why_unsound(member, row["length"], row["url"])
            source = {"source_filename": row["filename"], "source_offset": row["offset"]}
            source |= {"length": row["length"], "url": row["url"]}
            if reason is None:
                part.append(member)
                records.append(source | {"warc_offset": position})
                position += len(member)
            else:
                bad.append(source | {"reason": reason})
        note = {"type": "range", "range": number, "requests": fetched.requests, "fetched": len(data)}
        part.note(note | {"records": records, "bad": bad})

    def _fetch(self, filename: str, start: int, end: int) -> _Fetched:
        """Request bytes [start, end) until they are all there, with backoff."""
        import aiohttp
        import fsspec

        if not _SAFE_NAME.fullmatch(filename):
            return _Fetched(failure="unsafe_filename")
        url = f"{self.settings.data.rstrip('/')}/{filename}"
        try:
            system, path = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise StorageError(f"{url}: {error}") from error
        best = _Fetched(failure="unreachable")
        delay = FIRST_DELAY_S
        for requests in range(1, self.settings.max_tries + 1):
            if requests > 1:
                self.clock.pause(delay * (0.5 + self.clock.draw()))
                delay = min(delay * 2, LONGEST_DELAY_S)
            try:
                data: bytes = system.cat_file(path, start, end)
            except FileNotFoundError:
                return _Fetched(requests=requests, failure="not_found")
            except (OSError, TimeoutError, aiohttp.ClientError) as error:
                best = replace(best, requests=requests)
                if getattr(error, "status", None) == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                    return replace(best, failure="beyond_the_file")
                continue
            if len(data) > end - start:
                return _Fetched(requests=requests, failure="ranges_ignored")
            best = _Fetched(data, requests)
            if len(data) == end - start:
                break
        return best


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


def why_unsound(member: bytes, length: int, url: str | None) -> str | None:
    """Return why ``member`` is not one whole gzip member with the WARC record of ``url``, None where it is."""
    if len(member) < length:
        return "short_range"
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        block = inflater.decompress(member, MAX_RECORD_BYTES)
    except zlib.error:
        return "corrupt_gzip"
    if inflater.unconsumed_tail:
        return "record_too_large"
    if not inflater.eof or inflater.unused_data:
        return "not_one_member"
    if not block.startswith(b"WARC/"):
        return "not_a_record"
    target = _TARGET.search(block, 0, block.find(b"\r\n\r\n") + 1 or len(block))
    if url is not None and (target is None or target.group(1).decode("utf-8", "replace").strip() != url):
        return "another_record"
    return None
