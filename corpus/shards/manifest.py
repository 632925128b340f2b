"""The manifest: a small canonical JSON root over Parquet parts that list the shards.

Readers trust manifests only; a file that no manifest names does not exist for
them. The root hash is over logical content (:mod:`corpus.shards.content_hash`)
in shard order; checksums of the files stand beside it in the parts.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from corpus.errors import CorruptionError
from corpus.parquet import read_parquet
from corpus.shards.journal import finish_pending, manifest_bytes
from corpus.storage import Store

SCHEMA_VERSION = 1
ROOT_NAME = "manifest.json"
SHARDS_PER_PART = 20_000
MAX_ROOT_BYTES = 64 << 20

TEXT_SHARDS = pa.schema(
    [
        pa.field("index", pa.int32(), nullable=False),  # position in the corpus; row i of shard k is a stable address
        pa.field("path", pa.string(), nullable=False),  # relative to the manifest
        pa.field("split", pa.string(), nullable=False),  # "train" or "valid"
        pa.field("rows", pa.int64(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("content_hash", pa.string(), nullable=False),
        pa.field("n_chars", pa.int64(), nullable=False),
        pa.field(
            "domain_rows", pa.list_(pa.int64()), nullable=False
        ),  # by primary domain, in table order; the last: none
        pa.field("source_type_rows", pa.list_(pa.int64()), nullable=False),  # in table order; the last: none
    ]
)

TOKEN_SHARDS = pa.schema(
    [
        *[field for field in TEXT_SHARDS if field.name not in ("domain_rows", "source_type_rows")],
        pa.field("tokens", pa.int64(), nullable=False),
        pa.field("domain_rows", pa.list_(pa.int64()), nullable=False),
        pa.field("domain_tokens", pa.list_(pa.int64()), nullable=False),
    ]
)


@dataclass(frozen=True)
class Manifest:
    """A manifest that has been read. ``root`` is the JSON root without the shard lists."""

    store: Store
    root: dict[str, Any]

    def shards(self) -> Iterator[dict[str, Any]]:
        """Yield the entry of every shard in order, one part in memory at a time."""
        for part in self.root["parts"]:
            data = self.store.read_bytes(part["path"])
            if hashlib.sha256(data).hexdigest() != part["sha256"]:
                raise CorruptionError(
                    f"{self.store.path(part['path'])}: its checksum is not the manifest's; restore the file or rebuild"
                )
            yield from read_parquet(data).to_pylist()

    @property
    def root_hash(self) -> str:
        """The hash that stands for the logical content of all shards."""
        return str(self.root["root_hash"])


def root_hash(shards: Sequence[dict[str, Any]]) -> str:
    """Return the hash over what every shard says, in order."""
    state = hashlib.blake2b(digest_size=32)
    for shard in shards:
        state.update(f"{shard['index']} {shard['split']} {shard['rows']} {shard['content_hash']}\n".encode())
    return state.hexdigest()


def write_manifest(store: Store, schema: pa.Schema, shards: Sequence[dict[str, Any]], root: dict[str, Any]) -> Manifest:
    """Write parts and root for ``shards`` (entries of ``schema``, in order) and return the manifest.

    The root is written last and whole: before it, the old manifest stands.
    """
    finish_pending(store)
    full = write_parts(store, schema, shards, root)
    store.write_atomic(ROOT_NAME, root_bytes(full))
    return Manifest(store, full)


def root_bytes(root: dict[str, Any]) -> bytes:
    """Return the content of ``manifest.json``."""
    return orjson.dumps(root, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2) + b"\n"


def write_parts(
    store: Store, schema: pa.Schema, shards: Sequence[dict[str, Any]], root: dict[str, Any]
) -> dict[str, Any]:
    """Write the parts alone and return the root that names them; readers see them once it is written."""
    parts: list[dict[str, Any]] = []
    for first in range(0, len(shards), SHARDS_PER_PART):
        table = pa.Table.from_pylist(list(shards[first : first + SHARDS_PER_PART]), schema=schema)
        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression="zstd")
        data = buffer.getvalue()
        checksum = hashlib.sha256(data).hexdigest()
        name = f"manifest/shards-{len(parts):05d}-{checksum[:16]}.parquet"
        store.write_atomic(name, data)
        parts.append(
            {
                "path": name,
                "sha256": checksum,
                "shards": table.num_rows,
                "rows": sum(s["rows"] for s in shards[first : first + SHARDS_PER_PART]),
            }
        )
    return {"schema_version": SCHEMA_VERSION, **root, "root_hash": root_hash(shards), "parts": parts}


def read_manifest(store: Store) -> Manifest:
    """Return the manifest of ``store``; CorruptionError where it is missing or not one.

    In a build's folder a take-down that is decided and not completed counts as completed.
    """
    try:
        if store.size(ROOT_NAME) > MAX_ROOT_BYTES:
            raise CorruptionError(f"{store.path(ROOT_NAME)}: too large for a manifest")
        root = orjson.loads(manifest_bytes(store, ROOT_NAME))
    except (FileNotFoundError, NotADirectoryError):
        raise CorruptionError(
            f"{store.root}: no {ROOT_NAME} here; name the folder that a build wrote (OUTPUT/corpus)"
        ) from None
    except orjson.JSONDecodeError as error:
        raise CorruptionError(
            f"{store.path(ROOT_NAME)}: not valid JSON ({error}); restore it or run the build again"
        ) from None
    if not isinstance(root, dict) or root.get("schema_version") != SCHEMA_VERSION or "parts" not in root:
        raise CorruptionError(f"{store.path(ROOT_NAME)}: not a manifest of schema version {SCHEMA_VERSION}")
    return Manifest(store, root)
