"""Finding duplicates on an engine that speaks SQL."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from corpus.config.dedupe import DedupeSettings
from corpus.dedupe.clusters import find_clusters
from corpus.dedupe.index import join_earlier
from pipelines.engines.interface import Signed, SplitSession

COLUMNS = ("row", "doc_key", "content_hash", "quality", "n_chars", "bands", "signature")


def sql_clusters(session: SplitSession, signed: Signed, settings: DedupeSettings) -> Iterator[pa.RecordBatch]:
    """Return the rows of the cluster table in order of split and row; see :meth:`interface.Engine.clusters`."""
    if signed.earlier:
        session.register_splits("new_signatures", signed.splits, COLUMNS)
        files = {ordinal: one.path for ordinal, one in enumerate(signed.earlier)}
        session.register_splits("index_rows", files, (*COLUMNS, "component"))
        join_earlier(session, "new_signatures", "index_rows", [one.build for one in signed.earlier])
    else:
        session.register_splits("signatures", signed.splits, COLUMNS)
    find_clusters(session, settings, earlier=bool(signed.earlier))
    rows: Iterator[pa.RecordBatch] = session.arrow("SELECT * FROM clusters ORDER BY split, row")
    return rows
