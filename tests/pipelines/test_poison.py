"""A step that kills its worker on one marked record among a thousand: exactly that record is quarantined."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import orjson
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from corpus.config.build import BuildConfig
from corpus.shards.verify import verify
from corpus.storage import Store
from pipelines.build import Build
from pipelines.engines.registry import make_engine

RECORDS = 1000
MARKED = 637

# Workers import sitecustomize at their start: the one way to give them a deadly step without a place for it in the product.
DEADLY = """
import os, signal, time
import corpus.steps
corpus.steps.STEPS["normalise"] = "deadly_step:Deadly"
"""
STEP = """
import os, signal, time
from corpus.steps.normalise import Normalise

class Deadly(Normalise):
    def apply(self, batch):
        if any("有毒的记录" in text for text in batch.column("text").to_pylist()):
            if {how!r} == "segfault":
                os.kill(os.getpid(), signal.SIGSEGV)
            if {how!r} == "memory":
                held = []
                while True:
                    held.append(bytearray(64 << 20))
                    held[-1][:: 4096] = b"x" * len(held[-1][:: 4096])
            while True:
                time.sleep(1)
        return super().apply(batch)
"""


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["local", "spark", "beam"])
@pytest.mark.parametrize("how", ["segfault", "memory", "loop"])
def test_exactly_the_marked_record_is_quarantined(
    how: str, engine: str, make_config: Callable[..., BuildConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if engine != "local":
        package = {"spark": "pyspark", "beam": "apache_beam"}[engine]
        pytest.importorskip(package, reason=f"the {engine} extra is not installed")
    source = tmp_path / "in.jsonl"
    with source.open("w", encoding="utf-8") as stream:
        for n in range(RECORDS):
            text = f"第{n}条记录：" + "夜里下了一场大雨，院子里的石榴落了一地，谁也没有去捡。" * 3
            text += "这是一条有毒的记录。" if n == MARKED else ""
            stream.write(json.dumps({"id": str(n), "text": text}, ensure_ascii=False) + "\n")
    code = tmp_path / "code"
    code.mkdir()
    (code / "sitecustomize.py").write_text(DEADLY, encoding="utf-8")
    (code / "deadly_step.py").write_text(STEP.format(how=how), encoding="utf-8")
    monkeypatch.syspath_prepend(str(code))
    monkeypatch.setenv("PYTHONPATH", str(code))
    limits = {
        "engine": engine,
        "workers": 1,
        "stall_seconds": 20,
        "worker_memory": 2 << 30,
        "master": "local[1]" if engine == "spark" else None,
    }
    config = make_config(source, tmp_path / "out", run=limits, input={"split_bytes": 64 << 20})
    runner = make_engine(config.run)
    try:
        Build(config, runner, Console(file=StringIO())).run()
    finally:
        runner.close()
    summary = orjson.loads((tmp_path / "out" / "build.json").read_bytes())
    letters = [
        row
        for e in summary["removed"]["dead_letters"]
        for row in pq.read_table(tmp_path / "out" / "work" / e["path"]).to_pylist()
    ]
    assert [(row["reason"], row["reproducible"]) for row in letters] == [("worker_died", False)]
    lines = source.read_bytes().splitlines(keepends=True)
    assert letters[0]["offset"] == sum(len(line) for line in lines[:MARKED])
    assert summary["funnel"]["read"] == RECORDS
    assert verify(Store(config.output)).problems == []
