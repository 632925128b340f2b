"""Counts over the rows of a shard, for the manifest and the report."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

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
        self.text_bytes += pc.sum(pc.binary_length(batch.column("text"))).as_py() or 0
        for name in COUNTED:
            for entry in pc.value_counts(batch.column(name)).to_pylist():
                self.columns[name][entry["values"] or "none"] += entry["counts"]
        sizes = pa.table({"domain": primary_domains(batch), "bytes": pc.binary_length(batch.column("text"))})
        for entry in sizes.group_by("domain").aggregate([("bytes", "sum"), ("bytes", "count")]).to_pylist():
            self.columns["domain"][entry["domain"] or NO_DOMAIN] += entry["bytes_count"]
            self.columns["domain_bytes"][entry["domain"] or NO_DOMAIN] += entry["bytes_sum"]
        found = batch.column("pii").flatten()
        if len(found):
            for kind, count in zip(found.field("kind").to_pylist(), found.field("count").to_pylist(), strict=True):
                self.columns["pii"][kind] += count

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
