"""Common Crawl by index, over a miniature on loopback that counts what it sends."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from miniature_common_crawl import CRAWL, FILES, RangeServer, chinese, served
from rich.console import Console

from corpus.config.commoncrawl import CommonCrawlSettings
from corpus.config.input import InputSettings
from corpus.errors import ConfigError, StorageError
from corpus.reading import plan_splits, read_split
from corpus.reading.digests import DigestCache
from corpus.storage import Store
from pipelines.crawl.clock import SystemClock
from pipelines.crawl.commoncrawl import CommonCrawl
from pipelines.crawl.selection import surt_prefixes
from pipelines.passes.task import Isolation


class NoPause(SystemClock):
    """Waits for nothing and writes down what it was asked for."""

    def pause(self, seconds: float) -> None:
        PAUSES.append(seconds)


PAUSES: list[float] = []


@pytest.fixture
def mini(tmp_path: Path) -> Iterator[tuple[RangeServer, Path, list[dict[str, Any]]]]:
    with served() as (server, rows):
        index = tmp_path / "index" / f"crawl={CRAWL}" / "subset=warc"
        index.mkdir(parents=True)
        for name, data in server.files.items():
            if name.endswith(".parquet"):
                (index / name.rpartition("/")[2]).write_bytes(data)
        yield server, tmp_path / "index", rows


@pytest.fixture
def fetch(tmp_path: Path, inline_engine: Any) -> Any:
    def make(server: RangeServer, index: Path | None, **changes: Any) -> CommonCrawl:
        settings = CommonCrawlSettings.model_validate(
            {"index": [str(index)] if index else [], "data": server.url, "gap_bytes": 0} | changes
        )
        return CommonCrawl(settings, str(tmp_path / "cc"), inline_engine, Console(quiet=True), clock=NoPause())

    return make


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


def test_the_dry_run_says_bytes_requests_and_cost_and_fetches_nothing(
    mini: Any, inline_engine: Any, tmp_path: Path
) -> None:
    server, index, rows = mini
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


def test_a_selection_of_nothing_says_where_to_look(mini: Any, inline_engine: Any, tmp_path: Path) -> None:
    _, index, _ = mini
    settings = CommonCrawlSettings(index=[str(index)], hosts=["nobody.example"])
    printed = io.StringIO()
    CommonCrawl(settings, str(tmp_path / "none"), inline_engine, Console(file=printed, width=200)).dry_run()
    assert "no record of the index is wanted" in printed.getvalue()


def test_provenance_names_the_place_of_every_record(mini: Any, fetch: Any, tmp_path: Path) -> None:
    server, index, rows = mini
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


def test_transient_failures_are_tried_again_with_growing_waits(mini: Any, fetch: Any) -> None:
    server, index, _ = mini
    server.failures = [503, 500, 403, 429]
    PAUSES.clear()
    summary = fetch(server, index, connections=1).run()
    assert summary["quarantined"] == {}
    assert len(PAUSES) == 4
    for pause, mean in zip(PAUSES, (0.5, 1.5, 4.5, 13.5), strict=True):
        assert 0.75 * mean <= pause <= 1.25 * mean
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


def test_a_server_that_does_not_answer_stops_the_run_and_costs_no_record(mini: Any, fetch: Any, tmp_path: Path) -> None:
    server, index, rows = mini
    server.failures = [503] * 1000
    with pytest.raises(StorageError, match="after 3 tries"):
        fetch(server, index, max_tries=3, connections=1).run()
    server.failures = []
    assert fetch(server, index).run()["quarantined"] == {}
    assert sorted(read_urls(tmp_path / "cc")) == sorted(row["url"] for row in chinese(rows))


def test_a_crawl_is_found_by_its_name(mini: Any, fetch: Any) -> None:
    server, _, rows = mini
    assert fetch(server, None, crawls=[CRAWL]).dry_run().records == len(chinese(rows))
    assert server.ranges() == []
    assert {name.rpartition("/")[2] for name, _, _ in server.index_reads()} == {"part-0.parquet", "part-1.parquet"}
    with pytest.raises(ConfigError, match="there is no such list"):
        fetch(server, None, crawls=["CC-MAIN-2026-01"]).dry_run()


def test_a_local_copy_is_read_like_the_server(mini: Any, fetch: Any, tmp_path: Path) -> None:
    server, _, rows = mini
    for name, data in server.files.items():
        (tmp_path / "copy" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "copy" / name).write_bytes(data)
    last = chinese(rows)[-1]
    os.truncate(tmp_path / "copy" / last["warc_filename"], last["warc_record_offset"] + 9)
    summary = fetch(server, None, crawls=[CRAWL], data=str(tmp_path / "copy"), max_tries=1).run()
    assert summary["quarantined"] == {"short_range": 1}
    assert summary["stored"] == len(chinese(rows)) - 1
    assert server.sent == []


def test_of_the_index_only_columns_that_decide_are_read_where_nothing_is_wanted(mini: Any, fetch: Any) -> None:
    server, _, _ = mini
    fetch(server, None, crawls=[CRAWL], hosts=["nobody.example"]).dry_run()
    deciding = sum(length for _, _, length in server.index_reads())
    server.sent.clear()
    fetch(server, None, crawls=[CRAWL], hosts=["*.example"]).dry_run()
    assert deciding < sum(length for _, _, length in server.index_reads())


def test_of_the_index_only_row_groups_that_may_hold_a_host_are_read(mini: Any, fetch: Any) -> None:
    server, _, rows = mini
    read = []
    for hosts in (["site1.example"], ["site*"]):
        server.sent.clear()
        found = fetch(server, None, crawls=[CRAWL], hosts=hosts).dry_run().records
        assert found == sum(fnmatch(row["url_host_name"], hosts[0]) for row in chinese(rows))
        read.append(len(server.index_reads()))
    assert read[0] < read[1] * 2 / 3, read


@pytest.mark.parametrize(
    ("host", "prefix"),
    [
        ("*.gov.cn", "cn,gov"),
        ("news.example.com", "com,example,news"),
        ("www.example.com", "com,example"),
        ("www*.example.com", "com,example"),
        ("*ample.com", "com"),
        ("news[0-9].example.com", "com,example"),
        ("a?.example.com", "com,example"),
        ("localhost", "localhost"),
        ("192.168.0.1", None),
        ("example.*", None),
        ("*", None),
        ("*cn", None),
        ("a.b.*.cn", "cn"),
    ],
)
def test_the_surt_keys_of_a_host_begin_with_its_fixed_labels_turned_round(host: str, prefix: str | None) -> None:
    assert surt_prefixes([host]) == (None if prefix is None else [prefix])
    assert surt_prefixes([]) is None
    assert surt_prefixes(["*.edu.cn", "*"]) is None


def test_what_the_dry_run_selected_the_run_does_not_select_again(mini: Any, fetch: Any) -> None:
    server, _, rows = mini
    fetch(server, None, crawls=[CRAWL]).dry_run()
    read = len(server.index_reads())
    assert fetch(server, None, crawls=[CRAWL], connections=1).run()["stored"] == len(chinese(rows))
    assert len(server.index_reads()) == read


@pytest.mark.parametrize("name", ["../etc/passwd", "/etc/passwd", "http://evil.example/x", "a/../../b", ""])
def test_file_names_of_the_index_are_not_trusted(name: str, mini: Any, fetch: Any) -> None:
    server, index, rows = mini
    changed = [row | {"warc_filename": name} for row in rows[:3]]
    path = index.parent / "evil.parquet"
    pq.write_table(pa.Table.from_pylist(changed), path)
    summary = fetch(server, path).run()
    assert set(summary["quarantined"]) == {"unsafe_filename"}
    assert server.sent == []
