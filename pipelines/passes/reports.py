"""Commit by report: a task is done when one small file says so, and only then.

A report is canonical JSON followed by its own hash, so a torn file is no
report. Its name holds the fingerprint and the attempt; where two attempts of
one split both finished, every reader takes the one whose name sorts first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson

from corpus.storage import Store

Report = dict[str, Any]
READ_THREADS = 8


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
    body, _, seal = work.read_bytes(name).partition(b"\n")
    if hashlib.blake2b(body, digest_size=16).hexdigest().encode() != seal.strip():
        return None
    report: Report = orjson.loads(body)
    return report


def committed(work: Store, pass_name: str, wanted: Iterable[str]) -> dict[str, Report]:
    """Return the reports of those ``wanted`` fingerprints that are committed, one listing for all of them."""
    needed = set(wanted)
    names: dict[str, list[str]] = {}
    for name in work.names(f"reports/{pass_name}"):
        split = name.rsplit("/", 1)[-1].split("-", 1)[0]
        if split in needed and name.endswith(".json"):
            names.setdefault(split, []).append(name)

    def first_whole(split: str) -> Report | None:
        return next((report for name in sorted(names[split]) if (report := read_report(work, name)) is not None), None)

    with ThreadPoolExecutor(READ_THREADS) as pool:
        found = dict(zip(names, pool.map(first_whole, names), strict=True))
    return {split: report for split, report in found.items() if report is not None}
