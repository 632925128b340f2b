"""Identity of documents and content: 128-bit BLAKE2b hashes.

``document_key`` depends on what a document is, never on where it lies
(design rule 3).
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.kernels.buffers import text_buffers

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


def payload_digests(payloads: pa.Array) -> pa.Array:
    """Return :func:`payload_digest` of each value of a (large) binary or string array; of a null that of no bytes."""
    from corpus.kernels import blake2b

    found = np.empty((len(payloads), 2), np.uint64)
    blake2b.digests(*text_buffers(payloads), found)
    return _as_binary(found)


def document_keys(urls: pa.Array, record_ids: pa.Array, payloads: pa.Array) -> pa.Array:
    """Return :func:`document_key` of part 0 of each record from strings, strings and 16-byte digests."""
    from corpus.kernels import document_keys as kernel

    found = np.empty((len(payloads), 2), np.uint64)
    if len(found):
        flat = np.frombuffer(payloads.buffers()[1], np.uint8, found.nbytes, payloads.offset * KEY_BYTES)
        names = (*text_buffers(urls.fill_null("")), *text_buffers(record_ids.fill_null("")))
        kernel.first_part_keys(*names, flat.reshape(-1, KEY_BYTES), found)
    return _as_binary(found)


def _as_binary(found: npt.NDArray[np.uint64]) -> pa.Array:
    words = found.astype("<u8", copy=False)
    return pa.Array.from_buffers(pa.binary(KEY_BYTES), len(found), [None, pa.py_buffer(words)])


def _name(url: str | None, record_id: str | None) -> bytes:
    if url:
        return b"u" + url.encode("utf-8", "surrogatepass")
    if record_id:
        return b"r" + record_id.encode("utf-8", "surrogatepass")
    return b""
