"""Scrub: personal information is replaced in text, title and URL, and counted.

One scan over the shadow of a whole batch decides which documents can hold anything (:mod:`corpus.pii.engine`);
a clean document is never decoded. What is found is replaced by the action of its kind; a document that is a
leaked table rather than a text (more than ``max_count`` identifiers, or a share of personal characters above
``max_density``) is dropped. The audit rows say where something stood and carry a keyed hash, never the value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.config.scrub import NEUTRAL, ScrubSettings
from corpus.pii.actions import canonical, placeholder, replacement
from corpus.pii.engine import NOT_IDENTIFYING, Engine
from corpus.pii.key import Key, KeyMissing, read_key
from corpus.pii.spans import Span
from corpus.schema import PII_COUNT
from corpus.steps.interface import Outcome, Removal, keep_rows, set_column

FIELDS = ("title", "url", "text")
# What can stand in a URL. Names and addresses there are parts of words.
URL_KINDS = frozenset({"EMAIL", "CN_MOBILE", "CN_ID_CARD", "URL_USER", "SECRET", "WECHAT_ID", "QQ", "BANK_CARD"})
SCORE_STEP = 1e-4

# One row per span that was found, kept tables of the publish pass.
PII_AUDIT = pa.schema(
    [
        pa.field("doc_key", pa.binary(16)),
        pa.field("field", pa.string(), nullable=False),  # "text", "title", "url"
        pa.field("start", pa.int32(), nullable=False),  # code points of the field before anything was replaced
        pa.field("end", pa.int32(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("rule", pa.string(), nullable=False),  # recogniser that found it
        pa.field("action", pa.string(), nullable=False),
        pa.field(
            "hash", pa.binary(16)
        ),  # HMAC of the canonical value; null without a key (a bare hash can be searched)
    ]
)

# Kinds that make no leaked table: names and addresses of a judgment's parties, the authors that a page links to, the
# machines of a log. They are replaced, and the document stays.
NOT_LEAKED = NOT_IDENTIFYING | {"URL_USER", "IP_ADDRESS", "MAC_ADDRESS", "GPS"}


class _Scrubbed(NamedTuple):
    """A batch after scrubbing, before documents are dropped."""

    batch: pa.RecordBatch
    spans: dict[str, dict[int, list[Span]]]  # field -> row -> spans that count
    values: dict[str, dict[int, str]]  # field -> row -> text before


class Scrub:
    """Finds and replaces personal information. Section ``scrub``."""

    name = "scrub"
    version = 1

    def __init__(self, settings: ScrubSettings) -> None:
        self.settings = settings
        self.engine = Engine(settings)
        self._key: Key | None = None
        self._loaded = False

    def load(self) -> None:
        """Read rules and key, import Presidio, compile the prefilter.

        Raises corpus.pii.MissingDependency without the ``pii`` extra, KeyMissing where pseudonyms are asked for
        without a key, RuleError for a rule that cannot be used.
        """
        if not self.settings.enabled or self._loaded:
            return
        self._key = read_key(self.settings.key_env, self.settings.key_file)
        if self._key is None and "pseudonym" in {self.settings.action, *self.settings.actions.values()}:
            raise KeyMissing(
                f"Pseudonyms need a key: set {self.settings.key_env} or scrub.key_file, e.g. to openssl rand -hex 32."
            )
        self.engine.load()
        self._loaded = True

    def artifacts(self) -> dict[str, str]:
        """Return the sha256 of the rules, and the fingerprint of the key where there is one."""
        if not self.settings.enabled:
            return {}
        key = self._key or read_key(self.settings.key_env, self.settings.key_file)
        found = {"pii_rules": self.engine.digest()}
        if key is not None:
            found["pii_key"] = key.fingerprint()
        return found

    def action(self, kind: str) -> str:
        """Return the action for ``kind``."""
        return self.settings.actions.get(kind, self.settings.action)

    def spans(self, texts: Sequence[str]) -> list[list[Span]]:
        """Return the spans of each text that have an action other than ``keep``, by position.

        Positions are code points of the text as given. Nothing is replaced and no limit applies.
        """
        self.load()
        if not self.settings.enabled:
            return [[] for _ in texts]
        clean = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]  # lone surrogates, one for one
        found = self.engine.scan(pa.array(clean, pa.large_string()))
        return [[s for s in found.get(row, []) if self.action(s.kind) != "keep"] for row in range(len(texts))]

    def apply(self, batch: pa.RecordBatch) -> Outcome:
        """Return the scrubbed batch: see :meth:`apply_with_audit`."""
        if not self.settings.enabled:
            return Outcome(_with_counts(batch, {}), [])
        scrubbed = self._scrub(batch)
        return self._outcome(batch, scrubbed)

    def apply_with_audit(self, batch: pa.RecordBatch) -> tuple[Outcome, pa.RecordBatch]:
        """Return the outcome and one row of :data:`PII_AUDIT` per span, dropped documents' spans among them."""
        if not self.settings.enabled:
            return self.apply(batch), pa.RecordBatch.from_pylist([], schema=PII_AUDIT)
        scrubbed = self._scrub(batch)
        return self._outcome(batch, scrubbed), self._audit(batch, scrubbed)

    def _scrub(self, batch: pa.RecordBatch) -> _Scrubbed:
        """Replace in every field; the result still has all rows."""
        self.load()
        names = batch.schema.names
        types = batch.column("source_type").to_pylist() if "source_type" in names else None
        found: dict[str, dict[int, list[Span]]] = {}
        values: dict[str, dict[int, str]] = {}
        for field in [field for field in FIELDS if field in names]:
            column = batch.column(field)
            spans = self.engine.scan(column, URL_KINDS if field == "url" else None, types)
            spans = {
                row: kept
                for row, all_of in spans.items()
                if (kept := [s for s in all_of if self.action(s.kind) != "keep"])
            }
            found[field] = spans
            values[field] = {row: column[row].as_py() for row in spans}
            if not spans:
                continue
            replaced = {row: self._replace(field, values[field][row], spans[row]) for row in spans}
            batch = set_column(batch, field, _patch(column, replaced))
            if field == "text" and "n_chars" in names:
                batch = set_column(batch, "n_chars", _recounted(batch.column("n_chars"), replaced))
        touched = {row for spans in found.values() for row in spans}
        counts = {
            row: sorted(Counter(s.kind for field in found for s in found[field].get(row, ())).items())
            for row in sorted(touched)
        }
        return _Scrubbed(_with_counts(batch, counts), found, values)

    def _replace(self, field: str, value: str, spans: list[Span]) -> str:
        """Return ``value`` with each span replaced; in a URL column scheme and host stay."""
        out: list[str] = []
        at = 0
        for span in spans:
            start = span.start
            if field == "url" and span.kind == "URL_USER":
                parts = urlsplit(value)
                start = max(start, len(parts.scheme) + 3 + len(parts.netloc) + 1 if parts.netloc else start)
            start = min(max(start, at), span.end)
            out.append(value[at:start])
            text = replacement(self.action(span.kind), span.kind, value[span.start : span.end], self._key)
            if start != span.start and text != value[span.start : span.end]:
                text = placeholder(span.kind)
            out.append(text if text != value[span.start : span.end] else value[start : span.end])
            at = span.end
        out.append(value[at:])
        return "".join(out)

    def _outcome(self, original: pa.RecordBatch, scrubbed: _Scrubbed) -> Outcome:
        """Drop documents above the limits and those with a kind whose action is to drop."""
        removals = []
        rows = sorted({row for by_row in scrubbed.spans.values() for row in by_row})
        for row in rows:
            removal = self._removal(original, scrubbed, row)
            if removal is not None:
                removals.append(removal)
        return Outcome(keep_rows(scrubbed.batch, removals), removals)

    def _removal(self, original: pa.RecordBatch, scrubbed: _Scrubbed, row: int) -> Removal | None:
        settings = self.settings
        spans = [span for by_row in scrubbed.spans.values() for span in by_row.get(row, ())]
        for kind in sorted({span.kind for span in spans}):
            if self.action(kind) == "drop":
                return Removal(row, "dropped", f"pii_{kind.lower()}", 1.0, 0.0)
        identifiers = sum(span.kind not in NOT_LEAKED for span in spans)
        if settings.max_count and identifiers > settings.max_count:
            return Removal(row, "dropped", "pii_count", float(identifiers), float(settings.max_count))
        in_text = [span for span in scrubbed.spans.get("text", {}).get(row, []) if span.kind not in NOT_LEAKED]
        if settings.max_density and len(in_text) >= settings.density_min_count:
            characters = sum(span.end - span.start for span in in_text)
            density = round(characters / len(scrubbed.values["text"][row]) / SCORE_STEP) * SCORE_STEP
            if density > settings.max_density:
                return Removal(row, "dropped", "pii_density", density, settings.max_density)
        return None

    def _audit(self, original: pa.RecordBatch, scrubbed: _Scrubbed) -> pa.RecordBatch:
        """Return the audit rows in order of row, field and position."""
        has_key = "doc_key" in original.schema.names
        rows = []
        for row in sorted({row for by_row in scrubbed.spans.values() for row in by_row}):
            doc_key = original.column("doc_key")[row].as_py() if has_key else None
            for field in FIELDS:
                for span in scrubbed.spans.get(field, {}).get(row, ()):
                    value = scrubbed.values[field][row][span.start : span.end]
                    keyed = self._key.digest(span.kind, canonical(span.kind, value))[:16] if self._key else None
                    rows.append(
                        {
                            "doc_key": doc_key,
                            "field": field,
                            "start": span.start,
                            "end": span.end,
                            "kind": span.kind,
                            "rule": span.rule,
                            "action": self.action(span.kind),
                            "hash": keyed,
                        }
                    )
        return pa.RecordBatch.from_pylist(rows, schema=PII_AUDIT)


def _with_counts(batch: pa.RecordBatch, counts: Mapping[int, Sequence[tuple[str, int]]]) -> pa.RecordBatch:
    """Return ``batch`` with column ``pii``: (kind, count) per row, sorted by kind. ``counts``: ascending rows."""
    sizes = np.zeros(batch.num_rows + 1, dtype=np.int32)
    for row, of_row in counts.items():
        sizes[row + 1] = len(of_row)
    flat = [{"kind": kind, "count": count} for of_row in counts.values() for kind, count in of_row]
    offsets = pa.array(np.cumsum(sizes, dtype=np.int32))
    return set_column(batch, "pii", pa.ListArray.from_arrays(offsets, pa.array(flat, PII_COUNT), pa.list_(PII_COUNT)))


def _recounted(lengths: pa.Array, replaced: Mapping[int, str]) -> pa.Array:
    """Return ``lengths`` (code points) with those of the ``replaced`` texts."""
    rows = sorted(replaced)
    mask = np.zeros(len(lengths), dtype=bool)
    mask[rows] = True
    return pc.replace_with_mask(lengths, pa.array(mask), pa.array([len(replaced[row]) for row in rows], lengths.type))


def _patch(column: pa.Array, replaced: Mapping[int, str]) -> pa.Array:
    """Return ``column`` with the rows in ``replaced`` changed; the others are not decoded."""
    rows = sorted(replaced)
    mask = np.zeros(len(column), dtype=bool)
    mask[rows] = True
    return pc.replace_with_mask(column, pa.array(mask), pa.array([replaced[row] for row in rows], column.type))


__all__ = ["NEUTRAL", "PII_AUDIT", "Scrub"]
