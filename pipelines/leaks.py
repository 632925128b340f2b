"""Personal information that published shards still hold: by the rules, and by checks of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from corpus.config.scrub import KINDS, ScrubSettings
from corpus.errors import BuildError
from corpus.pii.actions import placeholder
from corpus.pii.audit import audit
from corpus.shards.reader import read_shard
from corpus.storage import Store

if TYPE_CHECKING:
    from corpus.steps.scrub import Scrub

RATE_STEP = 4  # decimal places of a rate
LEFT_BY_CONFIGURATION = ("keep", "tag")
FIELDS = ("text", "title")
PLACEHOLDERS = frozenset(map(placeholder, KINDS))
PLACES_KEPT = 1000  # leaks whose place is remembered, for a person to look at


class Leak(NamedTuple):
    """A place that still holds personal information. The value itself is not in it."""

    doc_key: bytes
    field: str
    start: int  # code points
    end: int
    kind: str  # a kind of the rules, or a check of the audit
    by: str  # "rules" or "audit"


@dataclass
class Leaks:
    """What a scan found. Audit suspicions count where no rule claims their characters."""

    rows: int = 0
    characters: int = 0
    by_rules: Counter[str] = field(default_factory=Counter)
    by_audit: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)  # kinds that the configuration leaves where they are
    places: list[Leak] = field(default_factory=list)

    @property
    def count(self) -> int:
        """All leaks."""
        return self.by_rules.total() + self.by_audit.total()

    def rate(self, count: int | None = None) -> float:
        """Return leaks (or ``count``) per million characters, quantised to 1e-4."""
        found = self.count if count is None else count
        return round(found * 1e6 / self.characters, RATE_STEP) if self.characters else 0.0

    def add(self, leak: Leak) -> None:
        """Count one leak."""
        (self.by_rules if leak.by == "rules" else self.by_audit)[leak.kind] += 1
        if len(self.places) < PLACES_KEPT:
            self.places.append(leak)


def find_leaks(step: Scrub, batches: Iterable[pa.RecordBatch]) -> Leaks:
    """Scan published ``batches`` with the rules of ``step`` and with the independent audit.

    Addresses (``url``) are scanned by the rules of their kinds alone: an article's number is no phone.
    """
    from corpus.steps.scrub import URL_KINDS

    step.load()
    leaks = Leaks()
    for batch in batches:
        leaks.rows += batch.num_rows
        leaks.characters += pc.sum(batch.column("n_chars")).as_py() or 0
        types = batch.column("source_type").to_pylist()
        for name in FIELDS:
            _scan(step, batch, name, types, leaks)
        for row, spans in sorted(step.engine.scan(batch.column("url"), URL_KINDS, types).items()):
            _by_rules(step, batch, "url", row, spans, leaks)
    return leaks


def check_leaks(settings: ScrubSettings, store: Store, shards: Iterable[dict[str, Any]]) -> None:
    """Scan ``shards`` before a manifest names them; BuildError above ``settings.max_leaks`` per million characters."""
    from corpus.steps.scrub import Scrub

    step = Scrub(settings.model_copy(update={"enabled": True}))
    leaks = find_leaks(step, (batch for shard in shards for batch in read_shard(store, shard)))
    if settings.max_leaks is not None and leaks.rate() > settings.max_leaks:
        kinds = ", ".join(f"{kind} {count}" for kind, count in (leaks.by_rules + leaks.by_audit).most_common(5))
        raise BuildError(
            f"{leaks.rate():.4f} findings of personal information per million characters after scrubbing ({kinds}), "
            f"scrub.max_leaks allows {settings.max_leaks:g}; nothing was published"
        )


def _scan(step: Scrub, batch: pa.RecordBatch, name: str, types: Sequence[str | None], leaks: Leaks) -> None:
    column = batch.column(name)
    found = step.engine.scan(column, None, types)
    for row, spans in sorted(found.items()):
        _by_rules(step, batch, name, row, spans, leaks)
    for suspicion in audit(value or "" for value in column.to_pylist()):
        spans = found.get(suspicion.text, [])
        if any(span.start < suspicion.end and suspicion.start < span.end for span in spans):
            continue  # a rule has counted it, or the configuration keeps it
        key = batch.column("doc_key")[suspicion.text].as_py()
        leaks.add(Leak(key, name, suspicion.start, suspicion.end, suspicion.check, "audit"))


def _by_rules(step: Scrub, batch: pa.RecordBatch, name: str, row: int, spans: Sequence[Any], leaks: Leaks) -> None:
    text = batch.column(name)[row].as_py()
    for span in spans:
        if span.start and text[span.start - 1 : span.end + 1] in PLACEHOLDERS:
            continue  # a placeholder beside a cue looks like an id
        if step.action(span.kind) in LEFT_BY_CONFIGURATION:
            leaks.left[span.kind] += 1
        else:
            leaks.add(Leak(batch.column("doc_key")[row].as_py(), name, span.start, span.end, span.kind, "rules"))
