"""The tokenise pass: train or load a tokenizer, then one token shard per text shard, row i to row i."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.config.tokenizer import TokenizerSettings
from corpus.schema import tokens_schema
from corpus.shards.manifest import Manifest, read_manifest
from corpus.shards.reader import read_corpus, read_shard
from corpus.shards.statistics import primary_domains
from corpus.shards.writer import ShardWriter
from corpus.storage import Store
from pipelines.passes.reports import Report, fingerprint
from pipelines.passes.task import Announce, Isolation, Item, Progress

if TYPE_CHECKING:
    from tokenizer_training.tokenizer import Tokenizer


@dataclass(frozen=True)
class TrainTokenizerTask:
    """Trains the tokenizer from a deterministic sample of the corpus, in a worker of its own."""

    corpus: str
    target: str
    settings: TokenizerSettings
    name: str = "tokenizer"

    def item(self, manifest: Manifest) -> Item:
        """Return the one item of this pass."""
        from tokenizer_training.artifact import FORMAT_VERSION

        mark = fingerprint(self.name, FORMAT_VERSION, self.settings.model_dump(mode="json"), manifest.root_hash)
        return Item(mark, {})

    def run(self, item: Item, attempt: str, isolation: Isolation, announce: Announce) -> Report:
        """Train and return where the artifact lies."""
        from tokenizer_training import train

        announce(Progress(0, 1, 0, 0, 0))
        manifest = read_manifest(Store(self.corpus))
        folder = Path(self.target) / f"{self.settings.kind}-{item.fingerprint[:12]}-{attempt}"
        artifact = train(self.settings.kind, _sample(manifest, self.settings), folder, self.settings)
        return {"folder": folder.name, "sha256": artifact.sha256}


def _sample(manifest: Manifest, settings: TokenizerSettings) -> Iterator[str]:
    """Yield the texts of the training split that are in the sample, in corpus order."""
    from tokenizer_training.sample import rates, select

    rate = rates(manifest.root["totals"]["columns"]["domain_bytes"], settings)
    for batch in read_corpus(manifest, "train"):
        chosen = select(batch.column("doc_key"), primary_domains(batch).to_pylist(), rate, settings.seed)
        yield from batch.column("text").filter(pa.array(chosen)).to_pylist()


@dataclass(frozen=True)
class TokeniseTask:
    """Turns one text shard into one token shard."""

    corpus: str
    tokens: str
    tokenizer: str
    tokenizer_sha256: str
    domains: tuple[str, ...]
    source_types: tuple[str, ...]
    name: str = "tokenise"

    def item(self, shard: dict[str, Any]) -> Item:
        """Return the item of a text shard (an entry of the corpus manifest)."""
        mark = fingerprint(self.name, self.tokenizer_sha256, self.domains, self.source_types, shard["content_hash"])
        return Item(mark, {"shard": shard}, shard["bytes"])

    def run(self, item: Item, attempt: str, isolation: Isolation, announce: Announce) -> Report:
        """Tokenise one shard and return its entry."""
        tokenizer = _loaded(self.tokenizer, self.tokenizer_sha256)
        shard = item.payload["shard"]
        wide = tokenizer.padded_vocab_size > 1 << 16
        writer = ShardWriter(
            Store(self.tokens),
            f"{shard['split']}/{item.fingerprint}-{attempt}.arrow",
            tokens_schema(wide),
            compression=None,
            sized_by="tokens",
            batch_rows=0,
        )
        domain_rows = np.zeros(len(self.domains) + 1, np.int64)
        domain_tokens = np.zeros(len(self.domains) + 1, np.int64)
        rows = characters = done = 0
        for ordinal, batch in enumerate(read_shard(Store(self.corpus), shard)):
            announce(Progress(ordinal, ordinal + 1, rows, rows, done))
            tokens = tokenizer.encode_batch(batch.column("text"))
            primary = self._domain_index(primary_domains(batch))
            writer.write(self._token_batch(batch, tokens, primary, wide))
            lengths = pc.list_value_length(tokens).to_numpy()
            domain_rows += np.bincount(primary, minlength=len(domain_rows))
            domain_tokens += np.bincount(primary, weights=lengths, minlength=len(domain_tokens)).astype(np.int64)
            rows += batch.num_rows
            characters += pc.sum(batch.column("n_chars")).as_py() or 0
            done += batch.column("text").nbytes
        entry = writer.close()
        entry |= {
            "index": shard["index"],
            "split": shard["split"],
            "n_chars": characters,
            "tokens": int(domain_tokens.sum()),
        }
        entry |= {"domain_rows": domain_rows.tolist(), "domain_tokens": domain_tokens.tolist()}
        return {"shard": entry, "read_bytes": done}

    def _domain_index(self, names: pa.Array) -> np.ndarray:
        """Return each row's domain index; len(domains) for none."""
        index = pc.index_in(names, value_set=pa.array(self.domains, pa.string()))
        return np.asarray(pc.fill_null(index, len(self.domains)).to_numpy(), np.int64)

    def _token_batch(
        self, batch: pa.RecordBatch, tokens: pa.LargeListArray, primary: np.ndarray, wide: bool
    ) -> pa.RecordBatch:
        none = len(self.domains)
        rows = batch.num_rows
        source = pc.index_in(batch.column("source_type"), value_set=pa.array(self.source_types, pa.string()))
        columns = {
            "tokens": tokens,
            "doc_key": batch.column("doc_key"),
            "domain": pa.array(np.where(primary == none, -1, primary).astype(np.int8)),
            "domain_mask": pa.array(self._masks(batch.column("domains"))),
            "source_type": pc.fill_null(source, -1).cast(pa.int8()),
            "n_chars": batch.column("n_chars"),
            "quality": batch.column("quality"),
            "cluster_size": batch.column("cluster_size"),
            "prompt_len": pa.array(np.zeros(rows, np.int32)),
        }
        schema = tokens_schema(wide)
        return pa.RecordBatch.from_arrays([columns[f.name].cast(f.type) for f in schema], schema=schema)

    def _masks(self, domains: pa.ListArray) -> np.ndarray:
        masks = np.zeros(len(domains), np.uint32)
        parents = pc.list_parent_indices(domains).to_numpy()
        if len(parents):
            index = pc.index_in(domains.flatten().field("name"), value_set=pa.array(self.domains, pa.string()))
            known = index.is_valid().to_numpy(zero_copy_only=False)
            bits = np.uint32(1) << index.fill_null(0).to_numpy().astype(np.uint32)
            np.bitwise_or.at(masks, parents[known], bits[known])
        return masks


@lru_cache(maxsize=2)
def _loaded(folder: str, sha256: str) -> Tokenizer:
    """Return the tokenizer in ``folder``, read once per worker; ``sha256`` only names its content."""
    from tokenizer_training import load

    return load(Path(folder))
