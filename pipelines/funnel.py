"""The funnel: what became of every record and every document of a build."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from rich.console import Console
from rich.table import Table

from pipelines.passes.ledger import Ledger
from pipelines.passes.reports import Report


@dataclass
class Funnel:
    """Sums the ledgers of ingest and publish. Documents that ingest keeps enter publish."""

    ledger: Ledger = field(default_factory=Ledger)
    published: int = 0
    text_bytes: int = 0
    read_bytes: int = 0
    removed: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    columns: dict[str, Counter[str]] = field(default_factory=dict)
    wall: Counter[str] = field(default_factory=Counter)
    cpu: Counter[str] = field(default_factory=Counter)

    def add_refused(self, refused: pa.RecordBatch, entry: dict[str, Any] | None) -> None:
        """Add input files of kinds that are not read: each counts as one quarantined record."""
        self.ledger.read += refused.num_rows
        for reason in refused.column("reason").to_pylist():
            self.ledger.quarantined[reason] += 1
        if entry is not None:
            self.removed.setdefault("dead_letters", []).append(entry)

    def add(self, report: Report) -> None:
        """Add a report of ingest."""
        self.ledger.add(Ledger.from_json(report["ledger"]))
        self.read_bytes += report["read_bytes"]
        self._files(report)

    def add_published(self, report: Report) -> None:
        """Add a report of publish: its input was counted as kept by ingest."""
        ledger = Ledger.from_json(report["ledger"])
        self.ledger.kept -= ledger.documents
        ledger.documents = 0
        self.ledger.add(ledger)
        self.published += ledger.kept
        for statistics in report["statistics"].values():
            self.text_bytes += statistics["text_bytes"]
            for name, value in statistics.items():
                if isinstance(value, dict):
                    self.columns.setdefault(name, Counter()).update(value)
        self._files(report)

    def _files(self, report: Report) -> None:
        self.wall.update(report["times"]["wall"])
        self.cpu.update(report["times"]["cpu"])
        for kind, entry in report["files"].items():
            if entry is not None and kind in ("rejects", "dead_letters", "duplicates", "pii_audit"):
                self.removed.setdefault(kind, []).append(entry)

    def columns_json(self) -> dict[str, dict[str, int]]:
        """Return the counts per language, domain and so on of what was published."""
        return {name: dict(counter.most_common()) for name, counter in sorted(self.columns.items())}

    def step_seconds(self) -> dict[str, dict[str, float]]:
        """Return wall and CPU seconds per step, over all workers."""
        return {
            name: {"wall": round(self.wall[name], 4), "cpu": round(self.cpu[name], 4)} for name in sorted(self.wall)
        }

    def to_json(self) -> dict[str, Any]:
        """Return the counts as JSON values."""
        counts = self.ledger.to_json()
        counts["published"] = self.published
        del counts["kept"]
        return counts

    def show(self, console: Console) -> None:
        """Print the funnel as a table."""
        ledger = self.ledger
        table = Table(show_header=False, box=None, pad_edge=False)
        table.add_column(justify="left")
        table.add_column(justify="right")

        def line(name: str, count: int, depth: int = 0) -> None:
            table.add_row("  " * depth + name, f"{count:,}")

        def lines(title: str, counter: Counter[str]) -> None:
            if counter:
                line(title, counter.total(), 1)
                for reason, count in sorted(counter.items(), key=lambda one: (-one[1], one[0])):
                    line(reason, count, 2)

        line("records read", ledger.read)
        lines("skipped (not a document)", ledger.skipped)
        lines("quarantined (see dead letters)", ledger.quarantined)
        line("documents", ledger.documents)
        lines("dropped", ledger.dropped)
        lines("quarantined (see dead letters)", ledger.document_quarantined)
        lines("duplicates", ledger.duplicates)
        line("published", self.published)
        console.print(table)
