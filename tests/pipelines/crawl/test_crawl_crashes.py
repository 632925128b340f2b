"""A crawl that is killed, or whose worker dies of a page, goes on and stores no page twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest
from crawl_server import Server
from crawl_site import Site
from crawled_files import documents, records, requests
from inline_crawl import SMALL, Run

from pipelines.crawl import host

CRAWL = """
import sys, orjson
sys.path.insert(0, sys.argv[1])
from inline_crawl import InlineEngine
from corpus.config.crawl import CrawlSettings
from pipelines.crawl.rounds import Crawl
from rich.console import Console
given = orjson.loads(sys.argv[2])
Crawl(CrawlSettings.model_validate(given["settings"]), given["output"], InlineEngine(), Console(quiet=True)).run(given["seeds"])
"""


@pytest.mark.slow
def test_kill_at_random_moments(tmp_path: Path) -> None:
    draw = random.Random(7)
    with Server(Site(2, 30)) as server:
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


def test_a_page_that_kills_its_worker_is_kept_without_links(
    tmp_path: Path, crawl: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deadly(body: bytes, url: str, fields: Any, token: str) -> Any:
        if url.endswith("/p/1.html"):
            raise MemoryError
        return real(body, url, fields, token)

    real = host.read_page
    monkeypatch.setattr(host, "read_page", deadly)
    with Server(Site(1, 6)) as server:
        seeds = ["http://h00.crawl.example/p/0.html"]
        for _ in range(2):
            with pytest.raises(MemoryError):
                crawl(server, seeds)
        assert crawl(server, seeds)["pages"] == 4  # its links, pages 3 and 4, are not known
        assert "http://h00.crawl.example/p/1.html" in documents(tmp_path / "crawl")
