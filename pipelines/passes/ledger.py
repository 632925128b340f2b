"""The two balances of a task: no record and no document is lost silently (design rule 1)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from corpus.errors import BuildError


@dataclass
class Ledger:
    """Counts of one task, or of a pass when merged.

    Records: ``read = with_documents + skipped + quarantined``.
    Documents (as they arise): ``in = kept + dropped + document_quarantined (+ duplicates in publish)``.
    """

    read: int = 0
    with_documents: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[str] = field(default_factory=Counter)
    documents: int = 0
    kept: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    document_quarantined: Counter[str] = field(default_factory=Counter)
    duplicates: Counter[str] = field(default_factory=Counter)

    def check(self, where: str) -> None:
        """Raise BuildError where a balance does not hold."""
        records = self.with_documents + self.skipped.total() + self.quarantined.total()
        if self.read != records:
            raise BuildError(
                f"{where}: {self.read} records read, {records} accounted for; this is a bug, nothing was published"
            )
        documents = self.kept + self.dropped.total() + self.document_quarantined.total() + self.duplicates.total()
        if self.documents != documents:
            raise BuildError(
                f"{where}: {self.documents} documents in, {documents} out; this is a bug, nothing was published"
            )

    def add(self, other: Ledger) -> None:
        """Add the counts of another ledger to this one."""
        self.read += other.read
        self.with_documents += other.with_documents
        self.documents += other.documents
        self.kept += other.kept
        for mine, theirs in (
            (self.skipped, other.skipped),
            (self.quarantined, other.quarantined),
            (self.dropped, other.dropped),
            (self.document_quarantined, other.document_quarantined),
            (self.duplicates, other.duplicates),
        ):
            mine.update(theirs)

    def to_json(self) -> dict[str, Any]:
        """Return the counts as JSON values."""
        return {
            "read": self.read,
            "with_documents": self.with_documents,
            "skipped": dict(sorted(self.skipped.items())),
            "quarantined": dict(sorted(self.quarantined.items())),
            "documents": self.documents,
            "kept": self.kept,
            "dropped": dict(sorted(self.dropped.items())),
            "document_quarantined": dict(sorted(self.document_quarantined.items())),
            "duplicates": dict(sorted(self.duplicates.items())),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Ledger:
        """Return the ledger that :meth:`to_json` wrote."""
        counters = ("skipped", "quarantined", "dropped", "document_quarantined", "duplicates")
        fields: dict[str, Any] = {key: Counter(item) if key in counters else item for key, item in value.items()}
        return cls(**fields)
