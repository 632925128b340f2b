"""Crawls of a small loopback site, and the miniature Common Crawl, both in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from corpus.config.build import BuildConfig
from corpus.config.commoncrawl import CommonCrawlSettings
from corpus.config.crawl import CrawlSettings
from pipelines.crawl.commoncrawl import CommonCrawl
from pipelines.crawl.rounds import Crawl

# pytest's importlib mode leaves test folders off the path; modules that tests share lie beside them.
sys.path.insert(0, str(Path(__file__).parent))

from commoncrawl_fetches import NoPause
from crawl_server import Server
from crawl_site import Site
from inline_crawl import FAST, InlineEngine, Run
from miniature_common_crawl import CRAWL, RangeServer
from miniature_common_crawl import served as served_common_crawl


@pytest.fixture
def inline_engine() -> InlineEngine:
    return InlineEngine()


@pytest.fixture
def served() -> Iterator[Server]:
    with Server(Site(10, 8)) as server:
        yield server


@pytest.fixture
def crawl(tmp_path: Path) -> Run:
    def run(server: Server, seeds: list[str] | None = None, output: str = "crawl", **changes: Any) -> dict[str, Any]:
        settings = CrawlSettings.model_validate(server.settings(**(FAST | changes)))
        task = Crawl(settings, str(tmp_path / output), InlineEngine(), Console(quiet=True))  # type: ignore[arg-type]
        return task.run(server.site.seeds() if seeds is None else seeds)

    return run


@pytest.fixture
def mini() -> Iterator[tuple[RangeServer, list[dict[str, Any]]]]:
    """The miniature Common Crawl and the rows of its index."""
    with served_common_crawl() as (server, rows):
        yield server, rows


@pytest.fixture
def configure(tmp_path: Path) -> Callable[..., BuildConfig]:
    def make(output: str, commoncrawl: dict[str, Any] | None, **sections: Any) -> BuildConfig:
        source = {"source": "commoncrawl", "commoncrawl": commoncrawl} if commoncrawl is not None else {}
        tree = {
            "input": source | sections.pop("input", {}),
            "output": output if "://" in output else str(tmp_path / output),
            "publish": {"shard_bytes": 1 << 16, "valid_share": 0.2},
            "scrub": {"enabled": False},
            "tokenise": False,
            "run": {"workers": 1},
        }
        return BuildConfig.model_validate(tree | sections)

    return make


@pytest.fixture
def indexed(
    mini: tuple[RangeServer, list[dict[str, Any]]], tmp_path: Path
) -> tuple[RangeServer, Path, list[dict[str, Any]]]:
    """The miniature, and a local copy of its index between the two."""
    server, rows = mini
    index = tmp_path / "index" / f"crawl={CRAWL}" / "subset=warc"
    index.mkdir(parents=True)
    for name, data in server.files.items():
        if name.endswith(".parquet"):
            (index / name.rpartition("/")[2]).write_bytes(data)
    return server, tmp_path / "index", rows


@pytest.fixture
def pauses() -> list[float]:
    """The waits that a fetch asked for."""
    return []


@pytest.fixture
def fetch(tmp_path: Path, inline_engine: Any, pauses: list[float]) -> Any:
    def make(server: RangeServer, index: Path | None, **changes: Any) -> CommonCrawl:
        settings = CommonCrawlSettings.model_validate(
            {"index": [str(index)] if index else [], "data": server.url, "gap_bytes": 0} | changes
        )
        return CommonCrawl(settings, str(tmp_path / "cc"), inline_engine, Console(quiet=True), clock=NoPause(pauses))

    return make
