"""Kills a build at random moments, runs it again to its end, and compares root hashes: the same, nothing lost.

    python benchmarks/crash.py --input out/example-site/example.warc.gz --kills 200 [--engine spark]

Every round starts from an empty output. The victim is the driver with all its descendants, the driver alone, or one
descendant (a worker, a JVM), chosen at random from a seeded generator; so is the moment, within the time that an
undisturbed build takes. After the kill the same command runs again until it ends by itself; then the root hashes of
text and tokens must be those of an undisturbed build, `wudao verify` must find nothing, and after `wudao clean`
nothing may lie in the output that no manifest or report names.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import psutil

from corpus.shards.verify import verify
from corpus.storage import Store
from pipelines.clean import clean

MAX_RERUNS = 5
VICTIMS = ("tree", "driver", "descendant")


@dataclass(frozen=True)
class Outcome:
    """What a round found: which victim, after how many seconds, and whether the kill hit a running build."""

    victim: str
    after: float
    hit: bool
    reruns: int
    problems: tuple[str, ...]


def build_command(inputs: list[str], output: Path, extra: list[str]) -> list[str]:
    """Return the command of one build."""
    paths = [part for one in inputs for part in ("-i", one)]
    return [sys.executable, "-m", "pipelines.cli", "build", *paths, "-o", str(output), *extra]


def hashes(output: Path) -> tuple[str, str | None]:
    """Return the root hashes of text and tokens."""
    summary = json.loads((output / "build.json").read_text(encoding="utf-8"))
    return summary["root_hash"], summary["tokens_root_hash"]


def run_to_end(command: list[str]) -> int:
    """Run ``command`` and return its exit status; output goes to nowhere."""
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode


def kill_round(command: list[str], output: Path, expected: tuple[str, str | None], rng: random.Random, seconds: float) -> Outcome:
    """One round: start, kill at a random moment, rerun to the end, compare."""
    victim, after = rng.choice(VICTIMS), rng.uniform(0, seconds)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    time.sleep(after)
    hit = process.poll() is None
    if hit:
        strike(psutil.Process(process.pid), victim, rng)
    status = process.wait()
    reruns = 0
    while status != 0 and reruns < MAX_RERUNS:
        reruns += 1
        status = run_to_end(command)
    problems = [] if status == 0 else [f"exit status {status} after {reruns} reruns"]
    if status == 0:
        if hashes(output) != expected:
            problems.append("another root hash")
        problems += verify(Store(output)).problems
        clean(Store(output))
        swept = clean(Store(output))
        if swept.files:
            problems.append(f"{swept.files} files left that nothing names")
        problems += verify(Store(output)).problems
    return Outcome(victim, after, hit, reruns, tuple(problems))


def strike(driver: psutil.Process, victim: str, rng: random.Random) -> None:
    """Kill -9 the victim."""
    try:
        descendants = driver.children(recursive=True)
        if victim == "descendant" and descendants:
            targets = [rng.choice(descendants)]
        elif victim == "tree":
            targets = [*descendants, driver]
        else:
            targets = [driver]
    except psutil.NoSuchProcess:
        return
    for target in targets:
        try:
            os.kill(target.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", action="append", required=True)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, help="stop starting rounds after so long")
    parser.add_argument("extra", nargs="*", help="further arguments of `wudao build`, after --")
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        reference = Path(folder) / "reference"
        started = time.monotonic()
        if run_to_end(build_command(arguments.input, reference, arguments.extra)):
            sys.exit("the undisturbed build fails")
        seconds = time.monotonic() - started
        expected = hashes(reference)
        print(f"undisturbed: {seconds:.1f} s, root hash {expected[0][:16]}", flush=True)
        outcomes: list[Outcome] = []
        while len(outcomes) < arguments.kills:
            if arguments.seconds is not None and time.monotonic() - started > arguments.seconds:
                break
            output = Path(folder) / "disturbed"
            shutil.rmtree(output, ignore_errors=True)
            outcome = kill_round(build_command(arguments.input, output, arguments.extra), output, expected, rng, seconds)
            outcomes.append(outcome)
            if outcome.problems:
                print(f"{outcome.victim} after {outcome.after:.1f} s: {'; '.join(outcome.problems)}")
        counts = Counter(outcome.victim for outcome in outcomes if outcome.hit)
        failed = sum(bool(outcome.problems) for outcome in outcomes)
        print(f"{len(outcomes)} rounds, kills that hit a running build: {dict(counts)}, failed: {failed}")
        sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
