"""What a crawl may not fetch is refused, counted and told, and the server's log shows that it was not fetched."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from crawl_server import Server
from crawl_site import ROBOTS, Site
from inline_crawl import SMALL, Run

from corpus.config.crawl import CrawlSettings
from corpus.errors import ConfigError
from pipelines.crawl.rounds import Crawl


def test_inner_addresses_are_refused_and_reported(crawl: Run) -> None:
    with Server(Site(1, 1)) as server:
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


def test_links_that_are_not_followed_are_counted_with_examples(crawl: Run) -> None:
    front = "http://h00.crawl.example/"
    sitemaps = (200, "Sitemap: file:///srv/map.xml\nSitemap: http://10.1.2.3/map.xml\n")
    with Server(Site(2, 1, robots=ROBOTS | {0: sitemaps})) as server:
        summary = crawl(server, **SMALL)
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


def test_a_robots_txt_that_fails_for_a_while_leaves_the_known_rules_in_force(crawl: Run) -> None:
    with Server(Site(2, 4)) as server:
        seeds = ["http://h01.crawl.example/p/0.html", "http://h01.crawl.example/private/1"]
        crawl(server, seeds, robots_max_age=0.01, max_pages=1)
        server.site.robots[1] = (503, "")
        time.sleep(0.05)
        summary = crawl(server, seeds, robots_max_age=0.01)
        assert summary["pages"] == 4
        assert summary["reasons"] == {"refused:robots": 1}
        assert not any(request.target == "/private/1" for request in server.site.log)
