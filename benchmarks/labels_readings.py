"""The shipped labels beside pages and texts that a person has read.

    wudao apply decode,extract,normalise,label 'DATA/web/*.warc.gz' -o web.jsonl
    wudao apply decode,extract,normalise,label 'DATA/html_gold/magic_*.jsonl.zst' -o gold.jsonl
    python benchmarks/labels_readings.py benchmarks/readings/labels-pages.tsv web.jsonl gold.jsonl

Scores domains (medical, legal, finance; the rest is "other") and source types
against the verdicts of ``readings/labels-pages.tsv``, and types against those of
``readings/labels-source-types.tsv`` as well, whose columns differ. A page of
several parts counts once, by its longest; a page that yields no document (no
text, not given) cannot be labelled and is only counted. A domain's threshold
is the one that ``apply`` used. Keys and labels are printed, no texts.
"""

from __future__ import annotations

import argparse
import collections
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson

CLASSES = ("medical", "legal", "finance")


class Verdict(NamedTuple):
    """What a person read off one page; an empty string was not judged."""

    key: str
    site: str
    domain: str
    source_type: str


def verdicts(path: Path) -> list[Verdict]:
    """Return the rows of a file of readings: key, site, domain, type; or key, site, type, predicted (no domain)."""
    rows, has_domain = [], False
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# key"):
            has_domain = "\tdomain\t" in line
        if line and not line.startswith("#"):
            fields = line.split("\t")
            rows.append(Verdict(*fields[:4]) if has_domain else Verdict(fields[0], fields[1], "", fields[2]))
    return rows


def labels(paths: list[Path], keys: set[str]) -> dict[str, dict[str, Any]]:
    """Return id -> the longest labelled part, for the wanted ids."""
    found: dict[str, dict[str, Any]] = {}
    for path in paths:
        with path.open("rb") as stream:
            for line in stream:
                row = orjson.loads(line)
                if row.get("id") in keys and len(row.get("text") or "") > len(
                    found.get(row["id"], {}).get("text") or ""
                ):
                    found[row["id"]] = row
    return found


def interval(right: list[bool], resamples: int = 2000) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a share."""
    draws = np.random.default_rng(7).choice(np.array(right, float), (resamples, len(right))).mean(axis=1)
    low, high = np.quantile(draws, (0.025, 0.975))
    return float(low), float(high)


def type_scores(rows: list[Verdict], found: dict[str, dict[str, Any]]) -> None:
    """Print accuracy of source types: of all, by type, with each site counting the same, and what was confused."""
    judged = [(row, found[row.key].get("source_type")) for row in rows if row.source_type]
    right = [mine == row.source_type for row, mine in judged]
    low, high = interval(right)
    by_type: dict[str, list[bool]] = collections.defaultdict(list)
    by_site: dict[str, list[bool]] = collections.defaultdict(list)
    confused: collections.Counter[tuple[str, str, str]] = collections.Counter()
    for (row, mine), good in zip(judged, right, strict=True):
        by_type[row.source_type].append(good)
        by_site[row.site].append(good)
        if not good:
            confused[row.site, row.source_type, str(mine)] += 1
    print(f"source types: {len(right)} pages, accuracy {np.mean(right):.3f} [{low:.3f}, {high:.3f}]")
    print(
        f"  each site the same: {np.mean([np.mean(values) for values in by_site.values()]):.3f} ({len(by_site)} sites)"
    )
    print(
        "  " + ", ".join(f"{name} {np.mean(values):.2f} (n={len(values)})" for name, values in sorted(by_type.items()))
    )
    for (site, gold, mine), count in confused.most_common():
        print(f"    {count:3d}  {site}: {gold} taken for {mine}")


def domain_scores(rows: list[Verdict], found: dict[str, dict[str, Any]]) -> None:
    """Print, for each domain, how many pages have it, got it, and got it rightly; and the pages that differ."""
    judged = [row for row in rows if row.domain]
    if not judged:
        return
    print(f"domains: {len(judged)} pages")
    for name in CLASSES:
        gold = {row.key for row in judged if row.domain == name}
        given = {row.key for row in judged if any(one["name"] == name for one in found[row.key].get("domains") or ())}
        print(f"  {name:8s} read {len(gold):3d}, given {len(given):3d}, both {len(gold & given):3d}")
        for key in sorted(gold ^ given):
            print(f"      {'missed' if key in gold else 'wrongly given'}: {key}")


def main() -> None:
    """Score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("readings", type=Path)
    parser.add_argument("labelled", type=Path, nargs="+", help="JSONL of `wudao apply …,label`")
    given = parser.parse_args()
    rows = verdicts(given.readings)
    found = labels(given.labelled, {row.key for row in rows})
    print(f"{len(rows)} verdicts, {len(rows) - len(found)} on pages that yield no document")
    rows = [row for row in rows if row.key in found]
    domain_scores(rows, found)
    type_scores(rows, found)


if __name__ == "__main__":
    main()
