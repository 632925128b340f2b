"""The tokenise pass: train or load a tokenizer, then one token shard per text shard, row i to row i."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.config.tokenizer import TokenizerSettings
from corpus.errors import ConfigError, CorruptionError
from corpus.remote import is_remote
from corpus.schema import tokens_schema
from corpus.shards.label_codes import label_codes
from corpus.shards.manifest import Manifest, read_manifest
from corpus.shards.reader import read_corpus, read_shard
from corpus.shards.statistics import primary_domains
from corpus.shards.writer import ShardWriter
from corpus.storage import Store, discard_on_failure
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
    one_computation: ClassVar[bool] = True

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
        name = f"{self.settings.kind}-{item.fingerprint[:12]}-{attempt}"
        with _local_folder(self.target, name) as folder:
            artifact = train(self.settings.kind, _sample(manifest, self.settings), folder, self.settings)
        discard_on_failure(Store(self.target).sub(name))
        return {"folder": name, "sha256": artifact.sha256}


@contextmanager
def _local_folder(target: str, name: str) -> Iterator[Path]:
    """Give a local folder to fill: ``name`` in ``target``, or one whose files then go there by upload."""
    if not is_remote(target):
        folder = Path(target) / name
        try:
            yield folder
        except BaseException as error:
            shutil.rmtree(folder, ignore_errors=True)
            if isinstance(error, OSError) and error.filename is None:
                raise OSError(error.errno, error.strerror, str(folder)) from error
            raise
        return
    with tempfile.TemporaryDirectory(prefix="wudao-tokenizer-") as temporary:
        yield Path(temporary)
        copy_tokenizer(Store(temporary), Store(target).sub(name))


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
            codes = label_codes(batch, self.domains, self.source_types)
            writer.write(_token_batch(batch, tokens, codes, wide))
            primary = np.where(codes["domain"] < 0, len(self.domains), codes["domain"])
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


def _token_batch(
    batch: pa.RecordBatch, tokens: pa.LargeListArray, codes: dict[str, np.ndarray], wide: bool
) -> pa.RecordBatch:
    columns = {
        "tokens": tokens,
        "doc_key": batch.column("doc_key"),
        **{name: pa.array(values) for name, values in codes.items()},
        "n_chars": batch.column("n_chars"),
        "quality": batch.column("quality"),
        "cluster_size": batch.column("cluster_size"),
        "prompt_len": pa.array(np.zeros(batch.num_rows, np.int32)),
    }
    schema = tokens_schema(wide)
    return pa.RecordBatch.from_arrays([columns[f.name].cast(f.type) for f in schema], schema=schema)


@lru_cache(maxsize=2)
def _loaded(folder: str, sha256: str) -> Tokenizer:
    """Return the tokenizer in ``folder``, read once per worker."""
    tokenizer = load_tokenizer(folder)
    if tokenizer.sha256 != sha256:
        raise CorruptionError(f"{folder}: not the tokenizer that the build began with; restore it and start again")
    return tokenizer


def find_tokenizer(place: str) -> str:
    """Return the folder of the artifact that ``place`` is, or the only one that lies in it.

    `wudao tokenizer train -o` leaves the latter. Raises ConfigError where there is none, or several.
    """
    from tokenizer_training.artifact import META_FILE

    store = Store(place)
    if store.exists(META_FILE):
        return store.root
    found = [name.rpartition("/")[0] for name in store.names() if name.endswith(f"/{META_FILE}")]
    if len(found) == 1:
        return store.path(found[0])
    if found:
        raise ConfigError(f"{store.root}: several tokenizers lie here ({', '.join(found)}); name one of these folders")
    raise ConfigError(
        f"{store.root}: no tokenizer lies here ({META_FILE}); make one with `wudao tokenizer train CORPUS -o {place}`"
    )


def load_tokenizer(folder: str) -> Tokenizer:
    """Load the artifact in ``folder``, a path or URL: a remote one by way of a local copy, gone afterwards.

    Raises CorruptionError where it cannot be read.
    """
    from tokenizer_training import load

    try:
        if not is_remote(folder):
            return load(Path(folder))
        with tempfile.TemporaryDirectory(prefix="wudao-tokenizer-") as copy:
            copy_tokenizer(Store(folder), Store(copy))
            return load(Path(copy))
    except ValueError as error:  # JSONDecodeError among them
        raise CorruptionError(
            f"{folder}: not a tokenizer that can be read ({error}); restore it or train another"
        ) from None


def copy_tokenizer(source: Store, target: Store) -> None:
    """Copy the files of an artifact."""
    for name in source.names():
        target.write_atomic(name, source.read_bytes(name))
