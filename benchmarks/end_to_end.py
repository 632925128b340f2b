"""Runs a whole build over a folder and prints, per step and in all: CPU, MB/s and ms per MB beside the design's budget.

    python benchmarks/end_to_end.py --input ../shared/data/text [--workers 1] [--tokens] [--output DIR]

Rates are over the bytes of payload that ingest read (text as given, HTML decompressed). The budget is the one in
docs/architecture.md: 83 ms per MB of text and core. A step over its budget is marked.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

from corpus.report.speed import BUDGET


class PeakMemory(threading.Thread):
    """Samples the resident memory of a process and all below it."""

    def __init__(self, process: psutil.Process) -> None:
        super().__init__(daemon=True)
        self._process = process
        self.peak = 0
        self.stop = False

    def run(self) -> None:
        while not self.stop:
            total = 0
            try:
                for one in [self._process, *self._process.children(recursive=True)]:
                    try:
                        total += one.memory_info().rss
                    except psutil.NoSuchProcess:
                        continue
            except psutil.NoSuchProcess:
                return
            self.peak = max(self.peak, total)
            time.sleep(0.1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", required=True, action="append")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--tokens", action="store_true", help="also train a tokenizer and write token shards")
    parser.add_argument("--output", help="keep the build here; default: a temporary folder")
    parser.add_argument("--config", default=None)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        output = arguments.output or temporary
        command = [sys.executable, "-m", "pipelines.cli", "build", "-o", output, "--workers", str(arguments.workers)]
        command += [part for one in arguments.input for part in ("-i", one)]
        command += ["-c", arguments.config] if arguments.config else []
        command += [] if arguments.tokens else ["--no-tokens"]
        started = time.monotonic()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            memory = PeakMemory(psutil.Process(process.pid))
            memory.start()
            status = process.wait()
        wall = time.monotonic() - started
        memory.stop = True
        if status:
            sys.exit(f"the build ended with status {status}")
        summary = json.loads((Path(output) / "build.json").read_text(encoding="utf-8"))
        report(arguments, summary, wall, memory.peak)


def report(arguments: argparse.Namespace, summary: dict, wall: float, peak: int) -> None:
    """Print the tables."""
    megabytes = summary["read_bytes"] / 1e6
    funnel = summary["funnel"]
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = usage.ru_utime + usage.ru_stime
    versions = summary["environment"]
    print(f"machine: {platform.processor() or platform.machine()}, {os.cpu_count()} cores; Python {versions['python']}, "
          f"pyarrow {versions['pyarrow']}, numba {versions['numba']}, duckdb {versions['duckdb']}")  # fmt: skip
    print(f"input: {' '.join(arguments.input)}; {megabytes:.1f} MB of payload; {arguments.workers} workers")
    print(f"{'step':<12}{'CPU s':>9}{'wall s':>9}{'ms/MB':>9}{'MB/s':>9}{'budget':>9}")
    total = 0.0
    for name, seconds in sorted(summary["step_seconds"].items(), key=lambda one: -one[1]["cpu"]):
        if name == "load":
            continue
        per_megabyte = seconds["cpu"] * 1000 / megabytes
        total += per_megabyte
        budget = BUDGET.get(name)
        mark = "" if budget is None else f"{budget:9.0f}" + (" over" if per_megabyte > budget else "")
        rate = megabytes / seconds["cpu"] if seconds["cpu"] else 0.0
        print(f"{name:<12}{seconds['cpu']:9.2f}{seconds['wall']:9.2f}{per_megabyte:9.1f}{rate:9.1f}{mark}")
    print(f"{'steps':<12}{'':>18}{total:9.1f}{1000 / total:9.1f}{sum(BUDGET.values()):9.0f}")
    print("pass seconds: " + ", ".join(f"{name} {seconds:.1f}" for name, seconds in summary["seconds"].items()))
    rate = megabytes / wall
    print(
        f"whole: {wall:.1f} s wall, {cpu:.1f} s CPU, {rate:.1f} MB/s ({rate / arguments.workers:.1f} per worker, "
        f"{megabytes / cpu:.1f} per CPU second), {funnel['documents'] / wall:.0f} documents/s, peak memory {peak / 1e6:.0f} MB"
    )
    print(f"read {funnel['read']}, documents {funnel['documents']}, published {funnel['published']}, "
          f"root hash {summary['root_hash'][:16]}")  # fmt: skip


if __name__ == "__main__":
    main()
