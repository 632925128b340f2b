"""Identity of documents and content: 128-bit BLAKE2b hashes.

``document_key`` depends on what a document is, never on where it lies
(design rule 3).
"""

from __future__ import annotations

import hashlib

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
    if url:
        name = b"u" + url.encode("utf-8", "surrogatepass")
    elif record_id:
        name = b"r" + record_id.encode("utf-8", "surrogatepass")
    else:
        name = b""
    return digest(name, payload, part.to_bytes(4, "little"))
