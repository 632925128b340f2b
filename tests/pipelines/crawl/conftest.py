"""The loopback site of the benchmarks, a small one, and an engine that runs tasks in this process."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from rich.console import Console

from corpus.config.crawl import CrawlSettings
from pipelines.crawl.rounds import Crawl
from pipelines.passes.task import Isolation, run_and_commit

# pytest's importlib mode leaves test folders off the path; miniature_common_crawl lies beside the tests.
sys.path.insert(0, str(Path(__file__).parent))

SITE = Path(__file__).parents[3] / "benchmarks" / "crawl_site.py"
FAST = {"min_delay": 0.02, "delay_factor": 0.0, "delay_jitter": 0.0, "retry_seconds": 0.05, "read_seconds": 3.0}


class InlineEngine:
    """Runs items one after the other in this process."""

    name = "inline"

    def run(self, task: Any, work: Any, items: Any, on_report: Any, on_progress: Any) -> None:
        for item in items:
            on_report(item, run_and_commit(task, work, item, Isolation(), lambda progress: None))


@pytest.fixture
def inline_engine() -> InlineEngine:
    return InlineEngine()


@pytest.fixture(scope="module")
def module_engine() -> InlineEngine:
    return InlineEngine()


@pytest.fixture(scope="session")
def crawl_site() -> ModuleType:
    spec = importlib.util.spec_from_file_location("crawl_site", SITE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["crawl_site"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def served(crawl_site: ModuleType) -> Iterator[Any]:
    with crawl_site.Server(crawl_site.Site(10, 8)) as server:
        yield server


@pytest.fixture
def crawl(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    def run(server: Any, seeds: list[str] | None = None, output: str = "crawl", **changes: Any) -> dict[str, Any]:
        settings = CrawlSettings.model_validate(server.settings(**(FAST | changes)))
        task = Crawl(settings, str(tmp_path / output), InlineEngine(), Console(quiet=True))  # type: ignore[arg-type]
        return task.run(server.site.seeds() if seeds is None else seeds)

    return run
