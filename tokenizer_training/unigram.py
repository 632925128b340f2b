"""SentencePiece's unigram encoder, compiled, over Arrow buffers.

The same Viterbi search as ``unigram::Model::EncodeOptimized`` (sentencepiece
0.2.3): path scores in single precision, set back to zero beyond 100,000, the
first path wins a tie, the same treatment of unknown characters and bytes. It
reads UTF-8 and writes token ids into arrays; no Python object is made per
document or token.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit
from sentencepiece import SentencePieceProcessor

from tokenizer_training import double_array
from tokenizer_training.double_array import child
from tokenizer_training.segmentation import segment

WHITESPACE = "▁"  # U+2581, SentencePiece's escape of the space
CPM_SPACE = "▂"  # U+2582
CPM_NEWLINE = "▃"  # U+2583
_UNKNOWN_PENALTY = 10.0  # unigram_model.cc: kUnkPenalty
_RESET = np.float32(100_000.0)  # unigram_model.cc: kScoreResetThreshold


class UnigramModel(NamedTuple):
    """A unigram vocabulary as arrays."""

    units: npt.NDArray[np.int32]  # double array over UTF-8 bytes
    value: npt.NDArray[np.int32]  # state -> piece id, -1 none
    score: npt.NDArray[np.float32]  # per piece
    user_defined: npt.NDArray[np.bool_]  # per piece
    unknown_score: float
    unknown_id: int
    byte_ids: npt.NDArray[np.int32]  # (256,), all -1 without byte fallback


def read_model(processor: SentencePieceProcessor) -> UnigramModel:
    """Return the arrays of a loaded unigram model."""
    size = processor.vocab_size()
    keys: list[bytes] = []
    ids: list[int] = []
    score = np.array([processor.get_score(i) for i in range(size)], np.float32)
    user_defined = np.zeros(size, bool)
    byte_ids = np.full(256, -1, np.int32)
    learned = np.zeros(size, bool)
    for i in range(size):
        piece = processor.id_to_piece(i)
        if processor.is_byte(i):
            byte_ids[int(piece[3:5], 16)] = i
        elif not (processor.is_control(i) or processor.is_unknown(i) or processor.is_unused(i)):
            keys.append(piece.encode("utf-8"))
            ids.append(i)
            # User-defined pieces have score 0; a learned piece's log probability is negative.
            user_defined[i] = score[i] == 0.0
            learned[i] = not user_defined[i]
    trie = double_array.build(keys, ids)
    known = score[learned] if learned.any() else np.zeros(1, np.float32)
    return UnigramModel(
        trie.units,
        trie.value,
        score,
        user_defined,
        float(np.float32(known.min()) - np.float32(_UNKNOWN_PENALTY)),
        processor.unk_id(),
        byte_ids,
    )


class Lattice(NamedTuple):
    """Best path to each byte of a stream of up to ``len(score) - 1`` bytes."""

    score: npt.NDArray[np.float32]
    begin: npt.NDArray[np.int32]
    piece: npt.NDArray[np.int32]


def lattice(size: int) -> Lattice:
    """Return working memory for streams of up to ``size`` bytes."""
    return Lattice(np.empty(size + 1, np.float32), np.empty(size + 1, np.int32), np.empty(size + 1, np.int32))


@njit(cache=True, nogil=True)
def _search(data, begin, size, model, best):  # type: ignore[no-untyped-def]
    """Fill ``best`` for ``data[begin:begin + size]``."""
    units, value, piece_score, user_defined = model.units, model.value, model.score, model.user_defined
    score, start, piece = best.score, best.begin, best.piece
    unknown_id = model.unknown_id
    unknown_score = np.float32(model.unknown_score)
    start[: size + 1] = -1
    score[0] = 0.0
    frontier = 0
    i = 0
    while i < size:
        b = data[begin + i]
        length = 1 if b < 0xC0 else 2 if b < 0xE0 else 3 if b < 0xF0 else 4
        length = min(length, size - i)
        here = score[i]
        if here < -_RESET or here > _RESET:
            for j in range(i, frontier + 1):
                score[j] = np.float32(score[j] - here)
            here = np.float32(0.0)
        single = False
        state = 0
        for j in range(i, size):
            state = child(units, state, np.int32(data[begin + j]))
            if state < 0:
                break
            found = value[state]
            if found >= 0:
                n = j + 1 - i
                frontier = max(frontier, j + 1)
                gain = np.float32(0.1 * (n - 1)) if user_defined[found] else piece_score[found]
                candidate = np.float32(gain + here)
                if start[j + 1] < 0 or candidate > score[j + 1]:
                    score[j + 1] = candidate
                    start[j + 1] = i
                    piece[j + 1] = found
                if n == length:
                    single = True
        if not single:
            frontier = max(frontier, i + length)
            candidate = np.float32(unknown_score + here)
            if start[i + length] < 0 or candidate > score[i + length]:
                score[i + length] = candidate
                start[i + length] = i
                piece[i + length] = unknown_id
        i += length


@njit(cache=True, nogil=True)
def _write(data, begin, size, model, best, out, at):  # type: ignore[no-untyped-def]
    """Write the ids of the best path into ``out[at:]`` and return where they end."""
    byte_fallback = model.byte_ids[0] >= 0
    count = 0
    i = size
    unknown_before = False
    while i > 0:  # first pass: how many ids
        a = best.begin[i]
        if best.piece[i] == model.unknown_id:
            if byte_fallback:
                count += i - a
            elif not unknown_before:  # sentencepiece merges adjacent unknown characters
                count += 1
            unknown_before = True
        else:
            count += 1
            unknown_before = False
        i = a
    end = at + count
    k = end
    i = size
    unknown_before = False
    while i > 0:
        a = best.begin[i]
        found = best.piece[i]
        if found == model.unknown_id:
            if byte_fallback:
                for j in range(i - 1, a - 1, -1):
                    k -= 1
                    out[k] = model.byte_ids[data[begin + j]]
            elif not unknown_before:
                k -= 1
                out[k] = found
            unknown_before = True
        else:
            k -= 1
            out[k] = found
            unknown_before = False
        i = a
    return end


@njit(cache=True, nogil=True)
def encode_spaces(data, offsets, model, best, stream, end_id, out, ends):  # type: ignore[no-untyped-def]
    """Encode documents ``data[offsets[i]:offsets[i + 1]]``, spaces escaped to U+2581, ``end_id`` after each.

    ``stream`` has room for three times the longest document, ``out`` for
    three ids per byte and one per document. ``ends[i]`` becomes the end of
    document i in ``out``.
    """
    at = 0
    for document in range(offsets.size - 1):
        size = 0
        for i in range(offsets[document], offsets[document + 1]):
            if data[i] == 32:
                stream[size], stream[size + 1], stream[size + 2] = 0xE2, 0x96, 0x81
                size += 3
            else:
                stream[size] = data[i]
                size += 1
        _search(stream, 0, size, model, best)
        at = _write(stream, 0, size, model, best, out, at)
        out[at] = end_id
        at += 1
        ends[document] = at


@njit(cache=True, nogil=True)
def encode_words(data, offsets, model, best, stream, dictionary, memory, end_id, out, ends):  # type: ignore[no-untyped-def]
    """Encode documents as CPM does: jieba's words, each after U+2581, space as U+2582, newline as U+2583.

    ``stream`` has room for six times the longest document, ``out`` for six
    ids per byte and one per document.
    """
    at = 0
    for document in range(offsets.size - 1):
        n = segment(data, offsets[document], offsets[document + 1], dictionary, memory)
        size = 0
        for i in range(n):
            if memory.starts[i] == 1:
                stream[size], stream[size + 1], stream[size + 2] = 0xE2, 0x96, 0x81
                size += 3
            point = memory.points[i]
            if point == 32:
                stream[size], stream[size + 1], stream[size + 2] = 0xE2, 0x96, 0x82
                size += 3
            elif point == 10:
                stream[size], stream[size + 1], stream[size + 2] = 0xE2, 0x96, 0x83
                size += 3
            else:
                for j in range(memory.begins[i], memory.begins[i + 1]):
                    stream[size] = data[j]
                    size += 1
        _search(stream, 0, size, model, best)
        at = _write(stream, 0, size, model, best, out, at)
        out[at] = end_id
        at += 1
        ends[document] = at
