"""Crawls the loopback site with `wudao crawl` and judges it by the server's log and by the WARC files.

    python benchmarks/crawl.py --hosts 50 --pages 80 [--kills 10] [--engine spark] [--delay 0.02] [--latency 0.02]

With the pages that every host has beside its articles, 50 x 80 are some 5,000. Asserted: every allowed page fetched
exactly once and no forbidden one ever (with kills: pages in flight may be fetched again, and are in the WARC files once),
one connection and the delay between requests for each host, every WARC record sound for warcio and for FastWARC, no WARC
file half-written at any moment. Recorded: pages per second, CPU seconds of the crawler, URLs by state.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import psutil
import yaml
from crawl_site import Request, Site
from sound_warcs import sound_records

SERVER = Path(__file__).with_name("crawl_server.py")
# Requests that manners repeat: robots.txt while it is unreachable, pages while their server fails.
REPEATED = ("/robots.txt", "/garbage", "/flaky")


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, default=50)
    parser.add_argument("--pages", type=int, default=80)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--engine", default="local")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--delay", type=float, default=0.02)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", help="keep the crawl here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        run(options, Path(scratch))


def run(options: argparse.Namespace, scratch: Path) -> None:
    """Serve, crawl, judge."""
    output = Path(options.output or scratch / "crawl")
    arguments = [str(scratch / "log"), str(options.hosts), str(options.pages), str(options.latency)]
    server = subprocess.Popen(
        [sys.executable, str(SERVER), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    port = int(server.stdout.readline())
    site = Site(options.hosts, options.pages)
    settings = site.crawl_settings(port) | {
        "min_delay": options.delay,
        "delay_factor": 0.5,
        "delay_jitter": 0.1,
        "retry_seconds": 0.1,
        "trap_pages": 8,
        "hosts_per_task": max(options.hosts // options.workers, 1),
    }
    (scratch / "crawl.yaml").write_text(yaml.safe_dump({"crawl": settings}))
    (scratch / "seeds.txt").write_text("\n".join(site.seeds()) + "\n")
    command = [sys.executable, "-m", "pipelines.cli", "crawl", str(scratch / "seeds.txt"), "-o", str(output)]
    command += ["-c", str(scratch / "crawl.yaml"), "--engine", options.engine, "--workers", str(options.workers)]
    started = time.monotonic()
    draw = random.Random(options.seed)
    for number in range(options.kills):
        kill_once(command, draw.uniform(0, 6), output, number)
    cpu = children_cpu()
    subprocess.run(command, check=True)
    seconds, cpu = time.monotonic() - started, children_cpu() - cpu
    server.communicate("")
    log = [Request(**json.loads(line)) for line in (scratch / "log").read_text().splitlines()]
    judge(site, log, options)
    stored = check_warcs(output)
    summary = json.loads((output / "crawl.json").read_text())
    pages = summary["pages"]
    print(json.dumps({"urls": summary["urls"], "reasons": summary["reasons"], "rounds": summary["round"]}, indent=1))
    print(
        f"{options.engine}: {pages} pages, {len(log)} requests, {stored} responses stored in {seconds:.1f} s: "
        f"{pages / seconds:.1f} pages/s; crawler CPU {cpu:.1f} s: {pages / cpu:.0f} pages per CPU second"
    )


def children_cpu() -> float:
    """Return the CPU seconds of children that ended."""
    times = os.times()
    return times.children_user + times.children_system


def kill_once(command: list[str], seconds: float, output: Path, number: int) -> None:
    """Start the crawl and kill it with all its workers ``seconds`` after the first page that it writes."""
    before = bytes_written(output)
    victim = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while victim.poll() is None and bytes_written(output) <= before:
        time.sleep(0.05)
    try:
        victim.wait(seconds)
    except subprocess.TimeoutExpired:
        family = [victim, *psutil.Process(victim.pid).children(recursive=True)]
        for process in family:
            try:
                os.kill(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        victim.wait()
    check_warcs(output)
    files = len(list((output / "warc").glob("*")))
    written = bytes_written(output) - before
    print(
        f"kill {number + 1}: {seconds:.1f} s and {written:,} bytes after the start; {files} WARC files, all sound",
        flush=True,
    )


def bytes_written(output: Path) -> int:
    """Return the bytes of all WARC files, finished or growing."""
    total = 0
    for pattern in ("warc/*", "work/parts/*.part"):
        for path in output.glob(pattern):
            try:
                total += path.stat().st_size
            except FileNotFoundError:  # moved to its final name meanwhile
                continue
    return total


def judge(site: Site, log: list[Request], options: argparse.Namespace) -> None:
    """Assert manners and completeness on the server's own log."""
    seen = Counter(f"http://{request.host}{request.target}" for request in log)
    missing = site.expected() - set(seen)
    assert not missing, sorted(missing)[:10]
    forbidden = [request for request in log if site.forbidden(request.host, request.target)]
    assert not forbidden, forbidden[:10]
    again = {url: count for url, count in seen.items() if count > 1 and not url.endswith(REPEATED)}
    in_flight = options.kills * options.hosts
    assert sum(again.values()) - len(again) <= in_flight, sorted(again.items())[:10]
    gaps = []
    for name in site.names():
        requests = [request for request in log if request.host == name]
        for before, after in pairwise(requests):
            if after.began < before.ended:
                raise AssertionError((before, after))
            gaps.append(after.began - before.began)
    print(
        f"{len(site.expected())} pages expected, all fetched; {len(again)} fetched again after kills; no forbidden one; "
        f"one connection a host; shortest gap {min(gaps) * 1000:.0f} ms"
    )
    if not options.kills:
        assert min(gaps) >= options.delay * 0.95


def check_warcs(output: Path) -> int:
    """Read every WARC file with both libraries; return the number of responses. No page is stored twice."""
    responses = Counter(url for kind, url, _ in sound_records(output / "warc") if kind == "response")
    twice = {url: count for url, count in responses.items() if count > 1 and not url.endswith("/robots.txt")}
    assert not twice, twice
    return responses.total()


if __name__ == "__main__":
    main()
