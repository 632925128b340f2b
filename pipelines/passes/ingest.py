"""The ingest pass: read, decode, extract, normalise, language, label, quality, sign; one task per split."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from corpus.config.build import BuildConfig
from corpus.config.input import SOURCE_FIELDS, InputSettings
from corpus.reading import read_split
from corpus.reading.splits import Split
from corpus.schema import DEAD_LETTERS, RECORDS, documents_schema, signatures_schema
from corpus.shards.writer import ShardWriter, write_parquet
from corpus.steps import make_step
from corpus.storage import Store
from pipelines.passes.loading import INGEST_STEPS, loaded_step
from pipelines.passes.reports import Report, fingerprint
from pipelines.passes.steps import Chain, Clock, StepTimes
from pipelines.passes.task import Announce, Isolation, Item, Progress

POISON = "worker_died"


def quality_signals() -> list[str]:
    """Return the names of the quality signals in stored order."""
    from corpus.quality.signals import SIGNALS

    return list(SIGNALS)


@dataclass(frozen=True)
class IngestTask:
    """Turns one split into documents, signatures, rejects and dead letters."""

    config: BuildConfig
    output: str
    name: str = "ingest"

    def settings_fingerprint(self) -> str:
        """Return what of configuration, code and artifacts the output of this pass depends on."""
        parts: list[Any] = []
        for step_name in (*INGEST_STEPS, "sign"):
            section = self.config.dedupe if step_name == "sign" else getattr(self.config, step_name)
            step = make_step(step_name, section)
            parts.append([step_name, step.version, section.model_dump(mode="json"), step.artifacts()])
        reading = self.config.input.model_dump(mode="json", exclude=set(SOURCE_FIELDS))
        return fingerprint(parts, reading, self.config.keep_rejects)

    def item(self, split: Split, settings: str) -> Item:
        """Return the item of ``split``."""
        mark = fingerprint(self.name, settings, split.identity().hex())
        weight = sum(piece.end - piece.start for piece in split.pieces)
        return Item(mark, split.to_json(), weight)

    def place(self, item: Item) -> str:
        """Return 32 hex digits for where the split of ``item`` begins in the input, whatever lies there."""
        first = item.payload["pieces"][0]
        return fingerprint(first["path"], first["start"])

    def run(self, item: Item, attempt: str, isolation: Isolation, announce: Announce) -> Report:
        """Ingest one split and return its report."""
        config = self.config
        split = Split.from_json(item.payload)
        times = StepTimes()
        with Clock(times, "load"):
            steps = [loaded_step(name, getattr(config, name)) for name in INGEST_STEPS]
            sign = loaded_step("sign", config.dedupe)
        chain = Chain(steps, config.keep_rejects, times=times)
        work = Store(self.output).sub("work")
        stem = f"{item.fingerprint}-{attempt}"
        documents = ShardWriter(
            work,
            f"documents/{stem}.arrow",
            documents_schema(quality_signals()),
            layout="file",
            compression="lz4",
            hashed=False,
        )
        signatures: list[pa.RecordBatch] = []
        dead: list[pa.RecordBatch] = []
        read_bytes = 0
        source = _guarded(split, config.input, isolation, announce, chain)
        while True:
            with Clock(chain.times, "read"):
                piece = next(source, None)
            if piece is None:
                break
            batch, skipped, quarantined, n_read = piece
            ledger = chain.ledger
            ledger.read += n_read
            ledger.skipped.update(skipped)
            for reason in quarantined.column("reason").to_pylist():
                ledger.quarantined[reason] += 1
            dead.append(quarantined)
            read_bytes += batch.column("payload").nbytes
            if batch.num_rows == 0:
                continue
            kept = chain.run(batch)
            if kept.num_rows:
                ledger.kept += kept.num_rows
                with Clock(chain.times, "sign"):
                    signatures.append(sign.signatures(kept, documents.rows))
                with Clock(chain.times, "write"):
                    documents.write(kept)
        with Clock(chain.times, "write"):
            entry = documents.close()
            schema = signatures[0].schema if signatures else signatures_schema(0)
            files = {
                "documents": entry,
                "signatures": write_parquet(
                    work, f"signatures/{stem}.parquet", pa.Table.from_batches(signatures, schema)
                ),
                "rejects": write_parquet(work, f"rejects/{stem}.parquet", chain.reject_table()),
                "dead_letters": write_parquet(
                    work,
                    f"dead_letters/{stem}.parquet",
                    pa.concat_tables([pa.Table.from_batches(dead, DEAD_LETTERS), chain.dead_letter_table()]),
                ),
            }
        chain.ledger.check(f"ingest of split {item.fingerprint}")
        return {
            "ledger": chain.ledger.to_json(),
            "files": files,
            "batches": documents.batches,
            "read_bytes": read_bytes,
            "times": {"wall": chain.times.wall, "cpu": chain.times.cpu},
        }


Piece = tuple[pa.RecordBatch, dict[str, int], pa.RecordBatch, int]


def _guarded(
    split: Split, settings: InputSettings, isolation: Isolation, announce: Announce, chain: Chain
) -> Iterator[Piece]:
    """Yield batches to process, announcing each; cut around records that an earlier attempt died on."""
    if isolation.one_by_one:
        settings = settings.model_copy(update={"batch_rows": 1})
    ledger = chain.ledger
    ordinal = total_bytes = 0
    source = read_split(split, settings)
    while True:
        announce(Progress(ordinal, ordinal, ledger.documents, ledger.kept, total_bytes))
        if isolation.stop is not None and ordinal >= isolation.stop:
            place = split.pieces[-1]
            yield _no_records(), {}, _dead_letter(place.path, -1, None, "reader died behind the records before this"), 1
            return
        batch = next(source, None)
        if batch is None:
            return
        records = batch.records
        for start, stop, alone in _runs(ordinal, ordinal + records.num_rows, isolation):
            rows = records.slice(start - ordinal, stop - start)
            if start in isolation.poison:
                path, offset, url = (rows.column(name)[0].as_py() for name in ("path", "offset", "url"))
                yield _no_records(), {}, _dead_letter(path, offset, url, isolation.poison[start]), 1
                continue
            announce(Progress(start, start + 1 if alone else stop, ledger.documents, ledger.kept, total_bytes))
            yield rows, {}, _no_letters(), rows.num_rows
            total_bytes += rows.column("payload").nbytes
        ordinal += records.num_rows
        yield _no_records(), dict(batch.skipped), batch.quarantined, batch.n_read - records.num_rows


def _runs(start: int, stop: int, isolation: Isolation) -> Iterator[tuple[int, int, bool]]:
    """Cut [start, stop) into runs: poison and suspects alone, everything else together."""
    if not isolation.poison and isolation.suspects is None:
        if start < stop:
            yield start, stop, False
        return
    low, high = isolation.suspects or (0, 0)
    run = start
    for ordinal in range(start, stop):
        if ordinal in isolation.poison or low <= ordinal < high:
            if run < ordinal:
                yield run, ordinal, False
            yield ordinal, ordinal + 1, True
            run = ordinal + 1
    if run < stop:
        yield run, stop, False


def _dead_letter(path: str, offset: int, url: str | None, why: str) -> pa.RecordBatch:
    row = {"path": path, "offset": offset, "url": url, "part": -1, "step": "ingest"}
    row |= {"reason": POISON, "detail": why, "reproducible": False}
    return pa.RecordBatch.from_pylist([row], schema=DEAD_LETTERS)


def _no_letters() -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], schema=DEAD_LETTERS)


def _no_records() -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], schema=RECORDS)
