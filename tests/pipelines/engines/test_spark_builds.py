"""Builds on Spark: the bytes of the local engine, nothing on standard error, and no harm from kills."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from crash import Undisturbed, build_command, committed, hashes, kill_round
from rich.console import Console

from corpus.config.build import BuildConfig, RunSettings
from corpus.schema import signatures_schema
from corpus.storage import Store
from pipelines.build import Build
from pipelines.engines import spark
from pipelines.engines.code_identity import code_identity, difference
from pipelines.engines.local import LocalEngine
from pipelines.engines.spark_session import hadoop_url
from pipelines.passes.task import Item

MASTER = ["--engine", "spark", "--master", "local[2]"]


def test_workers_with_other_code_are_turned_away_before_they_run_anything(tmp_path: Path) -> None:
    here = code_identity()
    assert difference(here) is None
    assert difference({**here, "code": "0" * 32}) == f"code {here['code']} instead of {'0' * 32}"
    assert difference({**here, "zstd-of-tomorrow": "9"}) == "zstd-of-tomorrow None instead of 9"
    task: Any = type("Task", (), {"name": "ingest"})()
    items: list[Sequence[Item]] = [[Item("ab", {})]]
    outcomes = list(spark._run_bundles(items, task, Store(tmp_path), (60, 1 << 30), {**here, "python": "2.7"}))
    assert len(outcomes) == 1
    assert "python" in (outcomes[0][1] or "")
    assert "make cluster-env" in (outcomes[0][1] or "")


def test_local_paths_are_named_without_escapes(tmp_path: Path) -> None:
    session: Any = None  # a path needs no file system of Hadoop's to be asked
    assert hadoop_url(session, f"{tmp_path}/语料 一") == f"file://{tmp_path}/语料 一"


@pytest.mark.parametrize(
    ("master", "within"), [("local", True), ("local[2]", True), ("local-cluster[2,1,2048]", False)]
)
def test_executors_of_a_cluster_in_one_machine_are_not_the_driver(master: str, within: bool) -> None:
    assert spark._within_driver(master) is within


def test_sparks_failures_become_one_sentence() -> None:
    error = RuntimeError(
        "An error occurred.\n: org.apache.spark.SparkException: Job aborted due to stage failure\n\tat x"
    )
    assert str(spark._translated("ingest", error)) == (
        "ingest on Spark: org.apache.spark.SparkException: Job aborted due to stage failure; "
        "mend that and run the same command again"
    )


@pytest.mark.slow
def test_files_of_a_store_that_hadoop_does_not_know_are_read_all_the_same(tmp_path: Path) -> None:
    pytest.importorskip("pyspark", reason="the spark extra is not installed")
    from pipelines.engines.spark_session import SparkSQLSession
    from pipelines.engines.spark_splits import SparkSplits

    rng = random.Random(8)
    kept = {name: signatures_schema(2).field(name) for name in ("row", "doc_key", "bands", "signature")}
    for split in (3, 7):
        rows = [
            {"row": n, "doc_key": rng.randbytes(16), "bands": [n, -n] if n % 3 else [], "signature": rng.randbytes(n)}
            for n in range(20)
        ]
        pq.write_table(pa.Table.from_pylist(rows, pa.schema(kept.values())), tmp_path / f"{split}.parquet")
    paths = {split: f"{tmp_path}/{split}.parquet" for split in (3, 7)}
    engine = spark.SparkEngine(RunSettings(engine="spark", master="local[1]"))
    try:
        with SparkSQLSession(engine.spark) as session:
            splits = SparkSplits(session)
            splits.register_splits("by_spark", paths, list(kept))
            # fsspec calls the file system of this machine "local", Hadoop does not.
            splits.register_splits("by_python", {split: f"local://{path}" for split, path in paths.items()}, list(kept))
            tables = [
                session.arrow(f"SELECT * FROM {name} ORDER BY split, row").read_all()
                for name in ("by_spark", "by_python")
            ]
    finally:
        engine.close()
    assert tables[0].num_rows == 40
    assert tables[0].to_pylist() == tables[1].to_pylist()


@pytest.mark.slow
def test_a_build_on_spark_is_quiet_and_the_same_and_survives_a_kill(
    written_input: Path, make_config: Callable[..., BuildConfig], tmp_path: Path
) -> None:
    """One test, since each start of Spark takes as long as all that it does here."""
    pytest.importorskip("pyspark", reason="the spark extra is not installed")
    config = make_config(written_input, tmp_path / "local", run={"workers": 2}, scrub={"enabled": False})
    runner = LocalEngine(config.run)
    try:
        Build(config, runner, Console(file=StringIO())).run()
    finally:
        runner.close()
    path = tmp_path / "corpus.yaml"
    path.write_text(yaml.safe_dump(config.model_dump(mode="json")), encoding="utf-8")

    def command(name: str) -> list[str]:
        return build_command([str(written_input)], tmp_path / name, ["-c", str(path), *MASTER])

    started = time.monotonic()
    result = subprocess.run(command("spark 一"), capture_output=True, text=True, cwd=tmp_path, check=False)
    seconds = time.monotonic() - started
    assert (result.returncode, result.stderr) == (0, "")
    assert hashes(tmp_path / "spark 一") == hashes(tmp_path / "local")
    assert {one.name for one in tmp_path.iterdir()} == {"local", "spark 一", "corpus.yaml"}  # no spark-warehouse
    reference = Undisturbed(hashes(tmp_path / "local"), committed(tmp_path / "spark 一"), {"whole": seconds})
    outcome = kill_round(
        command("disturbed"),
        tmp_path / "disturbed",
        reference,
        random.Random(4),
        victims=("driver", "jvm", "python", "item"),
    )
    assert outcome.problems == ()
