"""The keys of many documents at once; what a key is of is said in :mod:`corpus.identity`."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from corpus.kernels.blake2b import DIGEST_BYTES, hash_message

_SIZE_BYTES = 8
_PART_BYTES = 4
_URL = 0x75  # u
_RECORD = 0x72  # r


@njit(cache=True, nogil=True)
def _write_size(message: NDArray[np.uint8], at: int, size: int) -> None:
    for place in range(_SIZE_BYTES):
        message[at + place] = size >> (8 * place) & 0xFF


@njit(cache=True, nogil=True)
def first_part_keys(
    urls: NDArray[np.uint8],
    url_offsets: NDArray[np.int64],
    records: NDArray[np.uint8],
    record_offsets: NDArray[np.int64],
    payloads: NDArray[np.uint8],
    out: NDArray[np.uint64],
) -> None:
    """Fill ``out`` (n x 2) with the keys of part 0 of n records: by URL, else record id, else nothing.

    ``payloads`` (n x 16) are digests. An empty URL or record id is none.
    """
    longest = 0
    for row in range(len(out)):
        longest = max(longest, url_offsets[row + 1] - url_offsets[row], record_offsets[row + 1] - record_offsets[row])
    message = np.empty(_SIZE_BYTES + 1 + longest + _SIZE_BYTES + DIGEST_BYTES + _SIZE_BYTES + _PART_BYTES, np.uint8)
    state = np.empty(8, np.uint64)
    words = np.empty(16, np.uint64)
    for row in range(len(out)):
        at = _SIZE_BYTES
        size = url_offsets[row + 1] - url_offsets[row]
        if size > 0:
            message[at] = _URL
            message[at + 1 : at + 1 + size] = urls[url_offsets[row] : url_offsets[row + 1]]
            at += 1 + size
        elif record_offsets[row + 1] > record_offsets[row]:
            size = record_offsets[row + 1] - record_offsets[row]
            message[at] = _RECORD
            message[at + 1 : at + 1 + size] = records[record_offsets[row] : record_offsets[row + 1]]
            at += 1 + size
        _write_size(message, 0, at - _SIZE_BYTES)
        _write_size(message, at, DIGEST_BYTES)
        at += _SIZE_BYTES
        message[at : at + DIGEST_BYTES] = payloads[row]
        at += DIGEST_BYTES
        _write_size(message, at, _PART_BYTES)
        at += _SIZE_BYTES
        message[at : at + _PART_BYTES] = 0
        hash_message(message, 0, at + _PART_BYTES, state, words, out[row])
