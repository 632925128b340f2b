"""Signs documents for duplicate detection. Removes nothing and changes nothing."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from corpus.config.dedupe import DedupeSettings
from corpus.dedupe.signatures import Signer, band_lists, fixed_binary, sketch_column
from corpus.kernels.buffers import text_buffers
from corpus.schema import signatures_schema
from corpus.steps.interface import Outcome

QUALITY_STEPS = 1_000_000  # quality is stored as floor(quality * 1e6)


class Sign:
    """Beside the batch, which passes unchanged, makes its rows of the signatures dataset.

    Input: ``doc_key, text, quality, n_chars``. Cost: hash form and 112
    permutations some 5 ms per MB of UTF-8.
    """

    name = "sign"
    version = 2

    def __init__(self, settings: DedupeSettings) -> None:
        self._signer = Signer(settings)
        self.schema: pa.Schema = signatures_schema(self._signer.shape.bands)

    def load(self) -> None:
        """Load the hash-form table and the kernels."""
        self._signer.load()

    def artifacts(self) -> dict[str, str]:
        """Return nothing: the tables are part of the package."""
        return {}

    def apply(self, batch: pa.RecordBatch) -> Outcome:
        """Return ``batch`` as it is."""
        return Outcome(batch, [])

    def signatures(self, batch: pa.RecordBatch, first_row: int) -> pa.RecordBatch:
        """Return the signatures of ``batch``, whose first row is row ``first_row`` of the split's documents."""
        signatures = self._signer.sign_texts(*text_buffers(batch.column("text")))
        # Through float64, so that 0.9 as float32 becomes 900,000 and not 899,999: quality is quantised to 1e-4.
        quality = np.nan_to_num(batch.column("quality").to_numpy(zero_copy_only=False).astype(np.float64), nan=0.0)
        scores = np.floor(np.round(quality, 4) * QUALITY_STEPS + 0.5).astype(np.int32)
        rows = np.arange(first_row, first_row + batch.num_rows, dtype=np.int32)
        columns = [
            pa.array(rows),
            batch.column("doc_key"),
            fixed_binary(signatures.content),
            pa.array(scores),
            batch.column("n_chars").fill_null(0),
            band_lists(signatures),
            sketch_column(signatures),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)
