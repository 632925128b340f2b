"""Removals that die by SIGKILL: in front of any change that they make to the file system, or at a moment."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
from takedown_checks import Request, published_keys, root_hash

from corpus.shards.journal import JOURNAL_NAME
from corpus.shards.verify import verify
from corpus.storage import Store
from corpus.takedown import request as takedown
from corpus.takedown.content import content_hashes
from pipelines.clean import clean
from pipelines.commands.remove import remove_command
from pipelines.takedown.search import find

CHANGES = ("os.rename", "os.remove", "os.mkdir")  # audit events (PEP 578) beside "open" for writing
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


@dataclass(frozen=True)
class Change:
    """A change to the file system that a removal is about to make: seconds after the first, event, file."""

    at: float
    event: str
    name: str


@dataclass
class Victim:
    """One removal from one corpus, done again and again on copies of it, and killed."""

    corpus: Path
    request: Request
    folder: Path
    changes: list[Change] = field(default_factory=list)
    states: dict[str, dict[bytes, str]] = field(default_factory=dict)  # root hash -> what is published
    files: set[str] = field(default_factory=set)  # what an undisturbed removal leaves after `wudao clean`

    def __post_init__(self) -> None:
        output = self._copy("undisturbed")
        # In this process, so that no child compiles or loads anything again.
        find(Store(output), criteria(self.request))
        content_hashes(pa.array(["悟道"], pa.large_string()))
        self.before = root_hash(output)
        self.states[self.before] = published_keys(output)
        self.changes = list(self._changes(self._remove(output, None, None)))
        self.after = root_hash(output)
        self.states[self.after] = published_keys(output)
        clean(Store(output))
        self.files = files(output)

    @property
    def seconds(self) -> float:
        """Seconds from the first change to the last."""
        return self.changes[-1].at

    def phase(self, number: int) -> str:
        """Return what a removal does with its change ``number``."""
        journal = [index for index, one in enumerate(self.changes) if one.name.startswith(JOURNAL_NAME)]
        appears = next(index for index in journal if self.changes[index].event == "os.rename")
        if number < appears:
            return "staging" if number < journal[0] else "the journal"
        if number == appears:
            return "the journal"
        if number > journal[-1]:
            return "tidying"
        return "deletions" if self.changes[number].event == "os.remove" else "moves"

    def kill_at(self, number: int) -> str:
        """Kill a removal in front of its change ``number``; return which state it leaves, "before" or "after"."""
        return self._killed(f"change-{number}", number, None)

    def kill_after(self, number: int, seconds: float, name: str) -> str:
        """Kill a removal ``seconds`` after its change ``number`` begins; return which state it leaves."""
        return self._killed(name, number, seconds)

    def _killed(self, name: str, number: int, seconds: float | None) -> str:
        output = self._copy(name)
        self._remove(output, number, seconds)
        left = root_hash(output)
        assert left in self.states, f"{name}: a root hash of neither state"
        self._check(output, left)
        self._remove(output, None, None)  # the same command completes it, or does it from the beginning
        self._check(output, self.after)
        clean(Store(output))
        self._check(output, self.after)
        assert files(output) == self.files, files(output) ^ self.files
        shutil.rmtree(output)
        return "before" if left == self.before else "after"

    def _check(self, output: Path, state: str) -> None:
        assert root_hash(output) == state
        problems = verify(Store(output)).problems
        assert problems == [], problems
        assert published_keys(output) == self.states[state]

    def _copy(self, name: str) -> Path:
        return Path(shutil.copytree(self.corpus, self.folder / name))

    def _remove(self, output: Path, number: int | None, seconds: float | None) -> list[str]:
        """Remove in a child; kill it in front of change ``number``, or ``seconds`` after that; return its changes."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            _die_or_remove(output, self.request, writing, number if seconds is None else None)
        os.close(writing)
        told = b""
        with os.fdopen(reading, "rb") as stream:
            if number is not None and seconds is not None:
                told += b"".join(stream.readline() for _ in range(number + 1))
                time.sleep(seconds)
                os.kill(child, signal.SIGKILL)
            told += stream.read()
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        ended = status == 0 and (number is None or seconds is not None)
        assert killed or ended, f"{output}: exit status {status}"
        return told.decode().splitlines()

    def _changes(self, lines: list[str]) -> Iterator[Change]:
        first = None
        for line in lines:
            at, event, name = line.split("\t")
            first = float(at) if first is None else first
            yield Change(float(at) - first, event, name)


def _die_or_remove(output: Path, request: Request, told: int, number: int | None) -> None:
    """Run ``wudao remove --yes`` in this process, tell each change in front of it, and die in front of one."""
    count = 0

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal count
        changes = event in CHANGES or (event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING)
        # os.replace is the event os.rename: source first, target second.
        path = os.fsdecode(arguments[1 if event == "os.rename" else 0]) if changes and arguments[0] is not None else ""
        if not path.startswith(f"{output}/") or path.endswith("/work/lock"):
            return
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)
        count += 1
        os.write(told, f"{time.monotonic()}\t{event}\t{path.removeprefix(f'{output}/')}\n".encode())

    status = 1
    try:
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        sys.addaudithook(watch)
        remove_command(str(output), criteria(request), True, 0)
        status = 0
    finally:
        os._exit(status)


def criteria(request: Request) -> takedown.Request:
    """Return ``request`` as `wudao remove` makes it of its options."""
    return takedown.Request(request.urls, request.hosts, request.keys, request.persons, request.ids)


def files(output: Path) -> set[str]:
    """Return the names of all files in ``output``."""
    return {str(path.relative_to(output)) for path in output.rglob("*") if path.is_file()}


def killed_everywhere(victim: Victim, kills: int, seed: int) -> list[tuple[str, str, int, int]]:
    """Kill in front of every change, and ``kills`` times at random moments; return rows of (how, phase, before, after)."""
    left: Counter[tuple[str, str, str]] = Counter()
    for number in range(len(victim.changes)):
        left["in front of a change", victim.phase(number), victim.kill_at(number)] += 1
    moments = random.Random(seed)
    for number in range(kills):
        change = moments.randrange(len(victim.changes))
        pause = moments.uniform(0, victim.seconds / len(victim.changes))
        left["at a random moment", victim.phase(change), victim.kill_after(change, pause, f"moment-{number}")] += 1
    rows = dict.fromkeys((how, phase) for how, phase, _ in left)
    return [(*row, left[*row, "before"], left[*row, "after"]) for row in rows]
