"""An engine whose workers do nothing but say what they would have: for the rehearsal of the driver at scale.

It commits, for each item that it is handed, a report of the size and shape that a split of 64 MB gives, and puts a
signature file where the report says.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa

from corpus.config.build import BuildConfig
from corpus.config.dedupe import DedupeSettings
from corpus.config.section import Section
from corpus.dedupe.parameters import band_shape
from corpus.dedupe.signatures import fixed_binary, sketch_bytes
from corpus.shards.writer import write_parquet
from corpus.storage import Store
from pipelines.engines.interface import OnProgress, OnReport, Signed
from pipelines.engines.local import LocalEngine
from pipelines.passes.ledger import Ledger
from pipelines.passes.reports import Report, commit
from pipelines.passes.task import Item, Task, attempt_name

BATCHES, BATCH_ROWS, BATCH_BYTES = 8, 2500, 8 << 20  # of the documents of one split: 64 MiB of text
DUPLICATES, DROPPED = 0.3, 0.2
SIGNATURE_FILES, SIGNATURE_ROWS = 100, 4  # distinct ones; the splits share them, so that rows repeat
SIGNED = 20  # one split in so many has a signature file
REASONS = ("too_short", "language", "link_density", "duplicate_10grams", "top_3gram", "little_prose", "word_salad")
STEPS = ("load", "read", "decode", "extract", "normalise", "language", "label", "quality", "sign", "write")


class Died(Exception):
    """The driver's end in the middle of a pass."""


class RehearsalEngine(LocalEngine):
    """Commits a synthetic report for every item it is handed; dedupe runs in the local engine's tables."""

    def __init__(self, config: BuildConfig, die_after: float = 1.0) -> None:
        super().__init__(config.run)
        self._config, self._die_after = config, die_after
        self.handed: dict[str, list[str]] = {}
        self.seconds = 0.0  # CPU of what the driver hands to others: the workers here replaced, and the tables

    def expect(self, steps: Sequence[tuple[str, Section]]) -> None:
        """See :class:`pipelines.engines.interface.Engine`. There are no workers."""

    def run(self, task: Task, work: Store, items: Sequence[Item], on_report: OnReport, on_progress: OnProgress) -> None:
        """See :class:`pipelines.engines.interface.Engine`. Dies behind the share ``die_after`` of the items."""
        self.handed[task.name] = [item.fingerprint for item in items]
        make = {"ingest": self._ingested, "publish": self._published, "index": self._indexed}[task.name]
        for item in items[: int(len(items) * self._die_after)]:
            with self.others():
                attempt = attempt_name()
                report = {"fingerprint": item.fingerprint, **make(work, item, f"{item.fingerprint}-{attempt}")}
                commit(work, task.name, item.fingerprint, attempt, report)
            on_report(item, report)
        if self._die_after < 1:
            raise Died

    @contextmanager
    def others(self) -> Iterator[None]:
        """Count what the body takes as the work of others."""
        started = time.process_time()
        yield
        self.seconds += time.process_time() - started

    @contextmanager
    def clusters(self, signed: Signed, settings: DedupeSettings, scratch: Store) -> Iterator[Iterator[pa.RecordBatch]]:
        """See :class:`pipelines.engines.interface.Engine`."""
        with self.others():
            opened = super().clusters(signed, settings, scratch)
            batches = opened.__enter__()
        try:
            yield batches
        finally:
            opened.__exit__(None, None, None)

    def _ingested(self, work: Store, item: Item, stem: str) -> Report:
        number = int(item.fingerprint[:8], 16)
        signatures = _entry(f"signatures/{stem}.parquet", 0 if number % SIGNED else SIGNATURE_ROWS)
        if signatures["rows"]:
            target = work.path(signatures["path"])
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.link(work.path(f"prototypes/{number // SIGNED % SIGNATURE_FILES}.parquet"), target)
        kept = BATCHES * BATCH_ROWS
        ledger = Ledger(read=2 * kept, with_documents=2 * kept, documents=2 * kept, kept=kept)
        for place, reason in enumerate(REASONS):
            ledger.dropped[reason] = kept // len(REASONS) + (place < kept % len(REASONS))
        files = {"documents": _entry(f"documents/{stem}.arrow", kept), "signatures": signatures}
        files |= {kind: _entry(f"{kind}/{stem}.parquet", kept) for kind in ("rejects", "dead_letters")}
        return {
            "ledger": ledger.to_json(),
            "files": files,
            "batches": [{"rows": BATCH_ROWS, "bytes": BATCH_BYTES}] * BATCHES,
            "read_bytes": BATCHES * BATCH_BYTES * 10,
            "times": {clock: dict.fromkeys(STEPS, 1.25) for clock in ("wall", "cpu")},
        }

    def _indexed(self, work: Store, item: Item, stem: str) -> Report:
        return {"index": _entry(f"{stem}.parquet", BATCHES * BATCH_ROWS)}

    def _published(self, work: Store, item: Item, stem: str) -> Report:
        documents = BATCH_ROWS * sum(piece["batches"][1] - piece["batches"][0] for piece in item.payload["pieces"])
        duplicates, dropped = int(documents * DUPLICATES), int(documents * DROPPED)
        ledger = Ledger(documents=documents, kept=documents - duplicates - dropped)
        ledger.duplicates["near"], ledger.dropped["pii_density"] = duplicates, dropped
        rows = {"valid": ledger.kept // 100}
        rows["train"] = ledger.kept - rows["valid"]
        domains = dict.fromkeys([*self._config.label.domains, "none"], 17)
        shards, statistics = {}, {}
        for name, count in sorted(rows.items()):
            content = hashlib.blake2b(f"{item.fingerprint} {name}".encode(), digest_size=32).hexdigest()
            shards[name] = {**_entry(f"corpus/{name}/{stem}.arrow", count), "content_hash": content}
            statistics[name] = {"rows": count, "n_chars": count * 1000, "text_bytes": count * 2700, "domain": domains}
            statistics[name] |= {column: {"utf-8": count} for column in ("charset", "language", "script", "page_kind")}
            statistics[name] |= {"domain_bytes": domains, "source_type": {"news": count}, "pii": {"EMAIL": 5}}
        kinds = ("duplicates", "rejects", "dead_letters", "pii_audit")
        return {
            "ledger": ledger.to_json(),
            "shards": shards,
            "files": {kind: _entry(f"{kind}/{stem}.parquet", dropped) for kind in kinds},
            "statistics": statistics,
            "read_bytes": documents * 2700,
            "times": {clock: dict.fromkeys(("load", "read", "scrub", "write"), 1.25) for clock in ("wall", "cpu")},
        }


def _entry(path: str, rows: int) -> dict[str, Any]:
    return {"path": path, "rows": rows, "bytes": rows * 1000, "sha256": hashlib.sha256(path.encode()).hexdigest()}


def write_signature_files(config: BuildConfig) -> None:
    """Write the signature files that the splits will share."""
    work = Store(config.output).sub("work")
    bands = band_shape(config.dedupe).bands
    rng = np.random.Generator(np.random.Philox(3))
    size = SIGNATURE_ROWS
    for number in range(SIGNATURE_FILES):
        columns = {
            "row": pa.array(range(size), pa.int32()),
            "doc_key": fixed_binary(rng.integers(0, 2**63, (size, 2))),
            "content_hash": fixed_binary(rng.integers(0, 2**63, (size, 2))),
            "quality": pa.array([500_000] * size, pa.int32()),
            "n_chars": pa.array([900] * size, pa.int32()),
            "bands": pa.array(rng.integers(0, 2**62, (size, bands)).tolist(), pa.list_(pa.int64())),
            "signature": fixed_binary(rng.integers(0, 255, (size, sketch_bytes(config.dedupe)), np.uint8)).cast(
                pa.binary()
            ),
        }
        write_parquet(work, f"prototypes/{number}.parquet", pa.table(columns))
