"""Draw documents of a build for reading, kept and dropped ones, the same ones every time.

    python benchmarks/sample_documents.py BUILD --salt november --kept 50 --dropped 50 --per-host 5
    python benchmarks/sample_documents.py BUILD --verdicts benchmarks/readings/web-build.tsv

BUILD is the output folder of a build with ``keep_rejects``. The documents with
the smallest blake2b(salt, doc_key) are taken, of the kept ones at most
``--per-host`` of a host, so that one large site does not fill the sample; of
the dropped ones a fifth each from those in another language and those too
short, the rest from all other rules, at most a fifth of these by one rule.
Title, the first 300 and the last 150 characters are shown on the screen and
written nowhere.
With ``--verdicts`` nothing is shown but what a file of verdicts says about the
build at hand: how many of its documents still have the outcome that was read.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq

from corpus.shards.reader import open_corpus, read_corpus

COLUMNS = [
    "doc_key", "url", "host", "path", "offset", "title", "page_kind", "source_type", "domains", "quality", "n_chars",
    "text",
]  # fmt: skip
Row = dict[str, Any]


def kept(build: Path) -> Iterator[Row]:
    """Yield the documents of the corpus."""
    for batch in read_corpus(open_corpus(str(build))):
        yield from batch.select(COLUMNS).to_pylist()


def dropped(build: Path) -> Iterator[Row]:
    """Yield what rules dropped, with text where the build kept it."""
    summary = orjson.loads((build / "build.json").read_bytes())
    for entry in summary["removed"].get("rejects", []):
        yield from pq.read_table(build / "work" / entry["path"]).to_pylist()


def drawn(rows: list[Row], count: int, salt: str, group: Callable[[Row], Any], limit: int) -> list[Row]:
    """Return ``count`` rows, those with the smallest hashes, at most ``limit`` of each group."""
    taken: list[Row] = []
    seen: collections.Counter[Any] = collections.Counter()
    for row in sorted(rows, key=lambda row: hashlib.blake2b(salt.encode() + row["doc_key"]).digest()):
        if len(taken) < count and seen[group(row)] < limit:
            seen[group(row)] += 1
            taken.append(row)
    return taken


def sample_dropped(rows: list[Row], count: int, salt: str) -> list[Row]:
    """Return ``count`` dropped rows: a fifth each of the two largest reasons, the rest of all others."""
    fifth = count // 5
    taken: list[Row] = []
    for reason in ("language", "too_short"):
        taken += drawn([row for row in rows if row["reason"] == reason], fifth, salt, lambda row: None, fifth)
    others = [row for row in rows if row["reason"] not in ("language", "too_short")]
    return taken + drawn(others, count - len(taken), salt, lambda row: row["reason"], max(1, fifth * 3 // 5))


def excerpt(text: str) -> str:
    """Return the first 300 and the last 150 characters on one line."""
    line = text.replace("\n", "⏎")
    return line if len(line) <= 460 else f"{line[:300]} … {line[-150:]}"


def show(rows: list[Row], outcome: str) -> None:
    """Print rows for reading."""
    for number, row in enumerate(rows):
        place = row["url"] or f"{row['path']}@{row['offset']}"
        if outcome == "kept":
            domains = ",".join(f"{one['name']}:{one['score']:.2f}" for one in row["domains"] or ())
            head = f"{row['page_kind']} {row['source_type']} [{domains}] q={row['quality']:.2f} n={row['n_chars']} «{row['title']}»"
        else:
            head = f"{row['reason']} {row['score']}"
        print(f"{number}\t{row['doc_key'].hex()}\t{place}\t{head}\n    {excerpt(row['text'] or '')}")


def compare(build: Path, verdicts: Path) -> None:
    """Print how the documents of a file of verdicts fare in ``build``."""
    outcome: dict[str, str] = {row["doc_key"].hex(): "kept" for row in kept(build)}
    for row in dropped(build):
        outcome[row["doc_key"].hex()] = "dropped"
    table: collections.Counter[tuple[str, str, str]] = collections.Counter()
    for line in verdicts.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            key, _, was, _, verdict = line.split("\t")[:5]
            table[was, verdict, outcome.get(key, "duplicate or gone")] += 1
    for (was, verdict, now), count in sorted(table.items()):
        print(f"{was:8s} {verdict:7s} now {now:18s} {count:4d}")


def main() -> None:
    """Draw and print, or compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parser.add_argument("--salt", default="november")
    parser.add_argument("--kept", type=int, default=50)
    parser.add_argument("--dropped", type=int, default=50)
    parser.add_argument("--per-host", type=int, default=5)
    parser.add_argument("--verdicts", type=Path)
    given = parser.parse_args()
    if given.verdicts is not None:
        compare(given.build, given.verdicts)
        return
    if given.kept:
        rows = list(kept(given.build))
        print(f"kept: {len(rows)}")
        show(drawn(rows, given.kept, given.salt, lambda row: row["host"], given.per_host), "kept")
    if given.dropped:
        rows = list(dropped(given.build))
        print(f"dropped: {dict(collections.Counter(row['reason'] for row in rows).most_common())}")
        show(sample_dropped(rows, given.dropped, given.salt), "dropped")


if __name__ == "__main__":
    main()
