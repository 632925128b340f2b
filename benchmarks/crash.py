"""Kills a build at random moments, runs it again to its end, and compares root hashes: the same, nothing lost.

    python benchmarks/crash.py --input out/example-site/example.warc.gz --kills 200 [--aim] [--strikes 3] [-- --engine spark]

Every round starts from an empty output. The victim is the driver with all its descendants, the driver alone, or one
descendant (a worker, a JVM), chosen at random from a seeded generator; so is the moment, within the time that an
undisturbed build takes. With ``--aim`` the pass is drawn first, each as often as any other however short it is, and
then a moment in it. With ``--strikes N`` up to N kills hit one build, each the run that resumes after the one before.
After the last the same command runs until it ends by itself; then the root hashes of text and tokens must be those of
an undisturbed build, `wudao verify` must find nothing, and after `wudao clean` nothing may lie in the output that no
manifest or report names.

    python benchmarks/crash.py --input … --kills 20 --strikes 3 --victims driver jvm python item -- --engine spark --master 'local[2]'
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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from corpus.shards.verify import verify
from corpus.storage import Store
from pipelines.clean import clean

MAX_RERUNS = 5
AIM_POLL_S = 0.01
VICTIMS = ("tree", "driver", "descendant")
# Beside them, by a word of the command line: on Spark the JVM, PySpark's daemon and its workers, an item's process.
NAMED_VICTIMS = {"jvm": "org.apache.spark", "python": "pyspark.daemon", "item": "pipelines.engines.worker"}
PASSES = ("ingest", "dedupe", "publish", "index", "tokenizer", "tokenise")


@dataclass(frozen=True)
class Undisturbed:
    """What a build does when nobody kills it: its root hashes, and reports and seconds of each pass."""

    hashes: tuple[str, str | None]
    reports: Mapping[str, int]
    seconds: Mapping[str, float]  # of each pass, "start" and "end"

    @property
    def whole(self) -> float:
        """Seconds of the whole build."""
        return sum(self.seconds.values())


@dataclass(frozen=True)
class Kill:
    """A kill that hit a running build: whom, and in which pass."""

    victim: str
    during: str


@dataclass(frozen=True)
class Outcome:
    """What a round found: the kills that hit a running build, and what was wrong at its end."""

    kills: tuple[Kill, ...]
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


def undisturbed(command: list[str], output: Path) -> Undisturbed:
    """Run ``command``, which must succeed, and return what it did."""
    started = time.monotonic()
    if run_to_end(command):
        sys.exit("the undisturbed build fails")
    whole = time.monotonic() - started
    summary = json.loads((output / "build.json").read_text(encoding="utf-8"))
    reports = committed(output)
    seconds = {name: float(summary["seconds"].get(name, 0.0)) for name in PASSES if reports[name]}
    around = max(0.0, whole - sum(seconds.values()))
    return Undisturbed(hashes(output), reports, {"start": around * 0.8, **seconds, "end": around * 0.2})


def committed(output: Path) -> dict[str, int]:
    """Return the number of reports of each pass in ``output``."""
    return {name: len(list((output / "work" / "reports" / name).glob("*.json"))) for name in PASSES}


def running_pass(output: Path, expected: Mapping[str, int]) -> str:
    """Return the pass that a build over ``output`` is in; "start" before its lock lies there, "end" behind the last."""
    if not (output / "work" / "lock").exists():
        return "start"
    done = committed(output)
    return next((name for name in PASSES if done[name] < expected[name]), "end")


def wait_for_moment(
    process: subprocess.Popen[bytes], output: Path, reference: Undisturbed, rng: random.Random, aim: bool
) -> None:
    """Sleep until a random moment of the build: of the whole of it, or of a pass drawn before (``aim``)."""
    if not aim:
        time.sleep(rng.uniform(0, reference.whole))
        return
    passes = list(reference.seconds)
    target = rng.choice(passes)
    while process.poll() is None and passes.index(running_pass(output, reference.reports)) < passes.index(target):
        time.sleep(AIM_POLL_S)
    time.sleep(rng.uniform(0, reference.seconds[target]))


def kill_round(
    command: list[str],
    output: Path,
    reference: Undisturbed,
    rng: random.Random,
    *,
    aim: bool = False,
    strikes: int = 1,
    victims: Sequence[str] = VICTIMS,
) -> Outcome:
    """One round: start and kill at a random moment, ``strikes`` times; then run to the end and compare."""
    kills: list[Kill] = []
    status = 1
    for _ in range(strikes):
        victim = rng.choice(victims)
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        wait_for_moment(process, output, reference, rng, aim)
        if process.poll() is None:
            during = running_pass(output, reference.reports)
            kills.append(Kill(strike(psutil.Process(process.pid), victim, rng), during))
        status = process.wait()
        if status == 0:
            break
    reruns = 0
    while status != 0 and reruns < MAX_RERUNS:
        reruns += 1
        status = run_to_end(command)
    problems = [] if status == 0 else [f"exit status {status} after {reruns} reruns"]
    if status == 0:
        if hashes(output) != reference.hashes:
            problems.append("another root hash")
        problems += verify(Store(output)).problems
        clean(Store(output))
        swept = clean(Store(output))
        if swept.files:
            problems.append(f"{swept.files} files left that nothing names")
        problems += verify(Store(output)).problems
    return Outcome(tuple(kills), reruns, tuple(problems))


def strike(driver: psutil.Process, victim: str, rng: random.Random) -> str:
    """Kill -9 the victim and say who it was: the driver, where there is no process of that kind just now."""
    try:
        descendants = driver.children(recursive=True)
    except psutil.NoSuchProcess:
        return victim
    chosen = descendants
    if victim in NAMED_VICTIMS:
        chosen = [one for one in descendants if NAMED_VICTIMS[victim] in command_line(one)]
    if victim == "tree":
        targets = [*descendants, driver]
    elif victim == "driver" or not chosen:
        victim, targets = "driver", [driver]
    else:
        targets = [rng.choice(chosen)]
    for target in targets:
        try:
            os.kill(target.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    return victim


def command_line(process: psutil.Process) -> str:
    """Return the command line of ``process``, nothing where it is gone."""
    try:
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return ""


def table(kills: list[Kill]) -> str:
    """Return the kills by pass and victim as lines of a Markdown table."""
    counts = Counter((kill.during, kill.victim) for kill in kills)
    victims = [one for one in (*VICTIMS, *NAMED_VICTIMS) if any(kill.victim == one for kill in kills)]
    head = [f"| pass | {' | '.join(victims)} |", "|---" * (len(victims) + 1) + "|"]
    rows = [
        f"| {during} | {' | '.join(str(counts[during, victim]) for victim in victims)} |"
        for during in ("start", *PASSES, "end")
    ]
    return "\n".join(head + rows)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", action="append", required=True)
    parser.add_argument("--kills", type=int, default=20, help="kills that hit a running build")
    parser.add_argument("--aim", action="store_true", help="draw the pass first, then a moment in it")
    parser.add_argument("--strikes", type=int, default=1, help="at most so many kills of one build")
    parser.add_argument(
        "--victims", nargs="+", choices=[*VICTIMS, *NAMED_VICTIMS], default=VICTIMS, help="whom to draw from"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, help="stop starting rounds after so long")
    parser.add_argument("extra", nargs="*", help="further arguments of `wudao build`, after --")
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    # A worker that outlives its driver by a moment may still write into its own round's folder.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        started = time.monotonic()
        first = Path(folder) / "reference"
        reference = undisturbed(build_command(arguments.input, first, arguments.extra), first)
        print(f"undisturbed: {reference.whole:.1f} s, root hash {reference.hashes[0][:16]}", flush=True)
        kills: list[Kill] = []
        rounds = failed = 0
        while len(kills) < arguments.kills:
            if arguments.seconds is not None and time.monotonic() - started > arguments.seconds:
                break
            output = Path(folder) / f"disturbed{rounds}"
            command = build_command(arguments.input, output, arguments.extra)
            strikes = min(arguments.strikes, arguments.kills - len(kills))
            outcome = kill_round(
                command, output, reference, rng, aim=arguments.aim, strikes=strikes, victims=arguments.victims
            )
            shutil.rmtree(output, ignore_errors=True)
            kills += outcome.kills
            rounds += 1
            failed += bool(outcome.problems)
            if outcome.problems:
                print(f"{outcome.kills}: {'; '.join(outcome.problems)}", flush=True)
            elif rounds % 10 == 0:
                print(f"{rounds} rounds, {len(kills)} kills, {failed} failed", flush=True)
        print(f"{rounds} rounds, {len(kills)} kills that hit a running build, failed: {failed}\n{table(kills)}")
        sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
