"""The step that keeps out what was removed on request."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from corpus.steps.interface import Outcome, Removal, keep_rows
from corpus.takedown.tombstones import REASON, Tombstones


class Buried:
    """Drops the documents that a tombstone matches, and those that a take-down has emptied.

    Runs twice in publish: before the scrub step, where addresses and texts are as they came, and behind it, where
    a text may be one whose only known hash is that of the published, scrubbed form.
    """

    name = "tombstone"
    version = 1

    def __init__(self, tombstones: Tombstones) -> None:
        self._tombstones = tombstones

    def load(self) -> None:
        """Nothing is to load."""

    def artifacts(self) -> dict[str, str]:
        """Return the fingerprint of the list."""
        return {"tombstones": self._tombstones.fingerprint()} if self._tombstones else {}

    def apply(self, batch: pa.RecordBatch) -> Outcome:
        """Return ``batch`` without what a tombstone matches."""
        gone = emptied(batch)
        if self._tombstones:
            gone |= self._tombstones.mask(batch)
        rows = np.flatnonzero(gone).tolist()
        removals = [Removal(row, "dropped", REASON) for row in rows]
        return Outcome(keep_rows(batch, removals), removals)


def emptied(batch: pa.RecordBatch) -> NDArray[np.bool_]:
    """Return the rows that have neither text nor name: what `wudao remove` leaves in the intermediates."""
    nothing = pc.equal(pc.binary_length(batch.column("text")), 0)
    for name in ("url", "record_id"):
        nothing = pc.and_(nothing, pc.is_null(batch.column(name)))
    found: NDArray[np.bool_] = nothing.to_numpy(zero_copy_only=False)
    return found.copy()
