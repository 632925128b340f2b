"""The index that a build leaves, so that later builds need not look at its documents again.

One row for every published document: key, content hash, rank, bands, sketch
and the component it belongs to; some 420 bytes with 16 bands. A manifest names
the files, the build that published each file's documents, and how the
signatures were hashed. It takes over the files of the indexes that the build
itself was made against, so that one index stands for all builds before.

The promise: a document that an earlier build published is never removed; a new
one is removed if and only if it duplicates one of those or a better new one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from corpus.config.dedupe import DedupeSettings
from corpus.dedupe.parameters import band_shape
from corpus.dedupe.session import Session
from corpus.errors import BuildError, CorruptionError
from corpus.schema import signatures_schema
from corpus.storage import Store

FOLDER: Final = "index"
MANIFEST: Final = "manifest.json"
SCHEMA_VERSION: Final = 1
MAX_MANIFEST_BYTES: Final = 256 << 20
_SIGNATURE: Final = "doc_key, content_hash, quality, n_chars, bands, signature"
_FILE_KEYS: Final = {"path", "rows", "bytes", "sha256", "build"}


def index_schema(bands: int) -> pa.Schema:
    """Schema of the index: signatures whose ``row`` counts within the file, with the component."""
    # The component decides train/valid; a document that joins it inherits it.
    return pa.schema([*signatures_schema(bands), pa.field("component", pa.binary(16), nullable=False)])


def hashing(settings: DedupeSettings, sign_version: int) -> dict[str, int]:
    """Return everything that two signatures must have in common to be comparable."""
    shape = band_shape(settings)
    return {
        "sign_version": sign_version,
        "shingle": settings.shingle,
        "bands": shape.bands,
        "rows": shape.rows,
        "min_shingles": settings.min_shingles,
        "sketch_bins": settings.sketch_bins,
        "seed": settings.seed,
    }


@dataclass(frozen=True)
class Index:
    """A finished index: ``store`` is its folder, ``root`` its manifest."""

    store: Store
    root: dict[str, Any]

    @property
    def files(self) -> list[dict[str, Any]]:
        """Entries of its files: path, rows, bytes, sha256, build."""
        files: list[dict[str, Any]] = self.root["files"]
        return files

    @property
    def index_hash(self) -> str:
        """The hash that stands for its content."""
        return str(self.root["index_hash"])

    def check(self, wanted: Mapping[str, int]) -> None:
        """Raise BuildError where its signatures were hashed otherwise than ``wanted`` (see :func:`hashing`)."""
        held = self.root["hashing"]
        differing = [
            f"{name} {held.get(name)} (here {value})" for name, value in wanted.items() if held.get(name) != value
        ]
        if differing:
            raise BuildError(
                f"{self.store.root}: its signatures were made with {', '.join(differing)} and cannot be compared with "
                "this build's; use the dedupe settings and the version of that build, or leave it out of --against"
            )


def open_index(place: str) -> Index:
    """Return the index in ``place``: the output of a build, or the index folder itself.

    Raises BuildError where there is none, CorruptionError where its manifest is damaged.
    """
    store = Store(place)
    if not store.exists(MANIFEST):
        store = store.sub(FOLDER)
    if not store.exists(MANIFEST):
        raise BuildError(f"{place}: no index here; name the output of a finished build, or its index folder")
    path = store.path(MANIFEST)
    if store.size(MANIFEST) > MAX_MANIFEST_BYTES:
        raise CorruptionError(f"{path}: too large for the manifest of an index")
    try:
        root = orjson.loads(store.read_bytes(MANIFEST))
    except orjson.JSONDecodeError:
        raise CorruptionError(f"{path}: not valid JSON; restore the file or build again") from None
    if not isinstance(root, dict) or root.get("kind") != FOLDER:
        raise BuildError(f"{path}: not the manifest of an index; name the output of a build, or its index folder")
    if root.get("schema_version") != SCHEMA_VERSION:
        raise BuildError(f"{path}: written by another version of this program; build it again with this one")
    files = root.get("files")
    if not isinstance(files, list) or not all(isinstance(one, dict) and set(one) == _FILE_KEYS for one in files):
        raise CorruptionError(f"{path}: its list of files is damaged; restore the file or build again")
    if root.get("index_hash") != index_hash(files):
        raise CorruptionError(
            f"{path}: its list of files does not have the hash that it names; restore it or build again"
        )
    return Index(store, root)


def index_hash(files: Sequence[Mapping[str, Any]]) -> str:
    """Return the hash of what files say and of the builds that they belong to; places do not matter."""
    state = hashlib.blake2b(digest_size=32)
    for sha256, build in sorted((str(one["sha256"]), str(one["build"])) for one in files):
        state.update(f"{sha256} {build}\n".encode())
    return state.hexdigest()


def write_index(store: Store, files: Sequence[dict[str, Any]], build: str, how: Mapping[str, int]) -> Index:
    """Write the manifest of build ``build`` over ``files`` and return the index."""
    root: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "kind": FOLDER,
        "build": build,
        "hashing": dict(how),
        "rows": sum(one["rows"] for one in files),
        "files": list(files),
        "index_hash": index_hash(files),
    }
    store.write_atomic(MANIFEST, orjson.dumps(root, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2) + b"\n")
    return Index(store, root)


def index_rows(signatures: pa.Table, clusters: pa.Table | None, published: pa.Array) -> pa.Table:
    """Return the rows of the index for documents of one split.

    ``signatures`` are rows of the split's signatures, ``clusters`` its rows of
    the cluster table (null: none), ``published`` the keys that reached a shard:
    what a take-down or the scrub step held back does not count as published.
    """
    keys = signatures["doc_key"]
    if clusters is None or not clusters.num_rows:
        kept = pc.is_in(keys, value_set=published)
        return signatures.append_column("component", keys).filter(kept)
    place = pc.index_in(signatures["row"], value_set=clusters["row"].combine_chunks())
    kind = clusters["kind"].take(place)
    survives = pc.or_(pc.is_null(kind), pc.fill_null(pc.equal(kind, "keeper"), False))
    component = pc.coalesce(clusters["component"].take(place), keys)
    kept = pc.and_(survives, pc.is_in(keys, value_set=published))
    return signatures.append_column("component", component).filter(kept)


def join_earlier(session: Session, new: str, index: str, builds: Sequence[str]) -> None:
    """Make ``earlier`` and ``signatures`` for :func:`corpus.dedupe.clusters.find_clusters`.

    ``new`` is a table or view of this build's signatures with their splits
    (>= 0), ``index`` one of the files of indexes, where ``split`` is the
    ordinal of a file and ``builds[split]`` the build that it belongs to. Both
    must come from the same hashing settings.
    """
    ordinals = pa.array(range(len(builds)), pa.int32())
    session.register("index_builds", pa.table({"file": ordinals, "build": pa.array(builds, pa.string())}))
    session.view(
        "earlier",
        f"SELECT -1 - i.split AS split, i.row, i.component, b.build FROM {index} i "  # noqa: S608 - names of our own
        "JOIN index_builds b ON i.split = b.file",
    )
    session.view(
        "signatures",
        f"SELECT split, row, {_SIGNATURE} FROM {new} "  # noqa: S608
        f"UNION ALL SELECT -1 - split AS split, row, {_SIGNATURE} FROM {index}",
    )
