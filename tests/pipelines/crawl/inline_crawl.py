"""Crawls in this process, fast ones over few pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pipelines.passes.task import Isolation, run_and_commit

FAST = {"min_delay": 0.02, "delay_factor": 0.0, "delay_jitter": 0.0, "retry_seconds": 0.05, "read_seconds": 3.0}
SMALL = {"trap_pages": 4, "max_redirects": 3, "max_path_segments": 4}
Run = Callable[..., dict[str, Any]]


class InlineEngine:
    """Runs items one after the other in this process."""

    name = "inline"

    def run(self, task: Any, work: Any, items: Any, on_report: Any, on_progress: Any) -> None:
        for item in items:
            on_report(item, run_and_commit(task, work, item, Isolation(), lambda progress: None))
