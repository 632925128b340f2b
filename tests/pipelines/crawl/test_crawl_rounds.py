"""Whole crawls of the loopback site, judged by the server's own log and by the WARC files."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest
from fastwarc.warc import ArchiveIterator as FastIterator
from fsspec.implementations.memory import MemoryFileSystem
from rich.console import Console
from warcio.archiveiterator import ArchiveIterator

from corpus.config.crawl import CrawlSettings
from corpus.config.input import InputSettings
from corpus.errors import ConfigError
from corpus.reading import plan_splits, read_split
from corpus.reading.digests import DigestCache
from pipelines.crawl import host
from pipelines.crawl.rounds import Crawl

SMALL = {"trap_pages": 4, "max_redirects": 3, "max_path_segments": 4}
Run = Callable[..., dict[str, Any]]


def requests(server: Any) -> Counter[str]:
    return Counter(f"http://{request.host}{request.target}" for request in server.site.log)


def records(output: Path) -> list[tuple[str, str, Any]]:
    """Return (type, URL, record) of every record, digests checked by warcio, blocks by FastWARC."""
    found = []
    for path in sorted((output / "warc").iterdir()):
        assert path.name.endswith(".warc.gz")
        with path.open("rb") as stream:
            mine = []
            for record in ArchiveIterator(stream, check_digests="raise"):
                record.raw_stream.read()
                mine.append((record.rec_type, record.rec_headers.get_header("WARC-Target-URI"), record))
        with path.open("rb") as stream:
            again = [record.verify_block_digest() for record in FastIterator(stream, parse_http=False)]
        assert all(again)
        assert len(again) == len(mine)
        found += mine
    return found


def documents(output: Path) -> dict[str, Any]:
    """Return what ingest reads, by URL."""
    settings = InputSettings(paths=[str(output / "warc")])
    rows = {}
    for split in plan_splits(settings, DigestCache()).splits:
        for batch in read_split(split, settings):
            assert batch.quarantined.num_rows == 0
            for row in batch.records.to_pylist():
                assert row["url"] not in rows
                rows[row["url"]] = row
    return rows


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


def test_a_second_run_fetches_nothing_and_a_stale_page_is_revisited(
    crawl_site: Any, crawl: Run, tmp_path: Path
) -> None:
    with crawl_site.Server(crawl_site.Site(1, 6)) as server:
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


def test_a_changed_page_gets_a_new_response_record(crawl_site: Any, crawl: Run, tmp_path: Path) -> None:
    with crawl_site.Server(crawl_site.Site(1, 2)) as server:
        seeds = ["http://h00.crawl.example/p/0.html"]
        crawl(server, seeds, freshness_seconds=8, max_pages=2)  # longer than a crawl on a busy machine
        time.sleep(8.2)
        server.site.version = 2
        crawl(server, seeds, freshness_seconds=60, max_pages=4)
        kinds = Counter(kind for kind, url, _ in records(tmp_path / "crawl") if url and "/p/" in url)
        assert kinds["response"] == 4
        assert kinds["revisit"] == 0


def test_inner_addresses_are_refused_and_reported(crawl_site: Any, crawl: Run) -> None:
    with crawl_site.Server(crawl_site.Site(1, 1)) as server:
        table = server.settings()["resolve"] | {"inner.test": f"127.0.0.1:{server.port}", "outside.example": "10.0.0.1"}
        seeds = ["http://h00.crawl.example/", "http://inner.test/", "http://2130706433/", "http://[::ffff:127.0.0.1]/"]
        summary = crawl(server, seeds, hosts=["*"], resolve=table, max_depth=1, **SMALL)
        refused = dict(summary["refused_addresses"])
        assert "http://inner.test/" in refused
        assert "http://127.0.0.1/" in refused
        assert "http://127.0.0.1/secret" in refused
        assert "http://outside.example/" in refused
        assert any(url.startswith("http://[::ffff:") for url in refused)
        assert {url: why for url, why in refused.items() if "loopback" not in why and "private" not in why} == {}
        assert summary["reasons"]["refused:address"] == len(refused)
        assert {request.host for request in server.site.log} == {"h00.crawl.example"}


def test_links_that_are_not_followed_are_counted_with_examples(crawl_site: Any, crawl: Run) -> None:
    front = "http://h00.crawl.example/"
    crawl_site._ROBOTS[0], kept = (
        (200, "Sitemap: file:///srv/map.xml\nSitemap: http://10.1.2.3/map.xml\n"),
        crawl_site._ROBOTS[0],
    )
    try:
        with crawl_site.Server(crawl_site.Site(2, 1)) as server:
            summary = crawl(server, **SMALL)
    finally:
        crawl_site._ROBOTS[0] = kept
    found = {reason: counts["links"] for reason, counts in summary["refused_links"].items()}
    # Two front pages with the same links each, one redirect and two sitemaps of the first host.
    assert found["scheme:file"] == 2 + 1
    assert found["scheme:javascript"] == found["scheme:mailto"] == 2
    assert found["private_address"] == 2 * 3 + 2 + 1  # decimal, hexadecimal, IPv6-mapped; behind /inside; sitemap
    assert found["out_of_scope"] == found["no_page"] == 2
    examples = summary["refused_links"]["private_address"]["examples"]
    assert ["http://2130706433/", front] in examples
    assert ["http://[::ffff:127.0.0.1]/", front] in examples
    assert ["http://127.0.0.1/secret", f"{front}inside"] in examples
    assert ["file:///srv/map.xml", f"{front}robots.txt"] in summary["refused_links"]["scheme:file"]["examples"]
    assert {request.host for request in server.site.log} == set(server.site.names())


def test_with_a_record_date_two_crawls_are_the_same_bytes(crawl_site: Any, crawl: Run, tmp_path: Path) -> None:
    seeds = ["http://h00.crawl.example/p/0.html", "http://h01.crawl.example/p/0.html"]
    files = []
    for name in ("first", "second"):
        with crawl_site.Server(crawl_site.Site(2, 5)) as server:
            crawl(server, seeds, output=name, hosts_per_task=1, record_date="2024-06-01T00:00:00Z")
        files.append({path.name: path.read_bytes() for path in (tmp_path / name / "warc").iterdir()})
    assert files[0] == files[1]
    found = [record.rec_headers for _, _, record in records(tmp_path / "first")]
    assert {headers.get_header("WARC-Date") for headers in found} == {"2024-06-01T00:00:00.000000Z"}
    ids = Counter(headers.get_header("WARC-Record-ID") for headers in found)
    assert max(ids.values()) == 1
    assert len(documents(tmp_path / "first")) == 10


def test_page_limits(served: Any, crawl: Run) -> None:
    assert crawl(served, max_pages=7)["pages"] <= 7
    served.site.log.clear()
    assert crawl(served, output="shallow", max_depth=0, sitemaps=False)["pages"] == 9
    assert {request.target for request in served.site.log} <= {
        "/", "/robots.txt", "/moved-robots.txt", "/ai.txt", "/.well-known/tdmrep.json",
    }  # fmt: skip


def test_without_contact_nothing_is_fetched(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="contact"):
        Crawl(CrawlSettings(), str(tmp_path), None, None).run(["http://a.example/"])  # type: ignore[arg-type]


CRAWL = """
import sys, orjson
sys.path.insert(0, sys.argv[1])
from conftest import InlineEngine
from corpus.config.crawl import CrawlSettings
from pipelines.crawl.rounds import Crawl
from rich.console import Console
given = orjson.loads(sys.argv[2])
Crawl(CrawlSettings.model_validate(given["settings"]), given["output"], InlineEngine(), Console(quiet=True)).run(given["seeds"])
"""


@pytest.mark.slow
def test_kill_at_random_moments(crawl_site: Any, tmp_path: Path) -> None:
    draw = random.Random(7)
    with crawl_site.Server(crawl_site.Site(2, 30)) as server:
        changes = {"min_delay": 0.03, "delay_factor": 0.0, "delay_jitter": 0.0, "retry_seconds": 0.05, **SMALL}
        given = {
            "settings": server.settings(**changes),
            "output": str(tmp_path / "crawl"),
            "seeds": server.site.seeds(),
        }
        command = [sys.executable, "-c", CRAWL, str(Path(__file__).parent), orjson.dumps(given).decode()]
        for _ in range(3):
            count = len(server.site.log)
            victim = subprocess.Popen(command, start_new_session=True)
            while len(server.site.log) < count + 5 and victim.poll() is None:
                time.sleep(0.01)
            time.sleep(draw.random() * 0.5)
            os.killpg(victim.pid, signal.SIGKILL)
            victim.wait()
            for path in (tmp_path / "crawl" / "warc").glob("*"):
                assert path.name.endswith(".warc.gz")
        subprocess.run(command, check=True)
        seen = requests(server)
        lost = sum(
            count - 1
            for url, count in seen.items()
            if "robots.txt" not in url and "garbage" not in url and "flaky" not in url
        )
        assert lost <= 2 * 3  # one page in flight for each host and kill
        stored = Counter(url for kind, url, _ in records(tmp_path / "crawl") if kind == "response")
        assert {url: count for url, count in stored.items() if count > 1 and not url.endswith(".txt")} == {}
        assert {url for url in server.site.expected() if "/p/" in url} <= set(documents(tmp_path / "crawl"))


def test_an_output_on_an_object_store(crawl_site: Any, inline_engine: Any) -> None:
    with crawl_site.Server(crawl_site.Site(1, 4)) as server:
        settings = CrawlSettings.model_validate(server.settings(min_delay=0.01, delay_factor=0.0, max_pages=4))
        output = "memory://crawl-rounds"
        summary = Crawl(settings, output, inline_engine, Console(quiet=True)).run(["http://h00.crawl.example/p/0.html"])
        assert summary["pages"] == 4
        stored = [name for name in MemoryFileSystem.store if name.startswith("/crawl-rounds/warc/")]
        assert len(stored) == len(summary["warcs"]) > 1


def test_a_robots_txt_that_fails_for_a_while_leaves_the_known_rules_in_force(crawl_site: Any, crawl: Run) -> None:
    with crawl_site.Server(crawl_site.Site(2, 4)) as server:
        seeds = ["http://h01.crawl.example/p/0.html", "http://h01.crawl.example/private/1"]
        crawl(server, seeds, robots_max_age=0.01, max_pages=1)
        crawl_site._ROBOTS[1], kept = (503, ""), crawl_site._ROBOTS[1]
        try:
            time.sleep(0.05)
            summary = crawl(server, seeds, robots_max_age=0.01)
        finally:
            crawl_site._ROBOTS[1] = kept
        assert summary["pages"] == 4
        assert summary["reasons"] == {"refused:robots": 1}
        assert not any(request.target == "/private/1" for request in server.site.log)


def test_a_page_that_kills_its_worker_is_kept_without_links(
    tmp_path: Path, crawl_site: Any, crawl: Run, monkeypatch: Any
) -> None:
    def deadly(body: bytes, url: str, fields: Any, token: str) -> Any:
        if url.endswith("/p/1.html"):
            raise MemoryError
        return real(body, url, fields, token)

    real = host.read_page
    monkeypatch.setattr(host, "read_page", deadly)
    with crawl_site.Server(crawl_site.Site(1, 6)) as server:
        seeds = ["http://h00.crawl.example/p/0.html"]
        for _ in range(2):
            with pytest.raises(MemoryError):
                crawl(server, seeds)
        assert crawl(server, seeds)["pages"] == 4  # its links, pages 3 and 4, are not known
        assert "http://h00.crawl.example/p/1.html" in documents(tmp_path / "crawl")


def test_a_delay_longer_than_a_round_still_makes_progress(crawl_site: Any, crawl: Run) -> None:
    with crawl_site.Server(crawl_site.Site(6, 2)) as server:
        seeds = ["http://h05.crawl.example/p/0.html"]
        summary = crawl(server, seeds, round_seconds=0.1, min_delay=0.3, sitemaps=False, wait_seconds=2)
        assert summary["pages"] == 1
        targets = [request.target for request in server.site.log]
        assert targets == ["/robots.txt", "/.well-known/tdmrep.json", "/ai.txt", "/p/0.html"]
        began = [request.began for request in server.site.log]
        assert all(after - before >= 0.29 for before, after in pairwise(began))
