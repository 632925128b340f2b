"""A miniature Common Crawl on loopback: index, WARC files, a server of ranges that counts what it sends."""

from __future__ import annotations

import gzip
import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from corpus.config.crawl import CommonCrawlSettings
from corpus.config.input import InputSettings
from corpus.errors import ConfigError
from corpus.reading import plan_splits, read_split
from corpus.reading.digests import DigestCache
from corpus.storage import Store
from pipelines.crawl.clock import SystemClock
from pipelines.crawl.commoncrawl import CommonCrawl
from pipelines.crawl.ranges import why_unsound
from pipelines.passes.task import Isolation

FILES, RECORDS = 3, 20
LANGUAGES = ("zho", "eng", "zho,eng", "eng,zho", None)


class NoPause(SystemClock):
    """Waits for nothing and writes down what it was asked for."""

    def draw(self) -> float:
        return 0.5

    def pause(self, seconds: float) -> None:
        PAUSES.append(seconds)


PAUSES: list[float] = []


class RangeServer(ThreadingHTTPServer):
    """Serves byte ranges of files in memory, and fails when told to."""

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = files
        self.sent: list[tuple[str, int, int]] = []
        self.failures: list[int] = []  # statuses of the next answers

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: RangeServer

    def do_GET(self) -> None:
        if self.server.failures:
            self.send_error(self.server.failures.pop(0))
            return
        data = self.server.files.get(self.path[1:])
        wanted = self.headers.get("Range")
        if data is None or wanted is None:
            self.send_error(404)
            return
        first, last = (int(part) for part in wanted.removeprefix("bytes=").split("-"))
        if first >= len(data):
            self.send_error(416)
            return
        body = data[first : last + 1]
        self.server.sent.append((self.path[1:], first, len(body)))
        self.send_response(206)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Range", f"bytes {first}-{first + len(body) - 1}/{len(data)}")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        return


def record(number: int, file: int) -> tuple[str, bytes]:
    """Return URL and gzip member of one response record."""
    url = f"http://site{number % 4}.example/f{file}/{number}.html"
    out = io.BytesIO()
    writer = WARCWriter(out, gzip=True)
    body = (
        f"<html><body><p>第{number}号文件记载了{file}号仓库里{'粮食' * (number + 1)}的数目。</p></body></html>".encode()
    )
    headers = StatusAndHeaders("200 OK", [("Content-Type", "text/html; charset=utf-8")], protocol="HTTP/1.1")
    writer.write_record(
        writer.create_warc_record(url, "response", payload=io.BytesIO(body), length=len(body), http_headers=headers)
    )
    return url, out.getvalue()


@pytest.fixture
def mini(tmp_path: Path) -> Iterator[tuple[RangeServer, Path, list[dict[str, Any]]]]:
    files, rows = {}, []
    for file in range(FILES):
        name = f"crawl-data/CC-MAIN-2026-47/segments/1/warc/CC-MAIN-{file:05d}.warc.gz"
        data = b""
        for number in range(RECORDS):
            url, member = record(number, file)
            language = LANGUAGES[number % len(LANGUAGES)]
            rows.append(
                {
                    "url": url,
                    "url_host_name": url.split("/")[2],
                    "content_languages": language,
                    "fetch_status": 200 if number != 10 else 404,
                    "content_mime_detected": "text/html" if number != 15 else "application/pdf",
                    "warc_filename": name,
                    "warc_record_offset": len(data),
                    "warc_record_length": len(member),
                }
            )
            data += member
        files[name] = data
    index = tmp_path / "index" / "crawl=CC-MAIN-2026-47" / "subset=warc"
    index.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows[::2]), index / "part-0.parquet")
    pq.write_table(pa.Table.from_pylist(rows[1::2]), index / "part-1.parquet")
    server = RangeServer(files)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server, tmp_path / "index", rows
    server.shutdown()
    server.server_close()


@pytest.fixture
def fetch(tmp_path: Path, inline_engine: Any) -> Any:
    def make(server: RangeServer, index: Path | None, **changes: Any) -> CommonCrawl:
        settings = CommonCrawlSettings.model_validate(
            {"index": [str(index)] if index else [], "data": server.url, "gap_bytes": 0} | changes
        )
        return CommonCrawl(settings, str(tmp_path / "cc"), inline_engine, Console(quiet=True), clock=NoPause())

    return make


def chinese(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        row
        for row in rows
        if (row["content_languages"] or "").split(",")[0] == "zho"
        and row["fetch_status"] == 200
        and row["content_mime_detected"] == "text/html"
    ]


def read_urls(output: Path) -> list[str]:
    settings = InputSettings(paths=[str(output / "warc")])
    return [
        url
        for split in plan_splits(settings, DigestCache()).splits
        for batch in read_split(split, settings)
        for url in batch.records.column("url").to_pylist()
    ]


def test_only_the_bytes_of_chinese_records_are_requested(mini: Any, fetch: Any, tmp_path: Path) -> None:
    server, index, rows = mini
    wanted = chinese(rows)
    estimate = fetch(server, index).dry_run()
    assert server.sent == []
    summary = fetch(server, index).run()
    assert sum(length for _, _, length in server.sent) == sum(row["warc_record_length"] for row in wanted)
    assert estimate.record_bytes == estimate.request_bytes == summary["fetched_bytes"]
    assert estimate.requests == summary["requests"] == len(server.sent)
    assert sorted(read_urls(tmp_path / "cc")) == sorted(row["url"] for row in wanted)


def test_the_dry_run_says_bytes_requests_and_cost_and_writes_nothing(mini: Any, tmp_path: Path) -> None:
    server, index, rows = mini
    wanted = chinese(rows)
    said = {}
    for data in (server.url, "s3://commoncrawl"):
        settings = CommonCrawlSettings(index=[str(index)], data=data, gap_bytes=0, price_per_1000_requests=1_000.0)
        printed = io.StringIO()
        console = Console(file=printed, width=200)
        CommonCrawl(settings, str(tmp_path / "none"), None, console).dry_run()  # type: ignore[arg-type]
        said[data] = printed.getvalue()
    assert f"records  {len(wanted)} in {FILES} WARC files" in said[server.url]
    assert "0.00 USD (HTTPS is free of charge)" in said[server.url]
    requests = said["s3://commoncrawl"].split("requests  ")[1].split(" ")[0]
    assert f"about {int(requests):,}.00 USD" in said["s3://commoncrawl"]
    assert not (tmp_path / "none").exists()
    assert server.sent == []


def test_a_selection_of_nothing_says_where_to_look(mini: Any, tmp_path: Path) -> None:
    _, index, _ = mini
    settings = CommonCrawlSettings(index=[str(index)], hosts=["nobody.example"])
    printed = io.StringIO()
    CommonCrawl(settings, str(tmp_path / "none"), None, Console(file=printed, width=200)).dry_run()  # type: ignore[arg-type]
    assert "no record of the index is wanted" in printed.getvalue()


def test_provenance_names_the_place_of_every_record(mini: Any, fetch: Any, tmp_path: Path) -> None:
    server, index, rows = mini
    summary = fetch(server, index, task_bytes=2000).run()
    output = Store(str(tmp_path / "cc"))
    assert len(summary["warcs"]) > 3
    found = [row for name in summary["provenance"] for row in pq.read_table(output.path(name)).to_pylist()]
    assert len(found) == len(chinese(rows))
    for row in found:
        source = server.files[row["source_filename"]][row["source_offset"] :][: row["length"]]
        ours = output.read_bytes(row["warc"])[row["warc_offset"] :][: row["length"]]
        assert ours == source
        assert row["url"].encode() in gzip.decompress(ours)


def test_near_ranges_are_coalesced_and_far_ones_are_not(mini: Any, fetch: Any, tmp_path: Path) -> None:
    server, index, rows = mini
    near = fetch(server, index, gap_bytes=1 << 20).dry_run()
    assert near.requests == FILES
    assert near.request_bytes > near.record_bytes
    assert fetch(server, index, gap_bytes=1 << 20, range_bytes=1500).dry_run().requests > FILES
    fetch(server, index, gap_bytes=1 << 20).run()
    assert sorted(read_urls(tmp_path / "cc")) == sorted(row["url"] for row in chinese(rows))


def test_corrupt_missing_and_wrong_ranges_are_quarantined(mini: Any, fetch: Any, tmp_path: Path) -> None:
    server, index, rows = mini
    wanted = chinese(rows)
    names = sorted(server.files)
    first, second = (row for row in wanted[:2])
    data = bytearray(server.files[names[0]])
    data[first["warc_record_offset"] + 40] ^= 0xFF
    server.files[names[0]] = bytes(data)
    last = [row for row in wanted if row["warc_filename"] == names[1]][-1]
    server.files[names[1]] = server.files[names[1]][: last["warc_record_offset"] + 30]  # the file ends early
    del server.files[names[2]]
    summary = fetch(server, index, max_tries=2).run()
    gone = sum(row["warc_filename"] == names[2] for row in wanted)
    assert summary["quarantined"] == {"corrupt_gzip": 1, "not_found": gone, "short_range": 1}
    assert summary["stored"] == len(wanted) - gone - 2
    listed = [
        row for name in summary["quarantine"] for row in pq.read_table(tmp_path / "cc" / "work" / name).to_pylist()
    ]
    assert first["url"] in {row["url"] for row in listed if row["reason"] == "corrupt_gzip"}
    assert second["url"] in read_urls(tmp_path / "cc")


def test_transient_failures_are_tried_again_with_growing_waits(mini: Any, fetch: Any) -> None:
    server, index, _ = mini
    server.failures = [503, 500, 403, 429]
    PAUSES.clear()
    summary = fetch(server, index, connections=1).run()
    assert summary["quarantined"] == {}
    assert [round(pause / 2**number, 3) for number, pause in enumerate(PAUSES)] == [1.0] * 4
    assert summary["requests"] == len(server.sent) + 4


def test_a_rerun_fetches_nothing(mini: Any, fetch: Any) -> None:
    server, index, _ = mini
    first = fetch(server, index).run()
    count = len(server.sent)
    assert fetch(server, index).run() == first
    assert len(server.sent) == count


def test_an_interrupted_task_goes_on_behind_its_last_range(mini: Any, fetch: Any, tmp_path: Path) -> None:
    server, index, rows = mini
    job = fetch(server, index, connections=1)
    run = job.engine.run

    def interrupted(task: Any, work: Any, items: Any, on_report: Any, on_progress: Any) -> None:
        def announce(progress: Any) -> None:
            if len(server.sent) >= 5:
                raise KeyboardInterrupt

        task.run(items[0], "first", Isolation(), announce)

    job.engine.run = interrupted
    with pytest.raises(KeyboardInterrupt):
        job.run()
    assert list((tmp_path / "cc").glob("warc/*")) == []
    job.engine.run = run
    fetch(server, index, connections=1).run()
    assert len(server.sent) == len({(name, start) for name, start, _ in server.sent})
    assert sorted(read_urls(tmp_path / "cc")) == sorted(row["url"] for row in chinese(rows))


def test_selection_by_host_pattern_language_and_count(mini: Any, fetch: Any) -> None:
    server, index, rows = mini
    hosts = fetch(server, index, hosts=["site1.*"]).dry_run()
    assert hosts.records == sum(row["url_host_name"] == "site1.example" for row in chinese(rows))
    assert fetch(server, index, url_pattern="/f1/").dry_run().records == len(chinese(rows)) // FILES
    assert fetch(server, index, max_records=4).dry_run().records == 4
    anywhere = [row for row in rows if "zho" in (row["content_languages"] or "")]
    assert fetch(server, index, any_language=True).dry_run().records > len(chinese(rows))
    assert fetch(server, index, any_language=True).dry_run().records <= len(anywhere)


def test_an_index_without_the_columns_is_one_sentence(tmp_path: Path, mini: Any, fetch: Any) -> None:
    server, _, _ = mini
    pq.write_table(pa.table({"x": [1]}), tmp_path / "other.parquet")
    with pytest.raises(ConfigError, match="columnar index"):
        fetch(server, tmp_path / "other.parquet").dry_run()
    with pytest.raises(ConfigError, match="names nothing"):
        fetch(server, None).dry_run()


def test_members_are_checked() -> None:
    url, member = record(1, 1)
    assert why_unsound(member, len(member), url) is None
    assert why_unsound(member[:-1], len(member), url) == "short_range"
    assert why_unsound(member[:-4], len(member) - 4, url) == "not_one_member"
    assert why_unsound(member + member, 2 * len(member), url) == "not_one_member"
    assert why_unsound(member, len(member), "http://other.example/") == "another_record"
    assert why_unsound(b"x" * 9, 9, url) == "corrupt_gzip"
    text = gzip.compress(b"hello")
    assert why_unsound(text, len(text), url) == "not_a_record"


@pytest.mark.parametrize("name", ["../etc/passwd", "/etc/passwd", "http://evil.example/x", "a/../../b", ""])
def test_file_names_of_the_index_are_not_trusted(name: str, mini: Any, fetch: Any) -> None:
    server, index, rows = mini
    changed = [row | {"warc_filename": name} for row in rows[:3]]
    path = index.parent / "evil.parquet"
    pq.write_table(pa.Table.from_pylist(changed), path)
    summary = fetch(server, path).run()
    assert set(summary["quarantined"]) == {"unsafe_filename"}
    assert server.sent == []
