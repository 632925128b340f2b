"""The example site as a web server, and the crawl of it that `make corpus` begins with."""

from __future__ import annotations

import hashlib
import http.client
import importlib
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from fastwarc.warc import ArchiveIterator as FastIterator
from warcio.archiveiterator import ArchiveIterator

from corpus.config.input import InputSettings
from corpus.reading import plan_splits, read_split
from corpus.reading.digests import DigestCache

SITE = Path(__file__).resolve().parents[2] / "examples" / "site"


@pytest.fixture(scope="module")
def serve() -> Iterator[Any]:
    """The module of the server; its neighbours have common names, so they are forgotten afterwards."""
    known = set(sys.modules)
    sys.path.insert(0, str(SITE))
    try:
        yield importlib.import_module("serve")
    finally:
        sys.path.remove(str(SITE))
        for name in set(sys.modules) - known:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(SITE)):
                del sys.modules[name]


@pytest.fixture(scope="module")
def server(serve: Any) -> Iterator[Any]:
    with serve.Server(serve.ExampleSite()) as running:
        yield running


def ask(server: Any, host: str, target: str) -> tuple[int, dict[str, str], bytes, bool]:
    """Return status, headers, body, and whether the body ended before the length that was announced."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.request("GET", target, headers={"Host": host})
        answer = connection.getresponse()
        try:
            body, cut = answer.read(), False
        except http.client.IncompleteRead as error:
            body, cut = error.partial, True
        return answer.status, dict(answer.getheaders()), body, cut
    finally:
        connection.close()


def test_answers_are_those_of_the_archive(serve: Any, server: Any) -> None:
    site = serve.ExampleSite()
    for response in site.responses[::20]:
        status, headers, body, cut = ask(server, *serve.address(response.url))
        assert status == response.status
        assert headers["Content-Type"] == response.content_type
        assert headers.get("Content-Encoding", "") == response.content_encoding
        assert not cut
        assert body == response.payload()


def test_broken_pages_are_broken_on_the_wire(server: Any) -> None:
    host = "news.jiangyuan.example"
    for path in ("cut-0.html", "cut-gzip.html", "bad-length.html"):
        status, headers, body, cut = ask(server, host, f"/broken/{path}")
        assert (status, cut) == (200, True)
        assert 0 < len(body) < int(headers["Content-Length"])
    assert ask(server, host, "/broken/empty-0.html")[2] == b""


def test_robots_names_a_sitemap_of_every_page_of_the_host(serve: Any, server: Any) -> None:
    site = serve.ExampleSite()
    for one in site.sites.values():
        _, _, robots, _ = ask(server, one.host, "/robots.txt")
        assert f"Sitemap: {one.origin}/sitemap.xml".encode() in robots
        _, _, listed, _ = ask(server, one.host, "/sitemap.xml")
        mine = [answer for answer in site.responses if answer.url.startswith(f"{one.origin}/")]
        pages = [answer.url for answer in mine if answer.content_type.startswith("text/html")]
        assert all(f"<loc>{url.replace('&', '&amp;')}</loc>".encode() in listed for url in pages)
    assert ask(server, "nobody.example", "/")[0] == 404


def records(warc: Path) -> Iterator[dict[str, Any]]:
    settings = InputSettings(paths=[str(warc)])
    for split in plan_splits(settings, DigestCache()).splits:
        for batch in read_split(split, settings):
            yield from batch.records.to_pylist()


@pytest.mark.slow
def test_two_crawls_are_the_same_files_and_hold_the_archive_s_pages(tmp_path: Path) -> None:
    for name in ("first", "second"):
        subprocess.run([sys.executable, str(SITE / "crawl.py"), str(tmp_path / name)], check=True, capture_output=True)
    first, second = (
        {path.name: hashlib.sha256(path.read_bytes()).digest() for path in (tmp_path / name / "crawl/warc").iterdir()}
        for name in ("first", "second")
    )
    assert first == second

    for path in (tmp_path / "first/crawl/warc").iterdir():
        with path.open("rb") as stream:
            kinds = Counter(record.rec_type for record in ArchiveIterator(stream, check_digests="raise"))
        with path.open("rb") as stream:
            sound = [record.verify_block_digest() for record in FastIterator(stream, parse_http=False)]
        assert all(sound)
        assert len(sound) == kinds.total()

    subprocess.run([sys.executable, str(SITE / "build.py"), str(tmp_path)], check=True, capture_output=True)
    crawled, archived = (
        {row["url"]: (row["payload"], row["http_content_type"], row["http_transfer_encoding"]) for row in records(warc)}
        for warc in (tmp_path / "first/crawl/warc", tmp_path / "example.warc.gz")
    )
    damaged = "http://news.jiangyuan.example/broken/bad-length.html"  # by its record's length, which a crawl gets right
    assert crawled.pop(damaged)
    assert crawled == archived

    summary = orjson.loads((tmp_path / "first/crawl/crawl.json").read_bytes())
    assert summary["urls"].keys() == {"fetched", "refused"}
    assert summary["reasons"].keys() == {"fetched:redirect", "refused:robots"}
