"""Label: domains and source type of every document, from one scan over the text.

Nothing is dropped. A document that no evidence speaks for gets no label: an
empty ``domains`` list, a null ``source_type``.
"""

from __future__ import annotations

import pyarrow as pa

from corpus.config.label import LabelSettings
from corpus.steps.interface import Outcome, set_column


class Label:
    """Fills ``domains``, ``source_type`` and ``source_type_score``."""

    name = "label"
    version = 2

    def __init__(self, settings: LabelSettings) -> None:
        self.settings = settings

    def load(self) -> None:
        """Read lexicons, calibration, pattern tables and, where named, the trained domain labeller."""
        from corpus.labels.labeller import Labeller

        self._labeller = Labeller(self.settings)

    def artifacts(self) -> dict[str, str]:
        """Return the hashes of the user's lexicons, tables and of the domain labeller's files."""
        from corpus.labels.labeller import artifact_hashes

        return artifact_hashes(self.settings)

    def apply(self, batch: pa.RecordBatch) -> Outcome:
        """Return ``batch`` with the three label columns filled; every column but ``text`` may be null or absent."""

        def column(name: str) -> pa.Array | None:
            index = batch.schema.get_field_index(name)
            found = batch.column(index) if index >= 0 else None
            return None if found is None or pa.types.is_null(found.type) else found

        labels = self._labeller.label(
            texts=batch.column("text"),
            titles=column("title"),
            urls=column("url"),
            hosts=column("host"),
            page_kinds=column("page_kind"),
            page_hints=column("page_hints"),
            given_labels=column("given_label"),
        )
        batch = set_column(batch, "source_type", labels.source_type)
        batch = set_column(batch, "source_type_score", labels.source_type_score)
        return Outcome(set_column(batch, "domains", labels.domains), [])
