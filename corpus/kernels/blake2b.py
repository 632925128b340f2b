"""BLAKE2b (RFC 7693), unkeyed with 16-byte digests, over many short messages at once.

``hashlib`` gives the same digests; of a message of a few hundred bytes its
call costs as much as the hashing.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

DIGEST_BYTES = 16
_BLOCK_BYTES = 128
_ROUNDS = 12

# RFC 7693, 2.6: the fractional parts of the square roots of the first eight primes.
_START = np.array(
    [
        0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
        0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
    ],
    np.uint64,
)  # fmt: skip
# RFC 7693, 2.7: the order of the message's words in each round.
_ORDER = np.array(
    [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
        [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
        [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
        [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
        [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
        [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
        [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
        [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
        [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    ],
    np.uint64,
)
# Parameter block (RFC 7693, 2.5): digest length, no key, fanout and depth 1.
_PARAMETERS = np.uint64(0x01010000 ^ DIGEST_BYTES)


@njit(cache=True, nogil=True, inline="always")
def _turn(word: np.uint64, bits: int) -> np.uint64:
    return (word >> np.uint64(bits)) | (word << np.uint64(64 - bits))


@njit(cache=True, nogil=True, inline="always")
def _mix(
    a: np.uint64, b: np.uint64, c: np.uint64, d: np.uint64, x: np.uint64, y: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """Return the four words after the function G (RFC 7693, 3.1)."""
    a = a + b + x
    d = _turn(d ^ a, 32)
    c = c + d
    b = _turn(b ^ c, 24)
    a = a + b + y
    d = _turn(d ^ a, 16)
    c = c + d
    b = _turn(b ^ c, 63)
    return a, b, c, d


@njit(cache=True, nogil=True)
def _compress(state: NDArray[np.uint64], words: NDArray[np.uint64], count: int, is_last: bool) -> None:
    """Take one block in (RFC 7693, 3.2); ``count`` bytes are in with it."""
    a0, a1, a2, a3 = state[0], state[1], state[2], state[3]
    b0, b1, b2, b3 = state[4], state[5], state[6], state[7]
    c0, c1, c2, c3 = _START[0], _START[1], _START[2], _START[3]
    d0, d1, d2, d3 = _START[4] ^ np.uint64(count), _START[5], _START[6], _START[7]
    if is_last:
        d2 = ~d2
    for turn in range(_ROUNDS):
        order = _ORDER[turn]
        a0, b0, c0, d0 = _mix(a0, b0, c0, d0, words[order[0]], words[order[1]])
        a1, b1, c1, d1 = _mix(a1, b1, c1, d1, words[order[2]], words[order[3]])
        a2, b2, c2, d2 = _mix(a2, b2, c2, d2, words[order[4]], words[order[5]])
        a3, b3, c3, d3 = _mix(a3, b3, c3, d3, words[order[6]], words[order[7]])
        a0, b1, c2, d3 = _mix(a0, b1, c2, d3, words[order[8]], words[order[9]])
        a1, b2, c3, d0 = _mix(a1, b2, c3, d0, words[order[10]], words[order[11]])
        a2, b3, c0, d1 = _mix(a2, b3, c0, d1, words[order[12]], words[order[13]])
        a3, b0, c1, d2 = _mix(a3, b0, c1, d2, words[order[14]], words[order[15]])
    state[0] ^= a0 ^ c0
    state[1] ^= a1 ^ c1
    state[2] ^= a2 ^ c2
    state[3] ^= a3 ^ c3
    state[4] ^= b0 ^ d0
    state[5] ^= b1 ^ d1
    state[6] ^= b2 ^ d2
    state[7] ^= b3 ^ d3


@njit(cache=True, nogil=True)
def _word(data: NDArray[np.uint8], at: int) -> np.uint64:
    """Return the eight bytes at ``at``, the first the lowest. Written out, they are one load."""
    return (
        np.uint64(data[np.uint64(at)])
        | np.uint64(data[np.uint64(at + 1)]) << np.uint64(8)
        | np.uint64(data[np.uint64(at + 2)]) << np.uint64(16)
        | np.uint64(data[np.uint64(at + 3)]) << np.uint64(24)
        | np.uint64(data[np.uint64(at + 4)]) << np.uint64(32)
        | np.uint64(data[np.uint64(at + 5)]) << np.uint64(40)
        | np.uint64(data[np.uint64(at + 6)]) << np.uint64(48)
        | np.uint64(data[np.uint64(at + 7)]) << np.uint64(56)
    )


@njit(cache=True, nogil=True)
def hash_message(
    data: NDArray[np.uint8],
    start: int,
    end: int,
    state: NDArray[np.uint64],
    words: NDArray[np.uint64],
    digest: NDArray[np.uint64],
) -> None:
    """Fill ``digest`` with the hash of ``data[start:end]``; ``state`` and ``words`` are room of 8 and 16 words."""
    for place in range(8):
        state[place] = _START[place]
    state[0] ^= _PARAMETERS
    at = start
    while end - at > _BLOCK_BYTES:
        for place in range(16):
            words[place] = _word(data, at + 8 * place)
        at += _BLOCK_BYTES
        _compress(state, words, at - start, False)
    for place in range(16):
        word = np.uint64(0)
        first = at + 8 * place
        if first + 8 <= end:
            word = _word(data, first)
        else:
            for byte in range(min(end, first + 8) - 1, first - 1, -1):
                word = word << np.uint64(8) | np.uint64(data[byte])
        words[place] = word
    _compress(state, words, end - start, True)
    digest[0] = state[0]
    digest[1] = state[1]


@njit(cache=True, nogil=True)
def digests(data: NDArray[np.uint8], offsets: NDArray[np.int64], out: NDArray[np.uint64]) -> None:
    """Fill ``out`` (n x 2) with the hash of each ``data[offsets[i]:offsets[i + 1]]``, the first byte the lowest."""
    state = np.empty(8, np.uint64)
    words = np.empty(16, np.uint64)
    for row in range(len(out)):
        hash_message(data, offsets[row], offsets[row + 1], state, words, out[row])
