"""Near copies of what was removed on request: clusters that a tombstone has a member in.

A tombstone knows keys and whole texts. Where a removed document comes back as
a near-duplicate of a document that nobody removed, the cluster says that both
are the same text; then its keeper is not published either.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from corpus.config.build import BuildConfig
from corpus.parquet import read_parquet
from corpus.storage import Store
from corpus.takedown.tombstones import Tombstones
from pipelines.passes.reports import Report


def copies_of_removed(
    config: BuildConfig, output: Store, signatures: Iterable[tuple[str, dict[str, Any] | None]], clusters: Report
) -> tuple[str, ...]:
    """Return the keys (hex, sorted) of keepers whose cluster has a removed member.

    ``signatures`` names fingerprint and signature file of each ingest split, ``clusters`` is the report of dedupe.
    Reads two columns of the signatures, and clusters of splits with a removed member; nothing where there are no
    tombstones.
    """
    tombstones = Tombstones.read(output, config.tombstones)
    if not tombstones:
        return ()
    work = output.sub("work")
    keepers: set[bytes] = set()
    for ordinal, (mark, entry) in enumerate(signatures):
        found = clusters["splits"].get(mark)
        if entry is None or found is None:
            continue
        with work.open_read(entry["path"]) as stream:
            signed = read_parquet(stream, ["row", "doc_key", "content_hash"])
        gone = pc.or_(tombstones.known("key", signed["doc_key"]), tombstones.known("content", signed["content_hash"]))
        if not pc.any(gone).as_py():
            continue
        with work.open_read(found["path"]) as stream:
            members = read_parquet(stream, ["row", "keeper"], {"split": (ordinal, ordinal + 1)})
        of_gone = pc.is_in(members["row"], value_set=pa.array(signed["row"].filter(gone).to_pylist(), pa.int32()))
        keepers.update(members["keeper"].filter(of_gone).to_pylist())
    return tuple(sorted(key.hex() for key in keepers))
