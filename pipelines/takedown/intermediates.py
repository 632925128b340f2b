"""The intermediates of a build, as far as a take-down concerns them: raw texts, signatures, reports."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from corpus.identity import KEY_BYTES
from corpus.parquet import read_parquet
from corpus.storage import Store
from corpus.takedown.step import emptied
from corpus.takedown.tombstones import Stone, place_stone
from pipelines.passes.reports import read_report

BLANKED = ("text", "title", "url", "host", "record_id")  # columns of documents that are emptied
EMPTY_CONTENT = b"\0" * KEY_BYTES  # what signatures hold for a text of which the hash form leaves nothing
SHARD_PASSES = ("publish", "tokenise", "extract")


def document_files(output: Store) -> list[str]:
    """Return the files of documents before duplicates and personal information were removed."""
    return [name for name in output.sub("work").names("documents") if name.endswith(".arrow")]


def _open_documents(work: Store, name: str, columns: Iterable[str] | None = None) -> Any:
    with pa.ipc.open_file(work.arrow_source(name)) as reader:
        names = reader.schema.names
    if columns is None:
        return pa.ipc.open_file(work.arrow_source(name))
    wanted = set(columns)
    fields = [index for index, one in enumerate(names) if one in wanted]
    return pa.ipc.open_file(work.arrow_source(name), options=pa.ipc.IpcReadOptions(included_fields=fields))


def document_batches(work: Store, name: str, columns: Iterable[str]) -> Iterator[pa.RecordBatch]:
    """Yield the batches of a documents file; nothing where a killed attempt left it unfinished."""
    try:
        reader = _open_documents(work, name, columns)
    except pa.ArrowInvalid:
        return
    for index in range(reader.num_record_batches):
        yield reader.get_batch(index)


def emptied_keys(work: Store, name: str, keys: set[bytes]) -> set[bytes]:
    """Return those of ``keys`` whose rows in a documents file an earlier take-down has emptied."""
    found: set[bytes] = set()
    wanted = pa.array(sorted(keys), pa.binary(KEY_BYTES))
    for batch in document_batches(work, name, ("doc_key", "text", "url", "record_id")) if keys else ():
        empty = pc.and_(pa.array(emptied(batch)), pc.is_in(batch.column("doc_key"), value_set=wanted))
        found.update(batch.column("doc_key").filter(empty).to_pylist())
    return found


def signed_contents(work: Store, keys: set[bytes]) -> set[bytes]:
    """Return the content hashes of ``keys``, as they were signed before scrubbing."""
    wanted = pa.array(sorted(keys), pa.binary(KEY_BYTES))
    found: set[bytes] = set()
    for name in work.names("signatures") if len(wanted) else ():
        if not name.endswith(".parquet"):
            continue
        with work.open_read(name) as stream:
            table = read_parquet(stream, ["doc_key", "content_hash"])
        rows = table.filter(pc.is_in(table.column("doc_key"), value_set=wanted))
        found.update(rows.column("content_hash").to_pylist())
    return found - {EMPTY_CONTENT}


def stage_blanked(output: Store, keys: set[bytes], name: str, staged: dict[str, str], stones: set[Stone]) -> int:
    """Stage documents files in which the rows of ``keys`` are empty; return how many rows that are.

    Rows stay in number and order, since clusters and later passes name them by number; their key stays too, and its
    tombstone drops them when they are read again. Adds the tombstones of their addresses as they were before scrubbing.
    """
    work = output.sub("work")
    wanted = pa.array(sorted(keys), pa.binary(KEY_BYTES))
    count = 0
    for number, path in enumerate(document_files(output) if len(wanted) else ()):
        touched = 0
        for batch in document_batches(work, path, ("doc_key", "url", "part")):
            rows = batch.filter(pc.is_in(batch.column("doc_key"), value_set=wanted)).to_pylist()
            touched += len(rows)
            stones.update(place_stone(row["url"], row["part"]) for row in rows if row["url"])
        if not touched:
            continue
        count += touched
        source = f"takedown/{name}/{number:06d}.arrow"
        work.write_atomic(source, _blanked(work, path, wanted))
        staged[f"work/{path}"] = f"work/{source}"
    return count


def _blanked(work: Store, path: str, wanted: pa.Array) -> bytes:
    """Return a documents file with the personal columns of the rows of ``wanted`` emptied, batch by batch."""
    reader = _open_documents(work, path)
    buffer = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
    with pa.ipc.new_file(buffer, reader.schema, options=options) as writer:
        for index in range(reader.num_record_batches):
            batch = reader.get_batch(index)
            gone = pc.is_in(batch.column("doc_key"), value_set=wanted)
            if pc.any(gone).as_py():
                columns = []
                for one in batch.schema:
                    column = batch.column(one.name)
                    if one.name in BLANKED:
                        column = pc.if_else(gone, pa.scalar(None if one.nullable else "", one.type), column)
                    columns.append(column)
                batch = pa.RecordBatch.from_arrays(columns, schema=batch.schema)
            writer.write_batch(batch)
    return buffer.getvalue()


def reports_naming(work: Store, obsolete: set[str]) -> list[str]:
    """Return the reports that name a shard that goes: without them a rerun makes it anew."""
    found = []
    for pass_name in SHARD_PASSES:
        for name in work.names(f"reports/{pass_name}"):
            report = read_report(work, name) or {}
            shards = [*report.get("shards", {}).values(), report.get("shard"), report.get("token_shard")]
            paths = {shard["path"] for shard in shards if shard}
            if any({path, f"corpus/{path}", f"tokens/{path}"} & obsolete for path in paths):
                found.append(f"work/{name}")
    return found
