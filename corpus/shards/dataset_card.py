"""The README.md of a corpus exported for Hugging Face: metadata, statistics, origin; all of it from the manifests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

SIZES = (  # Hugging Face's size categories: upper border in rows, name
    (10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"), (10**9, "100M<n<1B"), (10**10, "1B<n<10B"), (10**11, "10B<n<100B"), (10**12, "100B<n<1T"),
)  # fmt: skip
LISTED = 30  # values of a column that a table shows
COLUMNS = (
    ("doc_key", "identity of the document: hash of URL or record id, payload digest and part, 32 hex digits"),
    ("text", "the document, NFC, personal information replaced"),
    ("title, url, host, published_at, fetched_at", "what the source says about it, null where it says nothing"),
    ("language, script", "ISO 639 code; hans, hant or mixed"),
    ("domains", "domains at or above their threshold with calibrated scores, best first"),
    ("source_type", "news, comment, encyclopedia, forum, blog, academic, qa, manual, other, or null"),
    ("quality, signal_*", "0 to 1, and the signals behind it"),
    ("cluster_size", "near-duplicates that this document stands for, itself included"),
    ("pii", "kinds and counts of personal information that was replaced"),
)


def dataset_card(
    name: str,
    corpus: Mapping[str, Any],
    tokens: Mapping[str, Any] | None,
    files: Mapping[str, Sequence[str]],
    rows_by_split: Mapping[str, int],
) -> str:
    """Return the card of a corpus manifest's root ``corpus``; ``files``: split -> patterns of its data files."""
    totals = corpus["totals"]
    parts = [_front_matter(name, corpus, files), f"# {name}\n"]
    counts = [f"{totals['rows']:,} documents", f"{totals['n_chars']:,} characters"]
    if tokens is not None:
        counts.append(f"{tokens['totals']['tokens']:,} tokens")
    parts.append(f"A Chinese text corpus of {', '.join(counts)}, built with wudao-corpus.\n")
    parts.append(_table("Splits", ("split", "documents"), rows_by_split, totals["rows"]))
    columns = totals.get("columns", {})
    titles = {"domain": "Domains (best of each document)", "source_type": "Source types", "language": "Languages"}
    titles |= {"script": "Scripts", "page_kind": "Kinds of page", "pii": "Personal information replaced"}
    for column, title in titles.items():
        if columns.get(column):
            whole = totals["rows"] if column != "pii" else sum(columns[column].values())
            parts.append(_table(title, (column, "documents" if column != "pii" else "times"), columns[column], whole))
    fields = "\n".join(f"| `{field}` | {meaning} |" for field, meaning in COLUMNS)
    parts.append(f"## Columns\n\n| column | meaning |\n|---|---|\n{fields}\n")
    parts.append(_origin(corpus))
    return "\n".join(parts)


def _front_matter(name: str, corpus: Mapping[str, Any], files: Mapping[str, Sequence[str]]) -> str:
    rows = corpus["totals"]["rows"]
    size = next((label for border, label in SIZES if rows < border), "n>1T")
    languages = [code for code in corpus["totals"].get("columns", {}).get("language", {}) if len(code) in (2, 3)]
    lines = ["---", f"pretty_name: {name}", "language:", *(f"- {code}" for code in languages or ["zh"])]
    lines += ["task_categories:", "- text-generation", "size_categories:", f"- {size}"]
    lines += ["configs:", "- config_name: default", "  data_files:"]
    for split, patterns in files.items():
        lines += [f"  - split: {'validation' if split == 'valid' else split}", "    path:"]
        lines += [f"    - {pattern}" for pattern in patterns]
    return "\n".join([*lines, "---", ""])


def _table(title: str, head: tuple[str, str], counts: Mapping[str, int], whole: int) -> str:
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    rows = [f"| {key} | {count:,} | {count / whole:.2%} |" for key, count in ordered[:LISTED] if whole]
    rest = sum(count for _, count in ordered[LISTED:])
    if rest:
        rows.append(f"| {len(ordered) - LISTED} more | {rest:,} | {rest / whole:.2%} |")
    return f"## {title}\n\n| {head[0]} | {head[1]} | share |\n|---|---:|---:|\n" + "\n".join(rows) + "\n"


def _origin(corpus: Mapping[str, Any]) -> str:
    lines = ["## Origin\n", f"- root hash of the content: `{corpus['root_hash']}`"]
    lines += [f"- configuration: `{corpus['config_hash']}`, input: `{corpus['input_hash']}`"]
    derived = corpus.get("derived")
    if derived:
        lines.append(f"- made by `wudao {derived['by']}` from the corpus `{derived['from']['root_hash']}`")
        for key, value in derived.get("selection", {}).items():
            if value not in (None, [], {}, 0, 0.0):
                lines.append(f"  - {key}: `{value}`")
    versions = ", ".join(f"{package} {version}" for package, version in sorted(corpus.get("environment", {}).items()))
    if versions:
        lines.append(f"- versions: {versions}")
    return "\n".join(lines) + "\n"
