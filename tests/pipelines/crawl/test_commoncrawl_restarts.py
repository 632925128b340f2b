"""Builds from Common Crawl that are interrupted, changed and cleaned: nothing is selected or fetched twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import orjson
import pytest
import yaml
from commoncrawl_builds import Configure, Mini, RecordingEngine, build, documents, settings
from miniature_common_crawl import chinese

from corpus.storage import Store
from pipelines.clean import clean


def test_a_build_that_dies_after_every_task_hands_none_to_the_engine_twice(mini: Mini, configure: Configure) -> None:
    server, _ = mini
    reference = build(configure("reference", settings(server)))
    count = len(server.ranges())
    server.sent.clear()
    config = configure("disturbed", settings(server))
    handed: list[tuple[str, str]] = []
    for _ in range(100):
        engine = RecordingEngine(config, lives=1)
        try:
            summary = build(config, engine)
        except KeyboardInterrupt:
            continue
        finally:
            handed += engine.handed
        break
    assert len(handed) == len(set(handed))
    assert {"select", "ranges", "ingest", "publish"} <= {name for name, _ in handed}
    assert len(server.ranges()) == count
    assert summary["root_hash"] == reference["root_hash"]
    finished = RecordingEngine(config)
    assert build(config, finished)["root_hash"] == reference["root_hash"]
    assert finished.handed == []
    assert len(server.ranges()) == count


def test_a_changed_selection_reads_its_own_records_and_fetches_only_what_is_new(
    mini: Mini, configure: Configure
) -> None:
    server, rows = mini
    build(configure("out", settings(server, url_pattern="/f0/")))
    first = set(server.ranges())
    narrow = configure("out", settings(server, url_pattern="/f1/"))
    build(narrow)
    assert {row["path"] for row in documents(narrow)} == {
        row["warc_filename"] for row in chinese(rows) if "/f1/" in row["url"]
    }
    before = len(server.ranges())
    build(configure("out", settings(server, url_pattern="/f0/")))
    assert len(server.ranges()) == before
    assert first <= set(server.ranges())


def test_clean_keeps_what_the_build_stands_on_and_empties_what_holds_text(
    mini: Mini, configure: Configure, tmp_path: Path
) -> None:
    server, _ = mini
    build(configure("out", settings(server, url_pattern="/f0/")))
    config = configure("out", settings(server, url_pattern="/f1/"))
    root = build(config)["root_hash"]
    crawl = Path(config.output) / "crawl"
    assert crawl.stat().st_mode & 0o077 == 0
    summary = orjson.loads((crawl / "commoncrawl.json").read_bytes())
    named = {one["path"] for one in summary["warcs"]}
    assert {f"warc/{path.name}" for path in crawl.glob("warc/*")} > named
    clean(Store(config.output))
    assert {f"warc/{path.name}" for path in crawl.glob("warc/*")} == named
    asked = len(server.ranges())
    assert build(config)["root_hash"] == root
    assert len(server.ranges()) == asked
    clean(Store(config.output), intermediates=True)
    assert list(crawl.glob("warc/*")) == []
    assert build(config)["root_hash"] == root
    assert len(server.ranges()) > asked


@pytest.mark.slow
def test_a_build_killed_at_any_moment_ends_with_the_same_root(mini: Mini, configure: Configure, tmp_path: Path) -> None:
    """``kill -9`` of the whole process group while the index is read, ranges are fetched, documents are built."""
    server, _ = mini
    reference = build(configure("reference", settings(server)))
    asked = sorted(server.ranges())
    config = configure("killed", settings(server), run={"workers": 2})
    path = tmp_path / "killed.yaml"
    path.write_text(yaml.safe_dump(config.model_dump(mode="json")), encoding="utf-8")
    command = [sys.executable, "-m", "pipelines.cli", "build", "-c", str(path)]
    server.sent.clear()
    rng = random.Random(11)
    strikes = 0
    for goal in (1, 4, 9, len(asked)):
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        while process.poll() is None and len(set(server.ranges())) < goal:
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.05))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            strikes += 1
        process.wait()
    assert strikes >= 2
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert orjson.loads((Path(config.output) / "build.json").read_bytes())["root_hash"] == reference["root_hash"]
    assert sorted(set(server.ranges())) == asked
    in_flight = 2 * config.input.commoncrawl.connections  # of two workers, at each strike
    assert len(server.ranges()) <= len(asked) + strikes * in_flight
