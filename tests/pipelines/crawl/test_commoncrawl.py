"""Common Crawl by index, over a miniature on loopback that counts what it sends: ranges of records and their failures."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from commoncrawl_fetches import read_urls
from miniature_common_crawl import CRAWL, FILES, chinese
from rich.console import Console

from corpus.config.commoncrawl import CommonCrawlSettings
from corpus.errors import StorageError
from corpus.storage import Store
from pipelines.crawl.commoncrawl import CommonCrawl
from pipelines.passes.task import Isolation


def test_only_the_bytes_of_chinese_records_are_requested(indexed: Any, fetch: Any, tmp_path: Path) -> None:
    server, index, rows = indexed
    wanted = chinese(rows)
    estimate = fetch(server, index).dry_run()
    assert server.sent == []
    summary = fetch(server, index).run()
    assert sum(length for _, _, length in server.sent) == sum(row["warc_record_length"] for row in wanted)
    assert estimate.record_bytes == estimate.request_bytes == summary["fetched_bytes"]
    assert estimate.requests == summary["requests"] == len(server.sent)
    assert sorted(read_urls(tmp_path / "cc")) == sorted(row["url"] for row in wanted)


def test_the_dry_run_says_bytes_requests_and_cost_and_fetches_nothing(
    indexed: Any, inline_engine: Any, tmp_path: Path
) -> None:
    server, index, rows = indexed
    wanted = chinese(rows)
    said = {}
    for data in (server.url, "s3://commoncrawl"):
        settings = CommonCrawlSettings(index=[str(index)], data=data, gap_bytes=0, price_per_1000_requests=1_000.0)
        printed = io.StringIO()
        console = Console(file=printed, width=200)
        CommonCrawl(settings, str(tmp_path / "none"), inline_engine, console).dry_run()
        said[data] = printed.getvalue()
    assert f"records  {len(wanted)} in {FILES} WARC files" in said[server.url]
    assert "0.00 USD (HTTPS is free of charge)" in said[server.url]
    requests = said["s3://commoncrawl"].split("requests  ")[1].split(" ")[0]
    assert f"about {int(requests):,}.00 USD" in said["s3://commoncrawl"]
    assert {path.name for path in (tmp_path / "none").iterdir()} == {"work"}
    assert server.sent == []


def test_provenance_names_the_place_of_every_record(indexed: Any, fetch: Any, tmp_path: Path) -> None:
    server, index, rows = indexed
    summary = fetch(server, index, task_bytes=2000).run()
    output = Store(str(tmp_path / "cc"))
    assert len(summary["warcs"]) > 3
    found = [row for name in summary["provenance"] for row in pq.read_table(output.path(name)).to_pylist()]
    assert len(found) == len(chinese(rows))
    for row in found:
        assert row["crawl"] == CRAWL
        source = gzip.decompress(server.files[row["source_filename"]][row["source_offset"] :][: row["length"]])
        inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
        ours = inflater.decompress(output.read_bytes(row["warc"])[row["warc_offset"] :])
        assert inflater.eof
        place = f"{row['source_filename']} {row['source_offset']} {row['length']}"
        assert ours == b"WARC/1.0\r\nWUDAO-Source: %s\r\nWUDAO-Source-Version: %s" % (place.encode(), source)
        assert row["url"].encode() in source


def test_near_ranges_are_coalesced_and_far_ones_are_not(indexed: Any, fetch: Any, tmp_path: Path) -> None:
    server, index, rows = indexed
    near = fetch(server, index, gap_bytes=1 << 20).dry_run()
    assert near.requests == FILES
    assert near.request_bytes > near.record_bytes
    assert fetch(server, index, gap_bytes=1 << 20, range_bytes=1500).dry_run().requests > FILES
    fetch(server, index, gap_bytes=1 << 20).run()
    assert sorted(read_urls(tmp_path / "cc")) == sorted(row["url"] for row in chinese(rows))


def test_corrupt_missing_and_wrong_ranges_are_quarantined(indexed: Any, fetch: Any, tmp_path: Path) -> None:
    server, index, rows = indexed
    wanted = chinese(rows)
    names = sorted(name for name in server.files if name.endswith(".warc.gz"))
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


def test_transient_failures_are_tried_again_with_growing_waits(indexed: Any, fetch: Any, pauses: list[float]) -> None:
    server, index, _ = indexed
    server.failures = [503, 500, 403, 429]
    summary = fetch(server, index, connections=1).run()
    assert summary["quarantined"] == {}
    assert len(pauses) == 4
    for pause, mean in zip(pauses, (0.5, 1.5, 4.5, 13.5), strict=True):
        assert 0.75 * mean <= pause <= 1.25 * mean
    assert summary["requests"] == len(server.sent) + 4


def test_a_rerun_fetches_nothing(indexed: Any, fetch: Any) -> None:
    server, index, _ = indexed
    first = fetch(server, index).run()
    count = len(server.sent)
    assert fetch(server, index).run() == first
    assert len(server.sent) == count


def test_an_interrupted_task_goes_on_behind_its_last_range(indexed: Any, fetch: Any, tmp_path: Path) -> None:
    server, index, rows = indexed
    job = fetch(server, index, connections=1)
    run = job.engine.run

    def interrupted(task: Any, work: Any, items: Any, on_report: Any, on_progress: Any) -> None:
        if task.name != "ranges":
            run(task, work, items, on_report, on_progress)
            return

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


def test_a_server_that_does_not_answer_stops_the_run_and_costs_no_record(
    indexed: Any, fetch: Any, tmp_path: Path
) -> None:
    server, index, rows = indexed
    server.failures = [503] * 1000
    with pytest.raises(StorageError, match="after 3 tries"):
        fetch(server, index, max_tries=3, connections=1).run()
    server.failures = []
    assert fetch(server, index).run()["quarantined"] == {}
    assert sorted(read_urls(tmp_path / "cc")) == sorted(row["url"] for row in chinese(rows))


def test_a_local_copy_is_read_like_the_server(indexed: Any, fetch: Any, tmp_path: Path) -> None:
    server, _, rows = indexed
    for name, data in server.files.items():
        (tmp_path / "copy" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "copy" / name).write_bytes(data)
    last = chinese(rows)[-1]
    os.truncate(tmp_path / "copy" / last["warc_filename"], last["warc_record_offset"] + 9)
    summary = fetch(server, None, crawls=[CRAWL], data=str(tmp_path / "copy"), max_tries=1).run()
    assert summary["quarantined"] == {"short_range": 1}
    assert summary["stored"] == len(chinese(rows)) - 1
    assert server.sent == []
