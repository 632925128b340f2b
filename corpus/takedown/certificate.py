"""The certificate of a take-down: what was removed, where, the hashes before and after; nothing personal.

Documents are named by ``doc_key``, which is a hash. Names, numbers, addresses and texts are not in it, nor
whatever was asked for; only how many criteria of each kind there were.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from corpus.takedown.tombstones import Tombstones

FOLDER = "takedown"
SHARD_FACTS = ("path", "rows", "sha256", "content_hash")


def identity(root_hash: str, keys: Iterable[bytes], tombstones: Tombstones) -> str:
    """Return the 16 hex digits that name a take-down: they follow from the corpus and from what goes."""
    state = hashlib.blake2b(root_hash.encode(), digest_size=8)
    for key in sorted(keys):
        state.update(key)
    state.update(tombstones.fingerprint().encode())
    return state.hexdigest()


def replaced_shards(dataset: str, replaced: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what a certificate says of the shards that were rewritten."""
    return [
        {
            "dataset": dataset,
            "index": one["before"]["index"],
            "before": {name: one["before"][name] for name in SHARD_FACTS},
            "after": {name: one["after"][name] for name in SHARD_FACTS} if one["after"] is not None else None,
        }
        for one in replaced
    ]


def sealed(certificate: dict[str, Any]) -> bytes:
    """Return the certificate as JSON, with a hash over everything else in it."""
    body = orjson.dumps(certificate, option=orjson.OPT_SORT_KEYS)
    full = certificate | {"seal": hashlib.blake2b(body, digest_size=16).hexdigest()}
    return orjson.dumps(full, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2) + b"\n"


def is_sealed(data: bytes) -> bool:
    """Whether a certificate is as it was written."""
    certificate = orjson.loads(data)
    seal = certificate.pop("seal", "")
    body = orjson.dumps(certificate, option=orjson.OPT_SORT_KEYS)
    return bool(hashlib.blake2b(body, digest_size=16).hexdigest() == seal)
