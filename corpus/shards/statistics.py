"""Counts over the rows of a shard, for the manifest and the report."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.kernels.buffers import Offsets, text_buffers

NO_DOMAIN = "none"
COUNTED = ("language", "script", "source_type", "page_kind", "charset")


class ShardStatistics:
    """Adds up the rows of a shard."""

    def __init__(self) -> None:
        self.rows = 0
        self.n_chars = 0
        self.text_bytes = 0
        self.columns: dict[str, Counter[str]] = {
            name: Counter() for name in (*COUNTED, "domain", "domain_bytes", "pii")
        }

    def add(self, batch: pa.RecordBatch) -> None:
        """Add the rows of ``batch`` (schema of the published corpus)."""
        self.rows += batch.num_rows
        self.n_chars += pc.sum(batch.column("n_chars")).as_py() or 0
        sizes = np.diff(text_buffers(batch.column("text"))[1])
        self.text_bytes += int(sizes.sum())
        for name in COUNTED:
            for entry in pc.value_counts(batch.column(name)).to_pylist():
                self.columns[name][entry["values"] or "none"] += entry["counts"]
        self._add_domains(primary_domains(batch), sizes)
        found = batch.column("pii").flatten()
        if len(found):
            for kind, count in zip(found.field("kind").to_pylist(), found.field("count").to_pylist(), strict=True):
                self.columns["pii"][kind] += count

    def _add_domains(self, domains: pa.Array, sizes: Offsets) -> None:
        """Add rows and bytes of text by domain (null: none); ``sizes`` are the bytes of each row's text."""
        encoded = domains.dictionary_encode()
        names = [*encoded.dictionary.to_pylist(), NO_DOMAIN]
        codes = encoded.indices.fill_null(len(names) - 1).to_numpy(zero_copy_only=False)
        rows = np.bincount(codes, minlength=len(names)).tolist()
        for code in np.flatnonzero(rows).tolist():
            self.columns["domain"][names[code]] += rows[code]
            self.columns["domain_bytes"][names[code]] += int(sizes[codes == code].sum())

    def to_json(self) -> dict[str, Any]:
        """Return the counts as JSON values."""
        counts = {name: dict(sorted(counter.items())) for name, counter in self.columns.items()}
        return {"rows": self.rows, "n_chars": self.n_chars, "text_bytes": self.text_bytes, **counts}


def primary_domains(batch: pa.RecordBatch) -> pa.Array:
    """Return the name of each row's first (best) domain, null where it has none."""
    domains = batch.column("domains")
    lengths = pc.fill_null(pc.list_value_length(domains), 0)
    has_one = pc.greater(lengths, 0)
    names = pc.list_element(domains.filter(has_one), 0)
    if len(names) == 0:
        return pa.nulls(batch.num_rows, pa.string())
    return pc.replace_with_mask(pa.nulls(batch.num_rows, pa.string()), has_one, names.field("name"))
