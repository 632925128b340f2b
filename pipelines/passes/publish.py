"""The publish pass: drop duplicates, scrub personal information, write the shards. Text is read once more, here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.config.build import BuildConfig
from corpus.identity import KEY_BYTES
from corpus.parquet import read_parquet
from corpus.schema import corpus_schema
from corpus.shards.statistics import ShardStatistics
from corpus.shards.writer import ShardWriter, write_parquet
from corpus.steps import make_step
from corpus.steps.interface import Outcome
from corpus.storage import Store
from corpus.takedown.step import Buried
from corpus.takedown.tombstones import REASON, Tombstones
from pipelines.passes.ingest import quality_signals
from pipelines.passes.loading import loaded_step
from pipelines.passes.reports import Report, fingerprint
from pipelines.passes.steps import Chain, Clock, StepTimes
from pipelines.passes.task import Announce, Isolation, Item, Progress

SPLIT_NAMES = ("train", "valid")

DUPLICATES = pa.schema(
    [
        pa.field("doc_key", pa.binary(16), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("part", pa.int32(), nullable=False),
        pa.field("url", pa.string()),
        pa.field("kind", pa.string(), nullable=False),  # "repeat", "exact", "near"
        pa.field("keeper", pa.binary(16), nullable=False),
        pa.field("similarity", pa.float32(), nullable=False),
        pa.field("cluster_size", pa.int32(), nullable=False),
        pa.field("build", pa.string()),  # the earlier build that published the keeper; null: this one
    ]
)


class AuditedScrub:
    """The scrub step as the chain runs it, with the audit rows it leaves put aside."""

    def __init__(self, step: Any) -> None:
        self._step = step
        self.name: str = step.name
        self.version: int = step.version
        self.audits: list[pa.RecordBatch] = []

    def load(self) -> None:
        """See :class:`corpus.steps.interface.Step`."""
        self._step.load()

    def artifacts(self) -> dict[str, str]:
        """See :class:`corpus.steps.interface.Step`."""
        artifacts: dict[str, str] = self._step.artifacts()
        return artifacts

    def apply(self, batch: pa.RecordBatch) -> Outcome:
        """Scrub ``batch`` and keep its audit."""
        outcome, audit = self._step.apply_with_audit(batch)
        if audit.num_rows:
            self.audits.append(audit)
        scrubbed: Outcome = outcome
        return scrubbed


@dataclass(frozen=True)
class PublishTask:
    """Turns a range of documents into one shard of each split (train, valid)."""

    config: BuildConfig
    output: str
    copies: tuple[str, ...] = ()  # keys (hex) of keepers that stand for something removed on request
    name: str = "publish"

    def settings_fingerprint(self) -> str:
        """Return what of configuration, code and artifacts the output of this pass depends on."""
        scrub = make_step("scrub", self.config.scrub)
        settings = self.config.scrub.model_dump(mode="json", exclude={"max_leaks"})
        publish = self.config.publish.model_dump(mode="json", exclude={"shard_bytes"})
        parts = [scrub.version, settings, scrub.artifacts(), publish, self.config.keep_rejects]
        tombstones = self.tombstones()
        return fingerprint(*parts, tombstones.fingerprint()) if tombstones else fingerprint(*parts)

    def tombstones(self) -> Tombstones:
        """Return what must not be published: the output's list, the configuration's, copies of what they name."""
        listed = Tombstones.read(Store(self.output), self.config.tombstones)
        return listed.with_stones((("key", bytes.fromhex(key)) for key in self.copies), "")

    def run(self, item: Item, attempt: str, isolation: Isolation, announce: Announce) -> Report:
        """Publish one range and return its report."""
        output = Store(self.output)
        work = output.sub("work")
        times = StepTimes()
        with Clock(times, "load"):
            scrub = AuditedScrub(loaded_step("scrub", self.config.scrub))
            buried = Buried(self.tombstones())
        chain = Chain([buried, scrub, buried], self.config.keep_rejects, times=times)
        stem = f"{item.fingerprint}-{attempt}"
        schema = corpus_schema(quality_signals())
        level = self.config.publish.compression_level
        writers: dict[str, ShardWriter] = {}
        statistics = {name: ShardStatistics() for name in SPLIT_NAMES}
        duplicates: list[pa.RecordBatch] = []
        ledger = chain.ledger
        bytes_done = 0
        for ordinal, batch in enumerate(_documents(work, item.payload["pieces"], chain)):
            announce(Progress(ordinal, ordinal + 1, ledger.documents, ledger.kept, bytes_done))
            bytes_done += batch.column("text").nbytes
            ledger.documents += batch.num_rows
            removed = pc.is_valid(batch.column("duplicate_kind"))
            gone = batch.filter(removed)
            unique = batch.filter(pc.invert(removed)) if gone.num_rows else batch
            for kind in gone.column("duplicate_kind").to_pylist():
                ledger.duplicates[kind] += 1
            duplicates.append(_duplicate_rows(gone))
            kept = chain.run(unique)
            ledger.kept += kept.num_rows
            with Clock(chain.times, "write"):
                valid = _is_valid(kept, self.config.publish.valid_share)
                for name, mask in zip(SPLIT_NAMES, (~valid, valid), strict=True):
                    if not mask.any():
                        continue
                    if name not in writers:
                        writers[name] = ShardWriter(
                            output, f"corpus/{name}/{stem}.arrow", schema, compression="zstd", compression_level=level
                        )
                    rows = kept.filter(pa.array(mask))
                    writers[name].write(rows)
                    statistics[name].add(rows)
        with Clock(chain.times, "write"):
            shards = {name: writers[name].close() for name in SPLIT_NAMES if name in writers}
            files = {
                "duplicates": write_parquet(
                    work, f"duplicates/{stem}.parquet", pa.Table.from_batches(duplicates, DUPLICATES)
                ),
                "rejects": write_parquet(work, f"rejects/{stem}.parquet", _without_removed(chain.reject_table())),
                "dead_letters": write_parquet(work, f"dead_letters/{stem}.parquet", chain.dead_letter_table()),
            }
            if scrub.audits:
                audit = pa.Table.from_batches(scrub.audits)
                files["pii_audit"] = write_parquet(work, f"pii_audit/{stem}.parquet", audit)
        ledger.check(f"publish of {item.fingerprint}")
        return {
            "ledger": ledger.to_json(),
            "shards": shards,
            "files": files,
            "statistics": {name: statistics[name].to_json() for name in shards},
            "read_bytes": bytes_done,
            "times": {"wall": chain.times.wall, "cpu": chain.times.cpu},
        }


def _documents(work: Store, pieces: Sequence[dict[str, Any]], chain: Chain) -> Iterator[pa.RecordBatch]:
    """Yield the documents of ``pieces`` with their cluster columns joined by row."""
    for piece in pieces:
        with Clock(chain.times, "read"):
            reader = pa.ipc.open_file(work.arrow_source(piece["documents"]))
            clusters = _clusters(work, piece)
        row = piece["first_row"]
        for index in range(piece["batches"][0], piece["batches"][1]):
            with Clock(chain.times, "read"):
                batch = reader.get_batch(index)
                joined = _join(batch, row, clusters)
            row += batch.num_rows
            yield joined


def _clusters(work: Store, piece: dict[str, Any]) -> pa.Table | None:
    if piece["clusters"] is None:
        return None
    with work.open_read(piece["clusters"]) as stream:
        return read_parquet(stream, within={"split": (piece["split"], piece["split"] + 1)})


def _join(batch: pa.RecordBatch, first_row: int, clusters: pa.Table | None) -> pa.RecordBatch:
    """Append cluster_size, duplicate_kind (null: keep), keeper, similarity, component and build to ``batch``."""
    rows = batch.num_rows
    take = np.full(rows, -1, np.int64)
    if clusters is not None:
        member = clusters.column("row").to_numpy()
        low, high = np.searchsorted(member, [first_row, first_row + rows])
        take[member[low:high] - first_row] = np.arange(low, high)
    else:
        from corpus.schema import CLUSTERS

        clusters = CLUSTERS.empty_table()
    index = pa.array(take, mask=take < 0)
    kind = clusters.column("kind").take(index)
    kind = pc.if_else(pc.equal(kind, "keeper"), pa.scalar(None, pa.string()), kind)
    columns = {
        "cluster_size": pc.fill_null(clusters.column("cluster_size").take(index), 1),
        "duplicate_kind": kind,
        "keeper": clusters.column("keeper").take(index),
        "similarity": clusters.column("similarity").take(index),
        "component": clusters.column("component").take(index),
        "build": clusters.column("build").take(index),
    }
    for name, values in columns.items():
        batch = batch.append_column(name, values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values)
    return batch


def _duplicate_rows(gone: pa.RecordBatch) -> pa.RecordBatch:
    columns = [gone.column("duplicate_kind" if name == "kind" else name) for name in DUPLICATES.names]
    return pa.RecordBatch.from_arrays(
        [column.cast(field.type) for column, field in zip(columns, DUPLICATES, strict=True)], schema=DUPLICATES
    )


def _without_removed(rejects: pa.Table) -> pa.Table:
    """Return ``rejects`` without text and URL, which keep_rejects may have kept, of what was removed on request."""
    is_removed = pc.equal(rejects.column("reason"), REASON)
    for name in ("text", "url"):
        place = rejects.schema.get_field_index(name)
        field = rejects.schema.field(place)
        values = pc.if_else(is_removed, pa.scalar(None, field.type), rejects.column(name))
        rejects = rejects.set_column(place, field, values)
    return rejects


def _is_valid(batch: pa.RecordBatch, share: float) -> np.ndarray:
    """Return which rows belong to the valid split: by the first 64 bits of their component's key (design: Manifest)."""
    keys = pc.coalesce(batch.column("component"), batch.column("doc_key"))
    if len(keys) == 0:
        return np.zeros(0, bool)
    # doc_key is a BLAKE2b hash: its leading bytes are uniform already.
    words = np.frombuffer(keys.buffers()[1], ">u8", 2 * len(keys), keys.offset * KEY_BYTES)
    leading = words.reshape(-1, 2)[:, 0].astype(np.uint64)
    return leading < np.uint64(min(int(share * 2**64), 2**64 - 1))


def plan(config: BuildConfig, ingest: Sequence[tuple[str, Report]], clusters: Report, settings: str) -> list[Item]:
    """Return the items of publish: ranges of documents of about ``shard_bytes``, in plan order.

    A border falls behind a split whose hash says so (with a probability in
    proportion to its bytes), or where the target is reached; so an added input
    moves the borders near it and no others.
    """
    target = config.publish.shard_bytes
    items: list[Item] = []
    held: list[dict[str, Any]] = []
    held_bytes = 0

    def flush() -> None:
        nonlocal held_bytes
        if held:
            marks = [[p["mark"], p["batches"], p["digest"]] for p in held]
            # The ordinal only finds the cluster rows: it may change while the content does not.
            items.append(Item(fingerprint("publish", settings, marks), {"pieces": list(held)}, held_bytes))
            held.clear()
            held_bytes = 0

    for ordinal, (mark, report) in enumerate(ingest):
        batches = report["batches"]
        if not batches:
            continue
        found = clusters["splits"].get(mark)
        first_row = 0
        start = 0
        size = 0
        for index, batch in enumerate(batches):
            size += batch["bytes"]
            last = index == len(batches) - 1
            if held_bytes + size >= target or last:
                held.append(
                    {
                        "mark": mark,
                        "split": ordinal,
                        "documents": report["files"]["documents"]["path"],
                        "batches": [start, index + 1],
                        "first_row": first_row,
                        "clusters": found["path"] if found else None,
                        "digest": found["digest"] if found else None,
                    }
                )
                held_bytes += size
                first_row += sum(one["rows"] for one in batches[start : index + 1])
                start, size = index + 1, 0
                if held_bytes >= target or (last and _border(report, target)):
                    flush()
    flush()
    return items


def _border(report: Report, target: int) -> bool:
    size = sum(batch["bytes"] for batch in report["batches"])
    # By place, not by fingerprint: that of a remote file holds its etag, and shards would differ from a local build's.
    return bool(int(report["place"][:13], 16) / 16**13 < 2 * size / target)
