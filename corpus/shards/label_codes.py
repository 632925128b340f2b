"""Labels of text rows as the codes of token rows: domain index, domain bits, source type index."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from corpus.shards.statistics import primary_domains

MAX_DOMAINS = 32  # bits of domain_mask


def label_codes(
    batch: pa.RecordBatch, domains: Sequence[str], source_types: Sequence[str]
) -> dict[str, NDArray[np.int8] | NDArray[np.uint32]]:
    """Return ``domain`` (int8, -1 none), ``domain_mask`` (uint32) and ``source_type`` (int8, -1 none) of text rows."""
    known = pa.array(domains, pa.string())
    domain = pc.fill_null(pc.index_in(primary_domains(batch), value_set=known), -1)
    source = pc.index_in(batch.column("source_type"), value_set=pa.array(source_types, pa.string()))
    column = batch.column("domains")
    masks = np.zeros(len(column), np.uint32)
    rows = pc.list_parent_indices(column).to_numpy()
    index = pc.fill_null(pc.index_in(column.flatten().field("name"), value_set=known), -1).to_numpy()
    named = index >= 0
    np.bitwise_or.at(masks, rows[named], np.uint32(1) << index[named].astype(np.uint32))
    return {
        "domain": domain.to_numpy().astype(np.int8),
        "domain_mask": masks,
        "source_type": pc.fill_null(source, -1).to_numpy().astype(np.int8),
    }
