"""Megatron-LM's indexed datasets: ``<prefix>.bin`` with the tokens, ``<prefix>.idx`` with where documents lie.

Format of megatron/core/datasets/indexed_dataset.py: magic ``MMIDIDX\\0\\0``,
version 1, a code of the token type, the numbers of sequences and of document
borders, lengths (int32), byte offsets (int64), document borders (int64). Every
document is one sequence. Tokens are uint16 where the vocabulary is below
65,500 (Megatron's own rule), else int32.
"""

from __future__ import annotations

import hashlib
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from corpus.errors import ConfigError, CorruptionError
from trainer.manifest import TokenManifest, open_shard

_MAGIC = b"MMIDIDX\x00\x00"
_CODES: dict[np.dtype[Any], int] = {np.dtype(np.int32): 4, np.dtype(np.uint16): 8}  # indexed_dataset.DType
_UINT16_VOCABULARY = 65_500


def export(manifest: TokenManifest, split: str, prefix: Path) -> str:
    """Write the documents of ``split`` in manifest order; return the sha256 of all tokens as little-endian uint32.

    Raises:
        ConfigError: the split holds no tokens.
    """
    shards = manifest.of_split(split)
    if not shards:
        raise ConfigError(f"{manifest.root_url}: the {split!r} split holds no tokens")
    small = int(manifest.tokenizer["padded_vocab_size"]) < _UINT16_VOCABULARY
    dtype = np.dtype(np.uint16 if small else np.int32)
    prefix.parent.mkdir(parents=True, exist_ok=True)
    lengths: list[npt.NDArray[np.int32]] = []
    state = hashlib.sha256()
    part = prefix.with_name(prefix.name + ".bin.partial")
    with part.open("wb") as file:
        for shard in shards:
            columns = open_shard(manifest.local_path(shard))
            values = columns.values[columns.offsets[0] : columns.offsets[-1]]
            file.write(values.astype(dtype).tobytes())
            state.update(values.astype("<u4").tobytes())
            lengths.append(np.diff(columns.offsets).astype(np.int32))
    sizes = np.concatenate(lengths)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes.astype(np.int64))])[:-1] * dtype.itemsize
    index = prefix.with_name(prefix.name + ".idx.partial")
    with index.open("wb") as file:
        file.write(_MAGIC + struct.pack("<QBQQ", 1, _CODES[dtype], sizes.size, sizes.size + 1))
        file.write(sizes.tobytes() + offsets.tobytes() + np.arange(sizes.size + 1, dtype=np.int64).tobytes())
    os.replace(part, prefix.with_name(prefix.name + ".bin"))
    os.replace(index, prefix.with_name(prefix.name + ".idx"))
    return state.hexdigest()


def read(prefix: Path) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return (tokens, byte offsets of sequences, document borders) of an indexed dataset.

    Raises:
        CorruptionError: the index is not of this format.
    """
    data = prefix.with_name(prefix.name + ".idx").read_bytes()
    head = struct.calcsize("<9sQBQQ")
    magic, version, code, sequences, documents = struct.unpack("<9sQBQQ", data[:head])
    dtype: np.dtype[Any] | None = {v: k for k, v in _CODES.items()}.get(code)
    if magic != _MAGIC or version != 1 or dtype is None:
        raise CorruptionError(f"{prefix}.idx: not a Megatron index")
    sizes = np.frombuffer(data, np.int32, sequences, head)
    offsets = np.frombuffer(data, np.int64, sequences, head + sizes.nbytes)
    borders = np.frombuffer(data, np.int64, documents, head + sizes.nbytes + offsets.nbytes)
    tokens = np.fromfile(prefix.with_name(prefix.name + ".bin"), dtype).astype(np.int32)
    return tokens, offsets, borders


def token_hash(manifest: TokenManifest, split: str) -> str:
    """Return the sha256 of a split's tokens, in manifest order, as little-endian uint32."""
    state = hashlib.sha256()
    for shard in manifest.of_split(split):
        columns = open_shard(manifest.local_path(shard))
        state.update(columns.values[columns.offsets[0] : columns.offsets[-1]].astype("<u4").tobytes())
    return state.hexdigest()
