"""What a tokenizer does to a corpus: compression by domain and coverage of its characters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tokenizer_training.sample import NO_DOMAIN
from tokenizer_training.tokenizer import SentencePieceTokenizer, Tokenizer


def compression(
    tokenizer: Tokenizer, batches: Iterable[tuple[pa.LargeStringArray, list[str | None]]]
) -> dict[str, Any]:
    """Return figures for texts and their domains, in all (``all``) and by domain.

    Each entry: ``documents``, ``characters``, ``bytes``, ``tokens`` (the
    end-of-document tokens not counted), ``characters_per_token``,
    ``byte_token_share`` (tokens that are single bytes of characters without a
    piece) and ``vocabulary_used`` (share of the vocabulary that occurs).
    """
    is_byte = np.zeros(tokenizer.padded_vocab_size, bool)
    if isinstance(tokenizer, SentencePieceTokenizer):
        is_byte[tokenizer.byte_ids] = True
    counts: dict[str, npt.NDArray[np.int64]] = {}
    sizes: dict[str, npt.NDArray[np.int64]] = {}
    for texts, domains in batches:
        encoded = tokenizer.encode_batch(texts)
        offsets, ids = encoded.offsets.to_numpy(), encoded.values.to_numpy()
        characters = pc.utf8_length(texts).to_numpy()
        size = pc.binary_length(texts).to_numpy()
        names = np.array([NO_DOMAIN if domain is None else domain for domain in domains])
        for name in sorted(set(names.tolist())):
            rows = np.flatnonzero(names == name)
            count = counts.setdefault(name, np.zeros(tokenizer.padded_vocab_size, np.int64))
            for row in rows:
                count += np.bincount(ids[offsets[row] : offsets[row + 1] - 1], minlength=count.size)
            sizes.setdefault(name, np.zeros(3, np.int64))
            sizes[name] += [len(rows), characters[rows].sum(), size[rows].sum()]
    counts["all"] = np.sum(list(counts.values()), axis=0) if counts else np.zeros(1, np.int64)
    sizes["all"] = np.sum(list(sizes.values()), axis=0) if sizes else np.zeros(3, np.int64)
    return {
        "tokenizer": tokenizer.meta["name"],
        "sha256": tokenizer.sha256,
        "losses": tokenizer.meta["losses"],
        "domains": {name: _entry(sizes[name], counts[name], is_byte, tokenizer.vocab_size) for name in sorted(sizes)},
    }


def _entry(
    size: npt.NDArray[np.int64], count: npt.NDArray[np.int64], is_byte: npt.NDArray[np.bool_], vocabulary: int
) -> dict[str, Any]:
    tokens = int(count.sum())
    return {
        "documents": int(size[0]),
        "characters": int(size[1]),
        "bytes": int(size[2]),
        "tokens": tokens,
        "characters_per_token": round(int(size[1]) / tokens, 4) if tokens else None,
        "byte_token_share": round(int(count[is_byte[: count.size]].sum()) / tokens, 6) if tokens else None,
        "vocabulary_used": round(int((count > 0).sum()) / vocabulary, 4),
    }
