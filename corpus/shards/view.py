"""Views: corpora whose rows lie in another corpus.

A view's manifest has the kind "view" and the same entries as a copy would, but
each ``path`` is a small Parquet file of addresses (shard, row) into the shards
of a *base*, which the manifest names by place and root hash. Content hashes are
those of the rows themselves: a view and a copy of one selection have the same
root hash. A view of a view names the base's rows; there are no chains.

:class:`Dataset` reads both kinds alike.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpus.errors import CorruptionError
from corpus.parquet import read_parquet
from corpus.shards.manifest import Manifest, read_manifest
from corpus.shards.writer import write_parquet
from corpus.storage import Store

VIEW = "view"
ADDRESSES = pa.schema(
    [
        pa.field("shard", pa.int32(), nullable=False),  # index of a shard of the base
        pa.field("row", pa.int32(), nullable=False),  # row in that shard
    ]
)
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Dataset:
    """A text or token dataset; ``base`` holds the rows (the dataset itself, unless it is a view)."""

    manifest: Manifest
    base: Manifest

    @classmethod
    def of(cls, manifest: Manifest) -> Dataset:
        """Return the dataset of ``manifest``. Raises CorruptionError where a view's base is gone or another one."""
        if manifest.root.get("kind") != VIEW:
            return cls(manifest, manifest)
        told = manifest.root["base"]
        base = read_manifest(Store(_resolved(manifest.store, told["path"])))
        if base.root_hash != told["root_hash"]:
            raise CorruptionError(
                f"{manifest.store.path('manifest.json')}: its base {base.store.root} has changed since; extract again"
            )
        return cls(manifest, base)

    @property
    def is_view(self) -> bool:
        """Whether the rows lie in another dataset."""
        return self.manifest is not self.base

    @cached_property
    def base_shards(self) -> dict[int, dict[str, Any]]:
        """The entries of the base by index."""
        return {shard["index"]: shard for shard in self.base.shards()}

    def pieces(self, shard: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Rows | None]]:
        """Yield (base shard, its rows in order; None: all) that make up one shard of this dataset."""
        if not self.is_view:
            yield shard, None
            return
        with self.manifest.store.open_read(shard["path"]) as stream:
            try:
                table = read_parquet(stream)
            except pa.ArrowInvalid as error:
                raise CorruptionError(f"{self.manifest.store.path(shard['path'])}: not readable ({error})") from error
        yield from self.located(table.column("shard").to_numpy(), table.column("row").to_numpy())

    def located(self, shards: NDArray[Any], rows: NDArray[Any]) -> Iterator[tuple[dict[str, Any], Rows]]:
        """Yield (base shard, its rows) for addresses in ascending order."""
        borders = np.flatnonzero(np.diff(shards)) + 1
        for piece in np.split(np.arange(len(shards)), borders):
            if len(piece):
                index = int(shards[piece[0]])
                if index not in self.base_shards:
                    raise CorruptionError(f"{self.base.store.root}: a view names shard {index}, which is not there")
                yield self.base_shards[index], rows[piece].astype(np.int64)

    def schema(self, shard: dict[str, Any]) -> pa.Schema:
        """Return the schema of a shard's rows."""
        base = next(self.pieces(shard))[0]
        try:
            with pa.ipc.open_stream(self.base.store.arrow_source(base["path"])) as reader:
                return reader.schema
        except (pa.ArrowInvalid, OSError) as error:
            raise unreadable(self.base.store, base, error) from error

    def batches(self, shard: dict[str, Any], columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the record batches of one shard; of ``columns`` only, in the schema's order, where they are named."""
        for _, _, batch in self.addressed(shard, columns):
            yield batch

    def addressed(
        self, shard: dict[str, Any], columns: Sequence[str] | None = None
    ) -> Iterator[tuple[int, Rows, pa.RecordBatch]]:
        """Yield (index of the base shard, rows there, batch), in the order of the dataset."""
        for base, rows in self.pieces(shard):
            for places, batch in read_rows(self.base.store, base, rows, columns):
                yield base["index"], places, batch


def unreadable(store: Store, shard: dict[str, Any], error: Exception) -> CorruptionError:
    """Return the error of a shard that Arrow cannot read."""
    return CorruptionError(
        f"{store.path(shard['path'])}: not readable as an Arrow stream ({error}); restore it or run the build again"
    )


def read_rows(
    store: Store, shard: dict[str, Any], rows: Rows | None, columns: Sequence[str] | None = None
) -> Iterator[tuple[Rows, pa.RecordBatch]]:
    """Yield (rows, batch) of ``rows`` (ascending; None: all) of a shard, one batch per stored batch that has any.

    Buffers of other columns than ``columns`` are not decompressed.
    """
    try:
        with pa.ipc.open_stream(store.arrow_source(shard["path"])) as reader:
            names = reader.schema.names
        fields = None if columns is None else [index for index, name in enumerate(names) if name in set(columns)]
        options = pa.ipc.IpcReadOptions(included_fields=fields)
        with pa.ipc.open_stream(store.arrow_source(shard["path"]), options=options) as reader:
            first = used = 0
            for batch in reader:
                until = first + batch.num_rows
                if rows is None:
                    yield np.arange(first, until), batch
                else:
                    stop = int(np.searchsorted(rows, until))
                    if stop > used:
                        yield rows[used:stop], batch.take(pa.array(rows[used:stop] - first))
                    used = stop
                    if used == len(rows):
                        break
                first = until
    except (pa.ArrowInvalid, OSError) as error:
        raise unreadable(store, shard, error) from error
    if rows is not None and used < len(rows):
        raise CorruptionError(f"{store.path(shard['path'])}: it has no row {int(rows[used])}, which a view names")


def open_tokens(corpus: Dataset, same_rows: Sequence[str] = ()) -> Dataset | None:
    """Return the token dataset that lies beside ``corpus``, None without one.

    ``same_rows`` are root hashes of corpora that had the same documents under other labels.
    Raises CorruptionError where it was made from another corpus.
    """
    root = corpus.manifest.store.root.rstrip("/")
    store = Store(f"{root.rpartition('/')[0]}/tokens")
    if not root.endswith("/corpus") or not store.exists("manifest.json"):
        return None
    manifest = read_manifest(store)
    if manifest.root.get("corpus_root_hash") not in (corpus.manifest.root_hash, *same_rows):
        raise CorruptionError(f"{store.path('manifest.json')}: made from another corpus; run `wudao tokenise`")
    return Dataset.of(manifest)


def write_addresses(store: Store, name: str, shards: NDArray[Any], rows: NDArray[Any]) -> dict[str, Any]:
    """Write the rows of one shard of a view and return path, rows, bytes and sha256."""
    table = pa.table({"shard": pa.array(shards, pa.int32()), "row": pa.array(rows, pa.int32())}, schema=ADDRESSES)
    entry = write_parquet(store, name, table)
    if entry is None:
        raise ValueError("a shard of a view has at least one row")
    return entry


def base_reference(store: Store, base: Manifest) -> dict[str, str]:
    """Return what a view in ``store`` says about its base: relative where both are local, so both may move together."""
    local = store.local and base.store.local
    path = os.path.relpath(base.store.root, store.root) if local else base.store.root
    return {"path": path, "root_hash": base.root_hash}


def _resolved(store: Store, path: str) -> str:
    relative = store.local and "://" not in path and not os.path.isabs(path)
    return os.path.normpath(os.path.join(store.root, path)) if relative else path
