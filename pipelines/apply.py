"""Single steps over files, without a build: to try one before trusting it, and for evaluation scripts."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from corpus.config.build import BuildConfig
from corpus.errors import ConfigError
from corpus.reading import read_split
from corpus.reading.digests import DigestCache
from corpus.reading.files import list_files
from corpus.reading.splits import Split, plan_splits
from corpus.schema import EXTRACTED
from corpus.steps import STEPS
from corpus.steps.interface import Step
from pipelines.passes.loading import loaded_step
from pipelines.passes.steps import RECORD_STEPS, apply_isolated

IDENTITY = ("path", "offset", "url", "record_id", "part")


def apply_steps(names: Sequence[str], config: BuildConfig, unread: Collection[str] = ()) -> Iterator[dict[str, Any]]:
    """Yield one JSON object per document (or per record that gave none) of the configured input.

    Records always pass decode and extract, since every other step works on
    documents. ``id`` is the source's own id. Removed rows are yielded with
    ``removed`` (step, reason, score, threshold), so nothing goes missing.
    ``unread`` are input files (real paths) that are left alone.
    """
    for read, removed, batch in _batches(names, config, unread):
        yield from read
        yield from removed
        for row in batch.to_pylist():
            yield _json(row)


def pii_spans(config: BuildConfig, unread: Collection[str] = ()) -> Iterator[dict[str, Any]]:
    """Yield ``{"id", "spans": [{"start", "end", "type"}]}`` for each document; offsets are code points of its text."""
    scrub = loaded_step("scrub", config.scrub)
    for read, removed, batch in _batches((), config, unread):
        for row in [*read, *removed]:
            yield {"id": row.get("id"), "spans": []}
        ids = batch.column("record_id").to_pylist()
        paths = batch.column("path").to_pylist()
        found = scrub.spans(batch.column("text").to_pylist())
        for identity, path, spans in zip(ids, paths, found, strict=True):
            listed = [{"start": span.start, "end": span.end, "type": span.kind} for span in spans]
            yield {"id": identity if identity is not None else path, "spans": listed}


Rows = list[dict[str, Any]]


def _batches(
    names: Sequence[str], config: BuildConfig, unread: Collection[str]
) -> Iterator[tuple[Rows, Rows, pa.RecordBatch]]:
    unknown = [name for name in names if name not in STEPS]
    if unknown:
        raise ConfigError(f"no step is called '{unknown[0]}'; known: {', '.join(STEPS)}")
    wanted = [*RECORD_STEPS, *(name for name in names if name not in RECORD_STEPS)]
    sections = {"sign": config.dedupe}
    steps = [loaded_step(name, sections[name] if name in sections else getattr(config, name)) for name in wanted]
    plan = plan_splits(config.input, DigestCache())
    files = list_files(config.input.paths) if unread else []
    left = {file.path for file in files if file.local and os.path.realpath(file.uri) in unread}
    refused = [_letter(row) for row in plan.refused.to_pylist() if row["path"] not in left]
    if refused:
        yield refused, [], pa.RecordBatch.from_pylist([], schema=EXTRACTED)
    for split in plan.splits:
        pieces = tuple(piece for piece in split.pieces if piece.path not in left)
        for batch in read_split(Split(pieces), config.input):
            read = [_letter(row) for row in batch.quarantined.to_pylist()]
            removed, kept = _through(steps, batch.records)
            yield read, removed, kept


def _through(steps: Sequence[Step], batch: pa.RecordBatch) -> tuple[Rows, pa.RecordBatch]:
    gone: Rows = []
    for step in steps:
        outcome = apply_isolated(step, batch)
        present = [name for name in IDENTITY if name in batch.schema.names]
        for removal in outcome.removals:
            row = {name: batch.column(name)[removal.row].as_py() for name in present}
            why = {"step": step.name, "kind": removal.kind, "reason": removal.reason, "score": removal.score}
            why |= {"threshold": removal.threshold, "detail": removal.detail or None}
            gone.append(_json(row | {"removed": {key: value for key, value in why.items() if value is not None}}))
        batch = outcome.batch
    return gone, batch


def _letter(row: dict[str, Any]) -> dict[str, Any]:
    why = {"step": row["step"], "kind": "quarantined", "reason": row["reason"], "detail": row["detail"]}
    return {"id": None, "path": row["path"], "offset": row["offset"], "removed": why}


def _json(row: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {"id": row.get("record_id") if row.get("record_id") is not None else row.get("path")}
    for name, value in row.items():
        if value is None or name == "record_id":
            continue
        if isinstance(value, bytes):
            value = value.hex()
        elif isinstance(value, datetime):
            value = value.isoformat()
        elif isinstance(value, float):
            value = round(value, 6)
        out[name] = value
    return out
