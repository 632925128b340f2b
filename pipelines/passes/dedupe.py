"""The dedupe pass: signatures of all splits in, range-partitioned cluster files out. Text is not touched."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from corpus.config.build import BuildConfig
from corpus.schema import CLUSTERS
from corpus.shards.content_hash import content_hash
from corpus.shards.writer import write_parquet
from corpus.steps import make_step
from corpus.storage import Store, discarded_on_failure
from pipelines.engines.interface import EarlierFile, Engine, Signed
from pipelines.passes.reports import Report, commit, committed, fingerprint
from pipelines.passes.task import attempt_name

NAME = "dedupe"
MAX_FILES = 2048


@dataclass(frozen=True)
class SignatureFile:
    """The signatures of one ingest split; ``split`` is its ordinal in the plan."""

    split: int
    fingerprint: str
    path: str | None  # relative to the work folder; None: the split kept no document
    rows: int


def find_duplicates(
    engine: Engine,
    config: BuildConfig,
    work: Store,
    files: Sequence[SignatureFile],
    code_version: Any,
    earlier: Sequence[EarlierFile] = (),
    earlier_hash: str | None = None,
) -> Report:
    """Return the report of the dedupe pass over ``files``, run now unless it is committed already.

    ``earlier`` are the files of earlier builds' indexes, ``earlier_hash`` what stands for their content.
    The report's ``splits`` maps a split's fingerprint to the cluster file that
    holds its rows, their number, and the digest of what they say, so that
    publish depends on its own rows only.
    """
    sign = make_step("sign", config.dedupe)
    parts = [[one.fingerprint for one in files], config.dedupe.model_dump(mode="json"), sign.version, code_version]
    mark = fingerprint(NAME, *parts, *([earlier_hash] if earlier else []))
    done = committed(work, NAME, [mark])
    if mark in done:
        return done[mark]
    attempt = attempt_name()
    present = [one for one in files if one.path is not None and one.rows]
    groups: dict[str, Any] = {"splits": {}, "files": []}
    with discarded_on_failure() as written:
        if present:
            paths = {one.split: work.path(one.path or "") for one in present}
            signed = Signed(paths, sum(one.rows for one in present), tuple(earlier))
            by_ordinal = {one.split: one.fingerprint for one in files}
            with engine.clusters(signed, config.dedupe, work.sub("scratch", f"dedupe-{attempt}")) as batches:
                groups = _write(work, attempt, mark, _by_split(batches), by_ordinal, len(files))
        report = {"fingerprint": mark, **groups}
        if not work.local:
            written.clear()  # a remote commit may have happened though its answer was lost
        commit(work, NAME, mark, attempt, report)
    return report


def _by_split(batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[int, pa.Table]]:
    """Cut a stream of rows ordered by split into one table per split."""
    held: list[pa.RecordBatch] = []
    current = -1
    for batch in batches:
        splits = batch.column("split").to_numpy()
        borders = [0, *(np.flatnonzero(np.diff(splits)) + 1).tolist(), len(splits)]
        for start, stop in itertools.pairwise(borders):
            if start == stop:
                continue
            if splits[start] != current:
                if held:
                    yield current, pa.Table.from_batches(held)
                held, current = [], int(splits[start])
            held.append(batch.slice(start, stop - start))
    if held:
        yield current, pa.Table.from_batches(held)


def _write(
    work: Store, attempt: str, mark: str, tables: Iterator[tuple[int, pa.Table]], by_ordinal: dict[int, str], count: int
) -> dict[str, Any]:
    """Write the cluster rows as at most ``MAX_FILES`` files by range of splits."""
    per_file = -(-count // MAX_FILES)
    splits: dict[str, Any] = {}
    entries: list[dict[str, Any]] = []
    held: list[pa.Table] = []
    block = -1

    def flush() -> None:
        if not held:
            return
        name = f"clusters/{mark}-{attempt}-{block:05d}.parquet"
        entry = write_parquet(work, name, pa.concat_tables(held))
        if entry is not None:
            entries.append(entry)
        held.clear()

    for ordinal, table in tables:
        table = table.select(CLUSTERS.names).cast(CLUSTERS).combine_chunks()
        if ordinal // per_file != block:
            flush()
            block = ordinal // per_file
        held.append(table)
        splits[by_ordinal[ordinal]] = {
            "path": f"clusters/{mark}-{attempt}-{block:05d}.parquet",
            "rows": table.num_rows,
            "digest": _digest(table),
        }
    flush()
    return {"splits": splits, "files": entries}


def _digest(table: pa.Table) -> str:
    """Hash what the rows of one split say; the split's ordinal is left out, since another file may move it."""
    said = table.drop_columns(["split"])
    return content_hash(said.schema, said.to_batches())
