"""Every engine crawls the same site to the same documents, and reservations go with the documents."""

from __future__ import annotations

from pathlib import Path

import pytest
from crawl_server import Server
from crawl_site import Site
from inline_crawl import SMALL, InlineEngine
from rich.console import Console

from corpus.config.build import BuildConfig, RunSettings
from corpus.config.crawl import CrawlSettings
from pipelines.apply import apply_steps
from pipelines.crawl.rounds import Crawl
from pipelines.engines.registry import ENGINES, make_engine

Document = tuple[str, str, tuple[str, ...]]
# Three tasks a round at least, so that an engine has something to spread.
CHANGES = {
    "min_delay": 0.01, "delay_factor": 0.0, "delay_jitter": 0.0, "retry_seconds": 0.05, "read_seconds": 5.0,
    "hosts_per_task": 3, "reservations": ["noindex"], **SMALL,
}  # fmt: skip


def documents(crawled: Path) -> dict[str, Document]:
    """Return what decode and extract make of the WARC files: URL, text and reservations by doc_key."""
    config = BuildConfig.model_validate({"input": {"paths": [str(crawled / "warc")]}})
    found: dict[str, Document] = {}
    for row in apply_steps(["extract"], config):
        if "text" in row:
            assert row["doc_key"] not in found
            found[row["doc_key"]] = (row["url"], row["text"], tuple(row["opt_out"]))
    return found


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Document]:
    output = tmp_path_factory.mktemp("reference")
    with Server(Site(9, 12)) as server:
        settings = CrawlSettings.model_validate(server.settings(**CHANGES))
        crawl = Crawl(settings, str(output), InlineEngine(), Console(quiet=True))  # type: ignore[arg-type]
        crawl.run(server.site.seeds())
    return documents(output)


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) for name in ENGINES])
def test_every_engine_crawls_to_the_same_documents(name: str, reference: dict[str, Document], tmp_path: Path) -> None:
    engine = make_engine(RunSettings.model_validate({"engine": name, "workers": 2}))
    try:
        with Server(Site(9, 12)) as server:
            settings = CrawlSettings.model_validate(server.settings(**CHANGES))
            Crawl(settings, str(tmp_path), engine, Console(quiet=True)).run(server.site.seeds())
            broken = [one for one in server.site.log if server.site.forbidden(one.host, one.target)]
    finally:
        engine.close()
    # What is reserved may be fetched here (CHANGES): robots.txt alone forbids.
    assert {one.target for one in broken} <= {"/reserved/1", "/noai/1"}
    assert documents(tmp_path) == reference
    assert sum("/p/" in url for url, _, _ in reference.values()) == 8 * 12


def test_a_reservation_of_the_whole_site_reaches_the_document(reference: dict[str, Document]) -> None:
    """Made by tdmrep.json and ai.txt, carried by a WARC header, merged with those of header and page."""
    stated = {url: opt_out for url, _, opt_out in reference.values() if url.startswith("http://h08.")}
    assert stated["http://h08.crawl.example/reserved/1"] == ("tdm-reservation",)
    assert stated["http://h08.crawl.example/noai/1"] == ("ai.txt",)
    assert stated["http://h08.crawl.example/tagged"] == ("noai",)
    assert stated["http://h08.crawl.example/"] == ()
