"""Builds one input on the local engine and on Spark in every shape that one machine can hold, and compares root hashes.

    make cluster-env
    python benchmarks/spark_cluster.py --input out/example-site/example.warc.gz --archive cluster-env/wudao-env.tar.gz

The shapes: the local engine with one and two workers; Spark ``local[2]``; Spark ``local-cluster[2,1,2048]``, whose two
executors are processes of their own; and a standalone master with two workers on loopback, started from the installed
pyspark. The workers get the archive through ``spark.archives`` and an environment without this Python. As soon as an
item runs on one of them, that worker dies by kill -9 with all that it started: the executor, its Python, the item's
process. The build must end by itself, on the worker that is left. The exit status is 1 where a root hash differs.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from corpus.shards.verify import verify
from corpus.storage import Store
from pipelines.engines.java import java_home

STANDALONE = "spark-standalone"
SHAPES = ("local-1", "local-2", "spark-local", "spark-local-cluster", STANDALONE)
ITEM_PROCESS = "pipelines.engines.worker"
START_LIMIT_S = 300
POLL_S = 0.2


@dataclass(frozen=True)
class Row:
    """One build: its root hash and seconds, what ``wudao verify`` found, and what was done to it."""

    shape: str
    root_hash: str
    seconds: float
    problems: tuple[str, ...]
    remark: str = ""


@dataclass(frozen=True)
class Cluster:
    """A standalone master and its workers, by the folder that each has for itself."""

    url: str
    workers: Mapping[Path, psutil.Process]


def build_command(inputs: list[str], output: Path, extra: list[str]) -> list[str]:
    """Return the command of one build; tokens are no matter of the engine and left out."""
    paths = [part for one in inputs for part in ("-i", one)]
    return [sys.executable, "-m", "pipelines.cli", "build", *paths, "-o", str(output), "--no-tokens", *extra]


def spark_arguments(master: str, archive: Path | None) -> list[str]:
    """Return the options of a build on ``master``, whose workers take their Python from ``archive`` if there is one."""
    conf = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    if archive is not None:
        conf |= {
            "spark.archives": f"{archive}#environment",
            "spark.pyspark.python": "./environment/bin/python",
            "spark.executor.memory": "1g",
        }
    return ["--engine", "spark", "--master", master, *(f"--conf={name}={value}" for name, value in conf.items())]


def spark_home() -> Path:
    """Return the folder of the installed pyspark."""
    from pyspark.find_spark_home import _find_spark_home

    return Path(_find_spark_home())


@contextmanager
def sparks_own_work_removed() -> Iterator[None]:
    """Remove what executors of ``local-cluster`` leave in Spark's own folder: logs, and the unpacked archive."""
    work = spark_home() / "work"
    before = set(work.glob("app-*"))
    try:
        yield
    finally:
        for folder in set(work.glob("app-*")) - before:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def standalone(folder: Path, count: int = 2) -> Iterator[Cluster]:
    """Start a master and ``count`` workers of one core each; they are gone afterwards."""
    home = spark_home()
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "JAVA_HOME": java_home(folder),
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "HOME": str(folder),
    }
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"spark://127.0.0.1:{port}"
    started: list[psutil.Process] = []

    def start(name: str, arguments: list[str]) -> psutil.Process:
        with (folder / f"{name}.log").open("wb") as log:
            command = [str(home / "bin" / "spark-class"), f"org.apache.spark.deploy.{arguments[0]}", *arguments[1:]]
            process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
        started.append(psutil.Process(process.pid))
        return started[-1]

    try:
        start("master", ["master.Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", "0"])
        wait_for(folder / "master.log", "I have been elected leader")
        workers: dict[Path, psutil.Process] = {}
        for number in range(count):
            own = folder / f"worker{number}"
            options = ["--host", "127.0.0.1", "--cores", "1", "--memory", "2g", "--webui-port", "0"]
            workers[own] = start(own.name, ["worker.Worker", *options, "--work-dir", str(own), url])
        for own in workers:
            wait_for(folder / f"{own.name}.log", "Successfully registered with master")
        yield Cluster(url, workers)
    finally:
        for process in started:
            kill_tree(process)


def wait_for(log: Path, sentence: str) -> None:
    """Wait until ``sentence`` stands in the log file ``log``."""
    limit = time.monotonic() + START_LIMIT_S
    while sentence not in log.read_text(encoding="utf-8", errors="replace"):
        if time.monotonic() > limit:
            sys.exit(f"{log}: no '{sentence}' after {START_LIMIT_S} s")
        time.sleep(POLL_S)


def kill_tree(process: psutil.Process) -> int:
    """End ``process`` and all that it started by kill -9; return how many processes that were."""
    try:
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for one in family:
        try:
            one.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(family, timeout=30)
    return len(family)


def kill_busy_worker(cluster: Cluster, build: subprocess.Popen[bytes], output: Path) -> str:
    """Kill the first worker below which an item runs; say what was hit.

    Exits where the build ends before, or where the item's Python is not the archive's.
    """
    while build.poll() is None:
        for own, worker in cluster.workers.items():
            try:
                items = [one for one in worker.children(recursive=True) if ITEM_PROCESS in one.cmdline()]
                interpreters = [Path(one.exe()) for one in items]
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
            if not items:
                continue
            if not all(one.is_relative_to(own.resolve()) for one in interpreters):
                sys.exit(f"an item runs in {interpreters[0]}, not in the archive's Python")
            done = {name.parent.name for name in (output / "work" / "reports").glob("*/*.json")}
            count = kill_tree(worker)
            behind = f"after {', '.join(sorted(done))}" if done else "in ingest, before its first report"
            return f"{own.name} killed with {count - 1} processes below it, {behind}"
        time.sleep(POLL_S)
    sys.exit(f"the build ended with status {build.returncode} before an item ran on a worker")


def run_shape(shape: str, inputs: list[str], archive: Path | None, folder: Path, extra: list[str]) -> Row:
    """Build ``inputs`` in one of ``SHAPES`` below ``folder``."""
    output = folder / shape
    own = folder / f"{shape}-logs"
    own.mkdir()
    remark = ""
    started = time.monotonic()
    with (own / "build.log").open("wb") as log:

        def begin(options: list[str]) -> subprocess.Popen[bytes]:
            return subprocess.Popen(build_command(inputs, output, [*options, *extra]), stdout=log, stderr=log, cwd=own)

        if shape == STANDALONE:
            with standalone(own) as cluster:
                started = time.monotonic()
                process = begin(spark_arguments(cluster.url, archive))
                try:
                    remark = kill_busy_worker(cluster, process, output)
                    status = process.wait()
                finally:
                    if process.poll() is None:
                        kill_tree(psutil.Process(process.pid))
        else:
            options = {
                "local-1": ["--workers", "1"],
                "local-2": ["--workers", "2"],
                "spark-local": spark_arguments("local[2]", None),
                "spark-local-cluster": spark_arguments("local-cluster[2,1,2048]", archive),
            }[shape]
            with sparks_own_work_removed():
                status = begin(options).wait()
    seconds = time.monotonic() - started
    if status:
        said = (own / "build.log").read_text(encoding="utf-8", errors="replace").splitlines()
        return Row(shape, "none", seconds, (f"exit status {status}: {' '.join(said[-1:])}",), remark)
    summary = json.loads((output / "build.json").read_text(encoding="utf-8"))
    return Row(shape, summary["root_hash"], seconds, tuple(verify(Store(output)).problems), remark)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", action="append", required=True)
    parser.add_argument("--archive", type=Path, help="what `make cluster-env` made; without it no standalone cluster")
    parser.add_argument("--shape", action="append", choices=SHAPES, help="only these; repeatable")
    parser.add_argument("--folder", type=Path, help="where outputs and logs stay; none: a temporary folder")
    parser.add_argument("extra", nargs="*", help="further arguments of `wudao build`, after --")
    arguments = parser.parse_args()
    shapes = arguments.shape or [one for one in SHAPES if arguments.archive is not None or one != STANDALONE]
    archive = arguments.archive.absolute() if arguments.archive is not None else None
    if archive is None and STANDALONE in shapes:
        parser.error(f"{STANDALONE} needs --archive")
    inputs = [one if "://" in one else os.path.abspath(one) for one in arguments.input]
    # Workers and executors may write into their own folders for a moment after the build has ended.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        folder = (arguments.folder or Path(temporary)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        print("| shape | root hash | s | |\n|---|---|---|---|", flush=True)
        rows = []
        for shape in shapes:
            row = run_shape(shape, inputs, archive, folder, arguments.extra)
            rows.append(row)
            remark = "; ".join(one for one in (row.remark, *row.problems) if one)
            print(f"| {row.shape} | {row.root_hash[:16]} | {row.seconds:.0f} | {remark} |", flush=True)
    same = len({row.root_hash for row in rows}) == 1
    print("the same root hash" if same else "ROOT HASHES DIFFER")
    sys.exit(0 if same and not any(row.problems for row in rows) else 1)


if __name__ == "__main__":
    main()
