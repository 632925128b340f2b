"""The index pass: beside each published range its signatures, for later builds; and the files of earlier indexes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from corpus.dedupe.index import FOLDER, index_rows, index_schema
from corpus.errors import CorruptionError
from corpus.parquet import read_parquet
from corpus.shards.writer import HashingSink, write_parquet
from corpus.storage import Store
from pipelines.passes.reports import Report
from pipelines.passes.task import Announce, Isolation, Item, Progress

COPY_BYTES = 8 << 20
INDEX_VERSION = 1


@dataclass(frozen=True)
class IndexTask:
    """Writes the index rows of one item of publish: what of its documents reached a shard."""

    output: str
    bands: int
    name: str = "index"

    def run(self, item: Item, attempt: str, isolation: Isolation, announce: Announce) -> Report:
        """Index one range and return its report."""
        output = Store(self.output)
        published = pa.concat_arrays(
            [pa.array([], pa.binary(16)), *(keys for path in item.payload["shards"] for keys in _keys(output, path))]
        )
        work = output.sub("work")
        tables = [index_schema(self.bands).empty_table()]
        for ordinal, piece in enumerate(item.payload["pieces"]):
            announce(Progress(ordinal, ordinal + 1, 0, 0, 0))
            tables.append(self._piece(work, piece, published))
        table = pa.concat_tables(tables)
        row = index_schema(self.bands).get_field_index("row")
        table = table.set_column(row, table.schema.field(row), pa.array(range(table.num_rows), pa.int32()))
        name = f"{item.fingerprint}-{attempt}.parquet"
        return {"index": write_parquet(output.sub(FOLDER), name, table)}

    def _piece(self, work: Store, piece: dict[str, Any], published: pa.Array) -> pa.Table:
        rows = {"row": tuple(piece["rows"])}
        with work.open_read(piece["signatures"]) as stream:
            signatures = read_parquet(stream, within=rows)
        clusters = None
        if piece["clusters"] is not None:
            with work.open_read(piece["clusters"]) as stream:
                split = {"split": (piece["split"], piece["split"] + 1)}
                clusters = read_parquet(stream, ["row", "kind", "component"], rows | split)
        return index_rows(signatures, clusters, published).cast(index_schema(self.bands))


def _keys(output: Store, path: str) -> Iterator[pa.Array]:
    """Yield the keys of a shard; of its other columns nothing is decompressed."""
    with pa.ipc.open_stream(output.arrow_source(path)) as reader:
        column = reader.schema.get_field_index("doc_key")
    options = pa.ipc.IpcReadOptions(included_fields=[column])
    with pa.ipc.open_stream(output.arrow_source(path), options=options) as reader:
        for batch in reader:
            yield batch.column("doc_key").cast(pa.binary(16))


@dataclass(frozen=True)
class TakeOverTask:
    """Copies one file of an earlier index beside this build's own, checksum checked, so that the index is whole."""

    output: str
    name: str = "earlier"

    def run(self, item: Item, attempt: str, isolation: Isolation, announce: Announce) -> Report:
        """Copy one file and return its report."""
        path, sha256 = str(item.payload["path"]), item.payload["sha256"]
        folder, _, base = path.rpartition("/")
        name = f"earlier-{sha256[:16]}-{attempt}.parquet"
        with Store(folder).open_read(base) as source, Store(self.output).sub(FOLDER).open_write(name) as target:
            sink = HashingSink(target)
            while data := source.read(COPY_BYTES):
                announce(Progress(0, 1, 0, 0, sink.size))
                sink.write(data)
        if sink.sha256() != sha256:
            Store(self.output).sub(FOLDER).delete(name)
            raise CorruptionError(f"{path}: its checksum is not that of its index; restore the file, or leave it out")
        return {"index": {"path": name, "rows": item.payload["rows"], "bytes": sink.size, "sha256": sha256}}
