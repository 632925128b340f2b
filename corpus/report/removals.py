"""What was written down of what was not published: rejects, duplicates and dead letters below ``work``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from corpus.errors import CorruptionError
from corpus.parquet import read_parquet
from corpus.storage import Store

MAX_FILES: Final = 256  # of each kind
MAX_ROWS: Final = 2_000_000  # of each kind
PLACES: Final = 3  # of each reason of quarantine


class Removed(NamedTuple):
    """A place in the input."""

    path: str
    offset: int  # -1: the whole file
    part: int  # -1: the whole record
    step: str
    reproducible: bool


@dataclass
class Removals:
    """What the files say that were read. ``complete`` names the kinds whose files were all read."""

    complete: set[str] = field(default_factory=set)
    dropped_hosts: Counter[str] = field(default_factory=Counter)
    duplicate_hosts: Counter[str] = field(default_factory=Counter)
    scores: dict[str, NDArray[np.float32]] = field(default_factory=dict)  # by reason: the values that missed
    similarities: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))  # of near-duplicates
    of_earlier: int = 0  # duplicates of what an earlier build published
    places: dict[str, list[Removed]] = field(default_factory=dict)  # by reason of quarantine


def read_removals(work: Store, removed: Mapping[str, Sequence[dict[str, Any]]]) -> Removals:
    """Return what the files listed in a summary's ``removed`` say; files that `wudao clean` deleted are left out.

    Raises CorruptionError where a file is not what it should be.
    """
    found = Removals()
    rejects = _Tables(work, removed.get("rejects", ()), ["url", "reason", "score"])
    scores: dict[str, list[NDArray[np.float32]]] = {}
    for table in rejects:
        found.dropped_hosts.update(_hosts(table.column("url")))
        for reason in pc.unique(table.column("reason")).to_pylist():
            chosen = table.filter(pc.equal(table.column("reason"), reason)).column("score")
            scores.setdefault(reason, []).append(pc.drop_null(chosen).to_numpy().astype(np.float32))
    found.scores = {reason: np.concatenate(values) for reason, values in sorted(scores.items())}
    duplicates = _Tables(work, removed.get("duplicates", ()), ["url", "kind", "similarity", "build"])
    similarities = []
    for table in duplicates:
        found.duplicate_hosts.update(_hosts(table.column("url")))
        found.of_earlier += len(table) - table.column("build").null_count
        near = table.filter(pc.equal(table.column("kind"), "near"))
        similarities.append(near.column("similarity").to_numpy().astype(np.float32))
    if similarities:
        found.similarities = np.concatenate(similarities)
    letters = _Tables(
        work, removed.get("dead_letters", ()), ["path", "offset", "part", "step", "reason", "reproducible"]
    )
    for table in letters:
        for reason in sorted(pc.unique(table.column("reason")).to_pylist()):
            places = found.places.setdefault(reason, [])
            chosen = table.filter(pc.equal(table.column("reason"), reason)).slice(0, PLACES - len(places))
            places.extend(Removed(**row) for row in chosen.drop_columns(["reason"]).to_pylist())
    kinds = {"rejects": rejects, "duplicates": duplicates, "dead_letters": letters}
    found.complete = {kind for kind, tables in kinds.items() if tables.complete}
    return found


class _Tables:
    """The tables of every k-th of ``entries``: at most :data:`MAX_FILES` files and about :data:`MAX_ROWS` rows."""

    def __init__(self, work: Store, entries: Sequence[dict[str, Any]], columns: list[str]) -> None:
        self._work, self._columns = work, columns
        rows = sum(entry["rows"] for entry in entries)
        wanted = min(len(entries), MAX_FILES, max(1, MAX_ROWS * len(entries) // rows) if rows else len(entries))
        self._chosen = [entries[place * len(entries) // wanted] for place in range(wanted)]
        self.complete = wanted == len(entries)

    def __iter__(self) -> Iterator[pa.Table]:
        for entry in self._chosen:
            try:
                with self._work.open_read(entry["path"]) as stream:
                    yield read_parquet(stream, self._columns)
            except FileNotFoundError:
                self.complete = False
            except (pa.ArrowInvalid, KeyError) as error:
                where = self._work.path(entry["path"])
                raise CorruptionError(f"{where}: not readable ({str(error)[:200]}); run the build again") from None


def _hosts(urls: pa.ChunkedArray) -> Counter[str]:
    from corpus.steps.extract import host_of  # imports the extraction engine

    counted: Counter[str] = Counter()
    for entry in pc.value_counts(pc.drop_null(urls)).to_pylist():
        host = host_of(entry["values"])
        if host is not None:
            counted[host] += entry["counts"]
    return counted
