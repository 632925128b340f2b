"""Builds whose source is the miniature Common Crawl, in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from miniature_common_crawl import CRAWL, RangeServer
from rich.console import Console

from corpus.config.build import BuildConfig
from corpus.shards.reader import open_corpus, read_corpus
from pipelines.build import Build
from pipelines.engines.local import LocalEngine
from pipelines.passes.task import Isolation, run_and_commit

Rows = list[dict[str, Any]]
Mini = tuple[RangeServer, Rows]
Configure = Callable[..., BuildConfig]


class RecordingEngine(LocalEngine):
    """Runs tasks in this process, writes down what it is handed, and dies in front of a task when its lives are used up."""

    def __init__(self, config: BuildConfig, lives: int | None = None) -> None:
        super().__init__(config.run)
        self.lives = lives
        self.handed: list[tuple[str, str]] = []

    def run(self, task: Any, work: Any, items: Any, on_report: Any, on_progress: Any) -> None:
        for item in items:
            if self.lives is not None and len(self.handed) >= self.lives:
                raise KeyboardInterrupt
            self.handed.append((task.name, item.fingerprint))
            on_report(item, run_and_commit(task, work, item, Isolation(), lambda progress: None))


def settings(server: RangeServer, **changes: Any) -> dict[str, Any]:
    small = {"gap_bytes": 0, "task_bytes": 6000, "connections": 1}
    return {"crawls": [CRAWL], "data": server.url} | small | changes


def build(config: BuildConfig, engine: RecordingEngine | None = None) -> dict[str, Any]:
    Build(config, engine or RecordingEngine(config), Console(quiet=True)).run()
    summary: dict[str, Any] = orjson.loads((Path(config.output) / "build.json").read_bytes())
    return summary


def shards(config: BuildConfig) -> list[bytes]:
    manifest = open_corpus(config.output)
    return [manifest.store.read_bytes(shard["path"]) for shard in manifest.shards()]


def documents(config: BuildConfig) -> Rows:
    return [row for batch in read_corpus(open_corpus(config.output)) for row in batch.to_pylist()]
