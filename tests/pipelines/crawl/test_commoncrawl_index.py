"""Common Crawl's columnar index: what is selected, and how little of it is read."""

from __future__ import annotations

import io
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from miniature_common_crawl import CRAWL, FILES, chinese
from rich.console import Console

from corpus.config.commoncrawl import CommonCrawlSettings
from corpus.errors import ConfigError
from pipelines.crawl.commoncrawl import CommonCrawl
from pipelines.crawl.selection import surt_prefixes


def test_a_selection_of_nothing_says_where_to_look(indexed: Any, inline_engine: Any, tmp_path: Path) -> None:
    _, index, _ = indexed
    settings = CommonCrawlSettings(index=[str(index)], hosts=["nobody.example"])
    printed = io.StringIO()
    CommonCrawl(settings, str(tmp_path / "none"), inline_engine, Console(file=printed, width=200)).dry_run()
    assert "no record of the index is wanted" in printed.getvalue()


def test_selection_by_host_pattern_language_and_count(indexed: Any, fetch: Any) -> None:
    server, index, rows = indexed
    hosts = fetch(server, index, hosts=["site1.*"]).dry_run()
    assert hosts.records == sum(row["url_host_name"] == "site1.example" for row in chinese(rows))
    assert fetch(server, index, url_pattern="/f1/").dry_run().records == len(chinese(rows)) // FILES
    assert fetch(server, index, max_records=4).dry_run().records == 4
    anywhere = [row for row in rows if "zho" in (row["content_languages"] or "")]
    assert fetch(server, index, any_language=True).dry_run().records > len(chinese(rows))
    assert fetch(server, index, any_language=True).dry_run().records <= len(anywhere)


def test_an_index_without_the_columns_is_one_sentence(tmp_path: Path, indexed: Any, fetch: Any) -> None:
    server, _, _ = indexed
    pq.write_table(pa.table({"x": [1]}), tmp_path / "other.parquet")
    with pytest.raises(ConfigError, match="columnar index"):
        fetch(server, tmp_path / "other.parquet").dry_run()
    with pytest.raises(ConfigError, match="names nothing"):
        fetch(server, None).dry_run()


def test_a_crawl_is_found_by_its_name(indexed: Any, fetch: Any) -> None:
    server, _, rows = indexed
    assert fetch(server, None, crawls=[CRAWL]).dry_run().records == len(chinese(rows))
    assert server.ranges() == []
    assert {name.rpartition("/")[2] for name, _, _ in server.index_reads()} == {"part-0.parquet", "part-1.parquet"}
    with pytest.raises(ConfigError, match="there is no such list"):
        fetch(server, None, crawls=["CC-MAIN-2026-01"]).dry_run()


def test_of_the_index_only_columns_that_decide_are_read_where_nothing_is_wanted(indexed: Any, fetch: Any) -> None:
    server, _, _ = indexed
    fetch(server, None, crawls=[CRAWL], hosts=["nobody.example"]).dry_run()
    deciding = sum(length for _, _, length in server.index_reads())
    server.sent.clear()
    fetch(server, None, crawls=[CRAWL], hosts=["*.example"]).dry_run()
    assert deciding < sum(length for _, _, length in server.index_reads())


def test_of_the_index_only_row_groups_that_may_hold_a_host_are_read(indexed: Any, fetch: Any) -> None:
    server, _, rows = indexed
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


def test_what_the_dry_run_selected_the_run_does_not_select_again(indexed: Any, fetch: Any) -> None:
    server, _, rows = indexed
    fetch(server, None, crawls=[CRAWL]).dry_run()
    read = len(server.index_reads())
    assert fetch(server, None, crawls=[CRAWL], connections=1).run()["stored"] == len(chinese(rows))
    assert len(server.index_reads()) == read


@pytest.mark.parametrize("name", ["../etc/passwd", "/etc/passwd", "http://evil.example/x", "a/../../b", ""])
def test_file_names_of_the_index_are_not_trusted(name: str, indexed: Any, fetch: Any) -> None:
    server, index, rows = indexed
    changed = [row | {"warc_filename": name} for row in rows[:3]]
    path = index.parent / "evil.parquet"
    pq.write_table(pa.Table.from_pylist(changed), path)
    summary = fetch(server, path).run()
    assert set(summary["quarantined"]) == {"unsafe_filename"}
    assert server.sent == []
