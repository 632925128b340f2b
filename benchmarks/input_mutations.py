"""Does any input crash a build: mutated WARC, HTML, JSONL, Parquet and WuDao files, and mutated configurations.

    python benchmarks/input_mutations.py [--inputs 100000] [--seed 1] [--keep FOLDER]

Seeded mutations of small sound files (:mod:`mutated_inputs`) are written to a folder, planned by
:func:`corpus.reading.plan_splits`, read by :func:`corpus.reading.read_split` and sent through the decode and extract
steps; mutated ``corpus.yaml`` goes through :func:`corpus.config.load.load_config`. Wanted: nothing but the project's
own errors (:class:`corpus.errors.WudaoError`), every record accounted for (read = with documents + skipped +
quarantined, in every batch and in the ledger), no death of the process, none that takes more than ``CPU_LIMIT`` seconds.
Chunks run in forked children, so that a death is seen and its file known. Files that fail are written to ``--keep``.
The exit status is 1 where anything failed. An exception inside a step, which a build turns into a quarantined record,
counts as a failure here too.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mutated_inputs import SAMPLES, mutated

from corpus.config.build import BuildConfig
from corpus.config.input import InputSettings
from corpus.config.load import load_config
from corpus.errors import WudaoError
from corpus.reading import plan_splits, read_split
from corpus.reading.digests import DigestCache
from corpus.reading.splits import Split
from corpus.steps import make_step
from pipelines.passes.steps import Chain

CPU_LIMIT = 60.0  # seconds for one chunk of files
MEMORY_LIMIT = 6 << 30
CHUNK = 250
SHARES = {"warc": 0.22, "html": 0.22, "jsonl": 0.18, "wudao": 0.15, "parquet": 0.11, "yaml": 0.12}
SUFFIX = {"warc": ".warc", "html": ".html", "jsonl": ".jsonl", "wudao": ".json", "parquet": ".parquet", "yaml": ".yaml"}


class Failure(NamedTuple):
    """An input that crashed something, or was not accounted for."""

    kind: str
    name: str
    what: str


def settings(folder: Path) -> InputSettings:
    """Return limits small enough that inputs of this size reach them."""
    return InputSettings(
        paths=[str(folder)],
        max_record_bytes=1 << 18,
        max_decompressed_bytes=1 << 24,
        split_bytes=1 << 12,
        batch_rows=64,
    )


class Reader:
    """Sends files through planning, reading, decoding and extracting, and keeps the accounts."""

    def __init__(self) -> None:
        config = BuildConfig()
        self.steps = [make_step(name, getattr(config, name)) for name in ("decode", "extract")]

    def load(self) -> None:
        """Load the steps, and use them once: kernels that this process has loaded need no loading in its forks."""
        for step in self.steps:
            step.load()
        with tempfile.TemporaryDirectory() as scratch:
            for kind in SHARES:
                (Path(scratch) / f"sound{SUFFIX[kind]}").write_bytes(SAMPLES[kind](1))
            for _ in self.read(Path(scratch)):
                pass

    def read(self, folder: Path) -> Iterator[tuple[str, str | None, Counter[str]]]:
        """Yield (paths, what failed or None, counts) of every split of ``folder``."""
        limits = settings(folder)
        try:
            plan = plan_splits(limits, DigestCache())
        except WudaoError:
            yield "plan", None, Counter(refused=1)
            return
        yield "plan", None, Counter(refused=plan.refused.num_rows, read=plan.refused.num_rows)
        for split in plan.splits:
            try:
                yield _names(split), None, self.account(split, limits)
            except Exception:  # noqa: BLE001 - what this benchmark looks for
                yield _names(split), traceback.format_exc(limit=-4), Counter()

    def account(self, split: Split, limits: InputSettings) -> Counter[str]:
        """Read one split; return its counts. Raises where a balance does not hold or a step failed."""
        chain = Chain(self.steps)
        ledger = chain.ledger
        try:
            for batch in read_split(split, limits):
                skipped = sum(batch.skipped.values())
                if batch.n_read != batch.records.num_rows + skipped + batch.quarantined.num_rows:
                    raise AssertionError(f"{batch.n_read} read, others accounted for")
                ledger.read += batch.n_read
                ledger.skipped.update(batch.skipped)
                ledger.quarantined.update(batch.quarantined.column("reason").to_pylist())
                ledger.kept += chain.run(batch.records).num_rows
        except WudaoError:
            return Counter(own_errors=1)
        ledger.check(_names(split))
        for letter in chain.dead_letter_table().to_pylist():
            if letter["reason"].endswith("_error"):
                raise AssertionError(f"step {letter['step']} raised on {letter['path']}: {letter['detail']}")
        return Counter(
            read=ledger.read,
            documents=ledger.documents,
            skipped=ledger.skipped.total(),
            quarantined=ledger.quarantined.total(),
        )


def _names(split: Split) -> str:
    return " ".join(piece.path for piece in split.pieces)


def load_configurations(paths: Sequence[Path]) -> Iterator[tuple[str, str | None, Counter[str]]]:
    """Yield (name, what failed or None, counts) of every configuration."""
    for path in paths:
        try:
            load_config(path)
            yield path.name, None, Counter(accepted=1)
        except WudaoError as error:
            sound = bool(str(error)) and "Traceback" not in str(error)
            yield path.name, None if sound else f"no sentence: {error!r}", Counter(refused=1)
        except Exception:  # noqa: BLE001 - what this benchmark looks for
            yield path.name, traceback.format_exc(limit=-4), Counter()


def chunk(kind: str, numbers: range, seed: int, folder: Path, reader: Reader) -> dict[str, Any]:
    """Write the inputs ``numbers`` into ``folder``, feed them, and return counts and failures as JSON values."""
    paths = []
    for number in numbers:
        path = folder / f"{number:06d}{SUFFIX[kind]}"
        path.write_bytes(mutated(kind, number, seed))
        paths.append(path)
    counts: Counter[str] = Counter()
    failures: list[tuple[str, str]] = []
    for name, what, found in load_configurations(paths) if kind == "yaml" else reader.read(folder):
        counts.update(found)
        if what is not None:
            failures.append((name, what))
    return {"counts": counts, "failures": failures}


def in_child(run: Callable[[], dict[str, Any]]) -> dict[str, Any] | str:
    """Return what ``run`` returns in a forked child with limits on CPU and memory, or how the child died."""
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(receive)
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
            signal.setitimer(signal.ITIMER_VIRTUAL, CPU_LIMIT)  # SIGVTALRM ends the process, in C code too
            with os.fdopen(send, "w") as stream:
                json.dump(run(), stream)
            status = 0
        except BaseException:  # noqa: BLE001 - told to the parent, which knows the inputs
            traceback.print_exc()
        os._exit(status)
    os.close(send)
    with os.fdopen(receive) as stream:
        said = stream.read()
    _, status = os.waitpid(child, 0)
    if status:
        return f"died: signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else "an exception outside of any split"
    found: dict[str, Any] = json.loads(said)
    return found


def feed(kind: str, numbers: range, seed: int, scratch: Path, reader: Reader) -> tuple[Counter[str], list[Failure]]:
    """Feed ``numbers`` in a child; where it dies, halve them until the input stands alone."""
    folder = scratch / f"{kind}-{numbers.start}-{len(numbers)}"
    folder.mkdir()
    found = in_child(lambda: chunk(kind, numbers, seed, folder, reader))
    shutil.rmtree(folder)
    if not isinstance(found, str):
        return Counter(found["counts"]), [Failure(kind, name, what) for name, what in found["failures"]]
    if len(numbers) == 1:
        return Counter(), [Failure(kind, f"{numbers.start:06d}{SUFFIX[kind]}", found)]
    middle = len(numbers) // 2
    left = feed(kind, numbers[:middle], seed, scratch, reader)
    right = feed(kind, numbers[middle:], seed, scratch, reader)
    return left[0] + right[0], left[1] + right[1]


def keep(failure: Failure, folder: Path, seed: int) -> None:
    """Write the files of ``failure`` to ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in failure.name.split():
        stem = name.partition(".")[0]
        if stem.isdigit():
            (folder / f"{seed}-{failure.kind}-{name}").write_bytes(mutated(failure.kind, int(stem), seed))


def main() -> int:
    """Run the benchmark; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder for inputs that fail")
    arguments = parser.parse_args()
    reader = Reader()
    reader.load()
    failures: list[Failure] = []
    print("| kind | inputs | records read | documents | skipped | quarantined | files refused | failures |")
    print("|---" * 8 + "|")
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        for kind, share in SHARES.items():
            total = round(arguments.inputs * share)
            counts: Counter[str] = Counter()
            found: list[Failure] = []
            for start in range(0, total, CHUNK):
                numbers = range(start, min(start + CHUNK, total))
                more, failed = feed(kind, numbers, arguments.seed, Path(scratch), reader)
                counts += more
                found += failed
            for failure in found:
                print(f"{failure.kind} {failure.name}\n{failure.what}", file=sys.stderr, flush=True)
                if arguments.keep:
                    keep(failure, arguments.keep, arguments.seed)
            failures += found
            cells = [counts[name] for name in ("read", "documents", "skipped", "quarantined", "refused")]
            print(f"| {kind} | {total} | {' | '.join(map(str, cells))} | {len(found)} |", flush=True)
    seconds = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = seconds.ru_utime + seconds.ru_stime
    print(f"{cpu:.0f} s of CPU, {time.monotonic() - began:.0f} s, largest process {seconds.ru_maxrss / 1e3:.0f} MB")
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
