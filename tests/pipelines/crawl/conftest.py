"""The loopback site of the benchmarks, a small one, and crawls of it in this process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from corpus.config.crawl import CrawlSettings
from pipelines.crawl.rounds import Crawl

# pytest's importlib mode leaves test folders off the path; modules that tests share lie beside them.
sys.path.insert(0, str(Path(__file__).parent))

from crawl_server import Server
from crawl_site import Site
from inline_crawl import FAST, InlineEngine, Run


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
