"""What is known of a build, from its manifests, its summary, its shards and what was written down of removals."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from corpus.errors import CorruptionError
from corpus.report.removals import Removals, read_removals
from corpus.report.rows import MAX_SHARDS, Rows, read_rows_of
from corpus.report.rules import Rules, Shown
from corpus.shards.manifest import Manifest, read_manifest
from corpus.shards.verify import SUMMARY_NAME, read_summary
from corpus.shards.view import Dataset
from corpus.storage import Store

REPORT_NAME: Final = "report.html"
_FUNNEL: Final = ("read", "with_documents", "skipped", "quarantined", "documents", "dropped", "published")


@dataclass(frozen=True)
class Facts:
    """Everything that the report tells. ``place`` is what a person writes to name the build."""

    place: str
    name: str
    corpus: Manifest
    tokens: Manifest | None
    summary: dict[str, Any]
    rules: Rules
    shown: list[Shown]
    rows: Rows
    removals: Removals
    remarks: list[str] = field(default_factory=list)

    @property
    def totals(self) -> dict[str, Any]:
        """The totals of the manifest."""
        totals: dict[str, Any] = self.corpus.root["totals"]
        return totals

    @property
    def funnel(self) -> dict[str, Any]:
        """What became of records and documents."""
        funnel: dict[str, Any] = self.summary["funnel"]
        return funnel

    @property
    def derived(self) -> dict[str, Any] | None:
        """What the corpus was made from, None for that of a build."""
        derived: dict[str, Any] | None = self.corpus.root.get("derived")
        return derived

    @property
    def is_view(self) -> bool:
        """Whether the rows lie in another corpus."""
        return self.corpus.root.get("kind") == "view"

    def counts(self, column: str) -> dict[str, int]:
        """Return the documents by value of ``column`` as the manifest adds them up; empty where it does not."""
        counts: dict[str, int] = self.totals.get("columns", {}).get(column, {})
        return {name: count for name, count in counts.items() if count}


def gather(place: str, name: str | None = None, max_shards: int = MAX_SHARDS) -> Facts:
    """Return what is known of the build or subset in ``place``, with the rows of at most ``max_shards`` shards.

    Raises BuildError where none has finished there, CorruptionError where a
    manifest, the summary or a shard is damaged.
    """
    output = Store(place)
    summary = read_summary(output)
    corpus = read_manifest(output.sub("corpus"))
    _check(output, summary, corpus)
    remarks = []
    if summary["root_hash"] != corpus.root_hash:
        remarks.append(
            f"{SUMMARY_NAME} tells of another corpus ({summary['root_hash'][:16]}…): its funnel and its seconds are "
            "not those of the shards; run the command that wrote the shards again."
        )
    tokens = read_manifest(output.sub("tokens")) if output.exists("tokens/manifest.json") else None
    if tokens is not None and tokens.root.get("corpus_root_hash") != corpus.root_hash:
        remarks.append("The token shards were made from another corpus and are left out; run wudao tokenise.")
        tokens = None
    rules = Rules.of(summary.get("config", {}))
    shown = rules.shown(summary["funnel"]["dropped"])
    rows = read_rows_of(Dataset.of(corpus), [one.signal for one in shown], max_shards)
    removals = read_removals(output.sub("work"), summary.get("removed", {}))
    folder = output.root.rstrip("/").rpartition("/")[2]
    return Facts(place, name or folder or place, corpus, tokens, summary, rules, shown, rows, removals, remarks)


def _check(output: Store, summary: Any, corpus: Manifest) -> None:
    funnel = summary.get("funnel") if isinstance(summary, dict) else None
    if not isinstance(funnel, dict) or not all(name in funnel for name in _FUNNEL) or "root_hash" not in summary:
        raise CorruptionError(f"{output.path(SUMMARY_NAME)}: not the summary of a build; run the build again")
    totals = corpus.root.get("totals")
    if not isinstance(totals, dict) or not all(name in totals for name in ("rows", "n_chars", "bytes", "by_split")):
        raise CorruptionError(
            f"{corpus.store.path('manifest.json')}: it has no totals; restore it or run the build again"
        )
