"""Commit by report: a task is done when one small file says so, and only then.

A report is canonical JSON followed by its own hash, so a torn file is no
report. Its name holds the fingerprint and the attempt; where two attempts of
one split both finished, every reader takes the one whose name sorts first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, overload

import orjson

from corpus.storage import Store

Report = dict[str, Any]
READ_THREADS = 8
READ_AHEAD = 4096  # reports


def canonical(value: Any) -> bytes:
    """Return ``value`` as JSON with sorted keys and no spaces."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def fingerprint(*parts: Any) -> str:
    """Return 32 hex digits that stand for ``parts`` (JSON values)."""
    return hashlib.blake2b(canonical(list(parts)), digest_size=16).hexdigest()


def report_name(pass_name: str, split: str, attempt: str) -> str:
    """Return the file name of the report of one attempt."""
    return f"reports/{pass_name}/{split}-{attempt}.json"


def commit(work: Store, pass_name: str, split: str, attempt: str, report: Report) -> None:
    """Write the report of a finished attempt. This is the commit."""
    body = canonical(report)
    seal = hashlib.blake2b(body, digest_size=16).hexdigest().encode()
    work.write_atomic(report_name(pass_name, split, attempt), body + b"\n" + seal + b"\n")


def read_report(work: Store, name: str) -> Report | None:
    """Return the report in file ``name``, None where it is torn."""
    body = _body(work, name)
    return None if body is None else orjson.loads(body)


def _body(work: Store, name: str) -> bytes | None:
    body, _, seal = work.read_bytes(name).partition(b"\n")
    return body if hashlib.blake2b(body, digest_size=16).hexdigest().encode() == seal.strip() else None


class Reports(MutableMapping[str, Report]):
    """Reports by fingerprint, held as JSON and decoded when asked for.

    A report of publish takes 3 KB so, and 15 KB as objects: those of 100,000
    splits must fit beside everything else that the driver holds.
    """

    def __init__(self, bodies: Iterable[tuple[str, bytes]] = ()) -> None:
        self._bodies = dict(bodies)

    def __getitem__(self, mark: str) -> Report:
        report: Report = orjson.loads(self._bodies[mark])
        return report

    def __setitem__(self, mark: str, report: Report) -> None:
        # Copied, since orjson leaves the room behind its result that it wrote it in.
        self._bodies[mark] = bytes(memoryview(canonical(report)))

    def __delitem__(self, mark: str) -> None:
        del self._bodies[mark]

    def __contains__(self, mark: object) -> bool:
        return mark in self._bodies

    def __iter__(self) -> Iterator[str]:
        return iter(self._bodies)

    def __len__(self) -> int:
        return len(self._bodies)


class Ordered(Sequence[tuple[str, Report]]):
    """(fingerprint, report) of ``marks`` in their order, decoded when asked for."""

    def __init__(self, marks: Iterable[str], reports: Mapping[str, Report]) -> None:
        self._marks, self._reports = list(marks), reports

    @overload
    def __getitem__(self, index: int) -> tuple[str, Report]: ...
    @overload
    def __getitem__(self, index: slice) -> Ordered: ...
    def __getitem__(self, index: int | slice) -> tuple[str, Report] | Ordered:
        if isinstance(index, slice):
            return Ordered(self._marks[index], self._reports)
        return self._marks[index], self._reports[self._marks[index]]

    def __len__(self) -> int:
        return len(self._marks)


def committed(work: Store, pass_name: str, wanted: Iterable[str]) -> Reports:
    """Return the reports of those ``wanted`` fingerprints that are committed, one listing for all of them."""
    return Reports((split, body) for split, _, body in _committed(work, pass_name, wanted))


def committed_files(work: Store, pass_name: str, wanted: Iterable[str]) -> Iterator[tuple[str, str, Report]]:
    """Yield (fingerprint, name of the file, report) of what :func:`committed` finds, one report in memory at a time."""
    for split, name, body in _committed(work, pass_name, wanted):
        yield split, name, orjson.loads(body)


def _committed(work: Store, pass_name: str, wanted: Iterable[str]) -> Iterator[tuple[str, str, bytes]]:
    """Yield (fingerprint, file name, JSON) of the first whole report of each split."""
    needed = set(wanted)
    names: dict[str, list[str]] = {}
    for name in work.names(f"reports/{pass_name}"):
        split = name.rsplit("/", 1)[-1].split("-", 1)[0]
        if split in needed and name.endswith(".json"):
            names.setdefault(split, []).append(name)

    def first_whole(split: str) -> tuple[str, str, bytes] | None:
        for name in sorted(names[split]):
            if (body := _body(work, name)) is not None:
                return split, name, body
        return None

    splits = list(names)
    with ThreadPoolExecutor(READ_THREADS) as pool:
        # Some at a time: the pool holds an object for everything it was handed.
        for start in range(0, len(splits), READ_AHEAD):
            found = pool.map(first_whole, splits[start : start + READ_AHEAD])
            yield from (one for one in found if one is not None)
