"""The driver at the scale of a cluster build: 100,000 splits planned, committed, resumed, published, swept.

    python benchmarks/scale_rehearsal.py [--splits 10000 --splits 100000] [--folder SCRATCH]

A real :class:`pipelines.build.Build` runs over as many real input files, one split each. Only the work of the workers
is replaced: :class:`rehearsal_engine.RehearsalEngine` commits, for each item that it is handed, a report of the size and
shape that a split of 64 MB gives (counts of 20,000 documents, 8 batches, reasons, step times), and puts a signature file
where the report says (one split in 20: the tables of dedupe have a benchmark of their own, ``dedupe_scale.py``).
Planning, reading reports, cutting shards, the balances, the manifests and the summary are the project's own code. In
this order, each in a process of its own and so with its own peak memory:

- ``crash``: the build dies when it has committed half of the splits of ingest;
- ``build``: it is run again. The engine must be handed the other half, and then all of publish and index;
- ``resume``: nothing is missing. The engine must be handed nothing, and the root hash is the same;
- ``clean``: what no manifest and no report names is swept.

Prints a Markdown table: milliseconds of CPU of the driver a split, by phase and number of splits, and peak memory.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rehearsal_engine import BATCH_BYTES, BATCHES, SIGNATURE_FILES, Died, RehearsalEngine, write_signature_files
from rich.console import Console

from corpus.config.build import BuildConfig
from corpus.errors import BuildError
from corpus.shards.manifest import read_manifest
from corpus.storage import Store
from pipelines.build import Build
from pipelines.clean import clean

MEMORY_LIMIT = 2_000_000_000  # bytes that the driver may hold (issue: "with the driver under 2 GB")
FLAT = 1.5  # CPU seconds a split may grow by this factor from the smallest to the largest number of splits
FILES_PER_FOLDER = 1000


class MeasuredBuild(Build):
    """A build that notes the CPU seconds of this process in each of its phases."""

    phases: dict[str, float]

    @contextmanager
    def clock(self, phase: str) -> Iterator[None]:
        """Add what the body takes to ``phase``, without the replaced workers."""
        assert isinstance(self.engine, RehearsalEngine)
        started = time.process_time() - self.engine.seconds
        try:
            yield
        finally:
            self.phases[phase] = time.process_time() - self.engine.seconds - started

    def _plan(self) -> Any:
        with self.clock("plan"):
            return super()._plan()

    def _ingest_and_dedupe(self, *arguments: Any, **options: Any) -> Any:
        with self.clock("ingest and dedupe"):
            return super()._ingest_and_dedupe(*arguments, **options)

    def _publish(self, *arguments: Any, **options: Any) -> Any:
        with self.clock("publish and manifest"):
            return super()._publish(*arguments, **options)

    def _summarise(self, *arguments: Any, **options: Any) -> None:
        with self.clock("summary"):
            super()._summarise(*arguments, **options)


def configuration(folder: Path) -> BuildConfig:
    """Return the configuration: one shard for each split, no tokens (their pass is shaped like publish)."""
    return BuildConfig.model_validate(
        {
            "input": {"paths": [str(folder / "input")], "format": "jsonl"},
            "output": str(folder / "output"),
            "publish": {"shard_bytes": BATCHES * BATCH_BYTES},
            "tokenise": False,
            "run": {"workers": 2, "memory_limit": "1GB"},
        }
    )


def make_input(folder: Path, splits: int) -> None:
    """Write ``splits`` files of one line, and the signature files that the splits will share."""
    for number in range(splits):
        place = folder / "input" / f"{number // FILES_PER_FOLDER:05d}"
        if number % FILES_PER_FOLDER == 0:
            place.mkdir(parents=True)
        (place / f"{number:07d}.jsonl").write_text(
            f'{{"id": {number}, "text": "第{number}号切片"}}\n', encoding="utf-8"
        )
    write_signature_files(configuration(folder))


def run_build(folder: Path, die_after: float = 1.0) -> dict[str, Any]:
    """Run a build over what is there; return phases, what the engine was handed, and the root hash."""
    config = configuration(folder)
    engine = RehearsalEngine(config, die_after)
    build = MeasuredBuild(config, engine, Console(quiet=True))
    build.phases = {}
    try:
        build.run()
    except Died:
        return {"phases": build.phases, "handed": engine.handed}
    manifest = read_manifest(Store(config.output).sub("corpus"))
    started = time.process_time()
    shards = sum(1 for _ in manifest.shards())
    build.phases["read manifest"] = time.process_time() - started
    return {"phases": build.phases, "handed": engine.handed, "root_hash": manifest.root_hash, "shards": shards}


def reports(folder: Path, name: str) -> set[str]:
    """Return the fingerprints of the reports of pass ``name``."""
    return {path.name.split("-")[0] for path in (folder / "output" / "work" / "reports" / name).iterdir()}


def run_crash(folder: Path) -> dict[str, Any]:
    """Build and die when half of ingest is committed."""
    return run_build(folder, die_after=0.5)


def run_rest(folder: Path) -> dict[str, Any]:
    """Build again; the engine is handed what has no report and nothing else."""
    before = reports(folder, "ingest")
    found = run_build(folder)
    if set(found["handed"]["ingest"]) != reports(folder, "ingest") - before:
        raise BuildError("the engine was handed other splits than those without a report")
    return found


def run_resume(folder: Path) -> dict[str, Any]:
    """Build once more where everything is committed; the engine is handed nothing."""
    found = run_build(folder)
    if found["handed"]:
        raise BuildError(f"the engine was handed {list(found['handed'])} although everything was committed")
    return found


def run_clean(folder: Path) -> dict[str, Any]:
    """Sweep what nothing names: the prototypes, whose names no report holds."""
    started = time.process_time()
    swept = clean(Store(folder / "output"))
    seconds = time.process_time() - started
    if swept.files != SIGNATURE_FILES:
        raise BuildError(f"clean swept {swept.files} files, not {SIGNATURE_FILES}")
    return {"phases": {"clean": seconds}}


STAGES: dict[str, Callable[[Path], dict[str, Any]]] = {
    "crash": run_crash,
    "build": run_rest,
    "resume": run_resume,
    "clean": run_clean,
}


def in_own_process(stage: str, folder: Path) -> dict[str, Any]:
    """Run ``stage`` in a fresh interpreter, so that its peak memory is its own."""
    command = [sys.executable, __file__, "--stage", stage, "--folder", str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def rehearse(folder: Path, splits: int) -> dict[str, dict[str, Any]]:
    """Run every stage over ``splits`` splits in the empty ``folder``; return what each found."""
    make_input(folder, splits)
    found = {stage: in_own_process(stage, folder) for stage in STAGES}
    if found["build"]["root_hash"] != found["resume"]["root_hash"]:
        raise BuildError(f"{splits} splits: the build that resumed has another root hash")
    return found


def table(results: dict[int, dict[str, dict[str, Any]]]) -> str:
    """Return CPU milliseconds a split and peak memory of every stage as a Markdown table."""
    lines = [
        f"| stage, phase | {' | '.join(f'{count:,} splits' for count in results)} |",
        "|---" * (len(results) + 1) + "|",
    ]
    first = next(iter(results.values()))
    for stage, found in first.items():
        for phase in found["phases"]:
            cells = [f"{1e3 * one[stage]['phases'][phase] / count:.3f} ms" for count, one in results.items()]
            lines.append(f"| {stage}, {phase} (CPU a split) | {' | '.join(cells)} |")
        cells = [f"{one[stage]['peak_bytes'] / 1e6:.0f} MB" for one in results.values()]
        lines.append(f"| {stage}, peak memory | {' | '.join(cells)} |")
    return "\n".join(lines)


def misses(results: dict[int, dict[str, dict[str, Any]]]) -> list[str]:
    """Return what of the targets is missed: memory, and time a split that grows with their number."""
    found = []
    small, large = min(results), max(results)
    for stage, one in results[large].items():
        if one["peak_bytes"] > MEMORY_LIMIT:
            found.append(f"{stage}: {one['peak_bytes'] / 1e9:.2f} GB at {large} splits")
        before, after = (sum(results[count][stage]["phases"].values()) / count for count in (small, large))
        if after > FLAT * before:
            found.append(f"{stage}: {1e3 * before:.2f} ms a split at {small}, {1e3 * after:.2f} at {large}")
    return found


def main() -> int:
    """Run the benchmark; return the exit status: 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--splits", type=int, action="append", help="default: 10000 and 100000")
    parser.add_argument("--folder", type=Path, help="scratch; default: a temporary folder")
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.stage:
        found = STAGES[arguments.stage](arguments.folder)
        found["peak_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        found["handed"] = {name: len(marks) for name, marks in found.get("handed", {}).items()}
        print(json.dumps(found))
        return 0
    scratch = Path(tempfile.mkdtemp(prefix="scale-rehearsal-", dir=arguments.folder))
    results: dict[int, dict[str, dict[str, Any]]] = {}
    try:
        for splits in sorted(arguments.splits or [10_000, 100_000]):
            folder = scratch / str(splits)
            folder.mkdir()
            results[splits] = rehearse(folder, splits)
            shutil.rmtree(folder)
            print(json.dumps({splits: results[splits]}), file=sys.stderr, flush=True)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print(table(results))
    missed = misses(results)
    print("\n".join(f"missed: {one}" for one in missed) or "no target missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
