"""The relabel pass: shards with new labels; every other column, texts and tokens included, stays as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from corpus.config.label import LabelSettings
from corpus.errors import CorruptionError
from corpus.shards.label_codes import label_codes
from corpus.shards.statistics import ShardStatistics
from corpus.shards.writer import ShardWriter
from corpus.steps import make_step
from corpus.steps.interface import set_column
from corpus.storage import Store
from pipelines.passes.extract import TokenCounts
from pipelines.passes.loading import loaded_step
from pipelines.passes.reports import Report, fingerprint
from pipelines.passes.select import Place
from pipelines.passes.task import Announce, Isolation, Item, Progress

VERSION = 1


@dataclass(frozen=True)
class RelabelTask:
    """Labels the rows of one text shard again and gives the token shard of the same rows the new codes."""

    output: str
    corpus: Place
    tokens: Place | None
    settings: LabelSettings
    source_types: tuple[str, ...]
    compression_level: int
    name: str = "relabel"

    def settings_fingerprint(self) -> str:
        """Return what of configuration, code and artifacts the new labels depend on."""
        step = make_step("label", self.settings)
        return fingerprint(step.version, self.settings.model_dump(mode="json"), step.artifacts(), self.source_types)

    def item(self, shard: dict[str, Any], token_shard: dict[str, Any] | None, settings: str) -> Item:
        """Return the item of a text shard and its token shard; ``settings``: see :meth:`settings_fingerprint`."""
        contents = [shard["content_hash"], token_shard["content_hash"] if token_shard else None]
        mark = fingerprint(self.name, VERSION, settings, self.compression_level, shard["split"], contents)
        return Item(mark, {"shard": shard, "token_shard": token_shard}, shard["bytes"])

    def run(self, item: Item, attempt: str, isolation: Isolation, announce: Announce) -> Report:
        """Write one text shard and one token shard and return their entries."""
        announce(Progress(0, 1, 0, 0, 0))
        step = loaded_step("label", self.settings)
        shard, token_shard = item.payload["shard"], item.payload["token_shard"]
        output, name = Store(self.output), f"{shard['split']}/{item.fingerprint}-{attempt}.arrow"
        corpus = self.corpus.open()
        writer = ShardWriter(
            output.sub("corpus"), name, corpus.schema(shard), compression="zstd",
            compression_level=self.compression_level,
        )  # fmt: skip
        statistics = ShardStatistics()
        codes: list[dict[str, Any]] = []
        for ordinal, batch in enumerate(corpus.batches(shard)):
            announce(Progress(ordinal, ordinal + 1, statistics.rows, statistics.rows, statistics.text_bytes))
            labelled = step.apply(batch).batch
            writer.write(labelled)
            statistics.add(labelled)
            codes.append(label_codes(labelled, self.settings.domains, self.source_types))
        entry = writer.close() | {"split": shard["split"], "n_chars": statistics.n_chars}
        return {
            "shard": entry,
            "token_shard": self._tokens(token_shard, output.sub("tokens"), name, codes),
            "statistics": statistics.to_json(),
            "ledger": {"documents": statistics.rows, "kept": statistics.rows},
            "files": {},
            "read_bytes": statistics.text_bytes,
        }

    def _tokens(
        self, token_shard: dict[str, Any] | None, store: Store, name: str, codes: list[dict[str, Any]]
    ) -> dict[str, Any] | None:
        if token_shard is None or self.tokens is None:
            return None
        dataset = self.tokens.open()
        writer = ShardWriter(
            store, name, dataset.schema(token_shard), compression=None, sized_by="tokens", batch_rows=0
        )
        counts = TokenCounts(len(self.settings.domains))
        columns = {key: np.concatenate([part[key] for part in codes]) for key in codes[0]} if codes else {}
        first = 0
        for batch in dataset.batches(token_shard):
            for key, values in columns.items():
                part = values[first : first + batch.num_rows]
                if len(part) != batch.num_rows:
                    raise CorruptionError(
                        f"{dataset.manifest.store.path(token_shard['path'])}: has rows of no text row"
                    )
                batch = set_column(batch, key, pa.array(part))
            writer.write(batch)
            counts.add(batch)
            first += batch.num_rows
        return writer.close() | {"split": token_shard["split"]} | counts.to_json()
