"""Token manifests and shards, opened for training.

Only the standard library, NumPy and pyarrow (and fsspec for object stores): a
training machine needs no more. Shards on an object store are copied into a
local folder at first use. A take-down that is decided and not completed counts
as completed (:mod:`corpus.shards.journal`): what it removes is not trained on.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.errors import ConfigError, CorruptionError
from corpus.parquet import read_parquet
from corpus.shards.journal import manifest_bytes
from corpus.storage import Store

MANIFEST = "manifest.json"
SCHEMA_VERSION = 1
FULL_VERIFICATION_BYTES = 16 << 30  # beyond it, "auto" checks sizes only: sha256 runs at about 1 GB/s per core


@dataclass(frozen=True, slots=True)
class Shard:
    """One token shard as the manifest lists it."""

    index: int
    path: str
    split: str
    rows: int
    tokens: int
    bytes: int
    sha256: str
    domain_tokens: tuple[int, ...]


@dataclass(frozen=True)
class TokenManifest:
    """A token dataset: its root and the shards of all splits."""

    root_url: str
    root: dict[str, Any]
    shards: tuple[Shard, ...]
    cache: str = ""

    @property
    def tokenizer(self) -> dict[str, Any]:
        """Meta data of the tokenizer that made the tokens, its ``sha256`` included."""
        tokenizer: dict[str, Any] = self.root["tokenizer"]
        return tokenizer

    @property
    def domains(self) -> list[str]:
        """Names of the domain codes."""
        return list(self.root["tables"]["domains"])

    @property
    def root_hash(self) -> str:
        """Hash of the dataset's logical content."""
        return str(self.root["root_hash"])

    def of_split(self, split: str) -> tuple[Shard, ...]:
        """Return the shards of ``split`` that hold tokens."""
        return tuple(shard for shard in self.shards if shard.split == split and shard.tokens)

    def local_path(self, shard: Shard) -> Path:
        """Return the shard's path on this machine, copying it from an object store where needed."""
        if "://" not in self.root_url:
            return Path(self.root_url) / shard.path
        target = Path(self.cache) / f"{shard.sha256}.arrow"
        if not target.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f"{target.name}.{secrets.token_hex(4)}")
            part.write_bytes(Store(self.root_url).read_bytes(shard.path))
            os.replace(part, target)
        return target


def read_manifest(root: str, cache: str = "") -> TokenManifest:
    """Read the token manifest in the folder or URL ``root``.

    Raises:
        ConfigError: there is none.
        CorruptionError: it cannot be read, or a part of it is not what the root says.
    """
    store = Store(root)
    root = store.root
    try:
        plain = json.loads(manifest_bytes(store, MANIFEST))
    except (FileNotFoundError, NotADirectoryError):
        raise ConfigError(f"{root}: no {MANIFEST} here; name the folder of token shards (OUTPUT/tokens)") from None
    except ValueError as error:  # JSONDecodeError, UnicodeDecodeError
        raise CorruptionError(f"{root}/{MANIFEST}: not valid JSON ({error}); restore it or tokenise again") from None
    if not isinstance(plain, dict):
        raise CorruptionError(f"{root}/{MANIFEST}: not a manifest; restore it or tokenise again")
    if plain.get("kind") == "view":
        raise ConfigError(f"{root}/{MANIFEST}: a view holds no tokens; copy it first: wudao extract VIEW -o OUT")
    if plain.get("schema_version") != SCHEMA_VERSION or "tokenizer" not in plain:
        raise ConfigError(f"{root}/{MANIFEST}: not a token manifest of schema version {SCHEMA_VERSION}")
    shards: list[Shard] = []
    for part in plain["parts"]:
        path = part["path"]
        try:
            data = store.read_bytes(path)
        except FileNotFoundError:
            raise CorruptionError(f"{root}/{path}: the manifest names it, but it is missing; tokenise again") from None
        if hashlib.sha256(data).hexdigest() != part["sha256"]:
            raise CorruptionError(f"{root}/{path}: its checksum is not the manifest's; restore it or tokenise again")
        names = ["index", "path", "split", "rows", "tokens", "bytes", "sha256", "domain_tokens"]
        rows = read_parquet(data, names).to_pylist()
        shards += [Shard(**{**row, "domain_tokens": tuple(row["domain_tokens"])}) for row in rows]
    return TokenManifest(root, plain, tuple(shards), cache)


def verify(manifest: TokenManifest, how: str, rank: int = 0, world: int = 1) -> None:
    """Check this rank's part of the shards against the manifest: sizes, and sha256 where ``how`` asks for it.

    Raises:
        CorruptionError: naming the first shard that is missing or altered.
    """
    full = how == "full" or (how == "auto" and sum(s.bytes for s in manifest.shards) <= FULL_VERIFICATION_BYTES)
    for shard in manifest.shards[rank::world]:
        path = manifest.local_path(shard)
        if not path.is_file():
            raise CorruptionError(f"{path}: the manifest lists this shard, but it is missing; tokenise again")
        size = path.stat().st_size
        if size != shard.bytes:
            raise CorruptionError(
                f"{path}: {size} bytes instead of {shard.bytes}; the shard is damaged, tokenise again"
            )
        if full:
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != shard.sha256:
                    raise CorruptionError(
                        f"{path}: its sha256 is not the manifest's; the shard is damaged, tokenise again"
                    )


@dataclass(frozen=True, slots=True)
class ShardColumns:
    """Columns of one shard, zero-copy views of its memory map."""

    values: npt.NDArray[Any]  # all tokens
    offsets: npt.NDArray[np.int64]  # (rows + 1,), where each document begins in values
    domain: npt.NDArray[np.int8]
    prompt_len: npt.NDArray[np.int32]


def open_shard(path: Path) -> ShardColumns:
    """Map one shard.

    Raises:
        CorruptionError: it is no Arrow stream of one record batch with the expected columns.
    """
    try:
        reader = pa.ipc.open_stream(pa.memory_map(str(path)))
        batch = reader.read_next_batch()
        tokens = batch.column("tokens")
        return ShardColumns(
            tokens.values.to_numpy(zero_copy_only=True),
            tokens.offsets.to_numpy(zero_copy_only=True),
            batch.column("domain").to_numpy(zero_copy_only=True),
            batch.column("prompt_len").to_numpy(zero_copy_only=True),
        )
    except (pa.ArrowInvalid, OSError, KeyError, StopIteration) as error:
        raise CorruptionError(f"{path}: not a token shard ({error})") from error


class ShardCache:
    """Maps shards at first use and keeps them mapped; a map costs address space, not memory."""

    def __init__(self, manifest: TokenManifest, shards: tuple[Shard, ...]) -> None:
        self._manifest = manifest
        self._shards = shards
        self._open = lru_cache(maxsize=4096)(self._map)

    def __getstate__(self) -> dict[str, Any]:
        return {"manifest": self._manifest, "shards": self._shards}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["manifest"], state["shards"])  # type: ignore[misc]

    def _map(self, i: int) -> ShardColumns:
        return open_shard(self._manifest.local_path(self._shards[i]))

    def __getitem__(self, i: int) -> ShardColumns:
        return self._open(i)

    def __len__(self) -> int:
        return len(self._shards)

    def __iter__(self) -> Iterator[ShardColumns]:
        return (self[i] for i in range(len(self)))
