"""What an engine runs: tasks over items, each item one split of a pass."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from corpus.storage import Store, discarded_on_failure
from pipelines.passes.reports import Report, commit


@dataclass(frozen=True)
class Item:
    """One unit of work: the fingerprint names it for ever, the payload (JSON) says what to read."""

    fingerprint: str
    payload: dict[str, Any]
    weight: int = 0  # bytes to read, for progress and for starting the largest first


@dataclass(frozen=True)
class Isolation:
    """What earlier attempts learnt about records that kill their worker, by ordinal in the split."""

    poison: dict[int, str] = field(default_factory=dict)  # ordinal -> why; not processed, quarantined
    suspects: tuple[int, int] | None = None  # process these one by one, announcing each
    one_by_one: bool = False  # the reader died: read single records, so that the place is known
    stop: int | None = None  # the reader itself dies here: read no further, quarantine the rest
    blamed: tuple[int, bool] | None = None  # record (and whether while reading) at the last death


@dataclass(frozen=True)
class Progress:
    """A sign of life of a running attempt; counts are since the attempt began."""

    ordinal: int  # record that is next
    until: int  # first record behind the batch in hand
    documents: int
    kept: int
    bytes: int


Announce = Callable[[Progress], None]


class Task(Protocol):
    """A pass over splits. Must be picklable: it travels to workers."""

    @property
    def name(self) -> str:
        """The pass; reports lie below it."""

    def run(self, item: Item, attempt: str, isolation: Isolation, announce: Announce) -> Report:
        """Do ``item``, write files under names that hold ``attempt``, and return the report body."""


def is_one_computation(task: Task) -> bool:
    """Return whether ``task`` goes through no records: it shows no progress until it ends, however long that takes."""
    return bool(getattr(task, "one_computation", False))


def attempt_name() -> str:
    """Return a name that no other attempt has. It never reaches the output's content."""
    return secrets.token_hex(6)


def run_and_commit(task: Task, work: Store, item: Item, isolation: Isolation, announce: Announce) -> Report:
    """Run one attempt and commit it; this is what every engine calls in a worker."""
    attempt = attempt_name()
    with discarded_on_failure() as written:
        report = {"fingerprint": item.fingerprint, **task.run(item, attempt, isolation, announce)}
        if not work.local:
            written.clear()  # a remote commit may have happened though its answer was lost
        commit(work, task.name, item.fingerprint, attempt, report)
    return report
