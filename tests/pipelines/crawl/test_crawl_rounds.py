"""Whole crawls of the loopback site, judged by the server's own log and by the WARC files."""

from __future__ import annotations

import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

from crawl_server import Server
from crawl_site import Site
from crawled_files import documents, records, requests
from fsspec.implementations.memory import MemoryFileSystem
from inline_crawl import SMALL, InlineEngine, Run
from rich.console import Console

from corpus.config.crawl import CrawlSettings
from pipelines.crawl.rounds import Crawl


def test_a_whole_site(served: Any, crawl: Run, tmp_path: Path) -> None:
    summary = crawl(served, **SMALL)
    seen = requests(served)
    site = served.site

    assert site.expected() - set(seen) == set()
    assert [(url, seen[url]) for url in site.expected() if seen[url] != 1] == []
    assert [request for request in site.log if site.forbidden(request.host, request.target)] == []
    assert {request.agent for request in site.log} == {"wudaobot/1.0 (+https://wudao.example/bot)"}

    # Traps end soon, and what leads nowhere was not asked for.
    per_host = Counter(url.split("/")[2] for url in seen if "/cal/" in url or "/count" in url or "/deep" in url)
    assert max(per_host.values()) <= 3 * (4 + 2)
    assert not any("photo.jpg" in url or "secret" in url for url in seen)
    assert max(seen[f"http://{name}/garbage"] for name in site.names()) <= 4
    assert summary["reasons"]["fetched:decompression_bomb"] == 9
    assert summary["reasons"]["fetched:too_many_redirects"] == 9

    # One request at a time, and the delay between them.
    for name in site.names():
        log = [request for request in site.log if request.host == name]
        for before, after in pairwise(log):
            assert after.began >= before.ended
            assert after.began - before.began >= (0.2 if name.startswith("h05") and len(log) > 3 else 0.02) * 0.9
    flaky = [request for request in site.log if request.target == "/flaky" and request.host == "h00.crawl.example"]
    assert flaky[1].began - flaky[0].began >= 1.0  # Retry-After

    found = records(tmp_path / "crawl")
    stored = Counter(url for kind, url, _ in found if kind == "response")
    assert {url: count for url, count in stored.items() if count > 1} == {"http://h04.crawl.example/robots.txt": 4}
    assert {"request", "response", "metadata", "warcinfo"} == {kind for kind, _, _ in found}
    pages = documents(tmp_path / "crawl")
    assert {url for url in site.expected() if "/p/" in url} <= set(pages)
    assert not any(url.endswith(("/noindex", "/tagged", "/bomb")) for url in pages)


def test_a_second_run_fetches_nothing_and_a_stale_page_is_revisited(crawl: Run, tmp_path: Path) -> None:
    with Server(Site(1, 6)) as server:
        seeds = ["http://h00.crawl.example/p/0.html"]
        first = crawl(server, seeds)
        count = len(server.site.log)
        assert first["pages"] == 6
        assert crawl(server, seeds)["pages"] == 6
        assert len(server.site.log) == count

        crawl(server, seeds, freshness_seconds=0.001, max_pages=12)  # no effect yet: due dates are of the first run
        assert len(server.site.log) == count
        crawl(server, seeds, output="short", freshness_seconds=8, max_pages=6)
        time.sleep(8.2)
        crawl(server, seeds, output="short", freshness_seconds=60, max_pages=12)
        assert Counter(r.status for r in server.site.log[-6:])[304] == 2  # those with an ETag
        kinds = Counter(kind for kind, _, _ in records(tmp_path / "short"))
        assert kinds["revisit"] == 6
        assert len(documents(tmp_path / "short")) == 6


def test_a_changed_page_gets_a_new_response_record(crawl: Run, tmp_path: Path) -> None:
    with Server(Site(1, 2)) as server:
        seeds = ["http://h00.crawl.example/p/0.html"]
        crawl(server, seeds, freshness_seconds=8, max_pages=2)  # longer than a crawl on a busy machine
        time.sleep(8.2)
        server.site.version = 2
        crawl(server, seeds, freshness_seconds=60, max_pages=4)
        kinds = Counter(kind for kind, url, _ in records(tmp_path / "crawl") if url and "/p/" in url)
        assert kinds["response"] == 4
        assert kinds["revisit"] == 0


def test_with_a_record_date_two_crawls_are_the_same_bytes(crawl: Run, tmp_path: Path) -> None:
    seeds = ["http://h00.crawl.example/p/0.html", "http://h01.crawl.example/p/0.html"]
    files = []
    for name in ("first", "second"):
        with Server(Site(2, 5)) as server:
            crawl(server, seeds, output=name, hosts_per_task=1, record_date="2024-06-01T00:00:00Z")
        files.append({path.name: path.read_bytes() for path in (tmp_path / name / "warc").iterdir()})
    assert files[0] == files[1]
    found = [record.rec_headers for _, _, record in records(tmp_path / "first")]
    assert {headers.get_header("WARC-Date") for headers in found} == {"2024-06-01T00:00:00.000000Z"}
    ids = Counter(headers.get_header("WARC-Record-ID") for headers in found)
    assert max(ids.values()) == 1
    assert len(documents(tmp_path / "first")) == 10


def test_an_output_on_an_object_store(inline_engine: InlineEngine) -> None:
    with Server(Site(1, 4)) as server:
        settings = CrawlSettings.model_validate(server.settings(min_delay=0.01, delay_factor=0.0, max_pages=4))
        output = "memory://crawl-rounds"
        summary = Crawl(settings, output, inline_engine, Console(quiet=True)).run(["http://h00.crawl.example/p/0.html"])
        assert summary["pages"] == 4
        stored = [name for name in MemoryFileSystem.store if name.startswith("/crawl-rounds/warc/")]
        assert len(stored) == len(summary["warcs"]) > 1


def test_a_delay_longer_than_a_round_still_makes_progress(crawl: Run) -> None:
    with Server(Site(6, 2)) as server:
        seeds = ["http://h05.crawl.example/p/0.html"]
        summary = crawl(server, seeds, round_seconds=0.1, min_delay=0.3, sitemaps=False, wait_seconds=2)
        assert summary["pages"] == 1
        targets = [request.target for request in server.site.log]
        assert targets == ["/robots.txt", "/.well-known/tdmrep.json", "/ai.txt", "/p/0.html"]
        began = [request.began for request in server.site.log]
        assert all(after - before >= 0.29 for before, after in pairwise(began))
