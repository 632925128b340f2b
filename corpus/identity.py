"""Identity of documents and content: 128-bit BLAKE2b hashes.

``document_key`` depends on what a document is, never on where it lies
(design rule 3).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

KEY_BYTES = 16


def digest(*parts: bytes) -> bytes:
    """Return a 16-byte BLAKE2b hash of ``parts``, each prefixed by its length so that borders count."""
    state = hashlib.blake2b(digest_size=KEY_BYTES)
    for part in parts:
        state.update(len(part).to_bytes(8, "little"))
        state.update(part)
    return state.digest()


def payload_digest(payload: bytes | memoryview) -> bytes:
    """Return the 16-byte hash of a record's payload as stored (before any decoding)."""
    return hashlib.blake2b(payload, digest_size=KEY_BYTES).digest()


def document_key(url: str | None, record_id: str | None, payload: bytes, part: int) -> bytes:
    """Return the 16-byte ``doc_key`` of part ``part`` of a record.

    ``payload`` is :func:`payload_digest` of the record. The URL names the
    record where there is one, else the source's own record id, else nothing:
    two equal texts without either are the same document seen twice.
    """
    return digest(_name(url, record_id), payload, part.to_bytes(4, "little"))


def document_keys(
    urls: Iterable[str | None], record_ids: Iterable[str | None], payloads: Iterable[bytes]
) -> list[bytes]:
    """Return :func:`document_key` of part 0 of each record, at half its cost. ``payloads`` are 16-byte digests."""
    blake2b = hashlib.blake2b
    between = KEY_BYTES.to_bytes(8, "little")
    behind = (4).to_bytes(8, "little") + (0).to_bytes(4, "little")
    keys = []
    for url, record_id, payload in zip(urls, record_ids, payloads, strict=True):
        name = _name(url, record_id)
        whole = b"".join((len(name).to_bytes(8, "little"), name, between, payload, behind))
        keys.append(blake2b(whole, digest_size=KEY_BYTES).digest())
    return keys


def _name(url: str | None, record_id: str | None) -> bytes:
    if url:
        return b"u" + url.encode("utf-8", "surrogatepass")
    if record_id:
        return b"r" + record_id.encode("utf-8", "surrogatepass")
    return b""
